//! What is watched, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{AssetId, Bps, ChainId, ProtocolId, Scope, Token, Usd};
use serde::{Deserialize, Serialize};

use crate::ConsensusRule;
use crate::adapt::AdaptiveBounds;
use crate::anomaly::{BernoulliCusum, BernoulliError};
use crate::breaker::BreakerPolicy;
use crate::volatility::StateConfig;

/// The configuration of the monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorPolicy {
    /// When breakers trip.
    pub breakers: BreakerPolicy,
    /// What it takes to believe a price.
    pub consensus: ConsensusRule,
    /// How far and how fast limits follow the market.
    pub adapt: AdaptiveBounds,
    /// Where volatility states begin.
    pub states: StateConfig,
    /// The assets whose volatility makes the index; empty: all that have a price and no peg.
    pub reference: BTreeSet<AssetId>,
    /// Oldest hour of prices that counts as fresh.
    pub max_bar_age: Duration,
    /// Gas units of a standard transaction.
    pub standard_gas: u64,
    /// What a standard transaction is expected to earn, per chain; a chain that is not listed is
    /// not judged by it.
    pub expected_value: BTreeMap<ChainId, Usd>,
    /// The usual and the alarming share of failures, and so many attempts between two false
    /// alarms.
    pub failures: FailureRates,
    /// What each name in a report of trouble means, in lower case.
    pub names: BTreeMap<String, BTreeSet<Scope>>,
    /// The sources of [`MarketView`](airdrops_types::MarketView) that report trouble.
    pub incident_feeds: BTreeSet<String>,
    /// Families whose total value locked is watched.
    pub tvl: BTreeSet<String>,
    /// The assets underneath each protocol.
    pub assets_of: BTreeMap<ProtocolId, BTreeSet<AssetId>>,
    /// The chain of each protocol.
    pub chain_of: BTreeMap<ProtocolId, ChainId>,
    /// The tokens about whose contracts a source is asked.
    pub tokens: BTreeSet<Token>,
}

/// When failures are too many: see [`BernoulliCusum`](crate::anomaly::BernoulliCusum).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRates {
    /// Share of attempts that usually fails.
    pub usual: f64,
    /// Share that must be found soon.
    pub alarming: f64,
    /// Attempts between two false alarms.
    pub between: f64,
    /// No alarm before so many attempts.
    pub least: u32,
}

impl Default for FailureRates {
    /// 2 %, 20 %, one false alarm in 2,000 attempts, not before five.
    fn default() -> Self {
        Self {
            usual: 0.02,
            alarming: 0.2,
            between: 2_000.0,
            least: 5,
        }
    }
}

impl Default for MonitorPolicy {
    fn default() -> Self {
        Self {
            breakers: BreakerPolicy::default(),
            consensus: ConsensusRule::default(),
            adapt: AdaptiveBounds::default(),
            states: StateConfig::default(),
            reference: BTreeSet::new(),
            max_bar_age: Duration::from_secs(2 * 3600),
            standard_gas: 200_000,
            expected_value: BTreeMap::new(),
            failures: FailureRates::default(),
            names: BTreeMap::new(),
            incident_feeds: BTreeSet::new(),
            tvl: BTreeSet::new(),
            assets_of: BTreeMap::new(),
            chain_of: BTreeMap::new(),
            tokens: BTreeSet::new(),
        }
    }
}

impl MonitorPolicy {
    /// Whether the policy makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with it, each in one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut wrong = self.breakers.validate().err().unwrap_or_default();
        wrong.extend(self.adapt.validate().err().unwrap_or_default());
        wrong.extend(self.states.check().err().map(|error| error.to_string()));
        let chart = self.failure_chart();
        wrong.extend(chart.err().map(|error| format!("failures: {error}")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// What failures are charted by.
    ///
    /// # Errors
    /// If the rates make no sense.
    pub(super) fn failure_chart(&self) -> Result<BernoulliCusum, BernoulliError> {
        let FailureRates {
            usual,
            alarming,
            between,
            least,
        } = self.failures;
        BernoulliCusum::new(usual, alarming, between, least)
    }

    /// Whether an asset promises to be worth something else.
    #[must_use]
    pub fn is_pegged(&self, asset: &AssetId) -> bool {
        self.breakers.depeg.pegs.contains_key(asset)
    }

    /// How much of its limits a protocol of this health has: all from 60 on, three quarters from
    /// 45, half from 30, a quarter below. Steps that are chosen, not fitted; a protocol of which
    /// nothing is watched, and nothing bad is known, has 65.
    #[must_use]
    pub fn scale_of_health(score: u8) -> Bps {
        match score {
            60.. => Bps::WHOLE,
            45..=59 => Bps(7500),
            30..=44 => Bps(5000),
            _ => Bps(2500),
        }
    }
}
