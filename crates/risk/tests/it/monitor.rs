//! The monitor over days: what it keeps, what it demands, and what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_risk::breaker::{ClockReading, FailureClass, Peg};
use airdrops_risk::look_through::Node;
use airdrops_risk::monitor::{Measure, Sample};
use airdrops_risk::volatility::Source;
use airdrops_risk::volatility::deribit::implied;
use airdrops_risk::{
    Assessment, Attempt, BreakerKind, ControlBoard, Marked, Monitor, MonitorPolicy, MonitorState,
    Policy, RiskReport, Seen, Term,
};
use airdrops_types::{
    AlertLevel, AssetId, B256, Bar, Bps, ContractFacts, ContractView, ControlState, EquityPoint,
    Incident, Price, ProtocolId, Quote, Reading, Scope, Severity, Snapshot, Timestamp, TokenDanger,
    TokenFindings, TokenView, Usd, VolPoints, VolatilityState,
};
use proptest::prelude::*;

use crate::option_chain;
use crate::scenario::{Decay, decay, decay_input, inputs, worsen};
use crate::world::{self, GWEI, HERE, NOW, THERE, Wealth, fresh};
use ControlState::{Active, Cautious, Halted, Reducing};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// A monitor and the world that it sees.
struct Desk {
    policy: Policy,
    watch: MonitorPolicy,
    monitor: Monitor,
    board: ControlBoard,
    snapshot: Snapshot,
    attempts: Vec<Attempt>,
    clock: Option<ClockReading>,
}

fn at(minute: i64) -> Timestamp {
    Timestamp(NOW.0 + minute * MINUTE)
}

fn eth() -> AssetId {
    AssetId::new("ETH")
}

fn usdc() -> AssetId {
    AssetId::new("USDC")
}

fn protocol(name: &str) -> Scope {
    Scope::Protocol(ProtocolId::new(name))
}

fn dollars(price: u128) -> Reading<Price> {
    fresh(Price(Price::SCALE * price))
}

/// Pegged, named, and with one watched contract of the vault.
fn watch() -> MonitorPolicy {
    let mut watch = MonitorPolicy::default();
    watch.breakers.depeg.pegs.insert(usdc(), Peg::DOLLAR);
    watch.tvl.insert("pool".to_owned());
    watch.incident_feeds = ["rekt".to_owned(), "news".to_owned()].into();
    watch.names = BTreeMap::from([
        ("pool".to_owned(), BTreeSet::from([protocol("pool-1")])),
        ("usdc".to_owned(), BTreeSet::from([Scope::Asset(usdc())])),
    ]);
    let underneath = BTreeSet::from([usdc(), eth()]);
    watch.assets_of = BTreeMap::from([(ProtocolId::new("pool-1"), underneath)]);
    watch.chain_of = BTreeMap::from([(ProtocolId::new("pool-1"), HERE)]);
    watch
}

fn facts(byte: u8) -> ContractFacts {
    ContractFacts {
        code_hash: B256::repeat_byte(byte),
        implementation: None,
        implementation_code_hash: None,
        admin: None,
        beacon: None,
        owner: None,
        paused: Some(false),
    }
}

fn sound() -> Snapshot {
    let mut snapshot = world::snapshot(Wealth::PLENTY, GWEI);
    snapshot.contracts = vec![ContractView {
        chain: HERE,
        contract: world::VAULT,
        protocol: ProtocolId::new("vault-1"),
        facts: fresh(facts(1)),
    }];
    let market = &mut snapshot.market;
    market
        .tvl
        .insert("pool".to_owned(), fresh(Usd::dollars(50_000_000)));
    for source in ["rekt", "news"] {
        market.sources.insert(source.to_owned(), fresh(()));
    }
    snapshot
}

impl Desk {
    fn new() -> Self {
        Self::of(world::policy(), watch(), MonitorState::default())
    }

    fn of(policy: Policy, watch: MonitorPolicy, state: MonitorState) -> Self {
        let assets = [eth(), usdc()];
        Self {
            monitor: Monitor::new(watch.clone(), state, assets).unwrap(),
            policy,
            watch,
            board: ControlBoard::default(),
            snapshot: sound(),
            attempts: Vec::new(),
            clock: None,
        }
    }

    fn tick(&mut self, minute: i64) -> Assessment {
        self.snapshot.at = at(minute);
        let marked = Marked::new(&self.snapshot, &self.policy);
        let equity = marked.exposure().ok().map(|exposure| EquityPoint {
            at: at(minute),
            equity: exposure.equity,
            net_flows: Usd::ZERO,
            gas: Usd::ZERO,
        });
        let attempts = std::mem::take(&mut self.attempts);
        let seen = Seen {
            quiet: true,
            events: &[],
            marked: &marked,
            policy: &self.policy,
            board: &self.board,
            equity,
            attempts: &attempts,
            clock: self.clock.as_ref(),
            defects: &[],
        };
        let found = self.monitor.assess(&seen, at(minute));
        self.board = found.board.clone();
        found
    }

    /// A tick in each fifth minute of a span; the last of them.
    fn lasting(&mut self, minutes: std::ops::RangeInclusive<i64>) -> Assessment {
        let ticks = minutes.step_by(5).map(|minute| self.tick(minute));
        ticks.last().unwrap()
    }

    fn price(&mut self, asset: AssetId, price: Reading<Price>) {
        self.snapshot.prices.insert(asset, price);
    }

    fn report(&mut self, source: &str, name: &str, minute: i64) {
        self.snapshot.market.incidents.push(Incident {
            id: "1".to_owned(),
            source: source.to_owned(),
            at: at(minute),
            names: vec![name.to_owned()],
            severity: Severity::Critical,
            title: "drained".to_owned(),
        });
    }

    fn said_of_usdc(&mut self, findings: Reading<TokenFindings>) {
        let usdc = world::usdc();
        self.snapshot.market.tokens = vec![TokenView {
            chain: usdc.chain,
            contract: usdc.contract.unwrap(),
            findings,
        }];
    }

    /// The standing trips.
    fn stops(&self) -> Vec<(Scope, &str, ControlState)> {
        let trips = self.board.trips().iter();
        trips
            .map(|trip| (trip.scope.clone(), trip.breaker.as_str(), trip.state))
            .collect()
    }

    /// What an administrator does.
    fn clear(&mut self, scope: &Scope, kind: BreakerKind, minute: i64) {
        assert!(self.board.clear(scope, kind.name()).is_some());
        self.monitor.consume(kind, scope, at(minute));
    }

    fn scale(&self, scope: &Scope) -> u32 {
        self.monitor.limits().scale(scope).0
    }

    /// Stops, and starts on what was stored.
    fn restart(&mut self, kept: &[Sample]) {
        let stored = serde_json::to_value(self.monitor.state()).unwrap();
        let state: MonitorState = serde_json::from_value(stored).unwrap();
        assert_eq!(&state, self.monitor.state());
        let mut monitor = Monitor::new(self.watch.clone(), state, [eth(), usdc()]).unwrap();
        let kept: Vec<Sample> = kept
            .iter()
            .map(|sample| Sample {
                at: sample.at,
                measure: serde_json::from_value(serde_json::to_value(&sample.measure).unwrap())
                    .unwrap(),
            })
            .collect();
        monitor.recall(&kept);
        self.monitor = monitor;
    }
}

/// Hours of a price that wanders, until an hour before [`NOW`].
fn past(hours: i64, seed: u32) -> Vec<Bar> {
    let (mut price, mut seed) = (2000.0_f64, seed);
    (0..hours)
        .map(|hour| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let open = price;
            price *= 1.0 + (f64::from(seed >> 8) / f64::from(1 << 24) - 0.5) / 50.0;
            Bar {
                start: Timestamp(NOW.0 - (hours - hour) * HOUR * MINUTE),
                open,
                high: open.max(price) * 1.001,
                low: open.min(price) * 0.999,
                close: price,
            }
        })
        .collect()
}

fn bars(found: &Assessment) -> Vec<(AssetId, Bar)> {
    let samples = found.samples.iter();
    samples
        .filter_map(|sample| match &sample.measure {
            Measure::Bar { asset, bar } => Some((asset.clone(), *bar)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_hour_of_fresh_prices_is_kept_as_one_bar() {
    let mut desk = Desk::new();
    for (minute, price) in [(0, 2000), (20, 2100), (40, 1900), (50, 2050)] {
        desk.price(eth(), dollars(price));
        assert_eq!(bars(&desk.tick(minute)), []);
    }
    let mut stale = dollars(9000);
    worsen(&mut stale, Decay::Stale);
    desk.price(eth(), stale);
    assert_eq!(bars(&desk.tick(60)), [], "a stale price ends no hour");
    desk.price(eth(), dollars(2060));
    let expected = Bar {
        start: NOW,
        open: 2000.0,
        high: 2100.0,
        low: 1900.0,
        close: 2050.0,
    };
    let found = desk.tick(61);
    assert_eq!(bars(&found), [(eth(), expected)], "a peg has no volatility");
    assert_eq!(bars(&desk.tick(62)), []);
}

#[test]
fn every_series_has_one_sample_an_hour() {
    let mut desk = Desk::new();
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for minute in (0..4 * HOUR).step_by(7) {
        for sample in desk.tick(minute).samples {
            *kept.entry(sample.series()).or_default() += 1;
        }
    }
    let counts: Vec<(&str, usize)> = kept.iter().map(|(key, n)| (key.as_str(), *n)).collect();
    assert_eq!(
        counts,
        [
            ("bar:ETH", 3),
            ("base-fee:1", 4),
            ("base-fee:10", 4),
            ("tvl:pool", 4)
        ]
    );
}

/// A restless world at a minute.
fn restless(desk: &mut Desk, minute: i64) {
    let wave = u128::try_from((minute * 37) % 101).unwrap();
    desk.price(eth(), dollars(1900 + 2 * wave));
    let fee = GWEI + wave * GWEI / 50;
    for chain in desk.snapshot.chains.values_mut() {
        chain.base_fee = fresh(fee);
    }
    // Extreme for a few minutes between two full hours.
    let implied = if (30 * HOUR + 20..30 * HOUR + 40).contains(&minute) {
        25_000
    } else {
        6_000
    };
    let implied = fresh(VolPoints(implied));
    let market = &mut desk.snapshot.market;
    market.implied_volatility.insert(eth(), implied);
    desk.attempts.push(Attempt {
        protocol: ProtocolId::new("vault-1"),
        failure: (minute % 70 == 0).then_some(FailureClass::Revert),
    });
}

#[test]
fn a_restart_in_any_hour_goes_on_as_if_nothing_had_happened() {
    let (mut straight, mut broken) = (Desk::new(), Desk::new());
    let mut kept = Vec::new();
    for desk in [&mut straight, &mut broken] {
        let seeded = desk.monitor.seed(&eth(), &past(40 * 24, 3), NOW);
        assert_eq!(seeded.len(), 40 * 24);
        kept = seeded;
    }
    let mut states = BTreeSet::new();
    for minute in (0..50 * HOUR).step_by(10) {
        restless(&mut straight, minute);
        restless(&mut broken, minute);
        if [7, 30 * HOUR + 30, 31 * HOUR, 47 * HOUR + 50]
            .iter()
            .any(|stop| (*stop..stop + 10).contains(&minute))
        {
            broken.restart(&kept);
        }
        let (went_on, started) = (straight.tick(minute), broken.tick(minute));
        assert_eq!(went_on.report, started.report, "minute {minute}");
        assert_eq!(went_on.samples, started.samples, "minute {minute}");
        assert_eq!(went_on.alerts, started.alerts, "minute {minute}");
        assert_eq!(went_on.changes, started.changes, "minute {minute}");
        kept.extend(started.samples);
        kept.sort_by_key(|sample| sample.at);
        states.extend(started.report.volatility.state);
    }
    assert!(states.contains(&VolatilityState::Extreme), "{states:?}");
    assert!(states.len() > 1, "it was left as well: {states:?}");
    assert_eq!(straight.monitor.state(), broken.monitor.state());
}

#[test]
fn without_the_stored_state_volatility_is_no_calmer() {
    let mut desk = Desk::new();
    let implied = &mut desk.snapshot.market.implied_volatility;
    implied.insert(eth(), fresh(VolPoints(25_000)));
    let kept = desk.tick(0).samples;
    let mut other = Desk::new();
    other.monitor.recall(&kept);
    let found = other.tick(10);
    assert_eq!(
        found.report.volatility.state,
        Some(VolatilityState::Extreme)
    );
}

#[test]
fn prices_from_elsewhere_are_taken_only_where_nothing_is_known() {
    let mut desk = Desk::new();
    let hours = past(48, 3);
    assert_eq!(desk.monitor.seed(&usdc(), &hours, NOW), []);
    let stranger = AssetId::new("BTC");
    assert_eq!(desk.monitor.seed(&stranger, &hours, NOW), []);
    assert_eq!(desk.monitor.seed(&eth(), &hours, NOW).len(), 48);
    assert_eq!(desk.monitor.seed(&eth(), &past(60, 4), NOW), []);

    let mut desk = Desk::new();
    desk.tick(0);
    desk.tick(60);
    assert_eq!(desk.monitor.seed(&eth(), &hours, at(60)), []);
}

#[test]
fn prices_from_elsewhere_that_are_none_or_not_over_are_left_out() {
    let mut desk = Desk::new();
    let mut hours = past(48, 3);
    hours[5].high = f64::NAN;
    hours[9].low = -1.0;
    hours[20].start = hours[19].start;
    let last = hours[47];
    for ahead in [1, 2, 1_000_000] {
        let start = Timestamp(last.start.0 + ahead * HOUR * MINUTE);
        hours.push(Bar { start, ..last });
    }
    let taken = desk.monitor.seed(&eth(), &hours, NOW);
    assert_eq!(taken.len(), 45);
    assert!(taken.iter().all(|sample| sample.at < NOW));
    // And what comes later is not blocked by what was said about the future.
    desk.tick(0);
    let volatility = desk.tick(60).report.volatility;
    let readings = volatility.components.iter();
    let fresh: Vec<_> = readings.filter_map(|each| each.reading.fresh()).collect();
    assert_eq!(fresh.len(), 1, "{volatility:?}");
}

#[test]
fn the_past_of_several_assets_makes_one_tail() {
    let mut desk = Desk::new();
    let assets = [eth(), AssetId::new("BTC")];
    desk.monitor = Monitor::new(watch(), MonitorState::default(), assets.clone()).unwrap();
    let days = 255;
    let mut kept = Vec::new();
    for (seed, asset) in (3..).zip(&assets) {
        kept.extend(desk.monitor.seed(asset, &past(days * 24, seed), NOW));
    }
    let tail = desk.tick(0).report.tail;
    assert!(tail.days >= 250, "{} days", tail.days);
    let at_99 = tail.at_99.clone().unwrap();
    let at_975 = tail.at_975.clone().unwrap();
    assert!(at_99.value_at_risk >= at_975.value_at_risk);
    assert!(at_99.value_at_risk > Usd::ZERO);
    // The same from the store, where hours of all assets stand side by side.
    kept.sort_by_key(|sample| sample.at);
    let mut other = Desk::new();
    other.monitor = Monitor::new(watch(), MonitorState::default(), assets).unwrap();
    other.monitor.recall(&kept);
    assert_eq!(other.tick(0).report.tail, tail);
}

#[test]
fn a_day_is_judged_once_against_what_was_foretold_for_it() {
    let mut desk = Desk::new();
    desk.monitor.seed(&eth(), &past(260 * 24, 3), NOW);
    let mut judged = Vec::new();
    // NOW is 08:00 UTC.
    for minute in (0..3 * DAY).step_by(60) {
        // The second day loses a tenth of the ether and more.
        let price = if minute > 20 * HOUR { 1500 } else { 2000 };
        desk.price(eth(), dollars(price));
        for sample in desk.tick(minute).samples {
            if let Measure::Day { exceeded } = sample.measure {
                judged.push((minute / HOUR, exceeded));
            }
        }
    }
    assert_eq!(
        judged,
        [
            (16, [false, false]),
            (40, [true, true]),
            (64, [false, false])
        ]
    );
    let coverage = desk.tick(3 * DAY).report.tail.coverage;
    assert_eq!(
        coverage.map(|each| each.rate()),
        [Some(1.0 / 3.0), Some(1.0 / 3.0)]
    );
}

#[test]
fn a_stablecoin_off_its_peg_is_only_reduced_until_its_cool_down_is_over() {
    let mut desk = Desk::new();
    desk.price(usdc(), fresh(Price(Price::SCALE / 1000 * 985)));
    desk.lasting(0..=175);
    assert_eq!(desk.stops(), []);
    let found = desk.lasting(180..=180);
    let scope = Scope::Asset(usdc());
    assert_eq!(desk.stops(), [(scope.clone(), "depeg", Reducing)]);
    assert!(found.alerts.iter().any(|alert| alert.matter == "depeg"
        && alert.level == AlertLevel::Warning
        && alert.scope == scope));
    let signal = found.signals.iter().find(|signal| signal.scope == scope);
    assert_eq!(signal.map(|signal| signal.state), Some(Reducing));
    assert!(signal.is_some_and(|signal| signal.score > 0));
    desk.price(usdc(), dollars(1));
    desk.lasting(185..=540);
    assert_eq!(desk.stops().len(), 1, "six hours of a sound price");
    desk.lasting(545..=550);
    assert_eq!(desk.stops(), []);
}

#[test]
fn a_sick_protocol_keeps_a_quarter_of_its_limits_at_once_and_gets_them_back_slowly() {
    let mut desk = Desk::new();
    let vault = protocol("vault-1");
    desk.tick(0);
    assert_eq!(desk.scale(&vault), 10_000);
    desk.snapshot.contracts[0].facts = fresh(facts(2));
    let found = desk.tick(1);
    assert_eq!(desk.scale(&vault), 2500);
    assert_eq!(desk.scale(&Scope::Everything), 10_000);
    let signal = found.signals.iter().find(|signal| signal.scope == vault);
    assert_eq!(signal.map(|signal| signal.scale), Some(Bps(2500)));
    desk.clear(&vault, BreakerKind::PinChange, 1);
    desk.tick(31);
    assert_eq!(desk.scale(&vault), 3000, "ten points an hour");
    desk.restart(&[]);
    desk.tick(61);
    assert_eq!(desk.scale(&vault), 3500);
}

#[test]
fn a_contract_that_is_not_what_it_was_reduces_its_protocol_until_a_person_accepts_it() {
    let mut desk = Desk::new();
    let vault = protocol("vault-1");
    let first = desk.tick(0);
    let trusted = first.alerts.iter().filter(|alert| alert.matter == "pin");
    assert_eq!(trusted.count(), 1, "told once");
    assert!(
        desk.tick(1)
            .alerts
            .iter()
            .all(|alert| alert.matter != "pin")
    );
    desk.snapshot.contracts[0].facts = fresh(facts(2));
    desk.tick(2);
    assert_eq!(desk.stops(), [(vault.clone(), "pin-change", Reducing)]);
    desk.lasting(5..=DAY);
    assert_eq!(desk.stops().len(), 1, "it does not end by itself");
    desk.clear(&vault, BreakerKind::PinChange, DAY);
    desk.restart(&[]);
    desk.tick(DAY + 1);
    assert_eq!(desk.stops(), []);
    desk.snapshot.contracts[0].facts = fresh(facts(3));
    desk.tick(DAY + 2);
    assert_eq!(desk.stops(), [(vault, "pin-change", Reducing)]);
}

fn health(found: &Assessment, name: &str) -> u8 {
    let protocols = found.report.protocols.iter();
    let mut named = protocols.filter(|report| report.protocol.as_str() == name);
    named.next().unwrap().health.score
}

#[test]
fn a_contract_that_cannot_be_read_makes_its_protocol_no_healthier() {
    for decay in [Decay::Stale, Decay::Missing] {
        let mut desk = Desk::new();
        let before = health(&desk.tick(0), "vault-1");
        worsen(&mut desk.snapshot.contracts[0].facts, decay);
        assert!(health(&desk.tick(1), "vault-1") < before);
        desk.snapshot.contracts.clear();
        assert!(health(&desk.tick(2), "vault-1") < before);
    }
}

#[test]
fn a_report_about_an_asset_costs_the_protocols_above_it() {
    let mut desk = Desk::new();
    let before = desk.tick(0);
    desk.report("rekt", "usdc", 0);
    let after = desk.tick(1);
    assert!(health(&after, "pool-1") < health(&before, "pool-1"));
    assert_eq!(health(&after, "vault-1"), health(&before, "vault-1"));
}

#[test]
fn extreme_volatility_halves_all_limits_and_asks_for_caution() {
    let mut desk = Desk::new();
    desk.tick(0);
    let implied = &mut desk.snapshot.market.implied_volatility;
    implied.insert(eth(), fresh(VolPoints(25_000)));
    let found = desk.tick(1);
    let everything = Scope::Everything;
    assert_eq!(desk.stops(), [(everything.clone(), "volatility", Cautious)]);
    assert_eq!(desk.scale(&everything), 5000);
    let signal = found
        .signals
        .iter()
        .find(|signal| signal.scope == everything);
    let signal = signal.unwrap();
    assert_eq!((signal.state, signal.scale), (Cautious, Bps(5000)));
    assert!(
        signal
            .reasons
            .iter()
            .any(|reason| reason.contains("extreme"))
    );
    // A source that falls silent makes nothing calmer.
    let implied = &mut desk.snapshot.market.implied_volatility;
    implied.insert(eth(), Reading::missing("no answer"));
    desk.lasting(5..=2 * DAY);
    assert_eq!(desk.stops(), [(everything.clone(), "volatility", Cautious)]);
    assert_eq!(desk.scale(&everything), 5000);
}

/// Asset, source and standing of each component.
fn components(found: &Assessment) -> Vec<(Source, Reading<VolPoints>)> {
    let components = found.report.volatility.components.iter();
    components
        .map(|component| (component.source, component.reading.clone()))
        .collect()
}

#[test]
fn the_worst_of_our_own_index_dvol_and_what_prices_did_is_the_index() {
    let mut desk = Desk::new();
    desk.monitor.seed(&eth(), &past(48, 3), NOW);
    let own = implied(option_chain::fresh(option_chain::rows(0.9)));
    let own_points = *own.fresh().unwrap();
    let market = &mut desk.snapshot.market;
    market.option_volatility.insert(eth(), own.clone());
    let dvol = fresh(VolPoints(7_500));
    market.implied_volatility.insert(eth(), dvol.clone());
    let found = desk.tick(0);
    let sources: Vec<Source> = components(&found).iter().map(|each| each.0).collect();
    assert_eq!(
        sources,
        [Source::Realised, Source::OptionChain, Source::Dvol]
    );
    assert_eq!(components(&found)[1].1, own);
    assert_eq!(found.report.volatility.index, Some(own_points));
    assert_eq!(found.report.defects, [""; 0]);

    // The same market in a chain without its puts: a reason, and DVOL leads.
    let none = implied(option_chain::fresh(option_chain::truncated(
        option_chain::rows(0.9),
    )));
    let market = &mut desk.snapshot.market;
    market.option_volatility.insert(eth(), none);
    let found = desk.tick(1);
    assert_eq!(found.report.volatility.index, Some(VolPoints(7_500)));
    let reason = components(&found)[1].1.defect().unwrap();
    assert!(reason.contains("truncated"), "{reason}");
    assert_eq!(components(&found)[2].1, dvol);
    assert!(found.alerts.is_empty(), "{:?}", found.alerts);
    assert_eq!(found.report.defects, [""; 0]);

    // Neither: what prices did, and both reasons.
    let market = &mut desk.snapshot.market;
    market
        .implied_volatility
        .insert(eth(), Reading::missing("no answer"));
    let found = desk.tick(2);
    let realised = components(&found)[0].1.last_known().copied();
    assert_eq!(found.report.volatility.index, realised);
    assert_eq!(found.report.defects.len(), 2, "{:?}", found.report.defects);
}

#[test]
fn one_report_asks_for_caution_two_halt_and_none_counts_twice() {
    let mut desk = Desk::new();
    let pool = protocol("pool-1");
    desk.tick(0);
    desk.report("rekt", "pool", 0);
    desk.tick(1);
    assert_eq!(desk.stops(), [(pool.clone(), "incident", Cautious)]);
    desk.report("rekt:mirror", "pool", 1);
    desk.tick(2);
    assert_eq!(
        desk.stops(),
        [(pool.clone(), "incident", Cautious)],
        "one publisher has one voice"
    );
    desk.report("news", "pool", 2);
    desk.tick(3);
    assert_eq!(desk.stops(), [(pool.clone(), "incident", Halted)]);
    desk.clear(&pool, BreakerKind::Incident, 3);
    desk.restart(&[]);
    desk.tick(4);
    assert_eq!(desk.stops(), []);
    desk.snapshot.market.incidents[0].id = "2".to_owned();
    desk.tick(5);
    assert_eq!(desk.stops(), [(pool, "incident", Cautious)]);
}

/// A desk that asks about the contract of USDC, and hears of these dangers.
fn judging(dangers: &[TokenDanger]) -> Desk {
    let mut watch = watch();
    watch.tokens.insert(world::usdc());
    let mut desk = Desk::of(world::policy(), watch, MonitorState::default());
    desk.said_of_usdc(fresh(findings(dangers, &[])));
    desk
}

fn findings(dangers: &[TokenDanger], unknown: &[TokenDanger]) -> TokenFindings {
    TokenFindings {
        dangers: dangers.iter().copied().collect(),
        unknown: unknown.iter().copied().collect(),
    }
}

fn term<'a>(found: &'a Assessment, protocol: &str, name: &str) -> &'a Term {
    let mut protocols = found.report.protocols.iter();
    let report = protocols.find(|report| report.protocol.as_str() == protocol);
    let mut terms = report.unwrap().health.terms.iter();
    terms.find(|term| term.name == name).unwrap()
}

/// The alerts about tokens: level, matter and evidence.
fn about_tokens(found: &Assessment) -> Vec<(AlertLevel, &str, &str)> {
    let alerts = found.alerts.iter();
    alerts
        .filter(|alert| alert.matter.starts_with("token on chain"))
        .map(|alert| (alert.level, alert.matter.as_str(), alert.evidence.as_str()))
        .collect()
}

#[test]
fn a_dangerous_token_costs_the_protocols_above_it_and_is_told_once_per_change() {
    let mut desk = judging(&[TokenDanger::Proxy]);
    let before = desk.tick(0);
    assert_eq!(term(&before, "pool-1", "tokens").points, 0);
    let [(AlertLevel::Info, matter, evidence)] = about_tokens(&before)[..] else {
        panic!("{:?}", before.alerts);
    };
    assert_eq!(matter, "token on chain 1: code can be exchanged");
    assert!(evidence.contains("USDC (0x1515"), "{evidence}");
    assert_eq!(about_tokens(&desk.tick(1)), []);
    desk.said_of_usdc(fresh(findings(
        &[TokenDanger::Proxy, TokenDanger::Honeypot],
        &[],
    )));
    let found = desk.tick(2);
    assert_eq!(term(&found, "pool-1", "tokens").points, 60);
    assert!(health(&found, "pool-1") + 60 <= health(&before, "pool-1"));
    assert_eq!(health(&found, "vault-1"), health(&before, "vault-1"));
    let [(AlertLevel::Warning, "token on chain 1: honeypot", _)] = about_tokens(&found)[..] else {
        panic!("{:?}", found.alerts);
    };
    assert_eq!(about_tokens(&desk.tick(3)), []);
    assert_eq!(desk.stops(), [], "one voice stops nothing");
    desk.said_of_usdc(fresh(findings(&[TokenDanger::Proxy], &[])));
    let over = desk.tick(4);
    assert_eq!(
        about_tokens(&over),
        [(AlertLevel::Info, "token on chain 1: honeypot", "is over")]
    );
}

#[test]
fn a_source_of_tokens_that_falls_silent_or_forgets_takes_nothing_back() {
    let mut desk = judging(&[TokenDanger::Honeypot]);
    let worst = health(&desk.tick(0), "pool-1");
    let unsure = fresh(findings(&[], &[TokenDanger::Honeypot]));
    for (minute, said) in (1..).zip([
        unsure,
        Reading::missing("no answer"),
        Reading::missing("no"),
    ]) {
        desk.said_of_usdc(said);
        let found = desk.tick(minute);
        assert_eq!(term(&found, "pool-1", "tokens").points, 60);
        assert!(health(&found, "pool-1") <= worst);
        assert_eq!(about_tokens(&found), []);
    }
    desk.restart(&[]);
    desk.snapshot.market.tokens.clear();
    let found = desk.tick(9);
    let told = term(&found, "pool-1", "tokens");
    assert_eq!(
        (told.points, told.measured.as_str()),
        (60, "USDC (honeypot; stale: was not asked)")
    );
    // What was never known is neither harmless nor an exploit.
    let mut blank = judging(&[]);
    blank.said_of_usdc(Reading::missing("no answer yet"));
    assert_eq!(term(&blank.tick(0), "pool-1", "tokens").points, 10);
}

#[test]
fn a_dangerous_token_is_one_voice_beside_a_report_and_none_alone() {
    let usdc = Scope::Asset(usdc());
    for (danger, expected) in [
        (TokenDanger::Honeypot, Halted),
        (TokenDanger::Proxy, Cautious),
    ] {
        let mut desk = judging(&[danger]);
        desk.tick(0);
        assert_eq!(desk.stops(), []);
        desk.report("rekt", "usdc", 0);
        let found = desk.tick(1);
        assert_eq!(desk.stops(), [(usdc.clone(), "incident", expected)]);
        let evidence = &found.report.trips[0].evidence;
        assert_eq!(
            evidence.contains("honeypot"),
            expected == Halted,
            "{evidence}"
        );
    }
}

#[test]
fn a_fall_of_the_locked_value_confirms_a_report() {
    for (left, state) in [(71, Cautious), (70, Halted)] {
        let mut desk = Desk::new();
        desk.lasting(0..=70);
        let value = Usd::dollars(500_000 * left);
        desk.snapshot
            .market
            .tvl
            .insert("pool".to_owned(), fresh(value));
        desk.tick(71);
        assert_eq!(desk.stops(), [], "by itself it stops nothing");
        desk.report("rekt", "pool", 71);
        desk.tick(72);
        assert_eq!(desk.stops(), [(protocol("pool-1"), "incident", state)]);
    }
}

#[test]
fn what_is_stale_restrains_exactly_what_depends_on_it() {
    for (break_it, scope) in [
        (
            (|snapshot| worsen(snapshot.prices.get_mut(&eth()).unwrap(), Decay::Stale))
                as fn(&mut Snapshot),
            Scope::Asset(eth()),
        ),
        (
            |snapshot| {
                worsen(
                    &mut snapshot.chains.get_mut(&THERE).unwrap().head,
                    Decay::Missing,
                );
            },
            Scope::Chain(THERE),
        ),
    ] {
        let mut desk = Desk::new();
        desk.tick(0);
        break_it(&mut desk.snapshot);
        let found = desk.tick(1);
        let told = found.alerts.iter().filter(|alert| alert.scope == scope);
        assert_eq!(told.count(), 1, "at once: {:?}", found.alerts);
        desk.lasting(5..=15);
        assert_eq!(desk.stops(), [(scope.clone(), "data", Cautious)]);
        let found = desk.lasting(20..=70);
        assert_eq!(desk.stops(), [(scope.clone(), "data", Reducing)]);
        for signal in &found.signals {
            let stopped = signal.state > Active;
            assert_eq!(stopped, signal.scope == scope, "{signal:?}");
        }
        let sound = sound();
        desk.snapshot = sound;
        let found = desk.tick(71);
        let over = found.alerts.iter().filter(|alert| alert.scope == scope);
        let over: Vec<_> = over.map(|alert| alert.evidence.as_str()).collect();
        assert_eq!(over, ["is over"]);
        desk.lasting(75..=90);
        assert_eq!(desk.stops(), []);
    }
}

#[test]
fn a_source_of_prices_that_is_gone_asks_for_caution_with_the_assets_that_it_prices() {
    let mut desk = Desk::new();
    let market = &mut desk.snapshot.market;
    for source in ["coingecko", "pyth"] {
        market.sources.insert(source.to_owned(), fresh(()));
    }
    let quote = |source: &str| Quote {
        source: source.to_owned(),
        price: dollars(2_000),
    };
    let both = vec![quote("chainlink:1:ETH"), quote("coingecko"), quote("pyth")];
    market.quotes.insert(eth(), both);
    market.quotes.insert(usdc(), vec![quote("pyth")]);
    desk.lasting(0..=20);
    assert_eq!(
        desk.stops(),
        [],
        "a feed on a chain is no source that can fail"
    );
    let sources = &mut desk.snapshot.market.sources;
    sources.insert("coingecko".to_owned(), Reading::missing("no answer"));
    desk.lasting(21..=31);
    assert_eq!(desk.stops(), []);
    desk.lasting(35..=200);
    let cautious = (Scope::Asset(eth()), "data", Cautious);
    assert_eq!(desk.stops(), [cautious], "the others say the same");
    let sources = &mut desk.snapshot.market.sources;
    sources.insert("coingecko".to_owned(), fresh(()));
    desk.lasting(201..=216);
    assert_eq!(desk.stops(), []);
}

#[test]
fn a_burst_of_failures_stops_its_protocol_alone() {
    let mut desk = Desk::new();
    for minute in 0..8 {
        for (name, failure) in [("vault-1", Some(FailureClass::Revert)), ("pool-1", None)] {
            desk.attempts.push(Attempt {
                protocol: ProtocolId::new(name),
                failure,
            });
        }
        desk.tick(minute);
    }
    let vault = protocol("vault-1");
    assert_eq!(desk.stops(), [(vault.clone(), "failure-rate", Cautious)]);
    desk.clear(&vault, BreakerKind::FailureRate, 8);
    desk.restart(&[]);
    desk.tick(9);
    assert_eq!(desk.stops(), []);
}

#[test]
fn scores_name_their_terms_and_see_what_a_protocol_depends_on() {
    let mut policy = world::policy();
    let oracle: Node = "oracle:feed".parse().unwrap();
    for family in ["vault", "pool"] {
        let from = Node::protocol(family);
        policy.dependencies.add(from, oracle.clone(), Bps::WHOLE);
    }
    let mut desk = Desk::of(policy, watch(), MonitorState::default());
    let report = desk.tick(0).report;
    let contagion = |name: &str| -> u8 {
        let found = report
            .protocols
            .iter()
            .find(|r| r.protocol.as_str() == name);
        let terms = &found.unwrap().risk.terms;
        let found = terms.iter().find(|term| term.name.contains("contagion"));
        found.unwrap().points
    };
    // The oracle carries $20,000 of $100,000.
    assert!(contagion("vault-1") > 0, "{:?}", report.protocols);
    assert_eq!(contagion("wrap-1"), 0);
    let node = report.nodes.iter().find(|report| report.node == oracle);
    assert_eq!(node.unwrap().share, Some(Bps(2000)));
    assert!(report.portfolio.score > 0);
    let names: Vec<&str> = report
        .protocols
        .iter()
        .map(|r| r.protocol.as_str())
        .collect();
    assert_eq!(names, ["farm-1", "pool-1", "vault-1", "wrap-1"]);
    let scopes: Vec<&Scope> = report.signals.iter().map(|signal| &signal.scope).collect();
    assert!(scopes.contains(&&Scope::Everything) && scopes.contains(&&protocol("farm-1")));
}

#[test]
fn a_matter_is_told_when_it_begins_and_when_it_is_over() {
    let mut desk = Desk::new();
    desk.tick(0);
    let about = |found: &Assessment| -> Vec<(AlertLevel, String)> {
        let alerts = found.alerts.iter();
        alerts
            .map(|alert| (alert.level, alert.matter.clone()))
            .collect()
    };
    let source = |level| vec![(level, "source rekt".to_owned())];
    let sources = &mut desk.snapshot.market.sources;
    sources.insert("rekt".to_owned(), Reading::missing("no answer"));
    assert_eq!(about(&desk.tick(1)), source(AlertLevel::Warning));
    assert_eq!(about(&desk.tick(2)), []);
    desk.restart(&[]);
    assert_eq!(about(&desk.tick(3)), []);
    let sources = &mut desk.snapshot.market.sources;
    sources.insert("rekt".to_owned(), fresh(()));
    assert_eq!(about(&desk.tick(4)), source(AlertLevel::Info));
    assert_eq!(about(&desk.tick(5)), []);
}

#[test]
fn a_report_can_be_written_and_read_whatever_sources_say() {
    let mut desk = Desk::new();
    let quote = |source: &str, price| Quote {
        source: source.to_owned(),
        price: fresh(Price(price)),
    };
    let lies = [
        0,
        1,
        u128::from(u64::MAX),
        u128::from(u64::MAX) + 1,
        u128::MAX,
    ];
    for lie in lies {
        let quotes = vec![quote("north:1:ETH", Price::SCALE), quote("liar", lie)];
        desk.snapshot.market.quotes.insert(eth(), quotes);
        let here = desk.snapshot.chains.get_mut(&HERE).unwrap();
        here.base_fee = fresh(lie);
        let report = desk.tick(0).report;
        let written = serde_json::to_value(&report).unwrap();
        let read: RiskReport = serde_json::from_value(written).unwrap();
        assert_eq!(read, report);
        assert_eq!(report.prices[0].1.len(), 2);
        serde_json::to_value(desk.monitor.state()).unwrap();
    }
}

fn clock(wall: Timestamp, monotonic: i64) -> ClockReading {
    ClockReading {
        wall,
        monotonic: Duration::from_secs(u64::try_from(monotonic * 60).unwrap()),
        process: 1,
        chain_times: Vec::new(),
    }
}

#[test]
fn nothing_is_dated_by_a_clock_that_cannot_be_right() {
    let mut desk = Desk::new();
    for minute in 0..90 {
        desk.clock = Some(clock(at(minute), minute));
        desk.tick(minute);
    }
    let years = 5 * 365 * DAY;
    desk.clock = Some(clock(at(years), 90));
    let found = desk.tick(years);
    assert_eq!(found.samples, []);
    assert_eq!(desk.stops(), [(Scope::Everything, "clock", Halted)]);
    // Back again: the hours go on.
    let mut kept = BTreeSet::new();
    for minute in 91..200 {
        desk.clock = Some(clock(at(minute), minute));
        kept.extend(desk.tick(minute).samples.iter().map(Sample::series));
    }
    assert!(kept.contains("bar:ETH"), "{kept:?}");
    assert!(kept.contains("base-fee:1"), "{kept:?}");
}

#[test]
fn a_person_who_corrects_the_clock_lets_the_hours_go_on() {
    let mut desk = Desk::new();
    let years = 5 * 365 * DAY;
    desk.tick(years);
    desk.monitor
        .consume(BreakerKind::Clock, &Scope::Everything, at(0));
    let mut kept = BTreeSet::new();
    for minute in 0..70 {
        kept.extend(desk.tick(minute).samples.iter().map(Sample::series));
    }
    assert!(kept.contains("bar:ETH"), "{kept:?}");
    assert!(kept.contains("base-fee:1"), "{kept:?}");
}

#[test]
fn a_contract_that_was_first_seen_by_a_clock_that_was_ahead_is_told_once() {
    let mut desk = Desk::new();
    let told = |found: Assessment| {
        let alerts = found.alerts.iter();
        alerts.filter(|alert| alert.matter == "pin").count()
    };
    assert_eq!(told(desk.tick(DAY)), 1);
    for minute in 0..3 {
        assert_eq!(told(desk.tick(minute)), 0);
    }
}

#[test]
fn an_empty_world_is_assessed() {
    let mut desk = Desk::new();
    desk.snapshot = Snapshot::default();
    for minute in 0..3 {
        let found = desk.tick(minute);
        assert_eq!(found.report.volatility.index, None);
        assert_eq!(found.report.tail.at_99, None);
    }
}

/// What gets worse: the inputs of the gate, and those that only the monitor sees.
fn spoil(snapshot: &mut Snapshot, which: usize, decay: Decay) {
    let gate = inputs(snapshot);
    match which % (gate + 7) {
        index if index < gate => decay_input(snapshot, index, decay),
        index if index == gate => worsen(&mut snapshot.contracts[0].facts, decay),
        index if index == gate + 1 => {
            snapshot
                .market
                .tvl
                .values_mut()
                .for_each(|tvl| worsen(tvl, decay));
        }
        index if index == gate + 2 => {
            let sources = snapshot.market.sources.values_mut();
            sources.for_each(|source| worsen(source, decay));
        }
        index if index == gate + 3 => {
            let market = &mut snapshot.market;
            let implied = market.implied_volatility.values_mut();
            let implied = implied.chain(market.option_volatility.values_mut());
            implied.for_each(|implied| worsen(implied, decay));
        }
        index if index == gate + 5 => {
            let tokens = snapshot.market.tokens.iter_mut();
            tokens.for_each(|token| worsen(&mut token.findings, decay));
        }
        index if index == gate + 4 => {
            let prices = snapshot.prices.values_mut();
            prices.for_each(|price| worsen(price, decay));
        }
        _ => {
            for chain in snapshot.chains.values_mut() {
                worsen(&mut chain.head, decay);
                worsen(&mut chain.base_fee, decay);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn losing_inputs_breaks_nothing_frees_nothing_and_heals_nothing(
        lost in prop::collection::vec((0usize..64, decay()), 1..12),
    ) {
        let mut desk = judging(&[TokenDanger::CannotSellAll]);
        desk.snapshot.market.implied_volatility.insert(eth(), fresh(VolPoints(16_000)));
        desk.snapshot.market.option_volatility.insert(eth(), fresh(VolPoints(15_000)));
        desk.snapshot.contracts[0].facts = fresh(facts(1));
        let mut worst = desk.tick(0).report;
        let mut stops = desk.stops().len();
        for (minute, (which, decay)) in (1..).zip(lost) {
            spoil(&mut desk.snapshot, which, decay);
            let found = desk.tick(minute * 4);
            let written = serde_json::to_value(&found.report).unwrap();
            prop_assert_eq!(&serde_json::from_value::<RiskReport>(written).unwrap(), &found.report);
            prop_assert!(desk.stops().len() >= stops);
            prop_assert!(found.report.volatility.state >= worst.volatility.state);
            for (now, before) in found.report.protocols.iter().zip(&worst.protocols) {
                prop_assert!(now.health.score <= before.health.score, "{:?}", now);
            }
            prop_assert!(desk.scale(&Scope::Everything) <= 7500);
            stops = desk.stops().len();
            worst = found.report;
        }
        desk.restart(&[]);
    }
}
