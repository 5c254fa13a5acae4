//! A Cholesky factor that rows enter and leave: `K = L L'`.

use super::risk::{axpy, dot};

/// Lower triangle by columns; each column begins at `column × stride`.
#[derive(Debug, Clone, Default)]
pub(super) struct Cholesky {
    size: usize,
    stride: usize,
    entries: Vec<f64>,
}

impl Cholesky {
    pub(super) fn clear(&mut self) {
        self.size = 0;
    }

    fn reserve(&mut self, size: usize) {
        if size <= self.stride {
            return;
        }
        let stride = (size + size / 2 + 8).next_multiple_of(8);
        let mut entries = vec![0.0; stride * stride];
        for c in 0..self.size {
            entries[c * stride + c..c * stride + self.size]
                .copy_from_slice(&self.entries[c * self.stride + c..c * self.stride + self.size]);
        }
        self.stride = stride;
        self.entries = entries;
    }

    /// Column `c` from row `from`.
    fn column(&self, c: usize, from: usize) -> &[f64] {
        &self.entries[c * self.stride + from..c * self.stride + self.size]
    }

    /// Factors a whole matrix, whose lower columns `fill` writes: `fill(c, out)` writes rows `c..size`
    /// of column `c`. Pivots below `least` are raised to it.
    pub(super) fn factor(
        &mut self,
        size: usize,
        least: f64,
        mut fill: impl FnMut(usize, &mut [f64]),
    ) {
        self.clear();
        self.reserve(size);
        self.size = size;
        let stride = self.stride;
        for c in 0..size {
            let (done, rest) = self.entries.split_at_mut(c * stride);
            let target = &mut rest[c..size];
            fill(c, target);
            // Four columns at a time: one pass over the target for each four.
            let mut k = 0;
            while k + 4 <= c {
                let l = |k: usize| &done[k * stride + c..k * stride + size];
                let (l0, l1, l2, l3) = (l(k), l(k + 1), l(k + 2), l(k + 3));
                let f = [l0[0], l1[0], l2[0], l3[0]];
                for ((((t, a), b), c), d) in target.iter_mut().zip(l0).zip(l1).zip(l2).zip(l3) {
                    *t -= (f[0] * a + f[1] * b) + (f[2] * c + f[3] * d);
                }
                k += 4;
            }
            for k in k..c {
                let column = &done[k * stride + c..k * stride + size];
                axpy(-column[0], column, target);
            }
            let pivot = target[0].max(least).sqrt();
            target[0] = pivot;
            for entry in &mut target[1..] {
                *entry /= pivot;
            }
        }
    }

    /// Appends a row: `row` are its entries of `K` with the rows before it, `diagonal` its own.
    pub(super) fn append(&mut self, row: &mut [f64], diagonal: f64, least: f64) {
        self.reserve(self.size + 1);
        self.forward(row);
        let pivot = (diagonal - dot(row, row)).max(least).sqrt();
        let size = self.size;
        for (c, &entry) in row.iter().enumerate() {
            self.entries[c * self.stride + size] = entry;
        }
        self.entries[size * self.stride + size] = pivot;
        self.size += 1;
    }

    /// Removes row and column `p`: the rows below it are rotated (Golub & Van Loan 2013, section
    /// 6.5.4).
    pub(super) fn remove(&mut self, p: usize) {
        let (size, stride) = (self.size, self.stride);
        let mut carried: Vec<f64> = self.column(p, p + 1).to_vec();
        for c in 0..p {
            let start = c * stride;
            self.entries
                .copy_within(start + p + 1..start + size, start + p);
        }
        for c in p + 1..size {
            let (from, to) = (c * stride, (c - 1) * stride);
            self.entries.copy_within(from + c..from + size, to + c - 1);
        }
        self.size -= 1;
        for c in p..self.size {
            let (pivot, rest) = carried.split_at_mut(c - p + 1);
            let value = pivot[c - p];
            if value == 0.0 {
                continue;
            }
            let column = &mut self.entries[c * stride + c..c * stride + self.size];
            let (head, tail) = column.split_at_mut(1);
            let length = (head[0] * head[0] + value * value).sqrt();
            let (cosine, sine) = (head[0] / length, value / length);
            head[0] = length;
            for (l, v) in tail.iter_mut().zip(rest) {
                let rotated = cosine * *l + sine * *v;
                *v = cosine * *v - sine * *l;
                *l = rotated;
            }
        }
    }

    /// `x ← L⁻¹ x`.
    pub(super) fn forward(&self, x: &mut [f64]) {
        for c in 0..self.size {
            let column = self.column(c, c);
            let (head, tail) = x[c..].split_at_mut(1);
            head[0] /= column[0];
            axpy(-head[0], &column[1..], tail);
        }
    }

    /// `x ← L⁻ᵀ x`.
    pub(super) fn backward(&self, x: &mut [f64]) {
        for c in (0..self.size).rev() {
            let column = self.column(c, c);
            let (head, tail) = x[c..].split_at_mut(1);
            head[0] = (head[0] - dot(&column[1..], tail)) / column[0];
        }
    }
}

/// Solves `S x = b` for a small positive semidefinite matrix by Cholesky with diagonal pivoting;
/// directions that depend on others get zero. `matrix` is by rows, `m × m`, and is used up.
pub(super) fn solve_small(matrix: &mut [f64], b: &[f64]) -> Vec<f64> {
    let m = b.len();
    let greatest = (0..m).map(|i| matrix[i * m + i]).fold(0.0, f64::max);
    let scales: Vec<f64> = (0..m).map(|i| matrix[i * m + i]).collect();
    let mut used = vec![false; m];
    let mut order = Vec::with_capacity(m);
    let mut right = b.to_vec();
    for _ in 0..m {
        // The pivot that lost least of itself: ties to the first.
        let mut best: Option<usize> = None;
        for i in (0..m).filter(|&i| !used[i]) {
            if best.is_none_or(|b| matrix[i * m + i] > matrix[b * m + b]) {
                best = Some(i);
            }
        }
        let Some(p) = best else { break };
        let pivot = matrix[p * m + p];
        if pivot <= 1e-13 * scales[p] || pivot <= 1e-26 * greatest || pivot <= 0.0 {
            used[p] = true;
            continue;
        }
        used[p] = true;
        order.push(p);
        for i in (0..m).filter(|&i| !used[i]) {
            let factor = matrix[i * m + p] / pivot;
            if factor == 0.0 {
                continue;
            }
            for j in (0..m).filter(|&j| !used[j]) {
                matrix[i * m + j] -= factor * matrix[p * m + j];
            }
            right[i] -= factor * right[p];
        }
    }
    let mut x = vec![0.0; m];
    for (at, &p) in order.iter().enumerate().rev() {
        let sum: f64 = order[at + 1..]
            .iter()
            .map(|&j| matrix[p * m + j] * x[j])
            .sum();
        x[p] = (right[p] - sum) / matrix[p * m + p];
    }
    x
}
