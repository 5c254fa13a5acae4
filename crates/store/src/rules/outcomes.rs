//! Final outcomes, and the reservations that they end.

use airdrops_types::{IntentId, Outcome, Reservation, TxResult};

use super::column::{from_json, hex, integer, json, unsigned};
use crate::StoreError;
use crate::sql::{Sql, params};

/// Stores outcomes, closes their slots, and books or drops their reservations.
pub(crate) fn store(sql: &mut dyn Sql, outcomes: &[Outcome]) -> Result<(), StoreError> {
    for outcome in outcomes {
        if exists(sql, outcome.intent)? {
            return Err(StoreError::OutcomeExists(outcome.intent));
        }
        let intent = hex(outcome.intent.0);
        let closed = sql.execute(
            "UPDATE slots SET closed = 1
             WHERE intent = ?1 AND chain = ?2 AND wallet = ?3 AND nonce = ?4",
            &params![
                intent.as_str(),
                integer("chain id", outcome.chain.0)?,
                hex(outcome.wallet),
                integer("nonce", outcome.nonce)?,
            ],
        )?;
        if closed == 0 {
            return Err(StoreError::Contradiction(format!(
                "an outcome of intent {}, which does not have nonce {} of {} on chain {}",
                outcome.intent, outcome.nonce, outcome.wallet, outcome.chain
            )));
        }
        sql.execute(
            "INSERT INTO outcomes (intent, outcome) VALUES (?1, ?2)",
            &params![intent.as_str(), json("outcome", outcome)?],
        )?;
        match outcome.result {
            TxResult::Succeeded => sql.execute(
                "UPDATE reservations SET booked_at = ?2 WHERE intent = ?1",
                &params![
                    intent.as_str(),
                    integer("block number", outcome.block.number)?
                ],
            )?,
            TxResult::Reverted { .. } | TxResult::Cancelled => sql.execute(
                "DELETE FROM reservations WHERE intent = ?1",
                &params![intent.as_str()],
            )?,
        };
    }
    Ok(())
}

/// Drops reservations. One that is gone already is no error; one whose slot is open is.
pub(crate) fn retire(sql: &mut dyn Sql, intents: &[IntentId]) -> Result<(), StoreError> {
    for intent in intents {
        let key = hex(intent.0);
        let open = sql.any(
            "SELECT 1 FROM slots WHERE intent = ?1 AND closed = 0",
            &params![key.as_str()],
        )?;
        if open {
            return Err(StoreError::Contradiction(format!(
                "the reservation of intent {intent} is retired while its transaction is open"
            )));
        }
        sql.execute(
            "DELETE FROM reservations WHERE intent = ?1",
            &params![key.as_str()],
        )?;
    }
    Ok(())
}

pub(crate) fn exists(sql: &mut dyn Sql, intent: IntentId) -> Result<bool, StoreError> {
    sql.any(
        "SELECT 1 FROM outcomes WHERE intent = ?1",
        &params![hex(intent.0)],
    )
}

pub(crate) fn find(sql: &mut dyn Sql, intent: IntentId) -> Result<Option<Outcome>, StoreError> {
    sql.first(
        "SELECT outcome FROM outcomes WHERE intent = ?1",
        &params![hex(intent.0)],
        |row| from_json("outcome", row.text(0)?),
    )
}

pub(crate) fn load(sql: &mut dyn Sql) -> Result<Vec<Outcome>, StoreError> {
    sql.all(
        "SELECT outcome FROM outcomes ORDER BY position",
        &[],
        |row| from_json("outcome", row.text(0)?),
    )
}

/// Keeps a reservation, unless it claims nothing: the gate's book does not keep such a one either,
/// and so would never retire it.
pub(crate) fn reserve(sql: &mut dyn Sql, reservation: &Reservation) -> Result<(), StoreError> {
    if reservation.protocols.is_empty() && reservation.assets.is_empty() {
        return Ok(());
    }
    sql.execute(
        "INSERT INTO reservations (intent, reservation) VALUES (?1, ?2)",
        &params![hex(reservation.intent.0), json("reservation", reservation)?],
    )?;
    Ok(())
}

pub(crate) fn reservations(sql: &mut dyn Sql) -> Result<Vec<Reservation>, StoreError> {
    sql.all(
        "SELECT reservation, booked_at FROM reservations ORDER BY intent",
        &[],
        |row| {
            let stored: Reservation = from_json("reservation", row.text(0)?)?;
            let booked_at = row.opt_int(1)?;
            Ok(Reservation {
                booked_at: booked_at
                    .map(|number| unsigned("block number", number))
                    .transpose()?,
                ..stored
            })
        },
    )
}
