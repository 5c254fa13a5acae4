//! `risk vol-index`, against the published worked examples where they are at hand.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use airdrops_risk::volatility::deribit::{self, BookSummary};
use airdrops_risk::volatility::mfiv::{self, FOURTEEN_DAYS};
use airdrops_types::Timestamp;
use serde_json::Value;

/// Times and rates of Cboe's older white paper, in the order near, next.
const WHITE_PAPER: [&str; 8] = [
    "--minutes-near",
    "35924",
    "--minutes-next",
    "46394",
    "--rate-near",
    "0.000305",
    "--rate-next",
    "0.000286",
];

/// A file of the recorded data, which is no part of the project; `None`, and a printed line, where
/// it is not at hand.
fn recorded(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed test");
    // Past the capture of the test harness. Nothing can be done about a closed standard error.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {test}: no recorded data at {}",
        path.display()
    );
    None
}

fn vol_index(file: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(["risk", "vol-index", "--options"])
        .arg(file)
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn json(file: &Path, arguments: &[&str]) -> Value {
    let output = vol_index(file, &[arguments, &["--json"]].concat());
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn near_to(value: &Value, expected: f64, tolerance: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= tolerance, "{value} {expected}");
}

fn strike(term: &Value, wanted: f64) -> Option<&Value> {
    term["strikes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|used| used["strike"] == wanted)
}

#[test]
fn cboe_white_paper_example_is_reproduced() {
    let Some(file) = recorded("vix_oracle/cboe_vix_example_quotes.csv") else {
        return;
    };
    let answer = json(&file, &WHITE_PAPER);
    near_to(&answer["index"], 13.685_821, 5e-7);
    assert_eq!(answer["reason"], Value::Null);
    let ends = |term: &Value| {
        let strikes = term["strikes"].as_array().unwrap();
        let at = |used: &Value| used["strike"].as_f64().unwrap();
        (
            strikes.len(),
            at(&strikes[0]),
            at(&strikes[strikes.len() - 1]),
        )
    };
    let (near, next) = (&answer["near"], &answer["next"]);
    assert_eq!(ends(near), (146, 1370.0, 2125.0));
    assert_eq!(ends(next), (122, 1275.0, 2200.0));
    near_to(&near["forward"], 1_962.899_96, 5e-6);
    near_to(&next["forward"], 1_962.400_06, 5e-6);
    assert_eq!((&near["k0"], &next["k0"]), (&1960.0.into(), &1960.0.into()));
    near_to(&near["variance"], 0.018_462_92, 5e-9);
    near_to(&next["variance"], 0.018_821_01, 5e-9);
    assert_eq!(near["minutes"], 35_924.0);
    for (term, at, delta_k) in [
        (near, 1400.0, 7.5),
        (near, 2100.0, 15.0),
        (near, 2125.0, 25.0),
        (next, 1325.0, 37.5),
    ] {
        assert_eq!(strike(term, at).unwrap()["delta_k"], delta_k, "{at}");
    }
    for (term, at) in [
        (near, 1350.0),
        (near, 1355.0),
        (near, 1405.0),
        (next, 2225.0),
    ] {
        assert!(strike(term, at).is_none(), "{at}");
    }
    let text = String::from_utf8(vol_index(&file, &WHITE_PAPER).stdout).unwrap();
    assert!(text.starts_with("Volatility index: 13.69 %\n"), "{text}");
    for part in ["1962.89996", "0.01882101", "  2125", "37.5"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn cboe_example_without_the_end_of_a_wing_gives_no_number() {
    let Some(file) = recorded("vix_oracle/cboe_vix_example_quotes.csv") else {
        return;
    };
    let text = std::fs::read_to_string(file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.csv");
    let cases: [(&str, f64, f64, &str); 5] = [
        ("near", 1800.0, 1e9, "put wing of the near term"),
        ("near", 1400.0, 1e9, "put wing of the near term"),
        ("next", 1325.0, 1e9, "put wing of the next term"),
        ("near", 0.0, 2080.0, "call wing of the near term"),
        ("next", 0.0, 2150.0, "call wing of the next term"),
    ];
    for (term, low, high, expected) in cases {
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| {
                let mut fields = line.split(',');
                fields.next() != Some(term)
                    || fields
                        .next()
                        .and_then(|strike| strike.parse().ok())
                        .is_some_and(|strike: f64| (low..=high).contains(&strike))
            })
            .collect();
        std::fs::write(&cut, kept.join("\n")).unwrap();
        let answer = json(&cut, &WHITE_PAPER);
        assert_eq!(answer["index"], Value::Null);
        assert_eq!(answer["reason_code"], "truncated_wing");
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{reason}");
        assert!(answer[term]["strikes"].is_array(), "the strip is shown");
    }
}

#[test]
fn terms_that_do_not_bracket_thirty_days_give_no_number_and_no_failure() {
    let Some(file) = recorded("vix_oracle/cboe_vix_example_quotes.csv") else {
        return;
    };
    for minutes in [["20000", "43000"], ["43201", "50000"], ["46394", "35924"]] {
        let arguments = [
            "--minutes-near",
            minutes[0],
            "--minutes-next",
            minutes[1],
            "--rate",
            "0",
        ];
        let answer = json(&file, &arguments);
        assert_eq!(answer["index"], Value::Null);
        assert_eq!(answer["reason_code"], "not_bracketed");
        let text = vol_index(&file, &arguments);
        assert_eq!(text.status.code(), Some(0));
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(
            text.starts_with("No volatility index: the expiries do not bracket 30 days"),
            "{text}"
        );
    }
}

/// The rows of an evidence file, its rate, and its result. Its coin prices are multiplied with one
/// price for all options.
fn evidence(file: &Path) -> (Vec<BookSummary>, f64, f64) {
    let evidence: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let params = &evidence["params"];
    let rows = params["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| BookSummary {
            instrument_name: option["symbol"].as_str().unwrap().to_owned(),
            bid: option["bestBidPrice"].as_f64(),
            ask: option["bestAskPrice"].as_f64(),
            mark: option["markPrice"].as_f64(),
            underlying: params["underlyingPrice"].as_f64(),
            created: None,
        })
        .collect();
    (
        rows,
        evidence["context"]["risklessRate"].as_f64().unwrap(),
        evidence["result"]["value"].as_f64().unwrap(),
    )
}

#[test]
fn published_mfiv_results_are_reproduced_to_their_last_digit_but_one() {
    for (name, at, expected) in [
        (
            "mfiv_oracle/mfiv-evidence.json",
            1_643_245_200_011,
            98.748_356_283_917_83,
        ),
        // Says 07:02:00.035, and counts from 07:02:00.000.
        (
            "mfiv_oracle/eth-mfiv-14d-2021-10-01T0702Z.json",
            1_633_071_720_000,
            103.680_428_141_884_14,
        ),
    ] {
        let Some(file) = recorded(name) else { return };
        let (rows, rate, published) = evidence(&file);
        assert!((published - expected).abs() < 1e-13, "{published}");
        let chain = deribit::chain(&rows, Timestamp(at), rate).unwrap();
        let index = mfiv::index(&chain.expiries, FOURTEEN_DAYS).index.unwrap();
        assert!((index - expected).abs() < 1e-10, "{name}: {index}");
    }
}

#[test]
fn recorded_deribit_chain_gives_its_level() {
    let Some(file) = recorded("deribit_ETH_book_summary_2024-01-08.csv.gz") else {
        return;
    };
    let answer = json(&file, &[]);
    near_to(&answer["index"], 75.81, 0.03);
    assert_eq!(answer["underlying"], "ETH");
    assert_eq!(answer["at"], "2024-01-08T11:19:41Z");
    // 17.9 and 45.9 days.
    near_to(&answer["near"]["volatility"], 80.4, 0.05);
    near_to(&answer["next"]["volatility"], 73.4, 0.06);
    near_to(&answer["near"]["minutes"], 17.86 * 1440.0, 10.0);
    for at in ["2024-01-08T11:19:41.429Z", "1704712781"] {
        near_to(&json(&file, &["--at", at])["index"], 75.81, 0.03);
    }
    let later = json(&file, &["--at", "2024-01-09T11:19:41Z"]);
    assert_eq!(later["index"], Value::Null, "a day old");
    assert!(later["dropped"]["stale"].as_u64().unwrap() > 600);
}

#[test]
fn options_that_do_not_fit_the_layout_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cboe = folder.path().join("cboe.csv");
    let rows = "term,strike,call_bid,call_ask,put_bid,put_ask\nnear,1,1,1,1,1\nnext,1,1,1,1,1\n";
    std::fs::write(&cboe, rows).unwrap();
    let deribit = folder.path().join("deribit.json");
    std::fs::write(&deribit, r#"[{"instrument_name": "ETH-26JAN24-1200-P"}]"#).unwrap();
    let minutes = ["--minutes-near", "36000", "--minutes-next", "46000"];
    for (file, arguments, expected) in [
        (&cboe, vec![], "give --minutes-near and --minutes-next"),
        (
            &cboe,
            minutes.to_vec(),
            "give --rate-near and --rate-next, or --rate for both",
        ),
        (&cboe, vec!["--at", "1704712781"], "--at does not apply"),
        (
            &cboe,
            vec!["--at", "yesterday"],
            "write it like 2024-01-08T11:19:41Z",
        ),
        (
            &cboe,
            vec!["--at", "1704712781429"],
            "those are milliseconds",
        ),
        (
            &cboe,
            vec!["--rate", "3.05"],
            "write a decimal fraction: 0.0305 is 3.05 %",
        ),
        (&cboe, vec!["--minutes-near", "-1"], "--minutes-near"),
        (&deribit, minutes.to_vec(), "--minutes-near does not apply"),
        (&deribit, vec![], "give --at, the time of the quotes"),
    ] {
        let output = vol_index(file, &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let header = "term,strike,call_bid,call_ask,put_bid,put_ask\n";
    let mixed = r#"[{"instrument_name": "ETH-26JAN24-1200-P", "creation_timestamp": 1},
        {"instrument_name": "BTC-26JAN24-42000-P"}]"#;
    for (file, expected) in [
        (folder.path().join("none.csv"), "none.csv: cannot be read"),
        (folder.path().to_owned(), "cannot be read"),
        (
            write("broken.gz", &[0x1f, 0x8b, 8, 0, 1]),
            "broken.gz: is broken gzip",
        ),
        (
            write("bytes.csv", &[b'a', 0xff]),
            "bytes.csv: is not text: byte 1 is not UTF-8",
        ),
        (
            write("row.csv", format!("{header}near,100,1,2,3\n").as_bytes()),
            "row.csv:2: 5 fields where the header has 6",
        ),
        (
            write(
                "cell.csv",
                format!("{header}near,100,1,2,oops,4\n").as_bytes(),
            ),
            "cell.csv:2: column put_bid: `oops` is no price",
        ),
        (
            write("mixed.json", mixed.as_bytes()),
            "options on ETH and on BTC are mixed",
        ),
    ] {
        let output = vol_index(&file, &[]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
