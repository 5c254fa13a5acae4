//! The whole assessment, once per tick: from a snapshot to demands on the control board, scaled
//! limits, signals, alerts and a report.
//!
//! [`Monitor`] keeps two kinds of state. What is short-lived ([`Monitor::state`]) is small and is
//! stored with every assessment. What has a long memory is a fold over hourly [`Sample`]s: the
//! store keeps them, and a start takes them in again.

mod alerts;
mod conditions;
mod earnings;
mod evidence;
mod failures;
mod findings;
mod gas;
mod health;
mod hour;
mod long_term;
mod nodes;
mod policy;
mod report;
mod sampling;
mod scores;
mod tail;
mod tokens;

use std::collections::BTreeMap;

use airdrops_types::{
    Alert, AssetId, Bps, ChainId, ControlSignal, ControlState, EquityPoint, ProtocolId, Scope,
    Timestamp, TokenView, VolatilityState,
};
use serde::{Deserialize, Serialize};

use crate::anomaly::{BernoulliCusum, BernoulliError};
use crate::breaker::{BreakerInputs, Breakers, ClockReading, FailureClass};
use crate::control::Change;
use crate::gas::ShortHistory;
use crate::profit::ProfitEvent;
use crate::volatility::StateConfigError;
use crate::volatility::state::Held;
use crate::{AdaptiveLimits, BreakerKind, ControlBoard, Marked, Policy, Profit, ProfitBook};
use alerts::Told;
use failures::Failures;
use hour::OpenHour;
use long_term::LongTerm;

pub use long_term::{Measure, Sample};
pub use policy::{FailureRates, MonitorPolicy};
pub use report::{GasReport, NodeReport, ProtocolReport, RiskReport, TailReport, VolatilityReport};

/// How an attempt at a protocol ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub protocol: ProtocolId,
    /// In which way it failed, if it did.
    pub failure: Option<FailureClass>,
}

/// Everything that one assessment rests on.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The snapshot, measured by the gate's policy.
    pub marked: &'a Marked<'a>,
    /// The gate's policy.
    pub policy: &'a Policy,
    /// The control states as they stand.
    pub board: &'a ControlBoard,
    /// Equity, if everything that it rests on is fresh.
    pub equity: Option<EquityPoint>,
    /// Whether nothing of ours is under way: only then does a change of balances say whose it is.
    pub quiet: bool,
    /// What moved from outside, and what fees took, since the last quiet assessment.
    pub events: &'a [ProfitEvent],
    /// Attempts since the last assessment.
    pub attempts: &'a [Attempt],
    /// The clocks.
    pub clock: Option<&'a ClockReading>,
    /// What else is wrong, with where: endpoints that lag, say.
    pub defects: &'a [(Scope, String)],
}

/// What an assessment found.
#[derive(Debug)]
pub struct Assessment {
    /// The board as it should stand. Store the changes before relying on it.
    pub board: ControlBoard,
    /// What changed on the board.
    pub changes: Vec<Change>,
    /// The share of past hours in which gas was cheaper, per chain.
    pub gas_ranks: BTreeMap<ChainId, Result<Bps, ShortHistory>>,
    /// What holds in each scope.
    pub signals: Vec<ControlSignal>,
    /// What an administrator should be told.
    pub alerts: Vec<Alert>,
    /// To be kept, for the next start.
    pub samples: Vec<Sample>,
    /// All of it.
    pub report: RiskReport,
}

/// The short-lived part of the state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MonitorState {
    /// The breakers.
    pub breakers: Breakers,
    /// How much of the limits holds.
    pub limits: AdaptiveLimits,
    /// Profit and loss.
    pub profit: ProfitBook,
    /// The last profit and loss that could be measured.
    pub last_profit: Option<Profit>,
    hours: BTreeMap<AssetId, OpenHour>,
    sampled: BTreeMap<String, i64>,
    failures: Failures,
    told: Told,
    volatility: Option<Held>,
    /// What is known of each watched token.
    tokens: Vec<TokenView>,
    foretold: Option<tail::Foretold>,
}

/// Why there is no monitor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MonitorError {
    /// The volatility states contradict each other.
    #[error(transparent)]
    States(#[from] StateConfigError),
    /// The rates of failures make no sense.
    #[error("failures: {0}")]
    Failures(#[from] BernoulliError),
}

/// The Risk Management System's eyes and memory.
#[derive(Debug, Clone)]
pub struct Monitor {
    policy: MonitorPolicy,
    state: MonitorState,
    long: LongTerm,
    /// What failures of every protocol and class are charted by.
    chart: BernoulliCusum,
}

impl Monitor {
    /// A monitor with the state that was stored. `assets` are all that have a price. Then
    /// [`Self::recall`] what else was stored.
    ///
    /// # Errors
    /// If the policy contradicts itself.
    pub fn new(
        policy: MonitorPolicy,
        state: MonitorState,
        assets: impl IntoIterator<Item = AssetId>,
    ) -> Result<Self, MonitorError> {
        let mut falling: Vec<AssetId> = assets
            .into_iter()
            .filter(|asset| !policy.is_pegged(asset))
            .collect();
        falling.sort();
        falling.dedup();
        let long = LongTerm::new(&policy, falling)?;
        let mut monitor = Self {
            chart: policy.failure_chart()?,
            policy,
            state,
            long,
        };
        let breakers = &monitor.policy.breakers;
        let (rolling, drawdown) = (breakers.rolling_loss, breakers.drawdown);
        let held = &mut monitor.state.breakers;
        held.rolling_loss.resize(rolling.window, rolling.bucket);
        held.drawdown.resize(drawdown.window, drawdown.bucket);
        Ok(monitor)
    }

    /// What it watches.
    #[must_use]
    pub fn policy(&self) -> &MonitorPolicy {
        &self.policy
    }

    /// The short-lived part of the state, to be stored with every assessment.
    #[must_use]
    pub fn state(&self) -> &MonitorState {
        &self.state
    }

    /// The same, to be corrected.
    pub fn state_mut(&mut self) -> &mut MonitorState {
        &mut self.state
    }

    /// The hourly medians of a chain's base fee that are remembered, oldest first: the hour's first
    /// instant, wei per gas.
    #[must_use]
    pub fn base_fees(&self, chain: ChainId, now: Timestamp) -> Vec<(Timestamp, u128)> {
        let history = self.long.gas.get(&chain);
        history.map_or_else(Vec::new, |history| history.medians(now).collect())
    }

    /// How much of the limits holds.
    #[must_use]
    pub fn limits(&self) -> &AdaptiveLimits {
        &self.state.limits
    }

    /// Takes stored samples in again, oldest first.
    pub fn recall(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.long.take(sample);
        }
        if let Some(held) = self.state.volatility {
            self.long.states.restore(held);
            self.long.state = Some(self.long.states.state());
        }
    }

    /// Uses up the evidence of a trip that an administrator cleared.
    pub fn consume(&mut self, kind: BreakerKind, scope: &Scope, at: Timestamp) {
        self.state.breakers.consume(kind, scope, at);
        if kind == BreakerKind::Clock {
            // What was dated after `at` would keep everything until then from being seen.
            let hour = at.0.div_euclid(hour::HOUR_MS);
            self.state.hours.retain(|_, open| open.start() <= at);
            self.state.sampled.retain(|_, last| *last <= hour);
            let day = tail::day_of(at);
            self.state.foretold = self.state.foretold.filter(|known| known.day() <= day);
        }
    }

    /// Assesses.
    pub fn assess(&mut self, seen: &Seen<'_>, now: Timestamp) -> Assessment {
        let snapshot = seen.marked.snapshot();
        let mut alerts = Vec::new();
        let mut samples = Vec::new();
        let trusted = self.trusts(seen.clock);
        if trusted {
            samples.extend(self.hourly(seen, now, &mut alerts));
            samples.extend(self.judge_day(seen, now));
        }

        let index = self.index(seen, now);
        let volatility = if trusted {
            self.observe_index(&index, now, &mut samples)
        } else {
            self.long.state
        };

        let (failures, successes) =
            self.state
                .failures
                .assess(seen.attempts, &self.chart, &self.policy.failures);
        self.look_at_tokens(seen);
        let gas = self.gas(seen);
        let facts = self.facts(seen, now);
        let inputs = BreakerInputs {
            snapshot,
            equity: seen.equity,
            gas: &gas,
            names: &self.policy.names,
            dependents: &evidence::dependents(&snapshot.market),
            incident_feeds: &self.policy.incident_feeds,
            facts: &facts,
            failures: &failures,
            successes: &successes,
            clock: seen.clock,
            volatility,
        };
        let demands = self
            .state
            .breakers
            .assess(&inputs, &self.policy.breakers, now);
        let mut board = seen.board.clone();
        let changes = board.apply(&demands, now, &self.policy.breakers);
        alerts.extend(alerts::of_changes(&changes, now));
        alerts.extend(alerts::of_trusted(&self.state.breakers.pins, now));

        let health = self.health(seen, now);
        self.adapt(volatility, &health, now);
        let gas_ranks = self.ranks(seen, now);
        let profit = self.earn(seen);
        let report = self.report(
            seen, &board, &index, volatility, health, &gas_ranks, profit, now,
        );
        let signals = report.signals.clone();

        let mut conditions = conditions::of_data(seen);
        conditions.extend(self.token_conditions());
        alerts.extend(self.state.told.update(conditions, now));
        Assessment {
            board,
            changes,
            gas_ranks,
            signals,
            alerts,
            samples,
            report,
        }
    }

    /// Whether the clock may date what is kept for long: an instant in the future would block all
    /// that comes before it.
    fn trusts(&self, clock: Option<&ClockReading>) -> bool {
        let limits = &self.policy.breakers.clock;
        clock.is_none_or(|clock| {
            let demand = self.state.breakers.clock.clone().assess(clock, limits);
            demand.is_none_or(|demand| demand.state == ControlState::Active)
        })
    }

    fn adapt(
        &mut self,
        volatility: Option<VolatilityState>,
        health: &[(ProtocolId, crate::Health)],
        now: Timestamp,
    ) {
        let mut targets: BTreeMap<Scope, Bps> = BTreeMap::new();
        let actions = &self.policy.breakers.volatility;
        if let Some(state) = volatility {
            targets.insert(Scope::Everything, actions.of(state).scale);
        }
        for (protocol, health) in health {
            let scale = MonitorPolicy::scale_of_health(health.score);
            targets.insert(Scope::Protocol(protocol.clone()), scale);
        }
        self.state.limits.update(&targets, &self.policy.adapt, now);
    }
}
