//! `report`.

use std::path::Path;

use airdrops_store::{Access, Store, StoreError};
use airdrops_types::JournalEntry;
use serde_json::json;

use crate::cli::{self, Global};
use crate::command::estimate::calibration::forecasts;
use crate::exit::Failure;
use crate::report::plan::calibration;
use crate::report::{Report, html, terminal};

/// Journal entries read at once.
const PAGE: usize = 5000;

/// Shows the report, or writes it.
///
/// # Errors
/// If the database cannot be read or the file cannot be written.
pub fn report(global: &Global, options: &cli::Report) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let entries = whole_journal(opened.store.as_ref())?;
    let mut report = Report::from_journal(&entries, opened.chain_names());
    report.forecasts = calibration(&forecasts(opened.store.as_ref())?);
    let mut text = terminal::render(&report);
    if let Some(path) = &options.html {
        write_html(&report, path)?;
        text.push_str(&format!("\nWritten: {}\n", path.display()));
    }
    let mut tables = Vec::new();
    if let Some(path) = &options.csv {
        tables = report
            .performance
            .write_csv(path)
            .map_err(Failure::failed)?;
        for table in &tables {
            text.push_str(&format!("\nWritten: {table}\n"));
        }
    }
    let written = options.html.as_ref().map(|path| path.display().to_string());
    super::answer(
        global,
        &text,
        &json!({ "report": report.json(), "html": written, "csv": tables }),
    );
    Ok(())
}

/// Every journal entry, oldest first.
///
/// # Errors
/// If the store fails.
pub fn whole_journal(store: &dyn Store) -> Result<Vec<JournalEntry>, StoreError> {
    let mut entries: Vec<JournalEntry> = Vec::new();
    loop {
        let next = entries.last().map_or(1, |entry| entry.seq + 1);
        let page = store.journal(next, PAGE)?;
        let last_page = page.len() < PAGE;
        entries.extend(page);
        if last_page {
            return Ok(entries);
        }
    }
}

/// Writes the report as one HTML file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write_html(report: &Report, path: &Path) -> Result<(), Failure> {
    std::fs::write(path, html::render(report))
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}
