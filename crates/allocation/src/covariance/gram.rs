//! `s X'X` at half the multiplications of a general product.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector, Dyn};

/// Columns per panel: four times four sums fill half of the registers that every x86-64 has.
const TILE: usize = 4;
/// Rows per pass: two panels stay in the first cache.
const DEPTH: usize = 256;
/// Up to this many columns plain loops are as fast as a general product, and give the same bits on
/// every machine.
const PLAIN: usize = 64;
/// Halves of whole kernels: the general product computes at most this many rows at once.
const KERNEL: usize = 8;

type Panel = [f64; TILE];
type Sums = [[f64; TILE]; TILE];

/// Rows per pass of the general product.
const PASS: usize = 512;
/// Halves of this many columns are not halved again.
const FEW: usize = 48;

/// Rows less their means, each times the root of its weight.
pub(super) struct Deviations<'a> {
    /// `t × n`.
    pub(super) values: &'a DMatrix<f64>,
    /// `n`.
    pub(super) means: &'a DVector<f64>,
    /// `t`; ones if none.
    pub(super) roots: Option<&'a DVector<f64>>,
}

impl Deviations<'_> {
    /// Writes some rows to `block`, column after column.
    fn take(&self, rows: &Range<usize>, block: &mut Vec<f64>) {
        block.clear();
        let columns = self.values.as_slice().chunks_exact(self.values.nrows());
        for (column, mean) in columns.zip(self.means.iter()) {
            let values = column[rows.clone()].iter();
            match self.roots {
                None => block.extend(values.map(|value| value - mean)),
                Some(roots) => block.extend(
                    values
                        .zip(&roots.as_slice()[rows.clone()])
                        .map(|(value, root)| (value - mean) * root),
                ),
            }
        }
    }

    /// `scale · X'X` of the deviations X, symmetric to the bit.
    pub(super) fn gram(&self, scale: f64) -> DMatrix<f64> {
        let (t, n) = self.values.shape();
        if t == 0 || n == 0 {
            DMatrix::zeros(n, n)
        } else if n <= PLAIN {
            plain(self, scale)
        } else {
            halved(self, scale)
        }
    }
}

/// Sums in a fixed order, without fused multiplications.
fn plain(x: &Deviations<'_>, scale: f64) -> DMatrix<f64> {
    let (t, n) = x.values.shape();
    let panels = n.div_ceil(TILE);
    let mut tiles = vec![[[0.0; TILE]; TILE]; panels * (panels + 1) / 2];
    let mut packed: Vec<Panel> = vec![[0.0; TILE]; panels * DEPTH.min(t)];
    let mut block = Vec::new();
    for start in (0..t).step_by(DEPTH) {
        let depth = DEPTH.min(t - start);
        x.take(&(start..start + depth), &mut block);
        for (index, column) in block.chunks_exact(depth).enumerate() {
            let panel = &mut packed[(index / TILE) * depth..][..depth];
            for (row, value) in panel.iter_mut().zip(column) {
                row[index % TILE] = *value;
            }
        }
        let mut tile = tiles.iter_mut();
        for (index, left) in packed.chunks_exact(depth).take(panels).enumerate() {
            let rights = packed.chunks_exact(depth).take(index + 1);
            for (right, sums) in rights.zip(&mut tile) {
                accumulate(left, right, sums);
            }
        }
    }
    let mut product = DMatrix::zeros(n, n);
    let mut tile = tiles.iter();
    for left in 0..panels {
        for (right, sums) in (0..=left).zip(&mut tile) {
            for (i, row) in (left * TILE..n).zip(sums) {
                for (j, value) in (right * TILE..n).zip(row) {
                    product[(i, j)] = scale * value;
                    product[(j, i)] = scale * value;
                }
            }
        }
    }
    product
}

/// Adds the outer products of the rows of two panels.
fn accumulate(left: &[Panel], right: &[Panel], sums: &mut Sums) {
    let mut sum = *sums;
    for (a, b) in left.iter().zip(right) {
        for (row, a) in sum.iter_mut().zip(a) {
            for (value, b) in row.iter_mut().zip(b) {
                *value += a * b;
            }
        }
    }
    *sums = sum;
}

/// Splits the columns in halves until they are few: one general product for each pair of halves.
fn halved(x: &Deviations<'_>, scale: f64) -> DMatrix<f64> {
    let (t, n) = x.values.shape();
    let mut product = DMatrix::zeros(n, n);
    let mut block = Vec::with_capacity(PASS.min(t) * n);
    for start in (0..t).step_by(PASS) {
        let rows = start..t.min(start + PASS);
        x.take(&rows, &mut block);
        add_upper(&block, scale, &mut product, 0..n);
    }
    mirror(&mut product);
    product
}

/// Adds `scale · X'X` of a block, column after column, above the diagonal.
fn add_upper(block: &[f64], scale: f64, product: &mut DMatrix<f64>, columns: Range<usize>) {
    // The transpose without a copy: nalgebra has no type for it, but its product takes any strides.
    let n = product.ncols();
    let t = block.len() / n;
    let x = DMatrixView::from_slice(block, t, n);
    let transposed: DMatrixView<'_, f64, Dyn, Dyn> =
        DMatrixView::from_slice_with_strides_generic(block, Dyn(n), Dyn(t), Dyn(t), Dyn(1));
    let mut multiply = |rows: Range<usize>, columns: Range<usize>| {
        product
            .view_mut((rows.start, columns.start), (rows.len(), columns.len()))
            .gemm(
                scale,
                &transposed.rows(rows.start, rows.len()),
                &x.columns(columns.start, columns.len()),
                1.0,
            );
    };
    if columns.len() <= FEW {
        multiply(columns.clone(), columns);
        return;
    }
    let middle = columns.start + (columns.len() / 2).next_multiple_of(KERNEL);
    multiply(columns.start..middle, middle..columns.end);
    add_upper(block, scale, product, columns.start..middle);
    add_upper(block, scale, product, middle..columns.end);
}

/// Copies the upper triangle to the lower, in blocks that fit the cache.
fn mirror(matrix: &mut DMatrix<f64>) {
    const BLOCK: usize = 32;
    let n = matrix.ncols();
    for left in (0..n).step_by(BLOCK) {
        for top in (left..n).step_by(BLOCK) {
            for column in left..n.min(left + BLOCK) {
                for row in top.max(column + 1)..n.min(top + BLOCK) {
                    matrix[(row, column)] = matrix[(column, row)];
                }
            }
        }
    }
}
