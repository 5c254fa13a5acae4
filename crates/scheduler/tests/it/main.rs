//! Claims about the scheduler.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod campaigns;
mod commands;
mod conditions;
mod fires;
mod flow;
mod futures;
mod growth;
mod limits;
mod logs;
mod machine;
mod moments;
mod properties;
mod protocol;
mod restraint;
mod simulation;
mod table;
mod triggers;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airdrops_scheduler::{Campaign, Change, Memory, Scheduler, TaskDef, TaskEvent, Trigger};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, CampaignId, Operation, ProtocolId, TaskId, TaskRecord,
    TaskSpec, TaskState, Timestamp, TriggerState, Work,
};

fn assignment() -> Assignment {
    Assignment {
        wallet: Address::ZERO,
        protocol: ProtocolId::from("vault"),
        action: Action::Supply,
        amount: AmountSpec::Target,
    }
}

fn task(name: &str, after: &[&str]) -> TaskDef {
    let mut task = TaskDef::new(name, Work::Act(assignment()), after);
    set(&mut task).retry.max_attempts = 3;
    task
}

/// What stays the same about a task, to be changed.
fn set(task: &mut TaskDef) -> &mut TaskSpec {
    Arc::make_mut(&mut task.spec)
}

/// Its assignment, to be changed.
fn acts(task: &mut TaskDef) -> &mut Assignment {
    match &mut set(task).work {
        Work::Act(assignment) => assignment,
        other => panic!("{other:?} is no action"),
    }
}

fn campaign(id: &str, trigger: Trigger, tasks: Vec<TaskDef>) -> Campaign {
    Campaign::new(id, trigger, tasks)
}

fn every(seconds: u64) -> Trigger {
    Trigger::Interval {
        every: Duration::from_secs(seconds),
        first: None,
    }
}

fn operations(count: usize) -> Vec<Operation> {
    vec![Operation::Exit; count]
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

/// What a store would hold: the last record of everything.
#[derive(Debug, Clone, Default, PartialEq)]
struct Store {
    tasks: BTreeMap<TaskId, TaskRecord>,
    triggers: BTreeMap<CampaignId, TriggerState>,
    memory: Memory,
}

impl Store {
    fn keep(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Task { record, from, .. } => {
                    let before = self.tasks.insert(record.id.clone(), record.clone());
                    assert_eq!(before.map(|task| task.state), *from, "{}", record.id);
                }
                Change::Trigger { state } => {
                    self.triggers.insert(state.campaign.clone(), state.clone());
                }
                Change::Memory(memory) => self.memory = memory.clone(),
                Change::Fired { .. }
                | Change::Stuck { .. }
                | Change::Late { .. }
                | Change::Quarantined { .. } => {}
            }
        }
    }

    fn open(&self, campaigns: &[Campaign], seed: u64, now: Timestamp) -> Scheduler {
        Scheduler::new(
            campaigns.to_vec(),
            self.tasks.values().cloned(),
            self.triggers.values().cloned().collect(),
            seed,
            now,
        )
        .unwrap()
        .with_memory(self.memory.clone())
    }
}

/// `(due, number of tasks, note)` of each fire.
fn fires(changes: &[Change]) -> Vec<(Timestamp, usize, String)> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::Fired {
                due, tasks, note, ..
            } => Some((*due, tasks.len(), note.clone())),
            _ => None,
        })
        .collect()
}

/// A scheduler of these campaigns with nothing stored.
fn start(campaigns: &[Campaign], now: Timestamp) -> (Scheduler, Store) {
    let store = Store::default();
    (store.open(campaigns, 1, now), store)
}

/// Lets a ready run complete.
fn finish(scheduler: &mut Scheduler, id: &str, now: Timestamp) -> Vec<Change> {
    let plan = TaskEvent::Planned { operations: vec![] };
    scheduler.apply(&TaskId::from(id), plan, now).unwrap()
}

fn state(scheduler: &Scheduler, id: &str) -> TaskState {
    scheduler.get(&TaskId::from(id)).unwrap().state
}

/// The runs that may begin or go on.
fn runnable(scheduler: &Scheduler, now: Timestamp) -> Vec<String> {
    let runnable = scheduler.runnable(now);
    runnable.into_iter().map(|id| id.0).collect()
}
