//! What holds for all scenarios and limits.

use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{Group, Limits, Scenarios};
use airdrops_allocation::region::Region;
use nalgebra::{DMatrix, DVector};
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
    /// Limits around a point that meets them all, some of them with no room at all.
    fn limits_of(n: usize)(
        point in proptest::collection::vec(0.001_f64..1.0, n),
        total in prop_oneof![3 => 0.01_f64..0.95, 1 => Just(0.0)],
        below in proptest::collection::vec(prop_oneof![4 => Just(0.0), 1 => Just(1.0), 1 => 0.0_f64..1.0], n),
        above in proptest::collection::vec(prop_oneof![4 => 0.01_f64..1.0, 1 => Just(0.0)], n),
        invested in (prop_oneof![3 => Just(0.0), 1 => Just(1.0), 1 => 0.5_f64..1.0], prop_oneof![1 => Just(0.0), 4 => 0.0_f64..0.2]),
        coefficients in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.1_f64..1.0], n),
        group in (proptest::option::of(0.5_f64..=1.0), proptest::option::of(prop_oneof![Just(1.0), 1.0_f64..1.5])),
        moved in proptest::collection::vec(-0.1_f64..0.1, n),
        turnover in proptest::option::of(prop_oneof![1 => Just(1.0), 4 => 1.0_f64..2.0]),
    ) -> Region {
        let point = DVector::from_vec(point);
        let point = &point * (total / point.sum());
        let mut limits = Limits::long_only(point.len());
        limits.lower = point.zip_map(&DVector::from_vec(below), |weight, by| weight * by);
        limits.upper = point.zip_map(&DVector::from_vec(above), |weight, by| weight + by);
        limits.invested = (point.sum() * invested.0, point.sum() + invested.1);
        let terms: Vec<(usize, f64)> = coefficients.into_iter().enumerate().collect();
        let value: f64 = terms.iter().map(|&(index, by)| by * point[index]).sum();
        limits.groups = vec![Group {
            name: "chain".to_owned(),
            terms,
            min: group.0.map(|by| by * value),
            max: group.1.map(|by| by * value),
        }];
        let current = (&point + DVector::from_vec(moved)).map(|weight| weight.max(0.0));
        limits.turnover = turnover.map(|by| by * (&point - &current).lp_norm(1));
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

/// What an answer must hold to: the limits, no ruin, and the gap that it claims.
fn holds(
    scenarios: &Scenarios,
    region: &Region,
    weights: &DVector<f64>,
) -> Result<(), TestCaseError> {
    let broken = region.violation(weights);
    prop_assert!(broken <= 1e-9, "a limit is broken by {broken}");
    let poorest = kelly::wealth(scenarios, weights).min();
    prop_assert!(poorest > 0.0, "ruined: {poorest}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// By concavity `∇growth'(v − w)` bounds what other weights `v` can have more; the linear
    /// program is solved by others.
    #[test]
    fn no_weights_of_the_region_grow_faster((scenarios, region) in problem()) {
        let answer = kelly::maximise(&scenarios, &region, None).unwrap();
        holds(&scenarios, &region, &answer.weights)?;
        let claimed = answer.gap.unwrap();
        let gradient = gradient(&scenarios, &answer.weights);
        let gap = most(&gradient, &region) - gradient.dot(&answer.weights);
        prop_assert!(claimed < 1e-8, "{claimed}");
        prop_assert!(gap < claimed + 1e-8 * (1.0 + gradient.amax()), "{gap} {claimed}");
    }

    /// The bound is worked out again from the weights.
    #[test]
    fn the_drawdown_bound_holds((scenarios, region) in problem(), exponent in 0.5..20.0) {
        let answer = match kelly::maximise(&scenarios, &region, Some(exponent)) {
            Ok(answer) => answer,
            // Where all in cash is allowed, the bound can be kept.
            Err(failure) => {
                prop_assert!(region.violation(&DVector::zeros(region.dimension())) > 0.0, "{failure}");
                let free = kelly::maximise(&scenarios, &region, None).unwrap();
                prop_assert!(drawdown::expected_power(&scenarios, &free.weights, exponent) > 1.0);
                if let Ok(safest) = kelly::safest(&scenarios, &region, exponent) {
                    let power = drawdown::expected_power(&scenarios, &safest.weights, exponent);
                    prop_assert!(power + 1e-6 > 1.0, "{power}");
                }
                return Ok(());
            }
        };
        holds(&scenarios, &region, &answer.weights)?;
        prop_assert!(drawdown::expected_power(&scenarios, &answer.weights, exponent) <= 1.0);
        // Never better than without the bound.
        let free = kelly::maximise(&scenarios, &region, None).unwrap();
        let growth = |weights| kelly::growth(&scenarios, weights);
        prop_assert!(growth(&answer.weights) <= growth(&free.weights) + free.gap.unwrap() + 1e-12);
    }

    #[test]
    fn tightening_never_raises_growth(
        (scenarios, region) in problem(),
        share in 0.3_f64..1.0,
    ) {
        let wide = kelly::maximise(&scenarios, &region, None).unwrap();
        let mut tight = region.clone();
        tight.upper = tight.upper.zip_map(&tight.lower, |upper, lower| lower + share * (upper - lower));
        if let Ok(narrow) = kelly::maximise(&scenarios, &tight, None) {
            let growth = |weights| kelly::growth(&scenarios, weights);
            prop_assert!(growth(&narrow.weights) <= growth(&wide.weights) + wide.gap.unwrap() + 1e-9);
        }
    }

    #[test]
    fn the_order_of_assets_does_not_matter((scenarios, region) in problem()) {
        let n = region.dimension();
        let turned = |v: &DVector<f64>| DVector::from_fn(n, |index, _| v[n - 1 - index]);
        let mut other = region.clone();
        other.lower = turned(&region.lower);
        other.upper = turned(&region.upper);
        for row in &mut other.rows {
            row.terms = row.terms.iter().rev().map(|&(index, by)| (n - 1 - index, by)).collect();
        }
        if let Some(turnover) = &mut other.turnover {
            turnover.current = turned(&turnover.current);
        }
        let mut mirrored = scenarios.clone();
        mirrored.gross = DMatrix::from_fn(scenarios.gross.nrows(), n, |row, column| scenarios.gross[(row, n - 1 - column)]);
        let one = kelly::maximise(&scenarios, &region, None).unwrap();
        let two = kelly::maximise(&mirrored, &other, None).unwrap();
        let (one, two) = (kelly::growth(&scenarios, &one.weights), kelly::growth(&mirrored, &two.weights));
        prop_assert!((one - two).abs() < 1e-8, "{one} {two}");
    }
}
