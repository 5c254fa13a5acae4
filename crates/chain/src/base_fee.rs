//! The base fees that the protocol derives from the block before: EIP-1559 for gas, EIP-4844 with
//! EIP-7918 for blobs.

use airdrops_types::U256;

/// How a chain moves its base fee (EIP-1559).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseFeeRule {
    /// A block's gas limit is this many times its target.
    pub elasticity: u64,
    /// The base fee moves by at most one in this many parts per block.
    pub denominator: u64,
}

impl BaseFeeRule {
    /// Ethereum's. OP-stack chains have others, which their headers tell since Holocene.
    pub const ETHEREUM: Self = Self {
        elasticity: 2,
        denominator: 8,
    };

    /// Base fee of the next block, wei per gas, after a block with `base_fee` that used `gas_used`
    /// of `gas_limit`. `None` if a parameter or the target is zero, or the result does not fit.
    ///
    /// EIP-1559 (Buterin et al., 2019), `validate_block`.
    #[must_use]
    pub fn next(self, base_fee: u128, gas_used: u64, gas_limit: u64) -> Option<u128> {
        let target = gas_limit.checked_div(self.elasticity)?;
        let part = |distance: u64| {
            U256::from(base_fee)
                .checked_mul(U256::from(distance))?
                .checked_div(U256::from(target))?
                .checked_div(U256::from(self.denominator))
        };
        let next = if gas_used >= target {
            let up = part(gas_used - target)?;
            // A block over its target raises the fee by at least 1 wei.
            let least = U256::from(u8::from(gas_used > target));
            U256::from(base_fee).checked_add(up.max(least))?
        } else {
            U256::from(base_fee).saturating_sub(part(target - gas_used)?)
        };
        next.try_into().ok()
    }
}

/// Gas of one blob (EIP-4844).
pub const GAS_PER_BLOB: u64 = 1 << 17;
/// What a blob costs at least, in gas at the base fee of gas (EIP-7918).
const BLOB_BASE_COST: u64 = 1 << 13;
/// Wei per blob gas at least (EIP-4844).
const MIN_BLOB_BASE_FEE: u64 = 1;

/// How a chain moves its blob base fee (EIP-4844, EIP-7840).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobFeeRule {
    /// Blobs per block at which the fee stays.
    pub target: u64,
    /// Most blobs per block.
    pub max: u64,
    /// `BLOB_BASE_FEE_UPDATE_FRACTION`.
    pub update_fraction: u64,
    /// Whether a blob costs at least what executing costs (EIP-7918, from Osaka on).
    pub reserve_price: bool,
}

/// A block, as far as the next blob base fee depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobHeader {
    /// `excessBlobGas`.
    pub excess: u64,
    /// `blobGasUsed`.
    pub used: u64,
    /// `baseFeePerGas`, wei.
    pub base_fee: u128,
}

impl BlobFeeRule {
    /// Ethereum from March 2024.
    pub const CANCUN: Self = Self::of(3, 6, 3_338_477, false);
    /// Ethereum from May 2025.
    pub const PRAGUE: Self = Self::of(6, 9, 5_007_716, false);
    /// Ethereum from December 2025.
    pub const OSAKA: Self = Self::of(6, 9, 5_007_716, true);
    /// Ethereum's first fork that changes only blob parameters.
    pub const BPO1: Self = Self::of(10, 15, 8_346_193, true);
    /// Ethereum's second.
    pub const BPO2: Self = Self::of(14, 21, 11_684_671, true);

    const fn of(target: u64, max: u64, update_fraction: u64, reserve_price: bool) -> Self {
        Self {
            target,
            max,
            update_fraction,
            reserve_price,
        }
    }

    /// Blob base fee of a block with `excess` blob gas, wei per blob gas. `None` if it does not
    /// fit or the fraction is zero.
    #[must_use]
    pub fn base_fee(self, excess: u64) -> Option<u128> {
        fake_exponential(MIN_BLOB_BASE_FEE, excess, self.update_fraction)
    }

    /// Excess blob gas of the block after `parent` (EIP-7918, `calc_excess_blob_gas`). `None` if
    /// the rule's numbers are contradictory or the result does not fit.
    #[must_use]
    pub fn next_excess(self, parent: BlobHeader) -> Option<u64> {
        let target = self.target.checked_mul(GAS_PER_BLOB)?;
        let sum = parent.excess.checked_add(parent.used)?;
        if sum < target {
            return Some(0);
        }
        if self.reserve_price {
            let reserve = U256::from(BLOB_BASE_COST).checked_mul(U256::from(parent.base_fee))?;
            let price = U256::from(self.base_fee(parent.excess)?);
            if reserve > U256::from(GAS_PER_BLOB).checked_mul(price)? {
                let above = self.max.checked_sub(self.target)?;
                let kept = u128::from(parent.used)
                    .checked_mul(u128::from(above))?
                    .checked_div(u128::from(self.max))?;
                return parent.excess.checked_add(u64::try_from(kept).ok()?);
            }
        }
        Some(sum - target)
    }

    /// Blob base fee of the block after `parent`, wei per blob gas.
    #[must_use]
    pub fn next(self, parent: BlobHeader) -> Option<u128> {
        self.base_fee(self.next_excess(parent)?)
    }
}

/// `factor · e^(numerator / denominator)` by its Taylor series in integers (EIP-4844).
fn fake_exponential(factor: u64, numerator: u64, denominator: u64) -> Option<u128> {
    let mut sum = U256::ZERO;
    let mut term = U256::from(factor).checked_mul(U256::from(denominator))?;
    let mut index = 1u64;
    while !term.is_zero() {
        sum = sum.checked_add(term)?;
        let divisor = U256::from(denominator).checked_mul(U256::from(index))?;
        term = term
            .checked_mul(U256::from(numerator))?
            .checked_div(divisor)?;
        index += 1;
    }
    sum.checked_div(U256::from(denominator))?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u64 = 30_000_000;

    #[test]
    fn the_next_base_fee_is_that_of_eip_1559() {
        let next = |base, used| BaseFeeRule::ETHEREUM.next(base, used, LIMIT);
        // A full block: one eighth up; an empty one: one eighth down; the target: the same.
        assert_eq!(next(1_000_000_000, LIMIT), Some(1_125_000_000));
        assert_eq!(next(1_000_000_000, 0), Some(875_000_000));
        assert_eq!(next(1_000_000_000, 15_000_000), Some(1_000_000_000));
        // 1e9 · 5/15 = 333,333,333; an eighth of it is 41,666,666.
        assert_eq!(next(1_000_000_000, 20_000_000), Some(1_041_666_666));
        assert_eq!(next(1_000_000_000, 10_000_000), Some(958_333_334));
        // Up by at least 1 wei, down possibly by nothing.
        assert_eq!(next(7, 15_000_001), Some(8));
        assert_eq!(next(7, 9_000_000), Some(7));
        assert_eq!(next(0, LIMIT), Some(1));
    }

    #[test]
    fn contradictory_rules_give_no_fee() {
        let rule = |elasticity, denominator| BaseFeeRule {
            elasticity,
            denominator,
        };
        assert_eq!(rule(0, 8).next(7, 1, LIMIT), None);
        assert_eq!(rule(2, 0).next(7, 1, LIMIT), None);
        assert_eq!(rule(2, 8).next(7, 1, 1), None);
        assert_eq!(rule(2, 8).next(u128::MAX, LIMIT, LIMIT), None);
        assert_eq!(BlobFeeRule::of(3, 6, 0, false).base_fee(1), None);
        assert_eq!(BlobFeeRule::CANCUN.base_fee(u64::MAX), None);
    }

    #[test]
    fn the_exponential_is_that_of_go_ethereum() {
        // consensus/misc/eip4844/eip4844_test.go, TestFakeExponential.
        for (factor, numerator, denominator, expected) in [
            (1, 0, 1, 1),
            (38_493, 0, 1_000, 38_493),
            (0, 1_234, 2_345, 0),
            (1, 2, 1, 6),
            (1, 4, 2, 6),
            (1, 3, 1, 16),
            (1, 6, 2, 18),
            (1, 4, 1, 49),
            (1, 8, 2, 50),
            (10, 8, 2, 542),
            (11, 8, 2, 596),
            (1, 5, 1, 136),
            (1, 5, 2, 11),
            (2, 5, 2, 23),
            (1, 50_000_000, 2_225_652, 5_709_098_764),
        ] {
            assert_eq!(
                fake_exponential(factor, numerator, denominator),
                Some(expected),
                "{factor} {numerator} {denominator}"
            );
        }
    }

    #[test]
    fn excess_blob_gas_moves_by_the_distance_from_the_target() {
        let blobs = |excess: u64, used: u64, base_fee| BlobHeader {
            excess: excess * GAS_PER_BLOB,
            used: used * GAS_PER_BLOB,
            base_fee,
        };
        let cancun = BlobFeeRule::CANCUN;
        assert_eq!(cancun.next_excess(blobs(0, 2, 1)), Some(0));
        assert_eq!(cancun.next_excess(blobs(10, 6, 1)), Some(13 * GAS_PER_BLOB));
        assert_eq!(cancun.next_excess(blobs(10, 0, 1)), Some(7 * GAS_PER_BLOB));
        // At excess 10 blobs the blob base fee is 1 wei, so a blob costs 131,072 wei. From a base
        // fee of 17 wei on the reserve price of 8,192 gas is higher (139,264 wei), and the excess
        // grows by a third of what was used, whatever the target.
        let osaka = BlobFeeRule::OSAKA;
        assert_eq!(osaka.base_fee(10 * GAS_PER_BLOB), Some(1));
        assert_eq!(osaka.next_excess(blobs(10, 3, 16)), Some(7 * GAS_PER_BLOB));
        assert_eq!(osaka.next_excess(blobs(10, 3, 17)), Some(11 * GAS_PER_BLOB));
        assert_eq!(
            BlobFeeRule::PRAGUE.next_excess(blobs(10, 3, 17)),
            Some(7 * GAS_PER_BLOB)
        );
    }

    proptest! {
        #[test]
        fn a_block_moves_the_base_fee_by_an_eighth_at_most(
            base in 8u128..1 << 100,
            used in 0u64..=LIMIT,
        ) {
            let next = BaseFeeRule::ETHEREUM.next(base, used, LIMIT).unwrap();
            prop_assert!(next <= base + base / 8 && next >= base - base / 8);
        }

        #[test]
        fn no_input_makes_the_rules_panic(
            numbers: [u64; 6],
            base: u128,
            reserve_price: bool,
        ) {
            let [a, b, c, d, e, f] = numbers;
            let _ = BaseFeeRule { elasticity: a, denominator: b }.next(base, c, d);
            let rule = BlobFeeRule { target: a, max: b, update_fraction: c, reserve_price };
            let _ = rule.next(BlobHeader { excess: e, used: f, base_fee: base });
        }
    }
}
