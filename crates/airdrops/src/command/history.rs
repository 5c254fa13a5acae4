//! `history`: task runs that ended.

use std::io::Write;
use std::path::Path;

use airdrops_store::{Access, TaskFilter};
use airdrops_types::{CampaignId, TaskRecord};
use serde_json::json;

use super::task::list::states_of;
use super::task::rows::{after, collect};
use crate::cli::{Global, History};
use crate::config::summary::work_text;
use crate::exit::Failure;

/// Shows task runs that ended, newest first, or writes all of them as CSV.
///
/// # Errors
/// If the database cannot be read, or the file cannot be written.
pub fn history(global: &Global, options: &History) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let filter = TaskFilter {
        campaign: options.campaign.as_deref().map(CampaignId::from),
        states: states_of(&options.state),
        since: options.since,
        after: after(options.page.after.as_ref()),
        newest_first: true,
        ..TaskFilter::default()
    };
    let fits = |task: &TaskRecord| {
        let in_time = |until| task.ended.is_none_or(|ended| ended <= until);
        options.until.is_none_or(in_time)
    };
    let limit = match options.csv {
        Some(_) => usize::MAX,
        None => usize::try_from(options.page.limit).unwrap_or(usize::MAX),
    };
    let rows = collect(filter, limit, |filter| opened.store.history(filter), fits)?;
    if let Some(path) = &options.csv {
        return csv(global, path, &rows.tasks);
    }
    super::answer(
        global,
        &rows.text("No task run that ended fits."),
        &json!({
            "tasks": rows.tasks,
            "more": rows.more,
            "after": rows.tasks.last().map(|task| &task.id),
        }),
    );
    Ok(())
}

fn csv(global: &Global, path: &Path, tasks: &[TaskRecord]) -> Result<(), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::failed(format!("{}: {error}", path.display()));
    if path.as_os_str() == "-" {
        let mut out = Vec::new();
        write(&mut out, tasks).map_err(|error| failed(&error))?;
        anstream::print!("{}", String::from_utf8_lossy(&out));
        return Ok(());
    }
    let file = std::fs::File::create(path).map_err(|error| failed(&error))?;
    write(std::io::BufWriter::new(file), tasks).map_err(|error| failed(&error))?;
    super::answer(
        global,
        &format!("Written: {} task runs to {}", tasks.len(), path.display()),
        &json!({ "csv": path.display().to_string(), "tasks": tasks.len() }),
    );
    Ok(())
}

fn write(out: impl Write, tasks: &[TaskRecord]) -> Result<(), csv::Error> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record([
        "task", "campaign", "name", "run", "version", "work", "wallet", "protocol", "state",
        "reason", "attempts", "due", "started", "ended",
    ])?;
    for task in tasks {
        let acts = task.assignment();
        let time = |at: Option<airdrops_types::Timestamp>| {
            at.map_or_else(String::new, |at| at.to_string())
        };
        table.write_record([
            task.id.as_str(),
            task.campaign.as_str(),
            &task.name,
            &task.run.to_string(),
            &task.version.to_string(),
            &work_text(&task.spec.work),
            &acts.map_or_else(String::new, |acts| acts.wallet.to_string()),
            acts.map_or("", |acts| acts.protocol.as_str()),
            &task.state.to_string(),
            task.reason.as_deref().unwrap_or_default(),
            &task.attempts.to_string(),
            &time(Some(task.due)),
            &time(task.started),
            &time(task.ended),
        ])?;
    }
    table.flush()?;
    Ok(())
}
