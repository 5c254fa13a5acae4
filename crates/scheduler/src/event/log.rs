//! Each log of a trigger told once, across reorganisations of the chain and restarts.
//!
//! A log counts once so many blocks lie on its block. Only blocks that deep are read, so a log that
//! vanishes before was never told. A reorganisation that goes deeper is noticed by the hash of the
//! last block that was read: the cursor goes back to the newest block that is still part of the chain
//! and reads on from there. What was told is known by its transaction and its place among the
//! transaction's logs of this trigger: both survive when the transaction moves to another block, its
//! index in the block does not.
//!
//! The cursor is to be stored in the transaction that stores what its events led to. Then an answer
//! that was taken but not stored is taken again, and one that was stored never is.

use std::collections::{BTreeMap, VecDeque};

use airdrops_types::{Address, B256, CampaignId, ChainId, ChainLog, LogRange, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Event, Happening};

/// Most confirmations that a trigger may ask for.
pub const MOST_CONFIRMATIONS: u64 = 10_000;
/// Most blocks that are asked for at once.
pub const WIDEST_SPAN: u64 = 2_000;
/// Most logs that are remembered as told. They matter only to reorganisations deeper than the
/// trigger's confirmations: with more logs than this in the blocks that changed, the oldest of them
/// may be told again.
pub const MOST_TOLD: usize = 1_024;
/// Most blocks whose hashes are remembered: the newest ones, and older ones further apart.
const MOST_MARKS: usize = 40;
const NEAR_MARKS: usize = 16;
const MARK_SPACING: u64 = 64;

/// How far the logs of one trigger were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    /// The first block that was ever to be read.
    origin: u64,
    /// The next block to be read.
    next: u64,
    /// Blocks to be asked for at once.
    span: u64,
    /// Blocks that were read up to, ascending, with their hashes.
    marks: VecDeque<(u64, B256)>,
    /// Logs that were told: the transaction, and the place among its logs of this trigger.
    told: VecDeque<(B256, u32)>,
}

/// What to ask a node for: all logs of the trigger in these blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// First block.
    pub from: u64,
    /// Last block, included.
    pub to: u64,
}

/// Whose logs they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTrigger<'a> {
    /// Whose trigger asks for them.
    pub campaign: &'a CampaignId,
    /// The chain.
    pub chain: ChainId,
    /// The contract.
    pub address: Address,
    /// Blocks on top of a log's before it counts.
    pub confirmations: u64,
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Logs that count now, oldest first; often none.
    Events(Vec<Event>),
    /// Blocks that were read are no longer part of the chain. Nothing is told of this answer; the
    /// blocks from `next` on are to be read again.
    Reorganised {
        /// The next block to be read.
        next: u64,
    },
}

/// Why an answer was not taken. The cursor stays as it was; ask again, or ask another node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogDefect {
    /// It is not for the next block, or for blocks that are not deep enough: a gap, or an answer that
    /// came twice.
    #[error(
        "blocks {from} to {to} came, blocks from {next} to at most {last} are to be read; ask for those"
    )]
    Range {
        /// First that came.
        from: u64,
        /// Last that came.
        to: u64,
        /// The next to be read.
        next: u64,
        /// The last that is deep enough.
        last: u64,
    },
    /// A log that was not asked for, or whose block is not that of the answer.
    #[error(
        "log {index} of block {block} does not belong into the answer: {reason}; ask another node"
    )]
    Log {
        /// Its block.
        block: u64,
        /// Its index.
        index: u64,
        /// Why.
        reason: &'static str,
    },
}

impl LogCursor {
    /// Reads from block `origin` on: the one after the head at which the trigger was first seen.
    #[must_use]
    pub fn starting_at(origin: u64) -> Self {
        Self {
            origin,
            next: origin,
            span: WIDEST_SPAN,
            marks: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// The next block to be read.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What to ask for while the chain's head is at height `head`; `None` if no further block is deep
    /// enough, as after a head that went back. A `confirmations` of 0 counts as 1.
    #[must_use]
    pub fn query(&self, confirmations: u64, head: u64) -> Option<LogQuery> {
        let last = head.checked_sub(confirmations.max(1))?;
        let widest = self
            .next
            .saturating_add(self.span.clamp(1, WIDEST_SPAN) - 1);
        (self.next <= last).then(|| LogQuery {
            from: self.next,
            to: last.min(widest),
        })
    }

    /// The node refused the range because it, or its answer, is too large: half of it the next time.
    /// Whether there is less to ask for.
    pub fn too_large(&mut self) -> bool {
        let less = self.span > 1;
        self.span = (self.span / 2).max(1);
        less
    }

    /// Takes the answer to [`LogCursor::query`], read while the head was at height `head`.
    ///
    /// # Errors
    /// [`LogDefect`]; then nothing changed.
    pub fn take(
        &mut self,
        trigger: LogTrigger<'_>,
        head: u64,
        answer: &LogRange,
        now: Timestamp,
    ) -> Result<Taken, LogDefect> {
        let last = head.saturating_sub(trigger.confirmations.max(1));
        let (from, to) = (answer.from, answer.to);
        if from != self.next || to < from || to > last {
            return Err(LogDefect::Range {
                from,
                to,
                next: self.next,
                last,
            });
        }
        let logs = ordered(trigger, answer)?;
        let mark = self
            .marks
            .back()
            .filter(|(block, _)| block.checked_add(1) == Some(from));
        if mark.is_some_and(|(_, hash)| answer.before != Some(*hash)) {
            self.go_back();
            return Ok(Taken::Reorganised { next: self.next });
        }
        let mut places: BTreeMap<B256, u32> = BTreeMap::new();
        let mut events = Vec::new();
        for log in logs {
            let place = places.entry(log.transaction).or_default();
            let id = (log.transaction, *place);
            *place = place.saturating_add(1);
            if self.told.contains(&id) {
                continue;
            }
            self.told.push_back(id);
            events.push(Event {
                at: now,
                what: Happening::Log {
                    campaign: trigger.campaign.clone(),
                    chain: trigger.chain,
                    address: trigger.address,
                    transaction: log.transaction,
                    index: log.index,
                },
            });
        }
        while self.told.len() > MOST_TOLD {
            self.told.pop_front();
        }
        self.next = to.saturating_add(1);
        self.span = self.span.saturating_mul(2).min(WIDEST_SPAN);
        self.mark(to, answer.end);
        Ok(Taken::Events(events))
    }

    /// Remembers a block, and forgets older ones: of those before the newest [`NEAR_MARKS`], one for
    /// each [`MARK_SPACING`] blocks is kept.
    fn mark(&mut self, block: u64, hash: B256) {
        self.marks.push_back((block, hash));
        let mut kept: VecDeque<(u64, B256)> = VecDeque::new();
        for &(number, hash) in self.marks.iter().rev().take(MOST_MARKS + 1) {
            let newer = kept.front().map(|(number, _)| number / MARK_SPACING);
            if kept.len() < NEAR_MARKS || newer != Some(number / MARK_SPACING) {
                kept.push_front((number, hash));
            }
        }
        while kept.len() > MOST_MARKS {
            kept.pop_front();
        }
        self.marks = kept;
    }

    /// The newest block that was read is not part of the chain: back to the one before it, or, without
    /// one, as far again as the reading went.
    fn go_back(&mut self) {
        let gone = self.marks.pop_back().map_or(self.next, |(block, _)| block);
        self.next = match self.marks.back() {
            Some((block, _)) => block.saturating_add(1),
            None => gone.saturating_sub(WIDEST_SPAN).max(self.origin),
        };
    }
}

/// The answer's logs by block and index, none twice, once all of them fit.
fn ordered<'a>(
    trigger: LogTrigger<'_>,
    answer: &'a LogRange,
) -> Result<Vec<&'a ChainLog>, LogDefect> {
    let mut logs: Vec<&ChainLog> = answer.logs.iter().collect();
    logs.sort_by_key(|log| (log.block, log.index));
    logs.dedup();
    let mut before: Option<&ChainLog> = None;
    for &log in &logs {
        let same_block = before.filter(|before| before.block == log.block);
        let reason = if log.address != trigger.address {
            Some("another contract")
        } else if log.block < answer.from || log.block > answer.to {
            Some("out of the range")
        } else if log.block == answer.to && log.block_hash != answer.end
            || same_block.is_some_and(|before| before.block_hash != log.block_hash)
        {
            Some("another block of this height")
        } else if same_block.is_some_and(|before| before.index == log.index) {
            Some("another log of this index")
        } else {
            None
        };
        if let Some(reason) = reason {
            let (block, index) = (log.block, log.index);
            return Err(LogDefect::Log {
                block,
                index,
                reason,
            });
        }
        before = Some(log);
    }
    Ok(logs)
}
