//! From journal entries to what moved: snapshots, values of positions, settled transactions.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_allocation::performance::CostSums;
use airdrops_types::{
    Entry, I256, Intent, JournalEntry, Outcome, Purpose, Rounding, Snapshot, Timestamp, Token,
    TxResult, Usd,
};

use super::accounts::Cell;

/// Snapshots that are taken in at most; flows of those between are kept.
const MOST_SNAPSHOTS: i64 = 2_000;

/// A settled transaction that no snapshot has shown yet.
pub(super) struct Pending<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) fee: Usd,
    pub(super) cell: Cell,
    pub(super) intent: Option<&'a Intent>,
}

/// What happened to one cell since the last snapshot.
#[derive(Default, Clone, Copy)]
pub(super) struct Moved {
    pub(super) flow: Usd,
    pub(super) costs: CostSums,
    pub(super) income: Usd,
    pub(super) transactions: u64,
}

/// The snapshots of the journal, thinned to at most [`MOST_SNAPSHOTS`] and the last.
pub(super) fn snapshots(entries: &[JournalEntry]) -> Vec<&Snapshot> {
    let all: Vec<&Snapshot> = entries
        .iter()
        .filter_map(|entry| match &entry.entry {
            Entry::Observed { snapshot } => Some(&**snapshot),
            _ => None,
        })
        .collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return Vec::new();
    };
    let apart = last.at.0.saturating_sub(first.at.0) / MOST_SNAPSHOTS;
    let last_at = last.at;
    let mut before: Option<Timestamp> = None;
    all.into_iter()
        .filter(|snapshot| {
            let far = before.is_none_or(|before| {
                snapshot.at > before
                    && (snapshot.at.0.saturating_sub(before.0) >= apart || snapshot.at == last_at)
            });
            if far {
                before = Some(snapshot.at);
            }
            far
        })
        .collect()
}

/// Whether the snapshot was read at or after the block of the outcome.
pub(super) fn shown(snapshot: &Snapshot, outcome: &Outcome) -> bool {
    snapshot
        .chains
        .get(&outcome.chain)
        .and_then(|chain| chain.head.last_known())
        .is_some_and(|head| head.number >= outcome.block.number)
}

/// Values of positions per protocol instance; what cannot be valued keeps its last value.
pub(super) fn revalue(
    snapshot: &Snapshot,
    held: &BTreeSet<&str>,
    values: &mut BTreeMap<String, Usd>,
) {
    let mut sums: BTreeMap<&str, Option<Usd>> = BTreeMap::new();
    let held = |protocol: &str| held.contains(protocol);
    for view in &snapshot.positions {
        if !held(view.protocol.as_str()) {
            continue;
        }
        let value: Option<Usd> = view.position.last_known().and_then(|position| {
            position
                .legs
                .iter()
                .map(|leg| worth(snapshot, &leg.amount.token, leg.amount.amount))
                .sum()
        });
        let sum = sums
            .entry(view.protocol.as_str())
            .or_insert(Some(Usd::ZERO));
        *sum = sum.zip(value).map(|(sum, value)| sum + value);
    }
    for (protocol, sum) in sums {
        if let Some(sum) = sum {
            values.insert(protocol.to_owned(), sum);
        }
    }
}

fn worth(snapshot: &Snapshot, token: &Token, amount: airdrops_types::U256) -> Option<Usd> {
    snapshot
        .prices
        .get(&token.asset)?
        .last_known()?
        .value(amount, token.decimals, Rounding::Down)
}

/// Whether it sends value to another chain.
pub(super) fn bridging(intent: &Intent) -> bool {
    matches!(&intent.purpose, Purpose::Operation { verb } if verb == "bridge")
}

/// Books a settled transaction: its fee, and what it moved at the snapshot's prices.
pub(super) fn book(
    moved: &mut Moved,
    pending: &Pending<'_>,
    snapshot: &Snapshot,
    held: &BTreeSet<&str>,
) {
    moved.transactions += 1;
    if pending.outcome.result != TxResult::Succeeded {
        moved.costs.failed += pending.fee;
        return;
    }
    moved.costs.gas += pending.fee;
    let Some(intent) = pending.intent else {
        return;
    };
    let (mut net, mut unpriced) = (Usd::ZERO, false);
    for change in &pending.outcome.deltas {
        let mut delta = change.delta;
        if change.token.is_native() && change.token.chain == pending.outcome.chain {
            delta = delta.saturating_add(I256::try_from(pending.outcome.fee).unwrap_or(I256::ZERO));
        }
        match worth(snapshot, &change.token, delta.unsigned_abs()) {
            Some(value) if delta.is_negative() => net = net - value,
            Some(value) => net += value,
            None => unpriced |= !delta.is_zero(),
        }
    }
    if held.contains(intent.protocol.as_str()) && !intent.positions.is_empty() {
        moved.flow += -net;
    } else if bridging(intent) {
        // Neither cost nor loss: it arrives elsewhere.
    } else if net > Usd::ZERO && (intent.spend.is_empty() || unpriced) {
        moved.income += net;
    } else {
        moved.costs.slippage += -net;
    }
}
