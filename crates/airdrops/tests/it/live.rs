//! `run` and `once` as processes, on real contracts on a local chain.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use airdrops_testkit::{Fault, Program};
use airdrops_types::{Bps, Entry, Operation};
use serde_json::Value;

use crate::farm::{Farm, LIMIT};

/// Asks the program to stop, and waits for its end.
fn stop(mut program: Program) -> ExitStatus {
    program.terminate().unwrap();
    program
        .wait(LIMIT)
        .unwrap()
        .expect("it stops when it is told to")
}

#[test]
fn live_farm_is_farmed_from_one_file() {
    let Some(farm) = Farm::start() else { return };
    let mut run = farm.run();
    farm.wait_until(&mut run, "a signature", |farm| farm.nonce() > 0);

    let (code, text) = farm.answer(&["run"]);
    assert_eq!(code, 5, "a second run: {text}");
    let (code, text) = farm.answer(&["--json", "status"]);
    assert_eq!(code, 0, "{text}");
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["state"], "active");

    farm.wait_until_done(&mut run);
    let status = stop(run);
    assert!(status.success(), "{status}");
    farm.check();

    let (code, text) = farm.answer(&["--json", "status"]);
    assert_eq!(code, 0, "{text}");
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["mode"], "live");
    assert_eq!(status["open_tasks"], Value::Array(Vec::new()));
    assert!(status["equity"]["equity"].is_number() || status["equity"]["equity"].is_string());
    let (code, text) = farm.answer(&["explain", "farm/provide"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("State      completed"), "{text}");
    assert!(text.contains("add liquidity"), "{text}");

    // Half of the liquidity was staked, and all of it was taken back.
    let planned: Vec<Operation> = farm
        .journal()
        .into_iter()
        .filter_map(|entry| match entry.entry {
            Entry::Planned { operations, .. } => operations.last().cloned(),
            _ => None,
        })
        .collect();
    let staked = planned.iter().find_map(|last| match last {
        Operation::Stake { amount } => Some(*amount),
        _ => None,
    });
    let liquidity = planned.iter().find_map(|last| match last {
        Operation::RemoveLiquidity { liquidity } => Some(*liquidity),
        _ => None,
    });
    assert_eq!(staked, liquidity.map(|all| Bps(5000).of(all)));

    // Everything was done: another run adds nothing.
    let before = farm.nonce();
    let (code, text) = farm.answer(&["once"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("active: 0 transactions under way"), "{text}");
    assert_eq!(farm.nonce(), before);
    farm.check();
}

#[test]
fn live_halt_stops_signatures_until_resumed() {
    let Some(farm) = Farm::start() else { return };
    let mut run = farm.run();
    farm.wait_until(&mut run, "a signature", |farm| farm.nonce() > 0);
    let (code, text) = farm.answer(&["halt", "--reason", "fire drill"]);
    assert_eq!(code, 0, "{text}");
    // What was signed before is followed to its end.
    farm.wait_until(&mut run, "nothing is under way", |farm| {
        farm.store().open_slots().unwrap().is_empty()
    });
    let nonce = farm.nonce();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(farm.nonce(), nonce);
    run.kill().unwrap();

    let (code, text) = farm.answer(&["status"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("fire drill"), "{text}");
    let (code, text) = farm.answer(&["once"]);
    assert_eq!(code, 4, "{text}");
    let starts = farm.starts();
    let mut run = farm.run();
    farm.wait_until(&mut run, "three ticks", |farm| {
        farm.ticks_after(starts) >= 3
    });
    assert_eq!(farm.nonce(), nonce);
    assert!(!farm.is_done(), "the halt came too late to test anything");

    let (code, text) = farm.answer(&["resume", "--reason", "drill is over"]);
    assert_eq!(code, 0, "{text}");
    farm.wait_until_done(&mut run);
    assert!(stop(run).success());
    farm.check();

    let entries = farm.journal();
    let at = |wanted: fn(&Entry) -> bool| {
        entries
            .iter()
            .position(|entry| wanted(&entry.entry))
            .unwrap()
    };
    let halted = at(|entry| matches!(entry, Entry::Tripped { .. }));
    let resumed = at(|entry| matches!(entry, Entry::Cleared { .. }));
    let between = &entries[halted..resumed];
    assert!(
        !between
            .iter()
            .any(|entry| matches!(entry.entry, Entry::Signed { .. })),
        "signed while halted: {between:#?}"
    );
}

#[test]
fn live_stop_signal_is_heard_at_any_time() {
    let Some(farm) = Farm::start() else { return };
    let mut run = farm.run();
    farm.wait_until(&mut run, "a signature", |farm| farm.nonce() > 0);
    // From now on a tick takes long, so that the signal comes within one.
    let slow = Fault::DelayResponse(Duration::from_millis(300));
    farm.proxy.inject("eth_getBlockByNumber", slow, 8);
    let calls = farm.proxy.calls("eth_getBlockByNumber");
    farm.wait_until(&mut run, "a tick began", |farm| {
        farm.proxy.calls("eth_getBlockByNumber") > calls
    });
    let told = Instant::now();
    let status = stop(run);
    assert!(status.success(), "{status}");
    assert!(told.elapsed() < Duration::from_secs(30));
    let mut run = farm.run();
    farm.wait_until_done(&mut run);
    assert!(stop(run).success());
    farm.check();
}

#[test]
fn live_failures_have_their_exit_codes() {
    let Some(farm) = Farm::start() else { return };
    let text = std::fs::read_to_string(farm.path("airdrops.toml")).unwrap();

    farm.write_secret("wrong", "battery horse");
    let wrong = text.replace("file = \"passphrase\"", "file = \"wrong\"");
    farm.write("wrong.toml", &wrong);
    let (code, told) = farm.answer(&["--config", "wrong.toml", "once"]);
    assert_eq!(code, 7, "{told}");
    assert!(!told.contains("battery"), "{told}");

    // Nobody listens there: port 9 is not ours.
    let down = text.replace(&farm.proxy.url(), "http://127.0.0.1:9");
    farm.write("down.toml", &down);
    let (code, told) = farm.answer(&["--config", "down.toml", "once"]);
    assert_eq!(code, 6, "{told}");

    // It answers which chain it is, and then nothing more.
    for method in ["eth_getBlockByNumber", "eth_blockNumber", "eth_call"] {
        farm.proxy.inject_always(method, Fault::bad_gateway());
    }
    let (code, told) = farm.answer(&["once"]);
    assert_eq!(code, 6, "{told}");
    farm.proxy.heal();

    farm.proxy.inject("eth_chainId", Fault::chain_id(1), 1);
    let (code, told) = farm.answer(&["once"]);
    assert_eq!(code, 6, "{told}");
    assert_eq!(farm.nonce(), 0);
    assert_eq!(farm.proxy.calls("eth_sendRawTransaction"), 0);

    // A dry run says what it would do, and does nothing.
    let dry_run = ["--database", "dry.sqlite", "once", "--dry-run"];
    let (code, told) = farm.answer(&dry_run);
    assert_eq!(code, 10, "{told}");
    assert!(told.contains("2 transactions would be sent"), "{told}");
    assert_eq!(farm.proxy.calls("eth_sendRawTransaction"), 0);
}

#[test]
fn live_chain_forked_on_paper_survives_kills() {
    let Some(farm) = Farm::start() else { return };
    let campaign = |name: &str, protocol: &str, rest: &str| {
        format!(
            "[[campaign.task]]\nname = \"{name}\"\nwallet = \"main\"\nprotocol = \"{protocol}\"\n\
             {rest}\nretry_after = \"1s\"\nretry_cap = \"2s\"\n"
        )
    };
    let text = [
        farm.configuration("paper", &farm.anvil.url()),
        "[[campaign]]\nname = \"practice\"\n".to_owned(),
        campaign("wrap", "weth", "action = \"wrap\"\namount = \"0.4\""),
        campaign(
            "buy",
            "pair",
            "action = \"swap\"\nfrom = \"ETH\"\nto = \"TOKEN\"\namount = \"0.2\"\nafter = [\"wrap\"]",
        ),
        campaign(
            "provide",
            "pair",
            "action = \"add_liquidity\"\namount = \"0.1\"\nafter = [\"buy\"]",
        ),
    ]
    .concat();
    farm.write("airdrops.toml", &text);

    let places = [
        "chain.sign.before",
        "chain.sign.after",
        "chain.broadcast.after",
        "chain.receipt.after",
        "runtime.settle.before",
        "runtime.settle.after",
    ];
    let deadline = Instant::now() + LIMIT;
    let mut killed = 0;
    while !farm.is_done() {
        assert!(Instant::now() < deadline, "{}", farm.told());
        let place = format!("{}:1", places[killed % places.len()]);
        let mut once = farm.spawn(&["once"], &[("AIRDROPS_STOP_AT", &place)]);
        if once.wait_for_output("stopped at", LIMIT).unwrap() {
            once.kill().unwrap();
            killed += 1;
        } else {
            let ended = once.wait(LIMIT).unwrap().expect("one tick ends");
            assert!(ended.success(), "{ended}\n{}", once.stderr().unwrap());
        }
    }
    assert!(killed >= places.len(), "{killed} kills");

    let outcomes = farm.store().outcomes().unwrap();
    let nonces: Vec<u64> = outcomes.iter().map(|outcome| outcome.nonce).collect();
    assert_eq!(nonces, (0..outcomes.len() as u64).collect::<Vec<_>>());
    // wrap; approve and swap; two approvals and the deposit.
    assert_eq!(outcomes.len(), 6);
    let wallet = outcomes[0].wallet;
    assert_eq!(farm.ask(farm.anvil.nonce(wallet)).unwrap(), 0, "paper only");

    let record = std::fs::read_to_string(farm.path("airdrops.sqlite.paper-31337")).unwrap();
    let on_paper: usize = record
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|block| Some(block.get("transactions")?.as_array()?.len()))
        .sum();
    assert_eq!(on_paper, outcomes.len());
    for command in [&["journal", "verify"][..], &["replay"], &["status"]] {
        let (code, text) = farm.answer(command);
        assert_eq!(code, 0, "{command:?}: {text}");
    }
}

#[test]
fn live_unwind_while_halted_leaves_nothing() {
    let Some(farm) = Farm::start() else { return };
    // Without the tasks that take everything back.
    let configuration = std::fs::read_to_string(farm.path("airdrops.toml")).unwrap();
    let (stays, _) = configuration
        .split_once("[[campaign.task]]\nname = \"leave\"")
        .unwrap();
    farm.write("airdrops.toml", stays);
    let mut run = farm.run();
    farm.wait_until_done(&mut run);
    let (code, text) = farm.answer(&["halt", "--reason", "fire drill"]);
    assert_eq!(code, 0, "{text}");

    let (code, text) = farm.answer(&["unwind", "--dry-run"]);
    assert_eq!(code, 10, "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("rewards of wallet main") < at("pair of wallet main"));
    assert!(text.contains("would go out"), "{text}");
    let nonce = farm.nonce();

    let (code, text) = farm.answer(&["unwind", "--reason", "leave"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("in its next tick"), "{text}");
    farm.wait_until(&mut run, "the unwind ends", |farm| {
        let (_, progress) = farm.store().unwinds().unwrap();
        progress.iter().any(|unwind| unwind.end.is_some())
    });
    assert!(farm.nonce() > nonce);
    let (code, text) = farm.answer(&["status"]);
    assert_eq!(code, 4, "still halted: {text}");
    assert!(text.contains("(leave): done"), "{text}");
    let (code, text) = farm.answer(&["unwind", "--dry-run"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = farm.answer(&["explain", "unwind/001-rewards"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("unwind all at rewards"), "{text}");
    assert!(stop(run).success());
}
