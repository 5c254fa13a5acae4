//! `explain`: why a task is where it is.

use airdrops_protocols::{ModuleConfig, Registry};
use airdrops_store::{Access, Store, TaskFilter};
use airdrops_types::{
    AmountSpec, ControlSignal, Entry, JournalEntry, Reason, Scope, Target, TaskId, TaskRecord,
    TaskState, Timestamp, Trip, Verdict,
};
use serde_json::json;

use super::Opened;
use super::risk::measured::last_report;
use crate::cli::{Explain, Global};
use crate::config::diagnostic::similar;
use crate::config::summary::work_text;
use crate::config::unit::duration_text;
use crate::exit::Failure;
use crate::narrate::{self, ChainNames};

/// Journal entries that are read at once.
const PAGE: u64 = 1000;

/// Explains a task run.
///
/// # Errors
/// If the database cannot be read or has no such task.
pub fn explain(global: &Global, options: &Explain) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let task = find(&opened, &options.task)?;
    let entries = opened.store.journal_for_task(&task.id)?;
    let (trips, _) = opened.store.control()?;
    let acts = task.assignment();
    let chain = opened.loaded.as_ref().and_then(|loaded| {
        loaded
            .settings
            .protocols
            .iter()
            .find(|protocol| acts.is_some_and(|acts| acts.protocol == protocol.id))
    });
    let tokens = opened.loaded.as_ref().zip(chain).and_then(|(loaded, own)| {
        let registry = Registry::new(loaded.settings.protocols.clone()).ok()?;
        Some(registry.tokens_of(own))
    });
    let tokens = tokens.unwrap_or_default();
    let covers = |scope: &Scope| match scope {
        Scope::Everything => true,
        Scope::Chain(id) => {
            chain.is_some_and(|protocol| protocol.chain == *id)
                || tokens.iter().any(|token| token.chain == *id)
        }
        Scope::Protocol(protocol) => acts.is_some_and(|acts| acts.protocol == *protocol),
        Scope::Wallet(wallet) => acts.is_some_and(|acts| acts.wallet == *wallet),
        Scope::Asset(asset) => tokens.iter().any(|token| token.asset == *asset),
    };
    let covering: Vec<Trip> = trips
        .into_iter()
        .filter(|trip| covers(&trip.scope))
        .collect();
    // What another version wrote is no reason to explain nothing.
    let signals = last_report(opened.store.as_ref()).ok().flatten();
    let signals = signals.map(|report| report.signals).unwrap_or_default();
    let signals: Vec<ControlSignal> = signals
        .into_iter()
        .filter(|signal| covers(&signal.scope))
        .collect();
    let target = target(opened.store.as_ref(), &task)?;
    let mut waits_for = Vec::new();
    for edge in &task.after {
        let state = opened.store.task(&edge.task)?.map(|task| task.state);
        waits_for.push((edge.task.clone(), state));
    }
    let names = opened.chain_names();
    let story = Story {
        task: &task,
        entries: &entries,
        covering: &covering,
        signals: &signals,
        target: target.as_ref(),
        waits_for: &waits_for,
        module: chain.map(|protocol| &protocol.module),
        names: &names,
        now: super::now(),
    };
    super::answer(
        global,
        &story.text(),
        &json!({
            "task": task,
            "trips": covering,
            "signals": signals,
            "target": target,
            "after": waits_for,
            "journal": entries,
        }),
    );
    Ok(())
}

/// What the allocator last wanted where the task moves something up to a target.
fn target(store: &dyn Store, task: &TaskRecord) -> Result<Option<Target>, Failure> {
    let acts = task.assignment();
    let Some(acts) = acts.filter(|acts| acts.amount == AmountSpec::Target) else {
        return Ok(None);
    };
    let last = store.journal_tail(1)?.first().map_or(0, |entry| entry.seq);
    let mut end = last.saturating_add(1);
    while end > 1 {
        let start = end.saturating_sub(PAGE).max(1);
        let count = usize::try_from(end - start).unwrap_or(usize::MAX);
        let allocated = store.journal(start, count)?.into_iter().rev();
        let mut allocated = allocated.filter_map(|entry| match entry.entry {
            Entry::Allocated { targets, .. } => Some(targets),
            _ => None,
        });
        if let Some(targets) = allocated.next() {
            let mut targets = targets.into_iter();
            return Ok(targets.find(|target| target.protocol == acts.protocol));
        }
        end = start;
    }
    Ok(None)
}

/// The run of this id, or the latest run of the task of this name.
pub(super) fn find(opened: &Opened, wanted: &str) -> Result<TaskRecord, Failure> {
    if let Some(task) = opened.store.task(&TaskId::from(wanted))? {
        return Ok(task);
    }
    let tasks = opened.store.tasks(TaskFilter::default())?;
    let named = |task: &&TaskRecord| {
        task.name == wanted || format!("{}/{}", task.campaign, task.name) == wanted
    };
    if let Some(task) = tasks.iter().filter(named).max_by_key(|task| task.run) {
        return Ok(task.clone());
    }
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let mut close: Vec<&str> = similar(wanted, ids.iter().copied());
    close.truncate(5);
    let help = match (close.as_slice(), ids.as_slice()) {
        ([], []) => "The database has no tasks yet.".into(),
        ([], [.., last]) => {
            format!("The latest task is {last}; `airdrops status` lists open ones.")
        }
        (close, _) => format!("Close matches:\n  {}", close.join("\n  ")),
    };
    Err(Failure::failed(format!(
        "There is no task {wanted}. {help}"
    )))
}

struct Story<'a> {
    task: &'a TaskRecord,
    entries: &'a [JournalEntry],
    covering: &'a [Trip],
    signals: &'a [ControlSignal],
    target: Option<&'a Target>,
    waits_for: &'a [(TaskId, Option<TaskState>)],
    module: Option<&'a ModuleConfig>,
    names: &'a ChainNames,
    now: Timestamp,
}

impl Story<'_> {
    fn text(&self) -> String {
        let task = self.task;
        let mut text = format!(
            "{}: {}{}\n\n",
            task.id,
            work_text(&task.spec.work),
            task.assignment()
                .map_or_else(String::new, |acts| format!(" from {}", acts.wallet))
        );
        let reason = task
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        text.push_str(&format!("State      {}{reason}\n", task.state));
        text.push_str(&format!("Due        {}\n", task.due));
        if let Some(next) = task.not_before.filter(|_| !task.state.is_final()) {
            text.push_str(&format!("Next look  {next}{}\n", self.until(next)));
        } else if task.is_held() {
            text.push_str("Next look  when the stop changes, within one tick\n");
        }
        text.push_str(&format!(
            "Attempts   {} failed of {} allowed{}\n",
            task.attempts,
            task.spec.retry.max_attempts,
            if task.spec.critical { ", critical" } else { "" }
        ));
        for (id, state) in self.waits_for {
            let state = state.map_or_else(|| "unknown".into(), |state| state.to_string());
            text.push_str(&format!("After      {id} ({state})\n"));
        }
        for trip in self.covering {
            text.push_str(&format!(
                "Control    {} is {} by {} since {}: {}\n",
                narrate::scope_text(self.names, &trip.scope),
                trip.state,
                trip.breaker,
                trip.since,
                trip.evidence
            ));
        }
        for line in narrate::scaled_limits(self.names, self.signals) {
            text.push_str(&format!("Limits     {line}\n"));
        }
        if let Some(target) = self.target {
            text.push_str(&format!(
                "Target     {}, now {}: {}\n",
                target.target,
                target.current,
                narrate::named(self.names, &target.reason)
            ));
        }
        text.push_str(&self.plan());
        text.push_str(&self.refusals());
        text.push_str("\nHistory\n");
        for entry in self.entries {
            text.push_str(&format!(
                "  {:>6}  {}  {:<10} {}\n",
                entry.seq,
                entry.at,
                narrate::kind(&entry.entry),
                narrate::line(self.names, &entry.entry)
            ));
        }
        if self.entries.is_empty() {
            text.push_str("  The journal does not mention it.\n");
        }
        text
    }

    fn until(&self, next: Timestamp) -> String {
        let seconds = next.since(self.now).as_secs();
        match seconds {
            0 => ", which is due".into(),
            seconds => {
                let left = std::time::Duration::from_secs(seconds);
                format!(", in {}", duration_text(left))
            }
        }
    }

    fn plan(&self) -> String {
        let Some(plan) = &self.task.plan else {
            return "\nPlan\n  Amounts are fixed when the task may start.\n".into();
        };
        let mut text = "\nPlan\n".to_owned();
        for (index, operation) in plan.iter().enumerate() {
            let mark = match index.cmp(&self.task.cursor) {
                std::cmp::Ordering::Less => "done",
                std::cmp::Ordering::Equal if self.task.state.is_final() => "not made",
                std::cmp::Ordering::Equal => "next",
                std::cmp::Ordering::Greater => "",
            };
            text.push_str(&format!(
                "  {}. {:<8} {}\n",
                index + 1,
                mark,
                narrate::operation_text(operation, self.module)
            ));
        }
        text
    }

    /// Every refusal, repeated ones counted, and what would clear the latest.
    fn refusals(&self) -> String {
        let mut refusals: Vec<(Timestamp, Timestamp, usize, &[Reason])> = Vec::new();
        for entry in self.entries {
            let Entry::Decided {
                verdict: Verdict::Refused { reasons },
                ..
            } = &entry.entry
            else {
                continue;
            };
            let codes = |reasons: &[Reason]| reasons.iter().map(Reason::code).collect::<Vec<_>>();
            match refusals.last_mut() {
                Some(last) if codes(last.3) == codes(reasons) => {
                    last.1 = entry.at;
                    last.2 += 1;
                    last.3 = reasons;
                }
                _ => refusals.push((entry.at, entry.at, 1, reasons)),
            }
        }
        let Some(latest) = refusals.last() else {
            return "\nThe gate has refused nothing of it.\n".into();
        };
        let mut text = "\nRefusals\n".to_owned();
        for (first, last, count, reasons) in &refusals {
            let when = if count > &1 {
                format!("{first} to {last}, {count} times, last:")
            } else {
                format!("{first}:")
            };
            text.push_str(&format!("  {when}\n"));
            for reason in *reasons {
                text.push_str(&format!("    {}: {reason}\n", reason.code()));
            }
        }
        if !self.task.state.is_final() {
            text.push_str("\nWhat would clear it\n");
            for reason in latest.3 {
                text.push_str(&format!("  {}\n", narrate::remedy(self.names, reason)));
            }
        }
        text
    }
}
