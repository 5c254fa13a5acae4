//! Binance: last prices and hourly bars.
//!
//! A symbol is quoted in its second asset: `ETHUSDT` is a price in tether, and differs from dollars
//! as tether does. Whoever compares sources sees the difference.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{AssetId, Bar, Price, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Prices, sightings};
use crate::json::{Millis, TextPrice};
use crate::settings::{Settings, seconds};
use crate::{
    Answer, Clock, ErrorKind, Fetcher, KeyUse, Observed, Request, SetupError, SourceError,
};

/// The exchange. `https://data-api.binance.vision` has the same market data where the exchange
/// itself does not answer.
pub const BASE_URL: &str = "https://api.binance.com";

/// The most bars of one answer.
pub const PAGE: usize = 1000;

/// How many minutes are searched for the last trade.
const MINUTES: usize = 60;

/// Defaults: every 30 s, at most 3 min old, 100 requests in 10 s; each weighs 2 of the 6,000 that
/// an address has a minute.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(30), seconds(180));
    settings.fetch.rate.burst = 100;
    settings
}

/// `GET /api/v3/klines`.
#[derive(Debug)]
pub struct Binance {
    fetcher: Fetcher,
}

/// Open time, open, high, low, close, volume, close time, quote volume, trades, taker volumes, and
/// a field without meaning.
#[derive(Deserialize)]
struct Kline(
    Millis,
    TextPrice,
    TextPrice,
    TextPrice,
    TextPrice,
    IgnoredAny,
    Millis,
    IgnoredAny,
    u64,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

impl Kline {
    fn start(&self) -> Timestamp {
        self.0.0
    }

    fn close(&self) -> Price {
        self.4.exact
    }

    /// The last instant.
    fn end(&self) -> Timestamp {
        self.6.0
    }

    fn trades(&self) -> u64 {
        self.8
    }

    fn bar(&self) -> Bar {
        Bar {
            start: self.start(),
            open: self.1.float,
            high: self.2.float,
            low: self.3.float,
            close: self.4.float,
        }
    }

    /// What is wrong with it as a bar of `length` after `previous`.
    fn defect(&self, length: Duration, previous: Option<Timestamp>) -> Option<&'static str> {
        let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        let (open, high, low, close) = (self.1.exact, self.2.exact, self.3.exact, self.4.exact);
        if self.start().0 % millis != 0 || self.end().0 != self.start().0 + millis - 1 {
            Some("the bar does not begin and end where its interval does")
        } else if previous.is_some_and(|previous| self.start() <= previous) {
            Some("the bars are not in order of time")
        } else if high < open.max(close).max(low) || low > open.min(close) {
            Some("the bar's high and low do not enclose its open and close")
        } else {
            None
        }
    }
}

impl Binance {
    /// A client that calls itself `source`: prices and bars are asked at different rates. Works
    /// without key; with one, it goes into `X-MBX-APIKEY`.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn new(source: &str, settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let key_use = KeyUse::Header("x-mbx-apikey");
        let fetcher = settings.fetcher(source, Some(key_use), clock)?;
        Ok(Self { fetcher })
    }

    /// The last price of each asset by its symbol. The exchange gives no time of the trade: the
    /// open time of the newest minute with a trade stands for it.
    ///
    /// # Errors
    /// Any [`ErrorKind`]; a symbol that the exchange refuses is absent.
    pub async fn prices(&self, symbols: &BTreeMap<AssetId, String>) -> Result<Prices, SourceError> {
        let mut found = BTreeMap::new();
        for symbol in symbols.values() {
            let last = match self.last_price(symbol).await {
                Ok(observed) => Ok(observed),
                Err(error) => match error.kind {
                    ErrorKind::Refused { message } => Err(format!("{symbol}: {message}")),
                    ErrorKind::NoData { what } => Err(format!("{symbol}: {what}")),
                    _ => return Err(error),
                },
            };
            found.insert(symbol.as_str(), last);
        }
        sightings(&self.fetcher, symbols, |symbol| {
            let missing = || Err(format!("{symbol}: not asked"));
            found.get(symbol.as_str()).cloned().unwrap_or_else(missing)
        })
    }

    async fn last_price(&self, symbol: &str) -> Result<Observed<Price>, SourceError> {
        let request = klines(symbol, "1m", MINUTES);
        let answer = self.fetcher.get(&request).await?;
        let minutes = self.read(&answer, symbol, seconds(60))?;
        let traded = minutes.iter().rev().find(|minute| minute.trades() > 0);
        match traded {
            Some(minute) => Ok(Observed::new(
                minute.close(),
                minute.start(),
                answer.received,
            )),
            None => Err(self.fetcher.no_data("no trade in the last hour")),
        }
    }

    /// Complete hourly bars of `symbol` that start at `from` or later, oldest first, at most
    /// [`PAGE`] of them.
    ///
    /// # Errors
    /// Any [`ErrorKind`] but `NoData`.
    pub async fn bars(&self, symbol: &str, from: Timestamp) -> Result<Vec<Bar>, SourceError> {
        let request = klines(symbol, "1h", PAGE).with("startTime", from.0.max(0).to_string());
        let answer = self.fetcher.get(&request).await?;
        let hours = self.read(&answer, symbol, seconds(3600))?;
        Ok(hours
            .iter()
            .filter(|hour| hour.start() >= from && hour.end() < answer.received)
            .map(Kline::bar)
            .collect())
    }

    fn read(
        &self,
        answer: &Answer,
        symbol: &str,
        length: Duration,
    ) -> Result<Vec<Kline>, SourceError> {
        let bars: Vec<Kline> = self.fetcher.parse(answer)?;
        let mut previous = None;
        for bar in &bars {
            if let Some(defect) = bar.defect(length, previous) {
                let place = format!("{symbol} at {}", bar.start());
                return Err(self.fetcher.malformed(defect, &place));
            }
            previous = Some(bar.start());
        }
        Ok(bars)
    }
}

fn klines(symbol: &str, interval: &str, limit: usize) -> Request {
    Request::path(["api", "v3", "klines"])
        .with("symbol", symbol)
        .with("interval", interval)
        .with("limit", limit.to_string())
}
