//! Regions that have no interior, or the same limit twice: the gap never promises too much, and the
//! optimum is reached.

use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::lp;
use airdrops_allocation::problem::Scenarios;
use airdrops_allocation::region::{Region, Row, Turnover};
use airdrops_allocation::strategy::Failure;
use nalgebra::{DMatrix, DVector};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const FIRST: [f64; 24] = [
    0.9412061633745368,
    0.919329965367963,
    1.0418484878319114,
    1.018046748090255,
    0.9946697581356208,
    0.9362526234672054,
    0.9927275347570718,
    0.9260332455538073,
    2.8389103550707446,
    2.3122059851756784,
    1.0265741332112968,
    0.9670675008045992,
    0.9177253666647359,
    0.9500653002367281,
    1.0324956368539189,
    0.9868090234540207,
    0.9393342734531892,
    1.0473814753346273,
    0.9785663669704838,
    0.9022318464237441,
    2.6727605069499134,
    1.0204456254225847,
    0.9590979478735076,
    0.9804343035911439,
];
const SECOND: [f64; 24] = [
    1.0076856610174405,
    0.2587914923961008,
    0.9352485632511958,
    0.9499572125536262,
    1.0049062051853936,
    1.0495105502361304,
    1.0470582789822107,
    0.9694752890500525,
    1.0364469102565694,
    1.5597217890071717,
    0.2580351232756761,
    0.9246322227931641,
    0.9704811989797698,
    1.030146463460061,
    2.429597509171016,
    0.945535576384001,
    0.9870135349945525,
    0.9509381248800902,
    0.9120516732053994,
    0.902408417832193,
    0.9776751434486193,
    0.9803592394884476,
    0.9033387031211404,
    1.0176201962872031,
];
const PROBABILITIES: [f64; 24] = [
    0.0521622649829367,
    0.05919242784624733,
    0.04493544503726648,
    0.050148558463015344,
    0.00928187623111679,
    0.01434059297359999,
    0.07854424212699443,
    0.04170853894333974,
    0.052719129351606026,
    0.07850207663657081,
    0.02410698412053466,
    0.015718883673498794,
    0.08095461849008287,
    0.015154111261252831,
    0.07687297333365477,
    0.05779049811649686,
    0.023052779686419476,
    0.015770107360399806,
    0.030560165229156912,
    0.019060416146644193,
    0.017715549912208937,
    0.07302635980959724,
    0.02706722486314906,
    0.04161417540420988,
];

fn row(terms: &[(usize, f64)], min: f64, max: f64) -> Row {
    let mut terms = terms.to_vec();
    terms.sort_by_key(|(index, _)| *index);
    Row {
        name: "row".to_owned(),
        terms,
        min,
        max,
    }
}

/// A row that repeats half of the equality of the sum once left the optimum by 0.002 of growth with
/// a claimed gap of 4e-15, in one of both orders.
#[test]
fn a_row_that_repeats_an_equality_costs_neither_the_optimum_nor_the_gap() {
    // All in: growth has one dimension, and its greatest weight is that of the second row.
    let most = (1.0043 - 0.959) / (1.0478 - 0.959);
    let along = |a: f64| -> f64 {
        let wealth = FIRST
            .iter()
            .zip(&SECOND)
            .map(|(x, y)| a * x + (1.0 - a) * y);
        wealth.zip(&PROBABILITIES).map(|(w, p)| p * w.ln()).sum()
    };
    // Growth rises all the way to it.
    assert!((0..1000).all(|step| along(0.49 + f64::from(step) * 2e-5) < along(most)));
    assert!((along(most) - 0.081_232_6).abs() < 1e-7);
    for [a, b] in [[0, 1], [1, 0]] {
        let columns = if a == 0 {
            [FIRST, SECOND]
        } else {
            [SECOND, FIRST]
        };
        let scenarios = Scenarios {
            gross: DMatrix::from_fn(24, 2, |at, asset| columns[asset][at]),
            probabilities: DVector::from_row_slice(&PROBABILITIES),
        };
        let mut region = Region {
            lower: DVector::zeros(2),
            upper: DVector::zeros(2),
            rows: vec![
                row(&[(a, 1.0), (b, 1.0)], 1.0, 1.0),
                row(&[(a, 1.0478), (b, 0.959)], 0.9943, 1.0043),
                row(&[(a, 1.0), (b, 1.0)], 1.0, 1.4197),
                row(&[(b, 1.0)], f64::NEG_INFINITY, 0.51),
            ],
            turnover: None,
        };
        (region.lower[a], region.upper[a]) = (0.4778, 0.8064);
        (region.lower[b], region.upper[b]) = (0.0061, 0.9245);
        let found = kelly::maximise(&scenarios, &region, None).unwrap();
        let short = along(most) - kelly::growth(&scenarios, &found.weights);
        let gap = found.gap.unwrap();
        assert!(short <= gap + 1e-12, "{short:e} {gap:e} {found:?}");
        assert!(gap < 1e-9, "{found:?}");
        assert!((found.weights[a] - most).abs() < 1e-8, "{found:?}");
    }
}

/// A region around a point, with one kind of degeneracy or more.
fn region(rng: &mut ChaCha8Rng, n: usize) -> Region {
    let share = DVector::from_fn(n, |_, _| rng.random_range(0.0..1.0_f64));
    let middle: DVector<f64> = &share * (rng.random_range(0.2..1.0) / share.sum());
    let mut lower = &middle - DVector::from_fn(n, |_, _| rng.random_range(0.0..0.4));
    let mut upper = &middle + DVector::from_fn(n, |_, _| rng.random_range(0.0..0.4));
    lower.apply(|weight| *weight = weight.max(0.0));
    for index in 0..n {
        match rng.random_range(0..12) {
            0 => (lower[index], upper[index]) = (middle[index], middle[index]),
            1 => lower[index] = middle[index],
            2 => upper[index] = middle[index],
            _ => {}
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let draw = |rng: &mut ChaCha8Rng, plain: bool| -> Vec<(usize, f64)> {
        let mut terms = Vec::new();
        for index in 0..n {
            if plain || rng.random_bool(0.6) {
                let by = if plain {
                    1.0
                } else {
                    rng.random_range(0.5..1.5)
                };
                terms.push((index, by));
            }
        }
        terms
    };
    for at in 0..rng.random_range(1..4) {
        let terms = draw(rng, at == 0);
        let value = row(&terms, 0.0, 0.0).value(&middle);
        let (min, max) = match rng.random_range(0..4) {
            0 => (value, value),
            1 => (value, value + rng.random_range(0.0..0.3)),
            2 => (value - rng.random_range(0.0..0.3), value),
            _ => (value - 0.1, value + 0.1),
        };
        rows.push(row(&terms, min, max));
    }
    for at in 0..rows.len() {
        let (min, max) = (rows[at].min, rows[at].max);
        // The same again: as it is, scaled, turned round, or one side of it.
        let scaled = |by: f64| -> Vec<(usize, f64)> {
            rows[at]
                .terms
                .iter()
                .map(|&(index, own)| (index, by * own))
                .collect()
        };
        let again = match rng.random_range(0..8) {
            0 => row(&scaled(1.0), min, max + 0.4),
            1 => row(&scaled(1.0), min - 0.4, max),
            2 => row(&scaled(4.0), 4.0 * min, 4.0 * max),
            3 => row(&scaled(-1.0), -max, -min),
            // What is at most, twice: once as the least of the rest of a sum that is fixed.
            4 => row(&scaled(0.37), 0.37 * min, f64::INFINITY),
            5 if rows.len() > 1 => {
                // The sum of two rows follows from them.
                let other = (at + 1) % rows.len();
                let mut terms = vec![0.0; n];
                for &(index, by) in rows[at].terms.iter().chain(&rows[other].terms) {
                    terms[index] += by;
                }
                let terms: Vec<(usize, f64)> = terms.into_iter().enumerate().collect();
                let value = row(&terms, 0.0, 0.0).value(&middle);
                row(&terms, value, f64::INFINITY)
            }
            _ => continue,
        };
        rows.push(again);
    }
    let current = DVector::from_fn(n, |_, _| rng.random_range(0.0..0.5));
    let turnover = match rng.random_range(0..8) {
        0 => Some(Turnover {
            current: middle.clone(),
            max: 0.0,
        }),
        1 => Some(Turnover {
            max: (&middle - &current).lp_norm(1),
            current,
        }),
        _ => None,
    };
    Region {
        lower,
        upper,
        rows,
        turnover,
    }
}

fn scenarios(rng: &mut ChaCha8Rng, n: usize) -> Scenarios {
    let count = rng.random_range(3..30);
    let chances = DVector::from_fn(count, |_, _| rng.random_range(0.1..1.0));
    Scenarios {
        gross: DMatrix::from_fn(count, n, |_, _| match rng.random_range(0..8) {
            0 => rng.random_range(1.0..4.0),
            1 => rng.random_range(0.1..1.0),
            _ => rng.random_range(0.9..1.1),
        }),
        probabilities: &chances / chances.sum(),
    }
}

/// The gradient of growth.
fn gradient(scenarios: &Scenarios, weights: &DVector<f64>) -> DVector<f64> {
    let wealth = kelly::wealth(scenarios, weights);
    let prices = scenarios.probabilities.component_div(&wealth);
    scenarios.gross.add_scalar(-1.0).tr_mul(&prices)
}

#[test]
fn no_degenerate_region_makes_the_gap_promise_too_much() {
    let full = std::env::var("AIRDROPS_FULL_TESTS").is_ok_and(|value| value == "1");
    let (mut solved, mut unchecked, mut worst) = (0, 0, 0.0_f64);
    let count = if full { 50_000 } else { 3_000 };
    for seed in 0..count {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = rng.random_range(2..7);
        let (region, scenarios) = (region(&mut rng, n), scenarios(&mut rng, n));
        let found = match kelly::maximise(&scenarios, &region, None) {
            Ok(found) => found,
            // Every region has a point.
            Err(failure @ (Failure::Infeasible | Failure::Stalled { .. })) => {
                panic!("seed {seed}: {failure} {region:?}")
            }
            Err(failure) => panic!("seed {seed}: {failure}"),
        };
        solved += 1;
        let gap = found.gap.unwrap();
        assert!(region.violation(&found.weights) <= 1e-9, "seed {seed}");
        // Frank & Wolfe (1956): what a linear program over the region leaves.
        let slope = gradient(&scenarios, &found.weights);
        let Ok(best) = lp::minimise(&-&slope, &region) else {
            unchecked += 1;
            eprintln!("seed {seed}: no vertex, claimed {gap:e}");
            continue;
        };
        let bound = -best.objective + best.gap - slope.dot(&found.weights);
        worst = worst.max(gap).max(bound);
        assert!(
            gap < 1e-7 && bound < 1e-7,
            "seed {seed}: {gap:e} {bound:e} {region:?}"
        );
        // No point on the way to the best vertex is better than the gap allows.
        let own = kelly::growth(&scenarios, &found.weights);
        for step in [1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4] {
            let there = &found.weights * (1.0 - step) + &best.weights * step;
            let gain = kelly::growth(&scenarios, &there) - own;
            assert!(gain <= gap + 1e-13, "seed {seed}: {gain:e} above {gap:e}");
        }
    }
    eprintln!("{solved} solved, {unchecked} without a vertex, greatest gap {worst:e}");
    assert!(solved == count);
}

#[test]
fn under_a_drawdown_bound_the_gap_holds_on_degenerate_regions_too() {
    let full = std::env::var("AIRDROPS_FULL_TESTS").is_ok_and(|value| value == "1");
    let (mut bound, mut none) = (0, 0);
    for seed in 0..if full { 20_000 } else { 2_000 } {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = rng.random_range(2..7);
        let (region, scenarios) = (region(&mut rng, n), scenarios(&mut rng, n));
        let exponent = rng.random_range(0.5..6.0);
        let power = |weights: &_| drawdown::expected_power(&scenarios, weights, exponent);
        let found = match kelly::maximise(&scenarios, &region, Some(exponent)) {
            Ok(found) => found,
            Err(Failure::Infeasible) => {
                none += 1;
                let safest = kelly::safest(&scenarios, &region, exponent).unwrap();
                assert!(power(&safest.weights) > 1.0, "seed {seed}");
                continue;
            }
            Err(failure) => panic!("seed {seed}: {failure} {region:?}"),
        };
        bound += usize::from(power(&found.weights) > 1.0 - 1e-9);
        let gap = found.gap.unwrap();
        assert!(region.violation(&found.weights) <= 1e-9, "seed {seed}");
        assert!(power(&found.weights) <= 1.0, "seed {seed}");
        let own = kelly::growth(&scenarios, &found.weights);
        let slope = gradient(&scenarios, &found.weights);
        let slanted = DVector::from_fn(n, |index, _| slope[index] * rng.random_range(0.5..1.5));
        for cost in [-&slope, -&slanted] {
            let Ok(best) = lp::minimise(&cost, &region) else {
                continue;
            };
            for step in [1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4] {
                let there = &found.weights * (1.0 - step) + &best.weights * step;
                if power(&there) <= 1.0 {
                    let gain = kelly::growth(&scenarios, &there) - own;
                    assert!(gain <= gap + 1e-12, "seed {seed}: {gain:e} above {gap:e}");
                }
            }
        }
    }
    eprintln!("{bound} with the bound binding, {none} without weights that keep it");
    assert!(bound > 20 && none > 50, "{bound} {none}");
}
