//! Unwinds that an operator asked for.

use airdrops_types::{Entry, Scope, Timestamp, Unwind, UnwindCancelled, UnwindRequest};
use serde::de::DeserializeOwned;

use super::column::{corrupt, json};
use super::settings;
use crate::sql::Sql;
use crate::{StoreError, UNWIND_REQUESTS, UNWINDS};

/// All requests, and the progress of each that was accepted.
pub(crate) fn load(sql: &mut dyn Sql) -> Result<(Vec<UnwindRequest>, Vec<Unwind>), StoreError> {
    Ok((
        list(sql, UNWIND_REQUESTS, "requests for unwinds")?,
        list(sql, UNWINDS, "unwinds")?,
    ))
}

/// Adds a request, and words its journal entry.
pub(crate) fn request(
    sql: &mut dyn Sql,
    at: Timestamp,
    scope: &Scope,
    reason: &str,
    by: &str,
) -> Result<(UnwindRequest, Entry), StoreError> {
    let (mut requests, progress) = load(sql)?;
    let covers = |open: &&UnwindRequest| {
        open.is_open(&progress) && (open.scope == *scope || open.scope == Scope::Everything)
    };
    if let Some(open) = requests.iter().find(covers) {
        return Err(StoreError::UnwindOpen {
            id: open.id,
            scope: open.scope.clone(),
            by: open.by.clone(),
            at: open.at,
        });
    }
    let asked = UnwindRequest {
        id: requests.last().map_or(0, |last| last.id) + 1,
        at,
        scope: scope.clone(),
        by: by.to_owned(),
        reason: reason.to_owned(),
        cancelled: None,
    };
    requests.push(asked.clone());
    store(sql, &requests)?;
    let text = format!("{by} unwinds {scope} (request {}): {reason}", asked.id);
    Ok((asked, Entry::Note { text }))
}

/// Marks the open request of exactly `scope` as taken back, and words its journal entry.
pub(crate) fn cancel(
    sql: &mut dyn Sql,
    at: Timestamp,
    scope: &Scope,
    reason: &str,
    by: &str,
) -> Result<(UnwindRequest, Entry), StoreError> {
    let (mut requests, progress) = load(sql)?;
    let open = requests
        .iter_mut()
        .find(|open| open.is_open(&progress) && open.scope == *scope);
    let Some(open) = open else {
        return Err(StoreError::NoUnwind {
            scope: scope.clone(),
        });
    };
    open.cancelled = Some(UnwindCancelled {
        at,
        by: by.to_owned(),
        reason: reason.to_owned(),
    });
    let cancelled = open.clone();
    store(sql, &requests)?;
    let text = format!(
        "{by} takes the unwind of {scope} back (request {}): {reason}",
        cancelled.id
    );
    Ok((cancelled, Entry::Note { text }))
}

fn list<T: DeserializeOwned>(
    sql: &mut dyn Sql,
    key: &str,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    match settings::find(sql, key)? {
        Some(stored) => serde_json::from_value(stored).map_err(|error| corrupt(what, &error)),
        None => Ok(Vec::new()),
    }
}

fn store(sql: &mut dyn Sql, requests: &[UnwindRequest]) -> Result<(), StoreError> {
    const WHAT: &str = "requests for unwinds";
    let all =
        serde_json::from_str(&json(WHAT, &requests)?).map_err(|error| corrupt(WHAT, &error))?;
    settings::store(sql, &[(UNWIND_REQUESTS.to_owned(), all)])
}
