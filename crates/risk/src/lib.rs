//! Risk Management System: how much is at stake, what is forbidden at present, and the only door
//! to a signature.
//!
//! Pure: no I/O, no clock, no randomness of its own. Everything that a decision rests on is handed
//! in, so that the journal can reproduce each verdict.
//!
//! - [`exposure`]: equity, and what is at stake per protocol family and per asset.
//! - [`look_through`]: what is at stake at everything that the portfolio depends on.
//! - [`price`]: one price out of several sources.
//! - [`profit`]: what was earned, and on what.
//! - [`gas`]: what transactions cost, against their own history and their use.
//! - [`volatility`]: how rough the market is: estimators, forecast, index and states.
//! - [`tail`]: what a bad day may cost, and whether that held.
//! - [`anomaly`]: what is unusual in a stream.
//! - [`health`]: how well a protocol is, and [`score`]: how risky a step, a protocol, the whole.
//! - [`breaker`]: what trips stops by itself.
//! - [`control`]: which stops hold, and where.
//! - [`adapt`]: how much of a limit holds at present.
//! - [`monitor`]: all of it, once per tick.
//! - [`placement`]: what limits leave for money that may be placed: rows for an allocator.
//! - [`reservation`]: exposure that was permitted and is not visible yet.
//! - [`gate`]: decides on one intent; makes the [`Permit`].
//! - [`history`]: replays prices through the code above, and counts what it would have done.

pub mod adapt;
pub mod anomaly;
pub mod breaker;
pub mod control;
pub mod exposure;
pub mod gas;
pub mod gate;
pub mod health;
pub mod history;
pub mod look_through;
pub mod marked;
pub mod monitor;
pub mod placement;
pub mod policy;
pub mod price;
pub mod profit;
pub mod reservation;
pub mod score;
pub mod structure;
pub mod tail;
pub mod term;
pub mod volatility;

pub use adapt::{AdaptiveBounds, AdaptiveLimits, VolatilityAction, VolatilityActions};
pub use breaker::{
    BreakerInputs, BreakerKind, BreakerPolicy, Breakers, ClearedBy, Clearing, Demand,
    EquityHistory, LossMeasure, RollingLoss,
};
pub use control::{ControlBoard, FOREIGN_NONCE, MANUAL, ROLLING_LOSS, Touched};
pub use exposure::{Defect, Exposure};
pub use gate::{Gate, GateState, Permit, Refusal, verdict};
pub use health::Health;
pub use marked::Marked;
pub use monitor::{Assessment, Attempt, Monitor, MonitorPolicy, MonitorState, RiskReport, Seen};
pub use placement::{Placement, PlacementLimit, placement_limits};
pub use policy::{AllowedCall, Policy};
pub use price::{ConsensusRule, consensus};
pub use profit::{Profit, ProfitBook};
pub use reservation::ReservationBook;
pub use score::Score;
pub use structure::Structure;
pub use term::Term;
