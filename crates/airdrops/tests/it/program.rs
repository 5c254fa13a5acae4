//! The built program: exit codes, what it prints, and what it writes.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use airdrops_store::{Access, Batch, Options, Sqlite, Store as _};
use airdrops_types::{
    Action, AmountSpec, Assignment, Entry, Operation, ProtocolId, TaskRecord, TaskSpec, TaskState,
    Timestamp, U256, Work,
};

use crate::journal::{Book, gas_ceiling};

const EVERY_KEY: &str = include_str!("every-key.toml");

fn airdrops(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("USER", "ada")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with the example configuration and a database with one deferred task.
fn world() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("airdrops.toml"), EVERY_KEY).unwrap();
    let store = Sqlite::open(
        folder.path().join("airdrops.sqlite"),
        Access::Runner,
        Options::default(),
    )
    .unwrap();
    let wallet = airdrops::config::load(&folder.path().join("airdrops.toml"))
        .unwrap()
        .wallets[0]
        .address;
    let mut book = Book::new();
    book.task(
        "farm/deposit#1",
        None,
        TaskState::Ready,
        "campaign farm fired",
    );
    book.refuse("farm/deposit#1", vec![gas_ceiling()]);
    book.task(
        "farm/deposit#1",
        Some(TaskState::Ready),
        TaskState::Deferred,
        "gas is too dear",
    );
    let work = Work::Act(Assignment {
        wallet,
        protocol: ProtocolId::from("aerie"),
        action: Action::Supply,
        amount: AmountSpec::Target,
    });
    let spec = Arc::new(TaskSpec::of(work));
    let task = TaskRecord {
        state: TaskState::Deferred,
        reason: Some("gas is too dear".into()),
        not_before: Some(Timestamp(4_000_000_000_000)),
        plan: Some(vec![Operation::Supply {
            amount: U256::from(1_250_000),
        }]),
        ..TaskRecord::new(
            &"farm".into(),
            "deposit",
            1,
            spec,
            Timestamp(1_767_225_600_000),
        )
    };
    let batch = Batch {
        entries: book.entries.into_iter().map(|entry| entry.entry).collect(),
        tasks: vec![task],
        ..Batch::at(Timestamp(1_767_225_600_000))
    };
    store.commit(&batch).unwrap();
    folder
}

#[test]
fn help_documents_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let help = out(&airdrops(folder.path(), &["--help"]));
    for line in [
        "  3  the configuration is wrong",
        "  7  a key is locked",
        " 10  a dry run",
    ] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn a_wrong_command_line_is_code_2_and_a_wrong_file_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(airdrops(path, &["frobnicate"]).status.code(), Some(2));
    let missing = airdrops(path, &["config", "check"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(err(&missing).contains("airdrops init"), "{}", err(&missing));
    std::fs::write(
        path.join("airdrops.toml"),
        EVERY_KEY.replace("tick", "tock"),
    )
    .unwrap();
    let wrong = airdrops(path, &["config", "check"]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(
        err(&wrong).contains("airdrops.toml:4:1: unknown key `tock`"),
        "{}",
        err(&wrong)
    );
    assert!(
        !err(&wrong).contains('\u{1b}'),
        "no colours outside a terminal"
    );
    let coloured = airdrops(path, &["config", "check", "--color", "always"]);
    assert!(err(&coloured).contains('\u{1b}'));
    let json = airdrops(path, &["config", "check", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stderr).unwrap();
    assert_eq!(json["exit"], 3);
    assert_eq!(json["details"]["findings"][0]["line"], 4);
}

#[test]
fn a_valid_file_tells_what_would_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other.toml"), EVERY_KEY).unwrap();
    let check = airdrops(folder.path(), &["config", "check", "other.toml"]);
    assert_eq!(check.status.code(), Some(0), "{}", err(&check));
    assert!(out(&check).contains("Campaign farm: at `0 9 * * MON` in Europe/Berlin"));
    let schema = airdrops(folder.path(), &["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["title"], "airdrops.toml");
}

#[test]
fn init_writes_a_valid_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let asked = airdrops(path, &["init"]);
    assert_eq!(asked.status.code(), Some(2));
    assert!(err(&asked).contains("--defaults"));
    let written = airdrops(path, &["init", "--defaults"]);
    assert_eq!(written.status.code(), Some(0), "{}", err(&written));
    let check = airdrops(path, &["config", "check"]);
    assert_eq!(check.status.code(), Some(0), "{}", err(&check));
    std::fs::write(path.join("airdrops.toml"), "precious").unwrap();
    let again = airdrops(path, &["init", "--defaults"]);
    assert_eq!(again.status.code(), Some(2));
    let kept = std::fs::read_to_string(path.join("airdrops.toml")).unwrap();
    assert_eq!(kept, "precious");
    let forced = airdrops(path, &["init", "--defaults", "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", err(&forced));
    assert_eq!(airdrops(path, &["config", "check"]).status.code(), Some(0));
}

#[test]
fn the_answers_of_init_are_in_the_file_and_it_stays_valid() {
    use airdrops::command::init::{Answers, text};
    let folder = tempfile::tempdir().unwrap();
    let keystore = r#"{"address":"f39fd6e51aad88f6f4ce6ab8827279cfffb92266"}"#;
    std::fs::write(folder.path().join("k.json"), keystore).unwrap();
    let answers = Answers {
        live: true,
        endpoint: "MY_RPC".into(),
        keystore: Some("k.json".into()),
        protocol_limit: 12,
        loss_limit: 7,
    };
    let environment = |name: &str| (name == "MY_RPC").then(|| "https://e.example".to_owned());
    let loaded = airdrops::config::read("a.toml", text(&answers), folder.path(), &environment)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.settings.policy.protocol_limit.0, 1200);
    assert_eq!(loaded.settings.policy.rolling_loss_limit.0, 700);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn a_halt_holds_until_resumed_and_status_says_so() {
    let folder = world();
    let path = folder.path();
    assert_eq!(airdrops(path, &["status"]).status.code(), Some(0));
    let no_reason = airdrops(path, &["halt"]);
    assert_eq!(no_reason.status.code(), Some(2));
    let halt = airdrops(path, &["halt", "--reason", "fire drill"]);
    assert_eq!(halt.status.code(), Some(0), "{}", err(&halt));
    let status = airdrops(path, &["status"]);
    assert_eq!(status.status.code(), Some(4));
    assert!(out(&status).contains("fire drill"), "{}", out(&status));
    let resume = airdrops(path, &["resume", "--reason", "drill is over"]);
    assert_eq!(resume.status.code(), Some(0), "{}", err(&resume));
    assert!(
        out(&resume).contains("fire drill"),
        "tells the evidence: {}",
        out(&resume)
    );
    assert_eq!(airdrops(path, &["status"]).status.code(), Some(0));
    let again = airdrops(path, &["resume", "--reason", "again"]);
    assert_eq!(again.status.code(), Some(1));
    let journal = out(&airdrops(path, &["journal"]));
    assert!(
        journal.contains("(ada): fire drill") && journal.contains("by ada: drill is over"),
        "{journal}"
    );
}

#[test]
fn resuming_one_scope_leaves_the_others() {
    let folder = world();
    let path = folder.path();
    for scope in ["chain:rollup", "protocol:aerie"] {
        let halt = airdrops(path, &["halt", "--scope", scope, "--reason", scope]);
        assert_eq!(halt.status.code(), Some(0), "{}", err(&halt));
    }
    let resume = airdrops(
        path,
        &["resume", "--scope", "chain:rollup", "--reason", "ok"],
    );
    assert!(
        out(&resume).contains("Still standing:\n  protocol aerie is halted"),
        "{}",
        out(&resume)
    );
    let unknown = airdrops(path, &["halt", "--scope", "chain:rolup", "--reason", "x"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        err(&unknown).contains("did you mean `rollup`?"),
        "{}",
        err(&unknown)
    );
}

#[test]
fn a_halt_needs_no_valid_configuration() {
    let folder = world();
    let path = folder.path();
    std::fs::write(path.join("airdrops.toml"), "broken").unwrap();
    let arguments = ["halt", "--reason", "x", "--scope", "chain:1"];
    let refused = airdrops(path, &arguments);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        err(&refused).contains("--database FILE"),
        "{}",
        err(&refused)
    );
    let with_database = [&arguments[..], &["--database", "airdrops.sqlite"]].concat();
    assert_eq!(airdrops(path, &with_database).status.code(), Some(0));
}

#[test]
fn explain_tells_state_plan_refusals_and_remedy() {
    let folder = world();
    let path = folder.path();
    for name in ["farm/deposit#1", "farm/deposit", "deposit"] {
        let explain = airdrops(path, &["explain", name]);
        assert_eq!(explain.status.code(), Some(0), "{}", err(&explain));
        let text = out(&explain);
        for part in [
            "farm/deposit#1: supply up to the target at aerie",
            "State      deferred: gas is too dear",
            "Next look  2096-10-02T07:06:40Z",
            "1. next     supply 1.25 USDC",
            "gas_ceiling: base fee on chain 1 is 91.500 gwei, ceiling is 60.000 gwei",
            "the ceiling is `gas_ceiling` of chain mainnet",
            "campaign farm fired",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let unknown = airdrops(path, &["explain", "farm/deposti#1"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        err(&unknown).contains("Close matches:\n  farm/deposit#1"),
        "{}",
        err(&unknown)
    );
}

#[test]
fn the_journal_is_shown_verified_and_reported() {
    let folder = world();
    let path = folder.path();
    let verify = airdrops(path, &["journal", "verify"]);
    assert_eq!(verify.status.code(), Some(0), "{}", err(&verify));
    assert!(
        out(&verify).contains("The journal is whole: 3 entries"),
        "{}",
        out(&verify)
    );
    let page = out(&airdrops(path, &["journal", "--from", "2", "--limit", "1"]));
    assert!(
        page.contains("refused") && page.lines().count() == 1,
        "{page}"
    );
    let json = airdrops(path, &["--json", "journal"]);
    let entries: Vec<airdrops_types::JournalEntry> = serde_json::from_slice(&json.stdout).unwrap();
    assert!(matches!(entries[0].entry, Entry::Task { .. }));
    let report = airdrops(path, &["report", "--html", "r.html"]);
    assert_eq!(report.status.code(), Some(0), "{}", err(&report));
    assert!(out(&report).contains("gas_ceiling"), "{}", out(&report));
    assert!(
        std::fs::read_to_string(path.join("r.html"))
            .unwrap()
            .contains("Farm report")
    );
}

#[test]
fn without_a_database_commands_say_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("airdrops.toml"), EVERY_KEY).unwrap();
    let status = airdrops(folder.path(), &["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        err(&status).contains("there is no database at"),
        "{}",
        err(&status)
    );
}

#[test]
fn a_resumed_loss_is_not_evidence_again() {
    use airdrops_store::ControlChange;
    use airdrops_types::{ControlState, Scope, Trip};
    let folder = world();
    let path = folder.path();
    let database = path.join("airdrops.sqlite");
    let open = |access| Sqlite::open(&database, access, Options::default()).unwrap();
    let trip = Trip {
        scope: Scope::Everything,
        breaker: airdrops_risk::ROLLING_LOSS.into(),
        state: ControlState::Halted,
        since: Timestamp(1_767_225_600_000),
        evidence: "equity fell 10.40 % in 24 h".into(),
    };
    let store = open(Access::Operator);
    store
        .set_control(trip.since, &ControlChange::Trip(trip), "breaker")
        .unwrap();
    drop(store);
    let resume = airdrops(path, &["resume", "--reason", "looked at it"]);
    assert_eq!(resume.status.code(), Some(0), "{}", err(&resume));
    let store = open(Access::ReadOnly);
    let from = store
        .setting(&airdrops_store::cleared_key(airdrops_risk::ROLLING_LOSS))
        .unwrap();
    let from = from
        .and_then(|from| from.as_i64())
        .expect("evidence starts anew");
    assert!(from > 1_767_225_600_000, "{from}");
    assert!(store.control().unwrap().0.is_empty());
}

#[test]
fn a_newcomer_without_an_endpoint_is_told_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let written = airdrops(path, &["init", "--defaults"]);
    assert!(
        out(&written).contains("export RPC_MAINNET="),
        "{}",
        out(&written)
    );
    let once = airdrops(path, &["once"]);
    assert_eq!(once.status.code(), Some(0), "{}", err(&once));
    let told = out(&once);
    let waits = told
        .lines()
        .find(|line| line.contains("farm/wrap#1 ready → deferred"));
    assert!(
        waits.is_some_and(|line| line.contains("price of ETH")),
        "{told}"
    );
    let status = out(&airdrops(path, &["status"]));
    assert!(
        status.contains("once every balance, position and price is fresh"),
        "{status}"
    );
}

#[test]
fn a_copied_paper_chain_does_not_go_on_as_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    airdrops(path, &["init", "--defaults"]);
    let record = r#"{"chain":1,"genesis":1767225600000,"forked":5,"balances":[]}"#;
    std::fs::write(path.join("airdrops.sqlite.paper-1"), format!("{record}\n")).unwrap();
    let once = airdrops(path, &["once"]);
    assert_eq!(once.status.code(), Some(1), "{}", out(&once));
    assert!(
        err(&once).contains("was copied from an endpoint at block 5"),
        "{}",
        err(&once)
    );
}

#[test]
fn an_unwind_is_asked_for_once_shown_and_taken_back() {
    let folder = world();
    let path = folder.path();
    let no_reason = airdrops(path, &["unwind"]);
    assert_eq!(no_reason.status.code(), Some(2));
    assert!(err(&no_reason).contains("--reason"), "{}", err(&no_reason));
    let ask = [
        "unwind",
        "--reason",
        "fire drill",
        "--scope",
        "chain:rollup",
    ];
    let asked = airdrops(path, &ask);
    assert_eq!(asked.status.code(), Some(0), "{}", err(&asked));
    let text = out(&asked);
    assert!(
        text.contains("the unwind of chain rollup (request 1)")
            && text.contains("waits for `airdrops run` (or `once`)"),
        "{text}"
    );
    let again = airdrops(path, &ask);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        err(&again).contains("An unwind of chain rollup is open already: request 1 by ada"),
        "{}",
        err(&again)
    );
    let status = out(&airdrops(path, &["status"]));
    assert!(
        status.contains("request 1: chain rollup by ada") && status.contains("(fire drill): waits"),
        "{status}"
    );
    let json = airdrops(path, &["--json", "status"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["unwinds"][0]["request"]["reason"], "fire drill");
    let journal = out(&airdrops(path, &["journal"]));
    assert!(
        journal.contains("ada unwinds chain:10 (request 1): fire drill"),
        "{journal}"
    );
    let cancel = [&ask[..], &["--cancel"]].concat();
    assert_eq!(airdrops(path, &cancel).status.code(), Some(0));
    assert_eq!(airdrops(path, &cancel).status.code(), Some(1), "once");
    let json = airdrops(path, &[&["--json"], &ask[..]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["requested"]["id"], &json["running"]),
        (&2.into(), &false.into())
    );
    assert_eq!(json["requested"]["scope"]["chain"], 10);
}

#[test]
fn an_unwind_beside_a_run_says_that_it_is_taken_up() {
    let folder = world();
    let database = folder.path().join("airdrops.sqlite");
    let _runner = Sqlite::open(database, Access::Runner, Options::default()).unwrap();
    let asked = airdrops(folder.path(), &["unwind", "--reason", "x"]);
    assert_eq!(asked.status.code(), Some(0), "{}", err(&asked));
    assert!(out(&asked).contains("in its next tick"), "{}", out(&asked));
}

#[test]
fn an_unwind_of_an_unknown_scope_is_a_wrong_command_line() {
    let folder = world();
    for (scope, told) in [
        ("chain:rolup", "did you mean `rollup`?"),
        ("everywhere", "write everything, chain:NAME"),
    ] {
        for mode in [&["--reason", "x"][..], &["--dry-run"][..]] {
            let arguments = [&["unwind", "--scope", scope], mode].concat();
            let refused = airdrops(folder.path(), &arguments);
            assert_eq!(refused.status.code(), Some(2), "{}", out(&refused));
            assert!(err(&refused).contains(told), "{}", err(&refused));
        }
    }
}

#[test]
fn a_dry_run_of_an_unwind_changes_no_file_even_beside_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    airdrops(path, &["init", "--defaults"]);
    let once = airdrops(path, &["once"]);
    assert_eq!(once.status.code(), Some(0), "{}", err(&once));
    let database = path.join("airdrops.sqlite");
    let runner = Sqlite::open(&database, Access::Runner, Options::default()).unwrap();
    let paper = path.join("airdrops.sqlite.paper-1");
    // The run is in the middle of a line.
    let half = [std::fs::read(&paper).unwrap(), b"{\"at\":".to_vec()].concat();
    std::fs::write(&paper, &half).unwrap();
    let before = runner.journal(1, 999).unwrap();
    let text = airdrops(path, &["unwind", "--dry-run"]);
    assert_eq!(text.status.code(), Some(0), "{}", err(&text));
    assert!(
        out(&text).contains("No position and no open allowance"),
        "{}",
        out(&text)
    );
    let json = airdrops(path, &["--json", "unwind", "--dry-run"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["preview"]["exits"], serde_json::json!([]));
    assert_eq!(std::fs::read(&paper).unwrap(), half);
    assert_eq!(runner.journal(1, 999).unwrap(), before);
    assert_eq!(runner.unwinds(), Ok((vec![], vec![])));
}
