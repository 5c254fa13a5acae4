use std::time::Duration;

use airdrops_scheduler::trigger::{MAX_CATCH_UP, MAX_COUNTED, Stretch};
use airdrops_scheduler::{CatchUp, Compiled, Lookback, Missed, Timing, Trigger, missed};
use airdrops_types::{CampaignId, Timestamp};
use proptest::prelude::*;

use super::{BERLIN, cron, instant};
use crate::{at, every};

fn compiled(trigger: &Trigger) -> Compiled {
    Compiled::new(trigger, &Timing::default()).unwrap()
}

/// What becomes of the fires of `trigger`, first seen at 0, whose next instant was `next`.
fn look_back(
    trigger: &Compiled,
    (next, now): (Timestamp, Timestamp),
    catch_up: CatchUp,
    misfire_grace: Option<u64>,
    limit: usize,
) -> Missed {
    let campaign = CampaignId::from("farm");
    let lookback = Lookback {
        next,
        now,
        first_seen: at(0),
        catch_up,
        misfire_grace: misfire_grace.map(Duration::from_secs),
        limit,
        seed: 1,
        campaign: &campaign,
    };
    missed(trigger, &lookback)
}

fn stretch(first: i64, last: i64, count: usize) -> Option<Stretch> {
    Some(Stretch {
        first: at(first),
        last: at(last),
        count,
        uncounted: false,
    })
}

const LIMIT: usize = MAX_CATCH_UP;

#[test]
fn what_is_on_time_runs_under_every_rule() {
    let minutely = compiled(&every(60));
    for rule in [CatchUp::Skip, CatchUp::One, CatchUp::All] {
        for grace in [None, Some(5)] {
            let seen = look_back(&minutely, (at(60), at(63)), rule, grace, LIMIT);
            let expected = Missed {
                instants: vec![at(60)],
                next: Some(at(120)),
                ..Missed::default()
            };
            assert_eq!(seen, expected, "{rule:?}");
        }
        // Nothing is due.
        let early = look_back(&minutely, (at(60), Timestamp(59_999)), rule, None, LIMIT);
        let expected = Missed {
            next: Some(at(60)),
            ..Missed::default()
        };
        assert_eq!(early, expected);
    }
}

#[test]
fn each_rule_runs_what_it_says_of_what_was_missed() {
    let hourly = compiled(&every(3_600));
    // Instants at 1 h … 10 h; now it is ten minutes past ten.
    let times = (at(3_600), at(36_600));
    let next = Some(at(39_600));
    let skip = look_back(&hourly, times, CatchUp::Skip, None, LIMIT);
    assert_eq!(
        (skip.instants, skip.passed),
        (vec![], stretch(3_600, 36_000, 10))
    );
    assert_eq!(skip.next, next);
    let graceful = look_back(&hourly, times, CatchUp::Skip, Some(600), LIMIT);
    assert_eq!(graceful.instants, [at(36_000)]);
    let one = look_back(&hourly, times, CatchUp::One, None, LIMIT);
    assert_eq!(
        (one.instants, one.passed),
        (vec![at(36_000)], stretch(3_600, 32_400, 9))
    );
    let too_late = look_back(&hourly, times, CatchUp::One, Some(599), LIMIT);
    assert_eq!(
        (too_late.instants, too_late.passed),
        (vec![], stretch(3_600, 36_000, 10))
    );
    let all = look_back(&hourly, times, CatchUp::All, None, LIMIT);
    let each: Vec<Timestamp> = (1..=10).map(|hour| at(hour * 3_600)).collect();
    assert_eq!((all.instants, all.passed, all.more), (each, None, None));
    let some = look_back(&hourly, times, CatchUp::All, Some(7_800), LIMIT);
    assert_eq!(some.instants, [at(28_800), at(32_400), at(36_000)]);
    assert_eq!((some.passed, some.next), (stretch(3_600, 25_200, 7), next));
}

#[test]
fn more_than_the_limit_are_counted_named_and_kept() {
    let hourly = compiled(&every(3_600));
    let first = look_back(&hourly, (at(3_600), at(36_600)), CatchUp::All, None, 4);
    assert_eq!(
        first.instants,
        [at(3_600), at(7_200), at(10_800), at(14_400)]
    );
    assert_eq!(first.more, stretch(18_000, 36_000, 6));
    assert_eq!(
        first.more.unwrap().to_string(),
        "6 fires from 1970-01-01T05:00:00Z to 1970-01-01T10:00:00Z"
    );
    // The rest comes when it is asked for again.
    let next = first.next.unwrap();
    assert_eq!(next, at(18_000));
    let second = look_back(&hourly, (next, at(36_600)), CatchUp::All, None, 4);
    assert_eq!(second.instants.first(), Some(&next));
    assert_eq!(second.more, stretch(32_400, 36_000, 2));
}

#[test]
fn a_year_of_missed_seconds_is_bounded() {
    let each_second = compiled(&every(1));
    let times = (at(1), at(31_536_000));
    let all = look_back(&each_second, times, CatchUp::All, None, usize::MAX);
    assert_eq!(all.instants.len(), MAX_CATCH_UP);
    let more = all.more.unwrap();
    assert_eq!((more.count, more.uncounted), (MAX_COUNTED, true));
    assert_eq!((more.first, more.last), (at(1_001), at(31_536_000)));
    assert!(more.to_string().starts_with("more than 10000 fires from "));
    let one = look_back(&each_second, times, CatchUp::One, None, LIMIT);
    assert_eq!(one.instants, [at(31_536_000)]);
}

#[test]
fn what_fires_once_is_late_or_runs() {
    for trigger in [Trigger::Date { at: at(0) }, Trigger::Once] {
        let once = compiled(&trigger);
        let run = look_back(&once, (at(0), at(500)), CatchUp::One, None, LIMIT);
        assert_eq!((run.instants, run.next), (vec![at(0)], None));
        let late = look_back(&once, (at(0), at(500)), CatchUp::One, Some(60), LIMIT);
        assert_eq!((late.instants, late.next), (vec![], None));
        assert_eq!(
            late.passed.unwrap().to_string(),
            "the fire of 1970-01-01T00:00:00Z"
        );
    }
}

#[test]
fn nothing_is_caught_up_past_the_end() {
    let timing = Timing {
        end: Some(at(200)),
        ..Timing::default()
    };
    let ended = Compiled::new(&every(60), &timing).unwrap();
    let all = look_back(&ended, (at(60), at(10_000)), CatchUp::All, None, LIMIT);
    assert_eq!(all.instants, [at(60), at(120), at(180)]);
    assert_eq!(all.next, None);
}

#[test]
fn a_fire_is_late_by_the_time_since_its_jittered_moment() {
    let timing = Timing {
        jitter: Duration::from_secs(3_000),
        ..Timing::default()
    };
    let trigger = Compiled::new(&every(3_600), &timing).unwrap();
    let moment =
        |hour: i64| trigger.fire_moment(at(hour * 3_600), at(0), 1, &CampaignId::from("farm"));
    let hour = (1..100)
        .find(|hour| moment(*hour) > at(hour * 3_600 + 60))
        .unwrap();
    let due = at(hour * 3_600);
    let before = Timestamp(moment(hour).0 - 1);
    let early = look_back(&trigger, (due, before), CatchUp::One, Some(0), LIMIT);
    assert_eq!((early.instants, early.next), (vec![], Some(due)));
    let then = look_back(&trigger, (due, moment(hour)), CatchUp::One, Some(0), LIMIT);
    assert_eq!(then.instants, [due]);
    // The hour before is caught up, while this one's moment is still to come.
    let both = look_back(
        &trigger,
        (at((hour - 1) * 3_600), before),
        CatchUp::All,
        None,
        LIMIT,
    );
    assert_eq!(
        (both.instants, both.next),
        (vec![at((hour - 1) * 3_600)], Some(due))
    );
}

proptest! {
    /// Each instant that is due either runs, is passed over, or is left for the next time.
    #[test]
    fn no_due_instant_is_lost(
        expression in prop::sample::select(vec![
            "*/20 * * * *", "30 1,2,3 * * *", "15 2 * * *", "0 0 L * *",
        ]),
        rule in prop::sample::select(vec![CatchUp::Skip, CatchUp::One, CatchUp::All]),
        grace in prop::option::of(0..400_000_u64),
        limit in 1..200_usize,
        from in -400_000_i64..400_000,
        passed in 0..400_000_i64,
    ) {
        let trigger = compiled(&cron(expression, BERLIN));
        let start = Timestamp(instant("2024-10-27T02:30:00+02:00").0 + from * 1_000);
        let next = trigger.next_after(start, at(0)).unwrap();
        let now = Timestamp(next.0 + passed * 1_000);
        let found = look_back(&trigger, (next, now), rule, grace, limit);
        let due: Vec<Timestamp> = std::iter::successors(Some(next), |&last| {
            trigger.next_after(last, at(0))
        })
        .take_while(|instant| *instant <= now)
        .collect();
        let count = |stretch: Option<Stretch>| stretch.map_or(0, |stretch| stretch.count);
        prop_assert_eq!(
            count(found.passed) + found.instants.len() + count(found.more), due.len()
        );
        prop_assert!(found.instants.len() <= limit);
        prop_assert!(found.instants.is_sorted());
        let skipped = count(found.passed);
        prop_assert_eq!(
            &found.instants[..], &due[skipped..skipped + found.instants.len()]
        );
        let grace = grace.map(Duration::from_secs);
        for instant in &found.instants {
            prop_assert!(grace.is_none_or(|grace| now.since(*instant) <= grace));
        }
        if rule == CatchUp::All {
            for instant in &due[..skipped] {
                prop_assert!(grace.is_some_and(|grace| now.since(*instant) > grace));
            }
        }
        let after = trigger.next_after(*due.last().unwrap(), at(0));
        prop_assert_eq!(found.next, found.more.map(|more| more.first).or(after));
    }

    /// What bisection finds is what counting finds.
    #[test]
    fn the_latest_due_instant_is_the_last_one_up_to_now(
        every_seconds in 1..5_000_u64, passed in 0..1_000_000_i64,
    ) {
        let trigger = compiled(&every(every_seconds));
        let now = Timestamp(passed);
        let every = i64::try_from(every_seconds).unwrap() * 1_000;
        prop_assert_eq!(
            trigger.latest_due(at(0), now, at(0)), Timestamp(passed / every * every)
        );
    }
}

#[test]
fn the_latest_due_instant_is_found_before_1970_too() {
    let date = Trigger::Date { at: at(-100) };
    for (trigger, latest) in [(date, at(-100)), (every(7), at(-4))] {
        let trigger = Compiled::new(&trigger, &Timing::default()).unwrap();
        let next = trigger.first_instant(at(-102)).unwrap();
        assert_eq!(trigger.latest_due(next, at(-1), at(-102)), latest);
    }
}
