//! Means and covariances of a problem, whatever its returns are given as.

use std::borrow::Cow;

use nalgebra::DVector;

use crate::problem::{Estimator, Moments, Problem, Returns};
use crate::strategy::Failure;

/// Moments of net simple returns per period: those given, those of the history (sample covariance),
/// or the exact ones of the scenarios.
///
/// # Errors
/// [`Failure::Missing`] if the history is shorter than two periods or another estimator is asked for.
pub fn of(problem: &Problem) -> Result<Cow<'_, Moments>, Failure> {
    let (values, shares, shift) = match &problem.returns {
        Returns::Moments(moments) => return Ok(Cow::Borrowed(moments)),
        Returns::History(returns) => {
            let t = returns.nrows();
            if t < 2 || problem.estimator != Estimator::Sample {
                return Err(Failure::Missing(format!(
                    "a sample covariance needs at least 2 periods of returns, and there are {t}; give \
                     a longer history, or mu and cov"
                )));
            }
            (returns, DVector::repeat(t, 1.0 / t as f64), 0.0)
        }
        Returns::Scenarios(scenarios) => (&scenarios.gross, scenarios.probabilities.clone(), 1.0),
    };
    let mean = values.transpose() * &shares;
    let unbiased = if shift > 0.0 {
        1.0
    } else {
        1.0 - 1.0 / shares.len() as f64
    };
    let mut centred = values.clone();
    for (i, mut column) in centred.column_iter_mut().enumerate() {
        for (value, share) in column.iter_mut().zip(shares.iter()) {
            *value = (*value - mean[i]) * (share / unbiased).sqrt();
        }
    }
    let covariance = centred.transpose() * &centred;
    Ok(Cow::Owned(Moments {
        mean: mean.add_scalar(-shift),
        covariance,
    }))
}
