//! Cron as Unix has it: what is a wildcard, across changes of clocks; every kind of field.

use std::time::Duration;

use airdrops_scheduler::{Trigger, TriggerError};

use super::{BERLIN, NEW_YORK, assert_fires, assert_instants, cron, instant};

#[test]
fn a_range_without_a_step_is_fixed_times() {
    // In the gap its time fires at the gap's end, which is the range's next time as well.
    assert_fires(
        "0 1-4 * * *",
        BERLIN,
        "2024-03-31T00:30:00+01:00",
        &[
            "2024-03-31T01:00:00+01:00",
            "2024-03-31T03:00:00+02:00",
            "2024-03-31T04:00:00+02:00",
            "2024-04-01T01:00:00+02:00",
        ],
    );
    assert_fires(
        "15 1-3 * * *",
        BERLIN,
        "2024-03-31T00:30:00+01:00",
        &[
            "2024-03-31T01:15:00+01:00",
            "2024-03-31T03:00:00+02:00",
            "2024-03-31T03:15:00+02:00",
        ],
    );
    // In the overlap each time fires once.
    assert_fires(
        "30 0-3 * * *",
        NEW_YORK,
        "2013-11-03T00:00:00-04:00",
        &[
            "2013-11-03T00:30:00-04:00",
            "2013-11-03T01:30:00-04:00",
            "2013-11-03T02:30:00-05:00",
            "2013-11-03T03:30:00-05:00",
        ],
    );
}

#[test]
fn a_wildcard_or_a_step_in_either_hour_or_minute_runs_by_elapsed_time() {
    // The minute has the wildcard: nothing in the gap.
    assert_fires(
        "*/20 2 * * *",
        BERLIN,
        "2024-03-30T02:30:00+01:00",
        &["2024-03-30T02:40:00+01:00", "2024-04-01T02:00:00+02:00"],
    );
    // The hour has it: each hour that passes.
    assert_fires(
        "30 * * * *",
        BERLIN,
        "2024-03-31T01:00:00+01:00",
        &[
            "2024-03-31T01:30:00+01:00",
            "2024-03-31T03:30:00+02:00",
            "2024-03-31T04:30:00+02:00",
        ],
    );
    assert_fires(
        "30 * * * *",
        NEW_YORK,
        "2013-11-03T00:00:00-04:00",
        &[
            "2013-11-03T00:30:00-04:00",
            "2013-11-03T01:30:00-04:00",
            "2013-11-03T01:30:00-05:00",
            "2013-11-03T02:30:00-05:00",
        ],
    );
    // A step over a range, too; asked for from the first half, and from within the second.
    assert_fires(
        "10-50/20 2 * * *",
        BERLIN,
        "2024-10-27T02:45:00+02:00",
        &[
            "2024-10-27T02:50:00+02:00",
            "2024-10-27T02:10:00+01:00",
            "2024-10-27T02:30:00+01:00",
            "2024-10-27T02:50:00+01:00",
            "2024-10-28T02:10:00+01:00",
        ],
    );
    assert_fires(
        "10-50/20 2 * * *",
        BERLIN,
        "2024-10-27T02:20:00+01:00",
        &["2024-10-27T02:30:00+01:00", "2024-10-27T02:50:00+01:00"],
    );
    // A second with a wildcard.
    assert_fires(
        "*/30 30 1 * * *",
        NEW_YORK,
        "2013-11-03T01:30:00-04:00",
        &[
            "2013-11-03T01:30:30-04:00",
            "2013-11-03T01:30:00-05:00",
            "2013-11-03T01:30:30-05:00",
            "2013-11-04T01:30:00-05:00",
        ],
    );
}

#[test]
fn changes_of_half_an_hour_and_at_midnight() {
    // Lord Howe 2024-10-06: 02:00 +10:30 → 02:30 +11; 2024-04-07: 02:00 +11 → 01:30 +10:30.
    let lord_howe = "Australia/Lord_Howe";
    assert_fires(
        "15 2 * * *",
        lord_howe,
        "2024-10-05T12:00:00+10:30",
        &["2024-10-06T02:30:00+11:00", "2024-10-07T02:15:00+11:00"],
    );
    assert_fires(
        "45 1 * * *",
        lord_howe,
        "2024-04-06T12:00:00+11:00",
        &["2024-04-07T01:45:00+11:00", "2024-04-08T01:45:00+10:30"],
    );
    assert_fires(
        "*/15 * * * *",
        lord_howe,
        "2024-04-07T01:30:00+11:00",
        &[
            "2024-04-07T01:45:00+11:00",
            "2024-04-07T01:30:00+10:30",
            "2024-04-07T01:45:00+10:30",
            "2024-04-07T02:00:00+10:30",
        ],
    );
    // Cairo 2024-04-26: midnight is 01:00.
    assert_fires(
        "@daily",
        "Africa/Cairo",
        "2024-04-25T12:00:00+02:00",
        &["2024-04-26T01:00:00+03:00", "2024-04-27T00:00:00+03:00"],
    );
    // St John's 2006-10-29: clocks were set back at one minute past midnight, into the day before.
    assert_fires(
        "30 23 * * *",
        "America/St_Johns",
        "2006-10-27T23:30:00-02:30",
        &[
            "2006-10-28T23:30:00-02:30",
            "2006-10-29T23:30:00-03:30",
            "2006-10-30T23:30:00-03:30",
        ],
    );
}

#[test]
fn a_job_of_a_day_that_was_left_out_runs_at_its_end() {
    // Apia had no 2011-12-30, a Friday.
    for only_that_day in ["0 2 30 12 *", "0 2 * DEC FRI#5", "0 2,14 30 12 *"] {
        assert_fires(
            only_that_day,
            "Pacific/Apia",
            "2011-12-24T00:00:00-10:00",
            &["2011-12-31T00:00:00+14:00"],
        );
    }
    assert_fires(
        "0 */12 * * *",
        "Pacific/Apia",
        "2011-12-29T06:00:00-10:00",
        &["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"],
    );
}

#[test]
fn every_kind_of_field() {
    let utc = |expression, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|t| format!("{t}+00:00")).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        assert_fires(expression, "UTC", "2024-01-10T00:00:00+00:00", &expected);
    };
    // Steps and ranges.
    utc(
        "5-20/5 9 * * *",
        &[
            "2024-01-10T09:05:00",
            "2024-01-10T09:10:00",
            "2024-01-10T09:15:00",
        ],
    );
    utc(
        "*/25 0 * * *",
        &[
            "2024-01-10T00:25:00",
            "2024-01-10T00:50:00",
            "2024-01-11T00:00:00",
        ],
    );
    utc(
        "0 0 1 */3 *",
        &["2024-04-01T00:00:00", "2024-07-01T00:00:00"],
    );
    // Wrapped ranges.
    utc(
        "0 22-1 * * *",
        &[
            "2024-01-10T01:00:00",
            "2024-01-10T22:00:00",
            "2024-01-10T23:00:00",
            "2024-01-11T00:00:00",
        ],
    );
    utc(
        "0 12 * * FRI-MON",
        &[
            "2024-01-12T12:00:00",
            "2024-01-13T12:00:00",
            "2024-01-14T12:00:00",
            "2024-01-15T12:00:00",
            "2024-01-19T12:00:00",
        ],
    );
    utc(
        "0 0 1 nov-feb *",
        &["2024-02-01T00:00:00", "2024-11-01T00:00:00"],
    );
    // Months and years roll over.
    utc(
        "59 59 23 31 12 *",
        &["2024-12-31T23:59:59", "2025-12-31T23:59:59"],
    );
    utc(
        "0 0 31 * *",
        &[
            "2024-01-31T00:00:00",
            "2024-03-31T00:00:00",
            "2024-05-31T00:00:00",
        ],
    );
    // The last day, the last weekday, the nearest weekday, the fourth Wednesday, the last Sunday.
    utc("0 0 L 2 *", &["2024-02-29T00:00:00", "2025-02-28T00:00:00"]);
    utc(
        "0 0 LW * *",
        &[
            "2024-01-31T00:00:00",
            "2024-02-29T00:00:00",
            "2024-03-29T00:00:00",
        ],
    );
    utc(
        "0 0 1W * *",
        &[
            "2024-02-01T00:00:00",
            "2024-03-01T00:00:00",
            "2024-04-01T00:00:00",
        ],
    );
    utc(
        "0 0 * * wed#4",
        &["2024-01-24T00:00:00", "2024-02-28T00:00:00"],
    );
    utc(
        "0 0 * * 5L",
        &["2024-01-26T00:00:00", "2024-02-23T00:00:00"],
    );
    utc(
        "0 0 * * SUNL",
        &["2024-01-28T00:00:00", "2024-02-25T00:00:00"],
    );
    // Friday the thirteenth.
    utc(
        "0 0 13 * +FRI",
        &["2024-09-13T00:00:00", "2024-12-13T00:00:00"],
    );
    // Nicknames.
    utc("@yearly", &["2025-01-01T00:00:00"]);
    utc("@Annually", &["2025-01-01T00:00:00"]);
    utc("@monthly", &["2024-02-01T00:00:00"]);
    utc("@midnight", &["2024-01-11T00:00:00"]);
    utc("@hourly", &["2024-01-10T01:00:00", "2024-01-10T02:00:00"]);
}

#[test]
fn twenty_ninth_of_february_across_2100() {
    assert_fires(
        "0 12 29 2 *",
        "UTC",
        "2092-03-01T00:00:00+00:00",
        &["2096-02-29T12:00:00+00:00", "2104-02-29T12:00:00+00:00"],
    );
    // One that is a Monday.
    assert_fires(
        "0 0 29 2 +MON",
        "UTC",
        "2072-03-01T00:00:00+00:00",
        &["2112-02-29T00:00:00+00:00"],
    );
}

#[test]
fn what_never_comes_is_refused() {
    for never in [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 30-31 FEB *",
        "0 0 31 2 +MON",
        "0 0 1 * +MON#2",
    ] {
        let error = cron(never, BERLIN).validate().unwrap_err();
        let expression = never.to_owned();
        assert_eq!(error, TriggerError::NeverFires { expression }, "{never}");
    }
    // A weekday that is not tied to the day comes anyway.
    assert_eq!(cron("0 0 30 2 MON", "UTC").validate(), Ok(()));
}

#[test]
fn steps_of_wrapped_ranges_may_be_as_large_as_the_range() {
    assert_eq!(cron("0 22-3/5 * * *", "UTC").validate(), Ok(()));
    assert_eq!(
        cron("0 22-3/6 * * *", "UTC")
            .validate()
            .unwrap_err()
            .to_string(),
        "cron expression \"0 22-3/6 * * *\": the step 6 in the hour field is larger than its range \
         22-3; write the one value instead, or use an interval"
    );
}

#[test]
fn an_interval_of_hours_runs_once_each_hour_in_both_changes() {
    let hourly = |first| Trigger::Interval {
        every: Duration::from_secs(3600),
        first: Some(instant(first)),
    };
    assert_instants(
        &hourly("2024-10-27T01:30:00+02:00"),
        BERLIN,
        "2024-10-27T01:00:00+02:00",
        &[
            "2024-10-27T01:30:00+02:00",
            "2024-10-27T02:30:00+02:00",
            "2024-10-27T02:30:00+01:00",
            "2024-10-27T03:30:00+01:00",
        ],
    );
    assert_instants(
        &hourly("2024-03-31T01:30:00+01:00"),
        BERLIN,
        "2024-03-31T01:00:00+01:00",
        &["2024-03-31T01:30:00+01:00", "2024-03-31T03:30:00+02:00"],
    );
    // A day of 24 hours, not one of the calendar.
    let daily = Trigger::Interval {
        every: Duration::from_secs(86_400),
        first: Some(instant("2013-11-02T12:00:00-04:00")),
    };
    assert_instants(
        &daily,
        NEW_YORK,
        "2013-11-02T12:00:00-04:00",
        &["2013-11-03T11:00:00-05:00", "2013-11-04T11:00:00-05:00"],
    );
}
