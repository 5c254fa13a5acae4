//! Task runs, triggers and settings.

use airdrops_types::{TaskId, TaskRecord, Timestamp, TriggerState};
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{from_json, json};
use crate::{StoreError, TaskFilter};

pub(super) fn store(connection: &Connection, tasks: &[TaskRecord]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO tasks (id, campaign, state, open, not_before, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET campaign = excluded.campaign, state = excluded.state,
             open = excluded.open, not_before = excluded.not_before, record = excluded.record",
    )?;
    for task in tasks {
        statement.execute(params![
            task.id.as_str(),
            task.campaign.as_str(),
            task.state.to_string(),
            !task.state.is_final(),
            task.not_before.map(|Timestamp(at)| at),
            json("task run", task)?,
        ])?;
    }
    Ok(())
}

pub(super) fn load(
    connection: &Connection,
    filter: TaskFilter,
) -> Result<Vec<TaskRecord>, StoreError> {
    let sql = if filter.open_only {
        "SELECT record FROM tasks WHERE open = 1 ORDER BY position"
    } else {
        "SELECT record FROM tasks ORDER BY position"
    };
    connection
        .prepare_cached(sql)?
        .query_and_then([], |row| from_json("task run", row.get_ref(0)?.as_str()?))?
        .collect()
}

pub(super) fn find(connection: &Connection, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
    let record: Option<String> = connection
        .prepare_cached("SELECT record FROM tasks WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    record
        .map(|record| from_json("task run", &record))
        .transpose()
}

pub(super) fn store_triggers(
    connection: &Connection,
    triggers: &[TriggerState],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO triggers (campaign, next, state) VALUES (?1, ?2, ?3)
         ON CONFLICT (campaign) DO UPDATE SET next = excluded.next, state = excluded.state",
    )?;
    for trigger in triggers {
        statement.execute(params![
            trigger.campaign.as_str(),
            trigger.next.map(|Timestamp(at)| at),
            json("trigger", trigger)?,
        ])?;
    }
    Ok(())
}

pub(super) fn triggers(connection: &Connection) -> Result<Vec<TriggerState>, StoreError> {
    connection
        .prepare_cached("SELECT state FROM triggers ORDER BY campaign")?
        .query_and_then([], |row| from_json("trigger", row.get_ref(0)?.as_str()?))?
        .collect()
}

pub(super) fn store_settings(
    connection: &Connection,
    settings: &[(String, serde_json::Value)],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO settings (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?;
    for (key, value) in settings {
        statement.execute(params![key, json("setting", value)?])?;
    }
    Ok(())
}

pub(super) fn setting(
    connection: &Connection,
    key: &str,
) -> Result<Option<serde_json::Value>, StoreError> {
    let value: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    value.map(|value| from_json("setting", &value)).transpose()
}
