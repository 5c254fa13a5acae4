//! Final outcomes, and the reservations that they end.

use airdrops_types::{IntentId, Outcome, Reservation, TxResult};
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{from_json, hex, integer, json, unsigned};
use crate::StoreError;

/// Stores outcomes, closes their slots, and books or drops their reservations.
pub(super) fn store(connection: &Connection, outcomes: &[Outcome]) -> Result<(), StoreError> {
    for outcome in outcomes {
        if exists(connection, outcome.intent)? {
            return Err(StoreError::OutcomeExists(outcome.intent));
        }
        let intent = hex(outcome.intent.0);
        let closed = connection
            .prepare_cached(
                "UPDATE slots SET closed = 1
                 WHERE intent = ?1 AND chain = ?2 AND wallet = ?3 AND nonce = ?4",
            )?
            .execute(params![
                intent,
                integer("chain id", outcome.chain.0)?,
                hex(outcome.wallet),
                integer("nonce", outcome.nonce)?,
            ])?;
        if closed == 0 {
            return Err(StoreError::Contradiction(format!(
                "an outcome of intent {}, which does not have nonce {} of {} on chain {}",
                outcome.intent, outcome.nonce, outcome.wallet, outcome.chain
            )));
        }
        connection
            .prepare_cached("INSERT INTO outcomes (intent, outcome) VALUES (?1, ?2)")?
            .execute(params![intent, json("outcome", outcome)?])?;
        match outcome.result {
            TxResult::Succeeded => connection
                .prepare_cached("UPDATE reservations SET booked_at = ?2 WHERE intent = ?1")?
                .execute(params![
                    intent,
                    integer("block number", outcome.block.number)?
                ])?,
            TxResult::Reverted { .. } | TxResult::Cancelled => connection
                .prepare_cached("DELETE FROM reservations WHERE intent = ?1")?
                .execute([intent])?,
        };
    }
    Ok(())
}

/// Drops reservations. One that is gone already is no error; one whose slot is open is.
pub(super) fn retire(connection: &Connection, intents: &[IntentId]) -> Result<(), StoreError> {
    for intent in intents {
        let key = hex(intent.0);
        let open: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM slots WHERE intent = ?1 AND closed = 0)")?
            .query_row([&key], |row| row.get(0))?;
        if open {
            return Err(StoreError::Contradiction(format!(
                "the reservation of intent {intent} is retired while its transaction is open"
            )));
        }
        connection
            .prepare_cached("DELETE FROM reservations WHERE intent = ?1")?
            .execute([key])?;
    }
    Ok(())
}

pub(super) fn exists(connection: &Connection, intent: IntentId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outcomes WHERE intent = ?1)")?
        .query_row([hex(intent.0)], |row| row.get(0))?)
}

pub(super) fn find(
    connection: &Connection,
    intent: IntentId,
) -> Result<Option<Outcome>, StoreError> {
    let outcome: Option<String> = connection
        .prepare_cached("SELECT outcome FROM outcomes WHERE intent = ?1")?
        .query_row([hex(intent.0)], |row| row.get(0))
        .optional()?;
    outcome
        .map(|outcome| from_json("outcome", &outcome))
        .transpose()
}

pub(super) fn load(connection: &Connection) -> Result<Vec<Outcome>, StoreError> {
    connection
        .prepare_cached("SELECT outcome FROM outcomes ORDER BY position")?
        .query_and_then([], |row| from_json("outcome", row.get_ref(0)?.as_str()?))?
        .collect()
}

/// Keeps a reservation, unless it claims nothing: the gate's book does not keep such a one either,
/// and so would never retire it.
pub(super) fn reserve(
    connection: &Connection,
    reservation: &Reservation,
) -> Result<(), StoreError> {
    if reservation.protocols.is_empty() && reservation.assets.is_empty() {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO reservations (intent, reservation) VALUES (?1, ?2)")?
        .execute(params![
            hex(reservation.intent.0),
            json("reservation", reservation)?
        ])?;
    Ok(())
}

pub(super) fn reservations(connection: &Connection) -> Result<Vec<Reservation>, StoreError> {
    connection
        .prepare_cached("SELECT reservation, booked_at FROM reservations ORDER BY intent")?
        .query_and_then([], |row| {
            let stored: Reservation = from_json("reservation", row.get_ref(0)?.as_str()?)?;
            let booked_at: Option<i64> = row.get(1)?;
            Ok(Reservation {
                booked_at: booked_at
                    .map(|number| unsigned("block number", number))
                    .transpose()?,
                ..stored
            })
        })?
        .collect()
}
