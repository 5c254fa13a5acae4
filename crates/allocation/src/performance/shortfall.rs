//! The mean of the worst outcomes.

use crate::cvar::of_losses;

use super::{Figure, Undefined, all_finite, finite};

/// The mean of the greatest `1 − alpha` of `losses`; the loss on the edge counts by its share
/// (Rockafellar & Uryasev 2002, proposition 8).
///
/// # Errors
/// [`Undefined::Parameter`] for an `alpha` outside [0, 1), [`Undefined::TooFew`] without losses.
pub fn tail_mean(losses: &[f64], alpha: f64) -> Figure {
    all_finite(losses)?;
    if !(0.0..1.0).contains(&alpha) {
        return Err(Undefined::Parameter("alpha must be at least 0 and below 1"));
    }
    if losses.is_empty() {
        return Err(Undefined::TooFew { needed: 1, have: 0 });
    }
    let even = vec![1.0 / losses.len() as f64; losses.len()];
    finite(of_losses(losses, &even, alpha))
}

/// Conditional value at risk of returns: the mean loss in the worst `1 − alpha` of periods, positive
/// for a loss.
///
/// # Errors
/// As [`tail_mean`].
pub fn cvar(returns: &[f64], alpha: f64) -> Figure {
    let losses: Vec<f64> = returns.iter().map(|value| -value).collect();
    tail_mean(&losses, alpha)
}
