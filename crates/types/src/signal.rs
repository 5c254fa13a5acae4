//! What risk tells the allocator, the scheduler and the administrator.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bps, ControlState, Scope, Timestamp, Trip};

/// What holds in one scope. What it means for one opportunity or task is a [`Restraint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlSignal {
    /// Where.
    pub scope: Scope,
    /// The worst control state there.
    pub state: ControlState,
    /// Limits are multiplied by this; at most 100 %.
    pub scale: Bps,
    /// Risk from 0 (none seen) to 100.
    pub score: u8,
    /// Why, each with its figures.
    pub reasons: Vec<String>,
}

/// What holds back one opportunity or one task: all scopes that cover it, taken together. For the
/// allocator and the scheduler; the gate judges each transaction by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restraint {
    /// The standing trips, by scope and breaker.
    pub trips: Vec<Trip>,
    /// What the market leaves of limits on growth: the least of all scales, at most 100 %.
    pub scale: Bps,
    /// What a scale below 100 % rests on, each with its figures.
    pub scaled_by: Vec<String>,
}

impl Default for Restraint {
    /// Nothing holds it back.
    fn default() -> Self {
        Self {
            trips: Vec::new(),
            scale: Bps::WHOLE,
            scaled_by: Vec::new(),
        }
    }
}

impl Restraint {
    /// The worst control state.
    #[must_use]
    pub fn state(&self) -> ControlState {
        let states = self.trips.iter().map(|trip| trip.state);
        states.max().unwrap_or_default()
    }

    /// The trips of `state` and worse, in words; empty if there is none. The same as long as they
    /// stand.
    #[must_use]
    pub fn stops(&self, state: ControlState) -> String {
        let trips = self.trips.iter().filter(|trip| trip.state >= state);
        let stops: Vec<String> = trips.map(Trip::to_string).collect();
        stops.join("; ")
    }
}

/// How urgent an alert is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// Over, or only worth knowing.
    #[default]
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must look now.
    Critical,
}

impl fmt::Display for AlertLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// Something that an administrator should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When it was raised.
    pub at: Timestamp,
    /// How urgent.
    pub level: AlertLevel,
    /// Where.
    pub scope: Scope,
    /// Stable name of the matter: `depeg`, `source:coingecko`. One matter and scope is told again
    /// only when level or evidence changes in kind.
    pub matter: String,
    /// The measured facts, with units.
    pub evidence: String,
}
