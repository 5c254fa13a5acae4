//! Why a step did not go out, and how long until the next look.

use std::time::Duration;

use airdrops_chain::ReadError;
use airdrops_protocols::PlanError;
use airdrops_scheduler::TaskEvent;
use airdrops_store::Batch;
use airdrops_types::{Bps, ErrorClass, Reason, TaskId, Timestamp};

use crate::engine::Engine;
use crate::error::RunError;

/// Setting that holds how often in a row each task was held by a limit or a stop.
pub(crate) const STANDSTILLS: &str = "standstills";
/// Longest wait between two looks at what a limit or a stop forbids.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// Longest wait between two looks at prices, gas and nodes.
const LONGEST_FOR_INPUTS: Duration = Duration::from_secs(1800);

/// Why a step did not go out.
#[derive(Debug)]
pub(crate) enum Hold {
    /// Look again soon: prices, gas and nodes change by the minute.
    Wait { reason: String },
    /// Look again, later each time: what limits and stops forbid changes slowly.
    Standstill { reason: String },
    /// Counts as a failed attempt.
    Fail {
        class: ErrorClass,
        reason: String,
        retryable: bool,
    },
}

impl Hold {
    /// A failure after which another attempt may succeed.
    pub(crate) fn failed(class: ErrorClass, reason: String) -> Self {
        Self::Fail {
            class,
            reason,
            retryable: true,
        }
    }

    /// A failure that stays, however often it is tried.
    pub(crate) fn for_good(class: ErrorClass, reason: String) -> Self {
        Self::Fail {
            class,
            reason,
            retryable: false,
        }
    }

    /// What a refusal of the gate means for the task. `transaction_limit` is as configured: what is
    /// too large for less of it, because a state or the market shrinks it, is not wrong but early.
    pub(crate) fn by_gate(reasons: &[Reason], transaction_limit: Bps) -> Self {
        let text: Vec<String> = reasons.iter().map(Reason::to_string).collect();
        let reason = text.join("; ");
        let shrunk = |reason: &Reason| matches!(reason, Reason::TransactionLimit { limit, .. } if *limit < transaction_limit);
        let slow = |reason: &Reason| {
            let by_a_limit = matches!(
                reason,
                Reason::Control { .. }
                    | Reason::ProtocolLimit { .. }
                    | Reason::AssetLimit { .. }
                    | Reason::NodeLimit { .. }
            );
            by_a_limit || shrunk(reason)
        };
        let clears = |reason: &Reason| reason.clears_by_itself() || shrunk(reason);
        if !reasons.iter().all(clears) {
            Self::failed(ErrorClass::Refused, reason)
        } else if reasons.iter().any(slow) {
            Self::Standstill { reason }
        } else {
            Self::Wait { reason }
        }
    }

    /// For what must stay asked for: what may not go out now is held, and never given up.
    pub(crate) fn without_failing(self) -> Self {
        match self {
            Self::Fail {
                reason,
                retryable: true,
                ..
            } => Self::Standstill { reason },
            other => other,
        }
    }

    /// In words.
    pub(crate) fn reason(&self) -> &str {
        let (Self::Wait { reason } | Self::Standstill { reason } | Self::Fail { reason, .. }) =
            self;
        reason
    }
}

impl From<&ReadError> for Hold {
    fn from(error: &ReadError) -> Self {
        let reason = error.to_string();
        match error {
            ReadError::Unreachable(_)
            | ReadError::Malformed { .. }
            | ReadError::Unsupported { .. } => Self::Wait { reason },
            ReadError::Reverted { .. } => Self::failed(ErrorClass::Reverted, reason),
            ReadError::Unexpected { .. } => Self::failed(ErrorClass::Transient, reason),
        }
    }
}

impl From<&PlanError> for Hold {
    fn from(error: &PlanError) -> Self {
        match error {
            PlanError::Read(error) => Self::from(error),
            other => Self::failed(ErrorClass::Refused, other.to_string()),
        }
    }
}

impl Engine {
    /// Writes down that a task waits or failed.
    pub(crate) fn hold(&mut self, id: &TaskId, hold: Hold, now: Timestamp) -> Result<(), RunError> {
        let mut batch = Batch::at(now);
        let times = self.standstills.remove(id);
        let event = match hold {
            Hold::Wait { reason } => TaskEvent::Deferred {
                reason,
                until: now.plus(self.look_again_after(0)),
            },
            Hold::Standstill { reason } => {
                let times = times.unwrap_or(0);
                self.standstills.insert(id.clone(), times.saturating_add(1));
                TaskEvent::Deferred {
                    reason,
                    until: now.plus(self.look_again_after(times)),
                }
            }
            Hold::Fail {
                class,
                reason,
                retryable,
            } => TaskEvent::StepFailed {
                reason,
                class,
                retryable,
                consumed: false,
            },
        };
        if times.is_some() || self.standstills.contains_key(id) {
            self.keep_standstills(&mut batch)?;
        }
        let changes = self.scheduler.apply(id, event, now)?;
        Self::note_changes(&mut batch, changes);
        self.remember_leftovers(id, &mut batch)?;
        self.commit(batch)
    }

    /// Forgets how often a task was held, because it goes on.
    pub(crate) fn goes_on(&mut self, id: &TaskId, batch: &mut Batch) -> Result<(), RunError> {
        if self.standstills.remove(id).is_some() {
            self.keep_standstills(batch)?;
        }
        Ok(())
    }

    fn keep_standstills(&self, batch: &mut Batch) -> Result<(), RunError> {
        batch.settings.push((
            STANDSTILLS.to_owned(),
            serde_json::to_value(&self.standstills)?,
        ));
        Ok(())
    }

    /// How long until the next look after `times` standstills in a row: four ticks, at most half
    /// an hour; doubled by each standstill, up to six hours.
    pub(crate) fn look_again_after(&self, times: u32) -> Duration {
        let tick = self.settings.tick;
        let first = (tick * 4).min(LONGEST_FOR_INPUTS).max(tick);
        let doubled = first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX));
        doubled.min(LONGEST.max(first))
    }
}
