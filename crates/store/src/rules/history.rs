//! Task runs in numbers.

use std::collections::BTreeMap;

use airdrops_types::{CampaignId, Timestamp};

use super::column::unsigned;
use super::specs;
use super::task_row::state_of;
use crate::sql::Sql;
use crate::{Queue, QueueCount, StoreError};

/// The runs that have not ended, by state and by key.
pub(crate) fn queue(sql: &mut dyn Sql) -> Result<Queue, StoreError> {
    let mut states = sql.all(
        "SELECT state, count(*), min(due) FROM tasks WHERE open = 1 GROUP BY state",
        &[],
        |row| {
            let count = QueueCount {
                tasks: unsigned("count", row.int(1)?)?,
                oldest: Timestamp(row.int(2)?),
            };
            Ok((state_of(row.text(0)?)?, count))
        },
    )?;
    states.sort_by_key(|(state, _)| *state);
    let by_spec = sql.all(
        "SELECT spec, count(*), min(due) FROM tasks WHERE open = 1 GROUP BY spec",
        &[],
        |row| {
            let count = QueueCount {
                tasks: unsigned("count", row.int(1)?)?,
                oldest: Timestamp(row.int(2)?),
            };
            Ok((row.int(0)?, count))
        },
    )?;
    let numbers: Vec<i64> = by_spec.iter().map(|(number, _)| *number).collect();
    let specs = specs::load(sql, &numbers)?;
    let mut keys: BTreeMap<String, QueueCount> = BTreeMap::new();
    for (number, count) in by_spec {
        for key in specs.get(&number).map_or(&[][..], |spec| &spec.keys) {
            keys.entry(key.clone())
                .and_modify(|sum| {
                    sum.tasks = sum.tasks.saturating_add(count.tasks);
                    sum.oldest = sum.oldest.min(count.oldest);
                })
                .or_insert(count);
        }
    }
    Ok(Queue {
        states,
        keys: keys.into_iter().collect(),
    })
}

/// The highest number of a run of each campaign, by campaign.
pub(crate) fn last_runs(sql: &mut dyn Sql) -> Result<Vec<(CampaignId, u64)>, StoreError> {
    sql.all(
        "SELECT campaign, max(run) FROM tasks GROUP BY campaign ORDER BY campaign",
        &[],
        |row| Ok((CampaignId::new(row.text(0)?), unsigned("run", row.int(1)?)?)),
    )
}
