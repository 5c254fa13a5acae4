//! The journal: append, read, check.

use airdrops_types::{B256, Entry, JournalEntry, TaskId, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

use super::column::{from_json, integer, json, limit, unsigned};
use crate::{JournalCheck, StoreError};

/// Appends entries, and returns the number of the last entry of all.
pub(super) fn append(
    connection: &Connection,
    at: Timestamp,
    entries: &[Entry],
) -> Result<u64, StoreError> {
    let (mut seq, mut hash) = head(connection)?;
    if entries.is_empty() {
        return Ok(seq);
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO journal (seq, at, entry, hash) VALUES (?1, ?2, ?3, ?4)")?;
    let mut index = connection
        .prepare_cached("INSERT OR IGNORE INTO journal_tasks (task, seq) VALUES (?1, ?2)")?;
    for entry in entries {
        seq += 1;
        let number = integer("journal", seq)?;
        let text = json("journal entry", entry)?;
        hash = link(hash, seq, at.0, text.as_bytes());
        insert.execute(params![number, at.0, text, hash.as_slice()])?;
        for task in tasks_of(entry) {
            index.execute(params![task.as_str(), number])?;
        }
    }
    connection
        .prepare_cached("UPDATE meta SET journal_seq = ?1, journal_hash = ?2")?
        .execute(params![integer("journal", seq)?, hash.as_slice()])?;
    Ok(seq)
}

/// Number and hash of the last entry, as they were stored with it.
fn head(connection: &Connection) -> Result<(u64, B256), StoreError> {
    let (seq, hash): (i64, Vec<u8>) = connection
        .prepare_cached("SELECT journal_seq, journal_hash FROM meta")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((unsigned("journal head", seq)?, to_hash(&hash)?))
}

fn to_hash(bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|error| StoreError::Corrupt {
        what: "journal hash",
        why: error.to_string(),
    })
}

/// The hash of an entry that follows one with hash `previous`.
fn link(previous: B256, seq: u64, at: i64, entry: &[u8]) -> B256 {
    let mut digest = Sha256::new();
    digest.update(previous);
    digest.update(seq.to_be_bytes());
    digest.update(at.to_be_bytes());
    digest.update(entry);
    B256::from_slice(&digest.finalize())
}

/// The task runs that an entry names.
fn tasks_of(entry: &Entry) -> Vec<&TaskId> {
    match entry {
        Entry::Fired { tasks, .. } => tasks.iter().collect(),
        Entry::Task { task, .. }
        | Entry::Planned { task, .. }
        | Entry::Signed { task, .. }
        | Entry::Settled { task, .. } => vec![task],
        Entry::Decided { intent, .. } => vec![&intent.task],
        Entry::Started { .. }
        | Entry::Observed { .. }
        | Entry::Assessed { .. }
        | Entry::Tripped { .. }
        | Entry::Cleared { .. }
        | Entry::Allocated { .. }
        | Entry::Rebalanced { .. }
        | Entry::Flow { .. }
        | Entry::Eased { .. }
        | Entry::Alerted { .. }
        | Entry::Signalled { .. }
        | Entry::Note { .. } => Vec::new(),
    }
}

pub(super) fn from(
    connection: &Connection,
    from_seq: u64,
    rows: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let Ok(from_seq) = i64::try_from(from_seq) else {
        return Ok(Vec::new());
    };
    connection
        .prepare_cached(
            "SELECT seq, at, entry, hash FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
        )?
        .query_and_then([from_seq, limit(rows)], entry)?
        .collect()
}

pub(super) fn tail(connection: &Connection, rows: usize) -> Result<Vec<JournalEntry>, StoreError> {
    connection
        .prepare_cached(
            "SELECT seq, at, entry, hash FROM
                 (SELECT * FROM journal ORDER BY seq DESC LIMIT ?1) ORDER BY seq",
        )?
        .query_and_then([limit(rows)], entry)?
        .collect()
}

pub(super) fn for_task(
    connection: &Connection,
    task: &TaskId,
) -> Result<Vec<JournalEntry>, StoreError> {
    connection
        .prepare_cached(
            "SELECT seq, at, entry, hash FROM journal_tasks JOIN journal USING (seq)
             WHERE task = ?1 ORDER BY seq",
        )?
        .query_and_then([task.as_str()], entry)?
        .collect()
}

fn entry(row: &Row<'_>) -> Result<JournalEntry, StoreError> {
    Ok(JournalEntry {
        seq: unsigned("journal number", row.get(0)?)?,
        at: Timestamp(row.get(1)?),
        entry: from_json("journal entry", row.get_ref(2)?.as_str()?)?,
        hash: to_hash(row.get_ref(3)?.as_blob()?)?,
    })
}

/// Walks the whole chain. Nothing about a stored row is taken for granted.
pub(super) fn verify(connection: &Connection) -> Result<JournalCheck, StoreError> {
    let (head_seq, head_hash) = head(connection)?;
    let mut statement =
        connection.prepare("SELECT seq, at, entry, hash FROM journal ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let (mut seq, mut hash) = (0, B256::ZERO);
    while let Some(row) = rows.next()? {
        let next = seq + 1;
        let broken = |why: String| Ok(JournalCheck::Broken { seq: next, why });
        let number: i64 = row.get(0)?;
        if u64::try_from(number) != Ok(next) {
            return broken(format!(
                "entry {next} is missing: entry {number} is in its place"
            ));
        }
        if next > head_seq {
            return broken(format!(
                "the journal was stored with {head_seq} entries, and has more"
            ));
        }
        let (ValueRef::Integer(at), ValueRef::Text(text), ValueRef::Blob(stored)) =
            (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?)
        else {
            return broken(format!("entry {next} has a column of another type"));
        };
        let computed = link(hash, next, at, text);
        if stored != computed.as_slice() {
            return broken(format!(
                "entry {next} or its hash was changed: it hashes to {computed}"
            ));
        }
        (seq, hash) = (next, computed);
    }
    if seq < head_seq {
        return Ok(JournalCheck::Broken {
            seq: seq + 1,
            why: format!("the journal was stored with {head_seq} entries, and has only {seq}"),
        });
    }
    if hash != head_hash {
        return Ok(JournalCheck::Broken {
            seq,
            why: format!("the last entry hashes to {hash}, and was stored as {head_hash}"),
        });
    }
    Ok(JournalCheck::Ok {
        entries: seq,
        last_hash: hash,
    })
}
