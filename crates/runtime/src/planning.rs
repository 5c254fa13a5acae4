//! Plan: when the allocation engine is asked, what it is told, and what stands until the next time.

use std::collections::BTreeMap;

use airdrops_allocation::estimate::Opportunity;
use airdrops_allocation::estimate::forecast::ForecastLog;
use airdrops_allocation::plan::{Bound, Mandate, Question, Site, plan};
use airdrops_allocation::rebalance::{Baseline, Policy as Triggers, Risk, Situation, Unit};
use airdrops_allocation::{Course, estimate};
use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_risk::look_through::Source;
use airdrops_risk::{Marked, Placement, RiskReport, placement_limits};
use airdrops_store::{Batch, OBSERVATIONS};
use airdrops_types::{
    Action, Address, AirdropSeen, Bps, Entry, ProtocolId, Reading, Restraint, Rounding, Snapshot,
    Timestamp, Token, U256, Usd, VolatilityState,
};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::RunError;
use crate::learning::{FORECASTS, Stance, beliefs, forecast};
use crate::restore::stored;

/// Setting that holds the plan that stands.
pub(crate) const PLAN: &str = "plan";

/// Gas units of a move: an approval, and a deposit or a withdrawal of a usual protocol.
const GAS_OF_A_MOVE: u64 = 350_000;

/// Limits follow the market in small steps; the allocation engine looks again when a tenth more or
/// less is left of them.
const STEP_OF_SCALE: u32 = 1_000;

/// What the allocation engine is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planning {
    /// What the owner wants.
    pub mandate: Mandate,
    /// When it looks.
    pub triggers: Triggers,
    /// What the owner says of each opportunity.
    pub opportunities: Vec<Stance>,
    /// The wallet that carries plans out; `None`: campaigns that move up to the target do.
    #[serde(default)]
    pub wallet: Option<Address>,
}

/// The plan that stands, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// What it was made for; a plan for another configuration is made anew.
    pub(crate) planning: Option<Planning>,
    /// What each site does; `None` before the first plan.
    pub(crate) courses: Option<BTreeMap<ProtocolId, Course>>,
    /// What the strategy wants.
    pub(crate) wanted: BTreeMap<ProtocolId, Usd>,
    /// What the last look saw.
    pub(crate) baseline: Baseline,
}

/// What the monitor last said that plans rest on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outlook {
    volatility: Option<VolatilityState>,
    /// 100 less the health of each protocol. Its risk score also counts how much of ours is there,
    /// which limits look after.
    risks: BTreeMap<ProtocolId, u8>,
}

impl Outlook {
    pub(crate) fn of(report: &RiskReport) -> Self {
        Self {
            volatility: report.volatility.state,
            risks: report
                .protocols
                .iter()
                .map(|one| (one.protocol.clone(), 100 - one.health.score.min(100)))
                .collect(),
        }
    }
}

impl Engine {
    /// Asks for a new plan if there is a reason to, and stores it before it takes effect. One that
    /// cannot be made leaves the last one in force, and says why once.
    pub(crate) fn rebalance(
        &mut self,
        marked: &Marked<'_>,
        equity: Usd,
        current: &[(ProtocolId, Usd)],
        now: Timestamp,
    ) -> Result<(), RunError> {
        let Some(planning) = self.settings.planning.clone() else {
            return Ok(());
        };
        self.arrive(current)?;
        let situation = self.situation(equity, current);
        let baseline = &self.standing.baseline;
        let configured = self.standing.planning.as_ref();
        let trigger = if configured.is_some_and(|configured| *configured != planning) {
            "strategy or opportunities are configured anew".to_owned()
        } else {
            match baseline.trigger(&planning.triggers, &situation, now) {
                Some(trigger) => trigger.to_string(),
                None => return Ok(()),
            }
        };
        let looked = Baseline::of(&situation, baseline, now);
        let about = "the plan".to_owned();
        let seen: Vec<AirdropSeen> = stored(self.store.as_ref(), OBSERVATIONS)?;
        let beliefs = match beliefs(&planning.opportunities, &seen, now) {
            Ok(beliefs) => beliefs,
            Err(error) => {
                let text = format!("no new plan: {error}");
                return self.tell(about, text, now);
            }
        };
        let question = match self.question(&planning, &beliefs, marked, equity, current) {
            Ok(question) => question,
            Err(why) => {
                let text = format!("no new plan: {why}");
                return self.tell(about, text, now);
            }
        };
        let plan = match plan(&question) {
            Ok(plan) => plan,
            Err(error) => {
                // Nothing of it will be different before something else is.
                self.standing.baseline = looked;
                self.standing.planning = Some(planning);
                let text = format!("no new plan: {error}; the last one stands");
                return self.tell(about, text, now);
            }
        };
        self.told.remove(&about);
        let horizon = planning.mandate.horizon;
        let standing = Standing {
            planning: Some(planning),
            courses: Some(plan.courses.clone()),
            wanted: plan.wanted.clone(),
            baseline: looked,
        };
        let mut batch = Batch::at(now);
        batch.entries.push(Entry::Rebalanced {
            trigger,
            orders: plan.moves(),
            inputs: serde_json::to_value(&question)?,
            plan: serde_json::to_value(&plan)?,
        });
        let value = serde_json::to_value(&standing)?;
        batch.settings.push((PLAN.to_owned(), value));
        let mut forecasts: ForecastLog = stored(self.store.as_ref(), FORECASTS)?;
        if forecast(&mut forecasts, &beliefs, &seen, horizon, now) {
            let value = serde_json::to_value(&forecasts)?;
            batch.settings.push((FORECASTS.to_owned(), value));
        }
        let wallet = standing.planning.as_ref().and_then(|plan| plan.wallet);
        if let Some(wallet) = wallet {
            let changes = self.carry_out(wallet, &plan.courses, current, marked.snapshot(), now)?;
            Self::note_changes(&mut batch, changes);
        }
        self.commit(batch)?;
        self.standing = standing;
        Ok(())
    }

    /// What has reached the size that it was to reach is held from then on.
    fn arrive(&mut self, current: &[(ProtocolId, Usd)]) -> Result<(), RunError> {
        let Some(courses) = &mut self.standing.courses else {
            return Ok(());
        };
        let mut arrived = false;
        for (protocol, value) in current {
            let Some(course) = courses.get_mut(protocol) else {
                continue;
            };
            if let Course::MoveTo { size, why } = course {
                let off = Usd((*value - *size).0.saturating_abs());
                // Prices move while a move is under way: what is this close has arrived.
                if off < self.settings.min_change.max(size.fraction(Bps(50))) {
                    let why = format!("{why}; reached with {value}");
                    *course = Course::Hold { why };
                    arrived = true;
                }
            }
        }
        if !arrived {
            return Ok(());
        }
        let mut batch = Batch::at(self.clock.now());
        let value = serde_json::to_value(&self.standing)?;
        batch.settings.push((PLAN.to_owned(), value));
        self.commit(batch)
    }

    fn situation(&self, equity: Usd, current: &[(ProtocolId, Usd)]) -> Situation {
        let wanted = |protocol: &ProtocolId, value: Usd| {
            let wanted = self.standing.wanted.get(protocol);
            wanted.copied().unwrap_or(value)
        };
        let restraints = self.restraints();
        Situation {
            equity,
            positions: current
                .iter()
                .map(|(protocol, value)| (protocol.clone(), (*value, wanted(protocol, *value))))
                .collect(),
            control: self.gate.state().control.overall().0,
            risks: current
                .iter()
                .map(|(protocol, _)| {
                    let restraint = restraints.get(protocol).cloned().unwrap_or_default();
                    let score = self.outlook.risks.get(protocol).copied();
                    let risk = Risk {
                        control: restraint.state(),
                        scale: Bps(restraint.scale.0 / STEP_OF_SCALE * STEP_OF_SCALE),
                        score: score.unwrap_or_default(),
                    };
                    (protocol.clone(), risk)
                })
                .collect(),
            volatility: self.outlook.volatility,
            contributed: self.net_flows,
        }
    }

    /// Everything that a plan rests on; a text if something is not known.
    fn question(
        &self,
        planning: &Planning,
        beliefs: &[Opportunity],
        marked: &Marked<'_>,
        equity: Usd,
        current: &[(ProtocolId, Usd)],
    ) -> Result<Question, String> {
        let snapshot = marked.snapshot();
        let mut restraints = self.restraints();
        let mut sites = Vec::new();
        let mut placements = Vec::new();
        for belief in beliefs {
            let protocol = self
                .registry
                .get(&belief.id)
                .ok_or_else(|| format!("protocol {} is not configured", belief.id))?;
            let held = current.iter().find(|(id, _)| *id == belief.id);
            let value = held.map_or(Usd::ZERO, |(_, value)| *value);
            placements.push(Placement {
                protocol: belief.id.clone(),
                legs: legs(protocol),
            });
            let restraint = restraints.remove(&belief.id).unwrap_or_default();
            sites.push(self.site(protocol, belief, value, &restraint, snapshot)?);
        }
        let policy = self.gate.policy();
        let limits = placement_limits(policy, self.gate.state(), marked, &placements);
        let limits = limits.map_err(|defects| defects.join("; "))?;
        let exposure = marked
            .exposure()
            .map_err(|_| "what is held is not known".to_owned())?;
        let held = exposure.parts.iter();
        let cash: Usd = held
            .filter(|(source, _)| matches!(source, Source::Holding { .. }))
            .map(|(_, part)| part.value)
            .sum();
        let per_transaction = equity
            .fraction(policy.transaction_limit)
            .fraction(airdrops_allocation::tranches::USED_OF_LIMIT);
        Ok(Question {
            seed: self.settings.seed,
            equity,
            cash: (cash - self.gas_money(snapshot)).or_zero(),
            per_transaction,
            min_change: self.settings.min_change,
            control: self.gate.state().control.overall().0,
            mandate: planning.mandate.clone(),
            sites,
            bounds: limits
                .into_iter()
                .map(|limit| Bound {
                    name: limit.node,
                    max: (limit.bound - limit.elsewhere).or_zero(),
                    members: limit.weights,
                })
                .collect(),
        })
    }

    fn site(
        &self,
        protocol: &ProtocolConfig,
        belief: &Opportunity,
        value: Usd,
        restraint: &Restraint,
        snapshot: &Snapshot,
    ) -> Result<Site, String> {
        let mut opportunity = belief.clone();
        if let Some(score) = self.outlook.risks.get(&belief.id) {
            let measured = estimate::hazard::of_risk_score(*score);
            opportunity.hazard.own = opportunity.hazard.own.max(measured);
        }
        let chain = self
            .settings
            .chains
            .iter()
            .find(|chain| chain.id == protocol.chain)
            .ok_or_else(|| format!("chain {} is not configured", protocol.chain))?;
        let base_fee = snapshot
            .chains
            .get(&protocol.chain)
            .and_then(|view| view.base_fee.fresh())
            .ok_or_else(|| format!("the base fee of {} is not fresh", chain.name))?;
        let price = snapshot
            .prices
            .get(&chain.native.asset)
            .and_then(Reading::fresh)
            .ok_or_else(|| format!("the price of {} is not fresh", chain.native.asset))?;
        let per_gas = U256::from(base_fee.saturating_add(chain.priority_fee));
        let fee = per_gas.saturating_mul(U256::from(GAS_OF_A_MOVE));
        let gas = price
            .value(fee, chain.native.decimals, Rounding::Up)
            .ok_or_else(|| format!("the gas of {} is too large to be valued", chain.name))?;
        let unit = legs(protocol).first().and_then(|(token, _)| {
            let price = snapshot.prices.get(&token.asset)?.fresh()?;
            Some(Unit {
                token: token.clone(),
                price: *price,
            })
        });
        Ok(Site {
            // Half of what entry and exit lose together.
            slippage: Bps(opportunity.slippage.0.div_ceil(2)),
            opportunity,
            verb: verb(protocol).to_owned(),
            chain: chain.name.clone(),
            unit,
            value,
            locked: Usd::ZERO,
            gas_in: gas,
            gas_out: gas,
            control: restraint.state(),
        })
    }

    /// The value of what is kept back for gas.
    fn gas_money(&self, snapshot: &Snapshot) -> Usd {
        let chains = self.settings.chains.iter();
        chains
            .filter_map(|chain| {
                let held = self.settings.wallets.iter();
                let held = held.filter_map(|wallet| snapshot.balance(*wallet, &chain.native));
                let held = held.fold(U256::ZERO, U256::saturating_add);
                let kept = held.min(self.gas_reserve(snapshot, chain.id));
                let price = snapshot.prices.get(&chain.native.asset)?.last_known()?;
                price.value(kept, chain.native.decimals, Rounding::Up)
            })
            .sum()
    }
}

/// What a position in a protocol consists of, by value: what the allocation engine can place there.
pub(crate) fn legs(protocol: &ProtocolConfig) -> Vec<(Token, Bps)> {
    match &protocol.module {
        ModuleConfig::Erc4626 { asset, .. } => vec![(asset.clone(), Bps::WHOLE)],
        ModuleConfig::UniswapV2 {
            token_a, token_b, ..
        } => {
            let half = Bps(Bps::WHOLE.0 / 2);
            vec![(token_a.clone(), half), (token_b.clone(), half)]
        }
        ModuleConfig::WrappedNative { .. }
        | ModuleConfig::Bridge { .. }
        | ModuleConfig::StakingRewards { .. }
        | ModuleConfig::MerkleDistributor { .. } => Vec::new(),
    }
}

/// Whether capital can be placed in a protocol by itself.
#[must_use]
pub fn takes_capital(protocol: &ProtocolConfig) -> bool {
    !legs(protocol).is_empty()
}

fn verb(protocol: &ProtocolConfig) -> &'static str {
    match &protocol.module {
        ModuleConfig::UniswapV2 { .. } => Action::AddLiquidity.verb(),
        _ => Action::Supply.verb(),
    }
}

/// Mean months.
pub(crate) fn months(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() / (365.25 / 12.0 * 86_400.0)
}
