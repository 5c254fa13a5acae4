//! What markets and the world outside the chains say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AssetId, Price, Reading, Timestamp, TokenView, Usd, VolPoints};

/// What one source says about a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Which source: `chainlink:base:ETH`, `coingecko`. Sources of one operator share the part
    /// before the first colon, and are not independent of each other.
    pub source: String,
    /// What it says.
    pub price: Reading<Price>,
}

/// Hourly prices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The bar's first instant.
    pub start: Timestamp,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}

/// How grave an incident is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Lowers the health of what it names.
    Warning,
    /// An exploit, an outage or a loss of funds.
    Critical,
}

/// A report of trouble at a protocol, an asset or a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Stable within its source.
    pub id: String,
    /// Which source; see [`Quote::source`].
    pub source: String,
    /// When it was published.
    pub at: Timestamp,
    /// What it names: protocol families, assets or chains, in lower case.
    pub names: Vec<String>,
    /// How grave.
    pub severity: Severity,
    /// In words, as the source says it. Never a reason by itself for what cannot be undone.
    pub title: String,
}

/// What markets and feeds say, as one tick saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MarketView {
    /// What each source says about each asset's price.
    pub quotes: BTreeMap<AssetId, Vec<Quote>>,
    /// Implied volatility, 30 days, annualised, per asset, as an exchange publishes it.
    pub implied_volatility: BTreeMap<AssetId, Reading<VolPoints>>,
    /// The same, computed by ourselves from each option chain; missing where the chain gives no
    /// number. The chain itself is kept nowhere.
    #[serde(default)]
    pub option_volatility: BTreeMap<AssetId, Reading<VolPoints>>,
    /// Total value locked per protocol family.
    pub tvl: BTreeMap<String, Reading<Usd>>,
    /// What the contracts of tokens can do to their holders.
    #[serde(default)]
    pub tokens: Vec<TokenView>,
    /// Recent reports of trouble.
    pub incidents: Vec<Incident>,
    /// Whether each configured source answers: the instant of its last good answer, or what is
    /// wrong.
    pub sources: BTreeMap<String, Reading<()>>,
}
