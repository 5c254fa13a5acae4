//! The start: everything is restored from the store and goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_chain::{ChainLane, TransactionManager};
use airdrops_protocols::{ModuleConfig, Registry};
use airdrops_risk::{ControlBoard, Gate, GateState, ReservationBook};
use airdrops_scheduler::{Scheduler, TaskEvent};
use airdrops_store::{Batch, Records, Store, TaskFilter};
use airdrops_types::{ChainId, TaskId, TaskRecord, TaskState, Timestamp, Usd};

use super::{Engine, GAS_PAID, IN_TRANSIT, Parts, REVOCATIONS, SCHEDULER, WITHDRAWN};
use crate::error::RunError;
use crate::events::SEEN;
use crate::hold::STANDSTILLS;
use crate::in_force::{IN_FORCE, InForce};
use crate::inbox::definitions;
use crate::ledger::{BridgeEnds, Ledger};
use crate::observe::ReadFacts;
use crate::planning::{Outlook, PLAN};
use crate::restore::{complete_policy, looked_at, stored, tracked_tokens};
use crate::settings::Settings;
use crate::watch::recall;
use crate::withdrawals::Withdrawn;

/// The runs with dead letters, to replay them.
fn with_dead_letters(store: &dyn Store) -> Result<BTreeMap<TaskId, TaskRecord>, RunError> {
    let dead = store.tasks(TaskFilter {
        states: vec![TaskState::Dead],
        ..TaskFilter::default()
    })?;
    let runs: BTreeSet<_> = dead
        .into_iter()
        .map(|task| (task.campaign, task.run))
        .collect();
    let mut tasks = BTreeMap::new();
    for (campaign, run) in runs {
        let of_run = TaskFilter {
            campaign: Some(campaign),
            run: Some(run),
            ..TaskFilter::default()
        };
        let of_run = store.tasks(of_run)?.into_iter();
        tasks.extend(of_run.map(|task| (task.id.clone(), task)));
    }
    Ok(tasks)
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
        let monitor = settings.monitor.validate();
        monitor.map_err(|errors| RunError::settings(&errors))?;
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
        let definitions = definitions(&settings.campaigns, store.as_ref(), now)?;
        // The open runs, as they are read: there may be very many.
        let dead = with_dead_letters(store.as_ref())?;
        let mut failed = None;
        let open = Records::new(store.as_ref(), TaskFilter::restart());
        let open = open.map_while(|task| task.map_err(|error| failed = Some(error)).ok());
        let scheduler = Scheduler::new(
            definitions.campaigns,
            open.filter(|task| !dead.contains_key(&task.id))
                .chain(dead.values().cloned()),
            store.triggers()?,
            settings.seed,
            now,
        );
        if let Some(error) = failed {
            return Err(error.into());
        }
        let scheduler = scheduler
            .map_err(|errors| RunError::settings(&errors))?
            .with_versions(definitions.versions)
            .with_memory(stored(store.as_ref(), SCHEDULER)?)
            .with_policy(settings.scheduler.clone(), now);

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
        let standing = stored(store.as_ref(), PLAN)?;
        let seen = stored(store.as_ref(), SEEN)?;
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
            seen,
            standing,
            outlook: Outlook::default(),
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
        batch.definitions = definitions.new;
        let in_force = InForce::of(&engine.settings)?;
        batch.entries.push(in_force.started(&engine.settings));
        // What another version wrote says nothing about what changed.
        let before = engine.store.setting(IN_FORCE)?;
        let before = before.and_then(|value| serde_json::from_value::<InForce>(value).ok());
        batch
            .entries
            .extend(before.and_then(|before| in_force.note(&before)));
        let in_force = serde_json::to_value(in_force)?;
        batch.settings.push((IN_FORCE.to_owned(), in_force));
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
}
