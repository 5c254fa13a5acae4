//! What is refused at the door.

use thiserror::Error;

/// A number that cannot be what it is given as.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub struct Invalid {
    /// Where, from the outside in: `opportunity scroll: worth.fdv.alpha`.
    pub place: String,
    /// What is wrong there, and what to give instead.
    pub what: String,
}

impl Invalid {
    /// Something wrong at a place.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    /// The same, seen from outside: `outer.place`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self {
            place: format!("{outer}.{}", self.place),
            what: self.what,
        }
    }
}

/// Refuses what is not finite or not in `low..=high`.
pub(crate) fn bounded(place: &str, value: f64, low: f64, high: f64) -> Result<(), Invalid> {
    // Comparisons with NaN are false.
    if value >= low && value <= high {
        return Ok(());
    }
    Err(Invalid::new(
        place,
        format!("is {value}: give a number from {low} to {high}"),
    ))
}
