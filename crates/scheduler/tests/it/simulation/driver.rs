//! What a node does with the core, one command at a time. Between any two commands it may crash, stand
//! still past its lease, or find that another node has taken its place.

use std::collections::{BTreeSet, VecDeque};

use airdrops_scheduler::{Change, Claim, Lane, Memory, NodeId, TaskEvent, lease};
use airdrops_types::{ErrorClass, LogError, TaskId, TaskState, Timestamp};

use super::chain::{BLOCK, Tx};
use super::core::Core;
use super::durable::{Refusal, Transaction};
use super::verdict::{self, Kind, Violation};
use super::world::{TTL, World};

/// Drivers that are wrong in one way each: the simulation must tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    Right,
    /// Sends before the signature is stored.
    BroadcastsFirst,
    /// Goes on before what it stored is durable.
    DoesNotWait,
    /// Takes an unknown answer for a failure, and another nonce.
    NewNonceAfterUnknown,
    /// Signs although the task has an open slot, and takes the refusal for a failure.
    ForgetsOpenSlots,
    /// Closes the slot, and keeps what it means for the task in memory.
    CompletesInMemory,
    /// Lets a stop hold tasks whose transaction is out.
    HoldsWhatIsUnderWay,
    /// The store does not look at claims.
    Unfenced,
    /// Does not load what is stored beside the records.
    ForgetsMemory,
    /// Starts whatever is ready.
    IgnoresLimits,
    /// Answers a message before what it leads to is stored.
    AnswersFirst,
    /// Answers a message after what it leads to is stored.
    AnswersLater,
}

/// One command.
#[derive(Debug, Clone)]
pub(super) enum Do {
    /// What operators asked for.
    Messages,
    /// Triggers, retries, stops.
    Schedule,
    Work,
    /// Looks for the receipt of stored bytes, and sends them again if need be.
    Poll(Tx),
    /// Takes over a final outcome; may be delivered twice.
    Settle(Tx, bool),
    Advance(TaskId),
    Sign(TaskId),
    Store(Tx, u64),
    Broadcast(Tx),
    Submitted(TaskId),
    /// Stores the answer to a message, or what it leads to, by itself: no driver that is right does.
    Answer(usize, bool),
    Keep(Vec<Change>),
}

#[derive(Debug)]
pub(super) enum Phase {
    Down { until: Timestamp },
    Standby { next: Timestamp },
    Leading(Box<Mind>),
}

/// All that is lost in a crash.
#[derive(Debug)]
pub(super) struct Mind {
    pub claim: Claim,
    pub core: Core,
    pub revision: u64,
    pub todo: VecDeque<Do>,
    /// It waits for the answer to a transaction.
    pub waiting: bool,
    pub next_tick: Timestamp,
    /// How many commits there were when memory and store were last compared.
    pub compared: u64,
    /// Stands still until then.
    pub paused: Timestamp,
}

impl World {
    pub(super) fn node_id(node: usize) -> NodeId {
        NodeId(format!("node {node}"))
    }

    /// Lets a node run its next command; `false` if it has none now.
    pub(super) fn command(&mut self, node: usize) -> Result<bool, Violation> {
        match &mut self.nodes[node].phase {
            Phase::Down { until } if *until <= self.now => {
                self.nodes[node].phase = Phase::Standby { next: self.now };
                Ok(true)
            }
            Phase::Standby { next } if *next <= self.now => {
                self.join(node);
                Ok(true)
            }
            Phase::Leading(mind) if !mind.waiting && mind.paused <= self.now => {
                if let Some(next) = mind.todo.pop_front() {
                    self.stats.commands += 1;
                    self.trace(|| format!("node {node}: {next:?}"));
                    self.run(node, next)?;
                } else if mind.next_tick <= self.now {
                    self.begin_tick(node)?;
                } else {
                    return Ok(false);
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// When a node has something to do; `None` while it waits for an answer.
    pub(super) fn next_command(&self, node: usize) -> Option<Timestamp> {
        match &self.nodes[node].phase {
            Phase::Down { until } => Some(*until),
            Phase::Standby { next } => Some(*next),
            Phase::Leading(mind) if mind.waiting => None,
            Phase::Leading(mind) if mind.todo.is_empty() => Some(mind.paused.max(mind.next_tick)),
            Phase::Leading(mind) => Some(mind.paused),
        }
    }

    /// Claims the lane, and loads what is stored.
    fn join(&mut self, node: usize) {
        let id = Self::node_id(node);
        let current = self.store.tables.lease.as_ref();
        match lease::claim(current, &id, self.now, TTL) {
            Err(held) => {
                let next = self.now.plus(held.until.since(self.now).max(TTL / 8));
                self.nodes[node].phase = Phase::Standby { next };
            }
            Ok(lease) => {
                self.stats.takeovers +=
                    u64::from(current.is_some_and(|before| before.holder.as_ref() != Some(&id)));
                let claim = Claim {
                    lane: Lane("all".to_owned()),
                    node: id,
                    epoch: lease.epoch,
                };
                self.trace(|| format!("node {node} claims epoch {}", claim.epoch));
                self.store.tables.lease = Some(lease);
                let tables = &self.store.tables;
                let memory = match self.driver {
                    Driver::ForgetsMemory => Memory::default(),
                    _ => tables.memory.clone(),
                };
                self.nodes[node].phase = Phase::Leading(Box::new(Mind {
                    core: Core::restore_with(&self.setting, tables, memory, self.now),
                    revision: tables.revision,
                    claim,
                    todo: VecDeque::new(),
                    waiting: false,
                    compared: 0,
                    next_tick: self.now,
                    paused: self.now,
                }));
                self.plan_again(node);
            }
        }
    }

    /// Plans that nothing was done with are taken from the present instead.
    fn plan_again(&mut self, node: usize) {
        let now = self.now;
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        let open = |task: &TaskId| {
            let mut slots = self.store.tables.open_slots();
            slots.any(|slot| slot.tx.task == *task)
        };
        let tasks = mind.core.tasks();
        let untouched: Vec<TaskId> = tasks
            .filter(|task| task.state == TaskState::Running && task.cursor == 0)
            .filter(|task| !open(&task.id))
            .map(|task| task.id.clone())
            .collect();
        let mut changes = Vec::new();
        for task in untouched {
            changes.extend(mind.core.apply(&task, TaskEvent::Replan, now).unwrap());
        }
        if !changes.is_empty() {
            self.stage(node, changes, |_| {});
        }
    }

    fn begin_tick(&mut self, node: usize) -> Result<(), Violation> {
        let now = self.now;
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return Ok(());
        };
        let tables = &mut self.store.tables;
        let renewed = tables
            .lease
            .as_ref()
            .map(|current| lease::renew(current, &mind.claim, now, TTL));
        let Some(Ok(renewed)) = renewed else {
            self.stats.zombies += 1;
            self.forget(node);
            return Ok(());
        };
        tables.lease = Some(renewed);
        // Of triggers that were never stored only the memory knows.
        let loaded = tables.triggers.len() == self.setting.campaigns.len();
        if loaded && mind.compared != self.stats.commits {
            mind.compared = self.stats.commits;
            // What follows from an event follows at once, and not only in the next tick.
            let reopened = &tables.reopened;
            verdict::graphs(mind.core.tasks(), reopened, |task| mind.core.get(task))?;
            if let Some(differs) = mind.core.differs(tables, now) {
                return Err(Violation::new(Kind::Differs, differs));
            }
            match mind.core.explained(now) {
                Ok(limited) => self.stats.limited += limited,
                Err(unexplained) => return Err(Violation::new(Kind::Why, unexplained)),
            }
        }
        self.stats.ticks += 1;
        mind.todo.push_back(Do::Messages);
        for slot in tables.open_slots() {
            let task = mind.core.get(&slot.tx.task);
            let told = task
                .is_none_or(|task| (task.state, task.step) != (TaskState::Running, slot.tx.step));
            // Whoever stored the signature could not tell the task.
            let looks = !matches!(
                self.driver,
                Driver::ForgetsOpenSlots | Driver::HoldsWhatIsUnderWay
            );
            if looks && !told {
                mind.todo.push_back(Do::Submitted(slot.tx.task.clone()));
            }
            mind.todo.push_back(Do::Poll(slot.tx.clone()));
        }
        mind.todo.extend([Do::Schedule, Do::Work]);
        Ok(())
    }

    /// The node stands where it began: what it knew is gone.
    pub(super) fn forget(&mut self, node: usize) {
        let next = self.now.plus(TTL / 8);
        self.nodes[node].phase = Phase::Standby { next };
        self.nodes[node].life += 1;
    }

    /// Hands a transaction to the store. The node goes on when it is durable.
    pub(super) fn stage(
        &mut self,
        node: usize,
        changes: Vec<Change>,
        set: impl FnOnce(&mut Transaction),
    ) {
        let life = self.nodes[node].life;
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        let mut transaction = Transaction {
            node,
            life,
            claim: mind.claim.clone(),
            at: self.now,
            changes,
            signature: None,
            close: None,
            done: None,
        };
        set(&mut transaction);
        mind.waiting = self.driver != Driver::DoesNotWait;
        self.store.staged.push_back(transaction);
    }

    /// The store's answer.
    pub(super) fn answered(&mut self, transaction: &Transaction, answer: Result<(), Refusal>) {
        let node = transaction.node;
        if self.nodes[node].life != transaction.life {
            return;
        }
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        mind.waiting = false;
        match answer {
            Ok(()) => {
                if let Some((tx, _)) = &transaction.signature
                    && self.driver != Driver::BroadcastsFirst
                    && self.driver != Driver::DoesNotWait
                {
                    mind.todo.push_front(Do::Broadcast(tx.clone()));
                }
            }
            Err(Refusal::Log(LogError::ControlChanged)) => self.stats.stopped += 1,
            Err(Refusal::Log(LogError::IntentTaken(_)))
                if self.driver == Driver::ForgetsOpenSlots =>
            {
                if let Some((tx, _)) = &transaction.signature {
                    self.fail(node, &tx.task, true);
                }
            }
            Err(refusal) => {
                let fenced = [Refusal::Fenced, Refusal::Log(LogError::LeaseLost)];
                self.stats.zombies += u64::from(fenced.contains(&refusal));
                self.trace(|| format!("node {node} is refused: {refusal:?}"));
                self.forget(node);
            }
        }
    }

    pub(super) fn fail(&mut self, node: usize, task: &TaskId, consumed: bool) {
        let event = TaskEvent::StepFailed {
            reason: "the endpoint did not answer".to_owned(),
            class: ErrorClass::Transient,
            retryable: true,
            consumed,
        };
        self.apply(node, task, event);
    }

    /// Applies an event and stores what changed; nothing if the task is not in a state for it.
    pub(super) fn apply(&mut self, node: usize, task: &TaskId, event: TaskEvent) {
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return;
        };
        if let Ok(changes) = mind.core.apply(task, event, self.now) {
            self.stage(node, changes, |_| {});
        }
    }

    fn run(&mut self, node: usize, command: Do) -> Result<(), Violation> {
        let now = self.now;
        let Phase::Leading(mind) = &mut self.nodes[node].phase else {
            return Ok(());
        };
        let tables = &self.store.tables;
        match command {
            Do::Messages => {
                let next = tables.inbox.iter().position(|letter| letter.done.is_none());
                if let Some(message) = next {
                    mind.todo.push_front(Do::Messages);
                    self.message(node, message);
                }
            }
            Do::Schedule => {
                let changed = mind.revision != tables.revision;
                mind.revision = tables.revision;
                let all = self.driver != Driver::HoldsWhatIsUnderWay;
                let slots = tables.open_slots().filter(|_| all);
                let under_way: BTreeSet<_> = slots.map(|slot| slot.tx.task.clone()).collect();
                let changes = mind.core.tick(tables.halted, changed, &under_way, now);
                if !changes.is_empty() {
                    self.stage(node, changes, |_| {});
                }
            }
            Do::Work => {
                let runnable = match self.driver {
                    Driver::IgnoresLimits => mind.core.ready(),
                    _ => mind.core.runnable(now),
                };
                mind.todo.extend(runnable.into_iter().map(Do::Advance));
                let busy = tables.open_slots().next().is_some() || !mind.todo.is_empty();
                let idle = now.plus(TTL / 2);
                let wake = mind.core.next_wake(now).unwrap_or(idle);
                let block = Timestamp(now.0 + BLOCK);
                mind.next_tick = if busy {
                    block
                } else {
                    wake.clamp(Timestamp(now.0 + 1000), idle)
                };
            }
            Do::Poll(tx) => self.poll(node, &tx)?,
            Do::Settle(tx, succeeded) => self.settle(node, &tx, succeeded),
            Do::Advance(task) => self.advance(node, &task),
            Do::Sign(task) => self.sign(node, &task),
            Do::Store(tx, revision) => {
                self.stage(node, Vec::new(), |transaction| {
                    transaction.signature = Some((tx, revision));
                });
            }
            Do::Broadcast(tx) => self.broadcast(node, &tx)?,
            Do::Submitted(task) => {
                let note = "sent".to_owned();
                self.apply(node, &task, TaskEvent::Submitted { note });
            }
            Do::Answer(message, done) => self.stage(node, Vec::new(), |transaction| {
                transaction.done = Some((message, done));
            }),
            Do::Keep(changes) => self.stage(node, changes, |_| {}),
        }
        Ok(())
    }
}
