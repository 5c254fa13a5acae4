//! The monitor in the flow: sources that fail or lie, contracts that change, restarts and crashes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airdrops_chain::{ChainClient, Keyring};
use airdrops_market::config::DeribitConfig;
use airdrops_market::{MarketConfig, Watcher};
use airdrops_risk::volatility::Source;
use airdrops_risk::volatility::deribit::BookSummary;
use airdrops_risk::{MonitorPolicy, RiskReport};
use airdrops_runtime::{Clock as _, Engine, Market, Parts, RISK_REPORT, Watched};
use airdrops_store::{Access, Options, Sqlite, Store as _};
use airdrops_types::{
    Action, Address, AlertLevel, AmountSpec, AssetId, Bar, Bps, Bytes, ControlState, Entry,
    MarketView, Price, ProtocolId, Quote, Reading, Scope, TaskState, Timestamp, Trip, U256,
    VolPoints,
};
use alloy::primitives::I256;
use alloy::sol;
use alloy::sol_types::SolValue as _;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::fuse::tick_or_crash;
use crate::world::{BLOCK, Farm, IFeed, KEEPER, L1, L2, exact, keeper, once, task, usdc};

sol! {
    interface IUpgradeable { function upgradeTo(address implementation) external; }
}

/// A market that says what the test tells it to say.
#[derive(Default)]
struct Told(Mutex<MarketView>);

impl Market for Told {
    fn view(&self, _now: Timestamp) -> MarketView {
        self.0.lock().unwrap().clone()
    }

    fn options(&self, _now: Timestamp) -> BTreeMap<AssetId, Reading<Vec<BookSummary>>> {
        BTreeMap::new()
    }

    fn bars(&self, _asset: &AssetId) -> Vec<Bar> {
        Vec::new()
    }
}

fn fresh<T>(farm: &Farm, value: T) -> Reading<T> {
    let at = farm.clock.now();
    Reading::Fresh { value, at }
}

/// Starts the farm with a market.
fn start_with(farm: &mut Farm, market: Arc<dyn Market>) {
    let options = Options {
        checkpoint: farm.checkpoint,
        ..Options::default()
    };
    let store = Arc::new(Sqlite::open(farm.database(), Access::Runner, options).unwrap());
    let mut keyring = Keyring::new();
    keyring.add_ephemeral(b"farm");
    let parts = Parts {
        store: store.clone(),
        log: store,
        clients: BTreeMap::from([
            (L1, ChainClient::from_rpc(L1, farm.l1.client())),
            (L2, ChainClient::from_rpc(L2, farm.l2.client())),
        ]),
        market,
        keyring,
        clock: farm.clock.clone(),
        checkpoint: farm.checkpoint,
        listener: Box::new(|_, _| {}),
        dry_run: false,
    };
    farm.engine = Some(Engine::start(farm.settings.clone(), parts).unwrap());
}

/// One feed says something.
fn say(farm: &Farm, feed: Address, answer: I256) {
    let updated = U256::from(farm.clock.now().unix_seconds());
    let call = IFeed::setCall {
        answer,
        updatedAt: updated,
    };
    keeper(&farm.l1, feed, &call);
}

fn dollars(price: i64) -> I256 {
    I256::try_from(price * 100_000_000).unwrap()
}

/// How often an administrator was told about a matter.
fn alerts(farm: &Farm, scope: &Scope, matter: &str, level: AlertLevel) -> usize {
    farm.count(|entry| {
        matches!(entry, Entry::Alerted { alert }
            if alert.scope == *scope && alert.matter.starts_with(matter) && alert.level == level)
    })
}

fn trips(farm: &Farm) -> Vec<Trip> {
    farm.store().control().unwrap().0
}

fn tripped(farm: &Farm, breaker: &str) -> usize {
    farm.count(|entry| matches!(entry, Entry::Tripped { trip, .. } if trip.breaker == breaker))
}

/// What is stored of the monitor, without what differs from process to process.
fn remembered(farm: &Farm) -> Value {
    let mut stored = farm.store().setting("monitor").unwrap().unwrap();
    let breakers = &mut stored["state"]["breakers"];
    breakers.as_object_mut().unwrap().remove("clock");
    stored
}

/// A supply; when it is done, another elsewhere, and a way out.
fn in_and_out() -> Farm {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut leave = task("z", "one", Action::Withdraw, AmountSpec::All);
    leave.after = vec!["x".into()];
    let mut more = task("y", "two", Action::Supply, exact("5000"));
    more.after = vec!["x".into()];
    Farm::new(vec![once("a", vec![supply, leave, more])])
}

/// All limits are shares of equity, and equity needs every price: new exposure in USDC waits for
/// the price of ether as well, with a reason that names it. Exits do not wait.
#[tokio::test]
async fn without_a_second_source_of_one_price_nothing_new_is_bought_and_exits_go_on() {
    for lie in [None, Some(2_400)] {
        let mut farm = in_and_out();
        let market = Arc::new(Told::default());
        start_with(&mut farm, market.clone());
        farm.run(5).await;
        farm.clock.advance_to(farm.clock.now().plus(BLOCK * 121));
        let [[north, south], dollar] = farm.feeds;
        say(&farm, north, dollars(2_000));
        for feed in dollar {
            say(&farm, feed, dollars(1));
        }
        if let Some(lie) = lie {
            say(&farm, south, dollars(lie));
        }
        farm.run(30).await;

        assert_eq!(farm.state_of("a/z#1"), TaskState::Completed, "{lie:?}");
        assert_eq!(
            (farm.in_vault(0), farm.in_vault(1)),
            (U256::ZERO, U256::ZERO)
        );
        let waiting = farm.named("a/y#1");
        assert_eq!(waiting.state, TaskState::Deferred);
        let reason = waiting.reason.unwrap();
        assert!(reason.contains("price of ETH"), "{reason}");
        let ether = Scope::Asset("ETH".into());
        let price = |level| alerts(&farm, &ether, "price", level);
        assert_eq!(price(AlertLevel::Warning), 1, "told once");
        let silent = alerts(&farm, &ether, "quote of south", AlertLevel::Warning);
        assert_eq!(silent, usize::from(lie.is_none()));
        let standing = trips(&farm);
        let standing: Vec<_> = standing.iter().map(|t| (&t.scope, t.state)).collect();
        assert_eq!(standing, [(&ether, ControlState::Cautious)], "that alone");

        // A third source, and two of three agree.
        let quote = Quote {
            source: "west".to_owned(),
            price: fresh(&farm, Price(Price::SCALE * 2_000)),
        };
        let quotes = BTreeMap::from([(AssetId::from("ETH"), vec![quote])]);
        market.0.lock().unwrap().quotes = quotes;
        farm.run(30).await;
        assert_eq!(farm.state_of("a/y#1"), TaskState::Completed);
        let over = alerts(&farm, &ether, "price", AlertLevel::Info);
        assert_eq!(over, 1);
        assert_eq!(trips(&farm), []);
    }
}

#[tokio::test]
async fn a_source_that_speaks_nonsense_stops_nothing() {
    for nonsense in [I256::MAX, I256::MIN, I256::ZERO, I256::MINUS_ONE] {
        let supply = task("x", "one", Action::Supply, exact("5000"));
        let mut farm = Farm::new(vec![once("a", vec![supply])]);
        let market = Arc::new(Told::default());
        let view = {
            let quotes = [Price::SCALE * 2_000, Price::SCALE * 2_001, u128::MAX, 0];
            let sources = ["west", "east", "moon", "void"];
            let quotes = sources
                .into_iter()
                .zip(quotes)
                .map(|(source, price)| Quote {
                    source: source.to_owned(),
                    price: fresh(&farm, Price(price)),
                });
            MarketView {
                quotes: BTreeMap::from([(AssetId::from("ETH"), quotes.collect())]),
                sources: BTreeMap::from([("moon".to_owned(), Reading::missing("no answer"))]),
                ..MarketView::default()
            }
        };
        *market.0.lock().unwrap() = view;
        start_with(&mut farm, market);
        say(&farm, farm.feeds[0][1], nonsense);
        let report = farm.run(12).await;
        assert_eq!(report.state, ControlState::Active);
        assert_eq!(farm.state_of("a/x#1"), TaskState::Completed, "{nonsense}");
        let dead = alerts(
            &farm,
            &Scope::Everything,
            "source moon",
            AlertLevel::Warning,
        );
        assert_eq!(dead, 1);
        assert!(farm.store().setting("risk_report").unwrap().is_some());
    }
}

/// Deribit as it answers at `now`: DVOL at 5 %, and a chain with puts from a strike on.
async fn deribit_says(server: &MockServer, now: Timestamp, lowest_put: u32) {
    let forward = 2000.0;
    let mut rows = Vec::new();
    for days in [18, 45] {
        // As in `2026-01-19T…`.
        let date = now.plus(Duration::from_secs(days * 86_400)).to_string();
        let month = date[5..7].parse::<usize>().unwrap() * 3 - 3;
        let month = &"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"[month..month + 3];
        let day = date[8..10].trim_start_matches('0');
        let expiry = format!("{day}{month}{}", &date[2..4]);
        for strike in (500..8000_u32).step_by(50) {
            let to = f64::from(strike);
            let outside = 60.0 * (-(to / forward).ln().abs() / 0.15).exp();
            for (kind, inside) in [("C", forward - to), ("P", to - forward)] {
                if kind == "P" && strike < lowest_put {
                    continue;
                }
                let price = (outside + f64::max(inside, 0.0)) / forward;
                rows.push(json!({
                    "instrument_name": format!("ETH-{expiry}-{strike}-{kind}"),
                    "bid_price": price * 0.99, "ask_price": price * 1.01, "mark_price": price,
                    "mid_price": null, "mark_iv": 80.5, "underlying_price": forward,
                    "underlying_index": "SYN.ETH", "interest_rate": 0.0, "open_interest": 1.0,
                    "volume_usd": 1.5, "creation_timestamp": now.0,
                }));
            }
        }
    }
    let index = json!({ "data": [[now.0, 5.0, 5.0, 5.0, 5.0]], "continuation": null });
    server.reset().await;
    for (method, result) in [
        ("get_book_summary_by_currency", json!(rows)),
        ("get_volatility_index_data", index),
    ] {
        Mock::given(path(format!("/public/{method}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "result": result })))
            .mount(server)
            .await;
    }
}

#[tokio::test]
async fn an_option_chain_of_an_exchange_ends_in_the_index_or_in_a_reason() {
    let mut farm = Farm::new(Vec::new());
    let server = MockServer::start().await;
    let mut deribit = DeribitConfig::new(BTreeMap::from([("ETH".into(), "ETH".to_owned())]));
    for settings in std::iter::once(&mut deribit.index).chain(&mut deribit.options) {
        settings.base_url = server.uri();
        settings.interval = Duration::from_millis(30);
        settings.fetch.rate.burst = 10_000;
    }
    let config = MarketConfig {
        deribit: Some(deribit),
        ..MarketConfig::default()
    };
    deribit_says(&server, farm.clock.now(), 0).await;
    let clock = farm.clock.clone();
    let clock = airdrops_market::Clock::new(move || clock.now());
    let watcher = Arc::new(Watcher::start(config, &clock).unwrap());
    start_with(&mut farm, watcher.clone());
    let eth = AssetId::from("ETH");
    let mut found = Vec::new();
    for (lowest_put, puts) in [(0, 300), (1_900, 244)] {
        let now = farm.clock.now();
        deribit_says(&server, now, lowest_put).await;
        let arrived = || {
            let chains = watcher.options(now);
            let rows = chains[&eth].fresh().map_or(0, Vec::len);
            let dvol = watcher.view(now).implied_volatility[&eth].fresh().is_some();
            rows == 300 + puts && dvol
        };
        for _ in 0..500 {
            if arrived() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(arrived(), "{puts} puts");
        farm.run(8).await;
        let report = farm.store().setting(RISK_REPORT).unwrap().unwrap();
        found.push(
            serde_json::from_value::<RiskReport>(report)
                .unwrap()
                .volatility,
        );
    }
    let own = |report: usize| {
        let mut components = found[report].components.iter();
        let own = components.find(|component| component.source == Source::OptionChain);
        (own.unwrap().reading.clone(), found[report].index)
    };
    let (reading, index) = own(0);
    assert_eq!(reading.fresh().copied(), index, "it leads");
    assert!(
        index.is_some_and(|index| index.percent() > 20.0),
        "{index:?}"
    );
    let (reading, index) = own(1);
    let defect = reading.defect().unwrap();
    assert!(
        defect.contains("put wing of the near term is truncated"),
        "{defect}"
    );
    assert_eq!(index.map(VolPoints::percent), Some(5.0), "DVOL leads");
    // Nothing that is kept of an observation holds the chain.
    let kept = |entry: &Entry| serde_json::to_string(entry).unwrap();
    assert_eq!(farm.count(|entry| kept(entry).contains("ETH-")), 0);
}

#[tokio::test]
async fn a_start_writes_down_its_thresholds_and_what_changed_since_the_last() {
    let mut farm = Farm::new(Vec::new());
    farm.run(1).await;
    farm.stop();
    farm.start().unwrap();
    farm.stop();
    farm.settings.monitor.breakers.depeg.warn.deviation = Bps(40);
    farm.settings.monitor.breakers.data.grace = Duration::from_secs(300);
    farm.start().unwrap();
    let mut deviations = Vec::new();
    let mut notes = Vec::new();
    for entry in farm.journal() {
        match entry.entry {
            Entry::Started { monitor, .. } => {
                let policy: MonitorPolicy = serde_json::from_value(monitor).unwrap();
                deviations.push(policy.breakers.depeg.warn.deviation.0);
            }
            Entry::Note { text } if text.starts_with("the policy is not") => notes.push(text),
            _ => {}
        }
    }
    assert_eq!(deviations, [50, 50, 40]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].ends_with(
            "breakers.data.grace: 600 s → 300 s; breakers.depeg.warn.deviation: 50 → 40"
        ),
        "{notes:?}"
    );
}

#[tokio::test]
async fn thresholds_that_make_no_sense_are_no_start() {
    let mut farm = Farm::new(Vec::new());
    farm.settings.monitor.breakers.data.grace = Duration::ZERO;
    let refused = farm.start().map(|_| ()).unwrap_err().to_string();
    assert!(
        refused.contains("data.grace is 0 s: it must be between 1 min and 1 h"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_restart_keeps_stops_scales_and_the_running_hour() {
    let mut farm = upgraded_farm().await;
    farm.price(2_100);
    farm.run(1).await;
    farm.price(2_000);
    farm.run(1).await;
    let (before, standing) = (remembered(&farm), trips(&farm));
    assert_eq!(standing.len(), 1);
    farm.stop();
    farm.start().unwrap();
    assert_eq!(remembered(&farm), before);
    farm.tick().await;
    assert_eq!(remembered(&farm), before, "the same instant again");
    assert_eq!(trips(&farm), standing);
    let high = |farm: &Farm| remembered(farm)["state"]["hours"]["ETH"]["high"].as_f64();
    assert_eq!(high(&farm), Some(2_100.0));
    farm.run(61).await;
    let bars = farm.store().samples("bar:ETH", Timestamp(0)).unwrap();
    assert!(!bars.is_empty());
    assert_eq!(bars[0].data["bar"]["bar"]["high"].as_f64(), Some(2_100.0));
    assert_eq!(tripped(&farm, "pin-change"), 1);
}

fn implementation(farm: &Farm, version: u64) -> Address {
    let artifact = include_str!("../../../../contracts/artifacts/DemoUpgradeable.json");
    let artifact: Value = serde_json::from_str(artifact).unwrap();
    let code: Bytes = artifact["bytecode"].as_str().unwrap().parse().unwrap();
    let arguments = U256::from(version).abi_encode();
    let code = [code.as_ref(), &arguments].concat();
    farm.l1.deploy(KEEPER, code.into()).unwrap()
}

fn upgrade(farm: &Farm, contract: Address, version: u64) {
    let implementation = implementation(farm, version);
    keeper(
        &farm.l1,
        contract,
        &IUpgradeable::upgradeToCall { implementation },
    );
}

/// Watches a contract in the name of a protocol.
fn watch(farm: &mut Farm, protocol: &str) -> Address {
    let contract = implementation(farm, 1);
    farm.settings.watched = vec![Watched {
        chain: L1,
        contract,
        protocol: ProtocolId::from(protocol),
    }];
    farm.settings.contract_period = BLOCK;
    contract
}

/// A farm whose watched contract was upgraded, before the tick that sees it.
async fn about_to_see() -> Farm {
    let mut farm = Farm::new(Vec::new());
    let contract = watch(&mut farm, "one");
    farm.run(3).await;
    upgrade(&farm, contract, 2);
    farm
}

async fn upgraded_farm() -> Farm {
    let mut farm = about_to_see().await;
    farm.run(1).await;
    farm
}

#[tokio::test]
async fn an_upgrade_leaves_only_the_way_out_until_a_person_accepts_it() {
    for restart in [false, true] {
        let supply = task("x", "one", Action::Supply, exact("5000"));
        let mut more = task("y", "one", Action::Supply, exact("4000"));
        more.after = vec!["x".into()];
        let mut leave = task("z", "one", Action::Withdraw, AmountSpec::All);
        leave.after = vec!["x".into()];
        let elsewhere = task("w", "two", Action::Supply, exact("3000"));
        let mut farm = Farm::new(vec![
            once("a", vec![supply, more, leave]),
            once("b", vec![elsewhere]),
        ]);
        let contract = watch(&mut farm, "one");
        farm.run(4).await;
        upgrade(&farm, contract, 2);
        farm.run(30).await;
        let one = Scope::Protocol("one".into());
        let standing = trips(&farm);
        assert_eq!(standing.len(), 1);
        assert_eq!(
            (&standing[0].scope, standing[0].state),
            (&one, ControlState::Reducing)
        );
        assert!(
            standing[0].evidence.contains("implementation"),
            "{}",
            standing[0].evidence
        );
        assert_eq!(farm.state_of("a/z#1"), TaskState::Completed, "the way out");
        assert_eq!(farm.state_of("b/w#1"), TaskState::Completed, "elsewhere");
        assert_eq!(farm.in_vault(0), U256::ZERO);
        let waiting = farm.named("a/y#1");
        assert_eq!(waiting.state, TaskState::Deferred);
        let reason = waiting.reason.unwrap();
        assert!(reason.contains("pin-change"), "{reason}");
        assert_eq!(alerts(&farm, &one, "pin-change", AlertLevel::Warning), 1);

        if restart {
            farm.stop();
        }
        farm.resume(one.clone(), "pin-change");
        farm.run(30).await;
        if restart {
            farm.stop();
            farm.run(2).await;
        }
        assert_eq!(farm.state_of("a/y#1"), TaskState::Completed);
        assert!(farm.in_vault(0) >= usdc(3_999));
        assert_eq!(tripped(&farm, "pin-change"), 1, "it was accepted");
        upgrade(&farm, contract, 3);
        farm.run(2).await;
        assert_eq!(tripped(&farm, "pin-change"), 2, "this was not");
    }
}

thread_local! {
    /// Assessments until the crash, and where in them.
    static FUSE: Cell<(usize, &'static str)> = const { Cell::new((usize::MAX, "")) };
}

fn fuse(checkpoint: &'static str) {
    let (left, at) = FUSE.get();
    if left == usize::MAX || checkpoint != at {
        return;
    }
    FUSE.set((left.saturating_sub(1), at));
    if left == 0 && !std::thread::panicking() {
        FUSE.set((usize::MAX, ""));
        panic!("the fuse of this test");
    }
}

/// Sees an upgrade, an hour's end and a clearing; crashes in assessment number `crash`.
fn seen_with_a_crash(crash: usize, place: &'static str) -> (Farm, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut farm = Farm::new(Vec::new());
    let contract = watch(&mut farm, "one");
    farm.checkpoint = fuse;
    FUSE.set((crash, place));
    let mut crashed = false;
    let start = farm.clock.now();
    for step in 0..8_i64 {
        match step {
            2 => upgrade(&farm, contract, 2),
            4 => farm.resume(Scope::Protocol("one".into()), "pin-change"),
            6 => farm.clock.advance_to(Timestamp(start.0 + 3_600_000)),
            _ => {}
        }
        farm.mine();
        if tick_or_crash(&runtime, &mut farm) {
            assert!(!crashed);
            crashed = true;
        }
    }
    FUSE.set((usize::MAX, ""));
    (farm, crashed)
}

#[test]
fn a_crash_in_any_assessment_leaves_what_was_seen_as_it_was() {
    let (whole, crashed) = seen_with_a_crash(usize::MAX - 1, "runtime.assess.before");
    assert!(!crashed);
    let (expected, samples) = (remembered(&whole), bars(&whole));
    assert_eq!(trips(&whole), []);
    assert_eq!(tripped(&whole, "pin-change"), 1);
    assert!(!samples.is_empty());
    for place in ["runtime.assess.before", "runtime.assess.after"] {
        for crash in 0..8 {
            let (farm, crashed) = seen_with_a_crash(crash, place);
            assert!(crashed, "{place} {crash}");
            let label = format!("{place} {crash}");
            assert_eq!(remembered(&farm), expected, "{label}");
            assert_eq!(trips(&farm), [], "{label}");
            assert_eq!(tripped(&farm, "pin-change"), 1, "{label}");
            assert_eq!(bars(&farm), samples, "{label}");
        }
    }
}

fn bars(farm: &Farm) -> Vec<(Timestamp, Value)> {
    let bars = farm.store().samples("bar:ETH", Timestamp(0)).unwrap();
    bars.into_iter().map(|bar| (bar.at, bar.data)).collect()
}
