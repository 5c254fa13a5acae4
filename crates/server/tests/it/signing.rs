//! Signatures, and what can be wrong with the webhooks as configured.

use airdrops_server::signature::{Signature, sign};
use airdrops_server::{WebhookDefect, Webhooks};
use airdrops_types::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;

use crate::{NOW, OTHER_SECRET, SECRET, hooks};

/// Made with Python's `hmac`.
const CODE: &str = "bb7fdbc064d264bfcf0b6372a4fc9f49d60853bb758a8f3a0f2e84bad14f7ce1";

#[test]
fn a_signature_is_the_hmac_of_time_delivery_and_body() {
    let signed = sign(&SECRET.into(), Timestamp(NOW), "d-1", br#"{"a":1}"#).unwrap();
    assert_eq!(signed, format!("t=1772409600,v1={CODE}"));
    let signature = Signature::parse(&signed).unwrap();
    assert!(signature.is_of(&SECRET.into(), "d-1", br#"{"a":1}"#));
    assert!(!signature.is_of(&OTHER_SECRET.into(), "d-1", br#"{"a":1}"#));
    assert!(!signature.is_of(&SECRET.into(), "d-2", br#"{"a":1}"#));
    assert!(!signature.is_of(&SECRET.into(), "d-1", br#"{"a": 1}"#));
    let later = Signature::parse(&format!("t=1772409601,v1={CODE}")).unwrap();
    assert!(!later.is_of(&SECRET.into(), "d-1", br#"{"a":1}"#));
}

#[test]
fn any_of_several_signatures_fits_while_a_secret_is_changed() {
    let zeros = "0".repeat(64);
    for header in [
        format!("v1={zeros},t=1772409600, v1={CODE}"),
        format!("t=1772409600,v1={},v0=x", CODE.to_uppercase()),
    ] {
        assert!(
            Signature::parse(&header)
                .unwrap()
                .is_of(&SECRET.into(), "d-1", br#"{"a":1}"#),
            "{header}"
        );
    }
}

#[test]
fn what_is_no_signature_is_none() {
    let long = format!("t=1,v1={CODE}{}", format!(",v1={CODE}").repeat(8));
    let five = format!("t=1{}", format!(",v1={CODE}").repeat(5));
    let short = format!("t=1,v1={}", &CODE[1..]);
    let signed = format!("t=+1,v1={CODE}");
    let twice = format!("t=1,t=1,v1={CODE}");
    let huge = format!("t=99999999999999999999,v1={CODE}");
    let timeless = format!("v1={CODE}");
    let not_hex = format!("t=1,v1=g{}", &CODE[1..]);
    let wide = format!("t=1,v1=é{}", &CODE[2..]);
    for header in [
        "", "t=1", "t=,v1=", "hello", &long, &five, &short, &signed, &twice, &huge, &timeless,
        &not_hex, &wide,
    ] {
        assert_eq!(Signature::parse(header), None, "{header}");
    }
}

#[test]
fn no_secret_and_no_code_is_shown() {
    let signature = Signature::parse(&format!("t=1,v1={CODE}")).unwrap();
    let shown = format!("{:?} {signature:?}", hooks());
    assert!(
        !shown.contains("canary") && !shown.contains(&CODE[..8]),
        "{shown}"
    );
    assert!(shown.contains("deploy"));
}

#[test]
fn webhooks_that_are_not_safe_are_refused_with_a_remedy() {
    let of = |hooks: &[(&str, &str)]| {
        let hooks = hooks
            .iter()
            .map(|(name, secret)| ((*name).to_owned(), SecretString::from(*secret)));
        Webhooks::new(hooks.collect::<Vec<_>>())
            .map(drop)
            .unwrap_err()
    };
    assert_eq!(
        of(&[("a/b", SECRET)]),
        WebhookDefect::Name("a/b".to_owned())
    );
    assert_eq!(
        of(&[("a", SECRET), ("b", SECRET)]),
        WebhookDefect::SameSecret("a".to_owned(), "b".to_owned())
    );
    for secret in [SECRET, OTHER_SECRET] {
        assert_eq!(
            of(&[("a", SECRET), ("a", secret)]),
            WebhookDefect::Duplicate("a".to_owned())
        );
    }
    let short = of(&[("a", &SECRET[1..])]);
    assert_eq!(
        short,
        WebhookDefect::ShortSecret {
            name: "a".to_owned(),
            bytes: 31
        }
    );
    assert!(short.to_string().contains("openssl rand -hex 32"));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(header in ".{0,200}", seconds in any::<u64>(), code in "[0-9a-fA-F]{64}", now in any::<i64>()) {
        let odd = Signature::parse(&header);
        prop_assert!(odd.is_none_or(|odd| !odd.is_of(&SECRET.into(), "d", b"")));
        let signature = Signature::parse(&format!("t={seconds},v1={code}")).unwrap();
        let off = (i128::from(seconds) * 1_000 - i128::from(now)).abs();
        prop_assert_eq!(signature.is_timely(Timestamp(now)), off <= 300_000);
    }
}
