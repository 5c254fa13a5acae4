//! Whether to move: net benefit against cost, with every limit.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};

use crate::rebalance::book::{Book, BookError};
use crate::rebalance::branch::{Stop, search};
use crate::rebalance::greedy::{Rule, climb, cure};
use crate::rebalance::model::{Model, Sizes};
use crate::rebalance::order::{Cost, Order, check, orders};

/// How much work a decision may be. Work and not time, so that a replay decides alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// The most linear programs that are solved; none for the plan by steps alone.
    pub programs: u32,
    /// The search ends when the plan is within so many millionths of its net benefit of the bound.
    pub parts_per_million: u32,
}

impl Default for Effort {
    /// 2,000 linear programs, one millionth.
    fn default() -> Self {
        Self {
            programs: 2_000,
            parts_per_million: 1,
        }
    }
}

/// What found the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Nothing moves.
    Stay,
    /// Only what must be cured moves.
    Cure,
    /// Steps, the best first; the search found nothing better.
    Greedy,
    /// Branch and bound.
    Search,
}

/// A limit that is still broken when all orders are done, because of what is locked or must not
/// move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncured {
    /// Its name; `cash` for the reserve.
    pub limit: String,
    /// What it will measure.
    pub measured: Usd,
    /// What it allows: the most, or the least for cash.
    pub bound: Usd,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do, in this order; empty to stay.
    pub orders: Vec<Order>,
    /// The positions when that is done, by holding.
    pub sizes: Vec<Usd>,
    /// What the orders gain over the holding horizon.
    pub gain: Usd,
    /// What they cost.
    pub cost: Cost,
    /// What the plan by steps would have been worth, net.
    pub greedy: Usd,
    /// What curing alone is worth, net: mostly a loss. Zero if nothing is to be cured.
    pub cure: Usd,
    /// What no plan is worth more than, net, by the relaxation of the whole.
    pub relaxation: Usd,
    /// The same, by the whole search.
    pub bound: Usd,
    /// How many linear programs were solved.
    pub programs: u32,
    /// What found the plan.
    pub method: Method,
    /// What stays broken.
    pub uncured: Vec<Uncured>,
}

impl Decision {
    /// Gain less cost.
    #[must_use]
    pub fn net(&self) -> Usd {
        self.gain - self.cost.total()
    }

    /// By how much a plan could be better at most.
    #[must_use]
    pub fn gap(&self) -> Usd {
        self.bound - self.net()
    }
}

/// The plan with the greatest net benefit that was found: what positions and cash gain over the holding
/// horizon, less gas for every transaction, slippage and impact. Staying is a plan.
///
/// - A limit that is broken, or a reserve that is undercut, is cured whatever that costs, as far as
///   locks and control states let it.
/// - Where growth is forbidden nothing grows; where everything is, nothing moves at all, not even to
///   cure.
/// - A plan that is not at least as good as curing alone is never chosen. Every plan is run on paper
///   ([`check`]) before it is returned; one that fails is dropped for the next best.
///
/// # Errors
/// When the book is not well formed.
pub fn decide(book: &Book, effort: &Effort) -> Result<Decision, BookError> {
    book.check()?;
    let mut model = Model::of(book);
    let mut cured = model.stay();
    cure(&model, &mut cured);
    // What cannot be restored of the reserve is not asked for, but nothing may take more of it.
    model.budget = model.budget.max(cured.spent);
    let mut stepped = cured.clone();
    climb(&model, &mut stepped, Rule::Largest);
    let mut denser = cured.clone();
    climb(&model, &mut denser, Rule::Densest);
    if denser.net > stepped.net {
        stepped = denser;
    }
    let mut found = None;
    if effort.programs > 0 {
        let stop = Stop {
            programs: effort.programs,
            parts_per_million: effort.parts_per_million,
        };
        found = Some(search(&model, stepped.clone(), stop));
    }
    let mut plans: Vec<(Method, &Sizes)> = Vec::new();
    if let Some(found) = &found
        && found.best.net > stepped.net
    {
        plans.push((Method::Search, &found.best));
    }
    plans.push((Method::Greedy, &stepped));
    plans.push((Method::Cure, &cured));
    let before = book.sizes();
    let (mut method, mut chosen, mut sizes) = (Method::Stay, Vec::new(), before.clone());
    for (name, plan) in plans {
        let wanted: Vec<Usd> = plan.points.iter().map(|point| Usd(point.size)).collect();
        let orders = orders(book, &wanted);
        if check(book, &orders).is_ok_and(|reached| reached == wanted) {
            if !orders.is_empty() {
                method = if plan.net == cured.net {
                    Method::Cure
                } else {
                    name
                };
            }
            (chosen, sizes) = (orders, wanted);
            break;
        }
    }
    let gain = chosen.iter().map(|order| order.benefit).sum();
    let mut cost = Cost::default();
    for order in &chosen {
        cost += order.cost;
    }
    let unbounded = Usd(i128::MAX);
    Ok(Decision {
        uncured: uncured(book, &sizes, &chosen),
        sizes,
        gain,
        cost,
        greedy: Usd(stepped.net),
        cure: Usd(cured.net),
        relaxation: found
            .as_ref()
            .map_or(unbounded, |found| Usd(found.relaxation)),
        bound: found.as_ref().map_or(unbounded, |found| Usd(found.bound)),
        programs: found.as_ref().map_or(0, |found| found.programs),
        method,
        orders: chosen,
    })
}

fn uncured(book: &Book, sizes: &[Usd], orders: &[Order]) -> Vec<Uncured> {
    let limits = book.limits.iter().map(|limit| Uncured {
        limit: limit.name.clone(),
        measured: limit.measure(sizes),
        bound: limit.max,
    });
    let mut uncured: Vec<Uncured> = limits.filter(|one| one.measured > one.bound).collect();
    let cash = orders.last().map_or(book.cash, |order| order.cash_after);
    if cash < book.reserve {
        uncured.push(Uncured {
            limit: "cash".to_owned(),
            measured: cash,
            bound: book.reserve,
        });
    }
    uncured
}
