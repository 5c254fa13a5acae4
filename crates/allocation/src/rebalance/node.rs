//! The relaxation of one node: every net benefit is replaced by its concave envelope on what the
//! node leaves, which makes a linear program.
//!
//! From the multipliers `y ≥ 0` of that comes the bound `Σ max (net − y'A x) + y'b` with the real net
//! benefits, which is valid for any `y` (Geoffrion 1974): the linear program proposes, and what it
//! says of itself is not taken.

use airdrops_types::Usd;

use crate::rebalance::domain::{Domain, Point, dollars, micros};
use crate::rebalance::greedy::{Rule, climb, cure};
use crate::rebalance::model::{Model, Sizes};
use crate::rebalance::relaxation::{Column, maximise};

/// Linear programs of one node at most. Costs take cash: how much that weighs is the multiplier of
/// cash, which the program itself finds.
const ROUNDS: u32 = 3;

/// The multiplier of cash is found when it changes by less.
const SAME: f64 = 1e-4;

/// Where a size must lie in some nodes: whole stretches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) index: usize,
    pub(crate) lo: i128,
    pub(crate) hi: i128,
}

/// One holding, and the two ranges it is split in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Split {
    pub(crate) index: usize,
    pub(crate) low: (i128, i128),
    pub(crate) high: (i128, i128),
}

/// What the relaxation of a node says.
#[derive(Debug, Clone)]
pub(crate) struct Relaxed {
    /// No plan of the node has a greater net benefit.
    pub(crate) bound: i128,
    /// A plan that it suggests, of this node or beside it, that keeps everything.
    pub(crate) plan: Option<Sizes>,
    /// Where bound and plan part; `None` if they do not, or only within stretches.
    pub(crate) split: Option<Split>,
}

/// Sizes of the domains near those of a linear program.
struct Rounded {
    /// Its own, to the micro-dollar, where the domain has them.
    near: Vec<Point>,
    /// The vertices below; `None` if that is the same.
    below: Option<Vec<Point>>,
    /// At the holding whose envelope exceeds its net benefit most.
    split: Option<Split>,
}

/// Vertices of a concave envelope, by size; never empty.
type Envelope = Vec<Point>;

/// A linear program, with sizes in multiples of `unit` dollars.
struct Program {
    columns: Vec<Column>,
    right: Vec<f64>,
    unit: f64,
}

/// Solves relaxations.
pub(crate) struct Relaxer<'m, 'a> {
    model: &'m Model<'a>,
    /// How much more than themselves costs weigh, as they take cash.
    weight: f64,
    /// Of all domains, with that weight.
    envelopes: Vec<Envelope>,
    /// How many linear programs were solved.
    pub(crate) programs: u32,
}

impl<'m, 'a> Relaxer<'m, 'a> {
    pub(crate) fn of(model: &'m Model<'a>) -> Self {
        let mut relaxer = Self {
            model,
            weight: 0.0,
            envelopes: Vec::new(),
            programs: 0,
        };
        relaxer.weigh(0.0);
        relaxer
    }

    fn weigh(&mut self, weight: f64) {
        self.weight = weight;
        let domains = self.model.domains.iter();
        self.envelopes = domains
            .map(|domain| envelope(domain, domain.least(), domain.most(), weight))
            .collect();
    }

    /// The relaxation of the node that these ranges make; `None` if it has no plan that is better
    /// than `best`, which the linear program starts from.
    pub(crate) fn relax(
        &mut self,
        ranges: &[Range],
        best: &Sizes,
        inherited: i128,
    ) -> Option<Relaxed> {
        let mut bound = inherited;
        let mut round = 1;
        loop {
            self.programs += 1;
            let narrowed: Vec<(usize, Envelope)> = ranges
                .iter()
                .map(|range| {
                    let domain = &self.model.domains[range.index];
                    let envelope = envelope(domain, range.lo, range.hi, self.weight);
                    (range.index, envelope)
                })
                .collect();
            let mut envelopes: Vec<&[Point]> = self.envelopes.iter().map(Vec::as_slice).collect();
            for (index, envelope) in &narrowed {
                envelopes[*index] = envelope;
            }
            let program = self.program(&envelopes, best)?;
            let optimum = maximise(&program.columns, &program.right);
            let (dual, wanted) = self.bound(&optimum.prices, ranges);
            bound = bound.min(dual);
            let cash = cash_price(&optimum.prices);
            if round < ROUNDS && (cash - self.weight).abs() > SAME * (1.0 + cash.abs()) {
                self.weigh(cash);
                round += 1;
                continue;
            }
            if bound <= best.net {
                return None;
            }
            let sizes = sizes(&envelopes, &optimum.values, program.unit);
            let rounded = self.round(&envelopes, &sizes, ranges);
            let split = rounded
                .split
                .or_else(|| self.disagreement(&optimum.prices, ranges, &rounded.near, &wanted));
            let plans = [Some(rounded.near), rounded.below];
            let plans = plans.into_iter().flatten();
            let plan = plans
                .filter_map(|points| self.plan(points))
                .max_by_key(|plan| plan.net);
            return Some(Relaxed { bound, plan, split });
        }
    }

    /// The linear program of a node; `None` if even the least sizes break a row.
    fn program(&self, envelopes: &[&[Point]], best: &Sizes) -> Option<Program> {
        let mut left: Vec<i128> = self.model.rows.iter().map(|row| row.max).collect();
        let mut cash = self.model.budget;
        let mut largest = 1;
        for (index, envelope) in envelopes.iter().enumerate() {
            let least = envelope.first()?;
            largest = envelope.last()?.size.max(largest);
            cash -= least.cash();
            for (row, share) in &self.model.rows_of[index] {
                left[*row] -= share * least.size;
            }
        }
        if left.iter().any(|left| *left < 0) {
            return None;
        }
        let unit = dollars(largest);
        let rows = left.iter().map(|left| dollars(*left) / 1e4 / unit);
        let spent = self.model.budget - cash;
        let ends = [cash.max(0), spent.max(0)].map(|end| dollars(end) / unit);
        let right: Vec<f64> = rows.chain(ends).collect();
        let (cash_row, idle_row) = (left.len(), left.len() + 1);
        let mut columns = Vec::new();
        for (index, envelope) in envelopes.iter().enumerate() {
            for pair in envelope.windows(2) {
                let width = dollars(pair[1].size - pair[0].size);
                let rows = self.model.rows_of[index].iter();
                let entries = rows.map(|(row, share)| (*row, *share as f64 / 1e4));
                let cash = dollars(pair[1].cash() - pair[0].cash()) / width;
                columns.push(Column {
                    gain: dollars(pair[1].net - pair[0].net) / width,
                    width: width / unit,
                    entries: entries
                        .chain([(cash_row, cash), (idle_row, -cash)])
                        .collect(),
                    full: pair[1].size <= best.points[index].size,
                });
            }
        }
        // Cash that gains is bought from the budget. Cash that loses is lost to begin with, and
        // saved as far as something is spent.
        for (lo, hi, rate) in self.idle_pieces() {
            columns.push(Column {
                gain: rate.abs(),
                width: (hi - lo) / unit,
                entries: vec![(if rate > 0.0 { cash_row } else { idle_row }, 1.0)],
                full: false,
            });
        }
        Some(Program {
            columns,
            right,
            unit,
        })
    }

    /// The pieces of the value of what is left of cash above the reserve, in dollars.
    fn idle_pieces(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let need = self.model.there - self.model.budget;
        let there = self.model.there.max(need);
        let pieces = self.model.idle.pieces.iter();
        let mut ends: Vec<i128> = pieces.map(|piece| piece.to.0).collect();
        if !ends.is_empty() {
            ends.push(there);
        }
        let mut from = need;
        ends.into_iter().filter_map(move |end| {
            let (lo, hi) = (from, end.min(there));
            if hi <= lo {
                return None;
            }
            from = hi;
            let rate = self.model.idle.rate_below(Usd(hi)) as f64 / 1e9;
            Some((dollars(lo), dollars(hi), rate))
        })
    }

    /// The greatest of what cash gains, less `price` for each dollar that is left; in dollars.
    fn idle_support(&self, price: f64) -> f64 {
        let need = self.model.there - self.model.budget;
        let ends = self.idle_pieces().map(|(_, hi, _)| hi);
        let ends = ends.chain([dollars(need), dollars(self.model.there.max(need))]);
        ends.map(|left| {
            // Piecewise linear: it is greatest at an end.
            let gain = self
                .model
                .idle_gain(self.model.there - micros(left + 0.5e-6));
            dollars(gain) - price * left
        })
        .fold(f64::NEG_INFINITY, f64::max)
    }

    /// What a dollar of a holding's size takes of the rows and of cash, and what cash is worth.
    fn prices(&self, prices: &[f64], index: usize) -> (f64, f64) {
        let rows = self.model.rows_of[index].iter();
        let cash = cash_price(prices);
        let price: f64 = rows
            .map(|(row, share)| prices[*row] * (*share as f64) / 1e4)
            .sum();
        (price + cash, cash)
    }

    fn range(&self, ranges: &[Range], index: usize) -> (i128, i128) {
        let domain = &self.model.domains[index];
        let range = ranges.iter().find(|range| range.index == index);
        range.map_or((domain.least(), domain.most()), |range| {
            (range.lo, range.hi)
        })
    }

    /// What no plan of the node exceeds, and the sizes that would reach it.
    fn bound(&self, prices: &[f64], ranges: &[Range]) -> (i128, Vec<(f64, f64)>) {
        let cash = cash_price(prices);
        let terms = [cash * dollars(self.model.there), self.idle_support(cash)];
        let mut sum: f64 = terms.iter().sum();
        let mut magnitude: f64 = terms.iter().map(|term| term.abs()).sum();
        for (row, price) in self.model.rows.iter().zip(prices) {
            let term = price * dollars(row.max) / 1e4;
            sum += term;
            magnitude += term.abs();
        }
        let mut wanted = Vec::with_capacity(self.model.domains.len());
        for (index, domain) in self.model.domains.iter().enumerate() {
            let (price, weight) = self.prices(prices, index);
            let (lo, hi) = self.range(ranges, index);
            let support = domain.support(lo, hi, price, weight);
            sum += support.0;
            magnitude += support.0.abs();
            wanted.push(support);
        }
        // What floats may have lost, and what integers round down.
        let bound = micros(sum + magnitude * 1e-12)
            .saturating_add(1)
            .saturating_add(i128::try_from(self.model.domains.len()).unwrap_or(i128::MAX));
        (bound, wanted)
    }

    /// Sizes of the domains near those of the linear program.
    fn round(&self, envelopes: &[&[Point]], sizes: &[f64], ranges: &[Range]) -> Rounded {
        let mut widest = 1e-6;
        let mut rounded = Rounded {
            near: Vec::with_capacity(sizes.len()),
            below: None,
            split: None,
        };
        let mut below_all = Vec::with_capacity(sizes.len());
        for (index, (envelope, size)) in envelopes.iter().zip(sizes).enumerate() {
            let domain = &self.model.domains[index];
            let after = envelope.partition_point(|point| dollars(point.size) <= *size);
            let below = envelope[after.saturating_sub(1)];
            below_all.push(below);
            let Some(above) = envelope.get(after) else {
                rounded.near.push(below);
                continue;
            };
            let floor = micros(*size).clamp(below.size, above.size);
            let here = domain.contains(floor).then(|| domain.at(floor));
            rounded.near.push(here.unwrap_or(below));
            let part = (size - dollars(below.size)) / dollars(above.size - below.size);
            if part <= 1e-9 || part >= 1.0 - 1e-9 {
                continue;
            }
            let (low, high) = (weighed(&below, self.weight), weighed(above, self.weight));
            let line = low + part * (high - low);
            // A size that cannot be had at all is as far as its neighbours are.
            let missing = match here {
                Some(here) => line - weighed(&here, self.weight),
                None => part.min(1.0 - part) * dollars(above.size - below.size),
            };
            let ends = (below.size, above.size);
            if missing > widest
                && let Some(split) = split(domain, index, self.range(ranges, index), ends, floor)
            {
                (widest, rounded.split) = (missing, Some(split));
            }
        }
        if below_all != rounded.near {
            rounded.below = Some(below_all);
        }
        rounded
    }

    /// These sizes, cured and improved by steps; `None` if they cannot be cured.
    fn plan(&self, points: Vec<Point>) -> Option<Sizes> {
        let mut plan = self.model.sizes(points);
        cure(self.model, &mut plan);
        if !self.model.holds(&plan) {
            return None;
        }
        climb(self.model, &mut plan, Rule::Largest);
        Some(plan)
    }

    /// A split at the holding whose size in the plan loses most against the size that the bound has
    /// in mind: what bound and plan are apart is the sum of these losses, and what the rows that cost
    /// something have left.
    fn disagreement(
        &self,
        prices: &[f64],
        ranges: &[Range],
        points: &[Point],
        wanted: &[(f64, f64)],
    ) -> Option<Split> {
        let mut most = 1e-6;
        let mut chosen = None;
        for (index, (point, (support, size))) in points.iter().zip(wanted).enumerate() {
            let (price, weight) = self.prices(prices, index);
            let lost = support - (weighed(point, weight) - price * dollars(point.size));
            let domain = &self.model.domains[index];
            let wanted = micros(*size + 0.5e-6);
            let ends = (point.size.min(wanted), point.size.max(wanted));
            if lost > most
                && let Some(split) = split(domain, index, self.range(ranges, index), ends, ends.1)
            {
                (most, chosen) = (lost, Some(split));
            }
        }
        chosen
    }
}

/// The sizes that a linear program's values stand for, in dollars.
fn sizes(envelopes: &[&[Point]], values: &[f64], unit: f64) -> Vec<f64> {
    let mut values = values.iter();
    let envelopes = envelopes.iter();
    envelopes
        .map(|envelope| {
            let least = envelope.first().map_or(0.0, |point| dollars(point.size));
            let filled: f64 = values.by_ref().take(envelope.len().saturating_sub(1)).sum();
            least + filled * unit
        })
        .collect()
}

/// What a dollar of cash is worth: the multipliers of the last two rows. Spending for its own sake is
/// worth nothing, whatever idle cash loses; any multipliers bound.
fn cash_price(prices: &[f64]) -> f64 {
    match prices {
        [.., cash, idle] => (cash - idle).max(-0.9),
        _ => 0.0,
    }
}

/// What a point is worth when costs weigh `1 + weight`, in dollars.
fn weighed(point: &Point, weight: f64) -> f64 {
    dollars(point.net) - weight * dollars(point.cost)
}

/// Splits a range between two stretches, near `size`, of which the two ends do not share one.
fn split(
    domain: &Domain<'_>,
    index: usize,
    (lo, hi): (i128, i128),
    (below, above): (i128, i128),
    size: i128,
) -> Option<Split> {
    let stretches = &domain.stretches;
    let of = |size: i128| stretches.partition_point(|stretch| stretch.hi < size);
    let (first, last) = (of(below), of(above));
    if first >= last {
        return None;
    }
    let from = of(size).clamp(first + 1, last);
    Some(Split {
        index,
        low: (lo, stretches.get(from - 1)?.hi),
        high: (stretches.get(from)?.lo, hi),
    })
}

/// The concave envelope of the net benefit within `lo..=hi` (Andrew 1979), with costs that weigh
/// `1 + weight`.
fn envelope(domain: &Domain<'_>, lo: i128, hi: i128, weight: f64) -> Envelope {
    let mut hull: Envelope = Vec::new();
    for point in domain.points_within(lo, hi) {
        while let [.., first, second] = hull.as_slice() {
            let slope = |a: &Point, b: &Point| {
                (weighed(b, weight) - weighed(a, weight)) / dollars(b.size - a.size)
            };
            if slope(first, second) > slope(second, point) {
                break;
            }
            hull.pop();
        }
        hull.push(*point);
    }
    hull
}
