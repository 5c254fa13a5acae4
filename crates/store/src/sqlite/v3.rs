//! From version 2 to 3: task runs from JSON to columns, and the journal's index of them.

use rusqlite::types::Value;
use rusqlite::{Transaction, params};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::rules::column::{from_json, json};
use crate::rules::journal;

/// Carries over what the statements of the step cannot. A task of version 2 had no number of
/// attempts of its own kind, no delays, and only successful ends to wait for.
pub(super) fn carry(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    tasks(transaction)?;
    transaction.execute_batch(
        "DROP TABLE tasks_v2;
         CREATE INDEX tasks_open ON tasks (position) WHERE open = 1;
         CREATE INDEX tasks_ended ON tasks (ended, position) WHERE open = 0;
         CREATE INDEX tasks_run ON tasks (campaign, run);",
    )?;
    journal_index(transaction)
}

fn tasks(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut old = transaction.prepare(
        "SELECT position, id, campaign, json_extract(record, '$.name'),
             json_extract(record, '$.run'), json_extract(record, '$.assignment'),
             json_extract(record, '$.after'), json_extract(record, '$.critical'), state, open,
             json_extract(record, '$.reason'), not_before, json_extract(record, '$.attempts'),
             json_extract(record, '$.max_attempts'), json_extract(record, '$.plan'),
             json_extract(record, '$.cursor'), json_extract(record, '$.step'),
             json_extract(record, '$.due'), json_extract(record, '$.started'),
             json_extract(record, '$.ended')
         FROM tasks_v2 ORDER BY position",
    )?;
    let mut insert = transaction.prepare(
        "INSERT INTO tasks (position, id, campaign, version, name, run, spec, state, open, reason,
             not_before, attempts, edges, plan, \"cursor\", step, due, late, started, ended)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0, ?17,
             ?18)",
    )?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let critical: bool = row.get(7)?;
        let spec = spec(
            transaction,
            row.get_ref(5)?.as_str()?,
            critical,
            row.get(13)?,
        )?;
        insert.execute(params![
            row.get::<_, i64>(0)?,
            row.get::<_, Value>(1)?,
            row.get::<_, Value>(2)?,
            row.get::<_, Value>(3)?,
            row.get::<_, Value>(4)?,
            spec,
            row.get::<_, Value>(8)?,
            row.get::<_, Value>(9)?,
            row.get::<_, Value>(10)?,
            row.get::<_, Value>(11)?,
            row.get::<_, Value>(12)?,
            edges(row.get_ref(6)?.as_str()?)?,
            row.get::<_, Value>(14)?,
            row.get::<_, Value>(15)?,
            row.get::<_, Value>(16)?,
            row.get::<_, Value>(17)?,
            row.get::<_, Value>(18)?,
            row.get::<_, Value>(19)?,
        ])?;
    }
    Ok(())
}

/// The number of the specification that says what version 2 said, with the backoff that it had.
fn spec(
    transaction: &Transaction<'_>,
    assignment: &str,
    critical: bool,
    max_attempts: i64,
) -> Result<i64, StoreError> {
    let text = format!(
        r#"{{"work":{{"act":{assignment}}},"critical":{critical},"retry":{{"max_attempts":{max_attempts},"base":{{"secs":30,"nanos":0}},"cap":{{"secs":3600,"nanos":0}}}}}}"#
    );
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    transaction
        .prepare_cached(
            "INSERT INTO specs (digest, spec) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
        )?
        .execute(params![digest, text])?;
    Ok(transaction
        .prepare_cached("SELECT id FROM specs WHERE digest = ?1")?
        .query_row([digest], |row| row.get(0))?)
}

fn edges(after: &str) -> Result<Option<String>, StoreError> {
    let ids: Vec<String> = from_json("edges", after)?;
    if ids.is_empty() {
        return Ok(None);
    }
    if ids.iter().any(|id| id.contains('\n')) {
        let edges: Vec<_> = ids
            .iter()
            .map(|id| serde_json::json!({"task": id, "on": ["success"]}))
            .collect();
        return json("edges", &edges).map(Some);
    }
    let lines: Vec<String> = ids.iter().map(|id| format!("1:{id}")).collect();
    Ok(Some(lines.join("\n")))
}

/// The index anew, from what the entries say.
fn journal_index(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut entries = transaction.prepare("SELECT seq, entry FROM journal ORDER BY seq")?;
    let mut insert = transaction
        .prepare("INSERT INTO journal_tasks (task, seq) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    let mut rows = entries.query([])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let entry = from_json("journal entry", row.get_ref(1)?.as_str()?)?;
        let mut keys = Vec::new();
        journal::each_task(&entry, &mut |task| keys.push(journal::task_key(task)));
        for key in keys {
            insert.execute([key, seq])?;
        }
    }
    Ok(())
}
