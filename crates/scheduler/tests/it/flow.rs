//! What waits for other tasks: joins, delays, approvals, runs of other campaigns.

use std::time::Duration;

use airdrops_scheduler::{CampaignDefect, Change, Scheduler, TaskDef, TaskEvent, Trigger, Why};
use airdrops_types::{
    Command, Conditions, Edge, ErrorClass, Join, TaskId, TaskState, Timestamp, Work,
};

use crate::{Store, at, campaign, every, finish, set, start, state, task};

fn fail(scheduler: &mut Scheduler, id: &str, now: Timestamp) -> Vec<Change> {
    let failed = TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class: ErrorClass::Reverted,
        retryable: false,
        consumed: false,
    };
    scheduler.apply(&TaskId::from(id), failed, now).unwrap()
}

/// `task` after others, on these endings.
fn after(name: &str, edges: &[(&str, Conditions)]) -> TaskDef {
    let mut task = task(name, &[]);
    for (before, on) in edges {
        let mut edge = airdrops_scheduler::After::from(*before);
        edge.on = *on;
        task.after.push(edge);
    }
    task
}

#[test]
fn an_edge_lets_go_on_with_the_endings_that_it_names_and_with_no_other() {
    for (on, good, bad, skipped) in [
        (Conditions::SUCCESS, true, false, false),
        (Conditions::FAILURE, false, true, false),
        (Conditions::SKIP, false, false, true),
        (Conditions::COMPLETION, true, true, false),
        (Conditions::ANY, true, true, true),
    ] {
        for (ending, runs) in [("good", good), ("bad", bad), ("skipped", skipped)] {
            let tasks = vec![task("a", &[]), after("b", &[("a", on)])];
            let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, tasks)], at(0));
            scheduler.tick(at(0));
            match ending {
                "good" => finish(&mut scheduler, "c/a#1", at(1)),
                "bad" => fail(&mut scheduler, "c/a#1", at(1)),
                _ => {
                    let reason = "unwanted".to_owned();
                    let cancel = TaskEvent::Cancel { reason };
                    scheduler.apply(&"c/a#1".into(), cancel, at(1)).unwrap()
                }
            };
            let expected = if runs {
                TaskState::Ready
            } else {
                TaskState::Skipped
            };
            assert_eq!(state(&scheduler, "c/b#1"), expected, "{on:?} {ending}");
        }
    }
}

#[test]
fn any_goes_with_the_first_that_ends_well_and_is_skipped_once_none_can() {
    let mut any = task("any", &["a", "b"]);
    set(&mut any).join = Join::Any;
    let tasks = || vec![task("a", &[]), task("b", &[]), any.clone()];
    let campaigns = [campaign("c", Trigger::Once, tasks())];
    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    fail(&mut scheduler, "c/a#1", at(1));
    assert_eq!(state(&scheduler, "c/any#1"), TaskState::Pending);
    finish(&mut scheduler, "c/b#1", at(2));
    assert_eq!(state(&scheduler, "c/any#1"), TaskState::Ready);

    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "c/b#1", at(1));
    assert_eq!(state(&scheduler, "c/any#1"), TaskState::Ready);

    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    fail(&mut scheduler, "c/a#1", at(1));
    fail(&mut scheduler, "c/b#1", at(1));
    assert_eq!(state(&scheduler, "c/any#1"), TaskState::Skipped);
}

#[test]
fn a_delay_counts_from_the_end_of_what_comes_before_and_survives_a_restart() {
    let mut late = task("late", &["a"]);
    set(&mut late).delay = Duration::from_secs(100);
    let campaigns = [campaign("c", Trigger::Once, vec![task("a", &[]), late])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/a#1", at(50)));
    assert_eq!(state(&scheduler, "c/late#1"), TaskState::Pending);
    let why = scheduler.why(&"c/late#1".into(), at(60));
    assert_eq!(why, Some(Why::Delay { until: at(150) }));
    let mut scheduler = store.open(&campaigns, 1, at(60));
    assert_eq!(scheduler.next_wake(at(60)), Some(at(150)));
    assert_eq!(scheduler.tick(Timestamp(149_999)), []);
    scheduler.tick(at(150));
    assert_eq!(state(&scheduler, "c/late#1"), TaskState::Ready);
}

#[test]
fn a_task_waits_for_its_approval_and_bears_who_gave_it() {
    let mut asks = task("asks", &["a"]);
    set(&mut asks).approval = true;
    set(&mut asks).delay = Duration::from_secs(10);
    let campaigns = [campaign("c", Trigger::Once, vec![task("a", &[]), asks])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "c/a#1", at(1)));
    store.keep(&scheduler.tick(at(100)));
    assert_eq!(state(&scheduler, "c/asks#1"), TaskState::Pending);
    assert_eq!(scheduler.next_wake(at(100)), None);
    let mut scheduler = store.open(&campaigns, 1, at(100));
    assert_eq!(scheduler.next_wake(at(100)), None, "no busy waiting");
    assert_eq!(scheduler.tick(at(100)), []);
    let why = scheduler.why(&"c/asks#1".into(), at(100));
    assert_eq!(why, Some(Why::Approval));
    let approve = Command::Approve {
        task: "c/asks#1".into(),
    };
    let command =
        |scheduler: &mut Scheduler| scheduler.command(&approve, "ada", at(101), &|_| false);
    store.keep(&command(&mut scheduler).unwrap().0);
    let record = scheduler.get(&"c/asks#1".into()).unwrap();
    assert_eq!(record.state, TaskState::Ready);
    assert_eq!(record.approved.as_deref(), Some("ada"));
    let refused = command(&mut scheduler).unwrap_err().to_string();
    assert!(
        refused.contains("does not wait for an approval any more"),
        "{refused}"
    );
}

#[test]
fn an_approval_before_its_time_does_not_let_a_task_begin_early() {
    let mut asks = task("asks", &["a"]);
    set(&mut asks).approval = true;
    let campaigns = [campaign("c", Trigger::Once, vec![task("a", &[]), asks])];
    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    let approve = Command::Approve {
        task: "c/asks#1".into(),
    };
    scheduler
        .command(&approve, "ada", at(1), &|_| false)
        .unwrap();
    assert_eq!(state(&scheduler, "c/asks#1"), TaskState::Pending);
    finish(&mut scheduler, "c/a#1", at(2));
    assert_eq!(state(&scheduler, "c/asks#1"), TaskState::Ready);
}

#[test]
fn a_place_to_join_completes_by_itself() {
    let join = TaskDef::new("join", Work::Nothing, &["a", "b"]);
    let tasks = vec![task("a", &[]), task("b", &[]), join, task("c", &["join"])];
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, tasks)], at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "c/a#1", at(1));
    finish(&mut scheduler, "c/b#1", at(1));
    assert_eq!(state(&scheduler, "c/join#1"), TaskState::Completed);
    assert_eq!(state(&scheduler, "c/c#1"), TaskState::Ready);
    let alone = vec![TaskDef::new("alone", Work::Nothing, &[])];
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, alone)], at(0));
    scheduler.tick(at(0));
    assert_eq!(state(&scheduler, "c/alone#1"), TaskState::Completed);
}

fn nested() -> [airdrops_scheduler::Campaign; 2] {
    let run = TaskDef::new("sub", Work::Campaign("inner".into()), &["a"]);
    [
        campaign(
            "outer",
            Trigger::Once,
            vec![task("a", &[]), run, task("z", &["sub"])],
        ),
        campaign(
            "inner",
            Trigger::Manual,
            vec![task("x", &[]), task("y", &["x"])],
        ),
    ]
}

#[test]
fn a_sub_campaign_is_a_run_of_its_own_and_its_end_is_that_of_its_task() {
    let campaigns = nested();
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "outer/a#1", at(1)));
    let sub = scheduler.get(&"outer/sub#1".into()).unwrap();
    assert_eq!((sub.state, sub.child), (TaskState::Running, Some(1)));
    let child = scheduler.get(&"inner/x#1".into()).unwrap();
    assert_eq!(child.parent, Some("outer/sub#1".into()));
    let runnable: Vec<_> = scheduler.runnable(at(1));
    assert_eq!(
        runnable,
        [TaskId::from("inner/x#1")],
        "the parent is no work"
    );
    let mut scheduler = store.open(&campaigns, 1, at(2));
    assert_eq!(scheduler.tick(at(2)), [], "it goes on where it stood");
    finish(&mut scheduler, "inner/x#1", at(3));
    assert_eq!(state(&scheduler, "outer/sub#1"), TaskState::Running);
    finish(&mut scheduler, "inner/y#1", at(4));
    assert_eq!(state(&scheduler, "outer/sub#1"), TaskState::Completed);
    assert_eq!(state(&scheduler, "outer/z#1"), TaskState::Ready);

    let (mut scheduler, _) = start(&campaigns, at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "outer/a#1", at(1));
    fail(&mut scheduler, "inner/x#1", at(2));
    assert_eq!(state(&scheduler, "outer/sub#1"), TaskState::Failed);
    assert_eq!(state(&scheduler, "outer/z#1"), TaskState::Skipped);
}

#[test]
fn a_stored_parent_whose_run_is_lost_fails_in_the_next_tick() {
    let campaigns = nested();
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&finish(&mut scheduler, "outer/a#1", at(1)));
    store
        .tasks
        .retain(|_, task| task.campaign.as_str() == "outer");
    let mut scheduler = store.open(&campaigns, 1, at(2));
    assert_eq!(scheduler.next_wake(at(2)), Some(at(2)));
    scheduler.tick(at(2));
    let sub = scheduler.get(&"outer/sub#1".into()).unwrap();
    assert_eq!(sub.state, TaskState::Failed);
    assert_eq!(
        sub.reason.as_deref(),
        Some("its run of inner is not stored")
    );
    assert_eq!(state(&scheduler, "outer/z#1"), TaskState::Skipped);
}

#[test]
fn campaigns_that_run_each_other_are_refused_with_their_path() {
    let runs = |id: &str, of: &str| {
        let task = TaskDef::new("t", Work::Campaign(of.into()), &[]);
        campaign(id, Trigger::Manual, vec![task])
    };
    let open = |campaigns: Vec<_>| Scheduler::new(campaigns, [], vec![], 1, at(0));
    let errors = open(vec![runs("a", "b"), runs("b", "c"), runs("c", "a")]).unwrap_err();
    assert_eq!(errors.len(), 3);
    assert_eq!(
        errors[0].to_string(),
        "campaign a: campaigns run each other: a → b → c → a"
    );
    let errors = open(vec![runs("a", "nobody")]).unwrap_err();
    assert!(matches!(
        errors[0].defect,
        CampaignDefect::UnknownCampaign { .. }
    ));
    // Also when it is defined later.
    let leaf = campaign("c", Trigger::Manual, vec![task("t", &[])]);
    let mut scheduler = open(vec![runs("a", "b"), runs("b", "c"), leaf]).unwrap();
    let errors = scheduler.define(runs("c", "a"), 2, at(1)).unwrap_err();
    assert!(
        errors[0].to_string().contains("c → a → b → c"),
        "{}",
        errors[0]
    );
    assert_eq!(scheduler.definition(&"c".into()).unwrap().1, 0);
}

#[test]
fn a_cycle_in_stored_data_is_told_once_and_decides_what_comes_after_it() {
    let tasks = vec![
        task("a", &[]),
        task("b", &["a"]),
        task("c", &["b"]),
        after("d", &[("c", Conditions::SKIP)]),
        task("e", &[]),
    ];
    let campaigns = [campaign("c", every(60), tasks)];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    let a = store.tasks.get_mut(&"c/a#1".into()).unwrap();
    a.state = TaskState::Pending;
    a.after.push(Edge {
        task: "c/c#1".into(),
        on: Conditions::SUCCESS,
    });
    let mut scheduler = store.open(&campaigns, 1, at(1));
    let changes = scheduler.tick(at(1));
    let stuck: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Stuck {
                tasks,
                count,
                reason,
            } => Some((tasks.len(), *count, reason.as_str())),
            _ => None,
        })
        .collect();
    let reason = "cannot run: these wait for each other: c/a#1, c/c#1, c/b#1, c/a#1";
    assert_eq!(stuck, [(3, 3, reason)]);
    for (name, expected) in [
        ("a", TaskState::Skipped),
        ("b", TaskState::Skipped),
        ("c", TaskState::Skipped),
        ("d", TaskState::Ready),
        ("e", TaskState::Ready),
    ] {
        assert_eq!(
            state(&scheduler, &format!("c/{name}#1")),
            expected,
            "{name}"
        );
    }
    assert_eq!(scheduler.tick(at(2)), []);
}

#[test]
fn what_an_operator_starts_in_a_circle_is_stuck_in_the_next_tick() {
    let (mut scheduler, _) = start(&[], at(0));
    let tasks = vec![task("a", &["b"]), task("b", &["a"])];
    scheduler.start_run(&"by-hand".into(), tasks, "why", at(0));
    let changes = scheduler.tick(at(0));
    assert!(
        matches!(&changes[0], Change::Stuck { count: 2, .. }),
        "{changes:?}"
    );
    assert_eq!(scheduler.open(), 0);
}

#[test]
fn a_retried_attempt_after_a_limit_of_its_class_is_a_dead_letter() {
    let mut strict = task("t", &[]);
    set(&mut strict)
        .retry
        .limits
        .insert(ErrorClass::OutOfGas, 1);
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, vec![strict])], at(0));
    scheduler.tick(at(0));
    let failed = TaskEvent::StepFailed {
        reason: "out of gas".to_owned(),
        class: ErrorClass::OutOfGas,
        retryable: true,
        consumed: false,
    };
    scheduler.apply(&"c/t#1".into(), failed, at(1)).unwrap();
    assert_eq!(scheduler.dead(), [TaskId::from("c/t#1")]);
}

#[test]
fn a_large_run_is_made_in_parts_and_goes_on_after_a_restart() {
    let count = 101_000_usize;
    // Each task stands before those that it waits for; only the roots are work.
    let tasks: Vec<TaskDef> = (0..count)
        .rev()
        .map(|place| match place.checked_sub(1_000) {
            None => task(&format!("t{place}"), &[]),
            Some(before) => {
                TaskDef::new(format!("t{place}"), Work::Nothing, &[&format!("t{before}")])
            }
        })
        .collect();
    let campaigns = [campaign("c", Trigger::Once, tasks)];
    let mut store = Store::default();
    let mut parts = Vec::new();
    for _ in 0..10 {
        let mut scheduler = store.open(&campaigns, 1, at(0));
        let changes = scheduler.tick(at(0));
        let made = changes.iter();
        let made = made.filter(|change| matches!(change, Change::Task { from: None, .. }));
        parts.push(made.count());
        store.keep(&changes);
        // What comes later may come after what has ended.
        let ready = scheduler.runnable(at(0));
        for id in ready.iter().filter(|id| id.as_str().ends_with("7#1")) {
            store.keep(&finish(&mut scheduler, id.as_str(), at(0)));
        }
        if scheduler.next_wake(at(0)).is_none() {
            break;
        }
    }
    assert_eq!(parts, [50_000, 50_000, 1_000]);
    assert_eq!(store.tasks.len(), count);
    assert!(store.memory.making.is_empty());
    for task in store.tasks.values() {
        let number: usize = task.name[1..].parse().unwrap();
        let expected = match (number % 10, number) {
            (7, _) => TaskState::Completed,
            (_, 0..1_000) => TaskState::Ready,
            _ => TaskState::Pending,
        };
        assert_eq!(task.state, expected, "{}", task.id);
    }
}

#[test]
fn another_definition_does_not_go_on_with_a_run_that_is_being_made() {
    let of = |count: usize| {
        let tasks = (0..count).map(|place| task(&format!("t{place}"), &[]));
        [campaign("c", Trigger::Once, tasks.collect())]
    };
    let mut store = Store::default();
    let mut scheduler = store.open(&of(50_002), 1, at(0));
    store.keep(&scheduler.tick(at(0)));
    let changed = of(50_001);
    let mut scheduler = store.open(&changed, 1, at(1));
    let changes = scheduler.tick(at(1));
    let notes = crate::fires(&changes);
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].2.starts_with("the rest of run 1 is not made"),
        "{}",
        notes[0].2
    );
    store.keep(&changes);
    assert_eq!(store.tasks.len(), 50_000);
    assert_eq!(scheduler.next_wake(at(1)), None);
}
