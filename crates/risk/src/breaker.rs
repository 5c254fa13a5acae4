//! What trips stops by itself.
//!
//! Each breaker looks at fresh evidence only, keeps a bounded state that survives a restart, and
//! says a [`Demand`]; the [control board](crate::ControlBoard) decides what follows. [`Breakers`] is
//! all of them.

mod bounds;
mod clock;
mod data;
mod demand;
mod depeg;
mod drawdown;
mod episode;
mod equity;
mod failure_rate;
mod incident;
mod kind;
mod panel;
mod pin_change;
mod policy;
mod rolling_loss;
mod unprofitable_gas;

pub(crate) use episode::span;

pub use bounds::{Counts, Durations, Shares};
pub use clock::{ClockBounds, ClockLimits, ClockReading, ClockWatch};
pub use data::{DataLimits, DataWatch, FeedStatus, Weight};
pub use demand::Demand;
pub use depeg::{Depeg, DepegLimits, DepegStep, Peg};
pub use drawdown::DRAWDOWN_LIMIT;
pub use equity::{EquityHistory, FallLimit, LossMeasure};
pub use failure_rate::{FailureAlarm, FailureClass, FailureLimits, FailureRate, Successes};
pub use incident::{Fact, FactKind, IncidentLimits, IncidentWatch, Reports};
pub use kind::{BreakerKind, ClearedBy, Clearing};
pub use panel::{BreakerInputs, Breakers};
pub use pin_change::{ExpectedFacts, Pin, PinChange, PinLimits, PinnedChange};
pub use policy::BreakerPolicy;
pub use rolling_loss::{ROLLING_LOSS_LIMIT, RollingLoss};
pub use unprofitable_gas::{GasLimit, GasObservation, UnprofitableGas};
