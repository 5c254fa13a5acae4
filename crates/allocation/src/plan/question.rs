//! What is known at one instant, as far as a plan rests on it.

use airdrops_types::{Bps, ControlState, Usd};
use serde::{Deserialize, Serialize};

use super::Mandate;
use crate::estimate::draw::Stream;
use crate::estimate::{Opportunity, Summary};
use crate::rebalance::{Book, Holding, Limit, Unit, Value};

/// One place where capital may lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// What is believed of it.
    pub opportunity: Opportunity,
    /// What is done there: `supply`, `stake`.
    pub verb: String,
    /// The name of its chain, for people.
    pub chain: String,
    /// In what amounts are told; in dollars if none.
    pub unit: Option<Unit>,
    /// What the position is worth.
    pub value: Usd,
    /// What of it cannot be withdrawn at present.
    pub locked: Usd,
    /// Gas of one transaction that enters.
    pub gas_in: Usd,
    /// Gas of one transaction that exits.
    pub gas_out: Usd,
    /// Slippage and fees of a move, of what is moved.
    pub slippage: Bps,
    /// The worst control state that covers it.
    pub control: ControlState,
}

/// A limit over the sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Its name, as in a refusal of the gate.
    pub name: String,
    /// The most that the sites may bring there.
    pub max: Usd,
    /// The share of each site that counts, in the order of the sites.
    pub members: Vec<Bps>,
}

/// All that a plan rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Seed of all draws.
    pub seed: u64,
    /// What everything is worth.
    pub equity: Usd,
    /// What can be placed: wallets less what gas needs.
    pub cash: Usd,
    /// The most that one transaction moves.
    pub per_transaction: Usd,
    /// The least that is worth a transaction.
    pub min_change: Usd,
    /// The control state of everything.
    pub control: ControlState,
    /// What the owner wants.
    pub mandate: Mandate,
    /// Where capital may lie.
    pub sites: Vec<Site>,
    /// The limits.
    pub bounds: Vec<Bound>,
}

impl Question {
    /// The sites that get a small position for the sake of learning: those whose mean return, drawn
    /// from what is known of it (Thompson 1933), comes out positive although its expectation is not,
    /// or which have no position yet; the best draws first, within the budget.
    pub(super) fn explored(&self, outlook: &[Summary]) -> Vec<usize> {
        let least = self.mandate.min_position.0;
        if least == 0 {
            return Vec::new();
        }
        let slots = usize::try_from(self.mandate.exploration.0 / least).unwrap_or(0);
        let mut drawn: Vec<(usize, f64)> = Vec::new();
        for (index, (site, summary)) in self.sites.iter().zip(outlook).enumerate() {
            if site.value > Usd::ZERO || site.control.forbids_growth() {
                continue;
            }
            let name = format!("explore/{}", site.opportunity.id);
            let mut stream = Stream::new(self.seed, &name);
            // What is known of the mean: as much as the drop's belief is worth observations.
            let strength = site.opportunity.drop.strength().max(1.0);
            let drawn_mean = summary.mean + summary.deviation / strength.sqrt() * stream.normal();
            if drawn_mean > 0.0 {
                drawn.push((index, drawn_mean));
            }
        }
        drawn.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        drawn.truncate(slots);
        drawn.into_iter().map(|(index, _)| index).collect()
    }

    /// What the rebalancing decision is asked.
    pub(super) fn book(&self, wanted: &[Usd], worth: Vec<Value>) -> Book {
        let holdings = self.sites.iter().zip(wanted).zip(worth);
        let holdings = holdings.map(|((site, target), worth)| Holding {
            protocol: site.opportunity.id.clone(),
            strategy: site.verb.clone(),
            chain: site.chain.clone(),
            unit: site.unit.clone(),
            value: site.value,
            locked: site.locked,
            target: *target,
            worth,
            gas_in: site.gas_in,
            gas_out: site.gas_out,
            slippage: site.slippage,
            depth: None,
            cap: self.per_transaction,
            min_order: self.min_change,
            min_position: self.equity.or_zero().fraction(self.mandate.min_position),
            control: site.control,
        });
        Book {
            cash: self.cash,
            reserve: self.equity.or_zero().fraction(self.mandate.reserve),
            holdings: holdings.collect(),
            limits: self.bounds.iter().map(Bound::limit).collect(),
            control: self.control,
        }
    }
}

impl Bound {
    fn limit(&self) -> Limit {
        let members = self.members.iter().enumerate();
        Limit {
            name: self.name.clone(),
            members: members
                .filter(|(_, share)| share.0 > 0)
                .map(|(index, share)| (index, (*share).min(Bps::WHOLE)))
                .collect(),
            max: self.max.or_zero(),
        }
    }
}
