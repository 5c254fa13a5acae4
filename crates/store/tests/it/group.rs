//! Batches in groups.

use std::sync::Arc;

use airdrops_store::{Access, Batch, GroupCommit, JournalCheck, Store, StoreError};
use airdrops_types::{Entry, MessageDone, Timestamp};

use crate::sample::places;

fn note(text: &str) -> Batch {
    Batch {
        entries: vec![Entry::Note { text: text.into() }],
        ..Batch::at(Timestamp(1))
    }
}

/// One that no store takes: there is no such message.
fn spoilt() -> Batch {
    Batch {
        done: vec![MessageDone {
            seq: 99,
            result: "never".into(),
        }],
        ..note("never")
    }
}

fn notes(store: &dyn Store) -> Vec<String> {
    let journal = store.journal(1, 10_000).unwrap();
    journal
        .into_iter()
        .map(|line| match line.entry {
            Entry::Note { text } => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_refused_batch_leaves_its_neighbours() {
    for place in places() {
        let store = place.open(Access::Runner);
        let answers = store.commit_all(&[note("a"), spoilt(), note("b"), note("c")]);
        let seqs: Vec<Option<u64>> = answers
            .iter()
            .map(|answer| answer.as_ref().ok().map(|committed| committed.seq))
            .collect();
        assert_eq!(seqs, [Some(1), None, Some(2), Some(3)]);
        assert!(matches!(answers[1], Err(StoreError::Contradiction(_))));
        assert_eq!(notes(&*store), ["a", "b", "c"]);
        assert!(store.commit_all(&[]).is_empty());
    }
}

#[test]
fn what_threads_submit_is_stored_once_and_in_the_order_of_each() {
    for place in places() {
        let store = place.open(Access::Runner);
        let group = GroupCommit::start(Arc::clone(&store)).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let group = &group;
                scope.spawn(move || {
                    let tickets: Vec<_> = (0..50)
                        .map(|n| group.submit(note(&format!("{thread}:{n:02}"))))
                        .collect();
                    let seqs: Vec<u64> = tickets
                        .into_iter()
                        .map(|ticket| ticket.wait().unwrap().seq)
                        .collect();
                    assert!(seqs.is_sorted_by(|a, b| a < b));
                });
            }
        });
        let refused = group.submit(spoilt());
        let last = group.submit(note("last"));
        assert!(refused.wait().is_err());
        drop(group);
        assert_eq!(last.wait().unwrap().seq, 201);
        let stored = notes(&*store);
        for thread in 0..4 {
            let prefix = format!("{thread}:");
            let own: Vec<_> = stored
                .iter()
                .filter(|text| text.starts_with(&prefix))
                .collect();
            assert!(own.len() == 50 && own.is_sorted());
        }
        assert!(matches!(
            store.verify_journal().unwrap(),
            JournalCheck::Ok { entries: 201, .. }
        ));
    }
}
