//! The stops that hold at present, and what they cover.
//!
//! A lattice: `Active < Cautious < Reducing < Halted < Locked`, and the worst of all trips that
//! cover a transaction holds. Up is automatic and immediate. Down is an administrator's, except
//! that mild trips of some breakers end after healthy evidence lasted for a cool-down; see
//! [`ControlBoard::apply`].

mod board;
mod recovery;
mod touched;

pub use board::{Change, ControlBoard};
pub use touched::Touched;

use crate::breaker::BreakerKind;

/// The breaker of a person's own stop.
pub const MANUAL: &str = BreakerKind::Manual.name();
/// The breaker of the rolling 24 h loss.
pub const ROLLING_LOSS: &str = BreakerKind::RollingLoss.name();
/// The breaker of a nonce that was used by somebody else.
pub const FOREIGN_NONCE: &str = BreakerKind::ForeignNonce.name();
