//! Requests to the runner: what a command leaves in the inbox, and how it says so.

use std::sync::atomic::{AtomicU64, Ordering};

use airdrops_store::{Posted, Store};
use airdrops_types::{Command, Timestamp};
use serde_json::{Value, json};

use crate::exit::Failure;

/// A request that was left for the runner.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    posted: Posted,
    running: bool,
}

/// Leaves a request. Without an id of its own it is a request of its own, however alike.
pub(crate) fn ask(
    store: &dyn Store,
    command: &Command,
    id: Option<&str>,
) -> Result<Asked, Failure> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (at, by) = (super::now(), super::operator());
    let own = || {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("command/{by}/{}/{}/{count}", at.0, std::process::id())
    };
    let id = id.map_or_else(own, str::to_owned);
    let posted = store.post(at, &id, command, &by)?;
    Ok(Asked {
        posted,
        running: store.has_runner()?,
    })
}

impl Asked {
    /// What becomes of it, as a sentence.
    pub(crate) fn text(&self) -> String {
        let seq = self.posted.seq;
        match (self.posted.new, self.running) {
            (false, _) => format!("Known already: message {seq} has this id; nothing changed."),
            (true, true) => {
                format!("Asked (message {seq}); the running program does it in its next tick.")
            }
            (true, false) => {
                format!("Asked (message {seq}); the next `airdrops run` or `once` does it.")
            }
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "message": self.posted.seq,
            "new": self.posted.new,
            "running": self.running,
        })
    }
}

/// The requests of the inbox that nobody has done yet, in words, and those that `of` picks only.
pub(crate) fn open(
    store: &dyn Store,
    of: impl Fn(&Command) -> bool,
) -> Result<Vec<(u64, Timestamp, String)>, Failure> {
    let open = store.inbox()?.into_iter();
    let picked = open.filter(|message| of(&message.command));
    Ok(picked
        .map(|message| (message.seq, message.at, words(&message.command).to_owned()))
        .collect())
}

fn words(command: &Command) -> &'static str {
    match command {
        Command::Define { .. } => "new version",
        Command::Pause { .. } => "pause",
        Command::Resume { .. } => "resume",
        Command::Run { .. } => "run",
        Command::Backfill { .. } => "back-fill",
        Command::Retry { .. } => "retry",
        Command::Rerun { .. } => "run again",
        Command::Skip { .. } => "skip",
        Command::Cancel { .. } => "cancel",
        Command::Approve { .. } => "approve",
        Command::Event { .. } => "event",
    }
}
