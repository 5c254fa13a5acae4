//! Conditional value at risk, and the least of it over a region.

use airdrops_allocation::cvar;
use airdrops_allocation::problem::{
    Costs, Estimator, Limits, Moments, Parameters, Problem, Returns, Scenarios,
};
use airdrops_allocation::region::{Region, Row, Turnover};
use airdrops_allocation::strategy::min_cvar::MinCvar;
use airdrops_allocation::strategy::{Failure, Strategy};
use airdrops_types::Usd;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT,
};
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn long_only(n: usize, cap: f64) -> Region {
    let limits = Limits {
        upper: DVector::repeat(n, cap),
        ..Limits::long_only(n)
    };
    limits.region(&DVector::zeros(n))
}

fn equal(outcomes: usize) -> DVector<f64> {
    DVector::repeat(outcomes, 1.0 / outcomes as f64)
}

fn random_returns(rng: &mut ChaCha8Rng, outcomes: usize, n: usize) -> DMatrix<f64> {
    let market: Vec<f64> = (0..outcomes)
        .map(|_| rng.random_range(-0.05..0.05))
        .collect();
    DMatrix::from_fn(outcomes, n, |outcome, _| {
        // Cubed, for tails.
        let own: f64 = rng.random_range(-1.0..1.0);
        market[outcome] + 0.1 * own * own * own + 0.002
    })
}

fn random_region(rng: &mut ChaCha8Rng, n: usize) -> Region {
    let cap = rng.random_range(1.3 / n as f64..1.0);
    let mut limits = Limits {
        upper: DVector::from_fn(n, |_, _| cap * rng.random_range(0.9..1.1)),
        ..Limits::long_only(n)
    };
    match rng.random_range(0..3) {
        0 => {}
        1 => limits.invested = (0.0, 0.9),
        _ => limits.invested = (0.5, 0.8),
    }
    let mut region = limits.region(&DVector::zeros(n));
    for group in 0..rng.random_range(0..3) {
        region.rows.push(Row {
            name: format!("g{group}"),
            terms: (group..n).step_by(2).map(|j| (j, 1.0)).collect(),
            min: rng.random_range(0.0..0.2),
            max: rng.random_range(0.5..0.9),
        });
    }
    if rng.random_bool(0.4) {
        region.turnover = Some(Turnover {
            current: DVector::from_fn(n, |_, _| rng.random_range(0.0..1.5) / n as f64),
            max: rng.random_range(0.3..1.2),
        });
    }
    region
}

/// The whole program by clarabel, written out anew: weights, what is traded, threshold, excesses.
fn direct(
    returns: &DMatrix<f64>,
    probabilities: &DVector<f64>,
    alpha: f64,
    region: &Region,
) -> Option<f64> {
    let (outcomes, n) = returns.shape();
    let columns = 2 * n + 1 + outcomes;
    let (mut rows, mut sides): (Vec<Vec<f64>>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut add = |terms: &[(usize, f64)], side: f64| {
        if side.is_finite() {
            let mut row = vec![0.0; columns];
            for &(column, value) in terms {
                row[column] += value;
            }
            rows.push(row);
            sides.push(side);
        }
    };
    let mut equalities = 0;
    for row in region.rows.iter().filter(|row| row.min == row.max) {
        add(&row.terms, row.max);
        equalities += 1;
    }
    for row in region.rows.iter().filter(|row| row.min != row.max) {
        let minus: Vec<_> = row.terms.iter().map(|&(j, c)| (j, -c)).collect();
        add(&row.terms, row.max);
        add(&minus, -row.min);
    }
    for j in 0..n {
        add(&[(j, 1.0)], region.upper[j]);
        add(&[(j, -1.0)], -region.lower[j]);
    }
    if let Some(turnover) = &region.turnover {
        for j in 0..n {
            let held = turnover.current[j];
            add(&[(j, 1.0), (n + j, -1.0)], held);
            add(&[(j, -1.0), (n + j, -1.0)], -held);
        }
        let all: Vec<_> = (0..n).map(|j| (n + j, 1.0)).collect();
        add(&all, turnover.max);
    } else {
        for j in 0..n {
            add(&[(n + j, -1.0)], 0.0);
            add(&[(n + j, 1.0)], 1.0);
        }
    }
    for outcome in 0..outcomes {
        let mut terms: Vec<_> = (0..n).map(|j| (j, -returns[(outcome, j)])).collect();
        terms.extend([(2 * n, -1.0), (2 * n + 1 + outcome, -1.0)]);
        add(&terms, 0.0);
        add(&[(2 * n + 1 + outcome, -1.0)], 0.0);
    }
    let mut cost = vec![0.0; columns];
    cost[2 * n] = 1.0;
    for outcome in 0..outcomes {
        cost[2 * n + 1 + outcome] = probabilities[outcome] / (1.0 - alpha);
    }
    let matrix = CscMatrix::from(&rows);
    let settings = DefaultSettings {
        verbose: false,
        tol_gap_abs: 1e-12,
        tol_gap_rel: 1e-12,
        tol_feas: 1e-12,
        ..DefaultSettings::default()
    };
    let cones = [
        ZeroConeT(equalities),
        NonnegativeConeT(rows.len() - equalities),
    ];
    let zero = CscMatrix::zeros((columns, columns));
    let mut solver = DefaultSolver::new(&zero, &cost, &matrix, &sides, &cones, settings).unwrap();
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => Some(solver.solution.obj_val),
        SolverStatus::InsufficientProgress => Some(solver.solution.obj_val),
        _ => None,
    }
}

#[test]
fn border_outcome_counts_with_the_part_inside_the_tail() {
    let losses = [0.1, 0.5, -0.2, 0.3];
    let quarter = [0.25; 4];
    let at = |alpha| cvar::of_losses(&losses, &quarter, alpha);
    assert!((at(0.75) - 0.5).abs() < 1e-15);
    assert!((at(0.5) - 0.4).abs() < 1e-15);
    // 0.4 of probability: .25 at 50 % and .15 at 30 %.
    assert!((at(0.6) - (0.25 * 0.5 + 0.15 * 0.3) / 0.4).abs() < 1e-15);
    // Less than one outcome is in the tail: the greatest loss.
    assert!((at(0.99) - 0.5).abs() < 1e-12);
    // No tail cut off: the mean.
    assert!((at(0.0) - 0.175).abs() < 1e-15);
    let uneven = cvar::of_losses(&losses, &[0.7, 0.1, 0.1, 0.1], 0.8);
    assert!((uneven - 0.4).abs() < 1e-15);
    assert!(cvar::of_losses(&[], &[], 0.95).abs() < 1e-15);
}

#[test]
fn value_is_the_least_over_thresholds_of_rockafellar_and_uryasev() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..50 {
        let outcomes = rng.random_range(1..40);
        let losses: Vec<f64> = (0..outcomes).map(|_| rng.random_range(-1.0..1.0)).collect();
        let raw: Vec<f64> = (0..outcomes).map(|_| rng.random_range(0.1..1.0)).collect();
        let sum: f64 = raw.iter().sum();
        let probabilities: Vec<f64> = raw.iter().map(|p| p / sum).collect();
        let alpha = rng.random_range(0.0..0.99);
        // The least is at one of the losses.
        let least = losses
            .iter()
            .map(|t| {
                let excess: f64 = losses
                    .iter()
                    .zip(&probabilities)
                    .map(|(loss, p)| p * (loss - t).max(0.0))
                    .sum();
                t + excess / (1.0 - alpha)
            })
            .fold(f64::INFINITY, f64::min);
        let value = cvar::of_losses(&losses, &probabilities, alpha);
        assert!((value - least).abs() < 1e-12, "{value} {least}");
    }
}

#[test]
fn two_assets_that_lose_in_turn_are_held_in_proportion() {
    // One outcome each in which one asset loses a and the other nothing: the greatest loss is
    // least where w a = (1 − w) b.
    let returns = DMatrix::from_row_slice(3, 2, &[-0.2, 0.0, 0.0, -0.3, 0.1, 0.1]);
    let minimum = cvar::minimise(&returns, &equal(3), 0.9, &long_only(2, 1.0)).unwrap();
    assert!((minimum.weights[0] - 0.6).abs() < 1e-12);
    assert!((minimum.objective - 0.12).abs() < 1e-12);
    assert!(minimum.gap < 1e-14);
    // With a cap the rest goes to the worse one.
    let minimum = cvar::minimise(&returns, &equal(3), 0.9, &long_only(2, 0.5)).unwrap();
    assert!((minimum.objective - 0.15).abs() < 1e-12);
}

#[test]
fn least_is_that_of_the_whole_program_by_clarabel() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut solved = 0;
    for round in 0..60 {
        let outcomes = rng.random_range(5..60);
        let n = rng.random_range(2..12);
        let returns = random_returns(&mut rng, outcomes, n);
        let probabilities = if round % 2 == 0 {
            equal(outcomes)
        } else {
            let raw = DVector::from_fn(outcomes, |_, _| rng.random_range(0.1..1.0));
            &raw / raw.sum()
        };
        let alpha = rng.random_range(0.0..0.98);
        let region = random_region(&mut rng, n);
        match cvar::minimise(&returns, &probabilities, alpha, &region) {
            Ok(minimum) => {
                solved += 1;
                assert_eq!(minimum.solver, "simplex with bends");
                assert!(region.violation(&minimum.weights) < 1e-12);
                assert!(minimum.gap < 1e-12, "{minimum:?}");
                let other = direct(&returns, &probabilities, alpha, &region).unwrap();
                assert!(
                    (minimum.objective - other).abs() < 1e-9,
                    "{other} {minimum:?}"
                );
            }
            Err(Failure::Infeasible) => {
                assert!(direct(&returns, &probabilities, alpha, &region).is_none());
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(solved > 40, "{solved}");
}

#[test]
fn no_point_nearby_or_far_is_better_than_the_least() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let returns = random_returns(&mut rng, 80, 6);
    let region = long_only(6, 0.4);
    let minimum = cvar::minimise(&returns, &equal(80), 0.9, &region).unwrap();
    for _ in 0..500 {
        let raw = DVector::from_fn(6, |_, _| rng.random_range(0.0..1.0_f64));
        let other = &raw / raw.sum();
        if region.violation(&other) < 1e-12 {
            for share in [1.0, 0.1, 1e-4] {
                let mixed = &minimum.weights * (1.0 - share) + &other * share;
                let value = cvar::of(&returns, &equal(80), &mixed, 0.9);
                assert!(value >= minimum.objective - 1e-14);
            }
        }
    }
}

#[test]
fn permuted_assets_and_outcomes_permute_the_answer() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..20 {
        let (outcomes, n) = (60, 8);
        let returns = random_returns(&mut rng, outcomes, n);
        let caps = DVector::from_fn(n, |_, _| rng.random_range(0.2..0.5));
        let mut region = long_only(n, 1.0);
        region.upper.clone_from(&caps);
        let minimum = cvar::minimise(&returns, &equal(outcomes), 0.9, &region).unwrap();
        let assets = |j: usize| (3 * j + 1) % n;
        let order = |s: usize| (7 * s + 5) % outcomes;
        let turned = DMatrix::from_fn(outcomes, n, |s, j| returns[(order(s), assets(j))]);
        region.upper = DVector::from_fn(n, |j, _| caps[assets(j)]);
        let other = cvar::minimise(&turned, &equal(outcomes), 0.9, &region).unwrap();
        assert!((minimum.objective - other.objective).abs() < 1e-14);
        for j in 0..n {
            assert!((other.weights[j] - minimum.weights[assets(j)]).abs() < 1e-10);
        }
    }
}

#[test]
fn tighter_limits_never_lower_the_least() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut compared = 0;
    for _ in 0..60 {
        let (outcomes, n) = (40, 6);
        let returns = random_returns(&mut rng, outcomes, n);
        let region = random_region(&mut rng, n);
        let Ok(wide) = cvar::minimise(&returns, &equal(outcomes), 0.85, &region) else {
            continue;
        };
        let mut tight = region.clone();
        tight.upper *= 0.9;
        for row in tight.rows.iter_mut().skip(1) {
            row.max *= 0.95;
        }
        if let Some(turnover) = &mut tight.turnover {
            turnover.max *= 0.9;
        }
        if let Ok(narrow) = cvar::minimise(&returns, &equal(outcomes), 0.85, &tight) {
            compared += 1;
            assert!(narrow.objective >= wide.objective - 1e-13);
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn degenerate_outcomes_are_solved() {
    let solve = |returns: &DMatrix<f64>, alpha: f64, region: &Region| {
        let probabilities = equal(returns.nrows());
        let minimum = cvar::minimise(returns, &probabilities, alpha, region).unwrap();
        assert!(region.violation(&minimum.weights) < 1e-12);
        assert!(minimum.gap < 1e-12, "{minimum:?}");
        assert_eq!(minimum.solver, "simplex with bends");
        minimum.objective
    };
    // All returns equal; all zero.
    let region = long_only(5, 0.3);
    assert!((solve(&DMatrix::repeat(50, 5, 0.01), 0.95, &region) + 0.01).abs() < 1e-14);
    assert!(solve(&DMatrix::zeros(50, 5), 0.95, &region).abs() < 1e-15);
    // A single outcome.
    let single = DMatrix::from_row_slice(1, 5, &[0.1, 0.2, 0.3, -0.1, 0.0]);
    assert!((solve(&single, 0.95, &region) + 0.3 * 0.3 + 0.3 * 0.2 + 0.3 * 0.1).abs() < 1e-14);
    // Each outcome many times over, and each asset twice.
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let few = random_returns(&mut rng, 7, 4);
    let many = DMatrix::from_fn(700, 8, |s, j| few[(s % 7, j % 4)]);
    let value = solve(&many, 0.95, &long_only(8, 0.25));
    assert!((value - solve(&few, 0.95, &long_only(4, 0.5))).abs() < 1e-13);
    // Coarse returns, as of a peg: many ties.
    let coarse = DMatrix::from_fn(300, 20, |_, _| {
        f64::from(rng.random_range(-2..=2_i32)) / 100.0
    });
    solve(&coarse, 0.95, &long_only(20, 0.2));
    // Jackpots: nothing, or a multiple.
    let jackpots = DMatrix::from_fn(
        500,
        12,
        |_, _| if rng.random_bool(0.1) { 8.0 } else { -0.01 },
    );
    solve(&jackpots, 0.95, &long_only(12, 0.2));
    // Cash only.
    let mut cash = long_only(3, 0.0);
    cash.rows[0].min = 0.0;
    assert!(solve(&DMatrix::repeat(10, 3, -0.5), 0.95, &cash).abs() < 1e-15);
    // Cash is better than what only loses.
    let mut cash = long_only(3, 1.0);
    cash.rows[0].min = 0.0;
    assert!(solve(&DMatrix::repeat(10, 3, -0.5), 0.95, &cash).abs() < 1e-15);
}

#[test]
fn no_turnover_keeps_what_is_held() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let returns = random_returns(&mut rng, 50, 4);
    let current = DVector::from_vec(vec![0.1, 0.2, 0.3, 0.4]);
    let mut region = long_only(4, 0.5);
    region.turnover = Some(Turnover {
        current: current.clone(),
        max: 0.0,
    });
    let minimum = cvar::minimise(&returns, &equal(50), 0.9, &region).unwrap();
    assert!((&minimum.weights - &current).amax() < 1e-15);
    assert!(minimum.gap < 1e-14);
    // Twice what one swap needs lets a little move.
    region.turnover.as_mut().unwrap().max = 0.1;
    let better = cvar::minimise(&returns, &equal(50), 0.9, &region).unwrap();
    assert!(better.objective < minimum.objective);
    assert!(((&better.weights - &current).lp_norm(1) - 0.1).abs() < 1e-12);
}

fn problem(returns: Returns, limits: Limits) -> Problem {
    let n = limits.lower.len();
    Problem {
        assets: (0..n).map(|j| format!("a{j}")).collect(),
        returns,
        estimator: Estimator::Sample,
        current: DVector::zeros(n),
        limits,
        costs: Costs::default(),
        parameters: Parameters::default(),
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: Usd::dollars(1000),
    }
}

#[test]
fn strategy_takes_histories_and_scenarios_alike_and_refuses_moments() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let returns = random_returns(&mut rng, 100, 5);
    let history = problem(Returns::History(returns.clone()), Limits::long_only(5));
    let region = history.limits.region(&history.current);
    let first = MinCvar.solve(&history, &region).unwrap();
    let scenarios = problem(
        Returns::Scenarios(Scenarios {
            gross: returns.add_scalar(1.0),
            probabilities: equal(100),
        }),
        Limits::long_only(5),
    );
    let second = MinCvar.solve(&scenarios, &region).unwrap();
    assert!((&first.weights - &second.weights).amax() < 1e-9);
    let objective = MinCvar.objective(&history, &first.weights).unwrap();
    assert!((objective - MinCvar.objective(&scenarios, &first.weights).unwrap()).abs() < 1e-12);
    assert!((objective - cvar::of(&returns, &equal(100), &first.weights, 0.95)).abs() < 1e-15);
    assert!(first.gap.unwrap() < 1e-13);

    let moments = problem(
        Returns::Moments(Moments {
            mean: DVector::zeros(5),
            covariance: DMatrix::identity(5, 5),
        }),
        Limits::long_only(5),
    );
    let refusal = MinCvar.solve(&moments, &region).unwrap_err().to_string();
    assert!(refusal.contains("`returns` or `scenarios`"), "{refusal}");
    assert_eq!(MinCvar.objective(&moments, &first.weights), None);
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let returns = DMatrix::repeat(4, 2, 0.1);
    let region = long_only(2, 1.0);
    let reason = |result: Result<cvar::Minimum, Failure>| result.unwrap_err().to_string();
    let refused = reason(cvar::minimise(&returns, &equal(4), 1.0, &region));
    assert!(refused.contains("`alpha` is 1"), "{refused}");
    let refused = reason(cvar::minimise(&returns, &equal(3), 0.9, &region));
    assert!(refused.contains("4 outcomes with 3"), "{refused}");
    let mut bad = returns.clone();
    bad[(2, 1)] = f64::NAN;
    let refused = reason(cvar::minimise(&bad, &equal(4), 0.9, &region));
    assert!(refused.contains("asset 1 in outcome 2"), "{refused}");
    let refused = reason(cvar::minimise(&returns, &(equal(4) * 0.5), 0.9, &region));
    assert!(refused.contains("sum to 0.5"), "{refused}");
    let refused = reason(cvar::minimise(&returns, &equal(4), 0.9, &long_only(3, 1.0)));
    assert!(refused.contains("2 assets"), "{refused}");
    assert_eq!(
        cvar::minimise(&returns, &equal(4), 0.9, &long_only(2, 0.3)),
        Err(Failure::Infeasible)
    );
}

#[test]
fn a_larger_problem_has_a_gap_of_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let returns = random_returns(&mut rng, 500, 60);
    let region = long_only(60, 0.1);
    // 0.953 · 500 is no whole number.
    let minimum = cvar::minimise(&returns, &equal(500), 0.953, &region).unwrap();
    assert!(minimum.gap < 1e-14, "{minimum:?}");
    assert!(region.violation(&minimum.weights) < 1e-13);
}
