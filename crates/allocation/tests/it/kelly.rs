//! Growth-optimal weights against closed forms and published figures.

mod closed_forms;
mod degenerate;
mod extremes;
mod finite_outcome;
mod laws;
mod strategies;

use airdrops_allocation::kelly::quadratic::{self, Second};
use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{Limits, Scenarios};
use airdrops_allocation::region::Region;
use nalgebra::{DMatrix, DVector};

/// Nothing short, no debt.
fn cash_allowed(n: usize) -> Region {
    let mut limits = Limits::long_only(n);
    limits.invested = (0.0, 1.0);
    limits.region(&DVector::zeros(n))
}

/// Equally likely rows of gross returns.
fn equally_likely(rows: &[&[f64]]) -> Scenarios {
    Scenarios {
        gross: DMatrix::from_fn(rows.len(), rows[0].len(), |row, asset| rows[row][asset]),
        probabilities: DVector::repeat(rows.len(), 1.0 / rows.len() as f64),
    }
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
