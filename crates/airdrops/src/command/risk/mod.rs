//! `risk`: what the Risk Management System says, of the running system and of recorded data.

pub mod anomalies;
pub mod assess;
pub mod figures;
pub mod limits;
pub mod measured;
pub mod option_file;
pub mod recording;
pub mod replay;
pub mod vol_index;

use crate::cli::{Global, Risk, RiskCommand};
use crate::exit::Failure;

/// Shows or measures what was asked for.
///
/// # Errors
/// If the file or the database cannot be read, or the options do not fit the file.
pub fn risk(global: &Global, options: &Risk) -> Result<(), Failure> {
    match &options.command {
        RiskCommand::VolIndex(options) => vol_index::vol_index(global, options),
        RiskCommand::Replay(options) => replay::replay(global, options),
        RiskCommand::Anomalies(options) => anomalies::anomalies(global, options),
        RiskCommand::Assess => assess::assess(global),
        RiskCommand::Limits => limits::limits(global),
    }
}
