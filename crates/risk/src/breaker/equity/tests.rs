#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::breaker::BreakerPolicy;

const HOUR: i64 = 3_600_000;

fn at(millis: i64, equity: i64) -> EquityPoint {
    EquityPoint {
        at: Timestamp(millis),
        equity: Usd::dollars(equity),
        net_flows: Usd::ZERO,
        gas: Usd::ZERO,
    }
}

fn hourly(window_hours: u64) -> EquityHistory {
    EquityHistory::new(
        Duration::from_secs(window_hours * 3600),
        Duration::from_secs(3600),
    )
}

fn kept(history: &EquityHistory) -> Vec<(i64, i64)> {
    let whole = |point: &EquityPoint| (point.at.0, i64::try_from(point.equity.0 / 1_000_000));
    let pairs = history.points().map(whole);
    pairs.map(|(at, usd)| (at, usd.unwrap())).collect()
}

#[test]
fn of_a_bucket_the_highest_point_is_kept_and_always_the_latest() {
    let mut history = hourly(24);
    for (millis, equity) in [(0, 5), (1, 9), (2, 7), (3, 9), (4, 1)] {
        history.push(at(millis, equity));
    }
    assert_eq!(kept(&history), [(3, 9), (4, 1)]);
    history.push(at(HOUR, 2));
    assert_eq!(kept(&history), [(3, 9), (HOUR, 2)]);
    history.push(at(HOUR + 1, 1));
    assert_eq!(kept(&history), [(3, 9), (HOUR, 2), (HOUR + 1, 1)]);
}

#[test]
fn points_of_two_buckets_and_of_a_bucket_of_zero_are_all_kept() {
    let mut history = hourly(24);
    for (millis, equity) in [(-1, 5), (0, 9), (HOUR - 1, 8)] {
        history.push(at(millis, equity));
    }
    assert_eq!(kept(&history), [(-1, 5), (0, 9), (HOUR - 1, 8)]);
    let mut every = EquityHistory::default();
    for millis in 0..5 {
        every.push(at(millis, 5 - millis));
    }
    assert_eq!(every.points().count(), 5);
}

#[test]
fn what_cannot_be_measured_is_not_thinned_away() {
    let absurd = |millis| EquityPoint {
        equity: Usd(i128::MAX),
        net_flows: Usd(-1),
        ..at(millis, 0)
    };
    for order in [[at(0, 9), absurd(1)], [absurd(0), at(1, 9)]] {
        let mut history = hourly(24);
        for point in order {
            history.push(point);
        }
        history.push(at(2, 9));
        assert_eq!(history.points().count(), 2);
        assert!(history.fall(Bps::WHOLE).is_some());
    }
}

#[test]
fn a_resized_history_keeps_what_the_new_window_holds() {
    let mut history = EquityHistory::default();
    for hour in 0..5 {
        history.push(at(hour * HOUR, 10));
    }
    history.resize(Duration::from_secs(3600), Duration::ZERO);
    history.push(at(5 * HOUR, 10));
    assert_eq!(kept(&history), [(4 * HOUR, 10), (5 * HOUR, 10)]);
}

#[test]
fn a_flow_booked_late_is_taken_out_of_the_points_after_it() {
    let mut history = EquityHistory::default();
    for (hour, equity) in [(0, 100), (1, 100), (2, 150)] {
        history.push(at(hour * HOUR, equity));
    }
    history.date_back(Usd::dollars(50), Timestamp(HOUR));
    let flows: Vec<i128> = history.points().map(|point| point.net_flows.0).collect();
    assert_eq!(flows, [0, 0, 50_000_000]);
}

#[test]
fn points_from_a_clock_that_was_ahead_do_not_hide_later_losses() {
    let mut history = EquityHistory::default();
    history.push(at(0, 1000));
    for (hours, equity) in [(500, 990), (501, 1010), (502, 1000)] {
        history.push(at(hours * HOUR, equity));
    }
    history.restart_from(Timestamp(500 * HOUR));
    assert!(!history.push(at(HOUR, 500)));
    history.correct_clock(Timestamp(HOUR));
    assert_eq!(kept(&history), [(HOUR, 1010)]);
    assert_eq!(history.evidence_from(), Some(Timestamp(HOUR)));
    assert!(history.push(at(2 * HOUR, 500)));
    assert!(history.fall(Bps(5000)).is_some());
    // A point at that very instant is part of what is moved; earlier ones stay.
    history.correct_clock(Timestamp(2 * HOUR));
    assert_eq!(kept(&history), [(HOUR, 1010), (2 * HOUR, 500)]);
    history.push(at(9 * HOUR, 700));
    history.correct_clock(Timestamp(2 * HOUR));
    assert_eq!(kept(&history), [(HOUR, 1010), (2 * HOUR, 700)]);
    history.push(at(9 * HOUR, 600));
    history.correct_clock(Timestamp(2 * HOUR));
    assert_eq!(kept(&history), [(HOUR, 1010), (2 * HOUR, 700)]);
}

#[test]
fn of_equal_peaks_the_first_is_told() {
    let mut history = EquityHistory::default();
    for (hour, equity) in [(0, 900), (1, 1000), (2, 950), (3, 1000), (4, 990)] {
        history.push(at(hour * HOUR, equity));
    }
    let measure = history.measure().unwrap();
    assert_eq!(measure.peak.at, Timestamp(HOUR));
    assert_eq!(measure.loss, Usd::dollars(10));
}

#[test]
fn a_share_and_a_bound_at_the_edge() {
    let measure = |loss: i64, base: i64| LossMeasure {
        peak: at(0, 0),
        now: at(1, 0),
        loss: Usd::dollars(loss),
        base: Usd::dollars(base),
    };
    assert!(measure(10, 100).reaches(Bps(1000)));
    assert!(!measure(10, 100).reaches(Bps(1001)));
    assert!(!measure(0, 100).reaches(Bps(0)));
    assert!(!measure(0, 0).reaches(Bps(1)));
    assert!(measure(1, 0).reaches(Bps::WHOLE));
    assert!(measure(1, -1).reaches(Bps::WHOLE));
    let absurd = LossMeasure {
        loss: Usd(i128::MAX / 9_999),
        base: Usd(i128::MAX),
        ..measure(0, 0)
    };
    assert!(absurd.reaches(Bps::WHOLE));
    assert_eq!(measure(0, 0).share(), Some(Bps(0)));
    assert_eq!(measure(1, 3).share(), Some(Bps(3334)));
    assert_eq!(measure(1, 0).share(), None);
}

#[test]
fn limits_that_make_no_sense_are_named() {
    let day = Duration::from_secs(86_400);
    let limit = |limit, window, bucket| {
        let mut wrong = Vec::new();
        let limit = FallLimit {
            limit: Bps(limit),
            window,
            bucket,
        };
        limit.validate(
            "drawdown",
            BreakerPolicy::DRAWDOWN,
            BreakerPolicy::DRAWDOWN_WINDOW,
            &mut wrong,
        );
        wrong.len()
    };
    assert_eq!(limit(1, day, day / 10), 0);
    assert_eq!(limit(9000, day, Duration::ZERO), 0);
    assert_eq!(limit(0, day, Duration::ZERO), 1);
    assert_eq!(limit(9001, day, day), 2);
    assert_eq!(limit(0, Duration::ZERO, Duration::from_secs(1)), 3);
}

proptest! {
    #[test]
    fn thinning_never_lowers_the_loss_and_bounds_the_history(
        moves in prop::collection::vec((1i64..HOUR / 2, 500i64..1500), 1..400),
    ) {
        let mut thinned = hourly(24);
        let mut every = EquityHistory::default();
        let mut now = 0;
        for (passed, equity) in moves {
            now += passed;
            thinned.push(at(now, equity));
            every.push(at(now, equity));
            let (thinned, every) = (thinned.measure().unwrap(), every.measure().unwrap());
            prop_assert!(thinned.loss >= every.loss);
            prop_assert_eq!(thinned.now, every.now);
        }
        prop_assert!(thinned.points().count() <= 24 + 3);
    }

    #[test]
    fn a_lower_equity_now_never_gives_a_better_state(
        course in prop::collection::vec((1i64..HOUR, 500i64..1500), 0..100),
        last in 500i64..1500,
        lower in 0i64..500,
    ) {
        let mut history = hourly(24);
        let mut now = 0;
        for (passed, equity) in course {
            now += passed;
            history.push(at(now, equity));
        }
        let state = |equity| {
            let point = Some(at(now + 1, equity));
            let demand = history.clone().assess(BreakerKind::Drawdown, point, &FallLimit {
                limit: Bps(2000),
                window: Duration::from_secs(24 * 3600),
                bucket: Duration::from_secs(3600),
            });
            demand.unwrap().state
        };
        prop_assert!(state(last - lower) >= state(last));
    }
}
