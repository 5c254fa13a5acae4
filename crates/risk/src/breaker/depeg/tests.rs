#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use ControlState::{Active, Cautious, Halted, Reducing};

const MINUTE: i64 = 60_000;

fn limits() -> DepegLimits {
    DepegLimits {
        pegs: BTreeMap::from([(AssetId::new("USDC"), Peg::DOLLAR)]),
        ..DepegLimits::default()
    }
}

/// A fresh price in millionths of a dollar.
fn at(millionths: u128) -> Reading<Price> {
    Reading::Fresh {
        value: Price(millionths * 1_000_000),
        at: Timestamp(0),
    }
}

fn prices(millionths: u128) -> BTreeMap<AssetId, Reading<Price>> {
    BTreeMap::from([(AssetId::new("USDC"), at(millionths))])
}

fn see(breaker: &mut Depeg, minute: i64, millionths: u128) -> (ControlState, ControlState) {
    let now = Timestamp(minute * MINUTE);
    let demands = breaker.assess(&prices(millionths), &limits(), now);
    assert_eq!(demands.len(), 1);
    assert_eq!(demands[0].scope, Scope::Asset(AssetId::new("USDC")));
    assert_eq!(demands[0].kind, BreakerKind::Depeg);
    (demands[0].state, demands[0].eases_to)
}

/// The states over five hours at one price, and from which minute on each holds.
fn course(millionths: u128) -> Vec<(i64, ControlState)> {
    let mut breaker = Depeg::default();
    let mut course = vec![(0, Active)];
    for minute in 0..=300 {
        let (state, _) = see(&mut breaker, minute, millionths);
        if course.last().unwrap().1 != state {
            course.push((minute, state));
        }
    }
    course
}

#[test]
fn deviations_trip_after_their_times_and_not_at_the_threshold() {
    assert_eq!(course(1_000_000), [(0, Active)]);
    assert_eq!(course(995_000), [(0, Active)]);
    assert_eq!(course(994_999), [(0, Active), (180, Cautious)]);
    assert_eq!(course(990_000), [(0, Active), (180, Cautious)]);
    assert_eq!(course(989_999), [(0, Active), (180, Reducing)]);
    assert_eq!(course(980_000), [(0, Active), (180, Reducing)]);
    assert_eq!(course(979_999), [(0, Active), (120, Halted)]);
}

#[test]
fn a_price_above_the_peg_counts_as_well() {
    assert_eq!(course(1_005_000), [(0, Active)]);
    assert_eq!(course(1_005_001), [(0, Active), (180, Cautious)]);
    assert_eq!(course(1_010_001), [(0, Active), (180, Reducing)]);
    assert_eq!(course(1_020_001), [(0, Active), (120, Halted)]);
}

#[test]
fn the_present_deviation_holds_a_standing_trip_before_its_time_has_come() {
    let mut breaker = Depeg::default();
    assert_eq!(see(&mut breaker, 0, 1_000_000), (Active, Active));
    assert_eq!(see(&mut breaker, 1, 994_999), (Active, Cautious));
    assert_eq!(see(&mut breaker, 2, 985_000), (Active, Reducing));
    assert_eq!(see(&mut breaker, 3, 900_000), (Active, Halted));
}

#[test]
fn a_price_at_its_peg_ends_the_episode() {
    let mut breaker = Depeg::default();
    for minute in 0..179 {
        see(&mut breaker, minute, 994_000);
    }
    see(&mut breaker, 179, 995_000);
    assert_eq!(see(&mut breaker, 180, 994_000), (Active, Cautious));
}

#[test]
fn a_gap_in_the_data_neither_resets_nor_extends_an_episode() {
    let mut breaker = Depeg::default();
    for minute in 0..=100 {
        see(&mut breaker, minute, 970_000);
    }
    let missing = BTreeMap::from([(AssetId::new("USDC"), Reading::missing("no source"))]);
    let stale = BTreeMap::from([(
        AssetId::new("USDC"),
        Reading::Stale {
            value: Price(Price::SCALE),
            at: Timestamp(0),
            reason: "disputed".to_owned(),
        },
    )]);
    for blind in [missing, stale, BTreeMap::new()] {
        let now = Timestamp(101 * MINUTE);
        assert_eq!(breaker.assess(&blind, &limits(), now), []);
    }
    // Half an hour still counts, more does not.
    let mut longer = breaker.clone();
    assert_eq!(see(&mut breaker, 130, 970_000), (Halted, Halted));
    assert_eq!(see(&mut longer, 131, 970_000), (Active, Halted));
    assert_eq!(see(&mut longer, 150, 970_000), (Active, Halted));
    assert_eq!(see(&mut longer, 151, 970_000), (Halted, Halted));
}

#[test]
fn the_evidence_names_deviation_time_and_limit() {
    let mut breaker = Depeg::default();
    for minute in 0..120 {
        see(&mut breaker, minute, 970_000);
    }
    let now = Timestamp(120 * MINUTE);
    let demands = breaker.assess(&prices(970_000), &limits(), now);
    assert_eq!(
        demands[0].evidence,
        "USDC is 3 % below its peg, and has been off it by more than 2 % for 2 h; limit 2 h"
    );
    let demands = breaker.assess(&prices(1_000_001), &limits(), now);
    assert_eq!(demands[0].evidence, "USDC is 0.01 % above its peg");
    let demands = breaker.assess(&prices(1_000_000), &limits(), now);
    assert_eq!(demands[0].evidence, "USDC is at its peg");
}

#[test]
fn an_asset_may_be_pegged_to_another() {
    let mut limits = limits();
    let asset = AssetId::new("stETH");
    limits.pegs = BTreeMap::from([(asset.clone(), Peg::Asset(AssetId::new("ETH")))]);
    let both = |staked| {
        BTreeMap::from([
            (asset.clone(), at(staked)),
            (AssetId::new("ETH"), at(2_000_000_000)),
        ])
    };
    let mut breaker = Depeg::default();
    let mut present = |prices| {
        let demands = breaker.assess(&prices, &limits, Timestamp(0));
        demands.first().map(|demand| demand.eases_to)
    };
    assert_eq!(present(both(1_990_000_000)), Some(Active));
    assert_eq!(present(both(1_989_999_999)), Some(Cautious));
    assert_eq!(
        present(BTreeMap::from([(asset.clone(), at(1_500_000_000))])),
        None
    );
    let mut without = both(1_500_000_000);
    without.insert(AssetId::new("ETH"), at(0));
    assert_eq!(present(without), None);
}

#[test]
fn absurd_prices_are_far_off_and_do_not_wrap() {
    let limits = limits();
    let absurd = BTreeMap::from([(
        AssetId::new("USDC"),
        Reading::Fresh {
            value: Price(u128::MAX),
            at: Timestamp(0),
        },
    )]);
    assert_eq!(Depeg::far_off(&absurd, &limits).count(), 1);
    assert_eq!(Depeg::far_off(&prices(980_000), &limits).count(), 1);
    assert_eq!(Depeg::far_off(&prices(980_001), &limits).count(), 0);
    assert_eq!(Depeg::far_off(&BTreeMap::new(), &limits).count(), 0);
}

#[test]
fn a_restart_goes_on_counting_and_a_clearing_starts_again() {
    let mut before = Depeg::default();
    for minute in 0..120 {
        see(&mut before, minute, 970_000);
    }
    let text = serde_json::to_string(&before).unwrap();
    let mut after: Depeg = serde_json::from_str(&text).unwrap();
    assert_eq!(see(&mut after, 120, 970_000), (Halted, Halted));
    after.restart(&AssetId::new("USDC"));
    for minute in 121..241 {
        assert_eq!(see(&mut after, minute, 970_000), (Active, Halted));
    }
    assert_eq!(see(&mut after, 241, 970_000), (Halted, Halted));
}

#[test]
fn an_asset_whose_peg_was_taken_away_is_forgotten() {
    let mut breaker = Depeg::default();
    see(&mut breaker, 0, 970_000);
    breaker.assess(&prices(970_000), &DepegLimits::default(), Timestamp(1));
    assert_eq!(breaker, Depeg::default());
}

#[test]
fn limits_that_make_no_sense_are_named() {
    let count = |change: fn(&mut DepegLimits)| {
        let (mut limits, mut wrong) = (limits(), Vec::new());
        change(&mut limits);
        limits.validate(&mut wrong);
        wrong.len()
    };
    assert_eq!(count(|_| {}), 0);
    assert_eq!(count(|limits| limits.warn.deviation = Bps(0)), 1);
    assert_eq!(count(|limits| limits.warn.deviation = Bps(100)), 1);
    assert_eq!(count(|limits| limits.reduce.deviation = Bps(200)), 1);
    assert_eq!(count(|limits| limits.halt.deviation = Bps(5000)), 0);
    assert_eq!(count(|limits| limits.halt.deviation = Bps(5001)), 1);
    for seconds in [60, 86_400] {
        let mut limits = limits();
        limits.halt.lasting = Duration::from_secs(seconds);
        let mut wrong = Vec::new();
        limits.validate(&mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert_eq!(count(|limits| limits.warn.lasting = Duration::ZERO), 1);
    assert_eq!(count(|limits| limits.halt.lasting = Duration::MAX), 1);
    assert_eq!(count(|limits| limits.max_gap = Duration::ZERO), 1);
    assert_eq!(
        count(|limits| {
            let usdc = AssetId::new("USDC");
            limits.pegs.insert(usdc.clone(), Peg::Asset(usdc));
            limits
                .pegs
                .insert(AssetId::new("DAI"), Peg::Price(Price(0)));
        }),
        2
    );
    assert_eq!(
        count(|limits| {
            let usdc = AssetId::new("USDC");
            limits.pegs.insert(AssetId::new("USDbC"), Peg::Asset(usdc));
        }),
        0
    );
}

proptest! {
    #[test]
    fn a_price_further_off_never_gives_a_better_state(
        course in prop::collection::vec((0u128..40_000, 0u128..40_000, 1i64..40), 1..60),
    ) {
        let (mut near, mut far) = (Depeg::default(), Depeg::default());
        let mut minute = 0;
        for (off, more, passed) in course {
            minute += passed;
            let near = see(&mut near, minute, 1_000_000 - off);
            let far = see(&mut far, minute, 1_000_000 - off - more);
            prop_assert!(far.0 >= near.0 && far.1 >= near.1);
        }
    }
}
