use airdrops_scheduler::{Calendar, Compiled, Timing, Trigger, TriggerError};
use airdrops_types::Timestamp;

use super::{BERLIN, NEW_YORK, assert_instants, instant};

#[track_caller]
fn calendar(spec: &str, zone: &str) -> Trigger {
    Trigger::Calendar(Calendar::parse(spec, zone).unwrap())
}

#[test]
fn dates_count_from_the_first_one_and_do_not_drift() {
    assert_instants(
        &calendar("1 month at 09:00 from 2024-01-31", BERLIN),
        BERLIN,
        "2024-01-01T00:00:00+01:00",
        &[
            "2024-01-31T09:00:00+01:00",
            "2024-03-31T09:00:00+02:00",
            "2024-05-31T09:00:00+02:00",
            "2024-07-31T09:00:00+02:00",
            "2024-08-31T09:00:00+02:00",
        ],
    );
    assert_instants(
        &calendar("2 weeks from 2024-02-20", "UTC"),
        "UTC",
        "2024-02-20T00:00:00+00:00",
        &["2024-03-05T00:00:00+00:00", "2024-03-19T00:00:00+00:00"],
    );
    // Months and days together: from the first date, k months and then 3·k days.
    assert_instants(
        &calendar("1 month, 3 days from 2024-01-30", "UTC"),
        "UTC",
        "2024-01-29T00:00:00+00:00",
        &[
            "2024-01-30T00:00:00+00:00",
            // 30 February does not exist; 30 March and 6 days.
            "2024-04-05T00:00:00+00:00",
            "2024-05-09T00:00:00+00:00",
        ],
    );
    assert_instants(
        &calendar("every 1 year and 6 months from 2023-08-15", "UTC"),
        "UTC",
        "2023-12-01T00:00:00+00:00",
        &["2025-02-15T00:00:00+00:00", "2026-08-15T00:00:00+00:00"],
    );
}

#[test]
fn a_leap_day_is_left_out_in_common_years_also_in_2100() {
    let yearly = calendar("year at 12:00 from 2092-02-29", "UTC");
    assert_instants(
        &yearly,
        "UTC",
        "2000-01-01T00:00:00+00:00",
        &[
            "2092-02-29T12:00:00+00:00",
            "2096-02-29T12:00:00+00:00",
            "2104-02-29T12:00:00+00:00",
        ],
    );
    assert_instants(
        &calendar("100 years from 2000-02-29", "UTC"),
        "UTC",
        "2000-02-29T00:00:00+00:00",
        &["2400-02-29T00:00:00+00:00"],
    );
}

#[test]
fn a_local_time_in_a_gap_is_left_out() {
    assert_instants(
        &calendar("1 day at 02:30 from 2013-03-08", NEW_YORK),
        NEW_YORK,
        "2013-03-08T12:00:00-05:00",
        &["2013-03-09T02:30:00-05:00", "2013-03-11T02:30:00-04:00"],
    );
    assert_instants(
        &calendar("1 day at 08:00 from 2011-12-01", "Pacific/Apia"),
        "Pacific/Apia",
        "2011-12-29T00:00:00-10:00",
        &["2011-12-29T08:00:00-10:00", "2011-12-31T08:00:00+14:00"],
    );
}

#[test]
fn a_repeated_local_time_fires_at_its_first_occurrence() {
    let daily = calendar("1 day at 01:30 from 2013-11-01", NEW_YORK);
    assert_instants(
        &daily,
        NEW_YORK,
        "2013-11-02T12:00:00-04:00",
        &["2013-11-03T01:30:00-04:00", "2013-11-04T01:30:00-05:00"],
    );
    assert_instants(
        &daily,
        NEW_YORK,
        "2013-11-03T01:10:00-05:00",
        &["2013-11-04T01:30:00-05:00"],
    );
    assert_instants(
        &calendar("1 week at 02:30 from 2024-10-20", BERLIN),
        BERLIN,
        "2024-10-20T12:00:00+02:00",
        &["2024-10-27T02:30:00+02:00", "2024-11-03T02:30:00+01:00"],
    );
}

#[test]
fn without_a_first_date_it_is_the_local_one_on_which_it_is_seen() {
    let weekly = Compiled::new(
        &calendar("1 week at 09:00", "Asia/Tokyo"),
        &Timing::default(),
    );
    let weekly = weekly.unwrap();
    // In Tokyo it is the next day already, a Saturday, and before nine.
    let seen = instant("2024-03-01T20:00:00+00:00");
    let first = weekly.next_after(seen, seen).unwrap();
    assert_eq!(first, instant("2024-03-02T09:00:00+09:00"));
    let second = weekly.next_after(first, seen).unwrap();
    assert_eq!(second, instant("2024-03-09T09:00:00+09:00"));
}

#[test]
fn a_step_out_of_the_calendar_is_the_end_and_no_panic() {
    let trigger = Trigger::Calendar(Calendar {
        years: u32::MAX,
        months: u32::MAX,
        weeks: u32::MAX,
        days: u32::MAX,
        time: 86_399,
        zone: BERLIN.to_owned(),
        first: Some("2024-01-31".to_owned()),
    });
    let compiled = Compiled::new(&trigger, &Timing::default()).unwrap();
    let only = instant("2024-01-31T23:59:59+01:00");
    let seen = Timestamp(0);
    assert_eq!(compiled.next_after(Timestamp(i64::MIN), seen), Some(only));
    assert_eq!(compiled.next_after(only, seen), None);
    for extreme in [i64::MIN, i64::MAX] {
        let floating = calendar("1 day", "Pacific/Apia");
        let floating = Compiled::new(&floating, &Timing::default()).unwrap();
        let _ = floating.next_after(Timestamp(extreme), Timestamp(extreme));
        assert_eq!(floating.next_after(Timestamp(i64::MAX), seen), None);
    }
}

#[test]
fn unusable_calendar_intervals_say_what_is_wrong() {
    let error = |spec: &str| Calendar::parse(spec, "UTC").unwrap_err().to_string();
    assert_eq!(
        error("1 month from 2023-02-30"),
        "\"2023-02-30\" is no date; write one that exists, as `2024-01-31`"
    );
    assert_eq!(
        error("1 fortnight"),
        "calendar interval \"1 fortnight\": `fortnight` is no step; write it as `1 month at 09:00 from \
         2024-01-31`, with years, months, weeks and days"
    );
    for (spec, part) in [
        ("", "it has no step"),
        ("at 09:00", "it has no step"),
        ("0 days", "at least 1"),
        ("3", "`3` has no unit"),
        ("99999999999 days", "is no number"),
        ("1 day 2 days", "twice"),
        ("1 day at nine", "`nine` is no time of day"),
        ("1 day at 25:00", "`25:00` is no time of day"),
        ("1 day at", "`` is no time of day"),
        ("1 day from 2024-2-3", "is no date"),
        ("1 day from", "is no date"),
        (
            "1 day at 09:00 from 2024-01-01 UTC",
            "`utc` is out of place",
        ),
    ] {
        assert!(error(spec).contains(part), "{spec}: {}", error(spec));
    }
    assert!(matches!(
        Calendar::parse("1 day", "Europe/Atlantis"),
        Err(TriggerError::Zone { .. })
    ));
    let mut still = Calendar::parse("1 day", "UTC").unwrap();
    still.days = 0;
    let refused = Trigger::Calendar(still.clone()).validate();
    assert_eq!(refused, Err(TriggerError::CalendarStep));
    still.weeks = 1;
    still.time = 86_400;
    let refused = Trigger::Calendar(still).validate();
    assert_eq!(refused, Err(TriggerError::TimeOfDay { time: 86_400 }));
}
