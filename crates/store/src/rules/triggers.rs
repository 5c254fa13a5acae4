//! Triggers by campaign.

use airdrops_types::TriggerState;

use super::column::{from_json, json};
use crate::StoreError;
use crate::sql::{Sql, params};

pub(crate) fn store(sql: &mut dyn Sql, triggers: &[TriggerState]) -> Result<(), StoreError> {
    let mut rows = triggers.iter().map(|trigger| {
        Ok(params![
            trigger.campaign.as_str(),
            trigger.next,
            json("trigger", trigger)?,
        ]
        .into())
    });
    sql.execute_all(
        "INSERT INTO triggers (campaign, next, state) VALUES (?1, ?2, ?3)
         ON CONFLICT (campaign) DO UPDATE SET next = excluded.next, state = excluded.state",
        &mut rows,
    )
}

pub(crate) fn load(sql: &mut dyn Sql) -> Result<Vec<TriggerState>, StoreError> {
    sql.all("SELECT state FROM triggers ORDER BY campaign", &[], |row| {
        from_json("trigger", row.text(0)?)
    })
}
