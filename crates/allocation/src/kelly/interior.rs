//! A primal-dual interior point method for concave objectives over a reduced region: predictor and
//! corrector of Mehrotra (1992), with one `n × n` system per iteration.
//!
//! Slacks carry the limits, so that any start will do and regions without interior are no trouble.
//! A turnover limit adds `n` variables that a rank-one update eliminates.

use super::reduction::{Multipliers, Reduction};

/// Iterations; ten to twenty are usual.
const ITERATIONS: usize = 60;
/// The share of the way to the nearest limit.
const REACH: f64 = 0.995;
/// Products of pairs are not sent below this: the system would lose the digits of everything else.
const FLOOR: f64 = 1e-16;
/// A step that is shorter than this comes of pairs that are far from their centre.
const SHORT: f64 = 0.2;
/// The gap below which iterating ends.
const PRECISE: f64 = 1e-12;
/// Iterations in which the gap may fail to fall, once it is below the one promised.
const PATIENCE: usize = 3;
/// The residual of limits at which an iterate counts as an answer.
const FEASIBLE: f64 = 1e-9;

/// Longest steps that keep what is positive positive; may be infinite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) primal: f64,
    pub(crate) dual: f64,
}

impl Steps {
    pub(crate) const FREE: Self = Self {
        primal: f64::INFINITY,
        dual: f64::INFINITY,
    };

    /// The longest `t` with `at + t · by ≥ 0` for all.
    pub(crate) fn longest(at: &[f64], by: &[f64]) -> f64 {
        let mut inverse = 0.0_f64;
        for (at, by) in at.iter().zip(by) {
            inverse = inverse.max(-by / at);
        }
        inverse.recip()
    }

    const NONE: Self = Self {
        primal: 0.0,
        dual: 0.0,
    };

    fn least(self, other: Self) -> Self {
        Self {
            primal: self.primal.min(other.primal),
            dual: self.dual.min(other.dual),
        }
    }
}

/// A concave function in primal-dual form: its gradient has its own variables.
pub(crate) trait Objective {
    /// Begins at `weights`; false if it is not defined there.
    fn start(&mut self, weights: &[f64]) -> bool;
    /// Adds the curvature to the lower triangle of `system`, `n × n` by rows.
    fn curvature(&self, system: &mut [f64]);
    /// The gradient that a full step aims at, before curvature. `target` is what complementary
    /// pairs of its own shall multiply to; `correct` counts in the second order of the last
    /// direction.
    fn pull(&mut self, target: f64, correct: bool, out: &mut [f64]);
    /// Takes the move of the weights and works out its own.
    fn direct(&mut self, direction: &[f64]) -> Steps;
    /// Its own complementary pairs after such a step: sum of products, and their number.
    fn complementarity(&self, steps: Steps) -> (f64, usize);
    /// Goes.
    fn advance(&mut self, steps: Steps);
    /// Takes its own prices from the weights anew.
    fn center(&mut self);
    /// Whether primal and dual steps must have one length.
    fn joint(&self) -> bool;
    /// The residual of its own limits.
    fn residual(&self) -> f64;
    /// The exact gradient at `weights` with its own limits priced in, and what those prices leave
    /// of a gap.
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> f64;
}

/// The directions of one iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// As if all limits could be met at once: tells how far that is.
    Probe,
    /// Toward what the probe promises, with its second order.
    Correct,
    /// Back to the centre, where the corrected step was short.
    Center,
}

/// What the method found.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Free weights.
    pub(crate) weights: Vec<f64>,
    /// Prices of the limits there.
    pub(crate) multipliers: Multipliers,
    /// How far the objective can be from the optimum.
    pub(crate) gap: f64,
    /// How far the limits are broken.
    pub(crate) residual: f64,
}

/// How it ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// The best iterate that met the limits.
    Found(Answer),
    /// The prices prove that no weights meet the limits.
    Infeasible,
    /// The objective is defined nowhere near the middle of the region.
    Undefined,
    /// No iterate met the limits, and none proved that there is none.
    Stalled,
}

/// Slacks of all inequalities: lower bounds, upper bounds, rows, and with a turnover limit both
/// sides of each trade and their sum.
struct Slacks<'a> {
    region: &'a Reduction,
    /// Free weights.
    n: usize,
    slack: Vec<f64>,
    price: Vec<f64>,
    slack_move: Vec<f64>,
    price_move: Vec<f64>,
    /// `d − G(w, t) − slack`.
    residual: Vec<f64>,
    /// What a full step makes of the price, but for the move.
    aim: Vec<f64>,
}

impl<'a> Slacks<'a> {
    fn new(region: &'a Reduction) -> Self {
        let n = region.free.len();
        let trades = if region.turnover.is_some() {
            2 * n + 1
        } else {
            0
        };
        let count = 2 * n + region.rows.len() + trades;
        Self {
            region,
            n,
            slack: vec![0.0; count],
            price: vec![0.0; count],
            slack_move: vec![0.0; count],
            price_move: vec![0.0; count],
            residual: vec![0.0; count],
            aim: vec![0.0; count],
        }
    }

    /// Where the inequalities of the turnover begin.
    fn trades(&self) -> usize {
        2 * self.n + self.region.rows.len()
    }

    /// `G (w, t)`.
    fn apply(&self, w: &[f64], t: &[f64], out: &mut [f64]) {
        let n = self.n;
        for (index, &weight) in w.iter().enumerate() {
            out[index] = -weight;
            out[n + index] = weight;
        }
        for (to, row) in out[2 * n..].iter_mut().zip(&self.region.rows) {
            *to = row.terms.iter().map(|&(index, by)| by * w[index]).sum();
        }
        if self.region.turnover.is_some() {
            let out = &mut out[self.trades()..];
            for index in 0..n {
                out[index] = w[index] - t[index];
                out[n + index] = -w[index] - t[index];
            }
            out[2 * n] = t.iter().sum();
        }
    }

    /// `G' v`, subtracted.
    fn subtract_transposed(&self, v: &[f64], w: &mut [f64], t: &mut [f64]) {
        let n = self.n;
        for (index, to) in w.iter_mut().enumerate() {
            *to -= v[n + index] - v[index];
        }
        for (value, row) in v[2 * n..].iter().zip(&self.region.rows) {
            for &(index, by) in &row.terms {
                w[index] -= by * value;
            }
        }
        if self.region.turnover.is_some() {
            let v = &v[self.trades()..];
            for index in 0..n {
                w[index] -= v[index] - v[n + index];
                t[index] -= v[2 * n] - v[index] - v[n + index];
            }
        }
    }

    fn multipliers(&self, equal: &[f64]) -> Multipliers {
        let last = self.price.last().copied().unwrap_or_default();
        Multipliers {
            rows: self.price[2 * self.n..self.trades()].to_vec(),
            equal: equal.to_vec(),
            turnover: self.region.turnover.as_ref().map_or(0.0, |_| last),
        }
    }

    fn begin(&mut self, w: &[f64], t: &[f64], average: f64) {
        /// Slacks begin no smaller than this, unless bounds are nearer.
        const FLOOR: f64 = 0.01;
        let n = self.n;
        let region = self.region;
        let mut value = std::mem::take(&mut self.aim);
        self.apply(w, t, &mut value);
        for (at, value) in value.iter_mut().enumerate() {
            let floor = if at < 2 * n {
                0.1 * (region.upper[at % n] - region.lower[at % n])
            } else {
                FLOOR
            };
            let left = self.bound(at) - *value;
            self.slack[at] = left.max(floor);
            self.residual[at] = left - self.slack[at];
            self.price[at] = average / self.slack[at];
        }
        self.aim = value;
    }

    fn bound(&self, at: usize) -> f64 {
        let n = self.n;
        let trades = self.trades();
        if at < n {
            -self.region.lower[at]
        } else if at < 2 * n {
            self.region.upper[at - n]
        } else if at < trades {
            self.region.rows[at - 2 * n].bound
        } else {
            let at = at - trades;
            self.region.turnover.as_ref().map_or(0.0, |(current, max)| {
                if at < n {
                    current[at]
                } else if at < 2 * n {
                    -current[at - n]
                } else {
                    *max
                }
            })
        }
    }

    /// Prices that a full step aims at, before the move of the weights.
    fn aim(&mut self, target: f64, correct: bool) {
        for at in 0..self.slack.len() {
            let second = if correct {
                self.slack_move[at] * self.price_move[at]
            } else {
                0.0
            };
            self.aim[at] = (target - second - self.price[at] * self.residual[at]) / self.slack[at];
        }
    }

    fn direct(&mut self, w: &[f64], t: &[f64]) -> Steps {
        let mut moved = std::mem::take(&mut self.slack_move);
        self.apply(w, t, &mut moved);
        for (at, moved) in moved.iter_mut().enumerate() {
            let price = self.price[at];
            self.price_move[at] = self.aim[at] - price + price / self.slack[at] * *moved;
            *moved = self.residual[at] - *moved;
        }
        self.slack_move = moved;
        Steps {
            primal: Steps::longest(&self.slack, &self.slack_move),
            dual: Steps::longest(&self.price, &self.price_move),
        }
    }

    fn complementarity(&self, steps: Steps) -> f64 {
        let slacks = self.slack.iter().zip(&self.slack_move);
        let prices = self.price.iter().zip(&self.price_move);
        slacks
            .zip(prices)
            .map(|((s, ds), (z, dz))| (s + steps.primal * ds) * (z + steps.dual * dz))
            .sum()
    }

    /// Pulls prices to where each pair has about the same product.
    fn center(&mut self) {
        const APART: f64 = 10.0;
        let products = self.slack.iter().zip(&self.price).map(|(s, z)| s * z);
        let average = products.sum::<f64>() / self.slack.len() as f64;
        for (slack, price) in self.slack.iter().zip(&mut self.price) {
            let even = average / slack;
            *price = price.clamp(even / APART, even * APART);
        }
    }

    fn advance(&mut self, steps: Steps) {
        for at in 0..self.slack.len() {
            self.slack[at] += steps.primal * self.slack_move[at];
            self.price[at] += steps.dual * self.price_move[at];
            self.residual[at] *= 1.0 - steps.primal;
        }
    }
}

/// The Newton system of the weights, after elimination of slacks and trades.
struct System {
    n: usize,
    /// Lower triangle by rows; then its Cholesky factor.
    matrix: Vec<f64>,
    /// Factor columns of the equal rows, `k × n`, and the Cholesky factor of their Schur complement.
    borders: Vec<Vec<f64>>,
    schur: Vec<f64>,
    /// With a turnover limit: `price/slack` of both sides summed, their difference, and the
    /// coefficient of the rank-one part.
    trades: Option<(Vec<f64>, Vec<f64>, f64)>,
}

impl System {
    fn assemble(&mut self, slacks: &Slacks) {
        let n = self.n;
        let rate = |at: usize| slacks.price[at] / slacks.slack[at];
        for index in 0..n {
            self.matrix[index * n + index] += rate(index) + rate(n + index);
        }
        for (at, row) in slacks.region.rows.iter().enumerate() {
            let rate = rate(2 * n + at);
            for (position, &(index, by)) in row.terms.iter().enumerate() {
                for &(other, by_other) in &row.terms[..=position] {
                    self.matrix[index * n + other] += rate * by * by_other;
                }
            }
        }
        self.trades = slacks.region.turnover.as_ref().map(|_| {
            let from = slacks.trades();
            let (mut sums, mut differences) = (Vec::with_capacity(n), Vec::with_capacity(n));
            for index in 0..n {
                let (up, down) = (rate(from + index), rate(from + n + index));
                sums.push(up + down);
                differences.push(down - up);
                self.matrix[index * n + index] += 4.0 * (up / (up + down)) * down;
            }
            let all = rate(from + 2 * n);
            let spread: f64 = sums.iter().map(|sum| sum.recip()).sum();
            let by = all / (1.0 + all * spread);
            for row in 0..n {
                let left = by * differences[row] / sums[row];
                for column in 0..=row {
                    self.matrix[row * n + column] += left * differences[column] / sums[column];
                }
            }
            (sums, differences, by)
        });
    }

    /// Solves with the matrix of the trades.
    fn trade(&self, right: &mut [f64]) {
        if let Some((sums, _, by)) = &self.trades {
            let total: f64 = right.iter().zip(sums).map(|(r, sum)| r / sum).sum();
            for (right, sum) in right.iter_mut().zip(sums) {
                *right = (*right - by * total) / sum;
            }
        }
    }

    fn factor(&mut self, equal: &[super::reduction::Limit]) {
        let n = self.n;
        cholesky(&mut self.matrix, n);
        self.borders.clear();
        for row in equal {
            let mut border = vec![0.0; n];
            for &(index, by) in &row.terms {
                border[index] = by;
            }
            forward(&self.matrix, n, &mut border);
            self.borders.push(border);
        }
        let k = equal.len();
        self.schur.clear();
        for left in &self.borders {
            for right in &self.borders {
                self.schur.push(super::wagers::dot(left, right));
            }
        }
        cholesky(&mut self.schur, k);
    }

    /// The move of weights and trades, and the prices of the equal rows after it.
    fn solve(&self, w: &mut [f64], t: &mut [f64], equal: &[f64]) -> Vec<f64> {
        let n = self.n;
        let right = t.to_vec();
        if let Some((_, differences, _)) = &self.trades {
            self.trade(t);
            for index in 0..n {
                w[index] -= differences[index] * t[index];
            }
        }
        forward(&self.matrix, n, w);
        let k = equal.len();
        let mut prices: Vec<f64> = self
            .borders
            .iter()
            .zip(equal)
            .map(|(border, residual)| super::wagers::dot(border, w) - residual)
            .collect();
        forward(&self.schur, k, &mut prices);
        backward(&self.schur, k, &mut prices);
        for (border, price) in self.borders.iter().zip(&prices) {
            for (to, border) in w.iter_mut().zip(border) {
                *to -= price * border;
            }
        }
        backward(&self.matrix, n, w);
        if let Some((_, differences, _)) = &self.trades {
            t.copy_from_slice(&right);
            for index in 0..n {
                t[index] -= differences[index] * w[index];
            }
            self.trade(t);
        }
        prices
    }
}

/// Cholesky factor of the lower triangle by rows, in place; directions without curvature are shut.
pub(crate) fn cholesky(matrix: &mut [f64], n: usize) {
    /// A pivot that is this small beside its diagonal is noise.
    const NOISE: f64 = 1e-15;
    /// Instead of it: so large that the direction is not used.
    const SHUT: f64 = 1e64;
    for row in 0..n {
        let (above, rest) = matrix.split_at_mut(row * n);
        let this = &mut rest[..n];
        let diagonal = this[row];
        for column in 0..row {
            let other = &above[column * n..column * n + n];
            let sum = super::wagers::dot(&this[..column], &other[..column]);
            this[column] = (this[column] - sum) / other[column];
        }
        let pivot = diagonal - super::wagers::dot(&this[..row], &this[..row]);
        this[row] = if pivot > NOISE * diagonal && pivot > 0.0 {
            pivot.sqrt()
        } else {
            SHUT
        };
    }
}

/// Solves with the factor.
pub(crate) fn forward(factor: &[f64], n: usize, right: &mut [f64]) {
    for row in 0..n {
        let sum = super::wagers::dot(&factor[row * n..row * n + row], &right[..row]);
        right[row] = (right[row] - sum) / factor[row * n + row];
    }
}

/// Solves with the factor's transpose.
pub(crate) fn backward(factor: &[f64], n: usize, right: &mut [f64]) {
    for row in (0..n).rev() {
        let value = right[row] / factor[row * n + row];
        right[row] = value;
        for (to, by) in right[..row].iter_mut().zip(&factor[row * n..]) {
            *to -= value * by;
        }
    }
}

/// The share of the room between bounds at which to begin: it leaves cash where the limits of sums
/// allow it.
fn share(region: &Reduction) -> f64 {
    const LEAST: f64 = 1e-3;
    let mut share = 0.5_f64;
    let some = region.rows.iter().map(|row| (row, 0.5));
    for (row, part) in some.chain(region.equal.iter().map(|row| (row, 1.0))) {
        let (mut low, mut reach) = (0.0, 0.0);
        for &(index, by) in &row.terms {
            low += by * region.lower[index];
            reach += by * (region.upper[index] - region.lower[index]);
        }
        if reach > 0.0 && row.bound > low {
            share = share.min(part * (row.bound - low) / reach);
        }
    }
    share.max(LEAST)
}

/// Maximises `objective` over `region`, down to a gap of `precise`; `None` if it is not defined
/// near the middle of the region.
pub(crate) fn maximise(
    objective: &mut impl Objective,
    region: &Reduction,
    promised: f64,
) -> Ending {
    let n = region.free.len();
    let mut share = share(region);
    let mut w = vec![0.0; n];
    let mut gradient = vec![0.0; n];
    loop {
        for (to, (lower, upper)) in w.iter_mut().zip(region.lower.iter().zip(&region.upper)) {
            *to = lower + share * (upper - lower);
        }
        if objective.start(&w) {
            break;
        }
        share *= 0.5;
        if share < 1e-6 {
            return Ending::Undefined;
        }
    }
    objective.gradient(&w, &mut gradient);
    let worth = gradient
        .iter()
        .zip(region.upper.iter().zip(&region.lower))
        .map(|(slope, (upper, lower))| (slope * (upper - lower)).abs())
        .fold(1e-6, f64::max);
    let mut t: Vec<f64> = region
        .turnover
        .as_ref()
        .map_or(Vec::new(), |(current, max)| {
            let each = (max / (2.0 * n as f64)).max(1e-6);
            w.iter()
                .zip(current)
                .map(|(w, c)| (w - c).abs() + each)
                .collect()
        });
    let mut slacks = Slacks::new(region);
    slacks.begin(&w, &t, 0.1 * worth);
    let mut equal: Vec<f64> = region
        .equal
        .iter()
        .map(|row| row.bound - row.terms.iter().map(|&(i, by)| by * w[i]).sum::<f64>())
        .collect();
    let mut system = System {
        n,
        matrix: vec![0.0; n * n],
        borders: Vec::new(),
        schur: Vec::new(),
        trades: None,
    };
    let (mut dw, mut dt) = (vec![0.0; n], vec![0.0; t.len()]);
    let mut prices = vec![0.0; equal.len()];
    let mut best: Option<Answer> = None;
    let mut stale = 0;
    for _ in 0..ITERATIONS {
        system.matrix.fill(0.0);
        objective.curvature(&mut system.matrix);
        system.assemble(&slacks);
        system.factor(&region.equal);
        let mut aimed = Vec::new();
        let mut steps = Steps::FREE;
        let (mut target, mut before) = (0.0, 0.0);
        for turn in [Turn::Probe, Turn::Correct, Turn::Center] {
            let correct = turn == Turn::Correct;
            objective.pull(target, correct, &mut dw);
            dt.fill(0.0);
            slacks.aim(target, correct);
            slacks.subtract_transposed(&slacks.aim, &mut dw, &mut dt);
            aimed = system.solve(&mut dw, &mut dt, &equal);
            steps = slacks.direct(&dw, &dt).least(objective.direct(&dw));
            match turn {
                Turn::Probe => {
                    let full = limited(steps, 1.0, objective.joint());
                    let average = |steps| {
                        let (own, count) = objective.complementarity(steps);
                        (own + slacks.complementarity(steps)) / (count + slacks.slack.len()) as f64
                    };
                    before = average(Steps::NONE);
                    let ratio = (average(full) / before).clamp(0.0, 1.0);
                    target = (before * ratio * ratio * ratio).max(FLOOR);
                }
                Turn::Correct => {
                    if steps.primal.min(steps.dual) >= SHORT {
                        break;
                    }
                    target = before;
                }
                Turn::Center => {}
            }
        }
        let steps = limited(steps, REACH, objective.joint());
        if !(steps.primal.is_finite() && steps.dual.is_finite() && dw.iter().all(|d| d.is_finite()))
        {
            break;
        }
        objective.advance(steps);
        slacks.advance(steps);
        if steps.dual.min(steps.primal) < SHORT {
            objective.center();
            slacks.center();
        }
        for (to, by) in w.iter_mut().zip(&dw).chain(t.iter_mut().zip(&dt)) {
            *to += steps.primal * by;
        }
        for residual in &mut equal {
            *residual *= 1.0 - steps.primal;
        }
        for (price, aimed) in prices.iter_mut().zip(&aimed) {
            *price += steps.dual * (aimed - *price);
        }
        let residual = slacks
            .residual
            .iter()
            .chain(&equal)
            .fold(objective.residual(), |most, r| most.max(r.abs()));
        if residual.is_nan() || residual > FEASIBLE {
            continue;
        }
        let multipliers = slacks.multipliers(&prices);
        let own = objective.gradient(&w, &mut gradient);
        let gap = own + region.excess(&gradient, &w, &multipliers);
        let better = best
            .as_ref()
            .is_none_or(|best| residual.max(gap) < best.residual.max(best.gap));
        stale = if better { 0 } else { stale + 1 };
        if better && gap.is_finite() {
            best = Some(Answer {
                weights: w.clone(),
                multipliers,
                gap,
                residual,
            });
        }
        let reached = best
            .as_ref()
            .map_or(f64::INFINITY, |best| best.gap.max(best.residual));
        if reached <= PRECISE || (stale >= PATIENCE && reached <= promised) || stale > 4 * PATIENCE
        {
            break;
        }
    }
    if let Some(best) = best {
        return Ending::Found(best);
    }
    // Farkas: without an objective, prices whose bound is below zero leave no room for any weights.
    let multipliers = slacks.multipliers(&prices);
    let scale = multipliers.scale();
    if scale > 0.0 && region.excess(&vec![0.0; n], &w, &multipliers) < -FEASIBLE * scale {
        return Ending::Infeasible;
    }
    Ending::Stalled
}

/// Steps a little short of the longest, at most full.
fn limited(steps: Steps, reach: f64, joint: bool) -> Steps {
    let primal = (reach * steps.primal).min(1.0);
    let dual = (reach * steps.dual).min(1.0);
    if joint {
        let both = primal.min(dual);
        return Steps {
            primal: both,
            dual: both,
        };
    }
    Steps { primal, dual }
}
