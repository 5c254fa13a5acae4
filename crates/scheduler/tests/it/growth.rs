//! Graphs that grow while they run.

use airdrops_scheduler::{Growth, GrowthError, Scheduler, TaskDef, Trigger};
use airdrops_types::{Action, Conditions, TaskState, Work};

use crate::{Store, acts, at, campaign, finish, runnable, set, start, state, task};

/// a → b → c, and d, which comes after nothing.
fn chain() -> (Scheduler, Store) {
    let tasks = vec![
        task("a", &[]),
        task("b", &["a"]),
        task("c", &["b"]),
        task("d", &[]),
    ];
    let (mut scheduler, mut store) = start(&[campaign("c", Trigger::Once, tasks)], at(0));
    store.keep(&scheduler.tick(at(0)));
    (scheduler, store)
}

fn growth(tasks: Vec<TaskDef>, edges: &[(&str, &str)]) -> Growth {
    let edges = edges.iter();
    Growth {
        campaign: "c".into(),
        run: 1,
        tasks,
        edges: edges
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned(), Conditions::SUCCESS))
            .collect(),
    }
}

#[test]
fn new_tasks_come_after_old_ones_and_pending_ones_come_to_wait_for_new_ones() {
    let (mut scheduler, mut store) = chain();
    let new = vec![task("x", &["a"]), task("y", &["x"]), task("z", &[])];
    let changes = scheduler.grow(growth(new, &[("y", "c")]), at(1)).unwrap();
    store.keep(&changes);
    assert_eq!(changes.len(), 4);
    assert_eq!(runnable(&scheduler, at(1)), ["c/a#1", "c/d#1", "c/z#1"]);
    // The records say it all.
    let mut scheduler = store.open(&[], 1, at(1));
    for name in ["a", "b", "x"] {
        finish(&mut scheduler, &format!("c/{name}#1"), at(2));
    }
    assert_eq!(state(&scheduler, "c/c#1"), TaskState::Pending);
    finish(&mut scheduler, "c/y#1", at(3));
    assert_eq!(state(&scheduler, "c/c#1"), TaskState::Ready);
}

#[test]
fn what_comes_after_an_ended_task_is_decided_at_once() {
    let (mut scheduler, _) = chain();
    finish(&mut scheduler, "c/a#1", at(1));
    let mut on_failure = task("repair", &[]);
    let mut edge = airdrops_scheduler::After::from("a");
    edge.on = Conditions::FAILURE;
    on_failure.after.push(edge);
    let new = vec![task("x", &["a"]), on_failure];
    scheduler.grow(growth(new, &[]), at(2)).unwrap();
    assert_eq!(state(&scheduler, "c/x#1"), TaskState::Ready);
    assert_eq!(state(&scheduler, "c/repair#1"), TaskState::Skipped);
}

#[test]
fn a_cycle_that_growth_closes_is_refused_with_its_path_and_nothing_changes() {
    let (mut scheduler, store) = chain();
    let before: Vec<_> = scheduler.tasks().cloned().collect();
    // b → c → x → b
    let error = scheduler.grow(growth(vec![task("x", &["c"])], &[("x", "b")]), at(1));
    let Err(GrowthError::Cycle { path }) = error else {
        panic!("{error:?}")
    };
    let mut members = path[1..].to_vec();
    members.sort();
    assert_eq!(path.first(), path.last());
    assert_eq!(members, ["b", "c", "x"]);
    let place = |name: &str| path.iter().position(|member| member == name).unwrap();
    // Each waits for the next one.
    assert_eq!(path[(place("c") + 1) % 3], "b");
    let among_old = scheduler.grow(growth(vec![], &[("c", "b")]), at(1));
    assert!(matches!(among_old, Err(GrowthError::Cycle { .. })));
    let itself = scheduler.grow(growth(vec![task("x", &["x"])], &[]), at(1));
    assert!(matches!(itself, Err(GrowthError::Cycle { path }) if path == ["x", "x"]));
    assert!(scheduler.tasks().eq(before.iter()));
    assert!(store.tasks.values().eq(before.iter()));
}

#[test]
fn what_cannot_grow_is_refused() {
    let (mut scheduler, _) = chain();
    let mut unwinds = task("u", &[]);
    acts(&mut unwinds).action = Action::Unwind;
    let mut never = task("n", &[]);
    set(&mut never).retry.max_attempts = 0;
    let itself = TaskDef::new("s", Work::Campaign("c".into()), &[]);
    let missing = TaskDef::new("s", Work::Campaign("nobody".into()), &[]);
    for (tasks, edges, part) in [
        (vec![task("a", &[])], vec![], "two tasks named a"),
        (vec![task("x/y", &[])], vec![], "\"x/y\""),
        (vec![task("x", &["nobody"])], vec![], "no task nobody"),
        (vec![task("x", &[])], vec![("x", "d")], "c/d#1 is ready"),
        (vec![unwinds], vec![], "only an operator"),
        (vec![never], vec![], "max_attempts = 0"),
        (vec![itself], vec![], "c → c"),
        (vec![missing], vec![], "nobody, which does not exist"),
    ] {
        let error = scheduler.grow(growth(tasks, &edges), at(1)).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    for name in ["a", "b", "c", "d"] {
        finish(&mut scheduler, &format!("c/{name}#1"), at(2));
    }
    let ended = scheduler.grow(growth(vec![task("x", &[])], &[]), at(3));
    assert!(matches!(ended, Err(GrowthError::NoRun { run: 1, .. })));
}

#[test]
fn a_delay_begins_again_when_a_task_comes_to_wait_for_more() {
    let mut late = task("late", &["a"]);
    set(&mut late).delay = std::time::Duration::from_secs(10);
    let tasks = vec![task("a", &[]), late];
    let (mut scheduler, _) = start(&[campaign("c", Trigger::Once, tasks)], at(0));
    scheduler.tick(at(0));
    finish(&mut scheduler, "c/a#1", at(0));
    let more = growth(vec![task("x", &[])], &[("x", "late")]);
    scheduler.grow(more, at(5)).unwrap();
    scheduler.tick(at(20));
    assert_eq!(state(&scheduler, "c/late#1"), TaskState::Pending);
    assert_eq!(scheduler.next_wake(at(20)), None);
    finish(&mut scheduler, "c/x#1", at(30));
    assert_eq!(scheduler.next_wake(at(30)), Some(at(40)));
}
