//! What an airdrop opportunity is worth, and how that is learnt.
//!
//! The payoff of one position over a horizon, per unit of capital `x`:
//!
//! ```text
//! gross = survive · (1 + yield + airdrop / x) + hacked · (1 − loss) − forgone − costs / x,  at least 0
//! airdrop = drop by the horizon · eligible · allocation(x) · FDV · share · (1 − dilution) · haircut
//! ```
//!
//! - [`opportunity`]: what is believed of one opportunity. [`rule`], [`share`], [`haircut`],
//!   [`hazard`], [`timing`], [`beta`], [`normal_inverse_gamma`] are its parts.
//! - [`scenario`]: draws from the posterior predictive distribution, as optimisers take them.
//! - [`value`]: the expected value with its terms; [`summary`]: chances and quantiles of draws;
//!   [`mod@payoff`]: the expected value by size, for integer programs.
//! - [`history`], [`prior`]: what past drops say of one that nothing else is known of.
//! - [`learn`]: evidence by protocol, shrunk to its category and to all; [`evidence`]: what markets
//!   quote; [`opinion`]: what the user thinks.
//! - [`scoring`] by [`logistic`] regression, calibrated ([`isotonic`]): what features say.
//! - [`mod@explore`]: small positions for the sake of learning.
//! - [`forecast`], [`proper_score`], [`calibration`]: what was said before, and how true it was.
//!
//! Everything is a pure function of its input; draws come from ChaCha with a seed that is handed in,
//! and transcendental functions from `libm`: the same input gives the same bits.

pub mod beta;
pub mod calibration;
pub mod draw;
pub mod evidence;
pub mod explore;
pub mod forecast;
pub mod haircut;
pub mod hazard;
pub mod history;
pub mod invalid;
pub mod isotonic;
pub mod learn;
pub mod logistic;
pub mod normal;
pub mod normal_inverse_gamma;
pub mod opinion;
pub mod opportunity;
pub mod payoff;
pub mod prior;
pub mod proper_score;
pub mod rule;
pub mod scenario;
pub mod scoring;
pub mod share;
pub mod summary;
pub mod timing;
pub mod value;

pub use beta::Beta;
pub use calibration::Calibration;
pub use explore::{Exploration, Probe, explore};
pub use forecast::{Forecast, ForecastLog};
pub use haircut::{Haircut, Holders};
pub use hazard::{Hazard, Loss, World};
pub use history::{History, HistoryError};
pub use invalid::Invalid;
pub use learn::{Learning, Learnt};
pub use normal_inverse_gamma::NormalInverseGamma;
pub use opportunity::{Opportunity, Worth};
pub use payoff::{Payoff, payoff};
pub use prior::Priors;
pub use rule::{Rule, Tier};
pub use scenario::{Ask, Charge, scenarios};
pub use scoring::Scorer;
pub use share::Share;
pub use summary::{Summary, summaries};
pub use timing::Timing;
pub use value::{Terms, terms};
