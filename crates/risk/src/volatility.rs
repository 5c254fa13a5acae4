//! How rough the market is: estimators of realised variance, their forecast, and the states that
//! policy acts on.

pub mod day;
pub mod ewma;
pub mod har;
pub mod index;
pub mod quantile;
pub mod range;
pub mod realised;
pub mod state;

pub use day::{Day, DayBuilder};
pub use ewma::{Ewma, RangeEwma, RiskMetrics};
pub use har::LogHar;
pub use index::{Component, CompositeIndex, Source};
pub use quantile::RollingQuantile;
pub use range::{BarError, OutOfOrder, ValidBar, yang_zhang};
pub use realised::RealisedVolatility;
pub use state::{Level, StateConfig, StateConfigError, Thresholds, VolatilityStates};
