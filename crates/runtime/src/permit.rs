//! Permit: from an operation to an intent, to the gate's answer, to a signature.

use airdrops_chain::{DataFeeModel, Draft, FeePair, SubmitError, read_data_fee, simulate};
use airdrops_protocols::{BuildError, ProtocolConfig};
use airdrops_store::Batch;
use airdrops_types::{
    Address, ChainId, Entry, ErrorClass, Intent, LogError, Operation, Origin, Slot, Snapshot,
    TaskId, Timestamp, U256, Verdict,
};

use crate::checkpoint;
use crate::engine::Engine;
use crate::error::RunError;
use crate::hold::Hold;

/// Whose step an intent is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) task: &'a TaskId,
    pub(crate) step: u32,
    pub(crate) wallet: Address,
    pub(crate) origin: Origin,
}

impl Engine {
    pub(crate) async fn view(&self, chain: ChainId) -> Result<airdrops_chain::View, Hold> {
        let Some(client) = self.clients.get(&chain) else {
            let reason = format!("chain {chain} is not configured");
            return Err(Hold::for_good(ErrorClass::Refused, reason));
        };
        client.view().await.map_err(|error| Hold::from(&error))
    }

    /// Builds the intent of a step and simulates it.
    pub(crate) async fn build_and_simulate(
        &self,
        protocol: &ProtocolConfig,
        operation: &Operation,
        of: Step<'_>,
    ) -> Result<Intent, Hold> {
        let view = self.view(protocol.chain).await?;
        let mut intent = self
            .registry
            .build(
                protocol, &view, of.wallet, operation, of.task, of.step, of.origin,
            )
            .await
            .map_err(|error| match error {
                BuildError::Read(error) => Hold::from(&error),
                other => Hold::failed(ErrorClass::Refused, other.to_string()),
            })?;
        self.simulate_anew(&mut intent).await?;
        Ok(intent)
    }

    /// Simulates an intent on the present head.
    pub(crate) async fn simulate_anew(&self, intent: &mut Intent) -> Result<(), Hold> {
        let Some(client) = self.clients.get(&intent.chain) else {
            let reason = format!("chain {} is not configured", intent.chain);
            return Err(Hold::for_good(ErrorClass::Refused, reason));
        };
        let here = |chain: ChainId| chain == intent.chain;
        let tokens: Vec<_> = self
            .tokens
            .iter()
            .filter(|token| here(token.chain))
            .cloned()
            .collect();
        let spenders: Vec<Address> = self
            .settings
            .policy
            .spenders
            .iter()
            .filter(|(chain, _)| here(*chain))
            .map(|(_, spender)| *spender)
            .collect();
        let now = self.clock.now();
        let mut simulation = simulate(client, intent, &tokens, &spenders, now)
            .await
            .map_err(|error| Hold::from(&error))?;
        simulation.data_fee = self.data_fee(intent, simulation.gas_used).await;
        intent.simulation = Some(simulation);
        Ok(())
    }

    /// What the chain charges for the bytes of the transaction; `None` if it charges nothing, or
    /// does not say.
    async fn data_fee(&self, intent: &Intent, gas_used: u64) -> Option<U256> {
        let chains = &self.settings.chains;
        let chain = chains.iter().find(|chain| chain.id == intent.chain)?;
        if chain.data_fee == DataFeeModel::None {
            return None;
        }
        let view = self.view(intent.chain).await.ok()?;
        let ceiling = self.settings.policy.gas_ceilings.get(&chain.id).copied();
        let draft = Draft {
            call: intent.call.clone(),
            // As long as any that will be used.
            nonce: u64::from(u32::MAX),
            gas_limit: gas_used.saturating_mul(2),
            fees: FeePair {
                max_fee_per_gas: ceiling.unwrap_or(u128::from(u64::MAX)),
                max_priority_fee_per_gas: chain.priority_fee,
            },
        };
        let fee = read_data_fee(&view, chain.data_fee, &draft).await.ok()?;
        Some(fee.total())
    }

    /// The tip that is offered on a chain, wei per gas.
    pub(crate) fn tip(&self, chain: ChainId) -> u128 {
        let mut chains = self.settings.chains.iter();
        chains
            .find(|settings| settings.id == chain)
            .map_or(0, |settings| settings.priority_fee)
    }

    /// Asks the gate, writes its answer down, and on a permit signs, stores and sends.
    pub(crate) async fn decide_and_submit(
        &mut self,
        intent: Intent,
        snapshot: &Snapshot,
    ) -> Result<Result<(), Hold>, RunError> {
        let tip = self.tip(intent.chain);
        self.decide_and_sign(intent, snapshot, tip, None).await
    }

    /// The same for a new nonce or, with `replaced`, for the nonce of that open transaction.
    ///
    /// The gate decides at the present, not at the beginning of the tick: what was observed and
    /// simulated long ago is old then.
    pub(crate) async fn decide_and_sign(
        &mut self,
        intent: Intent,
        snapshot: &Snapshot,
        tip: u128,
        replaced: Option<&Slot>,
    ) -> Result<Result<(), Hold>, RunError> {
        let now = self.clock.now();
        let state = serde_json::to_value(self.gate.state())?;
        let gate = serde_json::json!({ "state": state, "tip": tip.to_string(), "now": now });
        let marked = self.gate.mark(snapshot);
        let decision = self.gate.decide(&marked, &intent, tip, now);
        let verdict = match &decision {
            Ok(permit) => Verdict::Permitted {
                terms: permit.terms().clone(),
            },
            Err(refusal) => Verdict::Refused {
                reasons: refusal.reasons.clone(),
            },
        };
        let mut batch = Batch::at(now);
        batch.entries.extend(self.snapshot_entry(snapshot));
        batch.entries.push(Entry::Decided {
            intent: Box::new(intent.clone()),
            observed_at: snapshot.at,
            gate,
            verdict,
        });
        if decision.is_ok() {
            self.goes_on(&intent.task, &mut batch)?;
        }
        (self.checkpoint)(checkpoint::DECIDE_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::DECIDE_AFTER);
        let permit = match decision {
            Ok(permit) => permit,
            Err(refusal) => {
                let limit = self.settings.policy.transaction_limit;
                return Ok(Err(Hold::by_gate(&refusal.reasons, limit)));
            }
        };
        if self.dry_run {
            return Ok(Ok(()));
        }
        let now = self.clock.now();
        let submitted = match replaced {
            None => self.manager.submit(permit, now).await,
            Some(_) => self.manager.replace(permit, now).await,
        };
        match submitted {
            Ok(submitted) => {
                // As the store words it: a nonce belongs to the intent that took it.
                let owner = replaced.map_or(intent, |slot| slot.intent.clone());
                (self.listener)(
                    now,
                    &Entry::Signed {
                        intent: owner.id,
                        task: owner.task,
                        chain: owner.chain,
                        wallet: owner.wallet,
                        nonce: submitted.nonce,
                        tx: submitted.tx,
                        summary: owner.summary,
                    },
                );
                Ok(Ok(()))
            }
            Err(error) => {
                let signed = self.under_way(|slot| slot.intent.id == intent.id)?;
                if !signed {
                    self.gate.release(intent.id);
                }
                self.submit_failed(&intent, error, now)
            }
        }
    }

    fn submit_failed(
        &mut self,
        intent: &Intent,
        error: SubmitError,
        now: Timestamp,
    ) -> Result<Result<(), Hold>, RunError> {
        match error {
            SubmitError::Log(
                log @ (LogError::Database(_) | LogError::Unknown(_) | LogError::LeaseLost),
            ) => Err(RunError::Log(log)),
            SubmitError::ForeignNonce { .. } => {
                let evidence = error.to_string();
                self.lock_wallet(intent.wallet, evidence.clone(), now)?;
                Ok(Err(Hold::Wait { reason: evidence }))
            }
            other => Ok(Err(Hold::Wait {
                reason: other.to_string(),
            })),
        }
    }

    /// Whether any transaction without a final outcome is such.
    pub(crate) fn under_way(&self, such: impl Fn(&Slot) -> bool) -> Result<bool, RunError> {
        Ok(self.manager.open()?.iter().any(such))
    }

    pub(crate) fn lane_is_busy(&self, wallet: Address, chain: ChainId) -> Result<bool, RunError> {
        self.under_way(|slot| slot.wallet == wallet && slot.chain == chain)
    }
}
