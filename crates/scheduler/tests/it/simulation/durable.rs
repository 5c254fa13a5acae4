//! A store with group commit: transactions wait until a group of them is written, and only then are
//! they durable, visible and answered. What waits is lost in a crash.

use std::collections::{BTreeMap, VecDeque};

use airdrops_scheduler::admission::{Facts, Request, admit};
use airdrops_scheduler::{Change, Claim, Lease, lease};
use airdrops_types::{
    Address, CampaignId, ChainId, Command, IntentId, LogError, TaskId, TaskRecord, TaskState,
    Timestamp, TriggerState,
};

use super::chain::Tx;
use super::verdict::{Kind, Violation};

/// A stored signature.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub tx: Tx,
    pub open: bool,
}

/// A fire as it was journalled.
#[derive(Debug, Clone)]
pub(super) struct Fire {
    pub at: Timestamp,
    pub due: Timestamp,
    pub tasks: Vec<TaskId>,
    pub note: String,
}

/// What is durable.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub lease: Option<Lease>,
    pub revision: u64,
    pub halted: bool,
    pub tasks: BTreeMap<TaskId, TaskRecord>,
    pub triggers: BTreeMap<CampaignId, TriggerState>,
    pub slots: Vec<Slot>,
    pub fires: BTreeMap<CampaignId, Vec<Fire>>,
    /// What operators asked for, and whether it was done.
    pub inbox: Vec<(Command, bool)>,
    pub runs_asked_for: u64,
}

/// What is stored together, or not at all.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub node: usize,
    pub life: u64,
    pub claim: Claim,
    pub at: Timestamp,
    pub changes: Vec<Change>,
    /// A signature, with the revision of the control states that it was permitted under.
    pub signature: Option<(Tx, u64)>,
    /// A slot that has its final outcome.
    pub close: Option<Tx>,
    /// A message that is done.
    pub done: Option<usize>,
}

/// Why a transaction was not stored, or what nobody knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    Fenced,
    Log(LogError),
    /// The outcome or the message was taken over before.
    Already,
    /// Stored or not: the answer was lost.
    Unknown,
}

#[derive(Debug, Default)]
pub(super) struct Durable {
    pub tables: Tables,
    pub staged: VecDeque<Transaction>,
    /// Claims are not checked: to see that the simulation would tell.
    pub unfenced: bool,
}

impl Tables {
    pub(super) fn open_slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.open)
    }

    pub(super) fn next_nonce(&self, wallet: u8) -> Option<u64> {
        let slots = self.slots.iter().filter(|slot| slot.tx.wallet == wallet);
        slots.map(|slot| slot.tx.nonce + 1).max()
    }

    fn knows(&self, intent: IntentId) -> bool {
        self.slots.iter().any(|slot| slot.tx.intent() == intent)
    }
}

impl Durable {
    /// Runs the oldest transaction: durable when this returns.
    pub(super) fn write(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Result<(), Refusal>, Violation> {
        let tables = &mut self.tables;
        let claim = &transaction.claim;
        let seen = if self.unfenced {
            let lease = tables.lease.clone();
            lease.map(|lease| Lease {
                epoch: claim.epoch,
                ..lease
            })
        } else {
            tables.lease.clone()
        };
        if lease::check(seen.as_ref(), claim).is_err() {
            return Ok(Err(Refusal::Fenced));
        }
        if let Some((tx, revision)) = &transaction.signature {
            let facts = Facts {
                lease: seen,
                control_revision: tables.revision,
                next_nonce: tables.next_nonce(tx.wallet),
                intent_known: tables.knows(tx.intent()),
                replaceable: false,
            };
            let request = Request {
                claim,
                intent: tx.intent(),
                chain: ChainId(1),
                wallet: Address::repeat_byte(tx.wallet),
                nonce: tx.nonce,
                control_revision: *revision,
                replaces: false,
            };
            if let Err(error) = admit(&facts, &request) {
                return Ok(Err(Refusal::Log(error)));
            }
            tables.slots.push(Slot {
                tx: tx.clone(),
                open: true,
            });
        }
        if let Some(tx) = &transaction.close {
            let mut slots = tables.slots.iter_mut();
            match slots.find(|slot| slot.tx == *tx && slot.open) {
                Some(slot) => slot.open = false,
                None => return Ok(Err(Refusal::Already)),
            }
        }
        if let Some(message) = transaction.done {
            let (command, done) = &mut tables.inbox[message];
            if std::mem::replace(done, true) {
                return Ok(Err(Refusal::Already));
            }
            tables.runs_asked_for += u64::from(matches!(command, Command::Run { .. }));
        }
        for change in &transaction.changes {
            keep(tables, change, transaction.at)?;
        }
        Ok(Ok(()))
    }
}

fn keep(tables: &mut Tables, change: &Change, at: Timestamp) -> Result<(), Violation> {
    match change {
        Change::Task { record, from, .. } => {
            let before = tables.tasks.insert(record.id.clone(), record.clone());
            let before = before.map(|task| task.state);
            if before != *from || !is_legal(*from, record.state) {
                return Err(Violation::new(
                    Kind::Order,
                    format!(
                        "{} was {before:?} and is journalled from {from:?} to {:?}",
                        record.id, record.state
                    ),
                ));
            }
        }
        Change::Trigger { state } => {
            tables
                .triggers
                .insert(state.campaign.clone(), state.clone());
        }
        Change::Fired {
            campaign,
            due,
            tasks,
            note,
        } => tables
            .fires
            .entry(campaign.clone())
            .or_default()
            .push(Fire {
                at,
                due: *due,
                tasks: tasks.clone(),
                note: note.clone(),
            }),
    }
    Ok(())
}

/// The moves that a task may make, said a second time.
fn is_legal(from: Option<TaskState>, to: TaskState) -> bool {
    use TaskState as S;
    let Some(from) = from else {
        return matches!(to, S::Pending | S::Ready);
    };
    match from {
        S::Pending => matches!(to, S::Ready | S::Skipped | S::Cancelled),
        S::Ready => to != S::Pending && to != S::Awaiting,
        S::Deferred => matches!(to, S::Ready | S::Deferred | S::Cancelled | S::Skipped),
        S::Running => !matches!(to, S::Pending | S::Skipped),
        S::Awaiting => !matches!(to, S::Pending | S::Skipped | S::Deferred | S::Awaiting),
        S::Retrying => matches!(to, S::Ready | S::Cancelled | S::Skipped),
        S::Completed | S::Failed | S::Dead | S::Cancelled | S::Skipped => false,
    }
}
