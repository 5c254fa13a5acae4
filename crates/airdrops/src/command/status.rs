//! `status`.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_store::{Access, Store, TaskFilter};
use airdrops_types::{
    ControlState, Entry, Scope, TaskRecord, Unwind, UnwindOutcome, UnwindRequest, Usd,
};
use comfy_table::{Table, presets};
use serde_json::json;

use super::risk::measured::{ago, last_report};
use crate::cli::Global;
use crate::exit::{Exit, Failure};
use crate::narrate;
use crate::report::terminal::sparkline;

/// Shows where everything stands.
///
/// # Errors
/// If the database cannot be read; exit code 4, after the status, if everything is halted.
pub fn status(global: &Global) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let store = opened.store.as_ref();
    let names = opened.chain_names();
    let now = super::now();
    let (trips, revision) = store.control()?;
    let tasks = store.tasks(TaskFilter::open())?;
    let last = store.last_equity()?;
    let day = Duration::from_secs(24 * 3600);
    let recent = match &last {
        Some(last) => store.equity_since(last.at.minus(day))?,
        None => Vec::new(),
    };
    let tail = store.journal_tail(200)?;
    let whole = trips
        .iter()
        .filter(|trip| trip.scope == Scope::Everything)
        .map(|trip| trip.state)
        .max()
        .unwrap_or(ControlState::Active);

    let mut text = String::new();
    let mode = mode_of(store)?;
    text.push_str(&format!(
        "{}, {whole}, database {}\n",
        mode.as_ref()
            .map_or_else(|| "never run".into(), |mode| format!("{mode} mode")),
        opened.place
    ));
    match (&last, recent.first()) {
        (Some(last), Some(first)) => {
            let values: Vec<f64> = recent.iter().map(|point| dollars(point.equity)).collect();
            let change = (last.equity - last.net_flows) - (first.equity - first.net_flows);
            text.push_str(&format!(
                "\nEquity {} at {}, {change} in the last 24 h without deposits, gas so far {}\n{}\n",
                last.equity,
                last.at,
                last.gas,
                sparkline(&values, 48)
            ));
        }
        _ if tail.is_empty() => {
            text.push_str("\nNo equity yet: `airdrops run` starts the program.\n");
        }
        _ => text.push_str(
            "\nNo equity yet: it is known once every balance, position and price is fresh. Until \
             then nothing new is risked.\n",
        ),
    }
    text.push_str(&exposures(&tail));
    // What another version wrote is no reason to show nothing.
    let risk = last_report(store).ok().flatten();
    if let Some(report) = &risk {
        let alerts = tail.iter();
        let alerts = alerts.filter(|entry| matches!(entry.entry, Entry::Alerted { .. }));
        text.push_str(&format!(
            "\nRisk {} of 100, volatility {}, trips: {}, recent alerts: {}, {} ago; more: \
             `airdrops risk assess`\n",
            report.portfolio.score,
            report
                .volatility
                .state
                .map_or_else(|| "unknown".to_owned(), |state| state.to_string()),
            trips.len(),
            alerts.count(),
            ago(now.since(report.at))
        ));
    }
    if trips.is_empty() {
        text.push_str("\nNo halts and no trips.\n");
    } else {
        text.push_str("\nHalts and trips\n");
        for trip in &trips {
            text.push_str(&format!(
                "  {} is {} by {} since {}: {}\n",
                narrate::scope_text(&names, &trip.scope),
                trip.state,
                trip.breaker,
                trip.since,
                trip.evidence
            ));
        }
    }
    let signals = risk.iter().flat_map(|report| &report.signals);
    for line in narrate::scaled_limits(&names, signals) {
        text.push_str(&format!("  {line}\n"));
    }
    let (requests, progress) = store.unwinds()?;
    let unwinds = shown_unwinds(&requests, &progress);
    text.push_str(&unwind_lines(&names, &unwinds, &tasks));
    text.push_str(&open_tasks(&tasks));
    text.push_str("\nLatest events\n");
    let events = tail.iter().rev().filter(|entry| {
        !matches!(
            entry.entry,
            Entry::Observed { .. } | Entry::Assessed { .. } | Entry::Allocated { .. }
        )
    });
    let mut latest: Vec<String> = events
        .take(8)
        .map(|entry| {
            format!(
                "  {}  {:<10} {}\n",
                entry.at,
                narrate::kind(&entry.entry),
                narrate::line(&names, &entry.entry)
            )
        })
        .collect();
    latest.reverse();
    text.push_str(&latest.concat());

    super::answer(
        global,
        &text,
        &json!({
            "mode": mode,
            "state": whole,
            "at": now,
            "revision": revision,
            "equity": last,
            "trips": trips,
            "unwinds": unwinds
                .iter()
                .map(|(request, unwind)| json!({ "request": request, "progress": unwind }))
                .collect::<Vec<_>>(),
            "open_tasks": tasks,
            "risk": risk.map(|report| json!({
                "at": report.at,
                "score": report.portfolio.score,
                "volatility": report.volatility.state,
            })),
        }),
    );
    if whole >= ControlState::Halted {
        return Err(Failure::quiet(Exit::Halted));
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn dollars(value: Usd) -> f64 {
    value.0 as f64 / 1e6
}

fn exposures(tail: &[airdrops_types::JournalEntry]) -> String {
    let latest = tail.iter().rev().find_map(|entry| match &entry.entry {
        Entry::Assessed {
            point,
            protocols,
            assets,
            ..
        } => Some((point, protocols, assets)),
        _ => None,
    });
    let Some((point, protocols, assets)) = latest else {
        return String::new();
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (title, values) in [("protocol", protocols), ("asset", assets)] {
        for (name, value) in values {
            let share = value
                .share_of(point.equity)
                .map_or_else(String::new, |share| share.to_string());
            table.add_row([format!("  {title}"), name.clone(), value.to_string(), share]);
        }
    }
    format!("\nExposure, and its share of equity\n{table}\n")
}

/// Requests that have not ended, and the latest of all.
fn shown_unwinds<'a>(
    requests: &'a [UnwindRequest],
    progress: &'a [Unwind],
) -> Vec<(&'a UnwindRequest, Option<&'a Unwind>)> {
    let latest = requests.last().map(|request| request.id);
    requests
        .iter()
        .filter(|request| Some(request.id) == latest || !request.has_ended(progress))
        .map(|request| {
            let mut progress = progress.iter();
            (
                request,
                progress.find(|unwind| unwind.request == request.id),
            )
        })
        .collect()
}

fn unwind_lines(
    names: &narrate::ChainNames,
    unwinds: &[(&UnwindRequest, Option<&Unwind>)],
    tasks: &[TaskRecord],
) -> String {
    if unwinds.is_empty() {
        return String::new();
    }
    let mut text = "\nUnwinds\n".to_owned();
    for (request, unwind) in unwinds {
        let end = unwind.and_then(|unwind| unwind.end.as_ref());
        let stand = match (end.map(|end| &end.outcome), unwind) {
            (Some(UnwindOutcome::Done), _) => "done".to_owned(),
            (Some(UnwindOutcome::Stuck { reasons }), _) => format!("stuck: {}", reasons.join("; ")),
            (Some(UnwindOutcome::Cancelled), _) => "taken back".to_owned(),
            (None, None) => "waits for `airdrops run` or `once`".to_owned(),
            (None, Some(_)) if request.cancelled.is_some() => "being taken back".to_owned(),
            (None, Some(unwind)) => format!("under way, {} tasks so far", unwind.tasks.len()),
        };
        text.push_str(&format!(
            "  request {}: {} by {} since {} ({}): {stand}\n",
            request.id,
            narrate::scope_text(names, &request.scope),
            request.by,
            request.at,
            request.reason
        ));
        let made = unwind.map(|unwind| unwind.tasks.as_slice());
        for task in tasks
            .iter()
            .filter(|task| made.is_some_and(|made| made.contains(&task.id)))
        {
            let reason = task.reason.as_deref().unwrap_or_default();
            let reason = narrate::named(names, reason);
            text.push_str(&format!("    {} {}: {reason}\n", task.id, task.state));
        }
    }
    text
}

fn open_tasks(tasks: &[TaskRecord]) -> String {
    if tasks.is_empty() {
        return "\nNo open tasks.\n".into();
    }
    let mut by_state: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks {
        *by_state.entry(task.state.to_string()).or_default() += 1;
    }
    let counts: Vec<String> = by_state
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for task in tasks.iter().take(20) {
        table.add_row([
            format!("  {}", task.id),
            task.state.to_string(),
            narrate::next_look(task.state, task.not_before).unwrap_or_default(),
            task.reason.clone().unwrap_or_default(),
        ]);
    }
    let more = match tasks.len() {
        0..=20 => String::new(),
        count => format!("  and {} more\n", count - 20),
    };
    format!("\nOpen tasks: {}\n{table}\n{more}", counts.join(", "))
}

/// The mode in which the database was first run; the journal knows better than a configuration
/// that may be another one's.
fn mode_of(store: &dyn Store) -> Result<Option<String>, Failure> {
    // The first entries may be a halt, or a withdrawal announced before the first run.
    let first = store.journal(1, 100)?;
    Ok(first.into_iter().find_map(|entry| match entry.entry {
        Entry::Started { mode, .. } => Some(mode),
        _ => None,
    }))
}
