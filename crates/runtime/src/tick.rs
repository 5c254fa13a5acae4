//! One tick: observe → assess → allocate → schedule → permit → execute → settle.

use airdrops_allocation::{Inputs, allocate};
use airdrops_chain::Progress;
use airdrops_risk::{Exposure, ROLLING_LOSS, RollingLoss};
use airdrops_scheduler::TaskEvent;
use airdrops_store::Batch;
use airdrops_types::{
    ControlState, Entry, EquityPoint, LedgerKind, Outcome, ProtocolId, Reading, Slot, Snapshot,
    Timestamp, TxResult, Usd,
};

use crate::checkpoint;
use crate::engine::{Engine, IN_TRANSIT, REVOCATIONS, Revocation, TickReport};
use crate::error::RunError;
use crate::ledger::{Ledger, signed_value};
use crate::observe::observe;
use crate::settings::Mode;

impl Engine {
    /// Runs the whole flow once.
    ///
    /// # Errors
    /// [`RunError`] only if durable state cannot be read or written, or the program is broken.
    /// Chains that do not answer are no error: nothing new is done there until they do.
    pub async fn tick(&mut self) -> Result<TickReport, RunError> {
        let now = self.clock.now();
        self.refresh_control()?;

        let slots = self.manager.open()?;
        let polled = if self.dry_run {
            Vec::new()
        } else {
            self.manager.poll(&self.tokens, now).await?.progress
        };
        let snapshot = observe(
            &self.settings,
            &self.registry,
            &self.tokens,
            &self.clients,
            now,
        )
        .await;

        self.settle(&slots, polled, &snapshot, now)?;
        self.assess(&snapshot, now)?;
        self.allocate(&snapshot, now)?;
        let changes = self.scheduler.tick(now);
        if !changes.is_empty() {
            let mut batch = Batch {
                at: now,
                ..Batch::default()
            };
            Self::note_changes(&mut batch, changes);
            self.commit(batch)?;
        }
        self.revoke_leftovers(&snapshot, now).await?;
        for task in self.scheduler.runnable() {
            self.advance(&task, &snapshot, now).await?;
        }

        Ok(TickReport {
            state: self.state(),
            open_transactions: self.manager.open()?.len(),
            runnable: self.scheduler.runnable().len(),
            unfinished: self
                .scheduler
                .tasks()
                .filter(|task| !task.state.is_final())
                .count(),
            unreadable_chains: snapshot
                .chains
                .values()
                .filter(|chain| matches!(chain.head, Reading::Missing { .. }))
                .count(),
        })
    }

    /// Books what became final, and notes what is stuck.
    fn settle(
        &mut self,
        slots: &[Slot],
        progress: Vec<Progress>,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), RunError> {
        for event in progress {
            match event {
                Progress::Final(outcome) => {
                    let Some(slot) = slots.iter().find(|slot| slot.intent.id == outcome.intent)
                    else {
                        continue;
                    };
                    self.settle_one(slot, outcome, snapshot, now)?;
                }
                Progress::Stuck {
                    intent,
                    reason,
                    nonce_consumed_by_other,
                } => {
                    let Some(slot) = slots.iter().find(|slot| slot.intent.id == intent) else {
                        continue;
                    };
                    if nonce_consumed_by_other {
                        self.lock_wallet(slot.wallet, reason, now)?;
                    }
                }
                Progress::ReorgedOut { intent, tx } => {
                    let text = format!(
                        "transaction {tx} of intent {intent} left the canonical chain; the same bytes are sent again"
                    );
                    let entries = vec![Entry::Note { text }];
                    self.commit(Batch {
                        at: now,
                        entries,
                        ..Batch::default()
                    })?;
                }
                Progress::Waiting { .. } | Progress::Rebroadcast { .. } => {}
            }
        }
        let retired = self.gate.retire(snapshot);
        if !retired.is_empty() {
            self.commit(Batch {
                at: now,
                retired,
                ..Batch::default()
            })?;
        }
        Ok(())
    }

    fn settle_one(
        &mut self,
        slot: &Slot,
        outcome: Outcome,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        batch.ledger = Ledger::entries_of(&outcome, now);
        for entry in &batch.ledger {
            self.ledger.book(entry);
        }
        let fee = self.fee_value(&outcome, snapshot);
        self.gas_paid += fee;
        let task = slot.intent.task.clone();
        let succeeded = outcome.result == TxResult::Succeeded;
        if succeeded {
            for change in &slot.intent.positions {
                if self
                    .bridges
                    .iter()
                    .any(|bridge| bridge.protocol == change.protocol)
                {
                    self.ledger.sent_over(
                        &change.protocol,
                        slot.wallet,
                        change.delta.unsigned_abs(),
                    );
                    batch.settings.push((
                        IN_TRANSIT.to_owned(),
                        serde_json::to_value(self.ledger.in_transit())?,
                    ));
                }
            }
            self.gate.book(outcome.intent, outcome.block.number);
        } else {
            self.gate.release(outcome.intent);
        }

        let what = match &outcome.result {
            TxResult::Succeeded => "done".to_owned(),
            TxResult::Reverted { out_of_gas: true } => "ran out of gas".to_owned(),
            TxResult::Reverted { out_of_gas: false } => "reverted".to_owned(),
            TxResult::Cancelled => "cancelled".to_owned(),
        };
        let summary = format!("{}: {what}, fee {fee}", slot.intent.summary);
        if self
            .revocations
            .iter()
            .any(|left| left.task == task && left.step == slot.intent.step)
        {
            self.revocations
                .retain(|left| !(left.task == task && left.step == slot.intent.step) || !succeeded);
            for left in &mut self.revocations {
                if left.task == task && left.step == slot.intent.step {
                    left.step += 1;
                }
            }
            batch.settings.push((
                REVOCATIONS.to_owned(),
                serde_json::to_value(&self.revocations)?,
            ));
        } else {
            let event = if succeeded {
                TaskEvent::StepDone {
                    note: slot.intent.summary.clone(),
                }
            } else {
                TaskEvent::StepFailed {
                    reason: format!("{} {what}", slot.intent.summary),
                    retryable: true,
                    consumed: true,
                }
            };
            let changes = self.scheduler.apply(&task, event, now)?;
            Self::note_changes(&mut batch, changes);
            self.remember_leftovers(&task, &mut batch)?;
        }
        batch.entries.insert(
            0,
            Entry::Settled {
                task,
                outcome: Box::new(outcome.clone()),
                fee,
                summary,
            },
        );
        batch.outcomes = vec![outcome];
        (self.checkpoint)(checkpoint::SETTLE_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::SETTLE_AFTER);
        Ok(())
    }

    /// A task that gave up between an approval and its use leaves an allowance: it must go.
    pub(crate) fn remember_leftovers(
        &mut self,
        task: &airdrops_types::TaskId,
        batch: &mut Batch,
    ) -> Result<(), RunError> {
        let Some(record) = self.scheduler.get(task) else {
            return Ok(());
        };
        let gave_up = record.state.is_final()
            && record.state != airdrops_types::TaskState::Completed
            && record.cursor > 0;
        let Some(airdrops_types::Operation::Approve {
            token,
            spender,
            amount,
        }) = record
            .plan
            .as_ref()
            .filter(|_| gave_up)
            .and_then(|plan| plan.get(record.cursor - 1))
        else {
            return Ok(());
        };
        if amount.is_zero() {
            return Ok(());
        }
        self.revocations.push(Revocation {
            task: task.clone(),
            step: record.step,
            wallet: record.assignment.wallet,
            protocol: record.assignment.protocol.clone(),
            token: token.clone(),
            spender: *spender,
        });
        batch.settings.push((
            REVOCATIONS.to_owned(),
            serde_json::to_value(&self.revocations)?,
        ));
        Ok(())
    }

    fn fee_value(&self, outcome: &Outcome, snapshot: &Snapshot) -> Usd {
        let Some(chain) = self
            .settings
            .chains
            .iter()
            .find(|chain| chain.id == outcome.chain)
        else {
            return Usd::ZERO;
        };
        let fee = airdrops_types::I256::try_from(outcome.fee).unwrap_or(airdrops_types::I256::MAX);
        signed_value(snapshot, &chain.native, fee)
    }

    /// Reconciles balances, marks the portfolio and asks the breakers.
    fn assess(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        let open = self.manager.open()?;
        let found = self
            .ledger
            .reconcile(snapshot, &self.bridges, |wallet, chain| {
                !open
                    .iter()
                    .any(|slot| slot.wallet == wallet && slot.chain == chain)
            });
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        for unexplained in found {
            let note = match unexplained.entry.kind {
                LedgerKind::Opening => "opening balance",
                LedgerKind::BridgeArrival => "arrived over the bridge",
                LedgerKind::External if unexplained.value.0 < 0 => {
                    "left without us; counts as a loss"
                }
                LedgerKind::External | LedgerKind::Transaction { .. } => "came from outside",
            };
            // What leaves without us is a loss until somebody says otherwise: a drained wallet
            // must trip the breaker. What comes in is no profit.
            let flows = matches!(unexplained.entry.kind, LedgerKind::Opening)
                || matches!(unexplained.entry.kind, LedgerKind::External if unexplained.value.0 > 0);
            if flows {
                self.net_flows += unexplained.value;
            }
            if matches!(unexplained.entry.kind, LedgerKind::BridgeArrival) {
                batch.settings.push((
                    IN_TRANSIT.to_owned(),
                    serde_json::to_value(self.ledger.in_transit())?,
                ));
            }
            batch.ledger.push(unexplained.entry.clone());
            batch.entries.push(Entry::Flow {
                entry: unexplained.entry,
                value: unexplained.value,
                note: note.to_owned(),
            });
        }

        match Exposure::strict(snapshot, self.gate.policy()) {
            Ok(exposure) => {
                let point = EquityPoint {
                    at: now,
                    equity: exposure.equity,
                    net_flows: self.net_flows,
                    gas: self.gas_paid,
                };
                self.equity = Some(exposure.equity);
                self.history.push(point);
                batch.equity.push(point);
                batch.entries.push(Entry::Assessed {
                    point,
                    protocols: exposure.protocols.into_iter().collect(),
                    assets: exposure
                        .assets
                        .into_iter()
                        .map(|(asset, value)| (asset.to_string(), value))
                        .collect(),
                    base_fees: snapshot
                        .chains
                        .iter()
                        .filter_map(|(chain, view)| Some((*chain, *view.base_fee.fresh()?)))
                        .collect(),
                });
            }
            Err(_) => self.equity = None,
        }
        let already = self
            .gate
            .state()
            .control
            .trips()
            .iter()
            .any(|trip| trip.breaker == ROLLING_LOSS);
        if !already && self.equity.is_some() {
            let limit = self.gate.policy().rolling_loss_limit;
            if let Some(trip) = (RollingLoss { limit }).assess(&self.history) {
                batch.entries.push(Entry::Tripped {
                    trip: trip.clone(),
                    by: "breaker".to_owned(),
                });
                batch.trips.push(trip);
            }
        }
        (self.checkpoint)(checkpoint::ASSESS_BEFORE);
        let tripped = !batch.trips.is_empty();
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::ASSESS_AFTER);
        if tripped {
            self.refresh_control()
        } else {
            Ok(())
        }
    }

    pub(crate) fn allocation_inputs(&self, equity: Usd, current: Vec<(ProtocolId, Usd)>) -> Inputs {
        let policy = &self.settings.policy;
        Inputs {
            equity,
            current,
            weights: self.settings.weights.clone(),
            families: policy.families.clone(),
            protocol_limit: policy.protocol_limit,
            protocol_limits: policy.protocol_limits.clone(),
            min_change: self.settings.min_change,
            control: self.gate.state().control.overall().0,
        }
    }

    /// Sets the targets; without a fresh equity there are none, and nothing that needs one runs.
    fn allocate(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        let Some(equity) = self.equity.filter(|equity| equity.0 > 0) else {
            self.targets.clear();
            return Ok(());
        };
        let mut current = Vec::new();
        for (protocol, _) in &self.settings.weights {
            let mut value = Usd::ZERO;
            for view in snapshot
                .positions
                .iter()
                .filter(|view| view.protocol == *protocol)
            {
                let Some(position) = view.position.fresh() else {
                    continue;
                };
                for leg in &position.legs {
                    let amount = airdrops_types::I256::try_from(leg.amount.amount)
                        .unwrap_or(airdrops_types::I256::MAX);
                    value += signed_value(snapshot, &leg.amount.token, amount);
                }
            }
            current.push((protocol.clone(), value));
        }
        let inputs = self.allocation_inputs(equity, current);
        let targets = match allocate(&inputs) {
            Ok(targets) => targets,
            Err(error) => return Err(RunError::Settings(error.to_string())),
        };
        let moved = targets.len() != self.targets.len()
            || targets
                .iter()
                .zip(&self.targets)
                .any(|(new, old)| (new.target - old.target).0.abs() > self.settings.min_change.0);
        if moved {
            let mut batch = Batch {
                at: now,
                ..Batch::default()
            };
            batch.entries.extend(self.snapshot_entry(snapshot));
            batch.entries.push(Entry::Allocated {
                observed_at: snapshot.at,
                inputs: serde_json::to_value(&inputs)?,
                targets: targets.clone(),
            });
            self.commit(batch)?;
            self.targets = targets;
        } else {
            // Keep what was written down, with the current values brought up to date.
            for (old, new) in self.targets.iter_mut().zip(targets) {
                old.current = new.current;
                if self.gate.state().control.overall().0 >= ControlState::Reducing {
                    old.target = new.target;
                }
            }
        }
        Ok(())
    }

    /// The snapshot as a journal entry, the first time that something rests on it.
    pub(crate) fn snapshot_entry(&mut self, snapshot: &Snapshot) -> Option<Entry> {
        (self.journalled != Some(snapshot.at)).then(|| {
            self.journalled = Some(snapshot.at);
            Entry::Observed {
                snapshot: Box::new(snapshot.clone()),
            }
        })
    }

    /// Whether the settings send transactions to real chains.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.settings.mode == Mode::Live
    }
}
