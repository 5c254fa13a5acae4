//! An amount in parts that the transaction limit allows.

use airdrops_types::{Bps, Usd};

/// The share of the transaction limit that one part uses at most: prices may move against it by
/// about a tenth before the gate refuses it.
pub const USED_OF_LIMIT: Bps = Bps(9_000);

/// More parts than this are refused: so small a limit means that nothing should move.
pub const MAX_TRANCHES: i128 = 65_536;

/// Splits `amount` into the fewest equal parts (to a micro-dollar; larger ones first) of which
/// each is at most 90 % of `transaction_limit` of `equity`. Their sum is exactly `amount`.
///
/// Empty if nothing is to be moved (`amount` is not positive), and also if nothing may be: when
/// the limit of one part is zero, or more than [`MAX_TRANCHES`] parts would be needed.
#[must_use]
pub fn tranches(amount: Usd, transaction_limit: Bps, equity: Usd) -> Vec<Usd> {
    split(amount, largest_part(transaction_limit, equity))
}

/// The most that one part may be: 90 % of `transaction_limit` of `equity`.
#[must_use]
pub fn largest_part(transaction_limit: Bps, equity: Usd) -> Usd {
    equity
        .or_zero()
        .fraction(transaction_limit)
        .fraction(USED_OF_LIMIT)
}

/// Splits `amount` into the fewest equal parts (to a micro-dollar; larger ones first) of which each
/// is at most `most`; empty as [`tranches`] is.
#[must_use]
pub fn split(amount: Usd, most: Usd) -> Vec<Usd> {
    if amount.0 <= 0 || most.0 <= 0 {
        return Vec::new();
    }
    let count = amount.0 / most.0 + i128::from(amount.0 % most.0 != 0);
    if count > MAX_TRANCHES {
        return Vec::new();
    }
    let (part, rest) = (amount.0 / count, amount.0 % count);
    (0..count)
        .map(|index| Usd(part + i128::from(index < rest)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_large_amount_goes_in_equal_parts_below_the_limit() {
        // 5 % of $100,000 is $5,000, of which $4,500 are used: $10,000 need three parts.
        let parts = tranches(Usd::dollars(10_000), Bps(500), Usd::dollars(100_000));
        assert_eq!(
            parts,
            [Usd(3_333_333_334), Usd(3_333_333_333), Usd(3_333_333_333)]
        );
        let one = tranches(Usd::dollars(4_500), Bps(500), Usd::dollars(100_000));
        assert_eq!(one, [Usd::dollars(4_500)]);
        let two = tranches(Usd(4_500_000_001), Bps(500), Usd::dollars(100_000));
        assert_eq!(two.len(), 2);
    }

    #[test]
    fn nothing_moves_when_nothing_should_or_may() {
        let equity = Usd::dollars(100_000);
        for (amount, limit, equity) in [
            (Usd::ZERO, Bps(500), equity),
            (Usd(-1), Bps(500), equity),
            (Usd(1), Bps(0), equity),
            (Usd(1), Bps(500), Usd::ZERO),
            (Usd(1), Bps(500), Usd(-1)),
            (Usd(i128::MAX), Bps(1), equity),
        ] {
            assert_eq!(
                tranches(amount, limit, equity),
                [],
                "{amount} {limit} {equity}"
            );
        }
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_amount_and_each_is_within_nine_tenths_of_the_limit(
            amount in 1..10_i128.pow(13), limit in 1..=10_000_u32, equity in 1..10_i128.pow(13),
        ) {
            let parts = tranches(Usd(amount), Bps(limit), Usd(equity));
            let most = equity * i128::from(limit) / 10_000 * 9 / 10;
            if most == 0 || (amount + most - 1) / most > MAX_TRANCHES {
                prop_assert!(parts.is_empty());
                return Ok(());
            }
            prop_assert_eq!(parts.iter().copied().sum::<Usd>(), Usd(amount));
            let (least, largest) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
            prop_assert!(least.0 > 0);
            prop_assert!(largest.0 - least.0 <= 1);
            // largest / equity <= 90 % of limit, without rounding.
            prop_assert!(largest.0 * 100_000 <= equity * i128::from(limit) * 9);
            // Fewer would not do.
            prop_assert!((i128::try_from(parts.len()).unwrap() - 1) * most < amount);
        }
    }
}
