//! What must be true of each change that is stored, at the instant at which it is: legal moves, limits of
//! keys, approvals, delays, quarantine, room for runs.

use airdrops_scheduler::{Campaign, Change, EventSource, SchedulerPolicy, Trigger};
use airdrops_types::{CampaignId, Ending, Join, TaskRecord, TaskState, Timestamp, Work};

use super::definitions::Setting;
use super::durable::Tables;
use super::fires::Fire;
use super::verdict::{Kind, Violation};

/// The moves that a task may make, said a second time.
fn is_legal(from: Option<TaskState>, to: TaskState) -> bool {
    use TaskState as S;
    let Some(from) = from else {
        return matches!(to, S::Pending | S::Ready);
    };
    match from {
        // Told as late, approved, grown.
        _ if from == to => !from.is_final(),
        S::Pending => matches!(to, S::Ready | S::Skipped | S::Cancelled),
        S::Ready => to != S::Pending && to != S::Awaiting,
        S::Deferred => matches!(to, S::Ready | S::Cancelled | S::Skipped),
        S::Running => to != S::Pending,
        S::Awaiting => !matches!(
            to,
            S::Pending | S::Ready | S::Skipped | S::Cancelled | S::Deferred
        ),
        S::Retrying => matches!(to, S::Ready | S::Cancelled | S::Skipped),
        // An operator's word.
        S::Failed => to == S::Ready,
        S::Dead => matches!(to, S::Ready | S::Cancelled),
        S::Completed | S::Cancelled | S::Skipped => false,
    }
}

/// One task moves.
pub(super) fn moves(
    setting: &Setting,
    tables: &Tables,
    record: &TaskRecord,
    from: Option<TaskState>,
    at: Timestamp,
) -> Result<(), Violation> {
    let before = tables.tasks.get(&record.id);
    let stored = before.map(|task| task.state);
    let to = record.state;
    let broken = |kind, what: &str| {
        let what = format!("{}, {stored:?} → {to:?}: {what}", record.id);
        Err(Violation::new(kind, what))
    };
    if stored != from {
        return broken(Kind::Order, &format!("journalled from {from:?}"));
    }
    if !is_legal(from, to) {
        return broken(Kind::Order, "no such move");
    }
    let waits = matches!(
        to,
        TaskState::Pending | TaskState::Skipped | TaskState::Cancelled
    );
    if record.spec.approval && record.approved.is_none() && !waits {
        return broken(Kind::Order, "nobody approved it");
    }
    if from == Some(TaskState::Pending)
        && to == TaskState::Ready
        && earliest(tables, record).is_some_and(|earliest| earliest > at)
    {
        return broken(Kind::Order, "its delay is not over");
    }
    if before.is_some_and(|before| before.step > record.step) {
        return broken(Kind::Order, "a step number came back");
    }
    let begins = from == Some(TaskState::Ready) && to == TaskState::Running;
    let acts = record.assignment().filter(|act| !act.action.only_reduces());
    if let (true, Some(act)) = (begins && !record.spec.critical, acts) {
        let key = format!("protocol:{}", act.protocol);
        if tables.memory.quarantine_of(&key, at).is_some() {
            return broken(Kind::Limit, "its protocol is in quarantine");
        }
    }
    let starts = record.started.is_some() && before.is_none_or(|task| task.started.is_none());
    if starts && matches!(record.spec.work, Work::Act(_)) {
        rates(&setting.policy, tables, record, at)?;
    }
    Ok(())
}

/// When the delay of a task is over, if what it counts from did not change.
fn earliest(tables: &Tables, record: &TaskRecord) -> Option<Timestamp> {
    let again = |edge: &airdrops_types::Edge| tables.reopened.contains(&edge.task);
    if record.spec.delay.is_zero() || record.after.iter().any(again) {
        return None;
    }
    if record.after.is_empty() {
        return Some(record.due.plus(record.spec.delay));
    }
    let ends = record.after.iter().filter_map(|edge| {
        let before = tables.tasks.get(&edge.task)?;
        before
            .ended
            .filter(|_| edge.on.holds(before.state.ending().unwrap_or(Ending::Skip)))
    });
    let from = match record.spec.join {
        Join::All => ends.max(),
        Join::Any => ends.min(),
    };
    Some(from?.plus(record.spec.delay))
}

fn limit_of<'a, T>(of: &'a std::collections::BTreeMap<String, T>, key: &str) -> Option<&'a T> {
    let kind = key.split_once(':').map_or(key, |(kind, _)| kind);
    of.get(key).or_else(|| of.get(kind))
}

/// With one more start no rate is exceeded.
fn rates(
    policy: &SchedulerPolicy,
    tables: &Tables,
    record: &TaskRecord,
    at: Timestamp,
) -> Result<(), Violation> {
    for key in &record.spec.keys {
        let Some(rate) = limit_of(&policy.rates, key) else {
            continue;
        };
        let others = tables.tasks.values().filter(|task| {
            task.started.is_some_and(|start| start.plus(rate.per) > at)
                && task.spec.keys.contains(key)
                && matches!(task.spec.work, Work::Act(_))
        });
        let started = others.count() + 1;
        if started > rate.starts as usize {
            let what = format!("{}: start {started} of at most {}", record.id, rate.starts);
            return Err(Violation::new(Kind::Limit, what));
        }
    }
    Ok(())
}

/// No more tasks are under way than the limits of their keys allow.
pub(super) fn limits(
    policy: &SchedulerPolicy,
    tables: &Tables,
    changes: &[Change],
) -> Result<(), Violation> {
    let under_way = |task: &TaskRecord| {
        matches!(task.state, TaskState::Running | TaskState::Awaiting)
            && matches!(task.spec.work, Work::Act(_))
    };
    for change in changes {
        let Change::Task { record, .. } = change else {
            continue;
        };
        if !under_way(record) {
            continue;
        }
        for key in &record.spec.keys {
            let Some(&most) = limit_of(&policy.concurrency, key) else {
                continue;
            };
            let tasks = tables.tasks.values();
            let used = tasks.filter(|task| under_way(task) && task.spec.keys.contains(key));
            let used = used.count();
            if used > most as usize {
                let what = format!("{used} tasks use {key}, at most {most} may");
                return Err(Violation::new(Kind::Limit, what));
            }
        }
    }
    Ok(())
}

/// A trigger or an event makes a run only where there is room for one, and while nobody has paused it.
pub(super) fn fires(
    setting: &Setting,
    tables: &Tables,
    campaign: &CampaignId,
    fire: &Fire,
) -> Result<(), Violation> {
    if fire.tasks.is_empty() || fire.is_asked_for() {
        return Ok(());
    }
    let paused = tables.triggers.get(campaign);
    if paused.is_some_and(|state| state.paused.is_some()) {
        let what = format!("{campaign} is paused: {fire:?}");
        return Err(Violation::new(Kind::Fire, what));
    }
    let most = setting.campaigns.iter().find(|of| of.id == *campaign);
    let most = most.map_or(0, |of| of.max_instances as usize);
    if open_runs(tables, campaign) >= most {
        let what = format!("{campaign}: more than {most} runs at once");
        return Err(Violation::new(Kind::Limit, what));
    }
    Ok(())
}

/// How many runs of a campaign are open.
pub(super) fn open_runs(tables: &Tables, campaign: &CampaignId) -> usize {
    let runs = tables
        .open
        .range((campaign.clone(), 0)..=(campaign.clone(), u64::MAX));
    runs.filter(|(_, open)| **open > 0).count()
}

/// Counts the ends of tasks and runs that campaigns wait for.
pub(super) fn ends(
    setting: &Setting,
    tables: &mut Tables,
    record: &TaskRecord,
    before: Option<&TaskRecord>,
) {
    let was_open = before.is_some_and(|before| !before.state.is_final());
    let is_open = !record.state.is_final();
    let key = (record.campaign.clone(), record.run);
    let open = tables.open.entry(key.clone()).or_default();
    match (was_open, is_open) {
        (false, true) => *open += 1,
        (true, false) => *open -= 1,
        _ => return,
    }
    let Some(ending) = record.state.ending() else {
        return;
    };
    let is_last = *open == 0;
    for campaign in &setting.campaigns {
        let Some((task, on)) = waits_for(campaign, &record.campaign) else {
            continue;
        };
        let happened = match task {
            Some(name) => *name == record.name && on.holds(ending),
            None => is_last && on.holds(ending_of(tables, &key)),
        };
        if happened {
            *tables.happened.entry(campaign.id.clone()).or_default() += 1;
        }
    }
}

/// What of another campaign a campaign waits for.
fn waits_for<'a>(
    campaign: &'a Campaign,
    of: &CampaignId,
) -> Option<(Option<&'a String>, airdrops_types::Conditions)> {
    match &campaign.trigger {
        Trigger::Event(EventSource::Task {
            campaign: other,
            task,
            on,
        }) if other == of => Some((task.as_ref(), *on)),
        _ => None,
    }
}

/// How a run ended.
fn ending_of(tables: &Tables, (campaign, run): &(CampaignId, u64)) -> Ending {
    let tasks = tables.tasks.values();
    let mut endings = tasks
        .filter(|task| task.campaign == *campaign && task.run == *run)
        .filter_map(|task| task.state.ending());
    let mut all_skipped = true;
    let failed = endings.any(|ending| {
        all_skipped &= ending == Ending::Skip;
        ending == Ending::Failure
    });
    match (failed, all_skipped) {
        (true, _) => Ending::Failure,
        (false, true) => Ending::Skip,
        (false, false) => Ending::Success,
    }
}
