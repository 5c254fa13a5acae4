//! What all strategies have in common.

mod rule;

pub mod airdrop_kelly;
pub mod black_litterman;
pub mod equal_weight;
pub mod fixed;
pub mod hrp;
pub mod inverse_volatility;
pub mod kelly;
pub mod min_cvar;
pub mod risk_parity;

use std::borrow::Cow;

use nalgebra::DVector;
use thiserror::Error;

use crate::problem::Problem;
use crate::region::Region;

/// Weights that a method found, before anything was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Weights, `n`, in fractions of capital. May break limits by what floats cannot tell.
    pub weights: DVector<f64>,
    /// How far the objective can be from the optimum at most: a duality or KKT gap that was worked
    /// out from the answer, not a solver's word. In units of the objective. `None` where the method
    /// optimises nothing.
    pub gap: Option<f64>,
    /// What found it, and what it fell back from.
    pub solver: Cow<'static, str>,
}

/// Why a method has no answer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Failure {
    /// No weights meet all limits.
    #[error("no weights meet all limits")]
    Infeasible,
    /// The objective has no optimum.
    #[error("{0}")]
    Unbounded(String),
    /// The strategy needs what the problem does not have; names it and the remedy.
    #[error("{0}")]
    Missing(String),
    /// The method stopped without an answer that its own check accepts.
    #[error("{method} stopped: {reason}")]
    Stalled {
        /// Which.
        method: &'static str,
        /// Why.
        reason: String,
    },
}

/// A way to choose weights.
pub trait Strategy: Send + Sync {
    /// Its name on the command line and in reports, such as `min-variance`.
    fn name(&self) -> &'static str;

    /// Weights within `region`, which is at most the convex part of the problem's limits, or less
    /// (discrete limits are met by calling this with tighter bounds).
    ///
    /// # Errors
    /// [`Failure`], with what can be done about it.
    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure>;

    /// What is minimised, at any weights; `None` if the strategy optimises nothing and its answer
    /// is the nearest point of the region to its rule.
    fn objective(&self, problem: &Problem, weights: &DVector<f64>) -> Option<f64>;
}
