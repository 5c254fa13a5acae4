//! Conditional value at risk: the expected loss in the worst share of outcomes.
//!
//! Rockafellar & Uryasev (2000), "Optimization of conditional value-at-risk": the least over `t` of
//! `t + E[(loss − t)⁺] / (1 − α)` (theorem 1). Losses are minus net returns; cash loses nothing.

mod direct;
mod minimum;

use nalgebra::{DMatrix, DVector};

pub use minimum::{Minimum, minimise};

/// The mean of `losses`, `t` of them, in the worst `1 − alpha` of probability. The outcome at the
/// border counts with the part of its probability that is inside.
///
/// `probabilities` has `t` entries that sum to one, `alpha` lies in [0, 1). Zero for no outcomes.
#[must_use]
pub fn of_losses(losses: &[f64], probabilities: &[f64], alpha: f64) -> f64 {
    let mut order: Vec<usize> = (0..losses.len().min(probabilities.len())).collect();
    order.sort_unstable_by(|&a, &b| losses[b].total_cmp(&losses[a]).then(a.cmp(&b)));
    let tail = 1.0 - alpha;
    let mut left = tail;
    let mut sum = 0.0;
    let mut last = 0.0;
    for place in order {
        let inside = probabilities[place].min(left);
        sum += inside * losses[place];
        left -= inside;
        last = losses[place];
        if left <= 0.0 {
            break;
        }
    }
    // Probabilities may sum to a little less than one.
    (sum + left.max(0.0) * last) / tail
}

/// Conditional value at risk per unit of capital of `weights` (`n`), for net simple `returns`
/// (`t × n`) with `probabilities` (`t`, sum one), at confidence level `alpha` in [0, 1).
#[must_use]
pub fn of(
    returns: &DMatrix<f64>,
    probabilities: &DVector<f64>,
    weights: &DVector<f64>,
    alpha: f64,
) -> f64 {
    of_losses(&losses(returns, weights), probabilities.as_slice(), alpha)
}

/// Minus the net return of `weights` in each outcome.
fn losses(returns: &DMatrix<f64>, weights: &DVector<f64>) -> Vec<f64> {
    let mut losses = vec![0.0; returns.nrows()];
    for (column, &weight) in returns.column_iter().zip(weights.iter()) {
        if weight != 0.0 {
            for (loss, entry) in losses.iter_mut().zip(column.iter()) {
                *loss -= weight * entry;
            }
        }
    }
    losses
}
