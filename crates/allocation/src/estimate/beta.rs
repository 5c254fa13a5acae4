//! Beliefs about a probability.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// A Beta distribution of a probability: `a` pseudo-successes, `b` pseudo-failures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beta {
    /// Pseudo-successes, positive.
    pub a: f64,
    /// Pseudo-failures, positive.
    pub b: f64,
}

/// More pseudo-counts than this say nothing more.
const MOST: f64 = 1e9;
/// Less than this is no belief at all.
const LEAST: f64 = 1e-6;

impl Beta {
    /// From a mean in (0, 1) and a strength, the number of trials that it counts as.
    ///
    /// # Errors
    /// [`Invalid`] if one of them is out of its range.
    pub fn from_mean(mean: f64, strength: f64) -> Result<Self, Invalid> {
        let belief = Self {
            a: mean * strength,
            b: (1.0 - mean) * strength,
        };
        bounded("mean", mean, 0.0, 1.0)?;
        belief.check()?;
        Ok(belief)
    }

    /// From the mean and the variance, `variance < mean (1 − mean)`, by the method of moments.
    ///
    /// # Errors
    /// [`Invalid`] if no Beta distribution has these moments.
    pub fn from_moments(mean: f64, variance: f64) -> Result<Self, Invalid> {
        bounded("variance", variance, f64::MIN_POSITIVE, mean * (1.0 - mean))?;
        Self::from_mean(mean, mean * (1.0 - mean) / variance - 1.0)
    }

    /// Whether both parameters are usable.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        bounded("a", self.a, LEAST, MOST)?;
        bounded("b", self.b, LEAST, MOST)
    }

    /// `a / (a + b)`.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.a / self.strength()
    }

    /// `ab / ((a + b)² (a + b + 1))`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let n = self.strength();
        self.a * self.b / (n * n * (n + 1.0))
    }

    /// `a + b`: the number of trials that the belief counts as.
    #[must_use]
    pub fn strength(&self) -> f64 {
        self.a + self.b
    }

    /// After more trials, each of which may count as a fraction of one. What is not finite or
    /// negative counts as nothing.
    #[must_use]
    pub fn after(&self, successes: f64, failures: f64) -> Self {
        let counted = |n: f64| if n > 0.0 { n.min(MOST) } else { 0.0 };
        Self {
            a: (self.a + counted(successes)).min(MOST),
            b: (self.b + counted(failures)).min(MOST),
        }
    }
}
