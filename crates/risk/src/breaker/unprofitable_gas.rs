//! Gas that costs too much of what it is spent for.
//!
//! The base fee in gwei says little: its median fell from 100 in 2021 to below 1 in 2026. So cost is
//! measured in dollars, all in, against the expected value of what it buys, and against what this
//! chain usually costs.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::Timestamp;
use airdrops_types::{Bps, ChainId, ControlState, Reading, Scope, Usd};
use serde::{Deserialize, Serialize};

use super::episode::{Episode, span};
use super::{BreakerKind, BreakerPolicy, Demand, Durations, Shares};

/// What a standard transaction costs on a chain now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasObservation {
    /// Where.
    pub chain: ChainId,
    /// Its all-in cost: execution, data and blob fees.
    pub cost: Reading<Usd>,
    /// What the transaction is expected to earn.
    pub expected_value: Reading<Usd>,
    /// The upper quantile of this cost in the chain's own history, if it is to count.
    pub usual_at_most: Option<Usd>,
}

/// When gas is too dear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GasLimit {
    /// Most cost, as a share of the expected value.
    pub share: Bps,
    /// For how long it must be too dear.
    pub lasting: Duration,
    /// A pause between two observations that is longer does not count.
    pub max_gap: Duration,
}

impl Default for GasLimit {
    /// More than 25 % of the expected value for an hour.
    fn default() -> Self {
        Self {
            share: Bps(2500),
            lasting: Duration::from_secs(60 * 60),
            max_gap: Duration::from_secs(30 * 60),
        }
    }
}

impl GasLimit {
    /// Within which the share lies.
    pub const SHARE: Shares = Shares::bps(1, 10_000);
    /// Within which the time lies.
    pub const LASTING: Durations = Durations::minutes(1, 24 * 60);

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        Self::SHARE.check("unprofitable_gas.share", self.share, wrong);
        Self::LASTING.check("unprofitable_gas.lasting", self.lasting, wrong);
        BreakerPolicy::GAP.check("unprofitable_gas.max_gap", self.max_gap, wrong);
    }
}

/// The breaker: for how long gas has been too dear on each chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnprofitableGas {
    episodes: BTreeMap<ChainId, Episode>,
}

impl UnprofitableGas {
    /// Demands caution on each chain where gas has been too dear for long enough. A cost that is
    /// not known, and an expected value that is not, prove nothing either way.
    pub fn assess(
        &mut self,
        observations: &[GasObservation],
        limit: &GasLimit,
        now: Timestamp,
    ) -> Vec<Demand> {
        let mut demands = Vec::new();
        for observed in observations {
            let Some(cost) = observed.cost.fresh() else {
                continue;
            };
            let expected = observed.expected_value.fresh();
            let too_dear = too_dear(
                *cost,
                expected.copied(),
                observed.usual_at_most,
                limit.share,
            );
            if too_dear.is_none() && expected.is_none() {
                continue;
            }
            let episode = self.episodes.entry(observed.chain).or_default();
            let lasted = episode.observe(too_dear.is_some(), now, limit.max_gap);
            let scope = Scope::Chain(observed.chain);
            let demand =
                |state, evidence| Demand::new(scope, BreakerKind::UnprofitableGas, state, evidence);
            demands.push(match too_dear {
                None => demand(
                    ControlState::Active,
                    format!("a standard transaction costs {cost}"),
                ),
                Some(facts) if lasted >= limit.lasting => demand(
                    ControlState::Cautious,
                    format!(
                        "{facts}, for {}; limit {}",
                        span(lasted),
                        span(limit.lasting)
                    ),
                ),
                Some(facts) => {
                    demand(ControlState::Active, facts).easing_to(ControlState::Cautious)
                }
            });
        }
        demands
    }

    /// Starts the count of a chain again.
    pub(super) fn restart(&mut self, chain: ChainId) {
        self.episodes.remove(&chain);
    }
}

/// The facts, if `cost` is above the share of what is expected, or above what is usual. What does
/// not fit is.
fn too_dear(cost: Usd, expected: Option<Usd>, usual: Option<Usd>, share: Bps) -> Option<String> {
    if let Some(expected) = expected {
        let cost_scaled = cost.0.checked_mul(10_000);
        let bound = expected.or_zero().0.checked_mul(i128::from(share.0));
        let above = match (cost_scaled, bound) {
            (Some(cost), Some(bound)) => cost > bound,
            _ => true,
        };
        if above {
            return Some(format!(
                "a standard transaction costs {cost}, more than {share} of the {expected} that it \
                 is expected to earn"
            ));
        }
    }
    let usual = usual.filter(|usual| cost > *usual)?;
    Some(format!(
        "a standard transaction costs {cost}, more than the {usual} that it usually costs at most"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const CHAIN: ChainId = ChainId(10);
    const MINUTE: i64 = 60_000;

    fn fresh(usd: Usd) -> Reading<Usd> {
        Reading::Fresh {
            value: usd,
            at: Timestamp(0),
        }
    }

    fn observed(cost: i64, expected: i64) -> GasObservation {
        GasObservation {
            chain: CHAIN,
            cost: fresh(Usd::dollars(cost)),
            expected_value: fresh(Usd::dollars(expected)),
            usual_at_most: None,
        }
    }

    fn see(
        breaker: &mut UnprofitableGas,
        minute: i64,
        observed: GasObservation,
    ) -> Option<(ControlState, ControlState)> {
        let now = Timestamp(minute * MINUTE);
        let demands = breaker.assess(&[observed], &GasLimit::default(), now);
        assert!(demands.iter().all(|demand| {
            demand.scope == Scope::Chain(CHAIN) && demand.kind == BreakerKind::UnprofitableGas
        }));
        demands
            .first()
            .map(|demand| (demand.state, demand.eases_to))
    }

    use ControlState::{Active, Cautious};

    #[test]
    fn gas_above_its_share_for_an_hour_is_cautious_on_its_chain() {
        let mut breaker = UnprofitableGas::default();
        let dear = || observed(26, 100);
        assert_eq!(see(&mut breaker, 0, dear()), Some((Active, Cautious)));
        assert_eq!(see(&mut breaker, 30, dear()), Some((Active, Cautious)));
        assert_eq!(see(&mut breaker, 59, dear()), Some((Active, Cautious)));
        assert_eq!(see(&mut breaker, 60, dear()), Some((Cautious, Cautious)));
        assert_eq!(
            see(&mut breaker, 61, observed(25, 100)),
            Some((Active, Active))
        );
        assert_eq!(see(&mut breaker, 62, dear()), Some((Active, Cautious)));
        breaker.restart(CHAIN);
        assert_eq!(breaker, UnprofitableGas::default());
    }

    #[test]
    fn a_cost_is_too_dear_only_above_its_bounds() {
        let limit = Bps(2500);
        let dear = |cost: i128, expected: Option<i128>, usual: Option<i128>| {
            too_dear(Usd(cost), expected.map(Usd), usual.map(Usd), limit).is_some()
        };
        assert!(!dear(25, Some(100), None));
        assert!(dear(26, Some(100), None));
        assert!(!dear(26, None, None));
        assert!(!dear(20, Some(100), Some(20)));
        assert!(dear(21, Some(100), Some(20)));
        assert!(dear(21, None, Some(20)));
        assert!(dear(1, Some(0), None));
        assert!(dear(1, Some(-100), None));
        assert!(!dear(0, Some(-100), None));
        assert!(dear(i128::MAX, Some(i128::MAX), None));
        assert!(dear(1, Some(i128::MAX), None));
    }

    #[test]
    fn what_is_not_known_is_neither_healthy_nor_dear() {
        let mut breaker = UnprofitableGas::default();
        for minute in [0, 30, 60] {
            see(&mut breaker, minute, observed(50, 100));
        }
        let mut blind = observed(1, 100);
        blind.cost = Reading::missing("no answer");
        assert_eq!(see(&mut breaker, 61, blind), None);
        let mut blind = observed(1, 100);
        blind.expected_value = Reading::missing("no estimate");
        assert_eq!(see(&mut breaker, 62, blind.clone()), None);
        blind.usual_at_most = Some(Usd::ZERO);
        assert_eq!(see(&mut breaker, 63, blind), Some((Cautious, Cautious)));
    }

    #[test]
    fn the_evidence_names_cost_value_time_and_limit() {
        let mut breaker = UnprofitableGas::default();
        for minute in [0, 30, 60] {
            see(&mut breaker, minute, observed(50, 100));
        }
        let now = Timestamp(90 * MINUTE);
        let demands = breaker.assess(&[observed(50, 100)], &GasLimit::default(), now);
        assert_eq!(
            demands[0].evidence,
            "a standard transaction costs $50.00, more than 25 % of the $100.00 that it is \
             expected to earn, for 90 min; limit 1 h"
        );
    }

    #[test]
    fn a_restart_within_an_episode_goes_on_counting() {
        let mut before = UnprofitableGas::default();
        see(&mut before, 0, observed(50, 100));
        see(&mut before, 30, observed(50, 100));
        let text = serde_json::to_string(&before).unwrap();
        let mut after: UnprofitableGas = serde_json::from_str(&text).unwrap();
        assert_eq!(
            see(&mut after, 60, observed(50, 100)),
            Some((Cautious, Cautious))
        );
    }

    #[test]
    fn limits_that_make_no_sense_are_named() {
        let count = |limit: GasLimit| {
            let mut wrong = Vec::new();
            limit.validate(&mut wrong);
            wrong.len()
        };
        assert_eq!(count(GasLimit::default()), 0);
        let share = |share| GasLimit {
            share: Bps(share),
            ..GasLimit::default()
        };
        assert_eq!(count(share(0)), 1);
        assert_eq!(count(share(10_000)), 0);
        assert_eq!(
            count(GasLimit {
                max_gap: Duration::ZERO,
                ..share(10_001)
            }),
            2
        );
    }

    proptest! {
        #[test]
        fn a_greater_cost_or_a_lesser_value_never_gives_a_better_state(
            course in prop::collection::vec((0i64..60, 0i64..60, 0i64..40, 1i64..40), 1..40),
        ) {
            let (mut better, mut worse) = (UnprofitableGas::default(), UnprofitableGas::default());
            let mut minute = 0;
            for (cost, more, less, passed) in course {
                minute += passed;
                let good = see(&mut better, minute, observed(cost, 100));
                let bad = see(&mut worse, minute, observed(cost + more, 100 - less));
                let (good, bad) = (good.unwrap(), bad.unwrap());
                prop_assert!(bad.0 >= good.0 && bad.1 >= good.1);
            }
        }
    }
}
