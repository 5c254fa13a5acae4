//! `airdrops risk assess` and `airdrops risk limits`: what they say of a database, and that they
//! say how old it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use airdrops_risk::breaker::{ClearedBy, Clearing};
use airdrops_risk::gas::{GasLimit, GasLimits, ShortHistory};
use airdrops_risk::look_through::Node;
use airdrops_risk::monitor::{GasReport, NodeReport, ProtocolReport, TailReport, VolatilityReport};
use airdrops_risk::price::consensus::{SourceReport, SourceStanding};
use airdrops_risk::tail::{Coverage, TailUsd};
use airdrops_risk::volatility::{Component, Source, Thresholds};
use airdrops_risk::{BreakerKind, Health, MonitorPolicy, Policy, RiskReport, Score, Term};
use airdrops_runtime::{IN_FORCE, InForce};
use airdrops_store::{Access, Batch, ControlChange, Options, Sqlite, Store as _};
use airdrops_types::{
    Action, Address, Alert, AlertLevel, AmountSpec, AssetId, Assignment, Bps, ChainId,
    ControlSignal, ControlState, Entry, Price, ProtocolId, Reading, Scope, Target, TaskRecord,
    TaskSpec, TaskState, Timestamp, Token, Trip, Usd, VolPoints, VolatilityState, Work,
};
use serde_json::Value;

const DATABASE: &str = "farm.sqlite";

fn airdrops(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn text(folder: &Path, what: &str) -> String {
    let output = airdrops(folder, &["risk", what, "--database", DATABASE]);
    assert!(output.status.success(), "{}", error(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, what: &str) -> Value {
    let arguments = ["risk", what, "--database", DATABASE, "--json"];
    let output = airdrops(folder, &arguments);
    assert!(output.status.success(), "{}", error(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_unix_seconds(since.unwrap().as_secs())
}

fn score(score: u8, name: &str) -> Score {
    Score {
        score,
        terms: vec![Term {
            name: name.into(),
            points: score,
            measured: "measured words".into(),
        }],
    }
}

/// $10,000, of which $600 are in a vault whose limits are scaled to 75 %.
fn report(at: Timestamp) -> RiskReport {
    let node = |node, exposure: i64, limit| NodeReport {
        node,
        exposure: Usd::dollars(exposure),
        share: Usd::dollars(exposure).share_of(Usd::dollars(10_000)),
        limit: Bps(limit),
        headroom: Usd::ZERO,
    };
    let signal = |scope, scale| ControlSignal {
        scope,
        state: ControlState::Active,
        scale: Bps(scale),
        score: 7,
        reasons: Vec::new(),
    };
    let vault = || ProtocolId::new("vault-1");
    let component = |source, reading| Component {
        asset: AssetId::new("ETH"),
        source,
        reading,
    };
    let tail = |at_risk: i64| TailUsd {
        value_at_risk: Usd::dollars(at_risk),
        expected_shortfall: Usd::dollars(at_risk + 50),
        components: vec![Usd::dollars(at_risk + 50)],
    };
    RiskReport {
        profit: None,
        at,
        equity: Some(Usd::dollars(10_000)),
        drawdown: Some(Bps(120)),
        loss_24h: Some(Bps(30)),
        volatility: VolatilityReport {
            index: Some(VolPoints(8250)),
            state: Some(VolatilityState::High),
            thresholds: Thresholds {
                medium: VolPoints(4500),
                high: VolPoints(7500),
                extreme: VolPoints(11_000),
            },
            components: vec![
                component(
                    Source::Realised,
                    Reading::Fresh {
                        value: VolPoints(8250),
                        at,
                    },
                ),
                component(
                    Source::OptionChain,
                    Reading::missing("the put wing of the near term is truncated"),
                ),
                component(Source::Dvol, Reading::missing("no answer")),
            ],
            forecasts: vec![(AssetId::new("ETH"), 61.25)],
        },
        tail: TailReport {
            assets: vec![AssetId::new("ETH")],
            days: 400,
            at_99: Some(tail(250)),
            at_975: Some(tail(180)),
            coverage: [Coverage::default(); 2],
        },
        gas: vec![GasReport {
            chain: ChainId(1),
            base_fee: Some(3_000_000_000),
            rank: Ok(Bps(4_000)),
            trend: Err(ShortHistory {
                hours: 2,
                required: 48,
            }),
            standard: Some(Usd(1_250_000)),
        }],
        protocols: vec![ProtocolReport {
            protocol: vault(),
            health: Health {
                score: 60,
                terms: score(40, "pins").terms,
            },
            risk: score(24, "health"),
            opportunity: score(31, "contagion"),
        }],
        portfolio: score(17, "drawdown"),
        nodes: vec![
            node(Node::protocol("vault"), 600, 2000),
            node(Node::asset(&AssetId::new("ETH")), 1_000, 3000),
            node(Node::chain(ChainId(1)), 10_000, 10_000),
        ],
        prices: vec![(
            AssetId::new("ETH"),
            vec![SourceReport {
                source: "coingecko".into(),
                standing: SourceStanding::Stale {
                    price: Price(3_000 * Price::SCALE),
                    reason: "9 min old".into(),
                },
            }],
        )],
        defects: vec!["price of XYZ is missing".into()],
        signals: vec![
            signal(Scope::Everything, 10_000),
            signal(Scope::Protocol(vault()), 7500),
        ],
        trips: Vec::new(),
    }
}

fn policy() -> Policy {
    Policy {
        tokens: vec![Token {
            chain: ChainId(1),
            contract: None,
            asset: AssetId::new("ETH"),
            decimals: 18,
        }],
        gas_ceilings: BTreeMap::from([(ChainId(1), 40_000_000_000)]),
        gas: Some(GasLimits {
            default: GasLimit::Quantile(Bps(8000)),
            verbs: BTreeMap::from([("bridge".into(), GasLimit::Usd(Usd::dollars(9)))]),
            fallbacks: BTreeMap::new(),
        }),
        wallets: vec![Address::repeat_byte(1)],
        families: BTreeMap::from([(ProtocolId::new("vault-1"), "vault".into())]),
        ..Policy::with_default_limits()
    }
}

fn store(folder: &Path) -> Sqlite {
    Sqlite::open(folder.join(DATABASE), Access::Runner, Options::default()).unwrap()
}

/// A database whose last report is this one.
fn world(report: &RiskReport) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let started = Entry::Started {
        version: "0.1.0".into(),
        mode: "paper".into(),
        seed: 1,
        policy: serde_json::to_value(policy()).unwrap(),
        monitor: serde_json::Value::Null,
    };
    let alerted = Entry::Alerted {
        alert: Alert {
            at: report.at,
            level: AlertLevel::Warning,
            scope: Scope::Asset(AssetId::new("ETH")),
            matter: "source:coingecko".into(),
            evidence: "does not answer".into(),
        },
    };
    let value = serde_json::to_value(report).unwrap();
    let batch = Batch {
        entries: vec![started, alerted],
        settings: vec![(airdrops_runtime::RISK_REPORT.into(), value)],
        ..Batch::at(report.at)
    };
    store(folder.path()).commit(&batch).unwrap();
    folder
}

fn trip(folder: &Path, scope: Scope, breaker: &str, state: ControlState) {
    let trip = Trip {
        scope,
        breaker: breaker.into(),
        state,
        since: now(),
        evidence: "1.2 % off".into(),
    };
    let store = Sqlite::open(folder.join(DATABASE), Access::Operator, Options::default());
    let change = ControlChange::Trip(trip);
    store.unwrap().set_control(now(), &change, "test").unwrap();
}

fn bound<'a>(limits: &'a Value, of: &str) -> &'a Value {
    let exposures = limits["exposures"].as_array().unwrap();
    let found = exposures.iter().find(|bound| bound["of"] == of);
    found.unwrap_or_else(|| panic!("no {of} in {limits:#}"))
}

#[test]
fn a_demo_leaves_what_both_commands_read_and_they_say_how_old_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let demo = airdrops(
        folder.path(),
        &["demo", "--days", "2", "--keep", ".", "--no-progress"],
    );
    assert!(demo.status.success(), "{}", error(&demo));
    std::fs::rename(
        folder.path().join("demo.sqlite"),
        folder.path().join(DATABASE),
    )
    .unwrap();
    for what in ["assess", "limits"] {
        let said = text(folder.path(), what);
        let mut lines = said.lines();
        assert!(lines.next().unwrap().starts_with("As of 2026-01-03T"));
        assert!(lines.next().unwrap().starts_with("WARNING: nothing runs"));
        let answer = json(folder.path(), what);
        assert_eq!(answer["old"], true);
        assert!(answer["age_seconds"].as_u64().unwrap() > 900);
    }
    let assessed = json(folder.path(), "assess");
    assert_eq!(assessed["gas"].as_array().unwrap().len(), 2);
    assert_eq!(assessed["protocols"].as_array().unwrap().len(), 6);
    let limits = json(folder.path(), "limits");
    assert_eq!(limits["gas_ceilings"].as_array().unwrap().len(), 2);
    assert_eq!(bound(&limits, "protocol:aerie")["limit_bps"], 2000);
}

#[test]
fn the_last_report_is_shown_whole() {
    let folder = world(&report(now()));
    let answer = json(folder.path(), "assess");
    let mut keys: Vec<&str> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    let documented = [
        "age_seconds",
        "alerts",
        "at",
        "defects",
        "drawdown_bps",
        "equity_micro_usd",
        "gas",
        "loss_24h_bps",
        "nodes",
        "old",
        "prices",
        "profit",
        "protocols",
        "risk",
        "signals",
        "state",
        "tail",
        "trips",
        "volatility",
    ];
    assert_eq!(keys, documented);
    assert_eq!(answer["old"], false);
    assert_eq!(answer["state"], "active");
    assert_eq!(answer["equity_micro_usd"], 10_000_000_000_i64);
    assert_eq!(answer["volatility"]["index_percent"], 82.5);
    assert_eq!(answer["volatility"]["complete"], false);
    let components = answer["volatility"]["components"].as_array().unwrap();
    let sources: Vec<&Value> = components.iter().map(|each| &each["source"]).collect();
    assert_eq!(sources, ["realised", "option_chain", "dvol"]);
    let truncated = "missing: the put wing of the near term is truncated";
    assert_eq!(components[1]["defect"], truncated);
    let strict = &answer["tail"]["levels"][0];
    assert_eq!(strict["value_at_risk_micro_usd"], 250_000_000);
    assert_eq!(strict["coverage"]["kupiec_p"], Value::Null);
    assert_eq!(answer["gas"][0]["rank_bps"], 4000);
    assert_eq!(answer["gas"][0]["trend"], Value::Null);
    assert_eq!(answer["prices"][0]["sources"][0]["standing"], "stale");
    assert_eq!(
        answer["prices"][0]["sources"][0]["price_micro_usd"],
        3_000_000_000_i64
    );

    let said = text(folder.path(), "assess");
    assert!(!said.contains("WARNING"), "{said}");
    for words in [
        "Everything is active. Risk is 17 of 100",
        "Equity $10,000.00, drawdown 1.2 %, lost in 24 h 0.3 %",
        "Volatility is high: the index is 82.50 %",
        "missing: no answer",
        "Forecast of a day of ETH: 61.25 %",
        "$250.00",
        "too little history",
        "3.000 gwei            40 %   seen 2 of 48 h",
        "vault-1: health lost\n   40  pins",
        "vault-1: risk of adding\n   31  contagion",
        "protocol:vault",
        "9 min old",
        "price of XYZ is missing",
        "No halts and no trips.",
        "asset ETH, source:coingecko: does not answer",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn a_report_is_old_after_fifteen_minutes_and_not_before() {
    for (minutes, old) in [(13, false), (17, true)] {
        let folder = world(&report(Timestamp(now().0 - minutes * 60_000)));
        assert_eq!(json(folder.path(), "assess")["old"], old, "{minutes}");
        let said = text(folder.path(), "limits");
        assert_eq!(said.contains("WARNING: nothing runs"), old, "{minutes}");
    }
}

#[test]
fn limits_tell_what_holds_is_used_and_is_left() {
    let folder = world(&report(now()));
    let limits = json(folder.path(), "limits");
    let vault = bound(&limits, "protocol:vault");
    assert_eq!(vault["limit_bps"], 2000);
    assert_eq!(vault["scale_bps"], 7500);
    assert_eq!(vault["bound_micro_usd"], 1_500_000_000);
    assert_eq!(vault["used_micro_usd"], 600_000_000);
    assert_eq!(vault["headroom_micro_usd"], 900_000_000);
    assert_eq!(bound(&limits, "chain:1")["unlimited"], true);
    assert_eq!(limits["transaction"]["bound_micro_usd"], 500_000_000);
    assert_eq!(limits["fee_micro_usd"], 25_000_000);
    assert_eq!(limits["gas_ceilings"][0]["limit_wei"], 40_000_000_000_u64);
    assert_eq!(limits["gas_ceilings"][0]["base_fee_wei"], 3_000_000_000_u64);
    assert_eq!(limits["gas_limits"]["default"]["quantile_bps"], 8000);
    assert_eq!(
        limits["gas_limits"]["verbs"]["bridge"]["cost_micro_usd"],
        9_000_000
    );
    assert_eq!(limits["breakers_from"], "defaults");

    let said = text(folder.path(), "limits");
    for words in [
        "One transaction moves at most 5 %, 100 % of which hold now: $500.00",
        "Its fee is at most $25.00",
        "bridge",
        "it costs more than $9.00",
        "dearer than 80 % of hours",
        "equity is 10 % or more below its highest in 1d",
        "These are the defaults",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn a_stop_of_now_counts_beside_an_older_report_and_names_who_ends_it() {
    let folder = world(&report(now()));
    trip(
        folder.path(),
        Scope::Everything,
        "volatility",
        ControlState::Cautious,
    );
    trip(
        folder.path(),
        Scope::Asset(AssetId::new("ETH")),
        "depeg",
        ControlState::Halted,
    );
    let limits = json(folder.path(), "limits");
    assert_eq!(limits["state"], "cautious");
    assert_eq!(limits["transaction"]["bound_micro_usd"], 250_000_000);
    let vault = bound(&limits, "protocol:vault");
    assert_eq!(vault["scale_bps"], 5000, "75 % are not halved again");
    assert_eq!(vault["headroom_micro_usd"], 400_000_000);
    let eth = bound(&limits, "asset:ETH");
    assert_eq!(eth["state"], "halted");
    assert_eq!(eth["headroom_micro_usd"], 0);

    let trips = json(folder.path(), "assess")["trips"].clone();
    let of = |breaker: &str| {
        let trips = trips.as_array().unwrap();
        trips
            .iter()
            .find(|trip| trip["breaker"] == breaker)
            .unwrap()
            .clone()
    };
    assert_eq!(of("volatility")["cleared_by"], "itself");
    assert_eq!(of("volatility")["cool_down_seconds"], 3600);
    assert_eq!(of("depeg")["cleared_by"], "administrator");
    let said = text(folder.path(), "assess");
    assert!(said.contains("ends by itself after 1h of healthy evidence"));
    assert!(said.contains("an administrator ends it: airdrops resume --scope asset:ETH"));
}

/// A task that a stop holds, and whose target does not grow.
fn held(folder: &Path) {
    let stop = "protocol:vault-1 is reducing: pin-change: 1.2 % off";
    let reason = format!("held by a stop: {stop}");
    let work = Work::Act(Assignment {
        wallet: Address::repeat_byte(1),
        protocol: "vault-1".into(),
        action: Action::Supply,
        amount: AmountSpec::Target,
    });
    let spec = Arc::new(TaskSpec::of(work));
    let task = TaskRecord {
        state: TaskState::Deferred,
        reason: Some(reason.clone()),
        not_before: None,
        plan: None,
        ..TaskRecord::new(&"farm".into(), "deposit", 1, spec, now())
    };
    let allocated = Entry::Allocated {
        observed_at: now(),
        inputs: Value::Null,
        targets: vec![Target {
            protocol: "vault-1".into(),
            current: Usd::dollars(600),
            target: Usd::dollars(600),
            reason: format!("15 % of $10,000.00; no increase: {stop}"),
        }],
    };
    let waits = Entry::Task {
        task: task.id.clone(),
        from: Some(TaskState::Ready),
        to: TaskState::Deferred,
        reason,
        not_before: None,
    };
    let batch = Batch {
        entries: vec![allocated, waits],
        tasks: vec![task],
        ..Batch::at(now())
    };
    store(folder).commit(&batch).unwrap();
}

#[test]
fn what_is_held_back_is_said_with_the_stop_and_the_limit_that_hold_it() {
    let mut report = report(now());
    report.signals[1].reasons = vec!["health is 55 of 100".into()];
    let folder = world(&report);
    let vault = Scope::Protocol(ProtocolId::new("vault-1"));
    trip(folder.path(), vault, "pin-change", ControlState::Reducing);
    held(folder.path());
    let said = |arguments: &[&str]| {
        let output = airdrops(
            folder.path(),
            &[arguments, &["--database", DATABASE]].concat(),
        );
        assert!(output.status.success(), "{}", error(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let limits = "limits of protocol vault-1 are at 75 %: health is 55 of 100";
    let stop = "held by a stop: protocol:vault-1 is reducing: pin-change: 1.2 % off";
    for (arguments, parts) in [
        (
            &["status"][..],
            &[
                limits,
                stop,
                "next look when the stop changes",
                "protocol vault-1 is reducing by pin-change",
            ][..],
        ),
        (
            &["explain", "farm/deposit"],
            &[
                limits,
                stop,
                "Next look  when the stop changes, within one tick",
                "Control    protocol vault-1 is reducing by pin-change",
                "Target     $600.00, now $600.00: 15 % of $10,000.00; no increase: protocol:vault-1 is reducing",
            ],
        ),
        (
            &["risk", "assess"],
            &[limits, "protocol vault-1 is reducing by pin-change"],
        ),
    ] {
        let text = said(arguments);
        for part in parts {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}

#[test]
fn what_is_not_known_leaves_no_room_to_be_read_off() {
    let unknown = RiskReport {
        equity: None,
        nodes: Vec::new(),
        ..report(now())
    };
    let folder = world(&unknown);
    let limits = json(folder.path(), "limits");
    let vault = bound(&limits, "protocol:vault");
    for key in ["bound_micro_usd", "used_micro_usd", "headroom_micro_usd"] {
        assert_eq!(vault[key], Value::Null, "{key}");
    }
    assert!(text(folder.path(), "limits").contains("Equity unknown"));
    assert!(text(folder.path(), "assess").contains("or it is not known"));
}

#[test]
fn who_never_ran_is_told_how_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    for what in ["assess", "limits"] {
        let arguments = ["risk", what, "--database", DATABASE];
        let missing = airdrops(folder.path(), &arguments);
        assert_eq!(missing.status.code(), Some(1));
        assert!(error(&missing).contains("there is no database at"));
    }
    drop(store(folder.path()));
    for what in ["assess", "limits"] {
        let arguments = ["risk", what, "--database", DATABASE];
        let empty = airdrops(folder.path(), &arguments);
        assert_eq!(empty.status.code(), Some(1));
        let said = error(&empty);
        assert!(said.contains("nothing was assessed yet"), "{said}");
        assert!(said.contains("`airdrops run`"), "{said}");
    }
}

#[test]
fn a_report_of_another_version_is_refused_with_the_remedy_and_status_goes_on() {
    let folder = world(&report(now()));
    let value = serde_json::json!({ "at": 1 });
    let batch = Batch {
        settings: vec![(airdrops_runtime::RISK_REPORT.into(), value)],
        ..Batch::at(now())
    };
    store(folder.path()).commit(&batch).unwrap();
    let assess = airdrops(folder.path(), &["risk", "assess", "--database", DATABASE]);
    assert_eq!(assess.status.code(), Some(1));
    assert!(error(&assess).contains("of another version"));
    let status = airdrops(folder.path(), &["status", "--database", DATABASE]);
    assert_eq!(status.status.code(), Some(0), "{}", error(&status));
}

#[test]
fn both_commands_work_beside_a_runner_and_status_points_to_them() {
    let folder = world(&report(now()));
    let running = store(folder.path());
    text(folder.path(), "assess");
    text(folder.path(), "limits");
    let status = airdrops(folder.path(), &["status", "--database", DATABASE]);
    let said = String::from_utf8(status.stdout).unwrap();
    assert!(
        said.contains("Risk 17 of 100, volatility high, trips: 0, recent alerts: 1"),
        "{said}"
    );
    drop(running);
}

#[test]
fn breakers_are_those_of_the_configuration_if_it_can_be_read() {
    let folder = world(&report(now()));
    let configuration = include_str!("every-key.toml");
    std::fs::write(folder.path().join("airdrops.toml"), configuration).unwrap();
    let limits = json(folder.path(), "limits");
    assert_eq!(limits["breakers_from"], "configuration");
    assert!(!text(folder.path(), "limits").contains("These are the defaults"));
}

#[test]
fn thresholds_are_those_of_the_last_start_and_what_the_next_would_change_is_told() {
    let folder = world(&report(now()));
    let mut monitor = MonitorPolicy::default();
    monitor.breakers.depeg.warn.lasting = Duration::from_secs(7200);
    let depeg = Clearing {
        by: ClearedBy::Itself,
        cool_down: Duration::from_secs(12 * 3600),
    };
    monitor.breakers.clearing.insert(BreakerKind::Depeg, depeg);
    let in_force = InForce {
        policy: serde_json::to_value(policy()).unwrap(),
        monitor: serde_json::to_value(&monitor).unwrap(),
    };
    let value = serde_json::to_value(in_force).unwrap();
    let batch = Batch {
        settings: vec![(IN_FORCE.into(), value)],
        ..Batch::at(now())
    };
    store(folder.path()).commit(&batch).unwrap();

    let limits = json(folder.path(), "limits");
    assert_eq!(limits["breakers_from"], "start");
    assert_eq!(limits["changes_at_next_start"], serde_json::json!([]));
    assert_eq!(limits["adaptive"]["floor_bps"], 2500);
    assert_eq!(limits["evidence_gap_seconds"], 300);
    let steps = limits["breakers"].as_array().unwrap();
    let warn = steps
        .iter()
        .find(|step| step["breaker"] == "depeg")
        .unwrap();
    assert_eq!(warn["when"], "more than 0.5 % off its peg for 2h");
    assert_eq!(warn["cool_down_seconds"], 43_200);

    let configuration = include_str!("every-key.toml");
    std::fs::write(folder.path().join("airdrops.toml"), configuration).unwrap();
    let limits = json(folder.path(), "limits");
    assert_eq!(limits["breakers_from"], "start");
    let changes = limits["changes_at_next_start"].as_array().unwrap();
    let change = serde_json::json!("breakers.depeg.warn.deviation: 50 → 40");
    assert!(changes.contains(&change), "{changes:#?}");
    let said = text(folder.path(), "limits");
    for words in [
        "  breakers.depeg.warn.deviation: 50 → 40\n",
        "more than 0.5 % off its peg for 2h",
        "Nothing leaves less than 25 %, and at most 10 % of a limit come back in an hour",
        "no two looks in that time are more than 5m apart",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
    assert!(!said.contains("These are"), "{said}");
}

/// The keys of all objects within a value.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_documented() {
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/src/risk.md"
    ))
    .unwrap();
    let folder = world(&report(now()));
    let everything = Scope::Everything;
    trip(folder.path(), everything, "manual", ControlState::Halted);
    let mut found = BTreeSet::new();
    keys(&json(folder.path(), "assess"), &mut found);
    keys(&json(folder.path(), "limits"), &mut found);
    // States and verbs are keys as well.
    for name in ["low", "medium", "high", "extreme", "bridge"] {
        assert!(found.remove(name), "{name}");
    }
    assert!(found.len() > 60, "{}", found.len());
    for key in found {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}
