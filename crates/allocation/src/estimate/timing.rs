//! When a drop comes, if it comes.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// Months until a drop that comes: Weibull with survival `exp(−λ t^shape)` and `λ ~ Gamma(events,
/// exposure)`. With shape 1 the time is exponential: the hazard does not change with age.
///
/// For a known shape this is conjugate: `t^shape` is exponential. A drop after `t` months adds one
/// event and `t^shape` of exposure; a wait of `t` months without a drop (right-censored) adds
/// exposure only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The Weibull shape: 1 for a constant hazard, more if drops grow more likely with age.
    pub shape: f64,
    /// The gamma shape: drops that the hazard is known from.
    pub events: f64,
    /// The gamma rate: months to the power of `shape` that they took in all.
    pub exposure: f64,
}

impl Timing {
    /// From the median wait in months and the number of drops that it is known from.
    ///
    /// # Errors
    /// [`Invalid`] if one of them is out of its range.
    pub fn from_median(months: f64, shape: f64, events: f64) -> Result<Self, Invalid> {
        bounded("months", months, 1e-3, 1200.0)?;
        bounded("shape", shape, 0.2, 5.0)?;
        bounded("events", events, 0.1, 1e9)?;
        // Median of a Lomax variable y = t^shape: exposure (2^(1/events) − 1).
        let exposure = libm::pow(months, shape) / libm::expm1(std::f64::consts::LN_2 / events);
        let timing = Self {
            shape,
            events,
            exposure,
        };
        timing.check()?;
        Ok(timing)
    }

    /// Whether all parameters are usable.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        bounded("shape", self.shape, 0.2, 5.0)?;
        bounded("events", self.events, 0.1, 1e9)?;
        bounded("exposure", self.exposure, 1e-9, 1e24)
    }

    /// After a drop that came after `months`, which counts as `weight` drops.
    #[must_use]
    pub fn dropped(&self, months: f64, weight: f64) -> Self {
        let weight = counted(weight);
        Self {
            events: self.events + weight,
            ..self.waited(months, weight)
        }
    }

    /// After `months` without a drop: right-censored.
    #[must_use]
    pub fn waited(&self, months: f64, weight: f64) -> Self {
        Self {
            exposure: self.exposure + counted(weight) * libm::pow(counted(months), self.shape),
            ..*self
        }
    }

    /// The probability that a drop which comes has not come after `months`:
    /// `(exposure / (exposure + months^shape))^events`.
    #[must_use]
    pub fn survival(&self, months: f64) -> f64 {
        self.survival_between(0.0, months)
    }

    /// The probability that a drop which comes, and has not come after `waited` months, has not
    /// come `months` later either. The wait has changed what is believed of the hazard.
    #[must_use]
    pub fn survival_between(&self, waited: f64, months: f64) -> f64 {
        let (waited, months) = (counted(waited), counted(months));
        let before = libm::pow(waited, self.shape);
        let exposure = self.exposure + before;
        let more = libm::pow(waited + months, self.shape) - before;
        libm::exp(-self.events * libm::log1p(more / exposure))
    }

    /// The probability that there is ever a drop, after `waited` months without one:
    /// `p S / (p S + 1 − p)` with `p` believed before and `S` the survival so far.
    #[must_use]
    pub fn still_to_come(&self, ever: f64, waited: f64) -> f64 {
        let open = ever * self.survival(waited);
        let sum = open + 1.0 - ever;
        if sum > 0.0 { open / sum } else { 1.0 }
    }

    /// The probability of a drop within the next `months`, after `waited` months without one.
    #[must_use]
    pub fn drop_within(&self, ever: f64, waited: f64, months: f64) -> f64 {
        self.still_to_come(ever, waited) * (1.0 - self.survival_between(waited, months))
    }
}

/// What is negative or no number counts as nothing.
fn counted(value: f64) -> f64 {
    if value > 0.0 { value.min(1e9) } else { 0.0 }
}
