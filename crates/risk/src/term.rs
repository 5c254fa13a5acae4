//! One explained part of a score.

use serde::{Deserialize, Serialize};

/// One part of a score, with what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Stable name: `tvl`, `concentration`.
    pub name: String,
    /// Points: lost from [`Health`](crate::health::Health), or added to a
    /// [`Score`](crate::score::Score).
    pub points: u8,
    /// What was measured, with units.
    pub measured: String,
}

impl Term {
    pub(crate) fn new(name: &str, points: u8, measured: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            points,
            measured: measured.into(),
        }
    }
}

/// The sum of the points, at most 100.
pub(crate) fn capped_sum(terms: &[Term]) -> u8 {
    let sum = terms
        .iter()
        .fold(0u8, |sum, term| sum.saturating_add(term.points));
    sum.min(100)
}
