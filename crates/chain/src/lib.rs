//! EVM access: reading a chain at one pinned block, fees, simulation, keystores, and the
//! transaction manager, which alone reaches a signing key.

pub mod read;

pub use read::{ChainRead, ReadError, ReadFuture};
