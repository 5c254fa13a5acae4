use std::time::Duration;

use airdrops_scheduler::trigger::{MAX_DEPTH, MAX_PARTS};
use airdrops_scheduler::{Compiled, EventSource, Timing, Trigger, TriggerError};
use airdrops_types::Timestamp;

use super::{BERLIN, NEW_YORK, assert_instants, cron, instant};
use crate::at;

fn grid(every_ms: u64, first: i64) -> Trigger {
    Trigger::Interval {
        every: Duration::from_millis(every_ms),
        first: Some(Timestamp(first)),
    }
}

fn fires(trigger: &Trigger, after: i64, count: usize) -> Vec<i64> {
    let compiled = Compiled::new(trigger, &Timing::default()).unwrap();
    let next = |after: Timestamp| compiled.next_after(after, at(0));
    std::iter::successors(next(Timestamp(after)), |&last| next(last))
        .take(count)
        .map(|instant| instant.0)
        .collect()
}

#[test]
fn all_fires_when_every_part_does() {
    let sixth = Trigger::All(vec![grid(2_000, 0), grid(3_000, 0)]);
    assert_eq!(fires(&sixth, 0, 3), [6_000, 12_000, 18_000]);
    // Working days at nine, at the first of a month.
    assert_instants(
        &Trigger::All(vec![
            cron("0 9 * * MON-FRI", BERLIN),
            cron("0 9 1 * *", BERLIN),
        ]),
        BERLIN,
        "2024-05-02T00:00:00+02:00",
        &["2024-07-01T09:00:00+02:00", "2024-08-01T09:00:00+02:00"],
    );
    // Two zones that agree on an instant for some weeks of the year only.
    let both = Trigger::All(vec![
        cron("0 15 * * *", BERLIN),
        cron("0 10 * * *", NEW_YORK),
    ]);
    for (from, next) in [
        ("2024-01-01T00:00:00+00:00", "2024-03-10T14:00:00+00:00"),
        ("2024-03-29T20:00:00+00:00", "2024-03-30T14:00:00+00:00"),
        ("2024-03-30T20:00:00+00:00", "2024-10-27T14:00:00+00:00"),
    ] {
        assert_instants(&both, "UTC", from, &[next]);
    }
}

#[test]
fn all_compares_seconds_and_fires_with_the_latest_part() {
    let near = Trigger::All(vec![grid(10_000, 250), grid(5_000, 900)]);
    assert_eq!(fires(&near, 0, 2), [900, 10_900]);
    assert_eq!(fires(&near, 500, 1), [900]);
    assert_eq!(fires(&near, 900, 1), [10_900]);
    // Within one second it fires once.
    let parts = |offset: i64| Trigger::Any(vec![grid(1_000, 100), grid(1_000, 800 + offset)]);
    let twice = Trigger::All(vec![parts(0), parts(50)]);
    assert_eq!(fires(&twice, 0, 3), [100, 1_100, 2_100]);
}

#[test]
fn all_with_a_date_fires_once_or_is_refused() {
    let nine = cron("0 9 * * *", "UTC");
    let date = |text| Trigger::Date { at: instant(text) };
    let both = Trigger::All(vec![nine.clone(), date("2024-05-01T09:00:00Z")]);
    assert!(both.is_one_shot());
    assert_instants(
        &both,
        "UTC",
        "2024-01-01T00:00:00Z",
        &["2024-05-01T09:00:00+00:00"],
    );
    let compiled = Compiled::new(&both, &Timing::default()).unwrap();
    assert_eq!(
        compiled.next_after(instant("2024-05-01T09:00:00Z"), at(0)),
        None
    );
    // Seen after it has passed: it is not lost.
    let late = instant("2024-06-01T00:00:00Z");
    assert_eq!(
        compiled.first_instant(late),
        Some(instant("2024-05-01T09:00:00Z"))
    );
    let never = Trigger::All(vec![nine, date("2024-05-01T10:00:00Z")]);
    assert_eq!(never.validate(), Err(TriggerError::NeverTogether));
}

#[test]
fn the_search_for_all_ends() {
    // Never together; the search gives up.
    let never = Trigger::All(vec![cron("0 9 * * *", "UTC"), cron("0 10 * * *", "UTC")]);
    assert_eq!(never.validate(), Err(TriggerError::NeverTogether));
    // Where it depends on when it is seen, it is for the search to say.
    let floating = Trigger::All(vec![
        Trigger::Interval {
            every: Duration::from_secs(2),
            first: None,
        },
        grid(2_000, 1_000),
    ]);
    let compiled = Compiled::new(&floating, &Timing::default()).unwrap();
    assert_eq!(compiled.next_after(at(0), at(0)), None);
    assert_eq!(compiled.next_after(at(0), at(1)), Some(at(1)));
}

#[test]
fn any_fires_when_one_part_does() {
    let either = Trigger::Any(vec![grid(2_000, 0), grid(3_000, 0)]);
    assert_eq!(fires(&either, 0, 5), [2_000, 3_000, 4_000, 6_000, 8_000]);
    let with_events = Trigger::Any(vec![
        Trigger::Event(EventSource::Plan),
        Trigger::Manual,
        grid(2_000, 0),
    ]);
    assert_eq!(fires(&with_events, 0, 2), [2_000, 4_000]);
    for alone in [Trigger::Manual, Trigger::Event(EventSource::Opportunity)] {
        assert_eq!(fires(&alone, i64::MIN, 1), [0_i64; 0]);
    }
    // A date that has passed when it is first seen is not lost.
    let date = Trigger::Any(vec![Trigger::Date { at: at(5) }, grid(60_000, 0)]);
    let compiled = Compiled::new(&date, &Timing::default()).unwrap();
    assert_eq!(compiled.first_instant(at(70)), Some(at(5)));
    assert_eq!(compiled.next_after(at(5), at(70)), Some(at(60)));
}

#[test]
fn unusable_combinations_are_refused() {
    let refused = |trigger: Trigger| trigger.validate().unwrap_err();
    assert_eq!(
        refused(Trigger::All(vec![])),
        TriggerError::Empty { of: "all" }
    );
    assert_eq!(
        refused(Trigger::Any(vec![])),
        TriggerError::Empty { of: "any" }
    );
    let within = Trigger::Any(vec![Trigger::Once, Trigger::Manual]);
    for event in [Trigger::Manual, Trigger::Event(EventSource::Plan), within] {
        let all = Trigger::All(vec![Trigger::Once, event]);
        assert_eq!(refused(all), TriggerError::EventWithinAll);
    }
    let wrong = Trigger::Any(vec![Trigger::Once, cron("0 0 30 2 *", "UTC")]);
    assert!(matches!(refused(wrong), TriggerError::NeverFires { .. }));
    let nested =
        |depth: usize| (1..depth).fold(Trigger::Once, |inner, _| Trigger::Any(vec![inner]));
    assert_eq!(nested(MAX_DEPTH).validate(), Ok(()));
    assert_eq!(refused(nested(MAX_DEPTH + 1)), TriggerError::Depth);
    assert_eq!(refused(nested(1_000)), TriggerError::Depth);
    let wide = |count: usize| Trigger::Any(vec![Trigger::Once; count - 1]);
    assert_eq!(wide(MAX_PARTS).validate(), Ok(()));
    assert_eq!(refused(wide(MAX_PARTS + 1)), TriggerError::Parts);
}
