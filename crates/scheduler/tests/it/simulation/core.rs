//! The core under test, behind the few calls that the driver makes: what changes when its API grows.

use std::collections::BTreeSet;
use std::rc::Rc;

use airdrops_scheduler::{Change, Memory, Scheduler, TaskEvent, TransitionError, Why};
use airdrops_types::{
    ControlState, Restraint, Scope, TaskId, TaskRecord, TaskState, Timestamp, Trip,
};

use super::definitions::{Setting, knot};
use super::durable::Tables;
use super::inbox::Request;

/// A scheduler in a node's memory.
#[derive(Debug)]
pub(super) struct Core {
    scheduler: Scheduler,
    setting: Rc<Setting>,
}

impl Core {
    pub(super) fn restore(setting: &Rc<Setting>, tables: &Tables, now: Timestamp) -> Self {
        Self::restore_with(setting, tables, tables.memory.clone(), now)
    }

    pub(super) fn restore_with(
        setting: &Rc<Setting>,
        tables: &Tables,
        memory: Memory,
        now: Timestamp,
    ) -> Self {
        let scheduler = Scheduler::new(
            setting.campaigns.clone(),
            tables.tasks.values().cloned(),
            tables.triggers.values().cloned().collect(),
            setting.seed,
            now,
        );
        let scheduler = scheduler.unwrap().with_memory(memory);
        Self {
            scheduler: scheduler.with_policy(setting.policy.clone(), now),
            setting: Rc::clone(setting),
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

    pub(super) fn runnable(&self, now: Timestamp) -> Vec<TaskId> {
        self.scheduler.runnable(now)
    }

    /// Every ready task, whatever its keys and its protocol allow.
    pub(super) fn ready(&self) -> Vec<TaskId> {
        let ready = [TaskState::Ready, TaskState::Running];
        let tasks = self.scheduler.tasks();
        let tasks = tasks.filter(|task| ready.contains(&task.state));
        tasks.map(|task| task.id.clone()).collect()
    }

    /// Whether a task's protocol is left alone now.
    pub(super) fn is_left_alone(&self, task: &TaskId, now: Timestamp) -> bool {
        let why = self.scheduler.why(task, now);
        matches!(why, Some(Why::Quarantine { .. }))
    }

    pub(super) fn apply(
        &mut self,
        task: &TaskId,
        event: TaskEvent,
        now: Timestamp,
    ) -> Result<Vec<Change>, TransitionError> {
        self.scheduler.apply(task, event, now)
    }

    /// What somebody asks for: what is to be stored, and whether it was done. What is refused changes
    /// nothing.
    pub(super) fn request(
        &mut self,
        request: &Request,
        by: &str,
        under_way: &BTreeSet<TaskId>,
        now: Timestamp,
    ) -> (Vec<Change>, bool) {
        let changes = match request {
            Request::Command(command) => self
                .scheduler
                .command(command, by, now, &|task| under_way.contains(task))
                .map(|(changes, _)| changes)
                .ok(),
            Request::Grow(growth) => self.scheduler.grow(growth.clone(), now).ok(),
            Request::Knot(campaign) => Some(self.scheduler.start_run(campaign, knot(), by, now)),
        };
        let done = changes.is_some();
        (changes.unwrap_or_default(), done)
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
    pub(super) fn differs(&self, tables: &Tables, now: Timestamp) -> Option<String> {
        let stored = Self::restore(&self.setting, tables, now).scheduler;
        let known = &self.scheduler;
        if let Some(task) = known
            .tasks()
            .find(|task| tables.tasks.get(&task.id) != Some(*task))
        {
            let other = tables.tasks.get(&task.id);
            return Some(format!("memory {task:?}, stored {other:?}"));
        }
        // Of runs that have ended, each may have forgotten others.
        let is_open = |task: &&TaskRecord| {
            let run = (task.campaign.clone(), task.run);
            tables.open.get(&run).is_some_and(|open| *open > 0)
        };
        let mut open = tables.tasks.values().filter(is_open);
        if let Some(task) =
            open.find(|task| known.get(&task.id).is_none() || stored.get(&task.id) != Some(*task))
        {
            return Some(format!("{task:?} is open, and somebody does not know"));
        }
        if !stored.triggers().eq(known.triggers()) {
            return Some("triggers".to_owned());
        }
        if stored.memory() != known.memory() {
            let (memory, stored) = (known.memory(), stored.memory());
            return Some(format!("memory {memory:?}, stored {stored:?}"));
        }
        if stored.would_run(now) != known.would_run(now)
            || stored.runnable(now) != known.runnable(now)
        {
            return Some("what may run".to_owned());
        }
        let (wake, after) = (known.next_wake(now), stored.next_wake(now));
        (wake != after).then(|| format!("wakes at {wake:?}, after a restart at {after:?}"))
    }

    /// How many tasks wait for room of their keys or protocols.
    ///
    /// # Errors
    /// An open task that does not say why it is where it is, or that says what is not so.
    pub(super) fn explained(&self, now: Timestamp) -> Result<u64, String> {
        let mut limited = 0;
        let offered: BTreeSet<TaskId> = self.scheduler.runnable(now).into_iter().collect();
        let mut told = self.scheduler.would_run(now).into_iter();
        let open = self.scheduler.tasks();
        for task in open.filter(|task| !task.state.is_final()) {
            let Some((id, why)) = told.next() else {
                return Err(format!("{} has no reason", task.id));
            };
            let waits = task.not_before.is_some_and(|until| until > now);
            let is_so = match (&why, task.state) {
                (Why::After { tasks, .. }, TaskState::Pending) => tasks
                    .iter()
                    .all(|before| self.get(before).is_some_and(|task| !task.state.is_final())),
                (Why::Delay { until }, TaskState::Pending) => {
                    waits && task.not_before == Some(*until)
                }
                (Why::Approval, TaskState::Pending) => {
                    task.spec.approval && task.approved.is_none()
                }
                // Its moment has come, and the next tick sees it.
                (Why::Ready, TaskState::Pending) => task.not_before.is_some() && !waits,
                (Why::Ready, TaskState::Ready) => offered.contains(&task.id),
                (
                    Why::Concurrency { .. }
                    | Why::Rate { .. }
                    | Why::Quarantine { .. }
                    | Why::Behind { .. },
                    TaskState::Ready,
                ) => !offered.contains(&task.id),
                (Why::Deferred { .. }, TaskState::Deferred) => task.not_before.is_some(),
                (Why::Held { .. }, TaskState::Deferred) => task.is_held(),
                (Why::Retrying { .. }, TaskState::Retrying)
                | (Why::Running { .. }, TaskState::Running)
                | (Why::Awaiting, TaskState::Awaiting) => true,
                _ => false,
            };
            limited += u64::from(task.state == TaskState::Ready && why != Why::Ready);
            if id != task.id || !is_so || task.reason.is_none() {
                return Err(format!("{id}: {why:?} of {task:?}"));
            }
        }
        Ok(limited)
    }
}
