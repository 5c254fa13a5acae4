//! Growth-optimal weights against closed forms and published figures.

mod finite_outcome;

use airdrops_allocation::kelly::quadratic::{self, Second};
use airdrops_allocation::kelly::{self, closed_form, drawdown};
use airdrops_allocation::problem::{Group, Limits, Scenarios};
use airdrops_allocation::region::Region;
use airdrops_allocation::strategy::Failure;
use nalgebra::{DMatrix, DVector};

fn cash_allowed(n: usize) -> Region {
    let mut limits = Limits::long_only(n);
    limits.invested = (0.0, 1.0);
    limits.region(&DVector::zeros(n))
}

#[test]
fn three_bets_are_found() {
    let scenarios = closed_form::independent_bets(&[(0.6, 1.0), (0.55, 1.0), (0.3, 3.0)]).unwrap();
    let answer = kelly::maximise(&scenarios, &cash_allowed(3), None).unwrap();
    println!("{answer:?}");
    assert!((kelly::growth(&scenarios, &answer.weights) - 0.031_047_181_9).abs() < 1e-9);
}

/// Rounds to the three digits that the paper prints.
fn printed(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Busseti, Ryu & Boyd (2016), tables of section 7.1: growth rate and bound of risk-constrained
/// Kelly gambling; exact growth and weights from the published notebook.
#[test]
fn risk_constrained_kelly_has_the_published_rows() {
    let scenarios = finite_outcome::scenarios();
    let region = finite_outcome::region();
    let exact = drawdown::exponent(finite_outcome::DRAWDOWN).unwrap();
    assert!((exact - 6.455_696_235_812_881).abs() < 1e-12);
    let rows = [
        (
            0.0,
            0.061_691_323_98,
            0.062,
            1.0,
            [(3, 0.873_526_42), (18, 0.126_473_58)],
        ),
        (
            exact,
            0.043_019_946_09,
            0.043,
            0.1,
            [(0, 0.102_525_88), (3, 0.347_525_93)],
        ),
        (
            5.5,
            0.047_350_748_94,
            0.047,
            0.141,
            [(0, 0.077_352_03), (3, 0.411_743_25)],
        ),
    ];
    for (exponent, growth, growth_printed, bound_printed, weights) in rows {
        let answer = kelly::maximise(&scenarios, &region, Some(exponent)).unwrap();
        let own = kelly::growth(&scenarios, &answer.weights);
        assert!((own - growth).abs() < 2e-10, "{own} {growth}");
        assert!((printed(own) - growth_printed).abs() < 1e-12);
        let bound = drawdown::probability_bound(0.7, exponent);
        assert!((printed(bound) - bound_printed).abs() < 1e-12, "{bound}");
        for (asset, weight) in weights {
            assert!(
                (answer.weights[asset] - weight).abs() < 1e-6,
                "{}",
                answer.weights
            );
        }
        assert!(answer.gap.unwrap() < kelly::GAP, "{answer:?}");
        assert!(drawdown::expected_power(&scenarios, &answer.weights, exponent) <= 1.0 + 1e-12);
    }
}

/// As above: the quadratic approximation.
#[test]
fn quadratic_risk_constrained_kelly_has_the_published_rows() {
    let scenarios = finite_outcome::scenarios();
    let region = finite_outcome::region();
    let exact = drawdown::exponent(finite_outcome::DRAWDOWN).unwrap();
    let second = Second::of_scenarios(&scenarios);
    let rows = [
        (0.0, 0.045_606_850_10, 0.053_862_562, 0.054, 1.0),
        (exact, 0.026_277_083_63, 0.026_627_448, 0.027, 0.1),
        (2.8, 0.041_036_569_96, 0.043_707_105, 0.044, 0.368),
    ];
    for (exponent, objective, growth, growth_printed, bound_printed) in rows {
        let answer = quadratic::maximise(&second, &region, Some(exponent)).unwrap();
        let value = second.growth(&answer.weights);
        assert!((value - objective).abs() < 1e-7, "{value} {objective}");
        let own = kelly::growth(&scenarios, &answer.weights);
        assert!((own - growth).abs() < 1e-6, "{own} {growth}");
        assert!((printed(own) - growth_printed).abs() < 1e-12);
        let bound = drawdown::probability_bound(0.7, exponent);
        assert!((printed(bound) - bound_printed).abs() < 1e-12, "{bound}");
        assert!(answer.gap.unwrap() < kelly::GAP, "{answer:?}");
    }
}

use proptest::prelude::*;

/// Gross returns of all kinds: tame, jackpots, total losses.
fn gross() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.5..1.6,
        2 => Just(0.0),
        1 => 1.0..20.0,
        1 => 100.0..1000.0,
        1 => Just(1.0),
    ]
}

prop_compose! {
    fn scenarios_of(n: usize)(s in 1_usize..40)(
        gross in proptest::collection::vec(gross(), s * n),
        chances in proptest::collection::vec(0.01_f64..1.0, s),
    ) -> Scenarios {
        let s = chances.len();
        let total: f64 = chances.iter().sum();
        Scenarios {
            gross: DMatrix::from_vec(s, n, gross),
            probabilities: DVector::from_iterator(s, chances.iter().map(|chance| chance / total)),
        }
    }
}

prop_compose! {
    /// Limits that zero weights or the current ones meet.
    fn limits_of(n: usize)(
        upper in proptest::collection::vec(prop_oneof![4 => 0.01_f64..1.0, 1 => Just(0.0)], n),
        invested in 0.1_f64..1.0,
        group in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.1_f64..1.0], n),
        group_max in prop_oneof![0.01_f64..0.5, Just(0.0)],
        turnover in proptest::option::of(prop_oneof![4 => 0.001_f64..0.5, 1 => Just(0.0)]),
        current in proptest::collection::vec(0.0_f64..0.1, n),
    ) -> Region {
        let mut limits = Limits::long_only(upper.len());
        limits.upper = DVector::from_vec(upper);
        limits.invested = (0.0, invested);
        limits.groups = vec![Group {
            name: "chain".to_owned(),
            terms: group.into_iter().enumerate().collect(),
            min: None,
            max: Some(group_max),
        }];
        limits.turnover = turnover;
        let mut current = DVector::from_vec(current).zip_map(&limits.upper, f64::min);
        let group: f64 = limits.groups[0].terms.iter().map(|&(i, by)| by * current[i]).sum();
        let scale = (group_max / group).min(invested / current.sum()).min(1.0);
        current *= if scale.is_nan() { 0.0 } else { scale };
        limits.region(&current)
    }
}

fn problem() -> impl Strategy<Value = (Scenarios, Region)> {
    (1_usize..9).prop_flat_map(|n| (scenarios_of(n), limits_of(n)))
}

/// The most that `gradient' v` can be over the region, by a simplex method that knows nothing of
/// the optimiser.
fn most(gradient: &DVector<f64>, region: &Region) -> f64 {
    use microlp::{ComparisonOp, OptimizationDirection, Problem as Program};
    let mut program = Program::new(OptimizationDirection::Maximize);
    let weights: Vec<_> = (0..region.dimension())
        .map(|i| program.add_var(gradient[i], (region.lower[i], region.upper[i])))
        .collect();
    for row in &region.rows {
        let terms: Vec<_> = row.terms.iter().map(|&(i, by)| (weights[i], by)).collect();
        if row.max.is_finite() {
            program.add_constraint(&terms[..], ComparisonOp::Le, row.max);
        }
        if row.min.is_finite() {
            program.add_constraint(&terms[..], ComparisonOp::Ge, row.min);
        }
    }
    if let Some(turnover) = &region.turnover {
        let trades: Vec<_> = (0..region.dimension())
            .map(|_| program.add_var(0.0, (0.0, f64::INFINITY)))
            .collect();
        for (i, &trade) in trades.iter().enumerate() {
            let current = turnover.current[i];
            program.add_constraint(
                &[(weights[i], 1.0), (trade, -1.0)][..],
                ComparisonOp::Le,
                current,
            );
            program.add_constraint(
                &[(weights[i], -1.0), (trade, -1.0)][..],
                ComparisonOp::Le,
                -current,
            );
        }
        let all: Vec<_> = trades.iter().map(|&trade| (trade, 1.0)).collect();
        program.add_constraint(&all[..], ComparisonOp::Le, turnover.max);
    }
    match program.solve().unwrap() {
        microlp::SolveOutcome::Solution(solution) => solution.objective(),
        other => panic!("{other:?}"),
    }
}

fn gradient(scenarios: &Scenarios, weights: &DVector<f64>) -> DVector<f64> {
    let prices = kelly::wealth(scenarios, weights).zip_map(&scenarios.probabilities, |w, p| p / w);
    (scenarios.gross.add_scalar(-1.0)).transpose() * prices
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No weights of the region grow faster, and no scenario ruins.
    #[test]
    fn no_weights_of_the_region_grow_faster((scenarios, region) in problem()) {
        let answer = kelly::maximise(&scenarios, &region, None).unwrap();
        let weights = &answer.weights;
        prop_assert!(region.violation(weights) < 1e-9, "{}", region.violation(weights));
        let gradient = gradient(&scenarios, weights);
        let gap = most(&gradient, &region) - gradient.dot(weights);
        if answer.gap.unwrap() > 1e-10 { println!("GAP {:e} {gap:e}", answer.gap.unwrap()); }
        prop_assert!(gap < answer.gap.unwrap() + 1e-8 * (1.0+gradient.amax()), "{gap} {:?}", answer.gap);
        prop_assert!(kelly::wealth(&scenarios, weights).min() > 0.0);
    }
}
proptest! {
    #![proptest_config(ProptestConfig { cases: 40000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_drawdown_bound_holds((scenarios, region) in problem(), exponent in 0.5..20.0) {
        let answer = match kelly::maximise(&scenarios, &region, Some(exponent)) {
            Ok(answer) => answer,
            Err(failure) => {
                prop_assert_eq!(failure, Failure::Infeasible);
                let safest = kelly::safest(&scenarios, &region, exponent).unwrap();
                prop_assert!(drawdown::expected_power(&scenarios, &safest.weights, exponent) > 1.0);
                return Ok(());
            }
        };
        let weights = &answer.weights;
        if answer.gap.unwrap() > 1e-10 { println!("GAP {:e} {}", answer.gap.unwrap(), answer.solver); }
        prop_assert!(region.violation(weights) < 1e-9, "{}", region.violation(weights));
        prop_assert!(drawdown::expected_power(&scenarios, weights, exponent) <= 1.0);
    }
}
