//! Assess: what moved without us, what everything is worth, and whether a breaker must trip.

use airdrops_risk::breaker::ClockReading;
use airdrops_risk::control::Change;
use airdrops_risk::profit::event::{AssetAmount, ProfitEvent};
use airdrops_risk::{ControlBoard, Exposure, Marked, Seen};
use airdrops_store::{Batch, WITHDRAWALS};
use airdrops_types::{
    Address, Bps, ChainId, ControlSignal, ControlState, Entry, EquityPoint, I256, LedgerEntry,
    LedgerKind, Scope, Snapshot, Timestamp, U256, Usd, Withdrawal,
};

use crate::checkpoint;
use crate::engine::{Engine, IN_TRANSIT, WITHDRAWN};
use crate::error::RunError;
use crate::ledger::{Unexplained, signed_value};
use crate::restore::stored;
use crate::watch::keep;

impl Engine {
    /// Reconciles balances, marks the portfolio and asks the breakers.
    pub(crate) fn assess(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        let marked = self.gate.mark(snapshot);
        if marked.exposure().is_ok() {
            // Only while everything has a price: a flow that cannot be valued would be lost.
            self.explain_balances(snapshot, &mut batch)?;
        }
        let point = marked.exposure().ok().map(|exposure| EquityPoint {
            at: now,
            equity: exposure.equity,
            net_flows: self.net_flows,
            gas: self.gas_paid,
        });
        self.equity = point.map(|point| point.equity);
        if let (Ok(exposure), Some(point)) = (marked.exposure(), point) {
            batch.equity.push(point);
            batch.entries.push(assessed(snapshot, exposure, point));
        }
        self.seed_prices(&mut batch)?;
        self.watch(&marked, point, batch, now)
    }

    /// Asks the monitor; stores what it found before that takes effect.
    fn watch(
        &mut self,
        marked: &Marked<'_>,
        equity: Option<EquityPoint>,
        mut batch: Batch,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let clock = self.clocks(marked.snapshot(), now);
        let attempts = std::mem::take(&mut self.attempts);
        let quiet = self.manager.open()?.is_empty();
        let events = if quiet {
            std::mem::take(&mut self.profit_events)
        } else {
            Vec::new()
        };
        let defects = self.rpc_defects.iter();
        let defects: Vec<(Scope, String)> = defects
            .map(|(chain, defect)| (Scope::Chain(*chain), defect.clone()))
            .collect();
        let seen = Seen {
            marked,
            policy: self.gate.policy(),
            board: &self.gate.state().control,
            equity,
            quiet,
            events: &events,
            attempts: &attempts,
            clock: Some(&clock),
            defects: &defects,
        };
        let found = self.monitor.assess(&seen, now);
        let news = !found.changes.is_empty() || !found.alerts.is_empty();
        for change in &found.changes {
            note_change(&mut batch, change);
        }
        let alerts = found.alerts.iter().cloned();
        batch
            .entries
            .extend(alerts.map(|alert| Entry::Alerted { alert }));
        let outline = |signals: &[ControlSignal]| -> Vec<(Scope, ControlState, Bps)> {
            let each = signals.iter();
            each.map(|signal| (signal.scope.clone(), signal.state, signal.scale))
                .collect()
        };
        if outline(&found.signals) != outline(&self.signals) {
            batch.entries.push(Entry::Signalled {
                signals: found.signals.clone(),
            });
        }
        self.signals = found.signals;
        keep(&mut batch, &found.samples)?;
        self.keep_report(&mut batch, &found.report, news)?;
        self.remember(&mut batch, found.board.trips())?;
        (self.checkpoint)(checkpoint::ASSESS_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::ASSESS_AFTER);
        self.adopt(found.board)?;
        let limits = self.monitor.limits().clone();
        self.gate.adjust(limits, found.gas_ranks);
        Ok(())
    }

    /// Takes over the board that was stored. If somebody else changed it meanwhile, theirs counts.
    fn adopt(&mut self, board: ControlBoard) -> Result<(), RunError> {
        if !self.dry_run {
            let (trips, revision) = self.store.control()?;
            if trips != board.trips() || revision != board.revision() {
                return self.refresh_control();
            }
        }
        *self.gate.control_mut() = board;
        Ok(())
    }

    /// The clocks of this tick. A head that is old says nothing about the clock, one from the
    /// future does.
    fn clocks(&self, snapshot: &Snapshot, now: Timestamp) -> ClockReading {
        let heads = snapshot.chains.values().map(|view| &view.head);
        let chain_times = heads.filter_map(|head| {
            let block = head.last_known()?;
            (head.fresh().is_some() || block.time > now).then_some(block.time)
        });
        ClockReading {
            wall: now,
            monotonic: self.clock.monotonic(),
            process: self.process,
            chain_times: chain_times.collect(),
        }
    }

    /// Books what moved without us: openings, bridge arrivals, deposits, withdrawals, losses.
    fn explain_balances(&mut self, snapshot: &Snapshot, batch: &mut Batch) -> Result<(), RunError> {
        let open = self.manager.open()?;
        let idle = |wallet, chain| {
            !open
                .iter()
                .any(|slot| slot.wallet == wallet && slot.chain == chain)
        };
        let found = self.ledger.reconcile(snapshot, &self.bridges, idle);
        let announced: Vec<Withdrawal> = stored(self.store.as_ref(), WITHDRAWALS)?;
        for Unexplained { entry, value } in found {
            let flows_before = self.net_flows;
            let outflow = entry.delta.is_negative();
            let mut announced_part = U256::ZERO;
            let note = match entry.kind {
                LedgerKind::Opening => {
                    self.net_flows += value;
                    "opening balance"
                }
                LedgerKind::BridgeArrival => {
                    let in_transit = serde_json::to_value(self.ledger.in_transit())?;
                    batch.settings.push((IN_TRANSIT.to_owned(), in_transit));
                    "arrived over the bridge"
                }
                // What leaves without us is a loss unless it was announced: a drained wallet must
                // trip the breaker. What comes in is no profit.
                LedgerKind::External if outflow => {
                    let left = entry.delta.unsigned_abs();
                    let taken = self
                        .withdrawn
                        .take(&announced, entry.wallet, &entry.token, left);
                    let taken_value = I256::try_from(taken)
                        .map(|taken| signed_value(snapshot, &entry.token, taken))
                        .unwrap_or_default();
                    self.net_flows += -taken_value;
                    let sums = serde_json::to_value(self.withdrawn.sums())?;
                    batch.settings.push((WITHDRAWN.to_owned(), sums));
                    announced_part = taken;
                    match taken {
                        taken if taken == left => "withdrawn as announced",
                        U256::ZERO => "left without us; counts as a loss",
                        _ => "left without us, announced in part; the rest counts as a loss",
                    }
                }
                LedgerKind::External | LedgerKind::Transaction { .. } => {
                    self.net_flows += value;
                    "came from outside"
                }
            };
            self.profit_events
                .extend(flow_events(&entry, announced_part));
            let flow = Usd(self.net_flows.0.saturating_sub(flows_before.0));
            self.date_back(flow, entry.wallet, entry.token.chain, batch);
            batch.ledger.push(entry.clone());
            if entry.delta.is_zero() {
                continue;
            }
            batch.entries.push(Entry::Flow {
                entry,
                value,
                note: note.to_owned(),
            });
        }
        self.unreconciled
            .retain(|(wallet, chain), _| !idle(*wallet, *chain));
        Ok(())
    }

    /// A deposit that is booked after a transaction of the lane ended may have been in the equity
    /// for as long as that was under way: it is taken out of those points too, or the booking would
    /// look like a loss.
    fn date_back(&mut self, flow: Usd, wallet: Address, chain: ChainId, batch: &mut Batch) {
        let Some(since) = self.unreconciled.get(&(wallet, chain)) else {
            return;
        };
        if flow <= Usd::ZERO {
            return;
        }
        let breakers = &mut self.monitor.state_mut().breakers;
        breakers.rolling_loss.date_back(flow, *since);
        breakers.drawdown.date_back(flow, *since);
        let points = breakers.rolling_loss.points();
        for point in points.filter(|point| point.at > *since) {
            batch.equity.retain(|stored| stored.at != point.at);
            batch.equity.push(*point);
        }
    }
}

/// What a movement from outside is for profit and loss; of an outflow, `announced` base units are no
/// loss.
fn flow_events(entry: &LedgerEntry, announced: U256) -> Vec<ProfitEvent> {
    let moved = entry.delta.unsigned_abs();
    let part = |amount| AssetAmount {
        asset: entry.token.asset.clone(),
        decimals: entry.token.decimals,
        amount,
    };
    let outflow = |amount, announced| ProfitEvent::Outflow {
        what: part(amount),
        announced,
    };
    let lost = moved.saturating_sub(announced);
    match entry.kind {
        _ if moved.is_zero() => Vec::new(),
        LedgerKind::Opening => vec![ProfitEvent::Opening(part(moved))],
        LedgerKind::External if entry.delta.is_negative() => [(announced, true), (lost, false)]
            .into_iter()
            .filter(|(amount, _)| !amount.is_zero())
            .map(|(amount, announced)| outflow(amount, announced))
            .collect(),
        LedgerKind::External => vec![ProfitEvent::Inflow(part(moved))],
        LedgerKind::BridgeArrival | LedgerKind::Transaction { .. } => Vec::new(),
    }
}

/// The journal's entry of an assessment.
fn assessed(snapshot: &Snapshot, exposure: &Exposure, point: EquityPoint) -> Entry {
    let protocols = exposure.protocols.iter();
    let assets = exposure.assets.iter();
    Entry::Assessed {
        point,
        protocols: protocols
            .map(|(family, value)| (family.clone(), *value))
            .collect(),
        assets: assets
            .map(|(asset, value)| (asset.to_string(), *value))
            .collect(),
        base_fees: snapshot
            .chains
            .iter()
            .filter_map(|(chain, view)| Some((*chain, *view.base_fee.fresh()?)))
            .collect(),
    }
}

/// What a change of the control board means for the store and the journal.
fn note_change(batch: &mut Batch, change: &Change) {
    let by = "breaker".to_owned();
    match change {
        Change::Tripped { trip } => {
            batch.trips.push(trip.clone());
            batch.entries.push(Entry::Tripped {
                trip: trip.clone(),
                by,
            });
        }
        Change::Eased { from, trip } => {
            batch.trips.push(trip.clone());
            batch.entries.push(Entry::Eased {
                trip: trip.clone(),
                from: *from,
            });
        }
        Change::Cleared { trip, evidence } => {
            batch.ended.push((trip.scope.clone(), trip.breaker.clone()));
            batch.entries.push(Entry::Cleared {
                scope: trip.scope.clone(),
                breaker: trip.breaker.clone(),
                by,
                reason: evidence.clone(),
            });
        }
    }
}
