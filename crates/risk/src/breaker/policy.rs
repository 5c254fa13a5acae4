//! When breakers trip, and how what they stopped goes on again.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::ControlState;
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{
    BreakerKind, ClearedBy, Clearing, ClockLimits, DRAWDOWN_LIMIT, DataLimits, DepegLimits,
    FailureLimits, FallLimit, GasLimit, IncidentLimits, PinLimits, ROLLING_LOSS_LIMIT,
};
use crate::adapt::VolatilityActions;

/// Shortest cool-down.
const SHORTEST: Duration = Duration::from_secs(60);
/// Longest cool-down.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The configuration of all breakers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerPolicy {
    /// Other ways to end stops, for some breakers: a longer or shorter cool-down, or an
    /// administrator where they would end by themselves. Never the other way round.
    pub clearing: BTreeMap<BreakerKind, Clearing>,
    /// Longest pause between two pieces of healthy evidence that belong together.
    pub evidence_gap: Duration,
    /// The loss of equity within a rolling day.
    pub rolling_loss: FallLimit,
    /// The fall of equity from its highest within weeks.
    pub drawdown: FallLimit,
    /// Gas that costs too much of what it is spent for.
    pub unprofitable_gas: GasLimit,
    /// Reports of trouble.
    pub incident: IncidentLimits,
    /// Contracts that are not what they were.
    pub pin_change: PinLimits,
    /// Assets away from their peg.
    pub depeg: DepegLimits,
    /// Attempts that fail too often.
    pub failure_rate: FailureLimits,
    /// Data that is not fresh.
    pub data: DataLimits,
    /// Clocks that cannot be right.
    pub clock: ClockLimits,
    /// What each volatility state does.
    pub volatility: VolatilityActions,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            clearing: BTreeMap::new(),
            evidence_gap: Duration::from_secs(5 * 60),
            rolling_loss: ROLLING_LOSS_LIMIT,
            drawdown: DRAWDOWN_LIMIT,
            unprofitable_gas: GasLimit::default(),
            incident: IncidentLimits::default(),
            pin_change: PinLimits::default(),
            depeg: DepegLimits::default(),
            failure_rate: FailureLimits::default(),
            data: DataLimits::default(),
            clock: ClockLimits::default(),
            volatility: VolatilityActions::default(),
        }
    }
}

impl BreakerPolicy {
    /// How a trip of `kind` that stands in `state` ends. What is worse than
    /// [`BreakerKind::clears_itself_up_to`] ends by an administrator, whatever is configured.
    #[must_use]
    pub fn clearing(&self, kind: BreakerKind, state: ControlState) -> Clearing {
        if state > kind.clears_itself_up_to() {
            return Clearing::ADMINISTRATOR;
        }
        let configured = self.clearing.get(&kind);
        configured.copied().unwrap_or_else(|| kind.clearing())
    }

    /// Whether the policy makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with it, each in one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        for (kind, clearing) in &self.clearing {
            if clearing.by == ClearedBy::Administrator {
                continue;
            }
            if kind.clearing().by == ClearedBy::Administrator {
                wrong.push(format!(
                    "clearing.{kind}: only an administrator may end this stop"
                ));
            } else if !(SHORTEST..=LONGEST).contains(&clearing.cool_down) {
                wrong.push(format!(
                    "clearing.{kind}.cool_down is {}: it must be between {} and {}",
                    span(clearing.cool_down),
                    span(SHORTEST),
                    span(LONGEST)
                ));
            }
        }
        if self.evidence_gap.is_zero() {
            wrong.push("evidence_gap is zero: no stop would ever end by itself".to_owned());
        }
        self.rolling_loss.validate("rolling_loss", &mut wrong);
        self.drawdown.validate("drawdown", &mut wrong);
        self.unprofitable_gas.validate(&mut wrong);
        self.incident.validate(&mut wrong);
        self.pin_change.validate(&mut wrong);
        self.depeg.validate(&mut wrong);
        self.failure_rate.validate(&mut wrong);
        self.data.validate(&mut wrong);
        self.clock.validate(&mut wrong);
        self.volatility.validate(&mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::Bps;

    use super::*;

    fn itself(seconds: u64) -> Clearing {
        Clearing {
            by: ClearedBy::Itself,
            cool_down: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn no_configuration_lets_a_loss_or_a_grave_stop_end_by_itself() {
        let mut policy = BreakerPolicy::default();
        for kind in BreakerKind::ALL {
            policy.clearing.insert(kind, itself(60));
        }
        for kind in BreakerKind::ALL {
            for state in [
                ControlState::Cautious,
                ControlState::Reducing,
                ControlState::Halted,
                ControlState::Locked,
            ] {
                let expected = if state <= kind.clears_itself_up_to() {
                    itself(60)
                } else {
                    Clearing::ADMINISTRATOR
                };
                assert_eq!(policy.clearing(kind, state), expected, "{kind} {state}");
            }
        }
    }

    #[test]
    fn a_configured_clearing_takes_the_place_of_the_usual_one() {
        let mut policy = BreakerPolicy::default();
        let clearing =
            |policy: &BreakerPolicy| policy.clearing(BreakerKind::Depeg, ControlState::Reducing);
        assert_eq!(clearing(&policy), BreakerKind::Depeg.clearing());
        policy
            .clearing
            .insert(BreakerKind::Depeg, Clearing::ADMINISTRATOR);
        assert_eq!(clearing(&policy), Clearing::ADMINISTRATOR);
        assert_eq!(policy.validate(), Ok(()));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let mut policy = BreakerPolicy::default();
        assert_eq!(policy.validate(), Ok(()));
        policy.clearing = BTreeMap::from([
            (BreakerKind::Manual, itself(600)),
            (BreakerKind::Drawdown, Clearing::ADMINISTRATOR),
            (BreakerKind::Data, itself(59)),
            (BreakerKind::Depeg, itself(30 * 86_400 + 1)),
            (BreakerKind::Clock, itself(60)),
            (BreakerKind::Incident, itself(30 * 86_400)),
        ]);
        policy.evidence_gap = Duration::ZERO;
        policy.rolling_loss.limit = Bps(0);
        policy.drawdown.window = Duration::ZERO;
        policy.drawdown.bucket = Duration::ZERO;
        policy.unprofitable_gas.share = Bps(0);
        policy.incident.window = Duration::ZERO;
        policy.depeg.max_gap = Duration::ZERO;
        policy.failure_rate.successes = 0;
        policy.data.grace = LONGEST;
        policy.clock.chain.halted = Duration::ZERO;
        policy.volatility.low.scale = Bps(0);
        let twice = super::super::ExpectedFacts {
            chain: airdrops_types::ChainId(1),
            contract: airdrops_types::Address::ZERO,
            facts: airdrops_types::ContractFacts {
                code_hash: airdrops_types::B256::ZERO,
                implementation: None,
                implementation_code_hash: None,
                admin: None,
                beacon: None,
                owner: None,
                paused: None,
            },
        };
        policy.pin_change.expected = vec![twice.clone(), twice];
        let wrong = policy.validate().unwrap_err();
        let places: Vec<&str> = wrong
            .iter()
            .map(|text| text.split([' ', ':']).next().unwrap())
            .collect();
        assert_eq!(
            places,
            [
                "clearing.manual",
                "clearing.depeg.cool_down",
                "clearing.data.cool_down",
                "evidence_gap",
                "rolling_loss.limit",
                "drawdown.window",
                "unprofitable_gas.share",
                "incident.window",
                "pin_change.expected",
                "depeg.max_gap",
                "failure_rate.successes",
                "data.reduce_after",
                "clock.chain.halted",
                "volatility.low.scale",
                "volatility",
            ]
        );
    }

    #[test]
    fn what_is_not_configured_has_its_default_and_nothing_unknown_is_taken() {
        let policy: BreakerPolicy = serde_json::from_str("{}").unwrap();
        assert_eq!(policy, BreakerPolicy::default());
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            serde_json::from_str::<BreakerPolicy>(&text).unwrap(),
            policy
        );
        assert!(serde_json::from_str::<BreakerPolicy>(r#"{"deepg":{}}"#).is_err());
    }
}
