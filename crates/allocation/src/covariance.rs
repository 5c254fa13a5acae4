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
    let covariance = gram(&deviations, 1.0 / count(t - 1));
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
    let (t, n) = rows.shape();
    let roots = probabilities.map(f64::sqrt);
    let mut mean = Vec::with_capacity(n);
    let mut scaled = Vec::with_capacity(t * n);
    for column in rows.column_iter() {
        let centre = column.dot(probabilities);
        let deviations = column.as_slice().iter().zip(roots.as_slice());
        scaled.extend(deviations.map(|(value, root)| (value - centre) * root));
        mean.push(centre);
    }
    let (mean, scaled) = (DVector::from_vec(mean), DMatrix::from_vec(t, n, scaled));
    let covariance = gram(&scaled, 1.0);
    Moments { mean, covariance }
}

/// Column means, and what is left without them.
fn centre(returns: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let (t, n) = returns.shape();
    let mut means = Vec::with_capacity(n);
    let mut deviations = Vec::with_capacity(t * n);
    for column in returns.as_slice().chunks_exact(t.max(1)) {
        let mean = sum(column) / count(t);
        deviations.extend(column.iter().map(|value| value - mean));
        means.push(mean);
    }
    (
        DVector::from_vec(means),
        DMatrix::from_vec(t, n, deviations),
    )
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
