//! What happens, as far as triggers are concerned.

use airdrops_types::{Address, B256, CampaignId, ChainId, Ending, Timestamp};
use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, EventSource, Trigger};

pub mod condition;
mod defect;
pub mod log;

pub use condition::ConditionState;
pub use defect::EventDefect;
pub use log::{LogCursor, LogDefect, LogQuery, LogTrigger, Taken};

/// Something that happened. Whoever tells of it sees to it that each event is told once: its effect is
/// stored together with the mark that it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A log is deep enough in the canonical chain for the trigger of this campaign.
    Log {
        /// Whose trigger asked for it.
        campaign: CampaignId,
        /// The chain.
        chain: ChainId,
        /// The contract.
        address: Address,
        /// The transaction.
        transaction: B256,
        /// The log's index in its block.
        index: u64,
    },
    /// The condition of this campaign's trigger came to hold.
    Condition {
        /// Whose.
        campaign: CampaignId,
        /// The measured value, in words.
        measured: String,
    },
    /// A task run, or with `task: None` a whole run, ended.
    Ended {
        /// The campaign.
        campaign: CampaignId,
        /// Its task.
        task: Option<String>,
        /// The run.
        run: u64,
        /// How.
        ending: Ending,
    },
    /// An opportunity is there that was not there before.
    Opportunity {
        /// Its name.
        name: String,
    },
    /// The allocation engine decided to move something.
    Plan,
    /// A named event from outside.
    Named {
        /// Its name.
        name: String,
    },
}

impl Event {
    /// Whether it fires a campaign's trigger: the trigger, or a part of an [`Trigger::Any`].
    #[must_use]
    pub fn fires(&self, campaign: &Campaign) -> bool {
        fn any(event: &Event, campaign: &CampaignId, trigger: &Trigger) -> bool {
            match trigger {
                Trigger::Event(source) => event.what.matches(campaign, source),
                Trigger::Any(parts) => parts.iter().any(|part| any(event, campaign, part)),
                _ => false,
            }
        }
        any(self, &campaign.id, &campaign.trigger)
    }
}

impl Happening {
    fn matches(&self, owner: &CampaignId, source: &EventSource) -> bool {
        match (self, source) {
            (
                Self::Log {
                    campaign,
                    chain,
                    address,
                    ..
                },
                EventSource::Log {
                    chain: on,
                    address: of,
                    ..
                },
            ) => campaign == owner && chain == on && address == of,
            (Self::Condition { campaign, .. }, EventSource::Condition(_)) => campaign == owner,
            (
                Self::Ended {
                    campaign,
                    task,
                    ending,
                    ..
                },
                EventSource::Task {
                    campaign: of,
                    task: named,
                    on,
                },
            ) => campaign == of && task == named && on.holds(*ending),
            (Self::Opportunity { .. }, EventSource::Opportunity)
            | (Self::Plan, EventSource::Plan) => true,
            (Self::Named { name }, EventSource::Named { name: wanted }) => name == wanted,
            _ => false,
        }
    }
}

impl std::fmt::Display for Happening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log {
                chain,
                address,
                transaction,
                index,
                ..
            } => write!(
                f,
                "log {index} of {address} on chain {chain} in {transaction}"
            ),
            Self::Condition { measured, .. } => f.write_str(measured),
            Self::Ended {
                campaign,
                task: Some(task),
                run,
                ending,
            } => write!(f, "{campaign}/{task}#{run} ended with {ending}"),
            Self::Ended {
                campaign,
                task: None,
                run,
                ending,
            } => write!(f, "run {run} of {campaign} ended with {ending}"),
            Self::Opportunity { name } => write!(f, "opportunity {name} is new"),
            Self::Plan => f.write_str("the allocation engine decided to move something"),
            Self::Named { name } => write!(f, "event {name}"),
        }
    }
}
