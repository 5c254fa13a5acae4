//! Limits that follow the market: how much of a limit holds at present, per scope.
//!
//! Tightening is immediate and bounded only by a floor; loosening is bounded in rate, and nothing
//! is ever looser than configured.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{Bps, ControlState, Scope, Timestamp, VolatilityState};
use serde::{Deserialize, Serialize};

use crate::breaker::{BreakerKind, Demand, Durations, Shares};

/// One basis point, in the unit in which scales are kept: what one basis point per hour adds in a
/// millisecond. So even the shortest tick loosens by exactly its share.
const UNIT: u64 = 3_600_000;

/// How far and how fast limits adapt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveBounds {
    /// The least that is left of a limit.
    pub floor: Bps,
    /// Most that a scale grows in an hour, of the whole limit.
    pub loosening_per_hour: Bps,
    /// A pause between two updates counts as at most this.
    pub max_gap: Duration,
}

impl Default for AdaptiveBounds {
    /// A quarter; 10 percentage points per hour; an hour.
    fn default() -> Self {
        Self {
            floor: Bps(2500),
            loosening_per_hour: Bps(1000),
            max_gap: Duration::from_secs(60 * 60),
        }
    }
}

impl AdaptiveBounds {
    /// Within which the floor lies.
    pub const FLOOR: Shares = Shares::bps(1, 10_000);
    /// Within which the growth in an hour lies.
    pub const LOOSENING: Shares = Shares::bps(1, 10_000);
    /// Within which the pause lies that counts in full.
    pub const GAP: Durations = Durations::minutes(1, 24 * 60);

    /// Whether the bounds make sense.
    ///
    /// # Errors
    /// Everything that is wrong with them, each in one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        Self::FLOOR.check("adapt.floor", self.floor, &mut wrong);
        let loosening = self.loosening_per_hour;
        Self::LOOSENING.check("adapt.loosening_per_hour", loosening, &mut wrong);
        Self::GAP.check("adapt.max_gap", self.max_gap, &mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// What is left of the limits in each scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdaptiveLimits {
    /// By scope, in 1/[`UNIT`] of a basis point.
    scales: Vec<(Scope, u64)>,
    /// The last update.
    updated: Option<Timestamp>,
}

impl AdaptiveLimits {
    /// Takes each scope to its target: down at once, up by at most the rate. A scope without a
    /// target stays as it is: what is not known loosens nothing. After a clock that went back
    /// nothing loosens until the next update.
    pub fn update(
        &mut self,
        targets: &BTreeMap<Scope, Bps>,
        bounds: &AdaptiveBounds,
        now: Timestamp,
    ) {
        let passed = self.updated.map_or(Duration::ZERO, |last| now.since(last));
        let passed = u64::try_from(passed.min(bounds.max_gap).as_millis()).unwrap_or(u64::MAX);
        let step = passed.saturating_mul(u64::from(bounds.loosening_per_hour.0));
        for (scope, target) in targets {
            let target = u64::from((*target).max(bounds.floor).min(Bps::WHOLE).0) * UNIT;
            match self.find(scope) {
                Ok(index) => {
                    let scale = &mut self.scales[index].1;
                    *scale = scale.saturating_add(step).min(target);
                }
                Err(index) => self.scales.insert(index, (scope.clone(), target)),
            }
        }
        self.updated = Some(now);
    }

    /// What a limit of `scope` is multiplied by, rounded down; the whole if it was never given a
    /// target.
    #[must_use]
    pub fn scale(&self, scope: &Scope) -> Bps {
        self.find(scope).map_or(Bps::WHOLE, |index| {
            Bps(u32::try_from(self.scales[index].1 / UNIT).unwrap_or(0))
        })
    }

    /// What every limit is multiplied by.
    #[must_use]
    pub fn overall(&self) -> Bps {
        self.scale(&Scope::Everything)
    }

    fn find(&self, scope: &Scope) -> Result<usize, usize> {
        self.scales.binary_search_by(|(known, _)| known.cmp(scope))
    }
}

/// What a volatility state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityAction {
    /// Limits are multiplied by this.
    pub scale: Bps,
    /// The control state that it demands.
    pub state: ControlState,
}

/// What each volatility state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityActions {
    /// Calmer than usual.
    pub low: VolatilityAction,
    /// As usual.
    pub medium: VolatilityAction,
    /// Rougher than usual.
    pub high: VolatilityAction,
    /// Rare.
    pub extreme: VolatilityAction,
}

impl Default for VolatilityActions {
    /// 100 %, 100 %, 75 %, and 50 % with caution.
    fn default() -> Self {
        let action = |scale, state| VolatilityAction {
            scale: Bps(scale),
            state,
        };
        Self {
            low: action(10_000, ControlState::Active),
            medium: action(10_000, ControlState::Active),
            high: action(7500, ControlState::Active),
            extreme: action(5000, ControlState::Cautious),
        }
    }
}

impl VolatilityActions {
    /// Within which the scales lie.
    pub const SCALE: Shares = Shares::bps(1, 10_000);

    /// What a state does.
    #[must_use]
    pub fn of(&self, state: VolatilityState) -> VolatilityAction {
        match state {
            VolatilityState::Low => self.low,
            VolatilityState::Medium => self.medium,
            VolatilityState::High => self.high,
            VolatilityState::Extreme => self.extreme,
        }
    }

    /// What a state demands of a scope.
    #[must_use]
    pub fn demand(&self, scope: Scope, state: VolatilityState) -> Demand {
        let evidence = format!("volatility is {state}");
        Demand::new(
            scope,
            BreakerKind::Volatility,
            self.of(state).state,
            evidence,
        )
    }

    pub(crate) fn validate(&self, wrong: &mut Vec<String>) {
        let actions = VolatilityState::ALL.map(|state| self.of(state));
        for (state, action) in VolatilityState::ALL.iter().zip(actions) {
            Self::SCALE.check(&format!("volatility.{state}.scale"), action.scale, wrong);
            if action.state > ControlState::Halted {
                wrong.push(format!(
                    "volatility.{state}.state is {}: a market is no reason for more than {}",
                    action.state,
                    ControlState::Halted
                ));
            }
        }
        if self.low.state > ControlState::Active {
            wrong.push(format!(
                "volatility.low.state is {}: it would hold in every market",
                self.low.state
            ));
        }
        let rougher = actions
            .windows(2)
            .all(|pair| pair[0].scale >= pair[1].scale && pair[0].state <= pair[1].state);
        if !rougher {
            wrong.push(
                "volatility: a rougher state must not have a greater scale or a better control \
                 state than a calmer one"
                    .to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::ChainId;
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn update(limits: &mut AdaptiveLimits, millis: i64, target: u32) -> u32 {
        let targets = BTreeMap::from([(Scope::Everything, Bps(target))]);
        limits.update(&targets, &AdaptiveBounds::default(), Timestamp(millis));
        limits.scale(&Scope::Everything).0
    }

    #[test]
    fn tightening_is_immediate_and_loosening_ten_points_an_hour() {
        let mut limits = AdaptiveLimits::default();
        assert_eq!(update(&mut limits, 0, 5000), 5000);
        assert_eq!(update(&mut limits, 30 * MINUTE, 10_000), 5500);
        assert_eq!(update(&mut limits, 60 * MINUTE, 10_000), 6000);
        assert_eq!(update(&mut limits, 60 * MINUTE, 3000), 3000);
        assert_eq!(update(&mut limits, 120 * MINUTE, 3500), 3500);
        assert_eq!(update(&mut limits, 180 * MINUTE, 10_000), 4500);
    }

    #[test]
    fn short_ticks_loosen_as_fast_as_long_ones() {
        let mut limits = AdaptiveLimits::default();
        update(&mut limits, 0, 5000);
        for second in 1..3600 {
            let scale = update(&mut limits, second * 1000, 10_000);
            assert!(scale < 6000);
        }
        assert_eq!(update(&mut limits, 3_600_000, 10_000), 6000);
    }

    #[test]
    fn no_target_goes_below_the_floor_or_above_the_whole() {
        let mut limits = AdaptiveLimits::default();
        assert_eq!(update(&mut limits, 0, 2501), 2501);
        assert_eq!(update(&mut limits, 0, 2500), 2500);
        assert_eq!(update(&mut limits, 0, 0), 2500);
        for hour in 1..12 {
            update(&mut limits, hour * 60 * MINUTE, 20_000);
        }
        assert_eq!(limits.scale(&Scope::Everything), Bps::WHOLE);
    }

    #[test]
    fn a_long_pause_counts_as_an_hour_and_a_clock_that_goes_back_as_nothing() {
        let mut limits = AdaptiveLimits::default();
        update(&mut limits, 0, 5000);
        assert_eq!(update(&mut limits, 600 * MINUTE, 10_000), 6000);
        assert_eq!(update(&mut limits, 10 * MINUTE, 10_000), 6000);
        assert_eq!(update(&mut limits, 40 * MINUTE, 10_000), 6500);
    }

    #[test]
    fn a_scope_without_a_target_stays_as_it_is() {
        let mut limits = AdaptiveLimits::default();
        update(&mut limits, 0, 5000);
        let chain = Scope::Chain(ChainId(1));
        assert_eq!(limits.scale(&chain), Bps::WHOLE);
        let targets = BTreeMap::from([(chain.clone(), Bps(4000))]);
        let bounds = AdaptiveBounds::default();
        limits.update(&targets, &bounds, Timestamp(30 * MINUTE));
        assert_eq!(limits.scale(&chain), Bps(4000));
        assert_eq!(limits.scale(&Scope::Everything), Bps(5000));
    }

    #[test]
    fn a_restart_does_not_loosen() {
        let mut limits = AdaptiveLimits::default();
        update(&mut limits, 0, 5000);
        let text = serde_json::to_string(&limits).unwrap();
        let mut limits: AdaptiveLimits = serde_json::from_str(&text).unwrap();
        assert_eq!(update(&mut limits, 6 * MINUTE, 10_000), 5100);
    }

    #[test]
    fn volatility_scales_and_demands_caution_only_when_extreme() {
        let actions = VolatilityActions::default();
        let table = VolatilityState::ALL.map(|state| {
            let demand = actions.demand(Scope::Everything, state);
            assert_eq!(demand.kind, BreakerKind::Volatility);
            assert_eq!(demand.evidence, format!("volatility is {state}"));
            (actions.of(state).scale.0, demand.state)
        });
        use ControlState::{Active, Cautious};
        assert_eq!(
            table,
            [
                (10_000, Active),
                (10_000, Active),
                (7500, Active),
                (5000, Cautious)
            ]
        );
    }

    #[test]
    fn policies_that_make_no_sense_are_named() {
        let bounds = |floor, rate, gap| {
            AdaptiveBounds {
                floor: Bps(floor),
                loosening_per_hour: Bps(rate),
                max_gap: Duration::from_secs(gap),
            }
            .validate()
            .map_err(|wrong| wrong.len())
        };
        assert_eq!(bounds(1, 1, 60), Ok(()));
        assert_eq!(bounds(10_000, 10_000, 86_400), Ok(()));
        assert_eq!(bounds(10_001, 0, 0), Err(3));
        assert_eq!(bounds(0, 10_001, 60), Err(2));

        let count = |change: fn(&mut VolatilityActions)| {
            let (mut actions, mut wrong) = (VolatilityActions::default(), Vec::new());
            change(&mut actions);
            actions.validate(&mut wrong);
            wrong.len()
        };
        assert_eq!(count(|_| {}), 0);
        assert_eq!(count(|actions| actions.extreme.scale = Bps(0)), 1);
        assert_eq!(count(|actions| actions.low.scale = Bps(10_001)), 1);
        assert_eq!(count(|actions| actions.extreme.scale = Bps(7501)), 1);
        assert_eq!(
            count(|actions| actions.high.state = ControlState::Reducing),
            1
        );
        assert_eq!(count(|actions| actions.extreme.scale = Bps(7500)), 0);
    }

    proptest! {
        #[test]
        fn a_scale_never_rises_faster_than_its_rate_nor_above_its_target(
            updates in prop::collection::vec((-10 * MINUTE..100 * MINUTE, 0u32..12_000), 1..50),
        ) {
            let (mut limits, mut now) = (AdaptiveLimits::default(), 0);
            let mut before = update(&mut limits, now, 10_000);
            for (passed, target) in updates {
                now += passed;
                let after = update(&mut limits, now, target);
                let hours = passed.clamp(0, 60 * MINUTE);
                let most = u32::try_from(hours * 1000 / (60 * MINUTE)).unwrap() + 1;
                prop_assert!(after <= before + most);
                prop_assert!(after <= target.clamp(2500, 10_000));
                prop_assert!(after >= 2500);
                before = after;
            }
        }
    }
}
