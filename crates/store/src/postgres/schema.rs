//! Tables on a server, and how older ones become newer ones. Versions are those of the files, of
//! which a server has none before the third.

use std::path::PathBuf;

use airdrops_scheduler::lease::Lane;

use super::link::Link;
use super::statements::Statements;
use super::{Failed, attempt};
use crate::rules::leases;
use crate::rules::specs::Specs;
use crate::sql::{Sql, params};
use crate::{Options, StoreError};

/// Statements that lead to a version, oldest first. Only ever appended to.
pub(super) const MIGRATIONS: &[(u32, &str)] = &[(3, include_str!("v3.sql"))];

/// Two nodes that start at once do not both make the tables.
const ONE_AT_A_TIME: i64 = 0x6169_7264_726f_7073;

/// Makes what is missing, in one transaction. What is there is copied before into the schema
/// `backup_v<N>`, where `N` is its version; and not touched while another node runs on it.
pub(super) fn migrate(
    link: &Link,
    place: &str,
    options: &Options,
    migrations: &[(u32, &str)],
) -> Result<(), Failed> {
    let mut specs = Specs::default();
    attempt(link, &mut specs, "BEGIN", |sql| {
        (sql as &mut dyn Sql).any("SELECT pg_advisory_xact_lock(?1)", &params![ONE_AT_A_TIME])?;
        let found = version(sql, place)?;
        require_known(found, place, migrations)?;
        let pending: Vec<_> = migrations.iter().filter(|(to, _)| *to > found).collect();
        if found > 0 && !pending.is_empty() {
            require_nobody(sql, options)?;
            back_up(sql, found)?;
        }
        for (to, statements) in pending {
            sql.batch(statements)?;
            sql.batch(&format!(
                "DELETE FROM airdrops_schema; INSERT INTO airdrops_schema VALUES ({to})"
            ))?;
            tracing::info!(%place, version = to, "database schema");
        }
        Ok(())
    })
}

/// Refuses what is not of the version of this program.
pub(super) fn require_current(
    sql: &mut Statements<'_>,
    place: &str,
    migrations: &[(u32, &str)],
) -> Result<(), StoreError> {
    let found = version(sql, place)?;
    require_known(found, place, migrations)?;
    let supported = newest(migrations);
    if found == 0 {
        return Err(StoreError::Missing { path: path(place) });
    }
    if found < supported {
        return Err(StoreError::Older {
            path: path(place),
            found,
            supported,
        });
    }
    Ok(())
}

fn newest(migrations: &[(u32, &str)]) -> u32 {
    migrations.last().map_or(0, |(version, _)| *version)
}

fn path(place: &str) -> PathBuf {
    PathBuf::from(place)
}

fn require_known(found: u32, place: &str, migrations: &[(u32, &str)]) -> Result<(), StoreError> {
    let supported = newest(migrations);
    if found > supported {
        return Err(StoreError::Newer {
            path: path(place),
            found,
            supported,
        });
    }
    Ok(())
}

/// The version; 0 for an empty schema. Tables without our version are another program's.
fn version(sql: &mut Statements<'_>, place: &str) -> Result<u32, StoreError> {
    let sql: &mut dyn Sql = sql;
    let tables = sql.all(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
        &[],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    if tables.iter().any(|table| table == "airdrops_schema") {
        let found = sql.first("SELECT version FROM airdrops_schema", &[], |row| row.int(0))?;
        return u32::try_from(found.unwrap_or(0)).map_err(|error| StoreError::Corrupt {
            what: "schema version",
            why: error.to_string(),
        });
    }
    if tables.is_empty() {
        Ok(0)
    } else {
        Err(StoreError::Foreign { path: path(place) })
    }
}

fn require_nobody(sql: &mut Statements<'_>, options: &Options) -> Result<(), StoreError> {
    let sql: &mut dyn Sql = sql;
    let now = sql.clock(airdrops_types::Timestamp(0))?;
    let lease = leases::find(sql, &Lane(leases::FARM.to_owned()))?;
    if let Some(lease) = lease
        && let Some(holder) = lease.holder
        && holder.0 != options.node
        && lease.until > now
    {
        return Err(StoreError::Held {
            holder: holder.0,
            until: lease.until,
        });
    }
    Ok(())
}

fn back_up(sql: &mut Statements<'_>, version: u32) -> Result<(), StoreError> {
    let tables = (sql as &mut dyn Sql).all(
        "SELECT quote_ident(tablename::text) FROM pg_tables WHERE schemaname = current_schema()",
        &[],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    let schema = format!("backup_v{version}");
    sql.batch(&format!(
        "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"
    ))?;
    for table in tables {
        sql.batch(&format!("CREATE TABLE {schema}.{table} AS TABLE {table}"))?;
    }
    tracing::info!(schema, "tables copied before their migration");
    Ok(())
}

impl Statements<'_> {
    /// Runs statements without parameters.
    pub(super) fn batch(&mut self, statements: &str) -> Result<(), StoreError> {
        let answer = self.link().batch(statements);
        self.note(answer)
    }
}
