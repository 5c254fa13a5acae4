//! All breakers together.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{EquityPoint, Reading, Scope, Snapshot, Timestamp, VolatilityState};
use serde::{Deserialize, Serialize};

use super::{
    BreakerKind, BreakerPolicy, ClockReading, ClockWatch, DataWatch, Demand, Depeg, EquityHistory,
    Fact, FactKind, FailureAlarm, FailureRate, FeedStatus, GasObservation, IncidentWatch,
    PinChange, Reports, Successes, UnprofitableGas, Weight,
};

/// Everything that breakers look at in one tick.
#[derive(Debug, Clone)]
pub struct BreakerInputs<'a> {
    /// Prices, heads, fees, watched contracts, sources and reports. Every asset, chain and contract
    /// that should be there must be there, missing if it is.
    pub snapshot: &'a Snapshot,
    /// The equity, if it rests on fresh inputs only.
    pub equity: Option<EquityPoint>,
    /// What a standard transaction costs on each chain.
    pub gas: &'a [GasObservation],
    /// Which scopes a report means by each name, in lower case: protocol families, assets, chains.
    pub names: &'a BTreeMap<String, BTreeSet<Scope>>,
    /// The configured sources, and what depends on each.
    pub dependents: &'a BTreeMap<String, BTreeSet<Scope>>,
    /// Which of the sources report trouble.
    pub incident_feeds: &'a BTreeSet<String>,
    /// Facts that would confirm a report, besides those that breakers see themselves: a fall of the
    /// total value locked, say.
    pub facts: &'a [Fact],
    /// The failure detectors that are in alarm.
    pub failures: &'a [FailureAlarm],
    /// Attempts since the last assessment that did not fail.
    pub successes: &'a [Successes],
    /// The clocks, if they were compared.
    pub clock: Option<&'a ClockReading>,
    /// How rough the market is, if that is known.
    pub volatility: Option<VolatilityState>,
}

/// The state of all breakers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Breakers {
    /// Equity for the rolling loss.
    pub rolling_loss: EquityHistory,
    /// Equity for the drawdown.
    pub drawdown: EquityHistory,
    /// Gas that costs too much of what it is spent for.
    pub unprofitable_gas: UnprofitableGas,
    /// Reports of trouble.
    pub incidents: IncidentWatch,
    /// Contracts that are not what they were.
    pub pins: PinChange,
    /// Assets away from their peg.
    pub depeg: Depeg,
    /// Attempts that fail too often.
    pub failures: FailureRate,
    /// Data that is not fresh.
    pub data: DataWatch,
    /// Clocks that cannot be right.
    pub clock: ClockWatch,
}

impl Breakers {
    /// Asks every breaker. One demand per scope and breaker, sorted by them; for
    /// [`ControlBoard::apply`](crate::ControlBoard::apply).
    pub fn assess(
        &mut self,
        inputs: &BreakerInputs<'_>,
        policy: &BreakerPolicy,
        now: Timestamp,
    ) -> Vec<Demand> {
        let snapshot = inputs.snapshot;
        let mut demands = Vec::new();
        let rolling = &policy.rolling_loss;
        let kind = BreakerKind::RollingLoss;
        demands.extend(self.rolling_loss.assess(kind, inputs.equity, rolling));
        let kind = BreakerKind::Drawdown;
        demands.extend(self.drawdown.assess(kind, inputs.equity, &policy.drawdown));
        let gas = &policy.unprofitable_gas;
        demands.extend(self.unprofitable_gas.assess(inputs.gas, gas, now));
        demands.extend(
            self.pins
                .assess(&snapshot.contracts, &policy.pin_change, now),
        );
        demands.extend(self.depeg.assess(&snapshot.prices, &policy.depeg, now));
        let (alarms, successes) = (inputs.failures, inputs.successes);
        let failures = &policy.failure_rate;
        demands.extend(self.failures.assess(alarms, successes, failures, now));
        demands.extend(self.data.assess(&feeds(inputs), &policy.data, now));
        let clock = inputs.clock;
        demands.extend(clock.and_then(|clock| self.clock.assess(clock, &policy.clock)));
        let volatility = &policy.volatility;
        demands.extend(
            inputs
                .volatility
                .map(|state| volatility.demand(Scope::Everything, state)),
        );

        // After those that see facts themselves.
        let far_off = Depeg::far_off(&snapshot.prices, &policy.depeg);
        let facts: Vec<Fact> = inputs
            .facts
            .iter()
            .cloned()
            .chain(self.pins.facts())
            .chain(far_off.map(|(asset, evidence)| Fact {
                scope: Scope::Asset(asset.clone()),
                kind: FactKind::Depeg,
                evidence,
            }))
            .collect();
        let reports = Reports {
            incidents: &snapshot.market.incidents,
            names: inputs.names,
            facts: &facts,
            feeds_answer: inputs.incident_feeds.iter().all(|feed| {
                let source = snapshot.market.sources.get(feed);
                source.is_some_and(|reading| reading.fresh().is_some())
            }),
        };
        demands.extend(self.incidents.assess(&reports, &policy.incident, now));
        Demand::merge(demands)
    }

    /// Uses up the evidence of `kind` in `scope` until `at`, so that it does not trip again; new
    /// evidence does. To be called when an administrator has cleared the trip.
    ///
    /// A clock that an administrator has looked at is right from then on: equity that it dated
    /// after `at` is dated `at`.
    pub fn consume(&mut self, kind: BreakerKind, scope: &Scope, at: Timestamp) {
        match (kind, scope) {
            (BreakerKind::RollingLoss, _) => self.rolling_loss.restart_from(at),
            (BreakerKind::Drawdown, _) => self.drawdown.restart_from(at),
            (BreakerKind::UnprofitableGas, Scope::Chain(chain)) => {
                self.unprofitable_gas.restart(*chain);
            }
            (BreakerKind::Incident, scope) => self.incidents.use_up(scope),
            (BreakerKind::PinChange, Scope::Protocol(protocol)) => self.pins.accept(protocol),
            (BreakerKind::Depeg, Scope::Asset(asset)) => self.depeg.restart(asset),
            (BreakerKind::FailureRate, scope) => self.failures.forget(scope),
            (BreakerKind::Data, scope) => {
                self.data.restart(scope);
                if let Scope::Protocol(protocol) = scope {
                    self.pins.wait_again(protocol, at);
                }
            }
            (BreakerKind::Clock, _) => {
                self.rolling_loss.correct_clock(at);
                self.drawdown.correct_clock(at);
            }
            // These trip in their own kind of scope only, or keep no evidence.
            (BreakerKind::UnprofitableGas | BreakerKind::PinChange | BreakerKind::Depeg, _)
            | (BreakerKind::Manual | BreakerKind::ForeignNonce | BreakerKind::Volatility, _) => {}
        }
    }
}

/// The standing of every reading, where it matters.
fn feeds(inputs: &BreakerInputs<'_>) -> Vec<FeedStatus> {
    let snapshot = inputs.snapshot;
    let mut feeds = Vec::new();
    for (asset, price) in &snapshot.prices {
        let scope = Scope::Asset(asset.clone());
        let name = format!("the price of {asset}");
        feeds.push(FeedStatus::of(scope, name, Weight::All, price));
    }
    for (chain, view) in &snapshot.chains {
        let (scope, all) = (Scope::Chain(*chain), Weight::All);
        let head = format!("the head of chain {chain}");
        feeds.push(FeedStatus::of(scope.clone(), head, all, &view.head));
        let fee = format!("the base fee of chain {chain}");
        feeds.push(FeedStatus::of(scope, fee, all, &view.base_fee));
    }
    let unasked = Reading::missing("was not asked");
    for (source, scopes) in inputs.dependents {
        let reading = snapshot.market.sources.get(source).unwrap_or(&unasked);
        for scope in scopes {
            let name = format!("source {source}");
            feeds.push(FeedStatus::of(scope.clone(), name, Weight::One, reading));
        }
    }
    feeds
}
