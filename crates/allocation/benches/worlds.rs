//! Rules of allocation on synthetic airdrop worlds, judged by the truth that they cannot see.
//! `cargo bench -p airdrops-allocation --bench worlds` prints the table.
//!
//! A world has twelve opportunities. Each pays `v · noise` per unit with probability `p`, costs its
//! carry, and loses everything with its hazard:
//!
//! | quantity | drawn from |
//! |---|---|
//! | `p`, a drop | Beta(2, 4) |
//! | `v`, its worth per unit locked | lognormal, median 0.12, σ 0.7 |
//! | noise of the worth, mean one | lognormal, σ 0.6, half of the variance common to all |
//! | carry: yield forgone | uniform, 1 to 4 % |
//! | hazard: total loss | log-uniform, 0.3 to 3 % |
//!
//! Known of it: the successes in eight trials of `p`, and `v` with lognormal noise of σ 0.5; carry
//! and hazard are known. *Plug-in* takes these as they are; *posterior* draws `p` and `v` of each
//! scenario from what they and the prior say together. At most 20 % in one opportunity and 95 % in
//! all; each position pays gas of 0.1 % of capital, which no rule counts in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs
)]

use std::collections::BTreeMap;

use airdrops_allocation::kelly::quadratic::{self, Second};
use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{
    Costs, Drawdown, Estimator, Limits, Parameters, Problem, Returns, Scenarios,
};
use airdrops_allocation::region::Region;
use airdrops_allocation::strategy::Strategy;
use airdrops_allocation::strategy::airdrop_kelly::AirdropKelly;
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WORLDS: usize = 200;
const OPPORTUNITIES: usize = 12;
/// Scenarios that a rule sees.
const SEEN: usize = 1_000;
/// Scenarios by which it is judged.
const TRUE: usize = 4_000;
/// Scenarios of the linear program of the CVaR rule.
const TAIL: usize = 300;
const CAP: f64 = 0.2;
const INVESTED: f64 = 0.95;
const GAS: f64 = 0.001;
const TRIALS: u32 = 8;
const VALUE_NOISE: f64 = 0.5;
const PRIOR: (u32, u32) = (2, 4);
const WORTH: (f64, f64) = (0.12, 0.7);
const PAYOFF_NOISE: f64 = 0.6;
/// Variance of net return in the mean-variance rule's utility.
const AVERSION: f64 = 3.0;
const CVAR: (f64, f64) = (0.95, 0.10);

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
}

/// Beta of whole parameters: the `a`-th smallest of `a + b − 1` uniform draws.
fn beta(rng: &mut ChaCha8Rng, a: u32, b: u32) -> f64 {
    let mut draws: Vec<f64> = (0..a + b - 1).map(|_| rng.random()).collect();
    draws.sort_by(f64::total_cmp);
    draws[a as usize - 1]
}

struct Opportunity {
    p: f64,
    worth: f64,
    carry: f64,
    hazard: f64,
    /// Drops in the trials.
    seen: u32,
    /// The worth as it looks.
    quoted: f64,
}

/// How scenarios come by `p` and `v`.
#[derive(Clone, Copy)]
enum Belief {
    Truth,
    PlugIn,
    Posterior,
}

impl Opportunity {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let p = beta(rng, PRIOR.0, PRIOR.1);
        let worth = WORTH.0 * libm::exp(WORTH.1 * normal(rng));
        Self {
            p,
            worth,
            carry: rng.random_range(0.01..0.04),
            hazard: 0.003 * libm::pow(10.0, rng.random::<f64>()),
            seen: (0..TRIALS).map(|_| u32::from(rng.random_bool(p))).sum(),
            quoted: worth * libm::exp(VALUE_NOISE * normal(rng)),
        }
    }

    fn believed(&self, belief: Belief, rng: &mut ChaCha8Rng) -> (f64, f64) {
        match belief {
            Belief::Truth => (self.p, self.worth),
            Belief::PlugIn => (f64::from(self.seen) / f64::from(TRIALS), self.quoted),
            Belief::Posterior => {
                let p = beta(rng, PRIOR.0 + self.seen, PRIOR.1 + TRIALS - self.seen);
                let (prior, noise) = (WORTH.1.powi(-2), VALUE_NOISE.powi(-2));
                let mean =
                    (prior * libm::log(WORTH.0) + noise * libm::log(self.quoted)) / (prior + noise);
                let spread = (prior + noise).sqrt().recip();
                (p, libm::exp(mean + spread * normal(rng)))
            }
        }
    }
}

fn scenarios(world: &[Opportunity], belief: Belief, count: usize, seed: u64) -> Scenarios {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut gross = DMatrix::zeros(count, world.len());
    for scenario in 0..count {
        let market = normal(&mut rng);
        for (index, opportunity) in world.iter().enumerate() {
            let (p, worth) = opportunity.believed(belief, &mut rng);
            let own = normal(&mut rng);
            let shock = PAYOFF_NOISE * (market + own) / std::f64::consts::SQRT_2;
            let value = worth * libm::exp(shock - 0.5 * PAYOFF_NOISE * PAYOFF_NOISE);
            let (drop, lost) = (rng.random_bool(p), rng.random_bool(opportunity.hazard));
            let paid = if drop { value } else { 0.0 };
            gross[(scenario, index)] =
                f64::max(paid - opportunity.carry + if lost { 0.0 } else { 1.0 }, 0.0);
        }
    }
    Scenarios {
        gross,
        probabilities: DVector::repeat(count, 1.0 / count as f64),
    }
}

/// What rules choose from.
struct View {
    truth: Scenarios,
    plug_in: Scenarios,
    posterior: Scenarios,
    limits: Limits,
    region: Region,
}

impl View {
    fn problem(&self, scenarios: &Scenarios) -> Problem {
        let n = OPPORTUNITIES;
        Problem {
            assets: (0..n).map(|index| format!("opportunity-{index}")).collect(),
            returns: Returns::Scenarios(scenarios.clone()),
            estimator: Estimator::Sample,
            limits: self.limits.clone(),
            current: DVector::zeros(n),
            costs: Costs::default(),
            parameters: Parameters::default(),
            risk_free: 0.0,
            periods_per_year: 1.0,
            capital: Usd::dollars(20_000),
        }
    }
}

fn mean(scenarios: &Scenarios) -> DVector<f64> {
    Second::of_scenarios(scenarios).mean
}

/// Spreads what may be invested by `shares`, pouring what the cap cuts off over the others.
fn spread(shares: DVector<f64>) -> DVector<f64> {
    let mut weights = DVector::zeros(shares.len());
    for _ in 0..shares.len() {
        let open =
            |index: usize, weights: &DVector<f64>| weights[index] < CAP && shares[index] > 0.0;
        let left = INVESTED - weights.sum();
        let total: f64 = (0..shares.len())
            .filter(|&i| open(i, &weights))
            .map(|i| shares[i])
            .sum();
        if total <= 0.0 || left <= 1e-12 {
            break;
        }
        let before = weights.clone();
        for index in (0..shares.len()).filter(|&i| open(i, &before)) {
            weights[index] = f64::min(before[index] + left * shares[index] / total, CAP);
        }
    }
    weights
}

fn equal(scenarios: &Scenarios, _view: &View) -> DVector<f64> {
    spread(mean(scenarios).map(|edge| if edge > 0.0 { 1.0 } else { 0.0 }))
}

fn proportional(scenarios: &Scenarios, _view: &View) -> DVector<f64> {
    spread(mean(scenarios).map(|edge| edge.max(0.0)))
}

fn mean_variance(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    let second = Second::of_scenarios(scenarios);
    let covariance = &second.square - &second.mean * second.mean.transpose();
    let utility = Second {
        mean: second.mean,
        square: covariance * AVERSION,
    };
    quadratic::maximise(&utility, &view.region, None)
        .unwrap()
        .weights
}

/// The greatest mean with a limit of CVaR (Rockafellar & Uryasev 2000), on the first scenarios.
fn mean_cvar(scenarios: &Scenarios, _view: &View) -> DVector<f64> {
    use microlp::{ComparisonOp, OptimizationDirection, Problem as Program, SolveOutcome};
    let mut program = Program::new(OptimizationDirection::Maximize);
    let edges = mean(scenarios);
    let weights: Vec<_> = edges
        .iter()
        .map(|&edge| program.add_var(edge, (0.0, CAP)))
        .collect();
    let all: Vec<_> = weights.iter().map(|&weight| (weight, 1.0)).collect();
    program.add_constraint(&all[..], ComparisonOp::Le, INVESTED);
    let quantile = program.add_var(0.0, (-1.0, 1.0));
    let mut tail = vec![(quantile, 1.0)];
    for scenario in 0..TAIL {
        let over = program.add_var(0.0, (0.0, f64::INFINITY));
        let mut loss: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(index, &weight)| (weight, scenarios.gross[(scenario, index)] - 1.0))
            .collect();
        loss.extend([(quantile, 1.0), (over, 1.0)]);
        program.add_constraint(&loss[..], ComparisonOp::Ge, 0.0);
        tail.push((over, 1.0 / ((1.0 - CVAR.0) * TAIL as f64)));
    }
    program.add_constraint(&tail[..], ComparisonOp::Le, CVAR.1);
    match program.solve().unwrap() {
        SolveOutcome::Solution(solution) => DVector::from_iterator(
            weights.len(),
            weights.iter().map(|&w| solution.var_value(w)),
        ),
        other => panic!("{other:?}"),
    }
}

fn growth_optimal(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    kelly::maximise(scenarios, &view.region, None)
        .unwrap()
        .weights
}

fn under_drawdown_bound(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    let exponent = drawdown::exponent(Drawdown {
        alpha: 0.7,
        beta: 0.1,
    });
    kelly::maximise(scenarios, &view.region, exponent)
        .unwrap()
        .weights
}

fn half(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    growth_optimal(scenarios, view) * 0.5
}

fn quarter(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    growth_optimal(scenarios, view) * 0.25
}

fn default_strategy(scenarios: &Scenarios, view: &View) -> DVector<f64> {
    AirdropKelly
        .solve(&view.problem(scenarios), &view.region)
        .unwrap()
        .weights
}

type Rule = fn(&Scenarios, &View) -> DVector<f64>;

const RULES: [(&str, Rule, Belief); 17] = [
    ("equal weight of +EV, plug-in", equal, Belief::PlugIn),
    ("equal weight of +EV, posterior", equal, Belief::Posterior),
    ("proportional to EV, plug-in", proportional, Belief::PlugIn),
    (
        "proportional to EV, posterior",
        proportional,
        Belief::Posterior,
    ),
    ("mean-variance, plug-in", mean_variance, Belief::PlugIn),
    ("mean-variance, posterior", mean_variance, Belief::Posterior),
    (
        "max mean s.t. CVaR95 <= 10 %, plug-in",
        mean_cvar,
        Belief::PlugIn,
    ),
    (
        "max mean s.t. CVaR95 <= 10 %, posterior",
        mean_cvar,
        Belief::Posterior,
    ),
    ("Kelly, plug-in", growth_optimal, Belief::PlugIn),
    ("Kelly, posterior", growth_optimal, Belief::Posterior),
    (
        "Kelly under the drawdown bound, plug-in",
        under_drawdown_bound,
        Belief::PlugIn,
    ),
    (
        "Kelly under the drawdown bound, posterior",
        under_drawdown_bound,
        Belief::Posterior,
    ),
    ("half Kelly, posterior", half, Belief::Posterior),
    ("quarter Kelly, posterior", quarter, Belief::Posterior),
    ("airdrop-kelly, plug-in", default_strategy, Belief::PlugIn),
    (
        "airdrop-kelly, posterior",
        default_strategy,
        Belief::Posterior,
    ),
    ("oracle Kelly", growth_optimal, Belief::Truth),
];

#[derive(Default)]
struct Score {
    growth: Vec<f64>,
    net: Vec<f64>,
    outcomes: Vec<f64>,
    concentration: Vec<f64>,
    invested: f64,
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn main() {
    let mut limits = Limits::long_only(OPPORTUNITIES);
    limits.upper.fill(CAP);
    limits.invested = (0.0, INVESTED);
    let region = limits.region(&DVector::zeros(OPPORTUNITIES));
    let mut scores: BTreeMap<usize, Score> = BTreeMap::new();
    for world in 0..WORLDS as u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(world);
        let opportunities: Vec<Opportunity> = (0..OPPORTUNITIES)
            .map(|_| Opportunity::draw(&mut rng))
            .collect();
        let draw = |belief, count, salt: u64| {
            scenarios(&opportunities, belief, count, 1_000_000 * salt + world)
        };
        let view = View {
            truth: draw(Belief::Truth, TRUE, 1),
            plug_in: draw(Belief::PlugIn, SEEN, 2),
            posterior: draw(Belief::Posterior, SEEN, 3),
            limits: limits.clone(),
            region: region.clone(),
        };
        for (index, (name, rule, belief)) in RULES.iter().enumerate() {
            let seen = match belief {
                Belief::Truth => &view.truth,
                Belief::PlugIn => &view.plug_in,
                Belief::Posterior => &view.posterior,
            };
            let weights = rule(seen, &view);
            assert!(region.violation(&weights) < 1e-6, "{name} breaks a limit");
            let gas = GAS * weights.iter().filter(|&&weight| weight > 1e-6).count() as f64;
            let wealth = kelly::wealth(&view.truth, &weights);
            let score = scores.entry(index).or_default();
            let logs: Vec<f64> = wealth.iter().map(|&w| libm::log(w)).collect();
            let net: Vec<f64> = wealth.iter().map(|&w| libm::log(w - gas)).collect();
            score.growth.push(average(&logs));
            score.net.push(average(&net));
            score.outcomes.extend(net);
            score.invested += weights.sum() / WORLDS as f64;
            if weights.sum() > 1e-6 {
                let total = weights.sum();
                score
                    .concentration
                    .push(weights.iter().map(|w| (w / total).powi(2)).sum());
            }
        }
    }
    println!(
        "| rule | E log growth | net of gas | 5 % outcome, net | P(world with negative growth) | HHI | invested |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (index, (name, ..)) in RULES.iter().enumerate() {
        let score = scores.get_mut(&index).unwrap();
        score.outcomes.sort_by(f64::total_cmp);
        let low = score.outcomes[score.outcomes.len() / 20];
        let negative = score.growth.iter().filter(|&&growth| growth < 0.0).count();
        println!(
            "| {name} | {:.4} | {:.4} | {low:.3} | {:.3} | {:.3} | {:.2} |",
            average(&score.growth),
            average(&score.net),
            negative as f64 / WORLDS as f64,
            average(&score.concentration),
            score.invested,
        );
    }
}
