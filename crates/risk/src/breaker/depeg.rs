//! Assets away from their peg.
//!
//! Above the peg counts as below: whoever owes the asset loses by that. The steps were measured on
//! 14.2 coin-years of hourly closes of eight dollar stablecoins: more than 0.5 % for 3 h happened
//! 0.98 times per coin and year, more than 1 % for 3 h 0.56 times, more than 2 % for 2 h 0.21 times;
//! they named UST on 8 and 9 May 2022 at 0.993, 0.981 and 0.948.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{AssetId, Bps, ControlState, Price, Reading, Scope, Timestamp, U256};
use serde::{Deserialize, Serialize};

use super::episode::{Episode, span};
use super::{BreakerKind, Demand};

/// What an asset is worth by promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peg {
    /// This price.
    Price(Price),
    /// As much as another asset.
    Asset(AssetId),
}

impl Peg {
    /// One dollar.
    pub const DOLLAR: Self = Self::Price(Price(Price::SCALE));
}

/// A deviation, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepegStep {
    /// More than this, up or down.
    pub deviation: Bps,
    /// For this long.
    pub lasting: Duration,
}

/// When an asset is off its peg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepegLimits {
    /// The assets that have a peg.
    pub pegs: BTreeMap<AssetId, Peg>,
    /// From when on the asset is handled with caution.
    pub warn: DepegStep,
    /// From when on it is only reduced.
    pub reduce: DepegStep,
    /// From when on it is halted.
    pub halt: DepegStep,
    /// A pause between two prices that is longer does not count.
    pub max_gap: Duration,
}

impl Default for DepegLimits {
    /// No asset; 0.5 % for 3 h, 1 % for 3 h, 2 % for 2 h.
    fn default() -> Self {
        let step = |bps, hours: u64| DepegStep {
            deviation: Bps(bps),
            lasting: Duration::from_secs(hours * 3600),
        };
        Self {
            pegs: BTreeMap::new(),
            warn: step(50, 3),
            reduce: step(100, 3),
            halt: step(200, 2),
            max_gap: Duration::from_secs(30 * 60),
        }
    }
}

impl DepegLimits {
    fn steps(&self) -> [(ControlState, DepegStep); 3] {
        [
            (ControlState::Cautious, self.warn),
            (ControlState::Reducing, self.reduce),
            (ControlState::Halted, self.halt),
        ]
    }

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        let deviations = self.steps().map(|(_, step)| step.deviation);
        if deviations[0] == Bps(0) || !deviations.is_sorted() || deviations[2] > Bps::WHOLE {
            let [warn, reduce, halt] = deviations;
            wrong.push(format!(
                "depeg: the deviations {warn}, {reduce}, {halt} must rise from above 0 % to at \
                 most 100 %"
            ));
        }
        if self.max_gap.is_zero() {
            wrong.push("depeg.max_gap is zero: no time would ever count".to_owned());
        }
        for (asset, peg) in &self.pegs {
            match peg {
                Peg::Price(Price(0)) => wrong.push(format!("depeg.pegs.{asset} is zero")),
                Peg::Asset(other) if other == asset => {
                    wrong.push(format!("depeg.pegs.{asset} is the asset itself"));
                }
                Peg::Price(_) | Peg::Asset(_) => {}
            }
        }
    }
}

/// A price beside its peg.
struct Deviation {
    price: Price,
    peg: Price,
}

impl Deviation {
    /// What fresh prices say of an asset; `None` if they say nothing.
    fn of(asset: &AssetId, peg: &Peg, prices: &BTreeMap<AssetId, Reading<Price>>) -> Option<Self> {
        let fresh = |asset| prices.get(asset).and_then(Reading::fresh).copied();
        let peg = match peg {
            Peg::Price(price) => *price,
            Peg::Asset(other) => fresh(other)?,
        };
        let price = fresh(asset)?;
        (peg.0 > 0).then_some(Self { price, peg })
    }

    /// How it compares to a share of the peg.
    fn cmp(&self, share: Bps) -> std::cmp::Ordering {
        let off = U256::from(self.price.0.abs_diff(self.peg.0)) * U256::from(10_000);
        off.cmp(&(U256::from(self.peg.0) * U256::from(share.0)))
    }

    /// As a share of the peg, rounded up.
    fn share(&self) -> Bps {
        let off = U256::from(self.price.0.abs_diff(self.peg.0)) * U256::from(10_000);
        Bps(u32::try_from(off.div_ceil(U256::from(self.peg.0))).unwrap_or(u32::MAX))
    }

    fn words(&self, asset: &AssetId) -> String {
        let way = if self.price < self.peg {
            "below"
        } else {
            "above"
        };
        format!("{asset} is {} {way} its peg", self.share())
    }
}

/// The breaker: for how long each asset has been off its peg.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Depeg {
    /// Per asset: beyond the warning, the reduction and the halt.
    episodes: BTreeMap<AssetId, [Episode; 3]>,
}

impl Depeg {
    /// What each asset with a peg and a fresh price demands. A price that is not fresh says
    /// nothing.
    pub fn assess(
        &mut self,
        prices: &BTreeMap<AssetId, Reading<Price>>,
        limits: &DepegLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        self.episodes
            .retain(|asset, _| limits.pegs.contains_key(asset));
        let mut demands = Vec::new();
        for (asset, peg) in &limits.pegs {
            let Some(deviation) = Deviation::of(asset, peg, prices) else {
                continue;
            };
            let mut evidence = deviation.words(asset);
            let (mut state, mut present) = (ControlState::Active, ControlState::Active);
            let episodes = self.episodes.entry(asset.clone()).or_default();
            for ((demanded, step), episode) in limits.steps().into_iter().zip(episodes) {
                let beyond = deviation.cmp(step.deviation).is_gt();
                let lasted = episode.observe(beyond, now, limits.max_gap);
                if !beyond {
                    continue;
                }
                present = demanded;
                if lasted >= step.lasting {
                    state = demanded;
                    evidence = format!(
                        "{}, and has been off it by more than {} for {}; limit {}",
                        deviation.words(asset),
                        step.deviation,
                        span(lasted),
                        span(step.lasting)
                    );
                }
            }
            let scope = Scope::Asset(asset.clone());
            demands
                .push(Demand::new(scope, BreakerKind::Depeg, state, evidence).easing_to(present));
        }
        demands
    }

    /// The assets whose fresh prices are off their pegs by at least the halting deviation now, with
    /// the facts in words.
    pub fn far_off<'a>(
        prices: &'a BTreeMap<AssetId, Reading<Price>>,
        limits: &'a DepegLimits,
    ) -> impl Iterator<Item = (&'a AssetId, String)> {
        limits.pegs.iter().filter_map(|(asset, peg)| {
            let deviation = Deviation::of(asset, peg, prices)?;
            let far = deviation.cmp(limits.halt.deviation).is_ge();
            far.then(|| (asset, deviation.words(asset)))
        })
    }

    /// Starts the episodes of an asset again.
    pub(super) fn restart(&mut self, asset: &AssetId) {
        self.episodes.remove(asset);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use ControlState::{Active, Cautious, Halted, Reducing};

    const MINUTE: i64 = 60_000;

    fn limits() -> DepegLimits {
        DepegLimits {
            pegs: BTreeMap::from([(AssetId::new("USDC"), Peg::DOLLAR)]),
            ..DepegLimits::default()
        }
    }

    /// A fresh price in millionths of a dollar.
    fn at(millionths: u128) -> Reading<Price> {
        Reading::Fresh {
            value: Price(millionths * 1_000_000),
            at: Timestamp(0),
        }
    }

    fn prices(millionths: u128) -> BTreeMap<AssetId, Reading<Price>> {
        BTreeMap::from([(AssetId::new("USDC"), at(millionths))])
    }

    fn see(breaker: &mut Depeg, minute: i64, millionths: u128) -> (ControlState, ControlState) {
        let now = Timestamp(minute * MINUTE);
        let demands = breaker.assess(&prices(millionths), &limits(), now);
        assert_eq!(demands.len(), 1);
        assert_eq!(demands[0].scope, Scope::Asset(AssetId::new("USDC")));
        assert_eq!(demands[0].kind, BreakerKind::Depeg);
        (demands[0].state, demands[0].eases_to)
    }

    /// The states over five hours at one price, and from which minute on each holds.
    fn course(millionths: u128) -> Vec<(i64, ControlState)> {
        let mut breaker = Depeg::default();
        let mut course = vec![(0, Active)];
        for minute in 0..=300 {
            let (state, _) = see(&mut breaker, minute, millionths);
            if course.last().unwrap().1 != state {
                course.push((minute, state));
            }
        }
        course
    }

    #[test]
    fn deviations_trip_after_their_times_and_not_at_the_threshold() {
        assert_eq!(course(1_000_000), [(0, Active)]);
        assert_eq!(course(995_000), [(0, Active)]);
        assert_eq!(course(994_999), [(0, Active), (180, Cautious)]);
        assert_eq!(course(990_000), [(0, Active), (180, Cautious)]);
        assert_eq!(course(989_999), [(0, Active), (180, Reducing)]);
        assert_eq!(course(980_000), [(0, Active), (180, Reducing)]);
        assert_eq!(course(979_999), [(0, Active), (120, Halted)]);
    }

    #[test]
    fn a_price_above_the_peg_counts_as_well() {
        assert_eq!(course(1_005_000), [(0, Active)]);
        assert_eq!(course(1_005_001), [(0, Active), (180, Cautious)]);
        assert_eq!(course(1_010_001), [(0, Active), (180, Reducing)]);
        assert_eq!(course(1_020_001), [(0, Active), (120, Halted)]);
    }

    #[test]
    fn the_present_deviation_holds_a_standing_trip_before_its_time_has_come() {
        let mut breaker = Depeg::default();
        assert_eq!(see(&mut breaker, 0, 1_000_000), (Active, Active));
        assert_eq!(see(&mut breaker, 1, 994_999), (Active, Cautious));
        assert_eq!(see(&mut breaker, 2, 985_000), (Active, Reducing));
        assert_eq!(see(&mut breaker, 3, 900_000), (Active, Halted));
    }

    #[test]
    fn a_price_at_its_peg_ends_the_episode() {
        let mut breaker = Depeg::default();
        for minute in 0..179 {
            see(&mut breaker, minute, 994_000);
        }
        see(&mut breaker, 179, 995_000);
        assert_eq!(see(&mut breaker, 180, 994_000), (Active, Cautious));
    }

    #[test]
    fn a_gap_in_the_data_neither_resets_nor_extends_an_episode() {
        let mut breaker = Depeg::default();
        for minute in 0..=100 {
            see(&mut breaker, minute, 970_000);
        }
        let missing = BTreeMap::from([(AssetId::new("USDC"), Reading::missing("no source"))]);
        let stale = BTreeMap::from([(
            AssetId::new("USDC"),
            Reading::Stale {
                value: Price(Price::SCALE),
                at: Timestamp(0),
                reason: "disputed".to_owned(),
            },
        )]);
        for blind in [missing, stale, BTreeMap::new()] {
            let now = Timestamp(101 * MINUTE);
            assert_eq!(breaker.assess(&blind, &limits(), now), []);
        }
        // Half an hour still counts, more does not.
        let mut longer = breaker.clone();
        assert_eq!(see(&mut breaker, 130, 970_000), (Halted, Halted));
        assert_eq!(see(&mut longer, 131, 970_000), (Active, Halted));
        assert_eq!(see(&mut longer, 150, 970_000), (Active, Halted));
        assert_eq!(see(&mut longer, 151, 970_000), (Halted, Halted));
    }

    #[test]
    fn the_evidence_names_deviation_time_and_limit() {
        let mut breaker = Depeg::default();
        for minute in 0..120 {
            see(&mut breaker, minute, 970_000);
        }
        let now = Timestamp(120 * MINUTE);
        let demands = breaker.assess(&prices(970_000), &limits(), now);
        assert_eq!(
            demands[0].evidence,
            "USDC is 3 % below its peg, and has been off it by more than 2 % for 2 h; limit 2 h"
        );
        let demands = breaker.assess(&prices(1_000_001), &limits(), now);
        assert_eq!(demands[0].evidence, "USDC is 0.01 % above its peg");
    }

    #[test]
    fn an_asset_may_be_pegged_to_another() {
        let mut limits = limits();
        let asset = AssetId::new("stETH");
        limits.pegs = BTreeMap::from([(asset.clone(), Peg::Asset(AssetId::new("ETH")))]);
        let both = |staked| {
            BTreeMap::from([
                (asset.clone(), at(staked)),
                (AssetId::new("ETH"), at(2_000_000_000)),
            ])
        };
        let mut breaker = Depeg::default();
        let mut present = |prices| {
            let demands = breaker.assess(&prices, &limits, Timestamp(0));
            demands.first().map(|demand| demand.eases_to)
        };
        assert_eq!(present(both(1_990_000_000)), Some(Active));
        assert_eq!(present(both(1_989_999_999)), Some(Cautious));
        assert_eq!(
            present(BTreeMap::from([(asset.clone(), at(1_500_000_000))])),
            None
        );
        let mut without = both(1_500_000_000);
        without.insert(AssetId::new("ETH"), at(0));
        assert_eq!(present(without), None);
    }

    #[test]
    fn absurd_prices_are_far_off_and_do_not_wrap() {
        let limits = limits();
        let absurd = BTreeMap::from([(
            AssetId::new("USDC"),
            Reading::Fresh {
                value: Price(u128::MAX),
                at: Timestamp(0),
            },
        )]);
        assert_eq!(Depeg::far_off(&absurd, &limits).count(), 1);
        assert_eq!(Depeg::far_off(&prices(980_000), &limits).count(), 1);
        assert_eq!(Depeg::far_off(&prices(980_001), &limits).count(), 0);
        assert_eq!(Depeg::far_off(&BTreeMap::new(), &limits).count(), 0);
    }

    #[test]
    fn a_restart_goes_on_counting_and_a_clearing_starts_again() {
        let mut before = Depeg::default();
        for minute in 0..120 {
            see(&mut before, minute, 970_000);
        }
        let text = serde_json::to_string(&before).unwrap();
        let mut after: Depeg = serde_json::from_str(&text).unwrap();
        assert_eq!(see(&mut after, 120, 970_000), (Halted, Halted));
        after.restart(&AssetId::new("USDC"));
        for minute in 121..241 {
            assert_eq!(see(&mut after, minute, 970_000), (Active, Halted));
        }
        assert_eq!(see(&mut after, 241, 970_000), (Halted, Halted));
    }

    #[test]
    fn an_asset_whose_peg_was_taken_away_is_forgotten() {
        let mut breaker = Depeg::default();
        see(&mut breaker, 0, 970_000);
        breaker.assess(&prices(970_000), &DepegLimits::default(), Timestamp(1));
        assert_eq!(breaker, Depeg::default());
    }

    #[test]
    fn limits_that_make_no_sense_are_named() {
        let count = |change: fn(&mut DepegLimits)| {
            let (mut limits, mut wrong) = (limits(), Vec::new());
            change(&mut limits);
            limits.validate(&mut wrong);
            wrong.len()
        };
        assert_eq!(count(|_| {}), 0);
        assert_eq!(count(|limits| limits.warn.deviation = Bps(0)), 1);
        assert_eq!(count(|limits| limits.warn.deviation = Bps(101)), 1);
        assert_eq!(count(|limits| limits.reduce.deviation = Bps(201)), 1);
        assert_eq!(count(|limits| limits.halt.deviation = Bps(10_000)), 0);
        assert_eq!(count(|limits| limits.halt.deviation = Bps(10_001)), 1);
        assert_eq!(count(|limits| limits.max_gap = Duration::ZERO), 1);
        assert_eq!(
            count(|limits| {
                let usdc = AssetId::new("USDC");
                limits.pegs.insert(usdc.clone(), Peg::Asset(usdc));
                limits
                    .pegs
                    .insert(AssetId::new("DAI"), Peg::Price(Price(0)));
            }),
            2
        );
        assert_eq!(
            count(|limits| {
                let usdc = AssetId::new("USDC");
                limits.pegs.insert(AssetId::new("USDbC"), Peg::Asset(usdc));
            }),
            0
        );
    }

    proptest! {
        #[test]
        fn a_price_further_off_never_gives_a_better_state(
            course in prop::collection::vec((0u128..40_000, 0u128..40_000, 1i64..40), 1..60),
        ) {
            let (mut near, mut far) = (Depeg::default(), Depeg::default());
            let mut minute = 0;
            for (off, more, passed) in course {
                minute += passed;
                let near = see(&mut near, minute, 1_000_000 - off);
                let far = see(&mut far, minute, 1_000_000 - off - more);
                prop_assert!(far.0 >= near.0 && far.1 >= near.1);
            }
        }
    }
}
