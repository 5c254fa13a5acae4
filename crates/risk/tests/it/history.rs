//! The replay of prices: that it does not look ahead, and what it counts.

use airdrops_risk::history::{
    History, HistoryConfig, HistoryError, LossTrip, PriceHistory, forecast, replay,
};
use airdrops_risk::volatility::ValidBar;
use airdrops_types::{Bar, Bps, Timestamp, VolatilityState};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HOUR: i64 = 3_600_000;

/// Hourly prices with calm and wild weeks, from 2020-01-01; a whole number of days.
fn bars(seed: u64, days: i64) -> Vec<ValidBar> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut price = 1000.0_f64;
    let mut level = 0.006_f64;
    (0..days * 24)
        .map(|hour| {
            if hour % 168 == 0 {
                level = random.random_range(0.002..0.02);
            }
            let open = price;
            price *= 1.0 + random.random_range(-1.0..1.0) * level;
            let high = open.max(price) * (1.0 + random.random_range(0.0..level));
            let low = open.min(price) * (1.0 - random.random_range(0.0..level));
            bar(hour, open, high, low, price)
        })
        .collect()
}

fn bar(hour: i64, open: f64, high: f64, low: f64, close: f64) -> ValidBar {
    ValidBar::try_from(Bar {
        start: Timestamp(1_577_836_800_000 + hour * HOUR),
        open,
        high,
        low,
        close,
    })
    .unwrap()
}

fn asset(name: &str, weight: u32, bars: &[ValidBar]) -> PriceHistory {
    PriceHistory {
        asset: name.into(),
        weight: Bps(weight),
        bars: bars.to_vec(),
    }
}

/// A short burn-in, so that short series are compared on.
fn config() -> HistoryConfig {
    HistoryConfig {
        burn_in_days: 200,
        ..HistoryConfig::default()
    }
}

fn played(assets: &[PriceHistory]) -> History {
    replay(assets, &config()).unwrap()
}

fn known_by(trips: &[LossTrip], at: Timestamp) -> Vec<(Timestamp, String)> {
    let known = trips.iter().filter(|trip| trip.at <= at);
    known.map(|trip| (trip.at, trip.evidence.clone())).collect()
}

#[test]
fn every_part_of_the_replay_has_something_to_say() {
    let history = played(&[asset("ETH", 10_000, &bars(1, 600))]);
    assert_eq!(history.hours, 600 * 24);
    assert_eq!(history.days.len(), 600);
    // 24 h of warm-up have no state.
    assert_eq!(history.occupancy.total().total(), 600 * 24 - 23);
    for state in VolatilityState::ALL {
        assert!(history.occupancy.total().entries_into(state) > 0, "{state}");
    }
    assert!(!history.losses.trips.is_empty());
    assert!(!history.bad_days.is_empty());
    assert!(history.tail.days.len() > 300);
    assert!(history.tail.latest.is_some());
    let (_, days) = &history.forecasts[0];
    assert!(days.len() >= 300);
    for score in forecast::scores(days) {
        assert!(
            score.raw >= score.adjusted && score.adjusted > 0.0,
            "{score:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn what_is_said_of_an_hour_does_not_rest_on_later_ones(
        seed in 0u64..1000,
        keep in (300i64 * 24)..(400 * 24),
        other in 0u64..1000,
    ) {
        let whole = bars(seed, 400);
        let kept = usize::try_from(keep).unwrap();
        let second = bars(other, 400);
        let all = played(&[asset("ETH", 6000, &whole), asset("BTC", 2000, &second)]);
        let part = played(&[asset("ETH", 6000, &whole[..kept]), asset("BTC", 2000, &second)]);
        let end = part.to;
        let before = |at: Timestamp| at <= end;
        prop_assert_eq!(part.hours, u64::try_from(keep).unwrap());
        let changes = all.occupancy.changes.iter().filter(|change| before(change.at));
        prop_assert!(changes.eq(part.occupancy.changes.iter()));
        prop_assert_eq!(known_by(&all.losses.trips, end), known_by(&part.losses.trips, end));
        let count = part.tail.days.len();
        prop_assert_eq!(&all.tail.days[..count], &part.tail.days[..]);
        for ((_, all), (_, part)) in all.forecasts.iter().zip(&part.forecasts) {
            prop_assert!(!part.is_empty());
            prop_assert_eq!(&all[..part.len()], &part[..]);
        }
        let whole_days = part.days.len() - 1;
        prop_assert_eq!(&all.days[..whole_days], &part.days[..whole_days]);
    }
}

#[test]
fn what_is_said_of_a_day_does_not_rest_on_that_day() {
    let calm = bars(11, 400);
    let mut wild = calm.clone();
    for bar in &mut wild[399 * 24..] {
        *bar = bar.reaching(bar.close() * 1.5);
    }
    for (hour, bar) in (399 * 24..).zip(&mut wild[399 * 24..]) {
        let close = bar.close() * if hour % 2 == 0 { 0.8 } else { 1.0 };
        *bar = self::bar(hour, close, bar.bar().high, close * 0.9, close);
    }
    let [calm, wild] = [calm, wild].map(|bars| played(&[asset("ETH", 10_000, &bars)]));
    let (before, after) = (
        calm.tail.days.last().unwrap(),
        wild.tail.days.last().unwrap(),
    );
    assert_eq!(before.start, Timestamp(1_577_836_800_000 + 399 * 24 * HOUR));
    assert_eq!(before.value_at_risk, after.value_at_risk);
    assert_eq!(before.expected_shortfall, after.expected_shortfall);
    let (before, after) = (
        calm.forecasts[0].1.last().unwrap(),
        wild.forecasts[0].1.last().unwrap(),
    );
    assert_eq!(before.forecasts, after.forecasts);
    assert!(after.realised > 10.0 * before.realised);
    // The day to come rests on it.
    assert!(
        wild.tail.latest.unwrap()[1].value_at_risk > calm.tail.latest.unwrap()[1].value_at_risk
    );
}

#[test]
fn two_replays_are_equal() {
    let assets = [
        asset("ETH", 7000, &bars(3, 300)),
        asset("BTC", 3000, &bars(4, 300)),
    ];
    assert_eq!(played(&assets), played(&assets));
}

#[test]
fn cash_never_trips_and_more_of_an_asset_never_trips_less() {
    let bars = bars(5, 400);
    let trips = |weight| played(&[asset("ETH", weight, &bars)]).losses.trips.len();
    assert_eq!(trips(0), 0);
    let counts: Vec<usize> = [2000, 5000, 10_000].map(trips).to_vec();
    assert!(counts.is_sorted() && counts[2] > counts[0], "{counts:?}");
}

#[test]
fn a_crash_at_a_known_hour_is_told_by_every_part() {
    let mut calm: Vec<ValidBar> = bars(6, 320)
        .iter()
        .zip(0..)
        .map(|(_, hour)| {
            let wave = 100.0 * (1.0 + 0.002 * f64::from(i16::try_from(hour % 7).unwrap()));
            bar(hour, wave, wave * 1.003, wave * 0.997, wave)
        })
        .collect();
    // Day 310, 12:00: 20 % down within the hour.
    for (hour, slot) in (0..).zip(calm.iter_mut()).skip(310 * 24 + 12) {
        let high = if hour == 310 * 24 + 12 { 100.0 } else { 80.1 };
        *slot = bar(hour, high, high, 79.9, 80.0);
    }
    let history = played(&[asset("ETH", 10_000, &calm)]);
    let midnight = Timestamp(1_577_836_800_000 + 310 * 24 * HOUR);
    let fell = Timestamp(midnight.0 + 13 * HOUR);
    assert_eq!(history.losses.trips.len(), 1);
    assert_eq!(history.losses.trips[0].at, fell);
    assert_eq!(history.bad_days.len(), 1);
    assert_eq!(
        (history.bad_days[0].start, history.bad_days[0].fell),
        (midnight, fell)
    );
    let hit: Vec<_> = history
        .tail
        .days
        .iter()
        .filter(|day| day.violated()[1])
        .collect();
    assert_eq!(hit.len(), 1);
    assert_eq!(hit[0].start, midnight);
    assert!((hit[0].change + 0.2).abs() < 0.02);
    let extreme = history
        .occupancy
        .changes
        .iter()
        .find(|c| c.state == VolatilityState::Extreme);
    assert_eq!(extreme.unwrap().at, fell);
}

#[test]
fn missing_hours_are_counted_and_measure_no_equity() {
    let mut bars = bars(7, 60);
    bars.drain(500..505);
    bars.drain(900..901);
    let history = played(&[asset("ETH", 10_000, &bars)]);
    let (_, _, gaps) = &history.assets[0];
    assert_eq!((gaps.count, gaps.hours), (2, 6));
    assert_eq!(
        gaps.longest,
        Some((Timestamp(1_577_836_800_000 + 500 * HOUR), 5))
    );
}

#[test]
fn a_longer_history_of_one_asset_only_teaches() {
    let (long, short) = (bars(8, 120), bars(9, 120));
    let history = played(&[asset("ETH", 5000, &long), asset("BTC", 5000, &short[480..])]);
    assert_eq!(history.from, short[480].start());
    assert_eq!(history.hours, 120 * 24 - 480);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let bars = bars(10, 3);
    let refused = |assets: &[PriceHistory]| replay(assets, &config()).unwrap_err();
    assert_eq!(refused(&[]), HistoryError::NoAsset);
    let twice = [asset("ETH", 1, &bars), asset("ETH", 1, &bars)];
    assert_eq!(refused(&twice), HistoryError::Twice("ETH".into()));
    let heavy = [asset("ETH", 6000, &bars), asset("BTC", 6000, &bars)];
    assert_eq!(refused(&heavy), HistoryError::Weights(Bps(12_000)));
    assert_eq!(
        refused(&[asset("ETH", 1, &[])]),
        HistoryError::NothingInCommon
    );
    let apart = [asset("ETH", 1, &bars[..10]), asset("BTC", 1, &bars[20..])];
    assert_eq!(refused(&apart), HistoryError::NothingInCommon);
    let mut backwards = bars.clone();
    backwards.swap(5, 6);
    let error = refused(&[asset("ETH", 1, &backwards)]);
    assert!(matches!(error, HistoryError::Order { .. }), "{error}");
}
