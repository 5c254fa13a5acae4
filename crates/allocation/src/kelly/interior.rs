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

/// Iterations: ten are usual.
const SWIFT: usize = 60;
/// Iterations of the slow way.
const STEADY: usize = 200;
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
    /// What one of it is worth in units of what was asked.
    fn unit(&self) -> f64;
    /// The exact gradient at `weights` with its own limits priced in, and what those prices leave
    /// of a gap.
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> f64;
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

/// How an iteration chooses its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As far as predictor and corrector say. Ten iterations are usual; once in thousands of extreme
    /// problems it circles.
    Swift,
    /// A fixed part of the way along the central path: slow and sure.
    Steady,
}

/// What the equal rows lack at weights.
fn missing<'a>(region: &'a Reduction, w: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let value = |terms: &[(usize, f64)]| terms.iter().map(|&(i, by)| by * w[i]).sum::<f64>();
    region
        .equal
        .iter()
        .map(move |row| row.bound - value(&row.terms))
}

/// An iterate and what moves it.
struct Run<'a, O> {
    objective: &'a mut O,
    region: &'a Reduction,
    slacks: Slacks<'a>,
    system: System,
    /// Free weights, trades, and their moves.
    w: Vec<f64>,
    t: Vec<f64>,
    dw: Vec<f64>,
    dt: Vec<f64>,
    /// What the equal rows lack, their prices, and the prices after a full step.
    equal: Vec<f64>,
    prices: Vec<f64>,
    aimed: Vec<f64>,
}

impl<'a, O: Objective> Run<'a, O> {
    /// Begins; `None` if the objective is not defined near the middle of the region.
    fn new(objective: &'a mut O, region: &'a Reduction) -> Option<Self> {
        /// The share of the room at which a start is as near to the least weights as it gets.
        const LEAST: f64 = 1e-4;
        let n = region.free.len();
        let mut w = vec![0.0; n];
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
                return None;
            }
            share *= 0.5;
        }
        let mut gradient = vec![0.0; n];
        objective.gradient(&w, &mut gradient);
        let worth = gradient
            .iter()
            .zip(region.upper.iter().zip(&region.lower))
            .map(|(slope, (upper, lower))| (slope * (upper - lower)).abs())
            .fold(1e-6, f64::max);
        let t: Vec<f64> = region
            .turnover
            .as_ref()
            .map_or(Vec::new(), |(current, max)| {
                let each = (max / (2.0 * n as f64)).max(1e-6);
                let trades = w.iter().zip(current).map(|(w, c)| (w - c).abs() + each);
                trades.collect()
            });
        let mut slacks = Slacks::new(region);
        slacks.begin(&w, &t, 0.1 * worth);
        let equal: Vec<f64> = missing(region, &w).collect();
        Some(Self {
            objective,
            region,
            slacks,
            system: System::new(n),
            dw: vec![0.0; n],
            dt: vec![0.0; t.len()],
            w,
            t,
            prices: vec![0.0; equal.len()],
            aimed: Vec::new(),
            equal,
        })
    }

    /// Assembles and factors the system of this iterate.
    fn prepare(&mut self) {
        self.system.matrix.fill(0.0);
        self.objective.curvature(&mut self.system.matrix);
        self.system.assemble(&self.slacks);
        self.system.factor(&self.region.equal);
    }

    /// The direction toward pairs whose products are `target`, and how far it may be followed.
    fn direct(&mut self, target: f64, correct: bool) -> Steps {
        self.objective.pull(target, correct, &mut self.dw);
        self.dt.fill(0.0);
        self.slacks.aim(target, correct);
        self.slacks
            .subtract_transposed(&self.slacks.aim, &mut self.dw, &mut self.dt);
        self.aimed = self.system.solve(&mut self.dw, &mut self.dt, &self.equal);
        let own = self.slacks.direct(&self.dw, &self.dt);
        own.least(self.objective.direct(&self.dw))
    }

    /// The average product of pairs after such steps.
    fn average(&self, steps: Steps) -> f64 {
        let (own, count) = self.objective.complementarity(steps);
        (own + self.slacks.complementarity(steps)) / (count + self.slacks.slack.len()) as f64
    }

    fn swift(&mut self) -> Steps {
        let joint = self.objective.joint();
        let probe = self.direct(0.0, false);
        let before = self.average(Steps::NONE);
        let after = self.average(limited(probe, 1.0, joint));
        let ratio = (after / before).clamp(0.0, 1.0);
        let mut steps = self.direct((before * ratio * ratio * ratio).max(FLOOR), true);
        if steps.primal.min(steps.dual) < SHORT {
            steps = self.direct(before, false);
        }
        limited(steps, REACH, joint)
    }

    fn steady(&mut self) -> Steps {
        /// How much nearer the next point of the central path is.
        const NEARER: f64 = 0.2;
        const STEADY_REACH: f64 = 0.9;
        let before = self.average(Steps::NONE);
        let mut steps = self.direct((NEARER * before).max(FLOOR), false);
        if steps.primal.min(steps.dual) < SHORT {
            steps = self.direct(before, false);
        }
        limited(steps, STEADY_REACH, true)
    }

    /// Goes; false if the steps are no numbers.
    fn advance(&mut self, steps: Steps, pace: Pace) -> bool {
        let finite = |by: &f64| by.is_finite();
        if !(steps.primal.is_finite() && steps.dual.is_finite() && self.dw.iter().all(finite)) {
            return false;
        }
        self.objective.advance(steps);
        if !self.slacks.advance(steps) {
            return false;
        }
        if pace == Pace::Swift && steps.dual.min(steps.primal) < SHORT {
            self.objective.center();
            self.slacks.center();
        }
        let weights = self.w.iter_mut().zip(&self.dw);
        for (to, by) in weights.chain(self.t.iter_mut().zip(&self.dt)) {
            *to += steps.primal * by;
        }
        self.equal.clear();
        self.equal.extend(missing(self.region, &self.w));
        for (price, aimed) in self.prices.iter_mut().zip(&self.aimed) {
            *price += steps.dual * (aimed - *price);
        }
        true
    }

    /// How far the limits are broken.
    fn residual(&self) -> f64 {
        let rows = self.slacks.residual.iter().chain(&self.equal);
        rows.fold(self.objective.residual(), |most, r| most.max(r.abs()))
    }

    /// The iterate with the gap that its prices prove.
    fn answer(&mut self, residual: f64) -> Answer {
        let multipliers = self.slacks.multipliers(&self.prices);
        let mut gradient = vec![0.0; self.w.len()];
        let own = self.objective.gradient(&self.w, &mut gradient);
        Answer {
            weights: self.w.clone(),
            gap: own + self.region.excess(&gradient, &self.w, &multipliers),
            multipliers,
            residual,
        }
    }

    /// Farkas: without an objective, prices whose bound is below zero leave no room for any weights.
    fn proves_infeasible(&self) -> bool {
        let multipliers = self.slacks.multipliers(&self.prices);
        let scale = multipliers.scale();
        let none = vec![0.0; self.w.len()];
        scale > 0.0 && self.region.excess(&none, &self.w, &multipliers) < -FEASIBLE * scale
    }

    fn go(&mut self, pace: Pace, promised: f64) -> Ending {
        let mut best: Option<Answer> = None;
        let (mut stale, mut short) = (0, 0);
        let most = match pace {
            Pace::Swift => SWIFT,
            Pace::Steady => STEADY,
        };
        for _ in 0..most {
            self.prepare();
            let steps = match pace {
                Pace::Swift => self.swift(),
                Pace::Steady => self.steady(),
            };
            if !self.advance(steps, pace) {
                break;
            }
            short = if steps.primal.min(steps.dual) < SHORT {
                short + 1
            } else {
                0
            };
            if short > 4 * PATIENCE {
                break;
            }
            let residual = self.residual();
            if residual.is_nan() || residual > FEASIBLE {
                continue;
            }
            let answer = self.answer(residual);
            let better = best
                .as_ref()
                .is_none_or(|best| residual.max(answer.gap) < best.residual.max(best.gap));
            stale = if better { 0 } else { stale + 1 };
            if better && answer.gap.is_finite() {
                best = Some(answer);
            }
            let reached = best
                .as_ref()
                .map_or(f64::INFINITY, |best| best.gap.max(best.residual));
            let patient = if reached <= promised {
                PATIENCE
            } else {
                4 * PATIENCE
            };
            if reached <= PRECISE || stale >= patient {
                break;
            }
        }
        match best {
            Some(best) => Ending::Found(best),
            None if self.proves_infeasible() => Ending::Infeasible,
            None => Ending::Stalled,
        }
    }
}

/// Maximises `objective` over `region`. Patience ends once the gap is as small as `promised`.
pub(crate) fn maximise(
    objective: &mut impl Objective,
    region: &Reduction,
    promised: f64,
) -> Ending {
    let mut ending = Ending::Undefined;
    for pace in [Pace::Swift, Pace::Steady] {
        let Some(mut run) = Run::new(objective, region) else {
            return Ending::Undefined;
        };
        let next = run.go(pace, promised);
        let gap = |ending: &Ending| match ending {
            Ending::Found(answer) => answer.gap,
            _ => f64::INFINITY,
        };
        if pace == Pace::Swift || gap(&next) < gap(&ending) || matches!(next, Ending::Infeasible) {
            ending = next;
        }
        if gap(&ending) <= promised || matches!(ending, Ending::Infeasible) {
            break;
        }
    }
    ending
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
