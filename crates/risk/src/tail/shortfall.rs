//! Value at risk and expected shortfall of a portfolio over scenarios, with what each asset adds.
//!
//! Of `n` scenarios the tail at level `q` is the `k = ⌊(n + 1)(1 − q)⌋` worst. Value at risk is the
//! smallest loss among them: if the next day is like the past ones, it loses more with a probability
//! of `k / (n + 1)`, never above `1 − q`. Expected shortfall is the mean loss of the tail (Acerbi and
//! Tasche 2002), and an asset's component the mean of its own loss over the same scenarios, `E[−wᵢ rᵢ
//! | tail]` (Tasche 1999): the components sum to the whole exactly.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Parts of a simple return of 1 in the integer arithmetic of money.
const PARTS: f64 = 1e12;

/// Simple returns per scenario and asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenarios {
    assets: usize,
    /// `scenarios × assets`, by scenario.
    returns: Vec<f64>,
}

/// Why there is no figure.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum TailError {
    /// Not one weight or exposure per asset.
    #[error("{given} exposures for {expected} assets")]
    Count {
        /// Given.
        given: usize,
        /// Assets.
        expected: usize,
    },
    /// The tail at this level has no scenario.
    #[error("{scenarios} scenarios have no tail at the level {level}")]
    TooFew {
        /// How many there are.
        scenarios: usize,
        /// The level asked for.
        level: f64,
    },
    /// A weight that is not finite, or an amount that does not fit.
    #[error("an exposure is no number, or too large")]
    Exposure,
}

/// The tail as shares of the portfolio's value. Losses are positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TailShares {
    /// Loss that is exceeded with a probability of at most 1 − level.
    pub value_at_risk: f64,
    /// Mean loss of the tail: the sum of the components.
    pub expected_shortfall: f64,
    /// What each asset adds; negative for one that gains in the tail.
    pub components: Vec<f64>,
}

/// The tail in money. Losses are positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailUsd {
    /// Loss that is exceeded with a probability of at most 1 − level.
    pub value_at_risk: Usd,
    /// Mean loss of the tail, rounded up: the sum of the components, to the micro-dollar.
    pub expected_shortfall: Usd,
    /// What each asset adds.
    pub components: Vec<Usd>,
}

impl Scenarios {
    /// `returns` is `scenarios × assets`, by scenario; an incomplete last row is left out, as are
    /// rows with a value that is not finite.
    #[must_use]
    pub fn new(assets: usize, mut returns: Vec<f64>) -> Self {
        let assets = assets.max(1);
        if !returns.len().is_multiple_of(assets) || !returns.iter().all(|value| value.is_finite()) {
            let sound = returns
                .chunks_exact(assets)
                .filter(|row| row.iter().all(|value| value.is_finite()));
            returns = sound.flatten().copied().collect();
        }
        Self { assets, returns }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.returns.len() / self.assets
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.returns.is_empty()
    }

    /// The tail of a portfolio with the given weights, as shares of its value.
    ///
    /// # Errors
    /// If there is not one finite weight per asset, or no scenario in the tail.
    pub fn tail(&self, weights: &[f64], level: f64) -> Result<TailShares, TailError> {
        self.check(weights.len())?;
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err(TailError::Exposure);
        }
        let size = self.tail_size(level)?;
        let losses = self.rows().map(|row| {
            let loss: f64 = row.iter().zip(weights).map(|(r, weight)| -r * weight).sum();
            loss
        });
        let worst = worst(losses.collect(), size, f64::total_cmp);
        let (_, value_at_risk) = worst.last().copied().ok_or(TailError::Exposure)?;
        #[allow(clippy::cast_precision_loss)]
        let count = size as f64;
        let components: Vec<f64> = weights
            .iter()
            .enumerate()
            .map(|(asset, weight)| {
                let own = worst
                    .iter()
                    .map(|(scenario, _)| -weight * self.returns[scenario * self.assets + asset]);
                own.sum::<f64>() / count
            })
            .collect();
        Ok(TailShares {
            value_at_risk,
            expected_shortfall: components.iter().sum(),
            components,
        })
    }

    /// The tail of the given exposures, in money.
    ///
    /// # Errors
    /// If there is not one exposure per asset, no scenario in the tail, or a product does not fit.
    pub fn tail_usd(&self, exposures: &[Usd], level: f64) -> Result<TailUsd, TailError> {
        self.check(exposures.len())?;
        let size = self.tail_size(level)?;
        let mut own = Vec::with_capacity(self.returns.len());
        for row in self.rows() {
            for (value, exposure) in row.iter().zip(exposures) {
                own.push(loss(*exposure, *value)?);
            }
        }
        let mut losses = Vec::with_capacity(self.len());
        for row in own.chunks_exact(self.assets) {
            losses.push(sum(row.iter().copied())?);
        }
        let worst = worst(losses, size, i128::cmp);
        let (_, value_at_risk) = worst.last().copied().ok_or(TailError::Exposure)?;
        let mut sums = Vec::with_capacity(self.assets);
        for asset in 0..self.assets {
            let losses = worst
                .iter()
                .map(|(scenario, _)| own[scenario * self.assets + asset]);
            sums.push(sum(losses)?);
        }
        let count = i128::try_from(size).map_err(|_| TailError::Exposure)?;
        let whole = sum(sums.iter().copied())?;
        let expected_shortfall = whole.div_euclid(count) + i128::from(whole.rem_euclid(count) != 0);
        Ok(TailUsd {
            value_at_risk: Usd(value_at_risk),
            expected_shortfall: Usd(expected_shortfall),
            components: shared(&sums, count, expected_shortfall),
        })
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.returns.chunks_exact(self.assets)
    }

    fn check(&self, given: usize) -> Result<(), TailError> {
        if given == self.assets {
            Ok(())
        } else {
            Err(TailError::Count {
                given,
                expected: self.assets,
            })
        }
    }

    /// `⌊(n + 1)(1 − level)⌋`.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    fn tail_size(&self, level: f64) -> Result<usize, TailError> {
        let scenarios = self.len();
        // The addend makes up for levels such as 0.975, whose complement is not exact.
        let size = (scenarios + 1) as f64 * (1.0 - level) + 1e-9;
        if !(0.0..1.0).contains(&level) || size < 1.0 {
            return Err(TailError::TooFew { scenarios, level });
        }
        Ok((size as usize).min(scenarios))
    }
}

/// The `size` greatest losses with their scenarios, the greatest first; of equals, the first.
fn worst<T: Copy>(
    losses: Vec<T>,
    size: usize,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Vec<(usize, T)> {
    let mut losses: Vec<(usize, T)> = losses.into_iter().enumerate().collect();
    let by_loss = |a: &(usize, T), b: &(usize, T)| order(&b.1, &a.1).then(a.0.cmp(&b.0));
    if size < losses.len() {
        losses.select_nth_unstable_by(size, by_loss);
        losses.truncate(size);
    }
    losses.sort_unstable_by(by_loss);
    losses
}

/// `−exposure · value`, rounded up: toward the greater loss.
#[allow(clippy::cast_possible_truncation)]
fn loss(exposure: Usd, value: f64) -> Result<i128, TailError> {
    // Returns lie within ±e¹⁰, so that the cast does not saturate.
    let parts = (-value * PARTS).round() as i128;
    let product = exposure.0.checked_mul(parts).ok_or(TailError::Exposure)?;
    let whole = 1_000_000_000_000;
    Ok(product.div_euclid(whole) + i128::from(product.rem_euclid(whole) != 0))
}

fn sum(mut values: impl Iterator<Item = i128>) -> Result<i128, TailError> {
    values
        .try_fold(0_i128, i128::checked_add)
        .ok_or(TailError::Exposure)
}

/// `sums / count`, rounded so that they sum to `whole`: down, and then one more each for those with
/// the greatest remainders; of equals, the first.
fn shared(sums: &[i128], count: i128, whole: i128) -> Vec<Usd> {
    let mut parts: Vec<i128> = sums.iter().map(|sum| sum.div_euclid(count)).collect();
    let missing = whole - parts.iter().sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..sums.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(sums[*index].rem_euclid(count)));
    // Fewer are missing than there are parts, each having lost less than one.
    for index in by_remainder
        .into_iter()
        .take(usize::try_from(missing).unwrap_or(0))
    {
        parts[index] += 1;
    }
    parts.into_iter().map(Usd).collect()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    use proptest::prelude::*;

    use super::*;

    /// 99 scenarios of two assets: the first loses 1 % to 99 %, the second gains half of it.
    fn ladder() -> Scenarios {
        let returns = (1..=99).flat_map(|step| {
            let fall = f64::from(step) / 100.0;
            [-fall, fall / 2.0]
        });
        Scenarios::new(2, returns.collect())
    }

    #[test]
    fn the_tail_by_hand() {
        // (99 + 1) · 2.5 % = 2.5: the two worst.
        let tail = ladder().tail(&[1.0, 0.0], 0.975).unwrap();
        assert!((tail.value_at_risk - 0.98).abs() < 1e-12);
        assert!((tail.expected_shortfall - 0.985).abs() < 1e-12);
        // The worst one, at 99 %: 0.5 · 0.99 − 0.5 · 0.495.
        let hedged = ladder().tail(&[0.5, 0.5], 0.99).unwrap();
        assert!((hedged.value_at_risk - 0.2475).abs() < 1e-12);
        assert!((hedged.components[0] - 0.495).abs() < 1e-12);
        assert!((hedged.components[1] + 0.2475).abs() < 1e-12);
        let money = ladder()
            .tail_usd(&[Usd::dollars(100), Usd::ZERO], 0.975)
            .unwrap();
        assert_eq!(money.value_at_risk, Usd::dollars(98));
        assert_eq!(money.expected_shortfall, Usd(98_500_000));
    }

    #[test]
    fn a_tail_without_a_scenario_is_no_figure() {
        let few = Scenarios::new(1, vec![-0.1; 98]);
        assert_eq!(
            few.tail(&[1.0], 0.99),
            Err(TailError::TooFew {
                scenarios: 98,
                level: 0.99
            })
        );
        assert!(few.tail(&[1.0], 1.0).is_err());
        assert!(few.tail(&[1.0], f64::NAN).is_err());
        assert!(few.tail(&[1.0, 2.0], 0.9).is_err());
        assert!(few.tail(&[f64::NAN], 0.9).is_err());
        assert!(few.tail_usd(&[Usd(i128::MAX)], 0.9).is_err());
        assert!(Scenarios::new(1, Vec::new()).tail(&[1.0], 0.5).is_err());
        assert_eq!(Scenarios::new(2, vec![0.1, f64::NAN, 0.2, 0.3]).len(), 1);
    }

    proptest! {
        #[test]
        fn components_sum_to_the_whole_exactly_in_money(
            returns in prop::collection::vec(-0.9f64..3.0, 300..600),
            exposures in prop::collection::vec(-1_000_000_000_000i128..1_000_000_000_000_000, 3),
        ) {
            let scenarios = Scenarios::new(3, returns);
            let exposures: Vec<Usd> = exposures.into_iter().map(Usd).collect();
            let tail = scenarios.tail_usd(&exposures, 0.975).unwrap();
            let sum: i128 = tail.components.iter().map(|part| part.0).sum();
            prop_assert_eq!(Usd(sum), tail.expected_shortfall);
            prop_assert!(tail.expected_shortfall >= tail.value_at_risk);
        }

        #[test]
        fn shares_and_money_agree_and_shortfall_is_the_mean_of_the_tail(
            returns in prop::collection::vec(-0.9f64..3.0, 300..600),
            weights in prop::collection::vec(0.0f64..1.0, 2),
        ) {
            let scenarios = Scenarios::new(2, returns.clone());
            let tail = scenarios.tail(&weights, 0.975).unwrap();
            let mut losses: Vec<f64> = returns
                .chunks_exact(2)
                .map(|row| -row[0] * weights[0] - row[1] * weights[1])
                .collect();
            losses.sort_by(|a, b| b.total_cmp(a));
            let size = ((losses.len() + 1) as f64 * 0.025 + 1e-9).floor() as usize;
            let mean = losses[..size].iter().sum::<f64>() / size as f64;
            prop_assert!((tail.expected_shortfall - mean).abs() < 1e-12);
            prop_assert!((tail.value_at_risk - losses[size - 1]).abs() < 1e-12);
            let exposures: Vec<Usd> = weights.iter().map(|w| Usd((w * 1e12) as i128)).collect();
            let money = scenarios.tail_usd(&exposures, 0.975).unwrap();
            prop_assert!((money.expected_shortfall.0 as f64 / 1e12 - mean).abs() < 1e-9);
        }

        #[test]
        fn a_greater_position_in_one_asset_never_risks_less(
            returns in prop::collection::vec(-0.9f64..3.0, 200..400),
            exposure in 1i128..1_000_000_000_000,
            more in 0i128..1_000_000_000_000,
        ) {
            let scenarios = Scenarios::new(1, returns);
            let risk = |micros| scenarios.tail_usd(&[Usd(micros)], 0.99).unwrap().value_at_risk.0.max(0);
            prop_assert!(risk(exposure + more) >= risk(exposure));
        }

        #[test]
        fn a_stricter_level_never_risks_less(returns in prop::collection::vec(-0.9f64..3.0, 200..400)) {
            let scenarios = Scenarios::new(1, returns);
            let (strict, loose) = (scenarios.tail(&[1.0], 0.99).unwrap(), scenarios.tail(&[1.0], 0.975).unwrap());
            prop_assert!(strict.value_at_risk >= loose.value_at_risk);
            prop_assert!(strict.expected_shortfall >= loose.expected_shortfall);
        }
    }
}
