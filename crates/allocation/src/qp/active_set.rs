//! Primal active-set method whose linear algebra is in the free weights only.
//!
//! Few weights are strictly between their bounds at an optimum. The others are fixed: at a bound, or
//! at the kink of the turnover term, where buying and selling meet. Each step solves the program
//! with the fixed weights and the binding rows held (Nocedal & Wright 2006, section 16.5, by the
//! Schur complement of the rows in a Cholesky factor of the free block), and goes there or to the
//! first limit on the way. Several weights are freed at once; those that would leave are fixed again
//! before anything moves. A singular block is lifted by a trifle and the step refined.

use super::bound;
use super::cholesky::{Cholesky, solve_small};
use super::gradient::Start;
use super::program::{Prices, Program};
use super::risk::{Risk, dot};

/// The free block is lifted by this share of the greatest diagonal entry.
const SHIFT: f64 = 1e-11;
/// The gap to stop at, as a share of the objective's terms.
const GAP: f64 = 1e-13;
/// Steps without progress before freeing one weight at a time, and before giving up.
const PATIENCE: (usize, usize) = (3, 8);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Min,
    Max,
}

struct Work<'a> {
    risk: &'a Risk<'a>,
    linear: &'a [f64],
    program: &'a Program,
    weights: Vec<f64>,
    /// Up to date for free weights always, for the others when `pending` is empty.
    gradient: Vec<f64>,
    /// What moved since the gradient was up to date.
    pending: Vec<f64>,
    touched: Vec<usize>,
    free: Vec<usize>,
    is_free: Vec<bool>,
    /// On which side of its current weight a free weight is, while the turnover binds.
    sign: Vec<f64>,
    factor: Cholesky,
    shift: f64,
    binding: Vec<Option<Side>>,
    /// Whether the turnover binds.
    trading: bool,
}

/// What stops a step.
enum Block {
    Weight,
    Row(usize, Side),
    Turnover,
}

/// Weights and multipliers, near the optimum or where the method cannot go on: at a degenerate
/// corner, which a projected gradient step leaves.
pub(super) fn solve(
    risk: &Risk<'_>,
    linear: &[f64],
    program: &Program,
    start: Start,
) -> (Vec<f64>, Prices) {
    let mut work = Work::of(risk, linear, program, start);
    let prices = work.run();
    (work.weights, prices)
}

impl<'a> Work<'a> {
    fn of(risk: &'a Risk<'a>, linear: &'a [f64], program: &'a Program, start: Start) -> Self {
        let n = start.weights.len();
        let binding = program
            .rows
            .iter()
            .zip(&start.prices.rows)
            .map(|(row, &y)| {
                let value = row.value(&start.weights);
                if row.is_equality() || (y < 0.0 && value >= row.max - 1e-12) {
                    row.max.is_finite().then_some(Side::Max)
                } else if y > 0.0 && value <= row.min + 1e-12 {
                    Some(Side::Min)
                } else {
                    None
                }
            })
            .collect();
        let trading = start.prices.turnover > 0.0
            && program
                .turnover
                .as_ref()
                .is_some_and(|trade| trade.value(&start.weights) >= trade.max - 1e-12);
        let mut work = Self {
            risk,
            linear,
            program,
            weights: start.weights,
            gradient: start.gradient,
            pending: vec![0.0; n],
            touched: Vec::new(),
            free: Vec::new(),
            is_free: vec![false; n],
            sign: vec![0.0; n],
            factor: Cholesky::default(),
            shift: SHIFT * risk.greatest(n),
            binding,
            trading,
        };
        for i in 0..n {
            let (w, low, high) = (work.weights[i], program.lower[i], program.upper[i]);
            work.sign[i] = work.side(i);
            if w > low && w < high && !(trading && work.sign[i] == 0.0) {
                work.free.push(i);
                work.is_free[i] = true;
            }
        }
        work.refactor();
        work
    }

    /// The side of the current weight that a weight is on; zero at it or without a turnover limit.
    fn side(&self, i: usize) -> f64 {
        self.program.turnover.as_ref().map_or(0.0, |trade| {
            let distance = self.weights[i] - trade.current[i];
            if distance > 0.0 {
                1.0
            } else if distance < 0.0 {
                -1.0
            } else {
                0.0
            }
        })
    }

    fn refactor(&mut self) {
        let (risk, free, shift) = (self.risk, &self.free, self.shift);
        self.factor.factor(free.len(), 0.5 * shift, |c, out| {
            for (entry, &i) in out.iter_mut().zip(&free[c..]) {
                *entry = risk.entry(i, free[c]);
            }
            out[0] += shift;
        });
    }

    /// Where a free weight can go without a change of the active set.
    fn range(&self, i: usize) -> (f64, f64) {
        let (low, high) = (self.program.lower[i], self.program.upper[i]);
        match &self.program.turnover {
            Some(trade) if self.trading => {
                let current = trade.current[i];
                if self.sign[i] > 0.0 {
                    (low.max(current), high)
                } else {
                    (low, high.min(current))
                }
            }
            _ => (low, high),
        }
    }

    fn release(&mut self, i: usize, way: f64) {
        if self.trading {
            let current = self.program.turnover.as_ref().map_or(0.0, |t| t.current[i]);
            let w = self.weights[i];
            self.sign[i] = if w > current || (w == current && way > 0.0) {
                1.0
            } else {
                -1.0
            };
        }
        let mut row: Vec<f64> = self.free.iter().map(|&j| self.risk.entry(j, i)).collect();
        let diagonal = self.risk.diagonal(i) + self.shift;
        self.factor.append(&mut row, diagonal, 0.5 * self.shift);
        self.free.push(i);
        self.is_free[i] = true;
    }

    /// Fixes the free weights at these places of the list, which must ascend.
    fn fix(&mut self, places: &[usize]) {
        if places.len() > 8 && places.len() * 6 > self.free.len() {
            for &place in places.iter().rev() {
                self.is_free[self.free[place]] = false;
                self.free.remove(place);
            }
            self.refactor();
            return;
        }
        for &place in places.iter().rev() {
            self.is_free[self.free[place]] = false;
            self.free.remove(place);
            self.factor.remove(place);
        }
    }

    /// Brings the whole gradient up to date.
    fn refresh(&mut self, afresh: bool) {
        if afresh {
            self.gradient = self.risk.product(&self.weights);
            for (g, c) in self.gradient.iter_mut().zip(self.linear) {
                *g += c;
            }
        } else {
            // Free entries were kept up to date; all are computed anew from the same base.
            let mut change = vec![0.0; self.weights.len()];
            self.risk
                .add_product(&self.pending, &self.touched, &mut change);
            for (i, change) in change.iter().enumerate() {
                if !self.is_free[i] {
                    self.gradient[i] += change;
                }
            }
        }
        for &i in &self.touched {
            self.pending[i] = 0.0;
        }
        self.touched.clear();
    }

    /// The step to the optimum over the free weights with the binding rows held, and multipliers.
    fn direction(&self) -> (Vec<f64>, Prices) {
        let (k, m) = (self.free.len(), self.program.rows.len());
        let mut held: Vec<usize> = (0..m).filter(|&r| self.binding[r].is_some()).collect();
        if self.trading {
            held.push(m);
        }
        let mut columns = vec![vec![0.0; k]; held.len()];
        let mut place = vec![usize::MAX; m];
        for (at, &r) in held.iter().enumerate().filter(|&(_, &r)| r < m) {
            place[r] = at;
        }
        for (slot, &i) in self.free.iter().enumerate() {
            for &(r, a) in &self.program.columns[i] {
                if place[r] != usize::MAX {
                    columns[place[r]][slot] = a;
                }
            }
            if self.trading {
                columns[held.len() - 1][slot] = self.sign[i];
            }
        }
        for column in &mut columns {
            self.factor.forward(column);
        }
        let mut step: Vec<f64> = self.free.iter().map(|&i| self.gradient[i]).collect();
        self.factor.forward(&mut step);
        let size = held.len();
        let mut schur = vec![0.0; size * size];
        let mut right = vec![0.0; size];
        for a in 0..size {
            for b in 0..=a {
                let entry = dot(&columns[a], &columns[b]);
                schur[a * size + b] = entry;
                schur[b * size + a] = entry;
            }
            right[a] = dot(&columns[a], &step) + self.lacks(held[a]);
        }
        let multipliers = solve_small(&mut schur, &right);
        for s in &mut step {
            *s = -*s;
        }
        let mut prices = Prices {
            rows: vec![0.0; m],
            turnover: 0.0,
        };
        for (at, &r) in held.iter().enumerate() {
            super::risk::axpy(multipliers[at], &columns[at], &mut step);
            if r < m {
                prices.rows[r] = multipliers[at];
            } else {
                prices.turnover = -multipliers[at];
            }
        }
        self.factor.backward(&mut step);
        (step, prices)
    }

    /// What a held row is off its limit, by rounding.
    fn lacks(&self, r: usize) -> f64 {
        if r == self.program.rows.len() {
            return self
                .program
                .turnover
                .as_ref()
                .map_or(0.0, |trade| trade.max - trade.value(&self.weights));
        }
        let row = &self.program.rows[r];
        let side = match self.binding[r] {
            Some(Side::Min) => row.min,
            _ => row.max,
        };
        side - row.value(&self.weights)
    }

    /// How far the step can go, and what stops it.
    fn longest(&self, step: &[f64]) -> (f64, Option<Block>) {
        let (mut t, mut block) = (1.0f64, None);
        let mut changes = vec![0.0; self.program.rows.len()];
        for (&i, &d) in self.free.iter().zip(step) {
            for &(r, a) in &self.program.columns[i] {
                changes[r] += a * d;
            }
            let (low, high) = self.range(i);
            let w = self.weights[i];
            if w + t * d < low {
                t = ((low - w) / d).max(0.0);
                block = Some(Block::Weight);
            } else if w + t * d > high {
                t = ((high - w) / d).max(0.0);
                block = Some(Block::Weight);
            }
        }
        for (r, row) in self.program.rows.iter().enumerate() {
            let change = changes[r];
            if self.binding[r].is_some() || change == 0.0 {
                continue;
            }
            let value = row.value(&self.weights);
            let (side, kind) = if change > 0.0 {
                (row.max, Side::Max)
            } else {
                (row.min, Side::Min)
            };
            let room = (side - value) / change;
            if change.abs() > 1e-15 && room < t {
                t = room.max(0.0);
                block = Some(Block::Row(r, kind));
            }
        }
        if let Some(trade) = &self.program.turnover
            && !self.trading
        {
            let fixed: f64 = (0..self.weights.len())
                .filter(|&i| !self.is_free[i])
                .map(|i| (self.weights[i] - trade.current[i]).abs())
                .sum();
            // Convex and piecewise linear in `t`: Newton from the right ends at the root.
            for round in 0..60 {
                let (mut traded, mut rate) = (fixed, 0.0);
                for (&i, &d) in self.free.iter().zip(step) {
                    let distance = self.weights[i] + t * d - trade.current[i];
                    traded += distance.abs();
                    // The slope from the left.
                    rate += if distance > 0.0 || (distance == 0.0 && d < 0.0) {
                        d
                    } else {
                        -d
                    };
                }
                let over = traded - trade.max;
                if over <= 1e-15 || rate <= 0.0 {
                    if round > 0 {
                        block = Some(Block::Turnover);
                    }
                    break;
                }
                let next = (t - over / rate).max(0.0);
                block = Some(Block::Turnover);
                if next >= t {
                    break;
                }
                t = next;
            }
        }
        (t, block)
    }

    /// Moves along the step. Free weights that reach a limit are put on it exactly and returned.
    fn advance(&mut self, step: &[f64], prices: &Prices, t: f64) -> Vec<usize> {
        let mut reached = Vec::new();
        for (place, &d) in step.iter().enumerate() {
            let i = self.free[place];
            let (low, high) = self.range(i);
            let before = self.weights[i];
            let mut next = before + t * d;
            let near = 1e-15 * (1.0 + before.abs());
            if d < 0.0 && next <= low + near {
                next = low;
                reached.push(place);
            } else if d > 0.0 && next >= high - near {
                next = high;
                reached.push(place);
            }
            if next != before {
                if self.pending[i] == 0.0 {
                    self.touched.push(i);
                }
                self.pending[i] += next - before;
                self.weights[i] = next;
            }
            let priced = self.program.priced(i, &prices.rows)
                - if self.trading {
                    prices.turnover * self.sign[i]
                } else {
                    0.0
                };
            self.gradient[i] += t * (priced - self.gradient[i] - self.shift * d);
        }
        self.touched.sort_unstable();
        self.touched.dedup();
        reached
    }

    fn bind_turnover(&mut self) {
        self.trading = true;
        let mut at_kink = Vec::new();
        for (place, &i) in self.free.iter().enumerate() {
            self.sign[i] = self.side(i);
            if self.sign[i] == 0.0 {
                at_kink.push(place);
            }
        }
        self.fix(&at_kink);
    }

    /// Fixed weights that lower the objective when freed: how much per unit, where to.
    fn candidates(&self, prices: &Prices, tolerance: f64) -> Vec<(f64, usize, f64)> {
        let mut found = Vec::new();
        for i in 0..self.weights.len() {
            if self.is_free[i] {
                continue;
            }
            let reduced = self.gradient[i] - self.program.priced(i, &prices.rows);
            let (mut up, mut down) = (reduced, -reduced);
            if self.trading {
                let side = self.side(i);
                up += prices.turnover * if side >= 0.0 { 1.0 } else { -1.0 };
                down += prices.turnover * if side <= 0.0 { 1.0 } else { -1.0 };
            }
            let scale = 1.0 / (self.risk.diagonal(i) + self.shift).sqrt();
            if up < -tolerance && self.weights[i] < self.program.upper[i] {
                found.push((up * scale, i, 1.0));
            } else if down < -tolerance && self.weights[i] > self.program.lower[i] {
                found.push((down * scale, i, -1.0));
            }
        }
        found
    }

    /// A binding inequality whose multiplier has the wrong sign, the worst one.
    fn wrong(&self, prices: &Prices, tolerance: f64) -> Option<usize> {
        let m = self.program.rows.len();
        let mut worst: Option<(f64, usize)> = None;
        for r in 0..m {
            let (Some(side), false) = (self.binding[r], self.program.rows[r].is_equality()) else {
                continue;
            };
            let y = prices.rows[r];
            let wrong = if side == Side::Min { -y } else { y };
            if wrong > tolerance && worst.is_none_or(|(most, _)| wrong > most) {
                worst = Some((wrong, r));
            }
        }
        if self.trading && -prices.turnover > tolerance {
            let wrong = -prices.turnover;
            if worst.is_none_or(|(most, _)| wrong > most) {
                worst = Some((wrong, m));
            }
        }
        worst.map(|(_, r)| r)
    }

    fn run(&mut self) -> Prices {
        let (n, m) = (self.weights.len(), self.program.rows.len());
        let mut freed: Vec<(usize, f64)> = Vec::new();
        let (mut idle, mut settled) = (0usize, 0usize);
        let mut last = Prices {
            rows: vec![0.0; m],
            turnover: 0.0,
        };
        for _ in 0..200 + 20 * (n + m) {
            let (step, prices) = self.direction();
            if self.takes_back(&mut freed, &step) {
                continue;
            }
            freed.clear();
            let (t, block) = self.longest(&step);
            let moves = t * step.iter().fold(0.0f64, |most, d| most.max(d.abs()));
            idle = if moves > 1e-14 { 0 } else { idle + 1 };
            let reached = self.advance(&step, &prices, t);
            last = prices;
            self.fix(&reached);
            settled = if block.is_none() { settled + 1 } else { 0 };
            if block.is_none() || idle > 0 {
                self.refresh(settled > 2);
                let gap = bound::gap(self.program, &self.weights, &self.gradient, &last);
                if gap <= GAP * self.size() || settled > 8 || idle > PATIENCE.1 {
                    return last;
                }
            }
            match block {
                Some(Block::Weight) => {}
                Some(Block::Row(r, side)) => self.binding[r] = Some(side),
                Some(Block::Turnover) => self.bind_turnover(),
                None => {
                    if self.loosen(&last, idle, &mut freed) {
                        settled = 0;
                    }
                }
            }
        }
        last
    }

    /// Fixes again the weights that were freed and would leave the region.
    fn takes_back(&mut self, freed: &mut Vec<(usize, f64)>, step: &[f64]) -> bool {
        let back: Vec<usize> = self
            .free
            .iter()
            .zip(step)
            .enumerate()
            .filter(|&(_, (&i, &d))| freed.iter().any(|&(j, way)| j == i && way * d < 0.0))
            .map(|(place, _)| place)
            .collect();
        if back.is_empty() || back.len() >= freed.len() {
            return false;
        }
        freed.retain(|&(i, _)| !back.iter().any(|&place| self.free[place] == i));
        self.fix(&back);
        true
    }

    /// Lets go of what holds the objective up: a row, or several weights. Whether there was any.
    fn loosen(&mut self, prices: &Prices, idle: usize, freed: &mut Vec<(usize, f64)>) -> bool {
        let steepest = self
            .gradient
            .iter()
            .fold(0.0f64, |most, g| most.max(g.abs()));
        let tolerance = 1e-14 * steepest;
        if let Some(r) = self.wrong(prices, tolerance) {
            if r == self.program.rows.len() {
                self.trading = false;
            } else {
                self.binding[r] = None;
            }
            return true;
        }
        let mut found = self.candidates(prices, tolerance);
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let batch = if idle > PATIENCE.0 {
            1
        } else {
            8.max(self.free.len() / 3)
        };
        for &(_, i, way) in found.iter().take(batch) {
            self.release(i, way);
            freed.push((i, way));
        }
        !found.is_empty()
    }

    fn size(&self) -> f64 {
        self.weights
            .iter()
            .zip(&self.gradient)
            .zip(self.linear)
            .map(|((w, g), c)| 0.5 * (w * (g - c)) + (c * w).abs())
            .sum::<f64>()
            .abs()
    }
}
