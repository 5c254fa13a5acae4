//! What a run is made of: the configuration file after it was read, checked and resolved.

use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_protocols::ProtocolConfig;
use airdrops_risk::{MonitorPolicy, Policy};
use airdrops_scheduler::{Campaign, SchedulerPolicy};
use airdrops_types::{Address, AssetId, Bps, ChainId, ProtocolId, Token};

use crate::planning::Planning;

/// Where transactions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To chains inside the process with a scripted world.
    Demo,
    /// To chains inside the process, empty or forked.
    Paper,
    /// To real endpoints.
    Live,
}

/// Everything that a run needs to know, with names resolved to ids and units to integers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Paper or live.
    pub mode: Mode,
    /// Seed of everything random.
    pub seed: u64,
    /// Time between two ticks.
    pub tick: Duration,
    /// The chains.
    pub chains: Vec<ChainSettings>,
    /// Every priced token; receipt tokens come from the protocols.
    pub tokens: Vec<Token>,
    /// Where prices come from.
    pub feeds: Vec<FeedSettings>,
    /// Our wallets.
    pub wallets: Vec<Address>,
    /// The protocol instances.
    pub protocols: Vec<ProtocolConfig>,
    /// Target share of equity per protocol instance.
    pub weights: Vec<(ProtocolId, Bps)>,
    /// What the allocation engine is to do, in place of the weights; `None` for the weights.
    pub planning: Option<Planning>,
    /// Smallest position change worth a transaction, USD micro-dollars are in `Usd`.
    pub min_change: airdrops_types::Usd,
    /// Contracts whose code, owner and pause switch are watched.
    pub watched: Vec<Watched>,
    /// Time between two looks at a watched contract.
    pub contract_period: Duration,
    /// What the monitor watches, and how breakers trip.
    pub monitor: MonitorPolicy,
    /// The limits.
    pub policy: Policy,
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
    /// Limits that hold for all campaigns together.
    pub scheduler: SchedulerPolicy,
}

/// One chain.
#[derive(Debug, Clone)]
pub struct ChainSettings {
    /// EIP-155 id; the endpoint must agree.
    pub id: ChainId,
    /// The name used in configuration and text.
    pub name: String,
    /// The native currency.
    pub native: Token,
    /// Blocks on top of a transaction's block before its outcome is final.
    pub confirmations: u64,
    /// Oldest head that counts as fresh.
    pub max_head_age: Duration,
    /// Tip offered, wei per gas.
    pub priority_fee: u128,
    /// A signed transaction without a receipt is sent again after this.
    pub rebroadcast_after: Duration,
    /// What it charges for a transaction's bytes beside its gas.
    pub data_fee: DataFeeModel,
    /// Chainlink's feed that says whether the chain's sequencer is up.
    pub uptime_feed: Option<Address>,
}

/// One price feed with the `AggregatorV3` interface.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// What it prices.
    pub asset: AssetId,
    /// Where it is.
    pub chain: ChainId,
    /// The contract.
    pub contract: Address,
    /// Whose feed it is: feeds of one operator have one voice. `chainlink`.
    pub source: String,
    /// Oldest answer that counts as fresh: the feed's heartbeat and some slack.
    pub max_age: Duration,
}

/// A contract that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Where.
    pub chain: ChainId,
    /// Which.
    pub contract: Address,
    /// The protocol that uses it.
    pub protocol: ProtocolId,
}
