//! Weights as integers: parts of 10⁻¹² of capital.

use airdrops_types::Usd;

/// Parts of the whole capital.
pub const PARTS: i128 = 1_000_000_000_000;

/// Parts of a whole coefficient.
pub const COEFFICIENT: i128 = 1_000_000_000;

/// A decimal fraction that was written with up to 12 decimals is read as that fraction: binary
/// fractions of a usual size lie this near to it, in parts.
const NOISE: f64 = 1e-3;

/// Which integer a number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Down,
    Nearest,
    Up,
}

/// `value · scale` as an integer; a number that misses one by no more than binary fractions miss
/// decimal ones is that integer. Saturates; not a number is 0.
fn integer(value: f64, scale: i128, to: To) -> i128 {
    #[expect(clippy::cast_precision_loss, reason = "10¹² and 10⁹ are exact")]
    let scaled = value * scale as f64;
    let nearest = libm::round(scaled);
    let noise = NOISE.max(scaled.abs() * 4.0 * f64::EPSILON);
    let rounded = if (scaled - nearest).abs() <= noise {
        nearest
    } else {
        match to {
            To::Down => libm::floor(scaled),
            To::Nearest => nearest,
            To::Up => libm::ceil(scaled),
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and the cast saturates"
    )]
    let integer = rounded as i128;
    integer
}

/// A fraction of capital in parts.
pub(crate) fn parts(fraction: f64, to: To) -> i128 {
    integer(fraction, PARTS, to)
}

/// A coefficient in parts of 10⁻⁹.
pub(crate) fn coefficient(value: f64, to: To) -> i128 {
    integer(value, COEFFICIENT, to)
}

/// A weight as a fraction of capital: the nearest binary fraction.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "the nearest is what is wanted")]
pub fn fraction(parts: i128) -> f64 {
    parts as f64 / PARTS as f64
}

/// What a weight is worth: `capital · parts / PARTS`, rounded toward zero to a micro-dollar.
#[must_use]
pub fn target(capital: Usd, parts: i128) -> Usd {
    Usd(capital.0.saturating_mul(parts) / PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_limits_are_exact_and_others_are_rounded_to_the_safe_side() {
        for (value, expected) in [
            (0.3, 300_000_000_000),
            (0.1 + 0.2, 300_000_000_000),
            (0.000_000_000_001, 1),
            (-0.7, -700_000_000_000),
            (1000.0, 1_000_000_000_000_000),
        ] {
            assert_eq!(parts(value, To::Down), expected);
            assert_eq!(parts(value, To::Up), expected);
        }
        assert_eq!(parts(1.0 / 3.0, To::Down), 333_333_333_333);
        assert_eq!(parts(1.0 / 3.0, To::Up), 333_333_333_334);
        assert_eq!(parts(-1.0 / 3.0, To::Down), -333_333_333_334);
        assert_eq!(coefficient(1.0 / 3.0, To::Up), 333_333_334);
        assert_eq!(parts(f64::NAN, To::Up), 0);
    }

    #[test]
    fn targets_are_micro_dollars_rounded_toward_zero() {
        assert_eq!(target(Usd::dollars(1), PARTS / 3), Usd(333_333));
        assert_eq!(target(Usd::dollars(1), -PARTS / 3), Usd(-333_333));
        assert_eq!(
            target(Usd(1_000_000_000_000_000_000), PARTS),
            Usd(1_000_000_000_000_000_000)
        );
    }
}
