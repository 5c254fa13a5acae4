//! One tick: observe → assess → allocate → schedule → permit → execute → settle.

use std::collections::BTreeMap;

use airdrops_allocation::{Inputs, allocate};
use airdrops_chain::Progress;
use airdrops_risk::breaker::FailureClass;
use airdrops_risk::profit::event::{AssetAmount, FeeKind, ProfitEvent};
use airdrops_risk::{Attempt, FOREIGN_NONCE};
use airdrops_scheduler::TaskEvent;
use airdrops_store::Batch;
use airdrops_types::{
    ChainId, Entry, ErrorClass, Outcome, ProtocolId, Reading, Restraint, Rounding, Scope, Slot,
    Snapshot, TaskState, Timestamp, TxResult, Usd,
};

use crate::checkpoint;
use crate::engine::{Engine, GAS_PAID, IN_TRANSIT, TickReport};
use crate::error::RunError;
use crate::ledger::{Ledger, signed_value};

impl Engine {
    /// Runs the whole flow once.
    ///
    /// # Errors
    /// [`RunError`] only if durable state cannot be read or written, or the program is broken.
    /// Chains that do not answer are no error: nothing new is done there until they do.
    pub async fn tick(&mut self) -> Result<TickReport, RunError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(RunError::Broken);
        }
        let report = self.flow().await?;
        self.broken = false;
        Ok(report)
    }

    async fn flow(&mut self) -> Result<TickReport, RunError> {
        let now = self.clock.now();
        let revision = self.gate.state().control.revision();
        let before = self.gate.state().control.trips().to_vec();
        self.refresh_control()?;
        self.tell_foreign_changes(&before, now);
        let control_changed = self.gate.state().control.revision() != revision;

        let slots = self.manager.open()?;
        let polled = if self.dry_run {
            Vec::new()
        } else {
            self.poll(now).await?
        };
        let snapshot = self.observe(now).await;

        self.settle(&slots, polled, &snapshot, now)?;
        self.assess(&snapshot, now)?;
        self.allocate(&snapshot, now)?;
        self.unstick(&snapshot).await?;
        self.unwind(&snapshot, now)?;
        let mut changes = if control_changed {
            self.scheduler.look_again(now)
        } else {
            Vec::new()
        };
        changes.extend(self.scheduler.tick(now));
        changes.extend(self.restrain(now)?);
        if !changes.is_empty() {
            let mut batch = Batch {
                at: now,
                ..Batch::default()
            };
            Self::note_changes(&mut batch, changes);
            self.commit(batch)?;
        }
        self.revoke_leftovers(&snapshot).await?;
        for task in self.scheduler.runnable() {
            self.advance(&task, &snapshot).await?;
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

    /// Looks after open transactions, and tells of chains where that failed.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Progress>, RunError> {
        let polled = self.manager.poll(&self.tokens, now).await?;
        let mut failed = BTreeMap::new();
        for (chain, error) in polled.errors {
            failed.entry(chain).or_insert(error);
        }
        let about = |chain: ChainId| format!("transactions on chain {chain}");
        for chain in self.settings.chains.iter().map(|chain| chain.id) {
            if !failed.contains_key(&chain) {
                self.told.remove(&about(chain));
            }
        }
        for (chain, error) in failed {
            let about = about(chain);
            let text = format!("{about} cannot be followed: {error}");
            self.tell(about, text, now)?;
        }
        for event in &polled.progress {
            if let Progress::Final(outcome) = event {
                let highest = self.settled_at.entry(outcome.chain).or_default();
                *highest = outcome.block.number.max(*highest);
            }
        }
        Ok(polled.progress)
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
                        let control = &self.gate.state().control;
                        let scope = Scope::Wallet(slot.wallet);
                        // Each time that it is found, and not each time that it is seen.
                        if control.since(&scope, FOREIGN_NONCE).is_none() {
                            self.attempts.push(Attempt {
                                protocol: slot.intent.protocol.clone(),
                                failure: Some(FailureClass::Nonce),
                            });
                        }
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
        if let Some(first) = slot.attempts.first() {
            let since = self.unreconciled.entry((slot.wallet, slot.chain));
            let since = since.or_insert(first.signed_at);
            *since = first.signed_at.min(*since);
        }
        batch.ledger = Ledger::entries_of(&outcome, now);
        for entry in &batch.ledger {
            self.ledger.book(entry);
        }
        let fee = self.fee_value(&outcome, snapshot);
        self.gas_paid += fee;
        self.profit_events.extend(self.fee_event(&outcome));
        let gas_paid = serde_json::to_value(self.gas_paid)?;
        batch.settings.push((GAS_PAID.to_owned(), gas_paid));
        let task = slot.intent.task.clone();
        let succeeded = outcome.result == TxResult::Succeeded;
        self.attempts.push(Attempt {
            protocol: slot.intent.protocol.clone(),
            failure: match &outcome.result {
                TxResult::Succeeded => None,
                TxResult::Reverted { .. } => Some(FailureClass::Revert),
                TxResult::Cancelled => Some(FailureClass::Timeout),
            },
        });
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
            TxResult::Succeeded => "done",
            TxResult::Reverted { out_of_gas: true } => "ran out of gas",
            TxResult::Reverted { out_of_gas: false } => "reverted",
            TxResult::Cancelled => "cancelled",
        };
        let summary = format!("{}: {what}, fee {fee}", slot.intent.summary);
        self.follow_up(slot, &outcome.result, what, now, &mut batch)?;
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

    /// What an outcome means for the task, or for the revocation, that wanted it.
    fn follow_up(
        &mut self,
        slot: &Slot,
        result: &TxResult,
        what: &str,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), RunError> {
        let task = &slot.intent.task;
        let succeeded = *result == TxResult::Succeeded;
        if self.settle_revocation(task, slot.intent.step, succeeded, batch)? {
            return Ok(());
        }
        let waits_for_it = self.scheduler.get(task).is_some_and(|record| {
            matches!(record.state, TaskState::Running | TaskState::Awaiting)
                && record.step == slot.intent.step
        });
        if !waits_for_it {
            // The outcome stands all the same.
            let text = format!("{task} does not wait for {} any more", slot.intent.summary);
            batch.entries.push(Entry::Note { text });
            return Ok(());
        }
        let class = match result {
            TxResult::Reverted { out_of_gas: true } => ErrorClass::OutOfGas,
            TxResult::Cancelled => ErrorClass::Lost,
            TxResult::Reverted { out_of_gas: false } | TxResult::Succeeded => ErrorClass::Reverted,
        };
        let event = if succeeded {
            TaskEvent::StepDone {
                note: slot.intent.summary.clone(),
            }
        } else {
            TaskEvent::StepFailed {
                reason: format!("{} {what}", slot.intent.summary),
                class,
                retryable: true,
                consumed: true,
            }
        };
        let changes = self.scheduler.apply(task, event, now)?;
        Self::note_changes(batch, changes);
        self.remember_leftovers(task, batch)
    }

    /// What a fee is for profit and loss.
    fn fee_event(&self, outcome: &Outcome) -> Option<ProfitEvent> {
        let mut chains = self.settings.chains.iter();
        let chain = chains.find(|chain| chain.id == outcome.chain)?;
        let paid = AssetAmount {
            asset: chain.native.asset.clone(),
            decimals: chain.native.decimals,
            amount: outcome.fee,
        };
        Some(ProfitEvent::Fee {
            kind: FeeKind::Gas,
            paid,
        })
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
        let price = snapshot.prices.get(&chain.native.asset);
        price
            .and_then(Reading::last_known)
            .and_then(|price| price.value(outcome.fee, chain.native.decimals, Rounding::Up))
            .unwrap_or_default()
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
            restraints: self.restraints(),
            plan: self.settings.planning.as_ref().map(|_| {
                let courses = self.standing.courses.clone();
                courses.unwrap_or_default()
            }),
        }
    }

    /// The instances whose targets the allocator sets.
    fn placed(&self) -> Vec<ProtocolId> {
        match &self.settings.planning {
            None => {
                let weights = self.settings.weights.iter();
                weights.map(|(protocol, _)| protocol.clone()).collect()
            }
            Some(planning) => {
                let beliefs = planning.opportunities.iter();
                beliefs
                    .map(|stance| stance.opportunity.id.clone())
                    .collect()
            }
        }
    }

    /// Sets the targets; without a fresh equity there are none, and nothing that needs one runs.
    fn allocate(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        let Some(equity) = self.equity.filter(|equity| equity.0 > 0) else {
            self.targets.clear();
            return Ok(());
        };
        let mut current = Vec::new();
        for protocol in self.placed() {
            let mut value = Usd::ZERO;
            for view in snapshot
                .positions
                .iter()
                .filter(|view| view.protocol == protocol)
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
            current.push((protocol, value));
        }
        if self.settings.planning.is_some() {
            let marked = self.gate.mark(snapshot);
            self.rebalance(&marked, equity, &current, now)?;
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
        let trips =
            |(protocol, held): (&ProtocolId, &Restraint)| (protocol.clone(), held.trips.clone());
        // A trip that is new, worse or over is written down with what it does, also if that is little.
        let tripped = !inputs
            .restraints
            .iter()
            .map(trips)
            .eq(self.restraints.iter().map(trips));
        if moved || tripped {
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
                let restraint = inputs.restraints.get(&old.protocol);
                let stopped = restraint.is_some_and(|restraint| restraint.state().forbids_growth());
                // What is held is held at what it became worth: a trifle is no reason to move.
                if stopped || new.target == new.current {
                    old.target = new.target;
                }
            }
        }
        self.restraints = inputs.restraints;
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
}
