//! Draws from the posterior predictive distribution of all opportunities together.

use std::collections::BTreeMap;

use airdrops_types::{Bps, Usd};
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::draw::Stream;
use super::hazard::{Loss, World, probability};
use super::invalid::{Invalid, bounded};
use super::normal;
use super::opportunity::{Opportunity, Worth};
use super::rule::{MAX_AMOUNT, in_dollars};
use super::share::Share;
use super::value::slippage;
use crate::problem::Scenarios;

/// What draws are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What is allocated in all.
    pub capital: Usd,
    /// The share of capital at which each payoff is made linear: gross returns are those of a
    /// position of this size. Choose the size that positions will have: drops with steps or
    /// concave rules give less per dollar to larger ones.
    pub reference: Bps,
    /// How long positions are held, in months.
    pub horizon: f64,
    /// Seed of all draws.
    pub seed: u64,
    /// How many scenarios.
    pub count: usize,
    /// Who charges gas and slippage.
    pub charge: Charge,
}

/// Who charges gas and slippage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// Gross returns are after gas (at the reference size) and slippage.
    Here,
    /// Gross returns are before both: the problem's own costs charge them.
    Elsewhere,
}

/// The most scenarios.
pub const MAX_SCENARIOS: usize = 100_000;
/// The most opportunities.
pub const MAX_OPPORTUNITIES: usize = 1_000;

impl Ask {
    /// The position at which payoffs are made linear, in dollars.
    #[must_use]
    pub fn reference_size(&self) -> f64 {
        in_dollars(self.capital) * f64::from(self.reference.0) / 10_000.0
    }

    /// Whether all numbers are usable.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.capital < Usd::dollars(1) || self.capital > MAX_AMOUNT {
            let what = format!("is {}: give $1 to {MAX_AMOUNT}", self.capital);
            return Err(Invalid::new("capital", what));
        }
        if self.reference == Bps(0) || self.reference > Bps::WHOLE {
            let what = format!("is {}: give 1 to 10,000 basis points", self.reference);
            return Err(Invalid::new("reference", what));
        }
        bounded("horizon", self.horizon, 1e-3, 120.0)?;
        if self.count == 0 || self.count > MAX_SCENARIOS {
            let what = format!("is {}: give 1 to {MAX_SCENARIOS}", self.count);
            return Err(Invalid::new("count", what));
        }
        Ok(())
    }
}

/// Gross returns per unit of capital, one column per opportunity in the order given, all scenarios
/// equally likely.
///
/// - Scenarios come in antithetic pairs: the second half mirrors the first, except for variances
///   and shares of losses, which both halves share.
/// - Parameters are drawn, or integrated out where only their mean counts (`drop`, `when`,
///   `eligibility` decide one yes or no each): the draws are from the posterior predictive.
/// - Logarithms of token values have correlation `ρ`: `√ρ` market + `√(1 − ρ)` own.
/// - Each opportunity's draws depend on the seed and its names only, not on the others.
///
/// # Errors
/// [`Invalid`] for what is not usable, by opportunity and parameter.
pub fn scenarios(
    opportunities: &[Opportunity],
    world: &World,
    ask: &Ask,
) -> Result<Scenarios, Invalid> {
    ask.check().map_err(|error| error.within("ask"))?;
    if opportunities.is_empty() || opportunities.len() > MAX_OPPORTUNITIES {
        let what = format!(
            "{} are given: give 1 to {MAX_OPPORTUNITIES}",
            opportunities.len()
        );
        return Err(Invalid::new("opportunities", what));
    }
    Opportunity::check_all(opportunities, world)?;
    let pairs = ask.count.div_ceil(2);
    let mut stream = Stream::new(ask.seed, "market");
    let market: Vec<f64> = (0..pairs).map(|_| stream.normal()).collect();
    let events = shared_events(opportunities, world, ask);
    let mut tokens: BTreeMap<&str, Vec<Token>> = BTreeMap::new();
    let mut gross = Vec::with_capacity(ask.count * opportunities.len());
    for opportunity in opportunities {
        let token = tokens
            .entry(&opportunity.family)
            .or_insert_with(|| draw_token(opportunity, ask.seed, pairs));
        column(
            opportunity,
            world,
            ask,
            (&market, token),
            &events,
            &mut gross,
        );
    }
    Ok(Scenarios {
        gross: DMatrix::from_vec(ask.count, opportunities.len(), gross),
        probabilities: DVector::repeat(ask.count, 1.0 / ask.count as f64),
    })
}

/// Draws of one family's token for a pair of scenarios. Uniforms and normals of the second are
/// mirrored.
struct Token {
    /// Whether there is a drop, as a uniform.
    drop: f64,
    /// Whether the wallet is eligible, as a uniform.
    eligible: f64,
    /// The share of supply, as a uniform.
    share: f64,
    /// What is the token's own in its value, as a uniform.
    value: f64,
    /// The value's precision, shared by the pair.
    precision: f64,
}

fn draw_token(opportunity: &Opportunity, seed: u64, pairs: usize) -> Vec<Token> {
    let mut stream = Stream::new(seed, &format!("token/{}", opportunity.family));
    let amount = opportunity.worth.amount();
    let draw = |_| Token {
        drop: stream.uniform(),
        eligible: stream.uniform(),
        share: stream.uniform(),
        value: stream.uniform(),
        precision: amount.draw_precision(&mut stream),
    };
    (0..pairs).map(draw).collect()
}

/// For each shared hazard that somebody has: in which scenarios it strikes.
fn shared_events<'a>(
    opportunities: &'a [Opportunity],
    world: &World,
    ask: &Ask,
) -> BTreeMap<&'a str, Vec<bool>> {
    let mut events = BTreeMap::new();
    for name in opportunities.iter().flat_map(|each| &each.hazard.shared) {
        let rate = world.shared_hazards.get(name).copied().unwrap_or(0.0);
        let chance = probability(rate, ask.horizon);
        events.entry(name.as_str()).or_insert_with(|| {
            let mut stream = Stream::new(ask.seed, &format!("hazard/{name}"));
            let pairs = ask.count.div_ceil(2);
            let drawn: Vec<f64> = (0..pairs).map(|_| stream.uniform()).collect();
            (0..ask.count)
                .map(|row| mirrored(row, pairs, |pair| drawn[pair]) < chance)
                .collect()
        });
    }
    events
}

/// The uniform of a row: that of its pair, from the other end in the second half.
fn mirrored(row: usize, pairs: usize, uniform: impl Fn(usize) -> f64) -> f64 {
    if row < pairs {
        uniform(row)
    } else {
        1.0 - uniform(row - pairs)
    }
}

fn column(
    opportunity: &Opportunity,
    world: &World,
    ask: &Ask,
    (market, tokens): (&[f64], &[Token]),
    events: &BTreeMap<&str, Vec<bool>>,
    gross: &mut Vec<f64>,
) {
    let size = ask.reference_size();
    let years = ask.horizon / 12.0;
    let worth = &opportunity.worth;
    let top = libm::log(worth.ceiling(world));
    let drop = opportunity.drop_within(ask.horizon);
    let eligible = opportunity.eligibility.mean();
    let allocation = opportunity.allocation(size);
    let common = world.correlation.sqrt();
    let own_part = (1.0 - world.correlation).max(0.0).sqrt();
    // The share of supply by its uniform, and the most of it that one wallet can get.
    let (supply, kept, most) = match worth {
        Worth::Pool {
            share, dilution, ..
        } => (*share, 1.0 - dilution, 1.0),
        Worth::Wallet { .. } => (Share::Known(1.0), 1.0, f64::INFINITY),
    };
    let below_one = supply.below_one();
    let spread = opportunity.dispersion;
    let per_unit = opportunity.haircut.factor() / size;
    let forgone = opportunity.forgone_yield * years;
    let held = 1.0 + opportunity.base_yield * years - forgone;
    let costs = match ask.charge {
        Charge::Here => slippage(opportunity) + in_dollars(opportunity.gas) / size,
        Charge::Elsewhere => 0.0,
    };
    let own_hazard = probability(opportunity.hazard.own, ask.horizon);
    let shared: Vec<&Vec<bool>> = opportunity
        .hazard
        .shared
        .iter()
        .filter_map(|name| events.get(name.as_str()))
        .collect();
    let mut stream = Stream::new(ask.seed, &format!("own/{}", opportunity.id));
    let pairs = tokens.len();
    let own: Vec<(f64, f64)> = (0..pairs)
        .map(|_| (stream.uniform(), stream.uniform()))
        .collect();
    // Losses are rare: drawn where they strike, by the number of the pair.
    let mut losses = Stream::new(ask.seed, &format!("loss/{}", opportunity.id));
    for row in 0..ask.count {
        let pair = if row < pairs { row } else { row - pairs };
        let token = &tokens[pair];
        let sign = if row < pairs { 1.0 } else { -1.0 };
        let hacked = mirrored(row, pairs, |pair| own[pair].0) < own_hazard
            || shared.iter().any(|strikes| strikes[row]);
        if hacked {
            let loss = match &opportunity.hazard.loss {
                Loss::Total => 1.0,
                Loss::Share(belief) => {
                    losses.seek(pair);
                    losses.beta(belief.a, belief.b)
                }
            };
            gross.push((1.0 - loss - forgone - costs).max(0.0));
            continue;
        }
        let mut became = held - costs;
        if mirrored(row, pairs, |_| token.drop) < drop
            && mirrored(row, pairs, |_| token.eligible) < eligible
        {
            let own_value = normal::quantile(token.value);
            let z = sign * (common * market[pair] + own_part * own_value);
            let logarithm = worth.amount().draw(token.precision, z);
            let amount = libm::exp(logarithm.min(top));
            let uniform = mirrored(row, pairs, |_| token.share);
            let share = supply.quantile_of(below_one, uniform) * kept;
            let luck = sign * normal::quantile(own[pair].1);
            let factor = libm::exp(spread * luck - 0.5 * spread * spread);
            became += amount * share * (allocation * factor).min(most) * per_unit;
        }
        gross.push(became.max(0.0));
    }
}
