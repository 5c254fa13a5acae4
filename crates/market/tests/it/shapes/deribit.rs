//! Deribit.

use airdrops_market::ErrorKind;
use airdrops_market::source::deribit::Deribit;
use airdrops_types::{Timestamp, VolPoints};

use super::{eth_id, good, seen};
use crate::server::Server;
use crate::subject::{NOW, SetClock, eth, settings};

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
