//! `queue`: how much waits, and for how long.

use airdrops_store::{Access, QueueCount};
use airdrops_types::{TaskState, Timestamp};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::config::unit::duration_text;
use crate::exit::Failure;

/// Shows the runs that have not ended, in numbers.
///
/// # Errors
/// If the database cannot be read.
pub fn queue(global: &Global) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let now = super::now();
    let queue = opened.store.queue()?;
    let inbox = opened.store.inbox()?;
    let length: u64 = queue.states.iter().map(|(_, count)| count.tasks).sum();
    let oldest = queue.states.iter().map(|(_, count)| count.oldest).min();
    let mut text = match oldest {
        None => "Nothing waits.\n".to_owned(),
        Some(oldest) => format!(
            "{length} {} not ended; the oldest is due since {oldest}, {} ago.\n",
            if length == 1 {
                "task run has"
            } else {
                "task runs have"
            },
            ago(now, oldest)
        ),
    };
    if !inbox.is_empty() {
        text.push_str(&format!("{} requests wait for the runner.\n", inbox.len()));
    }
    if length > 0 {
        let states = queue.states.iter();
        let states = states.map(|(state, count)| (state.to_string(), *count));
        text.push_str(&format!("\nBy state\n{}\n", table(now, states)));
    }
    if !queue.keys.is_empty() {
        let keys = queue.keys.iter().cloned();
        text.push_str(&format!("\nBy key\n{}\n", table(now, keys)));
    }
    let state = |(state, count): &(TaskState, QueueCount)| (state.to_string(), entry(*count));
    let key = |(key, count): &(String, QueueCount)| (key.clone(), entry(*count));
    super::answer(
        global,
        &text,
        &json!({
            "at": now,
            "length": length,
            "oldest": oldest,
            "requests": inbox.len(),
            "states": queue.states.iter().map(state).collect::<serde_json::Map<_, _>>(),
            "keys": queue.keys.iter().map(key).collect::<serde_json::Map<_, _>>(),
        }),
    );
    Ok(())
}

fn entry(count: QueueCount) -> Value {
    json!({ "tasks": count.tasks, "oldest": count.oldest })
}

/// Whole seconds from `then` to `now`, as text.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    duration_text(std::time::Duration::from_secs(now.since(then).as_secs()))
}

fn table(now: Timestamp, rows: impl Iterator<Item = (String, QueueCount)>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, count) in rows {
        table.add_row([
            format!("  {name}"),
            count.tasks.to_string(),
            format!("oldest {} ago", ago(now, count.oldest)),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
