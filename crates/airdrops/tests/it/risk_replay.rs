//! `risk replay` on eight years of hourly prices, and on files that it refuses.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Hourly ETH/USDT of Binance, 2017-08 to 2026-03.
const ETH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/ETHUSDT_1h_binance_2017-2026.csv.gz"
);

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(["risk", "replay", "--json"])
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value, path: &str) -> f64 {
    let found = value.pointer(path);
    found
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{path} is {found:?}"))
}

#[test]
fn eight_years_of_eth_keep_what_the_measures_promise() {
    if !Path::new(ETH).exists() {
        airdrops_testkit::skip(&format!("{ETH} is not here"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("replay.html");
    let found = json(&replay(&[
        "--prices",
        ETH,
        "--html",
        page.to_str().unwrap(),
    ]));
    assert_eq!(number(&found, "/hours"), 75_568.0);
    assert_eq!(number(&found, "/assets/ETH/gaps"), 1.0);
    assert_eq!(number(&found, "/assets/ETH/missing_hours"), 4.0);

    let qlike = |name: &str| number(&found, &format!("/forecast_qlike/{name}"));
    assert!(qlike("log_har_range") <= 0.38, "{}", qlike("log_har_range"));
    assert!(qlike("log_har_range") < qlike("parkinson_ewma"));
    assert!(qlike("parkinson_ewma") < qlike("riskmetrics"));

    // A state that never comes, or never goes, says nothing.
    for year in 2018..=2026 {
        let share = number(&found, &format!("/states/by_year/{year}/extreme"));
        assert!((0.01..=0.07).contains(&share), "{year}: {share}");
    }
    let changes = number(&found, "/states/changes_per_year");
    assert!(changes < 75.0, "{changes}");
    assert!(number(&found, "/lead_time_hours/extreme/never") <= 35.0);

    assert!((number(&found, "/var99/rate") - 0.01).abs() < 0.003);
    assert!(number(&found, "/var99/kupiec_p") > 0.05);
    assert!(number(&found, "/var99/independence_p") > 0.05);
    assert!(number(&found, "/var97_5/kupiec_p") > 0.05);

    let trips = number(&found, "/breakers/loss_24h/trips_per_year");
    assert!((15.0..20.0).contains(&trips), "{trips}");
    assert!(number(&found, "/lead_time_hours/high/before") > 30.0);

    let page = std::fs::read_to_string(page).unwrap();
    for part in [
        "<svg",
        "Volatility index",
        "Drawdown",
        "value at risk",
        "log-HAR",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for outside in ["<script", "http://", "https://"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// Six hundred hours with a fall of 30 % in hour 500.
fn small(folder: &Path, name: &str) -> String {
    let mut text = String::from("time,open,high,low,close\n");
    for hour in 0..600_u32 {
        let price = if hour < 500 { 100.0 } else { 70.0 } + f64::from(hour % 5);
        let high = if hour == 500 { 105.0 } else { price + 0.5 };
        let time = 1_600_000_000 / 3600 * 3600 + hour * 3600;
        text.push_str(&format!("{time},{price},{high},{},{price}\n", price - 0.5));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn weights_name_assets_and_cash() {
    let folder = tempfile::tempdir().unwrap();
    let (eth, btc) = (
        small(folder.path(), "ethusdt.csv"),
        small(folder.path(), "x.csv"),
    );
    let btc = format!("btc={btc}");
    let equal = json(&replay(&["--prices", &eth, &btc]));
    assert_eq!(number(&equal, "/assets/ETH/weight"), 0.5);
    assert_eq!(number(&equal, "/breakers/loss_24h/trips"), 1.0);
    // Too short a history for the rest.
    assert!(equal["var99"]["rate"].is_null() && equal["tomorrow"].is_null());
    let light = json(&replay(&[
        "--prices",
        &eth,
        &btc,
        "--weights",
        "ETH=0.3,USD=0.7",
    ]));
    assert_eq!(number(&light, "/assets/BTC/weight"), 0.0);
    assert_eq!(number(&light, "/cash"), 0.7);
    assert_eq!(number(&light, "/breakers/loss_24h/trips"), 0.0);
    let wrong = replay(&["--prices", &eth, "--weights", "ETH=0.3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("sum to 0.3"));
}

#[test]
fn a_bad_row_is_named_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path(), "eth.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(9, 10);
    std::fs::write(&path, lines.join("\n")).unwrap();
    let output = replay(&["--prices", &path]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("eth.csv: line 11: 2020-09-13"), "{said}");
    assert!(said.contains("goes back behind"), "{said}");
}
