//! Means and covariances of a problem, whatever its returns are given as.

use std::borrow::Cow;

use crate::covariance;
use crate::problem::{Estimator, Moments, Problem, Returns};
use crate::strategy::Failure;

/// Moments of net simple returns per period: those given; those of the history by
/// `problem.estimator`; or the exact ones of the scenarios.
///
/// # Errors
/// [`Failure::Missing`] if the history is shorter than two periods, its half-life is not positive, or
/// a return is not a finite number or so large that its square is not.
pub fn of(problem: &Problem) -> Result<Cow<'_, Moments>, Failure> {
    let (moments, source) = match &problem.returns {
        Returns::Moments(moments) => return Ok(Cow::Borrowed(moments)),
        Returns::History(returns) => {
            let moments = covariance::estimate(returns, problem.estimator).ok_or_else(|| {
                Failure::Missing(match problem.estimator {
                    Estimator::Exponential { half_life } if returns.nrows() >= 2 => {
                        format!("the half-life is {half_life} periods; give a longer one, such as 60")
                    }
                    _ => format!(
                        "a covariance needs at least 2 periods of returns, and there are {}; give a \
                         longer history, or mu and cov",
                        returns.nrows()
                    ),
                })
            })?;
            (moments, returns)
        }
        Returns::Scenarios(scenarios) => {
            let mut moments = covariance::weighted(&scenarios.gross, &scenarios.probabilities);
            moments.mean.add_scalar_mut(-1.0);
            (moments, &scenarios.gross)
        }
    };
    if moments
        .covariance
        .diagonal()
        .iter()
        .all(|value| value.is_finite())
    {
        return Ok(Cow::Owned(moments));
    }
    let broken = source
        .column_iter()
        .map(|column| column.norm_squared().abs())
        .zip(&problem.assets)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    Err(Failure::Missing(format!(
        "the returns of asset `{}` are not finite numbers of a usable size; mend them",
        broken.map_or("", |(_, name)| name)
    )))
}
