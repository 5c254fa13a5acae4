//! What operators ask for.

use std::time::Duration;

use airdrops_scheduler::{Campaign, Change, Refused, Scheduler, TaskDef, TaskEvent, Trigger};
use airdrops_types::{Action, AmountSpec, Command, ErrorClass, TaskId, TaskState, Timestamp, Work};

use crate::{
    Store, acts, at, campaign, every, finish, fires, operations, runnable, set, start, state, task,
};

fn ask(
    scheduler: &mut Scheduler,
    command: &Command,
    now: Timestamp,
) -> Result<(Vec<Change>, String), Refused> {
    scheduler.command(command, "ada", now, &|_| false)
}

fn cancel(id: &str) -> Command {
    Command::Cancel {
        task: id.into(),
        reason: "unwanted".to_owned(),
    }
}

fn once(tasks: Vec<TaskDef>) -> [Campaign; 1] {
    [campaign("c", Trigger::Once, tasks)]
}

fn begun(campaigns: &[Campaign]) -> (Scheduler, Store) {
    let (mut scheduler, mut store) = start(campaigns, at(0));
    store.keep(&scheduler.tick(at(0)));
    (scheduler, store)
}

fn fail(scheduler: &mut Scheduler, id: &str, retryable: bool) -> Vec<Change> {
    let failed = TaskEvent::StepFailed {
        reason: "reverted".to_owned(),
        class: ErrorClass::Reverted,
        retryable,
        consumed: true,
    };
    scheduler.apply(&id.into(), failed, at(1)).unwrap()
}

#[test]
fn a_dead_letter_is_replayed_with_fresh_attempts_and_the_next_step_number() {
    let mut weak = task("t", &[]);
    set(&mut weak).retry.max_attempts = 1;
    set(&mut weak).deadline = Some(Duration::from_secs(10));
    let (mut scheduler, mut store) = begun(&once(vec![weak]));
    store.keep(&fail(&mut scheduler, "c/t#1", true));
    assert_eq!(scheduler.dead(), [TaskId::from("c/t#1")]);
    let retry = Command::Retry {
        task: "c/t#1".into(),
    };
    let mut scheduler = store.open(&[], 1, at(100));
    store.keep(&ask(&mut scheduler, &retry, at(100)).unwrap().0);
    let record = scheduler.get(&"c/t#1".into()).unwrap();
    assert_eq!(record.state, TaskState::Ready);
    assert_eq!((record.attempts, record.step, record.ended), (0, 1, None));
    assert!(record.failures.is_empty() && scheduler.dead().is_empty());
    scheduler.tick(at(101));
    assert_eq!(runnable(&scheduler, at(101)), ["c/t#1"], "not too late");
    let again = ask(&mut scheduler, &retry, at(101)).unwrap_err();
    assert_eq!(again.to_string(), "c/t#1 is ready: it may run already");
}

#[test]
fn a_retry_ends_a_wait_and_is_refused_while_a_transaction_may_be_out() {
    let (mut scheduler, _) = begun(&once(vec![task("t", &[])]));
    fail(&mut scheduler, "c/t#1", true);
    let retry = Command::Retry {
        task: "c/t#1".into(),
    };
    let refused = scheduler.command(&retry, "ada", at(2), &|_| true);
    assert!(matches!(refused, Err(Refused::UnderWay { .. })));
    assert_eq!(state(&scheduler, "c/t#1"), TaskState::Retrying);
    ask(&mut scheduler, &retry, at(2)).unwrap();
    assert_eq!(state(&scheduler, "c/t#1"), TaskState::Ready);
    assert_eq!(scheduler.get(&"c/t#1".into()).unwrap().attempts, 1);
}

#[test]
fn a_retried_task_is_waited_for_again() {
    let mut both = task("both", &[]);
    for name in ["a", "b"] {
        let mut edge = airdrops_scheduler::After::from(name);
        edge.on = airdrops_types::Conditions::ANY;
        both.after.push(edge);
    }
    let (mut scheduler, mut store) = begun(&once(vec![task("a", &[]), task("b", &[]), both]));
    store.keep(&fail(&mut scheduler, "c/a#1", false));
    let retry = Command::Retry {
        task: "c/a#1".into(),
    };
    store.keep(&ask(&mut scheduler, &retry, at(2)).unwrap().0);
    store.keep(&finish(&mut scheduler, "c/b#1", at(3)));
    for mut scheduler in [store.open(&[], 1, at(3)), scheduler] {
        assert_eq!(state(&scheduler, "c/both#1"), TaskState::Pending);
        finish(&mut scheduler, "c/a#1", at(4));
        assert_eq!(state(&scheduler, "c/both#1"), TaskState::Ready);
    }
}

#[test]
fn a_rerun_is_a_new_run_of_a_task_and_all_that_comes_after_it() {
    let tasks = vec![
        task("a", &[]),
        task("b", &["a"]),
        task("c", &["b"]),
        task("aside", &["a"]),
    ];
    let (mut scheduler, mut store) = begun(&once(tasks));
    let rerun = Command::Rerun {
        task: "c/b#1".into(),
    };
    for name in ["a", "b"] {
        store.keep(&finish(&mut scheduler, &format!("c/{name}#1"), at(1)));
    }
    let early = ask(&mut scheduler, &rerun, at(2)).unwrap_err();
    assert_eq!(
        early.to_string(),
        "c/c#1 is ready: wait for its end, or cancel it first"
    );
    for name in ["c", "aside"] {
        store.keep(&finish(&mut scheduler, &format!("c/{name}#1"), at(2)));
    }
    let (changes, text) = ask(&mut scheduler, &rerun, at(3)).unwrap();
    store.keep(&changes);
    assert_eq!(text, "run 2 of c runs b and 1 that come after it again");
    let made: Vec<&str> = store
        .tasks
        .keys()
        .map(TaskId::as_str)
        .filter(|id| id.ends_with("#2"))
        .collect();
    assert_eq!(made, ["c/b#2", "c/c#2"]);
    assert_eq!(runnable(&scheduler, at(3)), ["c/b#2"]);
    finish(&mut scheduler, "c/b#2", at(4));
    assert_eq!(runnable(&scheduler, at(4)), ["c/c#2"]);
    assert_eq!(store.tasks[&"c/b#1".into()].state, TaskState::Completed);
}

#[test]
fn what_is_out_is_not_cancelled_and_what_is_not_is() {
    let (mut scheduler, _) = begun(&once(vec![task("t", &[]), task("after", &["t"])]));
    let id = TaskId::from("c/t#1");
    let plan = TaskEvent::Planned {
        operations: operations(1),
    };
    scheduler.apply(&id, plan, at(1)).unwrap();
    let refused = scheduler.command(&cancel("c/t#1"), "ada", at(2), &|_| true);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the transaction of c/t#1 is out; halt or unwind instead, or wait for its outcome"
    );
    let note = "out".to_owned();
    let submitted = TaskEvent::Submitted { note };
    scheduler.apply(&id, submitted, at(2)).unwrap();
    for command in [
        cancel("c/t#1"),
        Command::Skip {
            task: id.clone(),
            reason: "unwanted".to_owned(),
        },
    ] {
        let refused = ask(&mut scheduler, &command, at(2));
        assert!(matches!(refused, Err(Refused::UnderWay { .. })));
    }
    let (_, text) = ask(&mut scheduler, &cancel("c/after#1"), at(2)).unwrap();
    assert_eq!(text, "c/after#1 is cancelled");
    let gone = ask(&mut scheduler, &cancel("c/nobody#1"), at(2));
    assert!(matches!(gone, Err(Refused::UnknownTask { .. })));
    assert!(ask(&mut scheduler, &cancel("c/after#1"), at(2)).is_err());
}

#[test]
fn a_cancelled_task_is_undone_by_a_run_of_the_opposite_action() {
    let swap = |from: &str, to: &str| Action::Swap {
        from: from.into(),
        to: to.into(),
    };
    for (action, amount, back, undone) in [
        (
            Action::Supply,
            AmountSpec::Target,
            Some(Action::Withdraw),
            AmountSpec::All,
        ),
        (
            Action::Withdraw,
            AmountSpec::Exact("1.5".to_owned()),
            Some(Action::Supply),
            AmountSpec::Exact("1.5".to_owned()),
        ),
        (
            Action::Withdraw,
            AmountSpec::All,
            Some(Action::Supply),
            AmountSpec::Target,
        ),
        (
            Action::Wrap,
            AmountSpec::All,
            Some(Action::Unwrap),
            AmountSpec::All,
        ),
        (
            swap("A", "B"),
            AmountSpec::Exact("2".to_owned()),
            Some(swap("B", "A")),
            AmountSpec::All,
        ),
        (
            Action::AddLiquidity,
            AmountSpec::All,
            Some(Action::RemoveLiquidity),
            AmountSpec::All,
        ),
        (
            Action::Stake,
            AmountSpec::All,
            Some(Action::Exit),
            AmountSpec::All,
        ),
        (Action::Bridge, AmountSpec::All, None, AmountSpec::All),
        (Action::Claim, AmountSpec::All, None, AmountSpec::All),
    ] {
        let mut undoes = task("t", &[]);
        set(&mut undoes).compensate = true;
        acts(&mut undoes).action = action.clone();
        acts(&mut undoes).amount = amount;
        let (mut scheduler, _) = begun(&once(vec![undoes]));
        let id = TaskId::from("c/t#1");
        let plan = TaskEvent::Planned {
            operations: operations(2),
        };
        scheduler.apply(&id, plan, at(1)).unwrap();
        let note = "done".to_owned();
        scheduler
            .apply(&id, TaskEvent::StepDone { note }, at(1))
            .unwrap();
        let (_, text) = ask(&mut scheduler, &cancel("c/t#1"), at(2)).unwrap();
        assert_eq!(state(&scheduler, "c/t#1"), TaskState::Cancelled);
        let undo = scheduler.get(&"c/undo-t#2".into());
        let Some(back) = back else {
            assert_eq!(undo, None);
            assert!(text.contains("nothing undoes"), "{text}");
            continue;
        };
        let undo = undo.unwrap();
        let act = undo.assignment().unwrap();
        assert_eq!((&act.action, &act.amount), (&back, &undone), "{action:?}");
        assert_eq!(undo.state, TaskState::Ready);
        assert!(
            !undo.spec.compensate && text.contains("run 2 of c undoes it"),
            "{text}"
        );
    }
    // Nothing took effect: nothing to undo.
    let mut undoes = task("t", &[]);
    set(&mut undoes).compensate = true;
    let (mut scheduler, _) = begun(&once(vec![undoes]));
    ask(&mut scheduler, &cancel("c/t#1"), at(2)).unwrap();
    assert_eq!(scheduler.open(), 0);
}

#[test]
fn cancelling_a_sub_campaign_cancels_its_run_or_nothing() {
    let sub = TaskDef::new("sub", Work::Campaign("inner".into()), &[]);
    let campaigns = [
        campaign("c", Trigger::Once, vec![sub]),
        campaign(
            "inner",
            Trigger::Manual,
            vec![task("x", &[]), task("y", &["x"])],
        ),
    ];
    let (mut scheduler, _) = begun(&campaigns);
    let out = |task: &TaskId| task.as_str() == "inner/x#1";
    let refused = scheduler.command(&cancel("c/sub#1"), "ada", at(1), &out);
    assert!(matches!(refused, Err(Refused::UnderWay { task }) if out(&task)));
    assert_eq!(state(&scheduler, "inner/y#1"), TaskState::Pending);
    ask(&mut scheduler, &cancel("c/sub#1"), at(1)).unwrap();
    for id in ["c/sub#1", "inner/x#1", "inner/y#1"] {
        assert_eq!(state(&scheduler, id), TaskState::Cancelled, "{id}");
    }
}

#[test]
fn a_skip_lets_those_go_on_that_take_it() {
    let mut on = task("on", &[]);
    let mut edge = airdrops_scheduler::After::from("t");
    edge.on = airdrops_types::Conditions::SKIP;
    on.after.push(edge);
    let (mut scheduler, _) = begun(&once(vec![task("t", &[]), on]));
    let skip = Command::Skip {
        task: "c/t#1".into(),
        reason: "not today".to_owned(),
    };
    ask(&mut scheduler, &skip, at(1)).unwrap();
    let reason = scheduler.get(&"c/t#1".into()).unwrap().reason.clone();
    assert_eq!(reason.as_deref(), Some("ada left it out: not today"));
    assert_eq!(runnable(&scheduler, at(1)), ["c/on#1"]);
}

#[test]
fn a_back_fill_makes_one_run_for_each_instant_and_says_where_it_stopped() {
    let mut strict = task("t", &[]);
    set(&mut strict).deadline = Some(Duration::from_secs(1));
    let campaigns = [campaign("c", every(60), vec![strict])];
    let (mut scheduler, _) = begun(&campaigns);
    let fill = |from, to| Command::Backfill {
        campaign: "c".into(),
        from: at(from),
        to: at(to),
    };
    let (changes, text) = ask(&mut scheduler, &fill(60, 180), at(1_000_000)).unwrap();
    let dues: Vec<_> = fires(&changes).into_iter().map(|(due, ..)| due).collect();
    assert_eq!(dues, [at(60), at(120), at(180)]);
    assert_eq!(
        text,
        "3 runs of c from 1970-01-01T00:01:00Z to 1970-01-01T00:03:00Z"
    );
    scheduler.tick(at(1_000_000));
    assert_eq!(state(&scheduler, "c/t#2"), TaskState::Ready, "not too late");
    let (changes, text) = ask(&mut scheduler, &fill(0, 100_000), at(1_000_000)).unwrap();
    assert_eq!(fires(&changes).len(), 100);
    assert!(
        text.ends_with("ask again from 1970-01-01T01:40:00Z"),
        "{text}"
    );
    let none = ask(&mut scheduler, &fill(1, 2), at(1_000_000));
    assert!(matches!(none, Err(Refused::NoInstant { .. })));
}

#[test]
fn a_new_version_is_for_new_runs_and_each_record_bears_its_own() {
    let campaigns = [campaign(
        "c",
        every(60),
        vec![task("a", &[]), task("b", &["a"])],
    )];
    let (scheduler, mut store) = start(&campaigns, at(0));
    let mut scheduler = scheduler.with_versions([("c".into(), 3)].into());
    store.keep(&scheduler.tick(at(0)));
    let new = campaign("c", every(60), vec![task("z", &[])]);
    store.keep(&scheduler.define(new, 4, at(1)).unwrap());
    finish(&mut scheduler, "c/a#1", at(2));
    assert_eq!(
        runnable(&scheduler, at(2)),
        ["c/b#1"],
        "the open run goes on"
    );
    finish(&mut scheduler, "c/b#1", at(2));
    scheduler.tick(at(60));
    assert_eq!(runnable(&scheduler, at(60)), ["c/z#2"]);
    let version = |id: &str| scheduler.get(&id.into()).unwrap().version;
    assert_eq!((version("c/a#1"), version("c/z#2")), (3, 4));
    let broken = campaign("c", every(60), vec![]);
    assert!(scheduler.define(broken, 5, at(61)).is_err());
    assert_eq!(scheduler.definition(&"c".into()).unwrap().1, 4);
    assert!(scheduler.undefine(&"c".into()));
    assert_eq!(scheduler.next_wake(at(61)), None);
    let run = Command::Run {
        campaign: "c".into(),
    };
    let gone = ask(&mut scheduler, &run, at(62)).unwrap_err();
    assert!(
        gone.to_string().starts_with("there is no campaign c"),
        "{gone}"
    );
}

#[test]
fn a_run_on_demand_and_a_named_event_are_commands() {
    let campaigns = [campaign("c", Trigger::Manual, vec![task("t", &[])])];
    let (mut scheduler, _) = begun(&campaigns);
    let run = Command::Run {
        campaign: "c".into(),
    };
    for number in 1..=2 {
        let (changes, text) = ask(&mut scheduler, &run, at(1)).unwrap();
        assert_eq!(text, format!("run {number} of c has begun"));
        assert_eq!(
            fires(&changes)[0].2,
            format!("run {number}, ada asked for it")
        );
    }
    let event = Command::Event {
        name: "nobody listens".to_owned(),
        payload: serde_json::Value::Null,
    };
    let (_, text) = ask(&mut scheduler, &event, at(2)).unwrap();
    assert_eq!(text, "no campaign ran because of it");
}
