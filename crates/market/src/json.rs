//! Strict reading of JSON: a number is a number, and keeps its digits.

use std::fmt;

use airdrops_types::{Price, Timestamp, Usd};
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

/// A price that is given as decimal text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextPrice {
    /// To the last digit.
    pub(crate) exact: Price,
    /// As the estimators take it.
    pub(crate) float: f64,
}

impl<'de> Deserialize<'de> for TextPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |refusal| refused("price", &text, refusal);
        Ok(Self {
            exact: decimal::price(&text).map_err(wrong)?,
            float: decimal::price_float(&text).map_err(wrong)?,
        })
    }
}

/// The earliest instant that is believed: 2000-01-01. Before it, the unit is wrong or the source is.
const EARLIEST: i64 = 946_684_800_000;

/// The latest instant that is believed: 2200-01-01.
const LATEST: i64 = 7_258_118_400_000;

fn instant<E: Error>(millis: Option<i64>, given: i64) -> Result<Timestamp, E> {
    millis
        .filter(|millis| (EARLIEST..=LATEST).contains(millis))
        .map(Timestamp)
        .ok_or_else(|| E::custom(format_args!("the time {given} is not one of this age")))
}

/// An instant that is given in whole seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = i64::deserialize(deserializer)?;
        instant(given.checked_mul(1000), given).map(Self)
    }
}

/// An instant that is given in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = i64::deserialize(deserializer)?;
        instant(Some(given), given).map(Self)
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
