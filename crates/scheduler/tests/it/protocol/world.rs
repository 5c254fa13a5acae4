//! The state that is explored: a store that keeps what it was told, two nodes that forget it, a chain.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use airdrops_scheduler::admission::{Facts, Request, admit};
use airdrops_scheduler::{Claim, Lane, Lease, NodeId, Scheduler, lease, task_id};
use airdrops_types::{
    Address, CampaignId, ChainId, IntentId, LogError, TaskId, TaskRecord, Timestamp,
};

use crate::{set, task};

/// How long a lease lasts; longer than all waits of a model's course together.
pub(super) const TTL: Duration = Duration::from_secs(600);
/// The campaigns, each of one task; a job is what a campaign is for.
pub(super) const JOBS: [&str; 2] = ["a", "b"];

/// What keeps transactions from being sent twice, each of which can be left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// A claim of another epoch stores nothing.
    pub epoch: bool,
    /// An intent is signed once.
    pub intents: bool,
    /// A nonce is above all that were signed.
    pub nonces: bool,
    /// What was permitted under other control states is not signed.
    pub revision: bool,
    /// Nothing is sent that is not stored.
    pub store_first: bool,
}

/// The rules of the program.
pub(super) const ALL: Rules = Rules {
    epoch: true,
    intents: true,
    nonces: true,
    revision: true,
    store_first: true,
};

/// Signed bytes: the same run, step and nonce give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tx {
    /// By index into [`JOBS`].
    pub job: usize,
    pub run: u64,
    pub step: u32,
    pub nonce: u64,
}

impl Tx {
    pub(super) fn task(&self) -> TaskId {
        run_id(self.job, self.run)
    }

    pub(super) fn intent(&self) -> IntentId {
        IntentId::derive(&self.task(), self.step)
    }
}

pub(super) fn run_id(job: usize, run: u64) -> TaskId {
    task_id(&CampaignId::from(JOBS[job]), "act", run)
}

/// A stored signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub tx: Tx,
    /// It has no final outcome yet.
    pub open: bool,
    /// The control states had changed since its permit was given.
    pub outdated: bool,
}

/// What a node was about to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    Nothing,
    /// It holds signed bytes that were permitted under this revision.
    Signed(Tx, u64),
    /// They are stored.
    Stored(Tx),
    /// They are out, and not stored: only without [`Rules::store_first`].
    Sent(Tx, u64),
}

/// A node's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// It knows nothing: it has just begun, or the store refused it.
    Idle { refused: bool },
    /// It claimed the lane.
    Claimed(Claim),
    /// It goes by what it loaded, for as long as nobody refuses it.
    Working {
        claim: Claim,
        records: Arc<Vec<TaskRecord>>,
        doing: Doing,
    },
}

/// What may still go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// Leases that run out.
    pub expiries: u8,
    /// Nodes that let go of the lane.
    pub releases: u8,
    /// Nodes that lose their memory.
    pub crashes: u8,
    /// Transactions that are mined without an effect.
    pub reverts: u8,
    /// Operators who cancel a run and start another one of the same job.
    pub replacements: u8,
    /// Changes of the control states: a stop, its end.
    pub stops: u8,
    /// Transactions that the pool forgets.
    pub drops: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub now: Timestamp,
    pub lease: Option<Lease>,
    pub revision: u64,
    pub records: Arc<Vec<TaskRecord>>,
    pub slots: Vec<Slot>,
    pub nodes: [Node; 2],
    pub pool: BTreeSet<Tx>,
    /// By nonce: what was mined, and whether it took effect.
    pub mined: Vec<(Tx, bool)>,
    pub left: Faults,
}

fn hash_records<H: Hasher>(records: &[TaskRecord], hasher: &mut H) {
    records.len().hash(hasher);
    for record in records {
        (&record.id, record.state, record.step, record.cursor).hash(hasher);
        record.plan.is_some().hash(hasher);
    }
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Node::Idle { refused } => (0, refused).hash(hasher),
            Node::Claimed(claim) => (1, claim.epoch).hash(hasher),
            Node::Working {
                claim,
                records,
                doing,
            } => {
                (2, claim.epoch, doing).hash(hasher);
                hash_records(records, hasher);
            }
        }
    }
}

impl Hash for State {
    /// Instants count only as far as the lease has run out or not, and texts not at all; nor does it
    /// matter which of the nodes is which.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let holder = self.lease.as_ref().and_then(|lease| {
            (lease.epoch, lease.until > self.now).hash(hasher);
            lease.holder.clone()
        });
        self.revision.hash(hasher);
        hash_records(&self.records, hasher);
        self.slots.hash(hasher);
        let mut nodes = [0, 1].map(|node| {
            let mut hasher = DefaultHasher::new();
            (holder == Some(node_id(node))).hash(&mut hasher);
            self.nodes[node].hash(&mut hasher);
            hasher.finish()
        });
        nodes.sort_unstable();
        nodes.hash(hasher);
        self.pool.hash(hasher);
        self.mined.hash(hasher);
        self.left.hash(hasher);
    }
}

pub(super) fn lane() -> Lane {
    Lane("wallet/1".to_owned())
}

pub(super) fn node_id(node: usize) -> NodeId {
    NodeId(format!("node {node}"))
}

pub(super) fn open(records: &[TaskRecord], now: Timestamp) -> Scheduler {
    Scheduler::new(Vec::new(), records.to_vec(), Vec::new(), 7, now).unwrap()
}

/// The definition of every job.
pub(super) fn definition() -> crate::TaskDef {
    let mut task = task("act", &[]);
    let retry = &mut set(&mut task).retry;
    retry.max_attempts = 3;
    retry.base = Duration::from_secs(1);
    retry.cap = Duration::from_secs(1);
    task
}

impl State {
    pub(super) fn new(left: Faults) -> Self {
        let now = Timestamp(0);
        let mut scheduler = open(&[], now);
        for job in JOBS {
            scheduler.start_run(&job.into(), vec![definition()], "asked for", now);
        }
        Self {
            now,
            lease: None,
            revision: 0,
            records: Arc::new(scheduler.tasks().cloned().collect()),
            slots: Vec::new(),
            nodes: [Node::Idle { refused: false }, Node::Idle { refused: false }],
            pool: BTreeSet::new(),
            mined: Vec::new(),
            left,
        }
    }

    /// The lease as the store shows it to a rule: without the epoch check, as the claim would have it.
    fn lease_for(&self, claim: &Claim, rules: Rules) -> Option<Lease> {
        let lease = self.lease.clone();
        if rules.epoch {
            return lease;
        }
        lease.map(|lease| Lease {
            epoch: claim.epoch,
            ..lease
        })
    }

    /// Whether the store takes what a claim's holder wants stored.
    pub(super) fn takes(&self, claim: &Claim, rules: Rules) -> bool {
        lease::check(self.lease_for(claim, rules).as_ref(), claim).is_ok()
    }

    /// One transaction: the facts are read, the real rule decides, and the signature is stored.
    pub(super) fn store_signature(
        &mut self,
        claim: &Claim,
        tx: &Tx,
        revision: u64,
        rules: Rules,
    ) -> Result<(), LogError> {
        let known = self
            .slots
            .iter()
            .any(|slot| slot.tx.intent() == tx.intent());
        let facts = Facts {
            lease: self.lease_for(claim, rules),
            control_revision: if rules.revision {
                self.revision
            } else {
                revision
            },
            next_nonce: self.next_nonce().filter(|_| rules.nonces),
            intent_known: known && rules.intents,
            replaceable: false,
        };
        let request = Request {
            claim,
            intent: tx.intent(),
            chain: ChainId(1),
            wallet: Address::ZERO,
            nonce: tx.nonce,
            control_revision: revision,
            replaces: false,
        };
        admit(&facts, &request)?;
        self.slots.push(Slot {
            tx: tx.clone(),
            open: true,
            outdated: revision != self.revision,
        });
        Ok(())
    }

    /// One more than the highest nonce that was stored.
    pub(super) fn next_nonce(&self) -> Option<u64> {
        let nonces = self.slots.iter().map(|slot| slot.tx.nonce + 1);
        nonces.max()
    }

    /// The first nonce that the chain has not mined.
    pub(super) fn chain_nonce(&self) -> u64 {
        self.mined.len() as u64
    }

    /// Bytes reach the pool. Those of a used nonce are refused; the same ones again change nothing.
    pub(super) fn deliver(&mut self, tx: &Tx) {
        if tx.nonce >= self.chain_nonce() {
            self.pool.insert(tx.clone());
        }
    }

    /// The next nonce of the pool is mined, and others with that nonce are gone.
    pub(super) fn mine(&mut self, tx: &Tx, succeeds: bool) {
        self.pool.retain(|other| other.nonce != tx.nonce);
        self.mined.push((tx.clone(), succeeds));
    }

    pub(super) fn halted(&self) -> bool {
        self.revision % 2 == 1
    }
}
