//! What triggers made, against their instants by plain arithmetic.

use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_scheduler::{Campaign, CatchUp, Trigger, next_fire};
use airdrops_types::{TaskId, Timestamp};

use super::durable::Tables;
use super::rules::open_runs;
use super::verdict::{Kind, Violation};

/// A fire as it was journalled.
#[derive(Debug, Clone)]
pub(super) struct Fire {
    pub at: Timestamp,
    pub due: Timestamp,
    pub tasks: Vec<TaskId>,
    pub note: String,
}

impl Fire {
    /// Whether an operator asked for it.
    pub(super) fn is_asked_for(&self) -> bool {
        self.note.ends_with(" asked for it") || self.note.contains(", back-filled by ")
    }

    fn is_skipped(&self) -> bool {
        self.note.starts_with("skipped: ")
    }
}

fn broken(campaign: &Campaign, what: &str) -> Result<(), Violation> {
    Err(Violation::new(
        Kind::Fire,
        format!("{}: {what}", campaign.id),
    ))
}

/// Every instant of every trigger up to `last` led to a run or to a note, and every run has its reason.
pub(super) fn fires(
    campaigns: &[Campaign],
    tables: &Tables,
    last: Timestamp,
    now: Timestamp,
) -> Result<(), Violation> {
    for campaign in campaigns {
        let fires = tables.fires.get(&campaign.id).into_iter().flatten();
        for fire in fires {
            // A fire makes a whole run, or says why it does not.
            let whole = fire.tasks.len() == campaign.tasks.len();
            if fire.is_skipped() != fire.tasks.is_empty() || !(fire.is_skipped() || whole) {
                return broken(campaign, &format!("{fire:?}"));
            }
        }
        if !matches!(campaign.trigger, Trigger::Event(_) | Trigger::Manual) {
            instants_led_somewhere(campaign, tables, last, now)?;
        }
    }
    runs(tables)
}

fn instants_led_somewhere(
    campaign: &Campaign,
    tables: &Tables,
    last: Timestamp,
    now: Timestamp,
) -> Result<(), Violation> {
    let state = tables.triggers.get(&campaign.id);
    let first_seen = state.map_or(Timestamp(0), |state| state.first_seen);
    let mut instants = instants(campaign, first_seen, first_seen, now);
    if !matches!(campaign.trigger, Trigger::Date { .. }) {
        // What recurs begins when it is seen.
        instants.retain(|instant| *instant >= first_seen);
    }
    let jitter = campaign.timing.jitter;
    let fires = tables.fires.get(&campaign.id).into_iter().flatten();
    let pauses = tables.pauses.get(&campaign.id).into_iter().flatten();
    let once = campaign.trigger.is_one_shot();
    // What recurs makes nothing up for what passed before it went on.
    let passed_over = |at: Timestamp| {
        let ends = pauses.clone().filter_map(|(_, until)| *until);
        ends.filter(|until| !once && *until <= at).max()
    };
    let mut covered: Option<Timestamp> = None;
    for fire in fires.filter(|fire| !fire.is_asked_for()) {
        // What jitter delays beyond the end of a pause still fires.
        let before = covered.max(passed_over(fire.at).map(|until| until.minus(jitter)));
        covered = covered.max(passed_over(fire.at));
        let first_after = |covered| instants.iter().find(|instant| Some(**instant) > covered);
        let Some(&next) = first_after(before).filter(|_| fire.due <= fire.at) else {
            return broken(
                campaign,
                &format!("no instant for {fire:?} after {covered:?}"),
            );
        };
        let last_next = first_after(covered).copied();
        let latest = |until: Timestamp| {
            let due = instants.iter().filter(|instant| **instant <= until);
            due.max().copied()
        };
        let grace = campaign.misfire_grace;
        // A run begins up to the jitter after its instant: what is due then is known up to that.
        let fits = match campaign.catch_up {
            CatchUp::All if fire.is_skipped() => {
                // All that is too late is passed over together, and nothing else is.
                let grace = grace.unwrap_or(Duration::MAX);
                let after = instants.iter().find(|instant| **instant > fire.due);
                let after_is_late =
                    after.is_some_and(|after| fire.at.since(*after) > grace.saturating_add(jitter));
                instants.contains(&fire.due) && fire.at.since(fire.due) > grace && !after_is_late
            }
            CatchUp::All => {
                instants.contains(&fire.due)
                    && last_next.is_none_or(|last_next| fire.due <= last_next)
            }
            CatchUp::One | CatchUp::Skip => {
                let least = latest(fire.at.minus(jitter)).max(Some(next));
                let most = latest(fire.at).max(Some(next));
                instants.contains(&fire.due) && (least..=most).contains(&Some(fire.due))
            }
        };
        let missed = match campaign.catch_up {
            CatchUp::Skip => Some(grace.unwrap_or(Duration::from_secs(60))),
            CatchUp::One | CatchUp::All => grace,
        };
        let late = fire.at.since(fire.due);
        let too_late = missed.is_some_and(|most| late > most.saturating_add(jitter));
        if !fits || fire.due < next || (too_late && !fire.is_skipped()) {
            let what = format!("{fire:?} after {covered:?}, the next instant is {next:?}");
            return broken(campaign, &what);
        }
        covered = Some(fire.due);
    }
    covered = covered.max(passed_over(now));
    let mut last = last.minus(jitter);
    if let Some((since, None)) = pauses.clone().last() {
        // Whoever was to see it may have been down until then.
        last = last.min(since.minus(Duration::from_secs(7200)));
    }
    let missing = instants
        .iter()
        .find(|instant| Some(**instant) > covered && **instant <= last);
    // What fires only once, or catches up all, waits for room.
    let waits = (once || campaign.catch_up == CatchUp::All) && {
        let full = open_runs(tables, &campaign.id) >= campaign.max_instances as usize;
        let mut tasks = tables.tasks.values();
        full || tasks.any(|task| task.campaign == campaign.id && task.ended >= Some(last))
    };
    match missing {
        Some(missing) if !waits => broken(campaign, &format!("nothing for {missing}")),
        _ => Ok(()),
    }
}

/// Each run was made by a fire, by a task, or because somebody asked for it, and is stored as it was
/// made.
fn runs(tables: &Tables) -> Result<(), Violation> {
    let fires = tables.fires.values().flatten();
    let mut fired = BTreeSet::new();
    for id in fires.flat_map(|fire| &fire.tasks) {
        let Some(task) = tables.tasks.get(id) else {
            return Err(Violation::new(Kind::Lost, format!("{id} was never stored")));
        };
        fired.insert((&task.campaign, task.run));
    }
    let mut other = BTreeSet::new();
    for task in tables.tasks.values() {
        match &task.parent {
            Some(parent)
                if tables
                    .tasks
                    .get(parent)
                    .is_none_or(|of| of.child < Some(task.run)) =>
            {
                let what = format!("{} is not of {parent}", task.id);
                return Err(Violation::new(Kind::Fire, what));
            }
            Some(_) => {}
            None => {
                let run = (&task.campaign, task.run);
                other.extend((!fired.contains(&run)).then_some(run));
            }
        }
    }
    if other.len() as u64 != tables.unfired {
        let what = format!("{} runs asked for, {other:?} made", tables.unfired);
        return Err(Violation::new(Kind::Message, what));
    }
    Ok(())
}

/// The instants of a trigger within its bounds by plain arithmetic; crons by asking from one to the
/// next.
pub(super) fn instants(
    campaign: &Campaign,
    first_seen: Timestamp,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Timestamp> {
    let mut instants = Vec::new();
    // What has no first instant of its own begins at the start of its bounds.
    let begins = campaign
        .timing
        .start
        .map_or(first_seen, |start| start.max(first_seen));
    match &campaign.trigger {
        Trigger::Once => instants.push(begins),
        Trigger::Date { at } => instants.push(*at),
        Trigger::Interval { every, first } => {
            let mut next = first.unwrap_or(begins);
            while next <= until {
                instants.push(next);
                next = next.plus(*every);
            }
        }
        other => {
            let mut next = next_fire(other, Timestamp(from.0 - 1), first_seen).unwrap();
            while let Some(instant) = next.filter(|instant| *instant <= until) {
                instants.push(instant);
                next = next_fire(other, instant, first_seen).unwrap();
            }
        }
    }
    let timing = &campaign.timing;
    instants.retain(|instant| {
        *instant <= until
            && timing.start.is_none_or(|start| *instant >= start)
            && timing.end.is_none_or(|end| *instant <= end)
    });
    instants
}
