//! Quotes of options, cleaned before anything is computed from them.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Which right an option gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// To buy at the strike.
    Call,
    /// To sell at the strike.
    Put,
}

/// What an exchange shows for one option. Prices are in the currency of the strike; zero means
/// the same as `None`: nobody bids, nobody asks, no mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionQuote {
    /// The strike.
    pub strike: f64,
    /// Call or put.
    pub kind: OptionKind,
    /// Best bid.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// The exchange's own valuation.
    pub mark: Option<f64>,
}

/// A quote that passed the checks: what is there is finite and positive, and the bid is not above
/// the ask.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CleanQuote {
    pub(super) bid: Option<f64>,
    pub(super) ask: Option<f64>,
    pub(super) mark: Option<f64>,
}

/// What is listed at one strike. A side that is `None` is not listed, or its quote was dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrikeRow {
    pub(super) strike: f64,
    pub(super) call: Option<CleanQuote>,
    pub(super) put: Option<CleanQuote>,
}

/// How many quotes were dropped, and why. A dropped quote counts as not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dropped {
    /// A strike or a price that is not a finite number.
    pub not_finite: usize,
    /// A strike that is not positive, or a price below zero.
    pub negative: usize,
    /// A bid above the ask.
    pub crossed: usize,
    /// A bid, but neither an ask nor a mark to price it with.
    pub unpriced: usize,
    /// One option twice, with different quotes: neither is believed. Equal repetitions are merged
    /// and not counted.
    pub contradictory: usize,
    /// Made more than an hour before or after the instant that the index is computed for.
    pub stale: usize,
}

impl Dropped {
    /// How many in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.reasons().iter().map(|(_, count)| count).sum()
    }

    /// Each reason in words with its count.
    #[must_use]
    pub fn reasons(&self) -> [(&'static str, usize); 6] {
        [
            ("not finite", self.not_finite),
            ("negative", self.negative),
            ("crossed", self.crossed),
            ("bid without ask or mark", self.unpriced),
            ("contradictory", self.contradictory),
            ("made more than 1 h before or after", self.stale),
        ]
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            not_finite: self.not_finite + other.not_finite,
            negative: self.negative + other.negative,
            crossed: self.crossed + other.crossed,
            unpriced: self.unpriced + other.unpriced,
            contradictory: self.contradictory + other.contradictory,
            stale: self.stale + other.stale,
        }
    }
}

/// What makes a whole chain unusable, as opposed to a single quote.
#[derive(Debug, Clone, PartialEq)]
pub enum ChainError {
    /// The time to expiry is not a positive, finite number of minutes.
    Minutes(f64),
    /// The rate is not a decimal fraction between −1 and 1.
    Rate(f64),
    /// Options on several underlyings are mixed.
    SeveralUnderlyings(String, String),
}

impl std::fmt::Display for ChainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Minutes(minutes) => write!(
                f,
                "{minutes} is no time to expiry: give a positive number of minutes"
            ),
            Self::Rate(rate) => write!(
                f,
                "{rate} is no interest rate: give a decimal fraction between -1 and 1 (3.05 % is \
                 0.0305)"
            ),
            Self::SeveralUnderlyings(one, other) => write!(
                f,
                "options on {one} and on {other} are mixed: an index is of one underlying, keep \
                 the rows of one"
            ),
        }
    }
}

impl std::error::Error for ChainError {}

/// The options of one expiry, one row per strike, strikes ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Expiry {
    minutes: f64,
    rate: f64,
    rows: Vec<StrikeRow>,
    dropped: Dropped,
}

impl Expiry {
    /// Cleans the quotes of one expiry, given in any order. `minutes` to expiry may have a
    /// fraction; `rate` is the continuously compounded annual interest rate to expiry as a decimal
    /// fraction.
    ///
    /// # Errors
    /// If `minutes` is not positive and finite, or `rate` is not within (−1, 1). Bad quotes are no
    /// error: they are [dropped](Self::dropped).
    pub fn new(
        minutes: f64,
        rate: f64,
        quotes: impl IntoIterator<Item = OptionQuote>,
    ) -> Result<Self, ChainError> {
        if !(minutes.is_finite() && minutes > 0.0) {
            return Err(ChainError::Minutes(minutes));
        }
        if !(rate > -1.0 && rate < 1.0) {
            return Err(ChainError::Rate(rate));
        }
        let mut dropped = Dropped::default();
        let mut clean: Vec<(f64, OptionKind, CleanQuote)> = quotes
            .into_iter()
            .filter_map(|quote| {
                let checked = check(&quote, &mut dropped)?;
                Some((quote.strike, quote.kind, checked))
            })
            .collect();
        // Strikes are finite here; `total_cmp` only orders them.
        clean.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut rows: Vec<StrikeRow> = Vec::new();
        for same in clean.chunk_by(|a, b| a.0.total_cmp(&b.0) == Ordering::Equal && a.1 == b.1) {
            let (strike, kind, quote) = same[0];
            let believed = if same.iter().all(|(_, _, other)| *other == quote) {
                Some(quote)
            } else {
                dropped.contradictory += same.len();
                None
            };
            if rows.last().is_none_or(|row| row.strike < strike) {
                rows.push(StrikeRow {
                    strike,
                    call: None,
                    put: None,
                });
            }
            if let Some(row) = rows.last_mut() {
                match kind {
                    OptionKind::Call => row.call = believed,
                    OptionKind::Put => row.put = believed,
                }
            }
        }
        Ok(Self {
            minutes,
            rate,
            rows,
            dropped,
        })
    }

    /// Minutes to expiry.
    #[must_use]
    pub fn minutes(&self) -> f64 {
        self.minutes
    }

    /// The interest rate to expiry, a decimal fraction per year.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// What was dropped.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    pub(super) fn rows(&self) -> &[StrikeRow] {
        &self.rows
    }
}

fn check(quote: &OptionQuote, dropped: &mut Dropped) -> Option<CleanQuote> {
    let prices = [quote.bid, quote.ask, quote.mark];
    let numbers = || prices.into_iter().flatten();
    if !quote.strike.is_finite() || numbers().any(|price| !price.is_finite()) {
        dropped.not_finite += 1;
        return None;
    }
    if quote.strike <= 0.0 || numbers().any(|price| price < 0.0) {
        dropped.negative += 1;
        return None;
    }
    let [bid, ask, mark] = prices.map(|price| price.filter(|price| *price > 0.0));
    match (bid, ask, mark) {
        (Some(bid), Some(ask), _) if bid > ask => dropped.crossed += 1,
        (Some(_), None, None) => dropped.unpriced += 1,
        _ => return Some(CleanQuote { bid, ask, mark }),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(strike: f64, kind: OptionKind, bid: f64, ask: f64) -> OptionQuote {
        OptionQuote {
            strike,
            kind,
            bid: Some(bid),
            ask: Some(ask),
            mark: None,
        }
    }

    fn expiry(quotes: Vec<OptionQuote>) -> Expiry {
        Expiry::new(40_000.0, 0.0, quotes).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_bad_quote_is_dropped_and_counted_by_its_reason() {
        use OptionKind::{Call, Put};
        let cleaned = expiry(vec![
            quote(100.0, Call, 2.0, 1.9),
            quote(100.0, Put, f64::NAN, 2.0),
            quote(f64::INFINITY, Put, 1.0, 2.0),
            quote(105.0, Call, -0.1, 2.0),
            quote(0.0, Call, 1.0, 2.0),
            quote(110.0, Call, 1.0, 0.0),
            quote(115.0, Put, 1.0, 2.0),
            quote(115.0, Put, 1.0, 2.5),
            quote(120.0, Put, 1.0, 2.0),
            quote(120.0, Put, 1.0, 2.0),
        ]);
        let expected = Dropped {
            not_finite: 2,
            negative: 2,
            crossed: 1,
            unpriced: 1,
            contradictory: 2,
            stale: 0,
        };
        assert_eq!(cleaned.dropped(), expected);
        assert_eq!(cleaned.dropped().total(), 8);
        let usable: Vec<f64> = cleaned
            .rows()
            .iter()
            .filter(|row| row.call.is_some() || row.put.is_some())
            .map(|row| row.strike)
            .collect();
        assert_eq!(usable, [120.0]);
    }

    #[test]
    fn rows_are_sorted_by_strike_whatever_the_order_of_the_quotes() {
        use OptionKind::{Call, Put};
        let shuffled = expiry(vec![
            quote(110.0, Put, 5.0, 6.0),
            quote(90.0, Call, 7.0, 8.0),
            quote(110.0, Call, 1.0, 2.0),
            quote(90.0, Put, 3.0, 4.0),
        ]);
        let bids: Vec<(f64, Option<f64>, Option<f64>)> = shuffled
            .rows()
            .iter()
            .map(|row| {
                let bid = |side: Option<CleanQuote>| side.and_then(|quote| quote.bid);
                (row.strike, bid(row.call), bid(row.put))
            })
            .collect();
        assert_eq!(
            bids,
            [(90.0, Some(7.0), Some(3.0)), (110.0, Some(1.0), Some(5.0))]
        );
    }

    #[test]
    fn a_percentage_as_rate_and_an_expired_chain_are_refused() {
        assert_eq!(
            Expiry::new(1.0, 3.05, Vec::new()),
            Err(ChainError::Rate(3.05))
        );
        assert!(Expiry::new(1.0, f64::NAN, Vec::new()).is_err());
        for minutes in [0.0, -5.0, f64::INFINITY] {
            assert_eq!(
                Expiry::new(minutes, 0.0, Vec::new()),
                Err(ChainError::Minutes(minutes))
            );
        }
        assert!(Expiry::new(f64::NAN, 0.0, Vec::new()).is_err());
    }
}
