//! GoPlus.

use airdrops_market::ErrorKind;
use airdrops_market::source::goplus::{GoPlus, TokenSecurity};
use airdrops_types::{Bps, ChainId, TokenDanger};
use std::collections::BTreeSet;

use super::{good, seen};
use crate::server::Server;
use crate::subject::{SetClock, TOKEN, settings, token};

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

#[test]
fn dangers_have_names_and_what_is_not_said_is_listed_as_unknown() {
    use TokenDanger::{ClosedSource, HighTax, Honeypot, Proxy};
    let nothing = TokenSecurity::default().findings();
    assert_eq!((nothing.dangers.len(), nothing.unknown.len()), (0, 13));
    let of = |security: TokenSecurity| security.findings();
    let bad = of(TokenSecurity {
        is_honeypot: Some(true),
        is_open_source: Some(false),
        is_proxy: Some(false),
        sell_tax: Some(Bps(1000)),
        ..TokenSecurity::default()
    });
    assert_eq!(
        bad.dangers,
        BTreeSet::from([Honeypot, HighTax, ClosedSource])
    );
    assert!(!bad.unknown.contains(&Proxy) && bad.unknown.len() == 9);
    for (buy, sell, high) in [(Some(999), None, None), (Some(999), Some(0), Some(false))] {
        let taxed = of(TokenSecurity {
            buy_tax: buy.map(Bps),
            sell_tax: sell.map(Bps),
            ..TokenSecurity::default()
        });
        assert!(!taxed.dangers.contains(&HighTax));
        assert_eq!(taxed.unknown.contains(&HighTax), high.is_none());
    }
}
