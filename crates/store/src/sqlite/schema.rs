//! Tables, and how an older database becomes a newer one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB, Transaction, TransactionBehavior};

use super::{file, v3};
use crate::StoreError;

/// What raises the schema version by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    statements: &'static str,
    /// What statements cannot say, after them.
    carry: fn(&Transaction<'_>) -> Result<(), StoreError>,
}

impl Step {
    const fn new(statements: &'static str) -> Self {
        Self {
            statements,
            carry: |_| Ok(()),
        }
    }
}

/// The steps, oldest first. Only ever appended to.
pub(super) const MIGRATIONS: &[Step] = &[
    Step::new(include_str!("v1.sql")),
    Step::new(include_str!("v2.sql")),
    Step {
        statements: include_str!("v3.sql"),
        carry: v3::carry,
    },
];

/// Brings the database at `path` to the version after the last of `migrations`. Each step is one
/// transaction. Before each that finds data, the database is copied to `<path>.backup-v<N>`, where
/// `N` is the version of the copy.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Step],
) -> Result<(), StoreError> {
    loop {
        let found = version(connection)?;
        let Some(step) = pending(path, found, migrations)? else {
            return Ok(());
        };
        if found > 0 {
            back_up(connection, path, found)?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? != found {
            continue;
        }
        require_ours(&transaction, path, found)?;
        transaction.execute_batch(step.statements)?;
        (step.carry)(&transaction)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
        tracing::info!(path = %path.display(), version = found + 1, "database schema");
    }
}

/// Refuses a database that is newer than this program, or not ours, before anything in it is
/// touched.
pub(super) fn require_known(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let found = version(&transaction)?;
    pending(path, found, MIGRATIONS)?;
    require_ours(&transaction, path, found)?;
    Ok(transaction.commit()?)
}

/// Refuses a database that is not of the version of this program.
pub(super) fn require_current(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection)?;
    match pending(path, found, MIGRATIONS)? {
        None => Ok(()),
        Some(_) => Err(StoreError::Older {
            path: path.to_owned(),
            found,
            supported: newest(MIGRATIONS),
        }),
    }
}

/// The schema version; 0 for a new file.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn newest(migrations: &[Step]) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// The step that follows version `found`; `None` if it is the newest.
fn pending(path: &Path, found: u32, migrations: &[Step]) -> Result<Option<Step>, StoreError> {
    let supported = newest(migrations);
    if found > supported {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            supported,
        });
    }
    Ok(usize::try_from(found)
        .ok()
        .and_then(|index| migrations.get(index).copied()))
}

/// Tables without our version are another program's.
fn require_ours(connection: &Connection, path: &Path, found: u32) -> Result<(), StoreError> {
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found == 0 && objects > 0 {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn back_up(connection: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let copy = backup_path(path, version);
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file::failed(&copy, &error));
        }
        _ => {}
    }
    file::make_private(&copy)?;
    connection.backup(MAIN_DB, &copy, rusqlite::backup::NO_PROGRESS)?;
    tracing::info!(path = %copy.display(), version, "database copied before its migration");
    Ok(())
}

fn backup_path(path: &Path, version: u32) -> PathBuf {
    file::beside(path, &format!(".backup-v{version}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TWO: &[Step] = &[
        Step::new("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (7);"),
        Step::new("ALTER TABLE t ADD COLUMN y INTEGER DEFAULT 8;"),
    ];

    fn database() -> (tempfile::TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        (folder, path, connection)
    }

    #[test]
    fn an_older_database_is_copied_and_then_migrated() {
        let (_folder, path, mut connection) = database();
        migrate(&mut connection, &path, &TWO[..1]).unwrap();
        assert_eq!(version(&connection), Ok(1));
        assert!(!backup_path(&path, 0).exists(), "there was nothing to copy");
        // What an earlier attempt left is written over.
        std::fs::write(backup_path(&path, 1), "garbage").unwrap();

        migrate(&mut connection, &path, TWO).unwrap();
        assert_eq!(version(&connection), Ok(2));
        let row: (i64, i64) = connection
            .query_row("SELECT x, y FROM t", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, (7, 8));

        let copy = Connection::open(backup_path(&path, 1)).unwrap();
        assert_eq!(version(&copy), Ok(1));
        let x: i64 = copy
            .query_row("SELECT * FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, 7);
        assert!(copy.query_row("SELECT y FROM t", [], |_| Ok(())).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = std::fs::metadata(backup_path(&path, 1)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_database_of_every_older_version_is_migrated_with_what_it_holds() {
        for older in 1..MIGRATIONS.len() {
            let (_folder, path, mut connection) = database();
            migrate(&mut connection, &path, &MIGRATIONS[..older]).unwrap();
            connection
                .execute_batch("INSERT INTO settings VALUES ('seen', '7')")
                .unwrap();
            migrate(&mut connection, &path, MIGRATIONS).unwrap();
            assert_eq!(version(&connection), Ok(newest(MIGRATIONS)));
            let seen: String = connection
                .query_row("SELECT value FROM settings", [], |row| row.get(0))
                .unwrap();
            assert_eq!(seen, "7");
            assert!(backup_path(&path, newest(&MIGRATIONS[..older])).exists());
        }
    }

    #[test]
    fn a_failed_migration_leaves_the_old_version() {
        let (_folder, path, mut connection) = database();
        migrate(&mut connection, &path, &TWO[..1]).unwrap();
        let broken = [
            TWO[0],
            Step::new("CREATE TABLE u (z); CREATE TABLE t (again);"),
        ];
        assert!(migrate(&mut connection, &path, &broken).is_err());
        assert_eq!(version(&connection), Ok(1));
        assert!(connection.prepare("SELECT z FROM u").is_err());
        migrate(&mut connection, &path, TWO).unwrap();
        assert_eq!(version(&connection), Ok(2));
    }

    #[test]
    fn a_database_older_than_the_program_is_refused_where_it_cannot_be_migrated() {
        let (_folder, path, mut connection) = database();
        assert!(matches!(
            require_current(&connection, &path),
            Err(StoreError::Older { found: 0, .. })
        ));
        migrate(&mut connection, &path, MIGRATIONS).unwrap();
        assert_eq!(require_current(&connection, &path), Ok(()));
    }
}
