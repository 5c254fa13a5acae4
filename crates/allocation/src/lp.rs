//! Linear programs over a [`Region`]: the least cost, a point, the point with most room, and which
//! limits conflict.
//!
//! Deterministic: the same input gives the same answer, bit for bit.

mod conflict;
pub(crate) mod dual;
mod hitting;
mod interior;
mod inverse;
pub(crate) mod layout;
pub(crate) mod program;
pub(crate) mod simplex;

use nalgebra::DVector;

pub use conflict::{Limit, conflict};
pub use interior::interior;

use crate::region::Region;
use crate::strategy::Failure;
use dual::Multipliers;
use layout::Layout;
use program::Program;
use simplex::{End, FEASIBLE, Phase, Simplex};

/// By how much an answer may break a limit; floats tell no better after thousands of steps.
pub(crate) const ACCEPTED: f64 = 1e-9;

/// The least cost over a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Weights, `n`: a vertex.
    pub weights: DVector<f64>,
    /// `cost'weights`.
    pub objective: f64,
    /// How far `objective` is above the least at most: against the bound that the prices of the
    /// limits give (weak duality), worked out from the answer.
    pub gap: f64,
    /// Pivots that were made.
    pub iterations: usize,
}

/// The least of `cost'w` for `w` in `region`; `cost` has `n` entries.
///
/// # Errors
/// [`Failure::Infeasible`] if the region is empty (see [`conflict`]), [`Failure::Unbounded`] if the
/// cost falls without end, [`Failure::Missing`] if a figure is not a number, [`Failure::Stalled`]
/// if the limit of iterations is reached.
pub fn minimise(cost: &DVector<f64>, region: &Region) -> Result<Answer, Failure> {
    check(region)?;
    if cost.len() != region.dimension() {
        return Err(Failure::Missing(format!(
            "{} costs for {} assets: give one per asset",
            cost.len(),
            region.dimension()
        )));
    }
    if let Some(asset) = cost.iter().position(|entry| !entry.is_finite()) {
        return Err(Failure::Missing(format!(
            "the cost of asset {asset} is not a finite number"
        )));
    }
    let scale = cost.amax().max(f64::MIN_POSITIVE);
    let layout = Layout::new(region);
    let mut program = layout.program(region);
    for (variable, asset, sign) in layout.columns() {
        program.variables[variable].cost = sign * (cost[asset] / scale);
    }
    let mut simplex = first_phase(&program, region)?;
    match simplex.run(Phase::Exact, limit(&program)) {
        End::Optimal => {}
        End::Unbounded => {
            return Err(Failure::Unbounded(
                "the cost falls without end: give every asset a greatest and a least weight"
                    .to_owned(),
            ));
        }
        End::Exhausted => return Err(stalled(simplex.iterations)),
    }
    let weights = layout.weights(&simplex.x);
    if region.violation(&weights) > ACCEPTED {
        return Err(stalled(simplex.iterations));
    }
    let multipliers = Multipliers::of(region, &simplex.prices);
    let objective = cost.dot(&weights);
    let bound = multipliers.bound(&(cost / scale), region) * scale;
    Ok(Answer {
        gap: (objective - bound).max(0.0),
        objective,
        weights,
        iterations: simplex.iterations,
    })
}

/// A point of the region: a vertex; `None` if it is empty or holds figures that are not numbers.
#[must_use]
pub fn feasible(region: &Region) -> Option<DVector<f64>> {
    check(region).ok()?;
    let layout = Layout::new(region);
    let program = layout.program(region);
    let simplex = first_phase(&program, region).ok()?;
    Some(layout.weights(&simplex.x))
}

/// A vertex that meets all hard limits.
pub(crate) fn first_phase<'a>(
    program: &'a Program,
    region: &Region,
) -> Result<Simplex<'a>, Failure> {
    let crossed = (0..region.dimension()).any(|asset| region.lower[asset] > region.upper[asset]);
    let negative = region
        .turnover
        .as_ref()
        .is_some_and(|turnover| turnover.max < 0.0);
    if crossed || negative || region.rows.iter().any(|row| row.min > row.max) {
        return Err(Failure::Infeasible);
    }
    let mut simplex = Simplex::new(program);
    let end = simplex.run(Phase::First, limit(program));
    if simplex.infeasibility() <= FEASIBLE {
        Ok(simplex)
    } else if end == End::Optimal {
        Err(Failure::Infeasible)
    } else {
        Err(stalled(simplex.iterations))
    }
}

/// The most iterations for a program.
pub(crate) fn limit(program: &Program) -> usize {
    5_000 + 20 * (program.variables.len() + program.rows())
}

pub(crate) fn stalled(iterations: usize) -> Failure {
    Failure::Stalled {
        method: "simplex",
        reason: format!("no vertex was accepted as the best after {iterations} iterations"),
    }
}

/// Every figure is a number, every shape fits.
pub(crate) fn check(region: &Region) -> Result<(), Failure> {
    let n = region.dimension();
    let wrong = |what: String| Err(Failure::Missing(what));
    if region.upper.len() != n {
        return wrong(format!(
            "{} greatest weights for {n} assets: give one per asset",
            region.upper.len()
        ));
    }
    for asset in 0..n {
        let (lower, upper) = (region.lower[asset], region.upper[asset]);
        if lower.is_nan() || upper.is_nan() || lower == f64::INFINITY || upper == f64::NEG_INFINITY
        {
            return wrong(format!("the bounds of asset {asset} are not numbers"));
        }
    }
    for row in &region.rows {
        if row.min.is_nan()
            || row.max.is_nan()
            || row.min == f64::INFINITY
            || row.max == f64::NEG_INFINITY
        {
            return wrong(format!("the limits of `{}` are not numbers", row.name));
        }
        for &(asset, coefficient) in &row.terms {
            if asset >= n || !coefficient.is_finite() {
                return wrong(format!(
                    "`{}` counts asset {asset} by {coefficient}: there are {n} assets, and a \
                     coefficient is a finite number",
                    row.name
                ));
            }
        }
    }
    if let Some(turnover) = &region.turnover {
        if turnover.current.len() != n || turnover.current.iter().any(|held| !held.is_finite()) {
            return wrong(format!(
                "the limit of turnover needs {n} current weights that are finite numbers"
            ));
        }
        if turnover.max.is_nan() {
            return wrong("the limit of turnover is not a number".to_owned());
        }
    }
    Ok(())
}
