//! From weights as floats to whole parts of capital that keep every limit.
//!
//! Each weight goes to the nearest part within its bounds; then single weights and pairs are moved
//! along what room the limits leave until none is broken. Where there is no such room, the weights
//! go toward a point inside the region first, as little as helps. What comes out is an answer only
//! once [`crate::certificate`] finds every limit kept.

mod grid;
mod repair;

use nalgebra::DVector;

use crate::certificate::Certificate;
use crate::parts::{To, fraction, parts};
use crate::problem::Problem;
use grid::Grid;
pub use grid::Place;
use repair::Repair;

/// Weights nearer to nothing than this are nothing, if that is allowed.
pub const DUST: f64 = 1e-9;

/// How far to go toward the inside, from nothing to all the way.
const STEPS: [f64; 9] = [0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2, 0.2, 1.0];

/// Whole parts that keep every limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounded {
    /// Weights in parts, `n`.
    pub parts: Vec<i128>,
    /// How far the weights went toward the inside first, from 0 to 1.
    pub blended: f64,
}

impl Rounded {
    /// The weights as fractions of capital.
    #[must_use]
    pub fn weights(&self) -> DVector<f64> {
        DVector::from_iterator(
            self.parts.len(),
            self.parts.iter().map(|parts| fraction(*parts)),
        )
    }
}

/// Rounds weights of a well-formed problem. `places` says for each asset whether it may be held
/// (empty: as the bounds say); `interior` is asked for a point inside the region if it is needed.
///
/// # Errors
/// The limits that the nearest attempt still breaks.
pub fn round(
    problem: &Problem,
    weights: &DVector<f64>,
    places: &[Place],
    interior: impl FnOnce() -> Option<DVector<f64>>,
) -> Result<Rounded, Box<Certificate>> {
    let grid = Grid::new(problem, places);
    let attempt = |weights: &DVector<f64>, blended: f64| {
        let start = grid.nearest(weights);
        let parts = Repair::new(&grid, start).run();
        let certificate = Certificate::of(problem, &parts);
        if certificate.holds() {
            Ok(Rounded { parts, blended })
        } else {
            Err(Box::new(certificate))
        }
    };
    let broken = match attempt(weights, 0.0) {
        Ok(rounded) => return Ok(rounded),
        Err(broken) => broken,
    };
    let Some(inside) = interior().filter(|inside| inside.len() == weights.len()) else {
        return Err(broken);
    };
    for step in &STEPS[1..] {
        let blend = weights * (1.0 - step) + &inside * *step;
        if let Ok(rounded) = attempt(&blend, *step) {
            return Ok(rounded);
        }
    }
    Err(broken)
}

/// A weight in parts; next to nothing is nothing.
fn nearest(weight: f64) -> i128 {
    if weight.abs() < DUST {
        0
    } else {
        parts(weight, To::Nearest)
    }
}
