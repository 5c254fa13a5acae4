//! Mean-variance weights of the posterior of Black & Litterman.

use nalgebra::DVector;

use super::{Candidate, Failure, Strategy};
use crate::black_litterman::{Posterior, posterior};
use crate::moments;
use crate::problem::{Problem, Views};
use crate::qp::{self, Risk};
use crate::region::Region;

/// The weights with the greatest `μ̄'w − δ/2 w'Σ̄w`, where the mean and the covariance are those of
/// [`posterior`] and δ is the market's risk aversion in `parameters.views`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlackLitterman;

impl Strategy for BlackLitterman {
    fn name(&self) -> &'static str {
        "black-litterman"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let (views, posterior) = believed(problem)?;
        let linear = -posterior.mean / views.delta;
        let risk = Risk::Dense(&posterior.covariance);
        let answer = qp::minimise(risk, &linear, region, Some(&views.market_weights))?;
        Ok(Candidate {
            weights: answer.weights,
            gap: Some(answer.gap * views.delta),
            solver: answer.method,
        })
    }

    /// `δ/2 w'Σ̄w − μ̄'w`.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let (views, posterior) = believed(problem).ok()?;
        let variance = (&posterior.covariance * weights).dot(weights);
        Some(views.delta / 2.0 * variance - posterior.mean.dot(weights))
    }
}

fn believed(problem: &Problem) -> Result<(&Views, Posterior), Failure> {
    let views = problem.parameters.views.as_ref().ok_or_else(|| {
        Failure::Missing(
            "black-litterman needs `views`: P, q, omega or confidence, and market_weights"
                .to_owned(),
        )
    })?;
    let moments = moments::of(problem)?;
    Ok((views, posterior(&moments.covariance, views)?))
}
