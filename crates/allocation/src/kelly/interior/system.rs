//! The linear system of one direction.

use super::slacks::Slacks;
use crate::kelly::reduction::Limit;
use crate::kelly::wagers::dot;

/// The Newton system of the weights, after elimination of slacks and trades.
pub(super) struct System {
    n: usize,
    /// Lower triangle by rows; then its Cholesky factor.
    pub(super) matrix: Vec<f64>,
    /// Factor columns of the equal rows, `k × n`, and the Cholesky factor of their Schur complement.
    borders: Vec<Vec<f64>>,
    schur: Vec<f64>,
    /// With a turnover limit: `price/slack` of both sides summed, their difference, and the
    /// coefficient of the rank-one part.
    trades: Option<(Vec<f64>, Vec<f64>, f64)>,
}

impl System {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            matrix: vec![0.0; n * n],
            borders: Vec::new(),
            schur: Vec::new(),
            trades: None,
        }
    }

    pub(super) fn assemble(&mut self, slacks: &Slacks) {
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

    pub(super) fn factor(&mut self, equal: &[Limit]) {
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
                self.schur.push(dot(left, right));
            }
        }
        cholesky(&mut self.schur, k);
    }

    /// The move of weights and trades, and the prices of the equal rows after it.
    pub(super) fn solve(&self, w: &mut [f64], t: &mut [f64], equal: &[f64]) -> Vec<f64> {
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
            .map(|(border, residual)| dot(border, w) - residual)
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
fn cholesky(matrix: &mut [f64], n: usize) {
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
            let sum = dot(&this[..column], &other[..column]);
            this[column] = (this[column] - sum) / other[column];
        }
        let pivot = diagonal - dot(&this[..row], &this[..row]);
        this[row] = if pivot > NOISE * diagonal && pivot > 0.0 {
            pivot.sqrt()
        } else {
            SHUT
        };
    }
}

/// Solves with the factor.
fn forward(factor: &[f64], n: usize, right: &mut [f64]) {
    for row in 0..n {
        let sum = dot(&factor[row * n..row * n + row], &right[..row]);
        right[row] = (right[row] - sum) / factor[row * n + row];
    }
}

/// Solves with the factor's transpose.
fn backward(factor: &[f64], n: usize, right: &mut [f64]) {
    for row in (0..n).rev() {
        let value = right[row] / factor[row * n + row];
        right[row] = value;
        for (to, by) in right[..row].iter_mut().zip(&factor[row * n..]) {
            *to -= value * by;
        }
    }
}
