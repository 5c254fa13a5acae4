//! The expected value, by term and by size.

use airdrops_allocation::estimate::hazard::{of_health_score, of_risk_score};
use airdrops_allocation::estimate::{
    Haircut, Holders, NormalInverseGamma, Opportunity, Rule, Share, Tier, World, Worth, payoff,
    terms,
};
use airdrops_types::Usd;

use super::samples::{opportunity, sure, world};

#[test]
fn the_value_of_a_certain_drop_is_the_product_of_its_terms() {
    let mut one = sure("zk", 1e-3);
    one.worth = Worth::Pool {
        fdv: NormalInverseGamma::from_median(4e9, 1e-3, 1e8).unwrap(),
        share: Share::Known(0.1),
        dilution: 0.25,
        others: 299_999.0,
    };
    one.haircut = Haircut {
        lockup_days: 60.0,
        holders: Holders::BroadLarge,
        selling: 0.5,
    };
    let t = terms(&one, &World::default(), 5_000.0, 6.0);
    // $300 m to 300,000 wallets, of which 57 % are left, and half of it after the sale.
    assert!((t.airdrop - 1_000.0 * 0.57 * 0.5).abs() < 0.01, "{t}");
    assert!((t.net - (t.airdrop - 6.0 - 10.0)).abs() < 1e-9, "{t}");
}

#[test]
fn costs_and_hazard_are_taken_off() {
    let one = opportunity("lend");
    let t = terms(&one, &world(), 10_000.0, 12.0);
    assert!((t.survival - (-0.05_f64).exp()).abs() < 1e-12);
    assert!((t.lost - (1.0 - t.survival) * 0.75 * 10_000.0).abs() < 1e-9);
    assert!((t.yielded - 300.0 * t.survival).abs() < 1e-9);
    assert!((t.forgone - 400.0).abs() < 1e-9);
    assert!((t.gas - 6.0).abs() < 1e-12 && (t.slippage - 20.0).abs() < 1e-12);
    let product = t.drop * t.eligible * t.amount * t.share * t.allocation * t.haircut * t.survival;
    assert!((t.airdrop - product).abs() < 1e-9);
    let sum = t.airdrop + t.yielded - t.forgone - t.gas - t.slippage - t.lost;
    assert!((t.net - sum).abs() < 1e-9);
    let text = t.to_string();
    assert!(
        text.contains("= net") && text.lines().count() == 15,
        "{text}"
    );
}

/// Arbitrum: minimum 625 tokens; 1,859 in the mean (`airdrops_history.csv`).
#[test]
fn tiers_pay_by_the_highest_that_is_reached() {
    let mut one = opportunity("arb");
    let tier = |minimum, points| Tier {
        minimum: Usd::dollars(minimum),
        points,
    };
    one.rule = Rule::Tiers(vec![tier(100, 625.0), tier(10_000, 10_250.0)]);
    one.presence = 1.0;
    one.worth = Worth::Wallet {
        value: NormalInverseGamma::from_median(2_230.8, 0.5, 20.0).unwrap(),
        mean_points: 1_859.0,
    };
    assert_eq!(one.allocation(99.0), 0.0);
    assert!((one.allocation(9_999.0) - 625.0 / 1_859.0).abs() < 1e-12);
    assert!((one.allocation(1e6) - 10_250.0 / 1_859.0).abs() < 1e-12);
    assert_eq!(one.allocation(f64::NAN), 0.0);
}

fn exact(one: &Opportunity, capital: f64) -> f64 {
    let t = terms(one, &world(), capital, 6.0);
    t.net + t.gas + t.slippage
}

#[test]
fn pieces_of_a_concave_payoff_are_chords_with_falling_slopes() {
    let most = Usd::dollars(40_000);
    let unit = Usd::dollars(500);
    for rule in [Rule::SquareRoot, Rule::Logarithmic { unit }, Rule::ProRata] {
        let mut one = opportunity("lend");
        one.rule = rule;
        if let Worth::Pool { others, .. } = &mut one.worth {
            *others = 1e5;
        }
        let pieces = payoff(&one, &world(), most, 6.0).unwrap();
        assert!(pieces.slots.is_empty());
        let falls =
            |pair: &[airdrops_allocation::estimate::payoff::Segment]| pair[0].slope > pair[1].slope;
        assert!(pieces.segments.windows(2).all(falls), "{pieces:?}");
        for at in [312.5, 5_000.0, 40_000.0] {
            let (value, exact) = (pieces.value(at), exact(&one, at));
            assert!(
                (value - exact).abs() < 1e-9 * exact.abs(),
                "{at}: {value}, {exact}"
            );
        }
        for at in [7_000.0, 15_000.0, 33_000.0] {
            let (value, exact) = (pieces.value(at), exact(&one, at));
            let airdrop = terms(&one, &world(), at, 6.0).airdrop;
            assert!(
                value < exact && value > exact - 0.1 * airdrop,
                "{at}: {value}, {exact}"
            );
        }
    }
}

#[test]
fn steps_of_a_payoff_are_slots() {
    let mut one = opportunity("lend");
    let tier = |minimum, points| Tier {
        minimum: Usd::dollars(minimum),
        points,
    };
    one.rule = Rule::Tiers(vec![tier(500, 1.0), tier(2_000, 4.0)]);
    let pieces = payoff(&one, &world(), Usd::dollars(10_000), 6.0).unwrap();
    assert_eq!(pieces.slots.len(), 2);
    for at in [100.0, 499.99, 500.0, 1_999.0, 2_000.0, 10_000.0] {
        let (value, exact) = (pieces.value(at), exact(&one, at));
        assert!((value - exact).abs() < 1e-9, "{at}: {value}, {exact}");
    }
    let error = payoff(&one, &world(), Usd::ZERO, 6.0).unwrap_err();
    assert_eq!(error.place, "most");
}

#[test]
fn hazard_rises_with_risk_and_falls_with_health() {
    assert!((of_risk_score(0) - 0.003).abs() < 1e-15);
    assert!((of_risk_score(100) - 0.05).abs() < 1e-15);
    assert!((of_risk_score(50) - (0.003_f64 * 0.05).sqrt()).abs() < 1e-12);
    assert!((0..100).all(|score| of_risk_score(score) < of_risk_score(score + 1)));
    assert!((0..=100).all(|score| of_health_score(score) == of_risk_score(100 - score)));
    assert_eq!(of_risk_score(255), of_risk_score(100));
}
