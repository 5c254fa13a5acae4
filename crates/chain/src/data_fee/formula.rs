//! The formulas by which rollups charge, as their oracles compute them: to see what a change of
//! prices would do without asking. Prices are wei per gas; where the product does not fit into 256
//! bits the largest number is the answer.

use airdrops_types::U256;

/// What an OP-stack chain charges by, from Ecotone on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpStackPrices {
    /// `l1BaseFee`, wei per gas.
    pub l1_base_fee: u128,
    /// `blobBaseFee`, wei per blob gas.
    pub blob_base_fee: u128,
    /// `baseFeeScalar`, millionths.
    pub base_fee_scalar: u32,
    /// `blobBaseFeeScalar`, millionths.
    pub blob_base_fee_scalar: u32,
}

/// What Scroll charges by, from Curie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrollPrices {
    /// `l1BaseFee`, wei per gas.
    pub l1_base_fee: u128,
    /// `l1BlobBaseFee`, wei per blob gas.
    pub blob_base_fee: u128,
    /// `commitScalar`, 10⁻⁹.
    pub commit_scalar: u64,
    /// `blobScalar`, 10⁻⁹.
    pub blob_scalar: u64,
}

/// L1 data fee of OP stack's Fjord, wei, for an unsigned transaction of `length` bytes after
/// FastLZ compression:
/// `max(100·10⁶, −42,585,600 + 836,500·(length + 68)) · (16·baseFeeScalar·l1BaseFee +
/// blobBaseFeeScalar·blobBaseFee) / 10¹²` (OP stack specification, Fjord, "L1-Cost fees").
#[must_use]
pub fn fjord_l1_fee(prices: &OpStackPrices, length: u64) -> U256 {
    let size = U256::from(length)
        .saturating_add(U256::from(68))
        .saturating_mul(U256::from(836_500))
        .saturating_sub(U256::from(42_585_600))
        .max(U256::from(100_000_000));
    let price = U256::from(16)
        .saturating_mul(U256::from(prices.base_fee_scalar))
        .saturating_mul(U256::from(prices.l1_base_fee))
        .saturating_add(
            U256::from(prices.blob_base_fee_scalar)
                .saturating_mul(U256::from(prices.blob_base_fee)),
        );
    size.saturating_mul(price) / U256::from(1_000_000_000_000u64)
}

/// Operator fee of OP stack's Isthmus, wei: `gas·scalar / 10⁶ + constant`.
#[must_use]
pub fn isthmus_operator_fee(gas: u64, scalar: u32, constant: u64) -> U256 {
    U256::from(gas) * U256::from(scalar) / U256::from(1_000_000) + U256::from(constant)
}

/// Operator fee of OP stack's Jovian, wei: `gas·scalar·100 + constant`.
#[must_use]
pub fn jovian_operator_fee(gas: u64, scalar: u32, constant: u64) -> U256 {
    U256::from(gas) * U256::from(scalar) * U256::from(100) + U256::from(constant)
}

/// L1 data fee of Scroll's Curie, wei, for a signed transaction of `length` bytes:
/// `(commitScalar·l1BaseFee + blobScalar·length·blobBaseFee) / 10⁹`.
#[must_use]
pub fn curie_l1_fee(prices: &ScrollPrices, length: u64) -> U256 {
    let commit = U256::from(prices.commit_scalar).saturating_mul(U256::from(prices.l1_base_fee));
    let blob = U256::from(prices.blob_scalar)
        .saturating_mul(U256::from(length))
        .saturating_mul(U256::from(prices.blob_base_fee));
    commit.saturating_add(blob) / U256::from(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fjord_charges_by_the_estimated_size_but_at_least_for_100_bytes() {
        let prices = OpStackPrices {
            l1_base_fee: 10_000_000_000,
            blob_base_fee: 1_000_000_000,
            base_fee_scalar: 2_000,
            blob_base_fee_scalar: 1_000_000,
        };
        // 16·2000·10¹⁰ + 10⁶·10⁹ = 3.2·10¹⁴ + 10¹⁵ = 1.32·10¹⁵.
        // 100 bytes: 836,500·168 − 42,585,600 = 97,946,400 < 10⁸, so 10⁸·1.32·10¹⁵ / 10¹².
        assert_eq!(fjord_l1_fee(&prices, 100), U256::from(132_000_000_000u64));
        // 200 bytes: 836,500·268 − 42,585,600 = 181,596,400; · 1,320.
        assert_eq!(fjord_l1_fee(&prices, 200), U256::from(239_707_248_000u64));
        assert_eq!(fjord_l1_fee(&prices, 0), fjord_l1_fee(&prices, 100));
    }

    #[test]
    fn operator_fees_are_linear_in_gas() {
        // 21,000 · 5,000 / 10⁶ = 105; · 100 instead: 10,500,000,000.
        assert_eq!(isthmus_operator_fee(21_000, 5_000, 7), U256::from(112));
        assert_eq!(
            jovian_operator_fee(21_000, 5_000, 7),
            U256::from(10_500_000_007u64)
        );
        assert!(jovian_operator_fee(u64::MAX, u32::MAX, u64::MAX) > U256::from(u128::MAX >> 32));
    }

    #[test]
    fn curie_charges_for_the_commitment_and_per_byte() {
        let prices = ScrollPrices {
            l1_base_fee: 20_000_000_000,
            blob_base_fee: 3,
            commit_scalar: 230_759_955_285,
            blob_scalar: 417_565_260,
        };
        // 230,759,955,285 · 2·10¹⁰ / 10⁹ = 4,615,199,105,700; 417,565,260 · 120 · 3 / 10⁹ = 150.3.
        assert_eq!(curie_l1_fee(&prices, 120), U256::from(4_615_199_105_850u64));
    }

    #[test]
    fn prices_that_do_not_fit_give_the_largest_number_and_no_panic() {
        let prices = OpStackPrices {
            l1_base_fee: u128::MAX,
            blob_base_fee: u128::MAX,
            base_fee_scalar: u32::MAX,
            blob_base_fee_scalar: u32::MAX,
        };
        assert!(fjord_l1_fee(&prices, u64::MAX) > U256::from(u128::MAX));
    }
}
