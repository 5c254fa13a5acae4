//! What was seen of a protocol's airdrop.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bps, Timestamp, Usd};

/// What was seen of the airdrop of one protocol family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirdropSeen {
    /// Whose.
    pub family: String,
    /// What it is compared with: `l2`, `dex`, …
    pub category: String,
    /// When it became known.
    pub at: Timestamp,
    /// What.
    pub what: AirdropFact,
}

/// One fact about an airdrop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AirdropFact {
    /// It came, so many days after it could have come first.
    Dropped {
        /// How many.
        days: u32,
    },
    /// It is certain that there is none.
    Never,
    /// Whether our wallet was eligible.
    Eligible(bool),
    /// What the mean eligible wallet got, at the claim.
    WalletValue(Usd),
    /// The token's fully diluted value at the claim.
    DilutedValue(Usd),
    /// What a market says: the probability that the token comes within so many days.
    TokenBy {
        /// The probability.
        odds: Bps,
        /// Within how many days.
        days: u32,
    },
    /// The fully diluted value that a pre-market's price says.
    PreMarket(Usd),
}

impl fmt::Display for AirdropSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the airdrop of {} ({}) ", self.family, self.category)?;
        match &self.what {
            AirdropFact::Dropped { days } => write!(f, "came, after {days} days"),
            AirdropFact::Never => f.write_str("will never come"),
            AirdropFact::Eligible(true) => f.write_str("has our wallet among the eligible"),
            AirdropFact::Eligible(false) => f.write_str("leaves our wallet out"),
            AirdropFact::WalletValue(value) => {
                write!(f, "was worth {value} to the mean eligible wallet")
            }
            AirdropFact::DilutedValue(value) => {
                write!(f, "had a token with a diluted value of {value}")
            }
            AirdropFact::TokenBy { odds, days } => {
                write!(f, "comes within {days} days with {odds}, says a market")
            }
            AirdropFact::PreMarket(value) => {
                write!(
                    f,
                    "has a token with a diluted value of {value}, says a pre-market"
                )
            }
        }
    }
}
