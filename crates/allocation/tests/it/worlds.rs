//! Small problems for the tests of strategies.

use airdrops_allocation::problem::{
    Costs, Estimator, Limits, Moments, Parameters, Problem, Returns,
};
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A vector of these numbers.
pub(crate) fn vector(values: &[f64]) -> DVector<f64> {
    DVector::from_column_slice(values)
}

/// A matrix of these rows, one after the other.
pub(crate) fn matrix(rows: usize, values: &[f64]) -> DMatrix<f64> {
    DMatrix::from_row_slice(rows, values.len() / rows, values)
}

/// A fully invested problem without shorts, its assets called `a`, `b`, ….
pub(crate) fn long_only(returns: Returns) -> Problem {
    let n = match &returns {
        Returns::Moments(moments) => moments.mean.len(),
        Returns::History(history) => history.ncols(),
        Returns::Scenarios(scenarios) => scenarios.gross.ncols(),
    };
    Problem {
        assets: (0..n).map(name).collect(),
        returns,
        estimator: Estimator::Sample,
        limits: Limits::long_only(n),
        current: DVector::zeros(n),
        costs: Costs::default(),
        parameters: Parameters::default(),
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: Usd::dollars(100_000),
    }
}

/// The same with zero means and this covariance.
pub(crate) fn with_covariance(covariance: DMatrix<f64>) -> Problem {
    let mean = DVector::zeros(covariance.nrows());
    long_only(Returns::Moments(Moments { mean, covariance }))
}

/// The covariance of these volatilities and correlations.
pub(crate) fn covariance_of(volatilities: &[f64], correlation: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(volatilities.len(), volatilities.len(), |i, j| {
        volatilities[i] * volatilities[j] * correlation[(i, j)]
    })
}

/// Smooth returns that a few lines of any language repeat.
pub(crate) fn waves(t: usize, n: usize) -> DMatrix<f64> {
    DMatrix::from_fn(t, n, |row, column| {
        let (r, c) = (row as f64, column as f64);
        (1.0 + 0.7 * (r + 1.0) * (c + 1.0) + c * c).sin() * (0.01 * (c + 1.0)) + 0.001 * c
    })
}

/// Returns with a common factor and unlike volatilities.
pub(crate) fn random_returns(t: usize, n: usize, seed: u64) -> DMatrix<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let loadings: Vec<f64> = (0..n).map(|_| random.random_range(-0.2..1.0)).collect();
    let scales: Vec<f64> = (0..n).map(|_| random.random_range(0.002..0.05)).collect();
    let factor: Vec<f64> = (0..t).map(|_| random.random_range(-1.0..1.0)).collect();
    DMatrix::from_fn(t, n, |row, column| {
        scales[column] * (loadings[column] * factor[row] + random.random_range(-1.0..1.0))
    })
}

fn name(index: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(index % 26).unwrap());
    if index < 26 {
        letter.to_string()
    } else {
        format!("{letter}{}", index / 26)
    }
}
