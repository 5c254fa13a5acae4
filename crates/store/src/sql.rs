//! The one seam between the rules and a database: statements in the dialect that SQLite and
//! PostgreSQL share, with `?1` for the first parameter, integers of 64 bits, text and bytes. Truth
//! values are the integers 0 and 1.

use std::borrow::Cow;

use airdrops_types::Timestamp;
use rusqlite::types::ValueRef;

use crate::StoreError;
use crate::rules::specs::Specs;

/// A parameter, or a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(value),
            Self::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
            Self::Blob(value) => Value::Blob(Cow::Owned(value.into_owned())),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(Timestamp(at): Timestamp) -> Self {
        Self::Int(at)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(Cow::Borrowed(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Parameters from whatever they are made of.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::sql::Value::from($value)),*]
    };
}
pub(crate) use params;

/// Three statements of the same parameters that together store a row that may be there already.
#[derive(Debug, Clone, Copy)]
pub struct Replace {
    /// Inserts a row unless it is there.
    pub insert: &'static str,
    /// Replaces a row that is there, if that is all there is to do.
    pub update: &'static str,
    /// Inserts a row, or replaces it whatever it is.
    pub replace: &'static str,
}

/// Lists of parameters, made one after the other.
pub(crate) type Rows<'i, 'v> = dyn Iterator<Item = Result<Vec<Value<'v>>, StoreError>> + 'i;

/// A row of an answer.
pub enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    pub(crate) fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => row.try_get(column).map_err(|error| unreadable(&error)),
        }
    }

    pub(crate) fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str_or_null()?),
            Self::Postgres(row) => row.try_get(column).map_err(|error| unreadable(&error)),
        }
    }

    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_blob_or_null()?),
            Self::Postgres(row) => row.try_get(column).map_err(|error| unreadable(&error)),
        }
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or_else(|| missing(column))
    }

    /// The bytes of a text, also of one that is no UTF-8.
    pub(crate) fn text_bytes(&self, column: usize) -> Option<&[u8]> {
        match self {
            Self::Sqlite(row) => match row.get_ref(column) {
                Ok(ValueRef::Text(bytes)) => Some(bytes),
                _ => None,
            },
            Self::Postgres(_) => Some(self.opt_text(column).ok()??.as_bytes()),
        }
    }

    /// Whatever it is.
    pub(crate) fn value(&self, column: usize) -> Result<Value<'_>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Blob(value) => value.into(),
                other => other.as_str()?.into(),
            }),
            Self::Postgres(row) => Ok(match row.columns()[column].type_().name() {
                "int8" => self.opt_int(column)?.into(),
                "bytea" => self.opt_blob(column)?.into(),
                _ => self.opt_text(column)?.into(),
            }),
        }
    }
}

fn missing(column: usize) -> StoreError {
    StoreError::Corrupt {
        what: "column",
        why: format!("column {column} holds nothing"),
    }
}

fn unreadable(error: &tokio_postgres::Error) -> StoreError {
    StoreError::Corrupt {
        what: "column",
        why: error.to_string(),
    }
}

/// One transaction of a database.
pub trait Sql {
    /// Runs a statement, and returns how many rows it changed.
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs a statement once for each list of parameters.
    fn execute_all(&mut self, sql: &str, rows: &mut Rows<'_, '_>) -> Result<(), StoreError>;

    /// Inserts or replaces a row for each list of parameters.
    fn replace_all(
        &mut self,
        statements: &Replace,
        rows: &mut Rows<'_, '_>,
    ) -> Result<(), StoreError> {
        self.execute_all(statements.replace, rows)
    }

    /// Calls `each` with each row of the answer.
    fn rows(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// What locks the rows of a `SELECT` until the end of the transaction, if anything must.
    fn for_update(&self) -> &'static str;

    /// The instant by which leases go: `given` where one process has the database to itself, and
    /// the server's own clock where several nodes share it.
    fn clock(&mut self, given: Timestamp) -> Result<Timestamp, StoreError>;

    /// Tells those who wait that something changed, once the transaction is committed.
    fn notify(&mut self) -> Result<(), StoreError>;

    /// Lets a column that counts by itself go on after the highest number in it.
    fn advance(&mut self, table: &str, column: &str) -> Result<(), StoreError>;

    /// The specifications that are known to be stored.
    fn specs(&mut self) -> &mut Specs;
}

impl dyn Sql + '_ {
    /// Every row of the answer, made into something.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut make: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut made = Vec::new();
        self.rows(sql, params, &mut |row| {
            made.push(make(row)?);
            Ok(())
        })?;
        Ok(made)
    }

    /// The first row of the answer, made into something.
    pub(crate) fn first<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut make: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut made = None;
        self.rows(sql, params, &mut |row| {
            if made.is_none() {
                made = Some(make(row)?);
            }
            Ok(())
        })?;
        Ok(made)
    }

    /// Whether the answer has a row.
    pub(crate) fn any(&mut self, sql: &str, params: &[Value<'_>]) -> Result<bool, StoreError> {
        Ok(self.first(sql, params, |_| Ok(()))?.is_some())
    }
}
