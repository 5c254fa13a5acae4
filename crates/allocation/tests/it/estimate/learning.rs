//! What is learnt by family, and what markets and the user say.

use airdrops_allocation::estimate::evidence::{Rung, ladder, premarket, token_by};
use airdrops_allocation::estimate::learn::{Learning, Learnt, MAX_FAMILIES, Observation};
use airdrops_allocation::estimate::{
    Beta, NormalInverseGamma, Opportunity, Priors, isotonic, opinion, terms,
};
use airdrops_types::Timestamp;
use proptest::prelude::*;

use super::samples::{opportunity, world};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MONTH: i64 = 2_629_800_000;

fn learnt() -> Learnt {
    Learnt::new(Learning::from_priors(&Priors::built_in().unwrap())).unwrap()
}

fn see(learnt: &mut Learnt, family: &str, category: &str, seen: &[Observation]) {
    for seen in seen {
        learnt.observe(family, category, NOW, seen).unwrap();
    }
}

#[test]
fn without_evidence_everybody_is_believed_to_be_the_base() {
    let base = Learning::from_priors(&Priors::built_in().unwrap());
    let learnt = learnt();
    let drop = learnt.drop("zk", "l2", NOW);
    assert!((drop.mean() - 0.3).abs() < 1e-12);
    assert!((drop.strength() - 8.0).abs() < 1e-12);
    let when = learnt.when("zk", "l2", NOW);
    assert!((when.events / when.exposure - base.when.events / base.when.exposure).abs() < 1e-12);
    assert!((base.when.survival(12.0) - 0.5).abs() < 1e-4);
    let fdv = learnt.fdv("zk", "l2", NOW);
    assert!((fdv.location - base.fdv.location).abs() < 1e-12);
    assert!((fdv.variance() - base.fdv.variance()).abs() < 1e-12);
}

#[test]
fn evidence_of_others_moves_a_category_and_less_so_all_others() {
    let mut learnt = learnt();
    for index in 0..10 {
        let months = 5.0;
        let seen = [
            Observation::Dropped { months },
            Observation::Fdv(2e10),
            Observation::Eligible(true),
        ];
        see(&mut learnt, &format!("rollup-{index}"), "l2", &seen);
    }
    let of = |category| learnt.drop("new", category, NOW).mean();
    // The base alone: 0.3. Others: (1.2 + 10) / 14. The category: (4 · 0.3 + 10) / 14.
    assert!((of("l2") - 11.2 / 14.0).abs() < 1e-9);
    assert!((of("dex") - 11.2 / 14.0).abs() < 1e-9);
    let rate = |category| {
        let when = learnt.when("new", category, NOW);
        when.events / when.exposure
    };
    assert!(rate("l2") > 3.0 / 46.168 && rate("dex") > 3.0 / 46.168);
    let median = |category| learnt.fdv("new", category, NOW).location;
    assert!(median("l2") > 22.3 && median("l2") < (2e10_f64).ln());
    assert!(median("dex") < median("l2"));
}

#[test]
fn much_evidence_of_its_own_outweighs_category_and_all() {
    let mut learnt = learnt();
    for index in 0..20 {
        see(
            &mut learnt,
            &format!("rollup-{index}"),
            "l2",
            &[Observation::Never],
        );
    }
    let few = learnt.drop("own", "l2", NOW).mean();
    assert!(few < 0.1);
    for _ in 0..4_000 {
        let seen = [
            Observation::Dropped { months: 2.0 },
            Observation::Eligible(true),
            Observation::Fdv(1e9 * std::f64::consts::E),
            Observation::Fdv(1e9 / std::f64::consts::E),
        ];
        see(&mut learnt, "own", "l2", &seen);
    }
    assert!(learnt.drop("own", "l2", NOW).mean() > 0.995);
    assert!(learnt.eligibility("own", "l2", NOW).mean() > 0.99);
    let when = learnt.when("own", "l2", NOW);
    assert!((when.events / when.exposure - 0.5).abs() < 0.01);
    let fdv = learnt.fdv("own", "l2", NOW);
    assert!((fdv.location - (1e9_f64).ln()).abs() < 0.01);
    assert!((fdv.variance() - 1.0).abs() < 0.01);
}

#[test]
fn no_observation_counts_at_two_levels() {
    let mut learnt = learnt();
    let seen = [Observation::Dropped { months: 3.0 }];
    see(&mut learnt, "own", "l2", &seen);
    let own = learnt.drop("own", "l2", NOW);
    // Eight pseudo-protocols at the base's 0.3, and one drop.
    assert!((own.a - (2.4 + 1.0)).abs() < 1e-9 && (own.b - 5.6).abs() < 1e-9);
}

#[test]
fn others_that_wait_slow_the_timing_but_not_the_family_itself() {
    let mut learnt = learnt();
    let rate = |learnt: &Learnt, family| {
        let when = learnt.when(family, "l2", NOW);
        when.events / when.exposure
    };
    let before = rate(&learnt, "new");
    see(
        &mut learnt,
        "old",
        "l2",
        &[Observation::Waiting { months: 30.0 }],
    );
    assert!(rate(&learnt, "new") < before);
    assert!((rate(&learnt, "old") - before).abs() < 1e-12);
    let once = rate(&learnt, "new");
    see(
        &mut learnt,
        "old",
        "l2",
        &[Observation::Waiting { months: 30.0 }],
    );
    assert_eq!(rate(&learnt, "new"), once);
}

#[test]
fn old_evidence_fades_by_three_per_cent_a_month() {
    let mut learnt = learnt();
    see(&mut learnt, "own", "l2", &[Observation::Never; 10]);
    let later = Timestamp(NOW.0 + 12 * MONTH);
    let drop = learnt.drop("own", "l2", later);
    assert!((drop.b - (5.6 + 10.0 * 0.97_f64.powi(12))).abs() < 1e-6);
    let ages = Timestamp(NOW.0 + 2_000 * MONTH);
    assert!((learnt.drop("own", "l2", ages).mean() - 0.3).abs() < 1e-9);
}

#[test]
fn what_was_learnt_survives_json_and_refuses_what_cannot_be() {
    let mut learnt = learnt();
    see(
        &mut learnt,
        "zk",
        "l2",
        &[Observation::Fdv(4.41e9), Observation::Eligible(false)],
    );
    let json = serde_json::to_string(&learnt).unwrap();
    assert_eq!(learnt, serde_json::from_str(&json).unwrap());
    let mut refused = |category, seen| learnt.observe("zk", category, NOW, &seen).unwrap_err();
    let error = refused("l2", Observation::Fdv(f64::NAN));
    assert_eq!(error.place, "family zk.value");
    let error = refused("l2", Observation::Waiting { months: -1.0 });
    assert_eq!(error.place, "family zk.months");
    assert!(
        refused("dex", Observation::Never)
            .what
            .contains("category `l2`")
    );
    assert!(learnt.forget("zk") && learnt.is_empty());
    let long = "x".repeat(201);
    for (family, category) in [("", "l2"), (&long, "l2"), ("zk", &long)] {
        let error = learnt
            .observe(family, category, NOW, &Observation::Never)
            .unwrap_err();
        assert!(
            error.what.contains("200 bytes") && learnt.is_empty(),
            "{error}"
        );
    }
    for index in 0..MAX_FAMILIES {
        let seen = Observation::Waiting { months: 0.0 };
        learnt
            .observe(&index.to_string(), "l2", NOW, &seen)
            .unwrap();
    }
    let error = learnt
        .observe("more", "l2", NOW, &Observation::Never)
        .unwrap_err();
    assert!(error.what.contains("forget"), "{error}");
    assert_eq!(learnt.len(), MAX_FAMILIES);
}

#[test]
fn an_opportunity_takes_on_what_is_believed_of_its_family() {
    let mut learnt = learnt();
    let seen = [
        Observation::Dropped { months: 3.0 },
        Observation::Eligible(true),
        Observation::Fdv(9e9),
    ];
    see(&mut learnt, "other", "lend", &seen);
    see(&mut learnt, "lend", "lending", &seen);
    let one = opportunity("lend");
    let believed = learnt.believed(&one, NOW);
    believed.check(&world()).unwrap();
    assert_eq!(believed.drop, learnt.drop("lend", "lending", NOW));
    assert_eq!(believed.when, learnt.when("lend", "lending", NOW));
    assert_eq!(
        believed.eligibility,
        learnt.eligibility("lend", "lending", NOW)
    );
    assert_eq!(believed.worth.amount(), &learnt.fdv("lend", "lending", NOW));
    assert_eq!(
        (believed.waited, &believed.hazard),
        (one.waited, &one.hazard)
    );
}

#[test]
fn a_premarket_price_moves_the_value_to_four_fifths_of_it() {
    let priors = Priors::built_in().unwrap();
    let fdv = priors.fdv.belief();
    let quoted = 12e9;
    let after = premarket(&fdv, quoted, &priors.realised_by_premarket).unwrap();
    let target = (quoted * priors.realised_by_premarket.median).ln();
    assert!(after.location > fdv.location && after.location < target);
    // The quote's error, 0.29, is a third of the population's spread: it gets most of the weight.
    let gain = (after.location - fdv.location) / (target - fdv.location);
    assert!((0.85..0.95).contains(&gain), "{gain}");
    assert!(after.predictive_variance() < 0.2 * fdv.predictive_variance());
    assert!(premarket(&fdv, f64::NAN, &priors.realised_by_premarket).is_err());
}

#[test]
fn a_ladder_gives_back_the_lognormal_that_it_was_made_from() {
    let (location, sigma) = ((3e9_f64).ln(), 0.7);
    let odds = |above: f64| {
        let z = (above.ln() - location) / sigma;
        1.0 - airdrops_allocation::estimate::normal::cumulative(z)
    };
    let rungs: Vec<Rung> = [1e9, 2e9, 3e9, 5e9, 8e9]
        .map(|above| Rung {
            above,
            probability: odds(above),
        })
        .to_vec();
    let fit = ladder(&rungs, 1.0).unwrap();
    assert!((fit.location - location).abs() < 1e-9 && (fit.sigma - sigma).abs() < 1e-9);
    let one = ladder(&rungs[3..4], 0.7).unwrap();
    assert!((one.location - location).abs() < 1e-9 && one.sigma == 0.7);
    // A market whose odds rise with the amount is contradictory, but no reason to fail.
    let torn = [
        Rung {
            above: 1e9,
            probability: 0.3,
        },
        Rung {
            above: 2e9,
            probability: 0.4,
        },
    ];
    let fit = ladder(&torn, 0.9).unwrap();
    assert!(fit.sigma == 0.9 && fit.location.is_finite());
    assert!(ladder(&[], 0.9).is_err());
    let bad = Rung {
        above: 1e9,
        probability: 1.4,
    };
    assert_eq!(ladder(&[bad], 0.9).unwrap_err().place, "ladder.probability");
}

#[test]
fn an_opinion_moves_the_centre_by_its_confidence() {
    let belief = Beta { a: 2.0, b: 6.0 };
    let mean = |confidence| {
        let after = opinion::probability(&belief, 0.9, confidence).unwrap();
        assert!((after.strength() - 8.0).abs() < 1e-9);
        after.mean()
    };
    assert!((mean(0.0) - 0.25).abs() < 1e-12);
    assert!((mean(1.0) - 0.9).abs() < 1e-12);
    // Odds of 1/3 and 9: their geometric mean is √3.
    assert!((mean(0.5) - 3_f64.sqrt() / (1.0 + 3_f64.sqrt())).abs() < 1e-12);
    assert!(opinion::probability(&belief, 1.0, 1.0).unwrap().mean() < 1.0);
    assert!(opinion::probability(&belief, 0.5, 1.1).is_err());
    let fdv = NormalInverseGamma::from_median(1e9, 0.8, 14.0).unwrap();
    let after = opinion::amount(&fdv, 4e9, 0.5).unwrap();
    assert!((after.location - (2e9_f64).ln()).abs() < 1e-9);
    assert_eq!(after.predictive_variance(), fdv.predictive_variance());
    assert!(opinion::amount(&fdv, -1.0, 0.5).is_err());
}

fn quoted(one: &Opportunity, odds: f64, weight: f64) -> f64 {
    token_by(one, 6.0, odds, weight).unwrap().drop_within(6.0)
}

#[test]
fn odds_pull_the_chance_of_a_drop_to_themselves() {
    let one = opportunity("lend");
    let before = one.drop_within(6.0);
    // Odds that say what is believed anyway change nothing.
    assert!((quoted(&one, before, 20.0) - before).abs() < 1e-9);
    for odds in [0.02, 0.2, 0.6, 0.95] {
        let little = quoted(&one, odds, 1.0);
        let much = quoted(&one, odds, 1e6);
        assert!((little - before) * (odds - before) > 0.0);
        assert!((much - odds).abs() < 0.002, "{odds}: {much}");
        assert!((little - odds).abs() < (before - odds).abs());
    }
    assert!(token_by(&one, 6.0, f64::NAN, 1.0).is_err());
    assert!(token_by(&one, 6.0, 0.5, 0.0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn higher_odds_never_lower_the_chance_or_the_expected_value(
        low in 0.0..1.0_f64,
        high in 0.0..1.0_f64,
        waited in 0.0..60.0_f64,
        shape in 0.4..2.5_f64,
        weight in 0.01..100.0_f64,
    ) {
        let (low, high) = (low.min(high), low.max(high));
        let mut one = opportunity("lend");
        one.waited = waited;
        one.when.shape = shape;
        let (worse, better) = (quoted(&one, low, weight), quoted(&one, high, weight));
        prop_assert!(worse <= better + 1e-9);
        let net = |odds| {
            let after = token_by(&one, 6.0, odds, weight).unwrap();
            after.check(&world()).unwrap();
            terms(&after, &world(), 5_000.0, 6.0).net
        };
        prop_assert!(net(low) <= net(high) + 1e-6);
    }

    #[test]
    fn the_order_of_observations_does_not_matter(
        seen in proptest::collection::vec((0_u8..6, 0_i64..40, 0_u8..3), 1..30),
    ) {
        let learn = |seen: &[(u8, i64, u8)]| {
            let mut learnt = learnt();
            for &(kind, age, family) in seen {
                let kind = match kind {
                    0 => Observation::Dropped { months: 7.0 },
                    1 => Observation::Never,
                    2 => Observation::Eligible(true),
                    3 => Observation::Eligible(false),
                    4 => Observation::Fdv(3e9),
                    _ => Observation::Wallet(700.0),
                };
                let at = Timestamp(NOW.0 - age * MONTH);
                learnt.observe(&family.to_string(), "l2", at, &kind).unwrap();
            }
            learnt
        };
        let (forward, backward) = (learn(&seen), learn(&seen.iter().rev().copied().collect::<Vec<_>>()));
        for family in ["0", "1", "2", "new"] {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
            let (a, b) = (forward.drop(family, "l2", NOW), backward.drop(family, "l2", NOW));
            prop_assert!(near(a.a, b.a) && near(a.b, b.b));
            let (a, b) = (forward.fdv(family, "l2", NOW), backward.fdv(family, "l2", NOW));
            prop_assert!(near(a.location, b.location) && near(a.beta, b.beta));
            let (a, b) = (forward.when(family, "l2", NOW), backward.when(family, "l2", NOW));
            prop_assert!(near(a.events, b.events) && near(a.exposure, b.exposure));
        }
    }

    #[test]
    fn pooled_values_rise_keep_their_sum_and_stay_if_they_rose_already(
        values in proptest::collection::vec((0.0..1.0_f64, 0.1..5.0_f64), 0..40),
    ) {
        let pooled = isotonic::pool(&values);
        prop_assert_eq!(pooled.len(), values.len());
        prop_assert!(pooled.windows(2).all(|pair| pair[0] <= pair[1]));
        let sum = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>();
        let before = sum(&mut values.iter().map(|(v, w)| v * w));
        let after = sum(&mut pooled.iter().zip(&values).map(|(p, (_, w))| p * w));
        prop_assert!((before - after).abs() < 1e-9);
        let again: Vec<_> = pooled.iter().zip(&values).map(|(p, (_, w))| (*p, *w)).collect();
        prop_assert_eq!(isotonic::pool(&again), pooled);
    }
}
