//! What a token loses between claim and sale.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// Who got the tokens, and how large the drop was: four groups with a median change of price over
/// 60 days each (6th Man Ventures 2024, 40 drops, 2.1 million wallets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holders {
    /// Anybody who was there, a large share of supply: −43 %.
    BroadLarge,
    /// Anybody who was there, a small share of supply: −29 %.
    BroadSmall,
    /// Users of the core product, a large share of supply: −16 %.
    CoreLarge,
    /// Users of the core product, a small share of supply: −29 %.
    CoreSmall,
}

impl Holders {
    /// What is left of the price after 60 days, at the median.
    #[must_use]
    pub fn left_after_60_days(self) -> f64 {
        match self {
            Self::BroadLarge => 0.57,
            Self::BroadSmall | Self::CoreSmall => 0.71,
            Self::CoreLarge => 0.84,
        }
    }
}

/// What is left of the claim price when the tokens can be sold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Haircut {
    /// Days from the claim until the tokens can be sold; 0 if at once.
    pub lockup_days: f64,
    /// Whose drop it is.
    pub holders: Holders,
    /// The share of the proceeds that selling costs: slippage of a thin first market, fees.
    pub selling: f64,
}

/// Beyond a year the medians say nothing: the loss does not grow further.
const LONGEST: f64 = 365.0;

impl Haircut {
    /// Whether it is one.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        bounded("lockup_days", self.lockup_days, 0.0, 3650.0)?;
        bounded("selling", self.selling, 0.0, 1.0)
    }

    /// `left_after_60_days ^ (days / 60) · (1 − selling)`, days at most 365. A median: the mean
    /// price of a volatile token falls less.
    #[must_use]
    pub fn factor(&self) -> f64 {
        let days = self.lockup_days.min(LONGEST);
        libm::pow(self.holders.left_after_60_days(), days / 60.0) * (1.0 - self.selling)
    }
}
