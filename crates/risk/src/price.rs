//! Prices: what several sources together say.

pub mod consensus;

pub use consensus::{
    Consensus, ConsensusRule, SourceReport, SourceStanding, consensus, consensus_report,
};
