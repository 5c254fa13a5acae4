//! Following open transactions to their end.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use airdrops_types::{
    Address, Answer, B256, BlockRef, ChainId, IntentId, LogError, Outcome, Slot, Timestamp, Token,
};

use super::{ChainLane, RECEIPT_AFTER, RECEIPT_BEFORE, TransactionManager};
use crate::endpoint::Receipt;
use crate::read::ReadError;

/// What became of one open transaction in one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is final. Reported at every poll until the log no longer lists the slot as open.
    Final(Outcome),
    /// Nothing to do yet.
    Waiting {
        /// Which intent.
        intent: IntentId,
        /// Its mined, or else its latest transaction.
        tx: B256,
        /// Blocks on top of its block; 0 also while it is in none.
        confirmations: u64,
    },
    /// The same bytes were sent again.
    Rebroadcast {
        /// Which intent.
        intent: IntentId,
        /// The transaction.
        tx: B256,
        /// What the node said; never rejected, which is [`Progress::Stuck`].
        answer: Answer,
    },
    /// Its block left the canonical chain. The same bytes were sent again.
    ReorgedOut {
        /// Which intent.
        intent: IntentId,
        /// The transaction that was in the block.
        tx: B256,
    },
    /// It does not move by itself.
    Stuck {
        /// Which intent.
        intent: IntentId,
        /// Why.
        reason: String,
        /// The chain has used its nonce for a transaction that is not ours, confirmed: something
        /// else signs with the wallet's key. Otherwise the node refuses the bytes, and a fee bump
        /// or a cancellation helps.
        nonce_consumed_by_other: bool,
    },
}

/// The result of a poll. Trouble with one chain does not hide the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// At most one per open slot, in the order of the log.
    pub progress: Vec<Progress>,
    /// Chains that could not be asked, at most one error per slot.
    pub errors: Vec<(ChainId, ReadError)>,
}

/// What stops the work on one slot.
enum Interrupted {
    Log(LogError),
    Read(ReadError),
}

impl From<LogError> for Interrupted {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<ReadError> for Interrupted {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl TransactionManager {
    /// Looks after every open transaction once: finds receipts, counts confirmations, notices
    /// reorganisations, and sends stored bytes again where they may be lost. Signs nothing.
    ///
    /// `tokens` are the configured tokens; an outcome tells the change of each that is on its
    /// chain. Final outcomes are read at past blocks, so the endpoint must keep the state of the
    /// last `confirmations` blocks and of the time that the program was down.
    ///
    /// # Errors
    /// [`LogError`] if the log fails. Trouble with a chain is in [`Polled::errors`].
    pub async fn poll(&self, tokens: &[Token], now: Timestamp) -> Result<Polled, LogError> {
        let slots = self.log.open_slots()?;
        self.forget_settled(&slots);
        let mut polled = Polled::default();
        let mut heads: BTreeMap<ChainId, Option<BlockRef>> = BTreeMap::new();
        for slot in &slots {
            let Some(lane) = self.chains.get(&slot.chain) else {
                polled.errors.push((
                    slot.chain,
                    ReadError::Unreachable("the chain is not configured".to_owned()),
                ));
                continue;
            };
            let head = match heads.get(&slot.chain) {
                Some(head) => *head,
                None => {
                    let head = match lane.client.head().await {
                        Ok(head) => Some(head),
                        Err(error) => {
                            polled.errors.push((slot.chain, error));
                            None
                        }
                    };
                    heads.insert(slot.chain, head);
                    head
                }
            };
            let Some(head) = head else { continue };
            // A signature for the same nonce is not to be made meanwhile.
            let turn = self.turn(slot.chain, slot.wallet);
            let _turn = turn.lock().await;
            match self.follow(lane, slot, head, tokens, now).await {
                Ok(progress) => polled.progress.push(progress),
                Err(Interrupted::Read(error)) => polled.errors.push((slot.chain, error)),
                Err(Interrupted::Log(error)) => return Err(error),
            }
        }
        Ok(polled)
    }

    async fn follow(
        &self,
        lane: &ChainLane,
        slot: &Slot,
        head: BlockRef,
        tokens: &[Token],
        now: Timestamp,
    ) -> Result<Progress, Interrupted> {
        match self.canonical_receipt(lane, slot).await? {
            Some((receipt, block)) => {
                self.set_overtaken(slot.intent.id, None);
                if slot.mined != Some((receipt.tx, block)) {
                    (self.checkpoint)(RECEIPT_BEFORE);
                    self.log
                        .record_mined(slot.intent.id, Some((receipt.tx, block)))?;
                    (self.checkpoint)(RECEIPT_AFTER);
                }
                let waiting = Progress::Waiting {
                    intent: slot.intent.id,
                    tx: receipt.tx,
                    confirmations: head.number.saturating_sub(block.number),
                };
                if head.number < block.number.saturating_add(lane.confirmations) {
                    return Ok(waiting);
                }
                let outcome = lane.outcome(slot, &receipt, block, tokens).await?;
                // The balances were read by height: they count only if the height still is the
                // same block.
                if lane.client.canonical_hash(block.number).await? == Some(block.hash) {
                    Ok(Progress::Final(outcome))
                } else {
                    Ok(waiting)
                }
            }
            None => match slot.mined {
                Some((tx, _)) => {
                    self.log.record_mined(slot.intent.id, None)?;
                    self.send_again(lane, slot, now).await?;
                    Ok(Progress::ReorgedOut {
                        intent: slot.intent.id,
                        tx,
                    })
                }
                None => self.follow_unmined(lane, slot, head, now).await,
            },
        }
    }

    /// The receipt of any signature of the slot whose block is canonical.
    async fn canonical_receipt(
        &self,
        lane: &ChainLane,
        slot: &Slot,
    ) -> Result<Option<(Receipt, BlockRef)>, ReadError> {
        for attempt in slot.attempts.iter().rev() {
            let Some(receipt) = lane.client.receipt(attempt.tx).await? else {
                continue;
            };
            if let Some(block) = lane.client.block(receipt.block_number).await?
                && block.hash == receipt.block_hash
            {
                return Ok(Some((receipt, block)));
            }
        }
        Ok(None)
    }

    async fn follow_unmined(
        &self,
        lane: &ChainLane,
        slot: &Slot,
        head: BlockRef,
        now: Timestamp,
    ) -> Result<Progress, Interrupted> {
        let intent = slot.intent.id;
        let Some(last) = slot.attempts.last() else {
            return Ok(Progress::Stuck {
                intent,
                reason: "the log holds no signature for it".to_owned(),
                nonce_consumed_by_other: false,
            });
        };
        let waiting = Progress::Waiting {
            intent,
            tx: last.tx,
            confirmations: 0,
        };
        let used = lane.client.nonce_latest(slot.wallet).await?;
        if used > slot.nonce {
            // Our receipt may lag behind, or the block may be reorganised away: only after the
            // confirmations is the nonce lost.
            let seen_at = self.set_overtaken(intent, Some(head.number));
            return Ok(
                if head.number >= seen_at.saturating_add(lane.confirmations)
                    && head.number > seen_at
                {
                    Progress::Stuck {
                        intent,
                        reason: foreign(slot.wallet, slot.nonce, seen_at, head.number),
                        nonce_consumed_by_other: true,
                    }
                } else {
                    waiting
                },
            );
        }
        self.set_overtaken(intent, None);
        let overdue = last
            .broadcast_at
            .is_none_or(|sent| now.since(sent) >= lane.rebroadcast_after);
        match &last.answer {
            Some(Answer::Rejected { reason }) if !overdue => Ok(refused(intent, reason.clone())),
            Some(Answer::Accepted) if !overdue => Ok(waiting),
            _ => Ok(match self.send_again(lane, slot, now).await? {
                Answer::Rejected { reason } => refused(intent, reason),
                answer => Progress::Rebroadcast {
                    intent,
                    tx: last.tx,
                    answer,
                },
            }),
        }
    }

    /// Sends the bytes of the latest signature again.
    async fn send_again(
        &self,
        lane: &ChainLane,
        slot: &Slot,
        now: Timestamp,
    ) -> Result<Answer, LogError> {
        match slot.attempts.last() {
            Some(last) => self.broadcast(&lane.client, last.tx, &last.raw, now).await,
            None => Ok(Answer::Unknown {
                reason: "the log holds no signature for it".to_owned(),
            }),
        }
    }

    /// Remembers the first height at which the slot's nonce was seen used without a receipt of
    /// ours, and gives it; `None` forgets it.
    fn set_overtaken(&self, intent: IntentId, head: Option<u64>) -> u64 {
        let mut overtaken = self
            .overtaken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match head {
            Some(head) => *overtaken.entry(intent).or_insert(head),
            None => overtaken.remove(&intent).unwrap_or(0),
        }
    }

    fn forget_settled(&self, open: &[Slot]) {
        self.overtaken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|intent, _| open.iter().any(|slot| slot.intent.id == *intent));
    }
}

fn refused(intent: IntentId, reason: String) -> Progress {
    Progress::Stuck {
        intent,
        reason,
        nonce_consumed_by_other: false,
    }
}

fn foreign(wallet: Address, nonce: u64, seen_at: u64, head: u64) -> String {
    format!(
        "the chain used nonce {nonce} of {wallet} for a transaction that is not ours (seen at \
         block {seen_at}, still so at {head}): something else signs with its key"
    )
}
