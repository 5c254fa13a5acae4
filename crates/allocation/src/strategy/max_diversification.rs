//! Greatest diversification ratio: `max w'σ / √(w'Σw)` (Choueifaty & Coignard 2008, eq. 1).

use nalgebra::DVector;

use super::efficient::Efficient;
use super::mean_risk::MeanRisk;
use super::{Candidate, Failure, Strategy};
use crate::problem::Problem;
use crate::region::Region;

/// The weights whose volatility is smallest against the average volatility of what they hold; the
/// most invested where a mix and its half are both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxDiversification;

impl Strategy for MaxDiversification {
    fn name(&self) -> &'static str {
        "max-diversification"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let moments = MeanRisk::of(problem, true)?;
        let volatilities = moments.volatilities();
        let efficient = Efficient::new(moments.risk(), &volatilities, region);
        efficient.with_ratio(0.0).map_err(|failure| match failure {
            Failure::Missing(_) => Failure::Missing(
                "nothing with any risk can be held within the limits: loosen them or choose another \
                 strategy"
                    .to_owned(),
            ),
            Failure::Unbounded(_) => Failure::Unbounded(
                "some mix of risky assets has no risk at all, so the diversification ratio has no \
                 greatest value: check the covariance, or choose an estimator that shrinks it"
                    .to_owned(),
            ),
            other => other,
        })
    }

    /// Minus the diversification ratio; `None` without risk.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let moments = MeanRisk::of(problem, false).ok()?;
        let volatility = moments.variance(weights).sqrt();
        (volatility > 0.0).then(|| -moments.volatilities().dot(weights) / volatility)
    }
}
