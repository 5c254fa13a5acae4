//! `min-cvar`: the least expected loss in the worst outcomes.

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::{Candidate, Failure, Strategy};
use crate::cvar;
use crate::problem::{Problem, Returns};
use crate::region::Region;

/// The tail where the problem gives none.
pub const ALPHA: f64 = 0.95;

/// Least conditional value at risk of the loss, minus the net return of the weights, at the
/// problem's `alpha`: Rockafellar & Uryasev (2000). Needs a history, whose periods count alike, or
/// scenarios. Costs of trading do not enter; the region may limit turnover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinCvar;

/// Net returns, `t × n`, with probabilities, `t`.
type Outcomes<'a> = (Cow<'a, DMatrix<f64>>, Cow<'a, DVector<f64>>);

fn outcomes(problem: &Problem) -> Option<Outcomes<'_>> {
    match &problem.returns {
        Returns::Moments(_) => None,
        Returns::History(returns) => {
            let periods = returns.nrows();
            let equal = DVector::repeat(periods, 1.0 / periods.max(1) as f64);
            Some((Cow::Borrowed(returns), Cow::Owned(equal)))
        }
        Returns::Scenarios(scenarios) => Some((
            Cow::Owned(scenarios.gross.add_scalar(-1.0)),
            Cow::Borrowed(&scenarios.probabilities),
        )),
    }
}

impl Strategy for MinCvar {
    fn name(&self) -> &'static str {
        "min-cvar"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let Some((returns, probabilities)) = outcomes(problem) else {
            return Err(Failure::Missing(
                "`min-cvar` needs outcomes, and moments do not tell them: give `returns` or \
                 `scenarios` instead of `mu` and `cov`"
                    .to_owned(),
            ));
        };
        let alpha = problem.parameters.alpha.unwrap_or(ALPHA);
        let minimum = cvar::minimise(&returns, &probabilities, alpha, region)?;
        Ok(Candidate {
            weights: minimum.weights,
            gap: Some(minimum.gap),
            solver: minimum.solver,
        })
    }

    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let (returns, probabilities) = outcomes(problem)?;
        let alpha = problem.parameters.alpha.unwrap_or(ALPHA);
        Some(cvar::of(&returns, &probabilities, weights, alpha))
    }
}
