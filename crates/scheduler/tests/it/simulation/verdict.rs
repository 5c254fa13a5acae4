//! What must be true: while it runs, and when all has come to rest.

use std::collections::BTreeSet;
use std::fmt;

use airdrops_scheduler::{Campaign, Trigger, next_fire};
use airdrops_types::{Join, TaskId, TaskRecord, TaskState, Timestamp};

use super::chain::Chain;
use super::durable::{Fire, Tables};

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A step took effect twice.
    Twice,
    /// A task's effects are not those that its record tells of.
    Effects,
    /// A nonce is of two intents, or was used by something that is not stored.
    Nonce,
    /// Bytes were sent that were not durable.
    Unstored,
    /// A task moved as it may not, or not from where it was.
    Order,
    /// Memory and store are not the same.
    Differs,
    /// A fire is missing, too much, or has no run and no reason.
    Fire,
    /// A task is as its predecessors do not let it be.
    Graph,
    /// A task did not come to its end, without a reason and a next look.
    Lost,
}

#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub kind: Kind,
    pub what: String,
}

impl Violation {
    pub(super) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.what)
    }
}

/// No intent and no nonce was signed twice.
pub(super) fn slots(tables: &Tables) -> Result<(), Violation> {
    let mut intents = BTreeSet::new();
    let mut nonces = BTreeSet::new();
    for slot in &tables.slots {
        let tx = &slot.tx;
        if !intents.insert(tx.intent()) || !nonces.insert((tx.wallet, tx.nonce)) {
            return Err(Violation::new(Kind::Nonce, format!("{tx:?} is the second")));
        }
    }
    Ok(())
}

/// What took effect is what the records say, and nothing more.
pub(super) fn effects(tables: &Tables, chain: &Chain) -> Result<(), Violation> {
    let mut effects = chain.effects();
    for task in tables.tasks.values() {
        let mut took = effects.remove(&task.id).unwrap_or_default();
        took.sort_unstable();
        let told: Vec<usize> = (0..task.cursor).collect();
        let may_be_one_ahead =
            !task.state.is_final() && took.split_last() == Some((&task.cursor, &told));
        if took != told && !may_be_one_ahead {
            let what = format!(
                "{} {} took effect at {took:?}, told {told:?}",
                task.id, task.state
            );
            return Err(Violation::new(Kind::Effects, what));
        }
    }
    match effects.into_iter().next() {
        Some(unknown) => Err(Violation::new(Kind::Effects, format!("{unknown:?}"))),
        None => Ok(()),
    }
}

/// Every instant of every trigger up to `last` led to a run or to a note.
pub(super) fn fires(
    campaigns: &[Campaign],
    tables: &Tables,
    last: Timestamp,
    now: Timestamp,
) -> Result<(), Violation> {
    let mut made = BTreeSet::new();
    for campaign in campaigns {
        let none = Vec::new();
        let fires = tables.fires.get(&campaign.id).unwrap_or(&none);
        let state = tables.triggers.get(&campaign.id);
        let first_seen = state.map_or(Timestamp(0), |state| state.first_seen);
        let instants = instants(&campaign.trigger, first_seen, now);
        let broken = |what: String| {
            Err(Violation::new(
                Kind::Fire,
                format!("{}: {what}", campaign.id),
            ))
        };
        let mut covered: Option<Timestamp> = None;
        for fire in fires {
            let due = instants.iter().filter(|instant| **instant <= fire.at);
            if due.max() != Some(&fire.due) || covered.is_some_and(|before| before >= fire.due) {
                return broken(format!("{fire:?} after {covered:?}"));
            }
            covered = Some(fire.due);
            reason(campaign, fire)?;
            made.extend(fire.tasks.iter().cloned());
        }
        // A trigger that fires once waits for an earlier run; a recurring one for nothing.
        let missing = instants
            .iter()
            .filter(|instant| Some(**instant) > covered && **instant <= last);
        if let Some(missing) = missing.max() {
            return broken(format!("nothing for {missing}"));
        }
    }
    let without_fire = tables.tasks.keys().filter(|task| !made.contains(task));
    let asked: BTreeSet<_> = without_fire
        .map(|task| {
            tables
                .tasks
                .get(task)
                .map(|task| (&task.campaign, task.run))
        })
        .collect();
    if asked.len() as u64 != tables.runs_asked_for {
        let what = format!("{} runs asked for, {asked:?} made", tables.runs_asked_for);
        return Err(Violation::new(Kind::Fire, what));
    }
    match made.iter().find(|task| !tables.tasks.contains_key(task)) {
        Some(lost) => Err(Violation::new(
            Kind::Lost,
            format!("{lost} was never stored"),
        )),
        None => Ok(()),
    }
}

/// A fire makes a whole run, or says why it does not.
fn reason(campaign: &Campaign, fire: &Fire) -> Result<(), Violation> {
    let skipped = fire.note.starts_with("skipped: ");
    let whole = fire.tasks.len() == campaign.tasks.len();
    if skipped == fire.tasks.is_empty() && (skipped || whole) {
        return Ok(());
    }
    let what = format!("{}: {fire:?}", campaign.id);
    Err(Violation::new(Kind::Fire, what))
}

/// The instants of a trigger by plain arithmetic; crons by asking from one to the next.
fn instants(trigger: &Trigger, first_seen: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let mut instants = Vec::new();
    match trigger {
        Trigger::Once => instants.push(first_seen),
        Trigger::Date { at } => instants.push(*at),
        Trigger::Interval { every, first } => {
            let mut next = first.unwrap_or(first_seen);
            while next <= now {
                instants.push(next);
                next = next.plus(*every);
            }
        }
        other => {
            let mut next = next_fire(other, Timestamp(first_seen.0 - 1), first_seen).unwrap();
            while let Some(instant) = next.filter(|instant| *instant <= now) {
                instants.push(instant);
                next = next_fire(other, instant, first_seen).unwrap();
            }
        }
    }
    instants.retain(|instant| *instant <= now);
    instants
}

/// Whether what comes before a task lets it run (`true`), never will (`false`), or is not decided.
fn decided<'a>(
    task: &TaskRecord,
    known: impl Fn(&TaskId) -> Option<&'a TaskRecord>,
) -> Option<bool> {
    if task.after.is_empty() {
        return Some(true);
    }
    let edges: Vec<Option<bool>> = task
        .after
        .iter()
        .map(|edge| {
            let ending = known(&edge.task)?.state.ending()?;
            Some(edge.on.holds(ending))
        })
        .collect();
    let all = |wanted| edges.iter().all(|edge| *edge == Some(wanted));
    let any = |wanted| edges.contains(&Some(wanted));
    match task.spec.join {
        Join::All if any(false) => Some(false),
        Join::All => all(true).then_some(true),
        Join::Any if any(true) => Some(true),
        Join::Any => all(false).then_some(false),
    }
}

/// Every task of a graph is where its predecessors let it be: a second evaluation of all conditions.
pub(super) fn graphs<'a>(
    tasks: impl Iterator<Item = &'a TaskRecord>,
    known: impl Fn(&TaskId) -> Option<&'a TaskRecord>,
) -> Result<(), Violation> {
    for task in tasks {
        let lets = decided(task, &known);
        let is_right = match task.state {
            TaskState::Pending => lets.is_none(),
            TaskState::Skipped => lets == Some(false),
            // An operator's word counts in any state.
            TaskState::Cancelled => true,
            _ => lets == Some(true),
        };
        if !is_right {
            let what = format!(
                "{} is {}, its predecessors say {lets:?}",
                task.id, task.state
            );
            return Err(Violation::new(Kind::Graph, what));
        }
    }
    Ok(())
}

/// All runs that were due before `since` have ended by now; later ones have ended, may run, or say
/// why they wait and until when.
pub(super) fn ended(tables: &Tables, since: Timestamp) -> Result<(), Violation> {
    for task in tables.tasks.values().filter(|task| !task.state.is_final()) {
        let waits = match task.state {
            TaskState::Deferred | TaskState::Retrying => {
                task.not_before.is_some() && task.reason.is_some()
            }
            _ => true,
        };
        if task.due < since || !waits {
            return Err(Violation::new(Kind::Lost, format!("{task:?}")));
        }
    }
    Ok(())
}
