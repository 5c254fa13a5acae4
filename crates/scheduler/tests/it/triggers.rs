mod bounds;
mod calendar;
mod catch_up;
mod combination;
mod definition;
mod laws;
mod unix;

use std::time::Duration;

use airdrops_scheduler::trigger::local_text;
use airdrops_scheduler::{Compiled, Timing, Trigger, TriggerError, next_fire};
use airdrops_types::Timestamp;
use chrono::DateTime;

use crate::{at, every};

fn cron(expression: &str, zone: &str) -> Trigger {
    Trigger::Cron {
        expression: expression.to_owned(),
        zone: zone.to_owned(),
    }
}

fn instant(text: &str) -> Timestamp {
    Timestamp(
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_millis(),
    )
}

/// The fires of `trigger` from `from` (exclusive), compared with instants that are written with the
/// offsets of `zone`.
#[track_caller]
fn assert_instants(trigger: &Trigger, zone: &str, from: &str, expected: &[&str]) {
    let compiled = Compiled::new(trigger, &Timing::default()).unwrap();
    let from = instant(from);
    let fires = std::iter::successors(compiled.next_after(from, from), |&last| {
        compiled.next_after(last, from)
    });
    let texts: Vec<String> = fires
        .take(expected.len())
        .map(|fire| local_text(fire, zone).unwrap())
        .collect();
    assert_eq!(texts, expected, "{} after {from}", trigger.definition());
}

/// As [`assert_instants`], for a cron expression.
#[track_caller]
fn assert_fires(expression: &str, zone: &str, from: &str, expected: &[&str]) {
    assert_instants(&cron(expression, zone), zone, from, expected);
}

const NEW_YORK: &str = "America/New_York";
const BERLIN: &str = "Europe/Berlin";

#[test]
fn a_daily_job_in_the_gap_runs_once_at_its_end() {
    // New York 2013-03-10: 02:00 EST → 03:00 EDT.
    assert_fires(
        "30 2 * * *",
        NEW_YORK,
        "2013-03-08T12:00:00-05:00",
        &[
            "2013-03-09T02:30:00-05:00",
            "2013-03-10T03:00:00-04:00",
            "2013-03-11T02:30:00-04:00",
        ],
    );
    // Berlin 2024-03-31: 02:00 CET → 03:00 CEST.
    assert_fires(
        "15 2 * * *",
        BERLIN,
        "2024-03-30T12:00:00+01:00",
        &["2024-03-31T03:00:00+02:00", "2024-04-01T02:15:00+02:00"],
    );
}

#[test]
fn a_daily_job_in_the_overlap_runs_once() {
    // New York 2013-11-03: 02:00 EDT → 01:00 EST.
    assert_fires(
        "30 1 * * *",
        NEW_YORK,
        "2013-11-02T12:00:00-04:00",
        &["2013-11-03T01:30:00-04:00", "2013-11-04T01:30:00-05:00"],
    );
    // Berlin 2024-10-27: 03:00 CEST → 02:00 CET.
    assert_fires(
        "30 2 * * *",
        BERLIN,
        "2024-10-26T12:00:00+02:00",
        &["2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"],
    );
    // Asked from between the two occurrences, and from within the second one.
    for from in ["2024-10-27T02:45:00+02:00", "2024-10-27T02:15:00+01:00"] {
        assert_fires("30 2 * * *", BERLIN, from, &["2024-10-28T02:30:00+01:00"]);
    }
}

#[test]
fn several_fixed_times_a_day_are_each_treated_as_fixed() {
    assert_fires(
        "30 2,14 * * *",
        NEW_YORK,
        "2013-03-09T20:00:00-05:00",
        &["2013-03-10T03:00:00-04:00", "2013-03-10T14:30:00-04:00"],
    );
    assert_fires(
        "0,30 1 * * *",
        NEW_YORK,
        "2013-11-02T20:00:00-04:00",
        &[
            "2013-11-03T01:00:00-04:00",
            "2013-11-03T01:30:00-04:00",
            "2013-11-04T01:00:00-05:00",
        ],
    );
}

#[test]
fn steps_run_in_both_halves_of_the_overlap() {
    assert_fires(
        "*/30 * * * *",
        NEW_YORK,
        "2013-11-03T00:45:00-04:00",
        &[
            "2013-11-03T01:00:00-04:00",
            "2013-11-03T01:30:00-04:00",
            "2013-11-03T01:00:00-05:00",
            "2013-11-03T01:30:00-05:00",
            "2013-11-03T02:00:00-05:00",
        ],
    );
    assert_fires(
        "*/30 * * * *",
        BERLIN,
        "2024-10-27T01:45:00+02:00",
        &[
            "2024-10-27T02:00:00+02:00",
            "2024-10-27T02:30:00+02:00",
            "2024-10-27T02:00:00+01:00",
            "2024-10-27T02:30:00+01:00",
            "2024-10-27T03:00:00+01:00",
        ],
    );
}

#[test]
fn steps_do_not_run_in_the_gap() {
    assert_fires(
        "*/30 * * * *",
        NEW_YORK,
        "2013-03-10T01:15:00-05:00",
        &[
            "2013-03-10T01:30:00-05:00",
            "2013-03-10T03:00:00-04:00",
            "2013-03-10T03:30:00-04:00",
        ],
    );
    assert_fires(
        "*/30 * * * *",
        BERLIN,
        "2024-03-31T01:15:00+01:00",
        &[
            "2024-03-31T01:30:00+01:00",
            "2024-03-31T03:00:00+02:00",
            "2024-03-31T03:30:00+02:00",
        ],
    );
}

#[test]
fn a_day_that_a_zone_leaves_out_runs_at_its_end() {
    // Apia had no 2011-12-30: it moved across the date line.
    assert_fires(
        "0 2 * * *",
        "Pacific/Apia",
        "2011-12-29T01:00:00-10:00",
        &[
            "2011-12-29T02:00:00-10:00",
            "2011-12-31T00:00:00+14:00",
            "2011-12-31T02:00:00+14:00",
            "2012-01-01T02:00:00+14:00",
        ],
    );
}

#[test]
fn special_fields() {
    let utc = |expression, expected: &[&str]| {
        assert_fires(expression, "UTC", "2024-01-10T00:00:00+00:00", expected);
    };
    utc(
        "0 0 L * *",
        &["2024-01-31T00:00:00+00:00", "2024-02-29T00:00:00+00:00"],
    );
    // 15 June 2024 is a Saturday.
    utc("0 0 15W 6 *", &["2024-06-14T00:00:00+00:00"]);
    utc(
        "0 0 * * FRI#2",
        &["2024-01-12T00:00:00+00:00", "2024-02-09T00:00:00+00:00"],
    );
    utc(
        "0 0 * * FRIL",
        &["2024-01-26T00:00:00+00:00", "2024-02-23T00:00:00+00:00"],
    );
    utc("@daily", &["2024-01-11T00:00:00+00:00"]);
    utc(
        "15 30 9 * JAN,mar MON-FRI",
        &["2024-01-10T09:30:15+00:00", "2024-01-11T09:30:15+00:00"],
    );
    for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "@weekly"] {
        utc(
            sunday,
            &["2024-01-14T00:00:00+00:00", "2024-01-21T00:00:00+00:00"],
        );
    }
    // Day of month and day of week: either.
    utc(
        "0 0 13 * FRI",
        &["2024-01-12T00:00:00+00:00", "2024-01-13T00:00:00+00:00"],
    );
    utc(
        "0 0 29 2 *",
        &["2024-02-29T00:00:00+00:00", "2028-02-29T00:00:00+00:00"],
    );
}

#[test]
fn the_next_fire_is_strictly_later_to_the_millisecond() {
    let minutely = cron("* * * * *", "UTC");
    let next = |ms| next_fire(&minutely, Timestamp(ms), at(0)).unwrap();
    assert_eq!(next(59_999), Some(Timestamp(60_000)));
    assert_eq!(next(60_000), Some(Timestamp(120_000)));
    assert_eq!(next(60_001), Some(Timestamp(120_000)));
    assert_eq!(next(-1), Some(Timestamp(0)));
    assert_eq!(next(i64::MAX), None);
}

#[test]
fn unusable_triggers_say_what_is_wrong() {
    let error =
        |expression: &str, zone: &str| cron(expression, zone).validate().unwrap_err().to_string();
    for (expression, part) in [
        ("", "empty"),
        ("* * * *", "5 or 6 fields"),
        ("* * * * * * *", "6 fields"),
        ("61 * * * *", "out of bounds"),
        ("0 0 * * XYZ", "illegal character"),
        ("@never", "5 or 6 fields"),
        ("*/0 * * * *", "zero"),
        ("0 0 30 2 *", "never fires"),
        (", * * * *", "never fires"),
        ("0 0 , * *", "never fires"),
    ] {
        let text = error(expression, "UTC");
        assert!(
            text.to_lowercase().contains(part) && text.contains(&format!("{expression:?}")),
            "{expression}: {text}"
        );
    }
    assert_eq!(
        error("*/90 * * * *", "UTC"),
        "cron expression \"*/90 * * * *\": the step 90 in the minute field is larger than its \
         range 0-59; write the one value instead, or use an interval"
    );
    for too_large in [
        "*/60 * * * * *",
        "0 */24 * * *",
        "10-20/11 * * * *",
        "5,*/70 * * * *",
        "0 0 */31 * *",
        "0 0 1 */12 *",
        "0 0 * * */7",
    ] {
        let error = cron(too_large, "UTC").validate().unwrap_err();
        assert!(
            matches!(error, TriggerError::Step { .. }),
            "{too_large}: {error}"
        );
    }
    for fits in [
        "*/59 * * * *",
        "10-20/10 * * * *",
        "0 0 1 JAN-DEC/3 *",
        "0 0 * * */2",
    ] {
        assert_eq!(cron(fits, "UTC").validate(), Ok(()), "{fits}");
    }
    assert_eq!(
        error("* * * * *", "Europe/Atlantis"),
        "unknown time zone \"Europe/Atlantis\"; use an IANA name such as `UTC` or `Europe/Berlin`"
    );
    let short = Duration::from_millis(999);
    let trigger = Trigger::Interval {
        every: short,
        first: None,
    };
    assert_eq!(
        trigger.validate(),
        Err(TriggerError::Interval { every: short })
    );
    assert!(next_fire(&trigger, at(0), at(0)).is_err());
    assert_eq!(every(1).validate(), Ok(()));
}

#[test]
fn intervals_count_elapsed_time_across_a_change_of_clocks() {
    let trigger = Trigger::Interval {
        every: Duration::from_secs(3600),
        first: Some(instant("2013-03-10T00:30:00-05:00")),
    };
    let mut after = instant("2013-03-10T00:00:00-05:00");
    for expected in [
        "2013-03-10T00:30:00-05:00",
        "2013-03-10T01:30:00-05:00",
        "2013-03-10T03:30:00-04:00",
        "2013-03-10T04:30:00-04:00",
    ] {
        after = next_fire(&trigger, after, at(0)).unwrap().unwrap();
        assert_eq!(after, instant(expected));
    }
}

#[test]
fn date_and_once_fire_at_one_instant_only() {
    let date = Trigger::Date { at: at(100) };
    for (trigger, instant) in [(date, at(100)), (Trigger::Once, at(7))] {
        let next = |after| next_fire(&trigger, after, at(7)).unwrap();
        assert_eq!(next(Timestamp(instant.0 - 1)), Some(instant));
        assert_eq!(next(instant), None);
        assert_eq!(next(Timestamp(instant.0 + 1)), None);
    }
}
