//! `kelly` and `airdrop-kelly` as strategies.

use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{
    Costs, Estimator, Limits, Moments, Parameters, Problem, Returns,
};
use airdrops_allocation::strategy::airdrop_kelly::{AirdropKelly, DRAWDOWN};
use airdrops_allocation::strategy::kelly::Kelly;
use airdrops_allocation::strategy::{Candidate, Failure, Strategy};
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};

use super::equally_likely;

fn problem(returns: Returns, cap: f64) -> Problem {
    let mut limits = Limits::long_only(2);
    limits.upper.fill(cap);
    limits.invested = (0.0, 0.95);
    Problem {
        assets: vec!["a".to_owned(), "b".to_owned()],
        returns,
        estimator: Estimator::Sample,
        limits,
        current: DVector::zeros(2),
        costs: Costs::default(),
        parameters: Parameters::default(),
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: Usd::dollars(10_000),
    }
}

fn solve(strategy: &dyn Strategy, problem: &Problem) -> Result<Candidate, Failure> {
    strategy.solve(problem, &problem.limits.region(&problem.current))
}

/// A jackpot, a total loss, and what is between.
fn outcomes() -> Returns {
    Returns::Scenarios(equally_likely(&[
        &[4.0, 0.9],
        &[0.5, 2.5],
        &[0.9, 0.9],
        &[0.9, 0.0],
    ]))
}

#[test]
fn a_history_is_equally_likely_scenarios() {
    let net = DMatrix::from_row_slice(3, 2, &[0.3, -0.1, -0.2, 0.4, 0.1, -1.0]);
    let history = solve(&Kelly, &problem(Returns::History(net.clone()), 0.4)).unwrap();
    let rows: Vec<Vec<f64>> = net
        .row_iter()
        .map(|row| row.iter().map(|r| 1.0 + r).collect())
        .collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let scenarios = Returns::Scenarios(equally_likely(&rows));
    assert_eq!(
        history.weights,
        solve(&Kelly, &problem(scenarios, 0.4)).unwrap().weights
    );
}

#[test]
fn a_loss_of_more_than_everything_is_refused() {
    let net = DMatrix::from_row_slice(2, 2, &[0.3, -0.1, -1.2, 0.4]);
    match solve(&Kelly, &problem(Returns::History(net), 0.4)) {
        Err(Failure::Missing(reason)) => {
            assert!(reason.contains("period 1 and asset 0"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn moments_are_solved_to_second_order_and_the_answer_says_so() {
    let moments = Returns::Moments(Moments {
        mean: DVector::from_vec(vec![0.03, 0.05]),
        covariance: DMatrix::from_row_slice(2, 2, &[0.09, 0.0, 0.0, 0.25]),
    });
    let problem = problem(moments, 1.0);
    let answer = solve(&Kelly, &problem).unwrap();
    assert!(
        answer.solver.contains("quadratic approximation"),
        "{}",
        answer.solver
    );
    let objective = Kelly.objective(&problem, &answer.weights).unwrap();
    let other = Kelly
        .objective(&problem, &DVector::from_vec(vec![0.3, 0.2]))
        .unwrap();
    assert!(objective <= other);
    assert!(matches!(
        solve(&AirdropKelly, &problem),
        Err(Failure::Missing(_))
    ));
}

#[test]
fn the_fraction_scales_and_the_gap_says_what_it_costs() {
    let mut problem = problem(outcomes(), 0.4);
    let whole = solve(&Kelly, &problem).unwrap();
    problem.parameters.kelly_fraction = Some(0.5);
    let half = solve(&Kelly, &problem).unwrap();
    assert!((&whole.weights * 0.5 - &half.weights).amax() < 1e-15);
    let objective = |weights| Kelly.objective(&problem, weights).unwrap();
    let lost = objective(&half.weights) - objective(&whole.weights);
    assert!(lost > 0.0 && half.gap.unwrap() >= lost);
    for wrong in [0.0, 1.5, f64::NAN] {
        problem.parameters.kelly_fraction = Some(wrong);
        assert!(matches!(solve(&Kelly, &problem), Err(Failure::Missing(_))));
    }
}

#[test]
fn airdrop_kelly_keeps_its_drawdown_bound_unasked() {
    let problem = problem(outcomes(), 0.4);
    let exponent = drawdown::exponent(DRAWDOWN).unwrap();
    let Returns::Scenarios(scenarios) = &problem.returns else {
        panic!();
    };
    let free = solve(&Kelly, &problem).unwrap();
    assert!(drawdown::expected_power(scenarios, &free.weights, exponent) > 1.0);
    let answer = solve(&AirdropKelly, &problem).unwrap();
    assert!(drawdown::expected_power(scenarios, &answer.weights, exponent) <= 1.0);
    assert!(answer.gap.unwrap() < kelly::GAP, "{answer:?}");
    let objective = |weights| AirdropKelly.objective(&problem, weights).unwrap();
    assert!(
        objective(&answer.weights) < 0.0 && objective(&free.weights) < objective(&answer.weights)
    );
}

#[test]
fn airdrop_kelly_halves_the_bet_only_without_caps() {
    let capped = problem(outcomes(), 0.5);
    let mut uncapped = problem(outcomes(), 0.6);
    assert!(
        !solve(&AirdropKelly, &capped)
            .unwrap()
            .solver
            .contains("times")
    );
    let half = solve(&AirdropKelly, &uncapped).unwrap();
    assert!(half.solver.contains("times 0.5"), "{}", half.solver);
    uncapped.parameters.kelly_fraction = Some(1.0);
    let whole = solve(&AirdropKelly, &uncapped).unwrap();
    assert!((whole.weights * 0.5 - half.weights).amax() < 1e-12);
    // A row that caps each weight counts as well as a bound.
    uncapped.parameters.kelly_fraction = None;
    uncapped.limits.invested.1 = 0.5;
    assert!(
        !solve(&AirdropKelly, &uncapped)
            .unwrap()
            .solver
            .contains("times")
    );
}

#[test]
fn airdrop_kelly_takes_the_safest_weights_if_none_keep_the_bound() {
    let mut problem = problem(outcomes(), 0.4);
    problem.limits.lower = DVector::from_vec(vec![0.0, 0.4]);
    let answer = solve(&AirdropKelly, &problem).unwrap();
    assert!(answer.solver.contains("safest"), "{}", answer.solver);
    let region = problem.limits.region(&problem.current);
    assert!(region.violation(&answer.weights) <= 1e-9);
    problem.parameters.drawdown = Some(DRAWDOWN);
    assert_eq!(solve(&Kelly, &problem), Err(Failure::Infeasible));
}

#[test]
fn ruin_has_no_objective() {
    let problem = problem(
        Returns::Scenarios(equally_likely(&[&[0.0, 0.0], &[9.0, 9.0]])),
        0.4,
    );
    let all_in = DVector::from_vec(vec![0.5, 0.5]);
    assert_eq!(Kelly.objective(&problem, &all_in), None);
    assert_eq!(AirdropKelly.objective(&problem, &all_in), None);
}
