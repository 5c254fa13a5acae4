//! What a node does, one step at a time, by what it remembers. Between any two steps anything may
//! happen: a node that was paused past its lease is one whose next step comes late.

use std::sync::Arc;

use airdrops_scheduler::{Change, Claim, Scheduler, TaskEvent, lease};
use airdrops_types::{ErrorClass, LogError, TaskId, TaskRecord, TaskState};

use super::world::{Doing, Node, Rules, State, TTL, Tx, definition, lane, node_id, open, run_id};
use crate::operations;

const REFUSED: Node = Node::Idle { refused: true };

impl State {
    pub(super) fn claim(&mut self, node: usize) -> bool {
        let Ok(lease) = lease::claim(self.lease.as_ref(), &node_id(node), self.now, TTL) else {
            return false;
        };
        self.nodes[node] = Node::Claimed(Claim {
            lane: lane(),
            node: node_id(node),
            epoch: lease.epoch,
        });
        self.lease = Some(lease);
        true
    }

    pub(super) fn load(&mut self, node: usize, rules: Rules) -> bool {
        let Node::Claimed(claim) = self.nodes[node].clone() else {
            return false;
        };
        self.nodes[node] = if self.takes(&claim, rules) {
            Node::Working {
                claim,
                records: Arc::clone(&self.records),
                doing: Doing::Nothing,
            }
        } else {
            REFUSED
        };
        true
    }

    /// The holder says that it lives, or lets go.
    pub(super) fn renew(&mut self, node: usize, keep: bool) -> bool {
        let (Node::Working { claim, .. }, Some(current)) = (&self.nodes[node], &self.lease) else {
            return false;
        };
        let lease = if keep {
            lease::renew(current, claim, self.now, TTL)
        } else {
            lease::release(current, claim)
        };
        match lease {
            Ok(lease) => {
                self.lease = Some(lease);
                if !keep {
                    self.nodes[node] = Node::Idle { refused: false };
                }
            }
            Err(_) => self.nodes[node] = REFUSED,
        }
        true
    }

    /// What the node remembers, if it does nothing at present.
    fn free(&self, node: usize) -> Option<(Claim, Scheduler)> {
        match &self.nodes[node] {
            Node::Working {
                claim,
                records,
                doing: Doing::Nothing,
            } => Some((claim.clone(), open(records, self.now))),
            _ => None,
        }
    }

    fn has_open_slot(&self, task: &TaskId) -> bool {
        let mut slots = self.slots.iter();
        slots.any(|slot| slot.open && slot.tx.task() == *task)
    }

    /// Stores changes and remembers them, unless the claim is over. `closed`: the slot whose outcome
    /// led to them.
    fn commit(
        &mut self,
        node: usize,
        claim: Claim,
        scheduler: &Scheduler,
        changes: Vec<Change>,
        closed: Option<&Tx>,
        rules: Rules,
    ) {
        if !self.takes(&claim, rules) {
            self.nodes[node] = REFUSED;
            return;
        }
        let records = Arc::make_mut(&mut self.records);
        for change in changes {
            if let Change::Task { record, .. } = change {
                records.retain(|known| known.id != record.id);
                records.push(record);
            }
        }
        records.sort_by(|one, other| one.id.cmp(&other.id));
        for slot in &mut self.slots {
            slot.open &= Some(&slot.tx) != closed;
        }
        self.nodes[node] = Node::Working {
            claim,
            records: Arc::new(scheduler.tasks().cloned().collect()),
            doing: Doing::Nothing,
        };
    }

    /// A retry's moment comes.
    pub(super) fn wake(&mut self, node: usize, rules: Rules) -> bool {
        let Some((claim, mut scheduler)) = self.free(node) else {
            return false;
        };
        let waits = scheduler
            .tasks()
            .filter(|task| task.state == TaskState::Retrying);
        let Some(moment) = waits.filter_map(|task| task.not_before).min() else {
            return false;
        };
        self.now = self.now.max(moment);
        let changes = scheduler.tick(self.now);
        self.commit(node, claim, &scheduler, changes, None, rules);
        true
    }

    /// A task that may run is planned.
    pub(super) fn plan(&mut self, node: usize, task: &TaskId, rules: Rules) -> bool {
        let Some((claim, mut scheduler)) = self.free(node) else {
            return false;
        };
        if !may_run(&scheduler, task, TaskState::Ready) {
            return false;
        }
        let event = match scheduler.get(task) {
            Some(TaskRecord { plan: Some(_), .. }) => TaskEvent::Resumed,
            _ => TaskEvent::Planned {
                operations: operations(1),
            },
        };
        let changes = scheduler.apply(task, event, self.now).unwrap();
        self.commit(node, claim, &scheduler, changes, None, rules);
        true
    }

    /// The step of a running task is permitted and signed, if the wallet has no open signature.
    pub(super) fn sign(&mut self, node: usize, job: usize, run: u64) -> bool {
        let task = run_id(job, run);
        let Some((_, scheduler)) = self.free(node) else {
            return false;
        };
        if self.halted()
            || self.slots.iter().any(|slot| slot.open)
            || !may_run(&scheduler, &task, TaskState::Running)
        {
            return false;
        }
        let tx = Tx {
            job,
            run,
            step: scheduler.get(&task).unwrap().step,
            nonce: self.chain_nonce().max(self.next_nonce().unwrap_or(0)),
        };
        let revision = self.revision;
        if let Node::Working { doing, .. } = &mut self.nodes[node] {
            *doing = Doing::Signed(tx, revision);
        }
        true
    }

    /// Signed bytes are stored, or refused.
    pub(super) fn store(&mut self, node: usize, rules: Rules) -> bool {
        let Node::Working {
            claim,
            doing: before,
            ..
        } = self.nodes[node].clone()
        else {
            return false;
        };
        let (tx, revision, sent) = match before {
            Doing::Signed(tx, revision) if rules.store_first => (tx, revision, false),
            Doing::Sent(tx, revision) => (tx, revision, true),
            _ => return false,
        };
        match self.store_signature(&claim, &tx, revision, rules) {
            Ok(()) => {
                if let Node::Working { doing, .. } = &mut self.nodes[node] {
                    *doing = Doing::Stored(tx);
                }
                if sent {
                    self.submitted(node, rules);
                }
            }
            // Decide again.
            Err(LogError::ControlChanged) => {
                if let Node::Working { doing, .. } = &mut self.nodes[node] {
                    *doing = Doing::Nothing;
                }
            }
            Err(_) => self.nodes[node] = REFUSED,
        }
        true
    }

    /// Signed bytes are sent; whether they arrived, the node does not know.
    pub(super) fn broadcast(&mut self, node: usize, arrives: bool, rules: Rules) -> bool {
        let Node::Working { doing, .. } = &mut self.nodes[node] else {
            return false;
        };
        let tx = match doing.clone() {
            Doing::Stored(tx) => tx,
            Doing::Signed(tx, revision) if !rules.store_first => {
                *doing = Doing::Sent(tx.clone(), revision);
                tx
            }
            _ => return false,
        };
        if arrives {
            self.deliver(&tx);
        }
        self.submitted(node, rules);
        true
    }

    /// The task of stored bytes now waits for their outcome.
    fn submitted(&mut self, node: usize, rules: Rules) {
        let Node::Working {
            claim,
            records,
            doing: Doing::Stored(tx),
        } = self.nodes[node].clone()
        else {
            return;
        };
        let mut scheduler = open(&records, self.now);
        let note = "sent".to_owned();
        let event = TaskEvent::Submitted { note };
        match scheduler.apply(&tx.task(), event, self.now) {
            Ok(changes) => self.commit(node, claim, &scheduler, changes, None, rules),
            Err(_) => self.nodes[node] = REFUSED,
        }
    }

    /// Stored bytes of an open slot are sent again.
    pub(super) fn resend(&mut self, node: usize, tx: &Tx) -> bool {
        if self.free(node).is_none() || self.pool.contains(tx) {
            return false;
        }
        self.deliver(tx);
        self.pool.contains(tx)
    }

    /// The outcome of an open slot is taken over, with what it means for the task.
    pub(super) fn settle(&mut self, node: usize, tx: &Tx, rules: Rules) -> bool {
        let Some((claim, mut scheduler)) = self.free(node) else {
            return false;
        };
        let Some((_, succeeded)) = self.mined.iter().find(|(mined, _)| mined == tx) else {
            return false;
        };
        let event = if *succeeded {
            TaskEvent::StepDone {
                note: "done".to_owned(),
            }
        } else {
            TaskEvent::StepFailed {
                reason: "reverted".to_owned(),
                class: ErrorClass::Reverted,
                retryable: true,
                consumed: true,
            }
        };
        match scheduler.apply(&tx.task(), event, self.now) {
            Ok(changes) => self.commit(node, claim, &scheduler, changes, Some(tx), rules),
            // Its memory is not what the store knows: it looks again.
            Err(_) => self.nodes[node] = REFUSED,
        }
        true
    }

    /// An operator has a run cancelled that nothing is under way for, and the same job started anew.
    pub(super) fn replace(&mut self, node: usize, job: usize, rules: Rules) -> bool {
        let Some((claim, mut scheduler)) = self.free(node) else {
            return false;
        };
        let task = run_id(job, 1);
        if self.has_open_slot(&task) {
            return false;
        }
        let reason = "cancelled by an operator".to_owned();
        let event = TaskEvent::Cancel { reason };
        let Ok(mut changes) = scheduler.apply(&task, event, self.now) else {
            return false;
        };
        let campaign = super::world::JOBS[job].into();
        changes.extend(scheduler.start_run(&campaign, vec![definition()], "again", self.now));
        self.commit(node, claim, &scheduler, changes, None, rules);
        true
    }
}

fn may_run(scheduler: &Scheduler, task: &TaskId, state: TaskState) -> bool {
    scheduler.runnable().contains(task)
        && scheduler
            .get(task)
            .is_some_and(|known| known.state == state)
}
