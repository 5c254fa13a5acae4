//! What the watcher does with each source.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airdrops_types::{Address, AssetId, B256, Bar, ChainId};

use super::finding::{Findings, Sightings};
use crate::source::binance::{Binance, PAGE};
use crate::source::coingecko::CoinGecko;
use crate::source::defillama::{LlamaPrices, LlamaProtocols, LlamaTvl};
use crate::source::deribit::Deribit;
use crate::source::goplus::GoPlus;
use crate::source::incident_feed::IncidentFeed;
use crate::source::pyth::Pyth;
use crate::{Clock, ErrorKind, Sighting, SourceError};

/// An answer under way.
pub(crate) type Looking<'a> =
    Pin<Box<dyn Future<Output = Result<Findings, SourceError>> + Send + 'a>>;

/// One thing to ask, again and again.
pub(crate) trait Probe: Send + Sync + 'static {
    /// What it will say something about, unanswered.
    fn expected(&self) -> Findings;

    /// Asks.
    fn look(&self) -> Looking<'_>;
}

fn unanswered<Name: Ord + Clone, Id, T>(wanted: &BTreeMap<Name, Id>) -> Sightings<Name, T> {
    wanted.keys().map(|name| (name.clone(), None)).collect()
}

fn answered<Name: Ord, T>(sightings: BTreeMap<Name, Sighting<T>>) -> Sightings<Name, T> {
    sightings
        .into_iter()
        .map(|(name, sighting)| (name, Some(sighting)))
        .collect()
}

/// A client that is asked by one method for one map of names.
macro_rules! probe {
    ($name:ident, $client:ty, $key:ty, $id:ty, $method:ident, $kind:ident) => {
        pub(crate) struct $name {
            pub(crate) client: $client,
            pub(crate) wanted: BTreeMap<$key, $id>,
        }

        impl Probe for $name {
            fn expected(&self) -> Findings {
                Findings {
                    $kind: unanswered(&self.wanted),
                    ..Findings::default()
                }
            }

            fn look(&self) -> Looking<'_> {
                Box::pin(async {
                    let sightings = self.client.$method(&self.wanted).await?;
                    Ok(Findings {
                        $kind: answered(sightings),
                        ..Findings::default()
                    })
                })
            }
        }
    };
}

probe!(PythProbe, Pyth, AssetId, B256, prices, prices);
probe!(CoinGeckoProbe, CoinGecko, AssetId, String, prices, prices);
probe!(BinanceProbe, Binance, AssetId, String, prices, prices);
probe!(
    LlamaPricesProbe,
    LlamaPrices,
    AssetId,
    String,
    prices,
    prices
);
probe!(LlamaTvlProbe, LlamaTvl, String, String, values, tvl);
probe!(
    LlamaProtocolsProbe,
    LlamaProtocols,
    String,
    String,
    listings,
    protocols
);
probe!(
    VolatilityProbe,
    Deribit,
    AssetId,
    String,
    volatility,
    volatility
);

/// The option chain of each currency.
pub(crate) struct OptionsProbe {
    pub(crate) client: Deribit,
    pub(crate) wanted: BTreeMap<AssetId, String>,
}

impl Probe for OptionsProbe {
    fn expected(&self) -> Findings {
        Findings {
            options: unanswered(&self.wanted),
            ..Findings::default()
        }
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(async {
            let mut findings = Findings::default();
            for (asset, currency) in &self.wanted {
                let chain = Sighting::Seen(self.client.options(currency).await?);
                findings.options.insert(asset.clone(), Some(chain));
            }
            Ok(findings)
        })
    }
}

/// The tokens of each chain.
pub(crate) struct GoPlusProbe {
    pub(crate) client: GoPlus,
    pub(crate) wanted: BTreeMap<ChainId, BTreeSet<Address>>,
}

impl Probe for GoPlusProbe {
    fn expected(&self) -> Findings {
        let tokens = self
            .wanted
            .iter()
            .flat_map(|(chain, tokens)| tokens.iter().map(|token| ((*chain, *token), None)));
        Findings {
            tokens: tokens.collect(),
            ..Findings::default()
        }
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(async {
            let mut findings = Findings::default();
            let mut refused = None;
            for (chain, tokens) in &self.wanted {
                match self.client.tokens(*chain, tokens).await {
                    Ok(found) => {
                        let found = found.into_iter();
                        let named = found.map(|(token, seen)| ((*chain, token), Some(seen)));
                        findings.tokens.extend(named);
                    }
                    // A chain that it does not know is no reason to lack the others.
                    Err(error) if matches!(error.kind, ErrorKind::Refused { .. }) => {
                        refused = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            match refused {
                Some(error) if findings.tokens.is_empty() => Err(error),
                _ => Ok(findings),
            }
        })
    }
}

/// One feed.
pub(crate) struct FeedProbe {
    pub(crate) client: IncidentFeed,
}

impl Probe for FeedProbe {
    fn expected(&self) -> Findings {
        Findings::default()
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(async {
            Ok(Findings {
                incidents: self.client.incidents().await?,
                ..Findings::default()
            })
        })
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// The most pages of bars that are asked for in one go.
const PAGES: usize = 12;

/// The last hours of each symbol. Bars that came before a failure are kept, and only what is
/// missing is asked for again.
pub(crate) struct BarsProbe {
    pub(crate) client: Binance,
    pub(crate) wanted: BTreeMap<AssetId, String>,
    pub(crate) hours: u32,
    pub(crate) clock: Clock,
    pub(crate) kept: Mutex<BTreeMap<AssetId, Vec<Bar>>>,
}

impl BarsProbe {
    fn kept(&self, asset: &AssetId) -> Vec<Bar> {
        // Whole vectors are exchanged, so what a panic left behind is in order.
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(asset).cloned().unwrap_or_default()
    }

    async fn catch_up(&self, asset: &AssetId, symbol: &str) -> Result<Vec<Bar>, SourceError> {
        let oldest = self.clock.now().minus(HOUR * self.hours);
        let mut bars = self.kept(asset);
        bars.retain(|bar| bar.start >= oldest);
        for _ in 0..PAGES {
            let from = bars.last().map_or(oldest, |bar| bar.start.plus(HOUR));
            let page = self.client.bars(symbol, from).await?;
            let full = page.len() + 1 >= PAGE;
            bars.extend(page);
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(asset.clone(), bars.clone());
            if !full {
                break;
            }
        }
        Ok(bars)
    }
}

impl Probe for BarsProbe {
    fn expected(&self) -> Findings {
        Findings::default()
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(async {
            let mut findings = Findings::default();
            let mut refused = None;
            for (asset, symbol) in &self.wanted {
                match self.catch_up(asset, symbol).await {
                    Ok(bars) => {
                        findings.bars.insert(asset.clone(), bars);
                    }
                    // A symbol that the exchange does not know is no reason to lack the others.
                    Err(error) if matches!(error.kind, ErrorKind::Refused { .. }) => {
                        refused = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            match refused {
                Some(error) if findings.bars.is_empty() => Err(error),
                _ => Ok(findings),
            }
        })
    }
}
