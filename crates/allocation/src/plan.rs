//! One plan: beliefs → scenarios → a strategy within the limits → whether it is worth to move.
//!
//! A pure function of what it is asked, so that the journal can reproduce it. The plan stands until
//! a trigger ([`crate::rebalance::trigger`]) asks for the next; in between
//! [`crate::percentages::allocate`] turns it into targets in every tick, under the stops and limits
//! of that instant.
//!
//! - [`mandate`]: what the owner wants: strategy, horizon, reserve, how much is explored.
//! - [`question`]: what is known at one instant: equity, sites, limits.
//! - [`worth`]: what a position of a size gains over the horizon.

pub mod mandate;
pub mod question;
mod tranche;
mod worth;

use std::collections::BTreeMap;

use airdrops_types::{Bps, ProtocolId, U256, Usd};
use nalgebra::DVector;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::estimate::{Charge, Invalid, Summary, summaries};
use crate::percentages::Course;
use crate::problem::{Costs, Drawdown, Estimator, Group, Limits, Parameters, Problem, Returns};
use crate::rebalance::{self, BookError, Cost, Decision, Method, Order};
use crate::solve::{Allocation, SolveError, solve};
use crate::strategies;
use crate::strategy::Strategy;

pub use mandate::Mandate;
pub use question::{Bound, Question, Site};
use tranche::Stretches;

/// What limits leave free for targets, so that rounding and small moves of prices breach none.
const MARGIN: Bps = Bps(200);

/// What is wanted, and what is done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What each site is to do until the next plan.
    pub courses: BTreeMap<ProtocolId, Course>,
    /// The sizes that the strategy wants, costs of moving there aside.
    pub wanted: BTreeMap<ProtocolId, Usd>,
    /// The orders, in this order; empty to stay.
    pub orders: Vec<Order>,
    /// What was optimised, and how well.
    pub optimum: Optimum,
    /// What moving gains and costs.
    pub balance: Balance,
    /// What is expected of each site, per unit of capital over the horizon.
    pub outlook: BTreeMap<ProtocolId, Summary>,
    /// Sites that hold a small position for the sake of learning.
    pub explored: Vec<ProtocolId>,
    /// What did not go as asked: a limit that cannot be met, a fallback.
    pub notes: Vec<String>,
}

impl Plan {
    /// The orders in words, one line per move whatever its parts.
    #[must_use]
    pub fn moves(&self) -> Vec<String> {
        let firsts = self.orders.iter().filter(|order| order.part == 1);
        firsts.map(|first| self.of_move(first)).collect()
    }

    fn of_move(&self, first: &Order) -> String {
        let orders = self.orders.iter();
        let parts: Vec<&Order> = orders
            .filter(|order| order.holding == first.holding && order.side == first.side)
            .collect();
        let (mut whole, mut cost) = (first.clone(), Cost::default());
        whole.amount = parts.iter().map(|order| order.amount).sum();
        whole.benefit = parts.iter().map(|order| order.benefit).sum();
        whole.tokens = first.tokens.clone().map(|mut tokens| {
            let amounts = parts.iter().filter_map(|order| order.tokens.as_ref());
            tokens.amount = amounts.fold(U256::ZERO, |sum, part| sum.saturating_add(part.amount));
            tokens
        });
        for order in &parts {
            cost += order.cost;
        }
        (whole.cost, whole.parts) = (cost, 1);
        let parts = match first.parts {
            1 => String::new(),
            parts => format!(" in {parts} parts"),
        };
        format!(
            "{whole}{parts} (gains {} for {})",
            whole.benefit,
            cost.total()
        )
    }
}

/// What the strategy's answer is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// The strategy.
    pub strategy: String,
    /// What found the answer, and what it fell back from.
    pub solver: String,
    /// By how much the objective can be better at most, in its own units; `None` if nothing is
    /// optimised.
    pub gap: Option<f64>,
    /// Expected return over the horizon, of capital.
    pub mean: Option<f64>,
    /// Its standard deviation.
    pub volatility: Option<f64>,
    /// Expected logarithm of wealth over the horizon.
    pub growth: Option<f64>,
    /// The limits that bind.
    pub binding: Vec<String>,
}

/// What moving gains and costs over the horizon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The gain.
    pub gain: Usd,
    /// Gas, slippage and impact.
    pub cost: Cost,
    /// The most that any plan could be worth, net.
    pub bound: Usd,
    /// What found the orders.
    pub method: Method,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlanError {
    /// A belief or a setting is not usable.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// There is no strategy of this name.
    #[error("there is no strategy `{0}`; there are {names}", names = strategies::names().collect::<Vec<_>>().join(", "))]
    UnknownStrategy(String),
    /// No allocation, with the reason.
    #[error("{0}")]
    Unsolved(Box<SolveError>),
    /// The rebalancing has inputs that cannot be.
    #[error("{0}")]
    Book(#[from] BookError),
    /// There is nothing to plan with.
    #[error("equity is {0}: a plan needs it to be at least $1")]
    Equity(Usd),
}

/// Makes a plan.
///
/// # Errors
/// When none can be justified: then the last one stands.
pub fn plan(question: &Question) -> Result<Plan, PlanError> {
    if question.equity < Usd::dollars(1) {
        return Err(PlanError::Equity(question.equity));
    }
    let mandate = &question.mandate;
    let strategy = strategies::by_name(&mandate.strategy)
        .ok_or_else(|| PlanError::UnknownStrategy(mandate.strategy.clone()))?;
    let outlook = summaries(&tranche::outlook(question)?);
    let marginal = marginal(mandate);
    let stretches = Stretches::of(question, Charge::Here, marginal)?;
    let mut notes = Vec::new();
    let probes = question.probes()?;
    let (probes, solved) = match attempt(question, &stretches, &probes, strategy.as_ref()) {
        Err(SolveError::Infeasible(conflict)) if !probes.is_empty() => {
            notes.push(format!("nothing is explored: {conflict}"));
            (
                Vec::new(),
                attempt(question, &stretches, &[], strategy.as_ref()),
            )
        }
        solved => (probes, solved),
    };
    let allocation = solved.map_err(|error| PlanError::Unsolved(Box::new(error)))?;
    notes.extend(allocation.fallbacks.iter().map(|one| {
        format!(
            "{} had no answer: {}; {} took its place",
            one.from, one.reason, allocation.solver
        )
    }));
    let n = question.sites.len();
    let mut wanted = stretches.by_site(n, &allocation.targets);
    if marginal {
        question.drop_crumbs(&mut wanted, &probes);
    }
    let before_costs = Stretches::of(question, Charge::Elsewhere, marginal)?;
    let worth = worth::of(question, &before_costs, &wanted, grows(&mandate.strategy));
    let book = question.book(&wanted, worth);
    let decision = rebalance::decide(&book, &mandate.effort)?;
    notes.extend(decision.uncured.iter().map(|one| {
        format!(
            "{} stays at {}, beyond {}: what is there is locked or must not move",
            one.limit, one.measured, one.bound
        )
    }));
    let id = |(index, _): &(usize, Usd)| question.sites[*index].opportunity.id.clone();
    Ok(Plan {
        courses: courses(question, &wanted, &decision),
        wanted: by_site(question, wanted),
        optimum: optimum(mandate, &allocation),
        balance: Balance {
            gain: decision.gain,
            cost: decision.cost,
            bound: decision.bound,
            method: decision.method,
        },
        outlook: by_site(question, outlook),
        explored: probes.iter().map(id).collect(),
        orders: decision.orders,
        notes,
    })
}

/// The problem that a question's strategy is asked, without exploration, for reports. An asset is a
/// site, or a stretch of its size; how sites fill them, the second part says.
///
/// # Errors
/// [`PlanError`] if a belief is not usable or there is no equity.
pub fn problem_of(question: &Question) -> Result<(Problem, Filling), PlanError> {
    if question.equity < Usd::dollars(1) {
        return Err(PlanError::Equity(question.equity));
    }
    let stretches = Stretches::of(question, Charge::Here, marginal(&question.mandate))?;
    let problem = problem(question, &stretches, &[]);
    Ok((problem, Filling(stretches)))
}

/// How sites fill the assets of their problem.
#[derive(Debug, Clone)]
pub struct Filling(Stretches);

impl Filling {
    /// Weights of assets, where the sites have these weights; one per site.
    #[must_use]
    pub fn weights(&self, sites: &[f64]) -> DVector<f64> {
        self.0.fill(sites)
    }

    /// The asset that each site begins with.
    pub fn firsts(&self) -> impl Iterator<Item = usize> + '_ {
        let sites = &self.0.site;
        (0..sites.len()).filter(|asset| *asset == 0 || sites[*asset] != sites[*asset - 1])
    }
}

/// Whether sites are split into stretches: where growth is maximised, and no number of positions is
/// limited, which would count stretches.
fn marginal(mandate: &Mandate) -> bool {
    grows(&mandate.strategy) && mandate.max_positions.is_none()
}

/// Whether the strategy maximises growth.
fn grows(strategy: &str) -> bool {
    matches!(strategy, "kelly" | "airdrop-kelly")
}

fn by_site<T>(question: &Question, values: Vec<T>) -> BTreeMap<ProtocolId, T> {
    let ids = question
        .sites
        .iter()
        .map(|site| site.opportunity.id.clone());
    ids.zip(values).collect()
}

fn attempt(
    question: &Question,
    stretches: &Stretches,
    probes: &[(usize, Usd)],
    strategy: &dyn Strategy,
) -> Result<Allocation, SolveError> {
    solve(&problem(question, stretches, probes), strategy)
}

/// The problem that the strategy is asked, in fractions of equity.
fn problem(question: &Question, stretches: &Stretches, probes: &[(usize, Usd)]) -> Problem {
    let mandate = &question.mandate;
    let whole = dollars(question.equity);
    let share = |amount: Usd| (dollars(amount) / whole).max(0.0);
    let fraction = |bps: Bps| f64::from(bps.0) / 10_000.0;
    let shares = |amount: &dyn Fn(&Site) -> Usd| -> Vec<f64> {
        let sites = question.sites.iter();
        sites.map(|site| share(amount(site))).collect()
    };
    let locked = stretches.fill(&shares(&|site| site.locked));
    let mut least = shares(&|site| site.locked);
    for (index, amount) in probes {
        // A part more than what is asked for, which rounding may take away.
        least[*index] = least[*index].max(share(*amount) + 1e-12);
    }
    let lower = stretches.fill(&least);
    let current = stretches.fill(&shares(&|site| site.value));
    let n = stretches.site.len();
    let upper = DVector::from_fn(n, |index, _| stretches.width[index].max(lower[index]));
    let groups = question.bounds.iter().map(|bound| {
        let of = |index: usize| bound.members.get(stretches.site[index]).copied();
        let terms: Vec<(usize, f64)> = (0..n)
            .map(|index| (index, fraction(of(index).unwrap_or_default())))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        // What is locked is there, whatever the limit says.
        let held: f64 = terms
            .iter()
            .map(|(index, weight)| weight * locked[*index])
            .sum();
        let most = share(bound.max) * (1.0 - fraction(MARGIN));
        Group {
            name: bound.name.clone(),
            terms,
            min: None,
            max: Some(most.max(held)),
        }
    });
    let held: Usd = question.sites.iter().map(|site| site.value).sum();
    let reachable = share(held + question.cash.or_zero()).min(1.0 - fraction(mandate.reserve));
    let name = |index: usize| {
        let site = stretches.site[index];
        let id = &question.sites[site].opportunity.id;
        let before = stretches.site[..index].iter();
        match before.filter(|other| **other == site).count() {
            0 => id.to_string(),
            nth => format!("{id} #{}", nth + 1),
        }
    };
    let least = Some(fraction(mandate.min_position)).filter(|least| *least > 0.0);
    Problem {
        assets: (0..n).map(name).collect(),
        returns: Returns::Scenarios(stretches.drawn.clone()),
        estimator: Estimator::Sample,
        limits: Limits {
            invested: (0.0, reachable.max(lower.sum())),
            lower,
            upper,
            groups: groups.collect(),
            turnover: None,
            // Of stretches it would ask too much: see `drop_crumbs`.
            min_position: least.filter(|_| !marginal(mandate)),
            max_positions: mandate.max_positions,
        },
        current,
        costs: Costs::default(),
        parameters: Parameters {
            risk_aversion: Some(mandate.risk_aversion),
            alpha: Some(fraction(mandate.alpha)),
            drawdown: mandate.drawdown.map(|(keep, chance)| Drawdown {
                alpha: fraction(keep),
                beta: fraction(chance),
            }),
            kelly_fraction: mandate.fraction.map(fraction),
            ..Parameters::default()
        },
        risk_free: 0.0,
        periods_per_year: 1.0,
        capital: question.equity,
    }
}

fn courses(
    question: &Question,
    wanted: &[Usd],
    decision: &Decision,
) -> BTreeMap<ProtocolId, Course> {
    let strategy = &question.mandate.strategy;
    let sites = question.sites.iter().enumerate();
    sites
        .map(|(index, site)| {
            let (size, wanted) = (decision.sizes[index], wanted[index]);
            let order = decision.orders.iter().find(|order| order.holding == index);
            let course = match order {
                Some(order) => Course::MoveTo {
                    size,
                    why: format!("{strategy}: {wanted}; {}", order.reason),
                },
                None if size == wanted => Course::Hold {
                    why: format!("{strategy}: {wanted}, which is there"),
                },
                None => Course::Hold {
                    why: format!("{strategy}: {wanted}, which is not worth the cost of moving"),
                },
            };
            (site.opportunity.id.clone(), course)
        })
        .collect()
}

fn optimum(mandate: &Mandate, allocation: &Allocation) -> Optimum {
    Optimum {
        strategy: mandate.strategy.clone(),
        solver: allocation.solver.clone(),
        gap: allocation.certificate.gap,
        mean: allocation.figures.mean,
        volatility: allocation.figures.volatility,
        growth: allocation.figures.growth,
        binding: allocation
            .certificate
            .binding()
            .map(|limit| limit.name.clone())
            .collect(),
    }
}

/// Dollars as a float, for estimates.
fn dollars(amount: Usd) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let micro = amount.0 as f64;
    micro / 1e6
}
