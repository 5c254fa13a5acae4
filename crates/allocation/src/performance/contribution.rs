//! Which part contributed what to return and to risk.

use super::{Undefined, all_finite, finite};

/// How contributions of single periods become those of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// Added up: they sum to the sum of the periods' returns.
    Arithmetic,
    /// Scaled by `ln(1 + Rₜ)/Rₜ · R/ln(1 + R)` (Carino 1999): they sum to the compounded return.
    Carino,
}

/// Contributions of each part over all periods. `parts[p][t]` is what part `p` added to the return
/// of period `t` (its profit divided by all capital at the period's begin); the return of a period
/// is the sum over the parts.
///
/// # Errors
/// [`Undefined::Parameter`] if parts have different numbers of periods, [`Undefined::Ruin`] for
/// Carino linking over a total loss.
pub fn contributions(parts: &[Vec<f64>], linking: Linking) -> Result<Vec<f64>, Undefined> {
    let returns = sums(parts)?;
    let scales: Vec<f64> = match linking {
        Linking::Arithmetic => vec![1.0; returns.len()],
        Linking::Carino => {
            if returns.iter().any(|value| *value <= -1.0) {
                return Err(Undefined::Ruin);
            }
            let log: f64 = returns.iter().map(|value| libm::log1p(*value)).sum();
            let whole = log_ratio(finite(libm::expm1(log))?);
            returns
                .iter()
                .map(|value| log_ratio(*value) / whole)
                .collect()
        }
    };
    parts
        .iter()
        .map(|part| {
            finite(
                part.iter()
                    .zip(&scales)
                    .map(|(value, scale)| value * scale)
                    .sum(),
            )
        })
        .collect()
}

/// `ln(1 + r) / r`, 1 at zero.
fn log_ratio(value: f64) -> f64 {
    if value.abs() < 1e-12 {
        1.0 - value / 2.0
    } else {
        libm::log1p(value) / value
    }
}

/// The share of each part in the variance of the whole: `cov(cₚ, R) / var(R)`. They sum to one; a
/// negative share dampens. `parts` as for [`contributions`].
///
/// # Errors
/// [`Undefined::TooFew`] below two periods, [`Undefined::NoVariation`] if the whole does not vary.
pub fn risk_shares(parts: &[Vec<f64>]) -> Result<Vec<f64>, Undefined> {
    let returns = sums(parts)?;
    let count = returns.len();
    if count < 2 {
        return Err(Undefined::TooFew {
            needed: 2,
            have: count,
        });
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count as f64;
    let centre = mean(&returns);
    let variance: f64 = returns.iter().map(|value| (value - centre).powi(2)).sum();
    let scale = returns
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    if variance <= count as f64 * (scale * 1e-14).powi(2) {
        return Err(Undefined::NoVariation);
    }
    parts
        .iter()
        .map(|part| {
            let own = mean(part);
            let covariance: f64 = part
                .iter()
                .zip(&returns)
                .map(|(value, whole)| (value - own) * (whole - centre))
                .sum();
            finite(covariance / variance)
        })
        .collect()
}

fn sums(parts: &[Vec<f64>]) -> Result<Vec<f64>, Undefined> {
    let count = parts.first().map_or(0, Vec::len);
    if parts.iter().any(|part| part.len() != count) {
        return Err(Undefined::Parameter(
            "every part needs a value for every period",
        ));
    }
    for part in parts {
        all_finite(part)?;
    }
    Ok((0..count)
        .map(|period| parts.iter().map(|part| part[period]).sum())
        .collect())
}
