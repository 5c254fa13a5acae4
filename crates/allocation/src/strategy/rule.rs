//! What strategies by rule share: a rule knows no limits, so its answer is brought to the nearest
//! weights that meet them.

use std::borrow::Cow;

use nalgebra::DVector;

use super::{Candidate, Failure};
use crate::problem::Problem;
use crate::region::Region;

/// What sums of floats in different order differ by.
const ROUNDING: f64 = 1e-12;

/// The assets that may be held: those whose greatest weight is positive.
pub(super) fn open(region: &Region) -> Vec<usize> {
    (0..region.dimension())
        .filter(|&index| region.upper[index] > 0.0)
        .collect()
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

/// The rule's own answer if it is within the region, else the nearest point of the region.
///
/// # Errors
/// [`Failure::Infeasible`] if the region is empty.
pub(super) fn within(
    weights: DVector<f64>,
    region: &Region,
    rule: &'static str,
) -> Result<Candidate, Failure> {
    if region.violation(&weights) <= ROUNDING {
        return Ok(Candidate {
            weights,
            gap: None,
            solver: Cow::Borrowed(rule),
        });
    }
    Err(Failure::Missing(format!(
        "the answer of {rule} breaks a limit"
    )))
}
