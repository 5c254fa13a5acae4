//! Strategies that follow a rule.

use std::collections::BTreeMap;

use airdrops_allocation::problem::{Problem, Returns};
use airdrops_allocation::strategy::equal_weight::EqualWeight;
use airdrops_allocation::strategy::fixed::Fixed;
use airdrops_allocation::strategy::hrp::{Hrp, hierarchical};
use airdrops_allocation::strategy::inverse_volatility::InverseVolatility;
use airdrops_allocation::strategy::risk_parity::{RiskParity, budgeted};
use airdrops_allocation::strategy::{Candidate, Failure, Strategy};
use airdrops_allocation::{covariance, moments};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::worlds::{
    covariance_of, long_only, matrix, random_returns, vector, waves, with_covariance,
};

fn candidate(strategy: &dyn Strategy, problem: &Problem) -> Result<Candidate, Failure> {
    strategy.solve(problem, &problem.limits.region(&problem.current))
}

fn solve(strategy: &dyn Strategy, problem: &Problem) -> DVector<f64> {
    candidate(strategy, problem).unwrap().weights
}

fn missing(strategy: &dyn Strategy, problem: &Problem) -> String {
    match candidate(strategy, problem) {
        Err(Failure::Missing(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn shares(covariance: &DMatrix<f64>, weights: &DVector<f64>) -> DVector<f64> {
    let contributions = (covariance * weights).component_mul(weights);
    let total = contributions.sum();
    contributions / total
}

const BY_RISK: [&dyn Strategy; 3] = [&InverseVolatility, &RiskParity, &Hrp];

#[test]
fn equal_weight_spreads_what_may_be_invested_over_what_may_be_held() {
    let mut problem = with_covariance(DMatrix::identity(4, 4));
    assert_eq!(solve(&EqualWeight, &problem), DVector::repeat(4, 0.25));
    problem.limits.upper[1] = 0.0;
    problem.limits.invested = (0.0, 0.9);
    let weights = solve(&EqualWeight, &problem);
    assert!((weights - vector(&[0.3, 0.0, 0.3, 0.3])).amax() < 1e-15);
}

#[test]
fn fixed_gives_the_weights_that_were_asked_for() {
    let mut problem = with_covariance(DMatrix::identity(3, 3));
    let message = missing(&Fixed, &problem);
    assert!(message.contains("`parameters.fixed`") && message.contains("`weights`"));
    let fixed = |pairs: &[(&str, f64)]| {
        Some(BTreeMap::from_iter(
            pairs
                .iter()
                .map(|(name, weight)| ((*name).to_owned(), *weight)),
        ))
    };
    problem.parameters.fixed = fixed(&[("c", 0.7), ("a", 0.3)]);
    assert_eq!(solve(&Fixed, &problem), vector(&[0.3, 0.0, 0.7]));
    problem.parameters.fixed = fixed(&[("z", 0.7)]);
    assert!(missing(&Fixed, &problem).contains("`z`"));
    problem.parameters.fixed = fixed(&[("b", f64::NAN)]);
    assert!(missing(&Fixed, &problem).contains("`b`"));
}

#[test]
fn a_rule_that_breaks_a_limit_gives_the_nearest_weights_that_break_none() {
    let mut problem = with_covariance(DMatrix::identity(3, 3));
    problem.limits.upper[0] = 0.2;
    let found = candidate(&EqualWeight, &problem).unwrap();
    assert!((found.weights - vector(&[0.2, 0.4, 0.4])).amax() < 1e-7);
    assert!(found.solver.starts_with("equal-weight, then the nearest"));
    assert!(found.gap.unwrap() < 1e-8);
    problem.limits.upper.fill(0.1);
    assert_eq!(candidate(&EqualWeight, &problem), Err(Failure::Infeasible));
}

#[test]
fn inverse_volatility_is_exact() {
    let problem = with_covariance(matrix(2, &[0.01, 0.003, 0.003, 0.09]));
    assert!((solve(&InverseVolatility, &problem) - vector(&[0.75, 0.25])).amax() < 1e-15);
}

/// Maillard, Roncalli & Teïletche (2010), section 4: blocks of correlated assets; and what a constant
/// correlation gives in closed form, `w ∝ 1/σ`.
#[test]
fn risk_parity_gives_published_weights() {
    let volatilities = [0.1, 0.2, 0.3, 0.4];
    let blocks = [
        1.0, 0.8, 0.0, 0.0, //
        0.8, 1.0, 0.0, 0.0, //
        0.0, 0.0, 1.0, -0.5, //
        0.0, 0.0, -0.5, 1.0,
    ];
    let covariance = covariance_of(&volatilities, &matrix(4, &blocks));
    let problem = with_covariance(covariance.clone());
    let found = candidate(&RiskParity, &problem).unwrap();
    assert_eq!(found.solver, "cyclical coordinate descent");
    assert!(found.gap.unwrap() < 1e-11);
    let weights = found.weights;
    for (weight, published) in weights.iter().zip([38.4, 19.2, 24.3, 18.2]) {
        assert!((weight * 100.0 - published).abs() < 0.05);
    }
    let exact = [
        0.3836125062839657,
        0.19180625314198497,
        0.2426178517566008,
        0.18196338881744857,
    ];
    assert!((&weights - vector(&exact)).amax() < 1e-11);
    let volatility = (&covariance * &weights).dot(&weights).sqrt();
    assert!((volatility - 0.10293403692840224).abs() < 1e-11);

    let constant = DMatrix::from_fn(4, 4, |i, j| if i == j { 1.0 } else { 0.5 });
    let problem = with_covariance(covariance_of(&volatilities, &constant));
    let weights = solve(&RiskParity, &problem);
    assert!((weights - vector(&[0.48, 0.24, 0.16, 0.12])).amax() < 1e-11);
}

#[test]
fn two_assets_share_risk_by_inverse_volatility_whatever_their_correlation() {
    for correlation in [-0.9, 0.0, 0.3, 0.99] {
        let correlations = matrix(2, &[1.0, correlation, correlation, 1.0]);
        let problem = with_covariance(covariance_of(&[0.3, 0.1], &correlations));
        assert!((solve(&RiskParity, &problem) - vector(&[0.25, 0.75])).amax() < 1e-10);
    }
}

#[test]
fn duplicated_assets_share_the_risk_of_one() {
    let returns = random_returns(60, 3, 5);
    let doubled = returns.select_columns(&[0, 1, 2, 2]);
    let problem = long_only(Returns::History(doubled));
    let covariance = moments::of(&problem).unwrap().covariance.clone();
    let weights = solve(&RiskParity, &problem);
    assert!((shares(&covariance, &weights) - DVector::repeat(4, 0.25)).amax() < 1e-9);
    assert!((weights[2] - weights[3]).abs() < 1e-10);
    let weights = solve(&Hrp, &problem);
    assert!((weights.sum() - 1.0).abs() < 1e-12 && weights.min() > 0.0);
}

#[test]
fn budgets_of_what_may_not_be_held_go_to_the_rest() {
    let mut problem = long_only(Returns::History(random_returns(60, 3, 8)));
    problem.parameters.risk_budgets = Some(vector(&[0.2, 0.5, 0.3]));
    problem.limits.upper[1] = 0.0;
    let covariance = moments::of(&problem).unwrap().covariance.clone();
    let weights = solve(&RiskParity, &problem);
    assert!((shares(&covariance, &weights) - vector(&[0.4, 0.0, 0.6])).amax() < 1e-9);

    problem.parameters.risk_budgets = Some(vector(&[0.2, 0.5]));
    assert!(missing(&RiskParity, &problem).contains("2 risk budgets and 3 assets"));
    problem.parameters.risk_budgets = Some(vector(&[0.2, 0.5, 0.0]));
    assert!(missing(&RiskParity, &problem).contains("`c`"));
}

#[test]
fn an_asset_without_variance_is_named() {
    let mut returns = random_returns(40, 3, 1);
    returns.column_mut(1).fill(0.0);
    let mut problem = long_only(Returns::History(returns));
    for strategy in BY_RISK {
        let text = missing(strategy, &problem);
        assert!(text.contains("`b`"), "{text}");
    }
    problem.limits.upper[1] = 0.0;
    for strategy in BY_RISK {
        let weights = solve(strategy, &problem);
        assert!(weights[1] == 0.0 && (weights.sum() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn assets_that_hedge_each_other_without_a_rest_have_no_risk_parity() {
    let mut returns = random_returns(40, 3, 3);
    let mirrored = -returns.column(0) * 2.0;
    returns.set_column(2, &mirrored);
    let problem = long_only(Returns::History(returns));
    assert!(matches!(
        candidate(&RiskParity, &problem),
        Err(Failure::Unbounded(_))
    ));
    let weights = solve(&Hrp, &problem);
    assert!((weights.sum() - 1.0).abs() < 1e-12 && weights.min() >= 0.0);
}

#[test]
fn fewer_periods_than_assets_are_enough() {
    let problem = long_only(Returns::History(random_returns(15, 40, 2)));
    let covariance = moments::of(&problem).unwrap().covariance.clone();
    for strategy in BY_RISK {
        let weights = solve(strategy, &problem);
        assert!((weights.sum() - 1.0).abs() < 1e-12 && weights.min() >= 0.0);
    }
    let weights = solve(&RiskParity, &problem);
    assert!((shares(&covariance, &weights) - DVector::repeat(40, 0.025)).amax() < 1e-9);
}

/// Worked out with PyPortfolioOpt 1.6.0 (`HRPOpt(returns).optimize()`) on the same returns.
#[test]
fn hrp_gives_the_weights_of_the_reference_implementation() {
    let few = [
        0.6865896908596708,
        0.17205905637166266,
        0.06863146516332495,
        0.025704172294359198,
        0.015403500731294708,
        0.01894012437581298,
        0.01267199020387465,
    ];
    let many = [
        0.5389218801383086,
        0.180623765501452,
        0.08558496782766978,
        0.03286470220395541,
        0.020816123227559113,
        0.021560636763505444,
        0.02786414338533232,
        0.00797122480181941,
        0.04859264115904603,
        0.0053787284440822624,
        0.011359037663002416,
        0.005375795287620558,
        0.0037244735121242417,
        0.0031098777913205074,
        0.003442403432383457,
        0.0028095988608185097,
    ];
    for (t, expected) in [(40, &few[..]), (60, &many[..])] {
        let problem = long_only(Returns::History(waves(t, expected.len())));
        assert!((solve(&Hrp, &problem) - vector(expected)).amax() < 1e-12);
    }
}

#[test]
fn one_asset_or_none_is_no_trouble() {
    let problem = with_covariance(matrix(1, &[0.04]));
    for strategy in BY_RISK {
        assert_eq!(solve(strategy, &problem), vector(&[1.0]));
    }
    let mut none = with_covariance(matrix(2, &[0.04, 0.0, 0.0, 0.09]));
    none.limits.upper.fill(0.0);
    none.limits.invested = (0.0, 1.0);
    for strategy in BY_RISK.into_iter().chain([&EqualWeight as &dyn Strategy]) {
        assert_eq!(solve(strategy, &none), vector(&[0.0, 0.0]));
    }
}

fn budgets(n: usize, random: &mut ChaCha8Rng) -> DVector<f64> {
    let raw = DVector::from_fn(n, |_, _| random.random_range(0.05..1.0));
    let sum = raw.sum();
    raw / sum
}

/// Pairs of assets that are each other's nearest by correlation, the lower index first.
fn nearest_pairs(covariance: &DMatrix<f64>) -> Vec<(usize, usize)> {
    let n = covariance.nrows();
    let correlation =
        |i: usize, j: usize| covariance[(i, j)] / (covariance[(i, i)] * covariance[(j, j)]).sqrt();
    let nearest: Vec<usize> = (0..n)
        .map(|i| {
            let others = (0..n).filter(|&j| j != i);
            others
                .max_by(|&j, &k| correlation(i, j).total_cmp(&correlation(i, k)))
                .unwrap()
        })
        .collect();
    (0..n)
        .map(|i| (i, nearest[i]))
        .filter(|&(i, j)| i < j && nearest[j] == i)
        .collect()
}

proptest! {
    #[test]
    fn shares_of_risk_are_the_budgets(t in 2_usize..80, n in 1_usize..30, seed in 0_u64..10_000) {
        let returns = random_returns(t, n, seed);
        let covariance = covariance::sample(&returns).unwrap().covariance;
        let budgets = budgets(n, &mut ChaCha8Rng::seed_from_u64(seed));
        // With few periods some mix of the assets may have no risk, and that is said.
        match budgeted(&covariance, &budgets) {
            Ok(found) => {
                let distance = (shares(&covariance, &found.weights) - &budgets).amax();
                prop_assert!(distance <= 1e-9, "{}", distance);
                prop_assert!((found.weights.sum() - 1.0).abs() <= 1e-12);
                prop_assert!(found.weights.min() > 0.0);
            }
            Err(Failure::Unbounded(_)) => prop_assert!(t < n),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn hrp_is_positive_sums_to_one_and_follows_the_order_of_the_assets(
        n in 2_usize..25, seed in 0_u64..10_000,
    ) {
        let returns = random_returns(50, n, seed);
        let covariance = covariance::sample(&returns).unwrap().covariance;
        let weights = hierarchical(&covariance);
        prop_assert!(weights.min() > 0.0);
        prop_assert!((weights.sum() - 1.0).abs() <= 1e-12);

        // Where assets stand matters in one case only: two that are each other's nearest stand side
        // by side in the order in which they were given.
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        for (left, right) in nearest_pairs(&covariance) {
            let place = |asset| order.iter().position(|&index| index == asset).unwrap();
            let (one, other) = (place(left), place(right));
            if one > other {
                order.swap(one, other);
            }
        }
        let permuted = hierarchical(&covariance.select_rows(&order).select_columns(&order));
        let back = DVector::from_fn(n, |row, _| {
            permuted[order.iter().position(|&index| index == row).unwrap()]
        });
        prop_assert!((back - weights).amax() < 1e-12);
    }

    #[test]
    fn risk_parity_and_inverse_volatility_follow_the_order_of_the_assets(
        n in 2_usize..12, seed in 0_u64..10_000,
    ) {
        let returns = random_returns(50, n, seed);
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let plain = long_only(Returns::History(returns.clone()));
        let permuted = long_only(Returns::History(returns.select_columns(&order)));
        for strategy in [&RiskParity as &dyn Strategy, &InverseVolatility] {
            let weights = solve(strategy, &plain);
            let found = solve(strategy, &permuted);
            for (place, &index) in order.iter().enumerate() {
                prop_assert!((found[place] - weights[index]).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn rules_break_no_limit(n in 2_usize..12, seed in 0_u64..10_000) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut problem = long_only(Returns::History(random_returns(50, n, seed)));
        problem.limits.upper.apply(|upper| *upper = random.random_range(0.2..0.8));
        problem.limits.invested = (0.0, random.random_range(0.3..1.0));
        problem.limits.turnover = Some(random.random_range(0.1..1.0));
        let region = problem.limits.region(&problem.current);
        for strategy in BY_RISK.into_iter().chain([&EqualWeight as &dyn Strategy]) {
            let found = strategy.solve(&problem, &region).unwrap();
            prop_assert!(region.violation(&found.weights) < 1e-8);
        }
    }
}
