//! CoinGecko: prices averaged over exchanges.

use std::collections::BTreeMap;

use airdrops_types::AssetId;
use serde::Deserialize;

use super::{Prices, sightings};
use crate::json::{NumberPrice, Seconds};
use crate::settings::{Settings, seconds};
use crate::{Clock, Fetcher, KeyUse, Observed, Request, SetupError, SourceError};

/// For the Demo plan, with or without key.
pub const BASE_URL: &str = "https://api.coingecko.com/api/v3";

/// For paid plans.
pub const PRO_BASE_URL: &str = "https://pro-api.coingecko.com/api/v3";

/// Which plan a key belongs to: it decides the key's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Free.
    #[default]
    Demo,
    /// Paid.
    Pro,
}

/// Defaults: every 300 s, because the Demo plan has 10,000 requests a month; at most 15 min old;
/// 10 requests in a minute, of 30 that the plan allows; 60 s from memory, as the source itself.
#[must_use]
pub fn settings(plan: Plan) -> Settings {
    let base = match plan {
        Plan::Demo => BASE_URL,
        Plan::Pro => PRO_BASE_URL,
    };
    let mut settings = Settings::new(base, seconds(300), seconds(900));
    settings.fetch.rate.burst = 10;
    settings.fetch.rate.per = seconds(60);
    settings.fetch.cache_ttl = seconds(60);
    settings
}

/// `GET /simple/price`.
#[derive(Debug)]
pub struct CoinGecko {
    fetcher: Fetcher,
}

/// An unknown price is `null` or left out.
#[derive(Deserialize)]
struct Row {
    usd: Option<NumberPrice>,
    last_updated_at: Option<Seconds>,
}

impl CoinGecko {
    /// With the key, if there is one, in the header of its plan.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(settings: &Settings, plan: Plan, clock: Clock) -> Result<Self, SetupError> {
        let header = match plan {
            Plan::Demo => "x-cg-demo-api-key",
            Plan::Pro => "x-cg-pro-api-key",
        };
        let fetcher = settings.fetcher("coingecko", Some(KeyUse::Header(header)), clock)?;
        Ok(Self { fetcher })
    }

    /// The price of each asset by its id: `bitcoin`, `ethereum`.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind).
    pub async fn prices(&self, ids: &BTreeMap<AssetId, String>) -> Result<Prices, SourceError> {
        let list: Vec<&str> = ids.values().map(String::as_str).collect();
        let request = Request::path(["simple", "price"])
            .with("ids", list.join(","))
            .with("vs_currencies", "usd")
            .with("include_last_updated_at", "true")
            .with("precision", "full");
        let answer = self.fetcher.get(&request).await?;
        let rows: BTreeMap<String, Row> = self.fetcher.parse(&answer)?;
        let mut found = BTreeMap::new();
        for (id, row) in rows {
            let Some(NumberPrice(price)) = row.usd else {
                continue;
            };
            let Some(Seconds(at)) = row.last_updated_at else {
                return Err(self.fetcher.malformed("a price without its time", &id));
            };
            found.insert(id, Observed::new(price, at, answer.received));
        }
        sightings(&self.fetcher, ids, |id| {
            let missing = || format!("no price of {id}");
            found.get(id).cloned().ok_or_else(missing)
        })
    }
}
