//! How rough the market is, and is about to be: what options imply, what prices did, the forecast,
//! and the states that policy acts on.

pub mod day;
pub mod deribit;
pub mod ewma;
pub mod har;
pub mod index;
pub mod mfiv;
pub mod no_index;
pub mod option_chain;
pub mod quantile;
pub mod range;
pub mod realised;
pub mod state;
pub mod variance_strip;
pub mod vix;

pub use day::{Day, DayBuilder};
pub use ewma::{Ewma, RangeEwma, RiskMetrics};
pub use har::LogHar;
pub use index::{Component, CompositeIndex, Source};
pub use no_index::{NoIndex, TermName, Wing};
pub use option_chain::{ChainError, Dropped, Expiry, OptionKind, OptionQuote};
pub use quantile::RollingQuantile;
pub use range::{BarError, OutOfOrder, ValidBar, yang_zhang};
pub use realised::RealisedVolatility;
pub use state::{Level, StateConfig, StateConfigError, Thresholds, VolatilityStates};
pub use variance_strip::{ImpliedIndex, StripStrike, Term};
