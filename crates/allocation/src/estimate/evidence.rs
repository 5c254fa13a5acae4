//! What markets quote, as evidence.

use serde::{Deserialize, Serialize};

use super::beta::Beta;
use super::invalid::{Invalid, bounded};
use super::isotonic;
use super::normal;
use super::normal_inverse_gamma::NormalInverseGamma;
use super::opportunity::Opportunity;
use super::prior::Fit;
use super::timing::Timing;

/// A token's value after a pre-market quote of its fully diluted value in dollars.
///
/// The claim price is taken to be the quote times a lognormal ratio with the median and the spread
/// of `realised` ([`Priors::realised_by_premarket`](super::Priors): median 0.79, n = 5), which is a
/// measurement with the error `s √(1 + 1/n)`: [`NormalInverseGamma::measured`]. Quotes of one token
/// share that error: take their mean, or the newest, and apply it once to the belief without quotes.
///
/// # Errors
/// [`Invalid`] if the quote is no amount.
pub fn premarket(
    fdv: &NormalInverseGamma,
    quoted: f64,
    realised: &Fit,
) -> Result<NormalInverseGamma, Invalid> {
    bounded("quoted", quoted, 1.0, 1e15)?;
    let error = realised.log_deviation * (1.0 + 1.0 / realised.n as f64).sqrt();
    let expected = libm::log(quoted) + libm::log(realised.median);
    Ok(fdv.measured(expected, error))
}

/// One rung of a market in "fully diluted value above this, one day after launch".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Dollars.
    pub above: f64,
    /// The odds, in [0, 1].
    pub probability: f64,
}

/// A lognormal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogNormal {
    /// Mean of the logarithm.
    pub location: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
}

/// Odds outside of these say little: the last per cent of a market is fees and boredom.
const SURE: f64 = 0.01;
/// No ladder is known to be sharper, or wider, than this.
const SIGMA: (f64, f64) = (0.05, 4.0);
/// More rungs than any market has.
const MAX_RUNGS: usize = 256;

/// The lognormal distribution that a ladder quotes: least squares of `Φ⁻¹(P(below)) = (ln x −
/// location) / sigma`, weighted by the squared density, after odds that rise with the amount were
/// pooled (the distribution function is monotone). One rung, or rungs with equal odds, leave the
/// spread at `sigma`.
///
/// A ladder is about a price after launch: no ratio to pre-markets applies. Use it by
/// [`NormalInverseGamma::measured`] with its `sigma` as the error.
///
/// # Errors
/// [`Invalid`] if there is no rung, or a number cannot be.
pub fn ladder(rungs: &[Rung], sigma: f64) -> Result<LogNormal, Invalid> {
    bounded("sigma", sigma, SIGMA.0, SIGMA.1)?;
    if rungs.is_empty() || rungs.len() > MAX_RUNGS {
        let what = format!("has {} rungs: give 1 to {MAX_RUNGS}", rungs.len());
        return Err(Invalid::new("ladder", what));
    }
    for rung in rungs {
        bounded("ladder.above", rung.above, 1.0, 1e15)?;
        bounded("ladder.probability", rung.probability, 0.0, 1.0)?;
    }
    let mut sorted = rungs.to_vec();
    sorted.sort_by(|a, b| a.above.total_cmp(&b.above));
    let below: Vec<(f64, f64)> = sorted
        .iter()
        .map(|rung| (1.0 - rung.probability, 1.0))
        .collect();
    let below = isotonic::pool(&below);
    let (mut weights, mut zs, mut xs, mut zz, mut zx) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (rung, below) in sorted.iter().zip(&below) {
        let z = normal::quantile(below.clamp(SURE, 1.0 - SURE));
        let x = libm::log(rung.above);
        let weight = normal::density(z) * normal::density(z);
        weights += weight;
        zs += weight * z;
        xs += weight * x;
        zz += weight * z * z;
        zx += weight * z * x;
    }
    let (z, x) = (zs / weights, xs / weights);
    let spread = zz / weights - z * z;
    let slope = if spread > 1e-9 {
        ((zx / weights - z * x) / spread).clamp(SIGMA.0, SIGMA.1)
    } else {
        sigma
    };
    Ok(LogNormal {
        location: x - slope * z,
        sigma: slope,
    })
}

/// No odds make a drop more certain than this.
const MOST_CERTAIN: f64 = 0.999;

/// An opportunity after a market quoted `odds` for a token within `months`, which count as `weight`
/// protocols. Apply it to all opportunities of the family.
///
/// The clock is set back first: what is believed of `drop` and `when` after the wait becomes the
/// belief from now on, with `waited` zero (exact for an exponential wait; else the probability of a
/// drop within `months` stays the same). Let `F` be the probability that a drop which comes does so
/// within `months`. The market's chance that a drop ever comes is `p = min(odds / F, 0.999)`, its
/// timing `G = max(F, odds / p)`:
///
/// - `drop` gains `weight · p` successes and `weight · (1 − p)` failures;
/// - `when` is moved so that its `F` becomes `F + weight / (weight + events) · (G − F)`.
///
/// Higher odds never lower the chance of a drop within `months`.
///
/// # Errors
/// [`Invalid`] if a number cannot be.
pub fn token_by(
    opportunity: &Opportunity,
    months: f64,
    odds: f64,
    weight: f64,
) -> Result<Opportunity, Invalid> {
    bounded("months", months, 1e-2, 120.0)?;
    bounded("odds", odds, 0.0, 1.0)?;
    bounded("weight", weight, 1e-6, 1e6)?;
    opportunity
        .drop
        .check()
        .and_then(|()| opportunity.when.check())?;
    let (drop, when) = (&opportunity.drop, &opportunity.when);
    let still = when.still_to_come(drop.mean(), opportunity.waited);
    let strength = drop.strength();
    let before = 1.0 - when.survival_between(opportunity.waited, months);
    let before = before.clamp(1e-9, MOST_CERTAIN);
    let ever = (odds / before).min(MOST_CERTAIN);
    let within = before.max((odds / MOST_CERTAIN).min(MOST_CERTAIN));
    let gain = weight / (weight + when.events);
    let after = before + gain * (within - before);
    // (exposure / (exposure + months^shape))^events = 1 − after
    let span = libm::pow(months, when.shape);
    let exposure = span / libm::expm1(-libm::log1p(-after) / when.events);
    let still = still.clamp(1e-6, 1.0 - 1e-6);
    Ok(Opportunity {
        drop: Beta {
            a: (still * strength).max(1e-6),
            b: ((1.0 - still) * strength).max(1e-6),
        }
        .after(weight * ever, weight * (1.0 - ever)),
        when: Timing {
            exposure: exposure.clamp(1e-9, 1e24),
            ..*when
        },
        waited: 0.0,
        ..opportunity.clone()
    })
}
