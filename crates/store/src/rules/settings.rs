//! Small values by key.

use super::column::{from_json, json};
use crate::StoreError;
use crate::sql::{Sql, params};

pub(crate) fn store(
    sql: &mut dyn Sql,
    settings: &[(String, serde_json::Value)],
) -> Result<(), StoreError> {
    for (key, value) in settings {
        sql.execute(
            "INSERT INTO settings (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            &params![key.as_str(), json("setting", value)?],
        )?;
    }
    Ok(())
}

pub(crate) fn find(sql: &mut dyn Sql, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
    sql.first(
        "SELECT value FROM settings WHERE key = ?1",
        &params![key],
        |row| from_json("setting", row.text(0)?),
    )
}
