//! The seam's statements on a connection.

use airdrops_types::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::StoreError;
use crate::rules::specs::Specs;
use crate::sql::{Replace, Row, Rows, Sql, Value};

/// A transaction on a connection.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    specs: &'c mut Specs,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection, specs: &'c mut Specs) -> Self {
        Self { connection, specs }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl Sql for Statements<'_> {
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(params))? as u64)
    }

    fn execute_all(&mut self, sql: &str, rows: &mut Rows<'_, '_>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for row in rows {
            statement.execute(params_from_iter(row?))?;
        }
        Ok(())
    }

    /// What came of a row is likely to come of the next one, too: it is tried first.
    fn replace_all(
        &mut self,
        statements: &Replace,
        rows: &mut Rows<'_, '_>,
    ) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(statements.insert)?;
        let mut update = self.connection.prepare_cached(statements.update)?;
        let mut inserts = true;
        for row in rows {
            let row = row?;
            let mut stored = false;
            for _ in 0..2 {
                let next = if inserts { &mut insert } else { &mut update };
                stored = next.execute(params_from_iter(&row))? > 0;
                if stored {
                    break;
                }
                inserts = !inserts;
            }
            if !stored {
                let mut replace = self.connection.prepare_cached(statements.replace)?;
                replace.execute(params_from_iter(&row))?;
            }
        }
        Ok(())
    }

    fn rows(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    fn for_update(&self) -> &'static str {
        ""
    }

    fn clock(&mut self, given: Timestamp) -> Result<Timestamp, StoreError> {
        Ok(given)
    }

    fn notify(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn advance(&mut self, _table: &str, _column: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn specs(&mut self) -> &mut Specs {
        self.specs
    }
}
