//! What failed, and how often to try again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why an attempt failed, as far as trying again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// An endpoint, a time-out: the next attempt may well succeed.
    Transient,
    /// The transaction ran out of gas.
    OutOfGas,
    /// The transaction paid too little to be mined.
    Underpriced,
    /// The transaction, or its simulation, reverted.
    Reverted,
    /// The gate refused, for a reason that does not clear by itself.
    Refused,
    /// The transaction disappeared: cancelled, or its nonce used by another one.
    Lost,
}

impl ErrorClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Transient,
        Self::OutOfGas,
        Self::Underpriced,
        Self::Reverted,
        Self::Refused,
        Self::Lost,
    ];

    /// The class as it is written in configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::OutOfGas => "out_of_gas",
            Self::Underpriced => "underpriced",
            Self::Reverted => "reverted",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Failed attempts after which the task is given up; at least 1.
    pub max_attempts: u32,
    /// Longest delay before the second attempt.
    pub base: Duration,
    /// Longest delay of all.
    pub cap: Duration,
    /// Failed attempts of one class after which the task is given up, where that is fewer.
    #[serde(default)]
    pub limits: BTreeMap<ErrorClass, u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::from_secs(30),
            cap: Duration::from_secs(3600),
            limits: BTreeMap::new(),
        }
    }
}
