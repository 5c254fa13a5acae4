//! What risk tells the allocator, the scheduler and the administrator.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bps, ControlState, Scope, Timestamp};

/// What holds in one scope: for the allocator and the scheduler.
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
