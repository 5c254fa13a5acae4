//! Growth-optimal allocation: `max Σ p log(1 + Σ w (g − 1))` over a region, cash returning one.
//!
//! - [`closed_form`]: stakes that need no optimiser.
//! - [`drawdown`]: how deep wealth may fall.
//! - [`quadratic`]: growth to second order, for moments.
//!
//! The optimiser is a primal-dual interior point method of our own. Its answer carries a gap that
//! is worked out from the answer alone: since growth is concave, no weights of the region do better
//! than `growth + max ∇growth'(v − w)`, and prices of the limits bound that maximum, with what
//! rounding may hide in them added. A linear program over the region checks that bound.

pub mod closed_form;
pub mod drawdown;
mod growth;
mod interior;
mod optimum;
pub mod quadratic;
mod reduction;
mod wagers;

use std::borrow::Cow;

use nalgebra::DVector;

use crate::problem::Scenarios;
use crate::region::Region;
use crate::strategy::{Candidate, Failure};

use growth::{Aim, Growth};
use optimum::optimum;
use reduction::Reduction;
use wagers::Wagers;

/// The gap, in log growth, that is aimed at. Hardly any problem ends above it, and each answer says
/// what gap it has.
pub const GAP: f64 = 1e-10;
/// Wealth at which the limits leave nothing but ruin: no more than what they may be broken by.
const POOREST: f64 = 2e-9;
/// What is nothing beside rounding.
const EXACT: f64 = 1e-12;
const RUIN: &str =
    "every allocation that the limits allow loses everything in some scenario: allow cash";
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
        || scenarios
            .probabilities
            .iter()
            .any(|p| !(*p > 0.0 && p.is_finite()))
        || (scenarios.probabilities.sum() - 1.0).abs() > 1e-6
    {
        return missing(
            "probabilities must be positive, one per scenario, and sum to 1".to_owned(),
        );
    }
    if let Some(at) = scenarios
        .gross
        .iter()
        .position(|g| !(*g >= 0.0 && g.is_finite()))
    {
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
/// The gap has stood a linear program over the region that tries to refute it (Frank & Wolfe 1956);
/// with a drawdown bound it is the Lagrangian whose gap is checked so.
///
/// Where the bound binds and the optimiser cannot promise a better answer, the weights without the
/// bound are scaled toward cash; the gap then says what that may cost.
///
/// # Errors
/// [`Failure::Infeasible`] if no weights meet the limits, or none the bound;
/// [`Failure::Unbounded`] if every allocation of the region loses everything in some scenario, or a
/// weight has no bound; [`Failure::Missing`] if the scenarios are not well formed;
/// [`Failure::Stalled`] if nothing passed the check.
pub fn maximise(
    scenarios: &Scenarios,
    region: &Region,
    exponent: Option<f64>,
) -> Result<Candidate, Failure> {
    check(scenarios, region)?;
    if exponent.is_some_and(|exponent| !(exponent >= 0.0 && exponent.is_finite())) {
        return Err(Failure::Missing(
            "the exponent of the drawdown bound must be a finite number that is not negative"
                .to_owned(),
        ));
    }
    let reduction = Reduction::new(region)?;
    let free = solve(scenarios, region, &reduction, Aim::Growth)?;
    match exponent {
        Some(exponent) if drawdown::expected_power(scenarios, &free.weights, exponent) > 1.0 => {
            bounded(scenarios, region, &reduction, &free, exponent)
        }
        _ => Ok(free),
    }
}

/// The weights of `region` with the least `E[W^-λ]`: what is safest in the sense of
/// [`drawdown::exponent`]. The gap is one of that expectation.
///
/// # Errors
/// As [`maximise`].
pub fn safest(scenarios: &Scenarios, region: &Region, exponent: f64) -> Result<Candidate, Failure> {
    check(scenarios, region)?;
    solve(
        scenarios,
        region,
        &Reduction::new(region)?,
        safety(exponent),
    )
}

/// The least share of `weights`, but no less than `fraction`, that `region` allows: fractional
/// Kelly, toward cash as far as the limits let it go.
#[must_use]
pub fn scale(weights: &DVector<f64>, fraction: f64, region: &Region) -> DVector<f64> {
    /// Halvings of the interval: more than a float has digits.
    const HALVINGS: usize = 64;
    let allowed = region.violation(weights).max(EXACT);
    let holds = |share: f64| region.violation(&(weights * share)) <= allowed;
    let fraction = fraction.clamp(0.0, 1.0);
    if holds(fraction) {
        return weights * fraction;
    }
    let (mut low, mut high) = (fraction, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    weights * high
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
    aim: Aim,
) -> Result<Candidate, Failure> {
    if reduction.free.is_empty() {
        return fixed(region, reduction);
    }
    let objective = |reduction: &Reduction| {
        let wagers = Wagers::new(scenarios, &reduction.free, &reduction.weights);
        Growth::new(wagers, aim)
    };
    optimum(objective, region, reduction, |weights| {
        wealth(scenarios, weights).min() > POOREST
    })
}

/// The only weights that the limits leave.
fn fixed(region: &Region, reduction: &Reduction) -> Result<Candidate, Failure> {
    let weights = reduction.expand(&[]);
    if region.violation(&weights) > VIOLATION {
        return Err(Failure::Infeasible);
    }
    Ok(candidate(weights, 0.0, "no freedom"))
}

/// Under the drawdown bound, where it binds: the optimiser with the bound as a limit; if that jams,
/// with a price on it that is searched for; and in any case `free` scaled toward cash, or toward the
/// safest weights where the limits do not allow all in cash.
fn bounded(
    scenarios: &Scenarios,
    region: &Region,
    reduction: &Reduction,
    free: &Candidate,
    exponent: f64,
) -> Result<Candidate, Failure> {
    let mut anchor = DVector::zeros(region.dimension());
    if region.violation(&anchor) > 0.0 {
        anchor = solve(scenarios, region, reduction, safety(exponent))?.weights;
        if drawdown::expected_power(scenarios, &anchor, exponent) > 1.0 {
            return Err(Failure::Infeasible);
        }
    }
    // What keeps the bound but for rounding is moved by a hair.
    let settle = |weights: &DVector<f64>| {
        let share = drawdown::scale_toward(scenarios, weights, &anchor, exponent);
        drawdown::between(weights, &anchor, share)
    };
    let mut most = growth(scenarios, &free.weights) + free.gap.unwrap_or_default();
    let mut own = f64::NEG_INFINITY;
    let mut best = anchor.clone();
    let mut solver = "kelly interior point under the drawdown bound";
    if let Ok(found) = solve(scenarios, region, reduction, Aim::Bounded(exponent)) {
        let gap = found.gap.unwrap_or(f64::INFINITY);
        most = most.min(growth(scenarios, &found.weights) + gap);
        best = settle(&found.weights);
        own = growth(scenarios, &best);
        if most - own <= GAP {
            return Ok(candidate(best, most - own, solver));
        }
    }
    let scaled = settle(&free.weights);
    let growth_scaled = growth(scenarios, &scaled);
    if growth_scaled > own {
        (best, own) = (scaled, growth_scaled);
        solver = "kelly interior point, scaled to cash for the drawdown bound";
    }
    if most - own > GAP {
        let priced = |price: f64| {
            let aim = Aim::Priced {
                log: 1.0,
                price,
                exponent,
            };
            solve(scenarios, region, reduction, aim).ok()
        };
        let mut search = drawdown::PriceSearch::new(exponent);
        while let Some(price) = search.next() {
            let Some(found) = priced(price) else {
                search.skip();
                continue;
            };
            let power = drawdown::expected_power(scenarios, &found.weights, exponent);
            let gap = found.gap.unwrap_or(f64::INFINITY);
            // The Lagrangian bounds what keeps the bound.
            let bound = growth(scenarios, &found.weights) + gap + price * (1.0 - power);
            most = most.min(bound);
            let settled = settle(&found.weights);
            let growth = growth(scenarios, &settled);
            if growth > own {
                (best, own) = (settled, growth);
                solver = "kelly interior point with a price on drawdown";
            }
            if most - own <= GAP {
                break;
            }
            search.tell(power - 1.0);
        }
    }
    Ok(candidate(best, most - own, solver))
}

/// Least `E[W^-λ]`.
fn safety(exponent: f64) -> Aim {
    Aim::Priced {
        log: 0.0,
        price: 1.0,
        exponent,
    }
}
