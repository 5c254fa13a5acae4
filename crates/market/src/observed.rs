//! What a source said, and when it says that this was true.

use std::time::Duration;

use airdrops_types::{Reading, Timestamp};

/// How far in the future a source's time may lie, to allow for clocks that differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// A value with the source's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<T> {
    /// The value.
    pub value: T,
    /// When the source says it was true.
    pub at: Timestamp,
    /// Why it may not be relied upon, however young it is.
    pub doubt: Option<String>,
}

impl<T> Observed<T> {
    /// `value`, which its source dates `at`, received at `received`. A date further in the future
    /// than [`CLOCK_TOLERANCE`] is a doubt; one within it counts as the time of receipt, so that
    /// a fast clock does not lengthen a life.
    pub fn new(value: T, at: Timestamp, received: Timestamp) -> Self {
        let ahead = at.since(received);
        let doubt =
            (ahead > CLOCK_TOLERANCE).then(|| format!("dated {} s in the future", ahead.as_secs()));
        let at = if doubt.is_none() {
            at.min(received)
        } else {
            at
        };
        Self { value, at, doubt }
    }

    /// The same with a doubt, unless there is one.
    #[must_use]
    pub fn doubted(mut self, reason: impl Into<String>) -> Self {
        self.doubt.get_or_insert_with(|| reason.into());
        self
    }

    /// Seen from `now`: fresh if undoubted and at most `max_age` old.
    pub fn reading(self, now: Timestamp, max_age: Duration) -> Reading<T> {
        match self.doubt {
            Some(reason) => Reading::Stale {
                value: self.value,
                at: self.at,
                reason,
            },
            None => Reading::aged(self.value, self.at, now, max_age),
        }
    }
}

/// What a source said about one thing that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting<T> {
    /// This.
    Seen(Observed<T>),
    /// Nothing, in an answer that is otherwise in order.
    Absent {
        /// How the source says so.
        reason: String,
    },
}

impl<T> Sighting<T> {
    /// Seen from `now`.
    pub fn reading(self, now: Timestamp, max_age: Duration) -> Reading<T> {
        match self {
            Self::Seen(observed) => observed.reading(now, max_age),
            Self::Absent { reason } => Reading::missing(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_date_in_the_future_never_lengthens_a_life() {
        let fast = Observed::new(1, NOW.plus(Duration::from_secs(59)), NOW);
        assert_eq!(fast.at, NOW);
        assert!(fast.clone().reading(NOW, MINUTE).fresh().is_some());
        let later = NOW.plus(Duration::from_secs(61));
        assert!(fast.reading(later, MINUTE).fresh().is_none());
    }

    #[test]
    fn a_date_far_in_the_future_is_never_fresh() {
        let date = NOW.plus(Duration::from_secs(3600));
        let liar = Observed::new(1, date, NOW);
        assert!(liar.clone().reading(NOW, MINUTE).fresh().is_none());
        assert!(liar.reading(date, MINUTE).fresh().is_none());
    }

    #[test]
    fn a_doubt_outlives_youth_and_the_first_one_stays() {
        let doubted = Observed::new(1, NOW, NOW).doubted("wide").doubted("other");
        let defect = doubted.reading(NOW, MINUTE).defect();
        assert_eq!(defect.as_deref(), Some("stale: wide"));
    }
}
