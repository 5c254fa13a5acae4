//! From a configuration to what is asked of whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airdrops_types::AssetId;

use super::probe::{
    BarsProbe, BinanceProbe, CoinGeckoProbe, FeedProbe, GoPlusProbe, LlamaPricesProbe,
    LlamaProtocolsProbe, LlamaTvlProbe, OptionsProbe, Probe, PythProbe, VolatilityProbe,
};
use crate::config::MarketConfig;
use crate::source::binance::Binance;
use crate::source::coingecko::CoinGecko;
use crate::source::defillama::{LlamaPrices, LlamaProtocols, LlamaTvl};
use crate::source::deribit::Deribit;
use crate::source::goplus::GoPlus;
use crate::source::incident_feed::IncidentFeed;
use crate::source::pyth::Pyth;
use crate::{Clock, Settings, SetupError};

/// A source that is to be watched.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) aliases: BTreeMap<AssetId, String>,
    pub(super) interval: Duration,
    pub(super) max_age: Duration,
    pub(super) probe: Arc<dyn Probe>,
}

impl Plan {
    fn new(name: &str, settings: &Settings, probe: impl Probe) -> Self {
        Self {
            name: name.to_owned(),
            aliases: BTreeMap::new(),
            interval: settings.interval,
            max_age: settings.max_age,
            probe: Arc::new(probe),
        }
    }
}

/// All sources of `config`.
pub(super) fn plans(config: MarketConfig, clock: &Clock) -> Result<Vec<Plan>, SetupError> {
    let mut plans = Vec::new();
    if let Some(pyth) = config.pyth {
        let probe = PythProbe {
            client: Pyth::new(&pyth.settings, pyth.widest, clock.clone())?,
            wanted: pyth.feeds,
        };
        plans.push(Plan::new("pyth", &pyth.settings, probe));
    }
    if let Some(coingecko) = config.coingecko {
        let probe = CoinGeckoProbe {
            client: CoinGecko::new(&coingecko.settings, coingecko.plan, clock.clone())?,
            wanted: coingecko.ids,
        };
        plans.push(Plan::new("coingecko", &coingecko.settings, probe));
    }
    if let Some(binance) = config.binance {
        if binance.hours > 0 {
            let mut settings = binance.settings.clone();
            settings.interval = binance.bar_interval;
            settings.max_age = settings.max_age.max(binance.bar_interval * 3);
            let probe = BarsProbe {
                client: Binance::new("binance:bars", &settings, clock.clone())?,
                wanted: binance.symbols.clone(),
                hours: binance.hours,
                clock: clock.clone(),
                kept: Mutex::default(),
            };
            plans.push(Plan::new("binance:bars", &settings, probe));
        }
        fits("binance", &binance.settings, binance.symbols.len())?;
        let probe = BinanceProbe {
            client: Binance::new("binance", &binance.settings, clock.clone())?,
            wanted: binance.symbols,
        };
        plans.push(Plan::new("binance", &binance.settings, probe));
    }
    if let Some(llama) = config.llama_prices {
        let second_hand = llama
            .keys
            .iter()
            .filter(|(_, key)| key.starts_with("coingecko:"))
            .map(|(asset, _)| (asset.clone(), "coingecko:defillama".to_owned()));
        let aliases = second_hand.collect();
        let client = LlamaPrices::new(&llama.settings, llama.least_confidence, clock.clone())?;
        let probe = LlamaPricesProbe {
            client,
            wanted: llama.keys,
        };
        plans.push(Plan {
            aliases,
            ..Plan::new("defillama:prices", &llama.settings, probe)
        });
    }
    if let Some(llama) = config.llama_protocols {
        fits("defillama:tvl", &llama.tvl, llama.slugs.len())?;
        let probe = LlamaTvlProbe {
            client: LlamaTvl::new(&llama.tvl, clock.clone())?,
            wanted: llama.slugs.clone(),
        };
        plans.push(Plan::new("defillama:tvl", &llama.tvl, probe));
        if let Some(list) = llama.list {
            let probe = LlamaProtocolsProbe {
                client: LlamaProtocols::new(&list, clock.clone())?,
                wanted: llama.slugs,
            };
            plans.push(Plan::new("defillama:protocols", &list, probe));
        }
    }
    if let Some(deribit) = config.deribit {
        let currencies = deribit.currencies.len();
        fits("deribit:volatility", &deribit.index, currencies)?;
        if let Some(settings) = deribit.options {
            fits("deribit:options", &settings, currencies)?;
            let probe = OptionsProbe {
                client: Deribit::new("deribit:options", &settings, clock.clone())?,
                wanted: deribit.currencies.clone(),
            };
            plans.push(Plan::new("deribit:options", &settings, probe));
        }
        let probe = VolatilityProbe {
            client: Deribit::new("deribit:volatility", &deribit.index, clock.clone())?,
            wanted: deribit.currencies,
        };
        plans.push(Plan::new("deribit:volatility", &deribit.index, probe));
    }
    if let Some(goplus) = config.goplus {
        fits("goplus", &goplus.settings, goplus.tokens.len())?;
        let probe = GoPlusProbe {
            client: GoPlus::new(&goplus.settings, clock.clone())?,
            wanted: goplus.tokens,
        };
        plans.push(Plan::new("goplus", &goplus.settings, probe));
    }
    for feed in config.feeds {
        if !is_name(&feed.name) {
            return Err(SetupError {
                source: feed.name,
                reason: "a feed's name is of lower-case letters, digits, hyphens and colons".into(),
            });
        }
        let client = IncidentFeed::new(&feed.name, &feed.settings, feed.words, clock.clone())?;
        plans.push(Plan::new(&feed.name, &feed.settings, FeedProbe { client }));
    }
    Ok(plans)
}

/// Fails if one look at `source` is more requests than its rate limit lets through at once.
fn fits(source: &str, settings: &Settings, requests: usize) -> Result<(), SetupError> {
    let burst = settings.fetch.rate.burst;
    if usize::try_from(burst).is_ok_and(|burst| requests > burst) {
        return Err(SetupError {
            source: source.to_owned(),
            reason: format!(
                "{requests} requests are needed each time and the rate limit is {burst} at once; \
                 configure fewer, or a higher limit if the source allows it"
            ),
        });
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:".contains(&byte);
    !text.is_empty() && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::Timestamp;

    use super::*;
    use crate::ApiKey;
    use crate::config::{
        BinanceConfig, CoinGeckoConfig, DeribitConfig, FeedConfig, GoPlusConfig, LlamaPricesConfig,
        LlamaProtocolsConfig, PythConfig,
    };
    use crate::source::coingecko::Plan as CoinGeckoPlan;
    use crate::source::defillama::protocol_settings;
    use crate::source::incident_feed::IncidentWords;

    #[test]
    fn with_its_defaults_every_source_is_asked_twice_before_it_is_stale() {
        let eth = |id: &str| BTreeMap::from([(AssetId::from("ETH"), id.to_owned())]);
        let slugs = BTreeMap::from([("aave".to_owned(), "aave-v3".to_owned())]);
        let words = IncidentWords::with_names(slugs.clone());
        let mut pyth = PythConfig::new(BTreeMap::new());
        pyth.settings.key = Some(ApiKey::new("key"));
        let config = MarketConfig {
            pyth: Some(pyth),
            coingecko: Some(CoinGeckoConfig::new(CoinGeckoPlan::Pro, eth("ethereum"))),
            binance: Some(BinanceConfig::new(eth("ETHUSDC"))),
            llama_prices: Some(LlamaPricesConfig::new(eth("ethereum:0x0"))),
            llama_protocols: Some(LlamaProtocolsConfig {
                list: Some(protocol_settings()),
                ..LlamaProtocolsConfig::new(slugs)
            }),
            deribit: Some(DeribitConfig::new(eth("ETH"))),
            goplus: Some(GoPlusConfig::new(BTreeMap::new())),
            feeds: vec![FeedConfig::new("rekt", "https://example.com/rss", words)],
        };
        let plans = plans(config, &Clock::new(Timestamp::default)).unwrap();
        assert_eq!(plans.len(), 11);
        for plan in plans {
            assert!(plan.interval * 2 <= plan.max_age, "{}", plan.name);
        }
    }
}
