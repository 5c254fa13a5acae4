#![allow(clippy::unwrap_used)]
use super::*;

fn at(hour: i64, minute: i64) -> Timestamp {
    Timestamp(hour * HOUR + minute * MINUTE)
}

/// One observation in each of `hours`, of the fee that `fee` gives.
fn observed(hours: std::ops::Range<i64>, fee: impl Fn(i64) -> u128) -> BaseFeeHistory {
    let mut history = BaseFeeHistory::default();
    for hour in hours {
        assert!(history.push(at(hour, 30), fee(hour)));
    }
    history
}

#[test]
fn a_week_of_full_hours_is_needed_for_a_quantile() {
    // 167 hours are over, and one runs.
    let mut history = observed(0..168, |_| 10);
    assert_eq!(
        history.quantile(at(168, 0), 10),
        Err(ShortHistory {
            hours: 167,
            required: 168
        })
    );
    assert!(history.push(at(168, 0), 10));
    assert_eq!(history.hours(at(168, 59)), 168);
    assert_eq!(history.quantile(at(168, 59), 10), Ok(Bps(0)));
}

#[test]
fn the_quantile_is_the_share_of_cheaper_hours_rounded_up() {
    // Full hours 1 to 300, the fee being the hour.
    let history = observed(1..302, |hour| u128::try_from(hour).unwrap());
    let now = at(301, 40);
    assert_eq!(history.hours(now), 300);
    assert_eq!(history.quantile(now, 0), Ok(Bps(0)));
    assert_eq!(history.quantile(now, 1), Ok(Bps(0)));
    // 1 of 300 is 33.3 bps.
    assert_eq!(history.quantile(now, 2), Ok(Bps(34)));
    assert_eq!(history.quantile(now, 151), Ok(Bps(5000)));
    assert_eq!(history.quantile(now, 300), Ok(Bps(9967)));
    assert_eq!(history.quantile(now, 301), Ok(Bps(10_000)));
    assert_eq!(history.quantile(now, u128::MAX), Ok(Bps(10_000)));
}

#[test]
fn a_chain_at_its_floor_is_not_dear() {
    let history = observed(0..200, |_| 10_000_000);
    assert_eq!(history.quantile(at(199, 59), 10_000_000), Ok(Bps(0)));
    assert_eq!(history.quantile(at(199, 59), 10_000_001), Ok(Bps(10_000)));
}

#[test]
fn hours_out_of_the_window_do_not_count_and_are_not_kept() {
    let last = i64::try_from(BaseFeeHistory::WINDOW_HOURS).unwrap();
    let history = observed(0..last + 10, |_| 7);
    assert_eq!(history.closed.len(), BaseFeeHistory::WINDOW_HOURS);
    // The running hour is last + 9; the kept ones are 9 to last + 8.
    assert_eq!(history.hours(at(last + 9, 0)), BaseFeeHistory::WINDOW_HOURS);
    assert_eq!(
        history.hours(at(last + 10, 0)),
        BaseFeeHistory::WINDOW_HOURS - 1
    );
    // Hours after `now` are not its past.
    assert_eq!(history.hours(at(19, 59)), 10);
    // Nobody looked for 90 days: there is no history any more.
    let later = at(2 * last + 9, 0);
    assert_eq!(history.hours(later), 0);
    assert!(history.quantile(later, 7).is_err());
}

#[test]
fn an_hour_is_the_lower_median_of_its_minutes() {
    let mut history = BaseFeeHistory::default();
    for (minute, fee) in [(0, 9), (1, 1), (2, 5), (59, 1000)] {
        assert!(history.push(at(5, minute), fee));
    }
    assert!(history.push(at(6, 0), 1));
    let hour = Hour {
        index: 5,
        median: 5,
    };
    assert_eq!(history.closed, [hour]);
}

#[test]
fn a_median_is_the_middle_one_or_the_lower_of_the_middle_two() {
    let median = |values: &[u128]| lower_median(values.iter().copied());
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[7]), Some(7));
    assert_eq!(median(&[5, 1, 9, 7, 3]), Some(5));
    assert_eq!(median(&[6, 1, 5, 2, 4, 3]), Some(3));
}

#[test]
fn a_minute_counts_once_however_often_it_is_observed() {
    let mut history = BaseFeeHistory::default();
    assert!(history.push(at(5, 0), 1));
    assert!(history.push(at(5, 1), 2));
    for fee in [50, 60, 3] {
        assert!(history.push(Timestamp(at(5, 2).0 + fee), fee.unsigned_abs().into()));
    }
    let open = history.open.clone().unwrap();
    assert_eq!(open.minutes, [(0, 1), (1, 2), (2, 3)]);
}

#[test]
fn earlier_observations_are_ignored() {
    let mut history = BaseFeeHistory::default();
    assert!(history.push(at(5, 10), 1));
    assert!(!history.push(at(5, 9), 2));
    assert!(!history.push(at(4, 59), 2));
    assert!(history.push(at(5, 10), 3));
    assert!(history.push(at(6, 0), 4));
    assert_eq!(history.closed.len(), 1);
    assert_eq!(history.closed[0].median, 3);
}

#[test]
fn instants_before_the_epoch_have_hours_and_minutes_too() {
    let mut history = BaseFeeHistory::default();
    assert!(history.push(Timestamp(-1), 1));
    assert_eq!(
        history.open,
        Some(OpenHour {
            index: -1,
            minutes: vec![(59, 1)]
        })
    );
    assert!(history.push(Timestamp(i64::MAX), 1));
    assert!(history.trend(Timestamp(i64::MIN)).is_err());
}

#[test]
fn the_trend_is_the_last_six_hours_against_the_last_week() {
    // 100 until hour 194, 150 in the six hours 195 to 200, the last of which runs.
    let history = observed(0..201, |hour| if hour < 195 { 100 } else { 150 });
    let trend = history.trend(at(200, 59)).unwrap();
    assert_eq!(
        trend,
        GasTrend {
            recent: 150,
            baseline: 100,
            ratio: Bps(15_000)
        }
    );
    assert_eq!(trend.direction(), GasDirection::Rising);
    // Two hours later four of the six are left, of which the running one was not observed.
    assert_eq!(history.trend(at(202, 0)).unwrap().recent, 150);
    assert_eq!(
        history.trend(at(204, 0)),
        Err(ShortHistory {
            hours: 2,
            required: 3
        })
    );
    // The future is not part of it: hours 189 to 194.
    assert_eq!(history.trend(at(194, 0)).unwrap().recent, 100);
    assert_eq!(history.trend(at(197, 0)).unwrap().recent, 100);
}

#[test]
fn the_running_hour_counts_for_the_trend() {
    let mut history = observed(0..198, |_| 100);
    assert!(history.push(at(200, 0), 300));
    // 195, 196 and 197 at 100, and the running hour.
    assert_eq!(history.trend(at(200, 0)).unwrap().recent, 100);
    assert!(history.push(at(201, 0), 300));
    assert!(history.push(at(202, 0), 300));
    assert_eq!(history.trend(at(202, 0)).unwrap().recent, 300);
}

#[test]
fn two_days_of_the_last_week_are_needed_for_a_trend() {
    let history = observed(0..47, |_| 5);
    assert_eq!(
        history.trend(at(46, 59)),
        Err(ShortHistory {
            hours: 47,
            required: 48
        })
    );
    assert!(observed(0..48, |_| 5).trend(at(47, 59)).is_ok());
    // A week is 168 hours: of 0 to 47, hours 1 to 47 are left at hour 168.
    let mut gap = observed(0..48, |_| 5);
    for hour in 166..=168 {
        assert!(gap.push(at(hour, 0), 5));
    }
    assert!(gap.trend(at(168, 0)).is_ok());
    let few = gap.median_since(at(168, 0), 168, 51);
    assert_eq!(
        few,
        Err(ShortHistory {
            hours: 50,
            required: 51
        })
    );
}

#[test]
fn directions_have_exact_bounds() {
    let direction = |ratio| {
        let ratio = Bps(ratio);
        let trend = GasTrend {
            recent: 0,
            baseline: 0,
            ratio,
        };
        trend.direction()
    };
    assert_eq!(direction(8_000), GasDirection::Falling);
    assert_eq!(direction(8_001), GasDirection::Steady);
    assert_eq!(direction(12_499), GasDirection::Steady);
    assert_eq!(direction(12_500), GasDirection::Rising);
    assert_eq!(direction(u32::MAX), GasDirection::Rising);
}

#[test]
fn ratios_round_up_and_never_divide_by_zero() {
    assert_eq!(ratio_up(0, 0), Bps(10_000));
    assert_eq!(ratio_up(1, 0), Bps(u32::MAX));
    assert_eq!(ratio_up(0, 5), Bps(0));
    assert_eq!(ratio_up(1, 3), Bps(3334));
    assert_eq!(ratio_up(u128::MAX, 1), Bps(u32::MAX));
}

#[test]
fn a_restart_keeps_the_history() {
    let mut before = observed(0..200, |hour| u128::MAX - u128::try_from(hour).unwrap());
    let text = serde_json::to_string(&before).unwrap();
    let mut after: BaseFeeHistory = serde_json::from_str(&text).unwrap();
    assert_eq!(before, after);
    assert!(before.push(at(200, 0), 1));
    assert!(after.push(at(200, 0), 1));
    assert_eq!(before, after);
}

#[test]
fn a_short_history_says_how_short() {
    let short = ShortHistory {
        hours: 3,
        required: 168,
    };
    assert_eq!(short.to_string(), "3 h of base fees observed, 168 h needed");
}

#[test]
fn the_medians_are_those_of_the_full_hours_by_time() {
    let history = observed(5..9, |hour| u128::try_from(hour).unwrap());
    let medians: Vec<(Timestamp, u128)> = history.medians(at(8, 59)).collect();
    assert_eq!(medians, [(at(5, 0), 5), (at(6, 0), 6), (at(7, 0), 7)]);
}
