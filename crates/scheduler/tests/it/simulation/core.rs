//! The core under test, behind the few calls that the driver makes: what changes when its API grows.

use std::collections::BTreeSet;

use airdrops_scheduler::{Campaign, Change, Scheduler, TaskEvent, TransitionError};
use airdrops_types::{
    CampaignId, ControlState, Restraint, Scope, TaskId, TaskRecord, Timestamp, Trip,
};

use super::durable::Tables;

/// A scheduler in a node's memory.
#[derive(Debug)]
pub(super) struct Core {
    scheduler: Scheduler,
    campaigns: Vec<Campaign>,
}

impl Core {
    pub(super) fn restore(
        campaigns: &[Campaign],
        tables: &Tables,
        seed: u64,
        now: Timestamp,
    ) -> Self {
        let scheduler = Scheduler::new(
            campaigns.to_vec(),
            tables.tasks.values().cloned().collect(),
            tables.triggers.values().cloned().collect(),
            seed,
            now,
        );
        Self {
            scheduler: scheduler.unwrap(),
            campaigns: campaigns.to_vec(),
        }
    }

    /// What one tick of the program asks of the core. `under_way`: tasks whose transaction may be out.
    pub(super) fn tick(
        &mut self,
        halted: bool,
        changed: bool,
        under_way: &BTreeSet<TaskId>,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        if changed {
            changes.extend(self.scheduler.look_again(now));
        }
        changes.extend(self.scheduler.tick(now));
        let trips = halted.then(|| Trip {
            scope: Scope::Everything,
            breaker: "manual".to_owned(),
            state: ControlState::Halted,
            since: Timestamp(0),
            evidence: "an operator said so".to_owned(),
        });
        let restraint = Restraint {
            trips: trips.into_iter().collect(),
            ..Restraint::default()
        };
        let restraint_of =
            |task: &TaskRecord| (!under_way.contains(&task.id)).then(|| restraint.clone());
        let held = self.scheduler.restrain(restraint_of, now);
        changes.extend(held.unwrap());
        changes
    }

    pub(super) fn runnable(&self, _now: Timestamp) -> Vec<TaskId> {
        self.scheduler.runnable()
    }

    pub(super) fn apply(
        &mut self,
        task: &TaskId,
        event: TaskEvent,
        now: Timestamp,
    ) -> Result<Vec<Change>, TransitionError> {
        self.scheduler.apply(task, event, now)
    }

    /// One run now, because an operator asks for it.
    pub(super) fn start(&mut self, campaign: &CampaignId, now: Timestamp) -> Vec<Change> {
        let mut campaigns = self.campaigns.iter();
        let tasks = campaigns.find(|known| known.id == *campaign).unwrap();
        let tasks = tasks.tasks.clone();
        self.scheduler.start_run(campaign, tasks, "asked for", now)
    }

    pub(super) fn get(&self, task: &TaskId) -> Option<&TaskRecord> {
        self.scheduler.get(task)
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        self.scheduler.tasks()
    }

    pub(super) fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        self.scheduler.next_wake(now)
    }

    /// What differs between the memory and what a restart at this instant would find.
    pub(super) fn differs(&self, tables: &Tables, seed: u64, now: Timestamp) -> Option<String> {
        let stored = Self::restore(&self.campaigns, tables, seed, now).scheduler;
        let mut known = stored.tasks();
        for task in self.scheduler.tasks() {
            let other = known.next();
            if other != Some(task) {
                return Some(format!("memory {task:?}, stored {other:?}"));
            }
        }
        if let Some(task) = known.next() {
            return Some(format!("memory nothing, stored {task:?}"));
        }
        if !stored.triggers().eq(self.scheduler.triggers()) {
            return Some("triggers".to_owned());
        }
        let same = stored.runnable() == self.scheduler.runnable()
            && stored.next_wake(now) == self.scheduler.next_wake(now);
        (!same).then(|| "what may run".to_owned())
    }
}
