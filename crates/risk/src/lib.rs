//! Risk Management System: how much is at stake, what is forbidden at present, and the only door
//! to a signature.
//!
//! Pure: no I/O, no clock, no randomness. Everything that a decision rests on is handed in, so
//! that the journal can reproduce each verdict.
//!
//! - [`exposure`]: equity, and what is at stake per protocol family and per asset.
//! - [`control`]: which stops hold, and where.
//! - [`reservation`]: exposure that was permitted and is not visible yet.
//! - [`breaker`]: what trips stops by itself.
//! - [`anomaly`]: what is unusual in a stream.
//! - [`gate`]: decides on one intent; makes the [`Permit`].

pub mod anomaly;
pub mod breaker;
pub mod control;
pub mod exposure;
pub mod gate;
pub mod policy;
pub mod reservation;

pub use breaker::{EquityHistory, LossMeasure, RollingLoss};
pub use control::{ControlBoard, FOREIGN_NONCE, MANUAL, ROLLING_LOSS, Touched};
pub use exposure::{Defect, Exposure};
pub use gate::{Gate, GateState, Permit, Refusal, verdict};
pub use policy::{AllowedCall, Policy};
pub use reservation::ReservationBook;
