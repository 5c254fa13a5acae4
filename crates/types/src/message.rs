//! What comes to a runner from outside: an operator's requests, webhooks, definitions of campaigns.
//!
//! A message is stored once under its id, however often it is delivered, and is done in the very
//! transaction that stores what it led to: it takes effect exactly once.

use serde::{Deserialize, Serialize};

use crate::{B256, CampaignId, TaskId, Timestamp};

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Counts messages from 1, in the order in which they came.
    pub seq: u64,
    /// Tells deliveries of the same message: the second one of an id changes nothing.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// Who sent it.
    pub by: String,
    /// What is asked for.
    pub command: Command,
}

/// A message that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDone {
    /// Which.
    pub seq: u64,
    /// What came of it, in words; also why it was refused.
    pub result: String,
}

/// Longest name of an event, bytes.
pub const LONGEST_EVENT_NAME: usize = 64;

/// Whether a text can name an event: 1 to 64 letters, digits, `-`, `_` and `.`, and not dots alone, so
/// that it stands in a URL as it is.
#[must_use]
pub fn is_event_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LONGEST_EVENT_NAME).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().any(|byte| byte != b'.')
}

/// What somebody asks of the scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Store another version of a campaign, and use it from the next run on.
    Define {
        /// The definition.
        campaign: Box<NewDefinition>,
    },
    /// No more fires of a campaign's trigger, until it is resumed; runs that began go on.
    Pause {
        /// Which.
        campaign: CampaignId,
        /// Why.
        reason: String,
    },
    /// Fires again.
    Resume {
        /// Which.
        campaign: CampaignId,
    },
    /// One run now, whatever the trigger says.
    Run {
        /// Of which campaign.
        campaign: CampaignId,
    },
    /// One run for each instant of the trigger from `from` up to and including `to`.
    Backfill {
        /// Of which campaign.
        campaign: CampaignId,
        /// First.
        from: Timestamp,
        /// Last.
        to: Timestamp,
    },
    /// Try a task run again now: one that waits, or that gave up.
    Retry {
        /// Which.
        task: TaskId,
    },
    /// Run a task, and all that comes after it in its run, again.
    Rerun {
        /// From which.
        task: TaskId,
    },
    /// Leave a task run out.
    Skip {
        /// Which.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// End a task run; if its definition says so, undo what it did.
    Cancel {
        /// Which.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// Let a task run go on that waits for an approval.
    Approve {
        /// Which.
        task: TaskId,
    },
    /// Something happened outside: a webhook, or a person who says so.
    Event {
        /// Its name, as triggers name it.
        name: String,
        /// What it brought, for the journal; at most 4 KiB of JSON.
        payload: serde_json::Value,
    },
}

/// A definition to be stored as a campaign's next version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDefinition {
    /// The campaign.
    pub campaign: CampaignId,
    /// As it runs: a `Campaign` of the scheduler, as JSON.
    pub definition: serde_json::Value,
    /// As it was written; `None` for one of the configuration file.
    pub source: Option<String>,
}

/// One version of a campaign, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignVersion {
    /// The campaign.
    pub campaign: CampaignId,
    /// Counts its versions from 1.
    pub version: u32,
    /// Since when.
    pub at: Timestamp,
    /// Who brought it; `configuration` for that of the file.
    pub by: String,
    /// SHA-256 of the definition's JSON bytes.
    pub digest: B256,
    /// As it runs: a `Campaign` of the scheduler, as JSON.
    pub definition: serde_json::Value,
    /// As it was written; `None` for one of the configuration file.
    pub source: Option<String>,
}
