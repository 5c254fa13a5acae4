//! Limits of the scheduler that hold for all campaigns together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of the scheduler that hold for all campaigns together.
///
/// A limit is named by a key (`protocol:aerie`) or by its kind (`protocol`), which then holds for each
/// key of that kind that has no limit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerPolicy {
    /// Most tasks that may be under way at once, by key or kind; at least 1.
    pub concurrency: BTreeMap<String, u32>,
    /// Most tasks that may start in a while, by key or kind.
    pub rates: BTreeMap<String, Rate>,
    /// What waits this long counts as one priority higher.
    pub aging: Duration,
    /// When tasks of one protocol keep failing.
    pub quarantine: Quarantine,
}

/// So many starts in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Starts, at least 1.
    pub starts: u32,
    /// In this long.
    pub per: Duration,
}

/// A protocol whose tasks fail `failures` times in a row within `within` is left alone for `pause`:
/// only critical tasks and those that reduce go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Failed attempts in a row; 0 switches it off.
    pub failures: u32,
    /// Within this long.
    pub within: Duration,
    /// For this long.
    pub pause: Duration,
}

impl Default for SchedulerPolicy {
    fn default() -> Self {
        Self {
            concurrency: BTreeMap::new(),
            rates: BTreeMap::new(),
            aging: Duration::from_secs(3600),
            quarantine: Quarantine {
                failures: 5,
                within: Duration::from_secs(24 * 3600),
                pause: Duration::from_secs(6 * 3600),
            },
        }
    }
}
