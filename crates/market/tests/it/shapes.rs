//! What each source's recorded shape becomes, and how each is asked.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_market::source::binance::Binance;
use airdrops_market::source::coingecko::{CoinGecko, Plan};
use airdrops_market::source::defillama::{LlamaPrices, LlamaProtocols, LlamaTvl};
use airdrops_market::source::deribit::Deribit;
use airdrops_market::source::goplus::GoPlus;
use airdrops_market::source::incident_feed::IncidentFeed;
use airdrops_market::source::pyth::Pyth;
use airdrops_market::{ApiKey, ErrorKind, Observed, Settings, Sighting};
use airdrops_types::{AssetId, Bps, ChainId, Price, Severity, Timestamp, Usd, VolPoints};

use crate::server::Server;
use crate::subject::{
    FEED, MAX_AGE, NOW, SetClock, TOKEN, eth, feed_id, one, rss, settings, subjects, token, words,
};

fn good(name: &str) -> String {
    let subject = subjects().into_iter().find(|subject| subject.name == name);
    subject.unwrap().good
}

fn with_key(base: &str) -> Settings {
    let mut settings = settings(base);
    settings.key = Some(ApiKey::new("k3y-of-mine\n"));
    settings
}

fn seen<Name: Ord, T: Clone>(sightings: &BTreeMap<Name, Sighting<T>>, name: &Name) -> Observed<T> {
    match &sightings[name] {
        Sighting::Seen(observed) => observed.clone(),
        Sighting::Absent { reason } => panic!("{reason}"),
    }
}

fn eth_id() -> AssetId {
    AssetId::from("ETH")
}

/// $3,011.75
const PRICE: Price = Price(3_011_750_000_000_000);

#[tokio::test]
async fn pyth_gives_its_own_time_and_doubts_a_wide_interval() {
    let server = Server::saying(&good("pyth")).await;
    let clock = SetClock::new().clock();
    let pyth = Pyth::new(&with_key(&server.base()), Bps(100), clock).unwrap();
    let price = seen(&pyth.prices(&feed_id()).await.unwrap(), &eth_id());
    assert_eq!(price.value, PRICE);
    assert_eq!(price.at, Timestamp(NOW.0 - 10_000));
    assert_eq!(price.doubt, None);
    let (path, query) = server.last().await;
    assert_eq!(path, "/v2/updates/price/latest");
    assert!(query.contains(&("ids[]".into(), FEED.into())), "{query:?}");
    let requests = server.requests().await;
    assert_eq!(requests[0].headers["authorization"], "Bearer k3y-of-mine");

    // 1 % of 301175000000 is 3011750000.
    for (interval, doubted) in [
        ("3011750000", false),
        ("3011750001", true),
        ("18446744073709551615", true),
    ] {
        server.say(&good("pyth").replace("150000000", interval));
        let price = seen(&pyth.prices(&feed_id()).await.unwrap(), &eth_id());
        assert_eq!(
            price.doubt.is_some(),
            doubted,
            "{interval}: {:?}",
            price.doubt
        );
        assert_eq!(price.reading(NOW, MAX_AGE).fresh().is_none(), doubted);
    }
}

#[tokio::test]
async fn pyth_takes_one_answer_for_a_feed_and_no_other_feed() {
    let server = Server::start().await;
    let clock = SetClock::new().clock();
    let pyth = Pyth::new(&settings(&server.base()), Bps(100), clock).unwrap();
    server.say(&good("pyth").replace(FEED, &"ab".repeat(32)));
    let error = pyth.prices(&feed_id()).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoData { .. }), "{error}");
    let whole = good("pyth");
    let start = whole.find("{\"id\"").unwrap();
    let feed = &whole[start..whole.len() - 2];
    server.say(&whole.replace(feed, &format!("{feed},{feed}")));
    let error = pyth.prices(&feed_id()).await.unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}

#[tokio::test]
async fn coingecko_gives_its_own_time_and_its_key_goes_into_the_plan_s_header() {
    let server = Server::saying(&good("coingecko")).await;
    for (plan, header) in [
        (Plan::Demo, "x-cg-demo-api-key"),
        (Plan::Pro, "x-cg-pro-api-key"),
    ] {
        let clock = SetClock::new().clock();
        let gecko = CoinGecko::new(&with_key(&server.base()), plan, clock).unwrap();
        let prices = gecko.prices(&eth("ethereum")).await.unwrap();
        let price = seen(&prices, &eth_id());
        assert_eq!((price.value, price.at), (PRICE, Timestamp(NOW.0 - 10_000)));
        let requests = server.requests().await;
        assert_eq!(requests.last().unwrap().headers[header], "k3y-of-mine");
    }
    let (path, query) = server.last().await;
    assert_eq!(path, "/simple/price");
    for (name, value) in [
        ("ids", "ethereum"),
        ("vs_currencies", "usd"),
        ("include_last_updated_at", "true"),
    ] {
        assert!(query.contains(&(name.into(), value.into())), "{query:?}");
    }
}

#[tokio::test]
async fn a_price_that_coingecko_does_not_know_is_absent_and_the_others_are_there() {
    let server = Server::start().await;
    let clock = SetClock::new().clock();
    let gecko = CoinGecko::new(&settings(&server.base()), Plan::Demo, clock).unwrap();
    let mut ids: BTreeMap<AssetId, String> = eth("ethereum");
    ids.insert("X".into(), "x-coin".into());
    let second = NOW.0 / 1000;
    for unknown in [
        r#""x-coin":{"usd":null,"last_updated_at":null}"#,
        r#""x-coin":{}"#,
    ] {
        server.say(&format!(
            r#"{{"ethereum":{{"usd":1e-7,"last_updated_at":{second}}},{unknown}}}"#
        ));
        let prices = gecko.prices(&ids).await.unwrap();
        assert_eq!(seen(&prices, &eth_id()).value, Price(100_000));
        assert!(
            matches!(&prices[&"X".into()], Sighting::Absent { reason } if reason.contains("x-coin"))
        );
    }
    server.say(r#"{"ethereum":{"usd":1}}"#);
    let error = gecko.prices(&ids).await.unwrap_err();
    assert!(error.to_string().contains("without its time"), "{error}");
}

#[tokio::test]
async fn binance_dates_a_price_by_the_newest_minute_with_a_trade() {
    let server = Server::saying(&good("binance")).await;
    let clock = SetClock::new().clock();
    let binance = Binance::new("binance", &settings(&server.base()), clock).unwrap();
    let price = seen(&binance.prices(&eth("ETHUSDC")).await.unwrap(), &eth_id());
    assert_eq!((price.value, price.at), (PRICE, Timestamp(NOW.0 - 60_000)));
    let (path, query) = server.last().await;
    assert_eq!(path, "/api/v3/klines");
    assert!(query.contains(&("symbol".into(), "ETHUSDC".into())));
    assert!(query.contains(&("interval".into(), "1m".into())));

    let minute = |start: i64, close: &str, trades: u32| {
        let end = start + 59_999;
        format!(r#"[{start},"10","12","9","{close}","1",{end},"1",{trades},"1","1","0"]"#)
    };
    let traded = minute(NOW.0 - 300_000, "11", 3);
    let quiet = minute(NOW.0 - 60_000, "11.5", 0);
    server.say(&format!("[{traded},{quiet}]"));
    let price = seen(&binance.prices(&eth("ETHUSDC")).await.unwrap(), &eth_id());
    assert_eq!(price.at, Timestamp(NOW.0 - 300_000));
    server.say(&format!("[{quiet}]"));
    let error = binance.prices(&eth("ETHUSDC")).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoData { .. }), "{error}");
}

#[tokio::test]
async fn binance_gives_complete_bars_in_order_and_refuses_impossible_ones() {
    let server = Server::saying(&good("binance:bars")).await;
    let clock = SetClock::new().clock();
    let binance = Binance::new("binance", &settings(&server.base()), clock).unwrap();
    let hour = NOW.0 - NOW.0 % 3_600_000;
    let from = Timestamp(hour - 7_200_000);
    let bars = binance.bars("ETHUSDC", from).await.unwrap();
    let starts: Vec<i64> = bars.iter().map(|bar| bar.start.0).collect();
    assert_eq!(starts, [hour - 7_200_000, hour - 3_600_000]);
    let bar = bars[0];
    assert_eq!(
        (bar.open, bar.high, bar.low, bar.close),
        (3010.5, 3012.25, 3009.0, 3011.75)
    );
    assert!(
        server
            .last()
            .await
            .1
            .contains(&("startTime".into(), from.0.to_string()))
    );

    let bar = |start: i64, prices: &str, length: i64| {
        let end = start + length - 1;
        format!(r#"[{start},{prices},"1",{end},"1",1,"1","1","0"]"#)
    };
    let fine = r#""10","12","9","11""#;
    let under_way = bar(hour, fine, 3_600_000);
    server.say(&format!("[{under_way}]"));
    assert_eq!(binance.bars("ETHUSDC", from).await.unwrap(), []);
    let before = bar(hour - 3_600_000, fine, 3_600_000);
    for (wrong, what) in [
        (format!("[{under_way},{before}]"), "order"),
        (format!("[{before},{before}]"), "order"),
        (
            format!("[{}]", bar(hour - 1, fine, 3_600_000)),
            "begin and end",
        ),
        (format!("[{}]", bar(hour, fine, 60_000)), "begin and end"),
        (
            format!("[{}]", bar(hour, r#""10","10.5","9","11""#, 3_600_000)),
            "enclose",
        ),
        (
            format!("[{}]", bar(hour, r#""10","12","10.5","11""#, 3_600_000)),
            "enclose",
        ),
        (
            format!("[{}]", bar(hour, r#""10","12","11.5","11.7""#, 3_600_000)),
            "enclose",
        ),
    ] {
        server.say(&wrong);
        let error = binance.bars("ETHUSDC", from).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_symbol_that_binance_refuses_is_absent_and_the_others_are_there() {
    use wiremock::matchers::query_param;
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let server = MockServer::start().await;
    let refusal = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    for (symbol, answer) in [
        (
            "ETHUSDC",
            ResponseTemplate::new(200).set_body_string(good("binance")),
        ),
        ("NOPE", ResponseTemplate::new(400).set_body_string(refusal)),
    ] {
        let mock = Mock::given(query_param("symbol", symbol)).respond_with(answer);
        mock.mount(&server).await;
    }
    let clock = SetClock::new().clock();
    let binance = Binance::new("binance", &settings(&server.uri()), clock).unwrap();
    let mut symbols: BTreeMap<AssetId, String> = eth("ETHUSDC");
    symbols.insert("NOPE".into(), "NOPE".into());
    let prices = binance.prices(&symbols).await.unwrap();
    assert_eq!(seen(&prices, &eth_id()).value, PRICE);
    let absent = &prices[&"NOPE".into()];
    assert!(matches!(absent, Sighting::Absent { reason } if reason.contains("Invalid symbol")));
}

#[tokio::test]
async fn defillama_doubts_a_price_without_confidence() {
    let server = Server::saying(&good("defillama:prices")).await;
    let clock = SetClock::new().clock();
    let llama = LlamaPrices::new(&with_key(&server.base()), Bps(9000), clock).unwrap();
    let keys = eth("ethereum:0xABC");
    let price = seen(&llama.prices(&keys).await.unwrap(), &eth_id());
    assert_eq!((price.value, price.at), (PRICE, Timestamp(NOW.0 - 10_000)));
    assert_eq!(price.doubt, None);
    let path = server.last().await.0;
    assert_eq!(path, "/k3y-of-mine/prices/current/ethereum:0xABC");
    for low in ["0.89", "0", "null"] {
        server.say(&good("defillama:prices").replace("0.99", low));
        let price = seen(&llama.prices(&keys).await.unwrap(), &eth_id());
        assert!(price.doubt.unwrap().contains("confidence"));
    }
    for absurd in ["1.01", "-0.5"] {
        server.say(&good("defillama:prices").replace("0.99", absurd));
        assert!(llama.prices(&keys).await.is_err(), "{absurd}");
    }
}

#[tokio::test]
async fn defillama_gives_the_value_locked_to_the_micro_dollar() {
    let server = Server::saying("1234567.891234567").await;
    let clock = SetClock::new().clock();
    let llama = LlamaTvl::new(&settings(&server.base()), clock).unwrap();
    let slugs = one("aave", "aave-v3");
    let value = seen(&llama.values(&slugs).await.unwrap(), &"aave".to_owned());
    assert_eq!(value.value, Usd(1_234_567_891_234));
    assert_eq!(server.last().await.0, "/tvl/aave-v3");
    server.say("0");
    let value = seen(&llama.values(&slugs).await.unwrap(), &"aave".to_owned());
    assert_eq!(value.value, Usd::ZERO, "an empty protocol is news");
}

#[tokio::test]
async fn of_ten_megabytes_of_protocols_only_the_wanted_rows_are_read() {
    let row = good("defillama:protocols");
    let row = &row[1..row.len() - 1];
    // Rows that are wrong in every way, and none of our business.
    let other = format!(
        r#"{{"id":7,"name":null,"slug":"other","tvl":"x","chains":5,"rest":"{}"}},{{"slug":3}},null"#,
        "y".repeat(1000)
    );
    let body = format!("[{},{row},{other}]", vec![other.as_str(); 9_500].join(","));
    assert!(body.len() > 10_000_000);
    let server = Server::saying(&body).await;
    let clock = SetClock::new().clock();
    let mut settings = settings(&server.base());
    settings.fetch.max_body = airdrops_market::source::defillama::protocol_settings()
        .fetch
        .max_body;
    settings.fetch.timeout = std::time::Duration::from_secs(20);
    let llama = LlamaProtocols::new(&settings, clock).unwrap();
    let mut slugs = one("aave", "aave-v3");
    slugs.insert("gone".into(), "gone".into());
    let listings = llama.listings(&slugs).await.unwrap();
    let aave = seen(&listings, &"aave".to_owned()).value;
    assert_eq!((aave.id.as_str(), aave.name.as_str()), ("1599", "Aave V3"));
    assert_eq!(aave.tvl, Some(Usd(1_234_567_500_000)));
    let changes = (aave.change_1h, aave.change_1d, aave.change_7d);
    assert_eq!(changes, (Some(0.1), Some(-2.5), Some(7.25)));
    assert_eq!(aave.oracles, ["Chainlink"]);
    assert_eq!(aave.forked_from, ["Aave V2"]);
    assert_eq!(aave.chains, ["Ethereum", "Base"]);
    assert!(matches!(&listings["gone"], Sighting::Absent { .. }));
    server.say(r#"[{"id":"1","name":"\u001b[31mA\n\u202eB","slug":"aave-v3","tvl":null}]"#);
    let listings = llama.listings(&slugs).await.unwrap();
    let aave = seen(&listings, &"aave".to_owned()).value;
    assert_eq!(
        (aave.name.as_str(), aave.tvl, aave.oracles.len()),
        ("[31mA B", None, 0)
    );
    server.say(&format!("[{row},{row}]"));
    assert!(
        llama.listings(&slugs).await.is_err(),
        "two rows of one slug"
    );
}

#[tokio::test]
async fn deribit_gives_the_newest_point_of_its_index() {
    let point = |age: i64, close: &str| format!("[{},50,60,40,{close}]", NOW.0 - age);
    let server = Server::start().await;
    let clock = SetClock::new().clock();
    let deribit = Deribit::new("deribit:volatility", &settings(&server.base()), clock).unwrap();
    let points = [
        point(120_000, "51"),
        point(60_000, "55.754"),
        point(90_000, "52"),
    ];
    server.say(&format!(
        r#"{{"result":{{"data":[{}],"continuation":1}}}}"#,
        points.join(",")
    ));
    let index = seen(&deribit.volatility(&eth("ETH")).await.unwrap(), &eth_id());
    assert_eq!(
        (index.value, index.at),
        (VolPoints(5575), Timestamp(NOW.0 - 60_000))
    );
    let (path, query) = server.last().await;
    assert_eq!(path, "/public/get_volatility_index_data");
    let until = (NOW.0 + 60_000).to_string();
    assert!(
        query.contains(&("end_timestamp".into(), until)),
        "{query:?}"
    );
    for absurd in ["61", "39", "0", "-1", "1000.01"] {
        let wild = point(0, absurd).replace("60,40", "2000,-5");
        let narrow = point(0, absurd);
        let told = if ["61", "39"].contains(&absurd) {
            narrow
        } else {
            wild
        };
        server.say(&format!(r#"{{"result":{{"data":[{told}]}}}}"#));
        assert!(deribit.volatility(&eth("ETH")).await.is_err(), "{absurd}");
    }
}

#[tokio::test]
async fn deribit_s_too_many_requests_is_a_pause_whatever_the_status() {
    use wiremock::ResponseTemplate;
    let body = r#"{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests","data":{"wait":5}}}"#;
    for status in [200, 400, 429] {
        let server = Server::start().await;
        server.answer(ResponseTemplate::new(status).set_body_string(body));
        let clock = SetClock::new().clock();
        let deribit = Deribit::new("deribit:options", &settings(&server.base()), clock).unwrap();
        for _ in 0..2 {
            let error = deribit.options("ETH").await.unwrap_err();
            let paused = matches!(error.kind, ErrorKind::RateLimited { .. });
            assert!(paused, "{status}: {error}");
        }
        assert_eq!(server.requests().await.len(), 1);
    }
}

#[tokio::test]
async fn deribit_s_option_rows_keep_what_is_not_there_apart_from_zero() {
    let server = Server::saying(&good("deribit:options")).await;
    let clock = SetClock::new().clock();
    let deribit = Deribit::new("deribit:options", &settings(&server.base()), clock).unwrap();
    let chain = deribit.options("ETH").await.unwrap();
    assert_eq!(chain.at, Timestamp(NOW.0 - 5_000));
    let row = &chain.value[0];
    assert_eq!(row.instrument, "ETH-29DEC23-3000-C");
    assert_eq!((row.bid_price, row.ask_price), (Some(0.0505), Some(0.052)));
    assert_eq!(
        (row.mark_iv, row.underlying_price),
        (Some(56.5), Some(3015.5))
    );
    server.say(
        &good("deribit:options")
            .replace("0.0505", "null")
            .replace(r#""ask_price":0.052,"#, "")
            .replace("\"mark_price\":0.0512", "\"mark_price\":0"),
    );
    let chain = deribit.options("ETH").await.unwrap();
    let row = &chain.value[0];
    assert_eq!(
        (row.bid_price, row.ask_price, row.mark_price),
        (None, None, Some(0.0))
    );
    server.say(&good("deribit:options").replace("0.0505", "-0.01"));
    assert!(deribit.options("ETH").await.is_err());
}

#[tokio::test]
async fn what_goplus_does_not_say_is_unknown_and_not_no() {
    let server = Server::saying(&good("goplus")).await;
    let clock = SetClock::new().clock();
    let goplus = GoPlus::new(&settings(&server.base()), clock).unwrap();
    let tokens = BTreeSet::from([token()]);
    let known = goplus.tokens(ChainId(8453), &tokens).await.unwrap();
    let facts = seen(&known, &token()).value;
    assert_eq!(
        (facts.is_honeypot, facts.is_proxy),
        (Some(false), Some(true))
    );
    assert_eq!(
        (facts.buy_tax, facts.sell_tax),
        (Some(Bps(500)), Some(Bps(10)))
    );
    assert_eq!(facts.owner, Some(token()));
    let (path, query) = server.last().await;
    assert_eq!(path, "/api/v1/token_security/8453");
    assert_eq!(query, [("contract_addresses".to_owned(), TOKEN.to_owned())]);

    let said = |row: &str| format!(r#"{{"code":1,"message":"OK","result":{{"{TOKEN}":{row}}}}}"#);
    for unknown in [
        "{}",
        r#"{"is_honeypot":"","buy_tax":"","owner_address":""}"#,
        r#"{"is_honeypot":null,"buy_tax":null,"owner_address":null}"#,
    ] {
        server.say(&said(unknown));
        let known = goplus.tokens(ChainId(1), &tokens).await.unwrap();
        assert_eq!(
            seen(&known, &token()).value,
            Default::default(),
            "{unknown}"
        );
    }
    for wrong in [
        r#"{"is_honeypot":"2"}"#,
        r#"{"is_honeypot":"yes"}"#,
        r#"{"buy_tax":"1.5"}"#,
        r#"{"buy_tax":"-0.1"}"#,
        r#"{"owner_address":"0x12"}"#,
    ] {
        server.say(&said(wrong));
        let error = goplus.tokens(ChainId(1), &tokens).await.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Malformed { .. }), "{error}");
    }
    server.say(&good("goplus").replace("\"code\":1", "\"code\":2"));
    let known = goplus.tokens(ChainId(1), &tokens).await.unwrap();
    assert!(seen(&known, &token()).doubt.is_some(), "partial");
    server.say(r#"{"code":5000,"message":"system\u001b error"}"#);
    let error = goplus.tokens(ChainId(1), &tokens).await.unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::Refused {
            message: "system error (code 5000)".into()
        }
    );
    server.say(r#"{"code":4029,"message":"too many"}"#);
    let error = goplus.tokens(ChainId(1), &tokens).await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::RateLimited { .. }),
        "{error}"
    );
}

async fn incidents(body: &str) -> Vec<airdrops_types::Incident> {
    let server = Server::saying(body).await;
    let clock = SetClock::new().clock();
    let feed = IncidentFeed::new("rekt", &settings(&server.base()), words(), clock).unwrap();
    feed.incidents().await.unwrap()
}

#[tokio::test]
async fn rss_atom_and_json_feeds_become_incidents() {
    let at = Timestamp(NOW.0 - 900_000);
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>f</id><entry>
        <id>rekt-1</id><title>Aave v3 exploited for $5M</title>
        <updated>2023-11-14T22:00:00Z</updated><summary>x</summary></entry></feed>"#;
    let json = r#"{"version":"https://jsonfeed.org/version/1","title":"t","items":[{"id":"rekt-1",
        "title":"Aave v3 exploited for $5M","date_published":"2023-11-14T22:00:00Z",
        "content_text":"x"}]}"#;
    let rss = rss("<pubDate>Tue, 14 Nov 2023 22:00:00 GMT</pubDate>");
    for body in [atom, json, &rss] {
        let found = incidents(body).await;
        assert_eq!(found.len(), 1, "{body}");
        let incident = &found[0];
        assert_eq!(
            (incident.id.as_str(), incident.source.as_str()),
            ("rekt-1", "rekt")
        );
        assert_eq!((incident.at, incident.severity), (at, Severity::Critical));
        assert_eq!(incident.names, ["aave"]);
        assert_eq!(incident.title, "Aave v3 exploited for $5M");
    }
}

#[tokio::test]
async fn an_incident_is_never_later_than_its_receipt_and_its_text_is_tame() {
    for date in [
        "",
        "<pubDate>Tue, 14 Nov 2090 22:00:00 GMT</pubDate>",
        "<pubDate>soon</pubDate>",
    ] {
        assert_eq!(incidents(&rss(date)).await[0].at, NOW, "{date}");
    }
    let hostile = rss("").replace(
        "exploited",
        &format!("&#x202e;\n{} exploited", "z".repeat(5000)),
    );
    let title = &incidents(&hostile).await[0].title;
    assert!(title.chars().count() <= 200 && title.ends_with('…') && !title.contains('\u{202e}'));
}

#[tokio::test]
async fn what_names_nothing_and_alarms_nobody_is_left_out_and_floods_are_cut() {
    let item =
        |title: &str, id: usize| format!("<item><title>{title}</title><guid>{id}</guid></item>");
    let feed = |items: String| format!("<rss version=\"2.0\"><channel>{items}</channel></rss>");
    let calm = feed(item("Weekly news", 1) + &item("Aave listing", 2) + &item("Bridge outage", 3));
    let found = incidents(&calm).await;
    let by = |id: &str| found.iter().find(|incident| incident.id == id).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((by("2").severity, by("2").names.len()), (Severity::Info, 1));
    assert_eq!(
        (by("3").severity, by("3").names.len()),
        (Severity::Warning, 0)
    );
    let flood = feed((0..500).map(|id| item("Aave hacked", id)).collect());
    assert_eq!(incidents(&flood).await.len(), 100);
}

#[tokio::test]
async fn an_entry_without_id_has_the_same_id_each_time() {
    let body = rss("").replace("<guid>rekt-1</guid>", "");
    assert_eq!(incidents(&body).await[0].id, incidents(&body).await[0].id);
    let bare = body.replace("<link>https://example.com/1</link>", "");
    assert_eq!(incidents(&bare).await[0].id, incidents(&bare).await[0].id);
}

#[tokio::test]
async fn a_feed_that_would_overflow_its_parser_is_refused() {
    let groups = "<media:group>".repeat(4_000);
    let body = format!(
        "<rss version=\"2.0\" xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><item>\
         <title>x</title>{groups}"
    );
    let server = Server::saying(&body).await;
    let clock = SetClock::new().clock();
    let feed = IncidentFeed::new("rekt", &settings(&server.base()), words(), clock).unwrap();
    let error = feed.incidents().await.unwrap_err();
    assert!(error.to_string().contains("nested too deep"), "{error}");
    let bomb = "<!DOCTYPE rss [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>";
    server.say(
        &rss("")
            .replace("?>", &format!("?>{bomb}"))
            .replace("Aave", "Aave &b;"),
    );
    if let Ok(found) = feed.incidents().await {
        assert!(found.iter().all(|incident| incident.title.len() < 300));
    }
}

#[tokio::test]
async fn a_source_that_takes_no_key_refuses_one() {
    let settings = with_key("http://127.0.0.1:9");
    let clock = SetClock::new().clock();
    let errors = [
        GoPlus::new(&settings, clock.clone()).unwrap_err(),
        Deribit::new("deribit:options", &settings, clock.clone()).unwrap_err(),
        IncidentFeed::new("rekt", &settings, words(), clock).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("takes no key"), "{error}");
    }
}
