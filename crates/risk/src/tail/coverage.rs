//! Whether value at risk holds: how often it is exceeded, and whether in clusters.

use serde::{Deserialize, Serialize};

/// Counts of days on which a value at risk was exceeded. Bounded: it keeps counts, not days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Days counted.
    pub days: u64,
    /// Days on which the loss was greater than the value at risk.
    pub violations: u64,
    /// Days after a day: `[calm after calm, violation after calm]`, `[calm after violation,
    /// violation after violation]`.
    pub transitions: [[u64; 2]; 2],
    /// Whether the last day was a violation.
    pub last: Option<bool>,
}

/// A likelihood-ratio test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// −2 times the logarithm of the likelihood ratio.
    pub statistic: f64,
    /// The probability of a statistic at least as large if the hypothesis is true.
    pub p_value: f64,
}

impl Coverage {
    /// Counts a day.
    pub fn push(&mut self, violated: bool) {
        self.days = self.days.saturating_add(1);
        self.violations = self.violations.saturating_add(u64::from(violated));
        if let Some(last) = self.last {
            let count = &mut self.transitions[usize::from(last)][usize::from(violated)];
            *count = count.saturating_add(1);
        }
        self.last = Some(violated);
    }

    /// Counts a day of which nothing is known: the day after it follows nothing.
    pub fn skip(&mut self) {
        self.last = None;
    }

    /// Violations per day; `None` without a day.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn rate(&self) -> Option<f64> {
        (self.days > 0).then(|| self.violations as f64 / self.days as f64)
    }

    /// Kupiec (1995), proportion of failures: whether violations are as frequent as `expected`, the
    /// probability of one per day. χ² with one degree of freedom. `None` without a day, with more
    /// violations than days, or if `expected` does not lie between 0 and 1.
    #[must_use]
    pub fn kupiec(&self, expected: f64) -> Option<TestResult> {
        if self.days == 0 || !(f64::MIN_POSITIVE..1.0).contains(&expected) {
            return None;
        }
        let calm = self.days.checked_sub(self.violations)?;
        let restricted = likelihood(calm, self.violations, expected);
        let free = likelihood(calm, self.violations, self.rate()?);
        Some(chi_squared(free - restricted))
    }

    /// Christoffersen (1998), independence: whether a violation is as likely after a violation as
    /// after a calm day. χ² with one degree of freedom. `None` with less than two days.
    #[must_use]
    pub fn independence(&self) -> Option<TestResult> {
        let [[calm_calm, calm_hit], [hit_calm, hit_hit]] = self.transitions;
        let (calm, hit) = (calm_calm + hit_calm, calm_hit + hit_hit);
        if calm + hit == 0 {
            return None;
        }
        let restricted = likelihood(calm, hit, share(hit, calm));
        let free = likelihood(calm_calm, calm_hit, share(calm_hit, calm_calm))
            + likelihood(hit_calm, hit_hit, share(hit_hit, hit_calm));
        Some(chi_squared(free - restricted))
    }
}

#[allow(clippy::cast_precision_loss)]
fn share(part: u64, rest: u64) -> f64 {
    if part == 0 {
        0.0
    } else {
        part as f64 / (part + rest) as f64
    }
}

/// `(1 − p)^calm · p^hit` in logarithms, with `0 ln 0 = 0`.
#[allow(clippy::cast_precision_loss)]
fn likelihood(calm: u64, hit: u64, p: f64) -> f64 {
    let term = |count: u64, logarithm: f64| {
        if count == 0 {
            0.0
        } else {
            count as f64 * logarithm
        }
    };
    term(calm, libm::log1p(-p)) + term(hit, libm::log(p))
}

/// The tail of χ² with one degree of freedom: `erfc(√(x / 2))`.
fn chi_squared(log_ratio: f64) -> TestResult {
    let statistic = (2.0 * log_ratio).max(0.0);
    TestResult {
        statistic,
        p_value: libm::erfc((statistic / 2.0).sqrt()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn counted(days: u64, violations: u64) -> Coverage {
        Coverage {
            days,
            violations,
            ..Coverage::default()
        }
    }

    #[test]
    fn kupiec_by_hand() {
        // 4 of 250 at 1 %: 2 (4 ln 1.6 + 246 ln(0.984 / 0.99)).
        let by_hand = 2.0 * (4.0 * 1.6_f64.ln() + 246.0 * (0.984_f64 / 0.99).ln());
        let test = counted(250, 4).kupiec(0.01).unwrap();
        assert!((test.statistic - by_hand).abs() < 1e-10);
        assert!(
            (test.statistic - 0.769_138).abs() < 1e-6,
            "{}",
            test.statistic
        );
        // No violation in 250: −2 · 250 ln 0.99.
        let none = counted(250, 0).kupiec(0.01).unwrap();
        assert!((none.statistic - 5.025_167_926_750_7).abs() < 1e-9);
        // As expected exactly.
        let exact = counted(1000, 10).kupiec(0.01).unwrap();
        assert!(exact.statistic.abs() < 1e-9 && (exact.p_value - 1.0).abs() < 1e-4);
        // Every day.
        assert!(counted(10, 10).kupiec(0.01).unwrap().p_value < 1e-9);
        assert_eq!(counted(0, 0).kupiec(0.01), None);
        assert_eq!(counted(3, 4).kupiec(0.01), None);
        assert_eq!(counted(10, 1).kupiec(0.0), None);
        assert_eq!(counted(10, 1).kupiec(f64::NAN), None);
    }

    /// Kupiec (1995), non-rejection regions at 95 % confidence as tabled since: for 1 % and 255
    /// days fewer than 7; for 510 days more than 1 and fewer than 11; for 1,000 days more than 4
    /// and fewer than 17; for 5 % and 1,000 days more than 37 and fewer than 65.
    #[test]
    fn kupiec_agrees_with_his_table() {
        let kept = |days, expected| {
            let mut kept = (0..=days).filter(|violations| {
                counted(days, *violations).kupiec(expected).unwrap().p_value > 0.05
            });
            let first = kept.next().unwrap();
            (first, kept.next_back().unwrap())
        };
        assert_eq!(kept(255, 0.01).1, 6);
        assert_eq!(kept(510, 0.01), (2, 10));
        assert_eq!(kept(1000, 0.01), (5, 16));
        assert_eq!(kept(1000, 0.05), (38, 64));
    }

    #[test]
    fn the_tail_of_chi_squared_has_its_textbook_quantiles() {
        for (statistic, p_value) in [(2.705_543, 0.10), (3.841_459, 0.05), (6.634_897, 0.01)] {
            assert!((chi_squared(statistic / 2.0).p_value - p_value).abs() < 1e-6);
        }
    }

    #[test]
    fn christoffersen_by_hand() {
        // Ten days: the violations are the fourth, the fifth and the last.
        let mut coverage = Coverage::default();
        for day in 0..10 {
            coverage.push([3, 4, 9].contains(&day));
        }
        assert_eq!((coverage.days, coverage.violations), (10, 3));
        assert_eq!(coverage.transitions, [[5, 2], [1, 1]]);
        // Free: 5 ln 5/7 + 2 ln 2/7 + 2 ln 1/2; restricted: 6 ln 6/9 + 3 ln 3/9.
        let free = 5.0 * (5.0_f64 / 7.0).ln() + 2.0 * (2.0_f64 / 7.0).ln() + 2.0 * 0.5_f64.ln();
        let restricted = 6.0 * (6.0_f64 / 9.0).ln() + 3.0 * (3.0_f64 / 9.0).ln();
        let test = coverage.independence().unwrap();
        assert!((test.statistic - 2.0 * (free - restricted)).abs() < 1e-12);
        assert!((test.statistic - 0.308_892).abs() < 1e-6);
    }

    #[test]
    fn clusters_are_found_and_scattered_violations_are_not() {
        let mut clustered = Coverage::default();
        let mut scattered = Coverage::default();
        for day in 0..1000 {
            clustered.push(day % 100 < 2);
            scattered.push(day % 50 == 0);
        }
        assert_eq!(clustered.violations, scattered.violations);
        assert!(clustered.independence().unwrap().p_value < 1e-6);
        assert!(scattered.independence().unwrap().p_value > 0.05);
        assert_eq!(Coverage::default().independence(), None);
    }

    #[test]
    fn an_unknown_day_is_no_link() {
        let mut coverage = Coverage::default();
        coverage.push(true);
        coverage.skip();
        coverage.push(true);
        assert_eq!(coverage.transitions, [[0, 0], [0, 0]]);
        assert_eq!(coverage.violations, 2);
    }

    proptest! {
        #[test]
        fn p_values_are_probabilities(days in prop::collection::vec(any::<bool>(), 2..200)) {
            let mut coverage = Coverage::default();
            days.iter().for_each(|day| coverage.push(*day));
            for test in [coverage.kupiec(0.01).unwrap(), coverage.independence().unwrap()] {
                prop_assert!((0.0..=1.0).contains(&test.p_value), "{test:?}");
                prop_assert!(test.statistic >= 0.0 && test.statistic.is_finite());
            }
        }
    }
}
