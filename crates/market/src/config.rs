//! Which sources are watched, and for what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{Address, AssetId, B256, Bps, ChainId};

use crate::Settings;
use crate::settings::seconds;
use crate::source::coingecko::Plan;
use crate::source::incident_feed::IncidentWords;
use crate::source::{binance, coingecko, defillama, deribit, goplus, incident_feed, pyth};

/// What the [`Watcher`](crate::Watcher) watches. What is `None` or empty is not asked.
#[derive(Debug, Clone, Default)]
pub struct MarketConfig {
    /// Prices with confidence intervals.
    pub pyth: Option<PythConfig>,
    /// Prices averaged over exchanges.
    pub coingecko: Option<CoinGeckoConfig>,
    /// Last prices and hourly bars.
    pub binance: Option<BinanceConfig>,
    /// Prices from chains and exchanges.
    pub llama_prices: Option<LlamaPricesConfig>,
    /// Value locked, and what is known about protocols.
    pub llama_protocols: Option<LlamaProtocolsConfig>,
    /// Implied volatility and option chains.
    pub deribit: Option<DeribitConfig>,
    /// What tokens' contracts can do.
    pub goplus: Option<GoPlusConfig>,
    /// Reports of trouble.
    pub feeds: Vec<FeedConfig>,
}

/// See [`source::pyth`](crate::source::pyth).
#[derive(Debug, Clone)]
pub struct PythConfig {
    /// Where and how often; it needs a key.
    pub settings: Settings,
    /// The feed of each asset.
    pub feeds: BTreeMap<AssetId, B256>,
    /// The widest confidence interval, to each side, as a share of the price.
    pub widest: Bps,
}

impl PythConfig {
    /// With defaults: an interval of at most 1 %.
    #[must_use]
    pub fn new(feeds: BTreeMap<AssetId, B256>) -> Self {
        Self {
            settings: pyth::settings(),
            feeds,
            widest: Bps(100),
        }
    }
}

/// See [`source::coingecko`](crate::source::coingecko).
#[derive(Debug, Clone)]
pub struct CoinGeckoConfig {
    /// Where and how often.
    pub settings: Settings,
    /// Whose key it is.
    pub plan: Plan,
    /// The id of each asset: `ethereum`.
    pub ids: BTreeMap<AssetId, String>,
}

impl CoinGeckoConfig {
    /// With defaults for `plan`.
    #[must_use]
    pub fn new(plan: Plan, ids: BTreeMap<AssetId, String>) -> Self {
        Self {
            settings: coingecko::settings(plan),
            plan,
            ids,
        }
    }
}

/// See [`source::binance`](crate::source::binance).
#[derive(Debug, Clone)]
pub struct BinanceConfig {
    /// Where and how often for prices.
    pub settings: Settings,
    /// The symbol of each asset: `ETHUSDC`.
    pub symbols: BTreeMap<AssetId, String>,
    /// How many hours of bars are kept of each; zero for none.
    pub hours: u32,
    /// How often new bars are asked for.
    pub bar_interval: Duration,
}

impl BinanceConfig {
    /// With defaults: 9,000 hours of bars, a little more than a year, new ones every 10 min.
    #[must_use]
    pub fn new(symbols: BTreeMap<AssetId, String>) -> Self {
        Self {
            settings: binance::settings(),
            symbols,
            hours: 9000,
            bar_interval: seconds(600),
        }
    }
}

/// See [`LlamaPrices`](crate::source::defillama::LlamaPrices).
#[derive(Debug, Clone)]
pub struct LlamaPricesConfig {
    /// Where and how often.
    pub settings: Settings,
    /// The key of each asset: `ethereum:0x…`. Keys that begin with `coingecko:` repeat
    /// CoinGecko's price, and are shown as CoinGecko's.
    pub keys: BTreeMap<AssetId, String>,
    /// The least confidence.
    pub least_confidence: Bps,
}

impl LlamaPricesConfig {
    /// With defaults: a confidence of 90 %.
    #[must_use]
    pub fn new(keys: BTreeMap<AssetId, String>) -> Self {
        Self {
            settings: defillama::price_settings(),
            keys,
            least_confidence: Bps(9000),
        }
    }
}

/// See [`LlamaTvl`](crate::source::defillama::LlamaTvl) and
/// [`LlamaProtocols`](crate::source::defillama::LlamaProtocols).
#[derive(Debug, Clone)]
pub struct LlamaProtocolsConfig {
    /// Where and how often for the value locked.
    pub tvl: Settings,
    /// Where and how often for the list of protocols, an answer of about 10 MB; `None` for no list.
    pub list: Option<Settings>,
    /// The slug of each protocol family: `aave-v3`.
    pub slugs: BTreeMap<String, String>,
}

impl LlamaProtocolsConfig {
    /// With defaults: the value locked, and no list.
    #[must_use]
    pub fn new(slugs: BTreeMap<String, String>) -> Self {
        Self {
            tvl: defillama::tvl_settings(),
            list: None,
            slugs,
        }
    }
}

/// See [`source::deribit`](crate::source::deribit).
#[derive(Debug, Clone)]
pub struct DeribitConfig {
    /// Where and how often for the volatility index.
    pub index: Settings,
    /// Where and how often for the option chain; `None` for no chain.
    pub options: Option<Settings>,
    /// The currency of each asset: `ETH`.
    pub currencies: BTreeMap<AssetId, String>,
}

impl DeribitConfig {
    /// With defaults, the option chain included.
    #[must_use]
    pub fn new(currencies: BTreeMap<AssetId, String>) -> Self {
        Self {
            index: deribit::settings(),
            options: Some(deribit::option_settings()),
            currencies,
        }
    }
}

/// See [`source::goplus`](crate::source::goplus).
#[derive(Debug, Clone)]
pub struct GoPlusConfig {
    /// Where and how often.
    pub settings: Settings,
    /// The tokens on each chain.
    pub tokens: BTreeMap<ChainId, BTreeSet<Address>>,
}

impl GoPlusConfig {
    /// With defaults.
    #[must_use]
    pub fn new(tokens: BTreeMap<ChainId, BTreeSet<Address>>) -> Self {
        Self {
            settings: goplus::settings(),
            tokens,
        }
    }
}

/// See [`source::incident_feed`](crate::source::incident_feed).
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// Who publishes it: lower-case letters, digits and hyphens. Feeds of one publisher are not
    /// independent of each other: tell them apart after a colon, `rekt:news`, `rekt:board`.
    pub name: String,
    /// Where and how often.
    pub settings: Settings,
    /// Which words mean what.
    pub words: IncidentWords,
}

impl FeedConfig {
    /// With defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, url: &str, words: IncidentWords) -> Self {
        Self {
            name: name.into(),
            settings: incident_feed::settings(url),
            words,
        }
    }
}
