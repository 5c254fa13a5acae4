//! The point of a region with most room.

use nalgebra::DVector;

use super::dual::Multipliers;
use super::layout::Layout;
use super::simplex::{FEASIBLE, Phase, Simplex};
use super::{check, feasible, limit};
use crate::region::Region;
use crate::strategy::Failure;

/// Newton steps to the greatest room.
const NEWTON_STEPS: usize = 100;

/// The point with most room: the greatest radius by which every weight may change at once, in any
/// direction, without breaking a limit that is not an equality, and a point that has it.
///
/// A bound's slack counts as it is; a row's is divided by the sum of its coefficients' sizes, that of
/// turnover by the number of assets; fixed weights do not count. The radius is worked out from the
/// point. It is zero (or less by rounding) where inequalities together leave no room.
///
/// # Errors
/// As [`minimise`](super::minimise); [`Failure::Unbounded`] if no inequality bounds the radius.
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
        simplex.run(Phase::First, limit(&program));
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
pub(super) fn reach(region: &Region, terms: &[(usize, f64)]) -> f64 {
    terms
        .iter()
        .filter(|(asset, _)| region.lower[*asset] < region.upper[*asset])
        .map(|(_, coefficient)| coefficient.abs())
        .sum()
}

/// How many weights are not fixed.
pub(super) fn movable(region: &Region) -> f64 {
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
