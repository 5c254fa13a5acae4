//! What strategies by rule share: a rule knows no limits, so its answer is brought to the nearest
//! weights that meet them.

use std::borrow::Cow;

use nalgebra::DVector;

use super::{Candidate, Failure};
use crate::problem::{Moments, Problem};
use crate::qp;
use crate::region::Region;

/// What sums of floats in different order differ by.
const ROUNDING: f64 = 1e-12;

/// The assets that may be held: those whose greatest weight is positive.
pub(super) fn open(region: &Region) -> Vec<usize> {
    (0..region.dimension())
        .filter(|&index| region.upper[index] > 0.0)
        .collect()
}

/// `n` equal shares.
#[allow(clippy::cast_precision_loss)]
pub(super) fn equal(n: usize) -> DVector<f64> {
    DVector::repeat(n, 1.0 / n as f64)
}

/// Weights in proportion to `scores` (positive, one for each of `open`), whose sum is what may be
/// invested: the whole capital, or less if there is a reserve, or more if more must be invested.
pub(super) fn spread(
    problem: &Problem,
    region: &Region,
    open: &[usize],
    scores: &[f64],
) -> DVector<f64> {
    let (least, most) = problem.limits.invested;
    let invested = most.min(1.0).max(least);
    let sum: f64 = scores.iter().sum();
    let mut weights = DVector::zeros(region.dimension());
    for (&index, score) in open.iter().zip(scores) {
        weights[index] = invested * (score / sum);
    }
    weights
}

/// Variances of `open` assets.
///
/// # Errors
/// [`Failure::Missing`] if one is not positive: what never moves has no place in a rule that divides
/// by risk.
pub(super) fn variances(
    problem: &Problem,
    moments: &Moments,
    open: &[usize],
    rule: &'static str,
) -> Result<Vec<f64>, Failure> {
    let (n, shape) = (problem.assets.len(), moments.covariance.shape());
    if shape != (n, n) {
        return Err(Failure::Missing(format!(
            "the covariance has {} × {} numbers; give {n} × {n}",
            shape.0, shape.1
        )));
    }
    open.iter()
        .map(|&index| {
            let variance = moments.covariance[(index, index)];
            if variance > 0.0 && variance.is_finite() {
                return Ok(variance);
            }
            Err(Failure::Missing(format!(
                "{rule} divides by each asset's risk, and the variance of `{}` is {variance}; hold it \
                 as cash, leave it out or set its greatest weight to 0",
                problem.assets.get(index).map_or("", String::as_str)
            )))
        })
        .collect()
}

/// The rule's own answer if it is within the region, else the nearest point of the region. `gap` is
/// how far the answer may be from what the rule defines, where that is found by iteration.
///
/// # Errors
/// As [`qp::nearest`].
pub(super) fn within(
    weights: DVector<f64>,
    gap: Option<f64>,
    region: &Region,
    rule: &'static str,
) -> Result<Candidate, Failure> {
    if region.violation(&weights) <= ROUNDING {
        return Ok(Candidate {
            weights,
            gap,
            solver: Cow::Borrowed(rule),
        });
    }
    let nearest = qp::nearest(&weights, region)?;
    Ok(Candidate {
        solver: format!("{rule}, then the nearest point by {}", nearest.solver).into(),
        ..nearest
    })
}
