//! All sources in one table, so that no test forgets one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use airdrops_market::source::binance::Binance;
use airdrops_market::source::coingecko::{CoinGecko, Plan};
use airdrops_market::source::defillama::{LlamaPrices, LlamaProtocols, LlamaTvl};
use airdrops_market::source::deribit::Deribit;
use airdrops_market::source::goplus::GoPlus;
use airdrops_market::source::incident_feed::{self, IncidentFeed, IncidentWords};
use airdrops_market::source::pyth::Pyth;
use airdrops_market::{Clock, Observed, RateLimit, Settings, Sighting, SourceError};
use airdrops_types::{Address, AssetId, B256, Bps, ChainId, Reading, Timestamp};

/// 2023-11-14T22:15:00Z: a whole minute.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_100_000);

pub(crate) const MAX_AGE: Duration = Duration::from_secs(120);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(250);
pub(crate) const CAP: usize = 64 * 1024;

/// What a source says, as text, seen from the clock's now.
pub(crate) type Outcome = BTreeMap<String, Reading<String>>;
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Outcome, SourceError>> + Send>>;

/// A clock that tests set.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicI64>);

impl SetClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW.0)))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn clock(&self) -> Clock {
        let own = self.clone();
        Clock::new(move || own.now())
    }
}

/// Whose time an observation carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dated {
    BySource,
    ByAnswer,
    /// Bars and incidents: history, good at any age.
    History,
}

/// One source.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// An answer in order.
    pub(crate) good: String,
    /// The places of `good` that are read and must be of their type.
    pub(crate) read: &'static [&'static str],
    /// The places among them that must be above zero, or zero where `zero` says so.
    pub(crate) positive: &'static [&'static str],
    pub(crate) zero: bool,
    pub(crate) dated: Dated,
    /// A client for a server at this base address.
    pub(crate) client: fn(&str, &SetClock) -> Box<dyn Fn() -> Asking + Send>,
}

/// Settings of tests: short limits, no memory, no counting.
pub(crate) fn settings(base: &str) -> Settings {
    let mut settings = incident_feed::settings(base);
    settings.max_age = MAX_AGE;
    settings.fetch.timeout = TIMEOUT;
    settings.fetch.connect_timeout = TIMEOUT;
    settings.fetch.max_body = CAP;
    settings.fetch.rate = RateLimit {
        burst: 1_000_000,
        per: Duration::from_secs(1),
    };
    settings
}

pub(crate) fn eth<T: From<&'static str>>(id: &'static str) -> BTreeMap<AssetId, T> {
    BTreeMap::from([(AssetId::from("ETH"), T::from(id))])
}

pub(crate) fn one(name: &str, id: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), id.to_owned())])
}

pub(crate) const FEED: &str = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace";
pub(crate) const TOKEN: &str = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";

pub(crate) fn feed_id() -> BTreeMap<AssetId, B256> {
    BTreeMap::from([(AssetId::from("ETH"), FEED.parse().unwrap())])
}

pub(crate) fn token() -> Address {
    TOKEN.parse().unwrap()
}

fn shown<Name: ToString, T: std::fmt::Debug>(
    sightings: BTreeMap<Name, Sighting<T>>,
    clock: &SetClock,
) -> Outcome {
    sightings
        .into_iter()
        .map(|(name, sighting)| {
            let sighting = match sighting {
                Sighting::Seen(observed) => Sighting::Seen(Observed {
                    value: format!("{:?}", observed.value),
                    at: observed.at,
                    doubt: observed.doubt,
                }),
                Sighting::Absent { reason } => Sighting::Absent { reason },
            };
            (name.to_string(), sighting.reading(clock.now(), MAX_AGE))
        })
        .collect()
}

fn history<T: std::fmt::Debug>(items: &[T], at: impl Fn(&T) -> Timestamp) -> Outcome {
    let fresh = |item: &T| Reading::Fresh {
        value: format!("{item:?}"),
        at: at(item),
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| (index.to_string(), fresh(item)))
        .collect()
}

/// The client for one source: `make` builds it, `ask` asks it once.
macro_rules! client {
    ($make:expr, |$client:ident, $clock:ident| $ask:expr) => {
        |base, clock| {
            #[allow(clippy::redundant_closure_call)]
            let client = Arc::new(($make)(settings(base), clock.clock()).unwrap());
            let clock = clock.clone();
            Box::new(move || {
                let ($client, $clock) = (Arc::clone(&client), clock.clone());
                Box::pin(async move { $ask })
            })
        }
    };
}

pub(crate) fn subjects() -> Vec<Subject> {
    let second = NOW.0 / 1000 - 10;
    let minute = NOW.0 - 60_000;
    let hour = NOW.0 - NOW.0 % 3_600_000 - 3_600_000;
    let kline = |start: i64, length: i64| {
        format!(
            r#"[{start},"3010.5","3012.25","3009","3011.75","120.5",{},"362000.1",42,"60.1","180000.2","0"]"#,
            start + length - 1
        )
    };
    vec![
        Subject {
            name: "pyth",
            good: format!(
                r#"{{"binary":{{"encoding":"hex","data":["504e"]}},"parsed":[{{"id":"{FEED}","price":{{"price":"301175000000","conf":"150000000","expo":-8,"publish_time":{second}}},"ema_price":{{"price":"301000000000","conf":"160000000","expo":-8,"publish_time":{second}}},"metadata":{{"slot":100,"proof_available_time":{second},"prev_publish_time":{second}}}}}]}}"#
            ),
            read: &[
                "/parsed/0/id",
                "/parsed/0/price/conf",
                "/parsed/0/price/expo",
                "/parsed/0/price/price",
                "/parsed/0/price/publish_time",
            ],
            positive: &["/parsed/0/price/price"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| Pyth::new(&settings, Bps(100), clock),
                |pyth, clock| Ok(shown(pyth.prices(&feed_id()).await?, &clock))
            ),
        },
        Subject {
            name: "coingecko",
            good: format!(r#"{{"ethereum":{{"usd":3011.75,"last_updated_at":{second}}}}}"#),
            read: &["/ethereum/last_updated_at", "/ethereum/usd"],
            positive: &["/ethereum/usd"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| CoinGecko::new(&settings, Plan::Demo, clock),
                |gecko, clock| Ok(shown(gecko.prices(&eth("ethereum")).await?, &clock))
            ),
        },
        Subject {
            name: "binance",
            good: format!("[{}]", kline(minute, 60_000)),
            read: &["/0/0", "/0/1", "/0/2", "/0/3", "/0/4", "/0/6", "/0/8"],
            positive: &["/0/1", "/0/2", "/0/3", "/0/4"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| Binance::new("binance", &settings, clock),
                |binance, clock| Ok(shown(binance.prices(&eth("ETHUSDC")).await?, &clock))
            ),
        },
        Subject {
            name: "binance:bars",
            good: format!(
                "[{},{}]",
                kline(hour - 3_600_000, 3_600_000),
                kline(hour, 3_600_000)
            ),
            read: &[
                "/0/0", "/0/1", "/0/2", "/0/3", "/0/4", "/0/6", "/0/8", "/1/0", "/1/1", "/1/2",
                "/1/3", "/1/4", "/1/6", "/1/8",
            ],
            positive: &["/0/1", "/0/2", "/0/3", "/0/4", "/1/4"],
            zero: false,
            dated: Dated::History,
            client: client!(
                |settings, clock| Binance::new("binance:bars", &settings, clock),
                |binance, _clock| {
                    let from = Timestamp(NOW.0 - NOW.0 % 3_600_000 - 7_200_000);
                    Ok(history(&binance.bars("ETHUSDC", from).await?, |bar| bar.start))
                }
            ),
        },
        Subject {
            name: "defillama:prices",
            good: format!(
                r#"{{"coins":{{"ethereum:0xabc":{{"decimals":18,"symbol":"WETH","price":3011.75,"timestamp":{second},"confidence":0.99}}}}}}"#
            ),
            read: &[
                "/coins/ethereum:0xabc/confidence",
                "/coins/ethereum:0xabc/price",
                "/coins/ethereum:0xabc/timestamp",
            ],
            positive: &["/coins/ethereum:0xabc/price"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| LlamaPrices::new(&settings, Bps(9000), clock),
                |llama, clock| Ok(shown(llama.prices(&eth("ethereum:0xabc")).await?, &clock))
            ),
        },
        Subject {
            name: "defillama:tvl",
            good: "1234567.891234567".to_owned(),
            read: &[""],
            positive: &[""],
            zero: true,
            dated: Dated::ByAnswer,
            client: client!(
                |settings, clock| LlamaTvl::new(&settings, clock),
                |llama, clock| Ok(shown(llama.values(&one("aave", "aave-v3")).await?, &clock))
            ),
        },
        Subject {
            name: "defillama:protocols",
            good: r#"[{"id":"1599","name":"Aave V3","slug":"aave-v3","category":"Lending","chains":["Ethereum","Base"],"tvl":1234567.5,"chainTvls":{"Base":5},"change_1h":0.1,"change_1d":-2.5,"change_7d":7.25,"oracles":["Chainlink"],"forkedFrom":["Aave V2"],"audits":"2","listedAt":1648776877}]"#.to_owned(),
            read: &[
                "/0/category",
                "/0/chains/0",
                "/0/chains/1",
                "/0/change_1d",
                "/0/change_1h",
                "/0/change_7d",
                "/0/forkedFrom/0",
                "/0/id",
                "/0/name",
                "/0/oracles/0",
                "/0/slug",
                "/0/tvl",
            ],
            positive: &["/0/tvl"],
            zero: true,
            dated: Dated::ByAnswer,
            client: client!(
                |settings, clock| LlamaProtocols::new(&settings, clock),
                |llama, clock| Ok(shown(llama.listings(&one("aave", "aave-v3")).await?, &clock))
            ),
        },
        Subject {
            name: "deribit:volatility",
            good: format!(
                r#"{{"jsonrpc":"2.0","result":{{"data":[[{},55.1,56.2,54.9,55.75]],"continuation":null}},"usIn":1,"usOut":2,"usDiff":1,"testnet":false}}"#,
                NOW.0 - 30_000
            ),
            read: &[
                "/result/data/0/0",
                "/result/data/0/2",
                "/result/data/0/3",
                "/result/data/0/4",
            ],
            positive: &["/result/data/0/4"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| Deribit::new("deribit:volatility", &settings, clock),
                |deribit, clock| Ok(shown(deribit.volatility(&eth("ETH")).await?, &clock))
            ),
        },
        Subject {
            name: "deribit:options",
            good: format!(
                r#"{{"jsonrpc":"2.0","result":[{{"instrument_name":"ETH-29DEC23-3000-C","bid_price":0.0505,"ask_price":0.052,"mid_price":0.05125,"mark_price":0.0512,"mark_iv":56.5,"underlying_price":3015.5,"underlying_index":"ETH-29DEC23","interest_rate":0.01,"open_interest":1200.5,"volume":3.5,"volume_usd":500.25,"last":0.05,"high":0.06,"low":0.04,"price_change":1.5,"estimated_delivery_price":3011,"creation_timestamp":{},"base_currency":"ETH","quote_currency":"ETH"}}],"usIn":1,"usOut":2,"usDiff":1,"testnet":false}}"#,
                NOW.0 - 5_000
            ),
            read: &[
                "/result/0/ask_price",
                "/result/0/bid_price",
                "/result/0/creation_timestamp",
                "/result/0/instrument_name",
                "/result/0/interest_rate",
                "/result/0/mark_iv",
                "/result/0/mark_price",
                "/result/0/mid_price",
                "/result/0/open_interest",
                "/result/0/underlying_index",
                "/result/0/underlying_price",
                "/result/0/volume_usd",
            ],
            positive: &["/result/0/underlying_price"],
            zero: false,
            dated: Dated::BySource,
            client: client!(
                |settings, clock| Deribit::new("deribit:options", &settings, clock),
                |deribit, clock| {
                    let chain = Sighting::Seen(deribit.options("ETH").await?);
                    Ok(shown(BTreeMap::from([("ETH", chain)]), &clock))
                }
            ),
        },
        Subject {
            name: "goplus",
            good: format!(
                r#"{{"code":1,"message":"OK","result":{{"{TOKEN}":{{"is_honeypot":"0","is_proxy":"1","is_open_source":"1","is_mintable":"1","hidden_owner":"0","can_take_back_ownership":"0","owner_change_balance":"0","transfer_pausable":"1","is_blacklisted":"1","selfdestruct":"0","cannot_sell_all":"0","slippage_modifiable":"0","owner_address":"{TOKEN}","buy_tax":"0.05","sell_tax":"0.001","token_symbol":"USDC","holders":[{{"balance":"1"}}]}}}}}}"#
            ),
            read: &[
                "/code",
                "/message",
                "/result/TOKEN/buy_tax",
                "/result/TOKEN/can_take_back_ownership",
                "/result/TOKEN/cannot_sell_all",
                "/result/TOKEN/hidden_owner",
                "/result/TOKEN/is_blacklisted",
                "/result/TOKEN/is_honeypot",
                "/result/TOKEN/is_mintable",
                "/result/TOKEN/is_open_source",
                "/result/TOKEN/is_proxy",
                "/result/TOKEN/owner_address",
                "/result/TOKEN/owner_change_balance",
                "/result/TOKEN/selfdestruct",
                "/result/TOKEN/sell_tax",
                "/result/TOKEN/slippage_modifiable",
                "/result/TOKEN/transfer_pausable",
            ],
            positive: &[],
            zero: false,
            dated: Dated::ByAnswer,
            client: client!(
                |settings, clock| GoPlus::new(&settings, clock),
                |goplus, clock| {
                    let tokens = BTreeSet::from([token()]);
                    Ok(shown(goplus.tokens(ChainId(1), &tokens).await?, &clock))
                }
            ),
        },
        Subject {
            name: "rekt",
            good: rss("<pubDate>Tue, 14 Nov 2023 22:00:00 GMT</pubDate>"),
            read: &[],
            positive: &[],
            zero: false,
            dated: Dated::History,
            client: client!(
                |settings, clock| IncidentFeed::new("rekt", &settings, words(), clock),
                |feed, _clock| Ok(history(&feed.incidents().await?, |incident| incident.at))
            ),
        },
    ]
}

pub(crate) fn words() -> IncidentWords {
    IncidentWords::with_names(one("aave", "Aave"))
}

/// A feed with one incident, dated by `date`.
pub(crate) fn rss(date: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>rekt</title><item>\
         <title>Aave v3 exploited for $5M</title><guid>rekt-1</guid>{date}\
         <link>https://example.com/1</link><description>Funds drained.</description>\
         </item></channel></rss>"
    )
}
