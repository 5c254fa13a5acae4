//! The efficient frontier: the least volatility at each mean return that the limits allow.

use nalgebra::DVector;

use crate::problem::Problem;
use crate::qp::minimise;
use crate::region::Region;
use crate::strategy::Failure;
use crate::strategy::efficient::Efficient;
use crate::strategy::mean_risk::MeanRisk;

/// One point of the frontier.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontierPoint {
    /// Mean return per period.
    pub expected_return: f64,
    /// Volatility per period.
    pub volatility: f64,
    /// Weights, `n`, in fractions of capital.
    pub weights: DVector<f64>,
}

/// `points` points from the least variance to the greatest return, evenly spaced in return; one where
/// both are the same. Each starts from the one before.
///
/// # Errors
/// As [`minimise`], and what the moments of the problem lack.
pub fn frontier(
    problem: &Problem,
    region: &Region,
    points: usize,
) -> Result<Vec<FrontierPoint>, Failure> {
    let moments = MeanRisk::of(problem, true)?;
    let mean = moments.mean();
    let point = |weights: DVector<f64>| FrontierPoint {
        expected_return: mean.dot(&weights),
        volatility: moments.variance(&weights).sqrt(),
        weights,
    };
    let zero = DVector::zeros(region.dimension());
    let first = point(minimise(moments.risk(), &zero, region, None)?.weights);
    let efficient = Efficient::new(moments.risk(), mean, region);
    let (top, _) = efficient.greatest()?;
    let (from, to) = (first.expected_return, -top.objective);
    let mut found = vec![first];
    if points < 2 || to - from <= 1e-12 * mean.amax() {
        return Ok(found);
    }
    for number in 1..points {
        let share = number as f64 / (points - 1) as f64;
        let target = from + share * (to - from);
        let warm = found.last().map(|point| &point.weights);
        let answer = efficient.with_return(target, warm)?;
        found.push(point(answer.weights));
    }
    Ok(found)
}
