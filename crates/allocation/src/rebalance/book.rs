//! What is held, what it is worth to be elsewhere, what moving costs, and what limits there are.

use std::collections::BTreeSet;

use airdrops_types::{Bps, ControlState, Price, ProtocolId, Token, Usd};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::percentages::MAX_EQUITY;
use crate::rebalance::value::Value;

/// The most transactions that one decision spends on one holding. What would need more is moved in
/// part, and the rest by a later decision.
pub const MAX_TRANSACTIONS: u32 = 256;

/// The most holdings that one decision is about.
pub const MAX_HOLDINGS: usize = 2_000;

/// The most limits that one decision keeps.
pub const MAX_LIMITS: usize = 2_000;

/// In what amounts are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The token that is moved.
    pub token: Token,
    /// Its price.
    pub price: Price,
}

/// One place where capital may lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The protocol instance.
    pub protocol: ProtocolId,
    /// What is done there: `stake`, `supply`.
    pub strategy: String,
    /// The name of the chain, for people.
    pub chain: String,
    /// In what amounts are told; in dollars if none.
    pub unit: Option<Unit>,
    /// What the position is worth now.
    pub value: Usd,
    /// What cannot be withdrawn at present, at most `value`.
    pub locked: Usd,
    /// What the allocator wants.
    pub target: Usd,
    /// What a position is worth over the holding horizon.
    pub worth: Value,
    /// Gas of one transaction that enters.
    pub gas_in: Usd,
    /// Gas of one transaction that exits.
    pub gas_out: Usd,
    /// Slippage and fees, in proportion to what is moved.
    pub slippage: Bps,
    /// The amount whose trade moves the price by 1 %; price impact is taken as linear (Kyle 1985),
    /// so moving `d` costs `d² / (200 · depth)`, in however many transactions. `None` for none.
    pub depth: Option<Usd>,
    /// The most that one transaction may move.
    pub cap: Usd,
    /// The least that is moved, unless everything that can be withdrawn is.
    pub min_order: Usd,
    /// The least position, unless it is nothing, what is locked, or what it is now.
    pub min_position: Usd,
    /// The control state that covers it.
    pub control: ControlState,
}

/// A limit of what several holdings expose to one thing: a protocol family, a chain, a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name, such as `chain:534352`.
    pub name: String,
    /// Index of a holding, and the share of it that counts.
    pub members: Vec<(usize, Bps)>,
    /// The most that the sum may be.
    pub max: Usd,
}

/// All that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// What can be spent.
    pub cash: Usd,
    /// The least cash that must be left. Less than that is a breach, and is cured like one.
    pub reserve: Usd,
    /// What cash that is left is worth over the holding horizon: what it earns, or what it loses
    /// because it should be invested. Empty for nothing.
    #[serde(default)]
    pub idle: Value,
    /// The holdings.
    pub holdings: Vec<Holding>,
    /// The limits.
    pub limits: Vec<Limit>,
    /// The control state of everything.
    pub control: ControlState,
}

/// What a control state lets a position do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Grow and shrink.
    Free,
    /// Shrink only.
    Shrink,
    /// Neither: not even to cure a limit.
    Frozen,
}

impl Permission {
    /// `Reducing` forbids growth, `Halted` and `Locked` forbid everything.
    #[must_use]
    pub fn of(state: ControlState) -> Self {
        match state {
            ControlState::Active | ControlState::Cautious => Self::Free,
            ControlState::Reducing => Self::Shrink,
            ControlState::Halted | ControlState::Locked => Self::Frozen,
        }
    }
}

/// Why nothing can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BookError {
    /// More holdings or limits than one decision handles.
    #[error("{count} {what}, a decision is about at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// An amount that cannot be.
    #[error("{what} is {value}, it must be from {least} to {MAX_EQUITY}")]
    Amount {
        /// Which, with the holding or limit.
        what: String,
        /// Its value.
        value: Usd,
        /// The least it may be.
        least: Usd,
    },
    /// More is locked than is there.
    #[error("{locked} of {protocol} is locked, which is worth {value}")]
    Locked {
        /// Where.
        protocol: ProtocolId,
        /// What is locked.
        locked: Usd,
        /// What there is.
        value: Usd,
    },
    /// A value that is not concave.
    #[error("the value of {what}: {defect}")]
    Value {
        /// Of what: a holding's protocol, or cash.
        what: String,
        /// What is wrong.
        defect: String,
    },
    /// A share above the whole.
    #[error("{what} is {share}, it can be at most 100 %")]
    Share {
        /// Which, with the holding or limit.
        what: String,
        /// Its value.
        share: Bps,
    },
    /// A limit of something that is no holding, or of one twice.
    #[error("limit {limit} names holding {index}, {defect}")]
    Member {
        /// Which limit.
        limit: String,
        /// What it names.
        index: usize,
        /// What is wrong with it.
        defect: String,
    },
}

impl Limit {
    /// What it measures for positions of these sizes, rounded up. Sizes are by holding.
    #[must_use]
    pub fn measure(&self, sizes: &[Usd]) -> Usd {
        let sum = self.members.iter().fold(0_i128, |sum, (index, share)| {
            let size = sizes.get(*index).map_or(0, |size| size.0);
            sum.saturating_add(size.saturating_mul(i128::from(share.0)))
        });
        Usd(sum / 10_000 + i128::from(sum % 10_000 > 0))
    }
}

impl Holding {
    /// What the control states let it do.
    #[must_use]
    pub fn permission(&self, everything: ControlState) -> Permission {
        Permission::of(self.control.max(everything))
    }

    /// Slippage of moving `amount`, rounded up.
    #[must_use]
    pub fn slippage_of(&self, amount: Usd) -> Usd {
        let scaled = amount.0.saturating_mul(i128::from(self.slippage.0));
        Usd(scaled / 10_000 + i128::from(scaled % 10_000 > 0))
    }

    /// Price impact of moving `amount`, rounded up.
    #[must_use]
    pub fn impact_of(&self, amount: Usd) -> Usd {
        let Some(depth) = self.depth else {
            return Usd::ZERO;
        };
        let (square, divisor) = (
            amount.0.saturating_mul(amount.0),
            depth.0.saturating_mul(200).max(1),
        );
        Usd(square / divisor + i128::from(square % divisor > 0))
    }
}

impl Book {
    /// All sizes, in the order of the holdings.
    #[must_use]
    pub fn sizes(&self) -> Vec<Usd> {
        self.holdings.iter().map(|holding| holding.value).collect()
    }

    /// Cash and all holdings.
    #[must_use]
    pub fn equity(&self) -> Usd {
        self.cash + self.sizes().into_iter().sum()
    }

    /// Whether everything is well formed.
    ///
    /// # Errors
    /// The first thing that is not, with its place.
    pub fn check(&self) -> Result<(), BookError> {
        for (what, count, most) in [
            ("holdings", self.holdings.len(), MAX_HOLDINGS),
            ("limits", self.limits.len(), MAX_LIMITS),
        ] {
            if count > most {
                return Err(BookError::TooMany { what, count, most });
            }
        }
        amount("cash", "the book", self.cash, 0)?;
        amount("reserve", "the book", self.reserve, 0)?;
        if let Some(defect) = self.idle.defect() {
            return Err(BookError::Value {
                what: "cash".to_owned(),
                defect,
            });
        }
        amount("the end of the value", "cash", self.idle.end(), 0)?;
        for holding in &self.holdings {
            holding.check()?;
        }
        for limit in &self.limits {
            amount("max", &limit.name, limit.max, 0)?;
            let mut members = BTreeSet::new();
            for (index, share) in &limit.members {
                let defect = if *index >= self.holdings.len() {
                    format!("there are {}", self.holdings.len())
                } else if !members.insert(*index) {
                    "which it named before".to_owned()
                } else {
                    share_within("a share", &limit.name, *share)?;
                    continue;
                };
                return Err(BookError::Member {
                    limit: limit.name.clone(),
                    index: *index,
                    defect,
                });
            }
        }
        Ok(())
    }
}

impl Holding {
    fn check(&self) -> Result<(), BookError> {
        let name = self.protocol.as_str();
        for (what, value, least) in [
            ("value", self.value, 0),
            ("locked", self.locked, 0),
            ("target", self.target, 0),
            ("gas_in", self.gas_in, 0),
            ("gas_out", self.gas_out, 0),
            ("cap", self.cap, 1),
            ("min_order", self.min_order, 0),
            ("min_position", self.min_position, 0),
            ("depth", self.depth.unwrap_or(Usd(1)), 1),
            ("the end of the value", self.worth.end(), 0),
        ] {
            amount(what, name, value, least)?;
        }
        share_within("slippage", name, self.slippage)?;
        if self.locked > self.value {
            return Err(BookError::Locked {
                protocol: self.protocol.clone(),
                locked: self.locked,
                value: self.value,
            });
        }
        match self.worth.defect() {
            Some(defect) => Err(BookError::Value {
                what: name.to_owned(),
                defect,
            }),
            None => Ok(()),
        }
    }
}

fn amount(what: &str, of: &str, value: Usd, least: i128) -> Result<(), BookError> {
    if value.0 >= least && value <= MAX_EQUITY {
        return Ok(());
    }
    Err(BookError::Amount {
        what: format!("{what} of {of}"),
        value,
        least: Usd(least),
    })
}

fn share_within(what: &str, of: &str, share: Bps) -> Result<(), BookError> {
    if share <= Bps::WHOLE {
        return Ok(());
    }
    Err(BookError::Share {
        what: format!("{what} of {of}"),
        share,
    })
}
