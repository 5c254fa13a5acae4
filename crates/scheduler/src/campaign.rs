//! What an operator defines: campaigns of tasks.

use std::time::Duration;

use airdrops_types::{Assignment, CampaignId, Timestamp};
use serde::{Deserialize, Serialize};

/// A set of tasks that run together, each time its trigger fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its name.
    pub id: CampaignId,
    /// When it runs.
    pub trigger: Trigger,
    /// A fire that is seen later than this is skipped, with a note. `None`: never too late.
    pub misfire_grace: Option<Duration>,
    /// What it does.
    pub tasks: Vec<TaskDef>,
}

/// When a campaign runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// By a cron expression of 5 or 6 fields in an IANA time zone.
    Cron {
        /// The expression.
        expression: String,
        /// The zone: `UTC`, `Europe/Berlin`.
        zone: String,
    },
    /// Every so often, by elapsed time.
    Interval {
        /// The period, at least one second.
        every: Duration,
        /// The first instant; `None`: when the program first sees the campaign.
        first: Option<Timestamp>,
    },
    /// Once.
    Date {
        /// When.
        at: Timestamp,
    },
    /// Once, as soon as the program sees it.
    Once,
}

/// One task of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDef {
    /// Unique within the campaign.
    pub name: String,
    /// What to do.
    pub assignment: Assignment,
    /// Names of the tasks that must complete first.
    pub after: Vec<String>,
    /// Not deferred by gas or a cautious state.
    pub critical: bool,
    /// When it fails.
    pub retry: RetryPolicy,
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
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::from_secs(30),
            cap: Duration::from_secs(3600),
        }
    }
}
