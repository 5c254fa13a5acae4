#![allow(clippy::unwrap_used)]
use airdrops_types::{AssetId, ChainId, ProtocolId};

use proptest::prelude::*;

use super::*;
use ControlState::{Active, Cautious, Halted};

const HOUR: i64 = 3_600_000;

fn pool() -> Scope {
    Scope::Protocol(ProtocolId::new("pool-1"))
}

fn names() -> BTreeMap<String, BTreeSet<Scope>> {
    BTreeMap::from([
        ("pool".to_owned(), BTreeSet::from([pool()])),
        (
            "usdc".to_owned(),
            BTreeSet::from([Scope::Asset(AssetId::new("USDC"))]),
        ),
    ])
}

fn incident(source: &str, id: &str, hour: i64) -> Incident {
    Incident {
        id: id.to_owned(),
        source: source.to_owned(),
        at: Timestamp(hour * HOUR),
        names: vec!["Pool".to_owned()],
        severity: Severity::Critical,
        title: "Pool drained".to_owned(),
    }
}

fn paused() -> Fact {
    Fact {
        scope: pool(),
        kind: FactKind::Paused,
        evidence: "0x11 is paused".to_owned(),
    }
}

fn demands(
    watch: &mut IncidentWatch,
    hour: i64,
    incidents: &[Incident],
    facts: &[Fact],
    feeds_answer: bool,
) -> Vec<Demand> {
    let input = Reports {
        incidents,
        names: &names(),
        facts,
        feeds_answer,
    };
    watch.assess(&input, &IncidentLimits::default(), Timestamp(hour * HOUR))
}

fn see(
    watch: &mut IncidentWatch,
    hour: i64,
    incidents: &[Incident],
    facts: &[Fact],
) -> ControlState {
    let demands = demands(watch, hour, incidents, facts, true);
    let found: Vec<&Demand> = demands.iter().filter(|d| d.scope == pool()).collect();
    assert_eq!(found.len(), 1);
    assert!(
        demands
            .iter()
            .all(|demand| demand.kind == BreakerKind::Incident)
    );
    assert!(
        demands
            .iter()
            .all(|demand| demand.scope == pool() || demand.state == Active)
    );
    found[0].state
}

#[test]
fn one_source_alone_makes_careful_and_two_independent_ones_halt() {
    let mut watch = IncidentWatch::default();
    assert_eq!(see(&mut watch, 100, &[], &[]), Active);
    let one = incident("rekt:rss", "1", 99);
    assert_eq!(
        see(&mut watch, 100, std::slice::from_ref(&one), &[]),
        Cautious
    );
    let same_publisher = incident("rekt:api", "7", 99);
    assert_eq!(
        see(&mut watch, 100, &[one.clone(), same_publisher], &[]),
        Cautious
    );
    let other = incident("peckshield:rss", "1", 100);
    assert_eq!(see(&mut watch, 100, &[one, other], &[]), Halted);
}

#[test]
fn a_source_without_a_colon_is_its_own_publisher() {
    assert_eq!(publisher("rekt"), "rekt");
    assert_eq!(publisher("rekt:rss:pool"), "rekt");
}

#[test]
fn one_source_and_a_fact_halt_but_a_fact_alone_does_nothing_here() {
    let mut watch = IncidentWatch::default();
    assert_eq!(see(&mut watch, 100, &[], &[paused()]), Active);
    let one = incident("rekt", "1", 99);
    assert_eq!(see(&mut watch, 100, &[one], &[]), Halted);
}

#[test]
fn a_fact_elsewhere_confirms_nothing() {
    let mut watch = IncidentWatch::default();
    let elsewhere = Fact {
        scope: Scope::Chain(ChainId(1)),
        ..paused()
    };
    let one = incident("rekt", "1", 99);
    assert_eq!(see(&mut watch, 100, &[one], &[elsewhere]), Cautious);
}

#[test]
fn what_is_less_than_critical_or_names_nothing_of_ours_does_not_count() {
    let mut watch = IncidentWatch::default();
    let warning = Incident {
        severity: Severity::Warning,
        ..incident("rekt", "1", 99)
    };
    let foreign = Incident {
        names: vec!["other".to_owned()],
        ..incident("rekt", "2", 99)
    };
    assert_eq!(see(&mut watch, 100, &[warning, foreign], &[]), Active);
    assert_eq!(watch, IncidentWatch::default());
}

#[test]
fn reports_and_facts_count_within_the_window_only() {
    for (at, state) in [(76, Cautious), (75, Active), (124, Cautious), (125, Active)] {
        let mut watch = IncidentWatch::default();
        assert_eq!(
            see(&mut watch, 100, &[incident("rekt", "1", at)], &[]),
            state,
            "hour {at}"
        );
    }
    let mut watch = IncidentWatch::default();
    see(&mut watch, 100, &[], &[paused()]);
    let late = |hour| incident("rekt", "1", hour);
    assert_eq!(see(&mut watch.clone(), 124, &[late(124)], &[]), Halted);
    assert_eq!(see(&mut watch, 125, &[late(125)], &[]), Cautious);
}

#[test]
fn a_report_that_a_feed_no_longer_lists_counts_until_its_window_is_over() {
    let mut watch = IncidentWatch::default();
    see(&mut watch, 100, &[incident("rekt", "1", 100)], &[]);
    let text = serde_json::to_string(&watch).unwrap();
    let mut watch: IncidentWatch = serde_json::from_str(&text).unwrap();
    assert_eq!(see(&mut watch, 124, &[], &[]), Cautious);
    assert_eq!(see(&mut watch, 125, &[], &[]), Active);
}

#[test]
fn silence_is_healthy_only_while_feeds_answer() {
    let mut watch = IncidentWatch::default();
    assert_eq!(demands(&mut watch, 100, &[], &[], false), []);
    assert_eq!(demands(&mut watch, 100, &[], &[], true).len(), 2);
    let one = [incident("rekt", "1", 100)];
    let told = demands(&mut watch, 100, &one, &[], false);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].state, Cautious);
}

#[test]
fn the_same_reports_never_trip_twice_but_new_ones_do() {
    let mut watch = IncidentWatch::default();
    let old = [incident("rekt", "1", 100), incident("peck", "1", 100)];
    assert_eq!(see(&mut watch, 100, &old, &[paused()]), Halted);
    watch.use_up(&pool());
    assert_eq!(see(&mut watch, 101, &old, &[]), Active);
    let mut with_new = old.to_vec();
    with_new.push(incident("peck", "2", 101));
    assert_eq!(see(&mut watch, 101, &with_new, &[]), Cautious);
    with_new.push(incident("rekt", "2", 101));
    assert_eq!(see(&mut watch, 101, &with_new, &[]), Halted);
}

#[test]
fn a_report_used_up_in_one_scope_still_counts_in_another() {
    let mut watch = IncidentWatch::default();
    let both = Incident {
        names: vec!["pool".to_owned(), "usdc".to_owned()],
        ..incident("rekt", "1", 100)
    };
    demands(&mut watch, 100, std::slice::from_ref(&both), &[], true);
    watch.use_up(&pool());
    let states: Vec<ControlState> = demands(&mut watch, 100, &[both], &[], true)
        .iter()
        .map(|demand| demand.state)
        .collect();
    // By scope: the protocol, then the asset.
    assert_eq!(states, [Active, Cautious]);
}

#[test]
fn a_later_version_of_a_report_may_name_more() {
    let mut watch = IncidentWatch::default();
    see(&mut watch, 100, &[incident("rekt", "1", 100)], &[]);
    let more = Incident {
        names: vec!["usdc".to_owned()],
        ..incident("rekt", "1", 100)
    };
    let states = demands(&mut watch, 100, &[more], &[], true);
    assert!(states.iter().all(|demand| demand.state == Cautious));
}

#[test]
fn the_evidence_quotes_sources_and_facts() {
    let mut watch = IncidentWatch::default();
    let long = Incident {
        title: "x".repeat(5000),
        ..incident("rekt:rss", "1", 100)
    };
    let told = demands(&mut watch, 100, &[long], &[paused()], true);
    let evidence = &told[0].evidence;
    assert_eq!(
        *evidence,
        format!(
            "1 independent source in 24 h, and 1 facts: rekt:rss at \
             1970-01-05T04:00:00Z: \"{}\"; 0x11 is paused at 1970-01-05T04:00:00Z",
            "x".repeat(100)
        )
    );
    let second = incident("peck", "1", 100);
    let told = demands(&mut watch, 100, &[second], &[], true);
    assert!(told[0].evidence.starts_with("2 independent sources in"));
}

#[test]
fn the_evidence_quotes_at_most_three_of_each() {
    let mut watch = IncidentWatch::default();
    let reports = ["a", "b", "c", "d"].map(|source| incident(source, "1", 100));
    let told = demands(&mut watch, 100, &reports, &[paused()], true);
    let evidence = &told[0].evidence;
    assert!(evidence.starts_with("4 independent sources"), "{evidence}");
    assert_eq!(evidence.matches("Pool drained").count(), 3, "{evidence}");
    assert_eq!(evidence.matches("is paused").count(), 1, "{evidence}");
}

#[test]
fn a_flood_of_reports_is_bounded_and_pushes_out_only_its_own_publisher() {
    let mut watch = IncidentWatch::default();
    see(&mut watch, 100, &[incident("peck", "1", 80)], &[]);
    let flood: Vec<Incident> = (0..300)
        .map(|number| Incident {
            at: Timestamp(100 * HOUR + number),
            ..incident("rekt", &number.to_string(), 0)
        })
        .collect();
    assert_eq!(see(&mut watch, 100, &flood, &[]), Halted);
    assert_eq!(watch.reports.len(), REPORTS_PER_PUBLISHER + 1);
    let oldest = watch.reports.iter().filter(|r| r.source == "rekt");
    assert_eq!(
        oldest.map(|report| report.at.0).min(),
        Some(100 * HOUR + 300 - 256)
    );
}

#[test]
fn of_one_kind_of_fact_the_latest_is_kept() {
    let mut watch = IncidentWatch::default();
    let pin = Fact {
        kind: FactKind::PinChange,
        ..paused()
    };
    see(&mut watch, 100, &[], &[paused(), pin]);
    see(&mut watch, 101, &[], &[paused()]);
    let times: Vec<(FactKind, i64)> = watch
        .facts
        .iter()
        .map(|(fact, at)| (fact.kind, at.0 / HOUR))
        .collect();
    assert_eq!(times, [(FactKind::Paused, 101), (FactKind::PinChange, 100)]);
}

#[test]
fn a_window_of_nothing_or_of_months_is_named() {
    let count = |window| {
        let mut wrong = Vec::new();
        IncidentLimits { window }.validate(&mut wrong);
        wrong.len()
    };
    assert_eq!(count(Duration::from_secs(3600)), 0);
    assert_eq!(count(Duration::from_secs(7 * 86_400)), 0);
    assert_eq!(count(Duration::ZERO), 1);
    assert_eq!(count(Duration::from_secs(90 * 86_400)), 1);
}

proptest! {
    #[test]
    fn more_reports_and_facts_never_give_a_better_state(
        ticks in prop::collection::vec(
            (
                prop::collection::vec((0usize..3, 0i64..4, 0i64..80, any::<bool>()), 0..4),
                any::<bool>(),
                any::<bool>(),
                1i64..20,
            ),
            1..20,
        ),
    ) {
        let (mut fewer, mut more) = (IncidentWatch::default(), IncidentWatch::default());
        let mut hour = 100;
        for (reports, fact, both, passed) in ticks {
            hour += passed;
            let all: Vec<Incident> = reports
                .iter()
                .map(|(source, id, at, _)| {
                    incident(["a", "b", "c"][*source], &format!("{id}-{at}"), 60 + *at)
                })
                .collect();
            let some: Vec<Incident> = all
                .iter()
                .zip(&reports)
                .filter(|(_, report)| report.3)
                .map(|(incident, _)| incident.clone())
                .collect();
            let facts: &[Fact] = if fact { &[paused()] } else { &[] };
            let few = see(&mut fewer, hour, &some, if both { facts } else { &[] });
            prop_assert!(see(&mut more, hour, &all, facts) >= few);
        }
    }
}
