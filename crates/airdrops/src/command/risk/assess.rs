//! `risk assess`: what the engine measured last.

mod answer;
mod terminal;

use airdrops_types::{Alert, Entry};

use super::measured::Measured;
use crate::cli::Global;
use crate::exit::Failure;

/// Journal entries in which the latest alerts are looked for.
const TAIL: usize = 2000;
/// Alerts shown.
const ALERTS: usize = 10;

/// Shows the last report, and what stands now.
///
/// # Errors
/// If the database cannot be read, or nothing was assessed yet.
pub fn assess(global: &Global) -> Result<(), Failure> {
    let measured = Measured::read(global)?;
    let alerts = latest_alerts(&measured)?;
    let text = terminal::render(&measured, &alerts);
    crate::command::answer(global, &text, &answer::json(&measured, &alerts));
    Ok(())
}

/// The latest alerts, the latest last.
fn latest_alerts(measured: &Measured) -> Result<Vec<Alert>, Failure> {
    let tail = measured.store.journal_tail(TAIL)?;
    let alerts = tail
        .into_iter()
        .rev()
        .filter_map(|entry| match entry.entry {
            Entry::Alerted { alert } => Some(alert),
            _ => None,
        });
    let mut alerts: Vec<Alert> = alerts.take(ALERTS).collect();
    alerts.reverse();
    Ok(alerts)
}
