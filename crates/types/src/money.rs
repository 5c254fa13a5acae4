//! Money as integers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// Micro-dollars (10⁻⁶ USD), signed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Usd(pub i128);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole dollars.
    #[must_use]
    pub const fn dollars(dollars: i64) -> Self {
        Self(dollars as i128 * 1_000_000)
    }

    /// `bps` of `self`, rounded toward zero.
    #[must_use]
    pub fn fraction(self, bps: Bps) -> Self {
        let product = self.0.saturating_mul(i128::from(bps.0));
        // Most products fit a machine word, whose division is several times faster.
        match u64::try_from(product) {
            Ok(small) => Self(i128::from(small / 10_000)),
            Err(_) => Self(product / 10_000),
        }
    }

    /// The greater of `self` and zero.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// `self / whole` in basis points, rounded up in magnitude toward more exposure; `None` if
    /// `whole` is not positive or the ratio does not fit.
    #[must_use]
    pub fn share_of(self, whole: Self) -> Option<Bps> {
        if whole.0 <= 0 {
            return None;
        }
        let scaled = self.0.max(0).checked_mul(10_000)?;
        let up = scaled / whole.0 + i128::from(scaled % whole.0 != 0);
        u32::try_from(up).ok().map(Bps)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
impl Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}
impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Usd {
    /// `$1,234.56`, rounded to the cent toward zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs() / 10_000;
        let digits = (cents / 100).to_string();
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        f.pad(&format!("{sign}${grouped}.{:02}", cents % 100))
    }
}

/// Basis points: 10,000 are the whole.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bps(pub u32);

impl Bps {
    /// The whole.
    pub const WHOLE: Self = Self(10_000);

    /// `self` of another share, rounded down; at most that share.
    #[must_use]
    pub fn times(self, scale: Self) -> Self {
        let product = u64::from(self.0) * u64::from(scale.0.min(Self::WHOLE.0)) / 10_000;
        // At most `self`, since the scale is at most the whole.
        Self(u32::try_from(product).unwrap_or(self.0))
    }

    /// `self` of an integer amount, rounded down.
    #[must_use]
    pub fn of(self, amount: U256) -> U256 {
        let bps = U256::from(self.0);
        let whole = U256::from(10_000);
        // Split so that no intermediate product overflows for any amount and any share <= 100 %.
        (amount / whole).saturating_mul(bps) + (amount % whole) * bps / whole
    }
}

impl fmt::Display for Bps {
    /// As a percentage: `12.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        let text = match rest {
            0 => format!("{whole} %"),
            rest if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
            rest => format!("{whole}.{rest:02} %"),
        };
        f.pad(&text)
    }
}

/// Which way an inexact value is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero: for what we own.
    Down,
    /// Away from zero: for what we risk.
    Up,
}

/// The price of one whole token in units of 10⁻¹² USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(pub u128);

impl Price {
    /// 10⁻¹² USD per USD.
    pub const SCALE: u128 = 1_000_000_000_000;

    /// From an answer with `decimals` decimal places, as price feeds give it; `None` if it is
    /// zero or does not fit.
    #[must_use]
    pub fn from_scaled(answer: U256, decimals: u8) -> Option<Self> {
        let ten = U256::from(10);
        let scaled = if decimals <= 12 {
            answer.checked_mul(ten.checked_pow(U256::from(12 - decimals))?)?
        } else {
            answer / ten.checked_pow(U256::from(decimals - 12))?
        };
        u128::try_from(scaled)
            .ok()
            .filter(|price| *price > 0)
            .map(Self)
    }

    /// The value of `amount` base units of a token with `decimals` decimals; `None` on overflow.
    #[must_use]
    pub fn value(self, amount: U256, decimals: u8, rounding: Rounding) -> Option<Usd> {
        // micro-USD = amount · price · 10⁻¹² · 10⁶ / 10^decimals
        if let Some(micros) = self.small_value(amount, decimals, rounding) {
            return i128::try_from(micros).ok().map(Usd);
        }
        let product = amount.checked_mul(U256::from(self.0))?;
        let divisor = U256::from(10).checked_pow(U256::from(u32::from(decimals) + 6))?;
        let mut micros = product / divisor;
        if rounding == Rounding::Up && !(product % divisor).is_zero() {
            micros += U256::from(1);
        }
        i128::try_from(u128::try_from(micros).ok()?).ok().map(Usd)
    }

    /// The same in 128 bits, which most amounts fit; `None` if this one does not.
    fn small_value(self, amount: U256, decimals: u8, rounding: Rounding) -> Option<u128> {
        let product = u128::try_from(amount).ok()?.checked_mul(self.0)?;
        let divisor = 10_u128.checked_pow(u32::from(decimals) + 6)?;
        Some(match rounding {
            Rounding::Down => product / divisor,
            Rounding::Up => product.div_ceil(divisor),
        })
    }

    /// The most base units whose value, rounded up, does not exceed `value`; zero for a negative
    /// value, `None` on overflow.
    #[must_use]
    pub fn amount_worth(self, value: Usd, decimals: u8) -> Option<U256> {
        let micros = U256::from(u128::try_from(value.0.max(0)).ok()?);
        let scale = U256::from(10).checked_pow(U256::from(u32::from(decimals) + 6))?;
        Some(micros.checked_mul(scale)? / U256::from(self.0.max(1)))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = i128::try_from(self.0 / 1_000_000).unwrap_or(i128::MAX);
        write!(f, "{}", Usd(micros))
    }
}

/// Wei per gas, shown as gwei: three decimals, and all nine below a tenth of a gwei, where rollups
/// charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gwei(pub u128);

impl fmt::Display for Gwei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if self.0 < 100_000_000 && rest % 1_000_000 != 0 {
            write!(f, "0.{rest:09} gwei")
        } else {
            write!(f, "{whole}.{:03} gwei", rest / 1_000_000)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_and_a_half_ether_at_two_thousand_dollars() {
        let price = Price::from_scaled(U256::from(200_000_000_000u64), 8).unwrap();
        let amount = U256::from(1_500_000_000_000_000_000u64);
        assert_eq!(
            price.value(amount, 18, Rounding::Down),
            Some(Usd::dollars(3000))
        );
        assert_eq!(price.amount_worth(Usd::dollars(3000), 18), Some(amount));
    }

    #[test]
    fn risk_rounds_up_and_wealth_rounds_down() {
        let price = Price(Price::SCALE);
        let dust = U256::from(1);
        assert_eq!(price.value(dust, 18, Rounding::Down), Some(Usd(0)));
        assert_eq!(price.value(dust, 18, Rounding::Up), Some(Usd(1)));
        assert_eq!(Usd(1).share_of(Usd::dollars(1_000_000)), Some(Bps(1)));
    }

    #[test]
    fn absurd_amounts_give_none_and_not_a_wrapped_value() {
        assert_eq!(
            Price(Price::SCALE * 2000).value(U256::MAX, 18, Rounding::Up),
            None
        );
        assert_eq!(Bps(5000).of(U256::MAX), U256::MAX / U256::from(2));
    }

    #[test]
    fn text_forms() {
        assert_eq!(Usd(-1_234_567_890_000).to_string(), "-$1,234,567.89");
        assert_eq!(Usd(-1).to_string(), "$0.00");
        assert_eq!(Bps(1250).to_string(), "12.5 %");
        assert_eq!(Bps(2000).to_string(), "20 %");
        assert_eq!(Gwei(20_123_456_789).to_string(), "20.123 gwei");
        assert_eq!(Gwei(100_000_001).to_string(), "0.100 gwei");
        assert_eq!(Gwei(5_000_000).to_string(), "0.005 gwei");
        assert_eq!(Gwei(60_252).to_string(), "0.000060252 gwei");
    }
}
