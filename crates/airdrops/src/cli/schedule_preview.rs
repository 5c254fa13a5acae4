//! The command line of `schedule preview`.

use clap::{Args, Subcommand};

/// Options of `schedule`.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    /// What to show of it.
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

/// What to show of the schedule.
#[derive(Debug, Clone, Subcommand)]
pub enum ScheduleCommand {
    /// Show what would fire, with an estimate of its gas
    Preview(SchedulePreview),
}

/// Options of `schedule preview`.
#[derive(Debug, Clone, Args)]
pub struct SchedulePreview {
    /// So many days from now
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// Only of this campaign
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// How many instants to show
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}
