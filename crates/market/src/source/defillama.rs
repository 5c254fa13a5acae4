//! DefiLlama: prices, value locked, and what is known about protocols.

use std::borrow::Cow;
use std::collections::BTreeMap;

use airdrops_types::{AssetId, Bps, Usd};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Prices, sightings};
use crate::json::{NumberPrice, NumberUsd, Seconds};
use crate::quoted::quoted;
use crate::settings::{Settings, seconds};
use crate::{
    Clock, ErrorKind, Fetcher, KeyUse, Observed, Request, SetupError, Sighting, SourceError,
};

/// Protocols and value locked. With a key: `https://pro-api.llama.fi/api`.
pub const BASE_URL: &str = "https://api.llama.fi";

/// Prices. With a key: `https://pro-api.llama.fi/coins`.
pub const COINS_BASE_URL: &str = "https://coins.llama.fi";

/// The longest name that is kept, characters.
const LONGEST_NAME: usize = 100;

/// Defaults for prices: every 60 s, at most 10 min old.
#[must_use]
pub fn price_settings() -> Settings {
    Settings::new(COINS_BASE_URL, seconds(60), seconds(600))
}

/// Defaults for value locked: every 10 min, at most 2 h old, 10 s for an answer, 50 requests in a
/// minute.
#[must_use]
pub fn tvl_settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(600), seconds(2 * 3600));
    settings.fetch.timeout = seconds(10);
    settings.fetch.rate.burst = 50;
    settings.fetch.rate.per = seconds(60);
    settings
}

/// Defaults for the list of protocols: every 6 h, because it is about 10 MB; at most 24 h old;
/// 60 s for an answer of at most 48 MiB.
#[must_use]
pub fn protocol_settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(6 * 3600), seconds(24 * 3600));
    settings.fetch.timeout = seconds(60);
    settings.fetch.max_body = 48 * 1024 * 1024;
    settings
}

/// One protocol in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolListing {
    /// DefiLlama's number, as text.
    pub id: String,
    /// As shown.
    pub name: String,
    /// As configured.
    pub slug: String,
    /// `Lending`, `Bridge`.
    pub category: Option<String>,
    /// Names of the chains it is on.
    pub chains: Vec<String>,
    /// Value locked.
    pub tvl: Option<Usd>,
    /// Change of the value locked within an hour, percent.
    pub change_1h: Option<f64>,
    /// Within a day, percent.
    pub change_1d: Option<f64>,
    /// Within seven days, percent.
    pub change_7d: Option<f64>,
    /// Oracles that it relies on.
    pub oracles: Vec<String>,
    /// Protocols whose code it took.
    pub forked_from: Vec<String>,
}

/// `coins.llama.fi/prices/current`.
#[derive(Debug)]
pub struct LlamaPrices {
    fetcher: Fetcher,
    least_confidence: Bps,
}

#[derive(Deserialize)]
struct Current {
    coins: BTreeMap<String, Coin>,
}

#[derive(Deserialize)]
struct Coin {
    price: NumberPrice,
    timestamp: Seconds,
    confidence: Option<f64>,
}

impl LlamaPrices {
    /// A price with less than `least_confidence`, or without confidence, is doubted. A key is for
    /// the paid plan and is the first part of the path.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(
        settings: &Settings,
        least_confidence: Bps,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher("defillama:prices", Some(KeyUse::Path), clock)?;
        Ok(Self {
            fetcher,
            least_confidence,
        })
    }

    /// The price of each asset by its key: `ethereum:0x…`, or `coingecko:ethereum`, which is
    /// CoinGecko's price at second hand and not independent of it.
    ///
    /// # Errors
    /// Any [`ErrorKind`].
    pub async fn prices(&self, keys: &BTreeMap<AssetId, String>) -> Result<Prices, SourceError> {
        let list: Vec<&str> = keys.values().map(String::as_str).collect();
        let request = Request::path(["prices", "current", &list.join(",")]);
        let answer = self.fetcher.get(&request).await?;
        let current: Current = self.fetcher.parse(&answer)?;
        let mut found = BTreeMap::new();
        for (key, coin) in current.coins {
            let observed = Observed::new(coin.price.0, coin.timestamp.0, answer.received);
            let doubt = match coin.confidence {
                Some(share) if !(0.0..=1.0).contains(&share) => {
                    let what = format!("a confidence of {share}");
                    return Err(self.fetcher.malformed(&what, &key));
                }
                Some(share) if share * 10_000.0 >= f64::from(self.least_confidence.0) => None,
                Some(share) => Some(format!(
                    "the source's confidence is {:.0} %, at least {} wanted",
                    share * 100.0,
                    self.least_confidence
                )),
                None => Some("the source gives no confidence".to_owned()),
            };
            let observed = match doubt {
                Some(doubt) => observed.doubted(doubt),
                None => observed,
            };
            // The source answers addresses in the case of the question or in lower case.
            found.insert(key.to_ascii_lowercase(), observed);
        }
        sightings(&self.fetcher, keys, |key| {
            let missing = || format!("no price of {key}");
            let observed = found.get(&key.to_ascii_lowercase()).cloned();
            observed.ok_or_else(missing)
        })
    }
}

/// `/tvl/{slug}`.
#[derive(Debug)]
pub struct LlamaTvl {
    fetcher: Fetcher,
}

impl LlamaTvl {
    /// A key is for the paid plan and is the first part of the path.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher("defillama:tvl", Some(KeyUse::Path), clock)?;
        Ok(Self { fetcher })
    }

    /// The value locked in each family by its slug. The source gives no time: that of the answer
    /// is used, see [`Answer::as_of`](crate::Answer::as_of).
    ///
    /// # Errors
    /// Any [`ErrorKind`]; a slug that the source refuses is absent.
    pub async fn values(
        &self,
        slugs: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Sighting<Usd>>, SourceError> {
        let mut found = BTreeMap::new();
        for slug in slugs.values() {
            let value = match self.value(slug).await {
                Ok(observed) => Ok(observed),
                Err(SourceError {
                    kind: ErrorKind::Refused { message },
                    ..
                }) => Err(format!("{slug}: {message}")),
                Err(error) => return Err(error),
            };
            found.insert(slug.as_str(), value);
        }
        sightings(&self.fetcher, slugs, |slug| {
            let missing = || Err(format!("{slug}: not asked"));
            found.get(slug.as_str()).cloned().unwrap_or_else(missing)
        })
    }

    async fn value(&self, slug: &str) -> Result<Observed<Usd>, SourceError> {
        let answer = self.fetcher.get(&Request::path(["tvl", slug])).await?;
        let NumberUsd(value) = self.fetcher.parse(&answer)?;
        Ok(Observed::new(value, answer.as_of, answer.received))
    }
}

/// `/protocols`.
#[derive(Debug)]
pub struct LlamaProtocols {
    fetcher: Fetcher,
}

/// As much of a row as tells whether it is wanted.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    slug: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    slug: String,
    category: Option<String>,
    chains: Option<Vec<String>>,
    tvl: Option<NumberUsd>,
    #[serde(rename = "change_1h")]
    change_1h: Option<f64>,
    #[serde(rename = "change_1d")]
    change_1d: Option<f64>,
    #[serde(rename = "change_7d")]
    change_7d: Option<f64>,
    oracles: Option<Vec<String>>,
    forked_from: Option<Vec<String>>,
}

impl LlamaProtocols {
    /// A key is for the paid plan and is the first part of the path.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher("defillama:protocols", Some(KeyUse::Path), clock)?;
        Ok(Self { fetcher })
    }

    /// The row of each family by its slug. Of the thousands of other rows nothing but the slug is
    /// read, and what is wrong with them does not matter. The source gives no time: that of the
    /// answer is used, see [`Answer::as_of`](crate::Answer::as_of).
    ///
    /// # Errors
    /// Any [`ErrorKind`].
    pub async fn listings(
        &self,
        slugs: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Sighting<ProtocolListing>>, SourceError> {
        let answer = self.fetcher.get(&Request::path(["protocols"])).await?;
        let rows: Vec<&RawValue> = self.fetcher.parse(&answer)?;
        let mut found = BTreeMap::new();
        for raw in rows {
            let Ok(Named { slug }) = serde_json::from_str(raw.get()) else {
                continue;
            };
            if !slugs.values().any(|wanted| *wanted == slug) {
                continue;
            }
            let row: Row = serde_json::from_str(raw.get())
                .map_err(|error| self.fetcher.malformed(&error.to_string(), &slug))?;
            let observed = Observed::new(row.into(), answer.as_of, answer.received);
            if found.insert(slug.to_string(), observed).is_some() {
                return Err(self.fetcher.malformed("the protocol is there twice", &slug));
            }
        }
        sightings(&self.fetcher, slugs, |slug| {
            let missing = || format!("no protocol {slug}");
            found.get(slug).cloned().ok_or_else(missing)
        })
    }
}

impl From<Row> for ProtocolListing {
    fn from(row: Row) -> Self {
        let name = |text: String| quoted(&text, LONGEST_NAME);
        let names = |list: Option<Vec<String>>| {
            let list = list.unwrap_or_default();
            list.into_iter().map(name).collect::<Vec<_>>()
        };
        Self {
            id: name(row.id),
            name: name(row.name),
            slug: row.slug,
            category: row.category.map(name),
            chains: names(row.chains),
            tvl: row.tvl.map(|NumberUsd(value)| value),
            change_1h: row.change_1h,
            change_1d: row.change_1d,
            change_7d: row.change_7d,
            oracles: names(row.oracles),
            forked_from: names(row.forked_from),
        }
    }
}
