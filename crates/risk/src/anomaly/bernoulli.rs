//! Failure rates: a CUSUM over successes and failures.

use std::collections::BTreeMap;

use crate::breaker::FailureClass;
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// Thresholds are searched up to here, in units of one success.
const LARGEST_THRESHOLD: u32 = 400;

/// A Bernoulli CUSUM (Reynolds & Stoumbos 1999): it adds up the evidence that the failure rate rose
/// from `p0` to `p1`. A failure counts `m − 1`, a success −1, never below zero, where `m` is the
/// nearest whole number to `r2/r1` with `r1 = −ln((1−p1)/(1−p0))` and
/// `r2 = ln(p1 (1−p0) / (p0 (1−p1)))` (their eq. 5); so the sum is a whole number and its run length
/// is exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BernoulliCusum {
    p0: f64,
    p1: f64,
    /// m.
    weight: u32,
    threshold: u32,
    /// Before so many trials since the start or the last alarm, nothing alarms.
    min_trials: u32,
    sum: u32,
    trials: u32,
    failures: u32,
}

/// A chart that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BernoulliError {
    /// The rates make no sense.
    #[error(
        "usual rate {p0} and alarming rate {p1}: both must lie between 0 and 1, {p0} below {p1}"
    )]
    Rates {
        /// Usual failure rate.
        p0: f64,
        /// Failure rate to be found.
        p1: f64,
    },
    /// The rates are so close, or so small, that no threshold in reach is quiet enough.
    #[error(
        "no threshold keeps {trials} trials between false alarms at a rate of {p0}: \
         raise the alarming rate {p1}, or allow more false alarms"
    )]
    Budget {
        /// Usual failure rate.
        p0: f64,
        /// Failure rate to be found.
        p1: f64,
        /// Wanted trials between false alarms.
        trials: f64,
    },
}

/// What the chart says after a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BernoulliReading {
    /// The sum as a share of the threshold, in ten thousandths; 10,000 or more alarms if enough
    /// trials were seen.
    pub level: u32,
    /// Trials since the start or the last alarm, this one included.
    pub trials: u32,
    /// Failures among them.
    pub failures: u32,
    /// Whether the rate rose.
    pub alarm: bool,
}

impl BernoulliCusum {
    /// A chart that tells `p1` from `p0`, with the smallest threshold that keeps `trials_between`
    /// trials between false alarms on average at `p0`, and that is silent before `min_trials`.
    ///
    /// # Errors
    /// If the rates make no sense or no threshold in reach is quiet enough.
    pub fn new(
        p0: f64,
        p1: f64,
        trials_between: f64,
        min_trials: u32,
    ) -> Result<Self, BernoulliError> {
        if !(p0 > 0.0 && p0 < p1 && p1 < 1.0) {
            return Err(BernoulliError::Rates { p0, p1 });
        }
        let budget = BernoulliError::Budget {
            p0,
            p1,
            trials: trials_between,
        };
        let r1 = -((1.0 - p1) / (1.0 - p0)).ln();
        let r2 = (p1 * (1.0 - p0) / (p0 * (1.0 - p1))).ln();
        let ratio = (r2 / r1).round().max(2.0);
        if ratio > f64::from(LARGEST_THRESHOLD) {
            return Err(budget);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 2 and LARGEST_THRESHOLD"
        )]
        let weight = ratio as u32;
        let quiet = |h: u32| bernoulli_arl(p0, weight, h).is_some_and(|arl| arl >= trials_between);
        // Run lengths grow with the threshold, and the work with its cube: from below.
        let mut high = 1;
        while !quiet(high) {
            if high >= LARGEST_THRESHOLD {
                return Err(budget);
            }
            high = (high * 2).min(LARGEST_THRESHOLD);
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if quiet(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(Self {
            p0,
            p1,
            weight,
            threshold: high,
            min_trials,
            sum: 0,
            trials: 0,
            failures: 0,
        })
    }

    /// The next trial. After an alarm the chart starts again.
    pub fn push(&mut self, failed: bool) -> BernoulliReading {
        self.trials = self.trials.saturating_add(1);
        if failed {
            self.failures = self.failures.saturating_add(1);
            self.sum = self.sum.saturating_add(self.weight.saturating_sub(1));
        } else {
            self.sum = self.sum.saturating_sub(1);
        }
        let alarm = self.sum >= self.threshold && self.trials >= self.min_trials;
        let level = u64::from(self.sum) * 10_000 / u64::from(self.threshold.max(1));
        let reading = BernoulliReading {
            level: u32::try_from(level).unwrap_or(u32::MAX),
            trials: self.trials,
            failures: self.failures,
            alarm,
        };
        if alarm {
            (self.sum, self.trials, self.failures) = (0, 0, 0);
        }
        reading
    }
}

/// Average number of trials until the sum of `+(weight − 1)` per failure and `−1` per success, never
/// below zero and started there, reaches `threshold`, if trials fail with probability `p`: exact, by
/// the chain over the sum (Reynolds & Stoumbos 1999, section 4). `None` if that is beyond computing,
/// or for a chart without meaning.
#[must_use]
pub fn bernoulli_arl(p: f64, weight: u32, threshold: u32) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) || weight < 2 || threshold == 0 {
        return None;
    }
    let n = threshold as usize;
    let up = weight as usize - 1;
    let mut system = DMatrix::<f64>::identity(n, n);
    for from in 0..n {
        system[(from, from.saturating_sub(1))] -= 1.0 - p;
        if from + up < n {
            system[(from, from + up)] -= p;
        }
    }
    system
        .lu()
        .solve(&DVector::from_element(n, 1.0))
        .map(|trials| trials[0])
        .filter(|trials| trials.is_finite() && *trials >= 1.0)
}

/// One chart per class of failure: each trial counts in all of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FailureCharts {
    charts: BTreeMap<FailureClass, BernoulliCusum>,
}

impl FailureCharts {
    /// Watches `class` with `chart`, instead of what watched it before.
    pub fn watch(&mut self, class: FailureClass, chart: BernoulliCusum) {
        self.charts.insert(class, chart);
    }

    /// The next trial, and how it failed if it did. The readings of the watched classes, in order.
    pub fn push(
        &mut self,
        failure: Option<FailureClass>,
    ) -> impl Iterator<Item = (FailureClass, BernoulliReading)> + '_ {
        self.charts
            .iter_mut()
            .map(move |(class, chart)| (*class, chart.push(failure == Some(*class))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn chart() -> BernoulliCusum {
        BernoulliCusum::new(0.02, 0.2, 2_000.0, 10).unwrap()
    }

    #[test]
    fn exact_run_lengths_of_small_charts() {
        // One failure is enough: 1/p trials.
        assert!((bernoulli_arl(0.1, 5, 1).unwrap() - 10.0).abs() < 1e-9);
        assert!((bernoulli_arl(0.1, 5, 4).unwrap() - 10.0).abs() < 1e-9);
        // Two failures, at most one success apart: +2, −1, threshold 3. By hand:
        // N0 = 1 + p N2 + q N0, N1 = 1 + q N0, N2 = 1 + q N1.
        let (p, q) = (0.1, 0.9);
        let n0 = (1.0 + p * (1.0 + q)) / (1.0 - q - p * q * q);
        assert!((bernoulli_arl(p, 3, 3).unwrap() - n0).abs() < 1e-9);
        assert_eq!(bernoulli_arl(0.0, 3, 3), None);
    }

    #[test]
    fn false_alarms_keep_their_budget_in_simulation() {
        let mut chart = chart();
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let alarms = (0..400_000)
            .filter(|_| chart.push(random.random_bool(0.02)).alarm)
            .count();
        // 200 at most are expected; below half of that the threshold would be needlessly high.
        assert!((100..=230).contains(&alarms), "{alarms}");
    }

    #[test]
    fn a_burst_of_failures_is_found_within_ten_trials() {
        let mut chart = chart();
        for _ in 0..200 {
            assert!(!chart.push(false).alarm);
        }
        let found = (1..=10).find(|i| chart.push(i % 2 == 1).alarm);
        assert!(found.is_some());
    }

    #[test]
    fn few_trials_do_not_alarm() {
        let mut chart = chart();
        let first = (1..=20).find(|_| chart.push(true).alarm);
        assert_eq!(first, Some(10));
    }

    #[test]
    fn classes_are_counted_apart() {
        let mut charts = FailureCharts::default();
        charts.watch(FailureClass::Revert, chart());
        charts.watch(FailureClass::Nonce, chart());
        let mut alarms = Vec::new();
        for trial in 0..60 {
            let failure = (trial >= 40).then_some(FailureClass::Nonce);
            let found = charts.push(failure).filter(|(_, reading)| reading.alarm);
            alarms.extend(found.map(|(class, _)| class));
        }
        assert!(!alarms.is_empty());
        assert!(alarms.iter().all(|class| *class == FailureClass::Nonce));
    }

    #[test]
    fn a_restart_in_the_middle_changes_nothing() {
        let mut straight = chart();
        for i in 0..30 {
            straight.push(i % 9 == 0);
        }
        let text = serde_json::to_string(&straight).unwrap();
        let mut resumed: BernoulliCusum = serde_json::from_str(&text).unwrap();
        for i in 0..30 {
            assert_eq!(straight.push(i % 3 == 0), resumed.push(i % 3 == 0));
        }
        assert_eq!(straight, resumed);
    }

    #[test]
    fn rates_without_meaning_and_budgets_out_of_reach_are_refused() {
        assert!(matches!(
            BernoulliCusum::new(0.2, 0.1, 100.0, 5),
            Err(BernoulliError::Rates { .. })
        ));
        assert!(BernoulliCusum::new(f64::NAN, 0.1, 100.0, 5).is_err());
        assert!(matches!(
            BernoulliCusum::new(0.1, 0.101, 1e15, 5),
            Err(BernoulliError::Budget { .. })
        ));
    }
}
