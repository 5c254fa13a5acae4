//! The `airdrops` program.

use std::process::ExitCode;

use airdrops::cli::Cli;
use airdrops::command;
use clap::Parser as _;

fn main() -> ExitCode {
    command::dispatch(&Cli::parse())
}
