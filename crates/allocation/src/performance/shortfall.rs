//! The mean of the worst outcomes.

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
    let mut sorted = losses.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let whole = (1.0 - alpha) * losses.len() as f64;
    let (mut rest, mut sum) = (whole, 0.0);
    for loss in sorted {
        let share = rest.min(1.0);
        if share <= 0.0 {
            break;
        }
        sum += share * loss;
        rest -= share;
    }
    finite(sum / whole)
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
