//! Payoffs that grow less than in proportion: each site in stretches of its size, so that an optimiser
//! that is linear in weights sees what the next dollar brings, and not the average one.

use airdrops_types::{Bps, Usd};
use nalgebra::{DMatrix, DVector};

use super::{Question, dollars};
use crate::estimate::{Ask, Charge, Invalid, Rule, scenarios};
use crate::problem::Scenarios;

/// Where stretches end, as shares of the largest position that the limits allow.
const ENDS: [f64; 4] = [0.1, 0.25, 0.5, 1.0];

/// What a dollar must gain over the horizon to be placed at all: a basis point. Without it, what
/// gains nothing and loses nothing in any scenario would be as good as cash.
const LEAST_GAIN: f64 = 1e-4;

/// All sites in stretches.
#[derive(Debug, Clone)]
pub(super) struct Stretches {
    /// The site of each stretch; ascending, each site's stretches in order.
    pub(super) site: Vec<usize>,
    /// How wide each is, as a share of equity.
    pub(super) width: Vec<f64>,
    /// Gross returns of each stretch in each scenario.
    pub(super) drawn: Scenarios,
}

impl Stretches {
    /// Stretches where payoffs are concave and `marginal` is set; else one per site, whose returns
    /// are the average ones at about the size that a position will have.
    ///
    /// # Errors
    /// [`Invalid`] for a belief that is not usable.
    pub(super) fn of(question: &Question, charge: Charge, marginal: bool) -> Result<Self, Invalid> {
        let (mut site, mut width, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        // One look at all of them: families that do not agree are refused.
        let even = even_share(question);
        let average = draw_all(question, charge, even)?;
        for index in 0..question.sites.len() {
            let ends = if marginal {
                ends(question, index)
            } else {
                Vec::new()
            };
            if ends.len() < 2 {
                site.push(index);
                width.push(1.0);
                columns.push(average.gross.column(index).clone_owned());
                continue;
            }
            let (mut from, mut before) = (0.0, DVector::zeros(average.gross.nrows()));
            // Gas does not grow with the size, so that no dollar but the first would bear it: the
            // decision to move weighs it.
            let slippage = question.sites[index].opportunity.slippage;
            let costs = match charge {
                Charge::Here => LEAST_GAIN + f64::from(slippage.0) / 10_000.0,
                Charge::Elsewhere => 0.0,
            };
            for end in ends {
                let to = f64::from(end.0) / 10_000.0;
                let after = draw(question, index, Charge::Elsewhere, end)? * to;
                let stretch = (&after - &before) / (to - from);
                columns.push(stretch.map(|gross| (gross - costs).max(0.0)));
                site.push(index);
                width.push(to - from);
                (from, before) = (to, after);
            }
        }
        Ok(Self {
            site,
            width,
            drawn: Scenarios {
                gross: DMatrix::from_columns(&columns),
                probabilities: average.probabilities,
            },
        })
    }

    /// Weights of stretches where sites have these weights: each is full before the next begins, and
    /// what is beyond the last one is in it.
    pub(super) fn fill(&self, weights: &[f64]) -> DVector<f64> {
        let mut left = weights.to_vec();
        DVector::from_fn(self.site.len(), |stretch, _| {
            let site = self.site[stretch];
            let last = self.site.get(stretch + 1) != Some(&site);
            let filled = if last {
                left[site]
            } else {
                left[site].min(self.width[stretch])
            };
            left[site] -= filled;
            filled
        })
    }

    /// What a position of this weight gains in each scenario, as a share of equity.
    pub(super) fn gains(&self, site: usize, weight: f64) -> DVector<f64> {
        let mut weights = vec![0.0; self.site.last().map_or(0, |last| last + 1)];
        weights[site] = weight;
        let filled = self.fill(&weights);
        let mut gains = DVector::zeros(self.drawn.gross.nrows());
        for (stretch, weight) in filled.iter().enumerate() {
            if *weight != 0.0 {
                for (gain, gross) in gains
                    .iter_mut()
                    .zip(self.drawn.gross.column(stretch).iter())
                {
                    *gain += weight * (gross - 1.0);
                }
            }
        }
        gains
    }

    /// Sums over the stretches of each site.
    pub(super) fn by_site(&self, sites: usize, amounts: &[Usd]) -> Vec<Usd> {
        let mut sums = vec![Usd::ZERO; sites];
        for (site, amount) in self.site.iter().zip(amounts) {
            sums[*site] += *amount;
        }
        sums
    }
}

/// The ends of a site's stretches, in basis points of equity; fewer than two where the payoff has
/// steps, or too little may be placed.
fn ends(question: &Question, index: usize) -> Vec<Bps> {
    let rule = &question.sites[index].opportunity.rule;
    if matches!(rule, Rule::Flat { .. } | Rule::Tiers(_)) {
        return Vec::new();
    }
    let caps = question.bounds.iter().filter_map(|bound| {
        let share = bound.members.get(index).filter(|share| share.0 > 0)?;
        Some(dollars(bound.max.or_zero()) * 10_000.0 / f64::from(share.0))
    });
    let value = dollars(question.sites[index].value);
    let most = caps.fold(dollars(question.equity), f64::min).max(value);
    let share = most / dollars(question.equity);
    let mut ends: Vec<Bps> = ENDS
        .iter()
        .map(|end| {
            let bps = (share * end * 10_000.0).round().clamp(0.0, 10_000.0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Bps(bps as u32)
        })
        .filter(|end| end.0 > 0)
        .collect();
    ends.dedup();
    ends
}

/// About the size that a position will have: an even share, at most a fifth.
fn even_share(question: &Question) -> Bps {
    let count = u32::try_from(question.sites.len()).unwrap_or(u32::MAX);
    Bps((Bps::WHOLE.0 / count.saturating_add(1)).clamp(100, 2_000))
}

fn ask(question: &Question, charge: Charge, reference: Bps) -> Ask {
    let mandate = &question.mandate;
    Ask {
        capital: question.equity,
        reference,
        horizon: mandate.horizon,
        seed: question.seed,
        count: mandate.scenarios,
        charge,
    }
}

/// All sites at one size.
pub(super) fn draw_all(
    question: &Question,
    charge: Charge,
    reference: Bps,
) -> Result<Scenarios, Invalid> {
    let ask = ask(question, charge, reference);
    scenarios(&question.beliefs(), &question.mandate.world, &ask)
}

/// One site at one size. Draws depend on names and seed only, so that they are those of all sites.
fn draw(
    question: &Question,
    index: usize,
    charge: Charge,
    reference: Bps,
) -> Result<DVector<f64>, Invalid> {
    let belief = question.sites[index].opportunity.clone();
    let ask = ask(question, charge, reference);
    let drawn = scenarios(&[belief], &question.mandate.world, &ask)?;
    Ok(drawn.gross.column(0).clone_owned())
}

/// The size at which a site's outlook is told.
pub(super) fn outlook(question: &Question) -> Result<Scenarios, Invalid> {
    draw_all(question, Charge::Here, even_share(question))
}
