use chrono::{DateTime, Utc};
use croner::Cron;
use proptest::prelude::*;

use super::*;

/// Expressions of every kind of field, without wrapped ranges.
fn any_expression() -> impl Strategy<Value = String> {
    let of = |low: u32, high: u32| {
        let one = move || (low..=high).prop_map(|value| value.to_string());
        prop_oneof![
            2 => Just("*".to_owned()),
            4 => one(),
            2 => prop::collection::vec(low..=high, 1..5).prop_map(|values| {
                let texts: Vec<String> = values.iter().map(u32::to_string).collect();
                texts.join(",")
            }),
            1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => (1..=(high - low)).prop_map(|step| format!("*/{step}")),
        ]
    };
    let day = prop_oneof![
        6 => of(1, 31),
        1 => Just("L".to_owned()),
        1 => Just("LW".to_owned()),
        2 => (1..=31_u32).prop_map(|day| format!("{day}W")),
        1 => Just("L,10W".to_owned()),
        1 => Just("?".to_owned()),
    ];
    let weekday = prop_oneof![
        8 => Just("*".to_owned()),
        2 => of(0, 6),
        1 => Just("7".to_owned()),
        1 => Just("MON-FRI".to_owned()),
        1 => Just("5-7".to_owned()),
        2 => (0..=7_u32, 1..=5_u32).prop_map(|(day, nth)| format!("{day}#{nth}")),
        1 => (0..=6_u32).prop_map(|day| format!("{day}L")),
        1 => Just("+FRI,SUN#2".to_owned()),
    ];
    (of(0, 59), of(0, 59), of(0, 23), day, of(1, 12), weekday)
        .prop_map(|(s, m, h, d, mo, w)| format!("{s} {m} {h} {d} {mo} {w}"))
}

fn library(text: &str) -> Cron {
    CronParser::new().parse(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// The search here and the library's give the same instants where clocks are never changed.
    #[test]
    fn the_search_agrees_with_the_cron_library_in_utc(
        expression in any_expression(), after in 0..13_000_000_000_i64,
    ) {
        let schedule = match CronSchedule::new(&expression, "UTC") {
            Ok(schedule) => schedule,
            // 31 February and its like; the library takes long to say so.
            Err(error) => {
                prop_assert!(matches!(error, TriggerError::NeverFires { .. }), "{}", error);
                return Ok(());
            }
        };
        let start = DateTime::<Utc>::from_timestamp(after, 0).unwrap();
        let expected = library(&expression).find_next_occurrence(&start, false).unwrap();
        prop_assert_eq!(schedule.next_after(after), Some(expected.timestamp()));
    }

    /// Across changes of clocks too, where the library knows the same rule: for jobs with a wildcard,
    /// and for a single fixed time.
    #[test]
    fn the_search_agrees_with_the_cron_library_across_changes(
        minute in prop_oneof![
            (0..60_u32).prop_map(|m| m.to_string()),
            (1..60_u32).prop_map(|m| format!("*/{m}")),
        ],
        hour in prop_oneof![(0..24_u32).prop_map(|h| h.to_string()), Just("*".to_owned())],
        weekday in prop_oneof![3 => Just("*"), 1 => Just("SUN"), 1 => Just("6")],
        zone in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns",
        ]),
        // Hours around a change of 2024 in those zones, or any.
        change in prop::sample::select(vec![
            1_711_846_800_i64, 1_729_990_800, 1_710_054_000, 1_730_613_600, 1_712_415_600,
            1_728_142_200, 1_710_048_600, 1_730_608_200,
        ]),
        offset in -90_000..90_000_i64,
    ) {
        let expression = format!("{minute} {hour} * * {weekday}");
        let after = change + offset;
        let schedule = CronSchedule::new(&expression, zone).unwrap();
        let zone: Tz = zone.parse().unwrap();
        let start = DateTime::from_timestamp(after, 0).unwrap().with_timezone(&zone);
        let expected = library(&expression).find_next_occurrence(&start, false).unwrap();
        prop_assert_eq!(
            schedule.next_after(after), Some(expected.timestamp()), "{} after {}", expression, start
        );
    }
}

/// A range that wraps is the list of its values.
#[test]
fn wrapped_ranges_are_lists() {
    const SAME: [(&str, &str); 11] = [
        ("0 22-3 * * *", "0 22,23,0,1,2,3 * * *"),
        ("50-10/10 * * * *", "50,0,10 * * * *"),
        ("0 0 28-2 * *", "0 0 28,29,30,31,1,2 * *"),
        ("0 0 1 NOV-FEB *", "0 0 1 11,12,1,2 *"),
        ("0 0 1 nov-2/2 *", "0 0 1 11,1 *"),
        ("0 0 * * FRI-MON", "0 0 * * 5,6,0,1"),
        ("0 0 * * FRI-SUN", "0 0 * * 5,6,0"),
        ("0 0 * * 7-2", "0 0 * * 0,1,2"),
        ("0 0 * * 6-7", "0 0 * * 6,0"),
        ("0 0 * * SAT-SUN#1", "0 0 * * 6#1,0#1"),
        ("0 0 * * SUN-SUN", "0 0 * * 0"),
    ];
    for (wrapped, list) in SAME {
        let days = |text: &str| {
            let schedule = CronSchedule::new(text, "UTC").unwrap();
            (
                schedule.seconds,
                schedule.minutes,
                schedule.hours,
                schedule.months,
                schedule.days,
            )
        };
        assert_eq!(days(wrapped), days(list), "{wrapped}");
    }
}
