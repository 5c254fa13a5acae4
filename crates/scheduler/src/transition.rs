//! The state machine of one task run.

use std::time::Duration;

use airdrops_types::{ErrorClass, Operation, TaskId, TaskRecord, TaskState, Timestamp};
use thiserror::Error;

/// What happened to a task run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEvent {
    /// Its amounts were fixed: `ready` and without a plan → `running`; an empty plan →
    /// `completed`.
    Planned {
        /// The steps.
        operations: Vec<Operation>,
    },
    /// It goes on with the plan that it has: `ready` → `running`.
    Resumed,
    /// It waits for a better moment: `ready` or `running` → `deferred`. Counts no attempt.
    Deferred {
        /// Why.
        reason: String,
        /// When to look again.
        until: Timestamp,
    },
    /// A stop forbids it: `ready`, `running` or `deferred` → `deferred`, until that changes and at
    /// no set moment. Counts no attempt.
    Held {
        /// Which stop, with its evidence.
        reason: String,
    },
    /// The step's transaction is signed and stored: `running` → `awaiting`.
    Submitted {
        /// In words.
        note: String,
    },
    /// The step at the cursor has a final, successful outcome: `running` or `awaiting` → `running`,
    /// and after the last step → `completed`.
    StepDone {
        /// In words.
        note: String,
    },
    /// The step at the cursor, or the planning, failed: `ready`, `running` or `awaiting` →
    /// `retrying`; or `failed` if it makes no sense to try again; or `dead` if the attempts, or those
    /// of this class, are used up.
    StepFailed {
        /// Why.
        reason: String,
        /// Of which kind.
        class: ErrorClass,
        /// Whether another attempt may succeed.
        retryable: bool,
        /// Whether the step's intent has a final outcome, so that the next attempt needs another
        /// intent. While an outcome is open the step keeps its intent.
        consumed: bool,
    },
    /// The plan no longer fits: any open state but `pending` → `ready` without a plan. The caller
    /// sees to it that no transaction is under way.
    Replan,
    /// It will not run: any open state → `cancelled`. The caller sees to it that no transaction is
    /// under way.
    Cancel {
        /// Why.
        reason: String,
    },
}

impl TaskEvent {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Planned { .. } => "planned",
            Self::Resumed => "resumed",
            Self::Deferred { .. } => "deferred",
            Self::Held { .. } => "held",
            Self::Submitted { .. } => "submitted",
            Self::StepDone { .. } => "step done",
            Self::StepFailed { .. } => "step failed",
            Self::Replan => "replan",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// Why an event was refused. A refused event changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransitionError {
    /// There is no such run.
    #[error("there is no task run {task}")]
    Unknown {
        /// Its id.
        task: TaskId,
    },
    /// The event does not exist in this state.
    #[error("{task} is {state}: the event \"{event}\" is not possible")]
    Illegal {
        /// The run.
        task: TaskId,
        /// Its state.
        state: TaskState,
        /// The event's name.
        event: &'static str,
    },
    /// Planned although it has a plan: resume it, or ask for another plan first.
    #[error("{task} has a plan already")]
    AlreadyPlanned {
        /// The run.
        task: TaskId,
    },
    /// A step of a plan that does not exist or has no more steps.
    #[error("{task} has no planned step")]
    NotPlanned {
        /// The run.
        task: TaskId,
    },
    /// The step counter would overflow, and an intent be used twice.
    #[error("{task} has used up its step numbers")]
    StepsExhausted {
        /// The run.
        task: TaskId,
    },
}

/// The record after `event`, with the reason in words. `backoff` gives the wait after failed
/// attempt number n.
pub(crate) fn transition(
    record: &TaskRecord,
    event: TaskEvent,
    now: Timestamp,
    backoff: impl FnOnce(u32) -> Duration,
) -> Result<(TaskRecord, String), TransitionError> {
    use TaskEvent as E;
    use TaskState as S;

    let mut next = record.clone();
    next.not_before = None;
    let name = event.name();
    let task = || record.id.clone();
    let next_step = || {
        let step = record.step.checked_add(1);
        step.ok_or_else(|| TransitionError::StepsExhausted { task: task() })
    };
    // Every pair is written out, so that a new state or event does not compile undecided.
    let reason = match (record.state, event) {
        (S::Ready, E::Planned { operations }) => {
            if record.plan.is_some() {
                return Err(TransitionError::AlreadyPlanned { task: task() });
            }
            let steps = operations.len();
            next.plan = Some(operations);
            next.cursor = 0;
            if steps == 0 {
                next.state = S::Completed;
                "nothing to do".to_owned()
            } else {
                next.state = S::Running;
                next.started = record.started.or(Some(now));
                format!("planned, {steps} step{}", if steps == 1 { "" } else { "s" })
            }
        }
        (S::Ready, E::Resumed) => {
            let (done, all) = planned(record)?;
            next.state = S::Running;
            next.started = record.started.or(Some(now));
            format!("resumed at step {} of {all}", done + 1)
        }
        (S::Ready | S::Running, E::Deferred { reason, until }) => {
            next.state = S::Deferred;
            next.not_before = Some(until);
            reason
        }
        (S::Ready | S::Running | S::Deferred, E::Held { reason }) => {
            next.state = S::Deferred;
            reason
        }
        (S::Running, E::Submitted { note }) => {
            planned(record)?;
            next.state = S::Awaiting;
            note
        }
        (S::Running | S::Awaiting, E::StepDone { note }) => {
            let (done, all) = planned(record)?;
            next.step = next_step()?;
            next.cursor = done + 1;
            next.state = if next.cursor == all {
                S::Completed
            } else {
                S::Running
            };
            note
        }
        (
            S::Ready | S::Running | S::Awaiting,
            E::StepFailed {
                reason,
                class,
                retryable,
                consumed,
            },
        ) => {
            if consumed {
                next.step = next_step()?;
            }
            next.attempts = record.attempts.saturating_add(1);
            let of_class = count(&mut next.failures, class);
            let retry = &record.spec.retry;
            let limit = retry.limits.get(&class).copied();
            let attempts = format!("attempt {} of {}", next.attempts, retry.max_attempts);
            let used_up = next.attempts >= retry.max_attempts;
            let class_used_up = limit.is_some_and(|limit| of_class >= limit);
            if !retryable {
                next.state = S::Failed;
                format!("{reason} (not retryable)")
            } else if used_up {
                next.state = S::Dead;
                format!("{reason} ({attempts})")
            } else if class_used_up {
                next.state = S::Dead;
                format!("{reason} ({of_class} times {class}, which is the limit)")
            } else {
                next.state = S::Retrying;
                next.not_before = Some(now.plus(backoff(next.attempts)));
                format!("{reason} ({attempts})")
            }
        }
        (S::Ready | S::Running | S::Awaiting | S::Deferred | S::Retrying, E::Replan) => {
            next.state = S::Ready;
            next.plan = None;
            next.cursor = 0;
            "to be planned again".to_owned()
        }
        (
            S::Pending | S::Ready | S::Running | S::Awaiting | S::Deferred | S::Retrying,
            E::Cancel { reason },
        ) => {
            next.state = S::Cancelled;
            reason
        }
        (
            S::Pending,
            E::Planned { .. }
            | E::Resumed
            | E::Deferred { .. }
            | E::Held { .. }
            | E::Submitted { .. }
            | E::StepDone { .. }
            | E::StepFailed { .. }
            | E::Replan,
        )
        | (S::Ready, E::Submitted { .. } | E::StepDone { .. })
        | (S::Running, E::Planned { .. } | E::Resumed)
        | (S::Retrying, E::Held { .. })
        | (
            S::Deferred | S::Retrying,
            E::Planned { .. }
            | E::Resumed
            | E::Deferred { .. }
            | E::Submitted { .. }
            | E::StepDone { .. }
            | E::StepFailed { .. },
        )
        | (
            S::Awaiting,
            E::Planned { .. }
            | E::Resumed
            | E::Deferred { .. }
            | E::Held { .. }
            | E::Submitted { .. },
        )
        | (
            S::Completed | S::Failed | S::Dead | S::Cancelled | S::Skipped,
            E::Planned { .. }
            | E::Resumed
            | E::Deferred { .. }
            | E::Held { .. }
            | E::Submitted { .. }
            | E::StepDone { .. }
            | E::StepFailed { .. }
            | E::Replan
            | E::Cancel { .. },
        ) => {
            return Err(TransitionError::Illegal {
                task: task(),
                state: record.state,
                event: name,
            });
        }
    };
    if next.state.is_final() {
        next.ended = Some(now);
    }
    next.reason = Some(reason.clone());
    Ok((next, reason))
}

/// Steps done and steps in all, if there is a step to be made.
fn planned(record: &TaskRecord) -> Result<(usize, usize), TransitionError> {
    match &record.plan {
        Some(plan) if record.cursor < plan.len() => Ok((record.cursor, plan.len())),
        _ => Err(TransitionError::NotPlanned {
            task: record.id.clone(),
        }),
    }
}

/// Counts one more failure of a class, and returns how many there are now.
fn count(failures: &mut Vec<(ErrorClass, u32)>, class: ErrorClass) -> u32 {
    if let Some((_, times)) = failures.iter_mut().find(|(known, _)| *known == class) {
        *times = times.saturating_add(1);
        return *times;
    }
    failures.push((class, 1));
    1
}
