//! The first signature of an intent.

use airdrops_risk::Permit;
use airdrops_types::{
    Answer, Attempt, B256, Bytes, Intent, NewSignature, PermitTerms, Purpose, Timestamp,
};

use super::{
    ChainLane, FeePair, SIGN_AFTER, SIGN_BEFORE, SubmitError, Submitted, TransactionManager,
    in_time, transaction,
};

impl TransactionManager {
    /// Takes the next nonce, signs, stores, and sends once.
    ///
    /// When this returns `Ok`, the signature is stored and the transaction may be on the chain,
    /// whatever the answer was; on an error nothing was stored and nothing sent.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit(&self, permit: Permit, now: Timestamp) -> Result<Submitted, SubmitError> {
        let (intent, terms) = permit.into_parts();
        in_time(&terms, now)?;
        if matches!(intent.purpose, Purpose::Cancel { .. }) {
            return Err(SubmitError::CancellationIsAReplacement);
        }
        let lane = self.lane(intent.chain)?;
        if !self.keyring.holds(intent.wallet) {
            return Err(SubmitError::NoKey(intent.wallet));
        }
        let turn = self.turn(intent.chain, intent.wallet);
        let _turn = turn.lock().await;
        self.refuse_behind_a_rejected_one(&intent)?;
        let nonce = self.next_nonce(lane, &intent).await?;
        self.sign_and_send(lane, intent, terms, nonce, None, now)
            .await
    }

    fn refuse_behind_a_rejected_one(&self, intent: &Intent) -> Result<(), SubmitError> {
        let rejected = self.log.open_slots()?.into_iter().find_map(|slot| {
            let same_lane = slot.chain == intent.chain && slot.wallet == intent.wallet;
            match slot.attempts.last().and_then(|last| last.answer.clone()) {
                Some(Answer::Rejected { reason }) if same_lane && slot.mined.is_none() => {
                    Some(SubmitError::Blocked {
                        intent: slot.intent.id,
                        nonce: slot.nonce,
                        reason,
                    })
                }
                _ => None,
            }
        });
        rejected.map_or(Ok(()), Err)
    }

    /// Our log's next nonce, or the chain's before our first; refused when the chain (its pool
    /// included) is ahead of it, unless a person has looked and all of it is mined.
    async fn next_nonce(&self, lane: &ChainLane, intent: &Intent) -> Result<u64, SubmitError> {
        let latest = lane.client.nonce_latest(intent.wallet).await?;
        let pending = lane.client.nonce_pending(intent.wallet).await?;
        let expected = self
            .log
            .next_nonce(intent.chain, intent.wallet)?
            .unwrap_or(latest);
        let found = latest.max(pending);
        if found > expected && latest == found && self.adopts(intent.chain, intent.wallet)? {
            return Ok(latest);
        }
        if found > expected {
            return Err(SubmitError::ForeignNonce {
                chain: intent.chain,
                wallet: intent.wallet,
                expected,
                found,
            });
        }
        Ok(expected)
    }

    /// Signs `intent` under `terms`, stores the signature and sends it. For a cancellation,
    /// `owner` is the intent that owns the nonce; for a fee bump it is the intent itself.
    pub(super) async fn sign_and_send(
        &self,
        lane: &ChainLane,
        intent: Intent,
        terms: PermitTerms,
        nonce: u64,
        owner: Option<Intent>,
        now: Timestamp,
    ) -> Result<Submitted, SubmitError> {
        let fees = FeePair {
            max_fee_per_gas: terms.max_fee_per_gas,
            max_priority_fee_per_gas: terms.max_priority_fee_per_gas,
        };
        if fees.max_priority_fee_per_gas > fees.max_fee_per_gas {
            return Err(SubmitError::BadFees(fees));
        }
        let (tx, raw): (B256, Bytes) = self
            .keyring
            .sign(intent.wallet, transaction(&intent, &terms, nonce))?;
        let signature = NewSignature {
            chain: intent.chain,
            wallet: intent.wallet,
            nonce,
            attempt: Attempt {
                tx,
                raw,
                cancels: matches!(intent.purpose, Purpose::Cancel { .. }),
                max_fee_per_gas: terms.max_fee_per_gas,
                max_priority_fee_per_gas: terms.max_priority_fee_per_gas,
                gas_limit: terms.gas_limit,
                signed_at: now,
                broadcast_at: None,
                answer: None,
            },
            terms,
            replaces: owner.is_some(),
            intent: owner.unwrap_or(intent),
        };
        (self.checkpoint)(SIGN_BEFORE);
        self.log.record_signature(&signature)?;
        (self.checkpoint)(SIGN_AFTER);
        self.lock_adopting()
            .remove(&(signature.chain, signature.wallet));
        let raw = &signature.attempt.raw;
        let answer = match self.broadcast(&lane.client, tx, raw, now).await {
            Ok(answer) => answer,
            // The signature exists and was sent, so this is no failure of the submission: the log
            // says "never sent", and the next poll sends the same bytes again.
            Err(error) => Answer::Unknown {
                reason: format!("it was sent, but the answer could not be stored: {error}"),
            },
        };
        Ok(Submitted { tx, nonce, answer })
    }
}
