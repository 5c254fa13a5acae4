//! Risk Management System: how much is at stake, what is forbidden at present, and the only door
//! to a signature.
//!
//! Pure: no I/O, no clock, no randomness. Everything that a decision rests on is handed in, so
//! that the journal can reproduce each verdict.
//!
//! - [`exposure`]: equity, and what is at stake per protocol family and per asset.
//! - [`price`]: one price out of several sources.
//! - [`profit`]: what was earned, and on what.
//! - [`gas`]: what transactions cost, against their own history and their use.
//! - [`health`]: how well a protocol is, and [`score`]: how risky a step, a protocol, the whole.
//! - [`control`]: which stops hold, and where.
//! - [`reservation`]: exposure that was permitted and is not visible yet.
//! - [`breaker`]: what trips stops by itself.
//! - [`look_through`]: what is at stake at everything that the portfolio depends on.
//! - [`adapt`]: how much of a limit holds at present.
//! - [`history`]: replays prices through the code above, and counts what it would have done.
//! - [`tail`]: what a bad day may cost, and whether that held.
//! - [`volatility`]: how rough the market is: estimators, forecast, index and states.
//! - [`gate`]: decides on one intent; makes the [`Permit`].

pub mod adapt;
pub mod breaker;
pub mod control;
pub mod exposure;
pub mod gas;
pub mod gate;
pub mod health;
pub mod history;
pub mod look_through;
pub mod marked;
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
pub use policy::{AllowedCall, Policy};
pub use price::{ConsensusRule, consensus};
pub use profit::{Profit, ProfitBook};
pub use reservation::ReservationBook;
pub use score::Score;
pub use structure::Structure;
pub use term::Term;
