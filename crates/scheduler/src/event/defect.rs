//! What can be wrong with an event trigger.

use airdrops_types::{Ending, LONGEST_EVENT_NAME, is_event_name};
use thiserror::Error;

use super::log::MOST_CONFIRMATIONS;
use crate::campaign::{EventSource, MeasureCondition};

/// Topics that a log can have.
const MOST_TOPICS: usize = 4;

/// What is wrong with an event trigger, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventDefect {
    /// A log that no block would have to confirm.
    #[error(
        "the log trigger has confirmations = 0; a log of the newest block may vanish: write at least 1"
    )]
    NoConfirmations,
    /// More blocks than anybody waits for.
    #[error(
        "the log trigger has confirmations = {confirmations}; write at most {MOST_CONFIRMATIONS}"
    )]
    Confirmations {
        /// As written.
        confirmations: u64,
    },
    /// More topics than a log can have.
    #[error(
        "the log trigger names {topics} topics, a log has at most {MOST_TOPICS}; leave the last ones out"
    )]
    Topics {
        /// As many.
        topics: usize,
    },
    /// The release lies past the threshold, so it would release while it holds.
    #[error(
        "the condition fires at or {side} {threshold}, but its release {release} lies {side} that; \
         write a release at the threshold or on its other side",
        side = if *above { "above" } else { "below" }
    )]
    Release {
        /// The side on which it fires.
        above: bool,
        /// In the measure's unit.
        threshold: i128,
        /// In the measure's unit.
        release: i128,
    },
    /// A threshold that every value passes, or none.
    #[error(
        "the condition's threshold {threshold} is negative, which the measure never is; write one of at least 0"
    )]
    Threshold {
        /// As written.
        threshold: i128,
    },
    /// No ending is asked for.
    #[error("the trigger on {task} names no ending; write success, failure, completion or skip")]
    NoEnding {
        /// Which task or campaign.
        task: String,
    },
    /// Not a name of an event.
    #[error(
        "the event name {name:?} does not fit; write 1 to {LONGEST_EVENT_NAME} of the letters a-z, A-Z, \
         the digits, `-`, `_` and `.`"
    )]
    Name {
        /// As written.
        name: String,
    },
}

impl EventSource {
    /// Checks that it can fire.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), EventDefect> {
        match self {
            Self::Log {
                topics,
                confirmations,
                ..
            } => match confirmations {
                0 => Err(EventDefect::NoConfirmations),
                confirmations if *confirmations > MOST_CONFIRMATIONS => {
                    Err(EventDefect::Confirmations {
                        confirmations: *confirmations,
                    })
                }
                _ if topics.len() > MOST_TOPICS => Err(EventDefect::Topics {
                    topics: topics.len(),
                }),
                _ => Ok(()),
            },
            Self::Condition(condition) => condition.validate(),
            Self::Task { campaign, task, on } => {
                let any = [Ending::Success, Ending::Failure, Ending::Skip]
                    .into_iter()
                    .any(|ending| on.holds(ending));
                if any {
                    return Ok(());
                }
                let task = task
                    .as_ref()
                    .map_or(campaign.to_string(), |task| format!("{campaign}/{task}"));
                Err(EventDefect::NoEnding { task })
            }
            Self::Named { name } if !is_event_name(name) => {
                Err(EventDefect::Name { name: name.clone() })
            }
            Self::Named { .. } | Self::Opportunity | Self::Plan => Ok(()),
        }
    }
}

impl MeasureCondition {
    /// Checks that it can fire, and be released.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), EventDefect> {
        let (above, threshold, release) = (self.above, self.threshold, self.release);
        if threshold < 0 {
            return Err(EventDefect::Threshold { threshold });
        }
        let past = if above {
            release > threshold
        } else {
            release < threshold
        };
        if past {
            return Err(EventDefect::Release {
                above,
                threshold,
                release,
            });
        }
        Ok(())
    }
}
