//! Several processes, some of which end without warning. Each test starts this test binary again
//! as a child.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use airdrops_store::{
    Access, Batch, CHECKPOINTS, ControlChange, JournalCheck, Options, Sqlite, Store, StoreError,
    TaskFilter,
};
use airdrops_types::{
    Answer, ControlState, Entry, I256, LogError, Scope, TaskState, Timestamp, TransactionLog,
    TxResult,
};
use serde_json::json;

use crate::sample::{
    self, Place, attempt, block, booking, equity, ether, intent, number, outcome, signature, task,
    task_id,
};

const DATABASE: &str = "STORE_TEST_DATABASE";
const STOP_AT: &str = "STORE_TEST_STOP_AT";

fn spawn(test: &str, database: &Path, stop_at: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(DATABASE, database)
        .env(STOP_AT, stop_at)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn database() -> String {
    std::env::var(DATABASE).expect("is started by another test")
}

/// Transaction `n` of the endless run: signed, then settled in one batch with its task, booking,
/// equity, setting and note.
fn settle(store: &Sqlite, n: u64) -> u64 {
    store.record_signature(&signature(n, n)).unwrap();
    let at = i64::try_from(n).unwrap();
    store
        .commit(&Batch {
            entries: vec![
                Entry::Note {
                    text: format!("first of {n}"),
                },
                Entry::Note {
                    text: format!("second of {n}"),
                },
            ],
            tasks: vec![task(n, TaskState::Completed)],
            ledger: vec![booking(at, ether(), number(1))],
            equity: vec![equity(at, i128::from(n))],
            outcomes: vec![outcome(n, n, TxResult::Succeeded)],
            settings: vec![("settled".into(), json!(n))],
            ..Batch::at(Timestamp(at))
        })
        .unwrap()
        .seq
}

#[test]
#[ignore = "runs until it is killed by a_killed_runner_loses_no_commit_and_leaves_no_half"]
fn endless_runner() {
    let store = Sqlite::open(database(), Access::Runner, Options::default()).unwrap();
    let settled = store.setting("settled").unwrap();
    let mut n = settled.and_then(|n| n.as_u64()).unwrap_or(0) + 1;
    // The kill may have come between a signature and its batch.
    if !store.open_slots().unwrap().is_empty() {
        store
            .commit(&Batch {
                outcomes: vec![outcome(n, n, TxResult::Cancelled)],
                settings: vec![("settled".into(), json!(n))],
                ..Batch::at(Timestamp(0))
            })
            .unwrap();
        n += 1;
    }
    loop {
        let seq = settle(&store, n);
        println!("committed {n} {seq}");
        n += 1;
    }
}

#[test]
fn a_killed_runner_loses_no_commit_and_leaves_no_half() {
    let place = Place::new();
    for round in 0..6 {
        let mut child = spawn("process::endless_runner", &place.path, "");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = None;
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            // The harness writes the test's name without a line end before the first line.
            if let Some((_, numbers)) = line.split_once("committed ") {
                let (n, seq) = numbers.split_once(' ').unwrap();
                told = Some((n.parse::<u64>().unwrap(), seq.parse::<u64>().unwrap()));
                seen += 1;
                if seen == 10 + round {
                    // What the child still commits before it dies is read below until its end.
                    child.kill().unwrap();
                }
            }
        }
        assert!(!child.wait().unwrap().success());
        let (n, seq) = told.expect("the child committed something");

        let store = place.open(Access::Runner);
        let JournalCheck::Ok { entries, .. } = store.verify_journal().unwrap() else {
            panic!("broken journal");
        };
        let settled = store.setting("settled").unwrap().unwrap().as_u64().unwrap();
        assert!(settled == n || settled == n + 1, "{settled} after {n}");
        let open = store.open_slots().unwrap();
        assert!(open.len() <= 1);
        let after = 3 * (settled - n) + open.len() as u64;
        assert_eq!(entries, seq + after);
        // The last batch is complete.
        let at = i64::try_from(settled).unwrap();
        assert_eq!(
            store.last_equity().unwrap(),
            Some(equity(at, i128::from(settled)))
        );
        assert_eq!(
            store.task(&task_id(settled)).unwrap(),
            Some(task(settled, TaskState::Completed))
        );
        assert_eq!(
            store.outcome(intent(settled).id).unwrap(),
            Some(outcome(settled, settled, TxResult::Succeeded))
        );
        let notes: Vec<String> = store
            .journal_tail(3)
            .unwrap()
            .into_iter()
            .filter_map(|line| match line.entry {
                Entry::Note { text } => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!(
            notes,
            [
                format!("first of {settled}"),
                format!("second of {settled}")
            ]
        );
        // Nothing is missing before it, and nothing follows it.
        let tasks = store.tasks(TaskFilter::default()).unwrap();
        let succeeded = store
            .outcomes()
            .unwrap()
            .iter()
            .filter(|outcome| outcome.result == TxResult::Succeeded)
            .count();
        assert_eq!(store.outcomes().unwrap().len() as u64, settled);
        assert_eq!(tasks.len(), succeeded);
        let sum = store.ledger_balances().unwrap()[0].2;
        assert_eq!(sum, I256::try_from(succeeded).unwrap());
        assert_eq!(
            store.next_nonce(sample::CHAIN, sample::WALLET).unwrap(),
            Some(settled + open.len() as u64 + 1)
        );
    }
}

fn halt() -> ControlChange {
    ControlChange::Trip(sample::trip(
        Scope::Everything,
        "manual",
        ControlState::Halted,
    ))
}

/// What happens at a checkpoint's kind of write. Slot 1 is open before.
fn write_at(store: &Sqlite, place: &str) {
    match place.split('.').nth(1).unwrap() {
        "signature" => store.record_signature(&signature(2, 2)).unwrap(),
        "broadcast" => store
            .record_broadcast(attempt(1).tx, Timestamp(9), &Answer::Accepted)
            .unwrap(),
        "mined" => store
            .record_mined(intent(1).id, Some((attempt(1).tx, block(9))))
            .unwrap(),
        "commit" => {
            store
                .commit(&Batch {
                    entries: vec![Entry::Note { text: "x".into() }],
                    outcomes: vec![outcome(1, 1, TxResult::Succeeded)],
                    ..Batch::at(Timestamp(9))
                })
                .unwrap();
        }
        "control" => {
            store.set_control(Timestamp(9), &halt(), "ada").unwrap();
        }
        other => panic!("no write for checkpoint {other}"),
    }
}

fn everything(store: &Sqlite) -> String {
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { .. }
    ));
    format!(
        "{:?}",
        (
            store.open_slots(),
            store.reservations(),
            store.outcomes(),
            store.control(),
            store.journal(1, 100),
        )
    )
}

fn prepared() -> Place {
    let place = Place::new();
    place
        .open(Access::Runner)
        .record_signature(&signature(1, 1))
        .unwrap();
    place
}

fn abort_at(place: &'static str) {
    if std::env::var(STOP_AT).as_deref() == Ok(place) {
        std::process::abort();
    }
}

#[test]
#[ignore = "halts; run by a_halt_by_another_process_stops_the_next_signature"]
fn operator_that_halts() {
    let runner = Sqlite::open(database(), Access::Runner, Options::default());
    assert!(matches!(runner, Err(StoreError::Locked { .. })));
    Sqlite::open(database(), Access::Operator, Options::default())
        .unwrap()
        .set_control(Timestamp(9), &halt(), "ada")
        .unwrap();
}

#[test]
fn a_halt_by_another_process_stops_the_next_signature() {
    let place = Place::new();
    let store = place.open(Access::Runner);
    store.record_signature(&signature(1, 1)).unwrap();
    let child = spawn("process::operator_that_halts", &place.path, "");
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(
        store.record_signature(&signature(2, 2)),
        Err(LogError::ControlChanged)
    );
    assert_eq!(store.control().unwrap().1, 1);
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { entries: 2, .. }
    ));
}

#[test]
#[ignore = "asks; run by an_unwind_is_asked_for_from_another_process_all_or_nothing"]
fn operator_that_unwinds() {
    let options = Options {
        checkpoint: abort_at,
        ..Options::default()
    };
    Sqlite::open(database(), Access::Operator, options)
        .unwrap()
        .request_unwind(Timestamp(9), &Scope::Everything, "fire drill", "ada")
        .unwrap();
}

#[test]
fn an_unwind_is_asked_for_from_another_process_all_or_nothing() {
    for (stop_at, expected) in [
        ("store.control.before", 0),
        ("store.control.after", 1),
        ("", 1),
    ] {
        let place = Place::new();
        let runner = place.open(Access::Runner);
        let child = spawn("process::operator_that_unwinds", &place.path, stop_at);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.success(), stop_at.is_empty(), "{stop_at}");
        assert_eq!(runner.unwinds().unwrap().0.len(), expected, "{stop_at}");
        assert_eq!(runner.journal(1, 9).unwrap().len(), expected, "{stop_at}");
    }
}

#[test]
#[ignore = "aborts; run by a_stop_at_any_checkpoint_leaves_all_or_nothing"]
fn runner_that_stops() {
    let options = Options {
        checkpoint: abort_at,
        ..Options::default()
    };
    let store = Sqlite::open(database(), Access::Runner, options).unwrap();
    write_at(&store, &std::env::var(STOP_AT).unwrap());
}

#[test]
fn a_stop_at_any_checkpoint_leaves_all_or_nothing() {
    for stop_at in CHECKPOINTS {
        let stopped = prepared();
        let child = spawn("process::runner_that_stops", &stopped.path, stop_at);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), None, "{stop_at} was not reached");

        let expected = prepared();
        let store = expected.open(Access::Runner);
        let before = everything(&store);
        write_at(&store, stop_at);
        let after = everything(&store);
        assert_ne!(before, after);
        let found = everything(&stopped.open(Access::Runner));
        let wanted = match stop_at.rsplit('.').next() {
            Some("before") => before,
            _ => after,
        };
        assert_eq!(found, wanted, "{stop_at}");
    }
}
