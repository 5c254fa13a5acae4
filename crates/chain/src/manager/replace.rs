//! Another signature for the same nonce: a fee bump or a cancellation.

use std::fmt;

use airdrops_risk::Permit;
use airdrops_types::{Attempt, Intent, PermitTerms, Purpose, Slot, Timestamp};

use super::{SubmitError, Submitted, TransactionManager, in_time};

/// The two fee fields of an EIP-1559 transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePair {
    /// Wei per gas, tip included.
    pub max_fee_per_gas: u128,
    /// Wei per gas.
    pub max_priority_fee_per_gas: u128,
}

impl fmt::Display for FeePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} wei per gas with a tip of {} wei",
            self.max_fee_per_gas, self.max_priority_fee_per_gas
        )
    }
}

/// The least fees that replace all of `attempts` in every known pool: on both fields the highest
/// so far times 1.125, rounded up, plus 1 wei. Pools ask for 10 % more on both fields, some for
/// strictly more. `None` without attempts or on overflow.
#[must_use]
pub fn least_replacement(attempts: &[Attempt]) -> Option<FeePair> {
    let bump = |old: u128| old.checked_add(old.div_ceil(8))?.checked_add(1);
    Some(FeePair {
        max_fee_per_gas: bump(attempts.iter().map(|a| a.max_fee_per_gas).max()?)?,
        max_priority_fee_per_gas: bump(attempts.iter().map(|a| a.max_priority_fee_per_gas).max()?)?,
    })
}

impl TransactionManager {
    /// Signs another transaction for the nonce of an open intent: the same one with higher fees
    /// (a permit for the same intent), or its cancellation (a permit for an intent with
    /// [`Purpose::Cancel`]: a call of the wallet to itself without value and data). Fees and gas
    /// limit are the permit's; the fees must be at least [`least_replacement`].
    ///
    /// The earlier signatures stay valid until one of them all is mined.
    ///
    /// # Errors
    /// [`SubmitError`]; as for [`submit`](Self::submit), nothing was stored or sent.
    pub async fn replace(&self, permit: Permit, now: Timestamp) -> Result<Submitted, SubmitError> {
        let (intent, terms) = permit.into_parts();
        in_time(&terms, now)?;
        let lane = self.lane(intent.chain)?;
        if !self.keyring.holds(intent.wallet) {
            return Err(SubmitError::NoKey(intent.wallet));
        }
        let turn = self.turn(intent.chain, intent.wallet);
        let _turn = turn.lock().await;

        let original = match intent.purpose {
            Purpose::Cancel { original } => original,
            Purpose::Operation { .. } => intent.id,
        };
        let slot = self
            .log
            .open_slots()?
            .into_iter()
            .find(|slot| slot.intent.id == original)
            .ok_or(SubmitError::NothingToReplace(original))?;
        check_slot(&slot, &intent)?;
        check_fees(&slot, &intent, &terms)?;
        for attempt in &slot.attempts {
            if let Some(receipt) = lane.client.receipt(attempt.tx).await? {
                tracing::debug!(tx = %receipt.tx, "mined before it was replaced");
                return Err(SubmitError::AlreadyMined(original));
            }
        }
        let nonce = slot.nonce;
        self.sign_and_send(lane, intent, terms, nonce, Some(slot.intent), now)
            .await
    }
}

fn check_slot(slot: &Slot, intent: &Intent) -> Result<(), SubmitError> {
    let owner = slot.intent.id;
    if slot.mined.is_some() {
        return Err(SubmitError::AlreadyMined(owner));
    }
    let other = |difference| {
        Err(SubmitError::OtherEffect {
            intent: owner,
            difference,
        })
    };
    if (intent.chain, intent.wallet) != (slot.chain, slot.wallet) {
        return other("another chain or wallet");
    }
    match intent.purpose {
        Purpose::Cancel { .. } => {
            if intent.call.to != slot.wallet {
                return other("a cancellation calls the wallet itself");
            }
            if !intent.call.value.is_zero() || !intent.call.data.is_empty() {
                return other("a cancellation has neither value nor data");
            }
        }
        Purpose::Operation { .. } => {
            if slot.attempts.iter().any(|attempt| attempt.cancels) {
                return Err(SubmitError::BeingCancelled(owner));
            }
            if intent.call != slot.intent.call {
                return other("another call");
            }
        }
    }
    Ok(())
}

fn check_fees(slot: &Slot, intent: &Intent, terms: &PermitTerms) -> Result<(), SubmitError> {
    let allowed = FeePair {
        max_fee_per_gas: terms.max_fee_per_gas,
        max_priority_fee_per_gas: terms.max_priority_fee_per_gas,
    };
    let needed = least_replacement(&slot.attempts).ok_or(SubmitError::BadFees(allowed))?;
    if allowed.max_fee_per_gas < needed.max_fee_per_gas
        || allowed.max_priority_fee_per_gas < needed.max_priority_fee_per_gas
    {
        return Err(SubmitError::FeeTooLow { needed, allowed });
    }
    let cancels = matches!(intent.purpose, Purpose::Cancel { .. });
    let old = slot
        .attempts
        .iter()
        .filter(|attempt| attempt.cancels == cancels)
        .map(|attempt| attempt.gas_limit)
        .max()
        .unwrap_or(0);
    if terms.gas_limit < old {
        return Err(SubmitError::GasLimitLowered {
            old,
            new: terms.gas_limit,
        });
    }
    Ok(())
}
