//! Task runs.

use std::sync::Arc;

use airdrops_types::{TaskId, TaskRecord, TaskSpec, Work};

use super::column::{corrupt, integer, limit};
use super::specs;
use super::task_row::{COLUMNS, OPEN, read, state_name, write};
use crate::sql::{Sql, Value, params};
use crate::{StoreError, TaskFilter};

pub(crate) fn store<'t>(
    sql: &mut dyn Sql,
    tasks: impl IntoIterator<Item = &'t TaskRecord>,
) -> Result<(), StoreError> {
    let tasks: Vec<&TaskRecord> = tasks.into_iter().collect();
    let mut numbered = Vec::with_capacity(tasks.len());
    for task in tasks {
        numbered.push((task, specs::number(sql, &task.spec)?));
    }
    for alike in numbered.chunk_by(|(one, _), (other, _)| is_open(one) == is_open(other)) {
        let mut rows = alike.iter().map(|(task, spec)| write(task, *spec));
        if alike.first().is_some_and(|(task, _)| is_open(task)) {
            sql.replace_all(&OPEN, &mut rows)?;
        } else {
            sql.execute_all(OPEN.replace, &mut rows)?;
        }
    }
    Ok(())
}

fn is_open(task: &TaskRecord) -> bool {
    !task.state.is_final()
}

/// Which instant `since` is about, and the order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The order in which they were first stored; the due instant.
    Stored,
    /// Those that ended, in the order in which they did.
    Ended,
}

pub(crate) fn load(
    sql: &mut dyn Sql,
    filter: &TaskFilter,
    by: By,
) -> Result<Vec<TaskRecord>, StoreError> {
    let (condition, mut params) = condition(filter, by)?;
    let mut text = format!("SELECT {COLUMNS} FROM tasks WHERE {condition}");
    let order = match (by, filter.newest_first) {
        (By::Stored, false) => " ORDER BY position",
        (By::Stored, true) => " ORDER BY position DESC",
        (By::Ended, false) => " ORDER BY ended, position",
        (By::Ended, true) => " ORDER BY ended DESC, position DESC",
    };
    text.push_str(order);
    if let Some(rows) = filter.limit {
        params.push(limit(rows).into());
        text.push_str(&format!(" LIMIT ?{}", params.len()));
    }
    // As many as there are for sure, so that a million are not moved about while they are read.
    let few = filter.limit.is_some() || !(filter.open_only || filter.runs_of_open);
    let room = if few {
        None
    } else {
        sql.first("SELECT count(*) FROM tasks WHERE open = 1", &[], |row| {
            row.int(0)
        })?
    };
    let room = room.and_then(|count| usize::try_from(count).ok());
    collect(sql, &text, &params, room.unwrap_or(0))
}

pub(crate) fn find(sql: &mut dyn Sql, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
    let found = collect(
        sql,
        &format!("SELECT {COLUMNS} FROM tasks WHERE id = ?1"),
        &params![id.as_str()],
        1,
    )?;
    Ok(found.into_iter().next())
}

fn collect(
    sql: &mut dyn Sql,
    text: &str,
    params: &[Value<'_>],
    room: usize,
) -> Result<Vec<TaskRecord>, StoreError> {
    let unknown = Arc::new(TaskSpec::of(Work::Nothing));
    let mut numbers = Vec::with_capacity(room);
    let mut records = Vec::with_capacity(room);
    sql.rows(text, params, &mut |row| {
        let (record, spec) = read(row, &unknown)?;
        numbers.push(spec);
        records.push(record);
        Ok(())
    })?;
    let specs = specs::load(sql, &numbers)?;
    for (record, number) in records.iter_mut().zip(numbers) {
        let spec = specs.get(&number).ok_or_else(|| {
            corrupt(
                "task specification",
                &format_args!("number {number} of {} is missing", record.id),
            )
        })?;
        record.spec = Arc::clone(spec);
    }
    Ok(records)
}

fn condition<'f>(filter: &'f TaskFilter, by: By) -> Result<(String, Vec<Value<'f>>), StoreError> {
    let mut clauses: Vec<String> = Vec::new();
    let mut params: Vec<Value<'f>> = Vec::new();
    let mut with = |clause: &str, value: Value<'f>, clauses: &mut Vec<String>| {
        params.push(value);
        clauses.push(clause.replace('$', &format!("?{}", params.len())));
    };
    if by == By::Ended {
        clauses.push("open = 0".to_owned());
    }
    if filter.open_only {
        clauses.push("open = 1".to_owned());
    }
    if filter.runs_of_open {
        clauses.push(
            "(open = 1 OR EXISTS (SELECT 1 FROM tasks AS beside WHERE beside.open = 1
                 AND beside.campaign = tasks.campaign AND beside.run = tasks.run))"
                .to_owned(),
        );
    }
    if let Some(campaign) = &filter.campaign {
        with("campaign = $", campaign.as_str().into(), &mut clauses);
    }
    if let Some(name) = &filter.name {
        with("name = $", name.as_str().into(), &mut clauses);
    }
    if let Some(run) = filter.run {
        with("run = $", integer("run", run)?.into(), &mut clauses);
    }
    if !filter.states.is_empty() {
        let names: Vec<String> = filter
            .states
            .iter()
            .map(|state| format!("'{}'", state_name(*state)))
            .collect();
        clauses.push(format!("state IN ({})", names.join(", ")));
    }
    if let Some(since) = filter.since {
        let clause = match by {
            By::Stored => "due >= $",
            By::Ended => "ended >= $",
        };
        with(clause, since.into(), &mut clauses);
    }
    if let Some(last) = &filter.after {
        let than = if filter.newest_first { "<" } else { ">" };
        let of_last = |columns: &str| format!("(SELECT {columns} FROM tasks WHERE id = $)");
        let clause = match by {
            By::Stored => format!("position {than} {}", of_last("position")),
            By::Ended => format!("(ended, position) {than} {}", of_last("ended, position")),
        };
        with(&clause, last.as_str().into(), &mut clauses);
    }
    if clauses.is_empty() {
        clauses.push("1 = 1".to_owned());
    }
    Ok((clauses.join(" AND "), params))
}
