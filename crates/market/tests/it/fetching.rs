//! The guarded way to the outside.

use std::time::Duration;

use airdrops_market::{ApiKey, ErrorKind, FetchPolicy, Fetcher, KeyUse, RateLimit, Request};
use airdrops_types::Timestamp;
use wiremock::ResponseTemplate;

use crate::server::{Server, body_of, send, speaking};
use crate::subject::{CAP, NOW, SetClock, TIMEOUT};

const POLICY: FetchPolicy = FetchPolicy {
    timeout: TIMEOUT,
    connect_timeout: TIMEOUT,
    max_body: CAP,
    rate: RateLimit {
        burst: 3,
        per: Duration::from_secs(30),
    },
    cache_ttl: Duration::ZERO,
};

const SECRET: &str = "s3cr3t-k3y";

fn fetcher(base: &str, key_use: Option<KeyUse>, policy: FetchPolicy, clock: &SetClock) -> Fetcher {
    let key = key_use.map(|key_use| (key_use, ApiKey::new(SECRET)));
    Fetcher::new("test", base, key, policy, clock.clock()).unwrap()
}

fn request() -> Request {
    Request::path(["a"]).with("b", "c d")
}

#[tokio::test]
async fn over_its_rate_limit_a_source_is_not_asked() {
    let server = Server::saying("1").await;
    let clock = SetClock::new();
    let fetcher = fetcher(&server.base(), None, POLICY, &clock);
    for _ in 0..3 {
        fetcher.get(&request()).await.unwrap();
    }
    let error = fetcher.get(&request()).await.unwrap_err();
    let until = Timestamp(NOW.0 + 10_000);
    assert_eq!(error.kind, ErrorKind::RateLimited { until });
    assert_eq!(server.requests().await.len(), 3);
    clock.set(until);
    fetcher.get(&request()).await.unwrap();
    assert!(fetcher.get(&request()).await.is_err());
}

#[tokio::test]
async fn failures_count_toward_the_rate_limit() {
    let server = Server::start().await;
    let fetcher = fetcher(&server.base(), None, POLICY, &SetClock::new());
    for _ in 0..10 {
        fetcher.get(&request()).await.unwrap_err();
    }
    assert_eq!(server.requests().await.len(), 3);
}

#[tokio::test]
async fn the_same_request_within_the_cache_s_life_is_not_sent() {
    let server = Server::saying("1").await;
    let clock = SetClock::new();
    let policy = FetchPolicy {
        cache_ttl: Duration::from_secs(5),
        ..POLICY
    };
    let fetcher = fetcher(&server.base(), None, policy, &clock);
    let first = fetcher.get(&request()).await.unwrap();
    server.say("2");
    clock.set(Timestamp(NOW.0 + 4_999));
    assert_eq!(fetcher.get(&request()).await.unwrap(), first);
    assert_eq!(first.received, NOW);
    let other = Request::path(["a"]).with("b", "other");
    assert_eq!(fetcher.get(&other).await.unwrap().body, b"2");
    clock.set(Timestamp(NOW.0 + 5_000));
    assert_eq!(fetcher.get(&request()).await.unwrap().body, b"2");
    assert_eq!(server.requests().await.len(), 3);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_lengthen_cache_or_pause() {
    let server = Server::saying("1").await;
    let clock = SetClock::new();
    let policy = FetchPolicy {
        cache_ttl: Duration::from_secs(5),
        ..POLICY
    };
    let fetcher = fetcher(&server.base(), None, policy, &clock);
    fetcher.get(&request()).await.unwrap();
    server.say("2");
    let day = 86_400_000;
    clock.set(Timestamp(NOW.0 - day));
    // One refill of the rate limit, and no more.
    let error = fetcher.get(&request()).await.unwrap_err();
    let until = Timestamp(clock.now().0 + 10_000);
    assert_eq!(error.kind, ErrorKind::RateLimited { until });
    clock.set(until);
    assert_eq!(fetcher.get(&request()).await.unwrap().body, b"2");
    server.answer(ResponseTemplate::new(429).insert_header("retry-after", "3000"));
    clock.set(Timestamp(NOW.0 + day));
    fetcher.get(&request()).await.unwrap_err();
    clock.set(NOW);
    let error = fetcher.get(&request()).await.unwrap_err();
    // The longest pause, and not a day.
    let until = Timestamp(NOW.0 + 3_600_000);
    assert_eq!(error.kind, ErrorKind::RateLimited { until });
}

#[tokio::test]
async fn a_pause_is_honoured_to_the_millisecond_and_bounded() {
    for (header, seconds) in [("120", 120), ("0", 1), ("31536000", 3600), ("soon", 60)] {
        let server = Server::start().await;
        let clock = SetClock::new();
        let fetcher = fetcher(&server.base(), None, POLICY, &clock);
        server.answer(ResponseTemplate::new(429).insert_header("retry-after", header));
        let until = Timestamp(NOW.0 + seconds * 1000);
        let expected = ErrorKind::RateLimited { until };
        assert_eq!(fetcher.get(&request()).await.unwrap_err().kind, expected);
        server.say("1");
        clock.set(Timestamp(until.0 - 1));
        assert_eq!(fetcher.get(&request()).await.unwrap_err().kind, expected);
        assert_eq!(server.requests().await.len(), 1);
        clock.set(until);
        fetcher.get(&request()).await.unwrap();
    }
}

#[tokio::test]
async fn redirects_are_not_followed_and_carry_no_key_away() {
    let elsewhere = Server::saying("1").await;
    let server = Server::start().await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status);
        server.answer(answer.insert_header("location", elsewhere.base().as_str()));
        let key_use = Some(KeyUse::Header("x-key"));
        let fetcher = fetcher(&server.base(), key_use, POLICY, &SetClock::new());
        let error = fetcher.get(&request()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Status(status));
        assert!(error.to_string().contains("redirects are not followed"));
    }
    assert_eq!(elsewhere.requests().await.len(), 0);
}

#[tokio::test]
async fn no_key_and_no_query_in_any_error_or_debug_text() {
    let server = Server::start().await;
    let echo = format!(r#"{{"error":"bad key {SECRET} given"}}"#);
    let wrong = format!(r#"{{"x":"{SECRET}"}}"#);
    let hangs_up = speaking(vec![send("")]).await;
    let uses = [
        KeyUse::Bearer,
        KeyUse::Header("x-key"),
        KeyUse::Query("apikey"),
        KeyUse::Path,
    ];
    for key_use in uses {
        for base in [server.base(), hangs_up.clone(), "http://127.0.0.1:9".into()] {
            let policy = FetchPolicy {
                cache_ttl: Duration::from_secs(5),
                rate: RateLimit {
                    burst: 9,
                    per: Duration::from_secs(1),
                },
                ..POLICY
            };
            let fetcher = fetcher(&base, Some(key_use), policy, &SetClock::new());
            let mut texts = vec![format!("{fetcher:?}"), format!("{:?}", ApiKey::new(SECRET))];
            server.answer(ResponseTemplate::new(403).set_body_string(echo.clone()));
            let refused = fetcher.get(&request()).await.unwrap_err();
            texts.extend([refused.to_string(), format!("{refused:?}")]);
            server.say(&wrong);
            if let Ok(answer) = fetcher.get(&request()).await {
                let error = fetcher.parse::<std::collections::BTreeMap<String, u8>>(&answer);
                texts.push(format!("{answer:?}"));
                texts.push(error.unwrap_err().to_string());
            }
            for text in texts {
                assert!(!text.contains(SECRET), "{text}");
                assert!(!text.contains("apikey=") && !text.contains("c+d"), "{text}");
            }
        }
    }
    // The key does arrive.
    let requests = server.requests().await;
    let arrived = |used: fn(&wiremock::Request) -> bool| requests.iter().any(used);
    assert!(arrived(|request| request
        .headers
        .get("x-key")
        .is_some_and(|key| key == SECRET)));
    assert!(arrived(|request| request
        .url
        .query()
        .unwrap()
        .contains("apikey=s3cr3t-k3y")));
    assert!(arrived(|request| request
        .url
        .path()
        .starts_with("/s3cr3t-k3y/")));
}

#[tokio::test]
async fn an_answer_without_date_of_its_own_is_as_old_as_its_headers_say() {
    let server = Server::start().await;
    let fetcher = fetcher(&server.base(), None, POLICY, &SetClock::new());
    let at = |seconds: i64| Timestamp(NOW.0 - seconds * 1000);
    for (name, value, expected) in [
        ("x-nothing", "1", NOW),
        ("last-modified", "Tue, 14 Nov 2023 22:14:00 GMT", at(60)),
        ("date", "Tue, 14 Nov 2023 22:14:30 GMT", at(30)),
        // Written ahead of our clock: no younger than receipt.
        ("date", "Tue, 14 Nov 2090 22:14:30 GMT", NOW),
        ("last-modified", "yesterday", NOW),
    ] {
        server.answer(body_of(b"1").insert_header(name, value));
        let policy = FetchPolicy {
            rate: RateLimit {
                burst: 99,
                per: Duration::from_secs(1),
            },
            ..POLICY
        };
        let again = crate::fetching::fetcher(&server.base(), None, policy, &SetClock::new());
        assert_eq!(
            again.get(&request()).await.unwrap().as_of,
            expected,
            "{name}: {value}"
        );
    }
    let dated = body_of(b"1").insert_header("date", "Tue, 14 Nov 2023 22:15:00 GMT");
    server.answer(dated.insert_header("age", "90"));
    assert_eq!(fetcher.get(&request()).await.unwrap().as_of, at(90));
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_an_error_without_the_key() {
    let key = ApiKey::new("one\ntwo");
    let clock = SetClock::new().clock();
    let made = Fetcher::new(
        "test",
        "https://x.io",
        Some((KeyUse::Bearer, key)),
        POLICY,
        clock,
    );
    let error = made.unwrap_err().to_string();
    assert!(
        error.contains("no header can carry") && !error.contains("two"),
        "{error}"
    );
}
