//! DefiLlama.

use airdrops_market::Sighting;
use airdrops_market::source::defillama::{LlamaPrices, LlamaProtocols, LlamaTvl};
use airdrops_types::{Bps, Timestamp, Usd};

use super::{PRICE, eth_id, good, seen, with_key};
use crate::server::Server;
use crate::subject::{NOW, SetClock, eth, one, settings};

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
