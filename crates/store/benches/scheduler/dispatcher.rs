//! What the program's dispatcher does, without the work itself: changes become batches, what is due is
//! claimed, what was claimed is completed.

use std::sync::Arc;

use airdrops_scheduler::{Change, Scheduler, TaskEvent};
use airdrops_store::{Batch, Sqlite, Store};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, Entry, Operation, TaskId, TaskSpec, Timestamp, U256,
    Work,
};
use rustc_hash::FxHashMap;

/// A scheduler whose every change is stored, with its journal entry.
pub(crate) struct Dispatcher<'s> {
    pub(crate) scheduler: Scheduler,
    pub(crate) store: &'s Sqlite,
    /// Claimed, and not completed.
    pub(crate) under_way: Vec<TaskId>,
}

/// An action at a protocol, as most tasks are.
pub(crate) fn spec() -> TaskSpec {
    TaskSpec {
        keys: vec!["chain:1".into(), "protocol:vault".into()],
        ..TaskSpec::of(Work::Act(Assignment {
            wallet: Address::repeat_byte(7),
            protocol: "vault".into(),
            action: Action::Supply,
            amount: AmountSpec::Target,
        }))
    }
}

impl<'s> Dispatcher<'s> {
    /// With a scheduler that knows nothing yet.
    pub(crate) fn empty(store: &'s Sqlite, now: Timestamp) -> Self {
        let scheduler = Scheduler::new(vec![], [], vec![], 1, now).unwrap();
        Self::of(store, scheduler)
    }

    pub(crate) fn of(store: &'s Sqlite, scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            store,
            under_way: Vec::new(),
        }
    }

    /// Claims all that is ready: each is planned, and under way from then on.
    pub(crate) fn claim(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> usize {
        let ready = self.scheduler.runnable(now);
        for task in &ready {
            let operations = vec![Operation::Supply {
                amount: U256::from(1_000_000_000_u64),
            }];
            let planned = TaskEvent::Planned { operations };
            changes.extend(self.scheduler.apply(task, planned, now).unwrap());
        }
        let count = ready.len();
        self.under_way.extend(ready);
        count
    }

    /// Completes all that is under way.
    pub(crate) fn complete(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for task in std::mem::take(&mut self.under_way) {
            let done = TaskEvent::StepDone {
                note: "supplied".to_owned(),
            };
            changes.extend(self.scheduler.apply(&task, done, now).unwrap());
        }
    }

    /// Stores changes: durable when it returns.
    pub(crate) fn store(&self, now: Timestamp, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.store.commit(&batch(now, changes)).unwrap();
        }
    }
}

/// One transaction of changes. Of a run that changed several times the last record is stored, with
/// every entry.
fn batch(now: Timestamp, changes: Vec<Change>) -> Batch {
    let mut batch = Batch::at(now);
    batch.tasks.reserve(changes.len());
    batch.entries.reserve(changes.len());
    let mut places: FxHashMap<TaskId, usize> = FxHashMap::default();
    places.reserve(changes.len());
    for change in changes {
        match change {
            Change::Task {
                record,
                from,
                reason,
            } => {
                batch.entries.push(Entry::Task {
                    task: record.id.clone(),
                    from,
                    to: record.state,
                    reason,
                    not_before: record.not_before,
                });
                let next = batch.tasks.len();
                let place = *places.entry(record.id.clone()).or_insert(next);
                match batch.tasks.get_mut(place) {
                    Some(stored) => *stored = record,
                    None => batch.tasks.push(record),
                }
            }
            Change::Trigger { state } => batch.triggers.push(state),
            Change::Fired {
                campaign,
                due,
                tasks,
                note,
            } => batch.entries.push(Entry::Fired {
                campaign: campaign.to_string(),
                due,
                tasks,
                note,
            }),
            Change::Memory(memory) => {
                let memory = serde_json::to_value(&memory).unwrap();
                batch.settings.retain(|(name, _)| name != "scheduler");
                batch.settings.push(("scheduler".to_owned(), memory));
            }
            Change::Stuck { .. } | Change::Late { .. } | Change::Quarantined { .. } => {
                unreachable!("nothing here is stuck, late or failing")
            }
        }
    }
    batch
}

/// The same specification, shared.
pub(crate) fn shared(spec: TaskSpec) -> Arc<TaskSpec> {
    Arc::new(spec)
}
