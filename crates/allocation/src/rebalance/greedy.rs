//! A plan by steps: what is broken is cured at the least loss, then the best step is taken until none
//! is left: the one with the largest net benefit, or with the largest for what it takes of cash.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::rebalance::domain::Point;
use crate::rebalance::model::{Model, Sizes};

/// Steps per holding of one climb at most: a limit of work that is hardly ever met.
const STEPS_PER_HOLDING: usize = 8;

/// Makes sizes smaller until every row and the budget are kept, or until no step helps. Each step is
/// the one that loses least for what it cures.
pub(crate) fn cure(model: &Model<'_>, sizes: &mut Sizes) {
    for row in 0..model.rows.len() {
        loop {
            let excess = sizes.sums[row] - model.rows[row].max;
            if excess <= 0 {
                break;
            }
            let members = model.rows[row].members.iter();
            let steps = members.flat_map(|(index, share)| {
                let (index, share) = (*index, *share);
                let domain = &model.domains[index];
                let size = sizes.points[index].size;
                let wanted = size - (excess + share - 1) / share;
                let just = domain.at_most(wanted);
                let ends = just.into_iter().chain([domain.least()]);
                ends.filter(move |end| *end < size).map(move |end| {
                    let cured = ((size - end) * share).min(excess);
                    (index, domain.at(end), cured)
                })
            });
            let Some((index, point)) = cheapest(model, sizes, steps) else {
                break;
            };
            model.set(sizes, index, point);
        }
    }
    loop {
        let excess = sizes.spent - model.budget;
        if excess <= 0 {
            return;
        }
        let steps = (0..model.domains.len()).flat_map(|index| {
            let domain = &model.domains[index];
            let now = sizes.points[index];
            let just = affordable(model, index, domain.least(), now.size, now.cash() - excess);
            let least = domain.at(domain.least());
            let steps = just.into_iter().chain([least]);
            steps
                .filter(move |point| point.size < now.size && point.cash() < now.cash())
                .map(move |point| (index, point, (now.cash() - point.cash()).min(excess)))
        });
        let Some((index, point)) = cheapest(model, sizes, steps) else {
            return;
        };
        model.set(sizes, index, point);
    }
}

/// The step that loses least per unit of what it cures.
fn cheapest(
    model: &Model<'_>,
    sizes: &Sizes,
    steps: impl Iterator<Item = (usize, Point, i128)>,
) -> Option<(usize, Point)> {
    steps
        .map(|(index, point, cured)| {
            let loss = -gain(model, sizes, index, &point);
            (loss as f64 / cured.max(1) as f64, index, point)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, index, point)| (index, point))
}

/// What giving one holding another size gains, with what cash gains by it.
fn gain(model: &Model<'_>, sizes: &Sizes, index: usize, point: &Point) -> i128 {
    let now = &sizes.points[index];
    let spent = sizes.spent + point.cash() - now.cash();
    point.net - now.net + model.idle_gain(spent) - sizes.idle
}

/// The greatest size within `lo..=hi` that takes at most `cash`, as far as a search by halves finds
/// it: what a size takes rises with it but for jumps of gas.
fn affordable(model: &Model<'_>, index: usize, lo: i128, hi: i128, cash: i128) -> Option<Point> {
    let domain = &model.domains[index];
    let mut stretches = domain.stretches.iter().rev();
    stretches.find_map(|stretch| {
        let (mut least, mut most) = (stretch.lo.max(lo), stretch.hi.min(hi));
        if least > most || domain.at(least).cash() > cash {
            return None;
        }
        while least < most {
            let middle = least + (most - least + 1) / 2;
            if domain.at(middle).cash() <= cash {
                least = middle;
            } else {
                most = middle - 1;
            }
        }
        Some(domain.at(least))
    })
}

/// Which step is taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The largest net benefit: best where there is cash for everything.
    Largest,
    /// The largest net benefit for each dollar of cash: best where there is not.
    Densest,
}

impl Rule {
    /// What a step is worth that gains `net` and takes `cash`.
    fn rank(self, net: i128, cash: i128) -> f64 {
        match self {
            Self::Largest => net as f64,
            Self::Densest if cash > 0 => net as f64 / cash as f64,
            Self::Densest => f64::INFINITY,
        }
    }
}

/// The best step of one holding beside the others, if there is one.
fn step(model: &Model<'_>, sizes: &Sizes, index: usize, rule: Rule) -> Option<Step> {
    let domain = &model.domains[index];
    let now = sizes.points[index];
    let room = model.room(sizes, index).min(domain.most());
    let cash = now.cash() + (model.budget - sizes.spent).max(0);
    let known = domain.points_within(domain.least(), room).iter().copied();
    let last = domain.at_most(room).map(|size| domain.at(size));
    let mut best: Option<Step> = None;
    let mut dear: Option<(i128, Point)> = None;
    let mut consider = |gain: i128, point: Point| {
        let rank = rule.rank(gain, point.cash() - now.cash());
        let better = |best: &Step| (rank, gain) > (best.rank, best.gain);
        if gain > 0 && best.as_ref().is_none_or(better) {
            best = Some(Step {
                rank,
                gain,
                index,
                point,
            });
        }
    };
    for point in known.chain(last) {
        let gain = gain(model, sizes, index, &point);
        if point.cash() <= cash {
            consider(gain, point);
        } else if gain > 0 && dear.is_none_or(|(most, _)| gain > most) {
            dear = Some((gain, point));
        }
    }
    if let Some((_, point)) = dear
        && let Some(part) = affordable(model, index, domain.least(), point.size, cash)
    {
        consider(gain(model, sizes, index, &part), part);
    }
    best
}

/// A step of one holding.
#[derive(Debug, Clone, Copy)]
struct Step {
    rank: f64,
    gain: i128,
    index: usize,
    point: Point,
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Step {}
impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Step {
    /// The best last, the first holding of equals.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_rank = self.rank.total_cmp(&other.rank);
        by_rank.then(other.index.cmp(&self.index))
    }
}

/// Takes the best step until none is left. Never breaks a row or the budget that is kept.
pub(crate) fn climb(model: &Model<'_>, sizes: &mut Sizes, rule: Rule) {
    let count = model.domains.len();
    let all = |sizes: &Sizes| -> BinaryHeap<Step> {
        (0..count)
            .filter_map(|index| step(model, sizes, index, rule))
            .collect()
    };
    let mut queue = all(sizes);
    let mut changed = false;
    for _ in 0..count * STEPS_PER_HOLDING {
        let Some(Step { index, .. }) = queue.pop() else {
            // With a value of cash, what one takes changes what the others are worth.
            if !changed || model.idle.pieces.is_empty() {
                return;
            }
            changed = false;
            queue = all(sizes);
            continue;
        };
        let Some(now) = step(model, sizes, index, rule) else {
            continue;
        };
        // Room may have shrunk since it was ranked.
        if queue.peek().is_some_and(|next| *next > now) {
            queue.push(now);
            continue;
        }
        let frees = now.point.size < sizes.points[index].size;
        model.set(sizes, index, now.point);
        changed = true;
        if frees {
            queue = all(sizes);
        } else {
            queue.extend(step(model, sizes, index, rule));
        }
    }
}
