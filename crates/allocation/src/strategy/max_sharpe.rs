//! Greatest Sharpe ratio: `max (μ'w − r) / √(w'Σw)` (Sharpe 1966).

use nalgebra::DVector;

use super::efficient::Efficient;
use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::region::Region;

/// The weights with the greatest Sharpe ratio against `risk_free`. Where several are (without a
/// risk-free return a mix and its half have the same ratio), the most invested of their ray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxSharpe;

impl Strategy for MaxSharpe {
    fn name(&self) -> &'static str {
        "max-sharpe"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let rate = problem.risk_free;
        if !rate.is_finite() {
            return Err(Failure::Missing(format!(
                "the risk-free return is {rate} and must be a number"
            )));
        }
        let moments = MeanRisk::of(problem, true)?;
        let efficient = Efficient::new(moments.risk(), moments.mean(), region);
        efficient.with_ratio(rate).map_err(|failure| match failure {
            Failure::Missing(reason) => Failure::Missing(format!(
                "no Sharpe ratio is positive within the limits: {reason}, and the risk-free return \
                 is {rate}; loosen the limits or choose min-variance"
            )),
            other => other,
        })
    }

    /// Minus the Sharpe ratio per period; `None` without risk.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let moments = MeanRisk::of(problem, false).ok()?;
        let volatility = moments.variance(weights).sqrt();
        (volatility > 0.0).then(|| (problem.risk_free - moments.mean().dot(weights)) / volatility)
    }
}
