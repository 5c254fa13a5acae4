//! `[strategy]` and `[[opportunity]]` of the configuration file.

use std::path::Path;
use std::time::Duration;

use airdrops::config::{ConfigError, Loaded, read, summary};
use airdrops_allocation::estimate::{Rule, Worth};
use airdrops_types::{Bps, ProtocolId, Timestamp};

const EVERY_KEY: &str = include_str!("every-key.toml");

/// The example with opportunities in place of its weights.
fn file(strategy: &str, opportunities: &str) -> String {
    let from = EVERY_KEY.find("[[allocation]]").unwrap();
    let rest = &EVERY_KEY[from + 1..];
    let to = rest.find("\n[").map_or(EVERY_KEY.len(), |to| from + 1 + to);
    format!(
        "{}{strategy}\n{opportunities}\n{}",
        &EVERY_KEY[..from],
        &EVERY_KEY[to..]
    )
}

fn load(text: &str) -> Result<Loaded, ConfigError> {
    read("airdrops.toml", text.to_owned(), Path::new(""), &|_| None)
}

fn mistakes(strategy: &str, opportunities: &str) -> String {
    let text = file(strategy, opportunities);
    load(&text).expect_err("the text has mistakes").to_string()
}

const VAULT: &str = "[[opportunity]]\nprotocol = \"aerie\"\n";

#[test]
fn beliefs_and_the_mandate_are_read_and_the_rest_has_defaults() {
    let strategy = "[strategy]\nname = \"kelly\"\nhorizon = \"60d\"\nscenarios = 500\nreserve = \"20%\"\n\
                    min_position = \"2%\"\nmax_positions = 4\nkelly_fraction = \"50%\"\ndrawdown = \"25%\"\n\
                    drawdown_chance = \"5%\"\nexploration = \"1%\"\nrisk_aversion = 5\ndrift = \"3%\"\n\
                    every = \"2d\"\n";
    let belief = "[[opportunity]]\nprotocol = \"aerie\"\ncategory = \"lending\"\ndrop = \"35%\"\n\
                  confidence = \"60%\"\nexpected_in = \"120d\"\nsince = 2026-01-01T00:00:00Z\n\
                  eligible = \"70%\"\nrule = \"pro-rata\"\nfdv = \"$1000000000\"\nothers = \"$50000000\"\n\
                  share = \"7%\"\nlockup = \"30d\"\nyield = \"4%\"\nforgone = \"1%\"\ngas = \"$7\"\n\
                  slippage = \"0.2%\"\nhazard = \"3%\"\nmean_position = \"$3000\"\n";
    let loaded = load(&file(strategy, belief)).unwrap_or_else(|error| panic!("{error}"));
    let planning = loaded.settings.planning.as_ref().unwrap();
    let mandate = &planning.mandate;
    assert_eq!(mandate.strategy, "kelly");
    assert!((mandate.horizon - 60.0 / (365.25 / 12.0)).abs() < 1e-9);
    assert_eq!(
        (mandate.reserve, mandate.min_position),
        (Bps(2_000), Bps(200))
    );
    assert_eq!(mandate.drawdown, Some((Bps(7_500), Bps(500))));
    assert_eq!(mandate.fraction, Some(Bps(5_000)));
    assert_eq!(planning.triggers.drift, Bps(300));
    assert_eq!(planning.triggers.interval, Duration::from_secs(2 * 86_400));
    let stance = &planning.opportunities[0];
    assert_eq!(stance.since, Some(Timestamp(1_767_225_600_000)));
    let opinion = stance.drop.unwrap();
    assert!((opinion.said - 0.35).abs() < 1e-12 && (opinion.confidence - 0.6).abs() < 1e-12);
    assert_eq!(stance.opportunity.rule, Rule::ProRata);
    assert!(matches!(stance.opportunity.worth, Worth::Pool { .. }));
    assert!((stance.opportunity.hazard.own - 0.03).abs() < 1e-12);
    assert!(loaded.settings.weights.is_empty());
    let text = summary::text(&loaded);
    assert!(
        text.contains("kelly") && text.contains("aerie: drop 35 %"),
        "{text}"
    );

    let plain = load(&file("", VAULT)).unwrap_or_else(|error| panic!("{error}"));
    let planning = plain.settings.planning.unwrap();
    assert_eq!(planning.mandate.strategy, "airdrop-kelly");
    assert_eq!(planning.opportunities[0].drop, None, "what is learnt");
    assert_eq!(
        planning.opportunities[0].opportunity.id,
        ProtocolId::from("aerie")
    );
}

#[test]
fn what_contradicts_itself_is_a_mistake_at_its_place() {
    let twice = format!("{VAULT}\n{VAULT}");
    for (strategy, opportunities, needle) in [
        ("[strategy]\nname = \"kelly\"\n", "", "no [[opportunity]]"),
        (
            "[strategy]\nname = \"martingale\"\n",
            VAULT,
            "airdrop-kelly",
        ),
        ("", twice.as_str(), "two opportunities"),
        (
            "",
            "[[opportunity]]\nprotocol = \"nowhere\"\n",
            "unknown protocol `nowhere`",
        ),
        (
            "",
            "[[opportunity]]\nprotocol = \"aerie\"\nfdv = \"$1000000\"\n",
            "needs `others`",
        ),
        (
            "",
            "[[opportunity]]\nprotocol = \"aerie\"\nshare = \"7%\"\n",
            "needs `fdv` and `others`",
        ),
        (
            "",
            "[[opportunity]]\nprotocol = \"aerie\"\ndrop = \"135%\"\n",
            "99.99 %",
        ),
    ] {
        let told = mistakes(strategy, opportunities);
        assert!(told.contains(needle), "{needle}: {told}");
        assert!(told.contains("airdrops.toml:"), "{told}");
    }
    let both = format!("{EVERY_KEY}\n{VAULT}");
    let told = load(&both).expect_err("both").to_string();
    assert!(told.contains("keep one of the two"), "{told}");
}
