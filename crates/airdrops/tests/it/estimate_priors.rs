//! `estimate priors`, the program that a user runs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn priors(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(["estimate", "priors"])
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_fits_of_the_built_in_history_are_printed_with_their_caveat() {
    let output = priors(&[]);
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    for part in [
        "$988",
        "$4.77 bn",
        "0.786",
        "11 to 28 %",
        "Only drops that took place",
    ] {
        assert!(printed.contains(part), "no {part} in\n{printed}");
    }
    let json: Value = serde_json::from_slice(&priors(&["--json"]).stdout).unwrap();
    assert_eq!(json["wallet_value"]["n"], 19);
    assert_eq!(json["fdv"]["n"], 14);
    assert_eq!(json["drops"], 23);
    assert!(json["caveat"].as_str().unwrap().contains("large"));
}

#[test]
fn the_file_that_comes_with_the_program_gives_the_same_as_the_program() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../allocation/data/airdrops_history.csv");
    let built_in: Value = serde_json::from_slice(&priors(&["--json"]).stdout).unwrap();
    let output = priors(&["--json", "--history", file.to_str().unwrap()]);
    let own: Value = serde_json::from_slice(&output.stdout).unwrap();
    for fit in [
        "wallet_value",
        "fdv",
        "realised_by_premarket",
        "eligible",
        "share",
    ] {
        assert_eq!(built_in[fit], own[fit]);
    }
}

#[test]
fn a_wrong_field_in_ones_own_history_is_named_by_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    let rows = "token,tokens_airdropped,share_of_supply,mean_tokens,price_claim_low_usd,\
                premarket_price_usd\nUNI,150000000,15,596,3,\n";
    std::fs::write(&file, rows).unwrap();
    let output = priors(&["--history", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("own.csv: line 2, column share_of_supply: `15`"),
        "{error}"
    );
    let output = priors(&["--history", "/nowhere/own.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot be read"));
}
