//! Books of positions: what each task holds in each protocol, from snapshots and outcomes.
//!
//! A protocol instance is kept like a fund: tasks that put value in own shares of it, and its gains
//! go to them by their shares. Who takes out more than it owns takes the rest from the others.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_allocation::performance::{CostSums, Employed, IndexPoint, Valuation};
use airdrops_types::{
    Entry, EquityPoint, Intent, IntentId, JournalEntry, Snapshot, Timestamp, Usd,
};

use super::Weights;
use super::booking::{Moved, Pending, book, bridging, revalue, shown, snapshots};
use super::shares::share;

/// The owner of what no task of the journal put in.
const OUTSIDE: &str = "outside";

/// One task's part of one protocol instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) protocol: String,
    pub(super) task: String,
}

/// What was held, moved, gained and paid.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// One per snapshot. Costs count as put in and income as taken out where something was held, so
    /// that returns bear them.
    pub(super) valuations: Vec<Valuation>,
    /// Gain between snapshots after costs, one per valuation.
    pub(super) gains: Vec<Usd>,
    pub(super) profit: Usd,
    pub(super) costs: CostSums,
    pub(super) income: Usd,
    pub(super) transactions: u64,
}

/// All books.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) times: Vec<Timestamp>,
    equity: Vec<Usd>,
    cells: BTreeMap<Cell, Course>,
    /// Price of each asset at each snapshot; 0 where it was not known yet.
    prices: BTreeMap<String, Vec<u128>>,
}

impl Books {
    pub(super) fn from_journal(entries: &[JournalEntry], equity: &[EquityPoint]) -> Self {
        let intents: BTreeMap<IntentId, &Intent> = entries
            .iter()
            .filter_map(|entry| match &entry.entry {
                Entry::Decided { intent, .. } => Some((intent.id, &**intent)),
                _ => None,
            })
            .collect();
        let mut pending: Vec<Pending<'_>> = entries
            .iter()
            .filter_map(|entry| match &entry.entry {
                Entry::Settled {
                    task, outcome, fee, ..
                } => {
                    let intent = intents.get(&outcome.intent).copied();
                    let (task, _) = task
                        .as_str()
                        .rsplit_once('#')
                        .unwrap_or((task.as_str(), ""));
                    Some(Pending {
                        outcome,
                        fee: *fee,
                        cell: Cell {
                            protocol: intent
                                .map_or_else(String::new, |intent| intent.protocol.to_string()),
                            task: task.to_owned(),
                        },
                        intent,
                    })
                }
                _ => None,
            })
            .collect();
        let snapshots = snapshots(entries);
        // What a bridge holds is on its way, and counted again where it arrives.
        let bridges: BTreeSet<&str> = intents
            .values()
            .filter(|intent| bridging(intent))
            .map(|intent| intent.protocol.as_str())
            .collect();
        let held: BTreeSet<&str> = snapshots
            .iter()
            .flat_map(|snapshot| &snapshot.positions)
            .map(|view| view.protocol.as_str())
            .filter(|protocol| !bridges.contains(protocol))
            .collect();
        let mut books = Self::default();
        let mut values: BTreeMap<String, Usd> = BTreeMap::new();
        for snapshot in &snapshots {
            let mut moved: BTreeMap<Cell, Moved> = BTreeMap::new();
            pending.retain(|pending| {
                if !shown(snapshot, pending.outcome) {
                    return true;
                }
                let entry = moved.entry(pending.cell.clone()).or_default();
                book(entry, pending, snapshot, &held);
                false
            });
            revalue(snapshot, &held, &mut values);
            books.take(snapshot, equity, &values, &moved);
        }
        // What no snapshot shows has moved no position yet, but has its costs.
        let empty = Snapshot::default();
        let latest = snapshots.last().copied().unwrap_or(&empty);
        for pending in &pending {
            let mut moved = Moved::default();
            book(&mut moved, pending, latest, &held);
            let course = books.cells.entry(pending.cell.clone()).or_default();
            course.settle(&moved);
            course.profit += moved.income - moved.costs.total();
        }
        books
    }

    fn take(
        &mut self,
        snapshot: &Snapshot,
        equity: &[EquityPoint],
        values: &BTreeMap<String, Usd>,
        moved: &BTreeMap<Cell, Moved>,
    ) {
        let count = self.times.len();
        self.times.push(snapshot.at);
        let by_then = equity.partition_point(|point| point.at <= snapshot.at);
        self.equity.push(
            by_then
                .checked_sub(1)
                .and_then(|index| equity.get(index))
                .or(equity.first())
                .map_or(Usd::ZERO, |point| point.equity),
        );
        for (asset, price) in &snapshot.prices {
            if let Some(price) = price.last_known() {
                let series = self.prices.entry(asset.to_string()).or_default();
                series.resize(count, series.last().copied().unwrap_or(0));
                series.push(price.0);
            }
        }
        for (protocol, value) in values {
            if *value > Usd::ZERO {
                self.cells
                    .entry(Cell {
                        protocol: protocol.clone(),
                        task: OUTSIDE.to_owned(),
                    })
                    .or_default();
            }
        }
        for cell in moved.keys() {
            self.cells.entry(cell.clone()).or_default();
        }
        let protocols: BTreeSet<String> = self
            .cells
            .keys()
            .map(|cell| cell.protocol.clone())
            .collect();
        for protocol in protocols {
            let value = values.get(&protocol).copied().unwrap_or_default();
            let mut shares: Vec<(&Cell, &mut Course)> = self
                .cells
                .iter_mut()
                .filter(|(cell, _)| cell.protocol == protocol)
                .collect();
            let before: Vec<Usd> = shares.iter().map(|(_, course)| course.value()).collect();
            let of = |cell: &Cell| moved.get(cell).copied().unwrap_or_default();
            let flows: Vec<Usd> = shares.iter().map(|(cell, _)| of(cell).flow).collect();
            let outside = shares.iter().position(|(cell, _)| cell.task == OUTSIDE);
            let shared = share(value, &before, &flows, outside);
            for (place, (cell, course)) in shares.iter_mut().enumerate() {
                let (after, flow) = shared.get(place).copied().unwrap_or_default();
                let moved = of(cell);
                course.settle(&moved);
                let net = moved.income - moved.costs.total();
                let gain = after - before[place] - flow + net;
                let capital = before[place] > Usd::ZERO || after > Usd::ZERO;
                course.profit += gain;
                // Earlier snapshots did not know it.
                let mut times = self.times.iter().skip(course.valuations.len());
                while course.valuations.len() < count {
                    course.valuations.push(Valuation {
                        at: times.next().copied().unwrap_or(snapshot.at),
                        value: Usd::ZERO,
                        flow: Usd::ZERO,
                    });
                    course.gains.push(Usd::ZERO);
                }
                course.valuations.push(Valuation {
                    at: snapshot.at,
                    value: after,
                    flow: if capital { flow - net } else { Usd::ZERO },
                });
                course.gains.push(gain);
            }
        }
    }

    /// Courses added up by what `key` says of their cells.
    pub(super) fn by(&self, key: impl Fn(&Cell) -> String) -> BTreeMap<String, Course> {
        let mut sums: BTreeMap<String, Course> = BTreeMap::new();
        for (cell, course) in &self.cells {
            sums.entry(key(cell)).or_default().add(course);
        }
        sums
    }

    /// All courses added up.
    pub(super) fn total(&self) -> Course {
        let mut sum = Course::default();
        for course in self.cells.values() {
            sum.add(course);
        }
        sum
    }

    /// What of equity was in these positions.
    pub(super) fn employed(&self, course: &Course) -> Vec<Employed> {
        course
            .valuations
            .iter()
            .zip(&self.equity)
            .map(|(valuation, equity)| Employed {
                at: valuation.at,
                available: *equity,
                deployed: valuation.value,
            })
            .collect()
    }

    /// Shares of equity per protocol, and what is in none.
    pub(super) fn weights(&self) -> Weights {
        let protocols = self.by(|cell| cell.protocol.clone());
        let mut rest = vec![1.0_f64; self.times.len()];
        let mut bands = Vec::new();
        for (name, course) in protocols {
            let shares: Vec<f64> = course
                .valuations
                .iter()
                .zip(&self.equity)
                .map(|(valuation, equity)| {
                    if equity.0 > 0 {
                        valuation.value.0 as f64 / equity.0 as f64
                    } else {
                        0.0
                    }
                })
                .collect();
            if shares.iter().any(|share| *share > 0.0) {
                for (rest, share) in rest.iter_mut().zip(&shares) {
                    *rest -= share;
                }
                bands.push((name, shares));
            }
        }
        if bands.is_empty() {
            return Weights::default();
        }
        for rest in &mut rest {
            *rest = rest.max(0.0);
        }
        bands.push(("in wallets".to_owned(), rest));
        Weights {
            times: self.times.clone(),
            bands,
        }
    }

    /// Equal parts of all assets that were priced from the first snapshot on, made equal again at
    /// the first snapshot of each period.
    pub(super) fn equal_weight(&self, period_ms: i64) -> Vec<IndexPoint> {
        let prices: Vec<&Vec<u128>> = self
            .prices
            .values()
            .filter(|prices| {
                prices.len() == self.times.len() && prices.first().is_some_and(|price| *price > 0)
            })
            .collect();
        let Some(first) = self.times.first() else {
            return Vec::new();
        };
        if prices.is_empty() {
            return Vec::new();
        }
        let period = |at: Timestamp| at.0.saturating_sub(first.0) / period_ms.max(1);
        let (mut base, mut level, mut equal_since) = (0, 1.0, 0_i64);
        let mut points = Vec::with_capacity(self.times.len());
        for (index, at) in self.times.iter().enumerate() {
            let grown: f64 = prices
                .iter()
                .map(|prices| prices[index] as f64 / prices[base] as f64)
                .sum::<f64>()
                / prices.len() as f64;
            points.push(IndexPoint {
                at: *at,
                value: level * grown,
            });
            if period(*at) > equal_since {
                (base, level, equal_since) = (index, level * grown, period(*at));
            }
        }
        points
    }
}

impl Course {
    fn value(&self) -> Usd {
        self.valuations.last().map_or(Usd::ZERO, |last| last.value)
    }

    fn settle(&mut self, moved: &Moved) {
        self.costs.gas += moved.costs.gas;
        self.costs.failed += moved.costs.failed;
        self.costs.slippage += moved.costs.slippage;
        self.income += moved.income;
        self.transactions += moved.transactions;
    }

    fn add(&mut self, other: &Self) {
        if self.valuations.len() < other.valuations.len() {
            let rest = &other.valuations[self.valuations.len()..];
            self.valuations
                .extend(rest.iter().map(|valuation| Valuation {
                    at: valuation.at,
                    value: Usd::ZERO,
                    flow: Usd::ZERO,
                }));
            self.gains.resize(self.valuations.len(), Usd::ZERO);
        }
        for (mine, theirs) in self.valuations.iter_mut().zip(&other.valuations) {
            mine.value += theirs.value;
            mine.flow += theirs.flow;
        }
        for (mine, theirs) in self.gains.iter_mut().zip(&other.gains) {
            *mine += *theirs;
        }
        self.profit += other.profit;
        self.settle(&Moved {
            flow: Usd::ZERO,
            costs: other.costs,
            income: other.income,
            transactions: other.transactions,
        });
    }
}
