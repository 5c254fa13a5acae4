//! A primal-dual interior point method for concave objectives over a reduced region: predictor and
//! corrector of Mehrotra (1992), with one `n × n` system per iteration.
//!
//! Slacks carry the limits, so that any start will do and regions without interior are no trouble.
//! A turnover limit adds `n` variables that a rank-one update eliminates.

mod slacks;
mod system;

use super::reduction::{Multipliers, Reduction};
use slacks::Slacks;
use system::System;

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
    /// Begins at `weights`; false if it is not defined there, or is too steep and this is not the
    /// `last` place to try.
    fn start(&mut self, weights: &[f64], last: bool) -> bool;
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

/// Maximises `objective` over `region`. Patience ends once the gap is as small as `promised`.
pub(crate) fn maximise(
    objective: &mut impl Objective,
    region: &Reduction,
    promised: f64,
) -> Ending {
    let n = region.free.len();
    let mut w = vec![0.0; n];
    let mut gradient = vec![0.0; n];
    /// The share of the room at which a start is as near to the least weights as it gets.
    const LEAST: f64 = 1e-4;
    let mut share = share(region);
    loop {
        for (to, (lower, upper)) in w.iter_mut().zip(region.lower.iter().zip(&region.upper)) {
            *to = lower + share * (upper - lower);
        }
        let last = share < LEAST;
        if objective.start(&w, last) {
            break;
        }
        if last {
            return Ending::Undefined;
        }
        share *= 0.5;
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
    let mut system = System::new(n);
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
