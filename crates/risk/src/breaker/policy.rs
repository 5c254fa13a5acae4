//! When breakers trip, and how what they stopped goes on again.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::ControlState;
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{
    BreakerKind, ClearedBy, Clearing, ClockLimits, DRAWDOWN_LIMIT, DataLimits, DepegLimits,
    Durations, FailureLimits, FallLimit, GasLimit, IncidentLimits, PinLimits, ROLLING_LOSS_LIMIT,
    Shares,
};
use crate::adapt::VolatilityActions;

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
            evidence_gap: EVIDENCE_GAP,
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

/// The usual pause between two looks that belong together.
const EVIDENCE_GAP: Duration = Duration::from_secs(5 * 60);

impl BreakerPolicy {
    /// Within which cool-downs lie.
    pub const COOL_DOWN: Durations = Durations::minutes(1, 30 * 24 * 60);
    /// Within which the longest pause between two pieces of healthy evidence lies.
    pub const GAP: Durations = Durations::minutes(1, 2 * 60);
    /// Within which the loss within a day lies that halts everything.
    pub const LOSS: Shares = Shares::bps(1, 5000);
    /// Within which the fall from the highest lies that halts everything.
    pub const DRAWDOWN: Shares = Shares::bps(1, 9000);
    /// Within which the time lies that a fall from the highest is measured in.
    pub const DRAWDOWN_WINDOW: Durations = Durations::hours(24, 365 * 24);
    /// A day is a day: the gate and the reports name it.
    const LOSS_WINDOW: Durations = Durations::hours(24, 24);

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
            } else {
                let name = format!("clearing.{kind}.cool_down");
                Self::COOL_DOWN.check(&name, clearing.cool_down, &mut wrong);
            }
        }
        if Self::GAP.check("evidence_gap", self.evidence_gap, &mut wrong) {
            self.validate_gap(&mut wrong);
        }
        let (limits, windows) = (Self::LOSS, Self::LOSS_WINDOW);
        self.rolling_loss
            .validate("rolling_loss", limits, windows, &mut wrong);
        let (limits, windows) = (Self::DRAWDOWN, Self::DRAWDOWN_WINDOW);
        self.drawdown
            .validate("drawdown", limits, windows, &mut wrong);
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

    /// A longer pause than usual must not stand in for a whole cool-down.
    fn validate_gap(&self, wrong: &mut Vec<String>) {
        let short: Vec<&str> = BreakerKind::ALL
            .into_iter()
            .filter(|kind| {
                let clearing = self.clearing(*kind, kind.clears_itself_up_to());
                clearing.by == ClearedBy::Itself && clearing.cool_down < self.evidence_gap
            })
            .map(BreakerKind::name)
            .collect();
        if self.evidence_gap > EVIDENCE_GAP && !short.is_empty() {
            wrong.push(format!(
                "evidence_gap is {}, longer than what {} cool down for: two looks would end a stop",
                span(self.evidence_gap),
                short.join(", ")
            ));
        }
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
        policy.depeg.warn.lasting = Duration::ZERO;
        policy.depeg.reduce.deviation = policy.depeg.halt.deviation;
        policy.failure_rate.successes = 0;
        policy.data.reduce_after = policy.data.grace - Duration::from_secs(1);
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
                "depeg.warn.lasting",
                "depeg",
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
    fn a_long_pause_does_not_stand_in_for_a_cool_down() {
        let mut policy = BreakerPolicy::default();
        for kind in BreakerKind::ALL {
            if kind.clearing().by == ClearedBy::Itself {
                policy.clearing.insert(kind, itself(7200));
            }
        }
        policy.evidence_gap = Duration::from_secs(7200);
        assert_eq!(policy.validate(), Ok(()));
        policy.clearing.insert(BreakerKind::Data, itself(7199));
        let wrong = policy.validate().unwrap_err();
        assert_eq!(
            wrong,
            [
                "evidence_gap is 2 h, longer than what data cool down for: two looks would end a stop"
            ]
        );
        policy
            .clearing
            .insert(BreakerKind::Data, Clearing::ADMINISTRATOR);
        assert_eq!(policy.validate(), Ok(()));
    }

    #[test]
    fn no_loss_limit_is_all_or_nothing() {
        for limit in [Bps(0), Bps::WHOLE] {
            let mut policy = BreakerPolicy::default();
            policy.rolling_loss.limit = limit;
            policy.drawdown.limit = limit;
            assert_eq!(policy.validate().unwrap_err().len(), 2, "{limit}");
        }
    }

    #[test]
    fn equal_steps_of_a_depeg_are_no_steps() {
        for (warn, reduce, halt, sound) in [
            (50, 100, 200, true),
            (100, 100, 200, false),
            (50, 200, 200, false),
            (200, 100, 50, false),
        ] {
            let mut policy = BreakerPolicy::default();
            policy.depeg.warn.deviation = Bps(warn);
            policy.depeg.reduce.deviation = Bps(reduce);
            policy.depeg.halt.deviation = Bps(halt);
            assert_eq!(policy.validate().is_ok(), sound, "{warn} {reduce} {halt}");
        }
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
