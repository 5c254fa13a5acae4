//! Small positions for the sake of learning.

use airdrops_types::{Bps, ProtocolId, Usd};
use serde::{Deserialize, Serialize};

use super::draw::Stream;
use super::hazard::{World, probability};
use super::invalid::{Invalid, bounded};
use super::normal_inverse_gamma::cut_lognormal_mean;
use super::opportunity::Opportunity;
use super::rule::{MAX_AMOUNT, amount, in_dollars};
use super::value::slippage;

/// What exploration may do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// What is allocated in all.
    pub capital: Usd,
    /// The share of it that all exploring positions together may have.
    pub budget: Bps,
    /// The least position.
    pub minimum: Usd,
    /// How long positions are held, in months.
    pub horizon: f64,
    /// Seed of the draws: another one for each round.
    pub seed: u64,
}

/// A position for the sake of learning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Which, in the order given.
    pub index: usize,
    /// Its name.
    pub id: ProtocolId,
    /// How much: the least position, or the least that earns anything if that is more.
    pub amount: Usd,
    /// The expected profit per dollar under the parameters that were drawn.
    pub drawn: f64,
}

/// Thompson sampling (Thompson 1933): the parameters of each opportunity are drawn once from their
/// posterior; those with the highest expected profit under their draw get the least position, as
/// long as it is positive and the budget lasts. What is uncertain is tried now and then, what is
/// known to be bad is not.
///
/// Drawn are the chance of a drop, its hazard (given the wait), eligibility, and mean and variance
/// of the token's log value.
///
/// # Errors
/// [`Invalid`] for what is not usable, by opportunity and parameter.
pub fn explore(
    opportunities: &[Opportunity],
    world: &World,
    ask: &Exploration,
) -> Result<Vec<Probe>, Invalid> {
    Opportunity::check_all(opportunities, world)?;
    bounded("horizon", ask.horizon, 1e-3, 120.0)?;
    amount("capital", ask.capital)?;
    if ask.budget > Bps::WHOLE {
        let what = format!("is {}: give at most 10,000 basis points", ask.budget);
        return Err(Invalid::new("budget", what));
    }
    if ask.minimum < Usd(1) || ask.minimum > MAX_AMOUNT {
        let what = format!(
            "is {}: give more than $0 and at most {MAX_AMOUNT}",
            ask.minimum
        );
        return Err(Invalid::new("minimum", what));
    }
    let mut probes: Vec<Probe> = opportunities
        .iter()
        .enumerate()
        .map(|(index, opportunity)| {
            let steps = opportunity.rule.steps();
            let least = steps.first().map_or(Usd::ZERO, |step| step.minimum);
            let size = ask.minimum.max(least);
            Probe {
                index,
                id: opportunity.id.clone(),
                amount: size,
                drawn: drawn(opportunity, world, ask, in_dollars(size)),
            }
        })
        .collect();
    probes.sort_by(|a, b| b.drawn.total_cmp(&a.drawn).then(a.id.cmp(&b.id)));
    let mut left = ask.capital.fraction(ask.budget);
    probes.retain(|probe| {
        let taken = probe.drawn > 0.0 && probe.amount <= left;
        if taken {
            left = left - probe.amount;
        }
        taken
    });
    Ok(probes)
}

/// The expected profit per dollar of a position of `size` dollars, under parameters drawn.
fn drawn(opportunity: &Opportunity, world: &World, ask: &Exploration, size: f64) -> f64 {
    let mut stream = Stream::new(ask.seed, &format!("explore/{}", opportunity.id));
    let (drop, when) = (&opportunity.drop, &opportunity.when);
    let ever = stream.beta(drop.a, drop.b);
    let before = libm::pow(opportunity.waited, when.shape);
    let hazard = stream.gamma(when.events) / (when.exposure + before);
    let span = libm::pow(opportunity.waited + ask.horizon, when.shape) - before;
    let soon = -libm::expm1(-hazard * span);
    let still = when.still_to_come(ever, opportunity.waited);
    let eligible = stream.beta(opportunity.eligibility.a, opportunity.eligibility.b);
    let worth = &opportunity.worth;
    let (mean, variance) = worth.amount().draw_parameters(&mut stream);
    let top = libm::log(worth.ceiling(world));
    let amount = cut_lognormal_mean(mean, variance.sqrt(), top);
    let years = ask.horizon / 12.0;
    let hacked = probability(opportunity.hazard.total(world), ask.horizon);
    let airdrop = still
        * soon
        * eligible
        * amount
        * worth.mean_share()
        * opportunity.allocation(size)
        * opportunity.haircut.factor()
        * (1.0 - hacked);
    (airdrop - in_dollars(opportunity.gas)) / size + opportunity.base_yield * years * (1.0 - hacked)
        - opportunity.forgone_yield * years
        - slippage(opportunity)
        - hacked * opportunity.hazard.loss.mean()
}
