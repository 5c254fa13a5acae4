//! A clock that cannot be right: it jumped, or the chains say another time.
//!
//! All ages rest on the clock: one that goes back makes old data look young, one that goes ahead
//! ends cool-downs early.

use std::time::Duration;

use airdrops_types::{ControlState, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{BreakerKind, Demand, Durations};

/// What the clocks say in one tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: Timestamp,
    /// A clock that only goes forward, counted from the start of the process.
    pub monotonic: Duration,
    /// Differs from process to process, so that monotonic times are compared within one only.
    pub process: u64,
    /// The times in the heads that were read from the chains in this tick, whatever their age.
    pub chain_times: Vec<Timestamp>,
}

/// Two sizes of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockBounds {
    /// Above this, everything is handled with caution until it is over.
    pub cautious: Duration,
    /// Above this, everything is halted.
    pub halted: Duration,
}

impl ClockBounds {
    fn state(&self, difference: Duration) -> ControlState {
        if difference > self.halted {
            ControlState::Halted
        } else if difference > self.cautious {
            ControlState::Cautious
        } else {
            ControlState::Active
        }
    }

    fn validate(&self, name: &str, within: [Durations; 2], wrong: &mut Vec<String>) {
        let cautious = within[0].check(&format!("{name}.cautious"), self.cautious, wrong);
        let halted = within[1].check(&format!("{name}.halted"), self.halted, wrong);
        if cautious && halted && self.halted < self.cautious {
            wrong.push(format!(
                "{name}.halted is {}: it must be at least {name}.cautious, {}",
                span(self.halted),
                span(self.cautious)
            ));
        }
    }
}

/// When a clock cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockLimits {
    /// How far the wall clock may move against the monotonic one between two ticks, back or forth.
    pub jump: ClockBounds,
    /// How far it may be from the nearest time of a chain.
    pub chain: ClockBounds,
}

impl Default for ClockLimits {
    /// A jump of 2 s or 5 minutes; a difference of 2 or 15 minutes.
    fn default() -> Self {
        let bounds = |cautious, halted| ClockBounds {
            cautious: Duration::from_secs(cautious),
            halted: Duration::from_secs(halted),
        };
        Self {
            jump: bounds(2, 300),
            chain: bounds(120, 900),
        }
    }
}

impl ClockLimits {
    /// Within which jumps lie: those that call for caution, and those that halt.
    pub const JUMP: [Durations; 2] = [Durations::seconds(1, 60), Durations::seconds(10, 3600)];
    /// Within which differences from the chains lie: those that call for caution, and those that
    /// halt.
    pub const CHAIN: [Durations; 2] = [Durations::seconds(30, 900), Durations::seconds(60, 3600)];

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        self.jump.validate("clock.jump", Self::JUMP, wrong);
        self.chain.validate("clock.chain", Self::CHAIN, wrong);
    }
}

/// The breaker: what the clocks said last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClockWatch {
    last: Option<Tick>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Tick {
    wall: Timestamp,
    monotonic: Duration,
    process: u64,
}

impl ClockWatch {
    /// What the clocks demand of everything; nothing if there is nothing to compare with. After a
    /// start only a clock that went back is seen, and the chains.
    pub fn assess(&mut self, reading: &ClockReading, limits: &ClockLimits) -> Option<Demand> {
        let now = Tick {
            wall: reading.wall,
            monotonic: reading.monotonic,
            process: reading.process,
        };
        let jump = self.last.replace(now).and_then(|last| jump(&last, &now));
        let off = reading
            .chain_times
            .iter()
            .map(|time| time.since(reading.wall).max(reading.wall.since(*time)))
            .min();
        let mut found = Vec::new();
        if let Some((way, by)) = jump {
            found.push((
                limits.jump.state(by),
                format!(
                    "the wall clock went {way} by {} ms at {}; limits {} and {}",
                    by.as_millis(),
                    reading.wall,
                    span(limits.jump.cautious),
                    span(limits.jump.halted)
                ),
            ));
        }
        if let Some(off) = off {
            found.push((
                limits.chain.state(off),
                format!(
                    "the wall clock says {}, {} s from the nearest time of a chain; limits {} and \
                     {}",
                    reading.wall,
                    off.as_secs(),
                    span(limits.chain.cautious),
                    span(limits.chain.halted)
                ),
            ));
        }
        let worst = found.iter().map(|(state, _)| *state).max()?;
        let told = found.into_iter().find(|(state, _)| *state == worst)?;
        Some(Demand::new(
            Scope::Everything,
            BreakerKind::Clock,
            told.0,
            told.1,
        ))
    }
}

/// Which way the wall clock moved against the monotonic one, and by how much.
fn jump(last: &Tick, now: &Tick) -> Option<(&'static str, Duration)> {
    if last.process == now.process && now.monotonic >= last.monotonic {
        let expected = last.wall.plus(now.monotonic - last.monotonic);
        return Some(if now.wall < expected {
            ("back", expected.since(now.wall))
        } else {
            ("ahead", now.wall.since(expected))
        });
    }
    (now.wall < last.wall).then(|| ("back", last.wall.since(now.wall)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ControlState::{Active, Cautious, Halted};

    fn reading(process: u64, wall_ms: i64, monotonic_ms: u64) -> ClockReading {
        ClockReading {
            wall: Timestamp(wall_ms),
            monotonic: Duration::from_millis(monotonic_ms),
            process,
            chain_times: Vec::new(),
        }
    }

    fn see(watch: &mut ClockWatch, reading: &ClockReading) -> Option<ControlState> {
        let demand = watch.assess(reading, &ClockLimits::default())?;
        assert_eq!(demand.scope, Scope::Everything);
        assert_eq!(demand.kind, BreakerKind::Clock);
        assert_eq!(demand.eases_to, demand.state);
        Some(demand.state)
    }

    #[test]
    fn a_jump_either_way_is_judged_by_its_size() {
        for (by, state) in [
            (0, Active),
            (2_000, Active),
            (2_001, Cautious),
            (300_000, Cautious),
            (300_001, Halted),
        ] {
            for way in [-1, 1] {
                let mut watch = ClockWatch::default();
                assert_eq!(see(&mut watch, &reading(1, 1_000_000, 500)), None);
                let after = reading(1, 1_030_000 + way * by, 30_500);
                assert_eq!(see(&mut watch, &after), Some(state), "{way} {by}");
                let calm = reading(1, 1_060_000 + way * by, 60_500);
                assert_eq!(see(&mut watch, &calm), Some(Active));
            }
        }
    }

    #[test]
    fn after_a_start_only_a_clock_that_went_back_is_seen() {
        for (wall, state) in [
            (1_000_000, None),
            (9_000_000, None),
            (998_000, Some(Active)),
            (997_999, Some(Cautious)),
            (600_000, Some(Halted)),
        ] {
            let mut watch = ClockWatch::default();
            see(&mut watch, &reading(1, 1_000_000, 500));
            let text = serde_json::to_string(&watch).unwrap();
            let mut watch: ClockWatch = serde_json::from_str(&text).unwrap();
            assert_eq!(see(&mut watch, &reading(2, wall, 30_500)), state, "{wall}");
        }
    }

    #[test]
    fn a_monotonic_clock_that_began_again_is_one_of_another_process() {
        let mut watch = ClockWatch::default();
        see(&mut watch, &reading(1, 1_000_000, 500));
        assert_eq!(see(&mut watch, &reading(1, 9_000_000, 499)), None);
    }

    #[test]
    fn the_nearest_chain_is_what_the_clock_must_agree_with() {
        for (off, state) in [
            (0, Active),
            (120_000, Active),
            (120_001, Cautious),
            (900_000, Cautious),
            (900_001, Halted),
        ] {
            for way in [-1, 1] {
                let mut watch = ClockWatch::default();
                let now = 10_000_000;
                let mut reading = reading(1, now, 0);
                reading.chain_times = vec![
                    Timestamp(now + way * off),
                    Timestamp(now - 5_000_000),
                    Timestamp(now + 5_000_000),
                ];
                assert_eq!(see(&mut watch, &reading), Some(state), "{way} {off}");
            }
        }
    }

    #[test]
    fn of_jump_and_difference_the_worse_holds_and_is_told() {
        let mut watch = ClockWatch::default();
        see(&mut watch, &reading(1, 1_000_000, 0));
        let mut after = reading(1, 1_003_000, 0);
        after.chain_times = vec![Timestamp(1_003_000)];
        let limits = ClockLimits::default();
        let demand = watch.clone().assess(&after, &limits).unwrap();
        assert_eq!(
            demand.evidence,
            "the wall clock went ahead by 3000 ms at 1970-01-01T00:16:43Z; limits 2 s and 5 min"
        );
        after.chain_times = vec![Timestamp(0)];
        let demand = watch.assess(&after, &limits).unwrap();
        assert_eq!(demand.state, Halted);
        assert_eq!(
            demand.evidence,
            "the wall clock says 1970-01-01T00:16:43Z, 1003 s from the nearest time of a chain; \
             limits 2 min and 15 min"
        );
        let back = watch.assess(&reading(1, 1_000_000, 0), &limits).unwrap();
        assert!(back.evidence.contains("went back by 3000 ms"));
        let none = watch.assess(&reading(1, 1_000_000, 0), &limits).unwrap();
        assert!(none.evidence.contains("went ahead by 0 ms"));
    }

    #[test]
    fn bounds_in_the_wrong_order_are_named() {
        let mut limits = ClockLimits::default();
        let mut wrong = Vec::new();
        limits.validate(&mut wrong);
        limits.jump.halted = Duration::from_secs(30);
        limits.jump.cautious = limits.jump.halted;
        limits.validate(&mut wrong);
        assert_eq!(wrong.len(), 0);
        limits.jump.cautious += Duration::from_millis(1);
        limits.chain.halted = Duration::ZERO;
        limits.validate(&mut wrong);
        assert_eq!(
            wrong,
            [
                "clock.jump.halted is 30 s: it must be at least clock.jump.cautious, 30 s",
                "clock.chain.halted is 0 s: it must be between 1 min and 1 h",
            ]
        );
    }
}
