//! Returns and limits at the edge.

use airdrops_allocation::kelly::quadratic::{self, Second};
use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{Group, Limits, Moments};
use airdrops_allocation::strategy::Failure;
use nalgebra::{DMatrix, DVector};

use super::{cash_allowed, equally_likely};

#[test]
fn without_an_edge_all_stays_cash() {
    let scenarios = equally_likely(&[&[1.1, 0.0], &[0.9, 1.9], &[0.95, 1.0]]);
    for exponent in [None, Some(6.0)] {
        let found = kelly::maximise(&scenarios, &cash_allowed(2), exponent).unwrap();
        assert_eq!(found.weights, DVector::zeros(2));
        assert!(found.gap.unwrap() < kelly::GAP);
    }
}

#[test]
fn arbitrage_fills_the_limits() {
    let scenarios = equally_likely(&[&[1.5, 1.0], &[1.1, 3.0]]);
    let mut limits = Limits::long_only(2);
    limits.invested = (0.0, 0.9);
    limits.upper.fill(0.6);
    let region = limits.region(&DVector::zeros(2));
    let found = kelly::maximise(&scenarios, &region, Some(20.0)).unwrap();
    assert!((found.weights.sum() - 0.9).abs() < 1e-9);
    assert!(found.gap.unwrap() < kelly::GAP);
}

#[test]
fn a_total_loss_however_unlikely_keeps_cash_back() {
    let mut scenarios = equally_likely(&[&[0.0], &[1000.0]]);
    scenarios.probabilities = DVector::from_vec(vec![1e-6, 1.0 - 1e-6]);
    let found = kelly::maximise(&scenarios, &cash_allowed(1), None).unwrap();
    // Kelly's fraction p - q/b.
    assert!((found.weights[0] - (1.0 - 1e-6 - 1e-6 / 999.0)).abs() < 1e-9);
    assert!(kelly::wealth(&scenarios, &found.weights).min() > 0.0);
}

#[test]
fn forced_ruin_is_named() {
    let scenarios = equally_likely(&[&[0.0, 0.0], &[2.0, 3.0]]);
    let region = Limits::long_only(2).region(&DVector::zeros(2));
    match kelly::maximise(&scenarios, &region, None) {
        Err(Failure::Unbounded(reason)) => assert!(reason.contains("allow cash"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_without_weights_are_infeasible() {
    let scenarios = equally_likely(&[&[0.5, 0.9], &[2.0, 1.2]]);
    let mut limits = Limits::long_only(2);
    limits.upper.fill(0.3);
    // At most 0.6 can be invested.
    let found = kelly::maximise(&scenarios, &limits.region(&DVector::zeros(2)), None);
    assert_eq!(found, Err(Failure::Infeasible));
    // Two rows that only together leave nothing.
    limits.upper.fill(1.0);
    limits.groups = vec![
        Group {
            name: "a".to_owned(),
            terms: vec![(0, 1.0), (1, 0.5)],
            min: None,
            max: Some(0.4),
        },
        Group {
            name: "b".to_owned(),
            terms: vec![(0, 0.5), (1, 1.0)],
            min: None,
            max: Some(0.4),
        },
    ];
    let found = kelly::maximise(&scenarios, &limits.region(&DVector::zeros(2)), None);
    assert_eq!(found, Err(Failure::Infeasible));
    // What may be traded does not reach what must be held.
    let mut limits = Limits::long_only(2);
    limits.turnover = Some(0.5);
    let found = kelly::maximise(&scenarios, &limits.region(&DVector::zeros(2)), None);
    assert_eq!(found, Err(Failure::Infeasible));
}

#[test]
fn a_drawdown_bound_that_forced_positions_break_is_infeasible() {
    let scenarios = equally_likely(&[&[0.2], &[1.5]]);
    let mut limits = Limits::long_only(1);
    limits.lower.fill(0.5);
    limits.invested = (0.0, 1.0);
    let region = limits.region(&DVector::zeros(1));
    assert_eq!(
        kelly::maximise(&scenarios, &region, Some(6.0)),
        Err(Failure::Infeasible)
    );
    let safest = kelly::safest(&scenarios, &region, 6.0).unwrap();
    assert!((safest.weights[0] - 0.5).abs() < 1e-9);
}

#[test]
fn malformed_scenarios_are_refused() {
    let good = equally_likely(&[&[0.5, 0.9], &[2.0, 1.2]]);
    let mut negative = good.clone();
    negative.gross[(1, 0)] = -0.1;
    let mut endless = good.clone();
    endless.gross[(0, 1)] = f64::INFINITY;
    let mut chances = good.clone();
    chances.probabilities[0] = 0.7;
    for scenarios in [negative, endless, chances] {
        let found = kelly::maximise(&scenarios, &cash_allowed(2), None);
        assert!(matches!(found, Err(Failure::Missing(_))), "{found:?}");
    }
    assert!(matches!(
        kelly::maximise(&good, &cash_allowed(3), None),
        Err(Failure::Missing(_))
    ));
    assert!(matches!(
        kelly::maximise(&good, &cash_allowed(2), Some(f64::NAN)),
        Err(Failure::Missing(_))
    ));
}

#[test]
fn scaling_to_cash_ends_where_the_bound_does() {
    let scenarios = equally_likely(&[&[0.5], &[2.0]]);
    let weights = DVector::from_vec(vec![0.9]);
    let share = drawdown::scale_to_cash(&scenarios, &weights, 4.0);
    assert!(share > 0.0 && share < 1.0);
    let at = |share: f64| drawdown::expected_power(&scenarios, &(&weights * share), 4.0);
    assert!(at(share) <= 1.0 && at(share * (1.0 + 1e-9)) > 1.0);
    let edgeless = equally_likely(&[&[0.5], &[1.4]]);
    assert!(drawdown::scale_to_cash(&edgeless, &weights, 4.0) < 1e-9);
}

#[test]
fn a_fraction_goes_toward_cash_as_far_as_the_limits_let_it() {
    let weights = DVector::from_vec(vec![0.4, 0.2]);
    let free = kelly::scale(&weights, 0.5, &cash_allowed(2));
    assert!((free - DVector::from_vec(vec![0.2, 0.1])).amax() < 1e-15);
    let mut limits = Limits::long_only(2);
    limits.invested = (0.45, 1.0);
    let held = kelly::scale(&weights, 0.5, &limits.region(&DVector::zeros(2)));
    assert!((held.sum() - 0.45).abs() < 1e-9, "{held}");
}

#[test]
fn the_quadratic_optimum_solves_its_linear_system() {
    let moments = Moments {
        mean: DVector::from_vec(vec![0.01, 0.02]),
        covariance: DMatrix::from_row_slice(2, 2, &[0.09, 0.01, 0.01, 0.16]),
    };
    let second = Second::of_moments(&moments, 0.0);
    let found = quadratic::maximise(&second, &cash_allowed(2), None).unwrap();
    let residual = &second.mean - &second.square * &found.weights;
    assert!(residual.amax() < 1e-10, "{residual}");
    // Twice the aversion, half the weights.
    let half = Second {
        mean: second.mean.clone(),
        square: &second.square * 2.0,
    };
    let halved = quadratic::maximise(&half, &cash_allowed(2), None).unwrap();
    assert!((found.weights * 0.5 - halved.weights).amax() < 1e-8);
}
