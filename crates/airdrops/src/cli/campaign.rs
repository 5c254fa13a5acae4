//! The command line of `campaign`, `dag` and `event`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::instant;
use airdrops_types::Timestamp;

/// Options of `campaign`.
#[derive(Debug, Clone, Args)]
pub struct Campaign {
    /// What to do with them.
    #[command(subcommand)]
    pub command: CampaignCommand,
}

/// What to do with campaigns.
#[derive(Debug, Clone, Subcommand)]
pub enum CampaignCommand {
    /// Report every mistake of a campaign file, or what would run, and when
    Check {
        /// The file: [[campaign]] tables, or one campaign's keys at the top
        file: PathBuf,
    },
    /// Define the campaigns of a file, as new versions; in force from their next run on
    Add {
        /// The file: [[campaign]] tables, or one campaign's keys at the top
        file: PathBuf,
    },
    /// Show every campaign: when it fires, whether it is paused, how often it ran
    List(Page),
    /// Show a campaign's definition, graph and next fire times
    Show {
        /// Its name
        name: String,
        /// An earlier version, instead of what is in force
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Show the versions of a campaign
    Versions {
        /// Its name
        name: String,
    },
    /// No more fires of a campaign until it is resumed; runs that began go on
    Pause {
        /// Its name
        name: String,
        /// Why, for the journal
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
    /// Let a campaign that was paused fire again
    Resume {
        /// Its name
        name: String,
    },
    /// Make one run now, whatever the trigger says
    Run {
        /// Its name
        name: String,
        /// Show what would run and what is in its way, and change nothing; exit code 10 if something
        /// would run
        #[arg(long)]
        dry_run: bool,
    },
    /// Make one run for each instant of the trigger in a span of time
    Backfill {
        /// Its name
        name: String,
        /// First instant: 2026-01-31T09:00:00Z
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        from: Timestamp,
        /// Last instant
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        to: Timestamp,
        /// Show the instants, and change nothing; exit code 10 if there are any
        #[arg(long)]
        dry_run: bool,
    },
}

/// A page of a long list.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Those that follow this one: the last one of the page before
    #[arg(long, value_name = "NAME")]
    pub after: Option<String>,
}

/// Options of `dag`.
#[derive(Debug, Clone, Args)]
pub struct Dag {
    /// A campaign, or a run of it: farm#12
    pub what: String,
    /// Draw it into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Options of `event`.
#[derive(Debug, Clone, Args)]
pub struct Event {
    /// Its name, as `on = { event = "NAME" }` has it
    pub name: String,
    /// What it brings, for the journal; at most 4 KiB
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub payload: Option<serde_json::Value>,
    /// Tells deliveries of the same event: a second one of this id changes nothing
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}
