//! Small positions for the sake of learning.

use airdrops_allocation::estimate::{
    Beta, Exploration, NormalInverseGamma, Opportunity, Rule, Worth, explore,
};
use airdrops_types::{Bps, Usd};
use proptest::prelude::*;

use super::samples::{opportunity, world};

fn ask(seed: u64) -> Exploration {
    Exploration {
        capital: Usd::dollars(20_000),
        budget: Bps(500),
        minimum: Usd::dollars(300),
        horizon: 6.0,
        seed,
    }
}

/// Worth trying if its chance, of which little is known, is high.
fn uncertain(id: &str, a: f64, b: f64) -> Opportunity {
    let mut one = opportunity(id);
    one.drop = Beta { a, b };
    one.rule = Rule::Flat {
        minimum: Usd::dollars(100),
    };
    one.presence = 1.0;
    one.worth = Worth::Wallet {
        value: NormalInverseGamma::from_median(150.0, 1.0, 19.0).unwrap(),
        mean_points: 1.0,
    };
    one
}

#[test]
fn what_is_uncertain_is_tried_more_often_than_what_is_known_to_be_poor() {
    let both = [
        uncertain("vague", 0.3, 2.7),
        uncertain("poor", 100.0, 900.0),
    ];
    let mut tried = [0, 0];
    for seed in 0..400 {
        for probe in explore(&both, &world(), &ask(seed)).unwrap() {
            assert_eq!(probe.id, both[probe.index].id);
            assert!(probe.drawn > 0.0);
            tried[probe.index] += 1;
        }
    }
    assert!(tried[0] > 20 && tried[0] < 380, "{tried:?}");
    assert!(tried[1] < tried[0], "{tried:?}");
}

#[test]
fn the_same_seed_explores_the_same_and_another_one_does_not_always() {
    let many: Vec<_> = (0..12)
        .map(|index| uncertain(&format!("p{index}"), 5.0, 1.0))
        .collect();
    let once = explore(&many, &world(), &ask(5)).unwrap();
    assert_eq!(once, explore(&many, &world(), &ask(5)).unwrap());
    assert_eq!(once.len(), 3, "$1,000 are three times $300");
    let rich = Exploration {
        budget: Bps(10_000),
        ..ask(5)
    };
    assert!(explore(&many, &world(), &rich).unwrap().len() > 6);
    assert!((0..20).any(|seed| explore(&many, &world(), &ask(seed)).unwrap() != once));
}

#[test]
fn a_position_is_at_least_what_earns_anything() {
    let mut one = uncertain("vip", 9.0, 1.0);
    one.rule = Rule::Flat {
        minimum: Usd::dollars(900),
    };
    one.worth = Worth::Wallet {
        value: NormalInverseGamma::from_median(90_000.0, 1.0, 19.0).unwrap(),
        mean_points: 1.0,
    };
    let probes = explore(std::slice::from_ref(&one), &world(), &ask(1)).unwrap();
    assert_eq!(probes[0].amount, Usd::dollars(900));
    one.rule = Rule::Flat {
        minimum: Usd::dollars(1_001),
    };
    assert_eq!(explore(&[one], &world(), &ask(1)).unwrap(), []);
}

#[test]
fn an_exploration_that_cannot_be_is_refused() {
    let one = [uncertain("a", 1.0, 1.0)];
    let place = |ask: &Exploration| explore(&one, &world(), ask).unwrap_err().place;
    let good = ask(1);
    let budget = Bps(10_001);
    assert_eq!(place(&Exploration { budget, ..good }), "budget");
    let minimum = Usd::ZERO;
    assert_eq!(place(&Exploration { minimum, ..good }), "minimum");
    let horizon = f64::NAN;
    assert_eq!(place(&Exploration { horizon, ..good }), "horizon");
    let capital = Usd(-1);
    assert_eq!(place(&Exploration { capital, ..good }), "capital");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exploration_never_exceeds_its_budget(
        n in 0_usize..12,
        capital in 1_i64..20_000,
        budget in 0_u32..=3_000,
        minimum in 1_i64..600,
        seed in any::<u64>(),
    ) {
        let many: Vec<_> = (0..n)
            .map(|index| uncertain(&format!("p{index}"), 5.0, 1.0))
            .collect();
        let ask = Exploration {
            capital: Usd::dollars(capital),
            budget: Bps(budget),
            minimum: Usd::dollars(minimum),
            horizon: 6.0,
            seed,
        };
        let probes = explore(&many, &world(), &ask).unwrap();
        let sum: Usd = probes.iter().map(|probe| probe.amount).sum();
        prop_assert!(sum <= Usd::dollars(capital).fraction(Bps(budget)));
        prop_assert!(probes.iter().all(|probe| probe.amount >= Usd::dollars(minimum)));
    }
}
