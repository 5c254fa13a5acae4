//! Least variance with at least a given mean return (Markowitz 1952).

use nalgebra::DVector;

use super::efficient::Efficient;
use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::region::Region;

/// The weights with the least variance among those that return `target_return` or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetReturn;

impl Strategy for TargetReturn {
    fn name(&self) -> &'static str {
        "target-return"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let target = match problem.parameters.target_return {
            Some(target) if target.is_finite() => target,
            other => {
                return Err(Failure::Missing(format!(
                    "target-return needs `target_return`, a mean return per period such as 0.001{}",
                    other
                        .map(|value| format!("; it is {value}"))
                        .unwrap_or_default()
                )));
            }
        };
        let moments = MeanRisk::of(problem, false)?;
        let efficient = Efficient::new(moments.risk(), moments.mean(), region);
        let answer = efficient.with_return(target, None)?;
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
