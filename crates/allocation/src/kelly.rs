//! Growth-optimal allocation: `max Σ p log(1 + Σ w (g − 1))` over a region, cash returning one.
//!
//! - [`closed_form`]: stakes that need no optimiser.
//! - [`drawdown`]: how deep wealth may fall.
//!
//! The optimiser is a primal-dual interior point method of our own. Its answer carries a gap that
//! is worked out from the answer alone: since growth is concave, no weights of the region do better
//! than `growth + max ∇growth'(v − w)`, and prices of the limits bound that maximum.

pub mod closed_form;
pub mod drawdown;
mod growth;
mod interior;
mod reduction;
mod wagers;

use std::borrow::Cow;

use nalgebra::DVector;

use crate::problem::Scenarios;
use crate::region::Region;
use crate::strategy::{Candidate, Failure};

use growth::Growth;
use interior::Answer;
use reduction::Reduction;
use wagers::Wagers;

/// The gap that answers keep.
pub const GAP: f64 = 1e-10;
/// By how much an answer may break a limit: what floats cannot tell.
const VIOLATION: f64 = 1e-9;

/// Wealth after one period per scenario, `s`, from one before.
#[must_use]
pub fn wealth(scenarios: &Scenarios, weights: &DVector<f64>) -> DVector<f64> {
    let mut wealth = DVector::repeat(scenarios.gross.nrows(), 1.0);
    for (column, &weight) in scenarios.gross.column_iter().zip(weights.iter()) {
        if weight != 0.0 {
            for (to, gross) in wealth.iter_mut().zip(column.iter()) {
                *to += weight * (gross - 1.0);
            }
        }
    }
    wealth
}

/// Expected log growth per period; `-∞` where a scenario ruins.
#[must_use]
pub fn growth(scenarios: &Scenarios, weights: &DVector<f64>) -> f64 {
    wealth(scenarios, weights)
        .iter()
        .zip(scenarios.probabilities.iter())
        .map(|(&wealth, p)| {
            if wealth > 0.0 {
                p * libm::log(wealth)
            } else {
                f64::NEG_INFINITY
            }
        })
        .sum()
}

fn check(scenarios: &Scenarios, region: &Region) -> Result<(), Failure> {
    let (s, n) = scenarios.gross.shape();
    let missing = |what: String| Err(Failure::Missing(what));
    if n != region.dimension() || region.upper.len() != n || s == 0 {
        return missing(format!(
            "scenarios of {n} assets ({s} rows) for {} weights: give one column per asset and at least one row",
            region.dimension()
        ));
    }
    if scenarios.probabilities.len() != s
        || scenarios.probabilities.iter().any(|p| !(*p > 0.0 && p.is_finite()))
        || (scenarios.probabilities.sum() - 1.0).abs() > 1e-6
    {
        return missing("probabilities must be positive, one per scenario, and sum to 1".to_owned());
    }
    if let Some(at) = scenarios.gross.iter().position(|g| !(*g >= 0.0 && g.is_finite())) {
        return missing(format!(
            "the gross return of scenario {} and asset {} is negative or not finite: a total loss is 0",
            at % s,
            at / s
        ));
    }
    Ok(())
}

/// The growth-optimal weights over `region`; with an `exponent` `λ`, also under `E[W^-λ] ≤ 1`
/// ([`drawdown`]). What is not invested is cash.
///
/// # Errors
/// [`Failure::Infeasible`] if no weights meet the limits, [`Failure::Unbounded`] if every
/// allocation of the region loses everything in some scenario, [`Failure::Missing`] if the
/// scenarios are not well formed, [`Failure::Stalled`] if nothing passed the check.
pub fn maximise(
    scenarios: &Scenarios,
    region: &Region,
    exponent: Option<f64>,
) -> Result<Candidate, Failure> {
    check(scenarios, region)?;
    let reduction = Reduction::new(region)?;
    let free = solve(scenarios, region, &reduction, None)?;
    let Some(exponent) = exponent else {
        return Ok(free);
    };
    if drawdown::expected_power(scenarios, &free.weights, exponent) <= 1.0 {
        return Ok(free);
    }
    bounded(scenarios, region, &reduction, &free, exponent)
}

fn candidate(weights: DVector<f64>, gap: f64, solver: &'static str) -> Candidate {
    Candidate {
        weights,
        gap: Some(gap.max(0.0)),
        solver: Cow::Borrowed(solver),
    }
}

fn solve(
    scenarios: &Scenarios,
    region: &Region,
    reduction: &Reduction,
    exponent: Option<f64>,
) -> Result<Candidate, Failure> {
    let solver = "kelly interior point";
    let stalled = |reason: String| Failure::Stalled {
        method: "kelly interior point",
        reason,
    };
    if reduction.free.is_empty() {
        let weights = reduction.expand(&[]);
        if region.violation(&weights) > VIOLATION {
            return Err(Failure::Infeasible);
        }
        return Ok(candidate(weights, 0.0, "no freedom"));
    }
    let wagers = Wagers::new(scenarios, &reduction.free, &reduction.weights);
    let mut objective = Growth::new(wagers, exponent);
    let Answer { weights, gap, .. } = interior::maximise(&mut objective, reduction, GAP)
        .ok_or_else(|| stalled("no allocation meets the limits without ruin".to_owned()))?;
    let weights = reduction.expand(&weights);
    let broken = region.violation(&weights);
    if broken > VIOLATION {
        return Err(stalled(format!("a limit is broken by {broken:e}")));
    }
    Ok(candidate(weights, gap, solver))
}

/// Under the drawdown bound, where it binds.
fn bounded(
    scenarios: &Scenarios,
    region: &Region,
    reduction: &Reduction,
    free: &Candidate,
    exponent: f64,
) -> Result<Candidate, Failure> {
    let answer = solve(scenarios, region, reduction, Some(exponent))?;
    Ok(answer)
}
