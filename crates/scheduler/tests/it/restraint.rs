//! What waits for the end of a stop.

use airdrops_scheduler::{Change, Scheduler, TaskEvent, Trigger, waits_from};
use airdrops_types::{
    Action, ControlState, ErrorClass, Restraint, Scope, TaskId, TaskRecord, TaskState, Timestamp,
    Trip,
};

use crate::{Store, acts, at, campaign, operations, task};

pub(crate) const STATES: [ControlState; 5] = [
    ControlState::Active,
    ControlState::Cautious,
    ControlState::Reducing,
    ControlState::Halted,
    ControlState::Locked,
];

fn trip(state: ControlState, breaker: &str) -> Trip {
    Trip {
        scope: Scope::Everything,
        breaker: breaker.to_owned(),
        state,
        since: Timestamp(1),
        evidence: format!("{breaker} says so"),
    }
}

/// One trip of a state; none for `Active`.
pub(crate) fn under(state: ControlState) -> Restraint {
    let tripped = state > ControlState::Active;
    Restraint {
        trips: tripped.then(|| trip(state, "manual")).into_iter().collect(),
        ..Restraint::default()
    }
}

/// Tasks of these actions, that are ready.
fn ready(actions: &[Action]) -> (Scheduler, Store) {
    let tasks = actions.iter().map(|action| {
        let mut task = task(action.verb(), &[]);
        acts(&mut task).action = action.clone();
        task
    });
    let campaigns = [campaign("c", Trigger::Once, tasks.collect())];
    let mut store = Store::default();
    let mut scheduler = store.open(&campaigns, 1, at(0));
    store.keep(&scheduler.tick(at(0)));
    (scheduler, store)
}

fn get<'a>(scheduler: &'a Scheduler, name: &str) -> &'a TaskRecord {
    let id = TaskId::new(format!("c/{name}#1"));
    scheduler.get(&id).unwrap()
}

fn hold(scheduler: &mut Scheduler, restraint: &Restraint, now: Timestamp) -> Vec<Change> {
    let of = |_: &TaskRecord| Some(restraint.clone());
    scheduler.restrain(of, now).unwrap()
}

#[test]
fn what_adds_waits_from_reducing_and_what_only_takes_out_from_halted() {
    let swap = Action::Swap {
        from: "USDC".into(),
        to: "ETH".into(),
    };
    let adding = [
        Action::Wrap,
        Action::Unwrap,
        Action::Supply,
        swap,
        Action::AddLiquidity,
        Action::Stake,
        Action::Bridge,
    ];
    let taking = [
        Action::Withdraw,
        Action::RemoveLiquidity,
        Action::Exit,
        Action::Claim,
    ];
    for (actions, from) in [
        (&adding[..], Some(ControlState::Reducing)),
        (&taking[..], Some(ControlState::Halted)),
        (&[Action::Unwind][..], None),
    ] {
        for action in actions {
            assert_eq!(waits_from(action), from, "{action:?}");
        }
    }
    for state in STATES {
        let (mut scheduler, _) = ready(&[Action::Supply, Action::Withdraw]);
        hold(&mut scheduler, &under(state), at(1));
        let held = ["supply", "withdraw"].map(|name| get(&scheduler, name).is_held());
        assert_eq!(
            held,
            [
                state >= ControlState::Reducing,
                state >= ControlState::Halted
            ],
            "{state}"
        );
    }
}

#[test]
fn a_stop_is_told_once_and_its_end_is_seen_at_once() {
    let (mut scheduler, mut store) = ready(&[Action::Supply]);
    let mut restraint = under(ControlState::Reducing);
    let changes = hold(&mut scheduler, &restraint, at(1));
    store.keep(&changes);
    assert_eq!(changes.len(), 1);
    let held = get(&scheduler, "supply");
    assert_eq!(
        held.reason.as_deref(),
        Some("held by a stop: everything is reducing: manual: manual says so")
    );
    assert!(held.is_held() && scheduler.runnable(at(1_000_000_000)).is_empty());
    assert_eq!(scheduler.next_wake(at(1)), None, "an event frees it");

    // Time alone, a change elsewhere, a milder stop and a restart are no news.
    assert_eq!(scheduler.tick(at(90_000)), []);
    assert_eq!(scheduler.look_again(at(90_000)), []);
    restraint
        .trips
        .push(trip(ControlState::Cautious, "volatility"));
    assert_eq!(hold(&mut scheduler, &restraint, at(90_000)), []);
    let mut scheduler = store.open(&[], 1, at(90_000));
    assert_eq!(scheduler.tick(at(90_000)), []);
    assert_eq!(hold(&mut scheduler, &restraint, at(90_000)), []);

    // Another cause is.
    restraint
        .trips
        .push(trip(ControlState::Halted, "rolling-loss"));
    assert_eq!(hold(&mut scheduler, &restraint, at(90_001)).len(), 1);
    assert_eq!(hold(&mut scheduler, &restraint, at(90_002)), []);
    let reason = get(&scheduler, "supply").reason.clone().unwrap();
    assert!(reason.contains("manual") && reason.contains("rolling-loss says so"));
    assert!(!reason.contains("volatility"), "{reason}");

    let changes = hold(&mut scheduler, &Restraint::default(), at(90_003));
    assert_eq!(changes.len(), 1);
    assert_eq!(scheduler.runnable(at(1_000_000_000)).len(), 1);
}

#[test]
fn a_hold_between_two_steps_keeps_plan_and_cursor_and_counts_no_attempt() {
    let (mut scheduler, _) = ready(&[Action::Supply]);
    let id = TaskId::from("c/supply#1");
    let operations = operations(2);
    let done = TaskEvent::StepDone {
        note: "approved".to_owned(),
    };
    for event in [TaskEvent::Planned { operations }, done] {
        scheduler.apply(&id, event, at(1)).unwrap();
    }
    let before = get(&scheduler, "supply").clone();
    // Under way: it waits for its outcome, whatever holds.
    assert_eq!(scheduler.restrain(|_| None, at(2)).unwrap(), []);
    for round in 0..100 {
        hold(&mut scheduler, &under(ControlState::Locked), at(3 + round));
        hold(&mut scheduler, &Restraint::default(), at(3 + round));
    }
    let after = get(&scheduler, "supply");
    assert_eq!(after.state, TaskState::Ready);
    assert_eq!(
        (&after.plan, after.cursor, after.step, after.attempts),
        (&before.plan, before.cursor, before.step, 0)
    );
    scheduler.apply(&id, TaskEvent::Resumed, at(200)).unwrap();
}

#[test]
fn what_waits_for_a_moment_waits_for_the_stop_instead() {
    let (mut scheduler, _) = ready(&[Action::Supply]);
    let id = TaskId::from("c/supply#1");
    let deferred = TaskEvent::Deferred {
        reason: "gas".to_owned(),
        until: at(50),
    };
    scheduler.apply(&id, deferred, at(1)).unwrap();
    assert_eq!(hold(&mut scheduler, &Restraint::default(), at(2)), []);
    hold(&mut scheduler, &under(ControlState::Halted), at(2));
    assert_eq!(scheduler.tick(at(60)), []);
    assert!(get(&scheduler, "supply").is_held());
    // An attempt that failed has its own moment first.
    let (mut scheduler, _) = ready(&[Action::Supply]);
    let failed = TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class: ErrorClass::Reverted,
        retryable: true,
        consumed: false,
    };
    scheduler.apply(&id, failed, at(1)).unwrap();
    assert_eq!(
        hold(&mut scheduler, &under(ControlState::Halted), at(2)),
        []
    );
    scheduler.tick(at(100_000));
    hold(&mut scheduler, &under(ControlState::Halted), at(100_000));
    assert!(get(&scheduler, "supply").is_held());
}
