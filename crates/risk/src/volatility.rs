//! How rough the market is, and is about to be.

pub mod deribit;
pub mod mfiv;
pub mod option_chain;
pub mod variance_strip;
pub mod vix;

pub use option_chain::{ChainError, Dropped, Expiry, OptionKind, OptionQuote};
pub use variance_strip::{NoIndex, StripStrike, Term, TermName, VolatilityIndex, Wing};
