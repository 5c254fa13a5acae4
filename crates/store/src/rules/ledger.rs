//! Bookings with their sums, and equity.

use airdrops_types::{Address, EquityPoint, I256, LedgerEntry, Timestamp, Token, Usd};

use super::column::{from_json, from_text, hex, json};
use crate::StoreError;
use crate::sql::{Row, Sql, params};

pub(crate) fn book(sql: &mut dyn Sql, entries: &[LedgerEntry]) -> Result<(), StoreError> {
    for entry in entries {
        let wallet = hex(entry.wallet);
        let token = json("token", &entry.token)?;
        sql.execute(
            "INSERT INTO ledger (at, wallet, token, delta, kind) VALUES (?1, ?2, ?3, ?4, ?5)",
            &params![
                entry.at,
                wallet.as_str(),
                token.as_str(),
                entry.delta.to_string(),
                json("kind of booking", &entry.kind)?,
            ],
        )?;
        add_to_balance(sql, &wallet, &token, entry.delta)?;
    }
    Ok(())
}

fn add_to_balance(
    sql: &mut dyn Sql,
    wallet: &str,
    token: &str,
    delta: I256,
) -> Result<(), StoreError> {
    let before = sql.first(
        "SELECT balance FROM balances WHERE wallet = ?1 AND token = ?2",
        &params![wallet, token],
        |row| from_text("balance", row.text(0)?),
    )?;
    let before = before.unwrap_or(I256::ZERO);
    let after = before.checked_add(delta).ok_or_else(|| {
        StoreError::Contradiction(format!(
            "the balance of {token} in {wallet} overflows: {before} and {delta} base units"
        ))
    })?;
    sql.execute(
        "INSERT INTO balances (wallet, token, balance) VALUES (?1, ?2, ?3)
         ON CONFLICT (wallet, token) DO UPDATE SET balance = excluded.balance",
        &params![wallet, token, after.to_string()],
    )?;
    Ok(())
}

pub(crate) fn balances(sql: &mut dyn Sql) -> Result<Vec<(Address, Token, I256)>, StoreError> {
    sql.all(
        "SELECT wallet, token, balance FROM balances ORDER BY wallet, token",
        &[],
        |row| {
            Ok((
                from_text("wallet", row.text(0)?)?,
                from_json("token", row.text(1)?)?,
                from_text("balance", row.text(2)?)?,
            ))
        },
    )
}

pub(crate) fn entries(sql: &mut dyn Sql, from: Timestamp) -> Result<Vec<LedgerEntry>, StoreError> {
    sql.all(
        "SELECT at, wallet, token, delta, kind FROM ledger WHERE at >= ?1 ORDER BY position",
        &params![from],
        |row| {
            Ok(LedgerEntry {
                at: Timestamp(row.int(0)?),
                wallet: from_text("wallet", row.text(1)?)?,
                token: from_json("token", row.text(2)?)?,
                delta: from_text("booking", row.text(3)?)?,
                kind: from_json("kind of booking", row.text(4)?)?,
            })
        },
    )
}

pub(crate) fn store_equity(sql: &mut dyn Sql, points: &[EquityPoint]) -> Result<(), StoreError> {
    for point in points {
        sql.execute(
            "INSERT INTO equity (at, equity, net_flows, gas) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (at) DO UPDATE SET equity = excluded.equity,
                 net_flows = excluded.net_flows, gas = excluded.gas",
            &params![
                point.at,
                point.equity.0.to_string(),
                point.net_flows.0.to_string(),
                point.gas.0.to_string(),
            ],
        )?;
    }
    Ok(())
}

pub(crate) fn equity_since(
    sql: &mut dyn Sql,
    from: Timestamp,
) -> Result<Vec<EquityPoint>, StoreError> {
    sql.all(
        "SELECT at, equity, net_flows, gas FROM equity WHERE at >= ?1 ORDER BY at",
        &params![from],
        point,
    )
}

pub(crate) fn last_equity(sql: &mut dyn Sql) -> Result<Option<EquityPoint>, StoreError> {
    sql.first(
        "SELECT at, equity, net_flows, gas FROM equity ORDER BY at DESC LIMIT 1",
        &[],
        point,
    )
}

fn point(row: &Row<'_>) -> Result<EquityPoint, StoreError> {
    Ok(EquityPoint {
        at: Timestamp(row.int(0)?),
        equity: Usd(from_text("equity", row.text(1)?)?),
        net_flows: Usd(from_text("equity", row.text(2)?)?),
        gas: Usd(from_text("equity", row.text(3)?)?),
    })
}
