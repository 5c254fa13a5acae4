//! All breakers together, over one picture of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_risk::ControlBoard;
use airdrops_risk::breaker::{
    BreakerInputs, BreakerKind, BreakerPolicy, Breakers, ClockReading, Demand, Fact, FactKind,
    FailureAlarm, FailureClass, GasObservation, Peg, Successes,
};
use airdrops_risk::control::Change;
use airdrops_types::{
    Address, AssetId, B256, ContractFacts, ContractView, ControlState, EquityPoint, Incident,
    Price, ProtocolId, Reading, Scope, Severity, Snapshot, Timestamp, Usd, VolatilityState,
};

use crate::world::{GWEI, HERE, THERE, Wealth, snapshot};
use ControlState::{Active, Cautious, Halted, Reducing};

const MINUTE: i64 = 60_000;
const START: i64 = 1_800_000_000_000;

/// Everything that the breakers are handed, to be changed at will.
struct World {
    snapshot: Snapshot,
    equity: Option<EquityPoint>,
    gas: Vec<GasObservation>,
    names: BTreeMap<String, BTreeSet<Scope>>,
    dependents: BTreeMap<String, BTreeSet<Scope>>,
    feeds: BTreeSet<String>,
    facts: Vec<Fact>,
    failures: Vec<FailureAlarm>,
    successes: Vec<Successes>,
    clock: Option<ClockReading>,
    volatility: Option<VolatilityState>,
    policy: BreakerPolicy,
    breakers: Breakers,
}

fn asset(name: &str) -> Scope {
    Scope::Asset(AssetId::new(name))
}

fn pool() -> Scope {
    Scope::Protocol(ProtocolId::new("pool-1"))
}

fn fresh<T>(value: T) -> Reading<T> {
    Reading::Fresh {
        value,
        at: Timestamp(START),
    }
}

fn dollars(value: i64) -> Reading<Usd> {
    fresh(Usd::dollars(value))
}

fn facts() -> ContractFacts {
    ContractFacts {
        code_hash: B256::repeat_byte(1),
        implementation: None,
        implementation_code_hash: None,
        admin: None,
        beacon: None,
        owner: None,
        paused: Some(false),
    }
}

impl World {
    fn sound() -> Self {
        let mut snapshot = snapshot(Wealth::PLENTY, GWEI);
        snapshot.contracts = vec![ContractView {
            chain: HERE,
            contract: Address::repeat_byte(0x11),
            protocol: ProtocolId::new("pool-1"),
            facts: fresh(facts()),
        }];
        for source in ["coingecko", "rekt"] {
            snapshot.market.sources.insert(source.to_owned(), fresh(()));
        }
        let mut policy = BreakerPolicy::default();
        policy.depeg.pegs = BTreeMap::from([(AssetId::new("USDC"), Peg::DOLLAR)]);
        Self {
            snapshot,
            equity: None,
            gas: vec![GasObservation {
                chain: HERE,
                cost: dollars(1),
                expected_value: dollars(100),
                usual_at_most: None,
            }],
            names: BTreeMap::from([
                ("pool".to_owned(), BTreeSet::from([pool()])),
                ("usdc".to_owned(), BTreeSet::from([asset("USDC")])),
            ]),
            dependents: BTreeMap::from([(
                "coingecko".to_owned(),
                BTreeSet::from([asset("ETH"), asset("USDC")]),
            )]),
            feeds: BTreeSet::from(["rekt".to_owned()]),
            facts: Vec::new(),
            failures: Vec::new(),
            successes: Vec::new(),
            clock: None,
            volatility: Some(VolatilityState::Medium),
            policy,
            breakers: Breakers::default(),
        }
    }

    fn now(minute: i64) -> Timestamp {
        Timestamp(START + minute * MINUTE)
    }

    fn assess(&mut self, minute: i64) -> Vec<Demand> {
        let inputs = BreakerInputs {
            snapshot: &self.snapshot,
            equity: self.equity,
            gas: &self.gas,
            names: &self.names,
            dependents: &self.dependents,
            incident_feeds: &self.feeds,
            facts: &self.facts,
            failures: &self.failures,
            successes: &self.successes,
            clock: self.clock.as_ref(),
            volatility: self.volatility,
        };
        self.breakers
            .assess(&inputs, &self.policy, Self::now(minute))
    }

    /// What is demanded beyond `Active`.
    fn stops(&mut self, minute: i64) -> Vec<(Scope, BreakerKind, ControlState)> {
        let demands = self.assess(minute);
        let stops = demands.into_iter().filter(|demand| demand.state > Active);
        stops
            .map(|demand| (demand.scope, demand.kind, demand.state))
            .collect()
    }

    /// Assesses every minute of a span, and returns what is demanded in the end.
    fn lasting(
        &mut self,
        minutes: std::ops::RangeInclusive<i64>,
    ) -> Vec<(Scope, BreakerKind, ControlState)> {
        let mut last = Vec::new();
        for minute in minutes {
            last = self.stops(minute);
        }
        last
    }

    fn price(&mut self, name: &str, price: Reading<Price>) {
        self.snapshot.prices.insert(AssetId::new(name), price);
    }

    fn equity(&mut self, minute: i64, equity: i64) {
        self.equity = Some(EquityPoint {
            at: Self::now(minute),
            equity: Usd::dollars(equity),
            net_flows: Usd::ZERO,
            gas: Usd::ZERO,
        });
    }

    fn restart(&mut self) {
        let text = serde_json::to_string(&self.breakers).unwrap();
        let restored: Breakers = serde_json::from_str(&text).unwrap();
        assert_eq!(restored, self.breakers);
        self.breakers = restored;
    }

    fn report(&mut self, source: &str, id: &str) {
        self.snapshot.market.incidents.push(Incident {
            id: id.to_owned(),
            source: source.to_owned(),
            at: Timestamp(START),
            names: vec!["pool".to_owned()],
            severity: Severity::Critical,
            title: "drained".to_owned(),
        });
    }
}

#[test]
fn a_sound_world_is_healthy_everywhere_in_a_fixed_order() {
    let mut world = World::sound();
    world.equity(0, 100_000);
    let demands = world.assess(0);
    assert!(
        demands
            .iter()
            .all(|demand| (demand.state, demand.eases_to) == (Active, Active))
    );
    let order: Vec<String> = demands
        .iter()
        .map(|demand| format!("{} {}", demand.scope, demand.kind))
        .collect();
    assert_eq!(
        order,
        [
            "everything drawdown",
            "everything rolling-loss",
            "everything volatility",
            "chain:1 data",
            "chain:1 unprofitable-gas",
            "chain:10 data",
            "protocol:pool-1 data",
            "protocol:pool-1 incident",
            "protocol:pool-1 pin-change",
            "asset:ETH data",
            "asset:USDC data",
            "asset:USDC depeg",
            "asset:USDC incident",
        ]
    );
    let mut board = ControlBoard::default();
    assert_eq!(board.apply(&demands, World::now(0), &world.policy), []);
}

#[test]
fn what_nobody_measured_is_not_said_to_be_healthy() {
    let mut world = World::sound();
    world.equity = None;
    world.volatility = None;
    world.gas.clear();
    world.feeds.insert("silent".to_owned());
    let kinds: BTreeSet<BreakerKind> = world.assess(0).iter().map(|d| d.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([
            BreakerKind::PinChange,
            BreakerKind::Depeg,
            BreakerKind::Data
        ])
    );
    world.feeds.remove("silent");
    world
        .snapshot
        .market
        .sources
        .insert("rekt".to_owned(), Reading::missing("no answer"));
    let demands = world.assess(1);
    assert!(demands.iter().all(|d| d.kind != BreakerKind::Incident));
}

#[test]
fn each_breaker_stops_its_own_scope() {
    let mut world = World::sound();
    world.gas[0].cost = dollars(50);
    assert_eq!(
        world.lasting(0..=60),
        [(Scope::Chain(HERE), BreakerKind::UnprofitableGas, Cautious)]
    );

    let mut world = World::sound();
    world.price("USDC", fresh(Price(Price::SCALE / 100 * 97)));
    assert_eq!(
        world.lasting(0..=120),
        [(asset("USDC"), BreakerKind::Depeg, Halted)]
    );

    let mut world = World::sound();
    world.price("ETH", Reading::missing("no source"));
    assert_eq!(
        world.lasting(0..=61),
        [(asset("ETH"), BreakerKind::Data, Reducing)]
    );

    let mut world = World::sound();
    let chains = &mut world.snapshot.chains;
    chains.get_mut(&HERE).unwrap().head = Reading::missing("no answer");
    chains.get_mut(&THERE).unwrap().base_fee = Reading::missing("no answer");
    assert_eq!(
        world.lasting(0..=61),
        [
            (Scope::Chain(HERE), BreakerKind::Data, Reducing),
            (Scope::Chain(THERE), BreakerKind::Data, Reducing)
        ]
    );

    let mut world = World::sound();
    world.snapshot.market.sources.remove("coingecko");
    assert_eq!(
        world.lasting(0..=61),
        [
            (asset("ETH"), BreakerKind::Data, Cautious),
            (asset("USDC"), BreakerKind::Data, Cautious)
        ]
    );

    let mut world = World::sound();
    world.stops(0);
    world.snapshot.contracts[0].facts = fresh(ContractFacts {
        code_hash: B256::ZERO,
        ..facts()
    });
    assert_eq!(world.stops(1), [(pool(), BreakerKind::PinChange, Reducing)]);

    let mut world = World::sound();
    world.failures = vec![FailureAlarm {
        scope: pool(),
        class: FailureClass::Revert,
        evidence: "all failed".to_owned(),
    }];
    assert_eq!(
        world.stops(0),
        [(pool(), BreakerKind::FailureRate, Cautious)]
    );
    world.failures.clear();
    world.successes = vec![Successes {
        scope: pool(),
        class: FailureClass::Revert,
        count: 5,
    }];
    assert_eq!(world.stops(1), []);

    let mut world = World::sound();
    world.clock = Some(ClockReading {
        wall: World::now(0),
        monotonic: Duration::ZERO,
        process: 1,
        chain_times: vec![World::now(3)],
    });
    assert_eq!(
        world.stops(0),
        [(Scope::Everything, BreakerKind::Clock, Cautious)]
    );

    let mut world = World::sound();
    world.volatility = Some(VolatilityState::Extreme);
    assert_eq!(
        world.stops(0),
        [(Scope::Everything, BreakerKind::Volatility, Cautious)]
    );
}

#[test]
fn losses_trip_by_their_own_windows() {
    let mut world = World::sound();
    world.equity(0, 100_000);
    assert_eq!(world.stops(0), []);
    world.equity(60, 90_000);
    let loss = (Scope::Everything, BreakerKind::RollingLoss, Halted);
    assert_eq!(world.stops(60), [loss]);
    world.equity(48 * 60, 80_000);
    assert_eq!(
        world.stops(48 * 60),
        [
            (Scope::Everything, BreakerKind::Drawdown, Halted),
            (Scope::Everything, BreakerKind::RollingLoss, Halted)
        ]
    );
    // Clearing one uses up only its own evidence.
    let at = World::now(48 * 60);
    world
        .breakers
        .consume(BreakerKind::RollingLoss, &Scope::Everything, at);
    assert_eq!(
        world.stops(48 * 60),
        [(Scope::Everything, BreakerKind::Drawdown, Halted)]
    );
    world
        .breakers
        .consume(BreakerKind::Drawdown, &Scope::Everything, at);
    assert_eq!(world.stops(48 * 60), []);
    world.restart();
    world.equity(49 * 60, 72_000);
    assert_eq!(
        world.stops(49 * 60),
        [(Scope::Everything, BreakerKind::RollingLoss, Halted)]
    );
}

#[test]
fn a_report_is_confirmed_by_what_other_breakers_see() {
    let halted = (pool(), BreakerKind::Incident, Halted);

    let mut world = World::sound();
    world.report("rekt", "1");
    assert_eq!(world.stops(0), [(pool(), BreakerKind::Incident, Cautious)]);
    world.snapshot.contracts[0].facts = fresh(ContractFacts {
        paused: Some(true),
        ..facts()
    });
    assert!(world.stops(1).contains(&halted));

    let mut world = World::sound();
    world.report("rekt", "1");
    world.facts = vec![Fact {
        scope: pool(),
        kind: FactKind::TvlFall,
        evidence: "TVL fell by 31 % in 1 h".to_owned(),
    }];
    assert_eq!(world.stops(0), [halted]);

    let mut world = World::sound();
    world.report("rekt", "1");
    world.snapshot.market.incidents[0].names = vec!["usdc".to_owned()];
    world.price("USDC", fresh(Price(Price::SCALE / 100 * 98)));
    assert_eq!(
        world.stops(0),
        [(asset("USDC"), BreakerKind::Incident, Halted)]
    );
}

#[test]
fn a_dead_source_stops_nothing_that_does_not_depend_on_it() {
    let mut world = World::sound();
    world.price("ETH", Reading::missing("no source"));
    world.lasting(0..=200);
    let demands = world.assess(201);
    for demand in demands {
        let concerned = demand.scope == asset("ETH");
        assert_eq!(demand.state > Active, concerned, "{demand:?}");
    }
}

#[test]
fn a_stop_ends_by_itself_once_its_data_is_back_for_the_cool_down() {
    let mut world = World::sound();
    let mut board = ControlBoard::default();
    let mut tick = |world: &mut World, minute| {
        let demands = world.assess(minute);
        let changes = board.apply(&demands, World::now(minute), &world.policy);
        world.restart();
        changes.len()
    };
    let price = world.snapshot.prices[&AssetId::new("ETH")].clone();
    world.price("ETH", Reading::missing("no source"));
    let trips: usize = (0..=20).map(|minute| tick(&mut world, minute)).sum();
    assert_eq!(trips, 1);
    world.price("ETH", price);
    let ends: Vec<i64> = (21..60)
        .filter(|minute| tick(&mut world, *minute) > 0)
        .collect();
    assert_eq!(ends, [31]);
}

#[test]
fn evidence_that_a_person_has_dealt_with_does_not_trip_again_but_new_evidence_does() {
    let mut world = World::sound();
    let stop = |kind, state| [(pool(), kind, state)];
    world.stops(0);

    // Pins: what was found is right from now on.
    let upgraded = |byte| {
        fresh(ContractFacts {
            code_hash: B256::repeat_byte(byte),
            ..facts()
        })
    };
    world.snapshot.contracts[0].facts = upgraded(2);
    let pins = BreakerKind::PinChange;
    assert_eq!(world.stops(1), stop(pins, Reducing));
    world.breakers.consume(pins, &asset("USDC"), World::now(1));
    assert_eq!(world.stops(1), stop(pins, Reducing));
    world.breakers.consume(pins, &pool(), World::now(1));
    assert_eq!(world.stops(2), []);
    world.snapshot.contracts[0].facts = upgraded(3);
    assert_eq!(world.stops(3), stop(pins, Reducing));
    world.breakers.consume(pins, &pool(), World::now(3));

    // Reports: their ids are used up.
    world.report("rekt", "1");
    world.report("peckshield", "1");
    let incident = BreakerKind::Incident;
    assert!(world.stops(4).contains(&(pool(), incident, Halted)));
    world.breakers.consume(incident, &pool(), World::now(4));
    world.restart();
    assert_eq!(world.stops(5), []);
    world.report("rekt", "2");
    assert_eq!(world.stops(6), stop(incident, Cautious));
    world.breakers.consume(incident, &pool(), World::now(6));

    // Failures.
    world.failures = vec![FailureAlarm {
        scope: pool(),
        class: FailureClass::Revert,
        evidence: "all failed".to_owned(),
    }];
    let failures = BreakerKind::FailureRate;
    assert_eq!(world.stops(7), stop(failures, Cautious));
    world.failures.clear();
    assert_eq!(world.stops(8), stop(failures, Cautious));
    world.breakers.consume(failures, &pool(), World::now(8));
    assert_eq!(world.stops(9), []);
}

#[test]
fn episodes_start_again_when_a_person_has_dealt_with_them() {
    let mut world = World::sound();
    world.price("USDC", fresh(Price(Price::SCALE / 100 * 97)));
    world.gas[0].cost = dollars(50);
    world.snapshot.contracts.clear();
    let depeg = (asset("USDC"), BreakerKind::Depeg, Halted);
    let gas = (Scope::Chain(HERE), BreakerKind::UnprofitableGas, Cautious);
    assert_eq!(world.lasting(0..=120), [gas.clone(), depeg.clone()]);
    for (scope, kind, _) in [&gas, &depeg] {
        world.breakers.consume(*kind, scope, World::now(120));
    }
    assert_eq!(world.lasting(121..=180), []);
    assert_eq!(world.lasting(181..=240), std::slice::from_ref(&gas));
    assert_eq!(world.lasting(241..=241), [gas, depeg]);
}

#[test]
fn unread_data_gets_its_grace_again_when_a_person_has_dealt_with_it() {
    let mut world = World::sound();
    world.stops(0);
    world.snapshot.contracts.clear();
    world.price("ETH", Reading::missing("no source"));
    let (data, all) = (BreakerKind::Data, [pool(), asset("ETH")]);
    assert_eq!(
        world.lasting(1..=16),
        [(pool(), data, Reducing), (asset("ETH"), data, Cautious)]
    );
    for scope in all {
        world.breakers.consume(data, &scope, World::now(16));
    }
    assert_eq!(world.lasting(17..=27), []);
    assert_eq!(
        world.lasting(28..=32),
        [(pool(), data, Reducing), (asset("ETH"), data, Cautious)]
    );
}

#[test]
fn a_clock_that_a_person_has_looked_at_lets_losses_count_again() {
    let mut world = World::sound();
    world.equity(100_000, 100_000);
    world.stops(100_000);
    world.equity(10, 50_000);
    assert_eq!(world.stops(10), []);
    let everything = Scope::Everything;
    for kind in [
        BreakerKind::Manual,
        BreakerKind::ForeignNonce,
        BreakerKind::Volatility,
    ] {
        let before = world.breakers.clone();
        world.breakers.consume(kind, &everything, World::now(10));
        assert_eq!(world.breakers, before);
    }
    world
        .breakers
        .consume(BreakerKind::Clock, &everything, World::now(10));
    world.equity(11, 50_000);
    let stops = world.stops(11);
    let kinds: Vec<BreakerKind> = stops.iter().map(|stop| stop.1).collect();
    assert_eq!(kinds, [BreakerKind::Drawdown, BreakerKind::RollingLoss]);
}

#[test]
fn a_tripped_state_is_recomputed_after_a_restart_without_the_stored_board() {
    let mut world = World::sound();
    world.report("rekt", "1");
    world.report("peckshield", "1");
    world.equity(0, 100_000);
    world.stops(0);
    world.equity(1, 85_000);
    let before = world.stops(1);
    assert_eq!(before.len(), 2);
    world.restart();
    world.snapshot.market.incidents.clear();
    world.equity(2, 85_000);
    assert_eq!(world.stops(2), before);
    let demands = world.assess(2);
    let mut board = ControlBoard::default();
    let changes = board.apply(&demands, World::now(2), &world.policy);
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|c| matches!(c, Change::Tripped { .. })));
}
