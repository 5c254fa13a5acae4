//! How values become columns: structures as JSON, wide integers and hashes as text, 64-bit
//! integers as integers as far as those go.

use std::fmt::{Display, LowerHex};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// JSON of a value.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unstorable {
        what,
        why: error.to_string(),
    })
}

/// A value from its JSON.
pub(crate) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(what, &error))
}

/// A value from its text.
pub(crate) fn from_text<T: FromStr<Err: Display>>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|error| corrupt(what, &error))
}

/// Hashes and addresses: `0x…` in lower case.
pub(crate) fn hex(value: impl LowerHex) -> String {
    format!("{value:#x}")
}

/// A stored integer ends at 2⁶³ − 1.
pub(crate) fn integer(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Unstorable {
        what,
        why: format!("{value} is more than {}", i64::MAX),
    })
}

/// The reverse of [`integer`].
pub(crate) fn unsigned(what: &'static str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|error| corrupt(what, &error))
}

/// A row limit: more than can be counted is no limit.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(crate) fn corrupt(what: &'static str, why: &dyn Display) -> StoreError {
    StoreError::Corrupt {
        what,
        why: why.to_string(),
    }
}
