//! What the user thinks, with a confidence.

use super::beta::Beta;
use super::invalid::{Invalid, bounded};
use super::normal_inverse_gamma::NormalInverseGamma;

/// Opinions of 0 and 1 are taken as this far from them: nothing is certain.
const UNCERTAIN: f64 = 1e-4;

/// A probability after the user said `said` with `confidence` in [0, 1]: the mean becomes the
/// logarithmic pool `logit p = (1 − c) logit mean + c logit said` (Genest & Zidek 1986, with weights
/// `1 − c` and `c`); the strength `a + b` stays. Confidence 0 changes nothing, 1 replaces the mean.
///
/// # Errors
/// [`Invalid`] if a number cannot be.
pub fn probability(belief: &Beta, said: f64, confidence: f64) -> Result<Beta, Invalid> {
    bounded("said", said, 0.0, 1.0)?;
    bounded("confidence", confidence, 0.0, 1.0)?;
    belief.check()?;
    if confidence == 0.0 {
        return Ok(*belief);
    }
    let logit = |p: f64| {
        let p = p.clamp(UNCERTAIN, 1.0 - UNCERTAIN);
        libm::log(p / (1.0 - p))
    };
    let pooled = (1.0 - confidence) * logit(belief.mean()) + confidence * logit(said);
    Beta::from_mean(1.0 / (1.0 + libm::exp(-pooled)), belief.strength())
}

/// An amount after the user said `said` dollars with `confidence` in [0, 1]: the median becomes
/// `median^(1 − c) · said^c`; the spread stays.
///
/// # Errors
/// [`Invalid`] if a number cannot be.
pub fn amount(
    belief: &NormalInverseGamma,
    said: f64,
    confidence: f64,
) -> Result<NormalInverseGamma, Invalid> {
    bounded("said", said, 1e-6, 1e15)?;
    bounded("confidence", confidence, 0.0, 1.0)?;
    belief.check()?;
    Ok(NormalInverseGamma {
        location: (1.0 - confidence) * belief.location + confidence * libm::log(said),
        ..*belief
    })
}
