//! The command line of `task`, `queue` and `history`.

use std::path::PathBuf;

use airdrops_types::{TaskState, Timestamp};
use clap::{Args, Subcommand};

use super::{Explain, Page, instant};

/// Options of `task`.
#[derive(Debug, Clone, Args)]
pub struct Task {
    /// What to do with them.
    #[command(subcommand)]
    pub command: TaskCommand,
}

/// What to do with task runs.
#[derive(Debug, Clone, Subcommand)]
pub enum TaskCommand {
    /// List task runs in the order in which they were made
    List(TaskList),
    /// Show what a task run is, and where it stands
    Show(TaskId),
    /// Tell why a task run is where it is; the same as `airdrops explain`
    Explain(Explain),
    /// Try a task run again now: one that waits, that failed, or that is on the dead-letter list
    Retry(TaskId),
    /// Run a task, and all that comes after it in its run, again
    Rerun(TaskId),
    /// Leave a task run out
    Skip(TaskReason),
    /// End a task run; if its definition says so, undo what it did
    Cancel(TaskReason),
    /// Let a task run go on that waits for an approval
    Approve(TaskId),
    /// List the dead letters: task runs whose attempts are used up
    Dead(Page),
    /// List what tasks can do, with parameters, limits, gas and compensation
    Kinds,
}

/// One task run.
#[derive(Debug, Clone, Args)]
pub struct TaskId {
    /// A task run such as farm/deposit#3, or a task such as farm/deposit for its latest run
    pub task: String,
}

/// One task run, and why.
#[derive(Debug, Clone, Args)]
pub struct TaskReason {
    /// A task run such as farm/deposit#3, or a task such as farm/deposit for its latest run
    pub task: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
}

/// Options of `task list`.
#[derive(Debug, Clone, Args)]
pub struct TaskList {
    /// Only in these states; `open` is all that have not ended
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = states)]
    pub state: Vec<States>,
    /// Only of this campaign
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// Only of this wallet: its name or address
    #[arg(long, value_name = "WALLET")]
    pub wallet: Option<String>,
    /// Only at this protocol instance
    #[arg(long, value_name = "ID")]
    pub protocol: Option<String>,
    /// The page.
    #[command(flatten)]
    pub page: Page,
}

/// Options of `history`.
#[derive(Debug, Clone, Args)]
pub struct History {
    /// Ended at or after this instant
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Ended at or before this instant
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// Only of this campaign
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// Only in these states
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = states)]
    pub state: Vec<States>,
    /// Write all of them as CSV; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "after"])]
    pub csv: Option<PathBuf>,
    /// The page, newest first.
    #[command(flatten)]
    pub page: Page,
}

/// A state, or all that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum States {
    /// All that have not ended.
    Open,
    /// This one.
    One(TaskState),
}

fn states(text: &str) -> Result<States, String> {
    if text == "open" {
        return Ok(States::Open);
    }
    let found = TaskState::ALL
        .into_iter()
        .find(|state| state.to_string() == text);
    found.map(States::One).ok_or_else(|| {
        let known: Vec<String> = TaskState::ALL.iter().map(ToString::to_string).collect();
        format!("known: open, {}", known.join(", "))
    })
}
