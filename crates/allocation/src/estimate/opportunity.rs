//! What is believed of one opportunity.

use airdrops_types::{Bps, ChainId, ProtocolId, Usd};
use serde::{Deserialize, Serialize};

use super::beta::Beta;
use super::haircut::Haircut;
use super::hazard::{Hazard, World};
use super::invalid::{Invalid, bounded};
use super::normal_inverse_gamma::NormalInverseGamma;
use super::rule::{Rule, amount};
use super::share::Share;
use super::timing::Timing;

/// One position that may earn a drop, and what is believed of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opportunity {
    /// The protocol instance.
    pub id: ProtocolId,
    /// Whose token it is. Opportunities of one family share one drop: its event, its price, and
    /// whether the wallet is eligible. Their `drop`, `when`, `waited` and the token's value in
    /// `worth` must be the same.
    pub family: String,
    /// What it is compared with: `l2`, `dex`, `lending`, `bridge`, `perps`, `restaking`, …
    pub category: String,
    /// The chain of the position.
    pub chain: ChainId,
    /// Whether there is ever a drop, as believed before the wait.
    pub drop: Beta,
    /// When it comes, if it comes.
    pub when: Timing,
    /// Months without a drop so far, since it could have come.
    pub waited: f64,
    /// Whether the wallet gets any of it.
    pub eligibility: Beta,
    /// How points are earned.
    pub rule: Rule,
    /// The share of the points season in which the position earns, in (0, 1]: points count so
    /// much of what [`Rule::points`] gives.
    pub presence: f64,
    /// What points are worth.
    pub worth: Worth,
    /// Standard deviation of the logarithm of what a wallet gets around what its points say; its
    /// mean factor is one. Measured within drops: 0.67 (`LayerZero`), 0.89 (Uniswap), 1.82
    /// (Jupiter), 2.76 (Hyperliquid).
    pub dispersion: f64,
    /// What is lost between claim and sale.
    pub haircut: Haircut,
    /// What the position itself yields per year.
    pub base_yield: f64,
    /// What the capital would have yielded elsewhere per year.
    pub forgone_yield: f64,
    /// All transactions from entry to exit, with upkeep and claim.
    pub gas: Usd,
    /// Slippage and fees of entry and exit together, of the capital placed.
    pub slippage: Bps,
    /// How it can be lost.
    pub hazard: Hazard,
}

/// What points are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worth {
    /// A known or estimated supply: a wallet gets `FDV · share · (1 − dilution) · points / (points +
    /// others)`.
    Pool {
        /// The token's fully diluted value at the claim, in dollars.
        fdv: NormalInverseGamma,
        /// The share of supply that is dropped.
        share: Share,
        /// The share of the drop that others take who are not here yet, in [0, 1).
        dilution: f64,
        /// Points of all others at the drop: wallets for a flat rule, value locked for pro rata.
        others: f64,
    },
    /// What drops of the past gave: a wallet gets `value · points / mean_points`.
    Wallet {
        /// The value at the claim for a wallet with mean points, in dollars.
        value: NormalInverseGamma,
        /// Points of the mean eligible wallet, positive.
        mean_points: f64,
    },
}

impl Worth {
    fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Pool {
                fdv,
                share,
                dilution,
                others,
            } => {
                fdv.check().map_err(|error| error.within("fdv"))?;
                share.check().map_err(|error| error.within("share"))?;
                bounded("dilution", *dilution, 0.0, 1.0)?;
                bounded("others", *others, 1e-6, 1e30)
            }
            Self::Wallet { value, mean_points } => {
                value.check().map_err(|error| error.within("value"))?;
                bounded("mean_points", *mean_points, 1e-6, 1e30)
            }
        }
    }

    /// What is multiplied by the amount of [`Self::amount`]: the fraction of the pool, or the
    /// multiple of the mean wallet, that `points` are.
    #[must_use]
    pub fn allocation(&self, points: f64) -> f64 {
        match self {
            Self::Pool { others, .. } => points / (points + others),
            Self::Wallet { mean_points, .. } => points / mean_points,
        }
    }

    /// The token's uncertain value: fully diluted, or of the mean wallet's drop.
    #[must_use]
    pub fn amount(&self) -> &NormalInverseGamma {
        match self {
            Self::Pool { fdv, .. } => fdv,
            Self::Wallet { value, .. } => value,
        }
    }

    /// Beyond what amounts are cut.
    #[must_use]
    pub fn ceiling(&self, world: &World) -> f64 {
        match self {
            Self::Pool { .. } => world.fdv_ceiling,
            Self::Wallet { .. } => world.wallet_ceiling,
        }
    }

    /// The mean share of supply, after dilution; 1 if the value is that of a wallet.
    #[must_use]
    pub fn mean_share(&self) -> f64 {
        match self {
            Self::Pool {
                share, dilution, ..
            } => share.mean() * (1.0 - dilution),
            Self::Wallet { .. } => 1.0,
        }
    }

    /// Whether both are worth the same for equal points.
    fn same_token(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Pool {
                    fdv: a, share: x, ..
                },
                Self::Pool {
                    fdv: b, share: y, ..
                },
            ) => a == b && x == y,
            (Self::Wallet { value: a, .. }, Self::Wallet { value: b, .. }) => a == b,
            _ => false,
        }
    }
}

impl Opportunity {
    /// Whether all beliefs are usable in `world`.
    ///
    /// # Errors
    /// [`Invalid`], which names the opportunity and the parameter.
    pub fn check(&self, world: &World) -> Result<(), Invalid> {
        self.check_parts(world).map_err(|error| Invalid {
            place: format!("opportunity {}: {}", self.id, error.place),
            ..error
        })
    }

    fn check_parts(&self, world: &World) -> Result<(), Invalid> {
        self.drop.check().map_err(|error| error.within("drop"))?;
        self.when.check().map_err(|error| error.within("when"))?;
        bounded("waited", self.waited, 0.0, 1200.0)?;
        self.eligibility
            .check()
            .map_err(|error| error.within("eligibility"))?;
        self.rule.check().map_err(|error| error.within("rule"))?;
        bounded("presence", self.presence, 1e-6, 1.0)?;
        self.worth.check().map_err(|error| error.within("worth"))?;
        bounded("dispersion", self.dispersion, 0.0, 5.0)?;
        self.haircut
            .check()
            .map_err(|error| error.within("haircut"))?;
        bounded("base_yield", self.base_yield, 0.0, 10.0)?;
        bounded("forgone_yield", self.forgone_yield, 0.0, 10.0)?;
        amount("gas", self.gas)?;
        if self.slippage > Bps::WHOLE {
            let what = format!("is {}: give at most 10,000 basis points", self.slippage);
            return Err(Invalid::new("slippage", what));
        }
        self.hazard
            .check(world)
            .map_err(|error| error.within("hazard"))
    }

    /// Whether all are usable, no name is there twice, and families agree on their drop.
    ///
    /// # Errors
    /// [`Invalid`], which names the opportunity and the parameter.
    pub fn check_all(opportunities: &[Self], world: &World) -> Result<(), Invalid> {
        world.check().map_err(|error| error.within("world"))?;
        for (index, opportunity) in opportunities.iter().enumerate() {
            opportunity.check(world)?;
            for earlier in &opportunities[..index] {
                let wrong = |what: String| {
                    Err(Invalid::new(
                        format!("opportunity {}", opportunity.id),
                        what,
                    ))
                };
                if earlier.id == opportunity.id {
                    return wrong("is there twice: give each instance once".to_owned());
                }
                if earlier.family == opportunity.family && !earlier.same_drop(opportunity) {
                    return wrong(format!(
                        "is of the family `{}` as {} is, but drop, when, waited or the token's \
                         value differ: give both the same",
                        earlier.family, earlier.id
                    ));
                }
            }
        }
        Ok(())
    }

    fn same_drop(&self, other: &Self) -> bool {
        self.drop == other.drop
            && self.when == other.when
            && self.waited.to_bits() == other.waited.to_bits()
            && self.worth.same_token(&other.worth)
    }

    /// The probability of a drop within `months`, given that there was none so far.
    #[must_use]
    pub fn drop_within(&self, months: f64) -> f64 {
        let ever = self.drop.mean();
        self.when.drop_within(ever, self.waited, months)
    }

    /// What the drop's amount is multiplied by for a position of `capital` dollars.
    #[must_use]
    pub fn allocation(&self, capital: f64) -> f64 {
        let points = self.presence * self.rule.points(capital);
        self.worth.allocation(points)
    }
}
