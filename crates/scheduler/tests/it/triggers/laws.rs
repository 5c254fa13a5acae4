//! Laws of instants, over odd zones and any dates.

use std::time::Duration;

use airdrops_scheduler::trigger::local_text;
use airdrops_scheduler::{Calendar, Compiled, Timing, Trigger, next_fire};
use airdrops_types::{CampaignId, Timestamp};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::{BERLIN, NEW_YORK, cron};
use crate::at;

fn any_trigger() -> impl Strategy<Value = Trigger> {
    let expression = prop_oneof![
        Just("30 2 * * *".to_owned()),
        Just("0,30 1,2,3 * * *".to_owned()),
        Just("*/30 * * * *".to_owned()),
        Just("*/7 1-3 * * *".to_owned()),
        Just("0 0 L * *".to_owned()),
        Just("59 59 23 15W * FRI#3".to_owned()),
        (0..60_u32, 0..24_u32, 1..29_u32).prop_map(|(m, h, d)| format!("{m} {h} {d} * *")),
        (2..60_u32, 0..7_u32).prop_map(|(s, d)| format!("*/{s} * 2 * * {d}")),
    ];
    let zone = prop::sample::select(vec![
        "UTC",
        NEW_YORK,
        BERLIN,
        "Australia/Lord_Howe", // half an hour of daylight saving
        "Africa/Cairo",        // gap at midnight
        "Asia/Kolkata",
    ]);
    prop_oneof![
        4 => (expression, zone).prop_map(|(expression, zone)| cron(&expression, zone)),
        1 => (1..100_000_u64, prop::option::of(-1_000_000..1_000_000_i64)).prop_map(|(s, first)| {
            Trigger::Interval {
                every: Duration::from_secs(s),
                first: first.map(Timestamp),
            }
        }),
    ]
}

/// Any instant of 2013 and 2024, or one within a day of their changes of clocks.
fn any_instant() -> impl Strategy<Value = i64> {
    const DAY: i64 = 86_400_000;
    let years = prop_oneof![
        1_356_998_400_000..1_388_534_400_000_i64,
        1_704_067_200_000..1_735_689_600_000_i64
    ];
    let change = prop::sample::select(vec![
        1_362_898_800_000_i64, // New York 2013-03-10
        1_383_458_400_000,     // New York 2013-11-03
        1_711_846_800_000,     // Berlin 2024-03-31
        1_729_990_800_000,     // Berlin 2024-10-27
        1_712_415_600_000,     // Lord Howe 2024-04-07
        1_714_082_400_000,     // Cairo 2024-04-26
    ]);
    prop_oneof![
        years,
        (change, -DAY..DAY).prop_map(|(change, offset)| change + offset)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The next fire is strictly later, and it does not depend on the instant from which it is
    /// asked for: from any instant before it, it is the same or an earlier one.
    #[test]
    fn the_fires_of_a_trigger_are_one_strictly_increasing_sequence(
        trigger in any_trigger(), a in any_instant(), gap in 0..100_000_000_i64,
    ) {
        prop_assert_eq!(trigger.validate(), Ok(()));
        let (a, b) = (Timestamp(a), Timestamp(a + gap));
        let from_a = next_fire(&trigger, a, at(0)).unwrap().unwrap();
        let from_b = next_fire(&trigger, b, at(0)).unwrap().unwrap();
        prop_assert!(from_a > a);
        prop_assert!(from_b > b);
        prop_assert!(from_a <= from_b);
        if from_a > b {
            prop_assert_eq!(from_a, from_b);
        }
    }

    #[test]
    fn no_day_goes_by_without_a_daily_job(hour in 0..24_u32, minute in 0..60_u32, a in any_instant()) {
        let trigger = cron(&format!("{minute} {hour} * * *"), NEW_YORK);
        let first = next_fire(&trigger, Timestamp(a), at(0)).unwrap().unwrap();
        let second = next_fire(&trigger, first, at(0)).unwrap().unwrap();
        let hours = second.since(first).as_secs() / 3600;
        prop_assert!((22..=25).contains(&hours), "{} then {}", first, second);
    }
}

/// Zones whose clocks do odd things, and what: half an hour, midnight, the date line, months of
/// fasting, a quarter of an hour off, no rule for years.
const ODD_ZONES: [&str; 14] = [
    BERLIN,
    NEW_YORK,
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Tehran",
    "America/Sao_Paulo",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "Europe/Dublin",
    "Antarctica/Troll",
    "Asia/Gaza",
];

/// A date of 1975 to 2037, often one near a change of the zone's clocks.
fn any_date(zone: Tz) -> impl Strategy<Value = NaiveDate> {
    let changes: Vec<NaiveDate> = (1975..2038)
        .flat_map(|year| {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            first.iter_days().take_while(move |day| day.year() == year)
        })
        .filter(|day| offset_at_noon(zone, *day) != offset_at_noon(zone, day.pred_opt().unwrap()))
        .collect();
    let epoch = NaiveDate::from_ymd_opt(1975, 1, 1).unwrap();
    let days = (0..22_000_i64).prop_map(move |days| epoch + chrono::TimeDelta::days(days));
    let near = (prop::sample::select(changes), -2..=1_i64)
        .prop_map(|(day, off)| day + chrono::TimeDelta::days(off));
    prop_oneof![1 => days, 4 => near]
}

fn offset_at_noon(zone: Tz, day: NaiveDate) -> chrono_tz::TzOffset {
    zone.offset_from_utc_datetime(&day.and_hms_opt(12, 0, 0).unwrap())
}

fn zone_and_date() -> impl Strategy<Value = (&'static str, NaiveDate)> {
    prop::sample::select(ODD_ZONES.to_vec())
        .prop_flat_map(|zone| (Just(zone), any_date(zone.parse().unwrap())))
}

fn utc(wall: NaiveDateTime) -> Timestamp {
    Timestamp(wall.and_utc().timestamp_millis())
}

/// What clocks in `zone` show.
fn wall(zone: Tz, instant: Timestamp) -> NaiveDateTime {
    DateTime::from_timestamp_millis(instant.0)
        .unwrap()
        .with_timezone(&zone)
        .naive_local()
}

/// The first instant at which clocks in `zone` show `wall` or later, minute by minute.
fn first_shown(zone: Tz, shown: NaiveDateTime) -> Timestamp {
    let from = utc(shown).0 - 26 * 3_600_000;
    let minutes = (0..52 * 60).map(|minute| Timestamp(from + minute * 60_000));
    let found = minutes
        .into_iter()
        .find(|instant| wall(zone, *instant) >= shown);
    found.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Neither twice in an overlap nor lost in a gap: for each date one fire, at the first instant at
    /// which clocks show its time, or more.
    #[test]
    fn a_daily_job_fires_once_for_each_date(
        (zone, date) in zone_and_date(), hour in 0..24_u32, minute in 0..60_u32,
    ) {
        let tz: Tz = zone.parse().unwrap();
        let trigger = cron(&format!("{minute} {hour} * * *"), zone);
        let compiled = Compiled::new(&trigger, &Timing::default()).unwrap();
        let mut expected: Vec<Timestamp> = date
            .iter_days()
            .take(4)
            .map(|day| first_shown(tz, day.and_hms_opt(hour, minute, 0).unwrap()))
            .collect();
        // A day that was left out ends where the next one begins.
        expected.dedup();
        let mut after = Timestamp(expected[0].0 - 1);
        for expected in expected {
            let next = compiled.next_after(after, at(0)).unwrap();
            prop_assert_eq!(next, expected, "{} in {}", &trigger.definition(), zone);
            after = next;
        }
    }

    /// A job with a wildcard fires at exactly the instants whose local time matches.
    #[test]
    fn a_wildcard_job_fires_whenever_clocks_show_a_matching_time(
        (zone, date) in zone_and_date(), step in 2..40_u32, hour in prop::option::of(0..24_u32),
    ) {
        let tz: Tz = zone.parse().unwrap();
        let hours = hour.map_or_else(|| "*".to_owned(), |hour| hour.to_string());
        let trigger = cron(&format!("*/{step} {hours} * * *"), zone);
        let compiled = Compiled::new(&trigger, &Timing::default()).unwrap();
        let start = utc(date.and_hms_opt(0, 0, 0).unwrap()).0 - 24 * 3_600_000;
        let expected: Vec<Timestamp> = (0..72 * 60)
            .map(|minute| Timestamp(start + minute * 60_000))
            .filter(|instant| {
                let wall = wall(tz, *instant);
                wall.second() == 0
                    && wall.minute().is_multiple_of(step)
                    && hour.is_none_or(|hour| wall.hour() == hour)
            })
            .collect();
        let end = Timestamp(start + 72 * 3_600_000);
        let first = compiled.next_after(Timestamp(start - 1), at(0));
        let found: Vec<Timestamp> =
            std::iter::successors(first, |&last| compiled.next_after(last, at(0)))
                .take_while(|instant| *instant < end)
                .collect();
        prop_assert_eq!(found, expected, "{} in {}", &trigger.definition(), zone);
    }

    /// A calendar interval fires on its dates, at its time of day and no other, once, at its first
    /// occurrence; what it leaves out does not exist.
    #[test]
    fn a_calendar_interval_never_fires_at_another_local_time(
        (zone, date) in zone_and_date(), time in 0..1_440_u32, days in 1..4_u32,
    ) {
        let tz: Tz = zone.parse().unwrap();
        let trigger = Trigger::Calendar(Calendar {
            years: 0,
            months: 0,
            weeks: 0,
            days,
            time: time * 60,
            zone: zone.to_owned(),
            first: Some(date.to_string()),
        });
        let compiled = Compiled::new(&trigger, &Timing::default()).unwrap();
        let mut after = Timestamp(utc(date.and_hms_opt(0, 0, 0).unwrap()).0 - 86_400_000 * 2);
        let mut day = date;
        for _ in 0..5 {
            let next = compiled.next_after(after, at(0)).unwrap();
            let shown = wall(tz, next);
            prop_assert!(next > after);
            prop_assert_eq!(shown.time().num_seconds_from_midnight(), time * 60);
            prop_assert_eq!(first_shown(tz, shown), next);
            while day < shown.date() {
                let left_out = day.and_time(shown.time());
                prop_assert!(tz.from_local_datetime(&left_out).earliest().is_none());
                day += chrono::TimeDelta::days(i64::from(days));
            }
            prop_assert_eq!(day, shown.date());
            day += chrono::TimeDelta::days(i64::from(days));
            after = next;
        }
    }

    /// The text of an instant is that instant again.
    #[test]
    fn local_texts_are_their_instants(
        zone in prop::sample::select(ODD_ZONES.to_vec()), ms in 0..4_000_000_000_000_i64,
    ) {
        let text = local_text(Timestamp(ms), zone).unwrap();
        let again = DateTime::parse_from_rfc3339(&text).unwrap();
        prop_assert_eq!(again.timestamp_millis(), ms);
    }

    /// No trigger panics, goes back, or goes on for ever, wherever it is asked from.
    #[test]
    fn next_instants_are_later_from_everywhere(
        trigger in any_trigger(), after: i64, seen: i64, jitter: u64,
    ) {
        let timing = Timing {
            jitter: Duration::from_millis(jitter),
            ..Timing::default()
        };
        let compiled = Compiled::new(&trigger, &timing).unwrap();
        let (after, seen) = (Timestamp(after), Timestamp(seen));
        if let Some(next) = compiled.next_after(after, seen) {
            prop_assert!(next > after);
            let moment = compiled.fire_moment(next, seen, 1, &CampaignId::from("farm"));
            prop_assert!(moment >= next);
        }
        let _ = compiled.first_instant(seen);
    }
}
