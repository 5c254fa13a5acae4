//! Why an option chain gives no index.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the two expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermName {
    /// The one that expires at or before the horizon.
    Near,
    /// The one after it.
    Next,
}

/// Which options of an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wing {
    /// Puts below K₀.
    Puts,
    /// Calls above K₀.
    Calls,
}

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoIndex {
    /// There is no expiry on both sides of the horizon: nothing is extrapolated.
    NotBracketed {
        /// The horizon in minutes.
        horizon: f64,
        /// Minutes of the last usable expiry at or before it.
        near: Option<f64>,
        /// Minutes of the first usable expiry after it.
        next: Option<f64>,
    },
    /// No strike has a price for both its call and its put, so that there is no forward.
    NoForward {
        /// Of which expiry.
        term: TermName,
    },
    /// No strike at or below the forward has a price for both its call and its put.
    NoStrikeBelowForward {
        /// Of which expiry.
        term: TermName,
        /// The forward.
        forward: f64,
    },
    /// No option of a wing has a price.
    EmptyWing {
        /// Of which expiry.
        term: TermName,
        /// Which wing.
        wing: Wing,
    },
    /// The quotes of a wing ran out while its options were still worth something: the variance
    /// beyond is unknown, and what is computed would be too low.
    TruncatedWing {
        /// Of which expiry.
        term: TermName,
        /// Which wing.
        wing: Wing,
        /// The outermost strike used.
        strike: f64,
        /// Its price as a share of the price at K₀.
        share: f64,
        /// The highest share at which what lies beyond is negligible.
        limit: f64,
    },
    /// The strip gives no positive, finite variance: its quotes contradict each other.
    NoVariance {
        /// Of which expiry.
        term: TermName,
    },
}

impl NoIndex {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotBracketed { .. } => "not_bracketed",
            Self::NoForward { .. } => "no_forward",
            Self::NoStrikeBelowForward { .. } => "no_strike_below_forward",
            Self::EmptyWing { .. } => "empty_wing",
            Self::TruncatedWing { .. } => "truncated_wing",
            Self::NoVariance { .. } => "no_variance",
        }
    }
}

impl fmt::Display for TermName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Near => "near",
            Self::Next => "next",
        })
    }
}

impl fmt::Display for Wing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Puts => "put",
            Self::Calls => "call",
        })
    }
}

impl fmt::Display for NoIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = |minutes: f64| minutes / 1440.0;
        match self {
            Self::NotBracketed {
                horizon,
                near,
                next,
            } => {
                let horizon = days(*horizon);
                write!(f, "the expiries do not bracket {horizon:.0} days: ")?;
                match near {
                    Some(near) => write!(f, "the near term is {:.2} days", days(*near))?,
                    None => f.write_str("none is usable at or before them")?,
                }
                match next {
                    Some(next) => write!(f, ", the next term {:.2} days", days(*next)),
                    None => f.write_str(", none is usable after them"),
                }
            }
            Self::NoForward { term } => write!(
                f,
                "no strike of the {term} term has a price for both its call and its put, so that \
                 there is no forward"
            ),
            Self::NoStrikeBelowForward { term, forward } => write!(
                f,
                "no strike of the {term} term at or below the forward {forward:.2} has a price \
                 for both its call and its put"
            ),
            Self::EmptyWing { term, wing } => write!(
                f,
                "no out-of-the-money {wing} of the {term} term has a price"
            ),
            Self::TruncatedWing {
                term,
                wing,
                strike,
                share,
                limit,
            } => write!(
                f,
                "the {wing} wing of the {term} term is truncated: quotes end at strike {strike}, \
                 where the price is still {:.2} % of that at K0 (limit {:.2} %)",
                share * 100.0,
                limit * 100.0
            ),
            Self::NoVariance { term } => write!(
                f,
                "the quotes of the {term} term give no positive variance: they contradict each \
                 other"
            ),
        }
    }
}

impl std::error::Error for NoIndex {}
