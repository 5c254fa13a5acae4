//! Control states: standing trips, and a revision that every change raises.

use airdrops_types::{Entry, Scope, Timestamp, Trip};
use rusqlite::{Connection, params};

use super::column::{from_json, json, unsigned};
use crate::{ControlChange, StoreError, cleared_in_key, cleared_key};

pub(super) fn trips(connection: &Connection) -> Result<Vec<Trip>, StoreError> {
    connection
        .prepare_cached("SELECT trip FROM trips ORDER BY scope, breaker")?
        .query_and_then([], |row| from_json("trip", row.get_ref(0)?.as_str()?))?
        .collect()
}

pub(super) fn revision(connection: &Connection) -> Result<u64, StoreError> {
    let revision = connection
        .prepare_cached("SELECT control_revision FROM meta")?
        .query_row([], |row| row.get(0))?;
    unsigned("control revision", revision)
}

/// Adds or replaces a trip, unless it stands exactly so.
pub(super) fn trip(connection: &Connection, trip: &Trip) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO trips (scope, breaker, trip) VALUES (?1, ?2, ?3)
             ON CONFLICT (scope, breaker) DO UPDATE SET trip = excluded.trip
             WHERE trip IS NOT excluded.trip",
        )?
        .execute(params![
            json("scope", &trip.scope)?,
            trip.breaker,
            json("trip", trip)?
        ])?;
    if changed > 0 {
        raise_revision(connection)?;
    }
    Ok(())
}

/// Removes a trip, and says whether it was there.
pub(super) fn clear(
    connection: &Connection,
    scope: &Scope,
    breaker: &str,
) -> Result<bool, StoreError> {
    let removed = connection
        .prepare_cached("DELETE FROM trips WHERE scope = ?1 AND breaker = ?2")?
        .execute(params![json("scope", scope)?, breaker])?;
    if removed > 0 {
        raise_revision(connection)?;
    }
    Ok(removed > 0)
}

/// Notes that a breaker was cleared: what was evidence until then is used up.
pub(super) fn note_cleared(
    connection: &Connection,
    scope: &Scope,
    breaker: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let keys = [cleared_key(breaker), cleared_in_key(breaker, scope)];
    super::tasks::store_settings(connection, &keys.map(|key| (key, at.0.into())))
}

/// Makes the change, and words its journal entry.
pub(super) fn change(
    connection: &Connection,
    change: &ControlChange,
    by: &str,
) -> Result<Entry, StoreError> {
    match change {
        ControlChange::Trip(wanted) => {
            trip(connection, wanted)?;
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
            if !clear(connection, scope, breaker)? {
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

fn raise_revision(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE meta SET control_revision = control_revision + 1")?
        .execute([])?;
    Ok(())
}
