//! Assess: what moved without us, what everything is worth, and whether a breaker must trip.

use airdrops_risk::{EquityHistory, Exposure, ROLLING_LOSS, RollingLoss};
use airdrops_store::{Batch, WITHDRAWALS};
use airdrops_types::{
    Address, ChainId, Entry, EquityPoint, I256, LedgerKind, Snapshot, Timestamp, U256, Usd,
    Withdrawal,
};

use crate::checkpoint;
use crate::engine::{Engine, IN_TRANSIT, WITHDRAWN};
use crate::error::RunError;
use crate::ledger::{Unexplained, signed_value};
use crate::restore::stored;

impl Engine {
    /// Reconciles balances, marks the portfolio and asks the breakers.
    pub(crate) fn assess(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), RunError> {
        let mut batch = Batch {
            at: now,
            ..Batch::default()
        };
        let exposure = Exposure::strict(snapshot, self.gate.policy()).ok();
        if exposure.is_some() {
            // Only while everything has a price: a flow that cannot be valued would be lost.
            self.explain_balances(snapshot, &mut batch)?;
        }
        match exposure {
            Some(exposure) => {
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
            None => self.equity = None,
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
        let stop = batch.trips.first().cloned();
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::ASSESS_AFTER);
        stop.map_or(Ok(()), |stop| self.take_effect(stop))
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
        let mut points: Vec<EquityPoint> = self.history.points().copied().collect();
        for point in points.iter_mut().filter(|point| point.at > *since) {
            point.net_flows += flow;
            batch.equity.retain(|stored| stored.at != point.at);
            batch.equity.push(*point);
        }
        self.history = EquityHistory::from_points(points, self.evidence_from);
    }
}
