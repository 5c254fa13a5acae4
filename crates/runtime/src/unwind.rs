//! The way out that an operator asked for: from a stored request to task runs, round by round,
//! until a fresh snapshot shows nothing more.
//!
//! Requests are read from the store in each tick; the progress is written in the transaction that
//! makes the task runs, so that each request is accepted once. Amounts are never taken from a
//! request: each run is planned from what is there when it may start.

pub mod order;
pub mod preview;
mod remaining;

use std::sync::Arc;

use airdrops_protocols::ProtocolConfig;
use airdrops_scheduler::{Change, TaskDef, TaskEvent};
use airdrops_store::{Batch, UNWINDS};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, CampaignId, Entry, Operation, Origin, ProtocolId,
    Snapshot, TaskId, TaskRecord, TaskSpec, TaskState, Timestamp, UNWIND_CAMPAIGN, Unwind,
    UnwindEnd, UnwindOutcome, UnwindRequest, Work,
};

use self::order::Candidate;
use self::remaining::Left;
use crate::checkpoint;
use crate::engine::Engine;
use crate::error::RunError;
use crate::hold::Hold;

/// Runs for one wallet and protocol that end well, and leave something, before it counts as stuck.
const MAX_ROUNDS: usize = 3;

/// What one request changes in one tick.
#[derive(Default)]
struct Changed {
    changes: Vec<Change>,
    notes: Vec<String>,
    progress: bool,
}

impl Engine {
    /// Accepts new requests, makes the next round of task runs of open ones, and ends those of
    /// which nothing is left or nothing more can be done.
    pub(crate) fn unwind(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        self.unwind_requests = self.store.unwinds()?.0;
        let mut changed = Changed::default();
        let mut batch = Batch::at(now);
        for request in self.unwind_requests.clone() {
            if request.has_ended(&self.unwinds) {
                continue;
            }
            let index = self.accept(&request, now, &mut changed);
            if request.cancelled.is_some() {
                self.take_back(index, now, &mut changed, &mut batch)?;
            } else {
                self.go_on(index, &request, snapshot, now, &mut changed)?;
            }
        }
        let notes = changed.notes.into_iter();
        batch.entries.extend(notes.map(|text| Entry::Note { text }));
        Self::note_changes(&mut batch, changed.changes);
        if changed.progress {
            let progress = serde_json::to_value(&self.unwinds)?;
            batch.settings.push((UNWINDS.to_owned(), progress));
        }
        if batch == Batch::at(now) {
            return Ok(());
        }
        (self.checkpoint)(checkpoint::UNWIND_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::UNWIND_AFTER);
        Ok(())
    }

    /// The place of a request's progress, which begins now if it is new.
    fn accept(&mut self, request: &UnwindRequest, now: Timestamp, changed: &mut Changed) -> usize {
        let known = self
            .unwinds
            .iter()
            .position(|unwind| unwind.request == request.id);
        known.unwrap_or_else(|| {
            self.unwinds.push(Unwind {
                request: request.id,
                accepted: now,
                tasks: Vec::new(),
                end: None,
            });
            changed.progress = true;
            self.unwinds.len() - 1
        })
    }

    /// Cancels what is not signed; the request ends when the rest is final.
    fn take_back(
        &mut self,
        index: usize,
        now: Timestamp,
        changed: &mut Changed,
        batch: &mut Batch,
    ) -> Result<(), RunError> {
        for id in self.open_tasks_of(index) {
            if self.under_way(|slot| slot.intent.task == id)? {
                continue;
            }
            let reason = "an operator took the unwind back".to_owned();
            let event = TaskEvent::Cancel { reason };
            changed
                .changes
                .extend(self.scheduler.apply(&id, event, now)?);
            self.remember_leftovers(&id, batch)?;
        }
        if self.open_tasks_of(index).is_empty() {
            self.end(index, UnwindOutcome::Cancelled, now, changed);
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        index: usize,
        request: &UnwindRequest,
        snapshot: &Snapshot,
        now: Timestamp,
        changed: &mut Changed,
    ) -> Result<(), RunError> {
        if !self.open_tasks_of(index).is_empty() {
            return Ok(());
        }
        let remaining = self.remaining(&request.scope, snapshot);
        let mut waits = remaining.unknown;
        let mut stuck = remaining.beyond;
        let mut round = Vec::new();
        for left in &remaining.left {
            match self.prospect(index, left) {
                Prospect::Unwind => round.push(left.candidate.clone()),
                Prospect::Wait(reason) => waits.push(reason),
                Prospect::Stuck(reason) => stuck.push(reason),
            }
        }
        stuck.extend(self.lost_tasks(index));
        if !round.is_empty() {
            let reason = format!(
                "unwind of {} (request {}) by {}: {}",
                request.scope, request.id, request.by, request.reason
            );
            let campaign = CampaignId::from(UNWIND_CAMPAIGN);
            let tasks = task_definitions(&round);
            let changes = self.scheduler.start_run(&campaign, tasks, &reason, now);
            let made = changes.iter().filter_map(|change| match change {
                Change::Task { record, .. } => Some(record.id.clone()),
                _ => None,
            });
            if let Some(unwind) = self.unwinds.get_mut(index) {
                unwind.tasks.extend(made);
            }
            changed.progress = true;
            changed.changes.extend(changes);
            return Ok(());
        }
        for slot in self.manager.open()? {
            let protocol = self.registry.get(&slot.intent.protocol);
            if protocol.is_some_and(|of| self.covers(&request.scope, of, slot.wallet)) {
                waits.push(format!("{} is under way", slot.intent.summary));
            }
        }
        let about = format!("unwind {}", request.id);
        if !waits.is_empty() {
            let text = format!(
                "the unwind of {} cannot be ended yet: {}",
                request.scope,
                waits.join("; ")
            );
            if self.told.get(&about) != Some(&text) {
                changed.notes.push(text.clone());
                self.told.insert(about, text);
            }
            return Ok(());
        }
        self.told.remove(&about);
        let outcome = if stuck.is_empty() {
            UnwindOutcome::Done
        } else {
            UnwindOutcome::Stuck { reasons: stuck }
        };
        self.end(index, outcome, now, changed);
        Ok(())
    }

    /// Ends a request. What waited for it may go on.
    fn end(&mut self, index: usize, outcome: UnwindOutcome, now: Timestamp, changed: &mut Changed) {
        let Some(unwind) = self.unwinds.get_mut(index) else {
            return;
        };
        let request = unwind.request;
        let scope = self
            .unwind_requests
            .iter()
            .find(|asked| asked.id == request)
            .map_or_else(String::new, |asked| asked.scope.to_string());
        changed.notes.push(match &outcome {
            UnwindOutcome::Done => format!(
                "the unwind of {scope} (request {request}) is done: no position and no open allowance is left in it"
            ),
            UnwindOutcome::Stuck { reasons } => format!(
                "the unwind of {scope} (request {request}) is stuck: {}",
                reasons.join("; ")
            ),
            UnwindOutcome::Cancelled => {
                format!("the unwind of {scope} (request {request}) ended: it was taken back")
            }
        });
        unwind.end = Some(UnwindEnd { at: now, outcome });
        changed.progress = true;
        changed.changes.extend(self.scheduler.look_again(now));
    }

    /// What can be done about something that is left, after what was done already.
    fn prospect(&self, index: usize, left: &Left) -> Prospect {
        let Candidate {
            wallet, protocol, ..
        } = &left.candidate;
        let what = format!("{protocol} of {wallet}");
        let for_it = |task: &&TaskRecord| {
            let acts = task.assignment();
            acts.is_some_and(|acts| acts.wallet == *wallet && acts.protocol == *protocol)
        };
        let elsewhere = self
            .scheduler
            .tasks()
            .filter(|task| Self::unwinds(task) && !task.state.is_final())
            .find(for_it);
        if let Some(task) = elsewhere {
            return Prospect::Wait(format!("{what} is unwound by {}", task.id));
        }
        let made: Vec<&TaskRecord> = self.tasks_of(index).filter(for_it).collect();
        let Some(last) = made.last() else {
            return Prospect::Unwind;
        };
        if !left.fresh {
            return Prospect::Wait(format!("{what} was not read freshly"));
        }
        if last.state != TaskState::Completed {
            let reason = last.reason.as_deref().unwrap_or_default();
            return Prospect::Stuck(format!("{what}: {} {}: {reason}", last.id, last.state));
        }
        if made.len() >= MAX_ROUNDS {
            let rounds = made.len();
            return Prospect::Stuck(format!("{what}: something is left after {rounds} unwinds"));
        }
        Prospect::Unwind
    }

    /// Failed runs whose protocol no snapshot shows any more.
    fn lost_tasks(&self, index: usize) -> Vec<String> {
        self.tasks_of(index)
            .filter(|task| task.state != TaskState::Completed)
            .filter(|task| {
                let acts = task.assignment();
                acts.is_some_and(|acts| self.registry.get(&acts.protocol).is_none())
            })
            .map(|task| {
                let reason = task.reason.as_deref().unwrap_or_default();
                format!("{} {}: {reason}", task.id, task.state)
            })
            .collect()
    }

    fn tasks_of(&self, index: usize) -> impl Iterator<Item = &TaskRecord> {
        let tasks = self.unwinds.get(index).map(|unwind| &unwind.tasks);
        tasks
            .into_iter()
            .flatten()
            .filter_map(|id| self.scheduler.get(id))
    }

    fn open_tasks_of(&self, index: usize) -> Vec<TaskId> {
        self.tasks_of(index)
            .filter(|task| !task.state.is_final())
            .map(|task| task.id.clone())
            .collect()
    }

    /// Who asks for the steps of a task run: an operator only while it belongs to a request that
    /// is open and was not taken back.
    pub(crate) fn origin_of(&self, task: &TaskId) -> Origin {
        let asked = |unwind: &Unwind| {
            unwind.tasks.contains(task)
                && self
                    .unwind_requests
                    .iter()
                    .any(|request| request.id == unwind.request && request.is_open(&self.unwinds))
        };
        if self.unwinds.iter().any(asked) {
            Origin::Operator
        } else {
            Origin::Scheduler
        }
    }

    /// The unwind that a task run would work against; unwinds themselves do not.
    pub(crate) fn unwound(
        &self,
        action: &Action,
        protocol: &ProtocolConfig,
        wallet: Address,
    ) -> Option<String> {
        if *action == Action::Unwind {
            return None;
        }
        self.unwind_requests
            .iter()
            .filter(|request| !request.has_ended(&self.unwinds))
            .find(|request| self.covers(&request.scope, protocol, wallet))
            .map(|request| {
                format!(
                    "waits for the end of the unwind of {} (request {}) by {}: {}",
                    request.scope, request.id, request.by, request.reason
                )
            })
    }

    /// Puts a task run aside that would work against an unwind. One that has moved nothing yet is
    /// planned anew later; one that has would move it twice, and so ends.
    pub(crate) fn stand_aside(
        &mut self,
        record: &TaskRecord,
        reason: String,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let done = record.plan.iter().flatten().take(record.cursor);
        let moved = done
            .filter(|operation| !matches!(operation, Operation::Approve { .. }))
            .count();
        if moved == 0 && record.plan.is_none() {
            return self.hold(&record.id, Hold::Standstill { reason }, now);
        }
        let event = if moved == 0 {
            TaskEvent::Replan
        } else {
            let reason = format!("{moved} of its steps are made, the rest is not: it {reason}");
            TaskEvent::Cancel { reason }
        };
        let mut batch = Batch::at(now);
        let changes = self.scheduler.apply(&record.id, event, now)?;
        Self::note_changes(&mut batch, changes);
        self.remember_leftovers(&record.id, &mut batch)?;
        self.commit(batch)?;
        if moved == 0 {
            return self.hold(&record.id, Hold::Standstill { reason }, now);
        }
        Ok(())
    }
}

/// What comes next for something that is left.
enum Prospect {
    Unwind,
    Wait(String),
    Stuck(String),
}

/// One task per candidate; their names keep the order of risk among runs that are due together.
fn task_definitions(round: &[Candidate]) -> Vec<TaskDef> {
    let assignment = |wallet: Address, protocol: &ProtocolId| Assignment {
        wallet,
        protocol: protocol.clone(),
        action: Action::Unwind,
        amount: AmountSpec::All,
    };
    (1..)
        .zip(round)
        .map(|(place, candidate): (usize, _)| {
            let work = Work::Act(assignment(candidate.wallet, &candidate.protocol));
            TaskDef {
                name: format!("{place:03}-{}", candidate.protocol),
                spec: Arc::new(TaskSpec {
                    critical: true,
                    ..TaskSpec::of(work)
                }),
                after: Vec::new(),
            }
        })
        .collect()
}
