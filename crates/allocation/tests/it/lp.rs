//! Linear programs over a region, and which limits conflict.

use airdrops_allocation::lp::{Limit, conflict, feasible, interior, minimise};
use airdrops_allocation::region::{Region, Row, Turnover};
use airdrops_allocation::strategy::Failure;
use nalgebra::DVector;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn row(name: &str, terms: &[(usize, f64)], min: f64, max: f64) -> Row {
    Row {
        name: name.to_owned(),
        terms: terms.to_vec(),
        min,
        max,
    }
}

fn invested(n: usize, min: f64, max: f64) -> Row {
    row(
        "invested",
        &(0..n).map(|asset| (asset, 1.0)).collect::<Vec<_>>(),
        min,
        max,
    )
}

fn long_only(n: usize, cap: f64) -> Region {
    Region {
        lower: DVector::zeros(n),
        upper: DVector::repeat(n, cap),
        rows: vec![invested(n, 1.0, 1.0)],
        turnover: None,
    }
}

/// Small figures on a coarse grid, so that ties and empty regions are common.
fn random_region(rng: &mut ChaCha8Rng, n: usize) -> Region {
    let grid = |rng: &mut ChaCha8Rng, most: u32| f64::from(rng.random_range(0..=most)) / 10.0;
    let lower = DVector::from_fn(n, |_, _| grid(rng, 2));
    let upper = DVector::from_fn(n, |asset, _| lower[asset] + grid(rng, 5));
    let mut rows = vec![match rng.random_range(0..3) {
        0 => invested(n, 1.0, 1.0),
        1 => invested(n, 0.0, grid(rng, 10)),
        _ => invested(n, 0.5, 0.9),
    }];
    for group in 0..rng.random_range(0..4) {
        let terms: Vec<(usize, f64)> = (0..n)
            .map(|asset| {
                (
                    asset,
                    if rng.random_bool(0.5) {
                        0.5 + grid(rng, 10)
                    } else {
                        0.0
                    },
                )
            })
            .collect();
        let min = grid(rng, 6);
        rows.push(row(
            &format!("g{group}"),
            &terms,
            if rng.random_bool(0.5) {
                min
            } else {
                f64::NEG_INFINITY
            },
            if rng.random_bool(0.7) {
                min + grid(rng, 4)
            } else {
                f64::INFINITY
            },
        ));
    }
    let turnover = rng.random_bool(0.5).then(|| Turnover {
        current: DVector::from_fn(n, |_, _| grid(rng, 6)),
        max: grid(rng, 12),
    });
    Region {
        lower,
        upper,
        rows,
        turnover,
    }
}

/// The same program by microlp, with purchases and sales of its own: the least, or `None`.
fn by_microlp(cost: &DVector<f64>, region: &Region) -> Option<f64> {
    use microlp::{ComparisonOp, OptimizationDirection, Problem};
    let n = region.dimension();
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let weights: Vec<_> = (0..n)
        .map(|j| problem.add_var(cost[j], (region.lower[j], region.upper[j])))
        .collect();
    for row in &region.rows {
        let terms: Vec<_> = row.terms.iter().map(|&(j, c)| (weights[j], c)).collect();
        if row.min.is_finite() {
            problem.add_constraint(terms.clone(), ComparisonOp::Ge, row.min);
        }
        if row.max.is_finite() {
            problem.add_constraint(terms, ComparisonOp::Le, row.max);
        }
    }
    if let Some(turnover) = &region.turnover {
        let mut sum = Vec::new();
        for (j, &weight) in weights.iter().enumerate() {
            let traded = problem.add_var(0.0, (0.0, f64::INFINITY));
            let held = turnover.current[j];
            problem.add_constraint([(traded, 1.0), (weight, -1.0)], ComparisonOp::Ge, -held);
            problem.add_constraint([(traded, 1.0), (weight, 1.0)], ComparisonOp::Ge, held);
            sum.push((traded, 1.0));
        }
        problem.add_constraint(sum, ComparisonOp::Le, turnover.max);
    }
    match problem.solve() {
        Ok(microlp::SolveOutcome::Solution(solution)) => Some(solution.objective()),
        _ => None,
    }
}

#[test]
fn least_cost_is_that_of_microlp_with_a_gap_of_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut solved, mut empty) = (0, 0);
    for _ in 0..600 {
        let n = rng.random_range(1..8);
        let region = random_region(&mut rng, n);
        let cost = DVector::from_fn(n, |_, _| f64::from(rng.random_range(-5..=5_i32)));
        match minimise(&cost, &region) {
            Ok(answer) => {
                solved += 1;
                assert!(region.violation(&answer.weights) < 1e-9);
                assert!((cost.dot(&answer.weights) - answer.objective).abs() < 1e-12);
                assert!(answer.gap < 1e-10, "{answer:?}");
                let other = by_microlp(&cost, &region).expect("microlp finds it empty");
                assert!(
                    (other - answer.objective).abs() < 1e-7,
                    "{other} {answer:?}"
                );
            }
            Err(Failure::Infeasible) => {
                empty += 1;
                assert_eq!(by_microlp(&cost, &region), None, "{region:?}");
                assert_eq!(feasible(&region), None);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(solved > 100 && empty > 100, "{solved} {empty}");
}

#[test]
fn least_cost_under_a_cap_fills_the_cheapest() {
    let cost = DVector::from_vec(vec![3.0, 1.0, 2.0, 5.0]);
    let answer = minimise(&cost, &long_only(4, 0.4)).unwrap();
    let expected = DVector::from_vec(vec![0.2, 0.4, 0.4, 0.0]);
    assert!((&answer.weights - expected).amax() < 1e-15);
    assert!((answer.objective - 1.8).abs() < 1e-12);
}

#[test]
fn least_cost_is_the_best_of_all_vertices() {
    // Every vertex of a box with one equality has all weights but one at a bound.
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..100 {
        let n = 6;
        let region = long_only(n, 0.1 + 0.1 * f64::from(rng.random_range(1..5_u32)));
        let cost = DVector::from_fn(n, |_, _| rng.random_range(-1.0..1.0));
        let mut best = f64::INFINITY;
        for free in 0..n {
            for mask in 0..1_u32 << n {
                let mut weights = DVector::from_fn(n, |j, _| {
                    if mask >> j & 1 == 1 {
                        region.upper[j]
                    } else {
                        0.0
                    }
                });
                weights[free] = 0.0;
                weights[free] = 1.0 - weights.sum();
                if region.violation(&weights) < 1e-12 {
                    best = best.min(cost.dot(&weights));
                }
            }
        }
        let answer = minimise(&cost, &region).unwrap();
        assert!((answer.objective - best).abs() < 1e-12);
    }
}

#[test]
fn cost_that_falls_without_end_is_said_to() {
    let mut region = long_only(2, f64::INFINITY);
    region.rows[0].max = f64::INFINITY;
    let cost = DVector::from_vec(vec![1.0, -1.0]);
    assert!(matches!(
        minimise(&cost, &region),
        Err(Failure::Unbounded(_))
    ));
    // Bounded below without bounds of its own: the gap comes from what the rows imply.
    region.rows[0].max = 1.0;
    let answer = minimise(&cost, &region).unwrap();
    assert_eq!((answer.objective, answer.gap), (-1.0, 0.0));
}

#[test]
fn figures_that_are_not_numbers_are_refused() {
    let mut region = long_only(2, 1.0);
    region.upper[1] = f64::NAN;
    assert!(matches!(
        minimise(&DVector::zeros(2), &region),
        Err(Failure::Missing(_))
    ));
    assert_eq!(feasible(&region), None);
    assert!(conflict(&region).is_empty());
    assert!(interior(&region).is_err());
    let region = long_only(2, 1.0);
    assert!(matches!(
        minimise(&DVector::from_vec(vec![f64::NAN, 0.0]), &region),
        Err(Failure::Missing(_))
    ));
    assert!(matches!(
        minimise(&DVector::zeros(3), &region),
        Err(Failure::Missing(_))
    ));
}

#[test]
fn interior_point_has_equal_room_on_all_sides_of_a_box() {
    let (weights, radius) = interior(&long_only(4, 0.4)).unwrap();
    assert!((radius - 0.15).abs() < 1e-12, "{weights} {radius}");
    assert!((weights[0] - 0.25).abs() < 1e-12);
    let mut region = long_only(4, 1.0);
    region.rows[0] = invested(4, 0.0, 0.9);
    // radius r: w ≥ r and Σw ≤ 0.9 − 4r.
    let (_, radius) = interior(&region).unwrap();
    assert!((radius - 0.9 / 8.0).abs() < 1e-12);
    // Nothing may be traded, and what is held lies inside.
    region.turnover = Some(Turnover {
        current: DVector::repeat(4, 0.2),
        max: 0.0,
    });
    let (weights, radius) = interior(&region).unwrap();
    assert!((weights[2] - 0.2).abs() < 1e-15 && (radius - 0.025).abs() < 1e-12);
}

/// The greatest radius, by bisection on emptiness.
fn radius_by_bisection(region: &Region) -> f64 {
    let movable: Vec<bool> = (0..region.dimension())
        .map(|j| region.lower[j] < region.upper[j])
        .collect();
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..45 {
        let radius = 0.5 * (low + high);
        let mut tight = region.clone();
        for (j, _) in movable.iter().enumerate().filter(|(_, movable)| **movable) {
            tight.lower[j] += radius;
            tight.upper[j] -= radius;
        }
        for row in &mut tight.rows {
            let reach: f64 = row
                .terms
                .iter()
                .filter(|(j, _)| movable[*j])
                .map(|(_, c)| c.abs())
                .sum();
            if row.min < row.max {
                row.min += radius * reach;
                row.max -= radius * reach;
            }
        }
        if let Some(turnover) = &mut tight.turnover
            && turnover.max > 0.0
        {
            turnover.max -= radius * movable.iter().filter(|m| **m).count() as f64;
        }
        if feasible(&tight).is_some() {
            low = radius;
        } else {
            high = radius;
        }
    }
    low
}

#[test]
fn interior_point_has_the_greatest_room() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut met = 0;
    for _ in 0..300 {
        let n = rng.random_range(1..7);
        let region = random_region(&mut rng, n);
        match interior(&region) {
            Ok((weights, radius)) => {
                assert!(region.violation(&weights) < 1e-9);
                if radius.is_finite() {
                    met += 1;
                    let other = radius_by_bisection(&region);
                    assert!((radius - other).abs() < 1e-8, "{radius} {other} {region:?}");
                }
            }
            Err(Failure::Infeasible) => assert_eq!(feasible(&region), None),
            Err(Failure::Unbounded(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(met > 80, "{met}");
}

/// Every limit of a region.
fn all_limits(region: &Region) -> Vec<Limit> {
    let mut limits = Vec::new();
    for asset in 0..region.dimension() {
        limits.push(Limit::Lower {
            asset,
            value: region.lower[asset],
        });
        limits.push(Limit::Upper {
            asset,
            value: region.upper[asset],
        });
    }
    for row in &region.rows {
        if row.min.is_finite() {
            limits.push(Limit::RowMin {
                name: row.name.clone(),
                value: row.min,
            });
        }
        if row.max.is_finite() {
            limits.push(Limit::RowMax {
                name: row.name.clone(),
                value: row.max,
            });
        }
    }
    if let Some(turnover) = &region.turnover {
        limits.push(Limit::Turnover {
            value: turnover.max,
        });
    }
    limits
}

/// The region with these of its limits only.
fn with_only(region: &Region, limits: &[Limit]) -> Region {
    let n = region.dimension();
    let mut only = Region {
        lower: DVector::repeat(n, f64::NEG_INFINITY),
        upper: DVector::repeat(n, f64::INFINITY),
        rows: region
            .rows
            .iter()
            .map(|r| row(&r.name, &r.terms, f64::NEG_INFINITY, f64::INFINITY))
            .collect(),
        turnover: None,
    };
    for limit in limits {
        match limit {
            Limit::Lower { asset, value } => only.lower[*asset] = *value,
            Limit::Upper { asset, value } => only.upper[*asset] = *value,
            Limit::RowMin { name, value } => {
                only.rows.iter_mut().find(|r| r.name == *name).unwrap().min = *value;
            }
            Limit::RowMax { name, value } => {
                only.rows.iter_mut().find(|r| r.name == *name).unwrap().max = *value;
            }
            Limit::Turnover { .. } => only.turnover.clone_from(&region.turnover),
        }
    }
    only
}

fn possible(region: &Region) -> bool {
    by_microlp(&DVector::zeros(region.dimension()), region).is_some()
}

#[test]
fn conflict_cannot_hold_and_every_part_of_it_can() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut empty = 0;
    for _ in 0..400 {
        let n = rng.random_range(1..6);
        let region = random_region(&mut rng, n);
        let set = conflict(&region);
        if feasible(&region).is_some() {
            assert!(set.is_empty());
            continue;
        }
        empty += 1;
        assert!(!possible(&with_only(&region, &set)), "{set:?} {region:?}");
        for left_out in 0..set.len() {
            let mut fewer = set.clone();
            fewer.remove(left_out);
            assert!(possible(&with_only(&region, &fewer)), "{set:?} {region:?}");
        }
    }
    assert!(empty > 100, "{empty}");
}

#[test]
fn conflict_is_of_smallest_size() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut sizes = [0; 8];
    for _ in 0..120 {
        let n = rng.random_range(1..4);
        let region = random_region(&mut rng, n);
        let set = conflict(&region);
        if set.is_empty() {
            continue;
        }
        sizes[set.len()] += 1;
        let limits = all_limits(&region);
        for mask in 0..1_u32 << limits.len() {
            if (mask.count_ones() as usize) < set.len() {
                let some: Vec<Limit> = limits
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| mask >> place & 1 == 1)
                    .map(|(_, limit)| limit.clone())
                    .collect();
                let some = with_only(&region, &some);
                assert!(feasible(&some).is_some(), "{set:?} {some:?}");
            }
        }
    }
    assert!(sizes[2] > 5 && sizes[3] > 5, "{sizes:?}");
}

#[test]
fn known_conflicts_are_named_with_their_figures() {
    let words = |region: &Region| -> Vec<String> {
        conflict(region).iter().map(ToString::to_string).collect()
    };
    // Three caps of 30 % cannot make 100 %.
    assert_eq!(
        words(&long_only(3, 0.3)),
        [
            "asset 0 is at most 30 %",
            "asset 1 is at most 30 %",
            "asset 2 is at most 30 %",
            "`invested` is at least 100 %"
        ]
    );
    // A shorter reason is preferred to that one.
    let mut region = long_only(3, 0.3);
    region
        .rows
        .push(row("chain", &[(0, 1.0)], 0.45, f64::INFINITY));
    assert_eq!(
        words(&region),
        ["asset 0 is at most 30 %", "`chain` is at least 45 %"]
    );
    let mut region = long_only(2, 1.0);
    region.lower[0] = 0.7;
    region.upper[0] = 0.125;
    assert_eq!(
        words(&region),
        ["asset 0 is at least 70 %", "asset 0 is at most 12.5 %"]
    );
    let mut region = long_only(2, 1.0);
    region.turnover = Some(Turnover {
        current: DVector::zeros(2),
        max: 0.5,
    });
    assert_eq!(
        words(&region),
        ["`invested` is at least 100 %", "turnover is at most 50 %"]
    );
    assert_eq!(
        Limit::Upper {
            asset: 1,
            value: 0.05
        }
        .describe(&["a".to_owned(), "vault-x".to_owned()]),
        "`vault-x` is at most 5 %"
    );
}

#[test]
fn conflict_among_a_thousand_caps_is_found() {
    let mut region = long_only(1000, 0.0009);
    assert_eq!(conflict(&region).len(), 1001);
    region
        .rows
        .push(row("chain", &[(0, 1.0), (7, 1.0)], 0.002, 1.0));
    assert_eq!(conflict(&region).len(), 3);
}
