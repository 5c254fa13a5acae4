//! What is known at one instant, as far as a plan rests on it.

use airdrops_types::{Bps, ControlState, Usd};
use serde::{Deserialize, Serialize};

use super::{MARGIN, Mandate};
use crate::estimate::explore::{Exploration, explore};
use crate::estimate::{Invalid, Opportunity};
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
    /// What is believed of each site.
    pub(super) fn beliefs(&self) -> Vec<Opportunity> {
        let sites = self.sites.iter();
        sites.map(|site| site.opportunity.clone()).collect()
    }

    /// Small positions for the sake of learning, by site, within the budget: by
    /// [`explore`](crate::estimate::explore::explore()) among the sites without a position that may
    /// grow.
    ///
    /// # Errors
    /// [`Invalid`] for a belief that is not usable.
    pub(super) fn probes(&self) -> Result<Vec<(usize, Usd)>, Invalid> {
        let minimum = self.equity.or_zero().fraction(self.mandate.min_position);
        if minimum == Usd::ZERO || self.mandate.exploration == Bps(0) {
            return Ok(Vec::new());
        }
        let free: Vec<usize> = (0..self.sites.len())
            .filter(|index| {
                let site = &self.sites[*index];
                site.value == Usd::ZERO && !site.control.forbids_growth()
            })
            .collect();
        let opportunities: Vec<Opportunity> = free
            .iter()
            .map(|index| self.sites[*index].opportunity.clone())
            .collect();
        let probes = explore(
            &opportunities,
            &self.mandate.world,
            &Exploration {
                capital: self.equity,
                budget: self.mandate.exploration,
                minimum,
                horizon: self.mandate.horizon,
                seed: self.seed,
            },
        )?;
        let probes = probes.into_iter();
        Ok(probes
            .map(|probe| (free[probe.index], probe.amount))
            .collect())
    }

    /// Positions below the least one are none, but for what is locked or explored.
    pub(super) fn drop_crumbs(&self, wanted: &mut [Usd], probes: &[(usize, Usd)]) {
        let least = self.equity.or_zero().fraction(self.mandate.min_position);
        for (index, (wanted, site)) in wanted.iter_mut().zip(&self.sites).enumerate() {
            let explored = probes.iter().any(|(probed, _)| *probed == index);
            if *wanted < least && !explored {
                *wanted = site.locked;
            }
        }
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
            idle: Value::default(),
            reserve: self.equity.or_zero().fraction(self.mandate.reserve),
            holdings: holdings.collect(),
            limits: self
                .bounds
                .iter()
                .map(|bound| bound.limit(&self.sites))
                .collect(),
            control: self.control,
        }
    }
}

impl Bound {
    /// What grows keeps a margin below the limit, so that rounding and small moves of prices breach
    /// none; what lies in the margin stays, and what is above the limit is cured to below it.
    fn limit(&self, sites: &[Site]) -> Limit {
        let members = self.members.iter().enumerate();
        let mut limit = Limit {
            name: self.name.clone(),
            members: members
                .filter(|(_, share)| share.0 > 0)
                .map(|(index, share)| (index, (*share).min(Bps::WHOLE)))
                .collect(),
            max: self.max.or_zero(),
        };
        let sizes: Vec<Usd> = sites.iter().map(|site| site.value).collect();
        let held = limit.measure(&sizes);
        let kept = limit.max - limit.max.fraction(MARGIN);
        limit.max = if held < limit.max {
            kept.max(held)
        } else {
            kept
        };
        limit
    }
}
