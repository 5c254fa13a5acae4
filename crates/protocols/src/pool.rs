//! Arithmetic of shares and constant-product pools, in integers of full width.

use airdrops_types::{Bps, U256};
use alloy::primitives::U512;

/// `amount · numerator / denominator`, rounded down, without intermediate overflow; `None` if the
/// denominator is zero or the result does not fit.
pub(crate) fn mul_div(amount: U256, numerator: U256, denominator: U256) -> Option<U256> {
    narrow(wide(amount) * wide(numerator), denominator).map(|(quotient, _)| quotient)
}

/// [`mul_div`], rounded up.
pub(crate) fn mul_div_up(amount: U256, numerator: U256, denominator: U256) -> Option<U256> {
    let (quotient, exact) = narrow(wide(amount) * wide(numerator), denominator)?;
    quotient.checked_add(U256::from(u8::from(!exact)))
}

/// The least that is accepted for `quote` if it may worsen by `slippage`; rounded up, so that
/// something is never exchanged for nothing. Never above `quote`.
pub(crate) fn least(quote: U256, slippage: Bps) -> U256 {
    quote - Bps(slippage.0.min(Bps::WHOLE.0)).of(quote)
}

/// The most that is given if `quote` may worsen by `slippage`, rounded up; saturates.
pub(crate) fn most(quote: U256, slippage: Bps) -> U256 {
    let extra = mul_div_up(quote, U256::from(slippage.0), U256::from(Bps::WHOLE.0));
    quote.saturating_add(extra.unwrap_or(U256::MAX))
}

fn wide(amount: U256) -> U512 {
    let mut limbs = [0; 8];
    limbs[..4].copy_from_slice(amount.as_limbs());
    U512::from_limbs(limbs)
}

/// Quotient and whether it is exact.
fn narrow(product: U512, denominator: U256) -> Option<(U256, bool)> {
    if denominator.is_zero() {
        return None;
    }
    let (quotient, rest) = product.div_rem(wide(denominator));
    let quotient = U256::checked_from_limbs_slice(quotient.as_limbs())?;
    Some((quotient, rest.is_zero()))
}

/// A pool at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Base units of `token_a` in it.
    pub(crate) reserve_a: U256,
    /// Base units of `token_b` in it.
    pub(crate) reserve_b: U256,
    /// Base units of its LP token that exist.
    pub(crate) supply: U256,
}

impl Pool {
    /// Whether it has a price.
    pub(crate) fn is_empty(&self) -> bool {
        self.reserve_a.is_zero() || self.reserve_b.is_zero() || self.supply.is_zero()
    }

    /// What `liquidity` is worth, rounded down; nothing in an empty pool.
    pub(crate) fn share(&self, liquidity: U256) -> Option<(U256, U256)> {
        if self.supply.is_zero() {
            return Some((U256::ZERO, U256::ZERO));
        }
        Some((
            mul_div(liquidity, self.reserve_a, self.supply)?,
            mul_div(liquidity, self.reserve_b, self.supply)?,
        ))
    }

    /// How much of `token_b` goes with `amount_a`, rounded down.
    pub(crate) fn b_for(&self, amount_a: U256) -> Option<U256> {
        mul_div(amount_a, self.reserve_b, self.reserve_a)
    }

    /// How much of `token_a` goes with `amount_b`, rounded down.
    pub(crate) fn a_for(&self, amount_b: U256) -> Option<U256> {
        mul_div(amount_b, self.reserve_a, self.reserve_b)
    }

    /// What a router takes of the amounts desired: the greatest that keep the price.
    pub(crate) fn matched(&self, desired_a: U256, desired_b: U256) -> Option<(U256, U256)> {
        match self.b_for(desired_a) {
            Some(amount_b) if amount_b <= desired_b => Some((desired_a, amount_b)),
            _ => Some((self.a_for(desired_b)?.min(desired_a), desired_b)),
        }
    }

    /// LP tokens that adding both amounts gives, rounded down.
    pub(crate) fn liquidity_for(&self, amount_a: U256, amount_b: U256) -> Option<U256> {
        let by_a = mul_div(amount_a, self.supply, self.reserve_a)?;
        let by_b = mul_div(amount_b, self.supply, self.reserve_b)?;
        Some(by_a.min(by_b))
    }

    /// LP tokens whose share holds at least `amount_a` of `token_a`.
    pub(crate) fn liquidity_holding(&self, amount_a: U256) -> Option<U256> {
        mul_div_up(amount_a, self.supply, self.reserve_a)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn amount() -> impl Strategy<Value = U256> {
        (any::<u128>(), 0u32..128).prop_map(|(bits, shift)| U256::from(bits >> shift))
    }

    fn some() -> impl Strategy<Value = U256> {
        amount().prop_map(|amount| amount.max(U256::from(1)))
    }

    fn pool() -> impl Strategy<Value = Pool> {
        let side =
            (any::<u128>(), 16u32..112).prop_map(|(bits, shift)| U256::from((bits >> shift) | 1));
        (side.clone(), side.clone(), side).prop_map(|(reserve_a, reserve_b, supply)| Pool {
            reserve_a,
            reserve_b,
            supply,
        })
    }

    proptest! {
        #[test]
        fn mul_div_is_the_floor_and_up_is_the_ceiling(a in amount(), n in amount(), d in some()) {
            let down = mul_div(a, n, d).unwrap();
            let up = mul_div_up(a, n, d).unwrap();
            // 128-bit factors: the products fit 256 bits and can be checked directly.
            prop_assert!(down * d <= a * n);
            prop_assert!(a * n - down * d < d);
            prop_assert_eq!(up - down, U256::from(u8::from(a * n != down * d)));
        }

        #[test]
        fn a_minimum_is_never_above_its_quote_and_never_zero_for_something(
            quote in amount(), slippage in 0u32..10_000,
        ) {
            let least = least(quote, Bps(slippage));
            prop_assert!(least <= quote);
            prop_assert_eq!(least.is_zero(), quote.is_zero());
            // At least the exact fraction.
            prop_assert!(least * U256::from(10_000) >= quote * U256::from(10_000 - slippage));
        }

        #[test]
        fn a_maximum_is_never_below_its_quote(quote in amount(), slippage in 0u32..10_000) {
            prop_assert!(most(quote, Bps(slippage)) >= quote);
        }

        #[test]
        fn shares_of_all_holders_never_exceed_the_reserves(pool in pool(), parts in prop::collection::vec(0u32..=1000, 1..6)) {
            let whole: u32 = parts.iter().sum::<u32>().max(1);
            let (mut a, mut b) = (U256::ZERO, U256::ZERO);
            for part in &parts {
                let held = mul_div(pool.supply, U256::from(*part), U256::from(whole)).unwrap();
                let (share_a, share_b) = pool.share(held).unwrap();
                a += share_a;
                b += share_b;
            }
            prop_assert!(a <= pool.reserve_a && b <= pool.reserve_b);
        }

        #[test]
        fn matched_amounts_stay_within_the_desired_ones(pool in pool(), a in amount(), b in amount()) {
            if let Some((taken_a, taken_b)) = pool.matched(a, b) {
                prop_assert!(taken_a <= a && taken_b <= b);
                prop_assert!(taken_a == a || taken_b == b);
            }
        }

        #[test]
        fn adding_and_removing_never_gains(pool in pool(), a in amount(), b in amount()) {
            let Some((taken_a, taken_b)) = pool.matched(a, b) else { return Ok(()) };
            let Some(liquidity) = pool.liquidity_for(taken_a, taken_b) else { return Ok(()) };
            let after = Pool {
                reserve_a: pool.reserve_a + taken_a,
                reserve_b: pool.reserve_b + taken_b,
                supply: pool.supply + liquidity,
            };
            let (back_a, back_b) = after.share(liquidity).unwrap();
            prop_assert!(back_a <= taken_a && back_b <= taken_b);
        }

        #[test]
        fn liquidity_holding_an_amount_holds_it(pool in pool(), a in amount()) {
            let a = a % (pool.reserve_a + U256::from(1));
            let liquidity = pool.liquidity_holding(a).unwrap();
            prop_assert!(liquidity <= pool.supply);
            prop_assert!(pool.share(liquidity).unwrap().0 >= a);
        }
    }

    #[test]
    fn absurd_amounts_give_none_and_not_a_wrapped_value() {
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::MAX), Some(U256::MAX));
        assert_eq!(mul_div(U256::MAX, U256::from(2), U256::from(1)), None);
        assert_eq!(mul_div_up(U256::MAX, U256::MAX, U256::from(2)), None);
        assert_eq!(mul_div(U256::from(1), U256::from(1), U256::ZERO), None);
        assert_eq!(most(U256::MAX, Bps(1)), U256::MAX);
        assert_eq!(least(U256::MAX, Bps(20_000)), U256::ZERO);
    }
}
