#![allow(clippy::unwrap_used)]
use super::*;

pub(super) fn usd(micros: u128) -> Price {
    Price(micros * 1_000_000)
}

pub(super) fn fresh(source: &str, micros: u128, at: i64) -> Quote {
    Quote {
        source: source.to_owned(),
        price: Reading::Fresh {
            value: usd(micros),
            at: Timestamp(at),
        },
    }
}

pub(super) fn stale(source: &str, micros: u128, at: i64) -> Quote {
    Quote {
        source: source.to_owned(),
        price: Reading::Stale {
            value: usd(micros),
            at: Timestamp(at),
            reason: "old".to_owned(),
        },
    }
}

fn missing(source: &str) -> Quote {
    Quote {
        source: source.to_owned(),
        price: Reading::missing("down"),
    }
}

fn decide(quotes: &[Quote]) -> Reading<Price> {
    consensus(quotes, &ConsensusRule::default())
}

fn reason(reading: &Reading<Price>) -> &str {
    match reading {
        Reading::Fresh { .. } => "",
        Reading::Stale { reason, .. } | Reading::Missing { reason } => reason,
    }
}

fn standing_of<'a>(report: &'a Consensus, source: &str) -> &'a SourceStanding {
    let found = report.sources.iter().find(|found| found.source == source);
    &found.unwrap().standing
}

#[test]
fn two_sources_within_the_bound_give_their_mean_as_old_as_the_older() {
    let reading = decide(&[fresh("a", 2_000_000, 50), fresh("b", 2_000_005, 40)]);
    // The odd micro-dollar is kept: prices have twelve decimals.
    assert_eq!(
        reading,
        Reading::Fresh {
            value: Price(2_000_002_500_000),
            at: Timestamp(40)
        }
    );
    let odd = middle(&[Price(2), Price(5)]);
    assert_eq!(odd, Some(Price(3)), "the mean is rounded down");
}

#[test]
fn the_bound_itself_still_agrees_and_one_unit_more_does_not() {
    let at_bound = [fresh("a", 1_000_000, 1), fresh("b", 1_010_000, 1)];
    assert!(decide(&at_bound).fresh().is_some());
    let beyond = [fresh("a", 1_000_000, 1), fresh("b", 1_010_001, 1)];
    let reading = decide(&beyond);
    assert_eq!(reading.last_known(), Some(&Price(1_005_000_500_000)));
    assert!(
        reason(&reading).contains("within 1 %: a $1.00, b $1.010001"),
        "{reading:?}"
    );
    let wider = ConsensusRule {
        max_deviation: Bps(101),
        ..ConsensusRule::default()
    };
    assert!(consensus(&beyond, &wider).fresh().is_some());
}

#[test]
fn a_lone_source_is_stale_and_named() {
    let report = consensus_report(
        &[fresh("pyth", 5_000_000, 7), missing("coingecko")],
        &ConsensusRule::default(),
    );
    let reading = &report.reading;
    assert_eq!(
        *reading,
        Reading::Stale {
            value: usd(5_000_000),
            at: Timestamp(7),
            reason: "1 of at least 2 fresh sources: pyth $5.00".to_owned(),
        }
    );
    let price = usd(5_000_000);
    assert_eq!(
        *standing_of(&report, "pyth"),
        SourceStanding::Undecided { price }
    );
    assert_eq!(
        *standing_of(&report, "coingecko"),
        SourceStanding::Missing {
            reason: "down".to_owned()
        }
    );
}

#[test]
fn feeds_of_one_operator_are_one_voice() {
    for other in ["chainlink:base:ETH", "chainlink", " Chainlink :op"] {
        let quotes = [
            fresh("chainlink:mainnet:ETH", 2_000_000, 1),
            fresh(other, 2_000_000, 1),
        ];
        assert_eq!(decide(&quotes).fresh(), None, "{other}");
    }
    // Its median, and as old as its oldest feed.
    let quotes = [
        fresh("chainlink:a", 1_000_000, 9),
        fresh("chainlink:b", 1_002_000, 3),
        fresh("chainlink:c", 9_000_000, 8),
        fresh("pyth", 1_004_000, 5),
    ];
    assert_eq!(
        decide(&quotes),
        Reading::Fresh {
            value: usd(1_003_000),
            at: Timestamp(3)
        }
    );
}

#[test]
fn an_outlier_among_three_is_named_and_does_not_date_the_price() {
    let report = consensus_report(
        &[
            fresh("liar", 3_000_000, 1),
            fresh("a", 1_000_000, 20),
            fresh("b", 1_001_000, 30),
            stale("old", 1_000_500, 0),
        ],
        &ConsensusRule::default(),
    );
    assert_eq!(
        report.reading,
        Reading::Fresh {
            value: usd(1_001_000),
            at: Timestamp(20)
        }
    );
    let names: Vec<&str> = report.sources.iter().map(|s| s.source.as_str()).collect();
    assert_eq!(names, ["a", "b", "liar", "old"]);
    assert_eq!(
        *standing_of(&report, "liar"),
        SourceStanding::Outlier {
            price: usd(3_000_000)
        }
    );
    assert_eq!(
        *standing_of(&report, "a"),
        SourceStanding::Used {
            price: usd(1_000_000)
        }
    );
    assert_eq!(
        *standing_of(&report, "old"),
        SourceStanding::Stale {
            price: usd(1_000_500),
            reason: "old".to_owned()
        }
    );
}

#[test]
fn half_against_half_is_nobodys_price() {
    let report = consensus_report(
        &[
            fresh("a", 1_000_000, 4),
            fresh("b", 1_000_000, 3),
            fresh("c", 2_000_000, 2),
            fresh("d", 2_000_000, 1),
        ],
        &ConsensusRule::default(),
    );
    assert_eq!(report.reading.last_known(), Some(&usd(1_500_000)));
    assert!(matches!(report.reading, Reading::Stale { at, .. } if at == Timestamp(1)));
    assert!(reason(&report.reading).starts_with("no majority"));
    assert!(
        report
            .sources
            .iter()
            .all(|source| matches!(source.standing, SourceStanding::Undecided { .. }))
    );
}

#[test]
fn three_of_four_and_three_of_five_are_majorities() {
    let mut quotes = vec![
        fresh("a", 1_000_000, 1),
        fresh("b", 1_002_000, 1),
        fresh("c", 1_004_000, 1),
        fresh("low", 500_000, 1),
    ];
    assert_eq!(decide(&quotes).fresh(), Some(&usd(1_001_000)));
    quotes.push(fresh("high", 5_000_000, 1));
    assert_eq!(decide(&quotes).fresh(), Some(&usd(1_002_000)));
    quotes.push(fresh("higher", 6_000_000, 1));
    assert_eq!(decide(&quotes).fresh(), None);
}

#[test]
fn all_members_of_overlapping_majorities_are_used() {
    // a and b agree, b and c agree, a and c do not.
    let report = consensus_report(
        &[
            fresh("a", 993_000, 1),
            fresh("b", 1_000_000, 1),
            fresh("c", 1_009_000, 1),
        ],
        &ConsensusRule::default(),
    );
    assert_eq!(report.reading.fresh(), Some(&usd(1_000_000)));
    assert!(
        report
            .sources
            .iter()
            .all(|source| matches!(source.standing, SourceStanding::Used { .. }))
    );
}

#[test]
fn more_sources_can_be_asked_for_but_not_fewer_than_two() {
    let rule = |min_sources| ConsensusRule {
        min_sources,
        ..ConsensusRule::default()
    };
    let one = [fresh("a", 1_000_000, 1)];
    for lax in [0, 1] {
        assert_eq!(consensus(&one, &rule(lax)).fresh(), None);
    }
    let two = [fresh("a", 1_000_000, 1), fresh("b", 1_000_000, 1)];
    assert!(consensus(&two, &rule(2)).fresh().is_some());
    let reading = consensus(&two, &rule(3));
    assert!(reason(&reading).starts_with("2 of at least 3 fresh sources"));
    // A majority that is too small.
    let three = [
        fresh("a", 1_000_000, 1),
        fresh("b", 1_000_000, 1),
        fresh("c", 2_000_000, 1),
    ];
    let reading = consensus(&three, &rule(3));
    assert!(reason(&reading).starts_with("no majority"), "{reading:?}");
}

#[test]
fn without_a_fresh_source_the_last_values_are_shown() {
    let reading = decide(&[
        stale("a", 1_000_000, 8),
        stale("b", 1_000_000, 6),
        missing("c"),
    ]);
    assert_eq!(
        reading,
        Reading::Stale {
            value: usd(1_000_000),
            at: Timestamp(6),
            reason: "no fresh source".to_owned()
        }
    );
    assert!(matches!(decide(&[missing("c")]), Reading::Missing { .. }));
    assert!(matches!(decide(&[]), Reading::Missing { .. }));
}

#[test]
fn zero_is_no_price_fresh_or_stale() {
    let report = consensus_report(
        &[fresh("a", 0, 1), fresh("b", 0, 1), stale("c", 0, 1)],
        &ConsensusRule::default(),
    );
    assert!(matches!(report.reading, Reading::Missing { .. }));
    assert!(
        report
            .sources
            .iter()
            .all(|source| matches!(source.standing, SourceStanding::Missing { .. }))
    );
}

#[test]
fn the_largest_price_does_not_overflow() {
    let quote = |source: &str| Quote {
        source: source.to_owned(),
        price: Reading::Fresh {
            value: Price(u128::MAX),
            at: Timestamp(1),
        },
    };
    let reading = decide(&[quote("a"), quote("b")]);
    assert_eq!(reading.fresh(), Some(&Price(u128::MAX)));
}

#[test]
fn prices_print_to_their_last_digit() {
    assert_eq!(Dollars(Price(12_300_000)).to_string(), "$0.0000123");
    assert_eq!(Dollars(Price(Price::SCALE * 20)).to_string(), "$20.00");
    assert_eq!(Dollars(Price(1)).to_string(), "$0.000000000001");
}
