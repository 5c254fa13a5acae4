//! `risk`: what the Risk Management System says, of the running system and of recorded data.

pub mod anomalies;
pub mod option_file;
pub mod recording;
pub mod replay;
pub mod vol_index;

use crate::cli::{Global, Risk, RiskCommand};
use crate::exit::Failure;

/// Shows or measures what was asked for.
///
/// # Errors
/// If the file cannot be read or the options do not fit it.
pub fn risk(global: &Global, options: &Risk) -> Result<(), Failure> {
    match &options.command {
        RiskCommand::VolIndex(options) => vol_index::vol_index(global, options),
        RiskCommand::Replay(options) => replay::replay(global, options),
        RiskCommand::Anomalies(options) => anomalies::anomalies(global, options),
    }
}
