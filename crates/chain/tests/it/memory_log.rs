//! A transaction log in memory, with the promises of a database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use airdrops_types::{
    Address, Answer, B256, BlockRef, ChainId, IntentId, LogError, NewSignature, Slot, Timestamp,
    TransactionLog,
};

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) slots: Vec<Slot>,
    pub(crate) settled: Vec<IntentId>,
    /// The next signature is refused for this reason.
    pub(crate) refuse_signature: Option<LogError>,
    /// The next answer cannot be stored.
    pub(crate) refuse_answer: Option<LogError>,
}

#[derive(Default)]
pub(crate) struct MemoryLog(Mutex<Inner>);

impl MemoryLog {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settle(&self, intent: IntentId) {
        self.inner().settled.push(intent);
    }

    pub(crate) fn only_slot(&self) -> Slot {
        let inner = self.inner();
        assert_eq!(inner.slots.len(), 1);
        inner.slots[0].clone()
    }
}

impl TransactionLog for MemoryLog {
    fn next_nonce(&self, chain: ChainId, wallet: Address) -> Result<Option<u64>, LogError> {
        let inner = self.inner();
        let ours = inner
            .slots
            .iter()
            .filter(|slot| slot.chain == chain && slot.wallet == wallet);
        Ok(ours.map(|slot| slot.nonce + 1).max())
    }

    fn record_signature(&self, new: &NewSignature) -> Result<(), LogError> {
        let mut inner = self.inner();
        if let Some(error) = inner.refuse_signature.take() {
            return Err(error);
        }
        let settled = inner.settled.contains(&new.intent.id);
        let place = inner.slots.iter().position(|slot| {
            (slot.chain, slot.wallet, slot.nonce) == (new.chain, new.wallet, new.nonce)
        });
        if new.replaces {
            let slot = place
                .map(|index| &mut inner.slots[index])
                .filter(|slot| slot.intent.id == new.intent.id && !settled)
                .ok_or(LogError::NoSlot(new.intent.id))?;
            slot.attempts.push(new.attempt.clone());
            slot.terms = new.terms.clone();
            return Ok(());
        }
        if inner
            .slots
            .iter()
            .any(|slot| slot.intent.id == new.intent.id)
        {
            return Err(LogError::IntentTaken(new.intent.id));
        }
        if place.is_some() {
            return Err(LogError::NonceTaken {
                chain: new.chain,
                wallet: new.wallet,
                nonce: new.nonce,
            });
        }
        inner.slots.push(Slot {
            chain: new.chain,
            wallet: new.wallet,
            nonce: new.nonce,
            intent: new.intent.clone(),
            terms: new.terms.clone(),
            attempts: vec![new.attempt.clone()],
            mined: None,
        });
        Ok(())
    }

    fn record_broadcast(&self, tx: B256, at: Timestamp, answer: &Answer) -> Result<(), LogError> {
        let mut inner = self.inner();
        if let Some(error) = inner.refuse_answer.take() {
            return Err(error);
        }
        for slot in &mut inner.slots {
            for attempt in slot.attempts.iter_mut().filter(|attempt| attempt.tx == tx) {
                attempt.broadcast_at = Some(at);
                attempt.answer = Some(answer.clone());
            }
        }
        Ok(())
    }

    fn record_mined(
        &self,
        intent: IntentId,
        mined: Option<(B256, BlockRef)>,
    ) -> Result<(), LogError> {
        let mut inner = self.inner();
        for slot in inner
            .slots
            .iter_mut()
            .filter(|slot| slot.intent.id == intent)
        {
            slot.mined = mined;
        }
        Ok(())
    }

    fn open_slots(&self) -> Result<Vec<Slot>, LogError> {
        let inner = self.inner();
        let open = inner
            .slots
            .iter()
            .filter(|slot| !inner.settled.contains(&slot.intent.id));
        Ok(open.cloned().collect())
    }
}
