//! One step of the active-set method: where to, and how far.

use super::super::cholesky::solve_small;
use super::super::program::Prices;
use super::super::risk::{axpy, dot};
use super::{Block, Side, Work};

impl Work<'_> {
    /// The step to the optimum over the free weights with the binding rows held, and multipliers.
    pub(super) fn direction(&self) -> (Vec<f64>, Prices) {
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
        let base = Prices {
            rows: (0..m)
                .map(|r| {
                    if self.binding[r].is_some() {
                        self.prices.rows[r]
                    } else {
                        0.0
                    }
                })
                .collect(),
            turnover: if self.trading {
                self.prices.turnover
            } else {
                0.0
            },
        };
        let mut step: Vec<f64> = self
            .free
            .iter()
            .map(|&i| self.gradient[i] - self.priced(i, &base))
            .collect();
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
        let mut prices = base;
        for (at, &r) in held.iter().enumerate() {
            axpy(multipliers[at], &columns[at], &mut step);
            if r < m {
                prices.rows[r] += multipliers[at];
            } else {
                prices.turnover -= multipliers[at];
            }
        }
        self.factor.backward(&mut step);
        (step, prices)
    }

    /// What the binding rows add to the gradient of a free weight, reversed.
    pub(super) fn priced(&self, i: usize, prices: &Prices) -> f64 {
        let traded = if self.trading {
            prices.turnover * self.sign[i]
        } else {
            0.0
        };
        self.program.priced(i, &prices.rows) - traded
    }

    /// What a held row is off its limit, by rounding.
    pub(super) fn lacks(&self, r: usize) -> f64 {
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
    pub(super) fn longest(&self, step: &[f64]) -> (f64, Option<Block>) {
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
}
