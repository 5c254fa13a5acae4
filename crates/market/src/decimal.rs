//! Decimal text to integers, exactly.

use std::fmt;

use airdrops_types::{Price, Usd};

/// The dearest token that is believed, dollars.
const DEAREST: u128 = 1_000_000_000_000;

/// The greatest value locked that is believed, dollars.
const MOST_LOCKED: u128 = 1_000_000_000_000_000;

/// The longest decimal that is read, characters.
const LONGEST: usize = 128;

/// Why a decimal was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotDecimal,
    Negative,
    Zero,
    TooSmall,
    TooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDecimal => "is not a decimal number",
            Self::Negative => "is negative",
            Self::Zero => "is zero",
            Self::TooSmall => "is too small to be one",
            Self::TooLarge => "is too large to be one",
        })
    }
}

/// A decimal taken apart: `digits` without leading zeros, times ten to the `exponent`.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Digits, with at most one point between digits, and an exponent. No space, no plus before
    /// the digits, no `inf` or `NaN`.
    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::NotDecimal);
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(Refusal::NotDecimal),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) {
            return Err(Refusal::NotDecimal);
        }
        let places = i64::try_from(fraction.len()).map_err(|_| Refusal::NotDecimal)?;
        Ok(Self {
            negative,
            digits: format!("{whole}{fraction}")
                .trim_start_matches('0')
                .to_owned(),
            exponent: exponent - places,
        })
    }

    /// The value times ten to the `places`, rounded down.
    fn scaled(&self, places: i64) -> Result<u128, Refusal> {
        if self.digits.is_empty() {
            return Ok(0);
        }
        if self.negative {
            return Err(Refusal::Negative);
        }
        let shift = self.exponent + places;
        let length = i64::try_from(self.digits.len()).map_err(|_| Refusal::TooLarge)?;
        if length + shift <= 0 {
            return Err(Refusal::TooSmall);
        }
        if length + shift > 39 {
            return Err(Refusal::TooLarge);
        }
        let kept = usize::try_from(length + shift.min(0)).map_err(|_| Refusal::TooSmall)?;
        let padding = usize::try_from(shift.max(0)).map_err(|_| Refusal::TooLarge)?;
        format!("{}{}", &self.digits[..kept], "0".repeat(padding))
            .parse()
            .map_err(|_| Refusal::TooLarge)
    }
}

/// An exponent; one that no number here can have saturates.
fn parse_exponent(text: &str) -> Result<i64, Refusal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::NotDecimal);
    }
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000);
    Ok(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// An integer as the sources write it: digits, with a minus before them or nothing.
pub(crate) fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A price in dollars: above zero, at most 10¹², digits beyond the twelfth place cut.
pub(crate) fn price(text: &str) -> Result<Price, Refusal> {
    match Decimal::parse(text)?.scaled(12)? {
        0 => Err(Refusal::Zero),
        scaled if scaled > DEAREST * Price::SCALE => Err(Refusal::TooLarge),
        scaled => Ok(Price(scaled)),
    }
}

/// An amount of dollars: zero or more, at most 10¹⁵, digits beyond the sixth place cut.
pub(crate) fn dollars(text: &str) -> Result<Usd, Refusal> {
    let micros = match Decimal::parse(text)?.scaled(6) {
        Err(Refusal::TooSmall) => 0,
        micros => micros?,
    };
    if micros > MOST_LOCKED * 1_000_000 {
        return Err(Refusal::TooLarge);
    }
    i128::try_from(micros)
        .map(Usd)
        .map_err(|_| Refusal::TooLarge)
}

/// A price as the estimators take it, under the same rules as [`price`].
pub(crate) fn price_float(text: &str) -> Result<f64, Refusal> {
    price(text)?;
    text.parse().map_err(|_| Refusal::NotDecimal)
}

/// A share between 0 and 1 in basis points, rounded up.
pub(crate) fn share(text: &str) -> Result<u32, Refusal> {
    let millionths = match Decimal::parse(text)?.scaled(8) {
        Err(Refusal::TooSmall) => 1,
        millionths => millionths?,
    };
    match millionths.div_ceil(10_000) {
        bps @ 0..=10_000 => u32::try_from(bps).map_err(|_| Refusal::TooLarge),
        _ => Err(Refusal::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_read_to_the_last_digit() {
        for (text, expected) in [
            ("1", 1_000_000_000_000),
            ("3012.123456789012", 3_012_123_456_789_012),
            ("0.000000000001", 1),
            ("1.2345e-7", 123_450),
            ("6140993501000e-8", 61_409_935_010_000_000),
            ("1E3", 1_000_000_000_000_000),
            ("0.1234567890129", 123_456_789_012),
            ("00012.50", 12_500_000_000_000),
            ("1000000000000", 1_000_000_000_000 * Price::SCALE),
        ] {
            assert_eq!(price(text), Ok(Price(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_is_refused_with_its_reason() {
        for (text, expected) in [
            ("", Refusal::NotDecimal),
            ("-", Refusal::NotDecimal),
            (".5", Refusal::NotDecimal),
            ("5.", Refusal::NotDecimal),
            ("+1", Refusal::NotDecimal),
            (" 1", Refusal::NotDecimal),
            ("1_000", Refusal::NotDecimal),
            ("1,000", Refusal::NotDecimal),
            ("1.2.3", Refusal::NotDecimal),
            ("1e", Refusal::NotDecimal),
            ("1e+-3", Refusal::NotDecimal),
            ("NaN", Refusal::NotDecimal),
            ("inf", Refusal::NotDecimal),
            ("Infinity", Refusal::NotDecimal),
            ("0x10", Refusal::NotDecimal),
            ("\u{661}", Refusal::NotDecimal),
            ("-1", Refusal::Negative),
            ("-1e400", Refusal::Negative),
            ("0", Refusal::Zero),
            ("-0.000", Refusal::Zero),
            ("0e999999999999", Refusal::Zero),
            ("1e-13", Refusal::TooSmall),
            ("1e-99999999999999999999", Refusal::TooSmall),
            ("1000000000000.000000000001", Refusal::TooLarge),
            ("1e400", Refusal::TooLarge),
            ("1e99999999999999999999", Refusal::TooLarge),
            ("9".repeat(129).as_str(), Refusal::NotDecimal),
        ] {
            assert_eq!(price(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn an_empty_protocol_has_a_value_of_zero_and_not_none() {
        assert_eq!(dollars("0"), Ok(Usd::ZERO));
        assert_eq!(dollars("1e-9"), Ok(Usd::ZERO));
        assert_eq!(dollars("1234.5678905"), Ok(Usd(1_234_567_890)));
        assert_eq!(dollars("-1"), Err(Refusal::Negative));
        assert_eq!(dollars("1e16"), Err(Refusal::TooLarge));
    }

    #[test]
    fn a_tax_is_rounded_toward_more() {
        assert_eq!(share("0"), Ok(0));
        assert_eq!(share("0.05"), Ok(500));
        assert_eq!(share("0.00001"), Ok(1));
        assert_eq!(share("1e-20"), Ok(1));
        assert_eq!(share("1"), Ok(10_000));
        assert_eq!(share("1.01"), Err(Refusal::TooLarge));
        assert_eq!(share("-0.1"), Err(Refusal::Negative));
    }

    #[test]
    fn an_integer_has_no_plus_and_no_space() {
        assert_eq!(integer::<i64>("-12"), Some(-12));
        assert_eq!(integer::<u64>("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "-", "+1", " 1", "1.0", "1e3", "--1"] {
            assert_eq!(integer::<i64>(wrong), None, "{wrong}");
        }
        assert_eq!(integer::<u64>("-1"), None);
    }

    proptest! {
        #[test]
        fn every_price_survives_its_own_text(units in 1..=DEAREST * Price::SCALE) {
            let text = format!("{}.{:012}", units / Price::SCALE, units % Price::SCALE);
            prop_assert_eq!(price(&text), Ok(Price(units)));
            prop_assert_eq!(price(&format!("{units}e-12")), Ok(Price(units)));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eENaif ]{0,24}") {
            let _ = (price(&text), dollars(&text), share(&text), price_float(&text));
        }
    }
}
