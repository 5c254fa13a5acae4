//! A skipped test is never silent, and never passes where it is required.

use std::time::Duration;

use airdrops_testkit::{Program, skip};

const LIMIT: Duration = Duration::from_secs(60);
const SKIPPED: &str = "skipping::always_skips";

/// Not a test of its own: what is skipped.
#[test]
#[ignore = "run by the other tests here"]
fn always_skips() {
    skip(&"there is no such thing");
}

fn run(require: &str) -> Program {
    let this = std::env::current_exe().unwrap();
    // Nor may it be noted among the real ones.
    let log = tempfile::NamedTempFile::new().unwrap();
    let log_path = log.path().to_str().unwrap();
    let env = [
        ("AIRDROPS_REQUIRE_ANVIL", require),
        ("AIRDROPS_SKIP_LOG", log_path),
    ];
    let mut run = Program::spawn(&this, &["--exact", SKIPPED, "--ignored"], &env).unwrap();
    assert!(run.wait(LIMIT).unwrap().is_some());
    let noted = std::fs::read_to_string(log.path()).unwrap();
    let expected = if require == "1" { 0 } else { 1 };
    assert_eq!(
        noted.lines().filter(|line| line.contains(SKIPPED)).count(),
        expected
    );
    run
}

#[test]
fn skip_is_said_past_the_harness_with_the_tests_name() {
    let mut run = run("0");
    assert!(run.wait(LIMIT).unwrap().unwrap().success());
    let stderr = run.stderr().unwrap();
    assert_eq!(
        stderr,
        format!("SKIPPED: {SKIPPED}: there is no such thing\n")
    );
}

#[test]
fn skip_is_a_failure_where_the_chain_is_required() {
    let mut run = run("1");
    assert!(!run.wait(LIMIT).unwrap().unwrap().success());
    assert!(run.stdout().unwrap().contains("must run here"));
}
