//! Task runs, as they are stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::Assignment;
use crate::{CampaignId, Operation, TaskId, Timestamp};

/// Where a task run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for the tasks that it comes after.
    Pending,
    /// May start now.
    Ready,
    /// Could start, but waits for a better moment: see `reason` and `not_before`.
    Deferred,
    /// A step is being made, or its transaction is under way.
    Running,
    /// A step failed; the next attempt is at `not_before`.
    Retrying,
    /// All steps are final and successful.
    Completed,
    /// Gave up: see `reason`.
    Failed,
    /// Will not run: see `reason`.
    Cancelled,
}

impl TaskState {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Deferred => "deferred",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

/// One run of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// `campaign/task#run`.
    pub id: TaskId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The task's name within the campaign.
    pub name: String,
    /// Counts the campaign's runs from 1.
    pub run: u64,
    /// What to do.
    pub assignment: Assignment,
    /// Runs that must complete first.
    pub after: Vec<TaskId>,
    /// Critical tasks run before others.
    pub critical: bool,
    /// Where it stands.
    pub state: TaskState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// When to look again, for deferred and retrying runs. `None` for a deferred run that a stop
    /// holds: as soon as that changes.
    pub not_before: Option<Timestamp>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Failed attempts after which it is given up.
    pub max_attempts: u32,
    /// The operations with their amounts, once planned.
    pub plan: Option<Vec<Operation>>,
    /// Index in `plan` of the next operation to be made.
    pub cursor: usize,
    /// Counts intents with a final outcome; the next intent is `IntentId::derive(id, step)`.
    pub step: u32,
    /// The instant the trigger fired for.
    pub due: Timestamp,
    /// When the first step began.
    pub started: Option<Timestamp>,
    /// When it became final.
    pub ended: Option<Timestamp>,
}

impl TaskRecord {
    /// Whether it waits for the end of a stop, and for no moment.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state == TaskState::Deferred && self.not_before.is_none()
    }
}

/// The durable state of a campaign's trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerState {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// The next instant it fires; `None` when it never fires again.
    pub next: Option<Timestamp>,
    /// Runs made so far.
    pub runs: u64,
    /// The definition it was computed for; another one starts the trigger anew.
    pub definition: String,
}
