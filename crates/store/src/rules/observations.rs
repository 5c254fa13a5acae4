//! What operators saw of airdrops.

use airdrops_types::{AirdropSeen, Entry};

use super::column::{corrupt, json};
use super::settings;
use crate::sql::Sql;
use crate::{OBSERVATIONS, StoreError};

/// Adds one to the observations, and words its journal entry.
pub(crate) fn note(sql: &mut dyn Sql, seen: &AirdropSeen, by: &str) -> Result<Entry, StoreError> {
    const WHAT: &str = "observations of airdrops";
    let mut all: Vec<AirdropSeen> = match settings::find(sql, OBSERVATIONS)? {
        Some(stored) => serde_json::from_value(stored).map_err(|error| corrupt(WHAT, &error))?,
        None => Vec::new(),
    };
    all.push(seen.clone());
    let all = serde_json::from_str(&json(WHAT, &all)?).map_err(|error| corrupt(WHAT, &error))?;
    settings::store(sql, &[(OBSERVATIONS.to_owned(), all)])?;
    Ok(Entry::Note {
        text: format!("{by} saw at {}: {seen}", seen.at),
    })
}
