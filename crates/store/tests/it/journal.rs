//! The journal: what is written reads back, and nothing changes it unnoticed.

use std::sync::Arc;

use airdrops_store::{Access, Batch, JournalCheck, Store};
use airdrops_types::{
    B256, ControlState, Entry, LedgerKind, Reason, Scope, Target, TaskState, Timestamp, TxResult,
    Usd, Verdict,
};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::sample::{
    self, CHAIN, Place, WALLET, booking, dollar, intent, number, outcome, places, signature,
    task_id, terms, trip,
};

/// One of every kind, in which wide integers have their ends.
fn every_entry() -> Vec<Entry> {
    let trip = trip(Scope::Chain(CHAIN), "drawdown", ControlState::Reducing);
    vec![
        Entry::Started {
            version: "0.1.0".into(),
            mode: "paper".into(),
            seed: u64::MAX,
            policy: json!({"limit": 1}),
            monitor: json!({"limit": 2}),
        },
        Entry::Observed {
            snapshot: Box::new(sample::snapshot()),
        },
        Entry::Assessed {
            point: sample::equity(5, i128::MIN),
            protocols: vec![("vault".into(), Usd(i128::MAX))],
            assets: vec![("ETH".into(), Usd(-1))],
            base_fees: vec![(CHAIN, u128::MAX)],
        },
        Entry::Tripped {
            trip: trip.clone(),
            by: "breaker".into(),
        },
        Entry::Cleared {
            scope: trip.scope,
            breaker: trip.breaker,
            by: "ada".into(),
            reason: "\"quoted\" \u{1F6D1}\n".into(),
        },
        Entry::Allocated {
            observed_at: Timestamp(400),
            inputs: json!({"a": -1}),
            targets: vec![Target {
                protocol: "vault".into(),
                current: Usd(0),
                target: Usd(i128::MAX),
                reason: "share 10 %".into(),
            }],
        },
        Entry::Fired {
            campaign: "farm".into(),
            due: Timestamp(70),
            tasks: vec![task_id(1), task_id(2)],
            note: String::new(),
        },
        Entry::Task {
            task: task_id(1),
            from: Some(TaskState::Ready),
            to: TaskState::Running,
            reason: "first step".into(),
            not_before: None,
        },
        Entry::Planned {
            task: task_id(1),
            operations: sample::task(1, TaskState::Ready).plan.unwrap(),
            summary: "approve, withdraw".into(),
        },
        Entry::Decided {
            intent: Box::new(intent(1)),
            observed_at: Timestamp(400),
            gate: json!({"revision": 3}),
            verdict: Verdict::Permitted {
                terms: terms(intent(1).id, 3),
            },
        },
        Entry::Decided {
            intent: Box::new(intent(2)),
            observed_at: Timestamp(400),
            gate: json!({}),
            verdict: Verdict::Refused {
                reasons: vec![
                    Reason::GasCeiling {
                        chain: CHAIN,
                        base_fee: u128::MAX,
                        ceiling: 1,
                    },
                    Reason::TransactionLimit {
                        measured: Usd(i128::MAX),
                        bound: Usd(0),
                        limit: airdrops_types::Bps(100),
                    },
                ],
            },
        },
        Entry::Signed {
            intent: intent(1).id,
            task: task_id(1),
            chain: CHAIN,
            wallet: WALLET,
            nonce: u64::MAX,
            tx: B256::repeat_byte(9),
            summary: "supply".into(),
        },
        Entry::Settled {
            task: task_id(1),
            outcome: Box::new(outcome(1, 0, TxResult::Reverted { out_of_gas: true })),
            fee: Usd(i128::MIN),
            summary: "out of gas".into(),
        },
        Entry::Flow {
            entry: airdrops_types::LedgerEntry {
                kind: LedgerKind::External,
                ..booking(5, dollar(), number(-5))
            },
            value: Usd(-5),
            note: "withdrawal".into(),
        },
        Entry::Note {
            text: "done".into(),
        },
    ]
}

fn written() -> (Place, Arc<dyn Store>) {
    let place = Place::file();
    let store = write(&place);
    (place, store)
}

/// The same in every kind of database.
fn written_everywhere() -> Vec<(Place, Arc<dyn Store>)> {
    places()
        .into_iter()
        .map(|place| {
            let store = write(&place);
            (place, store)
        })
        .collect()
}

fn write(place: &Place) -> Arc<dyn Store> {
    let store = place.open(Access::Runner);
    for (at, entry) in (1000..).zip(every_entry()) {
        store
            .commit(&Batch {
                entries: vec![entry],
                ..Batch::at(Timestamp(at))
            })
            .unwrap();
    }
    store
}

#[test]
fn every_kind_of_entry_reads_back_as_it_was_written() {
    for (_place, store) in written_everywhere() {
        let journal = store.journal(1, usize::MAX).unwrap();
        let entries: Vec<Entry> = journal.iter().map(|line| line.entry.clone()).collect();
        assert_eq!(entries, every_entry());
        for (line, seq) in journal.iter().zip(1..) {
            assert_eq!(
                (line.seq, line.at),
                (seq, Timestamp(999 + i64::try_from(seq).unwrap()))
            );
        }
    }
}

#[test]
fn runs_that_share_a_place_in_the_index_have_entries_of_their_own() {
    // The index keeps 16 bits of a run's number, and 20 of the number in its name.
    let alike = [
        "farm/t0#1",
        "farm/t1048576#1",
        "farm/t0#65537",
        "farm/t2097152#131073",
    ];
    // Whatever an id looks like, it is found.
    let odd = [
        "",
        "#",
        "/",
        "farm/",
        "farm/#7",
        "t",
        "a/b/c#d",
        "\u{1F6D1}/\u{1F6D1}9#+1",
    ];
    for place in places() {
        let store = place.open(Access::Runner);
        let named = |id: &str| Entry::Task {
            task: id.into(),
            from: None,
            to: TaskState::Ready,
            reason: id.into(),
            not_before: None,
        };
        let all = alike.iter().chain(&odd).map(|id| named(id));
        let fired = Entry::Fired {
            campaign: "farm".into(),
            due: Timestamp(1),
            tasks: alike.iter().chain(&alike).map(|id| (*id).into()).collect(),
            note: String::new(),
        };
        store
            .commit(&Batch {
                entries: all.chain([fired.clone()]).collect(),
                ..Batch::at(Timestamp(1))
            })
            .unwrap();
        for id in alike {
            let entries = store.journal_for_task(&id.into()).unwrap();
            let entries: Vec<Entry> = entries.into_iter().map(|line| line.entry).collect();
            assert_eq!(entries, [named(id), fired.clone()], "{id}");
        }
        for id in odd {
            let entries = store.journal_for_task(&id.into()).unwrap();
            let entries: Vec<Entry> = entries.into_iter().map(|line| line.entry).collect();
            assert_eq!(entries, [named(id)], "{id:?}");
        }
    }
}

#[test]
fn the_journal_is_read_from_a_number_from_its_end_and_by_task() {
    for (_place, store) in written_everywhere() {
        let seqs = |entries: Vec<airdrops_types::JournalEntry>| {
            entries.iter().map(|line| line.seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs(store.journal(3, 2).unwrap()), [3, 4]);
        assert_eq!(seqs(store.journal(15, 9).unwrap()), [15]);
        assert_eq!(seqs(store.journal(16, 9).unwrap()), [0; 0]);
        assert_eq!(seqs(store.journal(u64::MAX, 9).unwrap()), [0; 0]);
        assert_eq!(seqs(store.journal_tail(2).unwrap()), [14, 15]);
        assert_eq!(store.journal_tail(usize::MAX).unwrap().len(), 15);
        assert_eq!(
            seqs(store.journal_for_task(&task_id(1)).unwrap()),
            [7, 8, 9, 10, 12, 13]
        );
        assert_eq!(seqs(store.journal_for_task(&task_id(2)).unwrap()), [7, 11]);
        assert_eq!(store.journal_for_task(&task_id(3)).unwrap(), []);
    }
}

/// The formula, a second time and independently, over the bytes in the file.
#[test]
fn hashes_follow_the_documented_formula() {
    let (place, store) = written();
    let raw = place.raw();
    let mut rows = raw
        .prepare("SELECT seq, at, entry FROM journal ORDER BY seq")
        .unwrap();
    let mut previous = vec![0; 32];
    let mut hashes = Vec::new();
    let mut rows = rows.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (seq, at): (i64, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let text: String = row.get(2).unwrap();
        let mut bytes = previous;
        bytes.extend(u64::try_from(seq).unwrap().to_be_bytes());
        bytes.extend(at.to_be_bytes());
        bytes.extend(text.as_bytes());
        previous = Sha256::digest(&bytes).to_vec();
        hashes.push(B256::from_slice(&previous));
    }
    let stored: Vec<B256> = store
        .journal(1, 99)
        .unwrap()
        .iter()
        .map(|line| line.hash)
        .collect();
    assert_eq!(stored, hashes);
    assert_eq!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok {
            entries: 15,
            last_hash: hashes[14]
        }
    );
}

#[test]
fn an_empty_journal_is_intact() {
    for place in places() {
        let store = place.open(Access::Runner);
        assert_eq!(
            store.verify_journal().unwrap(),
            JournalCheck::Ok {
                entries: 0,
                last_hash: B256::ZERO
            }
        );
    }
}

#[test]
fn signatures_and_halts_belong_to_the_chain() {
    for (_place, store) in written_everywhere() {
        store.record_signature(&signature(1, 0)).unwrap();
        let change = airdrops_store::ControlChange::Trip(trip(
            Scope::Everything,
            "manual",
            ControlState::Halted,
        ));
        store.set_control(Timestamp(2000), &change, "ada").unwrap();
        assert!(matches!(
            store.verify_journal().unwrap(),
            JournalCheck::Ok { entries: 17, .. }
        ));
    }
}

#[test]
fn the_database_refuses_to_change_the_journal() {
    let (place, store) = written();
    let raw = place.raw();
    for sql in [
        "UPDATE journal SET at = at + 1 WHERE seq = 3",
        "UPDATE journal SET entry = entry",
        "DELETE FROM journal WHERE seq = 15",
        "INSERT OR REPLACE INTO journal VALUES (3, 1, '{}', zeroblob(32))",
        "INSERT INTO journal VALUES (17, 1, '{}', zeroblob(32))",
        "INSERT INTO journal VALUES (0, 1, '{}', zeroblob(32))",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    assert!(matches!(
        store.verify_journal().unwrap(),
        JournalCheck::Ok { .. }
    ));
}

/// A connection that can do what the guards forbid.
fn tamper(place: &Place) -> Connection {
    let raw = place.raw();
    raw.execute_batch(
        "PRAGMA synchronous = off; PRAGMA foreign_keys = off;
         DROP TRIGGER journal_insert; DROP TRIGGER journal_update; DROP TRIGGER journal_delete;",
    )
    .unwrap();
    raw
}

fn broken_at(store: &dyn Store) -> Option<u64> {
    match store.verify_journal().unwrap() {
        JournalCheck::Ok { .. } => None,
        JournalCheck::Broken { seq, why } => {
            assert!(!why.is_empty());
            Some(seq)
        }
    }
}

#[test]
fn removed_moved_and_added_entries_are_found() {
    for (sql, found) in [
        ("DELETE FROM journal WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 7", 7),
        ("DELETE FROM journal WHERE seq = 15", 15),
        ("DELETE FROM journal WHERE seq > 4", 5),
        ("DELETE FROM journal", 1),
        ("UPDATE journal SET seq = seq + 1 WHERE seq = 15", 15),
        ("UPDATE journal SET seq = -1 WHERE seq = 4", 1),
        (
            "DELETE FROM journal WHERE seq = 7;
             UPDATE journal SET seq = seq - 1 WHERE seq > 7",
            7,
        ),
        (
            "INSERT INTO journal SELECT 16, at, entry, hash FROM journal WHERE seq = 15",
            16,
        ),
        (
            "UPDATE journal SET entry = (SELECT entry FROM journal WHERE seq = 15) WHERE seq = 2",
            2,
        ),
    ] {
        let (place, store) = written();
        tamper(&place).execute_batch(sql).unwrap();
        assert_eq!(broken_at(&*store), Some(found), "{sql}");
    }
}

#[test]
fn a_changed_head_is_found() {
    for (sql, found) in [
        ("UPDATE meta SET journal_seq = 14", 15),
        ("UPDATE meta SET journal_seq = 16", 16),
        ("UPDATE meta SET journal_hash = zeroblob(32)", 15),
    ] {
        let (place, store) = written();
        tamper(&place).execute_batch(sql).unwrap();
        assert_eq!(broken_at(&*store), Some(found), "{sql}");
    }
}

/// A truncated journal must not be continued as if nothing had happened.
#[test]
fn nothing_can_be_appended_after_a_truncation() {
    let (place, store) = written();
    place
        .raw()
        .execute_batch(
            "PRAGMA foreign_keys = off; DROP TRIGGER journal_delete;
             DELETE FROM journal WHERE seq > 10",
        )
        .unwrap();
    let note = Batch {
        entries: vec![Entry::Note { text: "on".into() }],
        ..Batch::at(Timestamp(3000))
    };
    assert!(store.commit(&note).is_err());
    assert_eq!(broken_at(&*store), Some(11));
}

/// Flips bits of one byte of one column, checks, and puts it back.
fn assert_flip_is_found(
    store: &dyn Store,
    raw: &Connection,
    seq: u64,
    column: &str,
    at: usize,
    mask: u8,
) {
    let key = i64::try_from(seq).unwrap();
    let write = |bytes: &[u8]| {
        let number = || i64::from_be_bytes(bytes.try_into().unwrap());
        match column {
            "entry" => raw.execute(
                "UPDATE journal SET entry = CAST(?2 AS TEXT) WHERE seq = ?1",
                params![key, bytes],
            ),
            "at" => raw.execute(
                "UPDATE journal SET at = ?2 WHERE seq = ?1",
                params![key, number()],
            ),
            _ => raw.execute(
                "UPDATE journal SET hash = ?2 WHERE seq = ?1",
                params![key, bytes],
            ),
        }
        .unwrap();
    };
    let original: Vec<u8> = match column {
        "entry" => raw
            .query_row(
                "SELECT CAST(entry AS BLOB) FROM journal WHERE seq = ?1",
                [key],
                |row| row.get(0),
            )
            .unwrap(),
        "at" => raw
            .query_row("SELECT at FROM journal WHERE seq = ?1", [key], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap()
            .to_be_bytes()
            .to_vec(),
        _ => raw
            .query_row("SELECT hash FROM journal WHERE seq = ?1", [key], |row| {
                row.get(0)
            })
            .unwrap(),
    };
    let mut flipped = original.clone();
    let at = at % original.len();
    flipped[at] ^= mask;
    write(&flipped);
    assert_eq!(
        broken_at(store),
        Some(seq),
        "byte {at} of {column} of entry {seq} xor {mask:#04x}"
    );
    write(&original);
    assert_eq!(broken_at(store), None);
}

#[test]
fn any_flipped_byte_is_found() {
    let (place, store) = written();
    let raw = tamper(&place);
    let column = prop_oneof![Just("entry"), Just("at"), Just("hash")];
    proptest!(ProptestConfig::with_cases(1000), |(seq in 1u64..=15, column in column, at: usize, mask in 1u8..)| {
        assert_flip_is_found(&*store, &raw, seq, column, at, mask);
    });
}

#[test]
fn every_byte_of_an_entry_counts() {
    let (place, store) = written();
    let raw = tamper(&place);
    for seq in [4, 15] {
        let length = serde_json::to_string(&every_entry()[seq - 1])
            .unwrap()
            .len();
        for at in 0..length {
            assert_flip_is_found(&*store, &raw, seq as u64, "entry", at, 0x01);
        }
    }
}
