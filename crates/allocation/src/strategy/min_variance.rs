//! Least variance: `min w'Σw` (Markowitz 1952).

use nalgebra::DVector;

use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::qp::minimise;
use crate::region::Region;

/// The weights with the least variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinVariance;

impl Strategy for MinVariance {
    fn name(&self) -> &'static str {
        "min-variance"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let moments = MeanRisk::of(problem, false)?;
        let linear = DVector::zeros(region.dimension());
        let answer = minimise(moments.risk(), &linear, region, None)?;
        Ok(Candidate {
            gap: Some(2.0 * answer.gap),
            weights: answer.weights,
            solver: answer.method,
        })
    }

    /// The variance per period.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let moments = MeanRisk::of(problem, false).ok()?;
        Some(moments.variance(weights))
    }
}
