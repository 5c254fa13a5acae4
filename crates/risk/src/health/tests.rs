#![allow(clippy::unwrap_used)]
use TokenDanger::{BalancesChangeable, Blacklist, CannotSellAll, Honeypot, Proxy};
use airdrops_types::{Severity, TokenDanger};
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const NOW: Timestamp = Timestamp(1000 * HOUR);

fn fresh<T>(value: T) -> Reading<T> {
    Reading::Fresh { value, at: NOW }
}

fn stale<T>(value: T) -> Reading<T> {
    Reading::Stale {
        value,
        at: NOW,
        reason: "old".to_owned(),
    }
}

fn found(dangers: &[TokenDanger], unknown: &[TokenDanger]) -> TokenFindings {
    TokenFindings {
        dangers: dangers.iter().copied().collect(),
        unknown: unknown.iter().copied().collect(),
    }
}

fn incident(severity: Severity, days_ago: i64) -> Incident {
    Incident {
        id: "1".to_owned(),
        source: "feed".to_owned(),
        at: Timestamp(NOW.0 - days_ago * 24 * HOUR),
        names: Vec::new(),
        severity,
        title: "drained".to_owned(),
    }
}

#[derive(Debug, Clone)]
struct World {
    tvl: Reading<Usd>,
    history: TvlHistory,
    pegs: Vec<(AssetId, Reading<Bps>)>,
    pins: Vec<(String, Reading<PinState>)>,
    incidents: Vec<Incident>,
    failures: FailureRecord,
    tokens: Vec<(String, Reading<TokenFindings>)>,
    sources: Vec<(String, Reading<()>)>,
}

/// $1,000,000 for eight days, and nothing wrong.
fn well() -> World {
    let mut history = TvlHistory::default();
    for hour in 0..=8 * 24 {
        history.push(
            Timestamp(NOW.0 - (8 * 24 - hour) * HOUR),
            Usd::dollars(1_000_000),
        );
    }
    World {
        tvl: fresh(Usd::dollars(1_000_000)),
        history,
        pegs: vec![(AssetId::new("USDC"), fresh(Bps(3)))],
        pins: vec![("vault".to_owned(), fresh(PinState::Unchanged))],
        incidents: Vec::new(),
        failures: FailureRecord {
            failed: 0,
            total: 10,
        },
        tokens: vec![("USDC".to_owned(), fresh(found(&[Proxy], &[])))],
        sources: vec![("incident feed".to_owned(), fresh(()))],
    }
}

impl World {
    fn health(&self) -> Health {
        Health::measure(&HealthInputs {
            now: NOW,
            tvl: Some(&self.tvl),
            tvl_history: &self.history,
            pegs: &self.pegs,
            pins: &self.pins,
            incidents: &self.incidents,
            failures: self.failures,
            tokens: &self.tokens,
            sources: &self.sources,
        })
    }

    #[track_caller]
    fn points(&self, term: &str) -> u8 {
        let health = self.health();
        let sum: u8 = health.terms.iter().map(|term| term.points).sum();
        assert_eq!(health.score, 100 - sum.min(100));
        let found = health.terms.iter().find(|found| found.name == term);
        found.unwrap().points
    }
}

/// A world whose history is `ago` at `hours` before now, and that is at `tvl` of it, per myriad.
fn fallen(hours: i64, bps: i64) -> World {
    let mut world = well();
    world.history = TvlHistory::default();
    for (ago, dollars) in [(8 * 24, 10_000), (25, 10_000), (2, 10_000)] {
        // What came before the fall stands only beyond the span in question.
        let dollars = if ago >= hours { dollars } else { 10_000 - bps };
        world
            .history
            .push(Timestamp(NOW.0 - ago * HOUR), Usd::dollars(dollars));
    }
    world.tvl = fresh(Usd::dollars(10_000 - bps));
    world
}

#[test]
fn a_protocol_with_nothing_wrong_has_all_points() {
    let health = well().health();
    assert_eq!(health.score, 100);
    assert_eq!(health.terms.len(), 7);
    assert!(health.terms.iter().all(|term| term.points == 0));
}

#[test]
fn a_token_that_can_be_taken_costs_what_an_exploit_costs_and_unknown_is_not_harmless() {
    let of = |readings: &[Reading<TokenFindings>]| {
        let mut world = well();
        let named = readings
            .iter()
            .map(|reading| ("USDC".to_owned(), reading.clone()));
        world.tokens = named.collect();
        let health = world.health();
        let term = health.terms.iter().find(|term| term.name == "tokens");
        (
            world.points("tokens"),
            world.points("data"),
            term.unwrap().measured.clone(),
        )
    };
    for grave in [Honeypot, CannotSellAll, BalancesChangeable] {
        assert_eq!(of(&[fresh(found(&[grave], &[]))]).0, 60);
        assert_eq!(of(&[fresh(found(&[], &[grave]))]).0, 10);
    }
    assert_eq!(
        of(&[fresh(found(&[Proxy, Blacklist], &[]))]),
        (
            0,
            0,
            "USDC (addresses can be shut out, code can be exchanged)".to_owned()
        )
    );
    assert_eq!(of(&[fresh(found(&[], &[Proxy]))]).0, 0);
    assert_eq!(
        of(&[fresh(found(&[], &[])), fresh(found(&[Honeypot], &[]))]).0,
        60
    );
    assert_eq!(
        of(&[stale(found(&[Honeypot], &[]))]),
        (60, 5, "USDC (honeypot; stale: old)".to_owned())
    );
    assert_eq!(
        of(&[Reading::missing("no answer yet")]),
        (10, 0, "USDC (missing: no answer yet)".to_owned())
    );
    assert_eq!(of(&[]), (0, 0, "no token is watched".to_owned()));
}

#[test]
fn tvl_that_leaves_costs_by_speed() {
    let table = [
        (
            1,
            [
                (499, 0),
                (500, 15),
                (999, 15),
                (1000, 30),
                (2499, 30),
                (2500, 50),
            ],
        ),
        (
            3,
            [
                (999, 0),
                (1000, 10),
                (1999, 10),
                (2000, 25),
                (3999, 25),
                (4000, 45),
            ],
        ),
        (
            26,
            [
                (1999, 0),
                (2000, 5),
                (3999, 5),
                (4000, 15),
                (5999, 15),
                (6000, 30),
            ],
        ),
    ];
    for (hours, steps) in table {
        for (bps, points) in steps {
            assert_eq!(
                fallen(hours, bps).points("tvl"),
                points,
                "{hours} h, {bps} bps"
            );
        }
    }
    let measured = &fallen(1, 500).health().terms[0].measured;
    assert_eq!(
        measured,
        "$9,500.00, 5 % below 1 h ago, 5 % below 24 h ago, 5 % below 7 d ago"
    );
}

#[test]
fn tvl_that_is_unknown_or_gone_costs_the_most_and_a_short_history_a_little() {
    let mut world = well();
    world.tvl = Reading::missing("down");
    assert_eq!(world.points("tvl"), 50);
    for gone in [Usd::ZERO, Usd::dollars(-1)] {
        world.tvl = fresh(gone);
        assert_eq!(world.points("tvl"), 50);
        world.history = TvlHistory::default();
        assert_eq!(world.points("tvl"), 50);
    }
    world.tvl = fresh(Usd::dollars(5));
    assert_eq!(world.points("tvl"), 15);
    world
        .history
        .push(Timestamp(NOW.0 - HOUR + 1), Usd::dollars(9));
    assert_eq!(world.points("tvl"), 15, "an hour has not passed");
    world.history = TvlHistory::default();
    world.history.push(Timestamp(NOW.0 - HOUR), Usd::dollars(5));
    assert_eq!(world.points("tvl"), 10);
    world.tvl = fresh(Usd::dollars(4));
    assert_eq!(world.points("tvl"), 40);
    world.tvl = fresh(Usd::dollars(3));
    assert_eq!(world.points("tvl"), 50);
}

#[test]
fn a_fall_during_a_gap_counts_as_recent() {
    let mut world = well();
    world.history = TvlHistory::default();
    world
        .history
        .push(Timestamp(NOW.0 - 300 * HOUR), Usd::dollars(1000));
    world.tvl = fresh(Usd::dollars(700));
    assert_eq!(world.points("tvl"), 50);
}

#[test]
fn tvl_history_is_bounded_and_keeps_the_point_before_the_week() {
    let mut history = TvlHistory::default();
    assert!(history.is_empty());
    for minute in 0..20 * 24 * 60 {
        assert!(history.push(Timestamp(minute * 60_000), Usd(1 + i128::from(minute))));
    }
    assert_eq!(history.len(), 7 * 96 + 1);
    assert!(!history.is_empty());
    let now = Timestamp((20 * 24 * 60 - 1) * 60_000);
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    assert!(history.fall(now, Usd(1), week).is_some());
    assert!(!history.push(now, Usd(5)), "not later");
    assert!(!history.push(Timestamp(i64::MAX), Usd::ZERO), "no value");
    assert_eq!(history.fall(now, Usd(i128::MAX), week), Some(Bps(0)));
    let text = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<TvlHistory>(&text).unwrap(), history);
}

#[test]
fn the_farthest_peg_counts() {
    let mut world = well();
    for (off, points) in [(49, 0), (50, 10), (99, 10), (100, 25), (199, 25), (200, 40)] {
        world.pegs = vec![
            (AssetId::new("A"), fresh(Bps(0))),
            (AssetId::new("B"), fresh(Bps(off))),
            (AssetId::new("C"), fresh(Bps(1))),
        ];
        assert_eq!(world.points("depeg"), points, "{off}");
    }
    assert_eq!(world.health().terms[1].measured, "B 2 % off");
    world.pegs[1].1 = Reading::missing("down");
    assert_eq!(world.points("depeg"), 40);
    assert_eq!(world.points("data"), 10);
    world.pegs.clear();
    assert_eq!(world.points("depeg"), 0);
}

#[test]
fn the_worst_contract_counts() {
    let mut world = well();
    let pin = |state| ("proxy".to_owned(), state);
    let table = [
        (fresh(PinState::Unchanged), 0, "vault unchanged"),
        (fresh(PinState::Paused), 40, "proxy paused"),
        (fresh(PinState::Changed), 60, "proxy changed"),
        (Reading::missing("down"), 60, "proxy unknown"),
    ];
    for (state, points, text) in table {
        world.pins = vec![well().pins.remove(0), pin(state)];
        assert_eq!(world.points("pins"), points);
        assert_eq!(world.health().terms[2].measured, text);
    }
    world.pins.clear();
    assert_eq!(world.points("pins"), 20);
}

#[test]
fn incidents_fade_with_age() {
    let mut world = well();
    let table = [
        (Severity::Critical, 0, 50),
        (Severity::Critical, -5, 50),
        (Severity::Critical, 45, 25),
        (Severity::Critical, 89, 1),
        (Severity::Critical, 90, 0),
        (Severity::Warning, 0, 15),
        (Severity::Warning, 10, 10),
        (Severity::Warning, 30, 0),
        (Severity::Info, 0, 2),
        (Severity::Info, 1, 2),
        (Severity::Info, 4, 1),
        (Severity::Info, 7, 0),
    ];
    for (severity, days_ago, points) in table {
        world.incidents = vec![incident(severity, days_ago)];
        assert_eq!(world.points("incidents"), points, "{severity:?} {days_ago}");
    }
    world.incidents = vec![incident(Severity::Warning, 0); 2];
    assert_eq!(world.points("incidents"), 30);
    world.incidents.push(incident(Severity::Critical, 0));
    world.incidents[2].title = "exploited".to_owned();
    world.incidents.push(incident(Severity::Critical, 0));
    world.incidents.push(incident(Severity::Info, 400));
    assert_eq!(world.points("incidents"), 60);
    let measured = &world.health().terms[3].measured;
    assert!(measured.starts_with("4, gravest at 1970-02-11T16:00:00Z by feed: exploited"));
}

#[test]
fn failed_transactions_cost_by_their_share() {
    let mut world = well();
    let table = [
        (0, 0, 5),
        (0, 1, 0),
        (1, 1, 30),
        (1, 21, 0),
        (1, 20, 5),
        (2, 20, 10),
        (5, 20, 20),
        (9, 20, 20),
        (10, 20, 30),
        (30, 20, 30),
    ];
    for (failed, total, points) in table {
        world.failures = FailureRecord { failed, total };
        assert_eq!(world.points("failures"), points, "{failed} of {total}");
    }
}

#[test]
fn inputs_that_are_not_fresh_cost_points_each() {
    let mut world = well();
    world.sources[0].1 = stale(());
    assert_eq!(world.points("data"), 5);
    assert_eq!(world.health().score, 95);
    world.tvl = stale(Usd::dollars(1_000_000));
    assert_eq!(world.points("data"), 10);
    world.pins[0].1 = stale(PinState::Unchanged);
    world.pegs[0].1 = stale(Bps(0));
    assert_eq!(world.points("data"), 20);
    world.sources[0].1 = Reading::missing("down");
    assert_eq!(world.points("data"), 20);
    assert_eq!(world.points("pins"), 0);
    let measured = &world.health().terms[6].measured;
    assert!(measured.starts_with("TVL stale: old; USDC stale: old; vault stale: old; incident"));
}

#[test]
fn the_score_does_not_fall_below_zero() {
    let world = World {
        tvl: Reading::missing("down"),
        history: TvlHistory::default(),
        pegs: vec![(AssetId::new("A"), Reading::missing("down"))],
        pins: vec![("p".to_owned(), Reading::missing("down"))],
        incidents: vec![incident(Severity::Critical, 0); 9],
        failures: FailureRecord {
            failed: 1,
            total: 1,
        },
        tokens: Vec::new(),
        sources: Vec::new(),
    };
    assert_eq!(world.health().score, 0);
}

fn decay<T: Clone>(reading: &mut Reading<T>) {
    *reading = match reading.last_known() {
        Some(value) if reading.fresh().is_some() => stale(value.clone()),
        _ => Reading::missing("down"),
    };
}

fn reading<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Reading<T>> {
    (value, 0..6u8).prop_map(|(value, kind)| match kind {
        0 => stale(value),
        1 => Reading::missing("down"),
        _ => fresh(value),
    })
}

fn state(index: u8) -> PinState {
    match index {
        0 => PinState::Unchanged,
        1 => PinState::Paused,
        _ => PinState::Changed,
    }
}

fn severity(index: u8) -> Severity {
    match index {
        0 => Severity::Info,
        1 => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn world() -> impl Strategy<Value = World> {
    let history = prop::collection::vec((0..200i64, 1..2000i64), 0..6);
    (
        reading((-10..2000i64).prop_map(Usd::dollars)),
        history,
        reading((0..300u32).prop_map(Bps)),
        reading((0..3u8).prop_map(state)),
        prop::collection::vec((0..3u8, 0..100i64), 0..3),
        (0..20u32, 0..20u32),
        reading(Just(())),
    )
        .prop_map(|(tvl, mut past, peg, pin, incidents, failures, source)| {
            past.sort_by_key(|(ago, _)| -ago);
            let mut history = TvlHistory::default();
            for (ago, dollars) in past {
                history.push(Timestamp(NOW.0 - ago * HOUR), Usd::dollars(dollars));
            }
            World {
                tvl,
                history,
                pegs: vec![(AssetId::new("USDC"), peg)],
                pins: vec![("vault".to_owned(), pin)],
                incidents: incidents
                    .into_iter()
                    .map(|(grave, age)| incident(severity(grave), age))
                    .collect(),
                failures: FailureRecord {
                    failed: failures.0,
                    total: failures.1,
                },
                tokens: vec![("USDC".to_owned(), fresh(found(&[], &[])))],
                sources: vec![("feed".to_owned(), source)],
            }
        })
}

fn lower<T>(reading: &mut Reading<T>, change: impl Fn(&mut T)) {
    if let Reading::Fresh { value, .. } | Reading::Stale { value, .. } = reading {
        change(value);
    }
}

proptest! {
    #[test]
    fn a_worse_input_never_raises_the_score(
        world in world(), worse in 0..15u8, by in 1..500u32, age in 0..100i64
    ) {
        let before = world.health();
        let mut after = world.clone();
        match worse {
            0 => decay(&mut after.tvl),
            1 => decay(&mut after.pegs[0].1),
            2 => decay(&mut after.pins[0].1),
            3 => decay(&mut after.sources[0].1),
            4 => lower(&mut after.tvl, |tvl| *tvl = *tvl - Usd::dollars(by.into())),
            5 => lower(&mut after.pegs[0].1, |off| off.0 += by),
            6 => lower(&mut after.pins[0].1, |pin| *pin = state((*pin as u8) + 1)),
            7 => after.incidents.push(incident(severity((by % 3) as u8), age)),
            8 => after.incidents.iter_mut().for_each(|one| one.severity = Severity::Critical),
            9 => after.incidents.iter_mut().for_each(|one| one.at = one.at.plus(std::time::Duration::from_secs(by.into()))),
            // Missing is what was never known: the monitor sees to that.
            12 => after.tokens[0].1 = stale(found(&[], &[])),
            13 => after.tokens[0].1 = fresh(found(&[], &[Honeypot])),
            14 => after.tokens[0].1 = fresh(found(&[CannotSellAll], &[])),
            10 => { after.failures.failed += by; after.failures.total = after.failures.total.max(1); }
            _ => { after.failures.failed += by; after.failures.total += by; }
        }
        prop_assert!(after.health().score <= before.score, "{:?} {:?}", before, after.health());
    }
}
