//! Every state with every event.

use std::sync::Arc;

use airdrops_scheduler::{Scheduler, TaskEvent, TransitionError, Trigger};
use airdrops_types::{ErrorClass, TaskId, TaskRecord, TaskState, Timestamp};

use crate::{at, campaign, fires, operations, task};

fn record(state: TaskState, steps: Option<usize>) -> TaskRecord {
    let spec = Arc::clone(&task("t", &[]).spec);
    TaskRecord {
        state,
        not_before: Some(at(50)),
        plan: steps.map(operations),
        step: 4,
        ..TaskRecord::new(&"c".into(), "t", 1, spec, at(0))
    }
}

fn scheduler(record: TaskRecord) -> Scheduler {
    Scheduler::new(vec![], vec![record], vec![], 1, at(0)).unwrap()
}

fn failed(retryable: bool, consumed: bool) -> TaskEvent {
    TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class: ErrorClass::Reverted,
        retryable,
        consumed,
    }
}

fn events() -> Vec<(&'static str, TaskEvent)> {
    let plan = |count| TaskEvent::Planned {
        operations: operations(count),
    };
    vec![
        ("planned", plan(2)),
        ("planned empty", plan(0)),
        ("resumed", TaskEvent::Resumed),
        (
            "deferred",
            TaskEvent::Deferred {
                reason: "gas".to_owned(),
                until: at(500),
            },
        ),
        (
            "held",
            TaskEvent::Held {
                reason: "everything is halted".to_owned(),
            },
        ),
        (
            "submitted",
            TaskEvent::Submitted {
                note: "supplied".to_owned(),
            },
        ),
        (
            "step done",
            TaskEvent::StepDone {
                note: "supplied".to_owned(),
            },
        ),
        ("failed", failed(true, false)),
        ("failed, consumed", failed(true, true)),
        ("failed for good", failed(false, true)),
        ("replan", TaskEvent::Replan),
        (
            "cancel",
            TaskEvent::Cancel {
                reason: "unwanted".to_owned(),
            },
        ),
    ]
}

/// The whole table: the state after the event, `None` where the event is refused.
fn expected(state: TaskState, steps: Option<usize>, event: &str) -> Option<TaskState> {
    use TaskState as S;
    match (state, steps, event) {
        (S::Ready, None, "planned") => Some(S::Running),
        (S::Ready, None, "planned empty") => Some(S::Completed),
        (S::Ready, Some(_), "resumed") => Some(S::Running),
        (S::Ready | S::Running, _, "deferred") => Some(S::Deferred),
        (S::Ready | S::Running | S::Deferred, _, "held") => Some(S::Deferred),
        (S::Running, Some(_), "submitted") => Some(S::Awaiting),
        (S::Running | S::Awaiting, Some(1), "step done") => Some(S::Completed),
        (S::Running | S::Awaiting, Some(2), "step done") => Some(S::Running),
        (S::Ready | S::Running | S::Awaiting, _, "failed" | "failed, consumed") => {
            Some(S::Retrying)
        }
        (S::Ready | S::Running | S::Awaiting, _, "failed for good") => Some(S::Failed),
        (S::Pending, _, "replan") => None,
        (open, _, "replan") if !open.is_final() => Some(S::Ready),
        (open, _, "cancel") if !open.is_final() => Some(S::Cancelled),
        _ => None,
    }
}

#[test]
fn every_state_takes_exactly_the_events_of_the_table() {
    let mut taken = 0;
    for state in TaskState::ALL {
        for steps in [None, Some(1), Some(2)] {
            for (name, event) in events() {
                let before = record(state, steps);
                let id = before.id.clone();
                let mut scheduler = scheduler(before.clone());
                let result = scheduler.apply(&id, event, at(10));
                let after = scheduler.get(&id).unwrap();
                let case = format!("{state} with plan {steps:?}: {name}");
                match expected(state, steps, name) {
                    None => {
                        result.expect_err(&case);
                        assert_eq!(*after, before, "{case}");
                    }
                    Some(to) => {
                        result.expect(&case);
                        assert_eq!(after.state, to, "{case}");
                        taken += 1;
                        check(&before, after, name, &case);
                    }
                }
            }
        }
    }
    assert_eq!(taken, 2 + 2 + 6 + 9 + 2 + 4 + 18 + 9 + 15 + 18);
}

/// What the event does besides the state.
fn check(before: &TaskRecord, after: &TaskRecord, event: &str, case: &str) {
    let consumed = matches!(event, "step done" | "failed, consumed" | "failed for good");
    assert_eq!(after.step, before.step + u32::from(consumed), "{case}");
    let attempt = event.starts_with("failed");
    assert_eq!(
        after.attempts,
        before.attempts + u32::from(attempt),
        "{case}"
    );
    assert_eq!(after.cursor, usize::from(event == "step done"), "{case}");
    let plan = match event {
        "planned" => Some(operations(2)),
        "planned empty" => Some(vec![]),
        "replan" => None,
        _ => before.plan.clone(),
    };
    assert_eq!(after.plan, plan, "{case}");
    let waits = matches!(after.state, TaskState::Deferred | TaskState::Retrying);
    assert_eq!(
        after.not_before.is_some(),
        waits && event != "held",
        "{case}"
    );
    assert_eq!(after.is_held(), event == "held", "{case}");
    assert_eq!(after.ended.is_some(), after.state.is_final(), "{case}");
    let starts = matches!(event, "planned" | "resumed");
    assert_eq!(after.started, starts.then_some(at(10)), "{case}");
    assert!(after.reason.is_some(), "{case}");
}

#[test]
fn the_last_attempt_ends_on_the_dead_letter_list_and_the_reason_counts_it() {
    let mut last = record(TaskState::Running, Some(1));
    last.attempts = 2;
    let id = last.id.clone();
    let mut scheduler = scheduler(last);
    scheduler.apply(&id, failed(true, true), at(10)).unwrap();
    let after = scheduler.get(&id).unwrap();
    assert_eq!(after.state, TaskState::Dead);
    assert_eq!(after.reason.as_deref(), Some("reverted (attempt 3 of 3)"));
}

#[test]
fn the_instant_of_the_first_step_is_kept() {
    let task = record(TaskState::Ready, None);
    let id = task.id.clone();
    let mut scheduler = scheduler(task);
    let plan = || TaskEvent::Planned {
        operations: operations(1),
    };
    scheduler.apply(&id, plan(), at(10)).unwrap();
    scheduler.apply(&id, TaskEvent::Replan, at(20)).unwrap();
    scheduler.apply(&id, plan(), at(30)).unwrap();
    assert_eq!(scheduler.get(&id).unwrap().started, Some(at(10)));
}

#[test]
fn a_step_number_is_never_used_twice_not_even_at_the_end_of_its_range() {
    let mut task = record(TaskState::Running, Some(1));
    task.step = u32::MAX;
    let id = task.id.clone();
    let mut scheduler = scheduler(task.clone());
    let done = TaskEvent::StepDone {
        note: String::new(),
    };
    for event in [done, failed(true, true)] {
        let error = scheduler.apply(&id, event, at(1)).unwrap_err();
        assert_eq!(error, TransitionError::StepsExhausted { task: id.clone() });
    }
    assert_eq!(*scheduler.get(&id).unwrap(), task);
    scheduler.apply(&id, failed(true, false), at(1)).unwrap();
}

#[test]
fn errors_name_the_run_its_state_and_the_event() {
    let mut scheduler = scheduler(record(TaskState::Pending, None));
    let mut error = |id: &str, event| {
        scheduler
            .apply(&TaskId::from(id), event, Timestamp(0))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("c/t#1", TaskEvent::Replan),
        "c/t#1 is pending: the event \"replan\" is not possible"
    );
    assert_eq!(
        error("c/t#2", TaskEvent::Resumed),
        "there is no task run c/t#2"
    );
}

#[test]
fn an_empty_plan_completes_with_nothing_to_do() {
    let campaigns = vec![campaign("c", Trigger::Once, vec![task("t", &[])])];
    let mut scheduler = Scheduler::new(campaigns, vec![], vec![], 0, at(0)).unwrap();
    assert_eq!(fires(&scheduler.tick(at(0))).len(), 1);
    let id = TaskId::from("c/t#1");
    let plan = TaskEvent::Planned { operations: vec![] };
    scheduler.apply(&id, plan, at(1)).unwrap();
    let record = scheduler.get(&id).unwrap();
    assert_eq!(record.state, TaskState::Completed);
    assert_eq!(record.reason.as_deref(), Some("nothing to do"));
    assert_eq!(record.ended, Some(at(1)));
}
