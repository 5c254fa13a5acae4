//! Since when a standing trip has healthy evidence.

use std::time::Duration;

use airdrops_types::{ControlState, Scope, Timestamp};
use serde::{Deserialize, Serialize};

/// What one standing trip has on its way down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recovery {
    pub(super) scope: Scope,
    pub(super) breaker: String,
    /// The last evidence.
    last: Timestamp,
    /// Since when no evidence was worse than each of these states, calmest first.
    since: Vec<(ControlState, Timestamp)>,
}

impl Recovery {
    pub(super) fn new(scope: Scope, breaker: &str, now: Timestamp) -> Self {
        Self {
            scope,
            breaker: breaker.to_owned(),
            last: now,
            since: Vec::new(),
        }
    }

    /// Notes evidence for `state`, which is better than the `standing` one. If the last evidence
    /// is longer ago than `max_gap`, or later than `now`, all starts again.
    pub(super) fn observe(
        &mut self,
        state: ControlState,
        standing: ControlState,
        now: Timestamp,
        max_gap: Duration,
    ) {
        if now < self.last || now.since(self.last) > max_gap {
            self.since.clear();
        }
        self.last = now;
        let between = state..standing;
        self.since.retain(|(calm, _)| between.contains(calm));
        for calm in [
            ControlState::Active,
            ControlState::Cautious,
            ControlState::Reducing,
        ] {
            if between.contains(&calm) && !self.since.iter().any(|(noted, _)| *noted == calm) {
                self.since.push((calm, now));
            }
        }
        self.since.sort_unstable();
    }

    /// The calmest state that held for `cool_down`.
    pub(super) fn reached(&self, now: Timestamp, cool_down: Duration) -> Option<ControlState> {
        let mut calmest = self.since.iter();
        let found = calmest.find(|(_, since)| now.since(*since) >= cool_down)?;
        Some(found.0)
    }
}
