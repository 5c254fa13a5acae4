//! Control states: standing trips, and a revision that every change raises.

use airdrops_types::{Entry, Scope, Timestamp, Trip};

use super::column::{from_json, json, unsigned};
use super::settings;
use crate::sql::{Sql, params};
use crate::{ControlChange, StoreError, cleared_in_key, cleared_key};

pub(crate) fn trips(sql: &mut dyn Sql) -> Result<Vec<Trip>, StoreError> {
    sql.all(
        "SELECT trip FROM trips ORDER BY scope, breaker",
        &[],
        |row| from_json("trip", row.text(0)?),
    )
}

pub(crate) fn revision(sql: &mut dyn Sql) -> Result<u64, StoreError> {
    let revision = sql.first("SELECT control_revision FROM meta", &[], |row| row.int(0))?;
    unsigned("control revision", revision.unwrap_or(-1))
}

/// Adds or replaces a trip, unless it stands exactly so.
pub(crate) fn trip(sql: &mut dyn Sql, trip: &Trip) -> Result<(), StoreError> {
    let changed = sql.execute(
        "INSERT INTO trips (scope, breaker, trip) VALUES (?1, ?2, ?3)
         ON CONFLICT (scope, breaker) DO UPDATE SET trip = excluded.trip
         WHERE trips.trip <> excluded.trip",
        &params![
            json("scope", &trip.scope)?,
            trip.breaker.as_str(),
            json("trip", trip)?
        ],
    )?;
    if changed > 0 {
        raise_revision(sql)?;
    }
    Ok(())
}

/// Removes a trip, and says whether it was there.
pub(crate) fn clear(sql: &mut dyn Sql, scope: &Scope, breaker: &str) -> Result<bool, StoreError> {
    let removed = sql.execute(
        "DELETE FROM trips WHERE scope = ?1 AND breaker = ?2",
        &params![json("scope", scope)?, breaker],
    )?;
    if removed > 0 {
        raise_revision(sql)?;
    }
    Ok(removed > 0)
}

/// Notes that a breaker was cleared: what was evidence until then is used up.
pub(crate) fn note_cleared(
    sql: &mut dyn Sql,
    scope: &Scope,
    breaker: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let keys = [cleared_key(breaker), cleared_in_key(breaker, scope)];
    settings::store(sql, &keys.map(|key| (key, at.0.into())))
}

/// Makes the change, and words its journal entry.
pub(crate) fn change(
    sql: &mut dyn Sql,
    change: &ControlChange,
    by: &str,
) -> Result<Entry, StoreError> {
    match change {
        ControlChange::Trip(wanted) => {
            trip(sql, wanted)?;
            Ok(Entry::Tripped {
                trip: wanted.clone(),
                by: by.to_owned(),
            })
        }
        ControlChange::Clear {
            scope,
            breaker,
            reason,
        } => {
            if !clear(sql, scope, breaker)? {
                return Err(StoreError::NoTrip {
                    scope: scope.clone(),
                    breaker: breaker.clone(),
                });
            }
            Ok(Entry::Cleared {
                scope: scope.clone(),
                breaker: breaker.clone(),
                by: by.to_owned(),
                reason: reason.clone(),
            })
        }
    }
}

fn raise_revision(sql: &mut dyn Sql) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE meta SET control_revision = control_revision + 1",
        &[],
    )?;
    Ok(())
}
