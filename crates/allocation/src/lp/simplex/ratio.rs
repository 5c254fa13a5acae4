//! How far a step goes.

use super::{Entering, PIVOT_TOLERANCE, RowState, Simplex, Zone};

/// Stops closer together than this are at the same place.
const RATIO_TOLERANCE: f64 = 1e-12;

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// The entering one comes to its other bound or bend.
    Flip,
    /// The basic variable at this place comes to a bound.
    Variable { place: usize, up: bool },
    /// This row comes to its least or most.
    Row {
        row: usize,
        /// Whether it is the second of the bends on the way, if there are two.
        second: bool,
        up: bool,
    },
}

/// A bend or bound on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) ratio: f64,
    pivot: f64,
    jump: f64,
    pub(super) stop: Stop,
}

impl Stop {
    fn row(row: usize, up: bool, at_max: bool) -> Self {
        Self::Row {
            row,
            second: up == at_max,
            up,
        }
    }
}

impl Simplex<'_> {
    /// All that may end a step along `moves` and `rates`.
    pub(super) fn candidates(
        &self,
        entering: Entering,
        sign: f64,
        moves: &[f64],
        rates: &[f64],
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // Beyond the first hard stop nothing matters.
        let mut end = f64::INFINITY;
        let mut add = |distance: f64, pivot: f64, jump: f64, stop: Stop| {
            let ratio = (distance / pivot.abs()).max(0.0);
            if ratio > end {
                return;
            }
            if jump.is_infinite() {
                end = ratio + RATIO_TOLERANCE;
            }
            candidates.push(Candidate {
                ratio,
                pivot: pivot.abs(),
                jump,
                stop,
            });
        };
        match entering {
            Entering::Variable(variable) => {
                let bounds = self.program.variables[variable];
                let distance = if sign > 0.0 {
                    bounds.upper - self.x[variable]
                } else {
                    self.x[variable] - bounds.lower
                };
                if distance.is_finite() {
                    add(distance, 1.0, f64::INFINITY, Stop::Flip);
                }
            }
            Entering::Row(row, zone) => {
                let bend = self.bend(row);
                let jump = if sign > 0.0 { bend.above } else { bend.below };
                let distance = bend.max - bend.min;
                if zone == Zone::Between && distance.is_finite() && jump > 0.0 {
                    add(distance, 1.0, f64::INFINITY, Stop::Flip);
                }
            }
        }
        for (place, (&variable, &change)) in self.basic.iter().zip(moves).enumerate() {
            if change.abs() <= PIVOT_TOLERANCE {
                continue;
            }
            let bounds = self.program.variables[variable];
            let up = change > 0.0;
            let distance = if up {
                bounds.upper - self.x[variable]
            } else {
                self.x[variable] - bounds.lower
            };
            if distance.is_finite() {
                add(
                    distance,
                    change,
                    f64::INFINITY,
                    Stop::Variable { place, up },
                );
            }
        }
        for (row, &change) in rates.iter().enumerate() {
            let RowState::Loose(zone) = self.rows[row] else {
                continue;
            };
            if change.abs() <= PIVOT_TOLERANCE {
                continue;
            }
            let bend = self.bend(row);
            let value = self.values[row];
            let up = change > 0.0;
            if bend.min.is_finite()
                && bend.below > 0.0
                && ((up && zone == Zone::Below) || (!up && zone != Zone::Below))
            {
                let distance = if up {
                    bend.min - value
                } else {
                    value - bend.min
                };
                let stop = Stop::row(row, up, false);
                add(distance, change, change.abs() * bend.below, stop);
            }
            if bend.max.is_finite()
                && bend.above > 0.0
                && ((up && zone != Zone::Above) || (!up && zone == Zone::Above))
            {
                let distance = if up {
                    bend.max - value
                } else {
                    value - bend.max
                };
                let stop = Stop::row(row, up, true);
                add(distance, change, change.abs() * bend.above, stop);
            }
        }
        candidates
    }
}

/// The stop at which the objective falls no more; `candidates` come back sorted as far as that.
pub(super) fn choose_stop(candidates: &mut [Candidate], rate: f64, first: bool) -> Option<usize> {
    candidates.sort_unstable_by(|a, b| {
        a.ratio
            .total_cmp(&b.ratio)
            .then_with(|| a.stop.cmp(&b.stop))
    });
    if first {
        return (!candidates.is_empty()).then_some(0);
    }
    let mut slope = -rate;
    let mut chosen = candidates.iter().position(|candidate| {
        slope += candidate.jump;
        slope >= -1e-12 * rate
    })?;
    // Of those that stop at the same place, the one with the greatest pivot.
    let limit = candidates[chosen].ratio + RATIO_TOLERANCE;
    for next in chosen + 1..candidates.len() {
        if candidates[next].ratio > limit {
            break;
        }
        if candidates[next].pivot > candidates[chosen].pivot {
            chosen = next;
        }
    }
    Some(chosen)
}
