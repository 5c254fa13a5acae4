//! Linear programs over a [`Region`]: the least cost, a point, the point with most room, and which
//! limits conflict.
//!
//! Deterministic: the same input gives the same answer, bit for bit.

mod conflict;
pub(crate) mod dual;
mod inverse;
pub(crate) mod layout;
pub(crate) mod program;
pub(crate) mod simplex;

use nalgebra::DVector;

pub use conflict::{Limit, conflict};

use crate::region::Region;
use crate::strategy::Failure;
use dual::Multipliers;
use layout::Layout;
use program::Program;
use simplex::{End, FEASIBLE, Simplex};

/// Newton steps to the greatest room.
const NEWTON_STEPS: usize = 100;

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
    match simplex.run(false, limit(&program)) {
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

/// The point with most room: the greatest radius by which every weight may change at once, in any
/// direction, without breaking a limit that is not an equality, and a point that has it.
///
/// A bound's slack counts as it is; a row's is divided by the sum of its coefficients' sizes, that of
/// turnover by the number of assets; fixed weights do not count. The radius is worked out from the
/// point. It is zero (or less by rounding) where inequalities together leave no room.
///
/// # Errors
/// As [`minimise`]; [`Failure::Unbounded`] if no inequality bounds the radius.
pub fn interior(region: &Region) -> Result<(DVector<f64>, f64), Failure> {
    check(region)?;
    let mut weights = feasible(region).ok_or(Failure::Infeasible)?;
    let mut radius = widest(region);
    if radius == f64::INFINITY {
        return Err(Failure::Unbounded(
            "no limit bounds the room: give every asset a greatest and a least weight".to_owned(),
        ));
    }
    // The region shrunk by too much is empty; the proof of that tells how much is too much.
    for _ in 0..NEWTON_STEPS {
        if radius <= 0.0 {
            break;
        }
        let shrunk = shrunk(region, radius);
        let layout = Layout::new(&shrunk);
        let program = layout.program(&shrunk);
        let mut simplex = Simplex::new(&program);
        simplex.run(true, limit(&program));
        if simplex.infeasibility() <= FEASIBLE {
            let found = layout.weights(&simplex.x);
            if room(region, &found) > room(region, &weights) {
                weights = found;
            }
            break;
        }
        let multipliers = Multipliers::of(&shrunk, &simplex.prices);
        let (value, slope) = multipliers.shrinking(region, radius);
        let next = radius - value / slope;
        if !(value > 0.0 && slope > 0.0 && next < radius) {
            break;
        }
        radius = next;
    }
    let radius = room(region, &weights);
    Ok((weights, radius))
}

/// The sum of a row's coefficients' sizes, of weights that are not fixed.
fn reach(region: &Region, terms: &[(usize, f64)]) -> f64 {
    terms
        .iter()
        .filter(|(asset, _)| region.lower[*asset] < region.upper[*asset])
        .map(|(_, coefficient)| coefficient.abs())
        .sum()
}

/// How many weights are not fixed.
fn movable(region: &Region) -> f64 {
    let count = (0..region.dimension())
        .filter(|&asset| region.lower[asset] < region.upper[asset])
        .count();
    count as f64
}

/// A radius that is too great, or just right.
fn widest(region: &Region) -> f64 {
    let bounds = (0..region.dimension())
        .filter(|&asset| region.lower[asset] < region.upper[asset])
        .map(|asset| (region.upper[asset] - region.lower[asset]) / 2.0);
    let rows = region
        .rows
        .iter()
        .filter(|row| row.min < row.max)
        .map(|row| (row.max - row.min) / 2.0 / reach(region, &row.terms));
    let turnover = region
        .turnover
        .iter()
        .filter(|turnover| turnover.max > 0.0)
        .map(|turnover| turnover.max / movable(region));
    bounds
        .chain(rows)
        .chain(turnover)
        .filter(|radius| !radius.is_nan())
        .fold(f64::INFINITY, f64::min)
}

/// The region with every inequality tightened by `radius`.
fn shrunk(region: &Region, radius: f64) -> Region {
    let mut shrunk = region.clone();
    for asset in 0..region.dimension() {
        if region.lower[asset] < region.upper[asset] {
            shrunk.lower[asset] += radius;
            shrunk.upper[asset] -= radius;
            // They may cross by rounding where the radius is just the half.
            if shrunk.lower[asset] > shrunk.upper[asset] {
                let middle = 0.5 * (region.lower[asset] + region.upper[asset]);
                shrunk.lower[asset] = middle;
                shrunk.upper[asset] = middle;
            }
        }
    }
    for (tight, row) in shrunk.rows.iter_mut().zip(&region.rows) {
        if row.min < row.max {
            let inset = radius * reach(region, &row.terms);
            tight.min += inset;
            tight.max -= inset;
            if tight.min > tight.max {
                let middle = 0.5 * (row.min + row.max);
                tight.min = middle;
                tight.max = middle;
            }
        }
    }
    if let Some(turnover) = &mut shrunk.turnover
        && turnover.max > 0.0
    {
        turnover.max = (turnover.max - radius * movable(region)).max(0.0);
    }
    shrunk
}

/// The radius that `weights` have.
fn room(region: &Region, weights: &DVector<f64>) -> f64 {
    let bounds = (0..region.dimension())
        .filter(|&asset| region.lower[asset] < region.upper[asset])
        .map(|asset| {
            (weights[asset] - region.lower[asset]).min(region.upper[asset] - weights[asset])
        });
    let rows = region
        .rows
        .iter()
        .filter(|row| row.min < row.max)
        .map(|row| {
            let value = row.value(weights);
            (value - row.min).min(row.max - value) / reach(region, &row.terms)
        });
    let turnover = region
        .turnover
        .iter()
        .filter(|turnover| turnover.max > 0.0)
        .map(|turnover| (turnover.max - turnover.value(weights)) / movable(region));
    bounds
        .chain(rows)
        .chain(turnover)
        .filter(|radius| !radius.is_nan())
        .fold(f64::INFINITY, f64::min)
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
    let end = simplex.run(true, limit(program));
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
    5_000 + 50 * (program.variables.len() + program.rows())
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
