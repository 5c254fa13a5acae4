//! Order, keys, rates and quarantine.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_scheduler::{
    Campaign, Change, Quarantine, Rate, Scheduler, SchedulerPolicy, TaskDef, TaskEvent, Trigger,
    Why,
};
use airdrops_types::{Action, ErrorClass, TaskId, TaskState, Timestamp};
use proptest::prelude::*;

use crate::{Store, acts, at, campaign, every, operations, runnable, set, start, state, task};

fn with(campaigns: &[Campaign], policy: &SchedulerPolicy) -> Scheduler {
    let (scheduler, _) = start(campaigns, at(0));
    let mut scheduler = scheduler.with_policy(policy.clone(), at(0));
    scheduler.tick(at(0));
    scheduler
}

fn keyed(name: &str, keys: &[&str]) -> TaskDef {
    let mut task = task(name, &[]);
    set(&mut task).keys = keys.iter().map(|&key| key.to_owned()).collect();
    task
}

fn plan(scheduler: &mut Scheduler, id: &str, now: Timestamp) -> Vec<Change> {
    let operations = operations(1);
    let planned = TaskEvent::Planned { operations };
    scheduler.apply(&TaskId::from(id), planned, now).unwrap()
}

fn done(scheduler: &mut Scheduler, id: &str, now: Timestamp) -> Vec<Change> {
    let note = "done".to_owned();
    let done = TaskEvent::StepDone { note };
    scheduler.apply(&TaskId::from(id), done, now).unwrap()
}

fn fail(scheduler: &mut Scheduler, id: &str, class: ErrorClass, now: Timestamp) -> Vec<Change> {
    let failed = TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class,
        retryable: true,
        consumed: false,
    };
    scheduler.apply(&TaskId::from(id), failed, now).unwrap()
}

fn concurrency(limits: &[(&str, u32)]) -> SchedulerPolicy {
    SchedulerPolicy {
        concurrency: limits.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
        ..SchedulerPolicy::default()
    }
}

#[test]
fn a_key_has_its_own_limit_or_that_of_its_kind() {
    let tasks = vec![
        keyed("a", &["wallet:1"]),
        keyed("b", &["wallet:1"]),
        keyed("c", &["wallet:2"]),
        keyed("d", &["wallet:2"]),
        keyed("e", &["wallet:2"]),
        keyed("f", &[]),
    ];
    let policy = concurrency(&[("wallet", 1), ("wallet:2", 2)]);
    let mut scheduler = with(&[campaign("x", Trigger::Once, tasks)], &policy);
    assert_eq!(
        runnable(&scheduler, at(0)),
        ["x/a#1", "x/c#1", "x/d#1", "x/f#1"]
    );
    plan(&mut scheduler, "x/a#1", at(1));
    let why = scheduler.why(&"x/b#1".into(), at(1)).unwrap();
    let expected = Why::Concurrency {
        key: "wallet:1".to_owned(),
        used: 1,
        limit: 1,
    };
    assert_eq!((why.code(), &why), ("concurrency", &expected));
    assert_eq!(
        why.to_string(),
        "wallet:1: 1 of at most 1 tasks are under way"
    );
    let behind = scheduler.why(&"x/e#1".into(), at(1)).unwrap();
    assert_eq!(behind.code(), "behind");
    // While its transaction is out, the key is taken.
    let note = "out".to_owned();
    let submitted = TaskEvent::Submitted { note };
    scheduler.apply(&"x/a#1".into(), submitted, at(1)).unwrap();
    assert!(!runnable(&scheduler, at(1)).contains(&"x/b#1".to_owned()));
    done(&mut scheduler, "x/a#1", at(2));
    assert!(runnable(&scheduler, at(2)).contains(&"x/b#1".to_owned()));
}

#[test]
fn what_runs_although_it_was_not_offered_is_counted_and_given_back() {
    let tasks = vec![
        keyed("a", &["k:1"]),
        keyed("b", &["k:1"]),
        keyed("c", &["k:1"]),
    ];
    let mut scheduler = with(
        &[campaign("x", Trigger::Once, tasks)],
        &concurrency(&[("k", 1)]),
    );
    plan(&mut scheduler, "x/a#1", at(0));
    plan(&mut scheduler, "x/b#1", at(0));
    done(&mut scheduler, "x/a#1", at(1));
    assert_eq!(runnable(&scheduler, at(1)), ["x/b#1"]);
    done(&mut scheduler, "x/b#1", at(1));
    assert_eq!(runnable(&scheduler, at(1)), ["x/c#1"]);
}

#[test]
fn a_rate_counts_starts_and_a_restart_keeps_it() {
    let tasks = vec![
        keyed("a", &["rpc:1"]),
        keyed("b", &["rpc:1"]),
        keyed("c", &["rpc:1"]),
    ];
    let campaigns = [campaign("x", Trigger::Once, tasks)];
    let rate = Rate {
        starts: 2,
        per: Duration::from_secs(60),
    };
    let policy = SchedulerPolicy {
        rates: BTreeMap::from([("rpc".to_owned(), rate)]),
        ..SchedulerPolicy::default()
    };
    let (scheduler, mut store) = start(&campaigns, at(0));
    let mut scheduler = scheduler.with_policy(policy.clone(), at(0));
    store.keep(&scheduler.tick(at(0)));
    assert_eq!(runnable(&scheduler, at(0)), ["x/a#1", "x/b#1"]);
    store.keep(&plan(&mut scheduler, "x/a#1", at(10)));
    store.keep(&plan(&mut scheduler, "x/b#1", at(20)));
    store.keep(&done(&mut scheduler, "x/a#1", at(21)));
    store.keep(&done(&mut scheduler, "x/b#1", at(21)));
    let again = store
        .open(&campaigns, 1, at(30))
        .with_policy(policy, at(30));
    for scheduler in [scheduler, again] {
        assert_eq!(runnable(&scheduler, at(30)), Vec::<String>::new());
        let why = scheduler.why(&"x/c#1".into(), at(30)).unwrap();
        assert!(
            matches!(why, Why::Rate { starts: 2, until, .. } if until == at(70)),
            "{why}"
        );
        assert_eq!(scheduler.next_wake(at(30)), Some(at(70)));
        assert_eq!(runnable(&scheduler, at(70)), ["x/c#1"]);
    }
}

#[test]
fn what_waits_long_enough_overtakes_a_higher_priority() {
    let mut high = task("high", &[]);
    set(&mut high).priority = 3;
    let mut waits = task("low", &[]);
    set(&mut waits).priority = 0;
    let campaigns = [
        campaign("a", Trigger::Date { at: at(36_000) }, vec![high]),
        campaign("b", Trigger::Once, vec![waits]),
    ];
    let policy = SchedulerPolicy {
        aging: Duration::from_secs(3_600),
        ..SchedulerPolicy::default()
    };
    let mut scheduler = with(&campaigns, &policy);
    scheduler.tick(at(36_000));
    // Ten hours: ten higher.
    assert_eq!(runnable(&scheduler, at(36_000)), ["b/low#1", "a/high#1"]);
    let mut young = with(
        &campaigns,
        &SchedulerPolicy {
            aging: Duration::ZERO,
            ..policy.clone()
        },
    );
    young.tick(at(36_000));
    assert_eq!(runnable(&young, at(36_000)), ["a/high#1", "b/low#1"]);
}

#[test]
fn a_higher_priority_goes_first_whether_a_tick_came_in_between_or_not() {
    let mut high = task("high", &[]);
    set(&mut high).priority = 1;
    let campaigns = [
        campaign("a", Trigger::Date { at: at(1_800) }, vec![high]),
        campaign("b", Trigger::Once, vec![task("low", &[])]),
    ];
    let mut scheduler = with(&campaigns, &SchedulerPolicy::default());
    scheduler.tick(at(1_800));
    assert_eq!(runnable(&scheduler, at(1_800)), ["a/high#1", "b/low#1"]);
    // The one that waits since 0 has risen to the same priority, and is due earlier.
    let risen = ["b/low#1", "a/high#1"];
    assert_eq!(runnable(&scheduler, at(3_600)), risen);
    scheduler.tick(at(3_600));
    assert_eq!(runnable(&scheduler, at(3_600)), risen);
    scheduler.tick(at(5_400));
    assert_eq!(runnable(&scheduler, at(5_400)), ["a/high#1", "b/low#1"]);
}

fn quarantine() -> SchedulerPolicy {
    SchedulerPolicy {
        quarantine: Quarantine {
            failures: 2,
            within: Duration::from_secs(100),
            pause: Duration::from_secs(1_000),
        },
        ..SchedulerPolicy::default()
    }
}

#[test]
fn a_protocol_that_keeps_failing_is_left_alone_but_for_what_is_critical_or_takes_out() {
    let mut critical = task("critical", &[]);
    set(&mut critical).critical = true;
    let mut out = task("out", &[]);
    acts(&mut out).action = Action::Withdraw;
    let mut other = task("other", &[]);
    acts(&mut other).protocol = "elsewhere".into();
    let tasks = vec![
        task("a", &[]),
        task("b", &[]),
        task("c", &[]),
        critical,
        out,
        other,
    ];
    let campaigns = [campaign("x", Trigger::Once, tasks)];
    let (scheduler, mut store) = start(&campaigns, at(0));
    let mut scheduler = scheduler.with_policy(quarantine(), at(0));
    store.keep(&scheduler.tick(at(0)));
    store.keep(&fail(&mut scheduler, "x/a#1", ErrorClass::Reverted, at(1)));
    let changes = fail(&mut scheduler, "x/b#1", ErrorClass::Reverted, at(2));
    store.keep(&changes);
    let told = changes.iter().any(|change| {
        matches!(change, Change::Quarantined { key, until: Some(until), .. }
            if key == "protocol:vault" && *until == at(1_002))
    });
    assert!(told, "{changes:?}");
    let go_on = ["x/critical#1", "x/other#1", "x/out#1"];
    let again = store
        .open(&campaigns, 1, at(3))
        .with_policy(quarantine(), at(3));
    for mut scheduler in [scheduler, again] {
        let ready: Vec<_> = runnable(&scheduler, at(3));
        assert_eq!(ready, go_on);
        let why = scheduler.why(&"x/c#1".into(), at(3)).unwrap();
        assert_eq!(why.code(), "quarantine");
        // Its end is told, too.
        let changes = scheduler.tick(at(1_002));
        assert!(
            changes
                .iter()
                .any(|c| matches!(c, Change::Quarantined { until: None, .. }))
        );
        assert!(runnable(&scheduler, at(1_002)).contains(&"x/c#1".to_owned()));
    }
}

#[test]
fn a_success_breaks_the_row_and_failures_of_our_own_do_not_count() {
    let tasks = vec![
        task("a", &[]),
        task("b", &[]),
        task("c", &[]),
        task("d", &[]),
    ];
    let mut scheduler = with(&[campaign("x", Trigger::Once, tasks)], &quarantine());
    fail(&mut scheduler, "x/a#1", ErrorClass::Reverted, at(1));
    plan(&mut scheduler, "x/b#1", at(2));
    done(&mut scheduler, "x/b#1", at(2));
    fail(&mut scheduler, "x/c#1", ErrorClass::Reverted, at(3));
    assert!(scheduler.memory().quarantined.is_empty());
    fail(&mut scheduler, "x/d#1", ErrorClass::Refused, at(4));
    assert!(scheduler.memory().quarantined.is_empty());
    // Too long after the last one.
    scheduler.tick(at(200));
    fail(&mut scheduler, "x/d#1", ErrorClass::Reverted, at(200));
    assert!(scheduler.memory().quarantined.is_empty());
}

#[test]
fn a_dry_run_tells_of_each_open_task() {
    let tasks = vec![
        keyed("a", &["k:1"]),
        keyed("b", &["k:1"]),
        task("c", &["a"]),
    ];
    let mut scheduler = with(
        &[campaign("x", Trigger::Once, tasks)],
        &concurrency(&[("k", 1)]),
    );
    let codes = |scheduler: &Scheduler| {
        let would = scheduler.would_run(at(0));
        would.iter().map(|(_, why)| why.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&scheduler), ["ready", "behind", "after"]);
    plan(&mut scheduler, "x/a#1", at(0));
    assert_eq!(codes(&scheduler), ["running", "concurrency", "after"]);
    done(&mut scheduler, "x/a#1", at(0));
    let ended = scheduler.why(&"x/a#1".into(), at(0)).unwrap();
    assert_eq!(ended.to_string(), "completed: done");
    assert_eq!(scheduler.why(&"x/z#1".into(), at(0)), None);
}

/// Under way by key.
fn used(scheduler: &Scheduler) -> BTreeMap<String, u32> {
    let mut used = BTreeMap::new();
    for task in scheduler.tasks() {
        if matches!(task.state, TaskState::Running | TaskState::Awaiting) {
            for key in &task.spec.keys {
                *used.entry(key.clone()).or_insert(0) += 1;
            }
        }
    }
    used
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever follows `runnable` never exceeds a limit, all runs come to an end, and the input's order
    /// does not matter.
    #[test]
    fn keys_are_never_exceeded_and_nothing_waits_for_ever(
        uses in prop::collection::vec(prop::sample::subsequence(vec!["k:1", "k:2", "w:1", "w:2"], 0..=3), 1..12),
        priorities in prop::collection::vec(0..3_i16, 12),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 40),
        restart in 0..40_usize,
        seed: u64,
    ) {
        let limits = [("k", 2), ("w:1", 1)];
        let policy = concurrency(&limits);
        let tasks: Vec<TaskDef> = uses.iter().zip(&priorities).enumerate().map(|(place, (keys, priority))| {
            let mut task = keyed(&format!("t{place}"), keys);
            set(&mut task).priority = *priority;
            task
        }).collect();
        let campaigns = [campaign("x", Trigger::Once, tasks)];
        let mut store = Store::default();
        let mut scheduler = store.open(&campaigns, seed, at(0)).with_policy(policy.clone(), at(0));
        store.keep(&scheduler.tick(at(0)));
        let mut round = 0;
        while scheduler.open() > 0 {
            prop_assert!(round < 40, "it does not end");
            let now = at(i64::try_from(round).unwrap());
            for id in scheduler.runnable(now) {
                if scheduler.get(&id).unwrap().state == TaskState::Ready {
                    store.keep(&plan(&mut scheduler, id.as_str(), now));
                }
            }
            for (key, used) in used(&scheduler) {
                let limit = if key.starts_with("k:") { 2 } else if key == "w:1" { 1 } else { 99 };
                prop_assert!(used <= limit, "{key} is used {used} times");
            }
            let running: Vec<TaskId> = scheduler.tasks()
                .filter(|task| task.state == TaskState::Running)
                .map(|task| task.id.clone())
                .collect();
            prop_assert!(!running.is_empty(), "nothing runs");
            let ending = ends[round].get(&running);
            store.keep(&done(&mut scheduler, ending.as_str(), now));
            if round == restart {
                scheduler = store.open(&campaigns, seed, now).with_policy(policy.clone(), now);
            }
            // Another order of the same records is the same scheduler.
            let mut records: Vec<_> = store.tasks.values().cloned().collect();
            records.reverse();
            let triggers = store.triggers.values().cloned().collect();
            let turned = Scheduler::new(campaigns.to_vec(), records, triggers, seed, now).unwrap()
                .with_policy(policy.clone(), now);
            prop_assert_eq!(turned.runnable(now), scheduler.runnable(now));
            prop_assert!(turned.tasks().eq(scheduler.tasks()));
            round += 1;
        }
    }

    /// Against a stream of higher priority, what waits runs after a bounded time.
    #[test]
    fn aging_never_lets_a_run_starve(priority in 1..20_i16) {
        let mut high = keyed("high", &["k:1"]);
        set(&mut high).priority = priority;
        let mut stream = campaign("stream", every(60), vec![high]);
        stream.max_instances = 1_000;
        let campaigns = [stream, campaign("low", Trigger::Once, vec![keyed("t", &["k:1"])])];
        let policy = SchedulerPolicy { aging: Duration::from_secs(600), ..concurrency(&[("k", 1)]) };
        let (scheduler, _) = start(&campaigns, at(0));
        let mut scheduler = scheduler.with_policy(policy, at(0));
        let mut ran = None;
        for minute in 0..400 {
            let now = at(minute * 60);
            scheduler.tick(now);
            let next = scheduler.runnable(now)[0].clone();
            plan(&mut scheduler, next.as_str(), now);
            done(&mut scheduler, next.as_str(), now);
            if next.as_str() == "low/t#1" {
                ran = Some(minute);
                break;
            }
        }
        // One level for each ten minutes.
        prop_assert!(ran.is_some_and(|minute| minute <= i64::from(priority) * 10 + 10), "{ran:?}");
        prop_assert_eq!(state(&scheduler, "low/t#1"), TaskState::Completed);
    }
}
