//! `schedule next`: what it prints, and what it refuses.

use std::process::{Command, Output};

fn next(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_airdrops"))
        .args(["schedule", "next"])
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn lines(arguments: &[&str]) -> Vec<String> {
    let output = next(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn refusal(arguments: &[&str]) -> String {
    let output = next(arguments);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert_eq!(output.stdout, b"");
    err(&output)
}

#[test]
fn cron_fires_are_printed_with_the_offset_of_their_zone() {
    let berlin = |cron, from, count| {
        lines(&[
            "--cron",
            cron,
            "--tz",
            "Europe/Berlin",
            "--from",
            from,
            "--count",
            count,
        ])
    };
    assert_eq!(
        berlin("30 2 * * *", "2024-03-29T12:00:00Z", "3"),
        [
            "2024-03-30T02:30:00+01:00",
            "2024-03-31T03:00:00+02:00",
            "2024-04-01T02:30:00+02:00",
        ]
    );
    assert_eq!(
        berlin("*/30 2 * * *", "2024-10-26T12:00:00Z", "5"),
        [
            "2024-10-27T02:00:00+02:00",
            "2024-10-27T02:30:00+02:00",
            "2024-10-27T02:00:00+01:00",
            "2024-10-27T02:30:00+01:00",
            "2024-10-28T02:00:00+01:00",
        ]
    );
    // The start is not shown itself.
    assert_eq!(
        berlin("0 9 * * FRI-MON", "2024-05-03T09:00:00+02:00", "2"),
        ["2024-05-04T09:00:00+02:00", "2024-05-05T09:00:00+02:00"]
    );
}

#[test]
fn in_utc_ten_fires_from_now_on_unless_it_is_said_otherwise() {
    let fires = lines(&["--cron", "@hourly"]);
    assert_eq!(fires.len(), 10);
    assert!(
        fires.iter().all(|fire| fire.ends_with(":00:00+00:00")),
        "{fires:?}"
    );
    assert!(fires.is_sorted());
    assert!(fires[0].as_str() > "2026");
    assert_eq!(lines(&["--interval", "90s", "--count", "3"]).len(), 3);
}

#[test]
fn intervals_count_elapsed_time_from_the_start() {
    assert_eq!(
        lines(&[
            "--interval",
            "1h30m",
            "--from",
            "2013-03-10T00:30:00-05:00",
            "--tz",
            "America/New_York",
            "--count",
            "2",
        ]),
        ["2013-03-10T03:00:00-04:00", "2013-03-10T04:30:00-04:00"]
    );
}

#[test]
fn calendar_intervals_leave_out_what_does_not_exist() {
    assert_eq!(
        lines(&[
            "--calendar",
            "1 month at 09:00 from 2024-01-31",
            "--tz",
            "Europe/Berlin",
            "--from",
            "2024-01-01T00:00:00Z",
            "--count",
            "3",
        ]),
        [
            "2024-01-31T09:00:00+01:00",
            "2024-03-31T09:00:00+02:00",
            "2024-05-31T09:00:00+02:00",
        ]
    );
    // Without a first date it is that of the start.
    assert_eq!(
        lines(&[
            "--calendar",
            "2 weeks",
            "--from",
            "2024-02-20T10:00:00Z",
            "--count",
            "1"
        ]),
        ["2024-03-05T00:00:00+00:00"]
    );
}

#[test]
fn json_is_an_array() {
    let output = next(&[
        "--cron",
        "0 12 29 2 *",
        "--from",
        "2096-03-01T00:00:00Z",
        "--count",
        "2",
        "--json",
    ]);
    let fires: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        fires,
        ["2104-02-29T12:00:00+00:00", "2108-02-29T12:00:00+00:00"]
    );
}

#[test]
fn a_trigger_that_ends_shows_what_there_is() {
    let ends = |from| ["--calendar", "3000 years from 2024-01-31", "--from", from];
    let output = next(&ends("2024-01-31T00:00:00Z"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout.clone()).unwrap(),
        "5024-01-31T00:00:00+00:00\n8024-01-31T00:00:00+00:00\n"
    );
    let note = "there are no more fires after 8024-01-31T00:00:00+00:00\n";
    assert_eq!(err(&output), note);
    // None at all.
    let output = next(&ends("8024-01-31T00:00:00Z"));
    assert_eq!(
        (output.status.code(), &output.stdout[..]),
        (Some(0), &b""[..])
    );
    assert_eq!(err(&output), note);
    let output = next(&[&ends("8024-01-31T00:00:00Z")[..], &["--json"]].concat());
    assert_eq!(
        (output.status.code(), &output.stdout[..]),
        (Some(0), &b"[]\n"[..])
    );
}

#[test]
fn what_cannot_be_read_is_named_with_a_remedy() {
    assert_eq!(
        refusal(&["--cron", "0 0 30 2 *"]),
        "--cron: cron expression \"0 0 30 2 *\" never fires; name a day that one of its months has, and \
         leave no field empty\n"
    );
    assert_eq!(
        refusal(&["--cron", "@daily", "--tz", "Mars/Olympus"]),
        "--tz: unknown time zone \"Mars/Olympus\"; use an IANA name such as `UTC` or \
         `Europe/Berlin`\n"
    );
    assert_eq!(
        refusal(&["--cron", "@daily", "--from", "2024-03-31"]),
        "--from: \"2024-03-31\" is not an instant with a time zone; write it with its offset from \
         UTC, as 2024-03-31T02:30:00Z or 2024-03-31T02:30:00+01:00\n"
    );
    assert_eq!(
        refusal(&["--interval", "5 parsecs"]),
        "--interval: \"5 parsecs\" has an unknown unit `parsecs`; write it as 90s, 15m, 1h30m or \
         2d\n"
    );
    assert_eq!(
        refusal(&["--interval", "5ms"]),
        "--interval: the interval is 5 ms, it must be at least 1 s\n"
    );
    let refused = refusal(&["--calendar", "1 month from 2024-02-30"]);
    assert!(
        refused.starts_with("--calendar: \"2024-02-30\" is no date;"),
        "{refused}"
    );
    for expression in ["", "* * * *", "61 * * * *", "*/90 * * * *", "@sometimes"] {
        let refused = refusal(&["--cron", expression]);
        let start = format!("--cron: cron expression {expression:?}: ");
        assert!(refused.starts_with(&start), "{refused}");
    }
    let json = refusal(&["--cron", "0 0 30 2 *", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["exit"], 3);
    // No trigger, two of them, or no number: the command line is wrong.
    for arguments in [
        &[][..],
        &["--cron", "@daily", "--interval", "1h"],
        &["--cron", "@daily", "--count", "0"],
    ] {
        assert_eq!(next(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
