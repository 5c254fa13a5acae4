//! `task show`.

use airdrops_store::Access;
use serde_json::json;

use crate::cli::Global;
use crate::command::explain;
use crate::config::summary::work_text;
use crate::config::unit::duration_text;
use crate::exit::Failure;

/// Shows what a task run is, and where it stands.
pub(super) fn show(global: &Global, wanted: &str) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let task = explain::find(&opened, wanted)?;
    let spec = &task.spec;
    let mut lines = vec![
        ("Does", work_text(&spec.work)),
        ("State", task.state.to_string()),
        ("Due", task.due.to_string()),
        ("Version", task.version.to_string()),
    ];
    if let Some(acts) = task.assignment() {
        lines.insert(1, ("Wallet", acts.wallet.to_string()));
    }
    for (name, at) in [
        ("Next look", task.not_before),
        ("Could run since", task.ready_since),
        ("Started", task.started),
        ("Ended", task.ended),
    ] {
        if let Some(at) = at {
            lines.push((name, at.to_string()));
        }
    }
    if let Some(reason) = &task.reason {
        lines.push(("Reason", reason.clone()));
    }
    if spec.approval {
        let by = task.approved.as_deref().unwrap_or("nobody yet");
        lines.push(("Approved by", by.to_owned()));
    }
    for edge in &task.after {
        lines.push((
            "After",
            format!("{} ({})", edge.task, edge.on.names().join(" or ")),
        ));
    }
    let failures: Vec<String> = task
        .failures
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    let failures = if failures.is_empty() {
        String::new()
    } else {
        format!(" ({})", failures.join(", "))
    };
    lines.push((
        "Attempts",
        format!(
            "{} failed of {}{failures}",
            task.attempts, spec.retry.max_attempts
        ),
    ));
    for (name, value) in [
        ("Delay", Some(spec.delay).filter(|delay| !delay.is_zero())),
        ("Deadline", spec.deadline),
        ("SLA", spec.sla),
        ("Timeout", spec.timeout),
    ] {
        if let Some(value) = value {
            lines.push((name, duration_text(value)));
        }
    }
    if let Some(plan) = &task.plan {
        lines.push(("Steps", format!("{} of {} made", task.cursor, plan.len())));
    }
    if let Some(parent) = &task.parent {
        lines.push(("Part of", parent.to_string()));
    }
    if !spec.keys.is_empty() {
        lines.push(("Uses", spec.keys.join(", ")));
    }
    let mut text = format!("{}\n", task.id);
    for (name, value) in lines {
        text.push_str(&format!("  {name:<16} {value}\n"));
    }
    crate::command::answer(global, &text, &json!({ "task": task }));
    Ok(())
}
