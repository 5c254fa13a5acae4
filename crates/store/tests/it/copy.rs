//! Copies from one store to another.

use std::sync::Arc;

use airdrops_store::{
    Access, Batch, JournalCheck, Options, Sample, Store, StoreError, TaskFilter, copy,
};
use airdrops_types::{
    B256, CampaignId, CampaignVersion, Command, ControlState, Entry, MessageDone, Scope, TaskState,
    Timestamp, TxResult,
};
use serde_json::json;

use crate::sample::{
    self, Place, booking, dollar, equity, ether, number, outcome, signature, task, task_id,
    trigger, trip,
};

/// Something of everything.
fn fill(store: &dyn Store) {
    for (run, nonce) in [(1, 0), (2, 1), (3, 2)] {
        store.record_signature(&signature(run, nonce)).unwrap();
    }
    let run = Command::Run {
        campaign: CampaignId::new("farm"),
    };
    for id in ["a", "b"] {
        store.post(Timestamp(3), id, &run, "ada").unwrap();
    }
    store
        .commit(&Batch {
            entries: vec![Entry::Note {
                text: "\u{1F6D1} \"x\"".into(),
            }],
            tasks: TaskState::ALL
                .iter()
                .zip(1..)
                .map(|(state, run)| task(run, *state))
                .collect(),
            triggers: vec![trigger(3)],
            ledger: vec![
                booking(500, ether(), number(-7)),
                booking(501, dollar(), number(7)),
            ],
            equity: vec![equity(500, i128::MAX)],
            outcomes: vec![outcome(1, 0, TxResult::Succeeded)],
            trips: vec![trip(Scope::Everything, "manual", ControlState::Halted)],
            samples: vec![Sample {
                series: "bar:ETH".into(),
                at: Timestamp(5),
                data: json!([0.1]),
            }],
            settings: vec![("x".into(), json!({"y": 1}))],
            done: vec![MessageDone {
                seq: 1,
                result: "done".into(),
            }],
            definitions: vec![CampaignVersion {
                campaign: CampaignId::new("farm"),
                version: 1,
                at: Timestamp(1),
                by: "ada".into(),
                digest: B256::repeat_byte(1),
                definition: json!({"tasks": []}),
                source: None,
            }],
            ..Batch::at(Timestamp(500))
        })
        .unwrap();
}

fn everything(store: &dyn Store) -> String {
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { .. }
    ));
    format!(
        "{:?}",
        (
            store.journal(1, 999),
            store.journal_for_task(&task_id(1)),
            store.open_slots(),
            store.reservations(),
            store.outcomes(),
            store.control(),
            store.tasks(TaskFilter::default()),
            store.triggers(),
            (store.ledger_entries(Timestamp(0)), store.ledger_balances()),
            store.equity_since(Timestamp(0)),
            (store.inbox(), store.message(1), store.definitions(false)),
            (store.samples("bar:ETH", Timestamp(0)), store.setting("x")),
        )
    )
}

/// Copies along, and goes on at the end.
fn along(places: &[Place]) {
    let first = places[0].open(Access::Runner);
    fill(&*first);
    let before = everything(&*first);
    let epoch = first.claim().unwrap().epoch;
    drop(first);
    for pair in places.windows(2) {
        let mut told = Vec::new();
        let copied = copy(&pair[0].url, &pair[1].url, &mut |progress| {
            told.push(progress);
        })
        .unwrap();
        assert_eq!(copied.entries, 6);
        assert!(told.iter().all(|progress| progress.of == copied.rows));
        assert!(told.is_sorted_by_key(|progress| progress.rows));
    }
    let last: Arc<dyn Store> = places[places.len() - 1].open(Access::Runner);
    assert_eq!(everything(&*last), before);
    assert!(
        last.claim().unwrap().epoch > epoch,
        "an older claim must not hold"
    );
    // Numbers go on after those that were copied.
    let mut next = signature(4, 3);
    next.terms.control_revision = last.control().unwrap().1;
    last.record_signature(&next).unwrap();
    last.commit(&Batch {
        tasks: vec![task(99, TaskState::Ready)],
        ledger: vec![booking(502, ether(), number(1))],
        outcomes: vec![outcome(2, 1, TxResult::Cancelled)],
        ..Batch::at(Timestamp(600))
    })
    .unwrap();
    assert_eq!(
        last.tasks(TaskFilter::default()).unwrap()[11].id,
        task_id(99)
    );
}

#[test]
fn a_copy_of_a_file_in_a_file_is_the_same() {
    along(&[Place::file(), Place::file()]);
}

#[test]
fn a_copy_to_a_server_and_back_is_the_same() {
    let (Some(there), Some(beside)) = (Place::server(), Place::server()) else {
        return;
    };
    along(&[Place::file(), there, beside, Place::file()]);
}

#[test]
fn a_copy_is_refused_while_a_runner_runs_and_into_what_is_not_empty() {
    for (from, to) in sample::places().into_iter().zip(sample::places()) {
        let silent = &mut |_| {};
        let runner = from.open(Access::Runner);
        fill(&*runner);
        let refused = copy(&from.url, &to.url, silent).unwrap_err();
        assert!(
            matches!(refused, StoreError::Locked { .. } | StoreError::Held { .. }),
            "{refused}"
        );
        drop(runner);
        let other = to.open(Access::Runner);
        let note = Batch {
            settings: vec![("mine".into(), json!(1))],
            ..Batch::at(Timestamp(1))
        };
        other.commit(&note).unwrap();
        let before = everything(&*other);
        drop(other);
        let refused = copy(&from.url, &to.url, silent).unwrap_err();
        assert!(matches!(refused, StoreError::Contradiction(_)), "{refused}");
        assert_eq!(everything(&*to.open(Access::ReadOnly)), before);
    }
}

#[test]
fn a_source_that_is_not_there_is_no_empty_one() {
    for place in sample::places() {
        let to = Place::file();
        let missing = copy(&place.url, &to.url, &mut |_| {});
        assert!(
            matches!(missing, Err(StoreError::Missing { .. })),
            "{missing:?}"
        );
        assert!(airdrops_store::open(&place.url, Access::ReadOnly, Options::default()).is_err());
    }
}
