//! `risk`: the measures of the Risk Management System on data from a file.

pub mod anomalies;

use crate::cli::{Global, RiskCommand};
use crate::exit::Failure;

/// Runs one of them.
///
/// # Errors
/// If its input cannot be read or has no meaning.
pub fn risk(global: &Global, command: &RiskCommand) -> Result<(), Failure> {
    match command {
        RiskCommand::Anomalies(options) => anomalies::anomalies(global, options),
    }
}
