//! Variance of one bar from its open, high, low and close. Natural logarithms throughout; the unit
//! is variance per bar.
//!
//! All of them take prices as a random walk without drift between trades that are seen
//! continuously, and all but close-to-close read too little where trades are sparse.

use airdrops_types::{Bar, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Prices below this are not accepted, so that no quotient of two prices overflows.
pub const LEAST_PRICE: f64 = 1e-18;
/// Prices above this are not accepted.
pub const GREATEST_PRICE: f64 = 1e18;

/// A [`Bar`] whose prices are finite, positive, and in order: `low ≤ open, close ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Bar", into = "Bar")]
pub struct ValidBar(Bar);

/// Why a bar is none.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum BarError {
    /// A price that is not a number, not positive, or absurd.
    #[error("{field} is {value}; a price lies between {LEAST_PRICE:e} and {GREATEST_PRICE:e}")]
    Price {
        /// `open`, `high`, `low` or `close`.
        field: &'static str,
        /// What it says.
        value: f64,
    },
    /// Prices that contradict each other.
    #[error("{field} is {value}, outside of low {low} to high {high}")]
    Order {
        /// `open`, `close`, or `low` if it is above `high`.
        field: &'static str,
        /// What it says.
        value: f64,
        /// The lowest price.
        low: f64,
        /// The highest price.
        high: f64,
    },
}

/// A bar that does not come after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bar of {at} does not come after that of {last}")]
pub struct OutOfOrder {
    /// The bar's start.
    pub at: Timestamp,
    /// The last bar's start.
    pub last: Timestamp,
}

impl TryFrom<Bar> for ValidBar {
    type Error = BarError;

    fn try_from(bar: Bar) -> Result<Self, BarError> {
        let Bar {
            open,
            high,
            low,
            close,
            ..
        } = bar;
        for (field, value) in [
            ("open", open),
            ("high", high),
            ("low", low),
            ("close", close),
        ] {
            if !(LEAST_PRICE..=GREATEST_PRICE).contains(&value) {
                return Err(BarError::Price { field, value });
            }
        }
        for (field, value) in [("low", low), ("open", open), ("close", close)] {
            if !(low..=high).contains(&value) {
                return Err(BarError::Order {
                    field,
                    value,
                    low,
                    high,
                });
            }
        }
        Ok(Self(bar))
    }
}

impl From<ValidBar> for Bar {
    fn from(bar: ValidBar) -> Self {
        bar.0
    }
}

impl ValidBar {
    /// The bar's first instant.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.0.start
    }

    /// The bar as it was given.
    #[must_use]
    pub fn bar(&self) -> &Bar {
        &self.0
    }

    /// The last price.
    #[must_use]
    pub fn close(&self) -> f64 {
        self.0.close
    }

    /// The same bar with `price` within its range and as its open: Wilder's true range (1978),
    /// for a bar that follows a gap. Nothing changes if `price` is none.
    #[must_use]
    pub fn reaching(&self, price: f64) -> Self {
        let Bar {
            start,
            high,
            low,
            close,
            ..
        } = self.0;
        let reached = Bar {
            start,
            open: price,
            high: high.max(price),
            low: low.min(price),
            close,
        };
        Self::try_from(reached).unwrap_or(*self)
    }

    /// `ln(close / previous close)`. Zero if `previous_close` is no price.
    #[must_use]
    pub fn log_return(&self, previous_close: f64) -> f64 {
        if (LEAST_PRICE..=GREATEST_PRICE).contains(&previous_close) {
            libm::log(self.0.close / previous_close)
        } else {
            0.0
        }
    }

    /// Close-to-close with zero mean: `ln²(C / C₋₁)`.
    #[must_use]
    pub fn close_to_close(&self, previous_close: f64) -> f64 {
        squared(self.log_return(previous_close))
    }

    /// Parkinson (1980): `ln²(H / L) / (4 ln 2)`.
    #[must_use]
    pub fn parkinson(&self) -> f64 {
        squared(libm::log(self.0.high / self.0.low)) / (4.0 * std::f64::consts::LN_2)
    }

    /// Garman and Klass (1980), the practical estimator: `½ ln²(H / L) − (2 ln 2 − 1) ln²(C / O)`.
    #[must_use]
    pub fn garman_klass(&self) -> f64 {
        let range = squared(libm::log(self.0.high / self.0.low));
        let body = squared(libm::log(self.0.close / self.0.open));
        0.5 * range - (2.0 * std::f64::consts::LN_2 - 1.0) * body
    }

    /// Rogers and Satchell (1991): `ln(H / C) ln(H / O) + ln(L / C) ln(L / O)`. Free of drift.
    #[must_use]
    pub fn rogers_satchell(&self) -> f64 {
        let Bar {
            open,
            high,
            low,
            close,
            ..
        } = self.0;
        libm::log(high / close) * libm::log(high / open)
            + libm::log(low / close) * libm::log(low / open)
    }
}

/// Yang and Zhang (2000) over a window of bars: `σ²ₒ + k σ²_c + (1 − k) σ²_RS` with
/// `k = 0.34 / (1.34 + (n + 1) / (n − 1))`, where `σ²ₒ` is the sample variance of the jumps from
/// close to open, `σ²_c` that of the moves from open to close, and `n` the number of bars after the
/// first, which only gives its close. `None` for fewer than three bars.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn yang_zhang(bars: &[ValidBar]) -> Option<f64> {
    let n = bars.len().checked_sub(1).filter(|n| *n >= 2)? as f64;
    let jumps: Vec<f64> = bars
        .windows(2)
        .map(|pair| libm::log(pair[1].0.open / pair[0].0.close))
        .collect();
    let moves: Vec<f64> = bars[1..]
        .iter()
        .map(|bar| libm::log(bar.0.close / bar.0.open))
        .collect();
    let steady = bars[1..].iter().map(ValidBar::rogers_satchell).sum::<f64>() / n;
    let k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
    Some(sample_variance(&jumps, n) + k * sample_variance(&moves, n) + (1.0 - k) * steady)
}

fn sample_variance(values: &[f64], n: f64) -> f64 {
    let mean = values.iter().sum::<f64>() / n;
    values
        .iter()
        .map(|value| squared(value - mean))
        .sum::<f64>()
        / (n - 1.0)
}

fn squared(value: f64) -> f64 {
    value * value
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn bar(open: f64, high: f64, low: f64, close: f64) -> Bar {
        Bar {
            start: Timestamp(0),
            open,
            high,
            low,
            close,
        }
    }

    fn valid(open: f64, high: f64, low: f64, close: f64) -> ValidBar {
        ValidBar::try_from(bar(open, high, low, close)).unwrap()
    }

    fn any_bar() -> impl Strategy<Value = ValidBar> {
        (0.01f64..1e6, 1.0f64..2.0, 0.0f64..1.0, 0.0f64..1.0).prop_map(
            |(low, stretch, open, close)| {
                let high = low * stretch;
                let within = |share: f64| (low + (high - low) * share).clamp(low, high);
                valid(within(open), high, low, within(close))
            },
        )
    }

    #[test]
    fn the_formulas_by_hand() {
        let e = std::f64::consts::E;
        let ln2 = std::f64::consts::LN_2;
        // Opens and closes at 1, rises to e and falls to 1/e: the range is 2.
        let wide = valid(1.0, e, 1.0 / e, 1.0);
        assert!((wide.parkinson() - 1.0 / ln2).abs() < 1e-12);
        assert!((wide.garman_klass() - 2.0).abs() < 1e-12);
        assert!((wide.rogers_satchell() - 2.0).abs() < 1e-12);
        // Straight up from 1 to e: only drift, which Rogers and Satchell do not see.
        let straight = valid(1.0, e, 1.0, e);
        assert!((straight.garman_klass() - (1.5 - 2.0 * ln2)).abs() < 1e-12);
        assert!(straight.rogers_satchell().abs() < 1e-12);
        assert!((straight.close_to_close(1.0 / e) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn yang_zhang_without_jumps_is_close_to_close_and_rogers_satchell() {
        let e = std::f64::consts::E;
        let bars = [
            valid(1.0, 1.0, 1.0, 1.0),
            valid(1.0, e, 1.0, e),
            valid(e, e, 1.0, 1.0),
        ];
        // n = 2: k = 0.34 / (1.34 + 3); moves 1 and −1 have the sample variance 2; no wicks.
        let expected = 0.34 / 4.34 * 2.0;
        assert!((yang_zhang(&bars).unwrap() - expected).abs() < 1e-12);
        assert_eq!(yang_zhang(&bars[..2]), None);
    }

    #[test]
    fn a_bar_that_contradicts_itself_is_refused_by_field() {
        let refused = |open, high, low, close| {
            ValidBar::try_from(bar(open, high, low, close))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(f64::NAN, 2.0, 1.0, 1.0).starts_with("open is NaN"));
        assert!(refused(1.0, f64::INFINITY, 1.0, 1.0).starts_with("high is inf"));
        assert!(refused(1.0, 2.0, 0.0, 1.0).starts_with("low is 0"));
        assert!(refused(1.0, 2.0, 1.0, -1.0).starts_with("close is -1"));
        assert!(refused(1.5, 1.0, 2.0, 1.5).starts_with("low is 2, outside"));
        assert!(refused(2.5, 2.0, 1.0, 1.5).starts_with("open is 2.5, outside"));
        assert!(refused(1.5, 2.0, 1.0, 0.5).starts_with("close is 0.5, outside"));
        let text = r#"{"start":0,"open":1.0,"high":1.0,"low":2.0,"close":1.0}"#;
        assert!(serde_json::from_str::<ValidBar>(text).is_err());
    }

    proptest! {
        #[test]
        fn every_estimate_is_finite_and_not_negative(bar in any_bar(), previous in any_bar()) {
            for value in [
                bar.close_to_close(previous.close()),
                bar.parkinson(),
                bar.garman_klass(),
                bar.rogers_satchell(),
            ] {
                prop_assert!(value.is_finite() && value >= -1e-15, "{value}");
            }
        }

        #[test]
        fn a_wider_range_never_reads_calmer(bar in any_bar(), price in 0.01f64..2e6) {
            prop_assert!(bar.reaching(price).parkinson() >= bar.parkinson());
        }

        #[test]
        fn the_unit_of_the_price_does_not_matter(bar in any_bar(), scale in 0.5f64..50.0) {
            let Bar { open, high, low, close, .. } = *bar.bar();
            let scaled = valid(open * scale, high * scale, low * scale, close * scale);
            prop_assert!((scaled.parkinson() - bar.parkinson()).abs() < 1e-12);
            prop_assert!((scaled.rogers_satchell() - bar.rogers_satchell()).abs() < 1e-12);
        }
    }
}
