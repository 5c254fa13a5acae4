//! Values that know whether they may be relied upon.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An observed value with its standing. The value of a stale reading can be shown, but only
/// [`Reading::fresh`] gives one that a decision may rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// Observed at `at`, within its maximum age when the snapshot was taken.
    Fresh {
        /// The value.
        value: T,
        /// When the source says it was true.
        at: Timestamp,
    },
    /// Older than its maximum age, or disputed.
    Stale {
        /// The last value.
        value: T,
        /// When the source says it was true.
        at: Timestamp,
        /// Why it is not fresh.
        reason: String,
    },
    /// No value.
    Missing {
        /// Why there is none.
        reason: String,
    },
}

impl<T> Reading<T> {
    /// `value`, observed at `at`, seen from `now`: fresh if it is at most `max_age` old and not
    /// more than `max_age` in the future.
    pub fn aged(value: T, at: Timestamp, now: Timestamp, max_age: Duration) -> Self {
        let age = now.since(at).max(at.since(now));
        if age <= max_age {
            Self::Fresh { value, at }
        } else {
            let reason = format!(
                "{} s old, at most {} s allowed",
                age.as_secs(),
                max_age.as_secs()
            );
            Self::Stale { value, at, reason }
        }
    }

    /// No value, for `reason`.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self::Missing {
            reason: reason.into(),
        }
    }

    /// The same reading of what `change` makes of the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Fresh { value, at } => Reading::Fresh {
                value: change(value),
                at,
            },
            Self::Stale { value, at, reason } => Reading::Stale {
                value: change(value),
                at,
                reason,
            },
            Self::Missing { reason } => Reading::Missing { reason },
        }
    }

    /// The same value, but no longer fresh, for `reason`; an older defect is kept in front.
    #[must_use]
    pub fn disputed(self, reason: &str) -> Self {
        match self {
            Self::Fresh { value, at } => Self::Stale {
                value,
                at,
                reason: reason.to_owned(),
            },
            Self::Stale {
                value,
                at,
                reason: older,
            } => Self::Stale {
                value,
                at,
                reason: format!("{older}; {reason}"),
            },
            Self::Missing { reason } => Self::Missing { reason },
        }
    }

    /// The value, if it is fresh.
    pub fn fresh(&self) -> Option<&T> {
        match self {
            Self::Fresh { value, .. } => Some(value),
            Self::Stale { .. } | Self::Missing { .. } => None,
        }
    }

    /// The last known value, fresh or stale: for display and for actions that only reduce.
    pub fn last_known(&self) -> Option<&T> {
        match self {
            Self::Fresh { value, .. } | Self::Stale { value, .. } => Some(value),
            Self::Missing { .. } => None,
        }
    }

    /// Why the value is not fresh.
    pub fn defect(&self) -> Option<String> {
        match self {
            Self::Fresh { .. } => None,
            Self::Stale { reason, .. } => Some(format!("stale: {reason}")),
            Self::Missing { reason } => Some(format!("missing: {reason}")),
        }
    }
}
