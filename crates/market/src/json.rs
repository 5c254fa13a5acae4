//! Strict reading of JSON: a number is a number, and keeps its digits.

use std::fmt;

use airdrops_types::{Price, Usd};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::decimal::{self, Refusal};

/// The digits of a JSON number; anything else, text with digits included, is an error.
fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de str, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get();
    let found = match text.bytes().next() {
        Some(b'-' | b'0'..=b'9') => return Ok(text),
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'n') => "null",
        _ => "a boolean",
    };
    Err(D::Error::custom(format_args!(
        "expected a number, found {found}"
    )))
}

fn refused<E: Error>(what: &str, text: &str, refusal: Refusal) -> E {
    E::custom(format_args!("the {what} {text} {refusal}"))
}

/// A price that is given as a JSON number of dollars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumberPrice(pub(crate) Price);

impl<'de> Deserialize<'de> for NumberPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = digits(deserializer)?;
        decimal::price(text)
            .map(Self)
            .map_err(|refusal| refused("price", text, refusal))
    }
}

/// A value that is given as a JSON number of dollars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumberUsd(pub(crate) Usd);

impl<'de> Deserialize<'de> for NumberUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = digits(deserializer)?;
        decimal::dollars(text)
            .map(Self)
            .map_err(|refusal| refused("value", text, refusal))
    }
}

/// A price that is given as decimal text, as the estimators take it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFloat(pub(crate) f64);

impl<'de> Deserialize<'de> for TextFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        decimal::price_float(&text)
            .map(Self)
            .map_err(|refusal| refused("price", &text, refusal))
    }
}

/// An instant given in whole seconds or milliseconds since 1970. Years before 2000 and after 2200
/// are refused: the unit is wrong, or the source is.
pub(crate) mod instant {
    use airdrops_types::Timestamp;
    use serde::de::{Deserialize, Deserializer, Error};

    const EARLIEST: i64 = 946_684_800_000;
    const LATEST: i64 = 7_258_118_400_000;

    fn within<E: Error>(millis: Option<i64>, given: i64) -> Result<Timestamp, E> {
        millis
            .filter(|millis| (EARLIEST..=LATEST).contains(millis))
            .map(Timestamp)
            .ok_or_else(|| E::custom(format_args!("the time {given} is not one of this age")))
    }

    pub(crate) fn seconds<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        let given = i64::deserialize(d)?;
        within(given.checked_mul(1000), given)
    }

    pub(crate) fn millis<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        let given = i64::deserialize(d)?;
        within(Some(given), given)
    }
}

/// What begins a body that is not JSON, in words.
pub(crate) fn not_json(body: &[u8]) -> Option<&'static str> {
    match body.trim_ascii_start().first() {
        None => Some("an empty body"),
        Some(b'<') => Some("HTML or XML instead of JSON"),
        Some(_) => None,
    }
}

/// Where in a body serde_json stopped.
pub(crate) struct Place<'a>(pub(crate) &'a serde_json::Error);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.0.line(), self.0.column())
    }
}
