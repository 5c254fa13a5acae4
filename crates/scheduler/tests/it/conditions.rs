//! Conditions with hysteresis, and what can be wrong with an event trigger.

use std::time::Duration;

use airdrops_scheduler::event::condition::MOST_UNSEEN;
use airdrops_scheduler::{
    Campaign, CampaignDefect, ConditionState, EventDefect, EventSource, Measure, MeasureCondition,
    Trigger,
};
use airdrops_types::{Address, AssetId, B256, ChainId, Timestamp, is_event_name};
use proptest::prelude::*;

use super::{at, task};

fn below(lasting: u64) -> MeasureCondition {
    MeasureCondition {
        measure: Measure::BaseFee(ChainId(1)),
        above: false,
        threshold: 10,
        release: 15,
        lasting: Duration::from_secs(lasting),
    }
}

/// The seconds at which it fires, of `(second, value)`.
fn fires(condition: &MeasureCondition, seen: &[(i64, Option<i128>)]) -> Vec<i64> {
    let mut state = ConditionState::default();
    let mut fires = Vec::new();
    for (second, value) in seen {
        let fired;
        (state, fired) = condition.observe(state, *value, at(*second));
        if fired {
            fires.push(*second);
        }
    }
    fires
}

#[test]
fn it_fires_once_until_it_is_released() {
    let seen = [
        (0, 20),
        (1, 11),
        (2, 10),
        (3, 9),
        (4, 14),
        (5, 9),
        (6, 15),
        (7, 11),
        (8, 10),
        (9, 1),
    ];
    let seen = seen.map(|(second, value)| (second, Some(value)));
    assert_eq!(fires(&below(0), &seen), [2, 8]);
    let above = MeasureCondition {
        above: true,
        threshold: 15,
        release: 10,
        ..below(0)
    };
    assert_eq!(fires(&above, &seen), [0, 6]);
}

#[test]
fn a_release_at_the_threshold_does_not_release_while_it_holds() {
    let condition = MeasureCondition {
        release: 10,
        ..below(0)
    };
    let seen = [(0, 10), (1, 10), (2, 10), (3, 11), (4, 10)].map(|(s, v)| (s, Some(v)));
    assert_eq!(fires(&condition, &seen), [0, 4]);
}

#[test]
fn lasting_is_without_interruption() {
    let seen = [
        (0, 9),
        (59, 9),
        (60, 11),
        (61, 9),
        (120, 9),
        (121, 9),
        (122, 9),
    ];
    let seen = seen.map(|(second, value)| (second, Some(value)));
    assert_eq!(fires(&below(60), &seen), [121]);
}

#[test]
fn a_missing_value_neither_fires_nor_releases_and_its_time_does_not_count() {
    let fired = [
        (0, Some(9)),
        (1, None),
        (2, Some(9)),
        (3, None),
        (4, Some(14)),
        (5, Some(9)),
    ];
    assert_eq!(fires(&below(0), &fired), [0]);
    assert_eq!(fires(&below(0), &[(0, None), (1, None)]), [0_i64; 0]);
    // 30 s are seen before the gap and 30 s after it.
    let gap = [
        (0, Some(9)),
        (30, Some(9)),
        (31, None),
        (500, Some(9)),
        (529, Some(9)),
        (530, Some(9)),
    ];
    assert_eq!(fires(&below(60), &gap), [530]);
}

#[test]
fn a_long_time_without_a_look_is_not_taken_to_have_held() {
    let most = i64::try_from(MOST_UNSEEN.as_secs()).unwrap();
    assert_eq!(fires(&below(60), &[(0, Some(9)), (most, Some(9))]), [most]);
    assert_eq!(
        fires(&below(60), &[(0, Some(9)), (most + 1, Some(9))]),
        [0_i64; 0]
    );
}

#[test]
fn what_made_it_fire_is_told_with_its_unit() {
    let condition = MeasureCondition {
        threshold: 10_000_000_000,
        ..below(60)
    };
    assert_eq!(
        condition.told(9_500_000_000),
        "base fee of chain 1 is 9.500 gwei, at or below 10.000 gwei for 60 s"
    );
    let price = MeasureCondition {
        measure: Measure::Price(AssetId::from("USDC")),
        above: false,
        threshold: 995_000,
        release: 999_000,
        lasting: Duration::ZERO,
    };
    assert_eq!(
        price.told(877_400),
        "price of USDC is $0.877400, at or below $0.995000"
    );
    let rough = MeasureCondition {
        measure: Measure::Volatility,
        above: true,
        threshold: 90_000,
        release: 80_000,
        ..price
    };
    assert_eq!(
        rough.told(91_250),
        "volatility index is 91.250 points, at or above 90.000 points"
    );
}

proptest! {
    #[test]
    fn a_restart_at_any_instant_changes_nothing(
        seen in proptest::collection::vec((1_i64..2_000, proptest::option::of(0_i128..20)), 1..60),
        lasting in 0_u64..600, above in any::<bool>(), threshold in 5_i128..15, slack in 0_i128..5,
    ) {
        let release = if above { threshold - slack } else { threshold + slack };
        let condition = MeasureCondition { above, threshold, release, ..below(lasting) };
        let (mut state, mut second) = (ConditionState::default(), 0);
        let mut armed = true;
        for (step, value) in seen {
            second += step;
            let stored = serde_json::to_string(&state).unwrap();
            let restored: ConditionState = serde_json::from_str(&stored).unwrap();
            let next = condition.observe(restored, value, at(second));
            prop_assert_eq!(next, condition.observe(state, value, at(second)));
            // Never twice without a release between, and never on a value that does not pass.
            if next.1 {
                prop_assert!(armed && value.is_some_and(|value| condition.passes(value)));
                armed = false;
            }
            let released = value.is_some_and(|value| !condition.passes(value) && if above { value <= release } else { value >= release });
            armed |= released;
            state = next.0;
        }
    }

    #[test]
    fn no_value_and_no_instant_makes_it_panic(
        values in proptest::collection::vec((any::<i64>(), proptest::option::of(any::<i128>())), 0..20),
        lasting in any::<u64>(), threshold in any::<i128>(), release in any::<i128>(), above in any::<bool>(),
    ) {
        let condition = MeasureCondition {
            above, threshold, release, lasting: Duration::from_secs(lasting), ..below(0)
        };
        let mut state = ConditionState::default();
        for (ms, value) in values {
            (state, _) = condition.observe(state, value, Timestamp(ms));
            prop_assert!(!condition.told(value.unwrap_or(i128::MIN)).is_empty());
        }
    }
}

fn log(topics: usize, confirmations: u64) -> EventSource {
    EventSource::Log {
        chain: ChainId(1),
        address: Address::ZERO,
        topics: vec![Some(B256::ZERO); topics],
        confirmations,
    }
}

#[test]
fn a_source_that_cannot_fire_is_refused_with_a_remedy() {
    let condition = |above, threshold, release| {
        EventSource::Condition(MeasureCondition {
            above,
            threshold,
            release,
            ..below(0)
        })
    };
    let named = |name: &str| EventSource::Named {
        name: name.to_owned(),
    };
    for source in [
        log(0, 1),
        log(4, 10_000),
        condition(true, 10, 10),
        condition(true, 10, 0),
        condition(false, 10, 11),
        named("deploy-1.2_x"),
        EventSource::Plan,
        EventSource::Opportunity,
    ] {
        assert_eq!(source.validate(), Ok(()), "{source:?}");
    }
    for (source, words) in [
        (log(0, 0), "write at least 1"),
        (log(0, 10_001), "write at most 10000"),
        (log(5, 1), "leave the last ones out"),
        (
            condition(true, 10, 11),
            "fires at or above 10, but its release 11 lies above that",
        ),
        (
            condition(false, 10, 9),
            "fires at or below 10, but its release 9 lies below that",
        ),
        (condition(true, -1, -2), "write one of at least 0"),
        (named(""), "write 1 to 64"),
        (named("a/b"), "write 1 to 64"),
        (named(".."), "write 1 to 64"),
        (named(&"x".repeat(65)), "write 1 to 64"),
    ] {
        let defect = source.validate().unwrap_err().to_string();
        assert!(defect.contains(words), "{defect}");
    }
    assert!(is_event_name(&"x".repeat(64)));
}

#[test]
fn a_campaign_names_every_defect_of_its_events_however_deep() {
    let trigger = Trigger::Any(vec![
        Trigger::Manual,
        Trigger::Event(log(5, 1)),
        Trigger::Any(vec![Trigger::Event(log(0, 0))]),
    ]);
    let campaign = Campaign::new("x", trigger, vec![task("a", &[])]);
    let defects: Vec<CampaignDefect> = campaign
        .validate()
        .unwrap_err()
        .into_iter()
        .map(|error| error.defect)
        .collect();
    for defect in [
        EventDefect::Topics { topics: 5 },
        EventDefect::NoConfirmations,
    ] {
        assert!(
            defects.contains(&CampaignDefect::Event(defect)),
            "{defects:?}"
        );
    }
}
