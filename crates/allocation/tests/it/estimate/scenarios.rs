//! Draws from the posterior predictive distribution.

use airdrops_allocation::estimate::hazard::{of_risk_score, probability};
use airdrops_allocation::estimate::{
    Ask, Beta, Charge, Haircut, Hazard, Holders, Loss, NormalInverseGamma, Rule, Share, Tier,
    World, Worth, scenarios, summaries, terms,
};
use airdrops_types::{Bps, Usd};
use proptest::prelude::*;

use super::samples::{ask, opportunity, sure, world};

/// Rules with the points of all others, or of the mean wallet, that go with them.
fn rules() -> Vec<(Rule, Worth)> {
    let fdv = NormalInverseGamma::from_median(3e9, 0.8, 14.0).unwrap();
    let pool = |others: f64| Worth::Pool {
        fdv,
        share: Share::HISTORICAL,
        dilution: 0.1,
        others,
    };
    let wallet = |mean_points: f64| Worth::Wallet {
        value: NormalInverseGamma::from_median(800.0, 1.2, 19.0).unwrap(),
        mean_points,
    };
    let tiers = vec![
        Tier {
            minimum: Usd::dollars(100),
            points: 1.0,
        },
        Tier {
            minimum: Usd::dollars(2_000),
            points: 3.0,
        },
    ];
    let minimum = Usd::dollars(500);
    vec![
        (Rule::Flat { minimum }, pool(400_000.0)),
        (Rule::Tiers(tiers), wallet(2.0)),
        (Rule::SquareRoot, pool(2e7)),
        (
            Rule::Logarithmic {
                unit: Usd::dollars(1_000),
            },
            wallet(1.5),
        ),
        (Rule::ProRata, pool(1e9)),
    ]
}

#[test]
fn the_mean_of_many_draws_is_the_closed_form() {
    let ask = ask(60_000);
    for (index, (rule, worth)) in rules().into_iter().enumerate() {
        let mut one = opportunity(&format!("p{index}"));
        (one.rule, one.worth) = (rule, worth);
        let size = ask.reference_size();
        let expected = terms(&one, &world(), size, ask.horizon);
        let drawn = scenarios(&[one], &world(), &ask).unwrap();
        let summary = &summaries(&drawn)[0];
        let error = (summary.mean - expected.net / size) / summary.standard_error;
        assert!(error.abs() < 3.5, "rule {index}: {error} standard errors");
        assert!(expected.airdrop > 10.0 * summary.standard_error * size);
    }
}

#[test]
fn each_term_decides_as_often_as_it_says() {
    let one = opportunity("lend");
    let ask = Ask {
        charge: Charge::Elsewhere,
        ..ask(60_000)
    };
    let t = terms(&one, &world(), ask.reference_size(), ask.horizon);
    let drawn = scenarios(&[one], &world(), &ask).unwrap();
    let held = 1.0 + (0.03 - 0.04) * 0.5;
    let share = |holds: &dyn Fn(f64) -> bool| {
        drawn.gross.iter().filter(|gross| holds(**gross)).count() as f64 / 60_000.0
    };
    let hacked = share(&|gross| gross < held - 1e-9);
    let paid = share(&|gross| gross > held + 1e-9);
    let near = |measured: f64, p: f64| (measured - p).abs() < 3.5 * (p / 60_000.0).sqrt();
    assert!(near(hacked, probability(0.05, 6.0)), "{hacked}");
    assert!(near(1.0 - hacked, t.survival));
    assert!(near(paid, t.drop * t.eligible * t.survival), "{paid}");
}

#[test]
fn one_market_factor_correlates_the_values_of_all_tokens() {
    for correlation in [0.0, 0.5, 0.9] {
        let world = World {
            correlation,
            ..World::default()
        };
        let both = [sure("a", 0.8), sure("b", 1.3)];
        let drawn = scenarios(&both, &world, &ask(20_000)).unwrap();
        let costs = 6.0 / 5_000.0 + 0.002;
        let logs: Vec<Vec<f64>> = (0..2)
            .map(|column| {
                let gross = drawn.gross.column(column);
                gross.iter().map(|g| (g - 1.0 + costs).ln()).collect()
            })
            .collect();
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let covariance = |x: &[f64], y: &[f64]| {
            let (a, b) = (mean(x), mean(y));
            let products = x.iter().zip(y).map(|(x, y)| (x - a) * (y - b));
            products.sum::<f64>() / x.len() as f64
        };
        let (x, y) = (&logs[0], &logs[1]);
        let measured = covariance(x, y) / (covariance(x, x) * covariance(y, y)).sqrt();
        assert!((measured - correlation).abs() < 0.03, "{measured}");
        assert!((covariance(x, x).sqrt() / 0.8 - 1.0).abs() < 0.03);
        assert!((covariance(y, y).sqrt() / 1.3 - 1.0).abs() < 0.03);
    }
}

#[test]
fn positions_of_one_family_get_the_same_drop_together() {
    let (one, mut other) = (opportunity("lend-op"), opportunity("lend-base"));
    other.family.clone_from(&one.family);
    let no_hazard = Hazard {
        own: 0.0,
        shared: Vec::new(),
        loss: Loss::Total,
    };
    let pair: Vec<_> = [one, other]
        .into_iter()
        .map(|mut each| {
            each.hazard = no_hazard.clone();
            each.dispersion = 0.0;
            each
        })
        .collect();
    let drawn = scenarios(&pair, &world(), &ask(500)).unwrap();
    assert_eq!(drawn.gross.column(0), drawn.gross.column(1));
    let mut strangers = pair;
    strangers[1].family = "another".to_owned();
    let drawn = scenarios(&strangers, &world(), &ask(500)).unwrap();
    assert_ne!(drawn.gross.column(0), drawn.gross.column(1));
}

#[test]
fn a_shared_hazard_strikes_everybody_who_has_it_at_once() {
    let world = World {
        shared_hazards: [("chain:10".to_owned(), 0.5)].into(),
        ..World::default()
    };
    let exposed = |id| {
        let mut one = sure(id, 0.8);
        one.hazard.shared.push("chain:10".to_owned());
        one
    };
    let three = [exposed("a"), exposed("b"), sure("c", 0.8)];
    let drawn = scenarios(&three, &world, &ask(4_000)).unwrap();
    let lost = |row: usize, column: usize| drawn.gross[(row, column)] == 0.0;
    assert!((0..4_000).all(|row| lost(row, 0) == lost(row, 1)));
    assert!((0..4_000).all(|row| !lost(row, 2)));
    let share = (0..4_000).filter(|row| lost(*row, 0)).count() as f64 / 4_000.0;
    assert!((share - probability(0.5, 6.0)).abs() < 0.02, "{share}");
}

#[test]
fn a_total_loss_leaves_nothing_and_never_less() {
    let mut one = opportunity("lend");
    one.hazard.own = 10.0;
    one.hazard.loss = Loss::Total;
    one.forgone_yield = 3.0;
    one.gas = Usd::dollars(9_000);
    let drawn = scenarios(&[one], &world(), &ask(1_000)).unwrap();
    assert!(drawn.gross.iter().all(|gross| *gross >= 0.0));
    assert!(drawn.gross.iter().filter(|gross| **gross == 0.0).count() > 900);
}

#[test]
fn the_same_seed_gives_the_same_bits_whoever_else_is_asked_about() {
    let [a, b, c] = ["a", "b", "c"].map(opportunity);
    let bits = |drawn: &airdrops_allocation::problem::Scenarios, column: usize| {
        let column = drawn.gross.column(column);
        column.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    let ask = ask(301);
    let all = scenarios(&[a.clone(), b.clone(), c.clone()], &world(), &ask).unwrap();
    let turned = scenarios(&[c, a, b.clone()], &world(), &ask).unwrap();
    assert_eq!(bits(&all, 0), bits(&turned, 1));
    assert_eq!(bits(&all, 1), bits(&turned, 2));
    assert_eq!(bits(&all, 2), bits(&turned, 0));
    let alone = scenarios(&[b], &world(), &ask).unwrap();
    assert_eq!(bits(&alone, 0), bits(&all, 1));
    let other = scenarios(&[opportunity("b")], &world(), &Ask { seed: 12, ..ask }).unwrap();
    assert_ne!(bits(&alone, 0), bits(&other, 0));
    assert_eq!(all.gross.shape(), (301, 3));
    assert!((all.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

/// The digest of a run, so that a change of what is drawn, or a machine that draws otherwise, does
/// not go unseen.
#[test]
fn draws_are_those_that_were_recorded() {
    let both = [opportunity("a"), opportunity("b")];
    let drawn = scenarios(&both, &world(), &ask(200)).unwrap();
    let digest = drawn
        .gross
        .iter()
        .fold(0_u64, |sum, x| sum.rotate_left(5) ^ x.to_bits());
    assert_eq!(digest, RECORDED, "{digest:#x}");
}

const RECORDED: u64 = 0x08f4_eec8_75f5_0b00;

#[test]
fn a_larger_reference_size_gives_less_per_dollar_where_the_rule_is_concave() {
    for (rule, worth) in rules() {
        let mut one = opportunity("lend");
        (one.rule, one.worth) = (rule, worth);
        let mean = |reference| {
            let ask = Ask {
                reference: Bps(reference),
                charge: Charge::Elsewhere,
                ..ask(2_000)
            };
            let drawn = scenarios(std::slice::from_ref(&one), &world(), &ask).unwrap();
            summaries(&drawn)[0].mean
        };
        assert!(mean(2_000) < mean(1_000), "{:?}", one.rule);
    }
}

#[test]
fn summaries_of_a_known_column_are_known() {
    let drawn = airdrops_allocation::problem::Scenarios {
        gross: nalgebra::DMatrix::from_vec(4, 1, vec![0.5, 3.0, 1.0, 1.5]),
        probabilities: nalgebra::DVector::from_vec(vec![0.1, 0.2, 0.3, 0.4]),
    };
    let summary = &summaries(&drawn)[0];
    assert!((summary.mean - (-0.05 + 0.4 + 0.2)).abs() < 1e-15);
    assert!((summary.profit - 0.6).abs() < 1e-15);
    // 1 %, 5 %, 25 %, 50 %, 75 %, 95 %, 99 %.
    assert_eq!(summary.quantiles, [-0.5, -0.5, 0.0, 0.5, 0.5, 2.0, 2.0]);
}

#[test]
fn what_is_not_usable_is_refused_by_name() {
    let good = opportunity("lend");
    let refused = |change: &dyn Fn(&mut airdrops_allocation::estimate::Opportunity),
                   place: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = scenarios(&[bad], &world(), &ask(10)).unwrap_err();
        assert_eq!(error.place, format!("opportunity lend: {place}"), "{error}");
    };
    refused(&|o| o.drop.a = f64::NAN, "drop.a");
    refused(&|o| o.eligibility.b = 0.0, "eligibility.b");
    refused(&|o| o.when.exposure = f64::INFINITY, "when.exposure");
    refused(&|o| o.waited = -1.0, "waited");
    refused(&|o| o.presence = 0.0, "presence");
    refused(&|o| o.base_yield = -0.1, "base_yield");
    refused(&|o| o.gas = Usd(-1), "gas");
    refused(&|o| o.slippage = Bps(10_001), "slippage");
    refused(&|o| o.hazard.own = f64::NAN, "hazard.own");
    refused(&|o| o.hazard.shared.push("chain:1".into()), "hazard.shared");
    refused(
        &|o| o.hazard.loss = Loss::Share(Beta { a: -1.0, b: 1.0 }),
        "hazard.loss.a",
    );
    refused(&|o| o.haircut.selling = 1.5, "haircut.selling");
    refused(&|o| o.rule = Rule::Tiers(Vec::new()), "rule.tiers");
    refused(
        &|o| o.rule = Rule::Logarithmic { unit: Usd::ZERO },
        "rule.unit",
    );
    let change = |o: &mut airdrops_allocation::estimate::Opportunity| {
        if let Worth::Pool { fdv, .. } = &mut o.worth {
            fdv.alpha = 0.5;
        }
    };
    refused(&change, "worth.fdv.alpha");

    let place =
        |opportunities: &[_], ask: &Ask| scenarios(opportunities, &world(), ask).unwrap_err().place;
    assert_eq!(place(&[], &ask(10)), "opportunities");
    assert_eq!(place(std::slice::from_ref(&good), &ask(0)), "ask.count");
    let endless = Ask {
        horizon: f64::NAN,
        ..ask(10)
    };
    assert_eq!(place(std::slice::from_ref(&good), &endless), "ask.horizon");
    let twice = [good.clone(), good.clone()];
    assert_eq!(place(&twice, &ask(10)), "opportunity lend");
    let mut relative = opportunity("other");
    relative.family = "lend".to_owned();
    relative.drop.a = 9.0;
    let error = scenarios(&[good, relative], &world(), &ask(10)).unwrap_err();
    assert!(error.what.contains("family"), "{error}");
}

#[test]
fn an_opportunity_survives_json() {
    for (rule, worth) in rules() {
        let mut one = opportunity("lend");
        (one.rule, one.worth) = (rule, worth);
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(one, serde_json::from_str(&json).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_worse_risk_score_never_raises_any_outcome_or_the_expected_value(
        low in 0_u8..=100,
        more in 0_u8..=100,
        forgone in 0.0..0.5_f64,
        base_yield in 0.0..0.5_f64,
        lockup_days in 0.0..400.0_f64,
        total in any::<bool>(),
    ) {
        let of = |score| {
            let mut one = opportunity("lend");
            one.hazard.own = of_risk_score(score);
            one.forgone_yield = forgone;
            one.base_yield = base_yield;
            one.haircut = Haircut { lockup_days, holders: Holders::BroadLarge, selling: 0.0 };
            if total {
                one.hazard.loss = Loss::Total;
            }
            one
        };
        let (better, worse) = (of(low), of(low.saturating_add(more).min(100)));
        let ask = ask(100);
        let net = |one| terms(one, &world(), ask.reference_size(), ask.horizon).net;
        prop_assert!(net(&worse) <= net(&better));
        let drawn = |one| scenarios(&[one], &world(), &ask).unwrap().gross;
        // The draws are the same: every mirrored or plain outcome is at most as good on average.
        prop_assert!(drawn(worse).mean() <= drawn(better).mean() + 1e-12);
    }
}
