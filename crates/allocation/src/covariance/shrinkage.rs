//! Shrinking a sample to the identity times its mean variance.

use nalgebra::{DMatrix, DVector};

use super::{centre, count, gram};
use crate::problem::Moments;

/// A shrunk covariance, and how far it was shrunk.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// Sample means and the shrunk covariance.
    pub moments: Moments,
    /// The weight of the target, in [0, 1].
    pub intensity: f64,
}

impl Shrunk {
    pub(super) fn into_moments(self) -> Moments {
        self.moments
    }
}

/// `(1 − ρ) S + ρ μ I`, where `S` is the sample divided by `t` and `μ` its mean variance.
/// `intensity` takes the deviations, `S` and `μ`.
pub(super) fn estimate(
    returns: &DMatrix<f64>,
    intensity: impl Fn(&DMatrix<f64>, &DMatrix<f64>, f64) -> f64,
) -> Option<Shrunk> {
    let (t, n) = returns.shape();
    if t < 2 || n == 0 {
        return None;
    }
    let (mean, deviations) = centre(returns);
    let mut covariance = gram(&deviations);
    covariance *= 1.0 / count(t);
    let target = covariance.trace() / count(n);
    let intensity = intensity(&deviations, &covariance, target);
    covariance *= 1.0 - intensity;
    for index in 0..n {
        covariance[(index, index)] += intensity * target;
    }
    Some(Shrunk {
        moments: Moments { mean, covariance },
        intensity,
    })
}

/// `b² / d²`: the sample's own error against its distance to the target.
pub(super) fn ledoit_wolf_intensity(
    deviations: &DMatrix<f64>,
    sample: &DMatrix<f64>,
    target: f64,
) -> f64 {
    let (t, n) = (count(deviations.nrows()), count(deviations.ncols()));
    let squares = sample.norm_squared();
    // d² = ‖S − μI‖² / n and b² = (Σ ‖x x'‖² / t − ‖S‖²) / (t n), where ‖x x'‖ = x'x.
    let distance = (squares - n * target * target) / n;
    let mut lengths = DVector::<f64>::zeros(deviations.nrows());
    for column in deviations.column_iter() {
        for (length, value) in lengths.iter_mut().zip(column.iter()) {
            *length += value * value;
        }
    }
    let error = (lengths.norm_squared() / t - squares) / (t * n);
    if error <= 0.0 {
        return 0.0;
    }
    // The sample's error cannot exceed its distance, or the target is exact.
    if distance <= error {
        return 1.0;
    }
    error / distance
}

/// `((‖S‖²/n² + μ²)) / ((t + 1)(‖S‖²/n² − μ²/n))`, at most one.
pub(super) fn oracle_approximating_intensity(
    deviations: &DMatrix<f64>,
    sample: &DMatrix<f64>,
    target: f64,
) -> f64 {
    let (t, n) = (count(deviations.nrows()), count(deviations.ncols()));
    let squares = sample.norm_squared() / (n * n);
    let numerator = squares + target * target;
    let denominator = (t + 1.0) * (squares - target * target / n);
    if denominator <= 0.0 {
        return 1.0;
    }
    (numerator / denominator).min(1.0)
}
