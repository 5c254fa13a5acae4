//! What the monitor found, for people and for programs.

use airdrops_types::{
    AssetId, Bps, ChainId, ControlSignal, ProtocolId, Timestamp, Trip, Usd, VolPoints,
    VolatilityState,
};
use serde::{Deserialize, Serialize};

use crate::gas::{GasTrend, ShortHistory};
use crate::health::Health;
use crate::look_through::Node;
use crate::price::consensus::SourceReport;
use crate::profit::Profit;
use crate::score::Score;
use crate::tail::{Coverage, TailUsd};
use crate::volatility::{Component, Thresholds};

/// One assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskReport {
    /// When.
    pub at: Timestamp,
    /// Equity, if everything that it rests on is fresh.
    pub equity: Option<Usd>,
    /// Fall from the highest equity of the drawdown's window, flows taken out.
    pub drawdown: Option<Bps>,
    /// Loss within 24 h, flows taken out.
    pub loss_24h: Option<Bps>,
    /// Profit and loss since the first measurement; `None` where something that it rests on is not
    /// fresh.
    #[serde(default)]
    pub profit: Option<Profit>,
    /// How rough the market is.
    pub volatility: VolatilityReport,
    /// What a bad day may cost.
    pub tail: TailReport,
    /// Gas on each chain.
    pub gas: Vec<GasReport>,
    /// Each protocol.
    pub protocols: Vec<ProtocolReport>,
    /// The whole.
    pub portfolio: Score,
    /// What is at stake at each node that carries anything, the fullest first.
    pub nodes: Vec<NodeReport>,
    /// What each source says about each price.
    pub prices: Vec<(AssetId, Vec<SourceReport>)>,
    /// What is wrong with data, each in one sentence.
    pub defects: Vec<String>,
    /// What holds in each scope.
    pub signals: Vec<ControlSignal>,
    /// The standing trips.
    pub trips: Vec<Trip>,
}

/// How rough the market is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolatilityReport {
    /// The index; `None` before enough hours of prices were seen.
    pub index: Option<VolPoints>,
    /// The state; `None` as long as there was never an index.
    pub state: Option<VolatilityState>,
    /// Where the states begin at present.
    pub thresholds: Thresholds,
    /// What the index is made of.
    pub components: Vec<Component>,
    /// Forecast for the day that follows the last whole one, per asset, annualised percent.
    pub forecasts: Vec<(AssetId, f64)>,
}

/// What a bad day may cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TailReport {
    /// The assets, in the order of all components.
    pub assets: Vec<AssetId>,
    /// Days of history.
    pub days: usize,
    /// At 99 %; `None` without enough history.
    pub at_99: Option<TailUsd>,
    /// At 97.5 %.
    pub at_975: Option<TailUsd>,
    /// How often the foretold values were exceeded, at 99 % and 97.5 %.
    pub coverage: [Coverage; 2],
}

/// Gas on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasReport {
    /// Where.
    pub chain: ChainId,
    /// Base fee of the next block, wei per gas; `None` if it is not fresh.
    pub base_fee: Option<u128>,
    /// The share of past hours that were cheaper.
    pub rank: Result<Bps, ShortHistory>,
    /// The last hours against the last week.
    pub trend: Result<GasTrend, ShortHistory>,
    /// What a standard transaction costs.
    pub standard: Option<Usd>,
}

/// One protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolReport {
    /// Which.
    pub protocol: ProtocolId,
    /// How well it is.
    pub health: Health,
    /// How risky it is to be there.
    pub risk: Score,
    /// How risky it is to put more there now.
    pub opportunity: Score,
}

/// What is at stake at one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Which.
    pub node: Node,
    /// How much: what is lost if it fails.
    pub exposure: Usd,
    /// The same as a share of equity.
    pub share: Option<Bps>,
    /// The limit as it is configured, as a share of equity.
    pub limit: Bps,
    /// By how much it may grow.
    pub headroom: Usd,
}
