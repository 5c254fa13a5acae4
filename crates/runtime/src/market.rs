//! What the engine knows of markets: a watcher in the background, or nothing.

use std::collections::BTreeMap;

use airdrops_market::Watcher;
use airdrops_market::source::deribit::OptionSummary;
use airdrops_risk::volatility::deribit::BookSummary;
use airdrops_types::{AssetId, Bar, MarketView, Reading, Timestamp};

/// Markets and feeds as they were last seen. Never waits.
pub trait Market: Send + Sync {
    /// What they say, as of `now`.
    fn view(&self, now: Timestamp) -> MarketView;

    /// The option chain of each asset that has one, as of `now`.
    fn options(&self, now: Timestamp) -> BTreeMap<AssetId, Reading<Vec<BookSummary>>>;

    /// The hourly prices that are known from elsewhere, oldest first.
    fn bars(&self, asset: &AssetId) -> Vec<Bar>;
}

/// No source is configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMarket;

impl Market for NoMarket {
    fn view(&self, _now: Timestamp) -> MarketView {
        MarketView::default()
    }

    fn options(&self, _now: Timestamp) -> BTreeMap<AssetId, Reading<Vec<BookSummary>>> {
        BTreeMap::new()
    }

    fn bars(&self, _asset: &AssetId) -> Vec<Bar> {
        Vec::new()
    }
}

impl Market for Watcher {
    fn view(&self, now: Timestamp) -> MarketView {
        Self::view(self, now)
    }

    fn options(&self, now: Timestamp) -> BTreeMap<AssetId, Reading<Vec<BookSummary>>> {
        let summaries =
            |rows: Vec<OptionSummary>| rows.into_iter().map(summary).collect::<Vec<BookSummary>>();
        Self::options(self, now)
            .into_iter()
            .map(|(asset, chain)| (asset, chain.map(summaries)))
            .collect()
    }

    fn bars(&self, asset: &AssetId) -> Vec<Bar> {
        Self::bars(self, asset)
    }
}

fn summary(row: OptionSummary) -> BookSummary {
    BookSummary {
        instrument_name: row.instrument,
        bid: row.bid_price,
        ask: row.ask_price,
        mark: row.mark_price,
        underlying: row.underlying_price,
        created: Some(row.at),
    }
}
