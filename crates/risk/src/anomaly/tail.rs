//! How improbable a value is, judged by the past of the same series.
//!
//! Within the bulk of the past, by rank. Beyond the outermost share of it, by a generalised Pareto
//! tail over that share (peaks over threshold; Pickands 1975, applied to streams by Siffer et al.
//! 2017), fitted by probability-weighted moments (Hosking & Wallis 1987, eq. 6). So a value beyond
//! all that was seen is the more improbable the further out it is, measured by how far apart the
//! extremes were before, and the answer is a probability whatever the unit of the series.

use serde::{Deserialize, Serialize};

use super::window::OrderedWindow;

/// Share of the past on each side that counts as its tail.
const TAIL_SHARE: usize = 20;
/// Fewest values in a tail that a fit rests on.
const FEWEST_IN_TAIL: usize = 5;
/// Bounds of the shape parameter: a fit to a few values must not claim a hard end just beyond the
/// last extreme, nor a tail so fat that nothing is ever improbable.
const SHAPE: (f64, f64) = (-0.1, 0.5);
/// No probability is believed below this: the past is finite.
const SMALLEST: f64 = 1e-12;

/// The past of one statistic, and the probability of values as extreme as a new one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TailModel {
    past: OrderedWindow,
}

/// On which side of the past a value is improbable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Larger than usual.
    Above,
    /// Smaller than usual.
    Below,
}

impl Side {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

impl TailModel {
    /// A model that remembers `capacity` values.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            past: OrderedWindow::new(capacity),
        }
    }

    /// What it remembers.
    #[must_use]
    pub fn past(&self) -> &OrderedWindow {
        &self.past
    }

    /// Remembers `value`; one that is not finite is ignored. Returns whether it was taken.
    pub fn push(&mut self, value: f64) -> bool {
        self.past.push(value)
    }

    /// Probability, by the past alone, of a value at least as large (`Above`) or as small (`Below`)
    /// as `value`; in (0, 1]. 1 without a past or for a number that is not finite.
    #[must_use]
    pub fn exceedance(&self, value: f64, side: Side) -> f64 {
        let sorted = self.past.sorted();
        let n = sorted.len();
        if n == 0 || !value.is_finite() {
            return 1.0;
        }
        // Ties count: a value that was common before is common.
        let as_extreme = match side {
            Side::Above => n - sorted.partition_point(|held| *held < value),
            Side::Below => sorted.partition_point(|held| *held <= value),
        };
        let in_tail = n / TAIL_SHARE;
        if in_tail < FEWEST_IN_TAIL || as_extreme >= in_tail {
            return (count(as_extreme) + 1.0) / (count(n) + 1.0);
        }
        let excess = |i: usize| match side {
            Side::Above => sorted[n - 1 - i] - sorted[n - 1 - in_tail],
            Side::Below => sorted[in_tail] - sorted[i],
        };
        // Probability-weighted moments over the excesses, the largest of which is the first.
        let (mut mean, mut weighted) = (0.0, 0.0);
        for i in 0..in_tail {
            mean += excess(i);
            weighted += excess(i) * (count(i) + 0.35) / count(in_tail);
        }
        mean /= count(in_tail);
        weighted /= count(in_tail);
        let own = match side {
            Side::Above => value - sorted[n - 1 - in_tail],
            Side::Below => sorted[in_tail] - value,
        };
        // Resolution of the past: a series of steps has no smaller excess than a share of its width.
        let width = (sorted[n - 1] - sorted[0]).abs();
        let floor = (width * 1e-3)
            .max(value.abs() * 1e-9)
            .max(f64::MIN_POSITIVE);
        let spread = mean - 2.0 * weighted;
        let shape = if spread > 0.0 {
            (2.0 - mean / spread).clamp(SHAPE.0, SHAPE.1)
        } else {
            0.0
        };
        let scale = (mean * (1.0 - shape)).max(floor);
        let beyond = if shape.abs() < 1e-6 {
            (-own / scale).exp()
        } else {
            (1.0 + shape * own / scale).max(0.0).powf(-1.0 / shape)
        };
        let share = (count(in_tail) + 1.0) / (count(n) + 1.0);
        let p = share * beyond;
        if p.is_finite() {
            p.clamp(SMALLEST, 1.0)
        } else {
            // Numbers too large to compare: no further out than the tail begins.
            share
        }
    }

    /// Two-sided: twice the smaller of both probabilities, as −log10, with its side. Never
    /// negative.
    #[must_use]
    pub fn surprise(&self, value: f64) -> (f64, Side) {
        let above = self.exceedance(value, Side::Above);
        let below = self.exceedance(value, Side::Below);
        let (p, side) = if above <= below {
            (above, Side::Above)
        } else {
            (below, Side::Below)
        };
        (-(2.0 * p).min(1.0).log10(), side)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Quantiles of the exponential distribution with mean 1, as if it were sampled evenly.
    fn exponential(n: u32) -> TailModel {
        let mut model = TailModel::new(10_000);
        for i in 0..n {
            let p = (f64::from(i) + 0.5) / f64::from(n);
            assert!(model.push(-(1.0 - p).ln()));
        }
        model
    }

    #[test]
    fn beyond_all_that_was_seen_an_exponential_tail_goes_on_as_such() {
        let model = exponential(2000);
        for value in [4.0_f64, 6.0, 9.0, 11.0] {
            let found = model.exceedance(value, Side::Above).ln();
            assert!((found + value).abs() < 0.15 * value, "{value}: {found}");
        }
    }

    #[test]
    fn probability_falls_with_distance_on_both_sides() {
        let model = exponential(500);
        let mut last = 2.0;
        for step in 0..400 {
            let p = model.exceedance(f64::from(step) * 0.05, Side::Above);
            assert!(p <= last && p > 0.0, "step {step}");
            last = p;
        }
        assert!(model.exceedance(-1.0, Side::Below) < 0.001);
    }

    #[test]
    fn what_is_common_is_no_surprise() {
        let mut model = TailModel::new(100);
        for _ in 0..100 {
            assert!(model.push(5.0));
        }
        assert!(model.surprise(5.0).0 < 1e-9);
        let (surprise, side) = model.surprise(6.0);
        assert!(surprise > 3.0 && side == Side::Above);
        assert!((model.exceedance(f64::NAN, Side::Above) - 1.0).abs() < 1e-12);
    }
}
