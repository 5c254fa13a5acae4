//! Bookings with their sums, and equity.

use airdrops_types::{Address, EquityPoint, I256, LedgerEntry, Timestamp, Token, Usd};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::column::{from_json, from_text, hex, json};
use crate::StoreError;

pub(super) fn book(connection: &Connection, entries: &[LedgerEntry]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO ledger (at, wallet, token, delta, kind) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for entry in entries {
        let wallet = hex(entry.wallet);
        let token = json("token", &entry.token)?;
        insert.execute(params![
            entry.at.0,
            wallet,
            token,
            entry.delta.to_string(),
            json("kind of booking", &entry.kind)?,
        ])?;
        add_to_balance(connection, &wallet, &token, entry.delta)?;
    }
    Ok(())
}

fn add_to_balance(
    connection: &Connection,
    wallet: &str,
    token: &str,
    delta: I256,
) -> Result<(), StoreError> {
    let before: Option<String> = connection
        .prepare_cached("SELECT balance FROM balances WHERE wallet = ?1 AND token = ?2")?
        .query_row([wallet, token], |row| row.get(0))
        .optional()?;
    let before = match before {
        Some(text) => from_text("balance", &text)?,
        None => I256::ZERO,
    };
    let after = before.checked_add(delta).ok_or_else(|| {
        StoreError::Contradiction(format!(
            "the balance of {token} in {wallet} overflows: {before} and {delta} base units"
        ))
    })?;
    connection
        .prepare_cached(
            "INSERT INTO balances (wallet, token, balance) VALUES (?1, ?2, ?3)
             ON CONFLICT (wallet, token) DO UPDATE SET balance = excluded.balance",
        )?
        .execute(params![wallet, token, after.to_string()])?;
    Ok(())
}

pub(super) fn balances(connection: &Connection) -> Result<Vec<(Address, Token, I256)>, StoreError> {
    connection
        .prepare_cached("SELECT wallet, token, balance FROM balances ORDER BY wallet, token")?
        .query_and_then([], |row| {
            Ok((
                from_text("wallet", row.get_ref(0)?.as_str()?)?,
                from_json("token", row.get_ref(1)?.as_str()?)?,
                from_text("balance", row.get_ref(2)?.as_str()?)?,
            ))
        })?
        .collect()
}

pub(super) fn entries(
    connection: &Connection,
    from: Timestamp,
) -> Result<Vec<LedgerEntry>, StoreError> {
    connection
        .prepare_cached(
            "SELECT at, wallet, token, delta, kind FROM ledger WHERE at >= ?1 ORDER BY position",
        )?
        .query_and_then([from.0], |row| {
            Ok(LedgerEntry {
                at: Timestamp(row.get(0)?),
                wallet: from_text("wallet", row.get_ref(1)?.as_str()?)?,
                token: from_json("token", row.get_ref(2)?.as_str()?)?,
                delta: from_text("booking", row.get_ref(3)?.as_str()?)?,
                kind: from_json("kind of booking", row.get_ref(4)?.as_str()?)?,
            })
        })?
        .collect()
}

pub(super) fn store_equity(
    connection: &Connection,
    points: &[EquityPoint],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO equity (at, equity, net_flows, gas) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (at) DO UPDATE SET equity = excluded.equity,
             net_flows = excluded.net_flows, gas = excluded.gas",
    )?;
    for point in points {
        statement.execute(params![
            point.at.0,
            point.equity.0.to_string(),
            point.net_flows.0.to_string(),
            point.gas.0.to_string(),
        ])?;
    }
    Ok(())
}

pub(super) fn equity_since(
    connection: &Connection,
    from: Timestamp,
) -> Result<Vec<EquityPoint>, StoreError> {
    connection
        .prepare_cached("SELECT at, equity, net_flows, gas FROM equity WHERE at >= ?1 ORDER BY at")?
        .query_and_then([from.0], point)?
        .collect()
}

pub(super) fn last_equity(connection: &Connection) -> Result<Option<EquityPoint>, StoreError> {
    connection
        .prepare_cached("SELECT at, equity, net_flows, gas FROM equity ORDER BY at DESC LIMIT 1")?
        .query_and_then([], point)?
        .next()
        .transpose()
}

fn point(row: &Row<'_>) -> Result<EquityPoint, StoreError> {
    Ok(EquityPoint {
        at: Timestamp(row.get(0)?),
        equity: Usd(from_text("equity", row.get_ref(1)?.as_str()?)?),
        net_flows: Usd(from_text("equity", row.get_ref(2)?.as_str()?)?),
        gas: Usd(from_text("equity", row.get_ref(3)?.as_str()?)?),
    })
}
