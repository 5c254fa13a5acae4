//! Prices of Pyth, CoinGecko and Binance, and its bars.

use std::collections::BTreeMap;

use airdrops_market::source::binance::Binance;
use airdrops_market::source::coingecko::{CoinGecko, Plan};
use airdrops_market::source::deribit::Deribit;
use airdrops_market::source::goplus::GoPlus;
use airdrops_market::source::incident_feed::IncidentFeed;
use airdrops_market::source::pyth::Pyth;
use airdrops_market::{ErrorKind, Sighting};
use airdrops_types::{AssetId, Bps, Price, Timestamp};

use super::{PRICE, eth_id, good, seen, with_key};
use crate::server::Server;
use crate::subject::{FEED, MAX_AGE, NOW, SetClock, eth, feed_id, settings, words};

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
