//! Which fires make runs: what was missed, what is too much, what is paused, what happened.

use std::time::Duration;

use airdrops_scheduler::{
    Campaign, CatchUp, Change, Event, EventSource, Happening, Scheduler, TaskDef, TaskEvent,
    Trigger,
};
use airdrops_types::{Command, Conditions, TaskId, TaskState, Timestamp, Work};

use crate::{Store, at, campaign, every, finish, fires, runnable, start, state, task};

fn named(id: &str, event: &str) -> Campaign {
    let trigger = Trigger::Event(EventSource::Named {
        name: event.to_owned(),
    });
    campaign(id, trigger, vec![task("t", &[])])
}

fn happens(name: &str, now: Timestamp) -> Event {
    Event {
        at: now,
        what: Happening::Named {
            name: name.to_owned(),
        },
    }
}

/// Runs of `campaign` after being away from 0 to `until`, having run once.
fn away(campaign: &Campaign, until: Timestamp) -> (Scheduler, Vec<Change>) {
    let campaigns = [campaign.clone()];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(1)));
    let mut scheduler = store.open(&campaigns, 1, until);
    let changes = scheduler.tick(until);
    (scheduler, changes)
}

#[test]
fn missed_fires_are_caught_up_not_at_all_once_or_one_by_one() {
    let mut minutely = campaign("c", every(60), vec![task("t", &[])]);
    minutely.max_instances = 10;
    let late = at(330);
    let made = |catch_up| {
        let mut campaign = minutely.clone();
        campaign.catch_up = catch_up;
        let (_, changes) = away(&campaign, late);
        let made = fires(&changes)
            .into_iter()
            .filter(|(_, tasks, _)| *tasks > 0);
        made.map(|(due, ..)| due).collect::<Vec<_>>()
    };
    // The latest one is 30 s old, and not missed.
    assert_eq!(made(CatchUp::Skip), [at(300)]);
    assert_eq!(made(CatchUp::One), [at(300)]);
    assert_eq!(
        made(CatchUp::All),
        [at(60), at(120), at(180), at(240), at(300)]
    );
    let mut hourly = campaign("c", every(3_600), vec![task("t", &[])]);
    hourly.catch_up = CatchUp::Skip;
    let (scheduler, changes) = away(&hourly, at(3_700));
    assert_eq!(
        fires(&changes),
        [(at(3_600), 0, "skipped: missed, seen 100 s late".to_owned())]
    );
    assert_eq!(scheduler.next_wake(at(3_700)), Some(at(7_200)));
}

#[test]
fn catching_up_all_waits_for_room_and_leaves_out_what_is_too_late() {
    let mut minutely = campaign("c", every(60), vec![task("t", &[])]);
    minutely.catch_up = CatchUp::All;
    minutely.misfire_grace = Some(Duration::from_secs(150));
    let (mut scheduler, changes) = away(&minutely, at(330));
    let notes = fires(&changes);
    assert_eq!(notes[0].0, at(120));
    assert_eq!(notes[0].1, 0);
    assert!(
        notes[0].2.starts_with("skipped: fires from"),
        "{}",
        notes[0].2
    );
    assert_eq!((notes[1].0, notes[1].1, notes.len()), (at(180), 1, 2));
    assert_eq!(scheduler.next_wake(at(330)), None, "no busy waiting");
    finish(&mut scheduler, "c/t#2", at(331));
    assert_eq!(scheduler.next_wake(at(331)), Some(at(331)));
    let changes = scheduler.tick(at(331));
    assert_eq!(fires(&changes)[0].0, at(240));
}

#[test]
fn max_instances_runs_are_open_at_once_and_no_more() {
    let mut minutely = campaign("c", every(60), vec![task("t", &[])]);
    minutely.max_instances = 2;
    let (mut scheduler, _) = start(&[minutely], at(0));
    let made: Vec<usize> = (0..3)
        .map(|minute| fires(&scheduler.tick(at(60 * minute)))[0].1)
        .collect();
    assert_eq!(made, [1, 1, 0]);
    finish(&mut scheduler, "c/t#1", at(130));
    assert_eq!(fires(&scheduler.tick(at(180)))[0].1, 1);
}

#[test]
fn jitter_moves_the_beginning_within_its_bound_and_is_the_same_after_a_restart() {
    let mut jittered = campaign("c", every(3_600), vec![task("t", &[])]);
    jittered.timing.jitter = Duration::from_secs(600);
    let campaigns = [jittered];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    let first = scheduler.next_wake(at(0)).unwrap();
    assert!(first > at(0) && first < at(600), "{first}");
    store.keep(&scheduler.tick(at(0)));
    let mut scheduler = store.open(&campaigns, 1, at(0));
    assert_eq!(scheduler.next_wake(at(0)), Some(first));
    assert_eq!(
        fires(&scheduler.tick(first))[0].0,
        at(0),
        "due when it says"
    );
    let another = Store::default().open(&campaigns, 2, at(0));
    assert_ne!(another.next_wake(at(0)), Some(first));
}

#[test]
fn nothing_fires_before_the_start_or_after_the_end() {
    let mut bounded = campaign("c", every(60), vec![task("t", &[])]);
    bounded.timing.start = Some(at(100));
    bounded.timing.end = Some(at(200));
    let (mut scheduler, _) = start(&[bounded], at(0));
    let mut dues = Vec::new();
    for second in 0..400 {
        for (due, ..) in fires(&scheduler.tick(at(second))) {
            dues.push(due);
        }
        for id in scheduler.runnable(at(second)) {
            finish(&mut scheduler, id.as_str(), at(second));
        }
    }
    assert_eq!(dues, [at(120), at(180)]);
    assert_eq!(scheduler.next_wake(at(400)), None);
}

#[test]
fn other_bounds_hold_at_once_for_a_trigger_that_stays_the_same() {
    let until = |end: i64| {
        let mut bounded = campaign("c", every(60), vec![task("t", &[])]);
        bounded.timing.end = Some(at(end));
        bounded
    };
    let (mut scheduler, _) = start(&[until(1_000)], at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "c/t#1", at(1));
    scheduler.define(until(30), 2, at(2)).unwrap();
    assert_eq!(scheduler.next_wake(at(2)), None);
    scheduler.define(until(1_000), 3, at(70)).unwrap();
    assert_eq!(scheduler.next_wake(at(70)), Some(at(120)));
    let mut once = campaign("c", Trigger::Once, vec![task("t", &[])]);
    let (mut scheduler, _) = start(&[once.clone()], at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "c/t#1", at(1));
    once.timing.end = Some(at(1_000));
    scheduler.define(once, 2, at(2)).unwrap();
    assert_eq!(scheduler.next_wake(at(2)), None, "once is once");
}

#[test]
fn a_paused_campaign_does_not_fire_and_makes_nothing_up_when_it_goes_on() {
    let campaigns = [campaign("c", every(60), vec![task("t", &[])])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    let pause = Command::Pause {
        campaign: "c".into(),
        reason: "holidays".to_owned(),
    };
    let resume = Command::Resume {
        campaign: "c".into(),
    };
    let none = |_: &TaskId| false;
    let (changes, _) = scheduler.command(&pause, "ada", at(0), &none).unwrap();
    store.keep(&changes);
    assert!(scheduler.command(&pause, "ada", at(0), &none).is_err());
    let mut scheduler = store.open(&campaigns, 1, at(1_000));
    assert_eq!(scheduler.tick(at(1_000)), []);
    assert_eq!(scheduler.next_wake(at(1_000)), None);
    let paused = scheduler.triggers().next().unwrap().paused.clone();
    assert_eq!(paused.as_deref(), Some("holidays (ada)"));
    let (_, text) = scheduler.command(&resume, "ada", at(1_000), &none).unwrap();
    assert_eq!(text, "c goes on; its next fire is at 1970-01-01T00:17:00Z");
    assert_eq!(fires(&scheduler.tick(at(1_000))), []);
    assert_eq!(fires(&scheduler.tick(at(1_020)))[0].1, 1);
}

#[test]
fn an_event_fires_those_who_listen_and_says_why_not() {
    let campaigns = [
        named("a", "drop"),
        named("b", "drop"),
        named("c", "other"),
        campaign(
            "d",
            Trigger::Any(vec![
                Trigger::Manual,
                Trigger::Event(EventSource::Named {
                    name: "drop".to_owned(),
                }),
            ]),
            vec![task("t", &[])],
        ),
    ];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    let changes = scheduler.event(&happens("drop", at(1)), at(1));
    store.keep(&changes);
    assert_eq!(runnable(&scheduler, at(1)), ["a/t#1", "b/t#1", "d/t#1"]);
    assert_eq!(fires(&changes)[0].2, "run 1: event drop");
    let changes = scheduler.event(&happens("drop", at(2)), at(2));
    assert_eq!(
        fires(&changes)[0],
        (
            at(2),
            0,
            "skipped: run 1 has not ended (event drop)".to_owned()
        )
    );
    assert_eq!(store.triggers[&"a".into()].runs, 1);
}

#[test]
fn the_end_of_a_task_or_of_a_run_starts_those_who_listen() {
    let listens = |id: &str, task: Option<&str>, on| {
        let source = EventSource::Task {
            campaign: "first".into(),
            task: task.map(str::to_owned),
            on,
        };
        let tasks = vec![super::task("t", &[])];
        campaign(id, Trigger::Event(source), tasks)
    };
    let campaigns = [
        campaign(
            "first",
            Trigger::Once,
            vec![task("a", &[]), task("b", &["a"])],
        ),
        listens("on-a", Some("a"), Conditions::SUCCESS),
        listens("on-failure", Some("a"), Conditions::FAILURE),
        listens("on-run", None, Conditions::SUCCESS),
    ];
    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "first/a#1", at(1));
    assert_eq!(runnable(&scheduler, at(1)), ["first/b#1", "on-a/t#1"]);
    finish(&mut scheduler, "first/b#1", at(2));
    assert_eq!(runnable(&scheduler, at(2)), ["on-a/t#1", "on-run/t#1"]);
}

#[test]
fn campaigns_that_start_each_other_for_ever_do_not_hold_up_the_rest() {
    let source = |of: &str| {
        Trigger::Event(EventSource::Task {
            campaign: of.into(),
            task: None,
            on: Conditions::ANY,
        })
    };
    let nothing = || vec![TaskDef::new("t", Work::Nothing, &[])];
    let campaigns = [
        campaign("ping", source("pong"), nothing()),
        campaign("pong", source("ping"), nothing()),
        campaign("rest", every(60), vec![task("t", &[])]),
    ];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    let run = Command::Run {
        campaign: "ping".into(),
    };
    let (changes, _) = scheduler.command(&run, "ada", at(1), &|_| false).unwrap();
    store.keep(&changes);
    assert_eq!(fires(&changes).len(), 1_001, "a bounded number");
    assert_eq!(store.memory.raised.len(), 1, "the rest is kept");
    let mut scheduler = store.open(&campaigns, 1, at(2));
    assert_eq!(scheduler.next_wake(at(2)), Some(at(2)));
    assert!(!fires(&scheduler.tick(at(2))).is_empty());
    assert_eq!(state(&scheduler, "rest/t#1"), TaskState::Ready);
    assert!(scheduler.tasks().count() < 10, "ended runs are forgotten");
}

#[test]
fn ended_runs_are_forgotten_but_the_last_one_and_the_dead_and_numbers_go_on() {
    let mut weak = task("t", &[]);
    crate::set(&mut weak).retry.max_attempts = 1;
    let campaigns = [campaign("c", every(60), vec![weak])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    for minute in 0..10 {
        store.keep(&scheduler.tick(at(60 * minute)));
        let id = format!("c/t#{}", minute + 1);
        if minute == 3 {
            let failed = TaskEvent::StepFailed {
                reason: "timeout".to_owned(),
                class: airdrops_types::ErrorClass::Transient,
                retryable: true,
                consumed: false,
            };
            let id = TaskId::from(id.as_str());
            store.keep(&scheduler.apply(&id, failed, at(60 * minute)).unwrap());
        } else {
            store.keep(&finish(&mut scheduler, &id, at(60 * minute)));
        }
    }
    let known: Vec<&str> = scheduler.tasks().map(|task| task.id.as_str()).collect();
    assert_eq!(known, ["c/t#10", "c/t#4"]);
    let mut again = store.open(&campaigns, 1, at(600));
    assert!(again.tasks().eq(scheduler.tasks()));
    again.tick(at(600));
    assert_eq!(runnable(&again, at(600)), ["c/t#11"]);
    // With nothing but the triggers and what is open, too.
    store.tasks.clear();
    let mut again = store.open(&campaigns, 1, at(600));
    again.tick(at(600));
    assert_eq!(runnable(&again, at(600)), ["c/t#11"]);
}
