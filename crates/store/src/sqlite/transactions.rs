//! The transaction manager's memory: slots and attempts.

use airdrops_types::{
    Address, Answer, Attempt, B256, BlockRef, ChainId, Entry, IntentId, LogError, NewSignature,
    Purpose, Slot, Timestamp,
};
use rusqlite::{Connection, Row, params};

use super::column::{from_json, from_text, hex, integer, json, unsigned};
use super::{control, journal, outcomes};
use crate::StoreError;

pub(super) fn next_nonce(
    connection: &Connection,
    chain: ChainId,
    wallet: Address,
) -> Result<Option<u64>, StoreError> {
    let highest: Option<i64> = connection
        .prepare_cached("SELECT max(nonce) FROM slots WHERE chain = ?1 AND wallet = ?2")?
        .query_row(params![integer("chain id", chain.0)?, hex(wallet)], |row| {
            row.get(0)
        })?;
    highest
        .map(|nonce| Ok(unsigned("nonce", nonce)?.saturating_add(1)))
        .transpose()
}

/// The caller checked the lease in this transaction.
pub(super) fn record_signature(
    connection: &Connection,
    signature: &NewSignature,
) -> Result<(), StoreError> {
    let NewSignature {
        chain,
        wallet,
        nonce,
        intent,
        terms,
        attempt,
        replaces,
    } = signature;
    if control::revision(connection)? != terms.control_revision {
        return Err(LogError::ControlChanged.into());
    }
    let owner = if *replaces {
        let owner = match intent.purpose {
            Purpose::Cancel { original } => original,
            Purpose::Operation { .. } => intent.id,
        };
        require_open_slot(connection, owner, signature)?;
        owner
    } else {
        open_slot(connection, signature)?;
        intent.id
    };
    add_attempt(connection, owner, attempt)?;
    let signed = Entry::Signed {
        intent: intent.id,
        task: intent.task.clone(),
        chain: *chain,
        wallet: *wallet,
        nonce: *nonce,
        tx: attempt.tx,
        summary: intent.summary.clone(),
    };
    journal::append(connection, attempt.signed_at, &[signed])?;
    Ok(())
}

fn open_slot(connection: &Connection, signature: &NewSignature) -> Result<(), StoreError> {
    let NewSignature {
        chain,
        wallet,
        nonce,
        intent,
        terms,
        ..
    } = signature;
    if (intent.chain, intent.wallet) != (*chain, *wallet)
        || (terms.intent, terms.reservation.intent) != (intent.id, intent.id)
    {
        return Err(StoreError::Contradiction(format!(
            "intent {} on chain {} from {} is signed on chain {chain} from {wallet} by the permit \
             of {} with the reservation of {}",
            intent.id, intent.chain, intent.wallet, terms.intent, terms.reservation.intent
        )));
    }
    if slot_exists(connection, intent.id)? || outcomes::exists(connection, intent.id)? {
        return Err(LogError::IntentTaken(intent.id).into());
    }
    if next_nonce(connection, *chain, *wallet)?.is_some_and(|next| *nonce < next) {
        return Err(LogError::NonceTaken {
            chain: *chain,
            wallet: *wallet,
            nonce: *nonce,
        }
        .into());
    }
    connection
        .prepare_cached(
            "INSERT INTO slots (intent, chain, wallet, nonce, task, details, terms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            hex(intent.id.0),
            integer("chain id", chain.0)?,
            hex(*wallet),
            integer("nonce", *nonce)?,
            intent.task.as_str(),
            json("intent", intent)?,
            json("permit", terms)?,
        ])?;
    outcomes::reserve(connection, &terms.reservation)
}

fn slot_exists(connection: &Connection, intent: IntentId) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM slots WHERE intent = ?1)")?
        .query_row([hex(intent.0)], |row| row.get(0))?)
}

fn require_open_slot(
    connection: &Connection,
    owner: IntentId,
    signature: &NewSignature,
) -> Result<(), StoreError> {
    let found: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM slots WHERE intent = ?1 AND closed = 0
                 AND chain = ?2 AND wallet = ?3 AND nonce = ?4)",
        )?
        .query_row(
            params![
                hex(owner.0),
                integer("chain id", signature.chain.0)?,
                hex(signature.wallet),
                integer("nonce", signature.nonce)?,
            ],
            |row| row.get(0),
        )?;
    if found {
        Ok(())
    } else {
        Err(LogError::NoSlot(owner).into())
    }
}

fn add_attempt(
    connection: &Connection,
    owner: IntentId,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO attempts (intent, tx, raw, cancels, max_fee_per_gas,
                 max_priority_fee_per_gas, gas_limit, signed_at, broadcast_at, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            hex(owner.0),
            hex(attempt.tx),
            attempt.raw.as_ref(),
            attempt.cancels,
            attempt.max_fee_per_gas.to_string(),
            attempt.max_priority_fee_per_gas.to_string(),
            integer("gas limit", attempt.gas_limit)?,
            attempt.signed_at.0,
            attempt.broadcast_at.map(|Timestamp(at)| at),
            attempt
                .answer
                .as_ref()
                .map(|answer| json("answer", answer))
                .transpose()?,
        ])?;
    Ok(())
}

pub(super) fn record_broadcast(
    connection: &Connection,
    tx: B256,
    at: Timestamp,
    answer: &Answer,
) -> Result<(), StoreError> {
    let known = connection
        .prepare_cached("UPDATE attempts SET broadcast_at = ?2, answer = ?3 WHERE tx = ?1")?
        .execute(params![hex(tx), at.0, json("answer", answer)?])?;
    if known == 0 {
        return Err(StoreError::Contradiction(format!(
            "a broadcast of transaction {tx}, which was never signed"
        )));
    }
    Ok(())
}

pub(super) fn record_mined(
    connection: &Connection,
    intent: IntentId,
    mined: Option<(B256, BlockRef)>,
) -> Result<(), StoreError> {
    let mined = mined.map(|mined| json("block", &mined)).transpose()?;
    let known = connection
        .prepare_cached("UPDATE slots SET mined = ?2 WHERE intent = ?1")?
        .execute(params![hex(intent.0), mined])?;
    if known == 0 {
        return Err(StoreError::Contradiction(format!(
            "a block for intent {intent}, which was never signed"
        )));
    }
    Ok(())
}

pub(super) fn open_slots(connection: &Connection) -> Result<Vec<Slot>, StoreError> {
    connection
        .prepare_cached(
            "SELECT intent, chain, wallet, nonce, details, terms, mined FROM slots
             WHERE closed = 0 ORDER BY chain, wallet, nonce",
        )?
        .query_and_then([], |row| {
            let mined: Option<String> = row.get(6)?;
            Ok(Slot {
                chain: ChainId(unsigned("chain id", row.get(1)?)?),
                wallet: from_text("wallet", row.get_ref(2)?.as_str()?)?,
                nonce: unsigned("nonce", row.get(3)?)?,
                intent: from_json("intent", row.get_ref(4)?.as_str()?)?,
                terms: from_json("permit", row.get_ref(5)?.as_str()?)?,
                attempts: attempts(connection, row.get_ref(0)?.as_str()?)?,
                mined: mined.map(|text| from_json("block", &text)).transpose()?,
            })
        })?
        .collect()
}

fn attempts(connection: &Connection, intent: &str) -> Result<Vec<Attempt>, StoreError> {
    connection
        .prepare_cached(
            "SELECT tx, raw, cancels, max_fee_per_gas, max_priority_fee_per_gas, gas_limit,
                 signed_at, broadcast_at, answer
             FROM attempts WHERE intent = ?1 ORDER BY position",
        )?
        .query_and_then([intent], attempt)?
        .collect()
}

fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let raw: Vec<u8> = row.get(1)?;
    let broadcast_at: Option<i64> = row.get(7)?;
    let answer: Option<String> = row.get(8)?;
    Ok(Attempt {
        tx: from_text("transaction hash", row.get_ref(0)?.as_str()?)?,
        raw: raw.into(),
        cancels: row.get(2)?,
        max_fee_per_gas: from_text("fee", row.get_ref(3)?.as_str()?)?,
        max_priority_fee_per_gas: from_text("fee", row.get_ref(4)?.as_str()?)?,
        gas_limit: unsigned("gas limit", row.get(5)?)?,
        signed_at: Timestamp(row.get(6)?),
        broadcast_at: broadcast_at.map(Timestamp),
        answer: answer.map(|text| from_json("answer", &text)).transpose()?,
    })
}
