//! A task run as a row: what changes in columns, what all its kind shares under a number.

use std::fmt::Write as _;
use std::sync::Arc;

use airdrops_types::{
    CampaignId, Conditions, Edge, Ending, TaskId, TaskRecord, TaskSpec, TaskState, Timestamp,
};

use super::column::{corrupt, from_json, integer, json, unsigned};
use crate::StoreError;
use crate::sql::{Replace, Row, Value, params};

/// The columns that [`read`] reads, in its order.
pub(crate) const COLUMNS: &str = "id, campaign, version, name, run, spec, state, reason, \
     not_before, attempts, failures, edges, plan, \"cursor\", step, due, ready_since, approved, \
     parent, child, late, started, ended";

/// Inserts a run, unless it is there.
macro_rules! insert {
    () => {
        "INSERT INTO tasks (id, campaign, version, name, run, spec, state, reason, not_before, \
         attempts, failures, edges, plan, \"cursor\", step, due, ready_since, approved, parent, \
         child, late, started, ended, open) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
         ?18, ?19, ?20, ?21, ?22, ?23, ?24) ON CONFLICT (id) DO "
    };
}

/// Stores a run that may be there. Most of those that are have not ended before and do not now: no
/// index changes with them.
pub(crate) const OPEN: Replace = Replace {
    insert: concat!(insert!(), "NOTHING"),
    update: "UPDATE tasks SET version = ?3, spec = ?6, state = ?7, reason = ?8, not_before = ?9, \
         attempts = ?10, failures = ?11, edges = ?12, plan = ?13, \"cursor\" = ?14, \
         step = ?15, due = ?16, ready_since = ?17, approved = ?18, parent = ?19, \
         child = ?20, late = ?21, started = ?22 \
         WHERE id = ?1 AND open = ?24 AND ended IS NOT DISTINCT FROM ?23",
    replace: concat!(
        insert!(),
        "UPDATE SET version = excluded.version, spec = excluded.spec, \
         state = excluded.state, reason = excluded.reason, not_before = excluded.not_before, \
         attempts = excluded.attempts, failures = excluded.failures, edges = excluded.edges, \
         plan = excluded.plan, \"cursor\" = excluded.\"cursor\", step = excluded.step, \
         due = excluded.due, ready_since = excluded.ready_since, \
         approved = excluded.approved, parent = excluded.parent, child = excluded.child, \
         late = excluded.late, started = excluded.started, ended = excluded.ended, \
         open = excluded.open"
    ),
};

/// The parameters of [`OPEN`].
pub(crate) fn write(task: &TaskRecord, spec: i64) -> Result<Vec<Value<'_>>, StoreError> {
    let cursor = u64::try_from(task.cursor).unwrap_or(u64::MAX);
    let failures = (!task.failures.is_empty())
        .then(|| json("failures", &task.failures))
        .transpose()?;
    let plan = task.plan.as_ref();
    Ok(params![
        task.id.as_str(),
        task.campaign.as_str(),
        task.version,
        task.name.as_str(),
        integer("run", task.run)?,
        spec,
        state_name(task.state),
        task.reason.as_deref(),
        task.not_before,
        task.attempts,
        failures,
        edges_text(task)?,
        plan.map(|plan| json("plan", plan)).transpose()?,
        integer("cursor", cursor)?,
        task.step,
        task.due,
        task.ready_since,
        task.approved.as_deref(),
        task.parent.as_ref().map(TaskId::as_str),
        task.child.map(|run| integer("child", run)).transpose()?,
        task.late,
        task.started,
        task.ended,
        !task.state.is_final(),
    ]
    .into())
}

/// The run in a row of [`COLUMNS`], and the number of its specification, in whose place is
/// `spec` for now.
pub(crate) fn read(row: &Row<'_>, spec: &Arc<TaskSpec>) -> Result<(TaskRecord, i64), StoreError> {
    let campaign = CampaignId::new(row.text(1)?);
    let run = unsigned("run", row.int(4)?)?;
    let failures = row.opt_text(10)?;
    let plan = row.opt_text(12)?;
    let record = TaskRecord {
        id: TaskId::new(row.text(0)?),
        version: small("version", row.int(2)?)?,
        name: row.text(3)?.to_owned(),
        spec: Arc::clone(spec),
        state: state_of(row.text(6)?)?,
        reason: row.opt_text(7)?.map(str::to_owned),
        not_before: row.opt_int(8)?.map(Timestamp),
        attempts: small("attempts", row.int(9)?)?,
        failures: match failures {
            Some(text) => from_json("failures", text)?,
            None => Vec::new(),
        },
        after: match row.opt_text(11)? {
            Some(text) => edges_of(text, &campaign, run)?,
            None => Vec::new(),
        },
        plan: plan.map(|text| from_json("plan", text)).transpose()?,
        cursor: usize::try_from(row.int(13)?).map_err(|error| corrupt("cursor", &error))?,
        step: small("step", row.int(14)?)?,
        due: Timestamp(row.int(15)?),
        ready_since: row.opt_int(16)?.map(Timestamp),
        approved: row.opt_text(17)?.map(str::to_owned),
        parent: row.opt_text(18)?.map(TaskId::new),
        child: row
            .opt_int(19)?
            .map(|run| unsigned("child", run))
            .transpose()?,
        late: row.int(20)? != 0,
        started: row.opt_int(21)?.map(Timestamp),
        ended: row.opt_int(22)?.map(Timestamp),
        campaign,
        run,
    };
    Ok((record, row.int(5)?))
}

fn small(what: &'static str, value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|error| corrupt(what, &error))
}

/// A state as it is stored.
pub(crate) fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "pending",
        TaskState::Ready => "ready",
        TaskState::Deferred => "deferred",
        TaskState::Running => "running",
        TaskState::Awaiting => "awaiting",
        TaskState::Retrying => "retrying",
        TaskState::Completed => "completed",
        TaskState::Failed => "failed",
        TaskState::Dead => "dead",
        TaskState::Cancelled => "cancelled",
        TaskState::Skipped => "skipped",
    }
}

/// The reverse of [`state_name`].
pub(crate) fn state_of(name: &str) -> Result<TaskState, StoreError> {
    TaskState::ALL
        .into_iter()
        .find(|state| state_name(*state) == name)
        .ok_or_else(|| corrupt("task state", &format_args!("{name:?} is none")))
}

/// What a run comes after, one edge a line: the sum of its conditions (1 success, 2 failure,
/// 4 skip), then `@` and a name in the same run of the same campaign, or `:` and a whole id. As
/// JSON where an id holds a line break.
fn edges_text(task: &TaskRecord) -> Result<Option<String>, StoreError> {
    if task.after.is_empty() {
        return Ok(None);
    }
    if task
        .after
        .iter()
        .any(|edge| edge.task.as_str().contains('\n'))
    {
        return json("edges", &task.after).map(Some);
    }
    let mut text = String::new();
    for edge in &task.after {
        if !text.is_empty() {
            text.push('\n');
        }
        let bits = conditions_bits(edge.on);
        let id = edge.task.as_str();
        let name = id
            .strip_prefix(task.campaign.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.rsplit_once('#'))
            .filter(|(_, run)| run.parse() == Ok(task.run) && !run.starts_with(['0', '+']))
            .map(|(name, _)| name);
        let written = match name {
            Some(name) => write!(text, "{bits}@{name}"),
            None => write!(text, "{bits}:{id}"),
        };
        written.map_err(|error| StoreError::Unstorable {
            what: "edges",
            why: error.to_string(),
        })?;
    }
    Ok(Some(text))
}

fn edges_of(text: &str, campaign: &CampaignId, run: u64) -> Result<Vec<Edge>, StoreError> {
    if text.starts_with('[') {
        return from_json("edges", text);
    }
    let wrong = || corrupt("edges", &format_args!("{text:?}"));
    text.split('\n')
        .map(|line| {
            let mut rest = line.chars();
            let bits = rest.next().and_then(|bits| bits.to_digit(8));
            let on = bits.and_then(conditions_of).ok_or_else(wrong)?;
            let task = match rest.next() {
                Some('@') => TaskId::new(format!("{campaign}/{}#{run}", rest.as_str())),
                Some(':') => TaskId::new(rest.as_str()),
                _ => return Err(wrong()),
            };
            Ok(Edge { task, on })
        })
        .collect()
}

const BITS: [(Ending, Conditions, u32); 3] = [
    (Ending::Success, Conditions::SUCCESS, 1),
    (Ending::Failure, Conditions::FAILURE, 2),
    (Ending::Skip, Conditions::SKIP, 4),
];

fn conditions_bits(set: Conditions) -> u32 {
    BITS.iter()
        .filter(|(ending, _, _)| set.holds(*ending))
        .map(|(_, _, bit)| bit)
        .sum()
}

fn conditions_of(bits: u32) -> Option<Conditions> {
    BITS.iter()
        .filter(|(_, _, bit)| bits & bit != 0)
        .map(|(_, set, _)| *set)
        .reduce(Conditions::or)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use airdrops_types::Work;

    #[test]
    fn edges_read_back_whatever_their_ids_are() {
        let campaign = CampaignId::new("farm");
        let spec = Arc::new(TaskSpec::of(Work::Nothing));
        let mut task = TaskRecord::new(&campaign, "x", 7, spec, Timestamp(0));
        let sets: Vec<Conditions> = (1..8).filter_map(conditions_of).collect();
        assert_eq!(sets.len(), 7);
        for ids in [
            &[
                "farm/a#7",
                "farm/a#8",
                "other/a#7",
                "farm/a#07",
                "farm/a#+7",
            ][..],
            &["", "a", "farm/", "farm/#7", "farm/@x#1#7", "[", "\u{1F6D1}"],
            &["farm/a\nb#7", "farm/c#7"],
        ] {
            task.after = ids
                .iter()
                .zip(sets.iter().cycle())
                .map(|(id, on)| Edge {
                    task: TaskId::new(*id),
                    on: *on,
                })
                .collect();
            let text = edges_text(&task).unwrap().unwrap();
            assert_eq!(edges_of(&text, &campaign, 7), Ok(task.after.clone()));
        }
        for wrong in ["", "0@a", "8@a", "1", "1?a", "x@a"] {
            assert!(edges_of(wrong, &campaign, 7).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn states_are_stored_by_the_names_that_people_see() {
        for state in TaskState::ALL {
            assert_eq!(state_name(state), state.to_string());
            assert_eq!(state_of(state_name(state)), Ok(state));
        }
        assert!(state_of("idle").is_err());
    }
}
