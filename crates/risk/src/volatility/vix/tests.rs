use proptest::prelude::*;

use super::super::no_index::{NoIndex, TermName, Wing};
use super::super::option_chain::{OptionKind, OptionQuote};
use super::super::variance_strip::Term;
use super::*;

/// Strike, call bid and ask, put bid and ask.
type Row = (f64, f64, f64, f64, f64);

/// F = 100.5 at a rate of zero; both wings end by two zero bids.
const ROWS: [Row; 11] = [
    (75.0, 25.0, 26.0, 0.0, 0.05),
    (80.0, 20.0, 21.0, 0.0, 0.05),
    (85.0, 15.5, 16.5, 0.1, 0.2),
    (90.0, 11.0, 11.4, 0.5, 0.7),
    (95.0, 6.8, 7.2, 1.8, 2.0),
    (100.0, 3.9, 4.1, 3.4, 3.6),
    (105.0, 1.9, 2.1, 6.4, 6.6),
    (110.0, 0.7, 0.9, 10.2, 10.6),
    (115.0, 0.1, 0.3, 15.0, 15.4),
    (120.0, 0.0, 0.05, 20.0, 20.4),
    (125.0, 0.0, 0.05, 25.0, 25.4),
];

const NEAR: f64 = 36_000.0;
const NEXT: f64 = 46_080.0;

fn quotes(rows: &[Row]) -> Vec<OptionQuote> {
    let quote = |strike, kind, bid, ask| OptionQuote {
        strike,
        kind,
        bid: Some(bid),
        ask: Some(ask),
        mark: None,
    };
    rows.iter()
        .flat_map(|&(strike, call_bid, call_ask, put_bid, put_ask)| {
            [
                quote(strike, OptionKind::Call, call_bid, call_ask),
                quote(strike, OptionKind::Put, put_bid, put_ask),
            ]
        })
        .collect()
}

fn expiry(minutes: f64, rate: f64, rows: &[Row]) -> Expiry {
    Expiry::new(minutes, rate, quotes(rows)).unwrap_or_else(|error| panic!("{error}"))
}

/// The index with `rows` as near term and the unchanged chain as next term.
fn with_near(rows: &[Row]) -> ImpliedIndex {
    index(&expiry(NEAR, 0.0, rows), &expiry(NEXT, 0.0, &ROWS))
}

fn near(rows: &[Row]) -> Term {
    with_near(rows).near.unwrap_or_else(|| panic!("no term"))
}

/// Strikes and ΔK.
fn used(term: &Term) -> Vec<(f64, f64)> {
    term.strikes
        .iter()
        .map(|strike| (strike.strike, strike.delta_k))
        .collect()
}

fn changed(edit: impl FnOnce(&mut Vec<Row>)) -> Vec<Row> {
    let mut rows = ROWS.to_vec();
    edit(&mut rows);
    rows
}

fn close(value: f64, expected: f64) {
    assert!(
        (value / expected - 1.0).abs() < 1e-12,
        "{value} is not {expected}"
    );
}

#[test]
fn forward_comes_from_the_strike_where_call_and_put_differ_least() {
    let term = near(&ROWS);
    close(term.forward, 100.5);
    close(term.k0, 100.0);
    let with_rate = index(&expiry(NEAR, 0.05, &ROWS), &expiry(NEXT, 0.05, &ROWS));
    let years = NEAR / 525_600.0;
    close(
        with_rate.near.map_or(0.0, |term| term.forward),
        100.0 + (0.05 * years).exp() * 0.5,
    );
}

#[test]
fn variance_is_the_weighted_strip_less_the_offset_of_k0() {
    let sum = 5.0
        * (0.15 / 7225.0
            + 0.6 / 8100.0
            + 1.9 / 9025.0
            + 3.75 / 10_000.0
            + 2.0 / 11_025.0
            + 0.8 / 12_100.0
            + 0.2 / 13_225.0);
    let years = NEAR / 525_600.0;
    let term = near(&ROWS);
    close(term.variance, 2.0 / years * sum - 0.005 * 0.005 / years);
    let at_k0 = term.strikes[3];
    assert_eq!((at_k0.strike, at_k0.price), (100.0, 3.75), "the average");
    close(at_k0.contribution, 5.0 / 10_000.0 * 3.75);
}

#[test]
fn interest_grows_every_contribution() {
    let flat = near(&ROWS);
    let grown = index(&expiry(NEAR, 0.05, &ROWS), &expiry(NEXT, 0.05, &ROWS));
    let grown = grown.near.unwrap_or_else(|| panic!("no term"));
    let growth = (0.05 * NEAR / 525_600.0).exp();
    for (flat, grown) in flat.strikes.iter().zip(&grown.strikes) {
        close(grown.contribution, growth * flat.contribution);
    }
}

#[test]
fn strike_without_bid_is_skipped_and_widens_its_neighbours() {
    let term = near(&changed(|rows| rows[3].3 = 0.0));
    assert_eq!(
        used(&term),
        [
            (85.0, 10.0),
            (95.0, 7.5),
            (100.0, 5.0),
            (105.0, 5.0),
            (110.0, 5.0),
            (115.0, 5.0)
        ]
    );
}

#[test]
fn two_zero_bids_end_a_wing_and_later_bids_are_ignored() {
    let rows = changed(|rows| {
        rows.insert(0, (70.0, 30.0, 31.0, 0.05, 0.15));
        rows.push((130.0, 0.05, 0.15, 30.0, 31.0));
    });
    assert_eq!(used(&near(&rows)), used(&near(&ROWS)));
}

#[test]
fn zero_bids_that_are_not_consecutive_do_not_end_a_wing() {
    let rows = changed(|rows| {
        rows[0].3 = 0.05;
        rows[3].3 = 0.0;
        rows.insert(0, (70.0, 30.0, 31.0, 0.0, 0.05));
        rows.insert(0, (65.0, 35.0, 36.0, 0.0, 0.05));
    });
    let strikes: Vec<f64> = used(&near(&rows)).iter().map(|pair| pair.0).collect();
    assert_eq!(strikes[..3], [75.0, 85.0, 95.0], "90 and 80 have no bid");
    assert!(with_near(&rows).index.is_ok());
}

#[test]
fn strike_at_the_forward_is_k0() {
    let term = near(&changed(|rows| rows[5] = (100.0, 3.9, 4.1, 3.9, 4.1)));
    assert_eq!((term.forward, term.k0), (100.0, 100.0));
}

#[test]
fn crossed_quote_is_dropped_and_is_not_a_zero_bid() {
    let term = near(&changed(|rows| rows[3].3 = 0.8));
    assert_eq!(used(&term)[0], (85.0, 10.0), "90 is not used");
    // 80 crossed between 75 and 85: 75 and 70 without bid are consecutive, and end the wing.
    let rows = changed(|rows| {
        rows[1].3 = 0.07;
        rows.insert(0, (70.0, 30.0, 31.0, 0.0, 0.05));
    });
    let result = with_near(&rows);
    assert_eq!(result.near.map(|term| used(&term)[0]), Some((85.0, 5.0)));
    assert!(result.index.is_ok());
    // Without 70, one zero bid is left, and the crossed quote does not count as the second.
    let rows = changed(|rows| rows[1].3 = 0.07);
    assert_eq!(
        with_near(&rows)
            .index
            .map_err(|reason| reason.code().to_owned()),
        Err("truncated_wing".into())
    );
}

#[test]
fn spacing_is_one_sided_at_the_ends() {
    let term = near(&changed(|rows| {
        rows[2].0 = 82.0;
        rows[8].0 = 118.0;
    }));
    let used = used(&term);
    assert_eq!(used[0], (82.0, 8.0));
    assert_eq!(used[1], (90.0, 6.5));
    assert_eq!(used[used.len() - 1], (118.0, 8.0));
}

#[test]
fn pair_that_nobody_bids_for_gives_no_forward() {
    // Its call and put are worth the same, as far as the middle says.
    let rows = changed(|rows| rows[0] = (75.0, 0.0, 0.05, 0.0, 0.05));
    close(near(&rows).forward, 100.5);
}

#[test]
fn index_is_total_variance_interpolated_by_minutes() {
    let result = with_near(&ROWS);
    let (near, next) = (result.near.clone(), result.next.clone());
    let (Some(near), Some(next)) = (near, next) else {
        panic!("no terms")
    };
    let weight = (NEXT - THIRTY_DAYS) / (NEXT - NEAR);
    let total = NEAR * near.variance * weight + NEXT * next.variance * (1.0 - weight);
    let expected = 100.0 * (total / THIRTY_DAYS).sqrt();
    close(result.index.unwrap_or(f64::NAN), expected);
    // At the near term's own horizon nothing of the next term is in it.
    let at_horizon = index(
        &expiry(THIRTY_DAYS, 0.0, &ROWS),
        &expiry(NEXT, 0.0, &ROWS[2..9]),
    );
    assert!(at_horizon.index.is_err(), "the next term is truncated");
    let at_horizon = index(&expiry(THIRTY_DAYS, 0.0, &ROWS), &expiry(NEXT, 0.0, &ROWS));
    let own = at_horizon
        .near
        .as_ref()
        .and_then(Term::volatility_percent)
        .unwrap_or(f64::NAN);
    close(at_horizon.index.unwrap_or(f64::NAN), own);
}

#[test]
fn terms_on_one_side_of_thirty_days_give_no_number_but_are_shown() {
    for (near, next) in [(20_000.0, 40_000.0), (44_000.0, 50_000.0), (NEXT, NEAR)] {
        let result = index(&expiry(near, 0.0, &ROWS), &expiry(next, 0.0, &ROWS));
        assert_eq!(
            result.index,
            Err(NoIndex::NotBracketed {
                horizon: THIRTY_DAYS,
                near: Some(near),
                next: Some(next)
            })
        );
        assert!(result.near.is_some() && result.next.is_some());
    }
}

#[test]
fn wing_whose_quotes_run_out_gives_no_number() {
    let all: Vec<(Vec<Row>, TermName, Wing, f64)> = vec![
        (ROWS[2..].to_vec(), TermName::Near, Wing::Puts, 85.0),
        (ROWS[1..].to_vec(), TermName::Near, Wing::Puts, 85.0),
        (ROWS[..9].to_vec(), TermName::Near, Wing::Calls, 115.0),
    ];
    for (rows, term, wing, strike) in all {
        let result = with_near(&rows);
        let Err(NoIndex::TruncatedWing {
            term: found,
            wing: side,
            strike: at,
            share,
            limit,
        }) = result.index
        else {
            panic!("{:?}", result.index)
        };
        assert_eq!((found, side, at), (term, wing, strike));
        assert!(share > limit && limit == NEGLIGIBLE, "{share} {limit}");
        assert!(result.near.is_some(), "the strip is shown");
    }
    let next = index(&expiry(NEAR, 0.0, &ROWS), &expiry(NEXT, 0.0, &ROWS[..10]));
    assert!(matches!(
        next.index,
        Err(NoIndex::TruncatedWing {
            term: TermName::Next,
            wing: Wing::Calls,
            ..
        })
    ));
}

#[test]
fn list_that_ends_at_a_negligible_price_is_whole() {
    // 0.25 % of 3.75 is 0.009375.
    let mut rows = ROWS[2..].to_vec();
    rows[0].3 = 0.009;
    rows[0].4 = 0.009;
    assert!(with_near(&rows).index.is_ok());
    rows[0].4 = 0.01;
    assert!(with_near(&rows).index.is_err());
}

#[test]
fn wing_without_any_price_gives_no_number() {
    let rows = changed(|rows| {
        for row in &mut rows[..5] {
            row.3 = 0.0;
        }
    });
    assert_eq!(
        with_near(&rows).index,
        Err(NoIndex::EmptyWing {
            term: TermName::Near,
            wing: Wing::Puts
        })
    );
}

#[test]
fn chain_without_pairs_or_without_strike_below_forward_has_no_terms() {
    let rows = changed(|rows| {
        for row in rows.iter_mut() {
            row.1 = 0.0;
        }
    });
    let result = with_near(&rows);
    assert_eq!(
        result.index,
        Err(NoIndex::NoForward {
            term: TermName::Near
        })
    );
    assert_eq!(result.near, None);
    let only_above = with_near(&ROWS[6..]);
    assert!(
        matches!(only_above.index, Err(NoIndex::NoStrikeBelowForward { forward, .. }) if forward < 105.0),
        "{:?}",
        only_above.index
    );
}

#[test]
fn quotes_that_contradict_each_other_give_no_number() {
    // Every option is almost free, and yet call and put at 100 are 60 apart.
    let rows: Vec<Row> = vec![
        (80.0, 0.0, 0.05, 0.0, 0.05),
        (90.0, 0.0, 0.05, 0.0, 0.05),
        (95.0, 0.0, 0.05, 0.01, 0.01),
        (100.0, 60.0, 60.0, 0.01, 0.01),
        (105.0, 0.01, 0.01, 0.0, 0.05),
        (110.0, 0.0, 0.05, 0.0, 0.05),
        (115.0, 0.0, 0.05, 0.0, 0.05),
    ];
    assert_eq!(
        with_near(&rows).index,
        Err(NoIndex::NoVariance {
            term: TermName::Near
        })
    );
}

#[test]
fn chain_takes_the_expiries_next_to_thirty_days_within_23_to_37() {
    let days = [16.0, 24.0, 29.0, 33.0, 36.0, 44.0];
    let chain: Vec<Expiry> = days
        .iter()
        .map(|days| expiry(days * 1440.0, 0.0, &ROWS))
        .collect();
    let result = index_of_chain(&chain);
    assert_eq!(
        (
            result.near.map(|term| term.minutes),
            result.next.map(|term| term.minutes)
        ),
        (Some(29.0 * 1440.0), Some(33.0 * 1440.0))
    );
    for missing in [[23.0, 33.0], [29.0, 37.0]] {
        let chain = missing.map(|days| expiry(days * 1440.0, 0.0, &ROWS));
        assert!(
            matches!(
                index_of_chain(&chain).index,
                Err(NoIndex::NotBracketed { .. })
            ),
            "{missing:?}"
        );
    }
}

fn any_price() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        3 => (0.0..50.0).prop_map(Some),
        1 => Just(Some(0.0)),
        1 => Just(None),
        1 => any::<f64>().prop_map(Some),
    ]
}

fn any_quote() -> impl Strategy<Value = OptionQuote> {
    let strike = prop_oneof![
        4 => (1_u32..40).prop_map(|strike| f64::from(strike) * 5.0),
        1 => any::<f64>(),
    ];
    (strike, any::<bool>(), any_price(), any_price(), any_price()).prop_map(
        |(strike, call, bid, ask, mark)| OptionQuote {
            strike,
            kind: if call {
                OptionKind::Call
            } else {
                OptionKind::Put
            },
            bid,
            ask,
            mark,
        },
    )
}

proptest! {
    #[test]
    fn index_does_not_depend_on_the_unit_of_money(scale in 1e-6_f64..1e6) {
        let scaled: Vec<Row> = ROWS
            .iter()
            .map(|row| {
                (row.0 * scale, row.1 * scale, row.2 * scale, row.3 * scale, row.4 * scale)
            })
            .collect();
        let before = with_near(&ROWS).index.unwrap_or(f64::NAN);
        let after = index(&expiry(NEAR, 0.0, &scaled), &expiry(NEXT, 0.0, &scaled))
            .index
            .unwrap_or(f64::NAN);
        prop_assert!((after / before - 1.0).abs() < 1e-9, "{before} {after}");
    }

    #[test]
    fn index_does_not_depend_on_the_order_of_quotes(
        shuffled in Just(quotes(&ROWS)).prop_shuffle()
    ) {
        let near = Expiry::new(NEAR, 0.0, shuffled).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(index(&near, &expiry(NEXT, 0.0, &ROWS)), with_near(&ROWS));
    }

    #[test]
    fn any_rows_give_a_positive_number_or_a_reason(
        near in proptest::collection::vec(any_quote(), 0..120),
        next in proptest::collection::vec(any_quote(), 0..120),
        minutes in any::<f64>(),
        rate in any::<f64>(),
    ) {
        prop_assert!(Expiry::new(minutes, 0.0, near.clone()).is_ok() == (minutes.is_finite() && minutes > 0.0));
        let rate = if rate.abs() < 1.0 { rate } else { 0.01 };
        let near = Expiry::new(NEAR, rate, near).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let next = Expiry::new(NEXT, rate, next).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let results = [
            index(&near, &next),
            index_of_chain(&[near.clone(), next.clone()]),
            super::super::mfiv::index(&[near, next], THIRTY_DAYS),
        ];
        for result in results {
            match result.index {
                Ok(index) => prop_assert!(index.is_finite() && index > 0.0),
                Err(reason) => prop_assert!(!reason.to_string().is_empty()),
            }
            for term in [result.near, result.next].into_iter().flatten() {
                prop_assert!(term.variance.is_finite());
                for pair in term.strikes.windows(2) {
                    prop_assert!(pair[0].strike < pair[1].strike);
                }
            }
        }
    }
}
