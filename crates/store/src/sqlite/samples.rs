//! Measurements over time.

use airdrops_types::Timestamp;
use rusqlite::{Connection, params};

use super::column::{from_json, json};
use crate::{Sample, StoreError};

pub(super) fn store(connection: &Connection, samples: &[Sample]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO samples (series, at, data) VALUES (?1, ?2, ?3)
         ON CONFLICT (series, at) DO UPDATE SET data = excluded.data",
    )?;
    for sample in samples {
        let data = json("sample", &sample.data)?;
        statement.execute(params![sample.series, sample.at.0, data])?;
    }
    Ok(())
}

pub(super) fn forget(connection: &Connection, before: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM samples WHERE at < ?1")?
        .execute([before.0])?;
    Ok(())
}

pub(super) fn since(
    connection: &Connection,
    series: &str,
    from: Timestamp,
) -> Result<Vec<Sample>, StoreError> {
    connection
        .prepare_cached("SELECT at, data FROM samples WHERE series = ?1 AND at >= ?2 ORDER BY at")?
        .query_and_then(params![series, from.0], |row| {
            Ok(Sample {
                series: series.to_owned(),
                at: Timestamp(row.get(0)?),
                data: from_json("sample", row.get_ref(1)?.as_str()?)?,
            })
        })?
        .collect()
}

pub(super) fn series(connection: &Connection) -> Result<Vec<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT DISTINCT series FROM samples ORDER BY series")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}
