//! How far below its highest level an index was.

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::returns::IndexPoint;
use super::shortfall::tail_mean;
use super::{Figure, Undefined, finite};

/// The deepest fall from a peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drawdown {
    /// `1 − level / peak`, in [0, 1].
    pub depth: f64,
    /// When the index stood at the peak last.
    pub peak: Timestamp,
    /// When it was deepest.
    pub trough: Timestamp,
    /// When it stood at the peak again; `None` if it has not.
    pub recovered: Option<Timestamp>,
}

/// The depth at each point.
///
/// # Errors
/// [`Undefined::NotFinite`] if a level is not finite or negative; [`Undefined::Ruin`] if the first
/// level is zero.
pub fn depths(index: &[IndexPoint]) -> Result<Vec<(Timestamp, f64)>, Undefined> {
    let mut peak = f64::NEG_INFINITY;
    index
        .iter()
        .map(|point| {
            if !point.value.is_finite() || point.value < 0.0 {
                return Err(Undefined::NotFinite);
            }
            peak = peak.max(point.value);
            if peak <= 0.0 {
                return Err(Undefined::Ruin);
            }
            Ok((point.at, 1.0 - point.value / peak))
        })
        .collect()
}

/// The deepest fall, the first of equals.
///
/// # Errors
/// As [`depths`]; [`Undefined::TooFew`] below two points.
pub fn deepest(index: &[IndexPoint]) -> Result<Drawdown, Undefined> {
    let depths = depths(index)?;
    let (Some(first), true) = (index.first(), index.len() > 1) else {
        return Err(Undefined::TooFew {
            needed: 2,
            have: index.len(),
        });
    };
    let mut worst = Drawdown {
        depth: 0.0,
        peak: first.at,
        trough: first.at,
        recovered: Some(first.at),
    };
    let mut peak = first.at;
    for &(at, depth) in &depths {
        if depth <= 0.0 {
            peak = at;
            if worst.depth > 0.0 && worst.recovered.is_none() {
                worst.recovered = Some(at);
            }
        } else if depth > worst.depth {
            worst = Drawdown {
                depth,
                peak,
                trough: at,
                recovered: None,
            };
        }
    }
    Ok(worst)
}

/// Root mean square of the depths: the ulcer index (Martin 1987), as a fraction.
///
/// # Errors
/// As [`depths`]; [`Undefined::TooFew`] without points.
pub fn ulcer(index: &[IndexPoint]) -> Figure {
    let depths = depths(index)?;
    if depths.is_empty() {
        return Err(Undefined::TooFew { needed: 1, have: 0 });
    }
    let squares: f64 = depths.iter().map(|(_, depth)| depth * depth).sum();
    finite((squares / depths.len() as f64).sqrt())
}

/// Conditional drawdown at risk: the mean of the deepest `1 − alpha` of the depths (Chekhlov,
/// Uryasev & Zabarankin 2005).
///
/// # Errors
/// As [`depths`] and [`tail_mean`].
pub fn cdar(index: &[IndexPoint], alpha: f64) -> Figure {
    let depths: Vec<f64> = depths(index)?.into_iter().map(|(_, depth)| depth).collect();
    tail_mean(&depths, alpha)
}
