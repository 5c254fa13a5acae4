//! The inverse of a small square matrix whose rows and columns come and go.

/// `C⁻¹` for a matrix `C` of basic columns and tight rows, dense, by rows: row `a` belongs to the
/// `a`-th column of `C`, column `b` to the `b`-th row of `C`.
#[derive(Debug, Clone, Default)]
pub(super) struct Inverse {
    size: usize,
    stride: usize,
    entries: Vec<f64>,
}

impl Inverse {
    pub(super) fn row(&self, a: usize) -> &[f64] {
        let start = a * self.stride;
        &self.entries[start..start + self.size]
    }

    fn row_mut(&mut self, a: usize) -> &mut [f64] {
        let start = a * self.stride;
        &mut self.entries[start..start + self.size]
    }

    /// `C⁻¹ v` into `out`.
    pub(super) fn times(&self, v: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend((0..self.size).map(|a| dot(self.row(a), v)));
    }

    /// `v' C⁻¹` into `out`.
    pub(super) fn transposed_times(&self, v: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.size, 0.0);
        let rows: Vec<(f64, &[f64])> = v
            .iter()
            .enumerate()
            .filter(|(_, factor)| **factor != 0.0)
            .map(|(a, factor)| (*factor, self.row(a)))
            .collect();
        add_all_scaled(out, &rows);
    }

    /// The `b`-th column into `out`.
    pub(super) fn column(&self, b: usize, out: &mut Vec<f64>) {
        out.clear();
        out.extend((0..self.size).map(|a| self.row(a)[b]));
    }

    fn reserve(&mut self, size: usize) {
        if size <= self.stride {
            return;
        }
        let stride = (2 * size).max(16);
        let mut entries = vec![0.0; stride * stride];
        for a in 0..self.size {
            entries[a * stride..a * stride + self.size].copy_from_slice(self.row(a));
        }
        self.entries = entries;
        self.stride = stride;
    }

    /// Column `a` of `C` becomes another: `u` is `C⁻¹` times the new one, `u[a]` is the pivot.
    pub(super) fn replace_column(&mut self, a: usize, u: &[f64]) {
        let pivot = u[a];
        let scaled: Vec<f64> = self.row(a).iter().map(|entry| entry / pivot).collect();
        for (r, &factor) in u.iter().enumerate() {
            if r != a && factor != 0.0 {
                add_scaled(self.row_mut(r), -factor, &scaled);
            }
        }
        self.row_mut(a).copy_from_slice(&scaled);
    }

    /// Row `b` of `C` becomes another: `v` is the new one times `C⁻¹`, `v[b]` is the pivot.
    pub(super) fn replace_row(&mut self, b: usize, v: &[f64]) {
        let pivot = v[b];
        for a in 0..self.size {
            let row = self.row_mut(a);
            let factor = row[b] / pivot;
            if factor != 0.0 {
                add_scaled(row, -factor, v);
            }
            row[b] = factor;
        }
    }

    /// `C` gains a column and a row at the end: `u` is `C⁻¹` times the column, `v` the row times
    /// `C⁻¹`, `pivot` the corner's Schur complement.
    pub(super) fn grow(&mut self, u: &[f64], v: &[f64], pivot: f64) {
        let size = self.size;
        self.reserve(size + 1);
        for (a, &entry) in u.iter().enumerate() {
            let factor = entry / pivot;
            add_scaled(self.row_mut(a), factor, v);
            self.entries[a * self.stride + size] = -factor;
        }
        let start = size * self.stride;
        for (b, &entry) in v.iter().enumerate() {
            self.entries[start + b] = -entry / pivot;
        }
        self.entries[start + size] = 1.0 / pivot;
        self.size = size + 1;
    }

    /// `C` loses column `a` and row `b`; the last of each takes the place.
    pub(super) fn shrink(&mut self, a: usize, b: usize) {
        let scaled: Vec<f64> = {
            let row = self.row(a);
            row.iter().map(|entry| entry / row[b]).collect()
        };
        let last = self.size - 1;
        for r in 0..self.size {
            let row = self.row_mut(r);
            let factor = row[b];
            if r != a && factor != 0.0 {
                add_scaled(row, -factor, &scaled);
            }
            row[b] = row[last];
        }
        if a != last {
            let (head, tail) = self.entries.split_at_mut(last * self.stride);
            let start = a * self.stride;
            head[start..start + last].copy_from_slice(&tail[..last]);
        }
        self.size = last;
    }

    /// Inverts `matrix`, `size × size` by rows, with partial pivoting. Rows and columns of it that
    /// depend on the others (pivot below `tolerance`) come back as pairs `(column, row)`; then
    /// nothing else is changed.
    pub(super) fn invert(
        &mut self,
        mut matrix: Vec<f64>,
        size: usize,
        tolerance: f64,
    ) -> Result<(), Vec<(usize, usize)>> {
        let mut inverse = vec![0.0; size * size];
        for i in 0..size {
            inverse[i * size + i] = 1.0;
        }
        // order[i]: which row of `matrix` stands at place i.
        let mut order: Vec<usize> = (0..size).collect();
        let mut dependent = Vec::new();
        let mut place = 0;
        let mut pivots = Vec::with_capacity(size);
        for column in 0..size {
            let mut best = place;
            let mut magnitude = 0.0;
            for row in place..size {
                let entry = matrix[row * size + column].abs();
                if entry > magnitude {
                    magnitude = entry;
                    best = row;
                }
            }
            if magnitude < tolerance {
                dependent.push(column);
                continue;
            }
            if best != place {
                order.swap(best, place);
                for k in 0..size {
                    matrix.swap(best * size + k, place * size + k);
                    inverse.swap(best * size + k, place * size + k);
                }
            }
            let scale = 1.0 / matrix[place * size + column];
            let mut pivot_row = matrix[place * size..(place + 1) * size].to_vec();
            let mut pivot_inverse = inverse[place * size..(place + 1) * size].to_vec();
            pivot_row.iter_mut().for_each(|entry| *entry *= scale);
            pivot_inverse.iter_mut().for_each(|entry| *entry *= scale);
            for row in 0..size {
                let factor = matrix[row * size + column];
                if row != place && factor != 0.0 {
                    add_scaled(
                        &mut matrix[row * size + column..(row + 1) * size],
                        -factor,
                        &pivot_row[column..],
                    );
                    add_scaled(
                        &mut inverse[row * size..(row + 1) * size],
                        -factor,
                        &pivot_inverse,
                    );
                }
            }
            matrix[place * size..(place + 1) * size].copy_from_slice(&pivot_row);
            inverse[place * size..(place + 1) * size].copy_from_slice(&pivot_inverse);
            pivots.push(column);
            place += 1;
        }
        if !dependent.is_empty() {
            return Err(dependent
                .into_iter()
                .zip(order[place..].iter().copied())
                .collect());
        }
        self.size = 0;
        self.reserve(size);
        self.size = size;
        for a in 0..size {
            self.row_mut(a)
                .copy_from_slice(&inverse[a * size..(a + 1) * size]);
        }
        Ok(())
    }
}

/// `out += factor · v`.
pub(super) fn add_scaled(out: &mut [f64], factor: f64, v: &[f64]) {
    for (target, &entry) in out.iter_mut().zip(v) {
        *target += factor * entry;
    }
}

/// `out += Σ factor · v`, four at a time.
pub(super) fn add_all_scaled(out: &mut [f64], terms: &[(f64, &[f64])]) {
    let size = out.len();
    let mut fours = terms.chunks_exact(4);
    for four in &mut fours {
        let [(p, a), (q, b), (r, c), (s, d)] = [four[0], four[1], four[2], four[3]];
        let (a, b, c, d) = (&a[..size], &b[..size], &c[..size], &d[..size]);
        for (place, target) in out.iter_mut().enumerate() {
            *target += (p * a[place] + q * b[place]) + (r * c[place] + s * d[place]);
        }
    }
    for &(factor, v) in fours.remainder() {
        add_scaled(out, factor, v);
    }
}

/// `u · v`, in four partial sums.
pub(super) fn dot(u: &[f64], v: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (left, right) = (u.chunks_exact(4), v.chunks_exact(4));
    let rest: f64 = left
        .remainder()
        .iter()
        .zip(right.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in left.zip(right) {
        for k in 0..4 {
            sums[k] += a[k] * b[k];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}
