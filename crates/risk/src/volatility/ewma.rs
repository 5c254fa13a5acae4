//! Exponentially weighted variance: range-based by the hour, and RiskMetrics by the day.

use std::time::Duration;

use airdrops_types::{Timestamp, VolPoints};
use serde::{Deserialize, Serialize};

use super::range::{OutOfOrder, ValidBar};

/// Length of a bar of [`RangeEwma`].
pub const HOUR: Duration = Duration::from_secs(3600);
/// Hours of a year of a market that never closes.
pub const HOURS_PER_YEAR: f64 = 24.0 * 365.0;
/// Half-life of [`RangeEwma`], in hours.
pub const HALF_LIFE_HOURS: f64 = 24.0;
/// Hours before [`RangeEwma`] gives a value.
pub const WARM_UP_HOURS: u32 = 24;
/// Decay of RiskMetrics for daily returns (J.P. Morgan, RiskMetrics Technical Document, 1996).
pub const RISK_METRICS_DECAY: f64 = 0.94;
/// Days before [`RiskMetrics`] gives a value.
pub const WARM_UP_DAYS: u32 = 10;

/// A mean with exponentially falling weights, normalised by their sum, so that the first values do
/// not weigh more than their age allows: `Σ λᵏ xₜ₋ₖ / Σ λᵏ`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ewma {
    decay: f64,
    sum: f64,
    weight: f64,
}

impl Ewma {
    /// With the decay `λ` per value, clamped to `0..=1`; what is not a number counts as 0, which
    /// keeps only the last value.
    #[must_use]
    pub fn with_decay(decay: f64) -> Self {
        Self {
            decay: if decay.is_nan() {
                0.0
            } else {
                decay.clamp(0.0, 1.0)
            },
            sum: 0.0,
            weight: 0.0,
        }
    }

    /// With a weight that halves every `values` values.
    #[must_use]
    pub fn with_half_life(values: f64) -> Self {
        Self::with_decay(libm::exp2(-1.0 / values.max(f64::MIN_POSITIVE)))
    }

    /// Adds a value. Returns whether it was taken: what is not finite is not.
    pub fn push(&mut self, value: f64) -> bool {
        let sum = self.decay * self.sum + value;
        if !sum.is_finite() {
            return false;
        }
        self.sum = sum;
        self.weight = self.decay * self.weight + 1.0;
        true
    }

    /// The mean; `None` before the first value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// Hourly Parkinson variance with a half-life of 24 h: the live measure of roughness.
///
/// Hours that are missing leave the mean as it is, and the first bar after a gap counts with the
/// range that reaches back to the last close: a gap never makes it read calmer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RangeEwma {
    mean: Ewma,
    last: Option<ValidBar>,
    hours: u32,
}

impl Default for RangeEwma {
    fn default() -> Self {
        Self {
            mean: Ewma::with_half_life(HALF_LIFE_HOURS),
            last: None,
            hours: 0,
        }
    }
}

impl RangeEwma {
    /// Adds the next hour.
    ///
    /// # Errors
    /// If it starts less than an hour after the last one.
    pub fn push(&mut self, bar: &ValidBar) -> Result<(), OutOfOrder> {
        let counted = match &self.last {
            Some(last) => bridged(last, bar)?,
            None => *bar,
        };
        self.mean.push(counted.parkinson());
        self.last = Some(*bar);
        self.hours = self.hours.saturating_add(1);
        Ok(())
    }

    /// The end of the last bar.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.last.map(|bar| bar.start().plus(HOUR))
    }

    /// Variance per hour; `None` in the first [`WARM_UP_HOURS`] hours.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.mean.mean().filter(|_| self.hours >= WARM_UP_HOURS)
    }

    /// The same as annualised volatility: `100 √(variance · 8,760)` percent. What exceeds the
    /// scale of [`VolPoints`] reads as its end.
    #[must_use]
    pub fn index(&self) -> Option<VolPoints> {
        let percent = 100.0 * (self.variance()? * HOURS_PER_YEAR).sqrt();
        VolPoints::from_percent(percent.min(1e6))
    }
}

/// `bar`, reaching back to the close of `last` if hours are missing between them.
pub(super) fn bridged(last: &ValidBar, bar: &ValidBar) -> Result<ValidBar, OutOfOrder> {
    let expected = last.start().plus(HOUR);
    if bar.start() < expected {
        return Err(OutOfOrder {
            at: bar.start(),
            last: last.start(),
        });
    }
    Ok(if bar.start() > expected {
        bar.reaching(last.close())
    } else {
        *bar
    })
}

/// RiskMetrics: squared daily log returns with the decay 0.94 and zero mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskMetrics {
    mean: Ewma,
    days: u32,
}

impl Default for RiskMetrics {
    fn default() -> Self {
        Self {
            mean: Ewma::with_decay(RISK_METRICS_DECAY),
            days: 0,
        }
    }
}

impl RiskMetrics {
    /// Adds a day's log return; what is not finite is ignored.
    pub fn push(&mut self, log_return: f64) {
        if self.mean.push(log_return * log_return) {
            self.days = self.days.saturating_add(1);
        }
    }

    /// Variance per day; `None` in the first [`WARM_UP_DAYS`] days.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.mean.mean().filter(|_| self.days >= WARM_UP_DAYS)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use airdrops_types::Bar;
    use proptest::prelude::*;

    use super::*;

    /// A bar at `hour` with a given ratio of high to low around 100.
    fn hour(hour: i64, ratio: f64) -> ValidBar {
        ValidBar::try_from(Bar {
            start: Timestamp(hour * 3_600_000),
            open: 100.0,
            high: 100.0 * ratio,
            low: 100.0,
            close: 100.0,
        })
        .unwrap()
    }

    #[test]
    fn weights_halve_over_the_half_life_and_sum_to_one() {
        let mut mean = Ewma::with_half_life(2.0);
        for value in [8.0, 0.0, 0.0] {
            mean.push(value);
        }
        // Weights ½, √½ and 1 of the three values.
        let expected = 8.0 * 0.5 / (0.5 + 0.5_f64.sqrt() + 1.0);
        assert!((mean.mean().unwrap() - expected).abs() < 1e-12);
        assert!(!mean.push(f64::NAN));
        assert!((mean.mean().unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_steady_hour_reads_as_its_own_volatility() {
        // A range of 1 % per hour: 0.00995… / √(4 ln 2) · √8760.
        let mut range = RangeEwma::default();
        for at in 0..23 {
            range.push(&hour(at, 1.01)).unwrap();
        }
        assert_eq!(range.index(), None);
        range.push(&hour(23, 1.01)).unwrap();
        let expected = 100.0 * 1.01_f64.ln() / (4.0 * 2.0_f64.ln()).sqrt() * 8760.0_f64.sqrt();
        assert_eq!(range.index(), VolPoints::from_percent(expected));
        assert_eq!(range.at(), Some(Timestamp(24 * 3_600_000)));
    }

    #[test]
    fn an_hour_that_repeats_or_goes_back_is_refused() {
        let mut range = RangeEwma::default();
        range.push(&hour(5, 1.01)).unwrap();
        let before = range;
        assert!(range.push(&hour(5, 1.5)).is_err());
        assert!(range.push(&hour(4, 1.5)).is_err());
        assert_eq!(range, before);
    }

    #[test]
    fn a_fall_during_a_gap_counts() {
        let mut range = RangeEwma::default();
        for at in 0..24 {
            range.push(&hour(at, 1.01)).unwrap();
        }
        let mut quiet = range;
        let low = |hour: i64| {
            let bar = Bar {
                start: Timestamp(hour * 3_600_000),
                open: 80.0,
                high: 80.1,
                low: 80.0,
                close: 80.0,
            };
            ValidBar::try_from(bar).unwrap()
        };
        quiet.push(&low(24)).unwrap();
        range.push(&low(30)).unwrap();
        assert!(range.variance() > quiet.variance());
    }

    proptest! {
        #[test]
        fn a_rougher_hour_never_reads_calmer(
            ratios in prop::collection::vec(1.0f64..1.2, 24..60),
            which in 0usize..24,
            more in 1.0f64..1.5,
        ) {
            let read = |ratios: &[f64]| {
                let mut range = RangeEwma::default();
                for (at, ratio) in ratios.iter().enumerate() {
                    range.push(&hour(i64::try_from(at).unwrap(), *ratio)).unwrap();
                }
                range.index().unwrap()
            };
            let mut rougher = ratios.clone();
            rougher[which] *= more;
            prop_assert!(read(&rougher) >= read(&ratios));
        }
    }
}
