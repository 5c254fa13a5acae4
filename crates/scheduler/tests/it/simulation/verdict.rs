//! What must be true: while it runs, and when all has come to rest.

use std::collections::BTreeSet;
use std::fmt;

use airdrops_types::{Join, TaskId, TaskRecord, TaskState, Timestamp};

use super::chain::Chain;
use super::durable::Tables;

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
    /// More is under way, or has started, than a limit allows.
    Limit,
    /// A message took no effect, or more than one.
    Message,
    /// A task does not say why it is where it is.
    Why,
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
/// What was decided stays so when a predecessor is tried again.
pub(super) fn graphs<'a>(
    tasks: impl Iterator<Item = &'a TaskRecord>,
    reopened: &BTreeSet<TaskId>,
    known: impl Fn(&TaskId) -> Option<&'a TaskRecord>,
) -> Result<(), Violation> {
    for task in tasks {
        let lets = decided(task, &known);
        let was_decided = || task.after.iter().any(|edge| reopened.contains(&edge.task));
        let waits = task.not_before.is_some() || task.spec.approval && task.approved.is_none();
        let says = |what: &str| {
            let reason = task.reason.as_ref();
            reason.is_some_and(|reason| reason.contains(what))
        };
        let is_right = match task.state {
            TaskState::Pending => lets.is_none() || lets == Some(true) && waits,
            TaskState::Skipped => {
                let left_out = says(" left it out: ");
                let too_late = task.spec.deadline.is_some() && says("too late: ");
                lets == Some(false) || left_out || too_late || was_decided()
            }
            // An operator's word counts in any state.
            TaskState::Cancelled => true,
            _ => lets == Some(true) || was_decided(),
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

/// Tasks that waited for each other were told, once each and no others.
pub(super) fn stuck(tables: &Tables) -> Result<(), Violation> {
    for task in tables.tasks.values() {
        let reason = task.reason.as_deref().unwrap_or_default();
        let knotted = reason.starts_with("cannot run: these wait for each other");
        if knotted != tables.stuck.contains(&task.id) {
            return Err(Violation::new(Kind::Lost, format!("not told: {task:?}")));
        }
    }
    Ok(())
}

/// All tasks that were made before `since` have ended by now; later ones have ended, may run, or say
/// why they wait and until when.
pub(super) fn ended(tables: &Tables, since: Timestamp) -> Result<(), Violation> {
    for task in tables.tasks.values().filter(|task| !task.state.is_final()) {
        let waits = match task.state {
            TaskState::Deferred | TaskState::Retrying => {
                task.not_before.is_some() && task.reason.is_some()
            }
            _ => true,
        };
        let made = tables.made.get(&task.id);
        if made.is_none_or(|made| *made < since) || !waits {
            return Err(Violation::new(Kind::Lost, format!("{task:?}")));
        }
    }
    Ok(())
}
