//! What trips stops by itself.

pub mod rolling_loss;

pub use rolling_loss::{EquityHistory, LossMeasure, RollingLoss};
