//! What rebalancing rules lose in a year: `cargo bench -p airdrops-allocation --bench drift`.
//!
//! Twelve assets whose logarithms walk with a volatility of 90 % a year and a correlation of 0.4, and
//! whose mean returns are zero; the target is a twelfth of equity in each, and that is where every
//! path starts. Capital is held at what it was, so that gas weighs the same all year. The loss is what
//! is paid (gas for every transaction, 0.2 % slippage) plus the utility `λ/2 (w − w*)' Σ (w − w*)` with
//! λ = 3 that positions off their targets lose, in percent of equity a year. Days are steps; the draw
//! of paths is our own and the same for every rule.
//!
//! Rules that follow the calendar or a drift trade all positions to their targets. The cost-aware
//! rule is the program's: its triggers start evaluations, and its decision trades what has a net
//! benefit over a horizon of 90 days.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use airdrops_allocation::rebalance::{
    Baseline, Book, Effort, Holding, Policy, Situation, Value, decide,
};
use airdrops_types::{Bps, ControlState, ProtocolId, Timestamp, Usd};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ASSETS: usize = 12;
const DAYS: usize = 365;
const PATHS: u64 = 20;
const VOLATILITY: f64 = 0.9;
const CORRELATION: f64 = 0.4;
const AVERSION: f64 = 3.0;
const SLIPPAGE: f64 = 0.002;
const HORIZON_DAYS: f64 = 90.0;
/// Within a thousandth of the best: this is about rules, not about the last cent.
const EFFORT: Effort = Effort {
    programs: 20,
    parts_per_million: 1_000,
};
const DAY: i64 = 24 * 3_600_000;

#[derive(Clone, Copy)]
enum Rule {
    Never,
    /// Every so many days.
    Calendar(usize),
    /// When a weight is so many points from its target.
    Absolute(f64),
    /// When a weight is off by such a part of its target.
    Relative(f64),
    CostAware,
}

const RULES: [(&str, Rule); 7] = [
    ("never", Rule::Never),
    ("weekly", Rule::Calendar(7)),
    ("monthly", Rule::Calendar(30)),
    ("5 % absolute", Rule::Absolute(0.05)),
    ("10 % absolute", Rule::Absolute(0.10)),
    ("10 % relative", Rule::Relative(0.10)),
    ("cost-aware", Rule::CostAware),
];

/// Capital, gas, and the figures of an earlier experiment of the same kind with other paths, by
/// rule, where it has them.
const SETTINGS: [(f64, f64, [f64; 7]); 5] = [
    (2_000.0, 10.0, [1.27, NONE, NONE, NONE, 7.9, NONE, 1.28]),
    (2_000.0, 0.3, [NONE, NONE, NONE, NONE, 0.90, NONE, 0.69]),
    (20_000.0, 10.0, [1.27, 31.9, 7.6, 3.06, 1.36, 79.2, 0.95]),
    (20_000.0, 0.3, [NONE, NONE, NONE, 0.49, NONE, NONE, 0.52]),
    (100_000.0, 10.0, [NONE, NONE, NONE, NONE, 0.83, NONE, 0.65]),
];
const NONE: f64 = f64::NAN;

fn main() {
    let started = Instant::now();
    let paths: Vec<Vec<[f64; ASSETS]>> = (0..PATHS).map(path).collect();
    println!(
        "loss in % a year: mean of {PATHS} paths ± standard error (paid + utility; transactions)"
    );
    for (capital, gas, known) in SETTINGS {
        println!("\n${capital}, gas ${gas}");
        for ((name, rule), known) in RULES.iter().zip(known) {
            let runs: Vec<Run> = paths
                .iter()
                .map(|path| run(path, *rule, capital, gas))
                .collect();
            let count = PATHS as f64;
            let mean = |of: &dyn Fn(&Run) -> f64| runs.iter().map(of).sum::<f64>() / count;
            let (paid, lost) = (mean(&|run| run.paid), mean(&|run| run.lost));
            let total = paid + lost;
            let spread = mean(&|run| (run.paid + run.lost - total).powi(2));
            let error = (spread / (count - 1.0)).sqrt();
            let trades = mean(&|run| run.trades);
            let known = if known.is_nan() {
                String::new()
            } else {
                format!("   earlier {known}")
            };
            println!(
                "  {name:<14} {:>7.2} ± {:<5.2} ({:>6.2} + {:>5.2}; {trades:>7.1}){known}",
                100.0 * total,
                100.0 * error,
                100.0 * paid,
                100.0 * lost
            );
        }
    }
    println!("\n{:.1} s", started.elapsed().as_secs_f64());
}

/// Growth factors by day.
fn path(seed: u64) -> Vec<[f64; ASSETS]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let daily = VOLATILITY / (DAYS as f64).sqrt();
    let mut normal = || {
        let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    (0..DAYS)
        .map(|_| {
            let common = CORRELATION.sqrt() * normal();
            std::array::from_fn(|_| {
                let shock = common + (1.0 - CORRELATION).sqrt() * normal();
                (daily * shock - daily * daily / 2.0).exp()
            })
        })
        .collect()
}

struct Run {
    /// Gas and slippage, as a share of equity at the time.
    paid: f64,
    /// Utility.
    lost: f64,
    trades: f64,
}

fn run(path: &[[f64; ASSETS]], rule: Rule, capital: f64, gas: f64) -> Run {
    let target = 1.0 / ASSETS as f64;
    let mut sizes = [capital * target; ASSETS];
    let mut cash = 0.0;
    let mut seen = Baseline::default();
    let mut run = Run {
        paid: 0.0,
        lost: 0.0,
        trades: 0.0,
    };
    for (day, growth) in path.iter().enumerate() {
        for (size, growth) in sizes.iter_mut().zip(growth) {
            *size *= growth;
        }
        // Capital stays what it was: losses are topped up, and gains taken out, in proportion.
        let scale = capital / (cash + sizes.iter().sum::<f64>());
        sizes = sizes.map(|size| size * scale);
        cash *= scale;
        let equity = capital;
        let apart = |size: &f64| (size / equity - target).abs();
        let all = match rule {
            Rule::Never | Rule::CostAware => false,
            Rule::Calendar(days) => (day + 1).is_multiple_of(days),
            Rule::Absolute(points) => sizes.iter().any(|size| apart(size) > points),
            Rule::Relative(part) => sizes.iter().any(|size| apart(size) > part * target),
        };
        if all {
            let moved: f64 = sizes
                .iter()
                .map(|size| (size - equity * target).abs())
                .sum();
            let cost = gas * ASSETS as f64 + SLIPPAGE * moved;
            // With little capital gas can eat all of it; a loss of everything is one of 100 %.
            let left = (equity - cost).max(0.0);
            run.paid += 1.0 - left / equity;
            run.trades += ASSETS as f64;
            sizes = [left * target; ASSETS];
            if left <= 0.0 {
                return run;
            }
        }
        if let Rule::CostAware = rule {
            let paid = cost_aware(&mut sizes, &mut cash, gas, day, &mut seen, &mut run.trades);
            run.paid += paid / equity;
        }
        let equity = cash + sizes.iter().sum::<f64>();
        run.lost += utility(&sizes, equity) / DAYS as f64;
    }
    run
}

/// The yearly utility that these sizes lose.
fn utility(sizes: &[f64; ASSETS], equity: f64) -> f64 {
    let apart = sizes.map(|size| size / equity - 1.0 / ASSETS as f64);
    let squares: f64 = apart.iter().map(|apart| apart * apart).sum();
    let sum: f64 = apart.iter().sum();
    let variance = VOLATILITY * VOLATILITY;
    let risk = variance * ((1.0 - CORRELATION) * squares + CORRELATION * sum * sum);
    AVERSION / 2.0 * risk
}

fn usd(dollars: f64) -> Usd {
    #[allow(clippy::cast_possible_truncation)]
    Usd((dollars * 1e6) as i128)
}

/// Triggers, decision and orders of the program itself; returns what was paid.
fn cost_aware(
    sizes: &mut [f64; ASSETS],
    cash: &mut f64,
    gas: f64,
    day: usize,
    seen: &mut Baseline,
    trades: &mut f64,
) -> f64 {
    let equity = usd(*cash) + sizes.iter().map(|size| usd(*size)).sum();
    let target = Usd(equity.0 / ASSETS as i128);
    let names = (0..ASSETS).map(|index| ProtocolId::new(format!("asset-{index}")));
    let situation = Situation {
        equity,
        positions: names
            .zip(sizes.iter())
            .map(|(name, size)| (name, (usd(*size), target)))
            .collect(),
        ..Situation::default()
    };
    let now = Timestamp((i64::try_from(day).unwrap() + 1) * DAY);
    let policy = Policy {
        interval: Duration::from_secs(7 * 24 * 3600),
        ..Policy::default()
    };
    if seen.trigger(&policy, &situation, now).is_none() {
        return 0.0;
    }
    *seen = Baseline::of(&situation, seen, now);
    let book = book(sizes, *cash, gas, equity, target);
    let decision = decide(&book, &EFFORT).unwrap();
    for (size, decided) in sizes.iter_mut().zip(&decision.sizes) {
        *size = decided.0 as f64 / 1e6;
    }
    if let Some(last) = decision.orders.last() {
        *cash = last.cash_after.0 as f64 / 1e6;
    }
    *trades += decision.orders.len() as f64;
    decision.cost.total().0 as f64 / 1e6
}

/// What quadratic utility loses over the horizon by a share of the variance.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn curvature(share: f64) -> u64 {
    let yearly = AVERSION * VOLATILITY * VOLATILITY * share;
    (yearly * HORIZON_DAYS / DAYS as f64 * 1e9) as u64
}

fn book(sizes: &[f64; ASSETS], cash: f64, gas: f64, equity: Usd, target: Usd) -> Book {
    let own = curvature(1.0 - CORRELATION);
    let holdings = sizes.iter().enumerate().map(|(index, size)| {
        let value = usd(*size);
        let most = value.max(Usd(2 * target.0));
        Holding {
            protocol: ProtocolId::new(format!("asset-{index}")),
            strategy: "hold".to_owned(),
            chain: "any".to_owned(),
            unit: None,
            value,
            locked: Usd::ZERO,
            target,
            worth: Value::tracking(target, most, equity, own, 24),
            gas_in: usd(gas),
            gas_out: usd(gas),
            slippage: Bps(20),
            depth: None,
            cap: equity,
            min_order: Usd::ZERO,
            min_position: Usd::ZERO,
            control: ControlState::Active,
        }
    });
    Book {
        cash: usd(cash),
        reserve: Usd::ZERO,
        // What is missing in all assets together is correlated risk that is missing.
        idle: Value::tracking(
            Usd::ZERO,
            Usd(equity.0 / 4),
            equity,
            curvature(CORRELATION),
            25,
        ),
        holdings: holdings.collect(),
        limits: Vec::new(),
        control: ControlState::Active,
    }
}
