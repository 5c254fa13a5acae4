//! Several nodes on one server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airdrops_store::{
    Access, Batch, ControlChange, JournalCheck, Options, Store, StoreError, TaskFilter,
};
use airdrops_types::{
    Answer, CampaignId, Command, ControlState, Entry, LogError, Scope, TaskState, Timestamp,
    TxResult,
};

use crate::sample::{CHAIN, Place, WALLET, attempt, intent, outcome, signature, task, trip};

const SHORT: Duration = Duration::from_millis(1200);

fn note(text: &str) -> Batch {
    Batch {
        entries: vec![Entry::Note { text: text.into() }],
        ..Batch::at(Timestamp(1))
    }
}

/// A runner with a short lease.
fn run(place: &Place, node: &str, patience: Duration) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        node: node.to_owned(),
        lease: SHORT,
        patience,
        ..Options::default()
    };
    airdrops_store::open(&place.url, Access::Runner, options)
}

#[test]
fn a_second_node_is_told_who_runs_and_takes_over_once_the_first_lets_go() {
    let Some(place) = Place::server() else { return };
    let first = run(&place, "first", Duration::ZERO).unwrap();
    let held = run(&place, "second", Duration::ZERO).err().unwrap();
    assert!(
        matches!(held, StoreError::Held { ref holder, .. } if holder == "first"),
        "{held}"
    );
    assert!(first.has_runner().unwrap());
    first.commit(&note("still here")).unwrap();
    // Who is dropped lets go; nobody waits for the end of the lease.
    drop(first);
    let second = run(&place, "second", Duration::ZERO).unwrap();
    second.commit(&note("mine")).unwrap();
    let nodes = second.nodes().unwrap();
    assert_eq!(nodes.len(), 2);
    assert!(nodes[0].lanes.is_empty());
    assert_eq!(nodes[1].lanes[0].0, "farm");
    assert_eq!(second.claim().unwrap().epoch, 2);
    second.release().unwrap();
    assert!(!place.open(Access::ReadOnly).has_runner().unwrap());
}

#[test]
fn a_node_whose_lease_ran_out_and_was_taken_can_write_nothing() {
    let Some(place) = Place::server() else { return };
    let old = run(&place, "old", Duration::ZERO).unwrap();
    old.record_signature(&signature(1, 0)).unwrap();
    // It sleeps past its lease, and the other one waits for that.
    let new = run(&place, "new", Duration::from_secs(30)).unwrap();
    assert_eq!(
        old.record_signature(&signature(2, 1)),
        Err(LogError::LeaseLost)
    );
    assert_eq!(
        old.record_broadcast(attempt(1).tx, Timestamp(1), &Answer::Accepted),
        Err(LogError::LeaseLost)
    );
    assert_eq!(
        old.record_mined(intent(1).id, None),
        Err(LogError::LeaseLost)
    );
    let halt = ControlChange::Trip(trip(Scope::Everything, "manual", ControlState::Halted));
    let run_farm = Command::Run {
        campaign: CampaignId::new("farm"),
    };
    let batch = Batch {
        tasks: vec![task(1, TaskState::Ready)],
        outcomes: vec![outcome(1, 0, TxResult::Succeeded)],
        ..note("late")
    };
    for lost in [
        old.commit(&batch).err(),
        old.commit_all(&[note("a"), note("b")]).pop().unwrap().err(),
        old.set_control(Timestamp(1), &halt, "old").err(),
        old.post(Timestamp(1), "x", &run_farm, "old").err(),
        old.request_unwind(Timestamp(1), &Scope::Everything, "x", "old")
            .err(),
        old.renew().err(),
        old.release().err(),
    ] {
        assert_eq!(lost, Some(StoreError::LeaseLost));
    }
    assert_eq!(new.next_nonce(CHAIN, WALLET), Ok(Some(1)));
    assert_eq!(new.journal(1, 99).unwrap().len(), 1);
    assert_eq!(new.tasks(TaskFilter::default()).unwrap(), []);
    // And its end does not take the lease from the new one.
    drop(old);
    new.record_signature(&signature(2, 1)).unwrap();
}

#[test]
fn a_lease_that_ran_out_and_that_nobody_took_may_be_renewed() {
    let Some(place) = Place::server() else { return };
    let store = run(&place, "alone", Duration::ZERO).unwrap();
    std::thread::sleep(SHORT + Duration::from_millis(100));
    assert!(!store.has_runner().unwrap());
    store.commit(&note("late, but nobody minds")).unwrap();
    store.renew().unwrap();
    assert!(store.has_runner().unwrap());
}

#[test]
fn a_halt_between_permit_and_signature_refuses_the_signature() {
    let Some(place) = Place::server() else { return };
    let runner = run(&place, "runner", Duration::ZERO).unwrap();
    let permitted = signature(1, 0);
    let halt = ControlChange::Trip(trip(Scope::Everything, "manual", ControlState::Halted));
    place
        .open(Access::Operator)
        .set_control(Timestamp(5), &halt, "ada")
        .unwrap();
    assert_eq!(
        runner.record_signature(&permitted),
        Err(LogError::ControlChanged)
    );
    assert_eq!(runner.open_slots(), Ok(vec![]));
}

#[test]
fn a_waiting_runner_is_woken_by_a_message() {
    let Some(place) = Place::server() else { return };
    let runner = run(&place, "runner", Duration::ZERO).unwrap();
    let operator = place.open(Access::Operator);
    let engine = runner.engine();
    // What this node stores itself wakes nobody.
    runner.commit(&note("own")).unwrap();
    while engine.wait(Duration::from_millis(10)).unwrap() {}
    let began = Instant::now();
    let told = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| engine.wait(Duration::from_secs(60)).unwrap());
        let run_farm = Command::Run {
            campaign: CampaignId::new("farm"),
        };
        operator.post(Timestamp(1), "x", &run_farm, "ada").unwrap();
        waiting.join().unwrap()
    });
    assert!(told && began.elapsed() < Duration::from_secs(60));
}

/// Ends every connection to the database but the asking one.
fn cut(place: &Place) {
    place
        .query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
}

#[test]
fn a_cut_connection_is_made_again() {
    let Some(place) = Place::server() else { return };
    let store = run(&place, "runner", Duration::ZERO).unwrap();
    for n in 0..5 {
        cut(&place);
        store.commit(&note(&format!("{n}"))).unwrap();
        cut(&place);
        assert_eq!(store.journal(1, 99).unwrap().len(), n + 1);
    }
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { entries: 5, .. }
    ));
}

#[test]
fn a_connection_that_is_cut_inside_a_transaction_stores_it_once() {
    let Some(place) = Place::server() else { return };
    let store = run(&place, "runner", Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for nonce in 0..200 {
                // What says that nothing was stored may be tried again: had it been, it would now be
                // refused as taken.
                while let Err(error) = store.record_signature(&signature(nonce, nonce)) {
                    assert!(matches!(error, LogError::Database(_)), "{nonce}: {error}");
                }
            }
        });
        while !writer.is_finished() {
            cut(&place);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(store.open_slots().unwrap().len(), 200);
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { entries: 200, .. }
    ));
}
