//! Transactions and calls that fail more often than they should.
//!
//! A detector per stream (a Bernoulli CUSUM against the protocol's own rate) raises the alarms; this
//! breaker holds them until enough attempts of the same class have succeeded. Time alone proves
//! nothing.

use std::fmt;
use std::time::Duration;

use airdrops_types::{ControlState, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BreakerKind, Counts, Demand, Durations};

/// How an attempt fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Executed, and reverted.
    Revert,
    /// Not mined in time.
    Timeout,
    /// Its nonce did not fit.
    Nonce,
    /// The endpoint gave an error.
    Rpc,
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Revert => "revert",
            Self::Timeout => "timeout",
            Self::Nonce => "nonce",
            Self::Rpc => "rpc",
        })
    }
}

/// A detector's alarm: attempts of this class fail too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureAlarm {
    /// Where: a protocol, a chain, a wallet.
    pub scope: Scope,
    /// In which way.
    pub class: FailureClass,
    /// The rates that were measured and expected.
    pub evidence: String,
}

/// Attempts that did not fail in this way since the last assessment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successes {
    /// Where.
    pub scope: Scope,
    /// In which way they could have failed.
    pub class: FailureClass,
    /// How many.
    pub count: u32,
}

/// When failures restrain a scope, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureLimits {
    /// So many attempts must succeed after an alarm before it is over.
    pub successes: u32,
    /// An alarm that is raised again after this time is no passing disturbance.
    pub persists: Duration,
}

impl Default for FailureLimits {
    /// Five successes, an hour.
    fn default() -> Self {
        Self {
            successes: 5,
            persists: Duration::from_secs(60 * 60),
        }
    }
}

impl FailureLimits {
    /// Within which the successes lie that end an alarm.
    pub const SUCCESSES: Counts = Counts::of(1, 1000);
    /// Within which the time lies after which an alarm persists.
    pub const PERSISTS: Durations = Durations::minutes(1, 24 * 60);

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        let successes = u64::from(self.successes);
        Self::SUCCESSES.check("failure_rate.successes", successes, wrong);
        Self::PERSISTS.check("failure_rate.persists", self.persists, wrong);
    }
}

/// One class of failures in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    scope: Scope,
    class: FailureClass,
    alarm: Option<HeldAlarm>,
    /// Since the last alarm; at most what ends one.
    successes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HeldAlarm {
    first: Timestamp,
    last: Timestamp,
    evidence: String,
}

/// The breaker: the alarms that are not over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailureRate {
    /// By scope and class.
    streams: Vec<Stream>,
}

impl FailureRate {
    /// `Cautious` where attempts fail in one way, `Reducing` where they fail in several ways or
    /// where an alarm persists. Healthy is a scope without an alarm that has seen enough
    /// successes.
    pub fn assess(
        &mut self,
        alarms: &[FailureAlarm],
        successes: &[Successes],
        limits: &FailureLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        for seen in successes {
            let stream = self.stream(&seen.scope, seen.class);
            let total = stream.successes.saturating_add(seen.count);
            stream.successes = total.min(limits.successes);
            if total >= limits.successes {
                stream.alarm = None;
            }
        }
        for alarm in alarms {
            let stream = self.stream(&alarm.scope, alarm.class);
            stream.successes = 0;
            let first = stream.alarm.as_ref().map_or(now, |held| held.first);
            stream.alarm = Some(HeldAlarm {
                first: first.min(now),
                last: now,
                evidence: alarm.evidence.clone(),
            });
        }
        let scopes = self.streams.chunk_by(|a, b| a.scope == b.scope);
        scopes
            .filter_map(|streams| demand(streams, limits))
            .collect()
    }

    fn stream(&mut self, scope: &Scope, class: FailureClass) -> &mut Stream {
        let place = |stream: &Stream| (&stream.scope, stream.class).cmp(&(scope, class));
        let index = match self.streams.binary_search_by(place) {
            Ok(index) => index,
            Err(index) => {
                let stream = Stream {
                    scope: scope.clone(),
                    class,
                    alarm: None,
                    successes: 0,
                };
                self.streams.insert(index, stream);
                index
            }
        };
        &mut self.streams[index]
    }

    /// Ends all alarms of a scope.
    pub(super) fn forget(&mut self, scope: &Scope) {
        self.streams.retain(|stream| stream.scope != *scope);
    }
}

/// What the streams of one scope demand; nothing if none has proved to be healthy.
fn demand(streams: &[Stream], limits: &FailureLimits) -> Option<Demand> {
    let scope = streams.first()?.scope.clone();
    let held: Vec<(&Stream, &HeldAlarm)> = streams
        .iter()
        .filter_map(|stream| Some((stream, stream.alarm.as_ref()?)))
        .collect();
    let demand = |state, evidence| Demand::new(scope, BreakerKind::FailureRate, state, evidence);
    if held.is_empty() {
        let proved = streams
            .iter()
            .any(|stream| stream.successes >= limits.successes);
        let evidence = || format!("{} attempts succeeded without an alarm", limits.successes);
        return proved.then(|| demand(ControlState::Active, evidence()));
    }
    let persists = held
        .iter()
        .any(|(_, alarm)| alarm.last.since(alarm.first) >= limits.persists);
    let state = if persists || held.len() > 1 {
        ControlState::Reducing
    } else {
        ControlState::Cautious
    };
    let told: Vec<String> = held
        .iter()
        .map(|(stream, alarm)| {
            format!(
                "{}: {}, since {}, {} of {} successes after it",
                stream.class, alarm.evidence, alarm.first, stream.successes, limits.successes
            )
        })
        .collect();
    Some(demand(state, told.join("; ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{ChainId, ProtocolId};

    use super::*;
    use ControlState::{Active, Cautious, Reducing};
    use FailureClass::{Nonce, Revert, Rpc, Timeout};

    const MINUTE: i64 = 60_000;

    fn pool() -> Scope {
        Scope::Protocol(ProtocolId::new("pool-1"))
    }

    fn alarm(class: FailureClass) -> FailureAlarm {
        FailureAlarm {
            scope: pool(),
            class,
            evidence: "4 of 5 failed, 2 % expected".to_owned(),
        }
    }

    fn successes(class: FailureClass, count: u32) -> Successes {
        Successes {
            scope: pool(),
            class,
            count,
        }
    }

    fn see(
        breaker: &mut FailureRate,
        minute: i64,
        alarms: &[FailureAlarm],
        seen: &[Successes],
    ) -> Option<ControlState> {
        let limits = FailureLimits::default();
        let demands = breaker.assess(alarms, seen, &limits, Timestamp(minute * MINUTE));
        assert!(demands.len() < 2);
        demands.first().map(|demand| {
            assert_eq!(demand.kind, BreakerKind::FailureRate);
            assert_eq!(demand.eases_to, demand.state);
            assert_eq!(demand.scope, pool());
            demand.state
        })
    }

    #[test]
    fn an_alarm_holds_until_enough_attempts_of_its_class_succeeded() {
        let mut breaker = FailureRate::default();
        assert_eq!(see(&mut breaker, 0, &[alarm(Revert)], &[]), Some(Cautious));
        assert_eq!(see(&mut breaker, 9999, &[], &[]), Some(Cautious));
        let four = [successes(Revert, 4), successes(Rpc, 100)];
        assert_eq!(see(&mut breaker, 9999, &[], &four), Some(Cautious));
        let one = [successes(Revert, 1)];
        assert_eq!(see(&mut breaker, 9999, &[], &one), Some(Active));
        assert_eq!(see(&mut breaker, 9999, &[], &[]), Some(Active));
    }

    #[test]
    fn successes_before_an_alarm_or_in_its_tick_do_not_count_for_it() {
        let mut breaker = FailureRate::default();
        see(&mut breaker, 0, &[alarm(Revert)], &[successes(Revert, 9)]);
        let four = [successes(Revert, 4)];
        assert_eq!(see(&mut breaker, 1, &[], &four), Some(Cautious));
        assert_eq!(see(&mut breaker, 2, &[alarm(Revert)], &[]), Some(Cautious));
        assert_eq!(see(&mut breaker, 3, &[], &four), Some(Cautious));
    }

    #[test]
    fn failing_in_two_ways_or_for_long_reduces() {
        let mut breaker = FailureRate::default();
        see(&mut breaker, 0, &[alarm(Revert)], &[]);
        let second = [alarm(Timeout)];
        assert_eq!(see(&mut breaker, 1, &second, &[]), Some(Reducing));
        let settled = [successes(Timeout, 5)];
        assert_eq!(see(&mut breaker, 2, &[], &settled), Some(Cautious));
        assert_eq!(see(&mut breaker, 59, &[alarm(Revert)], &[]), Some(Cautious));
        assert_eq!(see(&mut breaker, 60, &[alarm(Revert)], &[]), Some(Reducing));
        assert_eq!(see(&mut breaker, 61, &[], &[]), Some(Reducing));
        let settled = [successes(Revert, 5)];
        assert_eq!(see(&mut breaker, 62, &[], &settled), Some(Active));
        assert_eq!(see(&mut breaker, 63, &[alarm(Revert)], &[]), Some(Cautious));
    }

    #[test]
    fn a_scope_without_attempts_is_not_healthy() {
        let mut breaker = FailureRate::default();
        assert_eq!(see(&mut breaker, 0, &[], &[]), None);
        assert_eq!(see(&mut breaker, 0, &[], &[successes(Nonce, 4)]), None);
        let fifth = [successes(Nonce, 1)];
        assert_eq!(see(&mut breaker, 0, &[], &fifth), Some(Active));
    }

    #[test]
    fn scopes_are_apart_and_a_clearing_forgets_one() {
        let mut breaker = FailureRate::default();
        let chain = FailureAlarm {
            scope: Scope::Chain(ChainId(1)),
            ..alarm(Rpc)
        };
        let limits = FailureLimits::default();
        let alarms = [alarm(Revert), chain];
        let demands = breaker.assess(&alarms, &[], &limits, Timestamp(0));
        let states: Vec<ControlState> = demands.iter().map(|demand| demand.state).collect();
        assert_eq!(states, [Cautious, Cautious]);
        breaker.forget(&Scope::Chain(ChainId(1)));
        assert_eq!(see(&mut breaker, 1, &[], &[]), Some(Cautious));
        breaker.forget(&pool());
        assert_eq!(see(&mut breaker, 2, &[], &[]), None);
    }

    #[test]
    fn the_evidence_names_class_rates_time_and_what_is_needed() {
        let mut breaker = FailureRate::default();
        see(&mut breaker, 0, &[alarm(Revert)], &[]);
        let limits = FailureLimits::default();
        let two = [successes(Revert, 2)];
        let demands = breaker.assess(&[], &two, &limits, Timestamp(MINUTE));
        assert_eq!(
            demands[0].evidence,
            "revert: 4 of 5 failed, 2 % expected, since 1970-01-01T00:00:00Z, 2 of 5 successes \
             after it"
        );
        let names = [Revert, Timeout, Nonce, Rpc].map(|class| class.to_string());
        assert_eq!(names, ["revert", "timeout", "nonce", "rpc"]);
    }

    #[test]
    fn a_restart_keeps_alarms_and_their_age() {
        let mut before = FailureRate::default();
        see(&mut before, 0, &[alarm(Revert)], &[successes(Rpc, 2)]);
        let text = serde_json::to_string(&before).unwrap();
        let mut after: FailureRate = serde_json::from_str(&text).unwrap();
        assert_eq!(after, before);
        assert_eq!(see(&mut after, 60, &[alarm(Revert)], &[]), Some(Reducing));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_make_an_alarm_younger() {
        let mut breaker = FailureRate::default();
        see(&mut breaker, 1_000_000, &[alarm(Revert)], &[]);
        see(&mut breaker, 0, &[alarm(Revert)], &[]);
        assert_eq!(see(&mut breaker, 60, &[alarm(Revert)], &[]), Some(Reducing));
    }

    #[test]
    fn a_limit_of_no_successes_is_named() {
        let count = |successes| {
            let mut wrong = Vec::new();
            FailureLimits {
                successes,
                ..FailureLimits::default()
            }
            .validate(&mut wrong);
            wrong.len()
        };
        assert_eq!((count(0), count(1)), (1, 0));
    }
}
