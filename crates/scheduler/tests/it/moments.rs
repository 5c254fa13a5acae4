//! Deadlines, service levels, attempts that take too long.

use std::time::Duration;

use airdrops_scheduler::{Change, TaskEvent, Trigger};
use airdrops_types::{ErrorClass, TaskId, TaskState};

use crate::{at, campaign, operations, set, start, state, task};

fn planned() -> TaskEvent {
    TaskEvent::Planned {
        operations: operations(2),
    }
}

#[test]
fn what_has_not_started_by_its_deadline_is_skipped_and_so_is_what_needs_it() {
    let mut strict = task("strict", &[]);
    set(&mut strict).deadline = Some(Duration::from_secs(100));
    let mut begun = task("begun", &[]);
    set(&mut begun).deadline = Some(Duration::from_secs(100));
    let tasks = vec![strict, begun, task("after", &["strict"])];
    let campaigns = [campaign("c", Trigger::Once, tasks)];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    let id = TaskId::from("c/begun#1");
    store.keep(&scheduler.apply(&id, planned(), at(99)).unwrap());
    let mut scheduler = store.open(&campaigns, 1, at(99));
    assert_eq!(scheduler.next_wake(at(99)), Some(at(100)));
    scheduler.tick(at(100));
    let record = scheduler.get(&"c/strict#1".into()).unwrap();
    assert_eq!(record.state, TaskState::Skipped);
    let reason = record.reason.clone().unwrap();
    assert!(
        reason.starts_with("too late: it had not started 100 s after"),
        "{reason}"
    );
    assert_eq!(state(&scheduler, "c/after#1"), TaskState::Skipped);
    assert_eq!(state(&scheduler, "c/begun#1"), TaskState::Running);
}

#[test]
fn a_missed_service_level_is_told_once_across_restarts() {
    let mut slow = task("slow", &[]);
    set(&mut slow).sla = Some(Duration::from_secs(60));
    let campaigns = [campaign("c", Trigger::Once, vec![slow])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    assert_eq!(scheduler.tick(at(59)), []);
    let changes = scheduler.tick(at(65));
    store.keep(&changes);
    let late: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Late { task, by } => Some((task.as_str(), by.as_secs())),
            _ => None,
        })
        .collect();
    assert_eq!(late, [("c/slow#1", 5)]);
    assert_eq!(scheduler.tick(at(70)), []);
    assert_eq!(
        state(&scheduler, "c/slow#1"),
        TaskState::Ready,
        "it goes on"
    );
    assert_eq!(store.open(&campaigns, 1, at(70)).tick(at(70)), []);
}

#[test]
fn an_attempt_without_a_transaction_fails_after_its_timeout_and_one_with_it_does_not() {
    let mut hangs = task("hangs", &[]);
    set(&mut hangs).timeout = Some(Duration::from_secs(30));
    let mut out = task("out", &[]);
    set(&mut out).timeout = Some(Duration::from_secs(30));
    let campaigns = [campaign("c", Trigger::Once, vec![hangs, out])];
    let (mut scheduler, mut store) = start(&campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    for id in ["c/hangs#1", "c/out#1"] {
        store.keep(&scheduler.apply(&id.into(), planned(), at(10)).unwrap());
    }
    let note = "out".to_owned();
    let submitted = TaskEvent::Submitted { note };
    store.keep(
        &scheduler
            .apply(&"c/out#1".into(), submitted, at(20))
            .unwrap(),
    );
    let mut scheduler = store.open(&campaigns, 1, at(20));
    assert_eq!(scheduler.next_wake(at(20)), Some(at(40)));
    scheduler.tick(at(40));
    let record = scheduler.get(&"c/hangs#1".into()).unwrap();
    assert_eq!(record.state, TaskState::Retrying);
    assert_eq!(record.failures, [(ErrorClass::Transient, 1)]);
    assert_eq!(record.step, 0, "the intent is kept");
    assert_eq!(state(&scheduler, "c/out#1"), TaskState::Awaiting);
}
