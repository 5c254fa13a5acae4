//! Between which values the numbers of a policy make sense. Whoever reads a configuration takes its
//! ranges from here.

use std::time::Duration;

use airdrops_types::Bps;

use super::episode::span;

/// Durations from the shortest to the longest that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Durations {
    pub(crate) const fn seconds(shortest: u64, longest: u64) -> Self {
        Self {
            shortest: Duration::from_secs(shortest),
            longest: Duration::from_secs(longest),
        }
    }

    pub(crate) const fn minutes(shortest: u64, longest: u64) -> Self {
        Self::seconds(shortest * 60, longest * 60)
    }

    pub(crate) const fn hours(shortest: u64, longest: u64) -> Self {
        Self::minutes(shortest * 60, longest * 60)
    }

    /// Notes a duration outside of them; returns whether it is within.
    pub(crate) fn check(self, name: &str, value: Duration, wrong: &mut Vec<String>) -> bool {
        let within = (self.shortest..=self.longest).contains(&value);
        if !within {
            wrong.push(format!(
                "{name} is {}: it must be between {} and {}",
                span(value),
                span(self.shortest),
                span(self.longest)
            ));
        }
        within
    }
}

/// Shares from the least to the greatest that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// The least.
    pub least: Bps,
    /// The greatest.
    pub most: Bps,
}

impl Shares {
    pub(crate) const fn bps(least: u32, most: u32) -> Self {
        Self {
            least: Bps(least),
            most: Bps(most),
        }
    }

    /// Notes a share outside of them; returns whether it is within.
    pub(crate) fn check(self, name: &str, value: Bps, wrong: &mut Vec<String>) -> bool {
        let within = (self.least..=self.most).contains(&value);
        if !within {
            wrong.push(format!(
                "{name} is {value}: it must be between {} and {}",
                self.least, self.most
            ));
        }
        within
    }
}

/// Counts from the least to the greatest that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The least.
    pub least: u64,
    /// The greatest.
    pub most: u64,
}

impl Counts {
    pub(crate) const fn of(least: u64, most: u64) -> Self {
        Self { least, most }
    }

    /// Notes a count outside of them; returns whether it is within.
    pub(crate) fn check(self, name: &str, value: u64, wrong: &mut Vec<String>) -> bool {
        let within = (self.least..=self.most).contains(&value);
        if !within {
            wrong.push(format!(
                "{name} is {value}: it must be between {} and {}",
                self.least, self.most
            ));
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_within_and_what_is_beyond_is_named_with_the_bounds() {
        let mut wrong = Vec::new();
        let bounds = Durations::minutes(1, 60);
        for seconds in [60, 3600] {
            assert!(bounds.check("a", Duration::from_secs(seconds), &mut wrong));
        }
        for millis in [59_999, 3_600_001] {
            assert!(!bounds.check("a", Duration::from_millis(millis), &mut wrong));
        }
        for share in [Bps(1), Bps(5000)] {
            assert!(Shares::bps(1, 5000).check("b", share, &mut wrong));
        }
        for share in [Bps(0), Bps(5001)] {
            assert!(!Shares::bps(1, 5000).check("b", share, &mut wrong));
        }
        assert!(Counts::of(1, 2).check("c", 1, &mut wrong));
        assert!(Counts::of(1, 2).check("c", 2, &mut wrong));
        assert!(!Counts::of(1, 2).check("c", 0, &mut wrong));
        assert!(!Counts::of(1, 2).check("c", 3, &mut wrong));
        assert_eq!(wrong.len(), 6);
        assert_eq!(wrong[0], "a is 59 s: it must be between 1 min and 1 h");
        assert_eq!(wrong[3], "b is 50.01 %: it must be between 0.01 % and 50 %");
    }
}
