//! Random problems with random limits, whose figures are whole ten-thousandths, so that the tests
//! can check answers in integers without the code that they test.

use std::collections::BTreeMap;

use airdrops_allocation::parts::PARTS;
use airdrops_allocation::problem::{
    Certainty, Costs, Drawdown, Estimator, Group, Limits, Moments, Parameters, Problem, Returns,
    Scenarios, Views,
};
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What limits are counted in.
const UNIT: i128 = PARTS / 10_000;

/// Members with coefficients, least and greatest sum.
type Sum = (Vec<(usize, i128)>, Option<i128>, Option<i128>);

/// Limits in ten-thousandths of capital.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    pub(super) lower: Vec<i128>,
    pub(super) upper: Vec<i128>,
    pub(super) invested: (i128, i128),
    /// Members with coefficients in ten-thousandths, least and greatest sum.
    pub(super) groups: Vec<Sum>,
    pub(super) turnover: Option<i128>,
    pub(super) min_position: Option<i128>,
    pub(super) max_positions: Option<usize>,
    pub(super) current: Vec<i128>,
}

impl Whole {
    /// The limits that parts break.
    pub(super) fn broken(&self, weights: &[i128]) -> Vec<String> {
        let mut broken = Vec::new();
        let mut check = |fine: bool, what: String| {
            if !fine {
                broken.push(what);
            }
        };
        check(weights.len() == self.lower.len(), "length".into());
        for (index, &weight) in weights.iter().enumerate() {
            check(weight >= self.lower[index] * UNIT, format!("lower {index}"));
            check(weight <= self.upper[index] * UNIT, format!("upper {index}"));
            if let Some(least) = self.min_position {
                check(
                    weight == 0 || weight.abs() >= least * UNIT,
                    format!("min {index}"),
                );
            }
        }
        let sum: i128 = weights.iter().sum();
        check(sum >= self.invested.0 * UNIT, "invested".into());
        check(sum <= self.invested.1 * UNIT, "invested".into());
        for (index, (terms, min, max)) in self.groups.iter().enumerate() {
            let sum: i128 = terms.iter().map(|&(asset, by)| by * weights[asset]).sum();
            let whole = UNIT * 10_000;
            // A weighted sum that must equal a value misses it by less than a part.
            let weighted = terms.iter().any(|&(_, by)| by != 10_000);
            let slack = if weighted && min == max { 9_999 } else { 0 };
            check(
                min.is_none_or(|min| sum >= min * whole - slack),
                format!("group {index} min"),
            );
            check(
                max.is_none_or(|max| sum <= max * whole + slack),
                format!("group {index} max"),
            );
        }
        if let Some(most) = self.turnover {
            let traded = weights.iter().zip(&self.current);
            let traded: i128 = traded.map(|(w, held)| (w - held * UNIT).abs()).sum();
            check(traded <= most * UNIT, "turnover".into());
        }
        let positions = weights.iter().filter(|weight| **weight != 0).count();
        check(
            self.max_positions.is_none_or(|most| positions <= most),
            "positions".into(),
        );
        broken
    }

    #[expect(clippy::cast_precision_loss)]
    pub(super) fn limits(&self) -> Limits {
        let float = |value: i128| value as f64 / 10_000.0;
        Limits {
            lower: DVector::from_iterator(self.lower.len(), self.lower.iter().map(|v| float(*v))),
            upper: DVector::from_iterator(self.upper.len(), self.upper.iter().map(|v| float(*v))),
            invested: (float(self.invested.0), float(self.invested.1)),
            groups: self
                .groups
                .iter()
                .enumerate()
                .map(|(index, (terms, min, max))| Group {
                    name: format!("group {index}"),
                    terms: terms
                        .iter()
                        .map(|&(asset, by)| (asset, float(by)))
                        .collect(),
                    min: min.map(float),
                    max: max.map(float),
                })
                .collect(),
            turnover: self.turnover.map(float),
            min_position: self.min_position.map(float),
            max_positions: self.max_positions,
        }
    }
}

/// How wild the limits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Convex limits that at least one point keeps.
    Convex,
    /// Any limits, with those of positions; they may not fit together.
    Any,
}

pub(super) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A problem, and its limits in whole numbers.
pub(super) fn problem(seed: u64, kind: Kind) -> (Problem, Whole) {
    let mut rng = rng(seed);
    let n = rng.random_range(2..=9);
    let whole = whole(&mut rng, n, kind);
    let returns = returns(&mut rng, n);
    #[expect(clippy::cast_precision_loss)]
    let current = whole.current.iter().map(|held| *held as f64 / 10_000.0);
    let current = DVector::from_iterator(n, current);
    let problem = Problem {
        assets: (0..n).map(|index| format!("a{index}")).collect(),
        returns,
        estimator: [
            Estimator::Sample,
            Estimator::LedoitWolf,
            Estimator::OracleApproximating,
            Estimator::Exponential { half_life: 20.0 },
        ][rng.random_range(0..4)],
        limits: whole.limits(),
        current,
        costs: Costs::default(),
        parameters: parameters(&mut rng, n),
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: Usd::dollars(rng.random_range(100..1_000_000)),
    };
    (problem, whole)
}

fn whole(rng: &mut ChaCha8Rng, n: usize, kind: Kind) -> Whole {
    let cash = rng.random_bool(0.3);
    let shorts = rng.random_bool(0.15);
    // A point that the convex limits are drawn around.
    let mut point = vec![0_i128; n];
    for _ in 0..100 {
        point[rng.random_range(0..n)] += 100;
    }
    if shorts {
        let (from, to) = (rng.random_range(0..n), rng.random_range(0..n));
        point[from] -= 500;
        point[to] += 500;
    }
    let slack = |rng: &mut ChaCha8Rng| match rng.random_range(0..4) {
        0 => 0,
        1 => rng.random_range(0..10),
        2 => rng.random_range(0..1_000),
        _ => rng.random_range(0..6_000),
    };
    let mut lower: Vec<i128> = point
        .iter()
        .map(|at| {
            let low = at - slack(rng);
            if shorts { low } else { low.max(0) }
        })
        .collect();
    let mut upper: Vec<i128> = point.iter().map(|at| at + slack(rng)).collect();
    if rng.random_bool(0.5) {
        for index in 0..n {
            lower[index] = lower[index].min(0);
            upper[index] = upper[index].max(rng.random_range(0..4_000));
        }
    }
    let groups = (0..rng.random_range(0..4))
        .map(|_| {
            let weighted = rng.random_bool(0.3);
            let mut terms: Vec<(usize, i128)> = Vec::new();
            for asset in 0..n {
                if rng.random_bool(0.5) {
                    let by = if weighted {
                        rng.random_range(0..=20_000)
                    } else {
                        10_000
                    };
                    terms.push((asset, by));
                }
            }
            if terms.is_empty() {
                terms.push((rng.random_range(0..n), 10_000));
            }
            let sum: i128 = terms.iter().map(|&(asset, by)| by * point[asset]).sum();
            let (down, up) = (sum.div_euclid(10_000), -(-sum).div_euclid(10_000));
            let exact = !weighted && rng.random_bool(0.2);
            let (min, max) = match rng.random_range(0..3) {
                _ if exact => (Some(down), Some(up)),
                0 => (Some(down - slack(rng)), None),
                1 => (None, Some(up + slack(rng))),
                _ => (Some(down - slack(rng)), Some(up + slack(rng))),
            };
            (terms, min, max)
        })
        .collect();
    let mut current = vec![0_i128; n];
    for _ in 0..20 {
        current[rng.random_range(0..n)] += 500;
    }
    let distance: i128 = point.iter().zip(&current).map(|(a, b)| (a - b).abs()).sum();
    let turnover = rng.random_bool(0.3).then(|| distance + slack(rng));
    let mut whole = Whole {
        lower,
        upper,
        invested: if cash { (0, 10_000) } else { (10_000, 10_000) },
        groups,
        turnover,
        min_position: None,
        max_positions: None,
        current,
    };
    if kind == Kind::Any {
        whole.min_position = rng.random_bool(0.5).then(|| rng.random_range(1..2_000));
        whole.max_positions = rng.random_bool(0.5).then(|| rng.random_range(1..=n));
        if rng.random_bool(0.2) {
            let asset = rng.random_range(0..n);
            whole.upper[asset] = whole.lower[asset].max(rng.random_range(0..3_000));
        }
    }
    whole
}

fn returns(rng: &mut ChaCha8Rng, n: usize) -> Returns {
    let mut factor = || rng.random_range(-1.0..1.0) + rng.random_range(-1.0..1.0);
    let loads = DMatrix::from_fn(n, n + 2, |_, _| 0.02 * factor());
    let mean = DVector::from_fn(n, |_, _| 0.005 * factor());
    match rng.random_range(0..3) {
        0 => Returns::Moments(Moments {
            mean,
            covariance: &loads * loads.transpose(),
        }),
        1 => {
            let draws = DMatrix::from_fn(40, n + 2, |_, _| {
                rng.random_range(-1.0..1.0) + rng.random_range(-1.0..1.0)
            });
            let mut history = draws * loads.transpose();
            for mut row in history.row_iter_mut() {
                row += mean.transpose();
            }
            Returns::History(history)
        }
        _ => {
            let rows = rng.random_range(5..40);
            let gross = DMatrix::from_fn(rows, n, |_, _| match rng.random_range(0..20) {
                0 => rng.random_range(0.0..0.5),
                1 | 2 => rng.random_range(1.5..4.0),
                _ => rng.random_range(0.9..1.05),
            });
            let raw = DVector::from_fn(rows, |_, _| rng.random_range(0.1..1.0));
            let sum = raw.sum();
            Returns::Scenarios(Scenarios {
                gross,
                probabilities: raw / sum,
            })
        }
    }
}

fn parameters(rng: &mut ChaCha8Rng, n: usize) -> Parameters {
    let names = (0..n).map(|index| format!("a{index}"));
    #[expect(clippy::cast_precision_loss)]
    let equal = 1.0 / n as f64;
    Parameters {
        risk_budgets: None,
        fixed: Some(names.map(|name| (name, equal)).collect::<BTreeMap<_, _>>()),
        risk_aversion: Some(rng.random_range(0.5..10.0)),
        target_return: Some(0.0),
        target_risk: Some(0.05),
        views: Some(Views {
            p: DMatrix::from_fn(1, n, |_, column| f64::from(u8::from(column == 0))),
            q: DVector::from_element(1, 0.01),
            certainty: Certainty::Confidence(DVector::from_element(1, 0.5)),
            market_weights: DVector::repeat(n, equal),
            delta: 2.5,
            tau: 0.05,
        }),
        drawdown: rng.random_bool(0.3).then_some(Drawdown {
            alpha: 0.7,
            beta: 0.1,
        }),
        kelly_fraction: None,
        alpha: Some(0.9),
    }
}
