//! Strategies of the mean-variance family.

use airdrops_allocation::frontier::frontier;
use airdrops_allocation::problem::{
    Costs, Estimator, Group, Limits, Moments, Parameters, Problem, Returns, Scenarios,
};
use airdrops_allocation::strategy::max_diversification::MaxDiversification;
use airdrops_allocation::strategy::max_sharpe::MaxSharpe;
use airdrops_allocation::strategy::mean_variance::MeanVariance;
use airdrops_allocation::strategy::min_variance::MinVariance;
use airdrops_allocation::strategy::target_return::TargetReturn;
use airdrops_allocation::strategy::target_risk::TargetRisk;
use airdrops_allocation::strategy::{Candidate, Failure, Strategy};
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn problem(returns: Returns, n: usize) -> Problem {
    Problem {
        assets: (0..n).map(|i| format!("asset {i}")).collect(),
        returns,
        estimator: Estimator::Sample,
        limits: Limits::long_only(n),
        current: DVector::zeros(n),
        costs: Costs::default(),
        parameters: Parameters::default(),
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: Usd::dollars(1_000_000),
    }
}

fn moments(mean: &[f64], covariance: &[f64]) -> Problem {
    let n = mean.len();
    let moments = Moments {
        mean: DVector::from_row_slice(mean),
        covariance: DMatrix::from_row_slice(n, n, covariance),
    };
    problem(Returns::Moments(moments), n)
}

/// Three assets with correlations.
fn three() -> Problem {
    moments(
        &[0.05, 0.08, 0.12],
        &[0.01, 0.004, 0.0, 0.004, 0.04, 0.02, 0.0, 0.02, 0.09],
    )
}

fn solve(strategy: &dyn Strategy, problem: &Problem) -> Result<Candidate, Failure> {
    strategy.solve(problem, &problem.limits.region(&problem.current))
}

fn worth(strategy: &dyn Strategy, problem: &Problem, weights: &DVector<f64>) -> f64 {
    strategy.objective(problem, weights).unwrap()
}

/// A problem with every kind of limit and a random portfolio within them.
fn random(n: usize, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let t = 3 + usize::try_from(seed % 40).unwrap();
    let market: Vec<f64> = (0..t).map(|_| 0.01 * normal()).collect();
    let history = DMatrix::from_fn(t, n, |k, i| {
        0.002 + market[k] + (0.01 + 0.002 * i as f64) * normal()
    });
    let mut problem = problem(Returns::History(history), n);
    let inside = DVector::from_fn(n, |_, _| rng.random::<f64>());
    let inside = &inside * (0.9 / inside.sum());
    problem.limits.upper = inside.map(|w| w + 0.3 * rng.random::<f64>());
    problem.limits.invested = if rng.random_bool(0.5) {
        (0.0, 0.95)
    } else {
        (0.9, 0.9)
    };
    for name in ["left", "right"] {
        let terms: Vec<_> = (0..n)
            .filter(|_| rng.random_bool(0.4))
            .map(|i| (i, 0.2 + 0.1 * (i % 5) as f64))
            .collect();
        let value: f64 = terms.iter().map(|&(i, a)| a * inside[i]).sum();
        problem.limits.groups.push(Group {
            name: name.to_owned(),
            terms,
            min: None,
            max: Some(value + 0.02),
        });
    }
    problem.current = DVector::from_fn(n, |i, _| {
        inside[i] * if rng.random_bool(0.5) { 1.0 } else { 0.5 }
    });
    let least = (&inside - &problem.current).lp_norm(1);
    problem.limits.turnover = rng
        .random_bool(0.7)
        .then(|| least + 0.2 * rng.random::<f64>());
    problem
}

/// Feasible weights: mixes of the answers of several strategies.
fn others(problem: &Problem, seed: u64) -> Vec<DVector<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let region = problem.limits.region(&problem.current);
    let corners: Vec<_> = (0..6)
        .map(|_| {
            let point =
                DVector::from_fn(region.dimension(), |_, _| 2.0 * rng.random::<f64>() - 0.7);
            airdrops_allocation::qp::nearest(&point, &region)
                .unwrap()
                .weights
        })
        .collect();
    (0..20)
        .map(|_| {
            let shares: Vec<f64> = corners
                .iter()
                .map(|_| -libm::log(rng.random::<f64>()))
                .collect();
            let total: f64 = shares.iter().sum();
            corners
                .iter()
                .zip(&shares)
                .fold(DVector::zeros(region.dimension()), |sum, (w, share)| {
                    sum + w * (share / total)
                })
        })
        .chain(corners.iter().cloned())
        .collect()
}

#[test]
fn utility_without_binding_bounds_is_the_closed_form() {
    // w = Σ⁻¹ μ / λ where all is cash otherwise.
    let mut problem = three();
    problem.limits.invested = (0.0, 10.0);
    problem.limits.upper = DVector::repeat(3, 10.0);
    problem.parameters.risk_aversion = Some(8.0);
    let Returns::Moments(moments) = problem.returns.clone() else {
        unreachable!()
    };
    let expected = moments.covariance.lu().solve(&moments.mean).unwrap() / 8.0;
    let found = solve(&MeanVariance, &problem).unwrap();
    assert!((found.weights - expected).amax() < 1e-10);
}

#[test]
fn utility_without_aversion_takes_the_greatest_return() {
    let mut problem = three();
    problem.limits.upper[2] = 0.6;
    problem.parameters.risk_aversion = Some(0.0);
    let found = solve(&MeanVariance, &problem).unwrap();
    assert!((found.weights - DVector::from_vec(vec![0.0, 0.4, 0.6])).amax() < 1e-10);
}

#[test]
fn target_return_is_met_at_the_least_variance() {
    let mut problem = three();
    problem.parameters.target_return = Some(0.09);
    let found = solve(&TargetReturn, &problem).unwrap();
    let Returns::Moments(moments) = &problem.returns else {
        unreachable!()
    };
    assert!((moments.mean.dot(&found.weights) - 0.09).abs() < 1e-12);
    // Weights that return 0.09 and are all invested lie on a line: search it.
    let variance = worth(&TargetReturn, &problem, &found.weights);
    for step in 0..=1000 {
        let third = f64::from(step) / 1000.0;
        let second = (0.09 - 0.05 - 0.07 * third) / 0.03;
        let weights = DVector::from_vec(vec![1.0 - second - third, second, third]);
        if weights.min() >= 0.0 {
            assert!(worth(&TargetReturn, &problem, &weights) >= variance - 1e-12);
        }
    }
}

#[test]
fn target_return_out_of_reach_says_the_greatest() {
    let mut problem = three();
    problem.limits.upper[2] = 0.5;
    problem.parameters.target_return = Some(0.11);
    let failure = solve(&TargetReturn, &problem).unwrap_err();
    assert!(
        matches!(&failure, Failure::Missing(text) if text.contains("greatest is 0.1")),
        "{failure}"
    );
    problem.parameters.target_return = Some(0.1);
    let found = solve(&TargetReturn, &problem).unwrap();
    assert!((found.weights - DVector::from_vec(vec![0.0, 0.5, 0.5])).amax() < 1e-6);
}

#[test]
fn target_risk_below_the_least_says_it() {
    let mut problem = three();
    problem.parameters.target_risk = Some(0.01);
    let failure = solve(&TargetRisk, &problem).unwrap_err();
    let least = worth(
        &MinVariance,
        &problem,
        &solve(&MinVariance, &problem).unwrap().weights,
    )
    .sqrt();
    let digits = format!("{least}")[..8].to_owned();
    assert!(
        matches!(&failure, Failure::Missing(text) if text.contains(&digits)),
        "{failure}"
    );
}

#[test]
fn target_risk_above_all_takes_the_greatest_return() {
    let mut problem = three();
    problem.parameters.target_risk = Some(5.0);
    let found = solve(&TargetRisk, &problem).unwrap();
    assert!((found.weights[2] - 1.0).abs() < 1e-12);
}

#[test]
fn sharpe_without_binding_bounds_is_the_tangency_portfolio() {
    // w ∝ Σ⁻¹ (μ − r).
    let mut problem = three();
    problem.risk_free = 0.02;
    let Returns::Moments(moments) = problem.returns.clone() else {
        unreachable!()
    };
    let excess = moments.mean.add_scalar(-0.02);
    let expected = moments.covariance.lu().solve(&excess).unwrap();
    let expected = &expected / expected.sum();
    let found = solve(&MaxSharpe, &problem).unwrap();
    assert!((found.weights - expected).amax() < 1e-7);
}

#[test]
fn sharpe_with_cash_and_no_rate_invests_all_that_it_may() {
    let mut problem = three();
    problem.limits.invested = (0.0, 0.95);
    let found = solve(&MaxSharpe, &problem).unwrap();
    assert!((found.weights.sum() - 0.95).abs() < 1e-9, "{found:?}");
}

#[test]
fn sharpe_where_nothing_beats_the_rate_fails() {
    let mut problem = three();
    problem.risk_free = 0.13;
    assert!(
        matches!(solve(&MaxSharpe, &problem), Err(Failure::Missing(text)) if text.contains("0.13"))
    );
}

#[test]
fn sharpe_of_a_riskless_gain_is_unbounded() {
    let mut problem = moments(&[0.05, 0.01], &[0.04, 0.0, 0.0, 0.0]);
    assert!(matches!(
        solve(&MaxSharpe, &problem),
        Err(Failure::Unbounded(_))
    ));
    problem.risk_free = 0.02;
    assert!(solve(&MaxSharpe, &problem).is_ok());
}

#[test]
fn uncorrelated_assets_are_most_diversified_by_inverse_volatility() {
    let problem = moments(&[0.0; 3], &[0.01, 0.0, 0.0, 0.0, 0.04, 0.0, 0.0, 0.0, 0.16]);
    let found = solve(&MaxDiversification, &problem).unwrap();
    let expected = DVector::from_vec(vec![4.0, 2.0, 1.0]) / 7.0;
    assert!((found.weights - expected).amax() < 1e-7);
}

#[test]
fn missing_parameters_are_named() {
    let problem = three();
    let strategies: [(&dyn Strategy, &str); 3] = [
        (&MeanVariance, "risk_aversion"),
        (&TargetReturn, "target_return"),
        (&TargetRisk, "target_risk"),
    ];
    for (strategy, name) in strategies {
        let failure = solve(strategy, &problem).unwrap_err();
        assert!(
            matches!(&failure, Failure::Missing(text) if text.contains(name)),
            "{failure}"
        );
    }
}

#[test]
fn scenarios_give_the_same_answer_as_their_moments() {
    let gross = DMatrix::from_row_slice(4, 2, &[1.1, 0.9, 0.95, 1.2, 1.0, 1.1, 1.2, 0.8]);
    let probabilities = DVector::from_vec(vec![0.1, 0.2, 0.3, 0.4]);
    let mean = gross.transpose() * &probabilities;
    let covariance = DMatrix::from_fn(2, 2, |i, j| {
        (0..4)
            .map(|s| probabilities[s] * (gross[(s, i)] - mean[i]) * (gross[(s, j)] - mean[j]))
            .sum()
    });
    let mut by_scenarios = problem(
        Returns::Scenarios(Scenarios {
            gross,
            probabilities,
        }),
        2,
    );
    let mut by_moments = problem(
        Returns::Moments(Moments {
            mean: mean.add_scalar(-1.0),
            covariance,
        }),
        2,
    );
    for problem in [&mut by_scenarios, &mut by_moments] {
        problem.parameters.risk_aversion = Some(3.0);
    }
    for strategy in [&MinVariance as &dyn Strategy, &MeanVariance, &MaxSharpe] {
        let left = solve(strategy, &by_scenarios).unwrap().weights;
        let right = solve(strategy, &by_moments).unwrap().weights;
        assert!((left - right).amax() < 1e-9, "{}", strategy.name());
    }
}

#[test]
fn frontier_rises_in_return_and_is_convex_in_variance() {
    let problem = random(12, 11);
    let points = frontier(&problem, &problem.limits.region(&problem.current), 15).unwrap();
    assert_eq!(points.len(), 15);
    for three in points.windows(3) {
        assert!(three[0].expected_return < three[1].expected_return);
        assert!(three[0].volatility <= three[1].volatility + 1e-12);
        let middle = 0.5 * (three[0].volatility.powi(2) + three[2].volatility.powi(2));
        assert!(three[1].volatility.powi(2) <= middle + 1e-12);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn no_feasible_weights_beat_any_strategy(n in 2usize..14, seed in 0u64..1_000_000) {
        let mut problem = random(n, seed);
        let region = problem.limits.region(&problem.current);
        let rivals = others(&problem, seed);
        let ends = frontier(&problem, &region, 2).unwrap();
        let (low, high) = (&ends[0], &ends[ends.len() - 1]);
        problem.parameters.risk_aversion = Some(3.0);
        problem.parameters.target_return = Some(0.5 * (low.expected_return + high.expected_return));
        problem.parameters.target_risk = Some(0.5 * (low.volatility + high.volatility));
        problem.risk_free = if seed % 2 == 0 { 0.0 } else { 0.3 * high.expected_return };
        let strategies: [&dyn Strategy; 6] =
            [&MinVariance, &MeanVariance, &TargetReturn, &TargetRisk, &MaxSharpe, &MaxDiversification];
        for strategy in strategies {
            let found = match strategy.solve(&problem, &region) {
                Ok(found) => found,
                Err(Failure::Missing(_)) if strategy.name() == "max-sharpe" && high.expected_return <= 1e-9 => continue,
                Err(Failure::Unbounded(_)) if strategy.name().starts_with("max-") => continue,
                Err(failure) => return Err(TestCaseError::fail(format!("{}: {failure}", strategy.name()))),
            };
            prop_assert!(region.violation(&found.weights) <= 1e-8, "{}", strategy.name());
            let best = worth(strategy, &problem, &found.weights);
            let gap = found.gap.unwrap();
            prop_assert!(gap <= 1e-7 * best.abs() + 1e-12, "{} {gap:e} {best:e}", strategy.name());
            for rival in &rivals {
                let history = match &problem.returns { Returns::History(h) => h, _ => unreachable!() };
                let mean: f64 = (0..n).map(|i| rival[i] * history.column(i).mean()).sum();
                let variance = worth(&MinVariance, &problem, rival);
                let allowed = match strategy.name() {
                    "target-return" => mean >= problem.parameters.target_return.unwrap(),
                    "target-risk" => variance.sqrt() <= problem.parameters.target_risk.unwrap(),
                    _ => true,
                };
                if !allowed { continue; }
                let Some(worth) = strategy.objective(&problem, rival) else { continue };
                prop_assert!(worth >= best - gap - 1e-9 * best.abs() - 1e-14, "{}: {worth:e} beats {best:e}", strategy.name());
            }
        }
    }

    #[test]
    fn target_risk_and_target_return_agree(n in 2usize..14, seed in 0u64..1_000_000) {
        let mut problem = random(n, seed);
        let region = problem.limits.region(&problem.current);
        let ends = frontier(&problem, &region, 2).unwrap();
        let (low, high) = (&ends[0], &ends[ends.len() - 1]);
        prop_assume!(high.volatility > low.volatility * 1.001);
        let target = 0.3 * low.volatility + 0.7 * high.volatility;
        problem.parameters.target_risk = Some(target);
        let by_risk = TargetRisk.solve(&problem, &region).unwrap();
        let volatility = worth(&MinVariance, &problem, &by_risk.weights).sqrt();
        prop_assert!((volatility - target).abs() <= 1e-9 * target, "{volatility} {target}");
        problem.parameters.target_return = Some(-worth(&TargetRisk, &problem, &by_risk.weights));
        let by_return = TargetReturn.solve(&problem, &region).unwrap();
        let again = worth(&MinVariance, &problem, &by_return.weights).sqrt();
        prop_assert!((again - target).abs() <= 1e-7 * target, "{again} {target}");
    }
}
