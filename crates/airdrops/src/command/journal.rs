//! `journal` and `journal verify`.

use airdrops_store::{Access, JournalCheck};
use serde_json::json;

use crate::cli::{Global, Journal, JournalCommand};
use crate::exit::Failure;
use crate::narrate;

/// Shows or checks the journal.
///
/// # Errors
/// If the database cannot be read, or the journal is broken.
pub fn journal(global: &Global, options: &Journal) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    if let Some(JournalCommand::Verify) = options.command {
        return verify(global, opened.store.verify_journal()?);
    }
    let entries = match options.from {
        Some(from) => opened.store.journal(from, options.limit)?,
        None => opened.store.journal_tail(options.limit)?,
    };
    let names = opened.chain_names();
    let mut text = String::new();
    for entry in &entries {
        text.push_str(&format!(
            "{:>6}  {}  {:<10} {}\n",
            entry.seq,
            entry.at,
            narrate::kind(&entry.entry),
            narrate::line(&names, &entry.entry)
        ));
    }
    if entries.is_empty() {
        text.push_str("The journal has no such entries.");
    }
    super::answer(global, &text, &json!(entries));
    Ok(())
}

fn verify(global: &Global, check: JournalCheck) -> Result<(), Failure> {
    match check {
        JournalCheck::Ok { entries, last_hash } => {
            super::answer(
                global,
                &format!(
                    "The journal is whole: {entries} entries, last hash {last_hash}.\n\
                     Note the hash elsewhere: later it proves that nothing before it was rewritten."
                ),
                &json!({ "whole": true, "entries": entries, "last_hash": last_hash }),
            );
            Ok(())
        }
        JournalCheck::Broken { seq, why } => {
            let mut failure = Failure::failed(format!(
                "The journal is broken at entry {seq}: {why}. Nothing from there on can be trusted."
            ));
            failure.json = Some(json!({ "whole": false, "seq": seq, "why": why }));
            Err(failure)
        }
    }
}
