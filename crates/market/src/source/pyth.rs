//! Pyth Hermes: prices with their confidence intervals.

use std::collections::BTreeMap;

use airdrops_types::{AssetId, B256, Bps, Price};
use serde::Deserialize;

use super::{Prices, sightings};
use crate::json::Seconds;
use crate::settings::{Settings, seconds};
use crate::{Clock, Fetcher, KeyUse, Observed, Request, SetupError, SourceError, decimal};

/// The public instance. Since 26 August 2026 it wants a key.
pub const BASE_URL: &str = "https://hermes.pyth.network";

/// Defaults: every 15 s, at most 60 s old, 10 requests in 10 s (the public instance allows 30 per
/// address, and closes for 60 s above it).
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(15), seconds(60));
    settings.fetch.rate.burst = 10;
    settings
}

/// `GET /v2/updates/price/latest`.
#[derive(Debug)]
pub struct Pyth {
    fetcher: Fetcher,
    widest: Bps,
}

#[derive(Deserialize)]
struct Latest {
    parsed: Vec<Feed>,
}

#[derive(Deserialize)]
struct Feed {
    id: String,
    price: FeedPrice,
}

#[derive(Deserialize)]
struct FeedPrice {
    price: String,
    conf: String,
    expo: i32,
    publish_time: Seconds,
}

impl Pyth {
    /// The key goes into the `Authorization` header. A price whose confidence interval is wider
    /// than `widest` of it, to each side, is doubted.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(settings: &Settings, widest: Bps, clock: Clock) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher("pyth", Some(KeyUse::Bearer), clock)?;
        Ok(Self { fetcher, widest })
    }

    /// The latest price of each asset by the id of its feed.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind).
    pub async fn prices(&self, feeds: &BTreeMap<AssetId, B256>) -> Result<Prices, SourceError> {
        let request = feeds.values().fold(
            Request::path(["v2", "updates", "price", "latest"]).with("parsed", "true"),
            |request, feed| request.with("ids[]", format!("{feed:x}")),
        );
        let answer = self.fetcher.get(&request).await?;
        let latest: Latest = self.fetcher.parse(&answer)?;
        let mut found = BTreeMap::new();
        for feed in &latest.parsed {
            let wrong = |what: &str| self.fetcher.malformed(what, &format!("feed {}", feed.id));
            let id: B256 = feed.id.parse().map_err(|_| wrong("the id is not one"))?;
            let (price, doubt) = self.price(&feed.price).map_err(|what| wrong(&what))?;
            let at = feed.price.publish_time.0;
            let mut observed = Observed::new(price, at, answer.received);
            if let Some(doubt) = doubt {
                observed = observed.doubted(doubt);
            }
            if found.insert(id, observed).is_some() {
                return Err(wrong("the feed is there twice"));
            }
        }
        sightings(&self.fetcher, feeds, |feed| {
            let missing = || format!("no price of feed {feed}");
            found.get(feed).cloned().ok_or_else(missing)
        })
    }

    /// The price, and why it is doubted. Price and interval have one exponent.
    fn price(&self, given: &FeedPrice) -> Result<(Price, Option<String>), String> {
        let mantissa: i64 = decimal::integer(&given.price)
            .ok_or_else(|| format!("the price {} is not an integer", given.price))?;
        let interval: u64 = decimal::integer(&given.conf)
            .ok_or_else(|| format!("the confidence {} is not a whole number", given.conf))?;
        let price = decimal::price(&format!("{mantissa}e{}", given.expo))
            .map_err(|refusal| format!("the price {mantissa}e{} {refusal}", given.expo))?;
        let whole = u128::from(mantissa.unsigned_abs());
        let interval = u128::from(interval);
        // In basis points, rounded up; neither factor exceeds 64 bits.
        let share = (interval * 10_000).div_ceil(whole);
        let doubt = (share > u128::from(self.widest.0)).then(|| {
            let shown = Bps(u32::try_from(share).unwrap_or(u32::MAX));
            format!(
                "the confidence interval is {shown} of the price, at most {} allowed",
                self.widest
            )
        });
        Ok((price, doubt))
    }
}
