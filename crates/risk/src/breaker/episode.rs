//! How long something has held, as far as anybody looked.

use std::time::Duration;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

/// Time during which a condition held, counted between observations. A gap between two of them that
/// is longer than a bound neither resets nor extends it, and neither does a clock that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Episode {
    lasted: Duration,
    /// The last observation, if the condition held then.
    last: Option<Timestamp>,
}

impl Episode {
    /// Notes whether the condition holds at `now`, and returns for how long it has.
    pub(crate) fn observe(&mut self, holds: bool, now: Timestamp, max_gap: Duration) -> Duration {
        if !holds {
            *self = Self::default();
            return Duration::ZERO;
        }
        if let Some(last) = self.last {
            let passed = now.since(last);
            if passed <= max_gap {
                self.lasted = self.lasted.saturating_add(passed);
            }
        }
        self.last = Some(now);
        self.lasted
    }
}

/// A duration in words: `2 h`, `90 min`, `45 s`.
pub(crate) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_secs(10);

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn time_counts_between_observations_and_a_healthy_one_resets_it() {
        let mut episode = Episode::default();
        let mut at = |second, holds| episode.observe(holds, seconds(second), GAP).as_secs();
        assert_eq!(at(0, true), 0);
        assert_eq!(at(4, true), 4);
        assert_eq!(at(14, true), 14);
        assert_eq!(at(15, false), 0);
        assert_eq!(at(16, true), 0);
        assert_eq!(at(17, true), 1);
    }

    #[test]
    fn a_gap_neither_resets_nor_extends() {
        let mut episode = Episode::default();
        let mut at = |second| episode.observe(true, seconds(second), GAP).as_secs();
        at(0);
        assert_eq!(at(10), 10);
        assert_eq!(at(21), 10);
        assert_eq!(at(22), 11);
    }

    #[test]
    fn a_clock_that_went_ahead_and_back_does_not_stop_the_count() {
        let mut episode = Episode::default();
        let mut at = |second| episode.observe(true, seconds(second), GAP).as_secs();
        at(0);
        assert_eq!(at(5), 5);
        assert_eq!(at(1_000_000), 5);
        assert_eq!(at(6), 5);
        assert_eq!(at(8), 7);
    }

    #[test]
    fn spans_in_words() {
        let words = [0, 45, 60, 90, 5400, 7200, 3601].map(|s| span(Duration::from_secs(s)));
        assert_eq!(
            words,
            ["0 s", "45 s", "1 min", "90 s", "90 min", "2 h", "3601 s"]
        );
    }
}
