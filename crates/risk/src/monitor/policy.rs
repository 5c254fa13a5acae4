//! What is watched, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{AssetId, Bps, ChainId, ProtocolId, Scope, Token, Usd};
use serde::{Deserialize, Serialize};

use crate::ConsensusRule;
use crate::adapt::AdaptiveBounds;
use crate::anomaly::{BernoulliCusum, BernoulliError};
use crate::breaker::{BreakerPolicy, Counts, Durations, Shares, span};
use crate::volatility::StateConfig;

/// The configuration of the monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorPolicy {
    /// When breakers trip.
    pub breakers: BreakerPolicy,
    /// What it takes to believe a price.
    pub consensus: ConsensusRule,
    /// How far and how fast limits follow the market.
    pub adapt: AdaptiveBounds,
    /// Where volatility states begin.
    pub states: StateConfig,
    /// The assets whose volatility makes the index; empty: all that have a price and no peg.
    pub reference: BTreeSet<AssetId>,
    /// Oldest hour of prices that counts as fresh.
    pub max_bar_age: Duration,
    /// Gas units of a standard transaction.
    pub standard_gas: u64,
    /// What a standard transaction is expected to earn, per chain; a chain that is not listed is
    /// not judged by it.
    pub expected_value: BTreeMap<ChainId, Usd>,
    /// The usual and the alarming share of failures, and so many attempts between two false
    /// alarms.
    pub failures: FailureRates,
    /// What each name in a report of trouble means, in lower case.
    pub names: BTreeMap<String, BTreeSet<Scope>>,
    /// The sources of [`MarketView`](airdrops_types::MarketView) that report trouble.
    pub incident_feeds: BTreeSet<String>,
    /// Families whose total value locked is watched.
    pub tvl: BTreeSet<String>,
    /// The assets underneath each protocol.
    pub assets_of: BTreeMap<ProtocolId, BTreeSet<AssetId>>,
    /// The chain of each protocol.
    pub chain_of: BTreeMap<ProtocolId, ChainId>,
    /// The tokens about whose contracts a source is asked.
    pub tokens: BTreeSet<Token>,
}

/// When failures are too many: see [`BernoulliCusum`](crate::anomaly::BernoulliCusum).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRates {
    /// Share of attempts that usually fails.
    pub usual: f64,
    /// Share that must be found soon.
    pub alarming: f64,
    /// Attempts between two false alarms.
    pub between: f64,
    /// No alarm before so many attempts.
    pub least: u32,
}

impl Default for FailureRates {
    /// 2 %, 20 %, one false alarm in 2,000 attempts, not before five.
    fn default() -> Self {
        Self {
            usual: 0.02,
            alarming: 0.2,
            between: 2_000.0,
            least: 5,
        }
    }
}

impl Default for MonitorPolicy {
    fn default() -> Self {
        Self {
            breakers: BreakerPolicy::default(),
            consensus: ConsensusRule::default(),
            adapt: AdaptiveBounds::default(),
            states: StateConfig::default(),
            reference: BTreeSet::new(),
            max_bar_age: Duration::from_secs(2 * 3600),
            standard_gas: 200_000,
            expected_value: BTreeMap::new(),
            failures: FailureRates::default(),
            names: BTreeMap::new(),
            incident_feeds: BTreeSet::new(),
            tvl: BTreeSet::new(),
            assets_of: BTreeMap::new(),
            chain_of: BTreeMap::new(),
            tokens: BTreeSet::new(),
        }
    }
}

impl FailureRates {
    /// Within which the usual share lies.
    pub const USUAL: Shares = Shares::bps(1, 2500);
    /// Within which the alarming share lies.
    pub const ALARMING: Shares = Shares::bps(100, 5000);
    /// Within which the attempts between two false alarms lie.
    pub const BETWEEN: Counts = Counts::of(50, 100_000);
    /// Within which the attempts before an alarm lie.
    pub const LEAST: Counts = Counts::of(1, 100);

    /// Notes what is out of bounds; returns whether a chart can be tried.
    fn validate(&self, wrong: &mut Vec<String>) -> bool {
        let before = wrong.len();
        for (name, share, within) in [
            ("usual", self.usual, Self::USUAL),
            ("alarming", self.alarming, Self::ALARMING),
        ] {
            let [least, most] = [within.least, within.most].map(|it| f64::from(it.0) / 10_000.0);
            if !(least..=most).contains(&share) {
                wrong.push(format!(
                    "failures.{name} is {} %: it must be between {} and {}",
                    share * 100.0,
                    within.least,
                    within.most
                ));
            }
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a hundred thousand has an exact float"
        )]
        let [least, most] = [Self::BETWEEN.least as f64, Self::BETWEEN.most as f64];
        if !(least..=most).contains(&self.between) {
            wrong.push(format!(
                "failures.between is {}: it must be between {least} and {most}",
                self.between
            ));
        }
        Self::LEAST.check("failures.least", u64::from(self.least), wrong);
        wrong.len() == before
    }
}

impl MonitorPolicy {
    /// Within which the gas of a standard transaction lies: the cheapest that there is, and a whole
    /// block.
    pub const STANDARD_GAS: Counts = Counts::of(21_000, 30_000_000);
    /// Within which the age of an hour of prices lies: it ends an hour after it began.
    pub const BAR_AGE: Durations = Durations::minutes(60, 24 * 60);

    /// Whether the policy makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with it, each in one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut wrong = self.breakers.validate().err().unwrap_or_default();
        wrong.extend(self.adapt.validate().err().unwrap_or_default());
        wrong.extend(self.states.check().err().map(|error| error.to_string()));
        let chart = self.failures.validate(&mut wrong);
        if chart && let Err(error) = self.failure_chart() {
            wrong.push(format!("failures: {error}"));
        }
        let (least, floor) = (self.breakers.volatility.extreme.scale, self.adapt.floor);
        if least < floor {
            wrong.push(format!(
                "volatility.extreme.scale is {least}, but adapt.floor leaves {floor} of every limit"
            ));
        }
        Self::STANDARD_GAS.check("standard_gas", self.standard_gas, &mut wrong);
        for (chain, value) in &self.expected_value {
            if *value <= Usd::ZERO {
                wrong.push(format!(
                    "expected_value.{chain} is {value}: it must be positive"
                ));
            }
        }
        Self::BAR_AGE.check("max_bar_age", self.max_bar_age, &mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Whether somebody who looks once in `period` sees what lasts: two looks belong together only
    /// if no more than the configured pause lies between them, and looks come late now and then.
    ///
    /// # Errors
    /// Everything that would never be seen, each in one sentence.
    pub fn validate_period(&self, period: Duration) -> Result<(), Vec<String>> {
        let BreakerPolicy {
            evidence_gap,
            depeg,
            unprofitable_gas,
            ..
        } = &self.breakers;
        let wrong: Vec<String> = [
            ("evidence_gap", *evidence_gap, "no stop would end by itself"),
            ("depeg.max_gap", depeg.max_gap, "no depeg would last"),
            (
                "unprofitable_gas.max_gap",
                unprofitable_gas.max_gap,
                "gas would never be too dear for long",
            ),
        ]
        .into_iter()
        .filter(|(_, gap, _)| period.saturating_mul(2) > *gap)
        .map(|(name, gap, consequence)| {
            format!(
                "{name} is {}, with a look every {}: {consequence}; it must be at least twice that",
                span(gap),
                span(period)
            )
        })
        .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// What failures are charted by.
    ///
    /// # Errors
    /// If the rates make no sense.
    pub(super) fn failure_chart(&self) -> Result<BernoulliCusum, BernoulliError> {
        let FailureRates {
            usual,
            alarming,
            between,
            least,
        } = self.failures;
        BernoulliCusum::new(usual, alarming, between, least)
    }

    /// Whether an asset promises to be worth something else.
    #[must_use]
    pub fn is_pegged(&self, asset: &AssetId) -> bool {
        self.breakers.depeg.pegs.contains_key(asset)
    }

    /// How much of its limits a protocol of this health has: all from 60 on, three quarters from
    /// 45, half from 30, a quarter below. Steps that are chosen, not fitted; a protocol of which
    /// nothing is watched, and nothing bad is known, has 65.
    #[must_use]
    pub fn scale_of_health(score: u8) -> Bps {
        match score {
            60.. => Bps::WHOLE,
            45..=59 => Bps(7500),
            30..=44 => Bps(5000),
            _ => Bps(2500),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wrong(change: impl FnOnce(&mut MonitorPolicy)) -> Vec<String> {
        let mut policy = MonitorPolicy::default();
        change(&mut policy);
        policy.validate().err().unwrap_or_default()
    }

    #[test]
    fn every_mistake_is_named_where_it_is() {
        type Change = fn(&mut MonitorPolicy);
        assert_eq!(wrong(|_| {}), [""; 0]);
        let cases: [(&str, Change); 11] = [
            ("failures.usual is", |it| it.failures.usual = 0.0),
            ("failures.usual is", |it| it.failures.usual = f64::NAN),
            ("failures.alarming is", |it| it.failures.alarming = 1.1),
            ("failures.between is", |it| it.failures.between = f64::MAX),
            ("failures.least is", |it| it.failures.least = 0),
            ("failures: usual rate", |it| it.failures.alarming = 0.015),
            ("standard_gas is", |it| it.standard_gas = 0),
            ("max_bar_age is", |it| it.max_bar_age = Duration::ZERO),
            ("expected_value.1 is", |it| {
                it.expected_value.insert(ChainId(1), Usd::ZERO);
            }),
            ("adapt.max_gap is", |it| it.adapt.max_gap = Duration::ZERO),
            ("volatility.extreme.scale is 50 %, but", |it| {
                it.adapt.floor = Bps(5001);
            }),
        ];
        for (place, change) in cases {
            let wrong = wrong(change);
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert!(wrong[0].starts_with(place), "{wrong:?}");
        }
    }

    #[test]
    fn no_volatility_locks_and_a_calm_market_stops_nothing() {
        use airdrops_types::ControlState::{Cautious, Halted, Locked};
        let found = wrong(|policy| policy.breakers.volatility.extreme.state = Locked);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            wrong(|policy| policy.breakers.volatility.extreme.state = Halted),
            [""; 0]
        );
        let found = wrong(|policy| {
            let actions = &mut policy.breakers.volatility;
            for action in [&mut actions.low, &mut actions.medium, &mut actions.high] {
                action.state = Cautious;
            }
        });
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn looks_that_are_too_far_apart_see_nothing_that_lasts() {
        let policy = MonitorPolicy::default();
        let seconds = Duration::from_secs;
        assert_eq!(policy.validate_period(seconds(150)), Ok(()));
        let rare = policy.validate_period(seconds(151)).unwrap_err();
        assert_eq!(
            rare,
            [
                "evidence_gap is 5 min, with a look every 151 s: no stop would end by itself; it \
                 must be at least twice that"
            ]
        );
        assert_eq!(policy.validate_period(seconds(901)).unwrap_err().len(), 3);
    }
}
