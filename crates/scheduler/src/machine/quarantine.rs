//! Protocols whose tasks keep failing are left alone for a while.

use std::collections::{BTreeMap, VecDeque};

use airdrops_types::{ErrorClass, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Change, Making, Scheduler};
use crate::event::Event;
use crate::policy::Quarantine;

/// What the scheduler knows beside its records, to be stored and given back with
/// [`Scheduler::with_memory`]. Bounded: by the protocols and limited keys that are
/// used, and by a fixed number of events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Keys that are left alone, and until when.
    #[serde(default)]
    pub quarantined: BTreeMap<String, Timestamp>,
    /// Failed attempts in a row of each key, the latest ones, oldest first.
    #[serde(default)]
    pub failing: BTreeMap<String, Vec<Timestamp>>,
    /// The latest starts of each key that has a rate, oldest first; at most as many as the rate lets.
    #[serde(default)]
    pub starts: BTreeMap<String, Vec<Timestamp>>,
    /// Ends of tasks and runs that some campaign listens to and that have not fired yet.
    #[serde(default)]
    pub raised: VecDeque<Event>,
    /// Large runs of which only a part is made.
    #[serde(default)]
    pub making: Vec<Making>,
}

impl Memory {
    /// Until when a key is left alone; `None` if it is not.
    #[must_use]
    pub fn quarantine_of(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.quarantined.get(key).copied();
        until.filter(|until| *until > now)
    }
}

/// Whether a failure says something about the protocol. What our own gate refuses, and what our own fee
/// is too low for, does not.
fn counts(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Transient | ErrorClass::OutOfGas | ErrorClass::Reverted | ErrorClass::Lost => {
            true
        }
        ErrorClass::Underpriced | ErrorClass::Refused => false,
    }
}

impl Scheduler {
    /// Counts a failed attempt of a key.
    pub(super) fn count_failure(
        &mut self,
        key: &str,
        class: ErrorClass,
        reason: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Quarantine {
            failures,
            within,
            pause,
        } = self.policy.quarantine;
        if failures == 0 || !counts(class) || self.memory.quarantine_of(key, now).is_some() {
            return;
        }
        let latest = self.memory.failing.entry(key.to_owned()).or_default();
        latest.retain(|at| at.plus(within) >= now);
        latest.push(now);
        let most = usize::try_from(failures).unwrap_or(usize::MAX);
        if latest.len() < most {
            return;
        }
        self.memory.failing.remove(key);
        let until = now.plus(pause);
        self.memory.quarantined.insert(key.to_owned(), until);
        changes.push(Change::Quarantined {
            key: key.to_owned(),
            until: Some(until),
            reason: format!(
                "{failures} attempts in a row failed within {} s, the last one: {reason}",
                within.as_secs()
            ),
        });
    }

    /// An attempt succeeded: the row is broken.
    pub(super) fn count_success(&mut self, key: &str) {
        self.memory.failing.remove(key);
    }

    /// Ends the quarantines that are over.
    pub(super) fn release(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let over = self.memory.quarantined.iter();
        let over = over.filter(|(_, until)| **until <= now);
        let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
        for key in over {
            self.memory.quarantined.remove(&key);
            changes.push(Change::Quarantined {
                key,
                until: None,
                reason: "its time is over".to_owned(),
            });
        }
    }

    /// What is to be stored beside the records: given out as [`Change::Memory`] whenever it changed.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Goes on with what was stored as [`Change::Memory`].
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.told = memory.clone();
        self.memory = memory;
        self.keep_open();
        self
    }
}
