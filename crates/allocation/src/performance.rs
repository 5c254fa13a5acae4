//! How well it went: returns, ratios, losses, costs, and which part contributed what.
//!
//! Money comes in as integers, ratios go out as floats. A figure that cannot be stated is an
//! [`Undefined`] with its reason; what is not finite never leaves.
//!
//! - [`returns`]: time-weighted returns, chain-linked around flows.
//! - [`money_weighted`]: the internal rate of return.
//! - [`sharpe`]: Sharpe with its error, probabilistic, deflated; Sortino.
//! - [`drawdown`]: depth, dates, ulcer, conditional drawdown at risk.
//! - [`shortfall`]: the mean of the worst outcomes.
//! - [`cost`]: capital, its utilisation, and what costs take of it.
//! - [`contribution`]: parts that sum to the whole.
//! - [`measures`]: all of them for one account.

pub mod contribution;
pub mod cost;
pub mod drawdown;
pub mod measures;
pub mod money_weighted;
pub mod returns;
pub mod sharpe;
pub mod shortfall;

pub use contribution::{Linking, contributions, risk_shares};
pub use cost::{CostDrag, CostSums, Employed, average_capital, utilisation};
pub use drawdown::Drawdown;
pub use measures::{Account, Conventions, Measures};
pub use money_weighted::MoneyWeighted;
pub use returns::{IndexPoint, Valuation};
pub use sharpe::{Sample, Sharpe};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Milliseconds of a year of 365 days, by which all annual figures are stated.
pub const YEAR_MS: f64 = 365.0 * 86_400_000.0;

/// Why a figure cannot be stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// The sample is too small.
    #[error("{needed} periods are needed, there are {have}")]
    TooFew {
        /// How many it takes.
        needed: usize,
        /// How many there are.
        have: usize,
    },
    /// A ratio to a spread of zero.
    #[error("the returns do not vary")]
    NoVariation,
    /// A ratio to losses that never were.
    #[error("no return was below the target")]
    NoLoss,
    /// The logarithm of nothing.
    #[error("everything was lost")]
    Ruin,
    /// More was lost than there was.
    #[error("more was lost than there was")]
    Overdrawn,
    /// A ratio to nothing.
    #[error("nothing was invested")]
    NoCapital,
    /// No time passed.
    #[error("no time passed")]
    NoTime,
    /// All flows go one way, or what comes back is too far from what went in.
    #[error("no rate makes the flows worth nothing")]
    NoRate,
    /// Flows change their direction more than once, and several rates fit.
    #[error("{0} rates make the flows worth nothing")]
    SeveralRates(usize),
    /// A parameter outside its range.
    #[error("{0}")]
    Parameter(&'static str),
    /// An input is not a finite number, or the result is too large to be one.
    #[error("not a finite number")]
    NotFinite,
}

/// A figure, or why there is none.
pub type Figure = Result<f64, Undefined>;

/// The value if it is finite.
pub(crate) fn finite(value: f64) -> Figure {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Undefined::NotFinite)
    }
}

/// Nothing but finite values.
pub(crate) fn all_finite(values: &[f64]) -> Result<(), Undefined> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(Undefined::NotFinite),
    }
}

/// An amount in dollars, for ratios.
#[must_use]
pub fn dollars(amount: airdrops_types::Usd) -> f64 {
    amount.0 as f64 / 1e6
}
