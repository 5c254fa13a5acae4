//! The last plan: what it rests on as pictures, and what it decided in words.

use airdrops_allocation::estimate::calibration::Calibration;
use airdrops_allocation::estimate::forecast::ForecastLog;
use airdrops_allocation::frontier::frontier;
use airdrops_allocation::plan::{Plan, Question, problem_of};
use airdrops_allocation::problem::{Problem, Returns};
use airdrops_types::{Entry, JournalEntry, Timestamp, Usd};
use nalgebra::DVector;

use super::picture::calibration::Bin;
use super::picture::frontier::{Frontier, Spot};
use super::picture::histogram::Payoffs;

/// Points of the frontier that are computed.
const POINTS: usize = 24;
/// Bins of the reliability plot.
const BINS: usize = 10;

/// The last plan of a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct LastPlan {
    /// When it was made.
    pub at: Timestamp,
    /// Why.
    pub trigger: String,
    /// Its orders in words; empty if everything stays.
    pub orders: Vec<String>,
    /// The strategy, and what found its answer.
    pub solver: String,
    /// Each site: what it held, what the strategy wants, why it moves or stays.
    pub sites: Vec<SiteRow>,
    /// The limits that bind.
    pub binding: Vec<String>,
    /// Risk and return of everything that the limits allow, per year.
    pub frontier: Frontier,
    /// What one unit of capital becomes over the horizon, by the strategy's weights.
    pub payoffs: Payoffs,
}

/// One site of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRow {
    /// The protocol instance.
    pub name: String,
    /// What it held.
    pub held: Usd,
    /// What the strategy wants.
    pub wanted: Usd,
    /// The expected net return over the horizon, of what lies there.
    pub mean: f64,
    /// The probability that it is positive.
    pub profit: f64,
}

impl LastPlan {
    /// The last plan of a journal; `None` if there is none that this version can read.
    #[must_use]
    pub fn from_journal(entries: &[JournalEntry]) -> Option<Self> {
        entries.iter().rev().find_map(|entry| match &entry.entry {
            Entry::Rebalanced {
                trigger,
                orders,
                inputs,
                plan,
            } => {
                let question: Question = serde_json::from_value(inputs.clone()).ok()?;
                let plan: Plan = serde_json::from_value(plan.clone()).ok()?;
                Self::of(entry.at, trigger, orders, &question, &plan)
            }
            _ => None,
        })
    }

    fn of(
        at: Timestamp,
        trigger: &str,
        orders: &[String],
        question: &Question,
        plan: &Plan,
    ) -> Option<Self> {
        let (problem, filling) = problem_of(question).ok()?;
        let share = |amount: Usd| dollars(amount) / dollars(question.equity);
        let held = |index: usize| question.sites[index].value;
        let ids = || question.sites.iter().map(|site| &site.opportunity.id);
        let wanted: Vec<Usd> = ids()
            .map(|id| plan.wanted.get(id).copied().unwrap_or_default())
            .collect();
        let n = question.sites.len();
        let now: Vec<f64> = (0..n).map(|index| share(held(index))).collect();
        let then: Vec<f64> = wanted.iter().map(|size| share(*size)).collect();
        let (now, then) = (filling.weights(&now), filling.weights(&then));
        let firsts: Vec<usize> = filling.firsts().collect();
        let periods = 12.0 / question.mandate.horizon;
        let sites = ids().enumerate().map(|(index, id)| {
            let outlook = plan.outlook.get(id);
            SiteRow {
                name: id.to_string(),
                held: held(index),
                wanted: wanted[index],
                mean: outlook.map_or(0.0, |outlook| outlook.mean),
                profit: outlook.map_or(0.0, |outlook| outlook.profit),
            }
        });
        Some(Self {
            at,
            trigger: trigger.to_owned(),
            orders: orders.to_vec(),
            solver: format!("{} by {}", plan.optimum.strategy, plan.optimum.solver),
            sites: sites.collect(),
            binding: plan.optimum.binding.clone(),
            frontier: risk_and_return(&problem, &firsts, &now, &then, periods),
            payoffs: payoffs(&problem, &then)?,
        })
    }
}

/// The frontier, single sites, what is held and what is wanted, per year.
fn risk_and_return(
    problem: &Problem,
    firsts: &[usize],
    now: &DVector<f64>,
    then: &DVector<f64>,
    periods: f64,
) -> Frontier {
    let region = problem.limits.region(&problem.current);
    let yearly = |reward: f64, risk: f64| (risk * periods.sqrt(), reward * periods);
    let Ok(moments) = airdrops_allocation::moments::of(problem) else {
        return Frontier::default();
    };
    let spot = |name: &str, weights: &DVector<f64>| {
        let variance = weights.dot(&(&moments.covariance * weights)).max(0.0);
        let (risk, reward) = yearly(moments.mean.dot(weights), variance.sqrt());
        let name = name.to_owned();
        Spot { name, risk, reward }
    };
    let n = problem.assets.len();
    let single = |index: &usize| {
        let mut weights = DVector::zeros(n);
        weights[*index] = 1.0;
        spot(&problem.assets[*index], &weights)
    };
    let curve = frontier(problem, &region, POINTS).unwrap_or_default();
    Frontier {
        curve: curve
            .iter()
            .map(|point| yearly(point.expected_return, point.volatility))
            .collect(),
        assets: firsts.iter().map(single).collect(),
        current: Some(spot("held", now)),
        target: Some(spot("wanted", then)),
    }
}

fn payoffs(problem: &Problem, weights: &DVector<f64>) -> Option<Payoffs> {
    let Returns::Scenarios(drawn) = &problem.returns else {
        return None;
    };
    let gross = drawn.gross.row_iter().map(|row| {
        let gains = row.iter().zip(weights.iter());
        let gain: f64 = gains.map(|(gross, weight)| weight * (gross - 1.0)).sum();
        (1.0 + gain).max(0.0)
    });
    Some(Payoffs {
        gross: gross.collect(),
        probabilities: drawn.probabilities.iter().copied().collect(),
    })
}

/// What came of forecasts, in bins.
#[must_use]
pub fn calibration(log: &ForecastLog) -> Vec<Bin> {
    let scored = Calibration::of(log.resolved(), BINS).probabilities;
    let bins = scored.map(|scored| scored.bins).unwrap_or_default();
    bins.into_iter()
        .filter(|bin| bin.count > 0)
        .map(|bin| Bin {
            forecast: bin.said,
            observed: bin.happened,
            count: u64::try_from(bin.count).unwrap_or(u64::MAX),
        })
        .collect()
}

#[allow(clippy::cast_precision_loss)]
fn dollars(amount: Usd) -> f64 {
    amount.0 as f64 / 1e6
}
