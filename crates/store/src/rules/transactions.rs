//! The transaction manager's memory: slots and attempts.

use airdrops_scheduler::admission::{Facts, Request, admit};
use airdrops_scheduler::lease::Claim;
use airdrops_types::{
    Address, Answer, Attempt, B256, BlockRef, ChainId, Entry, IntentId, NewSignature, Purpose,
    Slot, Timestamp,
};

use super::column::{from_json, from_text, hex, integer, json, unsigned};
use super::{control, journal, leases, outcomes};
use crate::StoreError;
use crate::sql::{Row, Sql, params};

pub(crate) fn next_nonce(
    sql: &mut dyn Sql,
    chain: ChainId,
    wallet: Address,
) -> Result<Option<u64>, StoreError> {
    let highest = sql.first(
        "SELECT max(nonce) FROM slots WHERE chain = ?1 AND wallet = ?2",
        &params![integer("chain id", chain.0)?, hex(wallet)],
        |row| row.opt_int(0),
    )?;
    highest
        .flatten()
        .map(|nonce| Ok(unsigned("nonce", nonce)?.saturating_add(1)))
        .transpose()
}

/// Stores a signature if [`admit`] lets it in, by what is stored at this moment.
pub(crate) fn record_signature(
    sql: &mut dyn Sql,
    signature: &NewSignature,
    claim: &Claim,
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
    let owner = match intent.purpose {
        Purpose::Cancel { original } if *replaces => original,
        _ => intent.id,
    };
    let facts = Facts {
        lease: leases::find(sql, &claim.lane)?,
        control_revision: control::revision(sql)?,
        next_nonce: next_nonce(sql, *chain, *wallet)?,
        intent_known: slot_exists(sql, owner)? || outcomes::exists(sql, owner)?,
        replaceable: *replaces && slot_is_open(sql, owner, signature)?,
    };
    let request = Request {
        claim,
        intent: owner,
        chain: *chain,
        wallet: *wallet,
        nonce: *nonce,
        control_revision: terms.control_revision,
        replaces: *replaces,
    };
    admit(&facts, &request)?;
    if !replaces {
        open_slot(sql, signature)?;
    }
    add_attempt(sql, owner, attempt)?;
    let signed = Entry::Signed {
        intent: intent.id,
        task: intent.task.clone(),
        chain: *chain,
        wallet: *wallet,
        nonce: *nonce,
        tx: attempt.tx,
        summary: intent.summary.clone(),
    };
    journal::append(sql, attempt.signed_at, &[signed])?;
    Ok(())
}

fn open_slot(sql: &mut dyn Sql, signature: &NewSignature) -> Result<(), StoreError> {
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
    sql.execute(
        "INSERT INTO slots (intent, chain, wallet, nonce, task, details, terms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &params![
            hex(intent.id.0),
            integer("chain id", chain.0)?,
            hex(*wallet),
            integer("nonce", *nonce)?,
            intent.task.as_str(),
            json("intent", intent)?,
            json("permit", terms)?,
        ],
    )?;
    outcomes::reserve(sql, &terms.reservation)
}

fn slot_exists(sql: &mut dyn Sql, intent: IntentId) -> Result<bool, StoreError> {
    sql.any(
        "SELECT 1 FROM slots WHERE intent = ?1",
        &params![hex(intent.0)],
    )
}

fn slot_is_open(
    sql: &mut dyn Sql,
    owner: IntentId,
    signature: &NewSignature,
) -> Result<bool, StoreError> {
    sql.any(
        "SELECT 1 FROM slots WHERE intent = ?1 AND closed = 0
             AND chain = ?2 AND wallet = ?3 AND nonce = ?4",
        &params![
            hex(owner.0),
            integer("chain id", signature.chain.0)?,
            hex(signature.wallet),
            integer("nonce", signature.nonce)?,
        ],
    )
}

fn add_attempt(sql: &mut dyn Sql, owner: IntentId, attempt: &Attempt) -> Result<(), StoreError> {
    let answer = attempt.answer.as_ref();
    sql.execute(
        "INSERT INTO attempts (intent, tx, raw, cancels, max_fee_per_gas,
             max_priority_fee_per_gas, gas_limit, signed_at, broadcast_at, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &params![
            hex(owner.0),
            hex(attempt.tx),
            attempt.raw.as_ref(),
            attempt.cancels,
            attempt.max_fee_per_gas.to_string(),
            attempt.max_priority_fee_per_gas.to_string(),
            integer("gas limit", attempt.gas_limit)?,
            attempt.signed_at,
            attempt.broadcast_at,
            answer.map(|answer| json("answer", answer)).transpose()?,
        ],
    )?;
    Ok(())
}

pub(crate) fn record_broadcast(
    sql: &mut dyn Sql,
    tx: B256,
    at: Timestamp,
    answer: &Answer,
) -> Result<(), StoreError> {
    let known = sql.execute(
        "UPDATE attempts SET broadcast_at = ?2, answer = ?3 WHERE tx = ?1",
        &params![hex(tx), at, json("answer", answer)?],
    )?;
    if known == 0 {
        return Err(StoreError::Contradiction(format!(
            "a broadcast of transaction {tx}, which was never signed"
        )));
    }
    Ok(())
}

pub(crate) fn record_mined(
    sql: &mut dyn Sql,
    intent: IntentId,
    mined: Option<(B256, BlockRef)>,
) -> Result<(), StoreError> {
    let mined = mined.map(|mined| json("block", &mined)).transpose()?;
    let known = sql.execute(
        "UPDATE slots SET mined = ?2 WHERE intent = ?1",
        &params![hex(intent.0), mined],
    )?;
    if known == 0 {
        return Err(StoreError::Contradiction(format!(
            "a block for intent {intent}, which was never signed"
        )));
    }
    Ok(())
}

pub(crate) fn open_slots(sql: &mut dyn Sql) -> Result<Vec<Slot>, StoreError> {
    let mut slots = sql.all(
        "SELECT chain, wallet, nonce, details, terms, mined FROM slots
         WHERE closed = 0 ORDER BY chain, wallet, nonce",
        &[],
        |row| {
            let mined = row.opt_text(5)?;
            Ok(Slot {
                chain: ChainId(unsigned("chain id", row.int(0)?)?),
                wallet: from_text("wallet", row.text(1)?)?,
                nonce: unsigned("nonce", row.int(2)?)?,
                intent: from_json("intent", row.text(3)?)?,
                terms: from_json("permit", row.text(4)?)?,
                attempts: Vec::new(),
                mined: mined.map(|text| from_json("block", text)).transpose()?,
            })
        },
    )?;
    for slot in &mut slots {
        slot.attempts = sql.all(
            "SELECT tx, raw, cancels, max_fee_per_gas, max_priority_fee_per_gas, gas_limit,
                 signed_at, broadcast_at, answer
             FROM attempts WHERE intent = ?1 ORDER BY position",
            &params![hex(slot.intent.id.0)],
            attempt,
        )?;
    }
    Ok(slots)
}

fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let answer = row.opt_text(8)?;
    Ok(Attempt {
        tx: from_text("transaction hash", row.text(0)?)?,
        raw: row.blob(1)?.to_vec().into(),
        cancels: row.int(2)? != 0,
        max_fee_per_gas: from_text("fee", row.text(3)?)?,
        max_priority_fee_per_gas: from_text("fee", row.text(4)?)?,
        gas_limit: unsigned("gas limit", row.int(5)?)?,
        signed_at: Timestamp(row.int(6)?),
        broadcast_at: row.opt_int(7)?.map(Timestamp),
        answer: answer.map(|text| from_json("answer", text)).transpose()?,
    })
}
