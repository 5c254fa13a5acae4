//! Random campaigns of everything there is, with random histories: a scheduler that is made anew from
//! what was stored does the very same as the one that went on.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_scheduler::{
    After, Campaign, CatchUp, Change, Event, EventSource, Growth, Happening, Quarantine, Rate,
    Scheduler, SchedulerPolicy, TaskDef, TaskEvent, Trigger,
};
use airdrops_types::{Command, Conditions, ErrorClass, Join, TaskId, TaskState, Timestamp, Work};
use proptest::prelude::*;

use crate::{Store, at, campaign, every, operations, set, task};

const CONDITIONS: [Conditions; 5] = [
    Conditions::SUCCESS,
    Conditions::FAILURE,
    Conditions::SKIP,
    Conditions::COMPLETION,
    Conditions::ANY,
];

#[derive(Debug, Clone)]
struct Shape {
    before: Vec<(prop::sample::Index, usize)>,
    any: bool,
    delay: u64,
    approval: bool,
    work: u8,
    deadline: Option<u64>,
    sla: Option<u64>,
    timeout: Option<u64>,
    keys: Vec<&'static str>,
    priority: i16,
    compensate: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let seconds = || prop::option::weighted(0.2, 10..300_u64);
    let edges = prop::collection::vec((any::<prop::sample::Index>(), 0..5_usize), 0..3);
    let graph = (edges, any::<bool>(), 0..6_u8);
    let waits = (
        prop_oneof![3 => Just(0), 1 => 1..100_u64],
        prop::bool::weighted(0.15),
    );
    let limits = (seconds(), seconds(), seconds());
    let keys = prop::sample::subsequence(vec!["k:1", "k:2", "r:1"], 0..=2);
    let rest = (keys, 0..3_i16, any::<bool>());
    (graph, waits, limits, rest).prop_map(
        |((before, any, work), (delay, approval), (deadline, sla, timeout), rest)| Shape {
            before,
            any,
            delay,
            approval,
            work,
            deadline,
            sla,
            timeout,
            keys: rest.0,
            priority: rest.1,
            compensate: rest.2,
        },
    )
}

/// The task of a shape; those of the first campaigns may run the last one.
fn task_of(place: usize, shape: &Shape, may_nest: bool) -> TaskDef {
    let mut task = task(&format!("t{place}"), &[]);
    if place > 0 {
        for (before, on) in &shape.before {
            let before = before.index(place);
            task.after.push(After {
                task: format!("t{before}"),
                on: CONDITIONS[*on],
            });
        }
    }
    let spec = set(&mut task);
    spec.join = if shape.any { Join::Any } else { Join::All };
    spec.delay = Duration::from_secs(shape.delay);
    spec.approval = shape.approval;
    spec.deadline = shape.deadline.map(Duration::from_secs);
    spec.sla = shape.sla.map(Duration::from_secs);
    spec.timeout = shape.timeout.map(Duration::from_secs);
    spec.keys = shape.keys.iter().map(|&key| key.to_owned()).collect();
    spec.priority = shape.priority;
    spec.compensate = shape.compensate;
    match shape.work {
        0 => spec.work = Work::Nothing,
        1 if may_nest => spec.work = Work::Campaign("c3".into()),
        _ => {}
    }
    task
}

fn campaigns(shapes: &[Vec<Shape>]) -> Vec<Campaign> {
    let ends = |of: &str, task: Option<&str>| {
        Trigger::Event(EventSource::Task {
            campaign: of.into(),
            task: task.map(str::to_owned),
            on: Conditions::ANY,
        })
    };
    let triggers = [
        every(45),
        Trigger::Once,
        ends("c1", Some("t0")),
        ends("c0", None),
    ];
    let made = triggers.into_iter().zip(shapes).enumerate();
    let mut campaigns: Vec<Campaign> = made
        .map(|(number, (trigger, shapes))| {
            let tasks = shapes.iter().enumerate();
            let tasks = tasks.map(|(place, shape)| task_of(place, shape, number < 3));
            campaign(&format!("c{number}"), trigger, tasks.collect())
        })
        .collect();
    campaigns[0].max_instances = 2;
    campaigns[0].catch_up = CatchUp::All;
    campaigns[0].misfire_grace = Some(Duration::from_secs(200));
    campaigns[0].timing.jitter = Duration::from_secs(20);
    campaigns[2].max_instances = 2;
    campaigns
}

fn policy() -> SchedulerPolicy {
    let rate = Rate {
        starts: 2,
        per: Duration::from_secs(60),
    };
    SchedulerPolicy {
        concurrency: BTreeMap::from([("k".to_owned(), 1)]),
        rates: BTreeMap::from([("r:1".to_owned(), rate)]),
        aging: Duration::from_secs(40),
        quarantine: Quarantine {
            failures: 3,
            within: Duration::from_secs(200),
            pause: Duration::from_secs(100),
        },
    }
}

#[derive(Debug, Clone)]
enum Op {
    Tick(i64),
    Apply(usize, TaskEvent),
    Command(u8, usize),
    Happens,
    Grow(usize, usize, bool),
    LookAgain,
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let failed = (prop::bool::weighted(0.8), any::<bool>()).prop_map(|(retryable, consumed)| {
        TaskEvent::StepFailed {
            reason: "failed".to_owned(),
            class: ErrorClass::Reverted,
            retryable,
            consumed,
        }
    });
    let text = || "so".to_owned();
    let event = prop_oneof![
        5 => (0..3_usize).prop_map(|n| TaskEvent::Planned { operations: operations(n) }),
        2 => Just(TaskEvent::Resumed),
        5 => Just(TaskEvent::StepDone { note: text() }),
        2 => failed,
        1 => Just(TaskEvent::Submitted { note: text() }),
        1 => (0..900_i64).prop_map(|s| TaskEvent::Deferred { reason: "gas".to_owned(), until: at(s) }),
    ];
    prop_oneof![
        4 => (0..60_000_i64).prop_map(Op::Tick),
        10 => (any::<usize>(), event).prop_map(|(index, event)| Op::Apply(index, event)),
        4 => (0..11_u8, any::<usize>()).prop_map(|(kind, index)| Op::Command(kind, index)),
        1 => Just(Op::Happens),
        1 => (any::<usize>(), any::<usize>(), any::<bool>()).prop_map(|(a, b, c)| Op::Grow(a, b, c)),
        1 => Just(Op::LookAgain),
        1 => Just(Op::Restart),
    ]
}

fn command(kind: u8, task: TaskId, number: usize, now: Timestamp) -> Command {
    let campaign = format!("c{}", number % 4).as_str().into();
    let reason = "so".to_owned();
    match kind {
        0 => Command::Pause { campaign, reason },
        1 => Command::Resume { campaign },
        2 => Command::Run { campaign },
        3 => Command::Backfill {
            campaign,
            from: now.minus(Duration::from_secs(100)),
            to: now,
        },
        4 => Command::Rerun { task },
        5 => Command::Skip { task, reason },
        6 => Command::Cancel { task, reason },
        7 | 8 => Command::Retry { task },
        _ => Command::Approve { task },
    }
}

/// Does one thing. The same for schedulers that are the same.
fn act(scheduler: &mut Scheduler, op: &Op, now: Timestamp) -> Vec<Change> {
    let all: Vec<TaskId> = scheduler.tasks().map(|task| task.id.clone()).collect();
    let pick = |index: usize| all.get(index % all.len().max(1)).cloned();
    match op {
        Op::Tick(_) => scheduler.tick(now),
        Op::Restart => Vec::new(),
        Op::LookAgain => scheduler.look_again(now),
        Op::Happens => {
            let what = Happening::Ended {
                campaign: "c0".into(),
                task: None,
                run: 1,
                ending: airdrops_types::Ending::Success,
            };
            scheduler.event(&Event { at: now, what }, now)
        }
        Op::Apply(index, event) => {
            let runnable = scheduler.runnable(now);
            let offered = runnable.get(index / 5 % runnable.len().max(1)).cloned();
            let task = if index % 5 == 0 {
                pick(index / 5)
            } else {
                offered
            };
            let taken = task.map(|task| scheduler.apply(&task, event.clone(), now));
            taken.and_then(Result::ok).unwrap_or_default()
        }
        Op::Command(kind, index) => {
            let task = pick(*index).unwrap_or_else(|| "c0/t0#1".into());
            let command = command(*kind, task, *index, now);
            let done = scheduler.command(&command, "ada", now, &|task| task.0.len() % 7 == 0);
            done.map(|(changes, _)| changes).unwrap_or_default()
        }
        Op::Grow(a, b, pends) => {
            let (Some(a), Some(b)) = (pick(*a), pick(*b)) else {
                return Vec::new();
            };
            let (a, b) = (scheduler.get(&a).unwrap(), scheduler.get(&b).unwrap());
            let new = format!("g{}", all.len());
            let edges = [(new.clone(), b.name.clone(), Conditions::ANY)];
            let growth = Growth {
                campaign: a.campaign.clone(),
                run: a.run,
                tasks: vec![task(&new, &[&a.name])],
                edges: edges
                    .into_iter()
                    .filter(|_| *pends && b.run == a.run)
                    .collect(),
            };
            scheduler.grow(growth, now).unwrap_or_default()
        }
    }
}

fn assert_same(a: &Scheduler, b: &Scheduler, now: Timestamp) {
    let tasks = |scheduler: &Scheduler| scheduler.tasks().cloned().collect::<Vec<_>>();
    assert_eq!(tasks(a), tasks(b));
    assert!(a.triggers().eq(b.triggers()));
    assert_eq!(a.memory(), b.memory());
    assert_eq!(a.runnable(now), b.runnable(now));
    assert_eq!(a.next_wake(now), b.next_wake(now));
    assert_eq!(a.would_run(now), b.would_run(now));
    assert_eq!((a.dead(), a.open()), (b.dead(), b.open()));
}

/// Every rule that holds whatever happened.
fn check(scheduler: &Scheduler, store: &Store, now: Timestamp) {
    let mut open = 0;
    for task in store.tasks.values() {
        let known = scheduler.get(&task.id);
        assert!(known == Some(task) || known.is_none() && task.state.is_final());
        open += usize::from(!task.state.is_final());
        if task.state == TaskState::Pending {
            let waits = task.after.iter().any(|edge| {
                let before = store.tasks.get(&edge.task);
                before.is_some_and(|before| !before.state.is_final())
            });
            let approves = task.spec.approval && task.approved.is_none();
            assert!(
                waits || approves || task.not_before.is_some(),
                "{}",
                task.id
            );
        }
    }
    assert_eq!(scheduler.open(), open);
    let told = scheduler.would_run(now);
    assert_eq!(told.len(), open, "each open task has a reason");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_restart_at_any_point_changes_nothing_of_what_comes(
        shapes in prop::collection::vec(prop::collection::vec(shape(), 1..5), 4),
        ops in prop::collection::vec(op(), 1..80),
        seed: u64,
    ) {
        let campaigns = campaigns(&shapes);
        let mut now = at(0);
        let mut store = Store::default();
        let open = |store: &Store, now| store.open(&campaigns, seed, now).with_policy(policy(), now);
        let mut scheduler = open(&store, now);
        store.keep(&scheduler.tick(now));
        for op in ops {
            if let Op::Tick(ms) = op {
                now = Timestamp(now.0 + ms);
            }
            let mut again = open(&store, now);
            let changes = act(&mut scheduler, &op, now);
            prop_assert_eq!(&act(&mut again, &op, now), &changes);
            let before = store.clone();
            store.keep(&changes);
            for (id, task) in &before.tasks {
                prop_assert!(store.tasks[id].step >= task.step, "a step number came back");
            }
            assert_same(&scheduler, &again, now);
            assert_same(&scheduler, &open(&store, now), now);
            check(&scheduler, &store, now);
            if let Op::Tick(_) = op {
                prop_assert_eq!(scheduler.clone().tick(now), vec![], "something was left");
                prop_assert!(scheduler.next_wake(now).is_none_or(|wake| wake > now), "busy");
            }
            if let Op::Restart = op {
                scheduler = open(&store, now);
            }
        }
    }

    #[test]
    fn every_task_ends_when_nothing_new_begins_and_each_attempt_succeeds(
        shapes in prop::collection::vec(prop::collection::vec(shape(), 1..8), 4),
        seed: u64,
    ) {
        let mut campaigns = campaigns(&shapes);
        campaigns[0].trigger = Trigger::Once;
        campaigns[0].timing.jitter = Duration::ZERO;
        let mut now = at(0);
        let mut scheduler = Store::default().open(&campaigns, seed, now).with_policy(policy(), now);
        scheduler.tick(now);
        for _ in 0..2_000 {
            if scheduler.open() == 0 {
                break;
            }
            for (task, why) in scheduler.would_run(now) {
                if why.code() == "approval" {
                    scheduler.command(&Command::Approve { task }, "ada", now, &|_| false).unwrap();
                }
            }
            for task in scheduler.runnable(now) {
                let planned = TaskEvent::Planned { operations: vec![] };
                scheduler.apply(&task, planned, now).unwrap();
            }
            if let Some(wake) = scheduler.next_wake(now) {
                now = wake;
                scheduler.tick(now);
            }
        }
        prop_assert_eq!(scheduler.would_run(now), vec![]);
    }
}
