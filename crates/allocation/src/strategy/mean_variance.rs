//! Mean-variance utility: `max μ'w − λ/2 · w'Σw` (Markowitz 1952).

use nalgebra::DVector;

use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::qp::{Risk, minimise};
use crate::region::Region;

/// The weights with the greatest mean-variance utility at `risk_aversion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeanVariance;

impl Strategy for MeanVariance {
    fn name(&self) -> &'static str {
        "mean-variance"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let Some(aversion) = problem.parameters.risk_aversion else {
            return Err(Failure::Missing(
                "mean-variance needs `risk_aversion`, such as 2".to_owned(),
            ));
        };
        if !aversion.is_finite() || aversion < 0.0 {
            return Err(Failure::Missing(format!(
                "`risk_aversion` is {aversion} and must be a number that is not negative"
            )));
        }
        let moments = MeanRisk::of(problem, false)?;
        // In units of the risk, so that the scale of its entries is the problem's own.
        let (risk, unit) = if aversion > 0.0 {
            (moments.risk(), aversion)
        } else {
            (Risk::Linear, 1.0)
        };
        let linear = moments.mean() * (-1.0 / unit);
        let answer = minimise(risk, &linear, region, None)?;
        Ok(Candidate {
            gap: Some(answer.gap * unit),
            weights: answer.weights,
            solver: answer.method,
        })
    }

    /// Minus the utility.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let moments = MeanRisk::of(problem, false).ok()?;
        let aversion = problem.parameters.risk_aversion?;
        Some(0.5 * aversion * moments.variance(weights) - moments.mean().dot(weights))
    }
}
