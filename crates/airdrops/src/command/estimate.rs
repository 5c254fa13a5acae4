//! `estimate`: what opportunities are estimated from.

pub mod calibration;
pub mod observe;
pub mod priors;

use crate::cli::{Estimate, EstimateCommand, Global};
use crate::exit::Failure;

/// Shows what was asked for.
///
/// # Errors
/// If a file or the database cannot be read or written.
pub fn estimate(global: &Global, options: &Estimate) -> Result<(), Failure> {
    match &options.command {
        EstimateCommand::Priors(options) => priors::priors(global, options),
        EstimateCommand::Observe(options) => observe::observe(global, options),
        EstimateCommand::Calibration => calibration::calibration(global),
    }
}
