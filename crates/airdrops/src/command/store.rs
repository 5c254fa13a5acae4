//! `store`: copies of everything from one store to another.

use std::io::IsTerminal as _;

use airdrops_store::{CopyProgress, is_server};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::{Global, Store, StoreCommand, StoreCopy};
use crate::exit::{Exit, Failure};

/// Dispatches `store`.
///
/// # Errors
/// As the command says.
pub fn store(global: &Global, options: &Store) -> Result<(), Failure> {
    match &options.command {
        StoreCommand::Copy(options) => copy(global, options),
    }
}

/// Copies everything, checks it, and tells the hash of the journal's last entry.
fn copy(global: &Global, options: &StoreCopy) -> Result<(), Failure> {
    let (from, to) = (place(&options.from)?, place(&options.to)?);
    let bar = bar(global, options);
    let copied = airdrops_store::copy(&from, &to, &mut |progress: CopyProgress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.of);
            bar.set_position(progress.rows);
            bar.set_message(progress.table);
        }
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let text = format!(
        "{} rows are copied from {} to {}, and as many are there.\n\
         Journal: {} entries, each checked; the last one has hash {}.",
        copied.rows,
        shown(&options.from),
        shown(&options.to),
        copied.entries,
        copied.last_hash
    );
    let json = json!({
        "rows": copied.rows,
        "entries": copied.entries,
        "last_hash": copied.last_hash,
    });
    super::answer(global, &text, &json);
    Ok(())
}

/// The text that names a store, be it in an environment variable.
fn place(text: &str) -> Result<String, Failure> {
    let Some(variable) = text.strip_prefix("env:") else {
        return Ok(text.to_owned());
    };
    std::env::var(variable).map_err(|_| {
        let message = format!("the environment variable {variable} does not name a store: set it");
        Failure::new(Exit::Usage, message)
    })
}

/// What may be printed of it.
fn shown(text: &str) -> &str {
    if is_server(text) {
        "the PostgreSQL server"
    } else {
        text
    }
}

/// A bar, if there is a terminal to draw it on.
fn bar(global: &Global, options: &StoreCopy) -> Option<ProgressBar> {
    if global.json || options.no_progress || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{elapsed_precise} {bar:40.cyan/blue} {pos}/{len} rows, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    Some(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_not_shown() {
        assert_eq!(shown("sqlite:a.db"), "sqlite:a.db");
        assert_eq!(shown("env:STORE"), "env:STORE");
        assert!(!shown("postgres://ada:s3cret@host/db").contains("s3cret"));
        assert!(!shown("postgresql://ada:s3cret@host/db").contains("s3cret"));
    }
}
