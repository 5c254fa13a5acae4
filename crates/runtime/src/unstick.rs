//! The way out for a transaction that does not move: the same one with higher fees, or nothing in
//! its place. Either way through the gate, and with the nonce that it has.

use std::time::Duration;

use airdrops_chain::least_replacement;
use airdrops_risk::FOREIGN_NONCE;
use airdrops_types::{
    Answer, Bytes, Call, Intent, IntentId, Purpose, Reading, Slot, Snapshot, Timestamp, U256,
};

use crate::engine::Engine;
use crate::error::RunError;
use crate::hold::Hold;

/// After so many times `rebroadcast_after` without a block, a transaction is stuck although the
/// node has it and its fee cap is high enough: its tip is too low.
const PATIENCE: u32 = 8;
/// After so many times `rebroadcast_after` since the first signature, a stuck transaction that may
/// not be made any more is cancelled.
const GIVE_UP: u32 = 4;

impl Engine {
    /// Looks after every transaction that is stuck, at most once per `rebroadcast_after`.
    pub(crate) async fn unstick(&mut self, snapshot: &Snapshot) -> Result<(), RunError> {
        if self.dry_run {
            return Ok(());
        }
        let open = self.manager.open()?;
        self.unstuck
            .retain(|intent, _| open.iter().any(|slot| slot.intent.id == *intent));
        for slot in open {
            let now = self.clock.now();
            let Some(patience) = self.patience(&slot) else {
                continue;
            };
            let looked = self.unstuck.get(&slot.intent.id);
            if looked.is_some_and(|looked| now.since(*looked) < patience)
                || self.gate.state().control.trips().iter().any(|trip| {
                    // Its nonce is gone; no signature of ours helps.
                    trip.breaker == FOREIGN_NONCE
                        && trip.scope == airdrops_types::Scope::Wallet(slot.wallet)
                })
            {
                continue;
            }
            let Some(why) = why_stuck(&slot, snapshot, patience, now) else {
                continue;
            };
            self.unstuck.insert(slot.intent.id, now);
            self.unstick_one(&slot, &why, snapshot, patience).await?;
        }
        Ok(())
    }

    fn patience(&self, slot: &Slot) -> Option<Duration> {
        self.settings
            .chains
            .iter()
            .find(|chain| chain.id == slot.chain)
            .map(|chain| chain.rebroadcast_after.max(self.settings.tick))
    }

    async fn unstick_one(
        &mut self,
        slot: &Slot,
        why: &str,
        snapshot: &Snapshot,
        patience: Duration,
    ) -> Result<(), RunError> {
        let now = self.clock.now();
        let about = format!("nonce {} of {}", slot.nonce, slot.wallet);
        let (Some(first), Some(needed)) =
            (slot.attempts.first(), least_replacement(&slot.attempts))
        else {
            return self.tell(
                about,
                format!("intent {} is stuck: {why}", slot.intent.id),
                now,
            );
        };
        let base_fee = base_fee(slot, snapshot).unwrap_or_default();
        // The gate offers twice the base fee and the tip; both must outbid what was signed.
        let tip = needed.max_priority_fee_per_gas.max(
            needed
                .max_fee_per_gas
                .saturating_sub(base_fee.saturating_mul(2)),
        );

        let cancelling = slot.attempts.iter().any(|attempt| attempt.cancels);
        let refused = if cancelling {
            None
        } else {
            match self.bump(slot, snapshot, tip).await? {
                Ok(()) => {
                    let text = format!(
                        "{} was stuck: {why}; signed again with higher fees",
                        slot.intent.summary
                    );
                    return self.tell(about, text, now);
                }
                Err(hold) => Some(hold.reason().to_owned()),
            }
        };
        if let Some(refused) = &refused
            && now.since(first.signed_at) < patience * GIVE_UP
        {
            let text = format!(
                "{} is stuck: {why}; it may not be signed again with higher fees: {refused}",
                slot.intent.summary
            );
            return self.tell(about, text, now);
        }
        let ceiling = self.settings.policy.gas_ceilings.get(&slot.chain);
        let text = if ceiling.is_none_or(|ceiling| base_fee > *ceiling) {
            format!(
                "{} is stuck: {why}; gas is too dear for its cancellation",
                slot.intent.summary
            )
        } else {
            let intent = cancellation(slot);
            match self
                .decide_and_sign(intent, snapshot, tip, Some(slot))
                .await?
            {
                Ok(()) => format!(
                    "{} was stuck: {why}; it is being cancelled",
                    slot.intent.summary
                ),
                Err(hold) => format!(
                    "{} is stuck: {why}; it cannot be cancelled now: {}",
                    slot.intent.summary,
                    hold.reason()
                ),
            }
        };
        self.tell(about, text, now)
    }

    /// The same intent, simulated and decided again, with higher fees.
    async fn bump(
        &mut self,
        slot: &Slot,
        snapshot: &Snapshot,
        tip: u128,
    ) -> Result<Result<(), Hold>, RunError> {
        let mut intent = slot.intent.clone();
        let gas_before = intent.simulation.as_ref().map_or(0, |ran| ran.gas_used);
        if let Err(hold) = self.simulate_anew(&mut intent).await {
            return Ok(Err(hold));
        }
        // A replacement's gas limit is never lower, so neither is what it is derived from.
        if let Some(ran) = &mut intent.simulation {
            ran.gas_used = ran.gas_used.max(gas_before);
        }
        self.decide_and_sign(intent, snapshot, tip, Some(slot))
            .await
    }
}

fn base_fee(slot: &Slot, snapshot: &Snapshot) -> Option<u128> {
    snapshot
        .chains
        .get(&slot.chain)
        .and_then(|chain| Reading::fresh(&chain.base_fee))
        .copied()
}

/// Why a transaction does not move; `None` if it may still.
fn why_stuck(
    slot: &Slot,
    snapshot: &Snapshot,
    patience: Duration,
    now: Timestamp,
) -> Option<String> {
    let last = slot.attempts.last()?;
    let waited = now.since(last.signed_at);
    if slot.mined.is_some() || waited < patience {
        return None;
    }
    let base_fee = base_fee(slot, snapshot)?;
    let cap = last.max_fee_per_gas;
    if let Some(Answer::Rejected { reason }) = &last.answer {
        Some(format!("the node refuses it ({reason})"))
    } else if cap < base_fee {
        Some(format!(
            "its fee cap is {cap} wei per gas, the next base fee {base_fee}"
        ))
    } else if waited >= patience * PATIENCE {
        Some(format!("it is in no block after {} s", waited.as_secs()))
    } else {
        None
    }
}

/// A call of the wallet to itself that does nothing, in place of the slot's transaction.
fn cancellation(slot: &Slot) -> Intent {
    let original = &slot.intent;
    Intent {
        id: IntentId::cancellation_of(original.id),
        purpose: Purpose::Cancel {
            original: original.id,
        },
        call: Call {
            to: slot.wallet,
            value: U256::ZERO,
            data: Bytes::new(),
        },
        spend: Vec::new(),
        receive: Vec::new(),
        allowances: Vec::new(),
        positions: Vec::new(),
        summary: format!("cancel: {}", original.summary),
        simulation: None,
        ..original.clone()
    }
}
