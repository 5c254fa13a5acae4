//! One line per event, for people who watch a farm at work.

use std::collections::BTreeMap;

use airdrops_types::{
    AlertLevel, Entry, LedgerKind, TaskId, TaskState, Timestamp, TxResult, Verdict,
};
use anstyle::{AnsiColor, Style};

use crate::narrate::{ChainNames, kind, line};

const QUIET: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const WAIT: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const STRONG: Style = Style::new().bold();

/// Tells events as lines. A task that waits for the same reason as before is told once.
#[derive(Debug, Default)]
pub struct Teller {
    names: ChainNames,
    /// Why each waiting task waits, without its numbers.
    waiting: BTreeMap<TaskId, String>,
}

impl Teller {
    /// With the chains' names.
    #[must_use]
    pub fn new(names: ChainNames) -> Self {
        Self {
            names,
            waiting: BTreeMap::new(),
        }
    }

    /// The line of an entry, with colours; `None` if there is nothing new to tell.
    pub fn line(&mut self, at: Timestamp, entry: &Entry) -> Option<String> {
        if let Entry::Task {
            task, to, reason, ..
        } = entry
        {
            if matches!(to, TaskState::Deferred | TaskState::Retrying) {
                let why: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
                if self.waiting.get(task) == Some(&why) {
                    return None;
                }
                self.waiting.insert(task.clone(), why);
            } else if to.is_final() {
                self.waiting.remove(task);
            }
        }
        event_line(&self.names, at, entry)
    }
}

/// The line of an entry, with colours; `None` for entries that are only for the record.
fn event_line(names: &ChainNames, at: Timestamp, entry: &Entry) -> Option<String> {
    let style = style(entry)?;
    let (kind, text) = (kind(entry), line(names, entry));
    Some(format!(
        "{QUIET}{at}{QUIET:#}  {style}{kind:<9} {text}{style:#}"
    ))
}

fn style(entry: &Entry) -> Option<Style> {
    Some(match entry {
        Entry::Started { .. } | Entry::Cleared { .. } => STRONG,
        Entry::Tripped { .. } => BAD,
        Entry::Rebalanced { .. } => STRONG,
        Entry::Allocated { .. } | Entry::Fired { .. } | Entry::Signed { .. } => QUIET,
        Entry::Task { to, .. } => match to {
            TaskState::Completed => GOOD,
            TaskState::Failed | TaskState::Dead | TaskState::Cancelled => BAD,
            TaskState::Deferred | TaskState::Retrying | TaskState::Skipped => WAIT,
            TaskState::Pending | TaskState::Ready | TaskState::Running | TaskState::Awaiting => {
                return None;
            }
        },
        Entry::Settled { outcome, .. } if outcome.result == TxResult::Succeeded => GOOD,
        Entry::Settled { .. } => BAD,
        Entry::Flow { entry, value, .. } => match entry.kind {
            LedgerKind::External if value.0 < 0 => BAD,
            _ => QUIET,
        },
        Entry::Eased { .. } => STRONG,
        Entry::Alerted { alert } => match alert.level {
            AlertLevel::Info => QUIET,
            AlertLevel::Warning => WAIT,
            AlertLevel::Critical => BAD,
        },
        Entry::Note { .. } => WAIT,
        // A refusal is followed by the task's deferral or failure, which says the same.
        Entry::Observed { .. }
        | Entry::Assessed { .. }
        | Entry::Planned { .. }
        | Entry::Signalled { .. }
        | Entry::Decided {
            verdict: Verdict::Permitted { .. } | Verdict::Refused { .. },
            ..
        } => {
            return None;
        }
    })
}
