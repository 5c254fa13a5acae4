use std::time::Duration;

use airdrops_scheduler::{Change, Scheduler, TaskEvent, Trigger, backoff};
use airdrops_types::{ErrorClass, RetryPolicy, TaskId, TaskState, Timestamp};

use crate::{Store, acts, at, campaign, every, finish, fires, operations, set, start, state, task};

fn ids(scheduler: &Scheduler) -> Vec<String> {
    let runnable = scheduler.runnable(at(0));
    runnable.into_iter().map(|id| id.0).collect()
}

#[test]
fn dependents_start_when_all_before_them_completed() {
    let tasks = vec![
        task("top", &[]),
        task("left", &["top"]),
        task("right", &["top"]),
        task("bottom", &["left", "right"]),
    ];
    let (mut scheduler, _) = start(&[campaign("c", every(60), tasks)], at(0));
    scheduler.tick(at(0));
    assert_eq!(ids(&scheduler), ["c/top#1"]);
    finish(&mut scheduler, "c/top#1", at(1));
    assert_eq!(ids(&scheduler), ["c/left#1", "c/right#1"]);
    finish(&mut scheduler, "c/left#1", at(2));
    assert_eq!(state(&scheduler, "c/bottom#1"), TaskState::Pending);
    finish(&mut scheduler, "c/right#1", at(3));
    assert_eq!(ids(&scheduler), ["c/bottom#1"]);
}

#[test]
fn a_failure_skips_all_that_comes_after_it_and_names_the_cause() {
    let tasks = vec![
        task("z", &[]),
        task("m", &["z"]),
        task("a", &["m"]),
        task("aside", &[]),
    ];
    let (mut scheduler, mut store) = start(&[campaign("c", every(60), tasks)], at(0));
    store.keep(&scheduler.tick(at(0)));
    let failed = TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class: ErrorClass::Reverted,
        retryable: false,
        consumed: false,
    };
    let changes = scheduler
        .apply(&TaskId::from("c/z#1"), failed, at(1))
        .unwrap();
    store.keep(&changes);
    let reason = |id: &str| store.tasks[&TaskId::from(id)].reason.clone().unwrap();
    assert_eq!(reason("c/m#1"), "cannot run: c/z#1 failed");
    assert_eq!(reason("c/a#1"), "cannot run: c/m#1 skipped");
    assert_eq!(ids(&scheduler), ["c/aside#1"]);
}

#[test]
fn a_run_whose_dependency_is_not_stored_is_skipped_and_does_not_wait_for_ever() {
    let tasks = vec![task("a", &[]), task("b", &["a"])];
    let campaigns = [campaign("c", every(60), tasks)];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.tasks.remove(&TaskId::from("c/a#1"));
    let mut scheduler = store.open(&campaigns, 1, at(1));
    let changes = scheduler.tick(at(1));
    let told = |change: &Change| matches!(change, Change::Stuck { count: 1, .. });
    assert!(changes.iter().any(told), "{changes:?}");
    let record = scheduler.get(&TaskId::from("c/b#1")).unwrap();
    assert_eq!(record.state, TaskState::Skipped);
    assert_eq!(
        record.reason.as_deref(),
        Some("cannot run: c/a#1 is not stored")
    );
}

#[test]
fn running_comes_first_then_critical_then_the_longest_due_then_the_id() {
    let mut urgent = task("urgent", &[]);
    set(&mut urgent).critical = true;
    let late = Trigger::Date { at: at(-100) };
    let (mut scheduler, _) = start(
        &[
            campaign(
                "a",
                Trigger::Once,
                vec![task("x", &[]), task("y", &[]), urgent],
            ),
            campaign("b", late, vec![task("old", &[])]),
            campaign("c", Trigger::Once, vec![task("begun", &[])]),
        ],
        at(0),
    );
    scheduler.tick(at(0));
    let plan = TaskEvent::Planned {
        operations: operations(1),
    };
    scheduler
        .apply(&TaskId::from("c/begun#1"), plan, at(0))
        .unwrap();
    assert_eq!(
        ids(&scheduler),
        ["c/begun#1", "a/urgent#1", "b/old#1", "a/x#1", "a/y#1"]
    );
}

#[test]
fn a_deferred_task_comes_back_at_its_moment_with_its_plan_and_no_attempt_counted() {
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, vec![task("t", &[])])], at(0));
    scheduler.tick(at(0));
    let id = TaskId::from("c/t#1");
    let plan = TaskEvent::Planned {
        operations: operations(2),
    };
    scheduler.apply(&id, plan, at(0)).unwrap();
    let deferred = TaskEvent::Deferred {
        reason: "gas".to_owned(),
        until: at(90),
    };
    scheduler.apply(&id, deferred, at(1)).unwrap();
    assert_eq!(scheduler.next_wake(at(1)), Some(at(90)));
    assert_eq!(scheduler.tick(Timestamp(89_999)), []);
    scheduler.tick(at(90));
    let record = scheduler.get(&id).unwrap();
    assert_eq!(record.state, TaskState::Ready);
    assert_eq!(record.plan, Some(operations(2)));
    assert_eq!(record.attempts, 0);
    assert_eq!(record.not_before, None);
    scheduler.apply(&id, TaskEvent::Resumed, at(90)).unwrap();
    assert_eq!(state(&scheduler, "c/t#1"), TaskState::Running);
}

#[test]
fn a_failed_attempt_waits_as_the_campaign_says() {
    let mut slow = task("t", &[]);
    set(&mut slow).retry = RetryPolicy {
        max_attempts: 3,
        base: Duration::from_secs(100_000),
        cap: Duration::from_secs(200_000),
        ..RetryPolicy::default()
    };
    let policy = slow.spec.retry.clone();
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, vec![slow])], at(0));
    scheduler.tick(at(0));
    let id = TaskId::from("c/t#1");
    for attempt in 1..=2 {
        let now = scheduler.next_wake(at(0)).unwrap_or(at(0));
        scheduler.tick(now);
        let failed = TaskEvent::StepFailed {
            reason: "timeout".to_owned(),
            class: ErrorClass::Reverted,
            retryable: true,
            consumed: false,
        };
        scheduler.apply(&id, failed, now).unwrap();
        let wait = backoff(&policy, 1, &id, attempt);
        assert_eq!(scheduler.next_wake(now), Some(now.plus(wait)));
    }
}

#[test]
fn missed_fires_run_once_for_the_latest_instant() {
    let campaigns = [campaign("c", every(60), vec![task("t", &[])])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(1)));
    let mut scheduler = store.open(&campaigns, 1, at(1000));
    let changes = scheduler.tick(at(1000));
    assert_eq!(
        fires(&changes),
        [(
            at(960),
            1,
            "run 2, 40 s late, for all fires since 1970-01-01T00:01:00Z".to_owned()
        )]
    );
    assert_eq!(scheduler.next_wake(at(1000)), Some(at(1020)));
}

#[test]
fn years_of_missed_seconds_are_coalesced_without_counting_them() {
    let trigger = Trigger::Cron {
        expression: "* * * * * *".to_owned(),
        zone: "America/New_York".to_owned(),
    };
    let campaigns = [campaign("c", trigger, vec![task("t", &[])])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(0)));
    let now = Timestamp(1_700_000_000_500);
    let mut scheduler = store.open(&campaigns, 1, now);
    assert_eq!(fires(&scheduler.tick(now))[0].0, at(1_700_000_000));
}

#[test]
fn a_fire_later_than_the_grace_is_skipped_with_a_note() {
    let mut hourly = campaign("c", every(3600), vec![task("t", &[])]);
    hourly.misfire_grace = Some(Duration::from_secs(60));
    let campaigns = [hourly];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(1)));
    for (now, made) in [(at(3661), 0), (at(7260), 1)] {
        let mut scheduler = store.open(&campaigns, 1, now);
        let fired = fires(&scheduler.tick(now));
        assert_eq!(fired.len(), 1);
        assert_eq!(fired[0].1, made, "{}", fired[0].2);
    }
    let mut scheduler = store.open(&campaigns, 1, at(3661));
    let changes = scheduler.tick(at(3661));
    assert_eq!(
        fires(&changes)[0].2,
        "skipped: seen 61 s late, misfire grace is 60 s"
    );
    store.keep(&changes);
    let trigger = store.triggers.values().next().unwrap();
    assert_eq!((trigger.next, trigger.runs), (Some(at(7200)), 1));
}

#[test]
fn a_campaign_has_one_run_at_a_time() {
    let campaigns = [campaign("c", every(60), vec![task("t", &[])])];
    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    let changes = scheduler.tick(at(60));
    assert_eq!(
        fires(&changes),
        [(at(60), 0, "skipped: run 1 has not ended".to_owned())]
    );
    assert_eq!(scheduler.next_wake(at(60)), Some(at(120)));
    finish(&mut scheduler, "c/t#1", at(61));
    assert_eq!(fires(&scheduler.tick(at(120)))[0].1, 1);
    assert_eq!(ids(&scheduler), ["c/t#2"]);
}

#[test]
fn once_and_date_fire_exactly_once_across_restarts() {
    for trigger in [Trigger::Once, Trigger::Date { at: at(5) }] {
        let campaigns = [campaign("c", trigger, vec![task("t", &[])])];
        let mut store = Store::default();
        let mut made = 0;
        for now in 0..20 {
            let mut scheduler = store.open(&campaigns, 1, at(now));
            for _ in 0..2 {
                let changes = scheduler.tick(at(now));
                made += fires(&changes).len();
                store.keep(&changes);
            }
            for id in scheduler.runnable(at(now)) {
                store.keep(&finish(&mut scheduler, id.as_str(), at(now)));
            }
        }
        assert_eq!(made, 1);
        assert_eq!(store.tasks.len(), 1);
    }
}

#[test]
fn a_date_that_passed_before_the_campaign_was_seen_runs_unless_it_is_too_late() {
    let date = campaign("c", Trigger::Date { at: at(-100) }, vec![task("t", &[])]);
    let mut strict = date.clone();
    strict.misfire_grace = Some(Duration::from_secs(99));
    for (campaign, made) in [(date, 1), (strict, 0)] {
        let (mut scheduler, _) = start(&[campaign], at(0));
        let fired = fires(&scheduler.tick(at(0)));
        assert_eq!((fired.len(), fired[0].1), (1, made));
        assert_eq!(scheduler.next_wake(at(0)), None);
    }
}

#[test]
fn a_changed_trigger_starts_anew_and_keeps_counting_runs() {
    let tasks = || vec![task("t", &[])];
    let before = [campaign("c", every(60), tasks())];
    let (mut scheduler, mut store) = start(&before, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(1)));
    let after = [campaign("c", every(100), tasks())];
    let mut scheduler = store.open(&after, 1, at(1000));
    let changes = scheduler.tick(at(1000));
    // From now: the fires that the old definition missed are not made up for.
    assert_eq!(fires(&changes), [(at(1000), 1, "run 2".to_owned())]);
    store.keep(&changes);
    let trigger = store.triggers.values().next().unwrap();
    assert_eq!((trigger.next, trigger.runs), (Some(at(1100)), 2));
}

#[test]
fn a_one_shot_waits_for_the_run_before_it_and_is_not_lost() {
    let tasks = || vec![task("t", &[])];
    let (mut scheduler, mut store) = start(&[campaign("c", every(60), tasks())], at(0));
    store.keep(&scheduler.tick(at(0)));
    let changed = [campaign("c", Trigger::Once, tasks())];
    let mut scheduler = store.open(&changed, 1, at(10));
    assert_eq!(fires(&scheduler.tick(at(10))), []);
    assert_eq!(scheduler.next_wake(at(10)), None, "no busy waiting");
    finish(&mut scheduler, "c/t#1", at(20));
    assert_eq!(scheduler.next_wake(at(20)), Some(at(20)));
    assert_eq!(fires(&scheduler.tick(at(20)))[0].1, 1);
    assert_eq!(ids(&scheduler), ["c/t#2"]);
}

#[test]
fn the_runs_of_a_deleted_campaign_go_on() {
    let campaigns = [campaign(
        "c",
        every(60),
        vec![task("a", &[]), task("b", &["a"])],
    )];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    let mut scheduler = store.open(&[], 1, at(500));
    assert_eq!(scheduler.tick(at(500)), []);
    assert_eq!(scheduler.next_wake(at(500)), None);
    assert_eq!(ids(&scheduler), ["c/a#1"]);
    let failed = TaskEvent::StepFailed {
        reason: "timeout".to_owned(),
        class: ErrorClass::Reverted,
        retryable: true,
        consumed: true,
    };
    scheduler
        .apply(&TaskId::from("c/a#1"), failed, at(500))
        .unwrap();
    let wake = scheduler.next_wake(at(500)).unwrap();
    scheduler.tick(wake);
    finish(&mut scheduler, "c/a#1", wake);
    assert_eq!(ids(&scheduler), ["c/b#1"]);
    assert_eq!(scheduler.triggers().count(), 1);
}

#[test]
fn a_run_is_never_overwritten_even_if_the_triggers_state_was_lost() {
    let campaigns = [campaign("c", every(60), vec![task("t", &[])])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/t#1", at(1)));
    store.triggers.clear();
    let mut scheduler = store.open(&campaigns, 1, at(2));
    scheduler.tick(at(2));
    assert_eq!(ids(&scheduler), ["c/t#2"]);
    assert_eq!(state(&scheduler, "c/t#1"), TaskState::Completed);
}

#[test]
fn a_new_trigger_is_handed_out_for_storage_even_if_it_does_not_fire() {
    let (mut scheduler, _) = start(
        &[campaign(
            "c",
            Trigger::Date { at: at(100) },
            vec![task("t", &[])],
        )],
        at(0),
    );
    let changes = scheduler.tick(at(0));
    assert!(
        matches!(&changes[..], [Change::Trigger { state }] if state.next == Some(at(100))),
        "{changes:?}"
    );
    assert_eq!(scheduler.tick(at(1)), []);
}

#[test]
fn what_an_operator_starts_runs_at_once_first_and_under_a_new_number_each_time() {
    let campaigns = [campaign("c", every(60), vec![task("a", &[])])];
    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    scheduler
        .apply(
            &TaskId::from("c/a#1"),
            TaskEvent::Planned {
                operations: operations(1),
            },
            at(0),
        )
        .unwrap();
    let mut out = task("out", &[]);
    acts(&mut out).action = airdrops_types::Action::Unwind;
    let id = airdrops_types::CampaignId::from("unwind");
    assert!(
        scheduler
            .start_run(&id, Vec::new(), "why", at(1))
            .is_empty()
    );
    for run in 1..=2 {
        let changes = scheduler.start_run(&id, vec![out.clone()], "why", at(run));
        // The run, and how many there are: a number is never used twice.
        assert!(matches!(
            &changes[..],
            [Change::Task { .. }, Change::Trigger { .. }]
        ));
    }
    let order: Vec<String> = scheduler
        .runnable(at(3))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(order, ["unwind/out#1", "unwind/out#2", "c/a#1"]);
    // From what is stored, the count goes on.
    let stored: Vec<_> = scheduler.tasks().cloned().collect();
    let triggers = scheduler.triggers().cloned().collect();
    let mut again = Scheduler::new(campaigns.to_vec(), stored, triggers, 1, at(3)).unwrap();
    again.start_run(&id, vec![out], "why", at(4));
    assert_eq!(state(&again, "unwind/out#3"), TaskState::Ready);
    assert_eq!(finish(&mut again, "unwind/out#1", at(5)).len(), 1);
}
