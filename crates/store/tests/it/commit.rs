//! Batches: everything or nothing, and the same after a restart.

use airdrops_store::{Access, Batch, Committed, Sample, Store, StoreError, TaskFilter};
use airdrops_types::{
    ControlState, Entry, I256, IntentId, Reservation, Scope, TaskState, Timestamp, TransactionLog,
    TxResult, Usd,
};
use serde_json::json;

use crate::sample::{
    self, Place, WALLET, booking, dollar, equity, ether, intent, number, outcome, reservation,
    signature, task, task_id, trigger, trip,
};

#[test]
fn everything_in_a_batch_reads_the_same_after_a_restart() {
    let place = Place::new();
    let succeeded = outcome(1, 0, TxResult::Succeeded);
    let reverted = outcome(2, 1, TxResult::Reverted { out_of_gas: true });
    let bookings = [
        booking(500, ether(), I256::MAX),
        booking(490, dollar(), number(-7)),
        booking(510, dollar(), number(9)),
    ];
    let halted = trip(
        Scope::Protocol("vault".into()),
        "rolling-loss",
        ControlState::Halted,
    );
    {
        let store = place.open(Access::Runner);
        for (run, nonce) in [(1, 0), (2, 1), (3, 2)] {
            store.record_signature(&signature(run, nonce)).unwrap();
        }
        let committed = store
            .commit(&Batch {
                entries: vec![Entry::Note {
                    text: "hello".into(),
                }],
                tasks: vec![
                    task(1, TaskState::Completed),
                    task(2, TaskState::Deferred),
                    task(3, TaskState::Running),
                ],
                triggers: vec![trigger(3)],
                ledger: bookings.to_vec(),
                equity: vec![equity(500, i128::MAX), equity(400, -5)],
                outcomes: vec![succeeded.clone(), reverted.clone()],
                trips: vec![halted.clone()],
                settings: vec![("evidence_from".into(), json!({"at": 5}))],
                ..Batch::at(Timestamp(500))
            })
            .unwrap();
        assert_eq!(
            committed,
            Committed {
                seq: 4,
                revision: 1
            }
        );
    }
    let store = place.open(Access::ReadOnly);
    let all = store.tasks(TaskFilter::default()).unwrap();
    assert_eq!(
        all,
        [
            task(1, TaskState::Completed),
            task(2, TaskState::Deferred),
            task(3, TaskState::Running)
        ]
    );
    assert_eq!(store.tasks(TaskFilter::open()).unwrap(), all[1..]);
    assert_eq!(store.task(&task_id(2)).unwrap().as_ref(), Some(&all[1]));
    assert_eq!(store.task(&task_id(9)).unwrap(), None);
    assert_eq!(store.triggers().unwrap(), [trigger(3)]);
    assert_eq!(
        store.ledger_entries(Timestamp(500)).unwrap(),
        [bookings[0].clone(), bookings[2].clone()]
    );
    let mut balances = store.ledger_balances().unwrap();
    balances.sort_by_key(|(_, token, _)| token.decimals);
    assert_eq!(
        balances,
        [(WALLET, dollar(), number(2)), (WALLET, ether(), I256::MAX)]
    );
    assert_eq!(
        store.equity_since(Timestamp(0)).unwrap(),
        [equity(400, -5), equity(500, i128::MAX)]
    );
    assert_eq!(
        store.equity_since(Timestamp(401)).unwrap(),
        [equity(500, i128::MAX)]
    );
    assert_eq!(store.last_equity().unwrap(), Some(equity(500, i128::MAX)));
    assert_eq!(
        store.outcome(intent(1).id).unwrap(),
        Some(succeeded.clone())
    );
    assert_eq!(store.outcome(intent(3).id).unwrap(), None);
    assert_eq!(store.outcomes().unwrap(), [succeeded, reverted]);
    assert_eq!(store.control().unwrap(), (vec![halted], 1));
    assert_eq!(
        store.setting("evidence_from").unwrap(),
        Some(json!({"at": 5}))
    );
    assert_eq!(store.setting("foreign").unwrap(), None);
    // Booked, dropped, still open.
    let mut expected = [
        Reservation {
            booked_at: Some(40),
            ..reservation(intent(1).id)
        },
        reservation(intent(3).id),
    ];
    expected.sort_by_key(|reservation| reservation.intent);
    assert_eq!(store.reservations().unwrap(), expected);
    let open: Vec<u64> = store
        .open_slots()
        .unwrap()
        .iter()
        .map(|slot| slot.nonce)
        .collect();
    assert_eq!(open, [2]);
}

#[test]
fn a_second_batch_replaces_by_key() {
    let place = Place::new();
    let store = place.open(Access::Runner);
    let first = Batch {
        tasks: vec![task(1, TaskState::Running), task(2, TaskState::Pending)],
        triggers: vec![trigger(1)],
        equity: vec![equity(5, 1)],
        settings: vec![("foreign".into(), json!(1))],
        ..Batch::at(Timestamp(5))
    };
    store.commit(&first).unwrap();
    store
        .commit(&Batch {
            tasks: vec![task(1, TaskState::Failed)],
            triggers: vec![trigger(2)],
            equity: vec![equity(5, 2)],
            settings: vec![("foreign".into(), json!([2]))],
            ..Batch::at(Timestamp(6))
        })
        .unwrap();
    assert_eq!(
        store.tasks(TaskFilter::default()).unwrap(),
        [task(1, TaskState::Failed), task(2, TaskState::Pending)]
    );
    assert_eq!(
        store.tasks(TaskFilter::open()).unwrap(),
        [task(2, TaskState::Pending)]
    );
    assert_eq!(store.triggers().unwrap(), [trigger(2)]);
    assert_eq!(store.equity_since(Timestamp(0)).unwrap(), [equity(5, 2)]);
    assert_eq!(store.setting("foreign").unwrap(), Some(json!([2])));
}

/// A batch with something of everything, in which `spoil` puts what cannot be stored.
fn refused(spoil: impl FnOnce(&mut Batch)) -> StoreError {
    let place = Place::new();
    let store = place.open(Access::Runner);
    for (run, nonce) in [(1, 0), (2, 1), (3, 2)] {
        store.record_signature(&signature(run, nonce)).unwrap();
    }
    store
        .commit(&Batch {
            outcomes: vec![outcome(1, 0, TxResult::Succeeded)],
            ledger: vec![booking(1, ether(), I256::MAX)],
            ..Batch::at(Timestamp(1))
        })
        .unwrap();
    let read = || {
        (
            store.tasks(TaskFilter::default()).unwrap(),
            store.triggers().unwrap(),
            store.ledger_entries(Timestamp(0)).unwrap(),
            store.ledger_balances().unwrap(),
            store.last_equity().unwrap(),
            store.outcomes().unwrap(),
            store.open_slots().unwrap(),
            store.reservations().unwrap(),
            store.control().unwrap(),
            store.setting("foreign").unwrap(),
            store.journal(1, 100).unwrap(),
        )
    };
    let before = read();
    let mut batch = Batch {
        entries: vec![Entry::Note {
            text: "never".into(),
        }],
        tasks: vec![task(1, TaskState::Running)],
        triggers: vec![trigger(3)],
        ledger: vec![booking(2, dollar(), number(7))],
        equity: vec![equity(2, 1)],
        outcomes: vec![outcome(2, 1, TxResult::Succeeded)],
        retired: vec![intent(1).id],
        trips: vec![trip(Scope::Everything, "drawdown", ControlState::Reducing)],
        settings: vec![("foreign".into(), json!(true))],
        ..Batch::at(Timestamp(2))
    };
    let sound = batch.clone();
    spoil(&mut batch);
    let error = store.commit(&batch).unwrap_err();
    assert_eq!(read(), before, "something stayed of a refused batch");
    store.commit(&sound).unwrap();
    let (tasks, .., journal) = read();
    assert_eq!((tasks.len(), journal.len()), (1, 4));
    error
}

#[test]
fn a_batch_with_a_second_outcome_leaves_nothing() {
    let error = refused(|batch| {
        batch
            .outcomes
            .push(outcome(1, 0, TxResult::Reverted { out_of_gas: false }));
    });
    assert_eq!(error, StoreError::OutcomeExists(intent(1).id));
    let error = refused(|batch| batch.outcomes.push(batch.outcomes[0].clone()));
    assert_eq!(error, StoreError::OutcomeExists(intent(2).id));
}

#[test]
fn a_batch_that_contradicts_what_is_stored_leaves_nothing() {
    let wrong_nonce = |batch: &mut Batch| batch.outcomes[0].nonce = 2;
    let no_slot = |batch: &mut Batch| batch.outcomes.push(outcome(8, 8, TxResult::Succeeded));
    let open = |batch: &mut Batch| batch.retired.push(intent(3).id);
    let overflow = |batch: &mut Batch| batch.ledger.push(booking(2, ether(), number(1)));
    for error in [
        refused(wrong_nonce),
        refused(no_slot),
        refused(open),
        refused(overflow),
    ] {
        assert!(matches!(error, StoreError::Contradiction(_)), "{error}");
    }
    let too_far = refused(|batch| {
        batch.outcomes[0].block.number = u64::MAX;
    });
    assert!(
        matches!(too_far, StoreError::Unstorable { .. }),
        "{too_far}"
    );
}

#[test]
fn a_booked_reservation_stays_until_it_is_retired() {
    let place = Place::new();
    let store = place.open(Access::Runner);
    store.record_signature(&signature(1, 0)).unwrap();
    let retire = Batch {
        retired: vec![intent(1).id],
        ..Batch::at(Timestamp(3))
    };
    assert!(matches!(
        store.commit(&retire),
        Err(StoreError::Contradiction(_))
    ));
    store
        .commit(&Batch {
            outcomes: vec![outcome(1, 0, TxResult::Succeeded)],
            ..Batch::at(Timestamp(2))
        })
        .unwrap();
    assert_eq!(store.reservations().unwrap()[0].booked_at, Some(40));
    store.commit(&retire).unwrap();
    assert_eq!(store.reservations().unwrap(), []);
    // Again, and one that never was, is no error.
    store
        .commit(&Batch {
            retired: vec![intent(1).id, IntentId::derive(&task_id(77), 0)],
            ..Batch::at(Timestamp(4))
        })
        .unwrap();
}

#[test]
fn values_at_the_ends_of_their_ranges_survive() {
    let place = Place::new();
    let store = place.open(Access::Runner);
    store
        .commit(&Batch {
            equity: vec![sample::equity(i64::MIN, i128::MIN)],
            ledger: vec![booking(i64::MAX, ether(), I256::MIN)],
            ..Batch::at(Timestamp(i64::MAX))
        })
        .unwrap();
    assert_eq!(store.last_equity().unwrap().unwrap().equity, Usd(i128::MIN));
    assert_eq!(store.ledger_balances().unwrap()[0].2, I256::MIN);
}

#[test]
fn measurements_are_kept_by_series_and_instant_until_they_are_forgotten() {
    let place = Place::new();
    let sample = |series: &str, at: i64, value: f64| Sample {
        series: series.to_owned(),
        at: Timestamp(at),
        data: json!([value]),
    };
    {
        let store = place.open(Access::Runner);
        let samples = vec![
            sample("bar:ETH", 20, 0.1 + 0.2),
            sample("bar:ETH", 10, 1.0),
            sample("base-fee:1", 10, 5.0),
        ];
        let batch = Batch {
            samples,
            ..Batch::at(Timestamp(30))
        };
        store.commit(&batch).unwrap();
        let again = Batch {
            samples: vec![sample("bar:ETH", 10, 2.0)],
            ..Batch::at(Timestamp(31))
        };
        store.commit(&again).unwrap();
    }
    let store = place.open(Access::Runner);
    assert_eq!(
        store.samples("bar:ETH", Timestamp(0)).unwrap(),
        [sample("bar:ETH", 10, 2.0), sample("bar:ETH", 20, 0.1 + 0.2)]
    );
    assert_eq!(store.samples("bar:ETH", Timestamp(11)).unwrap().len(), 1);
    assert_eq!(store.series().unwrap(), ["bar:ETH", "base-fee:1"]);
    let forget = Batch {
        forget_samples_before: Some(Timestamp(20)),
        ..Batch::at(Timestamp(40))
    };
    store.commit(&forget).unwrap();
    assert_eq!(store.series().unwrap(), ["bar:ETH"]);
}
