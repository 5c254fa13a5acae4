//! Prices: what feeds on chains and sources of the market say, and what they agree on.

use std::collections::BTreeMap;

use airdrops_chain::{
    ChainRead, FeedAnswer, ReadError, UPTIME_GRACE, View, read_feeds, read_uptime,
};
use airdrops_risk::consensus;
use airdrops_types::{Address, AssetId, ChainId, MarketView, Price, Quote, Reading, Timestamp};

use crate::engine::Engine;

impl Engine {
    /// One price per configured asset; every quote is added to `market`.
    pub(super) async fn prices(
        &self,
        views: &BTreeMap<ChainId, View>,
        market: &mut MarketView,
        now: Timestamp,
    ) -> BTreeMap<AssetId, Reading<Price>> {
        let answers = self.feed_answers(views).await;
        let down = self.sequencers(views).await;
        for (feed, answer) in self.settings.feeds.iter().zip(answers) {
            let price = match answer {
                Some(Ok(answer)) => answer.reading(now, feed.max_age),
                Some(Err(error)) => Reading::missing(error.to_string()),
                None => Reading::missing(format!("chain {} could not be read", feed.chain)),
            };
            let price = match down.get(&feed.chain) {
                Some(defect) => price.disputed(defect),
                None => price,
            };
            let quotes = market.quotes.entry(feed.asset.clone()).or_default();
            quotes.push(Quote {
                source: format!("{}:{}:{}", feed.source, feed.chain, feed.asset),
                price,
            });
        }
        let settings = &self.settings;
        let assets = settings.tokens.iter().map(|token| &token.asset);
        let assets = assets.chain(settings.feeds.iter().map(|feed| &feed.asset));
        assets
            .map(|asset| {
                let price = match market.quotes.get(asset) {
                    Some(quotes) => consensus(quotes, &settings.monitor.consensus),
                    None => Reading::missing("no price feed is configured"),
                };
                (asset.clone(), price)
            })
            .collect()
    }

    /// What each feed says, with two batches per chain; `None` where its chain could not be read.
    async fn feed_answers(
        &self,
        views: &BTreeMap<ChainId, View>,
    ) -> Vec<Option<Result<FeedAnswer, ReadError>>> {
        let feeds = &self.settings.feeds;
        let mut answers = vec![None; feeds.len()];
        for (chain, view) in views {
            let (places, contracts): (Vec<usize>, Vec<Address>) = feeds
                .iter()
                .enumerate()
                .filter(|(_, feed)| feed.chain == *chain)
                .map(|(place, feed)| (place, feed.contract))
                .unzip();
            for (place, answer) in places.into_iter().zip(read_feeds(view, &contracts).await) {
                answers[place] = Some(answer);
            }
        }
        answers
    }

    /// Rollups whose prices cannot be believed at present, and why.
    async fn sequencers(&self, views: &BTreeMap<ChainId, View>) -> BTreeMap<ChainId, String> {
        let mut down = BTreeMap::new();
        for chain in &self.settings.chains {
            let (Some(feed), Some(view)) = (chain.uptime_feed, views.get(&chain.id)) else {
                continue;
            };
            let defect = match read_uptime(view, feed).await {
                Ok(uptime) => uptime.defect(view.block().time, UPTIME_GRACE),
                Err(error) => Some(format!("the sequencer's uptime cannot be read: {error}")),
            };
            down.extend(defect.map(|defect| (chain.id, defect)));
        }
        down
    }
}
