//! `schedule`: when triggers fire.

mod next;
mod preview;

use crate::cli::{Global, Schedule, ScheduleCommand};
use crate::exit::Failure;

/// Shows what was asked for.
///
/// # Errors
/// If the trigger or the database cannot be read.
pub fn schedule(global: &Global, options: &Schedule) -> Result<(), Failure> {
    match &options.command {
        ScheduleCommand::Next(options) => next::next(global, options),
        ScheduleCommand::Preview(options) => preview::preview(global, options),
    }
}
