//! How long before a bad day the state had told.

use airdrops_types::{AssetId, Timestamp, VolatilityState};
use serde::{Deserialize, Serialize};

use super::{DAY_MS, StateChange};

/// A day on which an asset lost too much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BadDay {
    /// Midnight UTC at which it began.
    pub start: Timestamp,
    /// Which asset.
    pub asset: AssetId,
    /// Its simple return over the day.
    pub change: f64,
    /// End of the first hour that closed so low.
    pub fell: Timestamp,
    /// Since when the state had been High or worse; see [`LeadTime`].
    pub high: Option<LeadTime>,
    /// Since when the state had been Extreme.
    pub extreme: Option<LeadTime>,
}

/// Hours from the entry into a state, or a worse one, to the fall: positive if the state was there
/// before the fall, negative if it came within 24 h after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeadTime(pub i64);

impl BadDay {
    pub(super) fn new(start: Timestamp, asset: AssetId, change: f64, fell: Timestamp) -> Self {
        Self {
            start,
            asset,
            change,
            fell,
            high: None,
            extreme: None,
        }
    }

    /// Looks the states up.
    pub(super) fn settle(&mut self, changes: &[StateChange]) {
        self.high = lead(changes, self.fell, VolatilityState::High);
        self.extreme = lead(changes, self.fell, VolatilityState::Extreme);
    }
}

/// `None` if the state was not there at the fall and did not come within 24 h.
fn lead(changes: &[StateChange], fell: Timestamp, state: VolatilityState) -> Option<LeadTime> {
    let mut since = None;
    for change in changes {
        if change.at > fell && since.is_some() {
            break;
        }
        if change.at.0 > fell.0.saturating_add(DAY_MS) {
            break;
        }
        if change.state < state {
            since = None;
        } else if since.is_none() {
            since = Some(change.at);
        }
    }
    since.map(|at| LeadTime((fell.0 - at.0) / super::HOUR_MS))
}

#[cfg(test)]
mod tests {
    use airdrops_types::VolPoints;

    use super::*;
    use crate::volatility::Thresholds;

    #[test]
    fn lead_is_counted_from_the_entry_that_still_stands() {
        use VolatilityState::{Extreme, High, Low, Medium};
        let at = |hour: i64| Timestamp(hour * super::super::HOUR_MS);
        let changes: Vec<StateChange> = [
            (0, Low),
            (10, High),
            (20, Medium),
            (30, High),
            (35, Extreme),
            (60, Medium),
        ]
        .into_iter()
        .map(|(hour, state)| StateChange {
            at: at(hour),
            state,
            index: VolPoints(0),
            thresholds: Thresholds {
                medium: VolPoints(0),
                high: VolPoints(0),
                extreme: VolPoints(0),
            },
        })
        .collect();
        assert_eq!(lead(&changes, at(33), High), Some(LeadTime(3)));
        assert_eq!(lead(&changes, at(40), High), Some(LeadTime(10)));
        assert_eq!(lead(&changes, at(40), Extreme), Some(LeadTime(5)));
        assert_eq!(lead(&changes, at(33), Extreme), Some(LeadTime(-2)));
        assert_eq!(lead(&changes, at(25), High), Some(LeadTime(-5)));
        assert_eq!(lead(&changes, at(5), Extreme), None);
        assert_eq!(lead(&changes, at(70), High), None);
        assert_eq!(lead(&changes, at(30), High), Some(LeadTime(0)));
    }
}
