//! What the transaction log promises.

use std::sync::Barrier;
use std::thread;

use airdrops_store::{Access, Batch, StoreError};
use airdrops_types::{
    Address, Answer, B256, ChainId, Entry, IntentId, LogError, NewSignature, Timestamp, TxResult,
};

use crate::sample::{
    self, CHAIN, Place, WALLET, attempt, block, cancellation, intent, places, signature, terms,
};

#[test]
fn a_signature_stores_slot_attempt_reservation_and_journal_entry() {
    for place in places() {
        let signed = signature(1, 7);
        {
            let store = place.open(Access::Runner);
            assert_eq!(store.next_nonce(CHAIN, WALLET), Ok(None));
            store.record_signature(&signed).unwrap();
        }
        let store = place.open(Access::Runner);
        assert_eq!(store.next_nonce(CHAIN, WALLET), Ok(Some(8)));
        assert_eq!(store.next_nonce(ChainId(1), WALLET), Ok(None));
        assert_eq!(store.next_nonce(CHAIN, Address::ZERO), Ok(None));
        let slots = store.open_slots().unwrap();
        assert_eq!(slots.len(), 1);
        assert_eq!(
            (slots[0].chain, slots[0].wallet, slots[0].nonce),
            (CHAIN, WALLET, 7)
        );
        assert_eq!(slots[0].intent, signed.intent);
        assert_eq!(slots[0].terms, signed.terms);
        assert_eq!(slots[0].attempts, [signed.attempt]);
        assert_eq!(slots[0].mined, None);
        assert_eq!(store.reservations().unwrap(), [signed.terms.reservation]);
        let journal = store.journal_for_task(&signed.intent.task).unwrap();
        assert_eq!(journal.len(), 1);
        assert_eq!(journal[0].at, Timestamp(150));
        assert!(
            matches!(&journal[0].entry, Entry::Signed { nonce: 7, tx, summary, .. }
            if *tx == attempt(1).tx && *summary == signed.intent.summary)
        );
    }
}

#[test]
fn one_nonce_is_never_given_to_two_intents() {
    for place in places() {
        let store = place.open(Access::Runner);
        store.record_signature(&signature(1, 7)).unwrap();
        for nonce in [7, 3] {
            assert_eq!(
                store.record_signature(&signature(2, nonce)),
                Err(LogError::NonceTaken {
                    chain: CHAIN,
                    wallet: WALLET,
                    nonce
                })
            );
        }
        // Elsewhere the same number is another nonce.
        let mut elsewhere = signature(3, 7);
        elsewhere.chain = ChainId(1);
        elsewhere.intent.chain = ChainId(1);
        store.record_signature(&elsewhere).unwrap();
        // Nonces that somebody else used leave gaps.
        store.record_signature(&signature(2, 9)).unwrap();
        assert_eq!(store.next_nonce(CHAIN, WALLET), Ok(Some(10)));
    }
}

#[test]
fn one_intent_is_never_given_two_nonces() {
    for place in places() {
        let store = place.open(Access::Runner);
        store.record_signature(&signature(1, 7)).unwrap();
        let again = NewSignature {
            attempt: attempt(99),
            ..signature(1, 8)
        };
        let taken = Err(LogError::IntentTaken(intent(1).id));
        assert_eq!(store.record_signature(&again), taken);
        store
            .commit(&Batch {
                outcomes: vec![sample::outcome(
                    1,
                    7,
                    TxResult::Reverted { out_of_gas: false },
                )],
                ..Batch::at(Timestamp(500))
            })
            .unwrap();
        assert_eq!(store.record_signature(&again), taken);
    }
}

#[test]
fn threads_that_race_for_a_nonce_have_one_winner() {
    const THREADS: u64 = 8;
    for place in places() {
        let store = place.open(Access::Runner);
        for nonce in 0..5 {
            let start = Barrier::new(8);
            let results: Vec<_> = thread::scope(|scope| {
                let racers: Vec<_> = (0..THREADS)
                    .map(|racer| {
                        let (store, start) = (&store, &start);
                        scope.spawn(move || {
                            let signature = signature(nonce * THREADS + racer, nonce);
                            start.wait();
                            store.record_signature(&signature)
                        })
                    })
                    .collect();
                racers
                    .into_iter()
                    .map(|racer| racer.join().unwrap())
                    .collect()
            });
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
            let taken = LogError::NonceTaken {
                chain: CHAIN,
                wallet: WALLET,
                nonce,
            };
            assert_eq!(
                results
                    .iter()
                    .filter(|result| result.as_ref().err() == Some(&taken))
                    .count(),
                7
            );
        }
        assert_eq!(store.open_slots().unwrap().len(), 5);
        assert_eq!(store.reservations().unwrap().len(), 5);
        assert_eq!(store.journal(1, 100).unwrap().len(), 5);
    }
}

/// Two connections with the right to sign can only exist after the lock file was removed.
#[test]
fn connections_that_race_for_nonces_across_a_takeover_use_each_once() {
    let place = Place::file();
    let old = place.open(Access::Runner);
    let results: Vec<Result<(), LogError>> = thread::scope(|scope| {
        let loser = scope.spawn(|| {
            let mut results = Vec::new();
            for nonce in 0..20_000 {
                results.push(old.record_signature(&signature(2 * nonce, nonce)));
                if results.last() == Some(&Err(LogError::LeaseLost)) {
                    return results;
                }
            }
            results
        });
        while old.next_nonce(CHAIN, WALLET).unwrap() < Some(3) {
            thread::yield_now();
        }
        std::fs::remove_file(place.beside(".lock")).unwrap();
        let new = place.open(Access::Runner);
        let first = new.next_nonce(CHAIN, WALLET).unwrap().unwrap();
        for nonce in first..first + 5 {
            new.record_signature(&signature(2 * nonce + 1, nonce))
                .unwrap();
        }
        loser.join().unwrap()
    });
    let stored_by_old = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(stored_by_old, results.len() - 1);
    let slots = place.open(Access::ReadOnly).open_slots().unwrap();
    assert_eq!(slots.len(), stored_by_old + 5);
    for (nonce, slot) in (0..).zip(&slots) {
        assert_eq!(slot.nonce, nonce);
        let by_new = slot.intent.id == intent(2 * nonce + 1).id;
        assert_eq!(by_new, nonce >= stored_by_old as u64);
    }
}

#[test]
fn a_runner_that_was_taken_over_can_write_nothing() {
    let place = Place::file();
    let old = place.open(Access::Runner);
    old.record_signature(&signature(1, 0)).unwrap();
    std::fs::remove_file(place.beside(".lock")).unwrap();
    let _new = place.open(Access::Runner);
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
    assert_eq!(
        old.commit(&Batch::at(Timestamp(1))),
        Err(StoreError::LeaseLost)
    );
}

#[test]
fn a_replacement_needs_an_open_slot_of_its_intent_and_nonce() {
    for place in places() {
        let store = place.open(Access::Runner);
        let bump = NewSignature {
            attempt: attempt(50),
            replaces: true,
            ..signature(1, 7)
        };
        let no_slot = Err(LogError::NoSlot(intent(1).id));
        assert_eq!(store.record_signature(&bump), no_slot);
        store.record_signature(&signature(1, 7)).unwrap();
        assert_eq!(
            store.record_signature(&NewSignature {
                nonce: 8,
                ..bump.clone()
            }),
            no_slot
        );
        store.record_signature(&bump).unwrap();

        let cancel = cancellation(1);
        let mut last = attempt(51);
        last.cancels = true;
        let cancelled = NewSignature {
            terms: terms(cancel.id, 0),
            intent: cancel,
            attempt: last.clone(),
            ..bump.clone()
        };
        store.record_signature(&cancelled).unwrap();
        let slots = store.open_slots().unwrap();
        assert_eq!(slots.len(), 1);
        assert_eq!(slots[0].intent, intent(1));
        assert_eq!(slots[0].attempts, [attempt(1), attempt(50), last]);
        assert_eq!(store.reservations().unwrap().len(), 1);
        assert_eq!(store.journal(1, 10).unwrap().len(), 3);

        store
            .commit(&Batch {
                outcomes: vec![sample::outcome(1, 7, TxResult::Cancelled)],
                ..Batch::at(Timestamp(500))
            })
            .unwrap();
        let late = NewSignature {
            attempt: attempt(52),
            ..bump
        };
        assert_eq!(store.record_signature(&late), no_slot);
    }
}

#[test]
fn a_signature_under_an_old_control_revision_is_refused() {
    for place in places() {
        let store = place.open(Access::Runner);
        let mut ahead = signature(1, 0);
        ahead.terms.control_revision = 1;
        assert_eq!(
            store.record_signature(&ahead),
            Err(LogError::ControlChanged)
        );
        assert_eq!(store.open_slots(), Ok(vec![]));
        store.record_signature(&signature(1, 0)).unwrap();
        let mut bump = signature(1, 0);
        (bump.replaces, bump.attempt, bump.terms.control_revision) = (true, attempt(9), 1);
        assert_eq!(store.record_signature(&bump), Err(LogError::ControlChanged));
    }
}

#[test]
fn a_signature_by_the_permit_of_another_intent_is_refused() {
    for place in places() {
        let store = place.open(Access::Runner);
        let other = IntentId::derive(&sample::task_id(9), 0);
        let mut permit = signature(1, 0);
        permit.terms.intent = other;
        let mut reservation = signature(1, 0);
        reservation.terms.reservation.intent = other;
        let mut chain = signature(1, 0);
        chain.chain = ChainId(1);
        for wrong in [permit, reservation, chain] {
            let refused = store.record_signature(&wrong);
            assert!(matches!(refused, Err(LogError::Database(_))), "{refused:?}");
        }
        assert_eq!(store.journal(1, 10).unwrap(), []);
    }
}

#[test]
fn a_failed_signature_leaves_nothing() {
    for place in places() {
        let store = place.open(Access::Runner);
        store.record_signature(&signature(1, 0)).unwrap();
        // The bytes are known already: this fails after the slot and the reservation were written.
        let mut twice = signature(2, 1);
        twice.attempt = attempt(1);
        assert!(matches!(
            store.record_signature(&twice),
            Err(LogError::Database(_))
        ));
        let mut large = signature(2, 1);
        large.nonce = u64::MAX;
        assert!(matches!(
            store.record_signature(&large),
            Err(LogError::Database(_))
        ));
        assert_eq!(store.next_nonce(CHAIN, WALLET), Ok(Some(1)));
        assert_eq!(store.reservations().unwrap().len(), 1);
        assert_eq!(store.journal(1, 10).unwrap().len(), 1);
        store.record_signature(&signature(2, 1)).unwrap();
    }
}

#[test]
fn broadcasts_and_blocks_are_remembered() {
    for place in places() {
        let answers = [
            Answer::Accepted,
            Answer::Rejected {
                reason: "underpriced".into(),
            },
            Answer::Unknown {
                reason: "timed out after 5 s".into(),
            },
        ];
        let seen = (attempt(1).tx, block(12));
        {
            let store = place.open(Access::Runner);
            for (run, answer) in (1..).zip(&answers) {
                store.record_signature(&signature(run, run)).unwrap();
                store
                    .record_broadcast(attempt(run).tx, Timestamp(160), answer)
                    .unwrap();
            }
            store.record_mined(intent(1).id, Some(seen)).unwrap();
            store.record_mined(intent(2).id, Some(seen)).unwrap();
            store.record_mined(intent(2).id, None).unwrap();
            for unknown in [
                store.record_broadcast(B256::ZERO, Timestamp(1), &Answer::Accepted),
                store.record_mined(intent(50).id, Some(seen)),
            ] {
                assert!(matches!(unknown, Err(LogError::Database(_))), "{unknown:?}");
            }
        }
        let slots = place.open(Access::ReadOnly).open_slots().unwrap();
        for (slot, answer) in slots.iter().zip(answers) {
            assert_eq!(slot.attempts[0].broadcast_at, Some(Timestamp(160)));
            assert_eq!(slot.attempts[0].answer, Some(answer));
        }
        assert_eq!(
            slots.iter().map(|slot| slot.mined).collect::<Vec<_>>(),
            [Some(seen), None, None]
        );
    }
}

#[test]
fn slots_attempts_and_outcomes_cannot_be_deleted_or_moved() {
    let place = Place::file();
    let store = place.open(Access::Runner);
    store.record_signature(&signature(1, 0)).unwrap();
    store
        .commit(&Batch {
            outcomes: vec![sample::outcome(1, 0, TxResult::Succeeded)],
            ..Batch::at(Timestamp(500))
        })
        .unwrap();
    let raw = place.raw();
    for sql in [
        "UPDATE slots SET nonce = 5",
        "UPDATE slots SET closed = 0",
        "DELETE FROM slots",
        "DELETE FROM attempts",
        "DELETE FROM outcomes",
        "UPDATE outcomes SET outcome = '{}'",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
}
