//! Beliefs about the logarithm of an amount.

use serde::{Deserialize, Serialize};

use super::draw::Stream;
use super::invalid::{Invalid, bounded};
use super::normal;

/// A normal-inverse-gamma distribution of mean and variance of a normal logarithm:
/// `σ² ~ InvGamma(alpha, beta)`, `μ | σ² ~ N(location, σ² / kappa)`, `ln amount ~ N(μ, σ²)`.
///
/// The predictive distribution of `ln amount` is Student's t with `2 alpha` degrees of freedom,
/// centre `location` and squared scale `beta / alpha · (1 + 1 / kappa)` (Murphy 2007, "Conjugate
/// Bayesian analysis of the Gaussian distribution", eqs. 86–110). The exponential of a t has no
/// mean: amounts are cut at a ceiling, see [`Self::mean_amount`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NormalInverseGamma {
    /// The expected logarithm of the amount in dollars; its exponential is the median.
    pub location: f64,
    /// How many observations the location is known from.
    pub kappa: f64,
    /// Half the degrees of freedom of the variance, more than 1.
    pub alpha: f64,
    /// The variance's scale: its mean is `beta / (alpha − 1)`.
    pub beta: f64,
}

impl NormalInverseGamma {
    /// From a median in dollars, the standard deviation of its logarithm, and the number of
    /// observations (more than 2) that both are known from.
    ///
    /// # Errors
    /// [`Invalid`] if one of them is out of its range.
    pub fn from_median(median: f64, sigma: f64, observations: f64) -> Result<Self, Invalid> {
        bounded("median", median, f64::MIN_POSITIVE, 1e30)?;
        let alpha = observations / 2.0;
        let belief = Self {
            location: libm::log(median),
            kappa: observations,
            alpha,
            beta: sigma * sigma * (alpha - 1.0),
        };
        bounded("observations", observations, 2.02, 1e9)?;
        belief.check()?;
        Ok(belief)
    }

    /// Whether all parameters are usable.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        bounded("location", self.location, -100.0, 100.0)?;
        bounded("kappa", self.kappa, 1e-3, 1e9)?;
        bounded("alpha", self.alpha, 1.01, 1e9)?;
        bounded("beta", self.beta, 1e-12, 1e9)
    }

    /// The expected variance of the logarithm, `beta / (alpha − 1)`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.beta / (self.alpha - 1.0)
    }

    /// The variance of a new logarithm: that of the logarithm and that of its mean.
    #[must_use]
    pub fn predictive_variance(&self) -> f64 {
        self.variance() * (1.0 + 1.0 / self.kappa)
    }

    /// After one more logarithm that counts as `weight` observations (Murphy 2007, eqs. 86–89 with
    /// one observation, weighted). What is not finite changes nothing.
    #[must_use]
    pub fn after(&self, logarithm: f64, weight: f64) -> Self {
        if !logarithm.is_finite() || !weight.is_finite() || weight <= 0.0 {
            return *self;
        }
        let kappa = self.kappa + weight;
        let off = logarithm - self.location;
        Self {
            location: self.location + weight / kappa * off,
            kappa,
            alpha: self.alpha + weight / 2.0,
            beta: self.beta + self.kappa * weight / kappa * off * off / 2.0,
        }
    }

    /// What is believed of *this* amount after it was measured with an error: the predictive
    /// distribution times `N(logarithm, error²)`, with the variances of normal distributions and
    /// the tails as before. The posterior mean lies between both, and the variance is
    /// `v e² / (v + e²)`. What is not finite changes nothing.
    #[must_use]
    pub fn measured(&self, logarithm: f64, error: f64) -> Self {
        if !logarithm.is_finite() || !error.is_finite() || error <= 0.0 {
            return *self;
        }
        let variance = self.predictive_variance();
        let gain = variance / (variance + error * error);
        Self {
            location: self.location + gain * (logarithm - self.location),
            kappa: self.kappa,
            alpha: self.alpha,
            beta: (self.beta * (1.0 - gain)).max(1e-12),
        }
    }

    /// The logarithm of a draw for a standard normal `z` and a precision of
    /// [`Self::draw_precision`]; the mean's uncertainty widens it.
    #[must_use]
    pub fn draw(&self, precision: f64, z: f64) -> f64 {
        self.location + (self.beta / precision * (1.0 + 1.0 / self.kappa)).sqrt() * z
    }

    /// A draw of `beta / σ²`, for [`Self::draw`]: a gamma variate of shape `alpha`.
    pub fn draw_precision(&self, stream: &mut Stream) -> f64 {
        stream.gamma(self.alpha).max(1e-300)
    }

    /// A draw of the parameters: mean and variance of the logarithm.
    pub fn draw_parameters(&self, stream: &mut Stream) -> (f64, f64) {
        let variance = self.beta / self.draw_precision(stream);
        let mean = self.location + (variance / self.kappa).sqrt() * stream.normal();
        (mean, variance)
    }

    /// The mean of a new amount that is cut at `ceiling` dollars: the closed form for a lognormal,
    /// integrated over the variance by the trapezoid rule in the logarithm of its precision.
    #[must_use]
    pub fn mean_amount(&self, ceiling: f64) -> f64 {
        const STEPS: u32 = 400;
        let top = libm::log(ceiling);
        // Beyond these bounds the density of ln Gamma(alpha) is below e⁻⁴⁰ of its peak.
        let low = libm::log(self.alpha) - 9.0 / self.alpha.sqrt() - 40.0 / self.alpha;
        let high = libm::log(self.alpha + 9.0 * self.alpha.sqrt() + 40.0);
        let step = (high - low) / f64::from(STEPS);
        let peak = self.alpha * libm::log(self.alpha) - self.alpha;
        let (mut weighted, mut weights) = (0.0, 0.0);
        for index in 0..=STEPS {
            let w = low + step * f64::from(index);
            let precision = libm::exp(w);
            let weight = libm::exp(self.alpha * w - precision - peak);
            let spread = (self.beta / precision * (1.0 + 1.0 / self.kappa)).sqrt();
            weighted += weight * cut_lognormal_mean(self.location, spread, top);
            weights += weight;
        }
        weighted / weights
    }
}

/// `E[min(e^X, e^top)]` for `X ~ N(location, spread²)`.
pub(crate) fn cut_lognormal_mean(location: f64, spread: f64, top: f64) -> f64 {
    if spread < 1e-12 {
        return libm::exp(location.min(top));
    }
    let z = (top - location) / spread;
    let above = libm::exp(top) * normal::cumulative(-z);
    let inside = normal::cumulative(z - spread);
    // e^(location + spread²/2) overflows only where nothing lies inside.
    let below = if inside > 0.0 {
        libm::exp(location + 0.5 * spread * spread + libm::log(inside))
    } else {
        0.0
    };
    below + above
}
