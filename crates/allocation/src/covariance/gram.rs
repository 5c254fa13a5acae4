//! `X'X` at half the multiplications of a general product.

use nalgebra::{DMatrix, DMatrixView, Dyn};

/// Columns per panel: four times four sums fill half of the registers that every x86-64 has.
const TILE: usize = 4;
/// Rows per pass: two panels stay in the first cache.
const DEPTH: usize = 256;
/// Up to this many columns plain loops are as fast as a general product, and give the same bits on
/// every machine.
const PLAIN: usize = 64;

type Panel = [f64; TILE];
type Sums = [[f64; TILE]; TILE];

/// `X'X` of `x` (`t × n`), symmetric to the bit.
pub(super) fn gram(x: &DMatrix<f64>) -> DMatrix<f64> {
    if x.ncols() <= PLAIN || x.nrows() == 0 {
        plain(x)
    } else {
        halved(x)
    }
}

/// Sums in a fixed order, without fused multiplications.
fn plain(x: &DMatrix<f64>) -> DMatrix<f64> {
    let (t, n) = x.shape();
    let panels = n.div_ceil(TILE);
    let mut tiles = vec![[[0.0; TILE]; TILE]; panels * (panels + 1) / 2];
    let mut packed: Vec<Panel> = vec![[0.0; TILE]; panels * DEPTH.min(t)];
    let mut start = 0;
    while start < t {
        let depth = DEPTH.min(t - start);
        for (index, column) in x.as_slice().chunks_exact(t).enumerate() {
            let panel = &mut packed[(index / TILE) * depth..][..depth];
            for (row, value) in panel.iter_mut().zip(&column[start..start + depth]) {
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
        start += depth;
    }
    let mut product = DMatrix::zeros(n, n);
    let mut tile = tiles.iter();
    for left in 0..panels {
        for (right, sums) in (0..=left).zip(&mut tile) {
            for (i, row) in (left * TILE..n).zip(sums) {
                for (j, value) in (right * TILE..n).zip(row) {
                    product[(i, j)] = *value;
                    product[(j, i)] = *value;
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
fn halved(x: &DMatrix<f64>) -> DMatrix<f64> {
    let n = x.ncols();
    let mut product = DMatrix::zeros(n, n);
    fill_upper(x, &mut product, 0, n);
    mirror(&mut product);
    product
}

fn fill_upper(x: &DMatrix<f64>, product: &mut DMatrix<f64>, start: usize, end: usize) {
    // The transpose without a copy: nalgebra has no type for it, but its product takes any strides.
    let (t, n) = x.shape();
    let transposed: DMatrixView<'_, f64, Dyn, Dyn> =
        DMatrixView::from_slice_with_strides_generic(x.as_slice(), Dyn(n), Dyn(t), Dyn(t), Dyn(1));
    let mut multiply = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        product
            .view_mut((rows.start, columns.start), (rows.len(), columns.len()))
            .gemm(
                1.0,
                &transposed.rows(rows.start, rows.len()),
                &x.columns(columns.start, columns.len()),
                0.0,
            );
    };
    if end - start <= PLAIN {
        multiply(start..end, start..end);
        return;
    }
    let middle = start.midpoint(end);
    multiply(start..middle, middle..end);
    fill_upper(x, product, start, middle);
    fill_upper(x, product, middle, end);
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
