//! Whether a symmetric matrix is positive semidefinite.

use nalgebra::DMatrix;

/// Eigenvalues of the correlation matrix down to minus this count as rounding.
const TOLERANCE: f64 = 1e-8;

/// The first row with which the matrix is not positive semidefinite, by a Cholesky factorisation of
/// its correlation matrix plus a small multiple of the identity. `None` if it is.
///
/// The matrix is finite and symmetric, its diagonal is not negative.
pub(super) fn breaks(matrix: &DMatrix<f64>) -> Option<usize> {
    let n = matrix.nrows();
    let scale: Vec<f64> = (0..n).map(|row| matrix[(row, row)].sqrt()).collect();
    // Row-major, so that each inner product runs along two slices.
    let mut factor = vec![0.0; n * n];
    for row in 0..n {
        let (done, rest) = factor.split_at_mut(row * n);
        let current = &mut rest[..n];
        for column in 0..row {
            let size = scale[row] * scale[column];
            let entry = matrix[(row, column)];
            let correlation = if size > 0.0 {
                entry / size
            } else if entry == 0.0 {
                0.0
            } else {
                // A covariance beside a variance of zero.
                return Some(row);
            };
            let before = &done[column * n..=column * n + column];
            let sum = correlation - dot(&before[..column], &current[..column]);
            current[column] = sum / before[column];
        }
        let rest = 1.0 + TOLERANCE - dot(&current[..row], &current[..row]);
        if rest.is_nan() || rest <= 0.0 {
            return Some(row);
        }
        current[row] = rest.sqrt();
    }
    None
}

/// An inner product with eight sums, so that it is fast; the order is fixed.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left_chunks, right_chunks) = (left.chunks_exact(8), right.chunks_exact(8));
    let tail: f64 = left_chunks
        .remainder()
        .iter()
        .zip(right_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in left_chunks.zip(right_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}
