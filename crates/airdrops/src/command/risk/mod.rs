//! `risk`: measures from recorded data.

pub mod option_file;
pub mod recording;
pub mod vol_index;
pub mod recording;
pub mod replay;

use crate::cli::{Global, Risk, RiskCommand};
use crate::exit::Failure;

/// Measures what was asked for.
///
/// # Errors
/// If the file cannot be read or the options do not fit it.
pub fn risk(global: &Global, options: &Risk) -> Result<(), Failure> {
    match &options.command {
        RiskCommand::VolIndex(options) => vol_index::vol_index(global, options),
        RiskCommand::Replay(options) => replay::replay(global, options),
    }
}
