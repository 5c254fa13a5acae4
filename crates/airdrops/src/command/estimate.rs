//! `estimate`: what opportunities are estimated from.

pub mod priors;

use crate::cli::{Estimate, EstimateCommand, Global};
use crate::exit::Failure;

/// Shows what was asked for.
///
/// # Errors
/// If a file cannot be read.
pub fn estimate(global: &Global, options: &Estimate) -> Result<(), Failure> {
    match &options.command {
        EstimateCommand::Priors(options) => priors::priors(global, options),
    }
}
