#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;

/// Thresholds fixed at 60, 90 and 130 %.
fn fixed() -> StateConfig {
    let level = |points| Level {
        quantile: 0.5,
        floor: VolPoints(points),
        cap: VolPoints(points),
    };
    StateConfig {
        medium: level(6000),
        high: level(9000),
        extreme: level(13_000),
        ..StateConfig::default()
    }
}

fn run(states: &mut VolatilityStates, from: i64, percents: &[u32]) -> Vec<VolatilityState> {
    (from..)
        .zip(percents)
        .map(|(hour, percent)| {
            states.observe(Timestamp(hour * HOUR), VolPoints(percent * 100), true)
        })
        .collect()
}

#[test]
fn up_is_immediate_and_down_waits_for_exit_and_dwell() {
    use VolatilityState::{Extreme, High, Low, Medium};
    let mut states = VolatilityStates::new(fixed()).unwrap();
    assert_eq!(run(&mut states, 0, &[50, 95, 130]), [Low, High, Extreme]);
    // Far below the exit at once: the dwell holds every level that was entered.
    let down = run(&mut states, 3, &[20; 20]);
    assert_eq!(down[..12], [Extreme; 12]);
    assert_eq!(down[12..], [Low; 8]);
    // 104 is 80 % of 130: not below the exit, however long.
    assert_eq!(run(&mut states, 23, &[130]), [Extreme]);
    assert_eq!(run(&mut states, 24, &[104; 40]), [Extreme; 40]);
    assert_eq!(run(&mut states, 64, &[103]), [High]);
    // 71 is below the exit of High (72) and not of Medium (48).
    assert_eq!(run(&mut states, 65, &[71; 13])[12], Medium);
    assert_eq!(run(&mut states, 78, &[48; 13]), [Medium; 13]);
    assert_eq!(run(&mut states, 91, &[47]), [Low]);
}

#[test]
fn one_hour_at_the_threshold_starts_the_dwell_anew() {
    let mut states = VolatilityStates::new(fixed()).unwrap();
    run(&mut states, 0, &[140]);
    run(&mut states, 1, &[80; 11]);
    run(&mut states, 12, &[130]);
    let after = run(&mut states, 13, &[80; 13]);
    assert_eq!(after[11], VolatilityState::Extreme);
    assert_eq!(after[12], VolatilityState::High);
}

#[test]
fn missing_hours_and_incomplete_observations_never_calm() {
    let mut states = VolatilityStates::new(fixed()).unwrap();
    run(&mut states, 0, &[140]);
    run(&mut states, 1, &[10; 6]);
    // A gap of 100 h: the dwell begins again.
    assert_eq!(
        run(&mut states, 107, &[10; 12]),
        [VolatilityState::Extreme; 12]
    );
    let mut incomplete = VolatilityStates::new(fixed()).unwrap();
    run(&mut incomplete, 0, &[140]);
    for hour in 1..100 {
        let state = incomplete.observe(Timestamp(hour * HOUR), VolPoints(1000), false);
        assert_eq!(state, VolatilityState::Extreme);
    }
    // But it may raise.
    let mut low = VolatilityStates::new(fixed()).unwrap();
    assert_eq!(
        low.observe(Timestamp(0), VolPoints(20_000), false),
        VolatilityState::Extreme
    );
}

#[test]
fn thresholds_follow_the_own_history_within_their_bounds() {
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    let floors = states.thresholds();
    assert_eq!(
        (floors.medium, floors.high, floors.extreme),
        (VolPoints(4500), VolPoints(7500), VolPoints(8000))
    );
    run(&mut states, 0, &[60; 719]);
    assert_eq!(states.thresholds(), floors);
    run(&mut states, 719, &[60]);
    assert_eq!(states.thresholds().medium, VolPoints(6000));
    assert_eq!(states.thresholds().extreme, VolPoints(9000));
    run(&mut states, 720, &[500; 8760]);
    let caps = states.thresholds();
    assert_eq!(
        (caps.medium, caps.high, caps.extreme),
        (VolPoints(8000), VolPoints(14_000), VolPoints(28_000))
    );
}

#[test]
fn a_calm_month_does_not_make_an_ordinary_day_extreme() {
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    run(&mut states, 0, &[20; 720]);
    // Four times what was usual, and still below the floor.
    assert_ne!(run(&mut states, 720, &[79])[0], VolatilityState::Extreme);
    assert_eq!(run(&mut states, 721, &[80])[0], VolatilityState::Extreme);
}

#[test]
fn above_the_cap_it_is_extreme_whatever_came_before() {
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    let states = run(&mut states, 0, &[280; 9000]);
    assert!(
        states
            .iter()
            .all(|state| *state == VolatilityState::Extreme)
    );
}

#[test]
fn a_crisis_is_forgotten_after_thirty_days() {
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    run(&mut states, 0, &[60; 2000]);
    run(&mut states, 2000, &[200; 240]);
    assert!(states.thresholds().extreme > VolPoints(20_000));
    run(&mut states, 2240, &[60; 720]);
    assert_eq!(states.thresholds().extreme, VolPoints(9000));
}

/// A level that halves and doubles from year to year, and every 40 days a burst of a day at 2.2
/// times the level.
#[test]
fn extreme_neither_dies_nor_takes_over_when_the_level_drifts() {
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    for (year, level) in (0_i64..).zip([110_u32, 55, 60, 120, 60, 80, 50]) {
        let extreme = (0..8760_i64)
            .filter(|hour| {
                let burst = hour.rem_euclid(960) >= 936;
                let wave = u32::try_from(hour.rem_euclid(7)).unwrap();
                let percent = if burst { level * 11 / 5 } else { level + wave };
                let state = run(&mut states, year * 8760 + hour, &[percent])[0];
                state == VolatilityState::Extreme
            })
            .count();
        if year == 0 {
            // The first 30 days are at the floors.
            continue;
        }
        // Nine bursts of a day, each held for 12 hours more, are 3.7 % of a year.
        let share = extreme as f64 / 8760.0;
        assert!((0.01..=0.07).contains(&share), "year {year}: {share}");
    }
}

#[test]
fn what_an_earlier_program_held_is_read() {
    let text = r#"{"holds":[{"active":true,"calm_since":null},{"active":true,"calm_since":null},
        {"active":true,"calm_since":3600000}],"last":7200000,"last_sample":7200000}"#;
    let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
    states.restore(serde_json::from_str(text).unwrap());
    assert_eq!(states.state(), VolatilityState::Extreme);
    assert_eq!(states.last_sample(), Some(Timestamp(7_200_000)));
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused() {
    let refused = |change: fn(&mut StateConfig)| {
        let mut config = StateConfig::default();
        change(&mut config);
        VolatilityStates::new(config).is_err()
    };
    assert!(refused(|config| config.high.quantile = 0.4));
    assert!(refused(|config| config.extreme.quantile = f64::NAN));
    assert!(refused(|config| config.medium.cap = VolPoints(100)));
    assert!(refused(|config| config.high.floor = VolPoints(20_000)));
    assert!(refused(|config| config.exit = 1.2));
    assert!(refused(|config| config.window = 10));
    assert!(refused(|config| config.recent = 10));
    assert!(refused(|config| config.burst = 0.9));
    assert!(refused(|config| config.burst = f64::INFINITY));
}

fn small() -> StateConfig {
    StateConfig {
        window: 60,
        recent: 30,
        least_samples: 20,
        ..StateConfig::default()
    }
}

proptest! {
    #[test]
    fn a_higher_index_never_gives_a_calmer_state(
        percents in prop::collection::vec(20u32..300, 1..100),
        last in 20u32..300,
        more in 0u32..200,
    ) {
        let mut states = VolatilityStates::new(small()).unwrap();
        run(&mut states, 0, &percents);
        let at = i64::try_from(percents.len()).unwrap();
        let mut higher = states.clone();
        let low = run(&mut states, at, &[last]);
        prop_assert!(run(&mut higher, at, &[last + more]) >= low);
    }

    #[test]
    fn no_state_begins_below_a_calmer_one(
        wild in prop::collection::vec(60u32..600, 0..80),
        calm in prop::collection::vec(1u32..120, 0..60),
    ) {
        let mut states = VolatilityStates::new(small()).unwrap();
        run(&mut states, 0, &wild);
        run(&mut states, 80, &calm);
        let Thresholds { medium, high, extreme } = states.thresholds();
        prop_assert!(medium <= high && high <= extreme);
        let config = small();
        prop_assert!((config.extreme.floor..=config.extreme.cap).contains(&extreme));
        prop_assert!(medium >= config.medium.floor && high >= config.high.floor);
    }

    #[test]
    fn leaving_hours_out_right_before_never_gives_a_calmer_state(
        percents in prop::collection::vec(20u32..300, 1..100),
        missing in 1i64..30,
        last in 20u32..300,
    ) {
        let mut states = VolatilityStates::new(small()).unwrap();
        run(&mut states, 0, &percents);
        let at = i64::try_from(percents.len()).unwrap();
        let mut gap = states.clone();
        let seen = run(&mut states, at, &[last]);
        prop_assert!(run(&mut gap, at + missing, &[last]) >= seen);
    }

    #[test]
    fn a_restart_goes_on_as_if_nothing_had_happened(
        percents in prop::collection::vec(20u32..300, 1..150),
        cut in 0usize..150,
    ) {
        let cut = cut.min(percents.len());
        let mut whole = VolatilityStates::new(small()).unwrap();
        let all = run(&mut whole, 0, &percents);
        let mut part = VolatilityStates::new(small()).unwrap();
        run(&mut part, 0, &percents[..cut]);
        let text = serde_json::to_string(&part).unwrap();
        let mut part: VolatilityStates = serde_json::from_str(&text).unwrap();
        let rest = run(&mut part, i64::try_from(cut).unwrap(), &percents[cut..]);
        prop_assert_eq!(&rest[..], &all[cut..]);
        prop_assert_eq!(part, whole);
    }
}
