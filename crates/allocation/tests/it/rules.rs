//! Strategies that follow a rule.

use airdrops_allocation::problem::Problem;
use airdrops_allocation::strategy::Strategy;
use airdrops_allocation::strategy::equal_weight::EqualWeight;
use nalgebra::{DMatrix, DVector};

use crate::worlds::{vector, with_covariance};

fn solve(strategy: &dyn Strategy, problem: &Problem) -> DVector<f64> {
    let region = problem.limits.region(&problem.current);
    strategy.solve(problem, &region).unwrap().weights
}

#[test]
fn equal_weight_spreads_what_may_be_invested_over_what_may_be_held() {
    let mut problem = with_covariance(DMatrix::identity(4, 4));
    assert_eq!(solve(&EqualWeight, &problem), DVector::repeat(4, 0.25));
    problem.limits.upper[1] = 0.0;
    problem.limits.invested = (0.0, 0.9);
    let weights = solve(&EqualWeight, &problem);
    assert!((weights - vector(&[0.3, 0.0, 0.3, 0.3])).amax() < 1e-15);
}
