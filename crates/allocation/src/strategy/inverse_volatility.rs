//! Weights in proportion to the inverse of volatility.

use nalgebra::DVector;

use super::{Candidate, Failure, Strategy, rule};
use crate::moments;
use crate::problem::Problem;
use crate::region::Region;

/// `w ∝ 1/σ` over the assets that may be held: risk parity if all correlations are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InverseVolatility;

impl Strategy for InverseVolatility {
    fn name(&self) -> &'static str {
        "inverse-volatility"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let moments = moments::of(problem)?;
        let open = rule::open(region);
        let scores: Vec<f64> = rule::variances(problem, &moments, &open, self.name())?
            .into_iter()
            .map(|variance| 1.0 / variance.sqrt())
            .collect();
        let weights = rule::spread(problem, region, &open, &scores);
        rule::within(weights, None, region, self.name())
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}
