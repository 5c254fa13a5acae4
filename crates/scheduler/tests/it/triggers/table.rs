//! One table: triggers and their instants in UTC.

use std::time::Duration;

use airdrops_scheduler::{Calendar, Compiled, Timing, Trigger};

use super::{cron, instant};

/// Kind and text of a trigger, its zone, from when (exclusive), and all instants that follow.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const NEW_YORK: &str = "America/New_York";
const BERLIN: &str = "Europe/Berlin";
const APIA: &str = "Pacific/Apia";

/// New York: 2013-03-10 at 07:00 UTC from 02:00 to 03:00, 2013-11-03 at 06:00 UTC from 02:00 to 01:00.
/// Berlin: 2024-03-31 at 01:00 UTC from 02:00 to 03:00, 2024-10-27 at 01:00 UTC from 03:00 to 02:00.
/// Apia: 2011-12-30 at 10:00 UTC from the end of the 29th to the beginning of the 31st.
#[rustfmt::skip]
const TABLE: [Row; 27] = [
    // A fixed time: in the gap at its end, in the overlap the first time.
    ("cron", "30 2 * * *", NEW_YORK, "2013-03-09T00:00:00Z", &["2013-03-09T07:30:00Z", "2013-03-10T07:00:00Z", "2013-03-11T06:30:00Z"]),
    ("cron", "30 1 * * *", NEW_YORK, "2013-11-02T00:00:00Z", &["2013-11-02T05:30:00Z", "2013-11-03T05:30:00Z", "2013-11-04T06:30:00Z"]),
    ("cron", "30 2 * * *", BERLIN, "2024-03-30T00:00:00Z", &["2024-03-30T01:30:00Z", "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z"]),
    ("cron", "30 2 * * *", BERLIN, "2024-10-26T00:00:00Z", &["2024-10-26T00:30:00Z", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"]),
    ("cron", "0 2 * * *", APIA, "2011-12-29T00:00:00Z", &["2011-12-29T12:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T12:00:00Z", "2011-12-31T12:00:00Z"]),
    // By elapsed time.
    ("cron", "*/30 * * * *", NEW_YORK, "2013-03-10T06:00:00Z", &["2013-03-10T06:30:00Z", "2013-03-10T07:00:00Z", "2013-03-10T07:30:00Z"]),
    ("cron", "*/30 * * * *", NEW_YORK, "2013-11-03T05:00:00Z", &["2013-11-03T05:30:00Z", "2013-11-03T06:00:00Z", "2013-11-03T06:30:00Z", "2013-11-03T07:00:00Z"]),
    ("cron", "*/30 * * * *", BERLIN, "2024-03-31T00:00:00Z", &["2024-03-31T00:30:00Z", "2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]),
    ("cron", "*/30 * * * *", BERLIN, "2024-10-27T00:00:00Z", &["2024-10-27T00:30:00Z", "2024-10-27T01:00:00Z", "2024-10-27T01:30:00Z", "2024-10-27T02:00:00Z"]),
    ("cron", "0 */2 * * *", BERLIN, "2024-03-30T22:00:00Z", &["2024-03-30T23:00:00Z", "2024-03-31T02:00:00Z", "2024-03-31T04:00:00Z"]),
    ("cron", "0 */2 * * *", BERLIN, "2024-10-26T21:00:00Z", &["2024-10-26T22:00:00Z", "2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z", "2024-10-27T03:00:00Z"]),
    ("cron", "0 */8 * * *", APIA, "2011-12-30T00:00:00Z", &["2011-12-30T02:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T18:00:00Z"]),
    // Leap days.
    ("cron", "0 0 29 2 *", "UTC", "2088-03-01T00:00:00Z", &["2092-02-29T00:00:00Z", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"]),
    ("cron", "0 0 L 2 *", "UTC", "2099-03-01T00:00:00Z", &["2100-02-28T00:00:00Z", "2101-02-28T00:00:00Z"]),
    // Intervals know nothing of clocks.
    ("interval", "3600", NEW_YORK, "2013-03-10T06:30:00Z", &["2013-03-10T07:30:00Z", "2013-03-10T08:30:00Z"]),
    ("interval", "3600", NEW_YORK, "2013-11-03T05:30:00Z", &["2013-11-03T06:30:00Z", "2013-11-03T07:30:00Z"]),
    ("interval", "86400", BERLIN, "2024-03-30T12:00:00Z", &["2024-03-31T12:00:00Z", "2024-04-01T12:00:00Z"]),
    ("interval", "86400", BERLIN, "2024-10-26T12:00:00Z", &["2024-10-27T12:00:00Z", "2024-10-28T12:00:00Z"]),
    ("interval", "86400", APIA, "2011-12-29T00:00:00Z", &["2011-12-30T00:00:00Z", "2011-12-31T00:00:00Z"]),
    // A calendar interval leaves out what does not exist.
    ("calendar", "1 day at 02:30 from 2013-03-08", NEW_YORK, "2013-03-09T00:00:00Z", &["2013-03-09T07:30:00Z", "2013-03-11T06:30:00Z"]),
    ("calendar", "1 day at 01:30 from 2013-11-01", NEW_YORK, "2013-11-02T00:00:00Z", &["2013-11-02T05:30:00Z", "2013-11-03T05:30:00Z", "2013-11-04T06:30:00Z"]),
    ("calendar", "1 day at 02:30 from 2024-03-01", BERLIN, "2024-03-30T00:00:00Z", &["2024-03-30T01:30:00Z", "2024-04-01T00:30:00Z"]),
    ("calendar", "1 day at 02:30 from 2024-10-01", BERLIN, "2024-10-26T00:00:00Z", &["2024-10-26T00:30:00Z", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"]),
    ("calendar", "1 day at 02:00 from 2011-12-01", APIA, "2011-12-29T00:00:00Z", &["2011-12-29T12:00:00Z", "2011-12-30T12:00:00Z", "2011-12-31T12:00:00Z"]),
    ("calendar", "1 month at 09:00 from 2024-01-31", BERLIN, "2024-01-01T00:00:00Z", &["2024-01-31T08:00:00Z", "2024-03-31T07:00:00Z", "2024-05-31T07:00:00Z"]),
    ("calendar", "1 year from 2088-02-29", "UTC", "2092-03-01T00:00:00Z", &["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"]),
    ("calendar", "4 years from 2096-02-29", "UTC", "2096-02-28T00:00:00Z", &["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"]),
];

#[test]
fn triggers_fire_at_the_instants_of_the_table() {
    for (kind, text, zone, from, expected) in TABLE {
        let from = instant(from);
        let trigger = match kind {
            "cron" => cron(text, zone),
            "calendar" => Trigger::Calendar(Calendar::parse(text, zone).unwrap()),
            _ => Trigger::Interval {
                every: Duration::from_secs(text.parse().unwrap()),
                first: Some(from),
            },
        };
        let compiled = Compiled::new(&trigger, &Timing::default()).unwrap();
        let fires = std::iter::successors(compiled.next_after(from, from), |&last| {
            compiled.next_after(last, from)
        });
        let texts: Vec<String> = fires
            .take(expected.len())
            .map(|fire| fire.to_string())
            .collect();
        assert_eq!(texts, expected, "{kind} {text} in {zone}");
    }
}

#[test]
fn the_thirtieth_of_february_is_refused() {
    assert!(cron("0 0 30 2 *", "UTC").validate().is_err());
    assert!(Calendar::parse("1 year from 2024-02-30", "UTC").is_err());
}
