//! A store with group commit: transactions wait until a group of them is written, and only then are
//! they durable, visible and answered. What waits is lost in a crash.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use airdrops_scheduler::admission::{Facts, Request, admit};
use airdrops_scheduler::{Change, Claim, Lease, Memory, lease};
use airdrops_types::{
    Address, CampaignId, ChainId, Command, IntentId, LogError, TaskId, TaskRecord, Timestamp,
    TriggerState,
};

use super::chain::Tx;
use super::definitions::Setting;
use super::fires::Fire;
use super::inbox::{self, Letter};
use super::rules;
use super::verdict::{Kind, Violation};

/// A stored signature.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub tx: Tx,
    pub open: bool,
}

/// What is durable.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub lease: Option<Lease>,
    pub revision: u64,
    pub halted: bool,
    pub tasks: BTreeMap<TaskId, TaskRecord>,
    pub triggers: BTreeMap<CampaignId, TriggerState>,
    pub memory: Memory,
    pub slots: Vec<Slot>,
    pub fires: BTreeMap<CampaignId, Vec<Fire>>,
    /// What was asked for.
    pub inbox: Vec<Letter>,
    /// Tasks that have not ended, by run.
    pub open: BTreeMap<(CampaignId, u64), usize>,
    /// When each task was made.
    pub made: BTreeMap<TaskId, Timestamp>,
    /// Tasks that left a final state: what came after them was decided before.
    pub reopened: BTreeSet<TaskId>,
    /// Tasks that were told as late, and as stuck.
    pub late: BTreeSet<TaskId>,
    pub stuck: BTreeSet<TaskId>,
    pub quarantines: u64,
    /// When triggers were paused, and until when.
    pub pauses: BTreeMap<CampaignId, Vec<(Timestamp, Option<Timestamp>)>>,
    /// Runs that no trigger, no event and no task made.
    pub unfired: u64,
    /// Ends that a campaign waits for.
    pub happened: BTreeMap<CampaignId, u64>,
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
    /// A message that is answered, and whether it was done.
    pub done: Option<(usize, bool)>,
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

#[derive(Debug)]
pub(super) struct Durable {
    pub setting: Rc<Setting>,
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
        if let Some((message, done)) = transaction.done {
            if tables.inbox[message].done.is_some() {
                return Ok(Err(Refusal::Already));
            }
            tables.inbox[message].done = Some(done);
            if done {
                answered(tables, message, transaction.at);
            }
        }
        for change in &transaction.changes {
            keep(&self.setting, tables, change, transaction.at)?;
        }
        rules::limits(&self.setting.policy, tables, &transaction.changes)?;
        Ok(Ok(()))
    }
}

/// What must come of a message that was done.
fn answered(tables: &mut Tables, message: usize, at: Timestamp) {
    let makes_a_run = match &tables.inbox[message].request {
        inbox::Request::Command(Command::Rerun { .. }) | inbox::Request::Knot(_) => true,
        inbox::Request::Command(Command::Cancel { task, .. }) => tables
            .tasks
            .get(task)
            .is_some_and(|task| task.spec.compensate && task.cursor > 0),
        inbox::Request::Command(Command::Pause { campaign, .. }) => {
            let pauses = tables.pauses.entry(campaign.clone()).or_default();
            pauses.push((at, None));
            false
        }
        inbox::Request::Command(Command::Resume { campaign }) => {
            let pauses = tables.pauses.entry(campaign.clone()).or_default();
            if let Some((_, until)) = pauses.last_mut() {
                *until = Some(at);
            }
            false
        }
        _ => false,
    };
    tables.unfired += u64::from(makes_a_run);
}

fn keep(
    setting: &Setting,
    tables: &mut Tables,
    change: &Change,
    at: Timestamp,
) -> Result<(), Violation> {
    match change {
        Change::Task { record, from, .. } => {
            rules::moves(setting, tables, record, *from, at)?;
            let before = tables.tasks.insert(record.id.clone(), record.clone());
            rules::ends(setting, tables, record, before.as_ref());
            if before.is_none() {
                tables.made.insert(record.id.clone(), at);
            }
            if before.is_some_and(|before| before.state.is_final()) {
                tables.reopened.insert(record.id.clone());
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
        } => {
            let fire = Fire {
                at,
                due: *due,
                tasks: tasks.clone(),
                note: note.clone(),
            };
            rules::fires(setting, tables, campaign, &fire)?;
            let fires = tables.fires.entry(campaign.clone()).or_default();
            fires.push(fire);
        }
        Change::Memory(memory) => tables.memory = memory.clone(),
        Change::Stuck { tasks, reason, .. } => {
            for task in tasks {
                let knotted = task.as_str().contains("/x#") || task.as_str().contains("/y#");
                if !knotted || !tables.stuck.insert(task.clone()) {
                    let what = format!("{task} is reported as stuck: {reason}");
                    return Err(Violation::new(Kind::Order, what));
                }
            }
        }
        Change::Late { task, .. } => {
            if !tables.late.insert(task.clone()) {
                let what = format!("{task} is told as late again");
                return Err(Violation::new(Kind::Order, what));
            }
        }
        Change::Quarantined { until, .. } => tables.quarantines += u64::from(until.is_some()),
    }
    Ok(())
}
