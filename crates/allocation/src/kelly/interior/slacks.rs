//! What is left of each limit, and its price.

use super::Steps;
use crate::kelly::reduction::{Multipliers, Reduction};

/// Slacks of all inequalities: lower bounds, upper bounds, rows, and with a turnover limit both
/// sides of each trade and their sum.
pub(super) struct Slacks<'a> {
    pub(super) region: &'a Reduction,
    /// Free weights.
    n: usize,
    pub(super) slack: Vec<f64>,
    pub(super) price: Vec<f64>,
    slack_move: Vec<f64>,
    price_move: Vec<f64>,
    /// `d − G(w, t) − slack`.
    pub(super) residual: Vec<f64>,
    /// What a full step makes of the price, but for the move.
    pub(super) aim: Vec<f64>,
}

impl<'a> Slacks<'a> {
    pub(super) fn new(region: &'a Reduction) -> Self {
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
    pub(super) fn trades(&self) -> usize {
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
    pub(super) fn subtract_transposed(&self, v: &[f64], w: &mut [f64], t: &mut [f64]) {
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

    pub(super) fn multipliers(&self, equal: &[f64]) -> Multipliers {
        let last = self.price.last().copied().unwrap_or_default();
        Multipliers {
            rows: self.price[2 * self.n..self.trades()].to_vec(),
            equal: equal.to_vec(),
            turnover: self.region.turnover.as_ref().map_or(0.0, |_| last),
        }
    }

    pub(super) fn begin(&mut self, w: &[f64], t: &[f64], average: f64) {
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
    pub(super) fn aim(&mut self, target: f64, correct: bool) {
        for at in 0..self.slack.len() {
            let second = if correct {
                self.slack_move[at] * self.price_move[at]
            } else {
                0.0
            };
            self.aim[at] = (target - second - self.price[at] * self.residual[at]) / self.slack[at];
        }
    }

    pub(super) fn direct(&mut self, w: &[f64], t: &[f64]) -> Steps {
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

    pub(super) fn complementarity(&self, steps: Steps) -> f64 {
        let slacks = self.slack.iter().zip(&self.slack_move);
        let prices = self.price.iter().zip(&self.price_move);
        slacks
            .zip(prices)
            .map(|((s, ds), (z, dz))| (s + steps.primal * ds) * (z + steps.dual * dz))
            .sum()
    }

    /// Pulls prices to where each pair has about the same product.
    pub(super) fn center(&mut self) {
        const APART: f64 = 10.0;
        let products = self.slack.iter().zip(&self.price).map(|(s, z)| s * z);
        let average = products.sum::<f64>() / self.slack.len() as f64;
        for (slack, price) in self.slack.iter().zip(&mut self.price) {
            let even = average / slack;
            // Where products overflow there is no even price.
            if even.is_finite() {
                *price = price.clamp(even / APART, even * APART);
            }
        }
    }

    /// Goes; false if a slack or a price is no number any more.
    pub(super) fn advance(&mut self, steps: Steps) -> bool {
        for at in 0..self.slack.len() {
            self.slack[at] += steps.primal * self.slack_move[at];
            self.price[at] += steps.dual * self.price_move[at];
            self.residual[at] *= 1.0 - steps.primal;
        }
        let mut all = self.slack.iter().chain(&self.price);
        all.all(|value| value.is_finite())
    }
}
