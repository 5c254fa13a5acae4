//! Limits in integers, in the form that repairs them.

use nalgebra::DVector;

use super::nearest;
use crate::parts::{COEFFICIENT, To, coefficient, parts};
use crate::problem::Problem;

/// Whether an asset may be held, where positions are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Within its bounds.
    #[default]
    Free,
    /// Not at all.
    Out,
    /// At the smallest position or above.
    Long,
    /// At minus the smallest position or below.
    Short,
}

/// A linear limit: `min ≤ Σ coefficient · weight ≤ max` in parts times parts of a coefficient.
pub(super) struct Line {
    pub(super) min: i128,
    pub(super) max: i128,
}

/// How an asset enters a line: its coefficient rounded down and up.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) line: usize,
    pub(super) down: i128,
    pub(super) up: i128,
}

/// All limits of a problem in integers.
pub(super) struct Grid {
    /// Least and greatest weight of each asset.
    pub(super) bounds: Vec<(i128, i128)>,
    pub(super) lines: Vec<Line>,
    /// The lines that each asset is in.
    pub(super) terms: Vec<Vec<Term>>,
    /// The assets in each line.
    pub(super) members: Vec<Vec<usize>>,
    /// What is held, rounded down and up, and the most that may be traded.
    pub(super) turnover: Option<(Vec<(i128, i128)>, i128)>,
}

/// No limit on this side: beyond every sum that weights can have.
const NONE: i128 = i128::MAX / 4;

impl Grid {
    pub(super) fn new(problem: &Problem, places: &[Place]) -> Self {
        let limits = &problem.limits;
        let n = problem.assets.len();
        let least = parts(limits.min_position.unwrap_or(0.0), To::Up);
        let bounds = (0..n)
            .map(|index| {
                let low = parts(limits.lower[index], To::Up);
                let high = parts(limits.upper[index], To::Down);
                match places.get(index).copied().unwrap_or_default() {
                    Place::Free => (low, high),
                    Place::Out => (0, 0),
                    Place::Long => (low.max(least), high),
                    Place::Short => (low, high.min(-least)),
                }
            })
            .collect();
        let mut grid = Self {
            bounds,
            lines: Vec::new(),
            terms: vec![Vec::new(); n],
            members: Vec::new(),
            turnover: limits.turnover.map(|most| {
                let held = problem.current.iter();
                let held = held.map(|&held| (parts(held, To::Down), parts(held, To::Up)));
                (held.collect(), parts(most, To::Down))
            }),
        };
        let all: Vec<(usize, f64)> = (0..n).map(|index| (index, 1.0)).collect();
        let (min, max) = limits.invested;
        grid.line(&all, Some(min), Some(max));
        for group in &limits.groups {
            grid.line(&group.terms, group.min, group.max);
        }
        grid
    }

    fn line(&mut self, terms: &[(usize, f64)], min: Option<f64>, max: Option<f64>) {
        let line = self.lines.len();
        let exact = min.is_some() && min == max;
        for &(index, factor) in terms {
            let (down, up) = if exact {
                (To::Nearest, To::Nearest)
            } else {
                (To::Down, To::Up)
            };
            self.terms[index].push(Term {
                line,
                down: coefficient(factor, down),
                up: coefficient(factor, up),
            });
        }
        self.members.push(terms.iter().map(|term| term.0).collect());
        self.lines.push(match min.filter(|_| exact) {
            // Less than a part beside the value.
            Some(value) => {
                let value = parts(value, To::Nearest) * COEFFICIENT;
                Line {
                    min: value - (COEFFICIENT - 1),
                    max: value + (COEFFICIENT - 1),
                }
            }
            None => Line {
                min: min.map_or(-NONE, |min| parts(min, To::Up) * COEFFICIENT),
                max: max.map_or(NONE, |max| parts(max, To::Down) * COEFFICIENT),
            },
        });
    }

    /// The nearest parts within the bounds; where bounds cross, the lower one.
    pub(super) fn nearest(&self, weights: &DVector<f64>) -> Vec<i128> {
        let clamp =
            |(weight, &(low, high)): (&f64, &(i128, i128))| nearest(*weight).min(high).max(low);
        weights.iter().zip(&self.bounds).map(clamp).collect()
    }
}
