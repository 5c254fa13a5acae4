//! What the transaction manager needs.

use airdrops_types::{
    Address, Answer, B256, BlockRef, ChainId, IntentId, LogError, NewSignature, Slot, Timestamp,
    TransactionLog,
};

use super::Durable;
use crate::Access;
use crate::backend::Backend;
use crate::checkpoint::{BROADCAST, MINED, SIGNATURE};
use crate::rules::transactions;

impl<B: Backend> TransactionLog for Durable<B> {
    fn next_nonce(&self, chain: ChainId, wallet: Address) -> Result<Option<u64>, LogError> {
        Ok(self.read(|sql| transactions::next_nonce(sql, chain, wallet))?)
    }

    /// A new slot's nonce must be higher than every nonce that the wallet's slots have; a lower
    /// one is [`LogError::NonceTaken`], used or not. Gaps are the caller's business: nonces that
    /// somebody else used have no slot. A replacement keeps the slot's intent, terms and
    /// reservation, and adds its attempt.
    fn record_signature(&self, signature: &NewSignature) -> Result<(), LogError> {
        let claim = self.running("sign")?;
        Ok(self.write(Some(SIGNATURE), |sql| {
            transactions::record_signature(sql, signature, &claim)
        })?)
    }

    fn record_broadcast(&self, tx: B256, at: Timestamp, answer: &Answer) -> Result<(), LogError> {
        self.require(&[Access::Runner], "broadcast")?;
        Ok(self.write(Some(BROADCAST), |sql| {
            transactions::record_broadcast(sql, tx, at, answer)
        })?)
    }

    fn record_mined(
        &self,
        intent: IntentId,
        mined: Option<(B256, BlockRef)>,
    ) -> Result<(), LogError> {
        self.require(&[Access::Runner], "follow transactions")?;
        Ok(self.write(Some(MINED), |sql| {
            transactions::record_mined(sql, intent, mined)
        })?)
    }

    fn open_slots(&self) -> Result<Vec<Slot>, LogError> {
        Ok(self.read(transactions::open_slots)?)
    }
}
