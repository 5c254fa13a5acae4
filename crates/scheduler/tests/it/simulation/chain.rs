//! A chain that forgets, reorders nothing within a wallet, and changes its mind about late blocks.

use std::collections::BTreeMap;

use airdrops_types::{IntentId, TaskId};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// Blocks on top of a transaction's before its outcome is final.
pub(super) const CONFIRMATIONS: u64 = 3;
/// Time between blocks, ms.
pub(super) const BLOCK: i64 = 12_000;

/// Signed bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tx {
    pub wallet: u8,
    pub nonce: u64,
    pub task: TaskId,
    /// Index into the task's plan: what it does.
    pub cursor: usize,
    pub step: u32,
}

impl Tx {
    pub(super) fn intent(&self) -> IntentId {
        IntentId::derive(&self.task, self.step)
    }
}

#[derive(Debug, Clone)]
struct Mined {
    tx: Tx,
    block: u64,
    took_effect: bool,
}

#[derive(Debug, Default)]
pub(super) struct Chain {
    pub height: u64,
    pool: Vec<Tx>,
    mined: Vec<Mined>,
    next: BTreeMap<u8, u64>,
}

impl Chain {
    /// The first nonce of a wallet that no block has used.
    pub(super) fn nonce(&self, wallet: u8) -> u64 {
        self.next.get(&wallet).copied().unwrap_or(0)
    }

    /// Bytes reach a node: refused if their nonce is used, kept otherwise; the same bytes again change
    /// nothing.
    pub(super) fn deliver(&mut self, tx: &Tx) {
        if tx.nonce >= self.nonce(tx.wallet) && !self.pool.contains(tx) {
            self.pool.push(tx.clone());
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.pool.is_empty()
    }

    /// Whether the bytes are in a canonical block: the block, and whether they took effect.
    pub(super) fn receipt(&self, tx: &Tx) -> Option<(u64, bool)> {
        let mut mined = self.mined.iter();
        let mined = mined.find(|mined| mined.tx == *tx)?;
        Some((mined.block, mined.took_effect))
    }

    pub(super) fn block(&mut self, rng: &mut ChaCha8Rng, reverts: f64) {
        self.height += 1;
        let mut candidates = self.pool.clone();
        candidates.sort_by_key(|tx| tx.nonce);
        for tx in candidates {
            if tx.nonce != self.nonce(tx.wallet) || rng.random_bool(0.3) {
                continue;
            }
            self.pool
                .retain(|other| (other.wallet, other.nonce) != (tx.wallet, tx.nonce));
            *self.next.entry(tx.wallet).or_default() += 1;
            self.mined.push(Mined {
                tx,
                block: self.height,
                took_effect: !rng.random_bool(reverts),
            });
        }
    }

    /// The last blocks, fewer than make an outcome final, are replaced by empty ones: what they held
    /// goes back to the pool, or is gone. Tells how many transactions that were.
    pub(super) fn reorganise(&mut self, rng: &mut ChaCha8Rng) -> usize {
        let depth = rng.random_range(1..CONFIRMATIONS);
        let keep = self.height.saturating_sub(depth);
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.mined)
            .into_iter()
            .partition(|mined| mined.block <= keep);
        self.mined = stay;
        for mined in &go {
            *self.next.entry(mined.tx.wallet).or_default() -= 1;
            if rng.random_bool(0.7) {
                self.pool.push(mined.tx.clone());
            }
        }
        go.len()
    }

    /// The pool forgets a transaction.
    pub(super) fn forget(&mut self, rng: &mut ChaCha8Rng) -> bool {
        if self.pool.is_empty() {
            return false;
        }
        let one = rng.random_range(0..self.pool.len());
        self.pool.remove(one);
        true
    }

    /// What took effect, by task: the plan's indices.
    pub(super) fn effects(&self) -> BTreeMap<TaskId, Vec<usize>> {
        let mut effects: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
        for mined in self.mined.iter().filter(|mined| mined.took_effect) {
            let of_task = effects.entry(mined.tx.task.clone()).or_default();
            of_task.push(mined.tx.cursor);
        }
        effects
    }

    /// Whether the latest block did something a second time.
    pub(super) fn did_twice(&self) -> Option<&Tx> {
        let latest = self.mined.iter().rev();
        let latest = latest.take_while(|mined| mined.block == self.height);
        let mut latest = latest.filter(|mined| mined.took_effect);
        let again = latest.find(|new| {
            let what = |mined: &&Mined| {
                mined.took_effect
                    && (&mined.tx.task, mined.tx.cursor) == (&new.tx.task, new.tx.cursor)
            };
            self.mined.iter().filter(what).count() > 1
        })?;
        Some(&again.tx)
    }
}
