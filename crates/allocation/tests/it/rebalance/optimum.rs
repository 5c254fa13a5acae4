//! The search against a general solver on the same program.

#[path = "../../../benches/rebalancing/instance.rs"]
mod instance;
#[path = "../../../benches/rebalancing/program.rs"]
mod program;

use airdrops_allocation::rebalance::{Effort, decide};
use airdrops_types::Usd;
use instance::{Start, instance};
use proptest::prelude::*;

use super::random::any_book;

const EXACT: Effort = Effort {
    programs: 5_000,
    parts_per_million: 1,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_search_finds_what_a_general_solver_finds(mut book in any_book()) {
        for holding in &mut book.holdings {
            holding.depth = None;
            holding.min_order = Usd::ZERO;
            if holding.value > Usd::ZERO {
                holding.min_position = Usd::ZERO;
            }
        }
        prop_assume!(book.equity() > Usd::dollars(10));
        let (peer, status) = program::solve(&book, 200_000);
        prop_assume!(status == "ProvenOptimal");
        let decision = decide(&book, &EXACT).unwrap();
        // The peer keeps rows to 10⁻⁷ of a thousandth of capital, at rates of a few units.
        let tolerance = 1e-6 * book.equity().0 as f64;
        let difference = decision.net().0 as f64 - peer * 1e6;
        prop_assert!(difference.abs() <= tolerance, "{} {peer}", decision.net());
    }
}

#[test]
fn the_known_instances_are_solved_to_a_hundredth_of_a_percent() {
    for (n, start) in [
        (20, Start::Cash),
        (20, Start::Held),
        (50, Start::Cash),
        (50, Start::Held),
    ] {
        let book = instance(n, 0, start);
        let decision = decide(&book, &Effort::default()).unwrap();
        assert!(
            decision.gap().0 * 10_000 <= decision.net().0,
            "{n} {start:?}"
        );
        if n == 20 {
            let (peer, _) = program::solve(&book, 200_000);
            let difference = decision.net().0 as f64 / 1e6 - peer;
            assert!(
                difference.abs() < 1e-4 * peer,
                "{n} {start:?}: {difference}"
            );
        }
    }
}
