//! Control states: stored before they take effect, by anyone who may.

use airdrops_store::{Access, Batch, ControlChange, StoreError};
use airdrops_types::{
    Address, AssetId, ChainId, ControlState, Entry, LogError, Scope, Timestamp, Token, TxResult,
    U256, Withdrawal,
};

use crate::sample::{WALLET, outcome, places, signature, trip};

fn halt() -> ControlChange {
    ControlChange::Trip(trip(Scope::Everything, "manual", ControlState::Halted))
}

fn resume() -> ControlChange {
    ControlChange::Clear {
        scope: Scope::Everything,
        breaker: "manual".into(),
        reason: "checked by hand".into(),
    }
}

#[test]
fn a_halt_by_an_operator_stops_the_next_signature_of_a_running_runner() {
    for place in places() {
        let runner = place.open(Access::Runner);
        runner.record_signature(&signature(1, 0)).unwrap();
        let operator = place.open(Access::Operator);
        assert_eq!(operator.set_control(Timestamp(5), &halt(), "ada"), Ok(1));
        assert_eq!(
            runner.record_signature(&signature(2, 1)),
            Err(LogError::ControlChanged)
        );
        let (trips, revision) = runner.control().unwrap();
        assert_eq!(trips[0].state, ControlState::Halted);
        let mut decided_again = signature(2, 1);
        decided_again.terms.control_revision = revision;
        runner.record_signature(&decided_again).unwrap();
        let journal = runner.journal(2, 1).unwrap();
        assert!(
            matches!(&journal[0].entry, Entry::Tripped { trip, by } if by == "ada" && *trip == trips[0])
        );
    }
}

#[test]
fn a_halt_may_come_before_the_first_run_and_survives_restarts() {
    for place in places() {
        place
            .open(Access::Operator)
            .set_control(Timestamp(5), &halt(), "ada")
            .unwrap();
        for _ in 0..2 {
            let (trips, revision) = place.open(Access::Runner).control().unwrap();
            assert_eq!((trips.len(), revision), (1, 1));
        }
    }
}

#[test]
fn a_clear_is_journalled_and_raises_the_revision() {
    for place in places() {
        let store = place.open(Access::Operator);
        assert_eq!(
            store.set_control(Timestamp(5), &resume(), "ada"),
            Err(StoreError::NoTrip {
                scope: Scope::Everything,
                breaker: "manual".into()
            })
        );
        assert_eq!(store.control(), Ok((vec![], 0)));
        assert_eq!(store.journal(1, 9), Ok(vec![]));
        store.set_control(Timestamp(5), &halt(), "ada").unwrap();
        assert_eq!(store.set_control(Timestamp(6), &resume(), "bob"), Ok(2));
        assert_eq!(store.control(), Ok((vec![], 2)));
        let journal = store.journal_tail(1).unwrap();
        assert_eq!((journal[0].seq, journal[0].at), (2, Timestamp(6)));
        assert_eq!(
            journal[0].entry,
            Entry::Cleared {
                scope: Scope::Everything,
                breaker: "manual".into(),
                by: "bob".into(),
                reason: "checked by hand".into()
            }
        );
    }
}

#[test]
fn a_breaker_has_one_trip_per_scope_and_each_change_raises_the_revision() {
    for place in places() {
        let store = place.open(Access::Runner);
        let commit = |trips: &[_], cleared: &[_]| {
            let batch = Batch {
                trips: trips.to_vec(),
                cleared: cleared.to_vec(),
                ..Batch::at(Timestamp(1))
            };
            store.commit(&batch).unwrap().revision
        };
        let scopes = [
            Scope::Everything,
            Scope::Chain(ChainId(1)),
            Scope::Protocol("vault".into()),
            Scope::Asset(AssetId::new("ETH")),
            Scope::Wallet(WALLET),
        ];
        let trips = scopes
            .clone()
            .map(|scope| trip(scope, "drawdown", ControlState::Cautious));
        assert_eq!(commit(&trips, &[]), 5);
        assert_eq!(commit(&trips, &[]), 5, "nothing changed");
        let worse = trip(scopes[1].clone(), "drawdown", ControlState::Locked);
        let other = trip(scopes[1].clone(), "depeg", ControlState::Reducing);
        assert_eq!(commit(&[worse.clone(), other.clone()], &[]), 7);
        let (stored, _) = store.control().unwrap();
        assert_eq!(stored.len(), 6);
        assert!(stored.contains(&worse) && stored.contains(&other));
        let cleared = [
            (scopes[1].clone(), "depeg".to_owned()),
            (scopes[2].clone(), "depeg".to_owned()),
        ];
        assert_eq!(commit(&[], &cleared), 8, "one of the two was there");
        assert_eq!(store.control().unwrap().0.len(), 5);
    }
}

#[test]
fn an_operator_writes_journal_and_control_states_only() {
    for place in places() {
        let runner = place.open(Access::Runner);
        let operator = place.open(Access::Operator);
        let note = Batch {
            entries: vec![Entry::Note {
                text: "restored".into(),
            }],
            ..Batch::at(Timestamp(1))
        };
        assert_eq!(operator.commit(&note).unwrap().seq, 1);
        assert_eq!(runner.commit(&note).unwrap().seq, 2);
        let more = Batch {
            outcomes: vec![outcome(1, 0, TxResult::Succeeded)],
            ..note.clone()
        };
        assert!(matches!(
            operator.commit(&more),
            Err(StoreError::NotPermitted { .. })
        ));
        assert!(matches!(
            operator.record_signature(&signature(1, 0)),
            Err(LogError::Database(_))
        ));
        let reader = place.open(Access::ReadOnly);
        assert!(matches!(
            reader.commit(&note),
            Err(StoreError::NotPermitted { .. })
        ));
        assert!(matches!(
            reader.set_control(Timestamp(1), &halt(), "ada"),
            Err(StoreError::NotPermitted { .. })
        ));
        assert_eq!(reader.journal(1, 10).unwrap().len(), 2);
    }
}

#[test]
fn announced_withdrawals_add_up_beside_a_runner_and_are_journalled() {
    for place in places() {
        let runner = place.open(Access::Runner);
        let operator = place.open(Access::Operator);
        let announced = |amount: u64| Withdrawal {
            wallet: Address::repeat_byte(7),
            token: Token {
                chain: ChainId(1),
                contract: None,
                asset: AssetId::new("ETH"),
                decimals: 18,
            },
            amount: U256::from(amount),
            reason: "rent".into(),
        };
        for (at, amount) in [(1, 5), (2, 6)] {
            operator
                .announce_withdrawal(Timestamp(at), &announced(amount), "ada")
                .unwrap();
        }
        let stored = runner
            .setting(airdrops_store::WITHDRAWALS)
            .unwrap()
            .unwrap();
        let stored: Vec<Withdrawal> = serde_json::from_value(stored).unwrap();
        assert_eq!(stored, [announced(5), announced(6)]);
        assert_eq!(runner.journal(1, 10).unwrap().len(), 2);
        assert!(matches!(
            place
                .open(Access::ReadOnly)
                .announce_withdrawal(Timestamp(3), &announced(7), "ada"),
            Err(StoreError::NotPermitted { .. })
        ));
    }
}
