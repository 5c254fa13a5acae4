//! Deribit: the volatility index DVOL, and the option chain.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use airdrops_types::{AssetId, Timestamp, VolPoints};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sightings;
use crate::json::Millis;
use crate::settings::{Settings, seconds};
use crate::{Clock, Fetcher, Observed, Request, SetupError, Sighting, SourceError};

/// The exchange's public methods.
pub const BASE_URL: &str = "https://www.deribit.com/api/v2";

/// How far back the newest point of the index is looked for.
const LOOK_BACK: Duration = Duration::from_secs(2 * 3600);

/// The greatest volatility that is believed, percent a year.
const WILDEST: f64 = 1000.0;

/// The prices of an underlying that are believed, dollars.
const PRICES: RangeInclusive<f64> = 1e-12..=1e12;

/// Defaults for the index: every 60 s, at most 10 min old, 20 requests in 10 s of 20 a second.
#[must_use]
pub fn settings() -> Settings {
    Settings::new(BASE_URL, seconds(60), seconds(600))
}

/// Defaults for the option chain: every 5 min, at most 15 min old, 8 MiB.
#[must_use]
pub fn option_settings() -> Settings {
    let mut settings = Settings::new(BASE_URL, seconds(300), seconds(900));
    settings.fetch.timeout = seconds(10);
    settings.fetch.max_body = 8 * 1024 * 1024;
    settings
}

/// One row of the option chain. Prices are in coin, not in dollars; what the exchange leaves out
/// or gives as `null` is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionSummary {
    /// `ETH-26JAN24-2500-C`: coin, expiry at 08:00 UTC, strike, call or put.
    pub instrument: String,
    /// Best bid, coin.
    pub bid_price: Option<f64>,
    /// Best ask, coin.
    pub ask_price: Option<f64>,
    /// Between them, coin.
    pub mid_price: Option<f64>,
    /// The exchange's own valuation, coin.
    pub mark_price: Option<f64>,
    /// Volatility implied by the mark, percent a year.
    pub mark_iv: Option<f64>,
    /// Price of the underlying future, dollars.
    pub underlying_price: Option<f64>,
    /// Name of the underlying future.
    pub underlying_index: Option<String>,
    /// Interest rate, a year.
    pub interest_rate: Option<f64>,
    /// Open contracts, coin.
    pub open_interest: Option<f64>,
    /// Traded in 24 h, dollars.
    pub volume_usd: Option<f64>,
    /// When the exchange made the row.
    pub at: Timestamp,
}

#[derive(Deserialize)]
struct Envelope<T> {
    result: Option<T>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

#[derive(Deserialize)]
struct Index {
    data: Vec<Point>,
}

/// Time, open (not needed), high, low, close.
#[derive(Deserialize)]
struct Point(Millis, IgnoredAny, f64, f64, f64);

#[derive(Deserialize)]
struct Row {
    instrument_name: String,
    bid_price: Option<f64>,
    ask_price: Option<f64>,
    mid_price: Option<f64>,
    mark_price: Option<f64>,
    mark_iv: Option<f64>,
    underlying_price: Option<f64>,
    underlying_index: Option<String>,
    interest_rate: Option<f64>,
    open_interest: Option<f64>,
    volume_usd: Option<f64>,
    creation_timestamp: Millis,
}

/// `public/get_volatility_index_data` and `public/get_book_summary_by_currency`.
#[derive(Debug)]
pub struct Deribit {
    fetcher: Fetcher,
}

impl Deribit {
    /// A client that calls itself `source`: index and option chain are asked at different rates.
    ///
    /// # Errors
    /// Settings that cannot be used; a key is one, because these methods take none.
    pub fn new(source: &str, settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let fetcher = settings.fetcher(source, None, clock)?;
        Ok(Self { fetcher })
    }

    /// The newest point of the index of each asset, by its currency: `BTC`, `ETH`.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind). One currency's failure is the whole answer's.
    pub async fn volatility(
        &self,
        currencies: &BTreeMap<AssetId, String>,
    ) -> Result<BTreeMap<AssetId, Sighting<VolPoints>>, SourceError> {
        let mut found = BTreeMap::new();
        for currency in currencies.values() {
            found.insert(currency.as_str(), self.newest(currency).await?);
        }
        sightings(&self.fetcher, currencies, |currency| {
            let newest = found.get(currency.as_str()).cloned().flatten();
            newest.ok_or_else(|| format!("no point of {currency} in the last two hours"))
        })
    }

    async fn newest(&self, currency: &str) -> Result<Option<Observed<VolPoints>>, SourceError> {
        // Whole minutes, so that the same question twice is the same request.
        let minute = 60_000;
        let until = (self.fetcher.clock().now().0.div_euclid(minute) + 1) * minute;
        let from = Timestamp(until).minus(LOOK_BACK);
        let request = Request::path(["public", "get_volatility_index_data"])
            .with("currency", currency)
            .with("start_timestamp", from.0.to_string())
            .with("end_timestamp", until.to_string())
            .with("resolution", "60");
        let answer = self.fetcher.get(&request).await?;
        let index: Index = self.result(self.fetcher.parse(&answer)?)?;
        let Some(Point(Millis(at), _, high, low, close)) =
            index.data.into_iter().max_by_key(|point| point.0.0)
        else {
            return Ok(None);
        };
        let believable = close > 0.0 && close <= WILDEST && low <= close && close <= high;
        let points = VolPoints::from_percent(close)
            .filter(|points| believable && points.0 > 0)
            .ok_or_else(|| {
                let what = format!("{close} % (low {low}, high {high}) is no volatility");
                self.fetcher
                    .malformed(&what, &format!("{currency} at {at}"))
            })?;
        Ok(Some(Observed::new(points, at, answer.received)))
    }

    /// The option chain of `currency`, dated by its oldest row.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind).
    pub async fn options(
        &self,
        currency: &str,
    ) -> Result<Observed<Vec<OptionSummary>>, SourceError> {
        let request = Request::path(["public", "get_book_summary_by_currency"])
            .with("currency", currency)
            .with("kind", "option");
        let answer = self.fetcher.get(&request).await?;
        let rows: Vec<Row> = self.result(self.fetcher.parse(&answer)?)?;
        for row in &rows {
            if let Some(what) = row.defect() {
                return Err(self.fetcher.malformed(what, &row.instrument_name));
            }
        }
        let Some(at) = rows.iter().map(|row| row.creation_timestamp.0).min() else {
            let what = format!("no options of {currency}");
            return Err(self.fetcher.no_data(&what));
        };
        let chain = rows.into_iter().map(OptionSummary::from).collect();
        Ok(Observed::new(chain, at, answer.received))
    }

    fn result<T>(&self, envelope: Envelope<T>) -> Result<T, SourceError> {
        match envelope {
            Envelope {
                error: Some(error), ..
            } => match error.message.as_str() {
                "too_many_requests" => Err(self.fetcher.pause()),
                message => Err(self.fetcher.refused(message)),
            },
            Envelope {
                result: Some(result),
                ..
            } => Ok(result),
            Envelope { .. } => Err(self.fetcher.malformed("neither result nor error", "line 1")),
        }
    }
}

impl Row {
    fn defect(&self) -> Option<&'static str> {
        let negative = |value: Option<f64>| value.is_some_and(|value| value < 0.0);
        let amounts = [
            self.bid_price,
            self.ask_price,
            self.mid_price,
            self.mark_price,
            self.mark_iv,
            self.open_interest,
            self.volume_usd,
        ];
        if amounts.into_iter().any(negative) {
            return Some("a price, a volatility or an amount is negative");
        }
        let price = self.underlying_price;
        if price.is_some_and(|price| !PRICES.contains(&price)) {
            return Some("the underlying's price is none");
        }
        None
    }
}

impl From<Row> for OptionSummary {
    fn from(row: Row) -> Self {
        Self {
            instrument: row.instrument_name,
            bid_price: row.bid_price,
            ask_price: row.ask_price,
            mid_price: row.mid_price,
            mark_price: row.mark_price,
            mark_iv: row.mark_iv,
            underlying_price: row.underlying_price,
            underlying_index: row.underlying_index,
            interest_rate: row.interest_rate,
            open_interest: row.open_interest,
            volume_usd: row.volume_usd,
            at: row.creation_timestamp.0,
        }
    }
}
