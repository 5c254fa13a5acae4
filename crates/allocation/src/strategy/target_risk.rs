//! Greatest mean return with at most a given volatility (Markowitz 1952).

use nalgebra::DVector;

use super::efficient::Efficient;
use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::region::Region;

/// The weights with the greatest mean return among those whose volatility is at most `target_risk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetRisk;

impl Strategy for TargetRisk {
    fn name(&self) -> &'static str {
        "target-risk"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let target = match problem.parameters.target_risk {
            Some(target) if target.is_finite() && target >= 0.0 => target,
            other => {
                return Err(Failure::Missing(format!(
                    "target-risk needs `target_risk`, a volatility per period such as 0.01{}",
                    other
                        .map(|value| format!("; it is {value}"))
                        .unwrap_or_default()
                )));
            }
        };
        let moments = MeanRisk::of(problem, true)?;
        Efficient::new(moments.risk(), moments.mean(), region).with_volatility(target)
    }

    /// Minus the mean return per period.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let moments = MeanRisk::of(problem, false).ok()?;
        Some(-moments.mean().dot(weights))
    }
}
