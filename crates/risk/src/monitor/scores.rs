//! Scores: of each protocol, of an opportunity there, and of every scope.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{
    Bps, ChainId, ControlSignal, ControlState, ProtocolId, Scope, VolatilityState,
};

use super::nodes::Stakes;
use super::report::ProtocolReport;
use super::{Monitor, Seen};
use crate::ControlBoard;
use crate::gas::ShortHistory;
use crate::health::Health;
use crate::look_through::Node;
use crate::score::{OpportunityRisk, ProtocolRisk};

impl Monitor {
    pub(super) fn protocol(
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

    pub(super) fn signals(
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
