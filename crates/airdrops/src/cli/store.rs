//! The command line of `store`.

use clap::{Args, Subcommand};

/// Options of `store`.
#[derive(Debug, Clone, Args)]
pub struct Store {
    /// What to do with them.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// What to do with stores.
#[derive(Debug, Clone, Subcommand)]
pub enum StoreCommand {
    /// Copy everything from one store to another, empty one
    ///
    /// A store is `sqlite:PATH`, a path, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or
    /// `env:VARIABLE` for one that an environment variable names, so that a password is not seen
    /// among the processes. No runner may run on either. The journal of the copy is checked entry
    /// by entry; after a failure the target is as empty as before.
    Copy(StoreCopy),
}

/// Options of `store copy`.
#[derive(Debug, Clone, Args)]
pub struct StoreCopy {
    /// The store to copy
    #[arg(long, value_name = "STORE")]
    pub from: String,
    /// The store to fill
    #[arg(long, value_name = "STORE")]
    pub to: String,
    /// No progress bar
    #[arg(long)]
    pub no_progress: bool,
}
