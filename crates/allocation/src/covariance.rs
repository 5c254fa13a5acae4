//! Covariances and means of a history of returns.
//!
//! Every estimator takes returns `t × n`, oldest first, and gives a symmetric, positive semidefinite
//! matrix `n × n` per period. Where `t ≤ n` the sample is singular; the shrinking estimators are not.

mod gram;
mod shrinkage;

use nalgebra::{DMatrix, DVector};

pub use shrinkage::Shrunk;

use crate::problem::{Estimator, Moments};
use gram::gram;

/// Means and covariance of `returns` (`t × n`, `t ≥ 2`) by `estimator`. The mean is the sample's,
/// and for [`Estimator::Exponential`] it has the same weights as the covariance.
///
/// `None` if there are fewer than two periods, or a half-life that is not positive or so short that
/// one period has all the weight.
#[must_use]
pub fn estimate(returns: &DMatrix<f64>, estimator: Estimator) -> Option<Moments> {
    match estimator {
        Estimator::Sample => sample(returns),
        Estimator::Exponential { half_life } => exponential(returns, half_life),
        Estimator::LedoitWolf => ledoit_wolf(returns).map(Shrunk::into_moments),
        Estimator::OracleApproximating => oracle_approximating(returns).map(Shrunk::into_moments),
    }
}

/// The unbiased sample covariance, `Σ (x − m)(x − m)' / (t − 1)`.
#[must_use]
pub fn sample(returns: &DMatrix<f64>) -> Option<Moments> {
    let t = returns.nrows();
    if t < 2 {
        return None;
    }
    let (mean, deviations) = centre(returns);
    let mut covariance = gram(&deviations);
    covariance *= 1.0 / count(t - 1);
    Some(Moments { mean, covariance })
}

/// The exponentially weighted covariance: the weight of a period halves every `half_life` periods
/// that it is older, `Σ w (x − m)(x − m)' / (1 − Σ w²)` with `Σ w = 1` and `m = Σ w x`. The divisor
/// makes it unbiased for independent returns; a long half-life gives [`sample`].
#[must_use]
pub fn exponential(returns: &DMatrix<f64>, half_life: f64) -> Option<Moments> {
    let t = returns.nrows();
    if t < 2 {
        return None;
    }
    let weights = exponential_weights(t, half_life)?;
    // The rest of the squared weights, without the cancellation of `1 − Σ w²` for a short half-life,
    // where the newest weight is nearly one.
    let rest: f64 = weights.iter().map(|weight| weight * (1.0 - weight)).sum();
    let mut moments = weighted(returns, &weights);
    moments.covariance *= 1.0 / rest;
    (rest >= f64::MIN_POSITIVE).then_some(moments)
}

/// Weights of `t` periods, oldest first, that halve every `half_life` periods back and sum to one.
/// `None` if there is no period or the half-life is not positive.
#[must_use]
pub fn exponential_weights(t: usize, half_life: f64) -> Option<DVector<f64>> {
    if t == 0 || half_life.is_nan() || half_life <= 0.0 {
        return None;
    }
    let raw = DVector::from_fn(t, |row, _| libm::exp2(-count(t - 1 - row) / half_life));
    let sum = raw.sum();
    Some(raw / sum)
}

/// Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices":
/// the sample (divided by `t`) shrunk to the identity times its mean variance, by the intensity of
/// their lemmas 3.2–3.4 that minimises the expected squared error.
#[must_use]
pub fn ledoit_wolf(returns: &DMatrix<f64>) -> Option<Shrunk> {
    shrinkage::estimate(returns, shrinkage::ledoit_wolf_intensity)
}

/// Chen, Wiesel, Eldar & Hero (2010), "Shrinkage algorithms for MMSE covariance estimation": as
/// [`ledoit_wolf`] by the oracle approximating intensity, eq. 23. As in scikit-learn, the terms of
/// the equation that vanish as `1/n` are left out.
#[must_use]
pub fn oracle_approximating(returns: &DMatrix<f64>) -> Option<Shrunk> {
    shrinkage::estimate(returns, shrinkage::oracle_approximating_intensity)
}

/// Means and covariance of rows with probabilities that sum to one, `Σ p (x − m)(x − m)'`: exact for
/// a discrete distribution.
#[must_use]
pub fn weighted(rows: &DMatrix<f64>, probabilities: &DVector<f64>) -> Moments {
    let t = rows.nrows();
    let mut scaled = rows.clone();
    let mean = DVector::from_iterator(
        rows.ncols(),
        rows.column_iter().map(|column| column.dot(probabilities)),
    );
    let roots = probabilities.map(f64::sqrt);
    for (column, mean) in columns_mut(&mut scaled, t).zip(mean.iter()) {
        for (value, root) in column.iter_mut().zip(roots.iter()) {
            *value = (*value - mean) * root;
        }
    }
    let covariance = gram(&scaled);
    Moments { mean, covariance }
}

/// Column means, and what is left without them.
fn centre(returns: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let t = returns.nrows();
    let mut deviations = returns.clone();
    let mut means = Vec::with_capacity(returns.ncols());
    for column in columns_mut(&mut deviations, t) {
        let mean = sum(column) / count(t);
        for value in column {
            *value -= mean;
        }
        means.push(mean);
    }
    (DVector::from_vec(means), deviations)
}

/// The columns of a matrix of `t` rows.
fn columns_mut(matrix: &mut DMatrix<f64>, t: usize) -> std::slice::ChunksExactMut<'_, f64> {
    matrix.as_mut_slice().chunks_exact_mut(t.max(1))
}

/// The sum in four lanes: faster and more exact than one after the other.
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// A number of periods or assets as a float; exact below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}
