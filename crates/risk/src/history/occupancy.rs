//! How much time was spent in each state.

use std::collections::BTreeMap;

use airdrops_types::{Timestamp, VolPoints, VolatilityState};
use serde::{Deserialize, Serialize};

use super::day_of;
use crate::volatility::Thresholds;

/// A change of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// When.
    pub at: Timestamp,
    /// The state from here on.
    pub state: VolatilityState,
    /// The index that it rests on.
    pub index: VolPoints,
    /// Where states began.
    pub thresholds: Thresholds,
}

/// One year in UTC, or the part of it that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct YearOccupancy {
    /// Hours per state, in the order of [`VolatilityState::ALL`].
    pub hours: [u64; 4],
    /// Entries per state, in the same order; the first state counts as one.
    pub entries: [u64; 4],
}

impl YearOccupancy {
    /// Hours in any state.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.hours.iter().sum()
    }

    /// The share of hours in `state`, 0 to 1; 0 without an hour.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn share(&self, state: VolatilityState) -> f64 {
        self.hours[place(state)] as f64 / (self.total().max(1)) as f64
    }

    /// Entries into `state`.
    #[must_use]
    pub fn entries_into(&self, state: VolatilityState) -> u64 {
        self.entries[place(state)]
    }
}

/// Hours per state and year, and every change. Hours without an index are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occupancy {
    /// By year.
    pub years: BTreeMap<i16, YearOccupancy>,
    /// By time; the first is the first state.
    pub changes: Vec<StateChange>,
    /// The day looked up last, and its year.
    year: Option<(Timestamp, i16)>,
}

impl Occupancy {
    /// All years together.
    #[must_use]
    pub fn total(&self) -> YearOccupancy {
        let mut total = YearOccupancy::default();
        for year in self.years.values() {
            for (sum, hours) in total.hours.iter_mut().zip(year.hours) {
                *sum += hours;
            }
            for (sum, entries) in total.entries.iter_mut().zip(year.entries) {
                *sum += entries;
            }
        }
        total
    }

    /// Counts an hour that ended at `end`.
    pub(super) fn hour(
        &mut self,
        hour: Timestamp,
        end: Timestamp,
        state: VolatilityState,
        index: VolPoints,
        thresholds: Thresholds,
    ) {
        let changed = self.changes.last().is_none_or(|last| last.state != state);
        let of = self.year_of(hour);
        let year = self.years.entry(of).or_default();
        year.hours[place(state)] += 1;
        if changed {
            year.entries[place(state)] += 1;
            self.changes.push(StateChange {
                at: end,
                state,
                index,
                thresholds,
            });
        }
    }

    fn year_of(&mut self, at: Timestamp) -> i16 {
        let day = day_of(at);
        match self.year {
            Some((of, year)) if of == day => year,
            _ => {
                // Out of range only for years that a price history does not reach.
                let instant = jiff::Timestamp::from_millisecond(day.0).unwrap_or_default();
                let year = instant.to_zoned(jiff::tz::TimeZone::UTC).year();
                self.year = Some((day, year));
                year
            }
        }
    }
}

fn place(state: VolatilityState) -> usize {
    match state {
        VolatilityState::Low => 0,
        VolatilityState::Medium => 1,
        VolatilityState::High => 2,
        VolatilityState::Extreme => 3,
    }
}
