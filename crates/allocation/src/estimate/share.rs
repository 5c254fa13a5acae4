//! Which share of the supply is dropped.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};
use super::normal;

/// The share of all tokens that a drop gives away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// As announced, in (0, 1].
    Known(f64),
    /// Lognormal, cut off at 1: location and standard deviation of the logarithm.
    LogNormal {
        /// The mean of the logarithm before it is cut off.
        location: f64,
        /// The standard deviation of the logarithm before it is cut off.
        sigma: f64,
    },
}

impl Share {
    /// 40 drops: median 7.5 %, mean 13.9 %. Fitted once to a table that is no part of the program
    /// (the metadata of 6th Man Ventures' study of 2024); a second table of 31 drops (Chaindebrief)
    /// has the same median. The drops are of tokens that were listed: survivors.
    pub const HISTORICAL: Self = Self::LogNormal {
        location: -2.68,
        sigma: 1.33,
    };

    /// Whether it is a share.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        match *self {
            Self::Known(share) => bounded("known", share, 1e-9, 1.0),
            Self::LogNormal { location, sigma } => {
                bounded("location", location, -20.0, 0.0)?;
                bounded("sigma", sigma, 1e-6, 5.0)
            }
        }
    }

    /// The share at probability `u` in (0, 1).
    #[must_use]
    pub fn quantile(&self, u: f64) -> f64 {
        self.quantile_of(self.below_one(), u)
    }

    /// What [`Self::quantile_of`] needs for all `u`: the probability below 1 before it is cut off.
    pub(crate) fn below_one(&self) -> f64 {
        match *self {
            Self::Known(_) => 1.0,
            Self::LogNormal { location, sigma } => normal::cumulative(-location / sigma),
        }
    }

    pub(crate) fn quantile_of(&self, below_one: f64, u: f64) -> f64 {
        match *self {
            Self::Known(share) => share,
            Self::LogNormal { location, sigma } => {
                libm::exp(location + sigma * normal::quantile(u * below_one)).min(1.0)
            }
        }
    }

    /// The mean: `e^(μ + σ²/2) Φ(−μ/σ − σ) / Φ(−μ/σ)` of the lognormal cut off at 1.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Known(share) => share,
            Self::LogNormal { location, sigma } => {
                let end = -location / sigma;
                libm::exp(location + 0.5 * sigma * sigma) * normal::cumulative(end - sigma)
                    / normal::cumulative(end)
            }
        }
    }
}
