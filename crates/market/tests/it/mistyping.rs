//! Wrong types and absurd numbers, at every place of every source's answer.

use airdrops_market::ErrorKind;
use serde_json::Value;

use crate::lying::{fresh, says_nothing_new};
use crate::server::Server;
use crate::subject::{SetClock, Subject, TOKEN, subjects};

/// The places of all leaves of `value`.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                leaves(inner, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                leaves(inner, &format!("{place}/{index}"), found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

/// `good` with the text `lie` at `place`, whether or not that is JSON.
fn with_lie(good: &Value, place: &str, lie: &str) -> String {
    let mut told = good.clone();
    *told.pointer_mut(place).unwrap() = Value::from("@lie@");
    told.to_string().replace("\"@lie@\"", lie)
}

fn read_places(subject: &Subject) -> Vec<String> {
    let full = |place: &&str| place.replace("TOKEN", TOKEN);
    let mut places: Vec<String> = subject.read.iter().map(full).collect();
    places.sort();
    places
}

#[tokio::test]
async fn a_wrong_type_anywhere_is_refused_and_says_nothing_new() {
    for subject in subjects() {
        let Ok(good) = serde_json::from_str::<Value>(&subject.good) else {
            assert_eq!(subject.name, "rekt", "only feeds are not JSON");
            continue;
        };
        let server = Server::saying(&good.to_string()).await;
        let ask = (subject.client)(&server.base(), &SetClock::new());
        let truth = ask().await;
        let mut places = Vec::new();
        leaves(&good, "", &mut places);
        let mut read = Vec::new();
        for place in places {
            server.say(&with_lie(&good, &place, "{}"));
            let outcome = ask().await;
            if fresh(&outcome) == fresh(&truth) {
                continue;
            }
            read.push(place.clone());
            let leaf = good.pointer(&place).unwrap();
            let other_type = match leaf {
                Value::Number(number) => format!("\"{number}\""),
                Value::String(text) => match text.parse::<f64>() {
                    Ok(_) => text.clone(),
                    Err(_) => "1".to_owned(),
                },
                _ => "1".to_owned(),
            };
            for lie in [
                other_type.as_str(),
                "{}",
                "[]",
                "true",
                "[1]",
                "1e400",
                "nul",
                "-",
            ] {
                server.say(&with_lie(&good, &place, lie));
                let outcome = ask().await;
                let refused = match &outcome {
                    Err(error) => matches!(
                        error.kind,
                        ErrorKind::Malformed { .. } | ErrorKind::NoData { .. }
                    ),
                    Ok(_) => false,
                };
                assert!(
                    refused,
                    "{} with {lie} at {place}: {outcome:?}",
                    subject.name
                );
            }
            // Null is a missing value where the source documents it, and never another one.
            server.say(&with_lie(&good, &place, "null"));
            let outcome = ask().await;
            let said = format!("{:?}", fresh(&outcome));
            let unknown =
                said.is_empty() || said.contains("None") || says_nothing_new(&outcome, &truth);
            assert!(
                unknown,
                "{} with null at {place}: {outcome:?}",
                subject.name
            );
        }
        read.sort();
        assert_eq!(
            read,
            read_places(&subject),
            "{}: what is read",
            subject.name
        );
    }
}

#[tokio::test]
async fn negative_and_absurd_numbers_are_refused() {
    for subject in subjects() {
        let Ok(good) = serde_json::from_str::<Value>(&subject.good) else {
            continue;
        };
        let server = Server::start().await;
        let ask = (subject.client)(&server.base(), &SetClock::new());
        for place in subject.positive {
            let quoted = good.pointer(place).unwrap().is_string();
            let numbers = [
                "-1",
                "-0.0001",
                "0",
                "-0",
                "1e300",
                "1e30",
                "-1e300",
                "1e-300",
                "NaN",
                "inf",
                "-Infinity",
                "0x10",
                "1_000",
                "1,5",
                " 1",
                "+1",
                ".5",
                "",
            ];
            for number in numbers {
                let lie = if quoted {
                    format!("\"{number}\"")
                } else {
                    number.to_owned()
                };
                let nothing = ["0", "-0", "1e-300"].contains(&number);
                if subject.zero && nothing {
                    continue;
                }
                if !quoted && number == " 1" {
                    continue;
                }
                server.say(&with_lie(&good, place, &lie));
                let outcome = ask().await;
                let error = outcome.expect_err(&format!("{} took {lie} at {place}", subject.name));
                let refused = matches!(error.kind, ErrorKind::Malformed { .. });
                assert!(refused, "{} told {lie} at {place}: {error}", subject.name);
            }
        }
    }
}
