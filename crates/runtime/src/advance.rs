//! Permit and execute: one step of one task.

use std::time::Duration;

use airdrops_chain::{ReadError, SubmitError, simulate};
use airdrops_protocols::{BuildError, PlanError, ProtocolConfig};
use airdrops_scheduler::TaskEvent;
use airdrops_store::Batch;
use airdrops_types::{
    Address, ChainId, Entry, Intent, LogError, Operation, Origin, Reason, Snapshot, TaskId,
    TaskRecord, TaskState, Timestamp, Token, Verdict,
};

use crate::amounts::Resolver;
use crate::checkpoint;
use crate::engine::{Engine, Revocation};
use crate::error::RunError;

/// Why a step did not go out.
enum Hold {
    /// Look again later.
    Wait { reason: String },
    /// Counts as a failed attempt.
    Fail { reason: String, retryable: bool },
}

impl Engine {
    /// Moves a task on as far as it can go in this tick: at most one transaction.
    pub(crate) async fn advance(
        &mut self,
        id: &TaskId,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let Some(record) = self.scheduler.get(id).cloned() else {
            return Ok(());
        };
        let Some(protocol) = self.registry.get(&record.assignment.protocol).cloned() else {
            let reason = format!(
                "protocol {} is not configured any more",
                record.assignment.protocol
            );
            return self.hold(
                id,
                Hold::Fail {
                    reason,
                    retryable: false,
                },
                now,
            );
        };
        if self.lane_is_busy(record.assignment.wallet, protocol.chain)? {
            return Ok(());
        }
        let record = match self.make_running(record, &protocol, snapshot, now).await? {
            Some(record) => record,
            None => return Ok(()),
        };
        let Some(operation) = record
            .plan
            .as_ref()
            .and_then(|plan| plan.get(record.cursor))
            .cloned()
        else {
            return Ok(());
        };
        let origin = Origin::Scheduler;
        match self
            .prepare(&protocol, &record, &operation, origin, now)
            .await
        {
            Ok(intent) => {
                if let Err(hold) = self.decide_and_submit(intent, snapshot, now).await? {
                    self.hold(id, hold, now)?;
                }
                Ok(())
            }
            Err(hold) => self.hold(id, hold, now),
        }
    }

    fn lane_is_busy(&self, wallet: Address, chain: ChainId) -> Result<bool, RunError> {
        Ok(self
            .manager
            .open()?
            .iter()
            .any(|slot| slot.wallet == wallet && slot.chain == chain))
    }

    /// Ready → Running, with a plan. `None` if there is nothing more to do in this tick.
    async fn make_running(
        &mut self,
        record: TaskRecord,
        protocol: &ProtocolConfig,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<TaskRecord>, RunError> {
        if record.state == TaskState::Running {
            return Ok(Some(record));
        }
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        let untouched = record.cursor == 0;
        if record.plan.is_some() && !untouched {
            let changes = self.scheduler.apply(&record.id, TaskEvent::Resumed, now)?;
            Self::note_changes(&mut batch, changes);
        } else {
            // Nothing was done yet, so amounts are taken from the present.
            if record.plan.is_some() {
                let changes = self.scheduler.apply(&record.id, TaskEvent::Replan, now)?;
                Self::note_changes(&mut batch, changes);
            }
            let operations = match self.plan(&record, protocol, snapshot).await {
                Ok(operations) => operations,
                Err(hold) => {
                    self.commit(batch)?;
                    self.hold(&record.id, hold, now)?;
                    return Ok(None);
                }
            };
            let verbs: Vec<&str> = operations.iter().map(Operation::verb).collect();
            let summary = if verbs.is_empty() {
                "nothing to do".to_owned()
            } else {
                verbs.join(", ")
            };
            let task = record.id.clone();
            batch.entries.push(Entry::Planned {
                task,
                operations: operations.clone(),
                summary,
            });
            let changes =
                self.scheduler
                    .apply(&record.id, TaskEvent::Planned { operations }, now)?;
            Self::note_changes(&mut batch, changes);
        }
        (self.checkpoint)(checkpoint::PLAN_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::PLAN_AFTER);
        Ok(self
            .scheduler
            .get(&record.id)
            .filter(|record| record.state == TaskState::Running)
            .cloned())
    }

    async fn plan(
        &self,
        record: &TaskRecord,
        protocol: &ProtocolConfig,
        snapshot: &Snapshot,
    ) -> Result<Vec<Operation>, Hold> {
        let Some(equity) = self.equity else {
            return Err(Hold::Wait {
                reason: "equity is not known: inputs are not fresh".into(),
            });
        };
        let reserve = |chain| self.gas_reserve(snapshot, chain);
        let under_way = |wallet, token: &Token| self.ledger.under_way(&self.bridges, wallet, token);
        let resolver = Resolver {
            snapshot,
            tokens: &self.tokens,
            targets: &self.targets,
            equity,
            transaction_limit: self.settings.policy.transaction_limit,
            gas_reserve: &reserve,
            under_way: &under_way,
        };
        let amounts = resolver
            .resolve(protocol, &record.assignment)
            .map_err(|reason| Hold::Wait { reason })?;
        let view = self.view(protocol.chain).await?;
        self.registry
            .plan(
                protocol,
                &view,
                record.assignment.wallet,
                &record.assignment.action,
                &amounts,
            )
            .await
            .map_err(|error| match error {
                PlanError::Read(error) => read_hold(&error),
                other => Hold::Fail {
                    reason: other.to_string(),
                    retryable: true,
                },
            })
    }

    async fn view(&self, chain: ChainId) -> Result<airdrops_chain::View, Hold> {
        let Some(client) = self.clients.get(&chain) else {
            return Err(Hold::Fail {
                reason: format!("chain {chain} is not configured"),
                retryable: false,
            });
        };
        client.view().await.map_err(|error| read_hold(&error))
    }

    /// Builds the intent of a step and simulates it.
    async fn prepare(
        &self,
        protocol: &ProtocolConfig,
        record: &TaskRecord,
        operation: &Operation,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Intent, Hold> {
        let wallet = record.assignment.wallet;
        self.build_and_simulate(
            protocol,
            wallet,
            operation,
            &record.id,
            record.step,
            origin,
            now,
        )
        .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one intent, used twice"
    )]
    async fn build_and_simulate(
        &self,
        protocol: &ProtocolConfig,
        wallet: Address,
        operation: &Operation,
        task: &TaskId,
        step: u32,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Intent, Hold> {
        let view = self.view(protocol.chain).await?;
        let mut intent = self
            .registry
            .build(protocol, &view, wallet, operation, task, step, origin)
            .await
            .map_err(|error| match error {
                BuildError::Read(error) => read_hold(&error),
                other => Hold::Fail {
                    reason: other.to_string(),
                    retryable: true,
                },
            })?;
        let Some(client) = self.clients.get(&protocol.chain) else {
            return Err(Hold::Fail {
                reason: "chain is not configured".into(),
                retryable: false,
            });
        };
        let tokens: Vec<_> = self
            .tokens
            .iter()
            .filter(|token| token.chain == protocol.chain)
            .cloned()
            .collect();
        let spenders: Vec<Address> = self
            .settings
            .policy
            .spenders
            .iter()
            .filter(|(chain, _)| *chain == protocol.chain)
            .map(|(_, spender)| *spender)
            .collect();
        let simulation = simulate(client, &intent, &tokens, &spenders, now)
            .await
            .map_err(|error| read_hold(&error))?;
        intent.simulation = Some(simulation);
        Ok(intent)
    }

    /// Asks the gate, writes its answer down, and on a permit signs, stores and sends.
    async fn decide_and_submit(
        &mut self,
        intent: Intent,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Result<(), Hold>, RunError> {
        let tip = self
            .settings
            .chains
            .iter()
            .find(|chain| chain.id == intent.chain)
            .map_or(0, |chain| chain.priority_fee);
        let gate =
            serde_json::json!({ "state": self.gate.state(), "tip": tip.to_string(), "now": now });
        let decision = self.gate.decide(snapshot, &intent, tip, now);
        let verdict = match &decision {
            Ok(permit) => Verdict::Permitted {
                terms: permit.terms().clone(),
            },
            Err(refusal) => Verdict::Refused {
                reasons: refusal.reasons.clone(),
            },
        };
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        batch.entries.extend(self.snapshot_entry(snapshot));
        batch.entries.push(Entry::Decided {
            intent: Box::new(intent.clone()),
            observed_at: snapshot.at,
            gate,
            verdict,
        });
        (self.checkpoint)(checkpoint::DECIDE_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::DECIDE_AFTER);
        let permit = match decision {
            Ok(permit) => permit,
            Err(refusal) => {
                let reason = refusal
                    .reasons
                    .iter()
                    .map(Reason::to_string)
                    .collect::<Vec<_>>()
                    .join("; ");
                let waits = refusal.reasons.iter().all(Reason::clears_by_itself);
                return Ok(Err(if waits {
                    Hold::Wait { reason }
                } else {
                    Hold::Fail {
                        reason,
                        retryable: true,
                    }
                }));
            }
        };
        if self.dry_run {
            return Ok(Ok(()));
        }
        match self.manager.submit(permit, now).await {
            Ok(submitted) => {
                (self.listener)(
                    now,
                    &Entry::Signed {
                        intent: intent.id,
                        task: intent.task,
                        chain: intent.chain,
                        wallet: intent.wallet,
                        nonce: submitted.nonce,
                        tx: submitted.tx,
                        summary: intent.summary,
                    },
                );
                Ok(Ok(()))
            }
            Err(error) => {
                let signed = self
                    .manager
                    .open()?
                    .iter()
                    .any(|slot| slot.intent.id == intent.id);
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
            SubmitError::Log(LogError::Database(_) | LogError::LeaseLost) => match error {
                SubmitError::Log(log) => Err(RunError::Log(log)),
                _ => Ok(Ok(())),
            },
            // Decided again at the next tick, under the new control state.
            SubmitError::Log(LogError::ControlChanged) | SubmitError::Expired { .. } => Ok(Ok(())),
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

    /// Writes down that a task waits or failed.
    fn hold(&mut self, id: &TaskId, hold: Hold, now: Timestamp) -> Result<(), RunError> {
        let event = match hold {
            Hold::Wait { reason } => TaskEvent::Deferred {
                reason,
                until: now.plus(self.look_again_after()),
            },
            Hold::Fail { reason, retryable } => TaskEvent::StepFailed {
                reason,
                retryable,
                consumed: false,
            },
        };
        let changes = self.scheduler.apply(id, event, now)?;
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        Self::note_changes(&mut batch, changes);
        self.remember_leftovers(id, &mut batch)?;
        self.commit(batch)
    }

    /// How long a deferred task waits until the next look: four ticks, at most half an hour.
    fn look_again_after(&self) -> Duration {
        (self.settings.tick * 4)
            .min(Duration::from_secs(1800))
            .max(self.settings.tick)
    }

    /// Takes back allowances that failed tasks left behind.
    pub(crate) async fn revoke_leftovers(
        &mut self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), RunError> {
        for left in self.revocations.clone() {
            let Revocation {
                task,
                step,
                wallet,
                protocol,
                token,
                spender,
            } = left;
            let Some(protocol) = self.registry.get(&protocol).cloned() else {
                continue;
            };
            if self.lane_is_busy(wallet, protocol.chain)? {
                continue;
            }
            let operation = Operation::Approve {
                token,
                spender,
                amount: airdrops_types::U256::ZERO,
            };
            let prepared = self
                .build_and_simulate(
                    &protocol,
                    wallet,
                    &operation,
                    &task,
                    step,
                    Origin::Scheduler,
                    now,
                )
                .await;
            if let Ok(intent) = prepared {
                // A refusal is in the journal; the next tick asks again.
                let _held = self.decide_and_submit(intent, snapshot, now).await?;
            }
        }
        Ok(())
    }
}

fn read_hold(error: &ReadError) -> Hold {
    match error {
        ReadError::Unreachable(_) | ReadError::Malformed { .. } | ReadError::Unsupported { .. } => {
            Hold::Wait {
                reason: error.to_string(),
            }
        }
        ReadError::Reverted { .. } | ReadError::Unexpected { .. } => Hold::Fail {
            reason: error.to_string(),
            retryable: true,
        },
    }
}
