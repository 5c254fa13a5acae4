//! One table of lies, told by every source.

use std::time::Duration;

use airdrops_market::{ErrorKind, SourceError};
use airdrops_types::Timestamp;
use wiremock::ResponseTemplate;

use crate::server::{Server, Step, body_of, send, speaking};
use crate::subject::{CAP, Dated, NOW, Outcome, SetClock, subjects};

const DAY: Duration = Duration::from_secs(86_400);

/// The fresh values of an outcome.
pub(crate) fn fresh(outcome: &Result<Outcome, SourceError>) -> Vec<(&str, &str)> {
    let readings = outcome.iter().flatten();
    readings
        .filter_map(|(name, reading)| Some((name.as_str(), reading.fresh()?.as_str())))
        .collect()
}

/// Whether nothing in `lie` is fresh that the truth does not say.
pub(crate) fn says_nothing_new(
    lie: &Result<Outcome, SourceError>,
    truth: &Result<Outcome, SourceError>,
) -> bool {
    let truth = fresh(truth);
    fresh(lie).iter().all(|said| truth.contains(said))
}

#[tokio::test]
async fn every_source_is_read_in_its_recorded_shape() {
    for subject in subjects() {
        let server = Server::saying(&subject.good).await;
        let outcome = (subject.client)(&server.base(), &SetClock::new())().await;
        let readings = outcome.unwrap_or_else(|error| panic!("{error}"));
        assert!(!readings.is_empty(), "{}", subject.name);
        for (name, reading) in readings {
            assert!(
                reading.fresh().is_some(),
                "{} {name}: {reading:?}",
                subject.name
            );
        }
    }
}

/// Whether a kind of error is the right one.
type Expected = fn(&ErrorKind) -> bool;

/// What a server can do to any request, and the kind of error that must come of it.
fn wire_lies(good: &str) -> Vec<(&'static str, ResponseTemplate, Expected)> {
    let malformed: Expected = |kind| matches!(kind, ErrorKind::Malformed { .. });
    let nested = "[".repeat(20_000);
    let cut = good.len() * 3 / 4;
    vec![
        (
            "HTML",
            body_of(b"<!doctype html><html><body>Just a moment</body></html>"),
            malformed,
        ),
        ("nothing", body_of(b""), malformed),
        ("white space", body_of(b" \n "), malformed),
        ("half a body", body_of(&good.as_bytes()[..cut]), malformed),
        (
            "two bodies",
            body_of(format!("{good} {good}").as_bytes()),
            malformed,
        ),
        (
            "bytes that are no text",
            body_of(b"\xff\xfe\xfa\x00"),
            malformed,
        ),
        ("a string", body_of(b"\"ok\""), malformed),
        ("a boolean", body_of(b"true"), malformed),
        ("NaN", body_of(b"NaN"), malformed),
        (
            "brackets without end",
            body_of(nested.as_bytes()),
            malformed,
        ),
        (
            "a compressed body",
            body_of(b"\x1f\x8b\x08").insert_header("content-encoding", "gzip"),
            malformed,
        ),
        (
            "more than the cap",
            body_of(" ".repeat(CAP + 1).as_bytes()),
            |kind| *kind == ErrorKind::TooLarge { limit: CAP },
        ),
        ("500", ResponseTemplate::new(500), |kind| {
            *kind == ErrorKind::Status(500)
        }),
        ("404", ResponseTemplate::new(404), |kind| {
            *kind == ErrorKind::Status(404)
        }),
        (
            "a redirect",
            ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/"),
            |kind| *kind == ErrorKind::Status(302),
        ),
        (
            "a refusal in words",
            ResponseTemplate::new(401).set_body_string(r#"{"error":"no\nkey"}"#),
            |kind| {
                *kind
                    == ErrorKind::Refused {
                        message: "no key".into(),
                    }
            },
        ),
        (
            "429 with seconds",
            ResponseTemplate::new(429).insert_header("retry-after", "7"),
            |kind| {
                *kind
                    == ErrorKind::RateLimited {
                        until: Timestamp(NOW.0 + 7000),
                    }
            },
        ),
    ]
}

#[tokio::test]
async fn no_source_takes_what_is_not_an_answer() {
    for subject in subjects() {
        let server = Server::saying(&subject.good).await;
        for (lie, answer, expected) in wire_lies(&subject.good) {
            // A client of its own, because a pause outlasts its lie.
            let ask = (subject.client)(&server.base(), &SetClock::new());
            server.answer(answer);
            let outcome = ask().await;
            // Half of a bare number is a number, and a feed ends with its root element.
            if matches!(
                (subject.name, lie),
                ("defillama:tvl", "half a body") | ("rekt", "two bodies")
            ) {
                continue;
            }
            let multiple = matches!(subject.name, "binance" | "defillama:tvl");
            match outcome {
                // What refuses each of several things by itself has nothing in the end.
                Err(SourceError {
                    kind: ErrorKind::NoData { .. },
                    ..
                }) if multiple && lie == "a refusal in words" => {}
                Err(error) => {
                    assert_eq!(error.source, subject.name);
                    assert!(
                        expected(&error.kind),
                        "{} told {lie}: {error}",
                        subject.name
                    );
                    assert!(error.to_string().lines().count() == 1);
                    assert!(error.to_string().len() < 800, "{error}");
                }
                Ok(taken) => panic!("{} took {lie}: {taken:?}", subject.name),
            }
        }
    }
}

#[tokio::test]
async fn no_source_takes_what_has_nothing_in_it() {
    for subject in subjects() {
        let server = Server::start().await;
        let ask = (subject.client)(&server.base(), &SetClock::new());
        for empty in [
            "null",
            "{}",
            "[]",
            "0",
            r#"{"parsed":[]}"#,
            r#"{"coins":{}}"#,
            r#"{"result":[]}"#,
            r#"{"result":{"data":[]}}"#,
            r#"{"result":null}"#,
            r#"{"code":1,"result":{}}"#,
            r#"{"code":1,"result":null}"#,
            r#"{"ethereum":{}}"#,
            r#"{"ethereum":{"usd":null}}"#,
        ] {
            server.say(empty);
            let outcome = ask().await;
            let zero = subject.name == "defillama:tvl" && empty == "0";
            // An hour without a bar is no lie.
            let no_bars = subject.name == "binance:bars" && empty == "[]";
            let none = fresh(&outcome).is_empty() && (outcome.is_err() || no_bars);
            assert!(none || zero, "{} took {empty}: {outcome:?}", subject.name);
        }
    }
}

#[tokio::test]
async fn no_source_waits_for_dripping_bytes_or_believes_a_length() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let drip = vec![
        send(format!("{head}content-length: 1000\r\n\r\n[")),
        Step::Repeat(b" ".to_vec(), Duration::from_millis(20)),
    ];
    let silent = vec![Step::Wait(Duration::from_secs(60))];
    let endless = vec![
        send(format!("{head}transfer-encoding: chunked\r\n\r\n")),
        Step::Repeat(
            [b"4000\r\n".to_vec(), vec![b' '; 0x4000], b"\r\n".to_vec()].concat(),
            Duration::ZERO,
        ),
    ];
    let announced = vec![
        send(format!("{head}content-length: 99999999999\r\n\r\n[")),
        Step::Wait(Duration::from_secs(60)),
    ];
    let short = vec![send(format!("{head}content-length: 5000\r\n\r\n[]"))];
    let garbage = vec![send("SSH-2.0-OpenSSH_9.9\r\n")];
    let timeout: Expected = |kind| matches!(kind, ErrorKind::Timeout { .. });
    let too_large: Expected = |kind| matches!(kind, ErrorKind::TooLarge { .. });
    let broken: Expected = |kind| matches!(kind, ErrorKind::Connect(_));
    let servers = [
        ("bytes that drip", speaking(drip).await, timeout),
        ("silence", speaking(silent).await, timeout),
        ("chunks without end", speaking(endless).await, too_large),
        (
            "a length beyond the cap",
            speaking(announced).await,
            too_large,
        ),
        (
            "a length that is not reached",
            speaking(short).await,
            broken,
        ),
        ("another protocol", speaking(garbage).await, broken),
        ("nobody there", "http://127.0.0.1:9".to_owned(), broken),
    ];
    // All at once: each costs at most its time limit.
    let mut asked = tokio::task::JoinSet::new();
    for subject in subjects() {
        for (lie, base, expected) in &servers {
            let ask = (subject.client)(base, &SetClock::new());
            let (name, lie, expected) = (subject.name, *lie, *expected);
            asked.spawn(async move {
                let error = ask().await.expect_err(lie);
                assert!(expected(&error.kind), "{name} told {lie}: {error}");
            });
        }
    }
    asked.join_all().await;
}

#[tokio::test]
async fn every_source_keeps_still_until_it_may_speak_again() {
    for subject in subjects() {
        let server = Server::start().await;
        let clock = SetClock::new();
        let ask = (subject.client)(&server.base(), &clock);
        // 22:16:00 is a minute away.
        let date = "Tue, 14 Nov 2023 22:16:00 GMT";
        server.answer(ResponseTemplate::new(503).insert_header("retry-after", date));
        assert!(ask().await.is_err());
        server.say(&subject.good);
        clock.set(Timestamp(NOW.0 + 59_999));
        let error = ask().await.expect_err("before the end of the pause");
        let until = Timestamp(NOW.0 + 60_000);
        assert_eq!(
            error.kind,
            ErrorKind::RateLimited { until },
            "{}",
            subject.name
        );
        assert_eq!(server.requests().await.len(), 1, "{}", subject.name);
        clock.set(until);
        assert!(ask().await.is_ok(), "{}", subject.name);
    }
}

#[tokio::test]
async fn what_is_old_is_stale_and_what_is_dated_ahead_too() {
    for subject in subjects() {
        let server = Server::start().await;
        let clock = SetClock::new();
        let ask = (subject.client)(&server.base(), &clock);
        let old = "Tue, 14 Nov 2023 22:15:00 GMT";
        for header in ["x-nothing", "last-modified", "date"] {
            server.answer(body_of(subject.good.as_bytes()).insert_header(header, old));
            clock.set(NOW.plus(DAY));
            let outcome = ask().await;
            let dated = match subject.dated {
                Dated::BySource => true,
                Dated::ByAnswer => header != "x-nothing",
                Dated::History => false,
            };
            assert_eq!(
                fresh(&outcome).is_empty(),
                dated,
                "{} {header}: {outcome:?}",
                subject.name
            );
        }
        server.answer(body_of(subject.good.as_bytes()).insert_header("age", "86400"));
        clock.set(NOW);
        if subject.dated == Dated::ByAnswer {
            assert!(fresh(&ask().await).is_empty(), "{}", subject.name);
        }
        server.say(&subject.good);
        clock.set(NOW.minus(DAY));
        let ask = (subject.client)(&server.base(), &clock);
        let outcome = ask().await;
        match subject.dated {
            Dated::BySource => assert!(fresh(&outcome).is_empty(), "{}: {outcome:?}", subject.name),
            Dated::ByAnswer => {}
            Dated::History => {
                // Bars that have not ended are left out; an incident is not later than its receipt.
                for reading in outcome.unwrap().values() {
                    assert!(format!("{reading:?}").contains(&clock.now().0.to_string()));
                }
            }
        }
    }
}
