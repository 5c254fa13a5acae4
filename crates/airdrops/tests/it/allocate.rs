//! `allocate`: problems in files, answers that keep their limits, and every class of error.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .arg("allocate")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn schema() -> Value {
    let output = run(Path::new("."), &["--schema"]);
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with `problem.json`.
fn folder(problem: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("problem.json"), problem.to_string()).unwrap();
    folder
}

fn answer(problem: &Value, arguments: &[&str]) -> Value {
    let folder = folder(problem);
    let arguments = [&["--problem", "problem.json", "--json"], arguments].concat();
    let output = run(folder.path(), &arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The exit code and what was said.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(
        folder,
        &[&["--problem", "problem.json"], arguments].concat(),
    );
    assert!(output.stdout.is_empty());
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn two() -> Value {
    json!({
        "assets": ["a", "b"],
        "mu": [0.01, 0.02],
        "cov": [[0.01, 0.0], [0.0, 0.04]],
    })
}

fn with(mut problem: Value, field: &str, value: Value) -> Value {
    problem[field] = value;
    problem
}

#[test]
fn weights_are_exact_and_every_limit_is_in_the_certificate() {
    let problem = with(
        two(),
        "groups",
        json!([{ "name": "g", "assets": ["b"], "max": 0.3 }]),
    );
    let problem = with(problem, "capital", json!(1000));
    let answer = answer(&problem, &["--strategy", "equal-weight"]);
    assert_eq!(answer["weights"], json!({ "a": 0.7, "b": 0.3 }));
    assert_eq!(
        answer["parts"],
        json!({ "a": 700_000_000_000_u64, "b": 300_000_000_000_u64 })
    );
    assert_eq!(answer["targets"], json!({ "a": 700.0, "b": 300.0 }));
    assert_eq!(answer["certificate"]["holds"], true);
    let limits = answer["certificate"]["limits"].as_array().unwrap();
    let group = limits.iter().find(|limit| limit["name"] == "g").unwrap();
    assert_eq!(
        (&group["slack"], &group["binds"]),
        (&json!(0), &json!(true))
    );
    assert!(answer["time_ms"].as_f64().unwrap() > 0.0);
    assert!((answer["return"].as_f64().unwrap() - 0.013).abs() < 1e-12);
}

#[test]
fn minimum_variance_of_two_assets_is_the_closed_form() {
    let answer = answer(
        &with(two(), "periods_per_year", json!(4)),
        &["--strategy", "min-variance"],
    );
    assert!((answer["weights"]["a"].as_f64().unwrap() - 0.8).abs() < 1e-8);
    // Variance 0.008 per period.
    assert!((answer["volatility"].as_f64().unwrap() - (4.0_f64 * 0.008).sqrt()).abs() < 1e-9);
    assert!(answer["certificate"]["gap"].as_f64().unwrap() < 1e-9);
}

#[test]
fn the_examples_of_the_schema_are_solved_by_their_strategies() {
    for example in schema()["examples"].as_array().unwrap() {
        let answer = answer(example, &[]);
        assert_eq!(answer["strategy"], example["strategy"]);
        assert_eq!(answer["fallbacks"], json!([]));
    }
}

#[test]
fn scenarios_are_allocated_by_capped_kelly_unless_told_otherwise() {
    let problem = json!({
        "assets": ["drop", "lend"],
        "scenarios": { "returns": [[3.0, 1.0], [0.5, 1.0]], "probabilities": [0.4, 0.6] },
        "bounds": { "drop": [0, 0.1], "lend": [0, 0.5] },
        "cash": true,
    });
    let answer = answer(&problem, &[]);
    assert_eq!(answer["strategy"], "airdrop-kelly");
    assert_eq!(answer["weights"]["drop"], 0.1);
}

#[test]
fn history_is_read_from_csv_by_name_beside_the_problem_file() {
    let history = "date,b,a\n2026-01-01,0.01,0.02\n2026-01-02,-0.02,0.01\n2026-01-03,0.03,0.00\n";
    let folder = folder(&json!({ "assets": ["a", "b"], "returns": "data/history.csv" }));
    fs::create_dir(folder.path().join("data")).unwrap();
    let csv = folder.path().join("data/history.csv");
    fs::write(&csv, history).unwrap();
    let arguments = [
        "--problem",
        "problem.json",
        "--strategy",
        "equal-weight",
        "--json",
    ];
    let output = run(folder.path(), &arguments);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Mean of (0.01 + 0.02 / 3) / 2.
    assert!((answer["return"].as_f64().unwrap() - 0.025 / 3.0).abs() < 1e-12);
    fs::write(&csv, history.replace("-0.02", "minus two")).unwrap();
    let (code, said) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(
        said.contains("history.csv:3: column 2: `minus two`"),
        "{said}"
    );
    fs::remove_file(&csv).unwrap();
    let (code, said) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(
        said.contains("history.csv") && said.contains("relative to the problem file"),
        "{said}"
    );
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_place_and_remedy() {
    let problem = json!({
        "assets": ["a", "b"],
        "cov": [[1.0, 2.0], [2.0, "x"]],
        "bound": { "a": [0, 1] },
        "bounds": { "c": [0, 1] },
        "groups": [{ "name": "g", "assets": ["a"], "maximum": 0.5 }],
        "cap_per_transaction": 1000,
        "capital": 20000,
        "turnover": "much",
    });
    let folder = folder(&problem);
    let (code, said) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    for part in [
        "problem.json: bound: is no field; did you mean `bounds`?",
        "problem.json: cov[1][1]: is text; give a number",
        "problem.json: bounds.c: `c` is no asset",
        "problem.json: groups[0].maximum: is no field; did you mean `max`?",
        "problem.json: cap_per_transaction: is 1000; it is a fraction of capital: 0.05 for $1000",
        "problem.json: turnover: is text; give a number",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let (_, said) = refused(folder.path(), &["--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["details"]["faults"].as_array().unwrap().len(), 6);
}

#[test]
fn values_that_are_none_are_refused_by_their_place() {
    for (problem, place) in [
        (
            with(two(), "cov", json!([[1.0, 2.0], [2.0, 1.0]])),
            "cov[1]",
        ),
        (
            with(two(), "bounds", json!({ "a": [0.5, 0.1] })),
            "bounds.a",
        ),
        (with(two(), "capital", json!(0)), "capital"),
        (with(two(), "assets", json!(["a", "a"])), "assets[1]"),
        (with(two(), "costs", json!({ "fixed": 3 })), "costs.fixed"),
        (with(two(), "returns", json!([[0.1, 0.1]])), "returns"),
    ] {
        let (code, said) = refused(folder(&problem).path(), &[]);
        assert_eq!(code, 1);
        assert!(
            said.contains(&format!("problem.json: {place}: ")),
            "{place}\n{said}"
        );
    }
}

#[test]
fn broken_and_ambiguous_json_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("problem.json");
    for (text, part) in [
        ("{\n\"assets\": [\"a\",]}", "problem.json:2: "),
        (
            "{\"bounds\": {\"a\": [0, 1],\n\"a\": [0, 2]}}",
            "the key `a` is there twice",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let (code, said) = refused(folder.path(), &[]);
        assert_eq!(code, 1);
        assert!(said.contains(part), "{said}");
    }
    fs::remove_file(&file).unwrap();
    let (code, said) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn limits_that_conflict_are_named() {
    let problem = with(two(), "bounds", json!({ "a": [0, 0.4], "b": [0, 0.5] }));
    let folder = folder(&problem);
    let (code, said) = refused(folder.path(), &["--strategy", "equal-weight"]);
    assert_eq!(code, 1);
    for part in [
        "`a` is at most 40 %",
        "`b` is at most 50 %",
        "`invested` is at least 100 %",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let (_, said) = refused(folder.path(), &["--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["details"]["conflict"].as_array().unwrap().len(), 3);
    let problem = with(two(), "bounds", json!({ "a": [0, 0.6], "b": [0, 0.6] }));
    let (code, said) = refused(
        self::folder(&with(problem, "max_positions", json!(1))).path(),
        &[],
    );
    assert_eq!(code, 1);
    assert!(said.contains("`max_positions` is at most 1"), "{said}");
}

#[test]
fn limits_without_room_for_whole_parts_are_an_error_and_no_allocation() {
    let third = 0.333_333_333_333_333;
    let problem = json!({
        "assets": ["a", "b", "c"],
        "bounds": { "a": [0, third], "b": [0, third], "c": [0, third] },
        "strategy": "equal-weight",
    });
    let (code, said) = refused(folder(&problem).path(), &[]);
    assert_eq!(code, 1);
    assert!(said.contains("at most 12 decimals"), "{said}");
}

#[test]
fn strategies_that_do_not_exist_or_lack_what_they_need_are_refused() {
    let cov = json!({ "assets": ["a", "b"], "cov": [[0.01, 0.0], [0.0, 0.04]] });
    let folder = folder(&cov);
    let (code, said) = refused(folder.path(), &["--strategy", "min-varience"]);
    assert_eq!(code, 2);
    assert!(said.contains("did you mean `min-variance`?"), "{said}");
    let (code, said) = refused(folder.path(), &["--strategy", "kelly"]);
    assert_eq!(code, 1);
    assert!(said.contains("give mu beside cov"), "{said}");
    let (code, said) = refused(folder.path(), &["--strategy", "black-litterman"]);
    assert_eq!(code, 1);
    assert!(said.contains("views"), "{said}");
    assert_eq!(run(folder.path(), &[]).status.code(), Some(2));
}

#[test]
fn the_table_shows_weights_limits_and_solver() {
    let problem = with(two(), "bounds", json!({ "b": [0, 0.1] }));
    let folder = folder(&problem);
    let arguments = ["--problem", "problem.json", "--strategy", "min-variance"];
    let output = run(folder.path(), &arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    for part in [
        "Allocation by min-variance",
        "90.0000 %",
        "binds",
        "solver",
        "gap",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}
