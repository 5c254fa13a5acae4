//! Settle: what we expect every wallet to hold, and what changed without us.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{
    Address, ChainId, I256, LedgerEntry, LedgerKind, Outcome, ProtocolId, Reading, Rounding,
    Snapshot, Timestamp, Token, U256, Usd,
};

/// The balances that our own bookings add up to.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    balances: BTreeMap<(Address, Token), I256>,
    in_transit: BTreeMap<(ProtocolId, Address), U256>,
}

/// A bridge as the ledger sees it.
#[derive(Debug, Clone)]
pub struct BridgeEnds {
    /// The protocol instance.
    pub protocol: ProtocolId,
    /// Where it leaves from.
    pub leaves: ChainId,
    /// What arrives, where.
    pub arrives: Token,
}

/// A balance change that we did not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// The booking that explains it from now on.
    pub entry: LedgerEntry,
    /// Its value now, positive came in.
    pub value: Usd,
}

impl Ledger {
    /// From stored sums, and what was under way over bridges.
    #[must_use]
    pub fn new(
        balances: Vec<(Address, Token, I256)>,
        in_transit: Vec<(ProtocolId, Address, U256)>,
    ) -> Self {
        Self {
            balances: balances
                .into_iter()
                .map(|(wallet, token, sum)| ((wallet, token), sum))
                .collect(),
            in_transit: in_transit
                .into_iter()
                .map(|(protocol, wallet, amount)| ((protocol, wallet), amount))
                .collect(),
        }
    }

    /// What is under way over bridges, for storage.
    #[must_use]
    pub fn in_transit(&self) -> Vec<(ProtocolId, Address, U256)> {
        self.in_transit
            .iter()
            .map(|((protocol, wallet), amount)| (protocol.clone(), *wallet, *amount))
            .collect()
    }

    /// Base units of `token` that are on their way to `wallet` over bridges.
    #[must_use]
    pub fn under_way(&self, bridges: &[BridgeEnds], wallet: Address, token: &Token) -> U256 {
        bridges
            .iter()
            .filter(|bridge| bridge.arrives == *token)
            .filter_map(|bridge| self.in_transit.get(&(bridge.protocol.clone(), wallet)))
            .fold(U256::ZERO, |sum, amount| sum.saturating_add(*amount))
    }

    /// Adds a booking.
    pub fn book(&mut self, entry: &LedgerEntry) {
        let sum = self
            .balances
            .entry((entry.wallet, entry.token.clone()))
            .or_default();
        *sum = sum.saturating_add(entry.delta);
    }

    /// Notes that `amount` was sent over a bridge.
    pub fn sent_over(&mut self, protocol: &ProtocolId, wallet: Address, amount: U256) {
        let under_way = self
            .in_transit
            .entry((protocol.clone(), wallet))
            .or_default();
        *under_way = under_way.saturating_add(amount);
    }

    /// The bookings of an outcome.
    #[must_use]
    pub fn entries_of(outcome: &Outcome, at: Timestamp) -> Vec<LedgerEntry> {
        outcome
            .deltas
            .iter()
            .filter(|change| !change.delta.is_zero())
            .map(|change| LedgerEntry {
                at,
                wallet: outcome.wallet,
                token: change.token.clone(),
                delta: change.delta,
                kind: LedgerKind::Transaction {
                    intent: outcome.intent,
                },
            })
            .collect()
    }

    /// Compares the ledger with a snapshot and returns the bookings that make them equal: opening
    /// balances, bridge arrivals, and what came or went without us. Only wallets and chains for
    /// which `idle` holds (no transaction under way) are compared.
    pub fn reconcile(
        &mut self,
        snapshot: &Snapshot,
        bridges: &[BridgeEnds],
        idle: impl Fn(Address, ChainId) -> bool,
    ) -> Vec<Unexplained> {
        let mut arrivals: BTreeMap<(Address, Token), U256> = BTreeMap::new();
        // While something may be leaving at the other end, an arrival cannot be told from a
        // deposit: those balances are compared later.
        let mut unsettled: BTreeSet<(Address, Token)> = BTreeSet::new();
        for bridge in bridges {
            for view in snapshot
                .positions
                .iter()
                .filter(|view| view.protocol == bridge.protocol)
            {
                let Some(position) = view.position.fresh() else {
                    unsettled.insert((view.wallet, bridge.arrives.clone()));
                    continue;
                };
                if !idle(view.wallet, bridge.leaves) {
                    unsettled.insert((view.wallet, bridge.arrives.clone()));
                    continue;
                }
                if !idle(view.wallet, bridge.arrives.chain) {
                    continue;
                }
                let observed = position
                    .legs
                    .iter()
                    .fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount.amount));
                let Some(expected) = self
                    .in_transit
                    .get_mut(&(bridge.protocol.clone(), view.wallet))
                else {
                    continue;
                };
                if *expected > observed {
                    let arrived = *expected - observed;
                    *expected = observed;
                    let sum = arrivals
                        .entry((view.wallet, bridge.arrives.clone()))
                        .or_default();
                    *sum = sum.saturating_add(arrived);
                }
            }
        }

        let mut found = Vec::new();
        for holding in &snapshot.holdings {
            let Reading::Fresh { value: amount, .. } = &holding.amount else {
                continue;
            };
            if !idle(holding.wallet, holding.token.chain) {
                continue;
            }
            let Ok(actual) = I256::try_from(*amount) else {
                continue;
            };
            let key = (holding.wallet, holding.token.clone());
            if unsettled.contains(&key) {
                continue;
            }
            let booked = self.balances.get(&key).copied();
            let mut missing = actual.saturating_sub(booked.unwrap_or_default());
            if booked.is_none() {
                // Of zero too: what comes after it must not be taken for an opening.
                found.push(self.explain(snapshot, &key, missing, LedgerKind::Opening));
                continue;
            }
            if let Some(arrived) = arrivals.remove(&key) {
                let arrived = I256::try_from(arrived).unwrap_or(I256::MAX).min(missing);
                if arrived.is_positive() {
                    found.push(self.explain(snapshot, &key, arrived, LedgerKind::BridgeArrival));
                    missing = missing.saturating_sub(arrived);
                }
            }
            if !missing.is_zero() {
                found.push(self.explain(snapshot, &key, missing, LedgerKind::External));
            }
        }
        found
    }

    fn explain(
        &mut self,
        snapshot: &Snapshot,
        (wallet, token): &(Address, Token),
        delta: I256,
        kind: LedgerKind,
    ) -> Unexplained {
        let entry = LedgerEntry {
            at: snapshot.at,
            wallet: *wallet,
            token: token.clone(),
            delta,
            kind,
        };
        self.book(&entry);
        Unexplained {
            value: signed_value(snapshot, token, delta),
            entry,
        }
    }
}

/// The value of a signed amount at the snapshot's fresh price; zero for tokens without one.
#[must_use]
pub fn signed_value(snapshot: &Snapshot, token: &Token, delta: I256) -> Usd {
    let value = snapshot
        .prices
        .get(&token.asset)
        .and_then(Reading::fresh)
        .and_then(|price| price.value(delta.unsigned_abs(), token.decimals, Rounding::Down))
        .unwrap_or_default();
    if delta.is_negative() { -value } else { value }
}
