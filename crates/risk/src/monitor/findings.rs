//! What one assessment measures besides the breakers: gas, health, tail, nodes, scores.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{
    AssetId, Bps, ChainId, ControlSignal, ControlState, Incident, ProtocolId, Reading, Scope,
    Timestamp, Usd, VolatilityState,
};
use serde::{Deserialize, Serialize};

use super::report::{
    GasReport, NodeReport, ProtocolReport, RiskReport, TailReport, VolatilityReport,
};
use super::{Measure, Monitor, Sample, Seen};
use crate::breaker::{GasObservation, Peg};
use crate::gas::{Charge, GasUse, ShortHistory, all_in};
use crate::health::{Health, HealthInputs, PinState};
use crate::look_through::{Growth, Node, Situation};
use crate::price::consensus::{SourceReport, SourceStanding, consensus_report};
use crate::profit::Profit;
use crate::score::{OpportunityRisk, PortfolioRisk, ProtocolRisk, herfindahl};
use crate::tail::TailUsd;
use crate::volatility::CompositeIndex;
use crate::{ControlBoard, RollingLoss};

/// Nodes of a report.
const NODES: usize = 20;
/// Days of a year.
const YEAR: f64 = 365.0;

/// What is at stake, by node.
type Stakes<'a> = BTreeMap<&'a Node, &'a NodeReport>;

/// The value at risk of a day, foretold when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Foretold {
    /// Days since the epoch.
    day: i64,
    /// Equity less flows when the day began.
    base: Usd,
    /// At 99 % and 97.5 %.
    at_risk: [Usd; 2],
}

impl Foretold {
    /// Days since the epoch.
    pub(super) fn day(&self) -> i64 {
        self.day
    }
}

pub(super) fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(24 * super::hour::HOUR_MS)
}

impl Monitor {
    /// What a standard transaction costs on each chain, and what it should earn.
    pub(super) fn gas(&self, seen: &Seen<'_>) -> Vec<GasObservation> {
        let chains = self.policy.expected_value.iter();
        chains
            .filter_map(|(chain, value)| {
                Some(GasObservation {
                    chain: *chain,
                    cost: self.standard_cost(seen, *chain)?,
                    expected_value: Reading::Fresh {
                        value: *value,
                        at: seen.marked.snapshot().at,
                    },
                    usual_at_most: None,
                })
            })
            .collect()
    }

    fn standard_cost(&self, seen: &Seen<'_>, chain: ChainId) -> Option<Reading<Usd>> {
        let snapshot = seen.marked.snapshot();
        let view = snapshot.chains.get(&chain)?;
        let used = GasUse {
            gas: self.policy.standard_gas,
            gas_price: view.base_fee.clone(),
            l1_data: Charge::None,
            operator: Charge::None,
            blob_gas: 0,
            blob_gas_price: Reading::missing("no blobs"),
        };
        let unpriced = Reading::missing("not observed");
        let price = snapshot.prices.get(&view.gas_asset).unwrap_or(&unpriced);
        Some(match all_in(&used, price) {
            Ok(cost) => Reading::Fresh {
                value: cost.usd,
                at: snapshot.at,
            },
            Err(error) => Reading::missing(error.to_string()),
        })
    }

    /// The share of past hours that were cheaper, per chain with a fresh base fee.
    pub(super) fn ranks(
        &self,
        seen: &Seen<'_>,
        now: Timestamp,
    ) -> BTreeMap<ChainId, Result<Bps, ShortHistory>> {
        let chains = seen.marked.snapshot().chains.iter();
        chains
            .filter_map(|(chain, view)| {
                let history = self.long.gas.get(chain)?;
                Some((*chain, history.quantile(now, *view.base_fee.fresh()?)))
            })
            .collect()
    }

    /// The health of every protocol.
    pub(super) fn health(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<(ProtocolId, Health)> {
        let protocols = seen.policy.families.iter();
        protocols
            .map(|(protocol, family)| {
                (
                    protocol.clone(),
                    self.health_of(seen, protocol, family, now),
                )
            })
            .collect()
    }

    fn health_of(
        &self,
        seen: &Seen<'_>,
        protocol: &ProtocolId,
        family: &str,
        now: Timestamp,
    ) -> Health {
        let snapshot = seen.marked.snapshot();
        let missing = Reading::missing("no source says it");
        let nothing = crate::health::TvlHistory::default();
        let tvl = self.policy.tvl.contains(family);
        let tvl = tvl.then(|| snapshot.market.tvl.get(family).unwrap_or(&missing));
        let pegs = self.pegs(seen, protocol);
        let pins = self.pins(seen, protocol);
        let about = self.names_of(protocol, family);
        let incidents: Vec<Incident> = snapshot
            .market
            .incidents
            .iter()
            .filter(|incident| incident.names.iter().any(|name| about.contains(name)))
            .cloned()
            .collect();
        let sources: Vec<(String, Reading<()>)> = self
            .policy
            .incident_feeds
            .iter()
            .map(|feed| {
                let reading = snapshot.market.sources.get(feed).cloned();
                let reading = reading.unwrap_or_else(|| Reading::missing("was not asked"));
                (feed.clone(), reading)
            })
            .collect();
        Health::measure(&HealthInputs {
            now,
            tvl,
            tvl_history: self.long.tvl.get(family).unwrap_or(&nothing),
            pegs: &pegs,
            pins: &pins,
            incidents: &incidents,
            failures: self.state.failures.record(protocol),
            sources: &sources,
        })
    }

    /// How far each pegged asset underneath a protocol is from its peg.
    fn pegs(&self, seen: &Seen<'_>, protocol: &ProtocolId) -> Vec<(AssetId, Reading<Bps>)> {
        let prices = &seen.marked.snapshot().prices;
        let underneath = self.policy.assets_of.get(protocol).into_iter().flatten();
        underneath
            .filter_map(|asset| {
                let peg = self.policy.breakers.depeg.pegs.get(asset)?;
                let missing = || Reading::missing("not observed");
                let price = prices.get(asset).cloned().unwrap_or_else(missing);
                let reading = match peg {
                    Peg::Price(peg) => price.map(|price| distance(price.0, peg.0)),
                    Peg::Asset(other) => match prices.get(other).and_then(Reading::fresh) {
                        Some(other) => price.map(|price| distance(price.0, other.0)),
                        None => Reading::missing(format!("price of {other} is not fresh")),
                    },
                };
                Some((asset.clone(), reading))
            })
            .collect()
    }

    /// What is known of the watched contracts of a protocol; as old as the last look at each.
    fn pins(&self, seen: &Seen<'_>, protocol: &ProtocolId) -> Vec<(String, Reading<PinState>)> {
        let views = &seen.marked.snapshot().contracts;
        let pins = self.state.breakers.pins.pins().iter();
        pins.filter(|pin| pin.protocol == *protocol)
            .map(|pin| {
                let reading = match (&pin.facts, &pin.change) {
                    (None, _) => Reading::missing("never read"),
                    (Some(_), Some(_)) => known(PinState::Changed),
                    (Some(facts), None) if facts.paused == Some(true) => known(PinState::Paused),
                    (Some(_), None) => known(PinState::Unchanged),
                };
                let view = views.iter().find(|view| {
                    (view.chain, view.contract, &view.protocol)
                        == (pin.chain, pin.contract, &pin.protocol)
                });
                let defect =
                    view.map_or(Some("was not read".to_owned()), |view| view.facts.defect());
                let reading = match defect {
                    Some(defect) => reading.disputed(&defect),
                    None => reading,
                };
                (format!("{} on chain {}", pin.contract, pin.chain), reading)
            })
            .collect()
    }

    /// Under which names reports of trouble mean a protocol, its assets or its chain.
    fn names_of(&self, protocol: &ProtocolId, family: &str) -> BTreeSet<String> {
        let assets = self.policy.assets_of.get(protocol).into_iter().flatten();
        let chain = self.policy.chain_of.get(protocol).copied();
        let wanted: BTreeSet<Scope> = assets
            .map(|asset| Scope::Asset(asset.clone()))
            .chain(chain.map(Scope::Chain))
            .chain(std::iter::once(Scope::Protocol(protocol.clone())))
            .collect();
        let names = self.policy.names.iter();
        let mut names: BTreeSet<String> = names
            .filter(|(_, scopes)| !scopes.is_disjoint(&wanted))
            .map(|(name, _)| name.clone())
            .collect();
        names.insert(family.to_lowercase());
        names
    }

    /// At the first assessment of a day: whether the day before lost more than was foretold, and
    /// what may be lost in the new one.
    pub(super) fn judge_day(&mut self, seen: &Seen<'_>, now: Timestamp) -> Option<Sample> {
        let point = seen.equity?;
        let day = day_of(now);
        let base = Usd(point.equity.0.checked_sub(point.net_flows.0)?);
        let before = self.state.foretold;
        if before.is_some_and(|before| before.day >= day) {
            return None;
        }
        let tail = self.tail(seen);
        self.state.foretold = match (tail.at_99, tail.at_975) {
            (Some(at_99), Some(at_975)) => Some(Foretold {
                day,
                base,
                at_risk: [at_99.value_at_risk, at_975.value_at_risk],
            }),
            _ => None,
        };
        let before = before.filter(|before| before.day + 1 == day)?;
        let loss = Usd(before.base.0.checked_sub(base.0)?);
        let sample = Sample {
            at: now,
            measure: Measure::Day {
                exceeded: before.at_risk.map(|at_risk| loss > at_risk),
            },
        };
        self.long.take(&sample);
        Some(sample)
    }

    fn tail(&self, seen: &Seen<'_>) -> TailReport {
        let assets = self.long.tail.assets().to_vec();
        let days = self.long.tail.days();
        let measure = |level: f64| -> Option<TailUsd> {
            let exposure = seen.marked.exposure().ok()?;
            let exposures: Vec<Usd> = assets.iter().map(|asset| exposure.asset(asset)).collect();
            let scenarios = self
                .long
                .tail
                .scenarios(&self.long.volatilities()?)
                .ok()??;
            scenarios.tail_usd(&exposures, level).ok()
        };
        TailReport {
            at_99: measure(0.99),
            at_975: measure(0.975),
            assets,
            days,
            coverage: self.long.coverage,
        }
    }

    fn nodes(&self, seen: &Seen<'_>) -> Vec<NodeReport> {
        let (Ok(structure), Ok(nodes), Ok(exposure)) = (
            seen.marked.structure(),
            seen.marked.nodes(),
            seen.marked.exposure(),
        ) else {
            return Vec::new();
        };
        let reserved = Growth::default();
        let situation = Situation {
            exposures: nodes,
            reserved: &reserved,
            equity: exposure.equity,
            scale: self.state.limits.overall(),
        };
        let mut found: Vec<NodeReport> = structure
            .graph()
            .indices()
            .filter_map(|index| {
                let at_stake = nodes.at(index);
                let node = structure.graph().node(index)?.clone();
                (at_stake > Usd::ZERO).then(|| NodeReport {
                    node,
                    exposure: at_stake,
                    share: at_stake.share_of(exposure.equity),
                    limit: structure.bounds().limit(index),
                    headroom: structure.bounds().headroom(&situation, index),
                })
            })
            .collect();
        found.sort_by_key(|node| {
            let used = node.share.unwrap_or(Bps::WHOLE).0;
            (
                std::cmp::Reverse(u64::from(used) * 10_000 / u64::from(node.limit.0.max(1))),
                node.node.clone(),
            )
        });
        found
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn report(
        &self,
        seen: &Seen<'_>,
        board: &ControlBoard,
        index: &CompositeIndex,
        volatility: Option<VolatilityState>,
        health: Vec<(ProtocolId, Health)>,
        ranks: &BTreeMap<ChainId, Result<Bps, ShortHistory>>,
        profit: Option<Profit>,
        now: Timestamp,
    ) -> RiskReport {
        let snapshot = seen.marked.snapshot();
        let equity = seen.equity.map(|point| point.equity);
        let share = |history| RollingLoss::measure(history).and_then(|loss| loss.share());
        let breakers = &self.state.breakers;
        let mut nodes = self.nodes(seen);
        let stakes: Stakes<'_> = nodes.iter().map(|report| (&report.node, report)).collect();
        let protocols: Vec<ProtocolReport> = health
            .into_iter()
            .map(|(protocol, health)| {
                self.protocol(seen, protocol, health, &stakes, volatility, ranks)
            })
            .collect();
        let tail = self.tail(seen);
        let defects = defects(seen, index);
        let inputs = snapshot.prices.len() + snapshot.holdings.len() + snapshot.positions.len();
        let stale = u32::try_from(defects.len() * 10_000 / inputs.max(1)).unwrap_or(10_000);
        let worst = board.trips().iter().map(|trip| trip.state).max();
        let at_stake: Vec<Usd> = seen
            .marked
            .exposure()
            .map(|exposure| exposure.protocols.values().copied().collect())
            .unwrap_or_default();
        let shortfall = tail.at_99.as_ref().zip(equity);
        let portfolio = PortfolioRisk {
            drawdown: share(&breakers.drawdown),
            shortfall: shortfall
                .and_then(|(tail, equity)| tail.expected_shortfall.share_of(equity)),
            concentration: herfindahl(&at_stake).or(Some(Bps(0))),
            volatility,
            not_fresh: Some(Bps(stale.min(10_000))),
            control: worst.unwrap_or(ControlState::Active),
        }
        .score();
        let signals = self.signals(board, &protocols, portfolio.score, volatility);
        nodes.truncate(NODES);
        RiskReport {
            at: now,
            equity,
            drawdown: share(&breakers.drawdown),
            loss_24h: share(&breakers.rolling_loss),
            profit,
            volatility: VolatilityReport {
                index: index.value(),
                state: volatility,
                thresholds: self.long.states.thresholds(),
                components: index.components.clone(),
                forecasts: self.forecasts(),
            },
            tail,
            gas: self.gas_report(seen, ranks, now),
            protocols,
            portfolio,
            nodes,
            prices: snapshot
                .market
                .quotes
                .iter()
                .map(|(asset, quotes)| {
                    let rule = &self.policy.consensus;
                    let sources = consensus_report(quotes, rule).sources.into_iter();
                    (asset.clone(), sources.map(writable).collect())
                })
                .collect(),
            defects,
            signals,
            trips: board.trips().to_vec(),
        }
    }

    fn forecasts(&self) -> Vec<(AssetId, f64)> {
        let volatility = self.long.volatility.iter();
        volatility
            .filter_map(|(asset, volatility)| {
                let percent = 100.0 * (volatility.forecast()? * YEAR).sqrt();
                Some((asset.clone(), percent))
            })
            .collect()
    }

    fn gas_report(
        &self,
        seen: &Seen<'_>,
        ranks: &BTreeMap<ChainId, Result<Bps, ShortHistory>>,
        now: Timestamp,
    ) -> Vec<GasReport> {
        let nothing = crate::gas::BaseFeeHistory::default();
        let chains = seen.marked.snapshot().chains.iter();
        chains
            .map(|(chain, view)| {
                let history = self.long.gas.get(chain).unwrap_or(&nothing);
                let short = || history.quantile(now, 0);
                let standard = self.standard_cost(seen, *chain);
                GasReport {
                    chain: *chain,
                    // What is beyond every fee is none, and could not be written.
                    base_fee: view
                        .base_fee
                        .fresh()
                        .copied()
                        .filter(|fee| u64::try_from(*fee).is_ok()),
                    rank: ranks.get(chain).cloned().unwrap_or_else(short),
                    trend: history.trend(now),
                    standard: standard
                        .and_then(|cost| cost.fresh().copied())
                        .filter(|cost| i64::try_from(cost.0).is_ok()),
                }
            })
            .collect()
    }

    fn protocol(
        &self,
        seen: &Seen<'_>,
        protocol: ProtocolId,
        health: Health,
        stakes: &Stakes<'_>,
        volatility: Option<VolatilityState>,
        ranks: &BTreeMap<ChainId, Result<Bps, ShortHistory>>,
    ) -> ProtocolReport {
        let family = seen.policy.family(&protocol).to_owned();
        let used = |node: &Node| {
            stakes.get(node).map_or(Some(Bps(0)), |report| {
                let share = u64::from(report.share?.0) * 10_000;
                let of_limit = share / u64::from(report.limit.0.max(1));
                Some(Bps(u32::try_from(of_limit).unwrap_or(u32::MAX)))
            })
        };
        let own = Node::protocol(&family);
        let limit_used = used(&own);
        let contagion = Self::contagion(seen, &own, stakes);
        let assets = self.policy.assets_of.get(&protocol).into_iter().flatten();
        let fullest = assets
            .map(|asset| used(&Node::asset(asset)))
            .fold(limit_used, |worst, next| {
                worst.zip(next).map(|(a, b)| a.max(b))
            });
        let chain = self.policy.chain_of.get(&protocol);
        let gas = chain.and_then(|chain| ranks.get(chain)?.as_ref().ok().copied());
        let risk = ProtocolRisk {
            health: Some(health.score),
            limit_used,
            contagion,
        };
        let opportunity = OpportunityRisk {
            health: Some(health.score),
            limit_used: fullest,
            contagion,
            volatility,
            gas,
            locked: false,
        };
        ProtocolReport {
            protocol,
            health,
            risk: risk.score(),
            opportunity: opportunity.score(),
        }
    }

    /// The share of equity that is lost if the worst of a protocol and what it depends on fails.
    fn contagion(seen: &Seen<'_>, own: &Node, stakes: &Stakes<'_>) -> Option<Bps> {
        let structure = seen.marked.structure().ok()?;
        let Some(index) = structure.graph().index(own) else {
            return Some(Bps(0));
        };
        let below = structure.graph().reach(index).iter();
        let below = below
            .filter_map(|reach| structure.graph().node(reach.node))
            .chain(std::iter::once(own));
        below
            .filter_map(|node| stakes.get(node))
            .map(|report| report.share)
            .try_fold(Bps(0), |worst, share| Some(worst.max(share?)))
    }

    fn signals(
        &self,
        board: &ControlBoard,
        protocols: &[ProtocolReport],
        portfolio: u8,
        volatility: Option<VolatilityState>,
    ) -> Vec<ControlSignal> {
        let mut scopes: BTreeSet<Scope> = board
            .trips()
            .iter()
            .map(|trip| trip.scope.clone())
            .collect();
        scopes.insert(Scope::Everything);
        scopes.extend(
            protocols
                .iter()
                .map(|report| Scope::Protocol(report.protocol.clone())),
        );
        let reports: BTreeMap<&ProtocolId, &ProtocolReport> = protocols
            .iter()
            .map(|report| (&report.protocol, report))
            .collect();
        scopes
            .into_iter()
            .map(|scope| {
                let trips = board.trips().iter().filter(|trip| trip.scope == scope);
                let state = trips.clone().map(|trip| trip.state).max();
                let mut reasons: Vec<String> = trips
                    .map(|trip| format!("{}: {}", trip.breaker, trip.evidence))
                    .collect();
                let report = match &scope {
                    Scope::Protocol(protocol) => reports.get(protocol),
                    _ => None,
                };
                let scale = self.state.limits.scale(&scope);
                let score = match (&scope, report) {
                    (Scope::Everything, _) => portfolio,
                    (_, Some(report)) => report.risk.score,
                    (_, None) => score_of(state.unwrap_or(ControlState::Active)),
                };
                if scope == Scope::Everything
                    && let Some(volatility) = volatility
                {
                    reasons.push(format!("volatility is {volatility}"));
                }
                if let Some(report) = report {
                    let costly = report.health.terms.iter().filter(|term| term.points > 0);
                    reasons.push(format!("health is {} of 100", report.health.score));
                    reasons.extend(costly.map(|term| format!("{}: {}", term.name, term.measured)));
                }
                ControlSignal {
                    scope,
                    state: state.unwrap_or(ControlState::Active),
                    scale,
                    score,
                    reasons,
                }
            })
            .collect()
    }
}

/// The risk of what has no score of its own, by its control state: steps that are chosen.
fn score_of(state: ControlState) -> u8 {
    match state {
        ControlState::Active => 0,
        ControlState::Cautious => 25,
        ControlState::Reducing => 50,
        ControlState::Halted => 75,
        ControlState::Locked => 100,
    }
}

/// What a source says about a price. What is beyond every price is not repeated: a number of that
/// size cannot be written, and would take the whole report with it.
fn writable(mut source: SourceReport) -> SourceReport {
    let (SourceStanding::Used { price }
    | SourceStanding::Outlier { price }
    | SourceStanding::Undecided { price }
    | SourceStanding::Stale { price, .. }) = &source.standing
    else {
        return source;
    };
    if u64::try_from(price.0).is_err() {
        source.standing = SourceStanding::Missing {
            reason: format!("{price} is beyond every price"),
        };
    }
    source
}

fn known<T>(value: T) -> Reading<T> {
    Reading::Fresh {
        value,
        at: Timestamp(0),
    }
}

/// How far a price is from another, rounded up; everything if that does not fit.
fn distance(price: u128, peg: u128) -> Bps {
    let apart = price.abs_diff(peg);
    let share = apart
        .checked_mul(10_000)
        .and_then(|scaled| Some(scaled.checked_div(peg)? + u128::from(scaled % peg != 0)));
    share
        .and_then(|share| u32::try_from(share).ok())
        .map_or(Bps(u32::MAX), Bps)
}

/// Everything in a snapshot that is not fresh, in words.
fn defects(seen: &Seen<'_>, index: &CompositeIndex) -> Vec<String> {
    let mut defects: Vec<String> = match seen.marked.exposure() {
        Ok(_) => Vec::new(),
        Err(reasons) => reasons.iter().map(ToString::to_string).collect(),
    };
    let market = &seen.marked.snapshot().market;
    defects.extend(
        market.sources.iter().filter_map(|(source, reading)| {
            Some(format!("source {source} is {}", reading.defect()?))
        }),
    );
    defects.extend(index.defects());
    defects
}
