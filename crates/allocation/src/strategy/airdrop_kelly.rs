//! Capped Kelly on airdrop scenarios: `airdrop-kelly`, the default.

use std::borrow::Cow;

use nalgebra::DVector;

use crate::kelly::quadratic::{self, Second};
use crate::kelly::{self, drawdown};
use crate::problem::{Drawdown, Problem, Scenarios};
use crate::region::Region;
use crate::strategy::kelly::{exponent, fraction_of, scenarios};
use crate::strategy::{Candidate, Failure, Strategy};

/// The drawdown bound unless the problem has its own: with a chance below a tenth, wealth ever falls
/// below 70 % of what it is.
pub const DRAWDOWN: Drawdown = Drawdown {
    alpha: 0.7,
    beta: 0.1,
};

/// The greatest single weight that counts as capped.
const CAPPED: f64 = 0.5;
/// The fraction of the Kelly bet where single weights are not capped.
const UNCAPPED_FRACTION: f64 = 0.5;

/// Maximises expected log growth over scenarios with jackpots and total losses, within the limits
/// and under a drawdown bound ([`DRAWDOWN`] unless the problem says otherwise).
///
/// - The whole Kelly bet under caps: they already shrink it, and a fraction on top halves the growth
///   for little. Half of it (Thorp 2006, section 7; Baker & McHale 2013, on estimated odds) if the
///   limits allow a single weight above one half.
/// - If the limits force positions with which no weights keep the drawdown bound, the weights of
///   least `E[W^-λ]`; `solver` says so.
/// - If the optimiser stalls, the quadratic approximation scaled to the bound; it has no gap.
#[derive(Debug, Clone, Copy, Default)]
pub struct AirdropKelly;

/// Whether the limits allow a single weight above [`CAPPED`].
fn uncapped(region: &Region) -> bool {
    let long = region.lower.iter().all(|&lower| lower >= 0.0);
    (0..region.dimension()).any(|asset| {
        let rows = region.rows.iter().filter(|_| long).flat_map(|row| {
            let terms = row.terms.iter();
            terms
                .filter(move |&&(index, by)| index == asset && by > 0.0)
                .map(|&(_, by)| row.max / by)
        });
        rows.fold(region.upper[asset], f64::min) > CAPPED
    })
}

fn outcomes(problem: &Problem) -> Result<Cow<'_, Scenarios>, Failure> {
    scenarios(problem)?.ok_or_else(|| {
        Failure::Missing(
            "airdrop-kelly needs scenarios or a history of returns; kelly takes moments".to_owned(),
        )
    })
}

impl Strategy for AirdropKelly {
    fn name(&self) -> &'static str {
        "airdrop-kelly"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let scenarios = outcomes(problem)?;
        let bound = problem.parameters.drawdown.unwrap_or(DRAWDOWN);
        let power = exponent(Some(bound))?;
        let found = match kelly::maximise(&scenarios, region, power) {
            Err(Failure::Infeasible) => {
                let safest = kelly::safest(&scenarios, region, power.unwrap_or_default())?;
                return Ok(Candidate {
                    gap: None,
                    solver: Cow::Borrowed(
                        "kelly interior point: no weights keep the drawdown bound, these are the safest",
                    ),
                    ..safest
                });
            }
            Err(Failure::Stalled { reason, .. }) => {
                let second = Second::of_scenarios(&scenarios);
                let near = quadratic::maximise(&second, region, None)?;
                let share = power.map_or(1.0, |power| {
                    drawdown::scale_to_cash(&scenarios, &near.weights, power)
                });
                Candidate {
                    weights: kelly::scale(&near.weights, share, region),
                    gap: None,
                    solver: Cow::Owned(format!(
                        "quadratic approximation of growth, scaled to cash for the drawdown bound, since kelly interior point stopped: {reason}"
                    )),
                }
            }
            other => other?,
        };
        let usual = if uncapped(region) {
            UNCAPPED_FRACTION
        } else {
            1.0
        };
        let fraction = problem.parameters.kelly_fraction.unwrap_or(usual);
        fraction_of(found, fraction, region, |weights| {
            kelly::growth(&scenarios, weights)
        })
    }

    /// Expected log growth, negated; `None` if a scenario ruins.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let growth = kelly::growth(outcomes(problem).ok()?.as_ref(), weights);
        growth.is_finite().then_some(-growth)
    }
}
