//! The commands of a node that move one task on.

use airdrops_scheduler::TaskEvent;
use airdrops_types::{ErrorClass, Operation, TaskId, TaskState, Timestamp, U256};
use rand::Rng as _;

use super::chain::{CONFIRMATIONS, Tx};
use super::definitions::{steps, wallet};
use super::driver::{Do, Driver, Phase};
use super::inbox;
use super::verdict::{Kind, Violation};
use super::world::World;

impl World {
    pub(super) fn message(&mut self, node: usize, message: usize) {
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        let tables = &self.store.tables;
        let slots = tables.open_slots();
        let under_way = slots.map(|slot| slot.tx.task.clone()).collect();
        let request = &tables.inbox[message].request;
        let by = inbox::sender(message);
        let (changes, done) = mind.core.request(request, &by, &under_way, self.now);
        self.stats.refused += u64::from(!done);
        match self.driver {
            Driver::AnswersFirst => {
                mind.todo.push_front(Do::Keep(changes));
                mind.todo.push_front(Do::Answer(message, done));
            }
            Driver::AnswersLater => {
                mind.todo.push_front(Do::Answer(message, done));
                mind.todo.push_front(Do::Keep(changes));
            }
            _ => self.stage(node, changes, |transaction| {
                transaction.done = Some((message, done));
            }),
        }
    }

    pub(super) fn poll(&mut self, node: usize, tx: &Tx) -> Result<(), Violation> {
        if !self.quiet && self.rng.random_bool(0.1) {
            self.stats.unanswered += 1;
            return Ok(());
        }
        let twice = !self.quiet && self.rng.random_bool(0.15);
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return Ok(());
        };
        match self.chain.receipt(tx) {
            Some((block, succeeded)) if self.chain.height >= block + CONFIRMATIONS => {
                mind.todo.push_front(Do::Settle(tx.clone(), succeeded));
                if twice {
                    self.stats.duplicates += 1;
                    mind.todo.push_back(Do::Settle(tx.clone(), succeeded));
                }
            }
            Some(_) => {}
            None if self.chain.nonce(tx.wallet) > tx.nonce => {
                let what = format!("the nonce of {tx:?} was used by something else");
                return Err(Violation::new(Kind::Nonce, what));
            }
            None => {
                self.stats.rebroadcasts += 1;
                self.chain.deliver(tx);
            }
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, node: usize, tx: &Tx, succeeded: bool) {
        let tables = &self.store.tables;
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        if !tables.open_slots().any(|slot| slot.tx == *tx) {
            return;
        }
        let event = if succeeded {
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
        let waits = mind.core.get(&tx.task).is_some_and(|task| {
            let under_way = [TaskState::Running, TaskState::Awaiting];
            under_way.contains(&task.state) && task.step == tx.step
        });
        let mut changes = Vec::new();
        if waits {
            changes = mind.core.apply(&tx.task, event, self.now).unwrap();
        }
        if self.driver == Driver::CompletesInMemory {
            changes.clear();
        }
        self.stats.settled += 1;
        self.stage(node, changes, |transaction| {
            transaction.close = Some(tx.clone());
        });
    }

    pub(super) fn advance(&mut self, node: usize, task: &TaskId) {
        let fails = !self.quiet && self.rng.random_bool(0.05);
        let waits = !self.quiet && self.rng.random_bool(0.05);
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        let Some(record) = mind.core.get(task) else {
            return;
        };
        let lane = record.assignment().map(|act| wallet(act.wallet));
        let busy = self
            .store
            .tables
            .open_slots()
            .any(|slot| slot.tx.task == *task || Some(slot.tx.wallet) == lane);
        if busy && self.driver != Driver::ForgetsOpenSlots {
            return;
        }
        match record.state {
            TaskState::Running => mind.todo.push_front(Do::Sign(task.clone())),
            // What failed since it was offered may have put its protocol into quarantine.
            TaskState::Ready
                if self.driver != Driver::IgnoresLimits
                    && mind.core.is_left_alone(task, self.now) => {}
            TaskState::Ready if fails => self.fail(node, task, false),
            TaskState::Ready if waits => {
                let reason = "no price".to_owned();
                let until = Timestamp(self.now.0 + 30_000);
                self.apply(node, task, TaskEvent::Deferred { reason, until });
            }
            TaskState::Ready => {
                let event = if record.plan.is_some() {
                    TaskEvent::Resumed
                } else {
                    let step = |amount| Operation::Wrap { amount };
                    let operations = (0..steps(task)).map(|index| step(U256::from(index)));
                    TaskEvent::Planned {
                        operations: operations.collect(),
                    }
                };
                mind.todo.push_front(Do::Sign(task.clone()));
                self.apply(node, task, event);
            }
            _ => {}
        }
    }

    /// The gate permits, and the step at the cursor is signed.
    pub(super) fn sign(&mut self, node: usize, task: &TaskId) {
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        let tables = &self.store.tables;
        let Some(record) = mind.core.get(task) else {
            return;
        };
        let Some(acts) = record.assignment() else {
            return;
        };
        // Empty plans are done at once.
        if tables.halted || record.state != TaskState::Running {
            return;
        }
        let wallet = wallet(acts.wallet);
        let stored = tables.next_nonce(wallet).unwrap_or(0);
        let tx = Tx {
            wallet,
            nonce: self.chain.nonce(wallet).max(stored),
            task: task.clone(),
            cursor: record.cursor,
            step: record.step,
        };
        match self.driver {
            Driver::BroadcastsFirst => {
                mind.todo.push_front(Do::Store(tx.clone(), tables.revision));
                mind.todo.push_front(Do::Broadcast(tx));
            }
            Driver::DoesNotWait => {
                mind.todo.push_front(Do::Broadcast(tx.clone()));
                mind.todo.push_front(Do::Store(tx, tables.revision));
            }
            _ => mind.todo.push_front(Do::Store(tx, tables.revision)),
        }
    }

    pub(super) fn broadcast(&mut self, node: usize, tx: &Tx) -> Result<(), Violation> {
        let roll = if self.quiet { 0.0 } else { self.rng.random() };
        let is_stored = self.store.tables.slots.iter().any(|slot| slot.tx == *tx);
        if !is_stored && self.strict {
            return Err(Violation::new(Kind::Unstored, format!("{tx:?}")));
        }
        // Accepted, accepted and then timed out, or lost.
        if roll < 0.85 {
            self.chain.deliver(tx);
        }
        let unknown = roll >= 0.6;
        self.stats.timeouts += u64::from((0.6..0.85).contains(&roll));
        self.stats.lost_broadcasts += u64::from(roll >= 0.85);
        if unknown && self.driver == Driver::NewNonceAfterUnknown {
            self.fail(node, &tx.task, true);
            return Ok(());
        }
        if let Phase::Leading(mind) = &mut self.nodes[node].phase {
            mind.todo.push_front(Do::Submitted(tx.task.clone()));
        }
        Ok(())
    }
}
