//! The instants that a scheduler fires at, with a restart before each of them.

use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_scheduler::{Calendar, Campaign, CatchUp, Scheduler, Trigger};
use airdrops_types::{Command, TaskState, Timestamp};

use crate::{Store, at, campaign, every, finish, fires, start, task};

const HOUR: i64 = 3_600;

fn instant(text: &str) -> Timestamp {
    Timestamp(
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_millis(),
    )
}

fn of(trigger: Trigger) -> Campaign {
    campaign("c", trigger, vec![task("t", &[])])
}

fn cron(expression: &str) -> Trigger {
    Trigger::Cron {
        expression: expression.to_owned(),
        zone: "UTC".to_owned(),
    }
}

/// Lets all that may run complete.
fn finish_all(scheduler: &mut Scheduler, store: &mut Store, now: Timestamp) {
    for id in scheduler.runnable(now) {
        store.keep(&finish(scheduler, id.as_str(), now));
    }
}

/// `(due, when it fired, note)` of the first `count` fires, each run of which ends at once. The
/// scheduler is made anew from what is stored at each moment that it asks for, if it `restarts`.
fn lived(
    campaign: &Campaign,
    seen: Timestamp,
    count: usize,
    restarts: bool,
) -> Vec<(Timestamp, Timestamp, String)> {
    let campaigns = [campaign.clone()];
    let (mut scheduler, mut store) = start(&campaigns, seen);
    let mut now = seen;
    let mut lived = Vec::new();
    while lived.len() < count {
        let changes = scheduler.tick(now);
        store.keep(&changes);
        let fired = fires(&changes).into_iter();
        lived.extend(fired.map(|(due, _, note)| (due, now, note)));
        finish_all(&mut scheduler, &mut store, now);
        let Some(wake) = scheduler.next_wake(now) else {
            break;
        };
        now = wake;
        if restarts {
            scheduler = store.open(&campaigns, 1, now);
        }
    }
    lived
}

fn dues(campaign: &Campaign, seen: Timestamp, count: usize) -> Vec<Timestamp> {
    let lived = lived(campaign, seen, count, true);
    lived.into_iter().map(|(due, ..)| due).collect()
}

#[test]
fn any_of_an_interval_and_a_cron_keeps_the_grid_of_the_interval() {
    let seen = at(1_234);
    let any = of(Trigger::Any(vec![every(7 * 3_600), cron("0 0 * * *")]));
    let mut expected: BTreeSet<Timestamp> = (0..20).map(|k| at(1_234 + k * 7 * HOUR)).collect();
    expected.extend((1..6).map(|day| at(day * 24 * HOUR)));
    let expected: Vec<Timestamp> = expected.into_iter().take(20).collect();
    assert_eq!(dues(&any, seen, 20), expected);
}

#[test]
fn all_of_an_interval_and_a_cron_fires_where_they_meet() {
    // Every 5 hours from midnight meets 20:00 every fifth day, from day 0 on.
    let all = of(Trigger::All(vec![every(5 * 3_600), cron("0 20 * * *")]));
    let expected: Vec<Timestamp> = (0..4).map(|k| at((20 + k * 5 * 24) * HOUR)).collect();
    assert_eq!(dues(&all, at(0), 4), expected);
}

#[test]
fn a_calendar_interval_of_months_and_days_counts_from_the_day_it_is_seen() {
    let calendar = |first: Option<&str>| {
        of(Trigger::Calendar(Calendar {
            years: 0,
            months: 1,
            weeks: 0,
            days: 1,
            time: 9 * 3_600,
            zone: "UTC".to_owned(),
            first: first.map(str::to_owned),
        }))
    };
    let seen = instant("2024-01-31T12:00:00Z");
    // 31 February, 31 April and 31 June, from which the days count, do not exist.
    let expected = [
        "2024-04-02T09:00:00Z",
        "2024-06-04T09:00:00Z",
        "2024-08-06T09:00:00Z",
        "2024-09-07T09:00:00Z",
    ]
    .map(instant);
    assert_eq!(dues(&calendar(None), seen, 4), expected);
    assert_eq!(dues(&calendar(Some("2024-01-31")), seen, 4), expected);
}

#[test]
fn an_interval_that_starts_later_counts_from_its_start() {
    let mut late = of(every(60));
    late.timing.start = Some(at(1_000));
    assert_eq!(dues(&late, at(7), 3), [at(1_000), at(1_060), at(1_120)]);
}

#[test]
fn jitter_moves_runs_but_not_instants_and_is_the_same_with_and_without_restarts() {
    // More jitter than time between two instants: a run still begins before the next instant.
    let mut jittered = of(every(3_600));
    jittered.timing.jitter = Duration::from_secs(5_400);
    let seen = at(500);
    let restarted = lived(&jittered, seen, 30, true);
    assert_eq!(restarted, lived(&jittered, seen, 30, false));
    for (k, (due, moment, note)) in restarted.iter().enumerate() {
        let k = i64::try_from(k).unwrap();
        assert_eq!(*due, at(500 + k * HOUR));
        assert!(due <= moment && *moment < at(500 + (k + 1) * HOUR));
        assert_eq!(*note, format!("run {}", k + 1), "it is not late");
    }
    let delays: BTreeSet<_> = restarted
        .iter()
        .map(|(due, at, _)| at.since(*due))
        .collect();
    assert!(delays.len() > 25, "{delays:?}");
}

#[test]
fn lateness_counts_from_the_moment_and_not_from_the_instant() {
    let mut jittered = of(every(86_400));
    jittered.timing.jitter = Duration::from_secs(36_000);
    jittered.misfire_grace = Some(Duration::from_secs(60));
    let moment = start(&[jittered.clone()], at(0)).0.next_wake(at(0));
    let moment = moment.unwrap();
    assert!(moment > at(100), "{moment}");
    for (catch_up, late, note) in [
        (CatchUp::One, 60, "run 1, 60 s late"),
        (CatchUp::All, 60, "run 1, 60 s late"),
        (CatchUp::Skip, 60, "run 1, 60 s late"),
        (
            CatchUp::One,
            61,
            "skipped: seen 61 s late, misfire grace is 60 s",
        ),
        (
            CatchUp::All,
            61,
            "skipped: seen 61 s late, misfire grace is 60 s",
        ),
    ] {
        jittered.catch_up = catch_up;
        let (mut scheduler, _) = start(&[jittered.clone()], at(0));
        let fired = fires(&scheduler.tick(moment.plus(Duration::from_secs(late))));
        assert_eq!(fired.len(), 1);
        assert_eq!((fired[0].0, fired[0].2.as_str()), (at(0), note));
    }
}

#[test]
fn a_run_that_jitter_delays_is_not_lost_by_a_pause_that_ends_before_it() {
    let mut jittered = of(every(86_400));
    jittered.timing.jitter = Duration::from_secs(36_000);
    let (mut scheduler, _) = start(&[jittered], at(0));
    let moment = scheduler.next_wake(at(0)).unwrap();
    let pause = Command::Pause {
        campaign: "c".into(),
        reason: "lunch".to_owned(),
    };
    let resume = Command::Resume {
        campaign: "c".into(),
    };
    let within = |_: &airdrops_types::TaskId| false;
    scheduler.command(&pause, "ada", at(1), &within).unwrap();
    scheduler.command(&resume, "ada", at(2), &within).unwrap();
    assert_eq!(scheduler.next_wake(at(2)), Some(moment));
    scheduler.command(&pause, "ada", at(3), &within).unwrap();
    let late = moment.plus(Duration::from_secs(1));
    scheduler.command(&resume, "ada", late, &within).unwrap();
    assert!(scheduler.next_wake(late) >= Some(at(86_400)));
}

#[test]
fn catching_up_all_makes_as_many_runs_as_there_is_room_for_and_the_rest_later() {
    let mut minutely = of(every(60));
    minutely.catch_up = CatchUp::All;
    minutely.max_instances = 2;
    let campaigns = [minutely];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    finish_all(&mut scheduler, &mut store, at(0));
    let now = at(330);
    let mut made = Vec::new();
    for end in ["c/t#2", "c/t#3", "c/t#4", "c/t#5", "c/t#6"] {
        let mut scheduler = store.open(&campaigns, 1, now);
        let changes = scheduler.tick(now);
        store.keep(&changes);
        made.push(fires(&changes));
        let open = store.tasks.values();
        assert!(open.filter(|task| !task.state.is_final()).count() <= 2);
        store.keep(&finish(&mut scheduler, end, now));
    }
    let dues: Vec<Vec<Timestamp>> = made
        .iter()
        .map(|fired| fired.iter().map(|(due, ..)| *due).collect())
        .collect();
    let single = |second| vec![at(second)];
    assert_eq!(
        dues,
        [
            vec![at(60), at(120)],
            single(180),
            single(240),
            single(300),
            vec![],
        ]
    );
    assert_eq!(made[0][1].2, "run 3, 210 s late");
    let scheduler = store.open(&campaigns, 1, now);
    assert_eq!(scheduler.next_wake(now), Some(at(360)), "the next one");
    assert!(
        store
            .tasks
            .values()
            .all(|task| task.state == TaskState::Completed)
    );
}

#[test]
fn who_has_much_to_catch_up_leaves_room_for_the_others_in_each_call() {
    let mut much = campaign("a", every(1), vec![task("t", &[])]);
    much.catch_up = CatchUp::All;
    much.max_instances = 5_000;
    let campaigns = [much, campaign("b", every(60), vec![task("t", &[])])];
    let (mut scheduler, _) = start(&campaigns, at(0));
    let now = at(2_499);
    let mut made = Vec::new();
    while scheduler.next_wake(now) == Some(now) {
        let fired = fires(&scheduler.tick(now));
        made.push(fired.len());
        let minutes = fired
            .iter()
            .filter(|(_, _, note)| note.contains("also for"));
        assert_eq!(minutes.count(), usize::from(made.len() == 1));
    }
    assert_eq!(made, [1_000, 1_000, 501]);
}

#[test]
fn a_note_names_all_instants_that_it_stands_for() {
    let note = |catch_up, grace: Option<u64>, ends: bool| {
        let mut minutely = of(every(60));
        minutely.catch_up = catch_up;
        minutely.misfire_grace = grace.map(Duration::from_secs);
        let (mut scheduler, mut store) = start(&[minutely], at(0));
        store.keep(&scheduler.tick(at(0)));
        if ends {
            finish_all(&mut scheduler, &mut store, at(0));
        }
        let mut fired = fires(&scheduler.tick(at(330)));
        assert_eq!(fired.len(), 1);
        assert_eq!(fired[0].0, at(300), "the latest instant");
        assert_eq!(scheduler.next_wake(at(330)), Some(at(360)));
        fired.remove(0).2
    };
    let (first, fourth, last) = (
        "1970-01-01T00:01:00Z",
        "1970-01-01T00:04:00Z",
        "1970-01-01T00:05:00Z",
    );
    assert_eq!(
        note(CatchUp::One, None, true),
        format!("run 2, 30 s late, also for 4 fires from {first} to {fourth}")
    );
    assert_eq!(
        note(CatchUp::Skip, None, true),
        format!("run 2, 30 s late, without 4 fires from {first} to {fourth}")
    );
    for catch_up in [CatchUp::One, CatchUp::Skip, CatchUp::All] {
        assert_eq!(
            note(catch_up, Some(20), true),
            format!(
                "skipped: 5 fires from {first} to {last}, the last one seen 30 s late, misfire \
                 grace is 20 s"
            )
        );
    }
    for catch_up in [CatchUp::One, CatchUp::Skip] {
        assert_eq!(
            note(catch_up, Some(20), false),
            format!("skipped: 5 fires from {first} to {last}, run 1 has not ended")
        );
    }
}

#[test]
fn other_bounds_hold_from_a_restart_on_and_nothing_fires_twice() {
    let with = |start: Option<i64>, end: Option<i64>| {
        let mut bounded = of(every(60));
        (bounded.timing.start, bounded.timing.end) = (start.map(at), end.map(at));
        [bounded]
    };
    let mut store = Store::default();
    let mut step = |campaigns: &[Campaign], now: i64| {
        let mut scheduler = store.open(campaigns, 1, at(now));
        let changes = scheduler.tick(at(now));
        store.keep(&changes);
        finish_all(&mut scheduler, &mut store, at(now));
        let state = &store.triggers[&"c".into()];
        assert_eq!(state.first_seen, at(0));
        assert_eq!(scheduler.next_wake(at(now)), state.next);
        let dues: Vec<_> = fires(&changes).into_iter().map(|(due, ..)| due).collect();
        (dues, state.next, state.runs)
    };
    let none = Vec::new;
    let free = with(None, None);
    assert_eq!(step(&free, 0), (vec![at(0)], Some(at(60)), 1));
    // Later: the interval begins at its start.
    let later = with(Some(90), None);
    assert_eq!(step(&later, 10), (none(), Some(at(90)), 1));
    assert_eq!(step(&later, 90), (vec![at(90)], Some(at(150)), 2));
    // Earlier: it has its first grid again, from now on.
    assert_eq!(step(&free, 90), (none(), Some(at(120)), 2));
    assert_eq!(step(&free, 120), (vec![at(120)], Some(at(180)), 3));
    // At the instant that it has just fired for, and over.
    let over = with(None, Some(150));
    assert_eq!(step(&over, 120), (none(), None, 3));
    // The end is moved: what was over in between is not made up for.
    let longer = with(None, Some(400));
    assert_eq!(step(&longer, 299), (none(), Some(at(300)), 3));
    // What is due and was not seen yet stays due.
    assert_eq!(step(&free, 330), (vec![at(300)], Some(at(360)), 4));
}

#[test]
fn what_fires_once_fires_once_whatever_becomes_of_its_bounds() {
    let step = |store: &mut Store, campaign: &Campaign, now: i64| {
        let campaigns = [campaign.clone()];
        let mut scheduler = store.open(&campaigns, 1, at(now));
        let changes = scheduler.tick(at(now));
        store.keep(&changes);
        finish_all(&mut scheduler, store, at(now));
        (fires(&changes).len(), scheduler.next_wake(at(now)))
    };
    // A date that was out of bounds has not fired.
    let mut date = of(Trigger::Date { at: at(100) });
    date.timing.end = Some(at(50));
    let mut store = Store::default();
    assert_eq!(step(&mut store, &date, 0), (0, None));
    date.timing.end = Some(at(200));
    assert_eq!(step(&mut store, &date, 70), (0, Some(at(100))));
    assert_eq!(step(&mut store, &date, 100), (1, None));
    date.timing.end = Some(at(300));
    assert_eq!(step(&mut store, &date, 110), (0, None));
    // What waits for its start waits for the other one.
    let mut once = of(Trigger::Once);
    once.timing.start = Some(at(1_000));
    let mut store = Store::default();
    assert_eq!(step(&mut store, &once, 0), (0, Some(at(1_000))));
    once.timing.start = Some(at(500));
    assert_eq!(step(&mut store, &once, 10), (0, Some(at(500))));
    assert_eq!(step(&mut store, &once, 500), (1, None));
    once.timing.start = Some(at(2_000));
    assert_eq!(step(&mut store, &once, 501), (0, None));
}

#[test]
fn a_state_that_was_stored_without_its_bounds_goes_on() {
    let mut bounded = of(every(60));
    bounded.timing.end = Some(at(1_000));
    let campaigns = [bounded.clone()];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    finish_all(&mut scheduler, &mut store, at(0));
    let state = store.triggers.get_mut(&"c".into()).unwrap();
    assert_eq!(state.definition, "every 60000 ms not after 1000000 ms");
    state.definition = bounded.trigger.definition();
    let mut scheduler = store.open(&campaigns, 1, at(30));
    store.keep(&scheduler.tick(at(30)));
    let state = &store.triggers[&"c".into()];
    assert_eq!((state.next, state.first_seen), (Some(at(60)), at(0)));
    assert_eq!(state.definition, "every 60000 ms not after 1000000 ms");
    // A first instant is no bound: it is another trigger.
    let other = of(Trigger::Interval {
        every: Duration::from_secs(60),
        first: Some(at(7)),
    });
    let scheduler = store.open(&[other], 1, at(40));
    let state = scheduler.triggers().next().unwrap();
    assert_eq!((state.next, state.first_seen), (Some(at(67)), at(40)));
}
