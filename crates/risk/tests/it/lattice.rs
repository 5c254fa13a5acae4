//! How standing trips go up, ease and end.

use std::time::Duration;

use airdrops_risk::breaker::{BreakerKind, BreakerPolicy, Clearing, Demand};
use airdrops_risk::control::Change;
use airdrops_risk::{ControlBoard, MANUAL};
use airdrops_types::{AssetId, ChainId, ControlState, Scope, Timestamp, Trip};
use proptest::prelude::*;

use ControlState::{Active, Cautious, Halted, Locked, Reducing};

const MINUTE: i64 = 60_000;

fn usdc() -> Scope {
    Scope::Asset(AssetId::new("USDC"))
}

fn depeg(state: ControlState) -> Demand {
    let evidence = format!("the depeg says {state}");
    Demand::new(usdc(), BreakerKind::Depeg, state, evidence)
}

/// Cool-down 10 minutes, and evidence at most every 5.
fn policy() -> BreakerPolicy {
    let mut policy = BreakerPolicy::default();
    let clearing = Clearing {
        cool_down: Duration::from_secs(600),
        ..BreakerKind::Depeg.clearing()
    };
    policy.clearing.insert(BreakerKind::Depeg, clearing);
    policy
}

fn state(board: &ControlBoard) -> ControlState {
    let trips = board.trips().iter().filter(|trip| trip.scope == usdc());
    trips.map(|trip| trip.state).max().unwrap_or_default()
}

fn apply(board: &mut ControlBoard, minute: i64, demands: &[Demand]) -> Vec<Change> {
    board.apply(demands, Timestamp(minute * MINUTE), &policy())
}

/// Applies the same demand at each of the minutes, and returns the state after each.
fn course(
    board: &mut ControlBoard,
    minutes: impl IntoIterator<Item = i64>,
    demand: &Demand,
) -> Vec<ControlState> {
    minutes
        .into_iter()
        .map(|minute| {
            apply(board, minute, std::slice::from_ref(demand));
            state(board)
        })
        .collect()
}

fn tripped(state: ControlState) -> ControlBoard {
    let mut board = ControlBoard::default();
    let changes = apply(&mut board, 0, &[depeg(state)]);
    assert_eq!(
        changes,
        [Change::Tripped {
            trip: Trip {
                scope: usdc(),
                breaker: "depeg".to_owned(),
                state,
                since: Timestamp(0),
                evidence: format!("the depeg says {state}"),
            }
        }]
    );
    board
}

#[test]
fn up_is_immediate_and_a_lesser_demand_changes_nothing() {
    let mut board = tripped(Cautious);
    assert_eq!(board.revision(), 1);
    assert_eq!(apply(&mut board, 1, &[depeg(Cautious)]), []);
    assert_eq!(apply(&mut board, 2, &[depeg(Reducing)]).len(), 1);
    assert_eq!(board.trips()[0].since, Timestamp(2 * MINUTE));
    assert_eq!(apply(&mut board, 3, &[depeg(Cautious)]), []);
    assert_eq!((state(&board), board.revision()), (Reducing, 2));
    assert_eq!(apply(&mut board, 4, &[depeg(Halted)]).len(), 1);
    assert_eq!(apply(&mut board, 5, &[depeg(Reducing)]), []);
    assert_eq!(state(&board), Halted);
}

#[test]
fn of_demands_that_contradict_each_other_the_worst_holds() {
    let mut board = ControlBoard::default();
    apply(&mut board, 0, &[depeg(Active), depeg(Reducing)]);
    assert_eq!(state(&board), Reducing);
    let both = [depeg(Active), depeg(Reducing)];
    for minute in 1..30 {
        assert_eq!(apply(&mut board, minute, &both), []);
    }
}

#[test]
fn healthy_evidence_without_a_trip_changes_nothing() {
    let mut board = ControlBoard::default();
    for minute in 0..20 {
        assert_eq!(apply(&mut board, minute, &[depeg(Active)]), []);
    }
    assert_eq!(board, ControlBoard::default());
}

#[test]
fn a_trip_ends_exactly_when_healthy_evidence_lasted_for_the_cool_down() {
    let mut board = tripped(Reducing);
    let states = course(&mut board, [1, 6, 10], &depeg(Active));
    assert_eq!(states, [Reducing; 3]);
    let almost = Timestamp(11 * MINUTE - 1);
    assert_eq!(board.apply(&[depeg(Active)], almost, &policy()), []);
    let before = board.trips()[0].clone();
    let changes = apply(&mut board, 11, &[depeg(Active)]);
    assert_eq!(
        changes,
        [Change::Cleared {
            trip: before,
            evidence: "the depeg says active".to_owned()
        }]
    );
    // Nothing is left of the way down.
    let mut empty = ControlBoard::restore(Vec::new(), 2);
    assert_eq!(board, empty);
    assert_eq!(apply(&mut empty, 12, &[depeg(Active)]), []);
}

#[test]
fn missing_evidence_starts_the_cool_down_again() {
    let mut board = tripped(Cautious);
    course(&mut board, [1, 5, 10], &depeg(Active));
    let elsewhere = Demand {
        scope: Scope::Everything,
        ..depeg(Active)
    };
    let other = Demand {
        kind: BreakerKind::Data,
        ..depeg(Active)
    };
    assert_eq!(apply(&mut board, 11, &[elsewhere, other]), []);
    let states = course(&mut board, [12, 17, 21, 22], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Cautious, Active]);
}

#[test]
fn a_renewed_demand_starts_the_cool_down_again() {
    for renewed in [
        depeg(Cautious),
        depeg(Active).easing_to(Cautious),
        depeg(Active).easing_to(Halted),
    ] {
        let mut board = tripped(Cautious);
        course(&mut board, [1, 5, 10], &depeg(Active));
        assert_eq!(apply(&mut board, 11, std::slice::from_ref(&renewed)), []);
        let states = course(&mut board, [12, 17, 21, 22], &depeg(Active));
        assert_eq!(states, [Cautious, Cautious, Cautious, Active]);
    }
}

#[test]
fn a_pause_longer_than_the_evidence_gap_starts_the_cool_down_again() {
    let mut board = tripped(Cautious);
    let states = course(&mut board, [1, 6, 11], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Active]);

    let mut board = tripped(Cautious);
    course(&mut board, [1, 6], &depeg(Active));
    let late = Timestamp(11 * MINUTE + 1);
    assert_eq!(board.apply(&[depeg(Active)], late, &policy()), []);
    let states = course(&mut board, [16, 20, 21, 22], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Cautious, Active]);
}

#[test]
fn a_clock_that_goes_back_starts_the_cool_down_again() {
    let mut board = tripped(Cautious);
    course(&mut board, [1, 6, 10], &depeg(Active));
    let states = course(&mut board, [9, 11, 14, 18, 19], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Cautious, Cautious, Active]);
}

#[test]
fn a_second_look_at_the_same_instant_starts_nothing_again() {
    let mut board = tripped(Cautious);
    let states = course(&mut board, [1, 1, 6, 10, 10, 11], &depeg(Active));
    assert_eq!(states[..5], [Cautious; 5]);
    assert_eq!(states[5], Active);
}

#[test]
fn a_trip_eases_to_the_calmest_state_that_held_for_the_cool_down() {
    let mut board = tripped(Reducing);
    course(&mut board, [1, 5, 9], &depeg(Cautious));
    let mut first = board.clone();
    // Healthy from minute 10, at most cautious from minute 1.
    assert_eq!(apply(&mut board, 10, &[depeg(Active)]), []);
    let changes = apply(&mut board, 11, &[depeg(Active)]);
    let trip = board.trips()[0].clone();
    assert_eq!((trip.state, trip.since), (Cautious, Timestamp(11 * MINUTE)));
    assert_eq!(trip.evidence, "the depeg says active");
    assert_eq!(
        changes,
        [Change::Eased {
            from: Reducing,
            trip
        }]
    );
    assert_eq!(board.revision(), 2);
    // What was healthy before the easing counts for the next step.
    let states = course(&mut board, [15, 19, 20], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Active]);
    assert_eq!(board.revision(), 3);

    // A lesser demand that goes on holds the trip where it is.
    let minutes = (10..60).step_by(5);
    let states = course(&mut first, minutes, &depeg(Cautious));
    assert_eq!(states[0], Reducing);
    assert!(states[1..].iter().all(|state| *state == Cautious));
    assert_eq!(first.revision(), 2);
}

#[test]
fn what_would_be_demanded_if_it_lasted_holds_a_trip() {
    let mut board = tripped(Reducing);
    let uneasy = depeg(Active).easing_to(Cautious);
    let states = course(&mut board, (1..40).step_by(5), &uneasy);
    assert_eq!(states[..3], [Reducing, Reducing, Cautious]);
    assert_eq!(*states.last().unwrap(), Cautious);
    // Evidence that says less than it demands does not ease below the demand.
    let mut board = tripped(Reducing);
    let wrong = Demand {
        eases_to: Active,
        ..depeg(Cautious)
    };
    let states = course(&mut board, (1..40).step_by(5), &wrong);
    assert_eq!(*states.last().unwrap(), Cautious);
}

#[test]
fn a_worse_trip_in_between_starts_the_cool_down_again() {
    let mut board = tripped(Cautious);
    course(&mut board, [1, 6, 10], &depeg(Active));
    board.trip(Trip {
        scope: usdc(),
        breaker: "depeg".to_owned(),
        state: Reducing,
        since: Timestamp(10 * MINUTE),
        evidence: "by hand".to_owned(),
    });
    let states = course(&mut board, [11, 16, 20, 21], &depeg(Active));
    assert_eq!(states, [Reducing, Reducing, Reducing, Active]);
}

#[test]
fn a_trip_cleared_by_a_person_leaves_no_way_down_behind() {
    let mut board = tripped(Cautious);
    course(&mut board, [1, 6, 10], &depeg(Active));
    assert!(board.clear(&usdc(), "depeg").is_some());
    assert_eq!(board, ControlBoard::restore(Vec::new(), 2));
    apply(&mut board, 10, &[depeg(Cautious)]);
    let states = course(&mut board, [11, 16, 20, 21], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Cautious, Active]);
}

#[test]
fn other_trips_do_not_disturb_a_way_down() {
    let mut board = tripped(Cautious);
    let chain = Demand {
        scope: Scope::Chain(ChainId(1)),
        ..depeg(Cautious)
    };
    apply(&mut board, 0, &[depeg(Cautious), chain.clone()]);
    let healthy = Demand {
        evidence: "fine".to_owned(),
        ..Demand::new(chain.scope.clone(), chain.kind, Active, String::new())
    };
    let mut ends = Vec::new();
    for minute in [1, 5, 9, 11, 14, 16] {
        // The chain's evidence begins at minute 5.
        let mut demands = vec![depeg(Active)];
        if minute > 1 {
            demands.push(healthy.clone());
        }
        for change in apply(&mut board, minute, &demands) {
            let Change::Cleared { trip, .. } = change else {
                panic!("{change:?}");
            };
            ends.push((minute, trip.scope));
        }
    }
    assert_eq!(ends, [(11, usdc()), (16, chain.scope)]);
}

#[test]
fn what_an_administrator_clears_never_goes_by_itself() {
    for kind in BreakerKind::ALL {
        for state in [Cautious, Reducing, Halted, Locked] {
            let mut board = ControlBoard::default();
            let demand = |state| Demand::new(usdc(), kind, state, String::new());
            let policy = BreakerPolicy::default();
            board.apply(&[demand(state)], Timestamp(0), &policy);
            for minute in 1..1000 {
                let now = Timestamp(minute * MINUTE);
                board.apply(&[demand(Active)], now, &policy);
            }
            let stays = state > kind.clears_itself_up_to();
            assert_eq!(board.trips().len(), usize::from(stays), "{kind} {state}");
        }
    }
}

#[test]
fn a_trip_of_a_breaker_that_is_not_known_stays() {
    let trip = Trip {
        scope: usdc(),
        breaker: "from-another-version".to_owned(),
        state: Cautious,
        since: Timestamp(0),
        evidence: String::new(),
    };
    let mut board = ControlBoard::restore(vec![trip], 1);
    let states = course(&mut board, 1..100, &depeg(Active));
    assert!(states.iter().all(|state| *state == Cautious));
}

#[test]
fn a_restart_keeps_the_way_down_or_starts_it_again() {
    let mut board = tripped(Cautious);
    course(&mut board, [1, 6, 10], &depeg(Active));
    let text = serde_json::to_string(&board).unwrap();
    let mut whole: ControlBoard = serde_json::from_str(&text).unwrap();
    assert_eq!(whole, board);
    assert_eq!(course(&mut whole, [11], &depeg(Active)), [Active]);
    let mut trips_only = ControlBoard::restore(board.trips().to_vec(), board.revision());
    let states = course(&mut trips_only, [11, 16, 20, 21], &depeg(Active));
    assert_eq!(states, [Cautious, Cautious, Cautious, Active]);
    let older = r#"{"trips":[],"revision":7}"#;
    assert_eq!(
        serde_json::from_str::<ControlBoard>(older).unwrap(),
        ControlBoard::restore(Vec::new(), 7)
    );
}

#[test]
fn changes_come_by_scope_and_breaker() {
    let mut board = ControlBoard::default();
    board.trip(Trip {
        scope: usdc(),
        breaker: MANUAL.to_owned(),
        state: Cautious,
        since: Timestamp(0),
        evidence: String::new(),
    });
    let data = Demand {
        kind: BreakerKind::Data,
        ..depeg(Cautious)
    };
    let everything = Demand {
        scope: Scope::Everything,
        ..depeg(Cautious)
    };
    let changes = apply(&mut board, 1, &[depeg(Cautious), data, everything]);
    let order: Vec<String> = changes
        .iter()
        .map(|change| match change {
            Change::Tripped { trip } => format!("{} {}", trip.scope, trip.breaker),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        order,
        ["everything depeg", "asset:USDC data", "asset:USDC depeg"]
    );
    assert_eq!(board.trips().len(), 4);
}

fn evidence() -> impl Strategy<Value = Option<(ControlState, ControlState)>> {
    let state = || prop::sample::select(vec![Active, Cautious, Reducing, Halted]);
    prop::option::weighted(0.9, (state(), state()))
}

proptest! {
    #[test]
    fn worse_evidence_never_gives_a_better_state(
        ticks in prop::collection::vec((evidence(), evidence(), 1i64..7), 1..60),
    ) {
        let (mut better, mut worse) = (ControlBoard::default(), ControlBoard::default());
        let mut minute = 0;
        for (a, b, passed) in ticks {
            minute += passed;
            let demand = |(state, present)| vec![depeg(state).easing_to(present)];
            let good = a.map(demand);
            // Missing evidence is as bad as the same evidence, and worse than healthy evidence.
            let bad = match (a, b) {
                (Some(a), Some(b)) => Some(demand((a.0.max(b.0), a.1.max(b.1)))),
                (Some((Active, _)) | None, None) => None,
                (Some(a), None) => Some(demand(a)),
                (None, Some(b)) if b.0 > Active => Some(demand((b.0, Halted))),
                (None, Some(_)) => None,
            };
            apply(&mut better, minute, &good.unwrap_or_default());
            apply(&mut worse, minute, &bad.unwrap_or_default());
            prop_assert!(state(&worse) >= state(&better));
        }
    }
}
