//! What a transaction costs, all in: execution, L1 data fee, operator fee, blobs.

use std::fmt;

use airdrops_types::{Price, Reading, Reason, Rounding, U256, Usd};
use serde::{Deserialize, Serialize};

/// Decimals of every chain's native currency.
const NATIVE_DECIMALS: u8 = 18;

/// A charge that some chains make and others do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// This chain makes no such charge.
    None,
    /// It does: wei, as the chain's oracle quotes it for this transaction.
    Wei(Reading<U256>),
}

/// What a transaction uses, and the prices of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasUse {
    /// Execution gas units.
    pub gas: u64,
    /// Wei per gas that will be paid: base fee and tip.
    pub gas_price: Reading<u128>,
    /// For publishing the transaction on L1 (OP stack, Scroll).
    pub l1_data: Charge,
    /// What the rollup's operator adds (OP stack since Isthmus).
    pub operator: Charge,
    /// Blob gas units; zero for all but blob transactions.
    pub blob_gas: u64,
    /// Wei per blob gas. Looked at only if there is blob gas.
    pub blob_gas_price: Reading<u128>,
}

/// An all-in cost and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostBreakdown {
    /// Execution gas times its price, wei.
    pub execution: U256,
    /// L1 data fee, wei.
    pub l1_data: U256,
    /// Operator fee, wei.
    pub operator: U256,
    /// Blob gas times its price, wei.
    pub blob: U256,
    /// The sum, wei.
    pub total: U256,
    /// The sum, rounded up to the micro-dollar.
    pub usd: Usd,
}

/// Why a cost is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostError {
    /// An input is stale or missing.
    NotFresh {
        /// Which.
        what: String,
        /// What is wrong with it.
        defect: String,
    },
    /// A number does not fit.
    Overflow {
        /// Which.
        what: String,
    },
}

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFresh { what, defect } => write!(f, "{what} is {defect}"),
            Self::Overflow { what } => write!(f, "{what} is too large to be measured"),
        }
    }
}

impl std::error::Error for CostError {}

impl From<CostError> for Reason {
    fn from(error: CostError) -> Self {
        match error {
            CostError::NotFresh { what, defect } => Self::NotFresh { what, defect },
            CostError::Overflow { what } => Self::Unmeasurable { what },
        }
    }
}

/// The all-in cost, with `price` that of the chain's native currency.
///
/// # Errors
/// If an input is not fresh (an unknown fee is not a fee of zero) or a number does not fit.
pub fn all_in(used: &GasUse, price: &Reading<Price>) -> Result<CostBreakdown, CostError> {
    // 64 by 128 bits fit into 192.
    let execution = U256::from(used.gas) * U256::from(fresh(&used.gas_price, "gas price")?);
    let l1_data = charged(&used.l1_data, "L1 data fee")?;
    let operator = charged(&used.operator, "operator fee")?;
    let blob = if used.blob_gas == 0 {
        U256::ZERO
    } else {
        U256::from(used.blob_gas) * U256::from(fresh(&used.blob_gas_price, "blob gas price")?)
    };
    let total = [l1_data, operator, blob]
        .iter()
        .try_fold(execution, |sum, part| sum.checked_add(*part))
        .ok_or_else(|| overflow("the fee"))?;
    let usd = fresh(price, "price of the native currency")?
        .value(total, NATIVE_DECIMALS, Rounding::Up)
        .ok_or_else(|| overflow("the value of the fee"))?;
    Ok(CostBreakdown {
        execution,
        l1_data,
        operator,
        blob,
        total,
        usd,
    })
}

fn charged(charge: &Charge, what: &str) -> Result<U256, CostError> {
    match charge {
        Charge::None => Ok(U256::ZERO),
        Charge::Wei(reading) => fresh(reading, what),
    }
}

fn fresh<T: Copy>(reading: &Reading<T>, what: &str) -> Result<T, CostError> {
    reading.fresh().copied().ok_or_else(|| CostError::NotFresh {
        what: what.to_owned(),
        defect: reading.defect().unwrap_or_default(),
    })
}

fn overflow(what: &str) -> CostError {
    CostError::Overflow {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::Timestamp;

    use super::*;

    fn known<T>(value: T) -> Reading<T> {
        Reading::Fresh {
            value,
            at: Timestamp(0),
        }
    }

    fn stale<T>(value: T) -> Reading<T> {
        Reading::Stale {
            value,
            at: Timestamp(0),
            reason: "old".to_owned(),
        }
    }

    fn ether() -> Reading<Price> {
        known(Price(Price::SCALE * 2000))
    }

    fn rollup() -> GasUse {
        GasUse {
            gas: 100_000,
            gas_price: known(1_000_000),
            l1_data: Charge::Wei(known(U256::from(7_000_000_000_000u64))),
            operator: Charge::Wei(known(U256::from(500_000_000_000u64))),
            blob_gas: 131_072,
            blob_gas_price: known(3),
        }
    }

    #[test]
    fn every_part_is_paid() {
        let cost = all_in(&rollup(), &ether()).unwrap();
        assert_eq!(cost.execution, U256::from(100_000_000_000u64));
        assert_eq!(cost.l1_data, U256::from(7_000_000_000_000u64));
        assert_eq!(cost.operator, U256::from(500_000_000_000u64));
        assert_eq!(cost.blob, U256::from(393_216));
        assert_eq!(cost.total, U256::from(7_600_000_393_216u64));
        // 7.600000393216e-6 ETH at $2,000: 15,200.000786432 micro-dollars, rounded up.
        assert_eq!(cost.usd, Usd(15_201));
    }

    #[test]
    fn a_chain_without_surcharges_costs_its_execution() {
        let plain = GasUse {
            gas: 21_000,
            gas_price: known(20_000_000_000),
            l1_data: Charge::None,
            operator: Charge::None,
            blob_gas: 0,
            blob_gas_price: Reading::missing("no blobs here"),
        };
        let cost = all_in(&plain, &ether()).unwrap();
        assert_eq!(cost.total, cost.execution);
        assert_eq!(cost.usd, Usd(840_000));
    }

    #[test]
    fn an_unknown_fee_is_not_a_fee_of_zero() {
        let broken: [(&str, GasUse); 4] = [
            (
                "gas price",
                GasUse {
                    gas_price: stale(1),
                    ..rollup()
                },
            ),
            (
                "L1 data fee",
                GasUse {
                    l1_data: Charge::Wei(stale(U256::from(1))),
                    ..rollup()
                },
            ),
            (
                "operator fee",
                GasUse {
                    operator: Charge::Wei(Reading::missing("no oracle")),
                    ..rollup()
                },
            ),
            (
                "blob gas price",
                GasUse {
                    blob_gas_price: stale(1),
                    ..rollup()
                },
            ),
        ];
        for (what, used) in broken {
            let error = all_in(&used, &ether()).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("{what} is ")),
                "{error}"
            );
            assert_eq!(Reason::from(error).code(), "not_fresh");
        }
        let error = all_in(&rollup(), &stale(Price(Price::SCALE))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "price of the native currency is stale: old"
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_does_not_wrap() {
        let huge = GasUse {
            l1_data: Charge::Wei(known(U256::MAX)),
            ..rollup()
        };
        let error = all_in(&huge, &ether()).unwrap_err();
        assert_eq!(error.to_string(), "the fee is too large to be measured");
        assert_eq!(Reason::from(error).code(), "unmeasurable");
        let dear = GasUse {
            gas: u64::MAX,
            gas_price: known(u128::MAX),
            ..rollup()
        };
        let error = all_in(&dear, &ether()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the value of the fee is too large to be measured"
        );
    }
}
