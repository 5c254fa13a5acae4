//! Everything in one store to another, empty one: from a file to a server, and back.

use std::time::Duration;

use airdrops_scheduler::lease::{Claim, Lane};
use airdrops_types::B256;

use crate::backend::Backend;
use crate::rules::column::{integer, unsigned};
use crate::rules::{journal, leases};
use crate::sql::{Sql, Value, params};
use crate::{Access, Durable, JournalCheck, Options, Postgres, Sqlite, StoreError, is_server};

/// So many rows are sent at a time.
const PORTION: usize = 1000;

/// No step of a copy takes longer without a word to either store.
const LEASE: Duration = Duration::from_secs(60);

/// A table: its name, its columns, the order in which its rows are copied, and its column that
/// counts by itself.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    order: &'static str,
    counts: Option<&'static str>,
}

const fn table(
    name: &'static str,
    columns: &'static [&'static str],
    order: &'static str,
    counts: Option<&'static str>,
) -> Table {
    Table {
        name,
        columns,
        order,
        counts,
    }
}

/// Each after those that it refers to. What each store has of its own, the leases and the nodes, is
/// not among them.
const TABLES: &[Table] = &[
    table("journal", &["seq", "at", "entry", "hash"], "seq", None),
    table("journal_tasks", &["task", "seq"], "seq, task", None),
    table(
        "slots",
        &[
            "intent", "chain", "wallet", "nonce", "task", "closed", "details", "terms", "mined",
        ],
        "chain, wallet, nonce",
        None,
    ),
    table(
        "attempts",
        &[
            "position",
            "intent",
            "tx",
            "raw",
            "cancels",
            "max_fee_per_gas",
            "max_priority_fee_per_gas",
            "gas_limit",
            "signed_at",
            "broadcast_at",
            "answer",
        ],
        "position",
        Some("position"),
    ),
    table(
        "reservations",
        &["intent", "booked_at", "reservation"],
        "intent",
        None,
    ),
    table(
        "outcomes",
        &["position", "intent", "outcome"],
        "position",
        Some("position"),
    ),
    table(
        "trips",
        &["scope", "breaker", "trip"],
        "scope, breaker",
        None,
    ),
    table("specs", &["id", "digest", "spec"], "id", Some("id")),
    table(
        "tasks",
        &[
            "position",
            "id",
            "campaign",
            "version",
            "name",
            "run",
            "spec",
            "state",
            "open",
            "reason",
            "not_before",
            "attempts",
            "failures",
            "edges",
            "plan",
            "\"cursor\"",
            "step",
            "due",
            "ready_since",
            "approved",
            "parent",
            "child",
            "late",
            "started",
            "ended",
        ],
        "position",
        Some("position"),
    ),
    table("triggers", &["campaign", "next", "state"], "campaign", None),
    table(
        "ledger",
        &["position", "at", "wallet", "token", "delta", "kind"],
        "position",
        Some("position"),
    ),
    table(
        "balances",
        &["wallet", "token", "balance"],
        "wallet, token",
        None,
    ),
    table("equity", &["at", "equity", "net_flows", "gas"], "at", None),
    table("settings", &["key", "value"], "key", None),
    table("samples", &["series", "at", "data"], "series, at", None),
    table(
        "messages",
        &["seq", "id", "at", "sender", "command", "done_at", "result"],
        "seq",
        None,
    ),
    table(
        "definitions",
        &[
            "campaign",
            "version",
            "at",
            "author",
            "digest",
            "definition",
            "source",
        ],
        "campaign, version",
        None,
    ),
];

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// The table that is being copied.
    pub table: &'static str,
    /// Rows of all tables so far.
    pub rows: u64,
    /// Rows of all tables.
    pub of: u64,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Rows of all tables.
    pub rows: u64,
    /// Entries of the journal, whose chain of hashes was computed again from the copy.
    pub entries: u64,
    /// Hash of the last of them.
    pub last_hash: B256,
}

/// Copies everything from the store that `from` names to the one that `to` names, as
/// [`open`](crate::open()) reads them. All of it is one transaction of the target: after a failure it
/// is as empty as before. Both are taken as a runner takes them, so that nobody writes meanwhile; a
/// source of an older version is migrated first. Of the leases the epochs are kept, so that they go
/// on growing.
///
/// # Errors
/// [`StoreError::Locked`] or [`StoreError::Held`] while a runner runs on either,
/// [`StoreError::Missing`] if there is no source, [`StoreError::Contradiction`] if the target holds
/// something already or the copy does not come out the same, and as [`open`](crate::open()).
pub fn copy(
    from: &str,
    to: &str,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<Copied, StoreError> {
    // A runner makes what is missing; an empty source is a mistake.
    drop(
        crate::open(from, Access::ReadOnly, Options::default()).or_else(|error| match error {
            StoreError::Older { .. } => crate::open(from, Access::Runner, Options::default()),
            other => Err(other),
        })?,
    );
    let source = taken(from)?;
    let target = taken(to)?;
    let mut copied = None;
    source.read(&mut |from| {
        target.write(None, &mut |to| {
            copied = Some(tables(from, to, progress)?);
            Ok(())
        })
    })?;
    let mut epochs = Vec::new();
    source.read(&mut |sql| {
        epochs = sql.all("SELECT lane, epoch FROM leases ORDER BY lane", &[], |row| {
            Ok((row.text(0)?.to_owned(), unsigned("epoch", row.int(1)?)?))
        })?;
        Ok(())
    })?;
    for (lane, epoch) in epochs {
        raise(&*target, Lane(lane), epoch)?;
    }
    copied.ok_or_else(|| StoreError::Database("the copy ended without an answer".to_owned()))
}

/// A store that nobody else runs on.
fn taken(url: &str) -> Result<Box<dyn Backend>, StoreError> {
    let options = Options {
        lease: LEASE,
        ..Options::default()
    };
    if is_server(url) {
        let Durable { backend } = Postgres::open(url, Access::Runner, options)?;
        return Ok(Box::new(backend));
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let Durable { backend } = Sqlite::open(path, Access::Runner, options)?;
    Ok(Box::new(backend))
}

fn tables(
    from: &mut dyn Sql,
    to: &mut dyn Sql,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<Copied, StoreError> {
    let mut of = 0_u64;
    for table in TABLES {
        if count(to, table)? > 0 {
            return Err(StoreError::Contradiction(format!(
                "the target holds {} already: name an empty one",
                table.name
            )));
        }
        of = of.saturating_add(count(from, table)?);
    }
    let mut rows = 0;
    for table in TABLES {
        progress(CopyProgress {
            table: table.name,
            rows,
            of,
        });
        rows = one(from, to, table, rows, of, progress)?;
        if let Some(column) = table.counts {
            to.advance(table.name, column)?;
        }
    }
    let (seq, last_hash) = journal::head(from)?;
    let revision = crate::rules::control::revision(from)?;
    to.execute(
        "UPDATE meta SET control_revision = ?1, journal_seq = ?2, journal_hash = ?3",
        &params![
            integer("control revision", revision)?,
            integer("journal", seq)?,
            last_hash.as_slice()
        ],
    )?;
    for table in TABLES {
        let (here, there) = (count(from, table)?, count(to, table)?);
        if here != there {
            return Err(StoreError::Contradiction(format!(
                "{} has {here} rows, and {there} in the copy",
                table.name
            )));
        }
    }
    match journal::verify(to)? {
        JournalCheck::Ok { entries, .. } => Ok(Copied {
            rows,
            entries,
            last_hash,
        }),
        JournalCheck::Broken { seq, why } => Err(StoreError::Contradiction(format!(
            "entry {seq} of the copied journal: {why}"
        ))),
    }
}

fn count(sql: &mut dyn Sql, table: &Table) -> Result<u64, StoreError> {
    let count = sql.first(
        &format!("SELECT count(*) FROM {}", table.name),
        &[],
        |row| row.int(0),
    )?;
    unsigned("count", count.unwrap_or(0))
}

fn one(
    from: &mut dyn Sql,
    to: &mut dyn Sql,
    table: &Table,
    before: u64,
    of: u64,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<u64, StoreError> {
    let columns = table.columns.join(", ");
    let places: Vec<String> = (1..=table.columns.len())
        .map(|place| format!("?{place}"))
        .collect();
    let insert = format!(
        "INSERT INTO {} ({columns}) VALUES ({})",
        table.name,
        places.join(", ")
    );
    let select = format!(
        "SELECT {columns} FROM {} ORDER BY {}",
        table.name, table.order
    );
    let mut portion: Vec<Vec<Value<'static>>> = Vec::new();
    let mut rows = before;
    from.rows(&select, &[], &mut |row| {
        let values = (0..table.columns.len())
            .map(|column| Ok(row.value(column)?.into_owned()))
            .collect::<Result<_, StoreError>>()?;
        portion.push(values);
        rows = rows.saturating_add(1);
        if portion.len() == PORTION {
            to.execute_all(&insert, &mut portion.drain(..).map(Ok))?;
            progress(CopyProgress {
                table: table.name,
                rows,
                of,
            });
        }
        Ok(())
    })?;
    to.execute_all(&insert, &mut portion.drain(..).map(Ok))?;
    Ok(rows)
}

/// Brings a lane of the target to at least this epoch. Its own claim goes along.
fn raise(target: &dyn Backend, lane: Lane, epoch: u64) -> Result<(), StoreError> {
    let mut reached = epoch;
    target.write(None, &mut |sql| {
        let own = leases::find(sql, &lane)?;
        reached = own.map_or(0, |lease| lease.epoch).max(epoch);
        sql.execute(
            "INSERT INTO leases (lane, holder, epoch, until) VALUES (?1, NULL, ?2, 0)
             ON CONFLICT (lane) DO UPDATE SET epoch = excluded.epoch",
            &params![lane.0.as_str(), integer("epoch", reached)?],
        )?;
        Ok(())
    })?;
    if let Some(own) = target.claim() {
        target.took(&Claim {
            lane,
            epoch: reached,
            ..own
        });
    }
    Ok(())
}
