//! Option chains in Deribit's shapes: the rows of `public/get_book_summary_by_currency` with
//! `kind=option`.

use std::collections::BTreeMap;
use std::fmt;

use airdrops_types::{Reading, Timestamp, VolPoints};

use super::mfiv::{self, THIRTY_DAYS};
use super::option_chain::{ChainError, Dropped, Expiry, OptionKind, OptionQuote};

/// A row counts for an instant if it was made at most this long before or after it: 1 hour. So much
/// shifts the time to an expiry in 23 days by 0.2 %.
pub const MAX_AGE_MS: i64 = 3_600_000;

/// The highest index that is believed, percent a year.
const WILDEST: f64 = 1000.0;

const MS_PER_MINUTE: f64 = 60_000.0;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// An option as its name tells: `ETH-26JAN24-2400-C`, or `XRP_USDC-26JAN24-0d55-C` for one that is
/// quoted in USDC, with `d` as decimal point.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// What comes before the first dash: `ETH` or `XRP_USDC`.
    pub underlying: String,
    /// 08:00 UTC of the day in the name.
    pub expiry: Timestamp,
    /// The strike.
    pub strike: f64,
    /// Call or put.
    pub kind: OptionKind,
}

/// Why a name is not that of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// A future, a perpetual or a combination of several instruments.
    NotAnOption,
    /// The day is not like `26JAN24`.
    Day,
    /// The strike is not a positive number.
    Strike,
    /// The last part is neither `C` nor `P`.
    Kind,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnOption => "it is not an option; options look like ETH-26JAN24-2400-C",
            Self::Day => "its expiry is not a day such as 26JAN24",
            Self::Strike => "its strike is not a positive number",
            Self::Kind => "its last part is neither C nor P",
        })
    }
}

impl std::error::Error for NameError {}

impl Instrument {
    /// Reads a name.
    ///
    /// # Errors
    /// If it is not that of an option.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let parts: Vec<&str> = name.split('-').collect();
        let [underlying, day, strike, kind] = parts[..] else {
            return Err(NameError::NotAnOption);
        };
        if underlying.is_empty() {
            return Err(NameError::NotAnOption);
        }
        let kind = match kind {
            "C" => OptionKind::Call,
            "P" => OptionKind::Put,
            // `ETH-CS-26JAN24-2400_2600` and its like are combinations.
            _ if expiry(day).is_none() => return Err(NameError::NotAnOption),
            _ => return Err(NameError::Kind),
        };
        Ok(Self {
            underlying: underlying.to_owned(),
            expiry: expiry(day).ok_or(NameError::Day)?,
            strike: decimal(strike).ok_or(NameError::Strike)?,
            kind,
        })
    }

    /// Whether prices are in the underlying coin. The others are in the currency of the strike.
    #[must_use]
    pub fn priced_in_coin(&self) -> bool {
        !self.underlying.contains('_')
    }
}

/// 08:00 UTC of `26JAN24` or `5JAN24`.
fn expiry(day: &str) -> Option<Timestamp> {
    let digits = day.len().checked_sub(5)?;
    if !day.is_ascii() || !(1..=2).contains(&digits) {
        return None;
    }
    let (date, rest) = day.split_at(digits);
    let (month, year) = rest.split_at(3);
    if !date.bytes().chain(year.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let month = MONTHS
        .iter()
        .zip(1_i8..)
        .find(|(name, _)| **name == month)?;
    let year = 2000 + year.parse::<i16>().ok()?;
    let date = jiff::civil::Date::new(year, month.1, date.parse().ok()?).ok()?;
    let instant = date.at(8, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(instant.timestamp().as_millisecond()))
}

/// `2400` or `0d55`.
fn decimal(text: &str) -> Option<f64> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'd') {
        return None;
    }
    let number: f64 = text.replacen('d', ".", 1).parse().ok()?;
    (number.is_finite() && number > 0.0).then_some(number)
}

/// One row of a book summary.
#[derive(Debug, Clone, PartialEq)]
pub struct BookSummary {
    /// Such as `ETH-26JAN24-2400-C`.
    pub instrument_name: String,
    /// Best bid, in coin (in the quote currency for names such as `ETH_USDC-…`).
    pub bid: Option<f64>,
    /// Best ask, likewise.
    pub ask: Option<f64>,
    /// Mark price, likewise.
    pub mark: Option<f64>,
    /// Price of one coin for delivery at this expiry, in the currency of the strike.
    pub underlying: Option<f64>,
    /// When the row was made.
    pub created: Option<Timestamp>,
}

/// The chain that a book summary holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// What the options are on, such as `ETH`; `None` if there is no usable row.
    pub underlying: Option<String>,
    /// The expiries after the instant, ascending.
    pub expiries: Vec<Expiry>,
    /// What was dropped from all expiries.
    pub dropped: Dropped,
    /// Rows whose names are not those of options.
    pub not_options: usize,
    /// Rows of expiries that have passed.
    pub expired: usize,
}

/// The 30-day index of a book summary as of its own time, at a rate of zero, by the crypto rules;
/// as fresh as the rows are. Missing where these give none, with the reason.
#[must_use]
pub fn implied(summary: Reading<Vec<BookSummary>>) -> Reading<VolPoints> {
    let number = match &summary {
        Reading::Fresh { value, at } | Reading::Stale { value, at, .. } => number(value, *at),
        Reading::Missing { reason } => Err(reason.clone()),
    };
    match number {
        Ok(points) => summary.map(|_| points),
        Err(reason) => Reading::missing(reason),
    }
}

fn number(rows: &[BookSummary], at: Timestamp) -> Result<VolPoints, String> {
    let chain = chain(rows, at, 0.0).map_err(|error| error.to_string())?;
    let index = mfiv::index(&chain.expiries, THIRTY_DAYS).index;
    let percent = index.map_err(|reason| reason.to_string())?;
    Some(percent)
        .filter(|percent| *percent <= WILDEST)
        .and_then(VolPoints::from_percent)
        .ok_or_else(|| format!("an index of {percent:.0} % is not believed"))
}

/// Sorts the rows of a book summary into a chain as of `now`, prices in the currency of the strike.
/// `rate` is the interest rate as a decimal fraction, the same for every expiry. Rows that say when
/// they were made count only if that is within [`MAX_AGE_MS`] of `now`.
///
/// # Errors
/// If the rows are on several underlyings, or `rate` is no rate. Bad rows are dropped and counted.
pub fn chain(rows: &[BookSummary], now: Timestamp, rate: f64) -> Result<Chain, ChainError> {
    let mut by_expiry: BTreeMap<Timestamp, Vec<OptionQuote>> = BTreeMap::new();
    let mut chain = Chain {
        underlying: None,
        expiries: Vec::new(),
        dropped: Dropped::default(),
        not_options: 0,
        expired: 0,
    };
    for row in rows {
        let Ok(instrument) = Instrument::parse(&row.instrument_name) else {
            chain.not_options += 1;
            continue;
        };
        match &chain.underlying {
            Some(known) if *known != instrument.underlying => {
                return Err(ChainError::SeveralUnderlyings(
                    known.clone(),
                    instrument.underlying,
                ));
            }
            Some(_) => {}
            None => chain.underlying = Some(instrument.underlying.clone()),
        }
        if instrument.expiry <= now {
            chain.expired += 1;
        } else if row
            .created
            .is_some_and(|created| created.0.abs_diff(now.0) > MAX_AGE_MS.unsigned_abs())
        {
            chain.dropped.stale += 1;
        } else if let Some(quote) = in_strike_currency(&instrument, row) {
            by_expiry.entry(instrument.expiry).or_default().push(quote);
        } else {
            chain.dropped.unpriced += 1;
        }
    }
    for (expiry, quotes) in by_expiry {
        let minutes = ms_between(now, expiry) / MS_PER_MINUTE;
        let expiry = Expiry::new(minutes, rate, quotes)?;
        chain.dropped = chain.dropped.plus(expiry.dropped());
        chain.expiries.push(expiry);
    }
    Ok(chain)
}

/// Exact for all differences below 285,000 years.
#[allow(clippy::cast_precision_loss)]
fn ms_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.0.saturating_sub(earlier.0) as f64
}

/// `None` if the quote is in coin and nobody says what a coin is worth.
fn in_strike_currency(instrument: &Instrument, row: &BookSummary) -> Option<OptionQuote> {
    let unit = if instrument.priced_in_coin() {
        row.underlying.filter(|price| *price > 0.0)?
    } else {
        1.0
    };
    Some(OptionQuote {
        strike: instrument.strike,
        kind: instrument.kind,
        bid: row.bid.map(|price| price * unit),
        ask: row.ask.map(|price| price * unit),
        mark: row.mark.map(|price| price * unit),
    })
}

#[cfg(test)]
mod tests;
