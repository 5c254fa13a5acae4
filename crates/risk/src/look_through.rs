//! Look-through exposure: what is at stake at everything that our money depends on, and not only
//! where it lies.
//!
//! A vault share is exposure to its protocol, to the asset inside, to the oracle that prices it,
//! to the bridge that the asset came over and to the key that can replace the vault. Two protocols
//! that have nothing in common may fall with one oracle.
//!
//! - [`node`]: what can fail.
//! - [`dependencies`]: what falls with what, and with how much of its value; configuration.
//! - [`graph`]: the same with every path followed in advance.
//! - [`source`]: the parts of the portfolio from which exposure comes.
//! - [`exposures`]: what is at stake at each node, kept while the portfolio changes.
//! - [`growth`]: what a transaction would add.
//! - [`limits`]: how much may be at stake at a node.
//! - [`contagion`]: what is lost if a node fails.
//!
//! All of it is integers: values in micro-dollars times weights in basis points are summed exactly
//! and rounded up once, toward more exposure.

pub mod contagion;
pub mod dependencies;
pub mod exposures;
pub mod graph;
pub mod growth;
#[cfg(test)]
mod laws;
pub mod limits;
mod name;
pub mod node;
pub mod source;

pub use contagion::Shock;
pub use dependencies::{Dependencies, DependencyDefect};
pub use exposures::{ExposureError, NodeExposures};
pub use graph::{Entries, Graph, NodeIndex, Reach};
pub use growth::{Change, Growth};
pub use limits::{Breach, LimitDefect, NodeBounds, NodeLimits, Situation};
pub(crate) use name::NodeName;
pub use node::{Node, NodeClass, NodeError};
pub use source::{Source, allowance_exposure};
