//! Capital Allocation Engine: how much belongs where.
//!
//! Pure: the same inputs give the same targets, bit for bit. All figures are integers.
//!
//! - [`percentages`]: configured shares of equity, cut by the limits.
//! - [`mod@tranches`]: an amount in parts that the transaction limit allows.

pub mod percentages;
pub mod tranches;

pub use percentages::{AllocationError, Inputs, allocate};
pub use tranches::tranches;
