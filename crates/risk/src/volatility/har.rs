//! The variance of tomorrow: a heterogeneous autoregression of logarithms.
//!
//! Corsi (2009), "A simple approximate long-memory model of realized volatility", in logarithms:
//!
//! `ln Xₜ₊₁ = b₀ + b₁ ln X¹ₜ + b₂ ln X⁷ₜ + b₃ ln X³⁰ₜ + ε`
//!
//! `X` is a daily measure of variance, `Xⁿ` its mean over `n` days; a week of a market that never
//! closes has 7 days, a month 30. Least squares over all days so far, solved again each day from
//! sums that grow by one row.
//!
//! `exp` of the fitted logarithm is a median and not a mean, and a range reads another level than
//! returns do. One factor corrects both: the mean of `realised variance / fitted value` over all
//! past days, each fitted before the day began. It is Duan's (1983) smearing factor, taken out of
//! sample, and the one constant that minimises QLIKE.

use std::collections::VecDeque;

use airdrops_types::Timestamp;
use nalgebra::{Cholesky, Matrix4, Vector4};
use serde::{Deserialize, Serialize};

/// Days of the longest mean.
const MONTH: usize = 30;
/// Days of the middle mean.
const WEEK: usize = 7;
/// Pairs of day and day after before anything is fitted.
pub const LEAST_PAIRS: u32 = 100;
/// Forecasts that must have come due before the factor, and with it the forecast, is given.
pub const LEAST_DUE: u32 = 60;
/// Measures below this count as this: a daily volatility of 0.0001 %, for days without a move.
pub const LEAST_VARIANCE: f64 = 1e-12;
/// Added to the diagonal, so that a series without variation can be solved.
const RIDGE: f64 = 1e-9;

/// Regressors of one day: 1 and the three logarithms.
type Row = [f64; 4];

/// A streaming log-HAR. Nothing that it gives for a day rests on that day or a later one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LogHar {
    /// The last measures, at most [`MONTH`].
    measures: VecDeque<f64>,
    last_day: Option<Timestamp>,
    equations: Equations,
    /// Of the last day.
    row: Option<Row>,
    /// Fitted for the day after the last one, without the factor.
    fitted: Option<f64>,
    /// Σ of realised variance / fitted value, and their number.
    ratio_sum: f64,
    due: u32,
}

/// The normal equations `(Σ x xᵀ) b = Σ x y`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Equations {
    pairs: u32,
    products: [Row; 4],
    targets: Row,
    /// Least and greatest target so far.
    span: Option<(f64, f64)>,
}

impl LogHar {
    /// Adds the day that began at `start`, with its measure and its realised variance. `follows`
    /// says that the day before it was added last; else nothing is learnt from the step between
    /// them. Returns whether the day was taken: values that are not finite or negative, and days
    /// that do not come after the last, are not.
    pub fn observe(
        &mut self,
        start: Timestamp,
        follows: bool,
        measure: f64,
        realised_variance: f64,
    ) -> bool {
        let sound = |value: f64| value.is_finite() && value >= 0.0;
        if !sound(measure)
            || !sound(realised_variance)
            || self.last_day.is_some_and(|last| start <= last)
        {
            return false;
        }
        let measure = measure.max(LEAST_VARIANCE);
        if follows {
            if let Some(fitted) = self.fitted {
                self.ratio_sum += realised_variance / fitted;
                self.due = self.due.saturating_add(1);
            }
            if let Some(row) = self.row {
                self.equations.add(&row, libm::log(measure));
            }
        }
        self.last_day = Some(start);
        self.measures.push_back(measure);
        if self.measures.len() > MONTH {
            self.measures.pop_front();
        }
        self.row = row(&self.measures);
        self.fitted = self.row.and_then(|row| self.equations.fit(&row));
        true
    }

    /// Variance of the day after the last one; `None` with too short a history.
    #[must_use]
    pub fn forecast(&self) -> Option<f64> {
        if self.due < LEAST_DUE {
            return None;
        }
        let forecast = self.fitted? * self.ratio_sum / f64::from(self.due);
        (forecast.is_finite() && forecast > 0.0).then_some(forecast)
    }

    /// The coefficients `b₀…b₃`; `None` with too short a history.
    #[must_use]
    pub fn coefficients(&self) -> Option<[f64; 4]> {
        self.equations.solve()
    }
}

/// The regressors after the last of the measures; `None` before there are [`MONTH`].
#[allow(clippy::cast_precision_loss)]
fn row(measures: &VecDeque<f64>) -> Option<Row> {
    if measures.len() < MONTH {
        return None;
    }
    let mean = |days: usize| measures.iter().rev().take(days).sum::<f64>() / days as f64;
    Some([
        1.0,
        libm::log(mean(1)),
        libm::log(mean(WEEK)),
        libm::log(mean(MONTH)),
    ])
}

impl Equations {
    fn add(&mut self, row: &Row, target: f64) {
        for (products, left) in self.products.iter_mut().zip(row) {
            for (product, right) in products.iter_mut().zip(row) {
                *product += left * right;
            }
        }
        for (sum, value) in self.targets.iter_mut().zip(row) {
            *sum += value * target;
        }
        let (low, high) = self.span.unwrap_or((target, target));
        self.span = Some((low.min(target), high.max(target)));
        self.pairs = self.pairs.saturating_add(1);
    }

    fn solve(&self) -> Option<Row> {
        if self.pairs < LEAST_PAIRS {
            return None;
        }
        let products = Matrix4::from_fn(|row, column| self.products[row][column])
            + Matrix4::identity() * RIDGE;
        let solution = Cholesky::new(products)?.solve(&Vector4::from(self.targets));
        let solution: Row = solution.into();
        solution
            .iter()
            .all(|value| value.is_finite())
            .then_some(solution)
    }

    /// `exp` of the fitted logarithm, kept within what was ever seen: the "insanity filter" of
    /// Bollerslev, Patton and Quaedvlieg (2016), with the nearest bound in place of the mean.
    fn fit(&self, row: &Row) -> Option<f64> {
        let coefficients = self.solve()?;
        let (low, high) = self.span?;
        let fitted: f64 = coefficients.iter().zip(row).map(|(b, x)| b * x).sum();
        Some(libm::exp(fitted.clamp(low, high)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;

    /// A log variance that forgets a tenth of its distance from −7 each day, without noise but
    /// for a fixed pseudo-random kick.
    fn series(days: usize) -> Vec<f64> {
        let mut level = -7.0_f64;
        let mut seed = 1_u32;
        (0..days)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let kick = f64::from(seed >> 8) / f64::from(1 << 24) - 0.5;
                level = -7.0 + 0.9 * (level + 7.0) + kick;
                level.exp()
            })
            .collect()
    }

    fn fed(values: &[f64], scale: f64) -> LogHar {
        let mut har = LogHar::default();
        for (day, value) in values.iter().enumerate() {
            let start = Timestamp(i64::try_from(day).unwrap() * DAY);
            assert!(har.observe(start, day > 0, *value, value * scale));
        }
        har
    }

    #[test]
    fn it_finds_the_persistence_of_an_autoregression() {
        let har = fed(&series(3000), 1.0);
        let [_, day, week, month] = har.coefficients().unwrap();
        assert!((day - 0.9).abs() < 0.06, "{day}");
        assert!(week.abs() < 0.1 && month.abs() < 0.1, "{week} {month}");
    }

    #[test]
    fn the_factor_carries_the_scale_over_to_realised_variance() {
        let values = series(600);
        let (one, less) = (fed(&values, 1.0), fed(&values, 0.8));
        let ratio = less.forecast().unwrap() / one.forecast().unwrap();
        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn too_short_a_history_gives_no_forecast() {
        let needed = MONTH + 100 + 60;
        assert_eq!(fed(&series(needed - 1), 1.0).forecast(), None);
        assert!(fed(&series(needed), 1.0).forecast().is_some());
    }

    #[test]
    fn a_day_after_a_gap_teaches_nothing_of_the_step() {
        let mut har = fed(&series(200), 1.0);
        let (equations, due) = (har.equations, har.due);
        assert!(har.observe(Timestamp(205 * DAY), false, 1e-2, 1e-2));
        assert_eq!((har.equations, har.due), (equations, due));
        assert!(har.observe(Timestamp(206 * DAY), true, 1e-2, 1e-2));
        assert_eq!(har.due, due + 1);
    }

    #[test]
    fn a_market_without_a_move_is_no_division_by_zero() {
        let har = fed(&[0.0; 400], 1.0);
        // Realised variance is zero as well: there is nothing to scale to.
        assert_eq!(har.forecast(), None);
        assert!(har.fitted.is_some_and(f64::is_finite));
    }

    #[test]
    fn a_day_out_of_order_or_out_of_range_changes_nothing() {
        let har = fed(&series(200), 1.0);
        let mut same = har.clone();
        assert!(!same.observe(Timestamp(199 * DAY), true, 1e-3, 1e-3));
        for wrong in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(!same.observe(Timestamp(200 * DAY), true, wrong, 1e-3));
            assert!(!same.observe(Timestamp(200 * DAY), true, 1e-3, wrong));
        }
        assert_eq!(same, har);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_restart_goes_on_as_if_nothing_had_happened(cut in 1usize..400) {
            let values = series(400);
            let before = fed(&values[..cut], 0.9);
            let text = serde_json::to_string(&before).unwrap();
            let mut after: LogHar = serde_json::from_str(&text).unwrap();
            for (day, value) in values.iter().enumerate().skip(cut) {
                after.observe(Timestamp(i64::try_from(day).unwrap() * DAY), true, *value, value * 0.9);
            }
            prop_assert_eq!(after, fed(&values, 0.9));
        }
    }
}
