//! Why an operator's command was refused.

use airdrops_types::{CampaignId, TaskId, TaskState};
use thiserror::Error;

use crate::transition::TransitionError;

/// Why an operator's command was refused. A refused command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is no such campaign.
    #[error("there is no campaign {campaign}; `airdrops campaign list` lists them")]
    UnknownCampaign {
        /// Its name.
        campaign: CampaignId,
    },
    /// There is no such task run, or it is forgotten.
    #[error(
        "there is no task run {task} that can still be changed; `airdrops task list` lists those \
         that are open"
    )]
    UnknownTask {
        /// Its id.
        task: TaskId,
    },
    /// It cannot be done in this state.
    #[error("{task} is {state}: {hint}")]
    State {
        /// The run.
        task: TaskId,
        /// Its state.
        state: TaskState,
        /// What to do instead.
        hint: &'static str,
    },
    /// A transaction may be out.
    #[error("the transaction of {task} is out; halt or unwind instead, or wait for its outcome")]
    UnderWay {
        /// The run.
        task: TaskId,
    },
    /// The campaign is paused, or is not.
    #[error("campaign {campaign} is {how}")]
    Already {
        /// The campaign.
        campaign: CampaignId,
        /// `paused already` or `not paused`.
        how: &'static str,
    },
    /// The trigger has no instant in the time that was asked for.
    #[error("the trigger of {campaign} has no instant in that time")]
    NoInstant {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Definitions are read and stored before they get here.
    #[error("a definition is stored first: use `airdrops campaign add`")]
    Definition,
    /// The state machine does not take it.
    #[error(transparent)]
    Transition(#[from] TransitionError),
}
