//! The watcher: many sources, some of them bad.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_market::config::{
    BinanceConfig, CoinGeckoConfig, DeribitConfig, FeedConfig, GoPlusConfig, LlamaPricesConfig,
    LlamaProtocolsConfig, PythConfig,
};
use airdrops_market::source::coingecko::Plan;
use airdrops_market::{MarketConfig, Settings, Watcher};
use airdrops_types::{AssetId, ChainId, MarketView, Reading, Timestamp, TokenDanger, VolPoints};
use wiremock::ResponseTemplate;

use crate::server::{Server, Step, body_of, send, speaking};
use crate::subject::{MAX_AGE, NOW, SetClock, eth, feed_id, one, settings, subjects, token, words};

/// How soon a source is asked again in these tests.
const INTERVAL: Duration = Duration::from_millis(30);

fn often(base: &str) -> Settings {
    let mut settings = settings(base);
    settings.interval = INTERVAL;
    settings
}

fn good(name: &str) -> String {
    let subject = subjects().into_iter().find(|subject| subject.name == name);
    subject.unwrap().good
}

fn pyth(base: &str) -> PythConfig {
    PythConfig {
        settings: often(base),
        ..PythConfig::new(feed_id())
    }
}

fn coingecko(base: &str) -> CoinGeckoConfig {
    CoinGeckoConfig {
        settings: often(base),
        ..CoinGeckoConfig::new(Plan::Demo, eth("ethereum"))
    }
}

/// The view, as soon as `wanted` holds of it.
async fn view_when(
    watcher: &Watcher,
    now: Timestamp,
    wanted: impl Fn(&MarketView) -> bool,
) -> MarketView {
    for _ in 0..500 {
        let view = watcher.view(now);
        if wanted(&view) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {:#?}", watcher.view(now));
}

fn fresh_quotes(view: &MarketView) -> Vec<&str> {
    let quotes = view.quotes.values().flatten();
    quotes
        .filter(|quote| quote.price.fresh().is_some())
        .map(|quote| quote.source.as_str())
        .collect()
}

#[tokio::test]
async fn all_sources_together_make_one_view() {
    let mut servers = BTreeMap::new();
    for subject in subjects() {
        servers.insert(subject.name, Server::saying(&subject.good).await);
    }
    let at = |name: &str| often(&servers[name].base());
    let config = MarketConfig {
        pyth: Some(pyth(&servers["pyth"].base())),
        coingecko: Some(coingecko(&servers["coingecko"].base())),
        binance: Some(BinanceConfig {
            settings: at("binance"),
            hours: 0,
            ..BinanceConfig::new(eth("ETHUSDC"))
        }),
        llama_prices: Some(LlamaPricesConfig {
            settings: at("defillama:prices"),
            ..LlamaPricesConfig::new(eth("ethereum:0xabc"))
        }),
        llama_protocols: Some(LlamaProtocolsConfig {
            tvl: at("defillama:tvl"),
            list: Some(at("defillama:protocols")),
            ..LlamaProtocolsConfig::new(one("aave", "aave-v3"))
        }),
        deribit: Some(DeribitConfig {
            index: at("deribit:volatility"),
            options: Some(at("deribit:options")),
            ..DeribitConfig::new(eth("ETH"))
        }),
        goplus: Some(GoPlusConfig {
            settings: at("goplus"),
            ..GoPlusConfig::new(BTreeMap::from([(ChainId(1), [token()].into())]))
        }),
        feeds: vec![FeedConfig {
            settings: at("rekt"),
            ..FeedConfig::new("rekt", &servers["rekt"].base(), words())
        }],
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    let view = view_when(&watcher, NOW, |view| {
        view.sources
            .values()
            .all(|standing| standing.fresh().is_some())
    })
    .await;
    let names: Vec<&str> = view.sources.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = subjects().iter().map(|subject| subject.name).collect();
    expected.retain(|name| *name != "binance:bars");
    expected.sort_unstable();
    assert_eq!(names, expected);
    let quotes = ["pyth", "coingecko", "binance", "defillama:prices"];
    assert_eq!(fresh_quotes(&view).len(), quotes.len());
    let eth = AssetId::from("ETH");
    assert_eq!(
        view.implied_volatility[&eth].fresh(),
        Some(&VolPoints(5575))
    );
    assert!(view.tvl["aave"].fresh().is_some());
    assert_eq!(view.incidents.len(), 1);
    assert!(watcher.options(NOW)[&eth].fresh().is_some());
    assert!(watcher.protocol("aave", NOW).fresh().is_some());
    let unwatched = watcher.protocol("other", NOW).defect();
    assert_eq!(unwatched.as_deref(), Some("missing: not watched"));
    let [seen] = &view.tokens[..] else {
        panic!("{:?}", view.tokens);
    };
    assert_eq!((seen.chain, seen.contract), (ChainId(1), token()));
    let findings = seen.findings.fresh().unwrap();
    let dangers: Vec<TokenDanger> = findings.dangers.iter().copied().collect();
    let expected = [
        TokenDanger::Pausable,
        TokenDanger::Blacklist,
        TokenDanger::Mintable,
        TokenDanger::Proxy,
    ];
    assert_eq!(
        (dangers.as_slice(), findings.unknown.len()),
        (&expected[..], 0)
    );
    // Seen later, from the same memory, the dated readings are stale and old reports are gone.
    let later = watcher.view(NOW.plus(MAX_AGE + MAX_AGE));
    assert!(fresh_quotes(&later).is_empty());
    assert!(later.implied_volatility[&eth].fresh().is_none());
    assert!(later.tokens[0].findings.fresh().is_none());
    let much_later = watcher.view(NOW.plus(Duration::from_secs(15 * 86_400)));
    assert!(much_later.incidents.is_empty());
}

#[tokio::test]
async fn dead_slow_and_lying_sources_delay_and_poison_no_other() {
    let silent = speaking(vec![Step::Wait(Duration::from_secs(60))]).await;
    let endless = speaking(vec![
        send("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n["),
        Step::Repeat(b" ".to_vec(), Duration::from_millis(20)),
    ])
    .await;
    let honest = Server::saying(&good("coingecko")).await;
    let liar = Server::saying(&good("defillama:prices").replace("3011.75", "\"3011.75\"")).await;
    let config = MarketConfig {
        pyth: Some(pyth(&silent)),
        coingecko: Some(coingecko(&honest.base())),
        binance: Some(BinanceConfig {
            settings: often("http://127.0.0.1:9"),
            ..BinanceConfig::new(eth("ETHUSDC"))
        }),
        llama_prices: Some(LlamaPricesConfig {
            settings: often(&liar.base()),
            ..LlamaPricesConfig::new(eth("ethereum:0xabc"))
        }),
        deribit: Some(DeribitConfig {
            index: often(&endless),
            options: None,
            ..DeribitConfig::new(eth("ETH"))
        }),
        ..MarketConfig::default()
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    // Before any answer there is no value, and the view does not wait for one.
    let view = watcher.view(NOW);
    assert!(fresh_quotes(&view).is_empty());
    assert_eq!(
        view.sources["pyth"].defect().as_deref(),
        Some("missing: no answer yet")
    );
    let view = view_when(&watcher, NOW, |view| {
        let told = |name: &str, what: &str| {
            view.sources[name]
                .defect()
                .is_some_and(|defect| defect.contains(what))
        };
        told("pyth", "no complete answer within 250 ms")
            && told("deribit:volatility", "no complete answer within 250 ms")
            && told("binance", "no connection")
            && told("binance:bars", "no connection")
            && told("defillama:prices", "expected a number, found a string")
            && view.sources["coingecko"].fresh().is_some()
    })
    .await;
    assert_eq!(fresh_quotes(&view), ["coingecko"]);
    // What never came is missing, with the reason.
    let quotes = &view.quotes[&AssetId::from("ETH")];
    assert_eq!(quotes.len(), 4);
    let pyth = quotes.iter().find(|quote| quote.source == "pyth").unwrap();
    let defect = pyth.price.defect().unwrap();
    assert!(
        defect.starts_with("missing: no complete answer"),
        "{defect}"
    );
    // The honest one was asked many times in the meantime.
    assert!(honest.requests().await.len() > 3);
}

#[tokio::test]
async fn a_source_that_fails_leaves_its_last_reading_to_grow_stale() {
    let server = Server::saying(&good("coingecko")).await;
    let config = MarketConfig {
        coingecko: Some(coingecko(&server.base())),
        ..MarketConfig::default()
    };
    let clock = SetClock::new();
    let watcher = Watcher::start(config, &clock.clock()).unwrap();
    view_when(&watcher, NOW, |view| fresh_quotes(view) == ["coingecko"]).await;
    server.answer(ResponseTemplate::new(500));
    let view = view_when(&watcher, NOW, |view| {
        view.sources["coingecko"].fresh().is_none()
    })
    .await;
    let standing = &view.sources["coingecko"];
    assert!(
        matches!(standing, Reading::Stale { at, reason, .. } if *at == NOW && reason.contains("500")),
        "{standing:?}"
    );
    assert_eq!(fresh_quotes(&view), ["coingecko"], "within its age");
    let later = watcher.view(NOW.plus(MAX_AGE));
    assert!(fresh_quotes(&later).is_empty(), "beyond its age");
    let quote = &later.quotes[&AssetId::from("ETH")][0];
    assert!(quote.price.last_known().is_some());
    server.say(&good("coingecko"));
    view_when(&watcher, NOW, |view| {
        view.sources["coingecko"].fresh().is_some()
    })
    .await;
}

#[tokio::test]
async fn a_price_that_its_source_no_longer_knows_is_stale_at_once() {
    let server = Server::start().await;
    let mut config = coingecko(&server.base());
    config.ids.insert("X".into(), "x-coin".into());
    let second = NOW.0 / 1000;
    let both = format!(
        r#"{{"ethereum":{{"usd":3000,"last_updated_at":{second}}},"x-coin":{{"usd":2,"last_updated_at":{second}}}}}"#
    );
    server.say(&both);
    let config = MarketConfig {
        coingecko: Some(config),
        ..MarketConfig::default()
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    view_when(&watcher, NOW, |view| fresh_quotes(view).len() == 2).await;
    server.say(&both.replace("\"usd\":2", "\"usd\":null"));
    let view = view_when(&watcher, NOW, |view| fresh_quotes(view).len() == 1).await;
    let price = &view.quotes[&AssetId::from("X")][0].price;
    assert!(price.last_known().is_some() && price.defect().unwrap().contains("x-coin"));
    server.say(&both);
    view_when(&watcher, NOW, |view| fresh_quotes(view).len() == 2).await;
}

#[tokio::test]
async fn dropping_the_watcher_ends_its_requests() {
    let server = Server::saying(&good("coingecko")).await;
    let config = MarketConfig {
        coingecko: Some(coingecko(&server.base())),
        ..MarketConfig::default()
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    view_when(&watcher, NOW, |view| fresh_quotes(view).len() == 1).await;
    drop(watcher);
    tokio::time::sleep(INTERVAL).await;
    let asked = server.requests().await.len();
    tokio::time::sleep(INTERVAL * 5).await;
    assert_eq!(server.requests().await.len(), asked);
}

#[tokio::test]
async fn bars_are_gathered_page_by_page_and_only_once() {
    use wiremock::{Mock, MockServer, Request, Respond};
    /// Hourly bars from the start asked for, at most a thousand, up to the one under way.
    struct Exchange;
    impl Respond for Exchange {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
            if query["interval"] != "1h" {
                return ResponseTemplate::new(500);
            }
            let hour = 3_600_000;
            let from: i64 = query["startTime"].parse().unwrap();
            let first = (from + hour - 1) / hour;
            let bars: Vec<String> = (first..=NOW.0 / hour)
                .take(1000)
                .map(|index| {
                    let (start, end) = (index * hour, index * hour + hour - 1);
                    format!(r#"[{start},"10","12","9","11","1",{end},"1",1,"1","1","0"]"#)
                })
                .collect();
            ResponseTemplate::new(200).set_body_string(format!("[{}]", bars.join(",")))
        }
    }
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(Exchange)
        .mount(&server)
        .await;
    let mut config = BinanceConfig {
        settings: often(&server.uri()),
        hours: 2500,
        bar_interval: INTERVAL,
        ..BinanceConfig::new(eth("ETHUSDC"))
    };
    config.settings.fetch.max_body = 1024 * 1024;
    let config = MarketConfig {
        binance: Some(config),
        ..MarketConfig::default()
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    let eth = AssetId::from("ETH");
    view_when(&watcher, NOW, |view| {
        view.sources["binance:bars"].fresh().is_some()
    })
    .await;
    let bars = watcher.bars(&eth);
    assert_eq!(bars.len(), 2499, "2,500 hours hold so many whole ones");
    let apart = |pair: &[airdrops_types::Bar]| pair[1].start.0 - pair[0].start.0 == 3_600_000;
    assert!(bars.windows(2).all(apart));
    tokio::time::sleep(INTERVAL * 4).await;
    assert_eq!(watcher.bars(&eth), bars);
    let requests = server.received_requests().await.unwrap();
    let start_of = |request: &Request| {
        let mut pairs = request.url.query_pairs();
        pairs
            .find(|(name, _)| name == "startTime")
            .map(|(_, value)| value.into_owned())
    };
    let starts: Vec<String> = requests.iter().filter_map(start_of).collect();
    assert!(starts.len() > 3, "asked again");
    let next = bars.last().unwrap().start.0 + 3_600_000;
    assert!(
        starts[3..].iter().all(|start| *start == next.to_string()),
        "{starts:?}"
    );
    assert_eq!(watcher.bars(&"X".into()), []);
}

#[tokio::test]
async fn a_price_at_second_hand_is_shown_as_its_first_source_s() {
    let body = good("defillama:prices").replace("ethereum:0xabc", "coingecko:ethereum");
    let server = Server::saying(&body).await;
    let config = MarketConfig {
        llama_prices: Some(LlamaPricesConfig {
            settings: often(&server.base()),
            ..LlamaPricesConfig::new(eth("coingecko:ethereum"))
        }),
        ..MarketConfig::default()
    };
    let watcher = Watcher::start(config, &SetClock::new().clock()).unwrap();
    let view = view_when(&watcher, NOW, |view| fresh_quotes(view).len() == 1).await;
    assert_eq!(fresh_quotes(&view), ["coingecko:defillama"]);
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_its_source() {
    let base = "http://127.0.0.1:9";
    let with = |change: &dyn Fn(&mut MarketConfig)| {
        let mut config = MarketConfig {
            coingecko: Some(coingecko(base)),
            binance: Some(BinanceConfig::new(eth("ETHUSDC"))),
            ..MarketConfig::default()
        };
        change(&mut config);
        Watcher::start(config, &SetClock::new().clock())
            .unwrap_err()
            .to_string()
    };
    let feed = |name: &str| FeedConfig::new(name, base, words());
    let never_fresh = with(&|config| {
        config.coingecko.as_mut().unwrap().settings.interval = MAX_AGE + INTERVAL;
    });
    assert!(
        never_fresh.contains("coingecko") && never_fresh.contains("stale"),
        "{never_fresh}"
    );
    let plain = with(&|config| {
        config.coingecko.as_mut().unwrap().settings.base_url = "http://example.com".into();
    });
    assert!(plain.contains("use https"), "{plain}");
    let too_many = with(&|config| {
        config.binance.as_mut().unwrap().settings.fetch.rate.burst = 0;
    });
    assert!(too_many.contains("1 requests are needed"), "{too_many}");
    for name in ["", "Rekt", "re kt", "rekt\n"] {
        let wrong = with(&|config| config.feeds = vec![feed(name)]);
        assert!(wrong.contains("lower-case"), "{wrong}");
    }
    for name in ["coingecko", "rekt"] {
        let twice = with(&|config| config.feeds = vec![feed(name), feed("rekt")]);
        assert!(twice.contains("twice"), "{twice}");
    }
}

#[test]
fn outside_a_runtime_the_watcher_does_not_start() {
    let error = Watcher::start(MarketConfig::default(), &SetClock::new().clock()).unwrap_err();
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

#[tokio::test]
async fn a_chain_that_goplus_refuses_takes_no_other_chain_with_it() {
    use wiremock::matchers::path_regex;
    use wiremock::{Mock, MockServer};
    let server = MockServer::start().await;
    for (chain, body) in [
        (1, good("goplus")),
        (
            2,
            r#"{"code":4010,"message":"no such chain","result":null}"#.to_owned(),
        ),
    ] {
        Mock::given(path_regex(format!("/token_security/{chain}$")))
            .respond_with(body_of(body.as_bytes()))
            .mount(&server)
            .await;
    }
    let watched = |chains: &[u64]| {
        let tokens = chains
            .iter()
            .map(|chain| (ChainId(*chain), [token()].into()));
        let config = MarketConfig {
            goplus: Some(GoPlusConfig {
                settings: often(&server.uri()),
                ..GoPlusConfig::new(tokens.collect())
            }),
            ..MarketConfig::default()
        };
        Watcher::start(config, &SetClock::new().clock()).unwrap()
    };
    let both = watched(&[1, 2]);
    let view = view_when(&both, NOW, |view| view.sources["goplus"].fresh().is_some()).await;
    let known = |index: usize| view.tokens[index].findings.fresh().is_some();
    assert_eq!((known(0), known(1)), (true, false));
    let neither = watched(&[2]);
    view_when(&neither, NOW, |view| {
        let defect = view.sources["goplus"].defect();
        defect.is_some_and(|defect| defect.contains("no such chain"))
    })
    .await;
}
