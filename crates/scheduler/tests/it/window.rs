//! When gas is cheap enough to go.

use std::time::Duration;

use airdrops_scheduler::window::{Asking, FeePast, LOOK, Look, MARGIN, SOON};
use airdrops_types::{Bps, GasWindow, Reading, Timestamp, VolatilityState};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;
const GWEI: u128 = 1_000_000_000;
/// 2026-03-02T00:00:00Z, a Monday.
const NOW: Timestamp = Timestamp(1_772_409_600_000);

fn hours(count: i64) -> Duration {
    Duration::from_secs(3600 * u64::try_from(count).unwrap())
}

fn asking() -> Asking {
    Asking {
        now: NOW,
        ready: NOW,
        window: GasWindow {
            quantile: Bps(2_500),
            within: hours(24),
        },
        deadline: None,
        critical: false,
        volatility: VolatilityState::Medium,
    }
}

fn fresh(fee: u128) -> Reading<u128> {
    Reading::Fresh {
        value: fee,
        at: NOW,
    }
}

/// Weeks of hours that are dear by day and cheap by night: 10 to 30 gwei.
fn daily(now: Timestamp, count: i64) -> Vec<(Timestamp, u128)> {
    (1..=count)
        .map(|ago| {
            let at = Timestamp(now.0 - ago * HOUR);
            let hour = at.0.div_euclid(HOUR).rem_euclid(24);
            let dear = u128::try_from(12 - (hour - 15).abs().min(24 - (hour - 15).abs())).unwrap();
            (at, 10 * GWEI + dear * 20 * GWEI / 12)
        })
        .collect()
}

fn past() -> FeePast {
    FeePast::of(daily(NOW, 28 * 24), NOW)
}

fn reason(look: &Look) -> &str {
    match look {
        Look::Go { reason } | Look::Wait { reason, .. } => reason,
    }
}

#[test]
fn a_critical_task_goes_whatever_gas_costs_and_whatever_is_not_known() {
    let asking = Asking {
        critical: true,
        volatility: VolatilityState::Extreme,
        ..asking()
    };
    for fee in [fresh(u128::MAX), fresh(0), Reading::missing("no node")] {
        assert!(asking.look(&fee, &past()).goes());
        assert!(asking.look(&fee, &FeePast::of([], NOW)).goes());
    }
}

#[test]
fn the_end_of_the_window_lets_go_whatever_gas_costs_and_whatever_is_not_known() {
    for volatility in VolatilityState::ALL {
        let asking = Asking {
            now: NOW.plus(hours(24)),
            volatility,
            ..asking()
        };
        for fee in [fresh(u128::MAX), Reading::missing("no node")] {
            assert!(asking.look(&fee, &past()).goes());
        }
        let before = Asking {
            now: Timestamp(NOW.0 + 24 * HOUR - 1),
            ..asking
        };
        assert!(!before.look(&fresh(u128::MAX), &past()).goes());
    }
}

#[test]
fn the_window_closes_before_the_deadline_at_which_the_task_would_be_skipped() {
    let deadline = NOW.plus(hours(6));
    let mut asking = Asking {
        deadline: Some(deadline),
        ..asking()
    };
    assert_eq!(asking.closes(), deadline.minus(MARGIN));
    asking.now = deadline.minus(MARGIN);
    let look = asking.look(&fresh(90 * GWEI), &past());
    assert_eq!(
        reason(&look),
        "base fee 90.000 gwei; its deadline, 2026-03-02T06:00:00Z, is near"
    );
    assert!(look.goes());
    // A later deadline does not make the window longer.
    asking.deadline = Some(NOW.plus(hours(48)));
    assert_eq!(asking.closes(), NOW.plus(hours(24)));
}

#[test]
fn a_wait_says_what_it_waits_for_and_how_long() {
    let look = asking().look(&fresh(31_200_000_000), &past());
    let Look::Wait { until, reason } = look else {
        panic!("{look:?}")
    };
    assert_eq!(until, NOW.plus(LOOK));
    assert!(
        reason.starts_with(
            "base fee 31.200 gwei is above 15.000 gwei, the 25 % quantile of the last 7 days, and above "
        ),
        "{reason}"
    );
    assert!(
        reason.ends_with("; next look 2026-03-02T00:15:00Z, at the latest 2026-03-03T00:00:00Z"),
        "{reason}"
    );
}

#[test]
fn the_forecast_waits_for_the_night_and_goes_when_no_better_hour_is_left() {
    // At 15:00 gas costs 30 gwei, at 03:00 10 gwei.
    let afternoon = NOW.plus(hours(15));
    let past = FeePast::of(daily(afternoon, 28 * 24), afternoon);
    let at = |quantile, within, fee| {
        let window = GasWindow {
            quantile: Bps(quantile),
            within: hours(within),
        };
        Asking {
            now: afternoon,
            ready: afternoon,
            window,
            ..asking()
        }
        .look(&fresh(fee), &past)
    };
    assert!(
        !at(0, 24, 30 * GWEI).goes(),
        "the night is twelve hours off"
    );
    assert!(!at(0, 24, 15 * GWEI).goes());
    // Early in the morning gas only rises for the next hours.
    let morning = NOW.plus(hours(4));
    let past = FeePast::of(daily(morning, 28 * 24), morning);
    let window = GasWindow {
        quantile: Bps(0),
        within: hours(6),
    };
    let asking = Asking {
        now: morning,
        ready: morning,
        window,
        ..asking()
    };
    let look = asking.look(&fresh(11_666_666_666), &past);
    assert!(look.goes(), "{look:?}");
    assert!(
        reason(&look).contains("no less is to be expected of waiting until 2026-03-02T10:00:00Z")
    );
}

#[test]
fn quantiles_are_hours_that_were_seen_from_the_minimum_to_the_maximum() {
    let samples = (1..=100_u128).map(|i| (Timestamp(NOW.0 - i64::try_from(i).unwrap() * HOUR), i));
    let past = FeePast::of(samples, NOW);
    for (share, fee) in [
        (0, 1),
        (1, 1),
        (100, 1),
        (101, 2),
        (2_500, 25),
        (5_000, 50),
        (9_999, 100),
        (10_000, 100),
        (60_000, 100),
    ] {
        assert_eq!(past.quantile(Bps(share)), Some(fee), "{share}");
    }
}

#[test]
fn quantiles_are_of_the_last_seven_days_and_finer_samples_are_averaged() {
    let old = (0..100).map(|i| (Timestamp(NOW.0 - (169 + i) * HOUR), 1));
    let new = (1..=24).flat_map(|i| {
        [
            (Timestamp(NOW.0 - i * HOUR), 4),
            (Timestamp(NOW.0 - i * HOUR + 1), 8),
        ]
    });
    let past = FeePast::of(old.chain(new), NOW);
    assert_eq!(past.hours(), 24);
    assert_eq!(past.quantile(Bps(0)), Some(6));
    assert_eq!(past.quantile(Bps(10_000)), Some(6));
}

#[test]
fn a_short_history_lets_go_and_says_so() {
    let past = FeePast::of(daily(NOW, 23), NOW);
    let look = asking().look(&fresh(500 * GWEI), &past);
    assert!(look.goes());
    assert_eq!(
        reason(&look),
        "base fee 500.000 gwei; 23 h of the last 7 days observed, 24 h needed to tell cheap from dear"
    );
    // A day is enough for the quantile, three for the forecast.
    let past = FeePast::of(daily(NOW, 24), NOW);
    assert!(!asking().look(&fresh(500 * GWEI), &past).goes());
    assert_eq!(past.reservation(24), None);
}

#[test]
fn a_base_fee_that_is_not_known_waits_until_the_window_closes() {
    let stale = Reading::Stale {
        value: 1,
        at: Timestamp(NOW.0 - HOUR),
        reason: "3600 s old, at most 60 s allowed".to_owned(),
    };
    for fee in [stale, Reading::missing("no node")] {
        let look = asking().look(&fee, &past());
        let Look::Wait { until, reason } = look else {
            panic!("{look:?}")
        };
        assert_eq!(until, NOW.plus(SOON));
        assert!(
            reason.starts_with("the base fee is not known ("),
            "{reason}"
        );
    }
}

#[test]
fn a_rough_market_looks_sooner_and_an_extreme_one_forecasts_nothing() {
    // Cheap for what is to come, but not within the quantile.
    let morning = NOW.plus(hours(4));
    let past = FeePast::of(daily(morning, 28 * 24), morning);
    let window = GasWindow {
        quantile: Bps(0),
        within: hours(6),
    };
    let mut asking = Asking {
        now: morning,
        ready: morning,
        window,
        ..asking()
    };
    let cheap = fresh(11_666_666_666);
    assert!(asking.look(&cheap, &past).goes());
    asking.volatility = VolatilityState::High;
    assert!(asking.look(&cheap, &past).goes());
    let dear = asking.look(&fresh(90 * GWEI), &past);
    assert!(
        matches!(dear, Look::Wait { until, .. } if until == morning.plus(SOON)),
        "{dear:?}"
    );
    asking.volatility = VolatilityState::Extreme;
    let look = asking.look(&cheap, &past);
    assert!(!look.goes());
    assert!(reason(&look).contains("the market is extremely rough, so nothing is forecast"));
    // What the operator calls cheap is cheap in any market.
    assert!(asking.look(&fresh(10 * GWEI), &past).goes());
}

#[test]
fn a_chain_whose_base_fee_never_moves_keeps_no_task_waiting() {
    for fee in [0, 1, 7, 10_000_000] {
        let samples = (1..=2_000).map(|ago| (Timestamp(NOW.0 - ago * HOUR), fee));
        let asking = Asking {
            window: GasWindow {
                quantile: Bps(0),
                within: hours(240),
            },
            ..asking()
        };
        assert!(
            asking.look(&fresh(fee), &FeePast::of(samples, NOW)).goes(),
            "{fee}"
        );
    }
}

fn samples() -> impl Strategy<Value = Vec<(Timestamp, u128)>> {
    let fee = prop_oneof![4 => 1..200 * GWEI, 1 => Just(0), 1 => Just(u128::MAX)];
    proptest::collection::vec((-2_200_i64..200, 0_i64..HOUR, fee), 0..400).prop_map(|samples| {
        samples
            .into_iter()
            .map(|(hour, ms, fee)| (Timestamp(NOW.0 + hour * HOUR + ms), fee))
            .collect()
    })
}

/// A history without holes: logarithms that walk and fall back.
fn steady() -> impl Strategy<Value = Vec<(Timestamp, u128)>> {
    proptest::collection::vec(-0.4_f64..0.4, 72..800).prop_map(|steps| {
        let mut log = 0.0_f64;
        (0_i64..)
            .zip(steps)
            .map(|(ago, step)| {
                log = 0.9 * log + step;
                let fee = (1..200_u128)
                    .find(|gwei| log <= (f64::from(u32::try_from(*gwei).unwrap()) / 20.0).ln())
                    .unwrap_or(200)
                    * GWEI;
                (Timestamp(NOW.0 - (ago + 1) * HOUR), fee)
            })
            .collect()
    })
}

fn any_asking() -> impl Strategy<Value = Asking> {
    (
        0..10_001_u32,
        0..20 * 24 * 60_i64,
        0..20 * 24 * 60_i64,
        proptest::option::of(0..20 * 24 * 60_i64),
        0..4_usize,
    )
        .prop_map(|(quantile, within, waited, deadline, volatility)| {
            let minutes = |minutes: i64| Duration::from_secs(60 * u64::try_from(minutes).unwrap());
            let ready = NOW.minus(minutes(waited.min(within)));
            Asking {
                now: NOW,
                ready,
                window: GasWindow {
                    quantile: Bps(quantile),
                    within: minutes(within),
                },
                deadline: deadline.map(|after| ready.plus(minutes(after))),
                critical: false,
                volatility: VolatilityState::ALL[volatility],
            }
        })
}

proptest! {
    #[test]
    fn a_cheaper_fee_never_turns_go_into_wait(
        samples in prop_oneof![samples(), steady()], asking in any_asking(), a in 0..100 * GWEI, b in 0..100 * GWEI,
    ) {
        let past = FeePast::of(samples, NOW);
        let (cheap, dear) = (a.min(b), a.max(b));
        if asking.look(&fresh(dear), &past).goes() {
            prop_assert!(asking.look(&fresh(cheap), &past).goes());
        }
    }

    #[test]
    fn a_window_that_closes_sooner_never_turns_go_into_wait(
        samples in prop_oneof![samples(), steady()], asking in any_asking(), fee in 0..100 * GWEI, sooner in 0..480_i64,
    ) {
        let past = FeePast::of(samples, NOW);
        let sooner = hours(sooner);
        if asking.look(&fresh(fee), &past).goes() {
            let within = asking.window.within.saturating_sub(sooner);
            let nearer = Asking { window: GasWindow { within, ..asking.window }, ..asking };
            prop_assert!(nearer.look(&fresh(fee), &past).goes(), "window");
            let deadline = Some(asking.deadline.unwrap_or(asking.closes()).minus(sooner));
            let nearer = Asking { deadline, ..asking };
            prop_assert!(nearer.look(&fresh(fee), &past).goes(), "deadline");
        }
    }

    #[test]
    fn a_higher_quantile_and_criticality_never_turn_go_into_wait(
        samples in prop_oneof![samples(), steady()], asking in any_asking(), fee in 0..100 * GWEI, more in 0..10_000_u32,
    ) {
        let past = FeePast::of(samples, NOW);
        if asking.look(&fresh(fee), &past).goes() {
            let quantile = Bps(asking.window.quantile.0 + more);
            let wider = Asking { window: GasWindow { quantile, ..asking.window }, ..asking };
            prop_assert!(wider.look(&fresh(fee), &past).goes());
            let critical = Asking { critical: true, ..asking };
            prop_assert!(critical.look(&fresh(fee), &past).goes());
        }
    }

    #[test]
    fn every_wait_is_bounded_and_ends_with_the_window(
        samples in prop_oneof![samples(), steady()], asking in any_asking(), fee in proptest::option::of(any::<u128>()),
    ) {
        let past = FeePast::of(samples, NOW);
        let fee = fee.map_or(Reading::missing("no node"), fresh);
        match asking.look(&fee, &past) {
            Look::Go { reason } => prop_assert!(!reason.is_empty()),
            Look::Wait { until, reason } => {
                prop_assert!(until > asking.now && until <= asking.closes() && until <= asking.now.plus(LOOK));
                prop_assert!(reason.contains("at the latest"));
            }
        }
        let end = Asking { now: asking.closes().max(asking.now), ..asking };
        prop_assert!(end.look(&fee, &past).goes());
    }

    #[test]
    fn the_future_changes_no_decision(
        samples in prop_oneof![samples(), steady()], asking in any_asking(), fee in 0..100 * GWEI,
        future in proptest::collection::vec((0_i64..3_000, any::<u128>()), 0..300),
    ) {
        let known = samples.iter().copied().filter(|(at, _)| *at < NOW);
        let shuffled = future.iter().map(|(hour, fee)| (Timestamp(NOW.0 + hour * HOUR), *fee));
        let one = FeePast::of(samples.iter().copied(), NOW);
        let other = FeePast::of(shuffled.chain(known), NOW);
        prop_assert_eq!(asking.look(&fresh(fee), &one), asking.look(&fresh(fee), &other));
    }

    #[test]
    fn no_instant_and_no_history_makes_it_panic(
        samples in proptest::collection::vec((any::<i64>(), any::<u128>()), 0..50),
        now in any::<i64>(), ready in any::<i64>(), within in any::<u64>(), deadline in proptest::option::of(any::<i64>()),
        quantile in any::<u32>(), fee in any::<u128>(), remaining in any::<u64>(),
    ) {
        let now = Timestamp(now);
        let past = FeePast::of(samples.into_iter().map(|(at, fee)| (Timestamp(at), fee)), now);
        let asking = Asking {
            now,
            ready: Timestamp(ready),
            window: GasWindow { quantile: Bps(quantile), within: Duration::from_millis(within) },
            deadline: deadline.map(Timestamp),
            critical: false,
            volatility: VolatilityState::Medium,
        };
        let look = asking.look(&fresh(fee), &past);
        prop_assert!(!reason(&look).is_empty());
        prop_assert!(past.reservation(remaining).is_none_or(|fee| remaining > 0 || fee == u128::MAX));
    }
}
