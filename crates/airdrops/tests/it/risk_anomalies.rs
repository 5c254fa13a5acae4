//! `airdrops risk anomalies`: what it reads, prints and refuses, and that it streams.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};

fn program(csv: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airdrops"));
    command
        .args(["risk", "anomalies", "--csv", csv])
        .env_clear();
    command
}

fn score(folder: &Path, content: &[u8], more: &[&str]) -> Output {
    let file = folder.join("series.csv");
    std::fs::write(&file, content).unwrap();
    let mut command = program("series.csv");
    command.args(more).current_dir(folder).output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A noisy hourly series with one spike.
fn series(rows: u32, spike: Option<u32>) -> String {
    let mut text = "timestamp,value\n".to_owned();
    for i in 0..rows {
        let mixed = i.wrapping_add(1).wrapping_mul(2_654_435_761);
        let noise =
            f64::from((mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 8) / 16_777_216.0;
        let value = if spike == Some(i) { 25.0 } else { noise };
        text.push_str(&format!(
            "{},{value}\n",
            1_400_000_000 + 3600 * u64::from(i)
        ));
    }
    text
}

/// Score and alarm of each row of a CSV answer.
fn scores(output: &Output) -> Vec<(f64, String)> {
    lines(output)[1..]
        .iter()
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            (fields[2].parse().unwrap(), fields[3].to_owned())
        })
        .collect()
}

#[test]
fn the_three_forms_of_an_instant_are_read_and_printed_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let content =
        "timestamp,value\n2014-02-14 14:30:00,1.50\n2014-02-14T14:35:00Z,2e0\n1392388800,-3\n";
    let output = score(folder.path(), content.as_bytes(), &[]);
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(
        lines(&output),
        [
            "timestamp,value,score,alarm",
            "2014-02-14 14:30:00,1.50,0.000000000,0",
            "2014-02-14T14:35:00Z,2e0,0.000000000,0",
            "1392388800,-3,0.000000000,0",
        ]
    );
}

#[test]
fn columns_are_found_by_name_and_windows_line_ends_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let content = "host,value,timestamp\r\na,5,1392388800\r\n";
    let output = score(folder.path(), content.as_bytes(), &[]);
    assert_eq!(lines(&output)[1], "1392388800,5,0.000000000,0");
}

#[test]
fn a_spike_scores_highest_and_alarms_and_no_other_row_alarms() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), series(1500, Some(1300)).as_bytes(), &[]);
    let scores = scores(&output);
    assert_eq!(scores.len(), 1500);
    assert!(scores.iter().all(|(score, _)| (0.0..=1.0).contains(score)));
    let highest = scores.iter().map(|(score, _)| *score).fold(0.0, f64::max);
    assert_eq!(scores[1300].0.to_bits(), highest.to_bits());
    let alarms: Vec<_> = (0..1500).filter(|i| scores[*i].1 == "1").collect();
    assert_eq!(alarms, [1300]);
}

#[test]
fn the_rows_so_far_are_judged_without_those_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let whole = score(folder.path(), series(900, Some(700)).as_bytes(), &[]);
    let part = score(folder.path(), series(600, None).as_bytes(), &[]);
    assert_eq!(lines(&part)[..], lines(&whole)[..601]);
}

#[test]
fn a_packed_file_gives_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let content = series(400, Some(350));
    let plain = score(folder.path(), content.as_bytes(), &[]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(content.as_bytes()).unwrap();
    let unpacked = score(folder.path(), &packed.finish().unwrap(), &[]);
    assert!(unpacked.status.success(), "{}", error(&unpacked));
    assert_eq!(plain.stdout, unpacked.stdout);
}

#[test]
fn a_bad_row_is_named_by_its_line_and_the_rows_before_it_are_scored() {
    let folder = tempfile::tempdir().unwrap();
    for (row, problem) in [
        ("1392388800,NaN", "`NaN` is not a finite number"),
        ("1392388800,abc", "`abc` is no number"),
        ("1392388800,", "no value"),
        ("1392388800", "no value"),
        ("yesterday,1", "`yesterday` is no instant"),
    ] {
        let content = format!("timestamp,value\n1392388500,1\n{row}\n1392389100,1\n");
        let output = score(folder.path(), content.as_bytes(), &[]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(lines(&output).len(), 2, "{row}");
        let said = error(&output);
        let expected = format!("series.csv: line 3: {problem}");
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a_file_without_its_columns_or_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), b"time,price\n1,2\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("line 1: no column `timestamp`"));
    let missing = program("absent.csv").current_dir(folder.path()).output();
    let missing = missing.unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(error(&missing).starts_with("absent.csv: "));
}

#[test]
fn json_is_one_object_per_row_with_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(
        folder.path(),
        series(1200, Some(1190)).as_bytes(),
        &["--json"],
    );
    let rows: Vec<serde_json::Value> = lines(&output)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 1200);
    let spike = &rows[1190];
    assert_eq!(spike["value"], 25.0);
    assert_eq!(spike["alarm"], true);
    assert_eq!(spike["evidence"][0]["side"], "above");
    assert!(spike["statistic"].as_f64() > spike["threshold"].as_f64());
}

#[test]
fn a_row_is_answered_before_the_next_is_written() {
    let mut child = program("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, answers) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines() {
            sender.send(line.unwrap()).unwrap();
        }
    });
    // Long enough for any machine: without streaming nothing comes before the input ends.
    let next = || answers.recv_timeout(Duration::from_secs(120)).unwrap();
    input.write_all(b"timestamp,value\n1392388800,1\n").unwrap();
    assert_eq!(next(), "timestamp,value,score,alarm");
    assert_eq!(next(), "1392388800,1,0.000000000,0");
    input.write_all(b"1392389100,2\n").unwrap();
    assert_eq!(next(), "1392389100,2,0.000000000,0");
    drop(input);
    reader.join().unwrap();
    assert!(child.wait().unwrap().success());
}
