//! Withdrawals that an operator announced.

use airdrops_types::{Entry, Withdrawal};

use super::column::{corrupt, json};
use super::settings;
use crate::sql::Sql;
use crate::{StoreError, WITHDRAWALS};

/// Adds one to the announced, and words its journal entry.
pub(crate) fn announce(
    sql: &mut dyn Sql,
    withdrawal: &Withdrawal,
    by: &str,
) -> Result<Entry, StoreError> {
    const WHAT: &str = "announced withdrawals";
    let mut announced: Vec<Withdrawal> = match settings::find(sql, WITHDRAWALS)? {
        Some(stored) => serde_json::from_value(stored).map_err(|error| corrupt(WHAT, &error))?,
        None => Vec::new(),
    };
    announced.push(withdrawal.clone());
    let all =
        serde_json::from_str(&json(WHAT, &announced)?).map_err(|error| corrupt(WHAT, &error))?;
    settings::store(sql, &[(WITHDRAWALS.to_owned(), all)])?;
    Ok(Entry::Note {
        text: format!(
            "{by} takes {} out of wallet {} on chain {}: {}",
            withdrawal.token.amount(withdrawal.amount),
            withdrawal.wallet,
            withdrawal.token.chain,
            withdrawal.reason
        ),
    })
}
