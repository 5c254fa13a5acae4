//! What a token's contract can do to its holders, as a service says that reads contracts.

use std::collections::BTreeSet;
use std::fmt;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{ChainId, Reading};

/// One thing that a token's contract can do, or that is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDanger {
    /// It can be bought and not sold.
    Honeypot,
    /// Not everything can be sold.
    CannotSellAll,
    /// Its owner can change balances.
    BalancesChangeable,
    /// It has an owner that it does not show.
    HiddenOwner,
    /// A former owner can come back.
    OwnershipReclaimable,
    /// It can delete itself.
    SelfDestruct,
    /// Transfers can be stopped.
    Pausable,
    /// Addresses can be shut out.
    Blacklist,
    /// The taxes on transfers can be changed.
    TaxChangeable,
    /// Much of a purchase or a sale is kept.
    HighTax,
    /// More of it can be made.
    Mintable,
    /// Its code can be exchanged.
    Proxy,
    /// Its source is not published.
    ClosedSource,
}

impl fmt::Display for TokenDanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Honeypot => "honeypot",
            Self::CannotSellAll => "not all can be sold",
            Self::BalancesChangeable => "balances can be changed",
            Self::HiddenOwner => "hidden owner",
            Self::OwnershipReclaimable => "ownership can be taken back",
            Self::SelfDestruct => "can delete itself",
            Self::Pausable => "transfers can be stopped",
            Self::Blacklist => "addresses can be shut out",
            Self::TaxChangeable => "taxes can be changed",
            Self::HighTax => "high tax",
            Self::Mintable => "more can be made",
            Self::Proxy => "code can be exchanged",
            Self::ClosedSource => "source not published",
        })
    }
}

/// What is known about a token. A danger in neither set is known not to be there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenFindings {
    /// Known to be there.
    pub dangers: BTreeSet<TokenDanger>,
    /// Neither known to be there nor known not to be.
    pub unknown: BTreeSet<TokenDanger>,
}

impl TokenFindings {
    /// The same, with what was known `before` and is unknown now.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        let still: BTreeSet<TokenDanger> = self
            .unknown
            .intersection(&before.dangers)
            .copied()
            .collect();
        self.unknown.retain(|danger| !still.contains(danger));
        self.dangers.extend(still);
        self
    }
}

/// A token's contract as a service sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Where.
    pub chain: ChainId,
    /// Which contract.
    pub contract: Address,
    /// What is known.
    pub findings: Reading<TokenFindings>,
}
