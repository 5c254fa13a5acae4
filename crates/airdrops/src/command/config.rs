//! `config check` and `config schema`.

use crate::cli::{ConfigCommand, Global};
use crate::config::{schema, summary};
use crate::exit::Failure;

/// Reports every mistake, or what would run.
///
/// # Errors
/// Exit code 3 if the file has mistakes.
pub fn config(global: &Global, command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Schema => {
            anstream::println!("{:#}", schema::schema());
        }
        ConfigCommand::Check { file } => {
            let mut global = global.clone();
            if let Some(file) = file {
                global.config.clone_from(file);
            }
            let loaded = super::load(&global)?;
            super::answer(&global, &summary::text(&loaded), &summary::json(&loaded));
        }
    }
    Ok(())
}
