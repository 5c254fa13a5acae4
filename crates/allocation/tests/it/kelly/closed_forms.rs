//! The optimiser finds what can be written down.

use airdrops_allocation::kelly::{self, closed_form};
use airdrops_allocation::problem::Scenarios;
use nalgebra::{DMatrix, DVector};

use super::cash_allowed;

#[test]
fn single_bets_have_kellys_fraction() {
    let bets = [
        (0.6, 1.0, 0.2),
        (0.25, 9.0, 1.0 / 6.0),
        (0.1, 20.0, 0.055),
        (0.05, 10.0, 0.0),
        (0.5, 1.0, 0.0),
    ];
    for (p, odds, stake) in bets {
        assert!((closed_form::single_bet(p, odds).unwrap() - stake).abs() < 1e-15);
        let scenarios = closed_form::independent_bets(&[(p, odds)]).unwrap();
        let found = kelly::maximise(&scenarios, &cash_allowed(1), None).unwrap();
        assert!(
            (found.weights[0] - stake).abs() < 1e-9,
            "{p} {odds} {found:?}"
        );
    }
}

#[test]
fn two_even_money_bets_have_thorps_fraction() {
    let (first, second) = closed_form::two_even_money_bets(0.6, 0.6).unwrap();
    let stake = (0.36 - 0.16) / (2.0 * (0.36 + 0.16));
    assert!((first - stake).abs() < 1e-15 && (second - stake).abs() < 1e-15);
    let scenarios = closed_form::independent_bets(&[(0.6, 1.0), (0.6, 1.0)]).unwrap();
    let growth = kelly::growth(&scenarios, &DVector::from_vec(vec![first, second]));
    assert!((growth - 0.039_470_813_631_393_944).abs() < 1e-15);
}

#[test]
fn two_even_money_bets_of_different_odds_are_optimal() {
    for (p, q) in [
        (0.6, 0.55),
        (0.9, 0.51),
        (0.7, 0.4),
        (0.4, 0.45),
        (0.55, 0.8),
    ] {
        let (first, second) = closed_form::two_even_money_bets(p, q).unwrap();
        let scenarios = closed_form::independent_bets(&[(p, 1.0), (q, 1.0)]).unwrap();
        let found = kelly::maximise(&scenarios, &cash_allowed(2), None).unwrap();
        assert!(
            (found.weights[0] - first).abs() < 1e-8,
            "{p} {q} {first} {found:?}"
        );
        assert!(
            (found.weights[1] - second).abs() < 1e-8,
            "{p} {q} {second} {found:?}"
        );
    }
}

#[test]
fn equal_even_money_bets_are_optimal() {
    assert!((closed_form::equal_even_money_bets(0.6, 1).unwrap() - 0.2).abs() < 1e-12);
    for (p, count) in [(0.6, 2), (0.6, 5), (0.75, 7), (0.5, 3)] {
        let stake = closed_form::equal_even_money_bets(p, count).unwrap();
        let bets = vec![(p, 1.0); count as usize];
        let scenarios = closed_form::independent_bets(&bets).unwrap();
        let found = kelly::maximise(&scenarios, &cash_allowed(bets.len()), None).unwrap();
        for weight in &found.weights {
            assert!(
                (weight - stake).abs() < 1e-8,
                "{p} {count} {stake} {found:?}"
            );
        }
    }
}

/// Three bets of different odds: figures found by another solver to seven digits.
#[test]
fn three_bets_are_found() {
    let bets = [(0.6, 1.0), (0.55, 1.0), (0.3, 3.0)];
    let scenarios = closed_form::independent_bets(&bets).unwrap();
    let found = kelly::maximise(&scenarios, &cash_allowed(3), None).unwrap();
    for (weight, stake) in found
        .weights
        .iter()
        .zip([0.195_772_3, 0.094_808_1, 0.063_722_7])
    {
        assert!((weight - stake).abs() < 1e-6);
    }
    assert!((kelly::growth(&scenarios, &found.weights) - 0.031_047_181_9).abs() < 1e-10);
    assert!(found.gap.unwrap() < kelly::GAP);
}

/// One outcome of each comes true.
fn race(probabilities: &[f64], odds: &[f64]) -> Scenarios {
    let n = odds.len();
    Scenarios {
        gross: DMatrix::from_fn(
            n,
            n,
            |row, column| if row == column { odds[row] } else { 0.0 },
        ),
        probabilities: DVector::from_column_slice(probabilities),
    }
}

#[test]
fn races_are_bet_as_kelly_says() {
    let fair = closed_form::race(&[0.5, 0.3, 0.2], &[2.5, 3.0, 4.0]).unwrap();
    assert_eq!(fair.stakes, [0.5, 0.3, 0.2]);
    assert!(fair.reserve.abs() < 1e-15);
    // With a track take: not all is bet.
    for odds in [
        [2.4, 3.1, 2.0],
        [1.5, 2.0, 4.0],
        [3.0, 1.1, 4.9],
        [1.9, 3.2, 4.8],
    ] {
        let chances = [0.5, 0.3, 0.2];
        let bets = closed_form::race(&chances, &odds).unwrap();
        let own = DVector::from_column_slice(&bets.stakes);
        let scenarios = race(&chances, &odds);
        let found = kelly::maximise(&scenarios, &cash_allowed(3), None).unwrap();
        let (own, found) = (
            kelly::growth(&scenarios, &own),
            kelly::growth(&scenarios, &found.weights),
        );
        assert!(
            (own - found).abs() < 1e-9,
            "{odds:?} {bets:?} {own} {found}"
        );
    }
}

#[test]
fn malformed_bets_have_no_stake() {
    assert_eq!(closed_form::single_bet(1.2, 1.0), None);
    assert_eq!(closed_form::single_bet(0.5, 0.0), None);
    assert_eq!(closed_form::single_bet(f64::NAN, 1.0), None);
    assert_eq!(closed_form::two_even_money_bets(0.5, -0.1), None);
    assert_eq!(closed_form::equal_even_money_bets(0.6, 0), None);
    assert_eq!(closed_form::race(&[0.5, 0.4], &[2.0, 2.0]), None);
    assert_eq!(closed_form::race(&[0.5, 0.5], &[2.0]), None);
    assert!(closed_form::independent_bets(&[]).is_none());
    assert!(closed_form::independent_bets(&[(0.5, 1.0); 13]).is_none());
}
