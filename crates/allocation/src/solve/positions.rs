//! Limits of positions: at least so much or nothing, and at most so many.
//!
//! Branch and bound over bounds (Land & Doig 1960): a problem without these limits bounds the
//! objective; where its answer breaks one, an asset is either left out or held. The number of
//! problems solved is bounded, so that the same input always gives the same answer.

use nalgebra::DVector;

use super::{Effort, lp};
use crate::problem::Problem;
use crate::region::Region;
use crate::rounding::Place;
use crate::strategy::{Candidate, Failure, Strategy};

/// Weights nearer to nothing than this are no positions.
const NOTHING: f64 = 1e-7;
/// A candidate may break limits by this much; what breaks them more is no answer.
const VIOLATION: f64 = 1e-6;
/// A part of the search is given up if it cannot be better than this, relative to the best.
const BETTER: f64 = 1e-9;

/// The best that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) candidate: Candidate,
    /// Which assets are held; empty if positions are not limited.
    pub(super) places: Vec<Place>,
    /// The region with these places.
    pub(super) region: Region,
    /// No weights have an objective below this.
    pub(super) bound: Option<f64>,
    /// How many problems were solved.
    pub(super) nodes: usize,
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NotFound {
    /// The method has no answer.
    Method(Failure),
    /// No positions keep all limits; `false` if the search ended before it was sure.
    Positions { proven: bool, nodes: usize },
}

struct Node {
    places: Vec<Place>,
    bound: f64,
}

struct Search<'a> {
    problem: &'a Problem,
    strategy: &'a dyn Strategy,
    region: &'a Region,
    least: f64,
    most: usize,
    nodes: usize,
}

/// The least of every bound that a part of the search ended with.
struct Ends(f64);

impl Ends {
    fn add(&mut self, bound: f64) {
        self.0 = self.0.min(bound);
    }
}

/// Whether a problem limits positions.
pub(super) fn limited(problem: &Problem) -> bool {
    let limits = &problem.limits;
    limits.min_position.is_some_and(|least| least > 0.0)
        || limits
            .max_positions
            .is_some_and(|most| most < limits.lower.len())
}

/// The best weights of a strategy that keep the limits of positions.
pub(super) fn search(
    problem: &Problem,
    strategy: &dyn Strategy,
    region: &Region,
    effort: Effort,
) -> Result<Found, NotFound> {
    let n = region.dimension();
    let mut search = Search {
        problem,
        strategy,
        region,
        least: problem.limits.min_position.unwrap_or(0.0),
        most: problem.limits.max_positions.unwrap_or(n),
        nodes: 0,
    };
    if !limited(problem) {
        let (candidate, bound) = search.solve(region).map_err(NotFound::Method)?;
        return Ok(Found {
            candidate,
            places: Vec::new(),
            region: region.clone(),
            bound,
            nodes: search.nodes,
        });
    }
    search.run(effort.nodes.max(1))
}

impl Search<'_> {
    fn solve(&mut self, region: &Region) -> Result<(Candidate, Option<f64>), Failure> {
        self.nodes += 1;
        let mut candidate = self.strategy.solve(self.problem, region)?;
        let weights = &candidate.weights;
        let method = self.strategy.name();
        let stalled = |reason: String| Err(Failure::Stalled { method, reason });
        if weights.len() != region.dimension() || weights.iter().any(|weight| !weight.is_finite()) {
            return stalled("its weights are not finite numbers".to_owned());
        }
        let violation = region.violation(weights);
        if violation > VIOLATION {
            return stalled(format!("its weights break a limit by {violation:.1e}"));
        }
        candidate.gap = candidate
            .gap
            .filter(|gap| gap.is_finite())
            .map(|gap| gap.max(0.0));
        let objective = self.strategy.objective(self.problem, weights);
        if objective.is_some_and(f64::is_nan) {
            return stalled("its objective is not a number".to_owned());
        }
        let bound = objective
            .zip(candidate.gap)
            .map(|(objective, gap)| objective - gap);
        Ok((candidate, bound))
    }

    fn run(mut self, nodes: usize) -> Result<Found, NotFound> {
        let free = vec![Place::Free; self.region.dimension()];
        let Some((places, region)) = self.tighten(&free) else {
            return Err(self.none(true));
        };
        let (candidate, bound) = match self.solve(&region) {
            Ok(solved) => solved,
            Err(Failure::Infeasible) if self.root_is_tighter(&places) => {
                return Err(self.none(true));
            }
            Err(failure) => return Err(NotFound::Method(failure)),
        };
        let mut best: Option<(f64, Found)> = None;
        let mut ends = Ends(f64::INFINITY);
        let lowest = bound.unwrap_or(f64::NEG_INFINITY);
        if self.keeps(&candidate.weights, &places) {
            let found = self.found(candidate, &places, bound);
            return Ok(Found {
                nodes: self.nodes,
                ..found
            });
        }
        if let Some((objective, found)) = self.greedy(&candidate.weights, &places) {
            best = Some((objective, found));
        }
        if bound.is_none()
            && let Some((_, found)) = best
        {
            return Ok(Found {
                bound: None,
                nodes: self.nodes,
                ..found
            });
        }
        let mut open = self.branch(&candidate.weights, &places, lowest);
        while self.nodes < nodes {
            // Deep first until there is an answer, the most promising first from then on.
            let next = match &best {
                None => open.pop(),
                Some(_) => {
                    let least = open.iter().enumerate();
                    let least = least.min_by(|(_, a), (_, b)| a.bound.total_cmp(&b.bound));
                    least
                        .map(|(index, _)| index)
                        .map(|index| open.swap_remove(index))
                }
            };
            let Some(node) = next else { break };
            if let Some((objective, _)) = &best
                && node.bound >= objective - BETTER * objective.abs()
            {
                ends.add(node.bound);
                continue;
            }
            let Some((places, region)) = self.tighten(&node.places) else {
                continue;
            };
            let (candidate, bound) = match self.solve(&region) {
                Ok(solved) => solved,
                Err(Failure::Infeasible) => continue,
                Err(_) if lp::feasible(&region).is_none() && !lp::conflict(&region).is_empty() => {
                    continue;
                }
                Err(_) => {
                    // What is below is unknown, but not better than what is above.
                    ends.add(node.bound);
                    continue;
                }
            };
            let lowest = bound.map_or(node.bound, |bound| bound.max(node.bound));
            if self.keeps(&candidate.weights, &places) {
                ends.add(lowest);
                let objective = self.value(&candidate.weights);
                if best.as_ref().is_none_or(|(least, _)| objective < *least) {
                    best = Some((objective, self.found(candidate, &places, bound)));
                }
                if bound.is_none() {
                    break;
                }
            } else {
                open.extend(self.branch(&candidate.weights, &places, lowest));
            }
        }
        let exhausted = open.is_empty();
        for node in &open {
            ends.add(node.bound);
        }
        match best {
            Some((objective, found)) => {
                let bound = ends.0.min(objective);
                Ok(Found {
                    bound: bound.is_finite().then_some(bound),
                    nodes: self.nodes,
                    ..found
                })
            }
            None => Err(self.none(exhausted && ends.0 == f64::INFINITY)),
        }
    }

    fn none(&self, proven: bool) -> NotFound {
        NotFound::Positions {
            proven,
            nodes: self.nodes,
        }
    }

    fn root_is_tighter(&self, places: &[Place]) -> bool {
        places.iter().any(|place| *place != Place::Free)
    }

    fn value(&self, weights: &DVector<f64>) -> f64 {
        let value = self.strategy.objective(self.problem, weights);
        value.unwrap_or(f64::INFINITY)
    }

    /// What these places mean for the bounds; nothing if they cannot be.
    fn tighten(&self, places: &[Place]) -> Option<(Vec<Place>, Region)> {
        let mut places = places.to_vec();
        let mut region = self.region.clone();
        for (index, place) in places.iter_mut().enumerate() {
            // What must be held is held.
            if *place == Place::Free {
                if self.region.lower[index] > 0.0 {
                    *place = Place::Long;
                } else if self.region.upper[index] < 0.0 {
                    *place = Place::Short;
                }
            }
        }
        let held = |place: &&Place| matches!(place, Place::Long | Place::Short);
        let count = places.iter().filter(held).count();
        if count > self.most {
            return None;
        }
        for (index, place) in places.iter_mut().enumerate() {
            if *place == Place::Free && count == self.most {
                *place = Place::Out;
            }
            let (low, high) = (&mut region.lower[index], &mut region.upper[index]);
            match *place {
                Place::Free => {}
                Place::Out => (*low, *high) = (low.max(0.0), high.min(0.0)),
                Place::Long => *low = low.max(self.least),
                Place::Short => *high = high.min(-self.least),
            }
            if *low > *high {
                return None;
            }
        }
        Some((places, region))
    }

    fn is_position(weight: f64) -> bool {
        weight.abs() > NOTHING
    }

    fn too_small(&self, weight: f64) -> bool {
        Self::is_position(weight) && weight.abs() < self.least - NOTHING
    }

    /// What is decided already keeps the limits as far as floats can; what is free must too.
    fn keeps(&self, weights: &DVector<f64>, places: &[Place]) -> bool {
        let mut positions = 0;
        for (place, weight) in places.iter().zip(weights.iter()) {
            match place {
                Place::Long | Place::Short => positions += 1,
                Place::Free if self.too_small(*weight) => return false,
                Place::Free if Self::is_position(*weight) => positions += 1,
                Place::Free | Place::Out => {}
            }
        }
        positions <= self.most
    }

    /// An answer with the places that its weights have.
    fn found(&self, candidate: Candidate, places: &[Place], bound: Option<f64>) -> Found {
        let settle = |(&place, &weight): (&Place, &f64)| match place {
            Place::Free if !Self::is_position(weight) => Place::Out,
            Place::Free if weight > 0.0 => Place::Long,
            Place::Free => Place::Short,
            place => place,
        };
        let settled: Vec<Place> = places
            .iter()
            .zip(candidate.weights.iter())
            .map(settle)
            .collect();
        let tightened = self.tighten(&settled);
        let region = tightened.map_or_else(|| self.region.clone(), |(_, region)| region);
        Found {
            candidate,
            places: settled,
            region,
            bound,
            nodes: self.nodes,
        }
    }

    /// Leaves out the smallest weights, half of those that are too many or too small at a time.
    fn greedy(&mut self, weights: &DVector<f64>, places: &[Place]) -> Option<(f64, Found)> {
        let mut weights = weights.clone();
        let mut places = places.to_vec();
        loop {
            let mut held: Vec<usize> = (0..places.len())
                .filter(|&index| places[index] == Place::Free && Self::is_position(weights[index]))
                .collect();
            held.sort_by(|&a, &b| {
                weights[a]
                    .abs()
                    .total_cmp(&weights[b].abs())
                    .then(b.cmp(&a))
            });
            let certain = places
                .iter()
                .filter(|place| matches!(place, Place::Long | Place::Short));
            let room = self.most.saturating_sub(certain.count());
            let excess = held.len().saturating_sub(room);
            let small = held
                .iter()
                .filter(|&&index| self.too_small(weights[index]))
                .count();
            let drop = if excess > 0 {
                excess
            } else {
                small.div_ceil(2)
            };
            for &index in held.iter().take(drop) {
                places[index] = Place::Out;
            }
            for index in 0..places.len() {
                if places[index] == Place::Free && !Self::is_position(weights[index]) {
                    places[index] = Place::Out;
                }
            }
            let (tightened, region) = self.tighten(&places)?;
            let (candidate, bound) = self.solve(&region).ok()?;
            if self.keeps(&candidate.weights, &tightened) {
                let objective = self.value(&candidate.weights);
                return Some((objective, self.found(candidate, &tightened, bound)));
            }
            if drop == 0 {
                return None;
            }
            weights = candidate.weights;
        }
    }

    /// The asset that is hardest to decide on, left out and held; the likeliest comes last.
    fn branch(&self, weights: &DVector<f64>, places: &[Place], bound: f64) -> Vec<Node> {
        let undecided =
            |index: &usize| places[*index] == Place::Free && Self::is_position(weights[*index]);
        let mut chosen: Option<(f64, usize)> = None;
        for index in (0..places.len()).filter(undecided) {
            let weight = weights[index].abs();
            // Too small comes first, the nearest to half a position before others.
            let rank = if self.too_small(weight) {
                (weight / self.least - 0.5).abs()
            } else {
                1.0 + weight
            };
            if chosen.is_none_or(|(least, _)| rank < least) {
                chosen = Some((rank, index));
            }
        }
        let Some((_, index)) = chosen else {
            return Vec::new();
        };
        let child = |place: Place| {
            let mut places = places.to_vec();
            places[index] = place;
            Node { places, bound }
        };
        let held = if weights[index] > 0.0 {
            Place::Long
        } else {
            Place::Short
        };
        let other = if weights[index] > 0.0 {
            Place::Short
        } else {
            Place::Long
        };
        let mut nodes = Vec::new();
        let allowed = match other {
            Place::Short => self.region.lower[index] < 0.0,
            _ => self.region.upper[index] > 0.0,
        };
        if allowed {
            nodes.push(child(other));
        }
        let half = self.least > 0.0 && weights[index].abs() >= self.least / 2.0;
        if half {
            nodes.extend([child(Place::Out), child(held)]);
        } else {
            nodes.extend([child(held), child(Place::Out)]);
        }
        nodes
    }
}
