//! Measurements over time.

use airdrops_types::Timestamp;

use super::column::{from_json, json};
use crate::sql::{Sql, params};
use crate::{Sample, StoreError};

pub(crate) fn store(sql: &mut dyn Sql, samples: &[Sample]) -> Result<(), StoreError> {
    let mut rows = samples.iter().map(|sample| {
        let data = json("sample", &sample.data)?;
        Ok(params![sample.series.as_str(), sample.at, data].into())
    });
    sql.execute_all(
        "INSERT INTO samples (series, at, data) VALUES (?1, ?2, ?3)
         ON CONFLICT (series, at) DO UPDATE SET data = excluded.data",
        &mut rows,
    )
}

pub(crate) fn forget(sql: &mut dyn Sql, before: Timestamp) -> Result<(), StoreError> {
    sql.execute("DELETE FROM samples WHERE at < ?1", &params![before])?;
    Ok(())
}

pub(crate) fn since(
    sql: &mut dyn Sql,
    series: &str,
    from: Timestamp,
) -> Result<Vec<Sample>, StoreError> {
    sql.all(
        "SELECT at, data FROM samples WHERE series = ?1 AND at >= ?2 ORDER BY at",
        &params![series, from],
        |row| {
            Ok(Sample {
                series: series.to_owned(),
                at: Timestamp(row.int(0)?),
                data: from_json("sample", row.text(1)?)?,
            })
        },
    )
}

pub(crate) fn series(sql: &mut dyn Sql) -> Result<Vec<String>, StoreError> {
    sql.all(
        "SELECT DISTINCT series FROM samples ORDER BY series",
        &[],
        |row| Ok(row.text(0)?.to_owned()),
    )
}
