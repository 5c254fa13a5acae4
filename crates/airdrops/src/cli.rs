//! The command line.

mod campaign;
mod estimate;
mod risk;
mod schedule;
mod schedule_preview;
mod store;
mod task;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use campaign::{Campaign, CampaignCommand, Dag, Event, Page};
pub use estimate::{Estimate, EstimateCommand, EstimateObserve, EstimatePriors};
pub use risk::{Anomalies, Risk, RiskCommand, RiskReplay, VolIndex};
pub use schedule::{Schedule, ScheduleCommand, ScheduleNext};
pub use schedule_preview::{Schedule, ScheduleCommand, SchedulePreview};
pub use store::{Store, StoreCommand, StoreCopy};
pub use task::{History, States, Task, TaskCommand, TaskId, TaskList, TaskReason};

use crate::exit::EXIT_CODES;

/// Farms airdrops with your own capital, under risk limits that it cannot step around.
#[derive(Debug, Parser)]
#[command(name = "airdrops", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        default_value = "airdrops.toml"
    )]
    pub config: PathBuf,
    /// The database file, instead of the one that the configuration names
    ///
    /// With it, commands that only read or change the database need no configuration.
    #[arg(long, global = true, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a whole farm at work in a simulated world: no key, no network
    Demo(Demo),
    /// Run until stopped
    Run,
    /// Look at the world once, do what is due, and end
    Once(Once),
    /// Show equity, control states, tasks and the latest events
    Status,
    /// Stop everything, or a part, at once
    Halt(Control),
    /// Lift halts and trips of breakers
    Resume(Control),
    /// End every position and open allowance, or those of a part; also while halted
    Unwind(Unwind),
    /// Announce that you take funds out, so that it does not count as a loss
    Withdrawal(Withdrawal),
    /// Tell why a task is where it is
    Explain(Explain),
    /// Check, define, show, pause, run and back-fill campaigns
    Campaign(Campaign),
    /// List task runs, tell of one, and change what becomes of it
    Task(Task),
    /// Show how much waits, for how long, by state and by key
    Queue,
    /// Show task runs that ended, newest first
    History(History),
    /// Show what would fire
    Schedule(Schedule),
    /// Show the graph of a campaign or of a run, as text or as a picture
    Dag(Dag),
    /// Say that something happened: fires campaigns that wait for an event of this name
    Event(Event),
    /// Read or check the journal
    Journal(Journal),
    /// Copy durable state from a file to a server, or back
    Store(Store),
    /// Compute every decision in the journal again and compare
    Replay,
    /// Show what was earned, paid, refused and risked
    Report(Report),
    /// Run strategies over recorded history, side by side; --config names the plan
    Backtest(Backtest),
    /// Show and measure risk, also on recorded data without configuration or database
    Risk(Risk),
    /// Show what opportunities are estimated from, without configuration or database
    Estimate(Estimate),
    /// Choose weights for a problem in a file, within its limits and no others
    ///
    /// Needs no configuration, database or chain. Every limit is checked again in whole parts of
    /// capital; limits that cannot hold together are named.
    Allocate(Allocate),
    /// Show when triggers fire
    Schedule(Schedule),
    /// Check the configuration, or print its JSON Schema
    Config(Config),
    /// Write a configuration file
    Init(Init),
    /// Show version and build
    Version,
}

/// Options of `demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Simulated days
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Write the HTML report here
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Keep the database in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// No progress bar
    #[arg(long)]
    pub no_progress: bool,
}

/// Options of `once`.
#[derive(Debug, Clone, Args)]
pub struct Once {
    /// Decide everything, but store, sign and send nothing; exit code 10 if something would be sent
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `halt` and `resume`.
#[derive(Debug, Clone, Args)]
pub struct Control {
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
    /// What it covers: everything, chain:NAME, protocol:ID, asset:NAME or wallet:NAME
    #[arg(long, value_name = "SCOPE", default_value = "everything")]
    pub scope: String,
}

/// Options of `unwind`.
#[derive(Debug, Clone, Args)]
pub struct Unwind {
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: Option<String>,
    /// What it covers: everything, chain:NAME, protocol:ID, asset:NAME or wallet:NAME
    #[arg(long, value_name = "SCOPE", default_value = "everything")]
    pub scope: String,
    /// Show the plan and whether each step would go out, and change nothing; exit code 10 if
    /// something would be unwound
    #[arg(long, conflicts_with = "cancel")]
    pub dry_run: bool,
    /// Take the open request of this scope back
    #[arg(long)]
    pub cancel: bool,
}

/// Options of `withdrawal`.
#[derive(Debug, Clone, Args)]
pub struct Withdrawal {
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
    /// From which wallet of the configuration
    #[arg(long, value_name = "NAME")]
    pub wallet: String,
    /// On which chain of the configuration
    #[arg(long, value_name = "NAME")]
    pub chain: String,
    /// Which asset; several tokens of one asset are told apart by `--contract`
    #[arg(long, value_name = "ASSET")]
    pub asset: String,
    /// The token's contract, if it is not the chain's only token of that asset
    #[arg(long, value_name = "ADDRESS")]
    pub contract: Option<airdrops_types::Address>,
    /// How much, in whole tokens: 1.25. Include the fee of your own transaction
    #[arg(long, value_name = "AMOUNT")]
    pub amount: String,
}

/// Options of `explain`.
#[derive(Debug, Clone, Args)]
pub struct Explain {
    /// A task run such as farm/deposit#3, or a task such as farm/deposit for its latest run
    pub task: String,
}

/// Options of `journal`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Journal {
    /// First entry to show; default: the latest entries
    #[arg(long, value_name = "N")]
    pub from: Option<u64>,
    /// How many entries to show
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// What else to do with it.
    #[command(subcommand)]
    pub command: Option<JournalCommand>,
}

/// What else to do with the journal.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum JournalCommand {
    /// Check that no entry was changed, removed or added
    Verify,
}

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub struct Report {
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the performance of every scope as CSV; into a folder, also index, weights and
    /// contributions
    #[arg(long, value_name = "FILE|DIR")]
    pub csv: Option<PathBuf>,
}

/// Options of `backtest`.
#[derive(Debug, Clone, Args)]
pub struct Backtest {
    /// Recorded prices, CSV or gzip: a column of times (RFC 3339, a date, or seconds since 1970),
    /// then one per asset
    #[arg(long, value_name = "FILE")]
    pub history: PathBuf,
    /// The history holds returns instead of prices: 0.01 is 1 %
    #[arg(long)]
    pub returns: bool,
    /// Strategies, instead of those of the plan
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub strategies: Vec<String>,
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `allocate`.
#[derive(Debug, Clone, Args)]
pub struct Allocate {
    /// The problem, JSON; plain or gzip
    #[arg(long, value_name = "FILE", required_unless_present = "schema")]
    pub problem: Option<PathBuf>,
    /// The strategy, instead of the one that the file names
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Print the JSON Schema of the file, with examples
    #[arg(long, conflicts_with_all = ["problem", "strategy"])]
    pub schema: bool,
}

/// Options of `config`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Report every mistake, or what would run
    Check {
        /// The file; default: that of --config
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of the file
    Schema,
}

/// Options of `init`.
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// Ask nothing: write the default answers
    #[arg(long)]
    pub defaults: bool,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// An instant in RFC 3339, with its zone.
fn instant(text: &str) -> Result<airdrops_types::Timestamp, String> {
    let example = "write it as 2026-01-31T09:00:00Z";
    crate::config::unit::instant(text).map_err(|defect| format!("{defect}: {example}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_has_no_contradictions() {
        Cli::command().debug_assert();
    }
}
