//! Backtests: counts, purging, and that nothing looks ahead.

use std::time::Duration;

use airdrops_allocation::backtest::{
    History, HistoryError, Purging, Simulation, WalkForward, compare,
};
use airdrops_allocation::problem::{Costs, Estimator, Limits, Parameters, Problem, Returns};
use airdrops_types::{Timestamp, Usd};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

const DAY: i64 = 86_400_000;

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

fn times(rows: usize) -> Vec<Timestamp> {
    (0..rows)
        .map(|row| Timestamp(i64::try_from(row).unwrap() * DAY))
        .collect()
}

fn history(rows: usize, n: usize, value: impl Fn(usize, usize) -> f64) -> History {
    let names = (0..n).map(|asset| format!("asset-{asset}")).collect();
    History::new(times(rows), names, DMatrix::from_fn(rows, n, value)).unwrap()
}

fn template(n: usize) -> Problem {
    Problem {
        assets: (0..n).map(|asset| format!("asset-{asset}")).collect(),
        returns: Returns::History(DMatrix::zeros(1, n)),
        estimator: Estimator::Sample,
        limits: Limits::long_only(n),
        current: DVector::zeros(n),
        costs: Costs::default(),
        parameters: Parameters::default(),
        risk_free: 0.0,
        periods_per_year: 365.0,
        capital: Usd::dollars(1_000),
    }
}

/// Weights by the mean of what was seen: any change of what it sees changes them.
fn momentum(problem: &Problem) -> Result<Vec<f64>, String> {
    let Returns::History(rows) = &problem.returns else {
        return Err("no history".into());
    };
    let scores: Vec<f64> = rows
        .column_iter()
        .map(|column| (column.mean() * 10.0).exp())
        .collect();
    let sum: f64 = scores.iter().sum();
    Ok(scores.iter().map(|score| score / sum).collect())
}

fn walk(window: u64, step: u64, embargo: u64) -> WalkForward {
    WalkForward {
        window: days(window),
        step: days(step),
        embargo: days(embargo),
        least_rows: 2,
    }
}

#[test]
fn a_decision_sees_its_window_and_nothing_of_the_embargo() {
    let folds = walk(10, 5, 3).folds(&times(30));
    // The window is full on day 10 + 3, which sees what was known after day 0 and by day 10.
    assert_eq!(folds[0].at, Timestamp(13 * DAY));
    assert_eq!(folds[0].train, 1..11);
    assert_eq!(folds[0].test, 14..19);
    assert_eq!(folds[1].at, Timestamp(18 * DAY));
    assert_eq!(folds.last().unwrap().test.end, 30);
    // Tests follow each other without gap or overlap.
    assert!(
        folds
            .windows(2)
            .all(|pair| pair[0].test.end == pair[1].test.start)
    );
}

#[test]
fn too_short_a_history_has_no_folds() {
    assert!(walk(10, 5, 3).folds(&times(13)).is_empty());
    assert!(walk(10, 5, 3).folds(&[]).is_empty());
}

#[test]
fn combinations_are_as_many_as_the_formula_says() {
    for (groups, test, splits, paths) in [(6, 2, 15, 5), (10, 8, 45, 36), (5, 1, 5, 1)] {
        let purging = Purging {
            groups,
            test,
            horizon: days(0),
            embargo: days(0),
        };
        let all = purging.combinations(&times(60)).unwrap();
        assert_eq!((all.splits.len(), all.paths.len()), (splits, paths));
        // Each path goes through all groups, and no test of a split is used twice.
        let mut used: Vec<(usize, usize)> = Vec::new();
        for path in &all.paths {
            assert_eq!(path.len(), groups);
            for (group, split) in path.iter().enumerate() {
                assert!(all.splits[*split].tested.contains(&group));
                used.push((group, *split));
            }
        }
        used.sort_unstable();
        let count = used.len();
        used.dedup();
        assert_eq!(used.len(), count);
        assert_eq!(count, splits * test);
    }
}

#[test]
fn groups_that_cannot_be_made_are_refused() {
    let purging = |groups, test| Purging {
        groups,
        test,
        horizon: days(0),
        embargo: days(0),
    };
    assert!(purging(6, 6).combinations(&times(60)).is_err());
    assert!(purging(6, 0).combinations(&times(60)).is_err());
    assert!(purging(6, 2).combinations(&times(5)).is_err());
    let error = purging(30, 15).combinations(&times(60)).unwrap_err();
    assert!(error.to_string().contains("5000"), "{error}");
}

#[test]
fn wealth_drifts_between_decisions_and_bears_costs() {
    // One decision: half each; first asset +10 % a day, second nothing.
    let history = history(6, 2, |_, asset| if asset == 0 { 0.1 } else { 0.0 });
    let mut template = template(2);
    template.costs = Costs {
        proportional: vec![0.01, 0.01],
        fixed: vec![0.002, 0.002],
        cap_per_transaction: Some(0.2),
    };
    let folds = walk(2, 100, 0).folds(history.times());
    assert_eq!(folds.len(), 1);
    let simulation = Simulation {
        history: &history,
        template: &template,
    };
    let run = simulation.walk("half", &folds, &mut |_| Ok(vec![0.5, 0.5]));
    let decision = &run.decisions[0];
    // 0.5 in parts of 0.2 are three transactions each.
    assert_eq!(decision.transactions, 6);
    assert!((decision.cost - (0.01 + 6.0 * 0.002)).abs() < 1e-12);
    let end = run.equity.last().unwrap().value;
    let rows = i32::try_from(run.returns.len()).unwrap();
    let expected = (1.0 - decision.cost) * (0.5 * 1.1_f64.powi(rows) + 0.5);
    assert!((end - expected).abs() < 1e-12, "{end} {expected}");
    let compounded: f64 = run.returns.iter().map(|value| 1.0 + value).product();
    assert!((compounded - end).abs() < 1e-12);
}

#[test]
fn a_fixed_cost_is_the_same_money_whatever_the_wealth() {
    // Wealth doubles between the two decisions; the second moves everything.
    let history = history(9, 2, |row, _| if row == 4 { 1.0 } else { 0.0 });
    let mut template = template(2);
    template.costs.fixed = vec![0.01, 0.01];
    let folds = walk(2, 3, 0).folds(history.times());
    let simulation = Simulation {
        history: &history,
        template: &template,
    };
    let mut capitals = Vec::new();
    let run = simulation.walk("switch", &folds, &mut |problem| {
        capitals.push(problem.capital);
        Ok(if capitals.len() == 1 {
            vec![1.0, 0.0]
        } else {
            vec![0.0, 1.0]
        })
    });
    assert!((run.decisions[0].cost - 0.01).abs() < 1e-12);
    // 0.99 has become 1.98; two transactions cost 0.02 of the first capital.
    assert!((run.decisions[1].cost - 0.02 / 1.98).abs() < 1e-12);
    assert_eq!(capitals[..2], [Usd::dollars(1_000), Usd::dollars(1_980)]);
    assert!((run.cost - 0.03).abs() < 1e-12);
}

#[test]
fn a_strategy_without_an_answer_keeps_what_it_holds_and_pays_nothing() {
    let history = history(20, 2, |_, _| 0.01);
    let template = template(2);
    let folds = walk(4, 4, 0).folds(history.times());
    let simulation = Simulation {
        history: &history,
        template: &template,
    };
    for bad in [
        vec![0.5],
        vec![0.9, 0.9],
        vec![f64::NAN, 0.0],
        vec![-0.5, 0.5],
    ] {
        let run = simulation.walk("bad", &folds, &mut |_| Ok(bad.clone()));
        assert!(
            run.decisions
                .iter()
                .all(|decision| decision.refused.is_some())
        );
        assert!(run.equity.iter().all(|point| point.value == 1.0));
    }
    let mut calls = 0;
    let run = simulation.walk("once", &folds, &mut |_| {
        calls += 1;
        if calls == 1 {
            Ok(vec![1.0, 0.0])
        } else {
            Err("no".into())
        }
    });
    assert!(run.decisions[1].weights[0] > 0.99);
    let compared = compare(&[run], 1, 0.0, 365.0, 0.95);
    assert_eq!(compared[0].refused, compared[0].decisions - 1);
}

#[test]
fn more_trials_deflate_more() {
    let noise = |row: usize, asset: usize| ((row * 7 + asset * 3) % 11) as f64 / 200.0 - 0.02;
    let history = history(120, 3, noise);
    let template = template(3);
    let folds = walk(20, 10, 0).folds(history.times());
    let simulation = Simulation {
        history: &history,
        template: &template,
    };
    let runs = [
        simulation.walk("momentum", &folds, &mut momentum),
        simulation.walk("first", &folds, &mut |_| Ok(vec![1.0, 0.0, 0.0])),
    ];
    let few = compare(&runs, 2, 0.0, 365.0, 0.95);
    let many = compare(&runs, 200, 0.0, 365.0, 0.95);
    for (few, many) in few.iter().zip(&many) {
        assert!(many.deflated.unwrap() < few.deflated.unwrap());
        assert!(few.deflated.unwrap() < few.probabilistic.unwrap());
    }
}

#[test]
fn cross_validation_tests_every_row_once_per_path() {
    let history = history(60, 2, |row, _| if row % 2 == 0 { 0.02 } else { -0.01 });
    let purging = Purging {
        groups: 6,
        test: 2,
        horizon: days(1),
        embargo: days(1),
    };
    let all = purging.combinations(history.times()).unwrap();
    let template = template(2);
    let simulation = Simulation {
        history: &history,
        template: &template,
    };
    let (paths, refusals) = simulation.cross_validate(&all, &mut |_| Ok(vec![0.5, 0.5]));
    assert_eq!(paths.len(), 5);
    assert!(refusals.is_empty());
    for path in paths {
        assert_eq!(path.len(), 60);
        assert!((path[0] - 0.02).abs() < 1e-12 && (path[59] + 0.01).abs() < 1e-12);
    }
}

#[test]
fn what_is_no_history_is_refused_with_its_place() {
    let names = vec!["a".to_owned(), "b".to_owned()];
    let bad = DMatrix::from_row_slice(2, 2, &[0.0, 0.1, f64::NAN, 0.0]);
    assert_eq!(
        History::new(times(2), names.clone(), bad).unwrap_err(),
        HistoryError::Return {
            row: 1,
            asset: "a".into()
        }
    );
    let prices = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 1.5, 0.0]);
    assert_eq!(
        History::from_prices(&times(2), names.clone(), &prices).unwrap_err(),
        HistoryError::Price {
            row: 1,
            asset: "b".into()
        }
    );
    let prices = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 1.5, 1.0]);
    let made = History::from_prices(&times(2), names.clone(), &prices).unwrap();
    assert_eq!(made.returns().as_slice(), [0.5, -0.5]);
    let twice = vec![Timestamp(1), Timestamp(1)];
    assert!(matches!(
        History::from_prices(&twice, names, &prices),
        Err(HistoryError::Order { row: 1, .. })
    ));
}

proptest! {
    #[test]
    fn no_training_row_is_near_a_test(
        groups in 2_usize..8,
        test in 1_usize..4,
        horizon in 0_u64..6,
        embargo in 0_u64..6,
        gaps in prop::collection::vec(1_i64..4, 40),
    ) {
        prop_assume!(test < groups);
        let mut at = 0;
        let times: Vec<Timestamp> = gaps.iter().map(|gap| { at += gap * DAY; Timestamp(at) }).collect();
        let purging = Purging { groups, test, horizon: days(horizon), embargo: days(embargo) };
        for split in purging.combinations(&times).unwrap().splits {
            for row in &split.train {
                for tested in split.test.iter().cloned().flatten() {
                    let apart = times[tested].0 - times[*row].0;
                    let reach = i64::try_from(horizon).unwrap() * DAY;
                    let rest = i64::try_from(embargo).unwrap() * DAY;
                    // A row before must be done before the test begins; one after must come after
                    // the test's outcome and the embargo.
                    prop_assert!(apart > reach || -apart > reach + rest, "{row} {tested}");
                }
            }
        }
    }

    #[test]
    fn the_future_changes_no_earlier_decision(
        rows in prop::collection::vec(prop::collection::vec(-0.2_f64..0.25, 3), 40..70),
        cut in 20_usize..40,
        embargo in 0_u64..5,
        other in -0.2_f64..0.25,
    ) {
        let whole = history(rows.len(), 3, |row, asset| rows[row][asset]);
        let changed = history(rows.len(), 3, |row, asset| {
            if row < cut { rows[row][asset] } else { other + 0.001 * asset as f64 }
        });
        let template = template(3);
        let folds = walk(8, 3, embargo).folds(whole.times());
        let decide = |history: &History| {
            let simulation = Simulation { history, template: &template };
            simulation.walk("momentum", &folds, &mut momentum)
        };
        let (one, two) = (decide(&whole), decide(&changed));
        let known = Timestamp(i64::try_from(cut).unwrap() * DAY);
        let mut compared = 0;
        for (one, two) in one.decisions.iter().zip(&two.decisions) {
            if one.at < known {
                prop_assert_eq!(one, two);
                compared += 1;
            }
        }
        prop_assert!(compared > 0);
        for (fold, decision) in folds.iter().zip(&one.decisions) {
            prop_assert!(whole.times()[fold.train.end - 1].plus(days(embargo)) <= decision.at);
        }
    }
}
