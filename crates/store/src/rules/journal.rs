//! The journal: append, read, check.

use airdrops_types::{B256, Entry, JournalEntry, TaskId, Timestamp};
use sha2::{Digest, Sha256};

use super::column::{from_json, integer, json, limit, unsigned};
use crate::sql::{Row, Sql, params};
use crate::{JournalCheck, StoreError};

/// So many entries are sent at a time.
const PORTION: usize = 1000;

/// Appends entries, and returns the number of the last entry of all.
pub(crate) fn append(
    sql: &mut dyn Sql,
    at: Timestamp,
    entries: &[Entry],
) -> Result<u64, StoreError> {
    let last = append_all(sql, std::iter::once((at, entries)))?;
    Ok(last.last().copied().unwrap_or_default())
}

/// Appends the entries of several instants, and returns the number of the last entry of all after
/// each.
pub(crate) fn append_all<'e>(
    sql: &mut dyn Sql,
    groups: impl Iterator<Item = (Timestamp, &'e [Entry])>,
) -> Result<Vec<u64>, StoreError> {
    let (mut seq, mut hash) = head(sql)?;
    let before = seq;
    let mut last = Vec::new();
    let mut rows = Vec::new();
    let mut index = Vec::new();
    for (at, entries) in groups {
        for entry in entries {
            seq += 1;
            let number = integer("journal", seq)?;
            let text = json("journal entry", entry)?;
            hash = link(hash, seq, at.0, text.as_bytes());
            rows.push((number, at, text, hash));
            each_task(entry, &mut |task| index.push((task_key(task), number)));
            if rows.len() >= PORTION {
                store(sql, &mut rows, &mut index)?;
            }
        }
        last.push(seq);
    }
    if seq == before {
        return Ok(last);
    }
    store(sql, &mut rows, &mut index)?;
    sql.execute(
        "UPDATE meta SET journal_seq = ?1, journal_hash = ?2",
        &params![integer("journal", seq)?, hash.as_slice()],
    )?;
    Ok(last)
}

/// Stores entries, and which task runs they name.
fn store(
    sql: &mut dyn Sql,
    rows: &mut Vec<(i64, Timestamp, String, B256)>,
    index: &mut Vec<(i64, i64)>,
) -> Result<(), StoreError> {
    sql.execute_all(
        "INSERT INTO journal (seq, at, entry, hash) VALUES (?1, ?2, ?3, ?4)",
        &mut rows.iter().map(|(seq, at, text, hash)| {
            Ok(params![*seq, *at, text.as_str(), hash.as_slice()].into())
        }),
    )?;
    rows.clear();
    index.sort_unstable();
    index.dedup();
    sql.execute_all(
        "INSERT INTO journal_tasks (task, seq) VALUES (?1, ?2) ON CONFLICT (task, seq) DO NOTHING",
        &mut index
            .iter()
            .map(|(task, seq)| Ok(params![*task, *seq].into())),
    )?;
    index.clear();
    Ok(())
}

/// A task run in the index: 64 bits of its id. Runs that are made together are next to each other, so
/// that few pages of the index change with each commit: 16 bits of the campaign, 16 of the run's number,
/// 12 of the task's name without the digits at its end, and 20 of those digits. Two ids may share them,
/// so that who looks up checks the entry.
pub(crate) fn task_key(task: &TaskId) -> i64 {
    let id = task.as_str();
    let (rest, run) = id.rsplit_once('#').unwrap_or((id, ""));
    let (campaign, name) = rest.split_once('/').unwrap_or(("", rest));
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.get(stem.len()..).unwrap_or_default();
    let key = part(fold(campaign), 48, 16)
        | part(decimal(run), 32, 16)
        | part(fold(stem), 20, 12)
        | part(decimal(digits), 0, 20);
    key.cast_signed()
}

/// The lowest `bits` of a number, moved up by `by`.
fn part(value: u64, by: u32, bits: u32) -> u64 {
    (value & ((1 << bits) - 1)) << by
}

/// The value of digits, modulo 2⁶⁴; something of any other text.
fn decimal(text: &str) -> u64 {
    text.bytes().fold(0_u64, |value, byte| {
        value
            .wrapping_mul(10)
            .wrapping_add(u64::from(byte.wrapping_sub(b'0')))
    })
}

/// FNV-1a (Fowler, Noll and Vo 1991), its halves folded together.
fn fold(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^ hash >> 32
}

/// Number and hash of the last entry, as they were stored with it.
pub(crate) fn head(sql: &mut dyn Sql) -> Result<(u64, B256), StoreError> {
    let head = sql.first("SELECT journal_seq, journal_hash FROM meta", &[], |row| {
        Ok((
            unsigned("journal head", row.int(0)?)?,
            to_hash(row.blob(1)?)?,
        ))
    })?;
    head.ok_or_else(|| StoreError::Corrupt {
        what: "journal head",
        why: "it is missing".to_owned(),
    })
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
pub(crate) fn each_task<'e>(entry: &'e Entry, each: &mut dyn FnMut(&'e TaskId)) {
    match entry {
        Entry::Fired { tasks, .. } => tasks.iter().for_each(each),
        Entry::Task { task, .. }
        | Entry::Planned { task, .. }
        | Entry::Signed { task, .. }
        | Entry::Settled { task, .. } => each(task),
        Entry::Decided { intent, .. } => each(&intent.task),
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
        | Entry::Note { .. } => {}
    }
}

pub(crate) fn from(
    sql: &mut dyn Sql,
    from_seq: u64,
    rows: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let Ok(from_seq) = i64::try_from(from_seq) else {
        return Ok(Vec::new());
    };
    sql.all(
        "SELECT seq, at, entry, hash FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
        &params![from_seq, limit(rows)],
        entry,
    )
}

pub(crate) fn tail(sql: &mut dyn Sql, rows: usize) -> Result<Vec<JournalEntry>, StoreError> {
    sql.all(
        "SELECT seq, at, entry, hash FROM
             (SELECT * FROM journal ORDER BY seq DESC LIMIT ?1) AS newest ORDER BY seq",
        &params![limit(rows)],
        entry,
    )
}

pub(crate) fn for_task(sql: &mut dyn Sql, task: &TaskId) -> Result<Vec<JournalEntry>, StoreError> {
    let mut entries = sql.all(
        "SELECT journal.seq, at, entry, hash FROM journal_tasks
         JOIN journal ON journal.seq = journal_tasks.seq
         WHERE journal_tasks.task = ?1 ORDER BY journal.seq",
        &params![task_key(task)],
        entry,
    )?;
    entries.retain(|line| {
        let mut names = false;
        each_task(&line.entry, &mut |named| names |= named == task);
        names
    });
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<JournalEntry, StoreError> {
    Ok(JournalEntry {
        seq: unsigned("journal number", row.int(0)?)?,
        at: Timestamp(row.int(1)?),
        entry: from_json("journal entry", row.text(2)?)?,
        hash: to_hash(row.blob(3)?)?,
    })
}

/// Walks the whole chain. Nothing about a stored row is taken for granted.
pub(crate) fn verify(sql: &mut dyn Sql) -> Result<JournalCheck, StoreError> {
    let (head_seq, head_hash) = head(sql)?;
    let (mut seq, mut hash) = (0, B256::ZERO);
    let mut broken = None;
    sql.rows(
        "SELECT seq, at, entry, hash FROM journal ORDER BY seq",
        &[],
        &mut |row| {
            if broken.is_some() {
                return Ok(());
            }
            let next = seq + 1;
            match follow(row, next, hash, head_seq) {
                Ok(computed) => (seq, hash) = (next, computed),
                Err(why) => broken = Some(JournalCheck::Broken { seq: next, why }),
            }
            Ok(())
        },
    )?;
    if let Some(broken) = broken {
        return Ok(broken);
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

/// The hash of the row, which must be entry `next` after one with hash `previous`; or what is wrong
/// with it.
fn follow(row: &Row<'_>, next: u64, previous: B256, head_seq: u64) -> Result<B256, String> {
    let number = row.int(0).map_err(|error| error.to_string())?;
    if u64::try_from(number) != Ok(next) {
        return Err(format!(
            "entry {next} is missing: entry {number} is in its place"
        ));
    }
    if next > head_seq {
        return Err(format!(
            "the journal was stored with {head_seq} entries, and has more"
        ));
    }
    let (Ok(at), Some(text), Ok(stored)) = (row.int(1), row.text_bytes(2), row.blob(3)) else {
        return Err(format!("entry {next} has a column of another type"));
    };
    let computed = link(previous, next, at, text);
    if stored != computed.as_slice() {
        return Err(format!(
            "entry {next} or its hash was changed: it hashes to {computed}"
        ));
    }
    Ok(computed)
}
