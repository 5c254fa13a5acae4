//! A campaign in words.

use std::fmt::Write as _;

use airdrops_scheduler::{Campaign, CatchUp, TaskDef};
use airdrops_types::{Conditions, Join, Timestamp, Work};
use serde_json::{Value, json};

use super::fires;
use crate::config::summary::{trigger_text, work_text};
use crate::config::unit::duration_text;

/// Fire times that are shown.
const SHOWN: usize = 5;

/// Edges of one task that are listed by name.
const NAMED: usize = 6;

/// What it does and when: the graph in words, and the next fire times after `now`.
pub(crate) fn text(campaign: &Campaign, now: Timestamp, first_seen: Timestamp) -> String {
    let mut out = format!(
        "Campaign {}: {}",
        campaign.id,
        trigger_text(&campaign.trigger)
    );
    // Writing to a String cannot fail.
    for part in timing(campaign) {
        let _ = write!(out, ", {part}");
    }
    let _ = writeln!(out);
    for task in &campaign.tasks {
        let _ = writeln!(out, "  {}: {}", task.name, task_text(task));
    }
    let times = next(campaign, now, first_seen);
    match fires::without_instants(&campaign.trigger) {
        Some(when) => {
            let _ = writeln!(out, "  Fires {when}");
        }
        None if times.is_empty() => {
            let _ = writeln!(out, "  Fires never again");
        }
        None => {
            let times: Vec<String> = times.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "  Fires {}", times.join(", "));
        }
    }
    out
}

/// The next fire times.
pub(crate) fn next(campaign: &Campaign, now: Timestamp, first_seen: Timestamp) -> Vec<Timestamp> {
    // An interval that begins now fires now.
    let after = Timestamp(now.0.saturating_sub(1));
    fires::between(campaign, after, Timestamp(i64::MAX), first_seen, SHOWN)
}

/// For programs.
pub(crate) fn json(campaign: &Campaign, now: Timestamp, first_seen: Timestamp) -> Value {
    json!({
        "name": campaign.id,
        "trigger": trigger_text(&campaign.trigger),
        "fires": next(campaign, now, first_seen)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        "tasks": campaign.tasks.iter().map(|task| json!({
            "name": task.name,
            "does": work_text(&task.spec.work),
            "after": task.after,
            "keys": task.spec.keys,
        })).collect::<Vec<_>>(),
        "definition": campaign,
    })
}

fn timing(campaign: &Campaign) -> Vec<String> {
    let timing = &campaign.timing;
    let mut parts = Vec::new();
    if let Some(start) = timing.start {
        parts.push(format!("not before {start}"));
    }
    if let Some(end) = timing.end {
        parts.push(format!("not after {end}"));
    }
    if !timing.jitter.is_zero() {
        parts.push(format!("up to {} later", duration_text(timing.jitter)));
    }
    if let Some(grace) = campaign.misfire_grace {
        parts.push(format!("skipped if seen {} late", duration_text(grace)));
    }
    match campaign.catch_up {
        CatchUp::Skip => parts.push("missed runs are left out".into()),
        CatchUp::All => parts.push("each missed run is made up for".into()),
        CatchUp::One => {}
    }
    if campaign.max_instances > 1 {
        parts.push(format!("up to {} runs at once", campaign.max_instances));
    }
    parts
}

/// What a task does, what it comes after, and how.
pub(crate) fn task_text(task: &TaskDef) -> String {
    let spec = &task.spec;
    let mut text = work_text(&spec.work);
    if let Work::Act(acts) = &spec.work {
        let _ = write!(text, " from {}", acts.wallet);
    }
    let edges: Vec<String> = task
        .after
        .iter()
        .map(|edge| match edge.on {
            Conditions::SUCCESS => edge.task.clone(),
            on => format!("{} ({})", edge.task, on.names().join(" or ")),
        })
        .collect();
    let _ = match (edges.as_slice(), spec.join) {
        ([], _) => Ok(()),
        ([one], _) => write!(text, ", after {one}"),
        (all, join) => {
            let which = match join {
                Join::All => "all of",
                Join::Any => "the first of",
            };
            let more = match all.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = &all[..all.len().min(NAMED)];
            write!(text, ", after {which} {}{more}", named.join(", "))
        }
    };
    if !spec.delay.is_zero() {
        let _ = write!(text, ", {} later", duration_text(spec.delay));
    }
    if spec.approval {
        text.push_str(", once approved");
    }
    if spec.critical {
        text.push_str(", critical");
    }
    if spec.priority != 0 {
        let _ = write!(text, ", priority {}", spec.priority);
    }
    if let Some(gas) = &spec.gas {
        let within = duration_text(gas.within);
        let _ = write!(
            text,
            ", gas at its {} quantile within {within}",
            gas.quantile
        );
    }
    for (name, value) in [("deadline", spec.deadline), ("SLA", spec.sla)] {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {}", duration_text(value));
        }
    }
    if spec.compensate {
        text.push_str(", undone when cancelled");
    }
    text
}
