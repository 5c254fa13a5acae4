//! What a call of the scheduler hands out to be stored.

use std::time::Duration;

use airdrops_types::{CampaignId, TaskId, TaskRecord, TaskState, Timestamp, TriggerState};

use super::Memory;

/// Something to be stored. All changes of one call belong into one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // Short-lived, and nearly all are tasks.
pub enum Change {
    /// A task run was made or changed.
    Task {
        /// As it is now.
        record: TaskRecord,
        /// The state before; `None` when it was made.
        from: Option<TaskState>,
        /// Why.
        reason: String,
    },
    /// A trigger moved on.
    Trigger {
        /// As it is now.
        state: TriggerState,
    },
    /// A trigger fired.
    Fired {
        /// Of which campaign.
        campaign: CampaignId,
        /// For which instant.
        due: Timestamp,
        /// The runs that it made; none if the fire was skipped.
        tasks: Vec<TaskId>,
        /// In words.
        note: String,
    },
    /// Task runs could never have become ready, and are skipped: told once, in the tick that finds
    /// them.
    Stuck {
        /// The first of them, at most 100.
        tasks: Vec<TaskId>,
        /// How many there are.
        count: usize,
        /// Why.
        reason: String,
    },
    /// A task run has missed its service level: told once, beside the record that says so.
    Late {
        /// Which.
        task: TaskId,
        /// By how much, when it was seen.
        by: Duration,
    },
    /// A protocol is left alone for a while, or not any more.
    Quarantined {
        /// `protocol:aerie`.
        key: String,
        /// Until when; `None` when it is over.
        until: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// What is to be stored beside the records, as it is now: takes the place of the last one.
    Memory(Memory),
}
