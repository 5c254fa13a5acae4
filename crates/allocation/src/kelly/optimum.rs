//! From a region to an answer whose gap holds.
//!
//! The gap that the optimiser proves by its own prices is checked by a linear program over the
//! region itself: a concave `g` grows from `w` by no more than `max ∇g(w)'(v − w)` over the `v` of
//! the region (Frank & Wolfe 1956). With a limit on drawdown `g` is the Lagrangian, and what the
//! price of that limit pays for slack is added.

use nalgebra::DVector;

use super::interior::{self, Answer, Ending, Objective};
use super::reduction::Reduction;
use super::{EXACT, GAP, RUIN, VIOLATION, candidate, fixed};
use crate::lp;
use crate::region::Region;
use crate::strategy::{Candidate, Failure};

const METHOD: &str = "kelly interior point";
/// Shares of the room between bounds within which a weight may be at one of them.
const SNAPS: [f64; 4] = [1e-5, 1e-7, 1e-9, 1e-11];
/// A gap above this is no answer.
const ACCEPTED: f64 = 1e-4;
/// A gap above this is worth another look at the region.
const POOR: f64 = 1e-8;

fn stalled(reason: String) -> Failure {
    Failure::Stalled {
        method: METHOD,
        reason,
    }
}

/// Maximises what `build` makes of a region, and checks the answer against the region itself. What
/// is poor or jams is tried again on the smallest face that holds the region.
pub(super) fn optimum<O: Objective>(
    build: impl Fn(&Reduction) -> O,
    region: &Region,
    reduction: &Reduction,
    defined: impl Fn(&DVector<f64>) -> bool,
) -> Result<Candidate, Failure> {
    let first = attempt(&mut build(reduction), region, reduction, &defined);
    let gap = |found: &Result<Candidate, Failure>| match found {
        Ok(found) => found.gap.unwrap_or(f64::INFINITY),
        Err(_) => f64::INFINITY,
    };
    let again = match &first {
        Ok(_) => gap(&first) > POOR,
        Err(failure) => matches!(failure, Failure::Stalled { .. }),
    };
    let Some(face) = again.then(|| reduction.face()).flatten() else {
        return first;
    };
    let second = if face.free.is_empty() {
        fixed(region, &face)
    } else {
        attempt(&mut build(&face), region, &face, &defined)
    };
    if gap(&second) < gap(&first) {
        second
    } else {
        first
    }
}

fn attempt(
    objective: &mut impl Objective,
    region: &Region,
    reduction: &Reduction,
    defined: impl Fn(&DVector<f64>) -> bool,
) -> Result<Candidate, Failure> {
    let answer = match interior::maximise(objective, reduction, GAP) {
        Ending::Found(answer) => answer,
        Ending::Infeasible => return Err(Failure::Infeasible),
        Ending::Undefined => return Err(Failure::Unbounded(RUIN.to_owned())),
        Ending::Stalled => return Err(stalled("no iterate met the limits".to_owned())),
    };
    let (free, claim) = snap(objective, region, reduction, &answer);
    let weights = reduction.expand(&free);
    let broken = region.violation(&weights);
    if broken > VIOLATION {
        return Err(stalled(format!("a limit is broken by {broken:e}")));
    }
    if !defined(&weights) {
        return Err(Failure::Unbounded(RUIN.to_owned()));
    }
    let gap = checked(objective, region, reduction, &free, claim);
    if gap.is_nan() || gap > ACCEPTED {
        return Err(stalled(format!("the gap is still {gap:e}")));
    }
    Ok(candidate(weights, gap * objective.unit(), METHOD))
}

/// The gap, after a linear program over `region` has tried to refute the `claim`: if a vertex does,
/// the bound that it comes with counts; else the smaller of both, which are bounds by themselves.
fn checked(
    objective: &mut impl Objective,
    region: &Region,
    reduction: &Reduction,
    free: &[f64],
    claim: f64,
) -> f64 {
    let mut gradient = vec![0.0; free.len()];
    let own = objective.gradient(free, &mut gradient);
    let mut cost = DVector::zeros(region.dimension());
    for (&index, slope) in reduction.free.iter().zip(&gradient) {
        cost[index] = -slope;
    }
    let Ok(least) = lp::minimise(&cost, region) else {
        return claim;
    };
    let reached = own + cost.dot(&reduction.expand(free)) - least.objective;
    let bound = reached.max(0.0) + least.gap;
    if reached > claim + EXACT {
        bound
    } else {
        claim.max(reached).min(bound)
    }
}

/// Weights that are at a bound as far as the prices can tell are set to it, if that breaks no limit
/// and the gap stays.
fn snap(
    objective: &mut impl Objective,
    region: &Region,
    reduction: &Reduction,
    answer: &Answer,
) -> (Vec<f64>, f64) {
    let mut gradient = vec![0.0; reduction.free.len()];
    for near in SNAPS {
        let snapped: Vec<f64> = answer
            .weights
            .iter()
            .zip(reduction.lower.iter().zip(&reduction.upper))
            .map(|(&weight, (&lower, &upper))| {
                let near = near * (upper - lower).min(1.0);
                if weight <= lower + near {
                    lower
                } else if weight >= upper - near {
                    upper
                } else {
                    weight
                }
            })
            .collect();
        if region.violation(&reduction.expand(&snapped)) > EXACT {
            continue;
        }
        let own = objective.gradient(&snapped, &mut gradient);
        let gap = own + reduction.excess(&gradient, &snapped, &answer.multipliers);
        if gap <= answer.gap.max(EXACT) {
            return (snapped, gap);
        }
    }
    (answer.weights.clone(), answer.gap)
}
