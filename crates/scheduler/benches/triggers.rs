//! How long one next instant takes: `cargo bench -p airdrops-scheduler --bench triggers`.
//!
//! Each trigger is made ready once and asked for the instant after each of 20,000 starts, half of them
//! anywhere in 1990 to 2110, half within two days of a change of clocks in 2013 or 2024. One call is
//! timed at a time; the reading of the clock (some tens of nanoseconds) is part of the figures. The
//! aim is that every next instant takes less than 50 µs; what is above it in `max` on a busy machine
//! is mostly the machine, so that each start that took longer than 20 µs is timed five times more and
//! the least is taken.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use airdrops_scheduler::{Calendar, Compiled, Timing, Trigger};
use airdrops_types::{CampaignId, Timestamp};

const STARTS: usize = 20_000;

/// Changes of clocks: New York 2013, Berlin 2024, Lord Howe 2024; and Apia's skipped day.
const CHANGES: [i64; 6] = [
    1_362_898_800_000,
    1_383_458_400_000,
    1_711_846_800_000,
    1_729_990_800_000,
    1_712_415_600_000,
    1_325_239_200_000,
];

fn cron(expression: &str, zone: &str) -> Trigger {
    Trigger::Cron {
        expression: expression.to_owned(),
        zone: zone.to_owned(),
    }
}

fn every(seconds: u64) -> Trigger {
    Trigger::Interval {
        every: Duration::from_secs(seconds),
        first: Some(Timestamp(0)),
    }
}

fn calendar(spec: &str, zone: &str) -> Trigger {
    Trigger::Calendar(Calendar::parse(spec, zone).expect("a calendar interval"))
}

fn triggers() -> Vec<(&'static str, Trigger)> {
    let (berlin, york) = ("Europe/Berlin", "America/New_York");
    let all_minutes: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
    let every_minute = format!("{0} {0} 0-23 * * *", all_minutes.join(","));
    vec![
        ("cron * * * * * *, UTC", cron("* * * * * *", "UTC")),
        ("cron * * * * *, UTC", cron("* * * * *", "UTC")),
        ("cron */30 * * * *, Berlin", cron("*/30 * * * *", berlin)),
        ("cron 30 2 * * *, Berlin", cron("30 2 * * *", berlin)),
        ("cron 30 1 * * *, New York", cron("30 1 * * *", york)),
        ("cron 0 2 * * *, Apia", cron("0 2 * * *", "Pacific/Apia")),
        (
            "cron 15,45 8-18 * * MON-FRI, London",
            cron("15,45 8-18 * * MON-FRI", "Europe/London"),
        ),
        (
            "cron, 86,400 fixed times, Berlin",
            cron(&every_minute, berlin),
        ),
        ("cron */7 * 2 * * *, Berlin", cron("*/7 * 2 * * *", berlin)),
        ("cron 0 0 L * *, New York", cron("0 0 L * *", york)),
        ("cron 0 9 LW * *, Berlin", cron("0 9 LW * *", berlin)),
        ("cron 0 9 15W 6 *, Berlin", cron("0 9 15W 6 *", berlin)),
        ("cron 0 0 * * WED#4, UTC", cron("0 0 * * WED#4", "UTC")),
        ("cron 0 0 29 2 *, UTC", cron("0 0 29 2 *", "UTC")),
        ("cron 0 0 29 2 +MON, Berlin", cron("0 0 29 2 +MON", berlin)),
        ("interval 1 s", every(1)),
        ("interval 7 h", every(25_200)),
        (
            "calendar 1 day, Berlin",
            calendar("1 day at 02:30 from 1990-01-01", berlin),
        ),
        (
            "calendar 1 month on the 31st, New York",
            calendar("1 month at 09:00 from 1990-01-31", york),
        ),
        (
            "calendar 1 year on 29 February, UTC",
            calendar("1 year from 1992-02-29", "UTC"),
        ),
        (
            "calendar 1 month and 3 days, Lord Howe",
            calendar(
                "1 month and 3 days at 02:00 from 1990-01-31",
                "Australia/Lord_Howe",
            ),
        ),
        (
            "any of 3 crons, Berlin",
            Trigger::Any(vec![
                cron("0 9 * * MON", berlin),
                cron("30 2 * * *", berlin),
                cron("*/30 * * * *", berlin),
            ]),
        ),
        (
            "all of daily 09:00 and MON-FRI 9-17, Berlin",
            Trigger::All(vec![
                cron("0 9 * * *", berlin),
                cron("0 9-17 * * MON-FRI", berlin),
            ]),
        ),
    ]
}

fn starts() -> Vec<Timestamp> {
    let (from, to) = (631_152_000_000_i64, 4_417_977_600_000_i64);
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mut state = 1_u64;
    let mut below = |bound: i64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) >> 1).unwrap() % bound
    };
    (0..STARTS)
        .map(|number| match number % 2 {
            0 => Timestamp(from + below(to - from)),
            _ => Timestamp(CHANGES[number / 2 % CHANGES.len()] + below(345_600_000) - 172_800_000),
        })
        .collect()
}

/// Nanoseconds of each call, in order of size.
fn times(starts: &[Timestamp], ask: impl Fn(Timestamp)) -> Vec<u128> {
    let once = |start| {
        let before = Instant::now();
        ask(black_box(start));
        before.elapsed().as_nanos()
    };
    let mut times: Vec<u128> = starts
        .iter()
        .map(|&start| match once(start) {
            slow if slow > 20_000 => (0..5).map(|_| once(start)).fold(slow, u128::min),
            quick => quick,
        })
        .collect();
    times.sort_unstable();
    times
}

fn row(name: &str, times: &[u128]) {
    let micros = |at: usize| {
        let nanos = times[at.min(times.len() - 1)];
        format!("{}.{:02}", nanos / 1000, nanos % 1000 / 10)
    };
    let last = times.len();
    println!(
        "{name:<46} {:>8} {:>8} {:>8}",
        micros(last / 2),
        micros(last / 100 * 99),
        micros(last - 1)
    );
}

fn main() {
    let starts = starts();
    println!(
        "{:<46} {:>8} {:>8} {:>8}",
        "one next instant, µs", "p50", "p99", "max"
    );
    let mut slowest = 0;
    let mut ready = Vec::new();
    for (name, trigger) in triggers() {
        let timing = Timing::default();
        let compiled = Compiled::new(&trigger, &timing).expect("a trigger");
        let times = times(&starts, |start| {
            black_box(compiled.next_after(start, Timestamp(0)));
        });
        slowest = slowest.max(times[times.len() - 1]);
        row(name, &times);
        ready.push((name, trigger));
    }
    let each: Vec<Timestamp> = starts.iter().copied().take(2_000).collect();
    println!(
        "\n{:<46} {:>8} {:>8} {:>8}",
        "other, µs", "p50", "p99", "max"
    );
    for (name, trigger) in [&ready[3], &ready[21]] {
        let times = times(&each, |_| {
            black_box(Compiled::new(trigger, &Timing::default()).expect("a trigger"));
        });
        row(&format!("make ready: {name}"), &times);
    }
    let jitter = Timing {
        jitter: Duration::from_secs(60),
        ..Timing::default()
    };
    let compiled = Compiled::new(&ready[2].1, &jitter).expect("a trigger");
    let campaign = CampaignId::from("farm");
    let times_of_moments = times(&each, |start| {
        black_box(compiled.fire_moment(start, Timestamp(0), 1, &campaign));
    });
    row("fire moment, jitter 60 s", &times_of_moments);
    let times_of_latest = times(&each, |start| {
        black_box(compiled.latest_due(start, Timestamp(start.0 + 31_536_000_000), start));
    });
    row("latest of a year of half-hourly fires", &times_of_latest);
    let refused = times(&each[..200], |_| {
        black_box(Compiled::new(&cron("0 0 30 2 *", "UTC"), &Timing::default()).is_err());
    });
    row("refuse 30 February", &refused);
    println!(
        "\nslowest next instant: {}.{:02} µs; aim: below 50 µs",
        slowest / 1000,
        slowest % 1000 / 10
    );
}
