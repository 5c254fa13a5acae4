//! The whole assessment, once per tick: from a snapshot to demands on the control board, scaled
//! limits, signals, alerts and a report.
//!
//! [`Monitor`] keeps two kinds of state. What is short-lived ([`Monitor::state`]) is small and is
//! stored with every assessment. What has a long memory is a fold over hourly [`Sample`]s: the
//! store keeps them, and a start takes them in again.

mod alerts;
mod earnings;
mod failures;
mod findings;
mod hour;
mod long_term;
mod policy;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{
    Alert, AlertLevel, AssetId, Bar, Bps, ChainId, ControlSignal, ControlState, EquityPoint,
    ProtocolId, Scope, Timestamp, VolatilityState,
};
use serde::{Deserialize, Serialize};

use crate::anomaly::{BernoulliCusum, BernoulliError};
use crate::breaker::{BreakerInputs, Breakers, ClockReading, Fact, FactKind, FailureClass};
use crate::control::Change;
use crate::gas::ShortHistory;
use crate::profit::ProfitEvent;
use crate::volatility::state::Held;
use crate::volatility::{Component, CompositeIndex, Source, StateConfigError, ValidBar};
use crate::{AdaptiveLimits, BreakerKind, ControlBoard, Marked, Policy, Profit, ProfitBook};
use alerts::{Condition, Told};
use failures::Failures;
use hour::OpenHour;
use long_term::LongTerm;

pub use long_term::{Measure, Sample};
pub use policy::{FailureRates, MonitorPolicy};
pub use report::{GasReport, NodeReport, ProtocolReport, RiskReport, TailReport, VolatilityReport};

/// A fall of the total value locked within an hour that confirms a report of trouble.
const TVL_FALL: Bps = Bps(3000);

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
    foretold: Option<findings::Foretold>,
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

    /// Hours of prices from elsewhere that are older than everything known of `asset`; nothing if
    /// something is known. Bars that are none, that do not follow the one before, or whose hour is
    /// not over at `now`, are left out. Returns what was taken, to be stored.
    pub fn seed(&mut self, asset: &AssetId, bars: &[Bar], now: Timestamp) -> Vec<Sample> {
        let wanted = self.long.tail.assets().contains(asset);
        if !wanted || self.long.volatility.contains_key(asset) {
            return Vec::new();
        }
        let mut earliest = Timestamp(i64::MIN);
        let over = Timestamp(now.0.saturating_sub(hour::HOUR_MS));
        let follows = |bar: &&Bar| {
            let follows = bar.start >= earliest && bar.start <= over;
            let taken = follows && ValidBar::try_from(**bar).is_ok();
            if taken {
                earliest = Timestamp(bar.start.0.saturating_add(hour::HOUR_MS));
            }
            taken
        };
        let samples: Vec<Sample> = bars
            .iter()
            .filter(follows)
            .map(|bar| Sample {
                at: bar.start,
                measure: Measure::Bar {
                    asset: asset.clone(),
                    bar: *bar,
                },
            })
            .collect();
        self.recall(&samples);
        samples
    }

    /// Uses up the evidence of a trip that an administrator cleared.
    pub fn consume(&mut self, kind: BreakerKind, scope: &Scope, at: Timestamp) {
        self.state.breakers.consume(kind, scope, at);
        if kind == BreakerKind::Clock {
            // What was dated after `at` would keep everything until then from being seen.
            let hour = at.0.div_euclid(hour::HOUR_MS);
            self.state.hours.retain(|_, open| open.start() <= at);
            self.state.sampled.retain(|_, last| *last <= hour);
            let day = findings::day_of(at);
            self.state.foretold = self.state.foretold.filter(|known| known.day() <= day);
        }
    }

    /// Assesses.
    pub fn assess(&mut self, seen: &Seen<'_>, now: Timestamp) -> Assessment {
        let snapshot = seen.marked.snapshot();
        let mut conditions = Vec::new();
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
        let gas = self.gas(seen);
        let facts = self.facts(seen, now);
        let inputs = BreakerInputs {
            snapshot,
            equity: seen.equity,
            gas: &gas,
            names: &self.policy.names,
            dependents: &BTreeMap::new(),
            incident_feeds: &self.policy.incident_feeds,
            facts: &facts,
            failures: &failures,
            successes: &successes,
            clock: seen.clock,
            volatility,
        };
        let since = now;
        let demands = self
            .state
            .breakers
            .assess(&inputs, &self.policy.breakers, now);
        let mut board = seen.board.clone();
        let changes = board.apply(&demands, now, &self.policy.breakers);
        alerts.extend(alerts::of_changes(&changes, now));
        alerts.extend(self.trusted(since));

        let health = self.health(seen, now);
        self.adapt(volatility, &health, now);
        let gas_ranks = self.ranks(seen, now);
        let profit = self.earn(seen);
        let report = self.report(
            seen, &board, &index, volatility, health, &gas_ranks, profit, now,
        );
        let signals = report.signals.clone();

        conditions.extend(self.source_conditions(seen));
        conditions.extend(seen.defects.iter().map(|(scope, defect)| Condition {
            scope: scope.clone(),
            matter: "endpoint".to_owned(),
            level: AlertLevel::Warning,
            evidence: defect.clone(),
        }));
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

    /// Closes hours that are over.
    fn hourly(&mut self, seen: &Seen<'_>, now: Timestamp, alerts: &mut Vec<Alert>) -> Vec<Sample> {
        let snapshot = seen.marked.snapshot();
        let mut samples = Vec::new();
        for asset in self.long.tail.assets().to_vec() {
            let Some(price) = snapshot.prices.get(&asset).and_then(|price| price.fresh()) else {
                continue;
            };
            #[allow(clippy::cast_precision_loss)]
            let price = price.0 as f64 / airdrops_types::Price::SCALE as f64;
            let mut open = self.state.hours.remove(&asset);
            let ended = OpenHour::push(&mut open, now, price);
            self.state
                .hours
                .extend(open.map(|open| (asset.clone(), open)));
            samples.extend(ended.map(|bar| Sample {
                at: bar.start,
                measure: Measure::Bar { asset, bar },
            }));
        }
        for (chain, view) in &snapshot.chains {
            let Some(fee) = view.base_fee.fresh() else {
                continue;
            };
            let wei = u64::try_from(*fee).unwrap_or(u64::MAX);
            let measure = Measure::BaseFee { chain: *chain, wei };
            if self.due(format!("base-fee:{chain}"), now) {
                samples.push(Sample { at: now, measure });
            }
        }
        for (family, value) in &snapshot.market.tvl {
            let Some(value) = value.fresh() else {
                continue;
            };
            let micro_usd = i64::try_from(value.0).unwrap_or(i64::MAX);
            let family = family.clone();
            if self.due(format!("tvl:{family}"), now) {
                let measure = Measure::Tvl { family, micro_usd };
                samples.push(Sample { at: now, measure });
            } else {
                self.long.tvl.entry(family).or_default().push(now, *value);
            }
        }
        for sample in &samples {
            alerts.extend(self.long.take(sample).map(|unusual| Alert {
                at: now,
                level: AlertLevel::Warning,
                scope: Scope::Everything,
                matter: format!("unusual {}", unusual.stream),
                evidence: unusual.evidence,
            }));
        }
        samples
    }

    /// Whether a series has no sample in the hour of `now` yet; then it will.
    fn due(&mut self, series: String, now: Timestamp) -> bool {
        let hour = now.0.div_euclid(hour::HOUR_MS);
        let last = self.state.sampled.insert(series, hour);
        last.is_none_or(|last| last < hour)
    }

    fn index(&self, seen: &Seen<'_>, now: Timestamp) -> CompositeIndex {
        let wanted = |asset: &&AssetId| {
            self.policy.reference.is_empty() || self.policy.reference.contains(*asset)
        };
        let assets = self.long.tail.assets().iter().filter(wanted);
        let nothing = crate::volatility::RealisedVolatility::default();
        let mut components: Vec<Component> = assets
            .map(|asset| {
                let volatility = self.long.volatility.get(asset).unwrap_or(&nothing);
                volatility.component(asset, now, self.policy.max_bar_age)
            })
            .collect();
        let implied = &seen.marked.snapshot().market.implied_volatility;
        components.extend(implied.iter().map(|(asset, reading)| Component {
            asset: asset.clone(),
            source: Source::Implied,
            reading: reading.clone(),
        }));
        CompositeIndex { components }
    }

    fn observe_index(
        &mut self,
        index: &CompositeIndex,
        now: Timestamp,
        samples: &mut Vec<Sample>,
    ) -> Option<VolatilityState> {
        if let Some(value) = index.value() {
            let complete = index.is_complete();
            let before = self.long.states.last_sample();
            self.long.state = Some(self.long.states.observe(now, value, complete));
            self.state.volatility = Some(self.long.states.held());
            let sampled = self.long.states.last_sample() != before;
            if self.due("volatility-index".to_owned(), now) || sampled {
                let measure = Measure::Index { value, complete };
                samples.push(Sample { at: now, measure });
            }
        }
        self.long.state
    }

    /// Facts that would confirm a report of trouble.
    fn facts(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<Fact> {
        const HOUR: Duration = Duration::from_secs(3600);
        let snapshot = seen.marked.snapshot();
        let mut facts = Vec::new();
        for (family, value) in &snapshot.market.tvl {
            let (Some(value), Some(history)) = (value.fresh(), self.long.tvl.get(family)) else {
                continue;
            };
            let Some(fall) = history
                .fall(now, *value, HOUR)
                .filter(|fall| *fall >= TVL_FALL)
            else {
                continue;
            };
            for (protocol, other) in &seen.policy.families {
                if other == family {
                    facts.push(Fact {
                        scope: Scope::Protocol(protocol.clone()),
                        kind: FactKind::TvlFall,
                        evidence: format!("value locked in {family} fell by {fall} within an hour"),
                    });
                }
            }
        }
        facts
    }

    /// Contracts that were trusted on first sight in this assessment.
    fn trusted(&self, since: Timestamp) -> Vec<Alert> {
        let pins = self.state.breakers.pins.trusted_since(since);
        pins.map(|pin| Alert {
            at: since,
            level: AlertLevel::Info,
            scope: Scope::Protocol(pin.protocol.clone()),
            matter: "pin".to_owned(),
            evidence: format!(
                "contract {} on chain {} is trusted as it is now: compare it with what the \
                 protocol publishes",
                pin.contract, pin.chain
            ),
        })
        .collect()
    }

    /// Sources that do not answer, prices that cannot be believed, and chains that cannot be read.
    fn source_conditions(&self, seen: &Seen<'_>) -> Vec<Condition> {
        let snapshot = seen.marked.snapshot();
        let market = &snapshot.market;
        let prices = snapshot.prices.iter().filter_map(|(asset, price)| {
            Some(Condition {
                scope: Scope::Asset(asset.clone()),
                matter: "price".to_owned(),
                level: AlertLevel::Warning,
                evidence: format!("the price of {asset} is {}", price.defect()?),
            })
        });
        let heads = snapshot.chains.iter().filter_map(|(chain, view)| {
            Some(Condition {
                scope: Scope::Chain(*chain),
                matter: "head".to_owned(),
                level: AlertLevel::Warning,
                evidence: format!("the head of chain {chain} is {}", view.head.defect()?),
            })
        });
        let dead = market.sources.iter().filter_map(|(source, reading)| {
            Some(Condition {
                scope: Scope::Everything,
                matter: format!("source {source}"),
                level: AlertLevel::Warning,
                evidence: format!("{source} is {}", reading.defect()?),
            })
        });
        let disputed = market.quotes.iter().flat_map(|(asset, quotes)| {
            quotes.iter().filter_map(move |quote| {
                Some(Condition {
                    scope: Scope::Asset(asset.clone()),
                    matter: format!("quote of {}", quote.source),
                    level: AlertLevel::Warning,
                    evidence: format!(
                        "{} on the price of {asset}: {}",
                        quote.source,
                        quote.price.defect()?
                    ),
                })
            })
        });
        dead.chain(disputed).chain(prices).chain(heads).collect()
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
