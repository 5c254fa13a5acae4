//! Random histories.

use airdrops_scheduler::{Campaign, Scheduler, TaskEvent, Trigger};
use airdrops_types::{
    ControlState, ErrorClass, Restraint, TaskId, TaskRecord, TaskState, Timestamp,
};
use proptest::prelude::*;
use std::time::Duration;

use crate::restraint::{STATES, under};
use crate::{Store, at, campaign, every, operations, set, task};

#[derive(Debug, Clone)]
enum Op {
    Tick(i64),
    Apply(usize, TaskEvent),
    /// A control state per campaign, and whose transactions are under way.
    Restrain(Vec<ControlState>, u8),
    Restart,
}

fn event() -> impl Strategy<Value = TaskEvent> {
    let plan = (0..4_usize).prop_map(|count| TaskEvent::Planned {
        operations: operations(count),
    });
    let done = Just(TaskEvent::StepDone {
        note: "done".to_owned(),
    });
    let failed = (prop::bool::weighted(0.9), any::<bool>()).prop_map(|(retryable, consumed)| {
        TaskEvent::StepFailed {
            reason: "failed".to_owned(),
            class: ErrorClass::Reverted,
            retryable,
            consumed,
        }
    });
    let deferred = (0..300_000_i64).prop_map(|until| TaskEvent::Deferred {
        reason: "gas".to_owned(),
        until: Timestamp(until),
    });
    let held = Just(TaskEvent::Held {
        reason: "everything is halted".to_owned(),
    });
    let cancel = Just(TaskEvent::Cancel {
        reason: "unwanted".to_owned(),
    });
    prop_oneof![
        4 => plan,
        3 => Just(TaskEvent::Resumed),
        6 => done,
        2 => failed,
        1 => deferred,
        1 => held,
        1 => Just(TaskEvent::Replan),
        1 => cancel,
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..90_000_i64).prop_map(Op::Tick),
        8 => (any::<usize>(), event()).prop_map(|(index, event)| Op::Apply(index, event)),
        3 => (prop::collection::vec(prop::sample::select(&STATES[..]), 4), any::<u8>())
            .prop_map(|(states, under_way)| Op::Restrain(states, under_way)),
        1 => Just(Op::Restart),
    ]
}

/// What holds back a run of campaign c0, c1, …; `None` for some tasks.
fn restraint_of(task: &TaskRecord, states: &[ControlState], under_way: u8) -> Option<Restraint> {
    let campaign: usize = task.campaign.as_str()[1..].parse().unwrap();
    let number: u32 = task.name[1..].parse().unwrap();
    (under_way >> number & 1 == 0).then(|| under(states[campaign]))
}

/// Tasks t0, t1, … where each may come after any earlier ones.
fn dag(size: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1..=size).prop_flat_map(|size| {
        (0..size)
            .map(|index| {
                prop::sample::subsequence((0..index).collect::<Vec<_>>(), 0..=index.min(3))
            })
            .collect::<Vec<_>>()
    })
}

fn campaign_of(id: &str, trigger: Trigger, dag: &[Vec<usize>]) -> Campaign {
    let names: Vec<String> = (0..dag.len()).map(|index| format!("t{index}")).collect();
    let tasks = dag
        .iter()
        .enumerate()
        .map(|(index, after)| {
            let after: Vec<&str> = after.iter().map(|&index| names[index].as_str()).collect();
            let mut task = task(&names[index], &after);
            set(&mut task).critical = index % 2 == 1;
            task
        })
        .collect();
    campaign(id, trigger, tasks)
}

fn campaigns(dags: &[Vec<Vec<usize>>]) -> Vec<Campaign> {
    let cron = Trigger::Cron {
        expression: "*/2 * * * *".to_owned(),
        zone: "Europe/Berlin".to_owned(),
    };
    let triggers = [
        every(45),
        cron,
        Trigger::Date { at: at(100) },
        Trigger::Once,
    ];
    let mut campaigns: Vec<Campaign> = triggers
        .into_iter()
        .zip(dags)
        .enumerate()
        .map(|(index, (trigger, dag))| campaign_of(&format!("c{index}"), trigger, dag))
        .collect();
    campaigns[1].misfire_grace = Some(Duration::from_secs(30));
    campaigns
}

/// Compares everything that can be seen.
fn assert_same(a: &Scheduler, b: &Scheduler, now: Timestamp) {
    assert!(a.tasks().eq(b.tasks()));
    assert!(a.triggers().eq(b.triggers()));
    assert_eq!(a.runnable(now), b.runnable(now));
    assert_eq!(a.next_wake(now), b.next_wake(now));
}

fn consumes(event: &TaskEvent) -> bool {
    matches!(
        event,
        TaskEvent::StepDone { .. } | TaskEvent::StepFailed { consumed: true, .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn random_histories_lose_nothing_and_survive_a_restart_at_any_point(
        dags in prop::collection::vec(dag(4), 4),
        ops in prop::collection::vec(op(), 1..150),
        seed: u64,
    ) {
        let campaigns = campaigns(&dags);
        let mut now = at(0);
        let mut store = Store::default();
        let mut scheduler = store.open(&campaigns, seed, now);
        let changes = scheduler.tick(now);
        store.keep(&changes);
        for op in ops {
            let before = store.clone();
            match op {
                Op::Tick(ms) => {
                    now = Timestamp(now.0 + ms);
                    store.keep(&scheduler.tick(now));
                    // Nothing is left to be done at this instant.
                    prop_assert_eq!(scheduler.tick(now), vec![]);
                    prop_assert!(scheduler.next_wake(now).is_none_or(|wake| wake > now));
                    for (id, trigger) in &before.triggers {
                        let after = &store.triggers[id];
                        prop_assert!(after.runs >= trigger.runs);
                        if after != trigger {
                            prop_assert!(after.next.is_none_or(|next| Some(next) > trigger.next));
                        }
                    }
                }
                Op::Apply(index, event) => {
                    // Mostly what is runnable, sometimes anything.
                    let runnable = scheduler.runnable(now);
                    let all: Vec<TaskId> = scheduler.tasks().map(|task| task.id.clone()).collect();
                    let pool = if runnable.is_empty() || index % 5 == 0 { &all } else { &runnable };
                    let Some(id) = pool.get(index / 5 % pool.len().max(1)) else { continue };
                    let step = scheduler.get(id).unwrap().step;
                    let consumed = consumes(&event);
                    match scheduler.apply(id, event, now) {
                        Ok(changes) => {
                            store.keep(&changes);
                            prop_assert_eq!(
                                scheduler.get(id).unwrap().step, step + u32::from(consumed)
                            );
                        }
                        Err(_) => prop_assert_eq!(&store, &before),
                    }
                }
                Op::Restrain(states, under_way) => {
                    let of = |task: &TaskRecord| restraint_of(task, &states, under_way);
                    store.keep(&scheduler.restrain(of, now).unwrap());
                    prop_assert_eq!(scheduler.restrain(of, now).unwrap(), vec![]);
                    for (id, task) in &before.tasks {
                        let after = &store.tasks[id];
                        let mut same = task.clone();
                        same.state = after.state;
                        same.reason.clone_from(&after.reason);
                        same.not_before = after.not_before;
                        // No attempt, no step, no plan, no moment of its own.
                        prop_assert_eq!(&same, after);
                        let forbidden = of(task).is_some_and(|of| of.state().forbids_growth());
                        let runs = matches!(after.state, TaskState::Ready | TaskState::Running);
                        prop_assert!(!(forbidden && runs), "{} runs", id);
                        prop_assert!(of(task).is_none() || forbidden || !after.is_held());
                    }
                }
                Op::Restart => scheduler = store.open(&campaigns, seed, now),
            }
            // The changes say all.
            for task in store.tasks.values() {
                let known = scheduler.get(&task.id);
                let forgotten = task.state.is_final() && known.is_none();
                prop_assert!(forgotten || known == Some(task), "{}", task.id);
            }
            prop_assert!(scheduler.triggers().eq(store.triggers.values()));
            assert_same(&scheduler, &store.open(&campaigns, seed, now), now);
            for (id, task) in &before.tasks {
                let after = store.tasks.get(id);
                prop_assert!(after.is_some(), "{id} was lost");
                let after = after.unwrap();
                prop_assert!(after.step >= task.step);
                if task.state.is_final() {
                    prop_assert_eq!(after, task);
                }
            }
            for trigger in store.triggers.values() {
                for run in 1..=trigger.runs {
                    let made = store.tasks.values()
                        .filter(|task| task.campaign == trigger.campaign && task.run == run);
                    let defined = campaigns.iter().find(|c| c.id == trigger.campaign).unwrap();
                    prop_assert_eq!(made.count(), defined.tasks.len());
                }
            }
        }
    }

    #[test]
    fn a_run_ends_when_all_events_succeed_and_keeps_the_order_of_its_graph(
        dag in dag(12), steps in prop::collection::vec(0..4_usize, 12),
    ) {
        let campaigns = [campaign_of("c", Trigger::Once, &dag)];
        let mut scheduler = Store::default().open(&campaigns, 1, at(0));
        scheduler.tick(at(0));
        let mut ended: Vec<TaskId> = Vec::new();
        while let Some(id) = scheduler.runnable(at(1)).first().cloned() {
            let record = scheduler.get(&id).unwrap();
            for before in &record.after {
                prop_assert!(ended.contains(&before.task), "{} before {}", id, before.task);
            }
            let index: usize = record.name[1..].parse().unwrap();
            let operations = operations(steps[index]);
            scheduler.apply(&id, TaskEvent::Planned { operations }, at(1)).unwrap();
            for _ in 0..steps[index] {
                let note = "done".to_owned();
                scheduler.apply(&id, TaskEvent::StepDone { note }, at(1)).unwrap();
            }
            prop_assert_eq!(scheduler.get(&id).unwrap().state, TaskState::Completed);
            ended.push(id);
        }
        prop_assert_eq!(ended.len(), dag.len());
        prop_assert_eq!(scheduler.next_wake(at(1)), None);
    }
}
