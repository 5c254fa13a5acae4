use super::super::no_index::{NoIndex, Wing};
use super::super::option_chain::{OptionKind, OptionQuote};
use super::super::variance_strip::Term;
use super::*;

/// Strike, then bid, ask and mark of the out-of-the-money option; zero is "none".
const PUTS: [(f64, f64, f64, f64); 5] = [
    (60.0, 0.1, 0.2, 0.15),
    (70.0, 0.4, 0.6, 0.5),
    (80.0, 1.2, 1.4, 1.3),
    (90.0, 3.0, 3.2, 3.1),
    (100.0, 7.0, 7.2, 7.1),
];
const CALLS: [(f64, f64, f64, f64); 5] = [
    (100.0, 7.8, 8.0, 7.9),
    (110.0, 3.6, 3.8, 3.7),
    (120.0, 1.6, 1.8, 1.7),
    (140.0, 0.4, 0.6, 0.5),
    (180.0, 0.1, 0.2, 0.15),
];

type Edit = fn(&mut [(f64, f64, f64, f64); 5], &mut [(f64, f64, f64, f64); 5]);

fn expiry(minutes: f64, edit: Edit) -> Expiry {
    let (mut puts, mut calls) = (PUTS, CALLS);
    edit(&mut puts, &mut calls);
    let quote = |kind| {
        move |&(strike, bid, ask, mark): &(f64, f64, f64, f64)| OptionQuote {
            strike,
            kind,
            bid: Some(bid),
            ask: (ask > 0.0).then_some(ask),
            mark: Some(mark),
        }
    };
    let quotes = puts
        .iter()
        .map(quote(OptionKind::Put))
        .chain(calls.iter().map(quote(OptionKind::Call)));
    Expiry::new(minutes, 0.0, quotes).unwrap_or_else(|error| panic!("{error}"))
}

fn with_near(edit: Edit) -> ImpliedIndex {
    index(
        &[expiry(10_000.0, edit), expiry(30_000.0, |_, _| ())],
        FOURTEEN_DAYS,
    )
}

/// Strike and price.
fn used(edit: Edit) -> Vec<(f64, f64)> {
    with_near(edit)
        .near
        .unwrap_or_else(|| panic!("no term"))
        .strikes
        .iter()
        .map(|strike| (strike.strike, (strike.price * 1e9).round() / 1e9))
        .collect()
}

#[test]
fn wing_goes_on_behind_strikes_without_a_bid() {
    let prices = used(|puts, _| {
        puts[1].1 = 0.0;
        puts[2].1 = 0.0;
    });
    assert_eq!(prices[..2], [(60.0, 0.15), (90.0, 3.1)]);
}

#[test]
fn option_without_an_ask_counts_with_its_mark() {
    let prices = used(|puts, _| puts[3] = (90.0, 1.0, 0.0, 3.3));
    assert_eq!(prices[3], (90.0, 3.3));
}

#[test]
fn middle_far_above_the_mark_gives_way_to_the_mark() {
    let below = used(|puts, _| puts[3] = (90.0, 2.0, 6.9, 3.0));
    assert_eq!(below[3], (90.0, 4.45), "1.483 marks");
    let at = used(|puts, _| puts[3] = (90.0, 2.0, 7.0, 3.0));
    assert_eq!(at[3], (90.0, 3.0), "1.5 marks");
}

#[test]
fn missing_mark_leaves_the_middle() {
    let prices = used(|puts, _| puts[3].3 = 0.0);
    assert_eq!(prices[3], (90.0, 3.1));
}

#[test]
fn wing_is_truncated_whatever_ended_it() {
    let withdrawn: Edit = |puts, _| {
        for put in &mut puts[..3] {
            put.1 = 0.0;
        }
    };
    let Err(NoIndex::TruncatedWing {
        wing: Wing::Puts,
        strike,
        share,
        limit,
        ..
    }) = with_near(withdrawn).index
    else {
        panic!("a wing that ends at 41 % of the price at K0")
    };
    assert_eq!(strike, 90.0);
    assert!((share - 3.1 / 7.5).abs() < 1e-12);
    assert_eq!(limit, 0.05);
    let ended: Edit = |_, calls| {
        calls[3] = (140.0, 0.4, 0.6, 0.5);
        calls[4].1 = 0.0;
    };
    assert!(
        matches!(
            with_near(ended).index,
            Err(NoIndex::TruncatedWing {
                wing: Wing::Calls,
                ..
            })
        ),
        "6.7 %"
    );
    assert!(with_near(|_, _| ()).index.is_ok(), "2 %");
}

#[test]
fn horizon_lies_between_the_closest_expiries() {
    let chain: Vec<Expiry> = [50_000.0, 5_000.0, 30_000.0, 20_160.0]
        .map(|minutes| expiry(minutes, |_, _| ()))
        .into();
    let minutes = |result: ImpliedIndex| {
        let minutes = |term: Option<Term>| term.map(|term| term.minutes);
        (minutes(result.near), minutes(result.next))
    };
    assert_eq!(
        minutes(index(&chain, FOURTEEN_DAYS)),
        (Some(20_160.0), Some(30_000.0))
    );
    assert_eq!(
        minutes(index(&chain, THIRTY_DAYS)),
        (Some(30_000.0), Some(50_000.0))
    );
    assert_eq!(
        index(&chain, 60_000.0).index,
        Err(NoIndex::NotBracketed {
            horizon: 60_000.0,
            near: Some(50_000.0),
            next: None
        })
    );
    for horizon in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        assert!(index(&chain, horizon).index.is_err(), "{horizon}");
    }
    assert!(index(&[], THIRTY_DAYS).index.is_err());
}
