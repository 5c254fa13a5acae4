//! Growth-optimal weights: `kelly`.

use std::borrow::Cow;

use nalgebra::DVector;

use crate::kelly::quadratic::{self, Second};
use crate::kelly::{self, drawdown};
use crate::problem::{Problem, Returns, Scenarios};
use crate::region::Region;
use crate::strategy::{Candidate, Failure, Strategy};

/// Maximises expected log growth (Kelly 1956; Breiman 1961) over the region.
///
/// Scenarios and histories (each period equally likely) are taken as they are, with cash returning
/// nothing. Of moments only the growth to second order is known: over cash that returns the
/// problem's risk-free rate, `E[x]'w − E[(x'w)²]/2` with `x` the excess return; the answer's
/// `solver` says so.
///
/// With [`crate::problem::Parameters::drawdown`], under the bound of Busseti, Ryu & Boyd (2016). With
/// [`crate::problem::Parameters::kelly_fraction`], scaled toward cash afterwards, as far as the
/// limits let it go; the default is all of it, since limits shrink more evenly than a fraction does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kelly;

/// What growth is worked out from.
enum Outlook<'a> {
    Scenarios(Cow<'a, Scenarios>),
    Second(Second),
}

/// Outcomes, if the problem has any.
///
/// # Errors
/// [`Failure::Missing`] if a period lost more than everything.
pub(super) fn scenarios(problem: &Problem) -> Result<Option<Cow<'_, Scenarios>>, Failure> {
    match &problem.returns {
        Returns::Scenarios(scenarios) => Ok(Some(Cow::Borrowed(scenarios))),
        Returns::History(net) => {
            let periods = net.nrows();
            if let Some(at) = net.iter().position(|r| r.is_nan() || *r < -1.0) {
                return Err(Failure::Missing(format!(
                    "the return of period {} and asset {} is below -100 %: growth needs what an asset can lose",
                    at % periods,
                    at / periods
                )));
            }
            let each = 1.0 / periods.max(1) as f64;
            Ok(Some(Cow::Owned(Scenarios {
                gross: net.add_scalar(1.0),
                probabilities: DVector::repeat(periods, each),
            })))
        }
        Returns::Moments(_) => Ok(None),
    }
}

fn outlook(problem: &Problem) -> Result<Outlook<'_>, Failure> {
    Ok(match (scenarios(problem)?, &problem.returns) {
        (Some(scenarios), _) => Outlook::Scenarios(scenarios),
        (None, Returns::Moments(moments)) => {
            Outlook::Second(Second::of_moments(moments, problem.risk_free))
        }
        (None, _) => return Err(Failure::Missing("no returns".to_owned())),
    })
}

impl Outlook<'_> {
    fn growth(&self, weights: &DVector<f64>) -> f64 {
        match self {
            Self::Scenarios(scenarios) => kelly::growth(scenarios, weights),
            Self::Second(second) => second.growth(weights),
        }
    }
}

/// The exponent of the problem's drawdown bound, if it has one.
///
/// # Errors
/// [`Failure::Missing`] if it is not well formed.
pub(super) fn exponent(bound: Option<crate::problem::Drawdown>) -> Result<Option<f64>, Failure> {
    bound
        .map(|bound| {
            drawdown::exponent(bound).ok_or_else(|| {
                Failure::Missing(
                    "alpha and beta of the drawdown bound must lie in (0, 1)".to_owned(),
                )
            })
        })
        .transpose()
}

/// A fraction of `found`, which `growth` judges.
///
/// # Errors
/// [`Failure::Missing`] if the fraction is not in (0, 1].
pub(super) fn fraction_of(
    found: Candidate,
    fraction: f64,
    region: &Region,
    growth: impl Fn(&DVector<f64>) -> f64,
) -> Result<Candidate, Failure> {
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(Failure::Missing(format!(
            "the Kelly fraction is {fraction}: it must be above 0 and at most 1"
        )));
    }
    if fraction == 1.0 {
        return Ok(found);
    }
    let weights = kelly::scale(&found.weights, fraction, region);
    let lost = growth(&found.weights) - growth(&weights);
    Ok(Candidate {
        gap: found.gap.map(|gap| gap + lost.max(0.0)),
        solver: Cow::Owned(format!("{}, times {fraction}", found.solver)),
        weights,
    })
}

impl Strategy for Kelly {
    fn name(&self) -> &'static str {
        "kelly"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let exponent = exponent(problem.parameters.drawdown)?;
        let outlook = outlook(problem)?;
        let found = match &outlook {
            Outlook::Scenarios(scenarios) => kelly::maximise(scenarios, region, exponent),
            Outlook::Second(second) => quadratic::maximise(second, region, exponent),
        }?;
        let fraction = problem.parameters.kelly_fraction.unwrap_or(1.0);
        fraction_of(found, fraction, region, |weights| outlook.growth(weights))
    }

    /// Expected log growth, negated; `None` if a scenario ruins.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
        let growth = outlook(problem).ok()?.growth(weights);
        growth.is_finite().then_some(-growth)
    }
}
