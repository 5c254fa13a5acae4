//! What one source has said so far.

use std::collections::BTreeMap;

use airdrops_types::{Address, AssetId, Bar, ChainId, Incident, Price, Timestamp, Usd, VolPoints};

use crate::Sighting;
use crate::source::defillama::ProtocolListing;
use crate::source::deribit::OptionSummary;
use crate::source::goplus::TokenSecurity;

/// A contract on a chain.
pub(crate) type TokenKey = (ChainId, Address);

/// Sightings by name; `None` for what has been asked for and never answered.
pub(crate) type Sightings<Name, T> = BTreeMap<Name, Option<Sighting<T>>>;

/// What a source says, by kind. A source fills the kinds that it has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) prices: Sightings<AssetId, Price>,
    pub(crate) volatility: Sightings<AssetId, VolPoints>,
    pub(crate) tvl: Sightings<String, Usd>,
    pub(crate) protocols: Sightings<String, ProtocolListing>,
    pub(crate) options: Sightings<AssetId, Vec<OptionSummary>>,
    pub(crate) tokens: Sightings<TokenKey, TokenSecurity>,
    pub(crate) bars: BTreeMap<AssetId, Vec<Bar>>,
    pub(crate) incidents: Vec<Incident>,
}

/// What the watcher holds of one source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub(crate) findings: Findings,
    /// When the last answer in order came.
    pub(crate) last_good: Option<Timestamp>,
    /// What is wrong since.
    pub(crate) failure: Option<String>,
}

impl Held {
    /// Nothing yet, of what is `expected`.
    pub(crate) fn expecting(expected: Findings) -> Self {
        Self {
            findings: expected,
            ..Self::default()
        }
    }

    /// With an answer in order.
    pub(crate) fn renewed(&self, new: Findings, at: Timestamp) -> Self {
        let old = &self.findings;
        Self {
            findings: Findings {
                prices: merged(&old.prices, new.prices),
                volatility: merged(&old.volatility, new.volatility),
                tvl: merged(&old.tvl, new.tvl),
                protocols: merged(&old.protocols, new.protocols),
                options: merged(&old.options, new.options),
                tokens: merged(&old.tokens, new.tokens),
                bars: new.bars,
                incidents: new.incidents,
            },
            last_good: Some(at),
            failure: None,
        }
    }

    /// With the same findings, which grow old.
    pub(crate) fn failed(&self, why: String) -> Self {
        Self {
            failure: Some(why),
            ..self.clone()
        }
    }
}

/// `old` with what is in `new`. What the source has no longer keeps its last value, doubted.
fn merged<Name: Ord + Clone, T: Clone>(
    old: &Sightings<Name, T>,
    new: Sightings<Name, T>,
) -> Sightings<Name, T> {
    let mut all = old.clone();
    for (name, sighting) in new {
        let last = all.remove(&name).flatten();
        let sighting = match (last, sighting) {
            (Some(Sighting::Seen(last)), Some(Sighting::Absent { reason })) => {
                // The newest reason is the one that holds.
                let last = crate::Observed {
                    doubt: None,
                    ..last
                };
                Some(Sighting::Seen(last.doubted(reason)))
            }
            (last, None) => last,
            (_, sighting) => sighting,
        };
        all.insert(name, sighting);
    }
    all
}
