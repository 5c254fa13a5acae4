//! The most that gas may cost, per kind of task.
//!
//! These limits bind what adds exposure. What only reduces stays bounded by the gate's ceiling.

use std::collections::BTreeMap;
use std::fmt;

use airdrops_types::{Bps, ChainId, Gwei, Reading, Usd};
use serde::{Deserialize, Serialize};

use super::cost::{CostBreakdown, CostError};
use super::history::{BaseFeeHistory, ShortHistory};

/// One limit, in the unit that suits the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GasLimit {
    /// The share of observed hours that may have been cheaper; see [`BaseFeeHistory::quantile`].
    Quantile(Bps),
    /// Base fee, wei per gas.
    Gwei(u128),
    /// All-in cost of the transaction.
    Usd(Usd),
}

impl fmt::Display for GasLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(share) => write!(f, "dearer than {share} of hours"),
            Self::Gwei(wei) => Gwei(*wei).fmt(f),
            Self::Usd(usd) => usd.fmt(f),
        }
    }
}

/// The limits by the verb of the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasLimits {
    /// For verbs that are not listed.
    pub default: GasLimit,
    /// By verb: `bridge`, `supply`.
    pub verbs: BTreeMap<String, GasLimit>,
    /// Highest base fee per chain, wei per gas, that stands in for a quantile limit until the
    /// chain's history is long enough. A chain that is not listed gets no new exposure until then.
    pub fallbacks: BTreeMap<ChainId, u128>,
}

/// What a limit is compared with.
#[derive(Debug, Clone)]
pub struct GasMeasure<'a> {
    /// Where.
    pub chain: ChainId,
    /// Base fee of the next block, wei per gas.
    pub base_fee: &'a Reading<u128>,
    /// The share of the chain's own past hours in which gas was cheaper, from
    /// [`BaseFeeHistory::quantile`]; `None` if nothing was observed.
    pub rank: Option<Result<Bps, ShortHistory>>,
    /// The all-in cost of the transaction.
    pub cost: &'a Result<CostBreakdown, CostError>,
}

/// Why gas is too dear, or not known to be cheap enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GasDenial {
    /// Too many of the observed hours were cheaper.
    Quantile {
        /// Where.
        chain: ChainId,
        /// Base fee of the next block, wei per gas.
        base_fee: u128,
        /// The share of hours that were cheaper.
        measured: Bps,
        /// The most that is allowed.
        limit: Bps,
    },
    /// The base fee is too high.
    BaseFee {
        /// Where.
        chain: ChainId,
        /// Base fee of the next block, wei per gas.
        measured: u128,
        /// The most that is allowed, wei per gas.
        limit: u128,
    },
    /// The transaction is too dear.
    Cost {
        /// All-in cost.
        measured: Usd,
        /// The most that is allowed.
        limit: Usd,
    },
    /// There is a quantile limit, too little history to measure it, and no fallback.
    ShortHistory {
        /// Where.
        chain: ChainId,
        /// How much there is.
        short: ShortHistory,
        /// The limit that cannot be measured.
        limit: Bps,
    },
    /// The base fee is stale or missing.
    BaseFeeNotFresh {
        /// Where.
        chain: ChainId,
        /// What is wrong with it.
        defect: String,
        /// The limit that cannot be measured.
        limit: GasLimit,
    },
    /// The all-in cost is not known.
    CostUnknown {
        /// Why.
        error: CostError,
        /// The limit that cannot be measured.
        limit: Usd,
    },
}

impl fmt::Display for GasDenial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile {
                chain,
                base_fee,
                measured,
                limit,
            } => write!(
                f,
                "base fee on chain {chain} is {}, dearer than {measured} of hours in 90 days, \
                 limit is {limit}",
                Gwei(*base_fee)
            ),
            Self::BaseFee {
                chain,
                measured,
                limit,
            } => write!(
                f,
                "base fee on chain {chain} is {}, limit is {}",
                Gwei(*measured),
                Gwei(*limit)
            ),
            Self::Cost { measured, limit } => {
                write!(f, "the transaction costs {measured}, limit is {limit}")
            }
            Self::ShortHistory {
                chain,
                short,
                limit,
            } => write!(
                f,
                "no quantile on chain {chain}: {short}; limit is {limit} of hours; wait, or set a \
                 fallback in gwei"
            ),
            Self::BaseFeeNotFresh {
                chain,
                defect,
                limit,
            } => {
                write!(f, "base fee of chain {chain} is {defect}; limit is {limit}")
            }
            Self::CostUnknown { error, limit } => {
                write!(f, "the cost is not known: {error}; limit is {limit}")
            }
        }
    }
}

impl std::error::Error for GasDenial {}

impl GasLimits {
    /// The limit for tasks of `verb`.
    #[must_use]
    pub fn limit(&self, verb: &str) -> GasLimit {
        self.verbs.get(verb).copied().unwrap_or(self.default)
    }

    /// Whether gas is cheap enough for new exposure by a task of `verb`. The limit itself is.
    ///
    /// # Errors
    /// Why not, with limit and measured value. What is not known is not cheap.
    pub fn check(&self, verb: &str, measure: &GasMeasure<'_>) -> Result<(), GasDenial> {
        let limit = self.limit(verb);
        match limit {
            GasLimit::Usd(limit) => check_cost(measure, limit),
            GasLimit::Gwei(most) => check_base_fee(measure, known(measure, limit)?, most),
            GasLimit::Quantile(most) => self.check_quantile(measure, known(measure, limit)?, most),
        }
    }

    fn check_quantile(
        &self,
        measure: &GasMeasure<'_>,
        base_fee: u128,
        limit: Bps,
    ) -> Result<(), GasDenial> {
        let chain = measure.chain;
        let rank = measure.rank.unwrap_or(Err(ShortHistory {
            hours: 0,
            required: BaseFeeHistory::QUANTILE_HOURS,
        }));
        match (rank, self.fallbacks.get(&chain)) {
            (Ok(measured), _) if measured <= limit => Ok(()),
            (Ok(measured), _) => Err(GasDenial::Quantile {
                chain,
                base_fee,
                measured,
                limit,
            }),
            (Err(_), Some(fallback)) => check_base_fee(measure, base_fee, *fallback),
            (Err(short), None) => Err(GasDenial::ShortHistory {
                chain,
                short,
                limit,
            }),
        }
    }
}

fn known(measure: &GasMeasure<'_>, limit: GasLimit) -> Result<u128, GasDenial> {
    let base_fee = measure.base_fee.fresh().copied();
    base_fee.ok_or_else(|| GasDenial::BaseFeeNotFresh {
        chain: measure.chain,
        defect: measure.base_fee.defect().unwrap_or_default(),
        limit,
    })
}

fn check_base_fee(measure: &GasMeasure<'_>, measured: u128, limit: u128) -> Result<(), GasDenial> {
    if measured <= limit {
        return Ok(());
    }
    Err(GasDenial::BaseFee {
        chain: measure.chain,
        measured,
        limit,
    })
}

fn check_cost(measure: &GasMeasure<'_>, limit: Usd) -> Result<(), GasDenial> {
    match measure.cost {
        Ok(cost) if cost.usd <= limit => Ok(()),
        Ok(cost) => Err(GasDenial::Cost {
            measured: cost.usd,
            limit,
        }),
        Err(error) => Err(GasDenial::CostUnknown {
            error: error.clone(),
            limit,
        }),
    }
}

#[cfg(test)]
mod tests;
