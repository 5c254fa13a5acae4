//! How good a forecast was: proper scoring rules, all of which are least for the truth.

use super::invalid::{Invalid, bounded};

/// Brier (1950): the squared distance of a probability to what happened. 0 is best; a constant 0.5
/// gets 0.25.
#[must_use]
pub fn brier(probability: f64, happened: bool) -> f64 {
    let off = probability - f64::from(u8::from(happened));
    off * off
}

/// Probabilities nearer to 0 and 1 than this are scored as this: one surprise must not outweigh all
/// other forecasts.
pub const CLIP: f64 = 1e-6;

/// Good (1952): minus the logarithm of the probability of what happened, in nats. 0 is best.
#[must_use]
pub fn logarithmic(probability: f64, happened: bool) -> f64 {
    let of_it = if happened {
        probability
    } else {
        1.0 - probability
    };
    -libm::log(of_it.clamp(CLIP, 1.0))
}

/// The most samples or quantiles of one forecast.
pub const MAX_VALUES: usize = 100_000;

/// Continuous ranked probability score of samples: `E|X − y| − ½ E|X − X'|` over the samples
/// themselves (Gneiting & Raftery 2007, eq. 21), in the unit of the values. 0 is best.
///
/// # Errors
/// [`Invalid`] if there is no sample or a number is not finite.
pub fn crps_samples(samples: &[f64], outcome: f64) -> Result<f64, Invalid> {
    bounded("outcome", outcome, -1e18, 1e18)?;
    if samples.is_empty() || samples.len() > MAX_VALUES {
        let what = format!("are {}: give 1 to {MAX_VALUES}", samples.len());
        return Err(Invalid::new("samples", what));
    }
    for sample in samples {
        bounded("samples", *sample, -1e18, 1e18)?;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance: f64 = sorted.iter().map(|x| (x - outcome).abs()).sum();
    // Σ over pairs |x − x'| = 2 Σ (2i − n + 1) x_i, i from 0.
    let spread: f64 = sorted
        .iter()
        .enumerate()
        .map(|(index, x)| (2.0 * index as f64 - n + 1.0) * x)
        .sum();
    Ok((distance / n - spread / (n * n)).max(0.0))
}

/// Continuous ranked probability score of quantiles `(level, value)`, by ascending level: twice the
/// quantile score `(1{y ≤ q} − level)(q − y)` integrated over levels (Gneiting & Ranjan 2011, eq.
/// 17), each standing for the levels nearest to it. In the unit of the values; 0 is best.
///
/// # Errors
/// [`Invalid`] if they are not quantiles.
pub fn crps_quantiles(quantiles: &[(f64, f64)], outcome: f64) -> Result<f64, Invalid> {
    bounded("outcome", outcome, -1e18, 1e18)?;
    check_quantiles(quantiles)?;
    let last = quantiles.len() - 1;
    let middle = |index: usize| 0.5 * (quantiles[index].0 + quantiles[index + 1].0);
    let mut score = 0.0;
    for (index, &(level, value)) in quantiles.iter().enumerate() {
        let from = if index == 0 { 0.0 } else { middle(index - 1) };
        let to = if index == last { 1.0 } else { middle(index) };
        let below = f64::from(u8::from(outcome <= value));
        score += 2.0 * (below - level) * (value - outcome) * (to - from);
    }
    Ok(score)
}

/// Refuses what are not quantiles by ascending level.
pub(crate) fn check_quantiles(quantiles: &[(f64, f64)]) -> Result<(), Invalid> {
    if quantiles.is_empty() || quantiles.len() > MAX_VALUES {
        let what = format!("are {}: give 1 to {MAX_VALUES}", quantiles.len());
        return Err(Invalid::new("quantiles", what));
    }
    for (level, value) in quantiles {
        bounded("quantiles.level", *level, 1e-9, 1.0 - 1e-9)?;
        bounded("quantiles.value", *value, -1e18, 1e18)?;
    }
    if quantiles
        .windows(2)
        .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
    {
        return Ok(());
    }
    let what = "do not rise: sort them by level; values must not fall";
    Err(Invalid::new("quantiles", what))
}
