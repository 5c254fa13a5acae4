//! The seam's statements on a server.

use airdrops_types::Timestamp;

use super::link::{Fault, Link, next};
use super::session::CHANNEL;
use crate::StoreError;
use crate::rules::specs::Specs;
use crate::sql::{Row, Rows, Sql, Value};

/// So many lists of parameters are sent at a time.
const PORTION: usize = 1000;

/// A transaction on the server.
pub(super) struct Statements<'l> {
    link: &'l Link,
    specs: &'l mut Specs,
    /// The first failure: after it the transaction can only be undone.
    pub(super) fault: Option<Fault>,
}

impl<'l> Statements<'l> {
    pub(super) fn new(link: &'l Link, specs: &'l mut Specs) -> Self {
        Self {
            link,
            specs,
            fault: None,
        }
    }

    pub(super) fn link(&self) -> &'l Link {
        self.link
    }

    pub(super) fn note<T>(&mut self, answer: Result<T, Fault>) -> Result<T, StoreError> {
        answer.map_err(|fault| {
            let error = StoreError::Database(fault.text().to_owned());
            self.fault.get_or_insert(fault);
            error
        })
    }
}

fn owned(params: &[Value<'_>]) -> Vec<Value<'static>> {
    params
        .iter()
        .map(|value| value.clone().into_owned())
        .collect()
}

impl Sql for Statements<'_> {
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let answer = self.link.execute(sql, vec![owned(params)]);
        self.note(answer)
    }

    fn execute_all(&mut self, sql: &str, rows: &mut Rows<'_, '_>) -> Result<(), StoreError> {
        loop {
            let mut portion: Vec<Vec<Value<'static>>> = Vec::new();
            for row in (&mut *rows).take(PORTION) {
                portion.push(row?.into_iter().map(Value::into_owned).collect());
            }
            if portion.is_empty() {
                return Ok(());
            }
            let answer = self.link.execute(sql, portion);
            self.note(answer)?;
        }
    }

    fn rows(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let asked = self.link.query(sql, owned(params));
        let portions = self.note(asked)?;
        while let Some(portion) = next(&portions) {
            for row in self.note(portion)? {
                each(&Row::Postgres(&row))?;
            }
        }
        Ok(())
    }

    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }

    fn clock(&mut self, _given: Timestamp) -> Result<Timestamp, StoreError> {
        let now = (self as &mut dyn Sql).first(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
            &[],
            |row| row.int(0),
        )?;
        Ok(Timestamp(now.unwrap_or_default()))
    }

    fn notify(&mut self) -> Result<(), StoreError> {
        let answer = self.link.batch(&format!("NOTIFY {CHANNEL}"));
        self.note(answer)
    }

    fn advance(&mut self, table: &str, column: &str) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))
             FROM {table}"
        );
        (self as &mut dyn Sql).any(&sql, &[])?;
        Ok(())
    }

    fn specs(&mut self) -> &mut Specs {
        self.specs
    }
}
