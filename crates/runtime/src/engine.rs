//! The engine: every room, wired.

use std::collections::BTreeMap;
use std::sync::Arc;

use airdrops_chain::{ChainClient, ChainLane, Keyring, TransactionManager};
use airdrops_protocols::{ModuleConfig, Registry};
use airdrops_risk::profit::ProfitEvent;
use airdrops_risk::{
    Attempt, ControlBoard, FOREIGN_NONCE, Gate, GateState, Monitor, ReservationBook,
};
use airdrops_scheduler::{Change, Scheduler, TaskEvent};
use airdrops_store::{Batch, Store, TaskFilter};
use airdrops_types::{
    Address, ChainId, Checkpoint, ControlSignal, ControlState, Entry, IntentId, ProtocolId,
    Restraint, Scope, Snapshot, Target, TaskId, TaskState, Timestamp, Token, TransactionLog, Trip,
    U256, Unwind, UnwindRequest, Usd,
};

use crate::clock::Clock;
use crate::error::RunError;
use crate::hold::STANDSTILLS;
use crate::ledger::{BridgeEnds, Ledger};
use crate::leftovers::Revocation;
use crate::market::Market;
use crate::observe::ReadFacts;
use crate::restore::{complete_policy, looked_at, stored, tracked_tokens};
use crate::settings::{Mode, Settings};
use crate::watch::recall;
use crate::withdrawals::Withdrawn;

/// Setting that holds what is under way over bridges.
pub(crate) const IN_TRANSIT: &str = "in_transit";
/// Setting that holds how much of the announced withdrawals has left.
pub(crate) const WITHDRAWN: &str = "withdrawn";
/// Setting that holds the value of all fees so far. An equity point says it too, but one follows
/// only at the next assessment.
pub(crate) const GAS_PAID: &str = "gas_paid";
/// Setting that holds the allowances that failed tasks left behind.
pub(crate) const REVOCATIONS: &str = "revocations";

/// Told of every journal entry after it was stored.
pub type Listener = Box<dyn FnMut(Timestamp, &Entry) + Send>;

/// Concrete parts for an engine.
pub struct Parts {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The same store as the transaction manager's memory.
    pub log: Arc<dyn TransactionLog>,
    /// One client per configured chain.
    pub clients: BTreeMap<ChainId, ChainClient>,
    /// Markets and feeds outside the chains.
    pub market: Arc<dyn Market>,
    /// The keys of all configured wallets.
    pub keyring: Keyring,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Test hook.
    pub checkpoint: Checkpoint,
    /// Told of every journal entry.
    pub listener: Listener,
    /// Decide, and tell the listener, but store, sign and send nothing.
    pub dry_run: bool,
}

/// What a tick left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickReport {
    /// The worst control state of the whole.
    pub state: ControlState,
    /// Transactions without a final outcome.
    pub open_transactions: usize,
    /// Task runs that can go on now.
    pub runnable: usize,
    /// Task runs that are not final.
    pub unfinished: usize,
    /// Chains that could not be read in this tick.
    pub unreadable_chains: usize,
}

/// The whole flow, once per [`Engine::tick`].
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) tokens: Vec<Token>,
    pub(crate) bridges: Vec<BridgeEnds>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clients: BTreeMap<ChainId, ChainClient>,
    pub(crate) market: Arc<dyn Market>,
    /// What was seen of watched contracts.
    pub(crate) facts: ReadFacts,
    /// Chains whose witness endpoint does not answer or lags, in the last look.
    pub(crate) rpc_defects: BTreeMap<ChainId, String>,
    pub(crate) manager: TransactionManager,
    pub(crate) gate: Gate,
    pub(crate) scheduler: Scheduler,
    pub(crate) monitor: Monitor,
    /// What holds in each scope, as it was last written down.
    pub(crate) signals: Vec<ControlSignal>,
    /// What moved from outside, and what fees took, since the last assessment.
    pub(crate) profit_events: Vec<ProfitEvent>,
    /// Attempts since the last assessment.
    pub(crate) attempts: Vec<Attempt>,
    /// When the last report was stored.
    pub(crate) reported: Option<Timestamp>,
    /// Tells this process from others.
    pub(crate) process: u64,
    pub(crate) ledger: Ledger,
    pub(crate) revocations: Vec<Revocation>,
    pub(crate) withdrawn: Withdrawn,
    /// What operators asked for, as the store had it at the last look.
    pub(crate) unwind_requests: Vec<UnwindRequest>,
    /// How far the accepted requests are.
    pub(crate) unwinds: Vec<Unwind>,
    pub(crate) net_flows: Usd,
    pub(crate) gas_paid: Usd,
    pub(crate) equity: Option<Usd>,
    pub(crate) targets: Vec<Target>,
    /// What held back each protocol when the targets were last set.
    pub(crate) restraints: BTreeMap<ProtocolId, Restraint>,
    /// The snapshot that was last written to the journal.
    pub(crate) journalled: Option<Timestamp>,
    /// How often in a row each task was held by a limit or a stop.
    pub(crate) standstills: BTreeMap<TaskId, u32>,
    /// The highest block of each chain that holds a final outcome of ours.
    pub(crate) settled_at: BTreeMap<ChainId, u64>,
    /// Lanes whose balances cannot be told apart since: a transaction was under way.
    pub(crate) unreconciled: BTreeMap<(Address, ChainId), Timestamp>,
    /// When each stuck transaction was last looked after.
    pub(crate) unstuck: BTreeMap<IntentId, Timestamp>,
    /// What was last said about each matter, so that it is said once.
    pub(crate) told: BTreeMap<String, String>,
    /// An error ended the flow in the middle: memory is ahead of the store.
    pub(crate) broken: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) listener: Listener,
    pub(crate) dry_run: bool,
}

impl Engine {
    /// Restores everything from the store and goes on where it stopped. Writes `Started` to the
    /// journal.
    ///
    /// # Errors
    /// [`RunError`] if the configuration does not fit together or the store fails.
    pub fn start(mut settings: Settings, parts: Parts) -> Result<Self, RunError> {
        let now = parts.clock.now();
        let registry = Registry::new(settings.protocols.clone())
            .map_err(|errors| RunError::settings(&errors))?;
        let tokens = tracked_tokens(&settings, &registry);
        complete_policy(&mut settings, &registry, &tokens);

        let store = parts.store;
        let (trips, revision) = store.control()?;
        let reservations = ReservationBook::restore(store.reservations()?);
        let control = ControlBoard::restore(trips, revision);
        let gate = Gate::new(
            settings.policy.clone(),
            GateState {
                control,
                reservations,
                ..GateState::default()
            },
        );
        let scheduler = Scheduler::new(
            settings.campaigns.clone(),
            store.tasks(TaskFilter { open_only: false })?,
            store.triggers()?,
            settings.seed,
            now,
        )
        .map_err(|errors| RunError::settings(&errors))?;

        let monitor = recall(&settings, store.as_ref(), gate.state().control.trips(), now)?;
        let last = store.last_equity()?;
        let ledger = Ledger::new(
            store.ledger_balances()?,
            stored(store.as_ref(), IN_TRANSIT)?,
        );
        let withdrawn = Withdrawn::new(stored(store.as_ref(), WITHDRAWN)?);
        let revocations = stored(store.as_ref(), REVOCATIONS)?;
        let (unwind_requests, unwinds) = store.unwinds()?;
        let standstills = stored(store.as_ref(), STANDSTILLS)?;
        let gas_paid: Option<Usd> = stored(store.as_ref(), GAS_PAID)?;
        let gas_paid = gas_paid.unwrap_or(last.map_or(Usd::ZERO, |point| point.gas));
        let mut settled_at: BTreeMap<ChainId, u64> = BTreeMap::new();
        for outcome in store.outcomes()? {
            let highest = settled_at.entry(outcome.chain).or_default();
            *highest = outcome.block.number.max(*highest);
        }
        let lanes = settings
            .chains
            .iter()
            .filter_map(|chain| {
                let client = parts.clients.get(&chain.id)?.clone();
                Some((
                    chain.id,
                    ChainLane {
                        client,
                        confirmations: chain.confirmations,
                        rebroadcast_after: chain.rebroadcast_after,
                    },
                ))
            })
            .collect();
        let manager = TransactionManager::new(parts.log, parts.keyring, lanes, parts.checkpoint);
        for wallet in looked_at(store.as_ref(), &settings.wallets)? {
            manager.adopt_nonces(wallet);
        }
        let bridges = registry
            .iter()
            .filter_map(|protocol| match &protocol.module {
                ModuleConfig::Bridge { remote_token, .. } => Some(BridgeEnds {
                    protocol: protocol.id.clone(),
                    leaves: protocol.chain,
                    arrives: remote_token.clone(),
                }),
                _ => None,
            })
            .collect();

        let mut engine = Self {
            bridges,
            registry,
            tokens,
            store,
            clients: parts.clients,
            market: parts.market,
            facts: ReadFacts::new(),
            rpc_defects: BTreeMap::new(),
            manager,
            gate,
            scheduler,
            monitor,
            signals: Vec::new(),
            profit_events: Vec::new(),
            attempts: Vec::new(),
            reported: None,
            process: now.unix_seconds() ^ (u64::from(std::process::id()) << 32),
            ledger,
            revocations,
            withdrawn,
            unwind_requests,
            unwinds,
            net_flows: last.map_or(Usd::ZERO, |point| point.net_flows),
            gas_paid,
            equity: None,
            targets: Vec::new(),
            restraints: BTreeMap::new(),
            journalled: None,
            standstills,
            settled_at,
            unreconciled: BTreeMap::new(),
            unstuck: BTreeMap::new(),
            told: BTreeMap::new(),
            broken: false,
            clock: parts.clock,
            checkpoint: parts.checkpoint,
            listener: parts.listener,
            dry_run: parts.dry_run,
            settings,
        };
        let mut batch = Batch::at(now);
        batch.entries.push(engine.started_entry()?);
        engine.plan_again(&mut batch, now)?;
        let limits = engine.monitor.limits().clone();
        engine.gate.adjust(limits, BTreeMap::new());
        engine.commit(batch)?;
        Ok(engine)
    }

    /// Amounts that were fixed before the program stopped, and that nothing was done with, are
    /// taken from the present instead.
    fn plan_again(&mut self, batch: &mut Batch, now: Timestamp) -> Result<(), RunError> {
        let open = self.manager.open()?;
        let untouched: Vec<TaskId> = self
            .scheduler
            .tasks()
            .filter(|task| task.state == TaskState::Running && task.cursor == 0)
            .filter(|task| !open.iter().any(|slot| slot.intent.task == task.id))
            .map(|task| task.id.clone())
            .collect();
        for task in untouched {
            let changes = self.scheduler.apply(&task, TaskEvent::Replan, now)?;
            Self::note_changes(batch, changes);
        }
        Ok(())
    }

    fn started_entry(&self) -> Result<Entry, RunError> {
        Ok(Entry::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: match self.settings.mode {
                Mode::Demo => "demo",
                Mode::Paper => "paper",
                Mode::Live => "live",
            }
            .to_owned(),
            seed: self.settings.seed,
            policy: serde_json::to_value(&self.settings.policy)?,
        })
    }

    /// The worst control state of the whole.
    #[must_use]
    pub fn state(&self) -> ControlState {
        self.gate.state().control.overall().0
    }

    /// The task runs, for display.
    pub fn tasks(&self) -> impl Iterator<Item = &airdrops_types::TaskRecord> {
        self.scheduler.tasks()
    }

    /// The earliest instant at which a trigger or a waiting task wants to be looked at.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.scheduler.next_wake(self.clock.now())
    }

    /// Stores a batch (unless this is a dry run), and tells the listener.
    pub(crate) fn commit(&mut self, batch: Batch) -> Result<(), RunError> {
        if !self.dry_run {
            self.store.commit(&batch)?;
        }
        for entry in batch.entries {
            (self.listener)(batch.at, &entry);
        }
        Ok(())
    }

    /// Writes a note, unless it was the last thing that was said about this matter.
    pub(crate) fn tell(
        &mut self,
        about: String,
        text: String,
        now: Timestamp,
    ) -> Result<(), RunError> {
        if self.told.get(&about) == Some(&text) {
            return Ok(());
        }
        let mut batch = Batch::at(now);
        batch.entries.push(Entry::Note { text: text.clone() });
        self.told.insert(about, text);
        self.commit(batch)
    }

    /// Tells the listener what another process changed: halts and resumes are in the journal
    /// already, but whoever watches this process wants to see them here.
    pub(crate) fn tell_foreign_changes(&mut self, before: &[Trip], now: Timestamp) {
        let after = self.gate.state().control.trips().to_vec();
        let by = "another process";
        for trip in after.iter().filter(|trip| !before.contains(trip)) {
            let (trip, by) = (trip.clone(), by.to_owned());
            (self.listener)(now, &Entry::Tripped { trip, by });
        }
        for trip in before.iter().filter(|trip| {
            !after
                .iter()
                .any(|other| (&other.scope, &other.breaker) == (&trip.scope, &trip.breaker))
        }) {
            (self.listener)(
                now,
                &Entry::Cleared {
                    scope: trip.scope.clone(),
                    breaker: trip.breaker.clone(),
                    by: by.to_owned(),
                    reason: "see the journal".to_owned(),
                },
            );
        }
    }

    /// Takes over control states that others may have changed, and evidence that was consumed.
    pub(crate) fn refresh_control(&mut self) -> Result<(), RunError> {
        let (trips, revision) = self.store.control()?;
        if revision == self.gate.state().control.revision() {
            return Ok(());
        }
        let before = std::mem::replace(
            self.gate.control_mut(),
            ControlBoard::restore(trips, revision),
        );
        for wallet in self.settings.wallets.clone() {
            let scope = Scope::Wallet(wallet);
            let stands = |board: &ControlBoard| board.since(&scope, FOREIGN_NONCE).is_some();
            if stands(&before) && !stands(&self.gate.state().control) {
                self.manager.adopt_nonces(wallet);
            }
        }
        self.consume_cleared(before.trips())
    }

    /// Trips a breaker: stored before it takes effect.
    pub(crate) fn trip(&mut self, trip: Trip, now: Timestamp) -> Result<(), RunError> {
        let entries = vec![Entry::Tripped {
            trip: trip.clone(),
            by: "breaker".to_owned(),
        }];
        let stop = trip.clone();
        self.commit(Batch {
            at: now,
            trips: vec![trip],
            entries,
            ..Batch::default()
        })?;
        self.take_effect(stop)
    }

    /// A stop that was stored holds from now on; in a dry run, which stores nothing, too.
    pub(crate) fn take_effect(&mut self, stop: Trip) -> Result<(), RunError> {
        if self.dry_run {
            self.gate.trip(stop);
            return Ok(());
        }
        self.refresh_control()
    }

    /// Locks a wallet whose nonce somebody else used, unless it is locked for that.
    pub(crate) fn lock_wallet(
        &mut self,
        wallet: Address,
        evidence: String,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let scope = Scope::Wallet(wallet);
        self.refresh_control()?;
        let control = &self.gate.state().control;
        if control.since(&scope, FOREIGN_NONCE).is_some() {
            return Ok(());
        }
        self.trip(
            Trip {
                scope,
                breaker: FOREIGN_NONCE.to_owned(),
                state: ControlState::Locked,
                since: now,
                evidence,
            },
            now,
        )
    }

    /// Journal entries and stored records for scheduler changes.
    pub(crate) fn note_changes(batch: &mut Batch, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Task {
                    record,
                    from,
                    reason,
                } => {
                    batch.entries.push(Entry::Task {
                        task: record.id.clone(),
                        from,
                        to: record.state,
                        reason,
                        not_before: record.not_before,
                    });
                    batch.tasks.retain(|stored| stored.id != record.id);
                    batch.tasks.push(record);
                }
                Change::Trigger { state } => {
                    batch
                        .triggers
                        .retain(|stored| stored.campaign != state.campaign);
                    batch.triggers.push(state);
                }
                Change::Fired {
                    campaign,
                    due,
                    tasks,
                    note,
                } => {
                    batch.entries.push(Entry::Fired {
                        campaign: campaign.to_string(),
                        due,
                        tasks,
                        note,
                    });
                }
            }
        }
    }

    /// Native currency that is kept back for gas: five worst-case transactions of 300,000 gas at
    /// the chain's gas ceiling, but at most what the fee limit would buy three times.
    pub(crate) fn gas_reserve(&self, snapshot: &Snapshot, chain: ChainId) -> U256 {
        let Some(settings) = self
            .settings
            .chains
            .iter()
            .find(|settings| settings.id == chain)
        else {
            return U256::ZERO;
        };
        let ceiling = self
            .settings
            .policy
            .gas_ceilings
            .get(&chain)
            .copied()
            .unwrap_or_default();
        let by_gas = U256::from(ceiling).saturating_mul(U256::from(1_500_000));
        let by_fee = snapshot
            .prices
            .get(&settings.native.asset)
            .and_then(airdrops_types::Reading::fresh)
            .and_then(|price| {
                let three = Usd(self.settings.policy.fee_limit.0.saturating_mul(3));
                price.amount_worth(three, settings.native.decimals)
            });
        by_fee.map_or(by_gas, |by_fee| by_gas.min(by_fee))
    }
}
