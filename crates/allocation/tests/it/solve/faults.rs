//! What is wrong with a problem is said, all at once.

use airdrops_allocation::problem::{Group, Problem, Returns};
use airdrops_allocation::solve::{SolveError, solve};
use airdrops_allocation::strategies;
use airdrops_types::Usd;

use super::random::{Kind, problem};

/// A problem with moments, of at least three assets.
fn sound() -> Problem {
    (0..)
        .map(|seed| problem(seed, Kind::Convex).0)
        .find(|problem| matches!(problem.returns, Returns::Moments(_)) && problem.assets.len() > 2)
        .unwrap()
}

fn places(problem: &Problem) -> Vec<String> {
    let faults = problem.check().unwrap_err();
    for fault in &faults {
        assert!(
            !fault.problem.is_empty() && !fault.remedy.is_empty(),
            "{fault}"
        );
    }
    faults.into_iter().map(|fault| fault.place).collect()
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let mut broken = sound();
    assert_eq!(broken.check(), Ok(()));
    broken.assets[1] = broken.assets[0].clone();
    broken.limits.upper[0] = broken.limits.lower[0] - 0.1;
    broken.limits.groups = vec![Group {
        name: "turnover".into(),
        terms: vec![(0, -1.0), (99, 1.0)],
        min: None,
        max: None,
    }];
    broken.limits.turnover = Some(f64::NAN);
    broken.limits.max_positions = Some(0);
    broken.capital = Usd(0);
    broken.periods_per_year = 0.0;
    broken.parameters.alpha = Some(1.5);
    broken.parameters.fixed = Some([("nobody".to_owned(), 0.1)].into());
    let found = places(&broken);
    for place in [
        "assets[1]",
        "bounds.a0",
        "groups[0].name",
        "groups[0].assets",
        "groups[0]",
        "turnover",
        "max_positions",
        "capital",
        "periods_per_year",
        "alpha",
        "weights.nobody",
    ] {
        assert!(
            found.iter().any(|found| found == place),
            "{place}: {found:?}"
        );
    }
    let strategy = strategies::by_name("equal-weight").unwrap();
    let Err(SolveError::Faults(faults)) = solve(&broken, strategy.as_ref()) else {
        panic!("solved");
    };
    assert_eq!(faults.len(), found.len());
}

#[test]
fn covariances_that_are_none_are_refused_and_rounding_is_not() {
    let moments = |change: fn(&mut nalgebra::DMatrix<f64>)| {
        let mut problem = sound();
        if let Returns::Moments(moments) = &mut problem.returns {
            change(&mut moments.covariance);
        }
        problem
    };
    assert_eq!(places(&moments(|cov| cov[(0, 1)] += 1e-3)), ["cov[1][0]"]);
    assert_eq!(places(&moments(|cov| cov[(2, 2)] = -1.0)), ["cov[2][2]"]);
    assert_eq!(
        places(&moments(|cov| cov[(1, 1)] = f64::NAN)),
        ["cov[1][1]"]
    );
    let inconsistent = moments(|cov| {
        let size = 2.0 * (cov[(0, 0)] * cov[(1, 1)]).sqrt();
        cov[(0, 1)] = size;
        cov[(1, 0)] = size;
    });
    assert_eq!(places(&inconsistent), ["cov[1]"]);
    // Two assets that are one, but for the last digits.
    let singular = moments(|cov| {
        let row = cov.row(0).clone_owned();
        cov.set_row(1, &row);
        let mut column = cov.column(0).clone_owned();
        column[1] = cov[(0, 0)] * (1.0 - 1e-13);
        column[0] = cov[(0, 0)];
        cov.set_column(1, &column);
        cov[(1, 0)] = column[0];
        cov[(0, 1)] = column[0];
    });
    assert_eq!(singular.check(), Ok(()));
}

#[test]
fn capital_beyond_a_trillion_dollars_is_refused() {
    let mut rich = sound();
    rich.capital = Usd(1_000_000_000_000_000_000);
    assert_eq!(rich.check(), Ok(()));
    rich.capital = Usd(1_000_000_000_000_000_001);
    assert_eq!(places(&rich), ["capital"]);
}
