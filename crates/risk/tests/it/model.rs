//! The control board, a breaker and the gate, explored state by state: the transitions are the real
//! functions, and what they must do is said a second time, in other words.
//!
//! Times enter a state's fingerprint only as far as they can matter, so that the exploration ends by
//! itself and covers every course of events, however long.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::time::Duration;

use airdrops_risk::breaker::{
    BreakerKind, BreakerPolicy, Clearing, Demand, Depeg, DepegLimits, DepegStep, Peg,
};
use airdrops_risk::{
    ControlBoard, FOREIGN_NONCE, GateState, MANUAL, Marked, Policy, Touched, verdict,
};
use airdrops_types::{
    AssetId, Bps, ControlState, Intent, Origin, Price, Reading, Scope, Snapshot, Timestamp, Trip,
    Verdict,
};
use stateright::{Checker, Model, Property};

use crate::scenario::{Decay, inputs, worsen};
use crate::world::{self, GWEI, HERE, Kind, NOW, WALLET, Wealth};
use ControlState::{Active, Cautious, Halted, Locked, Reducing};

/// Time between two ticks.
const STEP: i64 = 60_000;
/// Ticks of healthy evidence until a stop ends.
const COOL_DOWN: i64 = 2;

/// What the breaker that can clear itself sees in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Evidence {
    /// It could not look.
    None,
    /// It demands the first, and would demand the second if what it sees lasted.
    Demand(ControlState, ControlState),
    /// The real depeg breaker sees this price, in thousandths of the peg.
    Price(u128),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    /// Time passes (in steps; less than zero: the clock goes back), and every breaker is asked.
    Tick {
        passed: i64,
        sees: Evidence,
        loss: Option<ControlState>,
    },
    /// A person stops everything.
    Stop(ControlState),
    /// A wallet's nonce was used by somebody else.
    ForeignNonce,
    /// An administrator clears one of the standing trips, and its evidence is used up.
    Clear(usize),
    /// The program starts again with all of its state.
    Restart,
    /// The program starts again, and of the board only the trips were stored.
    RestartFromTrips,
}

#[derive(Debug, Clone, PartialEq)]
struct State {
    now: Timestamp,
    board: ControlBoard,
    depeg: Depeg,
    /// How far the last evidence would have let a trip ease, latest last; empty after anything that
    /// starts a cool-down again.
    eases: VecDeque<ControlState>,
    /// Somebody was locked out once.
    was_locked: bool,
    /// A stop has ended, or eased, by itself.
    eased: bool,
    /// What a transition did that it must not do.
    wrong: Option<String>,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let ago = |time: &serde_json::Value| {
            (self.now.0 - time.as_i64().unwrap()).min((COOL_DOWN + 1) * STEP)
        };
        for trip in self.board.trips() {
            (&trip.scope, &trip.breaker, trip.state).hash(hasher);
        }
        let board = serde_json::to_value(&self.board).unwrap();
        for recovery in board["recoveries"].as_array().unwrap() {
            recovery["breaker"].as_str().hash(hasher);
            ago(&recovery["last"]).hash(hasher);
            for since in recovery["since"].as_array().unwrap() {
                since[0].as_str().hash(hasher);
                ago(&since[1]).hash(hasher);
            }
        }
        let depeg = serde_json::to_value(&self.depeg).unwrap();
        for episodes in depeg["episodes"].as_object().unwrap().values() {
            for episode in episodes.as_array().unwrap() {
                let lasted = episode["lasted"]["secs"].as_i64().unwrap();
                lasted.min(COOL_DOWN * STEP / 1000).hash(hasher);
                let last = &episode["last"];
                last.is_i64().then(|| ago(last)).hash(hasher);
            }
        }
        (&self.eases, self.was_locked, self.eased, &self.wrong).hash(hasher);
    }
}

/// The model: what the self-clearing breaker can see, and what else can happen.
struct Stops {
    sees: Vec<Evidence>,
    /// Its kind and scope.
    kind: BreakerKind,
    scope: Scope,
    people: bool,
    policy: BreakerPolicy,
    gate: GateModel,
}

fn policy(kind: BreakerKind) -> BreakerPolicy {
    let steps = |steps: i64| Duration::from_millis(u64::try_from(steps * STEP).unwrap());
    let step = |deviation, lasting| DepegStep {
        deviation: Bps(deviation),
        lasting: steps(lasting),
    };
    BreakerPolicy {
        clearing: BTreeMap::from([(
            kind,
            Clearing {
                cool_down: steps(COOL_DOWN),
                ..kind.clearing()
            },
        )]),
        evidence_gap: steps(1),
        depeg: DepegLimits {
            pegs: BTreeMap::from([(AssetId::new("USDC"), Peg::DOLLAR)]),
            warn: step(50, 2),
            reduce: step(100, 2),
            halt: step(200, 1),
            max_gap: steps(1),
        },
        ..BreakerPolicy::default()
    }
}

impl Stops {
    /// Data of one chain: every demand that there can be.
    fn data() -> Self {
        let kind = BreakerKind::Data;
        Self {
            sees: vec![
                Evidence::None,
                Evidence::Demand(Active, Active),
                Evidence::Demand(Active, Cautious),
                Evidence::Demand(Cautious, Cautious),
                Evidence::Demand(Cautious, Reducing),
                Evidence::Demand(Reducing, Reducing),
            ],
            kind,
            scope: Scope::Chain(HERE),
            people: true,
            policy: policy(kind),
            gate: GateModel::default(),
        }
    }

    /// The real depeg breaker under prices.
    fn depeg() -> Self {
        let kind = BreakerKind::Depeg;
        Self {
            sees: vec![
                Evidence::None,
                Evidence::Price(1000),
                Evidence::Price(993),
                Evidence::Price(985),
                Evidence::Price(1030),
            ],
            kind,
            scope: Scope::Asset(AssetId::new("USDC")),
            people: false,
            policy: policy(kind),
            gate: GateModel::default(),
        }
    }

    fn standing(&self, board: &ControlBoard, breaker: &str) -> ControlState {
        let trips = board.trips().iter();
        let found = trips.filter(|trip| trip.breaker == breaker);
        found.map(|trip| trip.state).max().unwrap_or_default()
    }

    fn tick(&self, state: &mut State, passed: i64, sees: Evidence, loss: Option<ControlState>) {
        state.now = Timestamp(state.now.0 + passed * STEP);
        let demand = match sees {
            Evidence::None => None,
            Evidence::Demand(demanded, present) => Some(
                Demand::new(self.scope.clone(), self.kind, demanded, String::new())
                    .easing_to(present),
            ),
            Evidence::Price(thousandths) => {
                let price = Reading::Fresh {
                    value: Price(Price::SCALE / 1000 * thousandths),
                    at: state.now,
                };
                let prices = BTreeMap::from([(AssetId::new("USDC"), price)]);
                let demands = state.depeg.assess(&prices, &self.policy.depeg, state.now);
                Some(demands.into_iter().next().unwrap())
            }
        };
        let loss_demand = loss.map(|loss| {
            let (scope, kind) = (Scope::Everything, BreakerKind::RollingLoss);
            Demand::new(scope, kind, loss, String::new())
        });

        // What must follow, in other words.
        let before = self.standing(&state.board, self.kind.name());
        let mut expected = before;
        match &demand {
            None => state.eases.clear(),
            Some(demand) => {
                if passed != 1 {
                    state.eases.clear();
                }
                state.eases.push_back(demand.eases_to);
                let window = usize::try_from(COOL_DOWN).unwrap() + 1;
                if state.eases.len() > window {
                    state.eases.pop_front();
                }
                let worst = state.eases.iter().copied().max().unwrap_or_default();
                if demand.state > before {
                    expected = demand.state;
                } else if before <= Reducing && state.eases.len() == window && worst < before {
                    expected = worst;
                }
            }
        }
        let stopped = self.standing(&state.board, "rolling-loss");
        let others = |board: &ControlBoard| -> Vec<Trip> {
            let ours = [self.kind.name(), "rolling-loss"];
            let trips = board.trips().iter();
            let trips = trips.filter(|trip| !ours.contains(&trip.breaker.as_str()));
            trips.cloned().collect()
        };
        let others_before = others(&state.board);

        let demands: Vec<Demand> = demand.into_iter().chain(loss_demand).collect();
        state.board.apply(&demands, state.now, &self.policy);

        let after = self.standing(&state.board, self.kind.name());
        let loss_after = self.standing(&state.board, "rolling-loss");
        if after != expected {
            state.wrong = Some(format!("{before} became {after}, not {expected}"));
        }
        if loss_after != stopped.max(loss.unwrap_or_default()) {
            state.wrong = Some(format!("the loss stop {stopped} became {loss_after}"));
        }
        if others(&state.board) != others_before {
            state.wrong = Some("a stop of a person changed by itself".to_owned());
        }
        state.eased |= after < before;
    }

    /// The same trips, and none better, after a start.
    fn check_restart(&self, before: &ControlBoard, state: &mut State) {
        if before.trips() != state.board.trips() {
            state.wrong = Some("a stop did not survive a restart".to_owned());
        }
    }
}

impl Model for Stops {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: NOW,
            board: ControlBoard::default(),
            depeg: Depeg::default(),
            eases: VecDeque::new(),
            was_locked: false,
            eased: false,
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for sees in &self.sees {
            for loss in [None, Some(Active), Some(Halted)] {
                let sees = *sees;
                actions.push(Action::Tick {
                    passed: 1,
                    sees,
                    loss,
                });
            }
            // A breaker that never looks again must not see the clock go back for ever.
            for passed in [-1, 2] {
                if *sees != Evidence::None {
                    actions.push(Action::Tick {
                        passed,
                        sees: *sees,
                        loss: None,
                    });
                }
            }
        }
        if self.people {
            actions.extend([Halted, Locked].map(Action::Stop));
            actions.push(Action::ForeignNonce);
        }
        actions.extend((0..state.board.trips().len()).map(Action::Clear));
        actions.extend([Action::Restart, Action::RestartFromTrips]);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let trip = |scope, breaker: &str, to| Trip {
            scope,
            breaker: breaker.to_owned(),
            state: to,
            since: NOW,
            evidence: String::new(),
        };
        match action {
            Action::Tick { passed, sees, loss } => self.tick(&mut state, passed, sees, loss),
            Action::Stop(to) => {
                state.board.trip(trip(Scope::Everything, MANUAL, to));
            }
            Action::ForeignNonce => {
                let scope = Scope::Wallet(WALLET);
                state.board.trip(trip(scope, FOREIGN_NONCE, Locked));
            }
            Action::Clear(index) => {
                let trip = state.board.trips()[index].clone();
                state.board.clear(&trip.scope, &trip.breaker);
                if trip.breaker == self.kind.name() {
                    state.eases.clear();
                    state.depeg = Depeg::default();
                }
            }
            Action::Restart => {
                let board = serde_json::to_string(&state.board).unwrap();
                state.board = serde_json::from_str(&board).unwrap();
                let depeg = serde_json::to_string(&state.depeg).unwrap();
                state.depeg = serde_json::from_str(&depeg).unwrap();
                self.check_restart(&last.board, &mut state);
                if state.board != last.board || state.depeg != last.depeg {
                    state.wrong = Some("a restart changed a state".to_owned());
                }
            }
            Action::RestartFromTrips => {
                let trips = state.board.trips().to_vec();
                state.board = ControlBoard::restore(trips, state.board.revision());
                state.eases.clear();
                self.check_restart(&last.board, &mut state);
            }
        }
        state.was_locked |= state.board.trips().iter().any(|trip| trip.state == Locked);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every transition does what it must", |_, state: &State| {
                state.wrong.is_none()
            }),
            Property::always("the gate obeys the stops", |model: &Self, state: &State| {
                model.gate.obeys(&state.board)
            }),
            Property::always(
                "an administrator gets back to active",
                |model: &Self, state| model.recovers(state),
            ),
            Property::sometimes("a stop ends by itself", |model: &Self, state: &State| {
                state.eased && model.standing(&state.board, model.kind.name()) == Active
            }),
            Property::sometimes("a stop eases by itself", |model: &Self, state: &State| {
                state.eased && model.standing(&state.board, model.kind.name()) == Cautious
            }),
            Property::sometimes(
                "the worst of the breaker is reached",
                |model: &Self, state: &State| {
                    let worst = if model.people { Reducing } else { Halted };
                    model.standing(&state.board, model.kind.name()) == worst
                },
            ),
            Property::sometimes(
                "a way leads back from locked",
                |model: &Self, state: &State| {
                    !model.people || (state.was_locked && state.board.trips().is_empty())
                },
            ),
        ]
    }
}

impl Stops {
    /// Clearing every trip gives `Active`, healthy evidence keeps it, and new exposure is permitted.
    fn recovers(&self, state: &State) -> bool {
        let mut board = state.board.clone();
        for trip in state.board.trips() {
            board.clear(&trip.scope, &trip.breaker);
        }
        let healthy = Demand::new(self.scope.clone(), self.kind, Active, String::new());
        let changes = board.apply(&[healthy], state.now, &self.policy);
        let supply = world::intent(Kind::Supply, 1, 1000);
        changes.is_empty()
            && board.trips().is_empty()
            && board.state_for(&Touched::by(&supply)) == (Active, None)
            && self.gate.permits(&board, &supply, &self.gate.snapshot)
    }
}

/// The real gate over a sound world, and over worlds in which one input is not fresh.
struct GateModel {
    policy: Policy,
    snapshot: Snapshot,
    decayed: Vec<Snapshot>,
    /// By trips: whether the gate obeyed.
    known: Mutex<BTreeMap<String, bool>>,
}

impl Default for GateModel {
    fn default() -> Self {
        // Far enough from its limit that caution, which halves it, still permits more.
        let wealth = Wealth {
            vault: 5_000,
            ..Wealth::PLENTY
        };
        let snapshot = world::snapshot(wealth, GWEI);
        let mut decayed = Vec::new();
        for index in 0..inputs(&snapshot) {
            for decay in [Decay::Stale, Decay::Missing] {
                let mut worse = snapshot.clone();
                crate::scenario::decay_input(&mut worse, index, decay);
                decayed.push(worse);
            }
        }
        let mut blind = snapshot.clone();
        for price in blind.prices.values_mut() {
            worsen(price, Decay::Missing);
        }
        decayed.push(blind);
        Self {
            policy: world::policy(),
            snapshot,
            decayed,
            known: Mutex::default(),
        }
    }
}

impl GateModel {
    fn permits(&self, board: &ControlBoard, intent: &Intent, snapshot: &Snapshot) -> bool {
        let state = GateState {
            control: board.clone(),
            ..GateState::default()
        };
        let marked = Marked::new(snapshot, &self.policy);
        let verdict = verdict(&self.policy, &state, &marked, intent, GWEI / 10, NOW);
        matches!(verdict, Verdict::Permitted { .. })
    }

    fn obeys(&self, board: &ControlBoard) -> bool {
        let trips = board.trips().iter();
        let key: Vec<String> = trips
            .map(|trip| format!("{} {} {}", trip.scope, trip.breaker, trip.state))
            .collect();
        let mut known = self.known.lock().unwrap();
        *known
            .entry(key.join(", "))
            .or_insert_with(|| self.judge(board))
    }

    fn judge(&self, board: &ControlBoard) -> bool {
        let by = |origin, kind| Intent {
            origin,
            ..world::intent(kind, 1, 1000)
        };
        let supply = by(Origin::Scheduler, Kind::Supply);
        let exit = by(Origin::Scheduler, Kind::Withdraw);
        let operator = by(Origin::Operator, Kind::Withdraw);
        let unsimulated = Intent {
            simulation: None,
            ..operator.clone()
        };
        let cancel = by(Origin::Scheduler, Kind::Cancel);
        let intents = [&supply, &exit, &operator, &unsimulated, &cancel];

        let worst = board.state_for(&Touched::by(&supply)).0;
        let permits = |intent| self.permits(board, intent, &self.snapshot);
        let as_stated = permits(&supply) == (worst <= Cautious)
            && permits(&exit) == (worst <= Reducing)
            && permits(&operator) == (worst <= Halted)
            && permits(&cancel) == self.cancel_is_free(board, &cancel)
            && !permits(&unsimulated);
        // An exit needs no fresh prices.
        let blind = self.decayed.last().unwrap();
        let exits_blind = self.permits(board, &operator, blind) == (worst <= Halted);
        let nothing_new_on_decay = self
            .decayed
            .iter()
            .all(|snapshot| !self.permits(board, &supply, snapshot));
        // Fewer stops permit no less, and worse ones no more.
        let monotone = intents.iter().all(|intent| {
            let permitted = self.permits(board, intent, &self.snapshot);
            board.trips().iter().all(|trip| {
                let (mut fewer, mut worse) = (board.clone(), board.clone());
                fewer.clear(&trip.scope, &trip.breaker);
                worse.trip(Trip {
                    state: Locked,
                    ..trip.clone()
                });
                (!permitted || self.permits(&fewer, intent, &self.snapshot))
                    && (permitted || !self.permits(&worse, intent, &self.snapshot))
            })
        });
        as_stated && exits_blind && nothing_new_on_decay && monotone
    }

    fn cancel_is_free(&self, board: &ControlBoard, cancel: &Intent) -> bool {
        board.state_for(&Touched::by(cancel)).0 < Locked
    }
}

fn explore(model: Stops, name: &str) {
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} unique states, {} generated, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

#[test]
fn no_course_of_demands_stops_and_restarts_breaks_the_lattice() {
    explore(Stops::data(), "lattice");
}

#[test]
fn no_course_of_prices_lets_a_depeg_end_early_or_a_halt_end_by_itself() {
    explore(Stops::depeg(), "depeg");
}
