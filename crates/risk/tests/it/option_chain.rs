//! The index of a live option chain in the exchange's shape.

use airdrops_risk::volatility::OptionKind;
use airdrops_risk::volatility::deribit::{BookSummary, Instrument, implied};
use airdrops_types::{Reading, Timestamp, VolPoints};

use crate::world::NOW;

/// Price of the coin.
const FORWARD: f64 = 2000.0;

/// Expiries before and after 30 days from [`NOW`], each with its days.
const EXPIRIES: [(&str, f64); 2] = [("2FEB27", 18.0), ("1MAR27", 45.0)];

/// A chain of ETH whose every price is that of one volatility (a decimal fraction), in coin.
pub(crate) fn rows(volatility: f64) -> Vec<BookSummary> {
    let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let mut rows = Vec::new();
    for (expiry, days) in EXPIRIES {
        let deviation = volatility * (days / 365.0_f64).sqrt();
        for strike in (500..8000_u32).step_by(50) {
            let to = f64::from(strike);
            // Black 1976, equation 8, without interest.
            let above = (FORWARD / to).ln() / deviation + deviation / 2.0;
            let call = FORWARD * normal(above) - to * normal(above - deviation);
            for (kind, price) in [("C", call), ("P", call - FORWARD + to)] {
                rows.push(BookSummary {
                    instrument_name: format!("ETH-{expiry}-{strike}-{kind}"),
                    bid: Some(0.99 * price / FORWARD),
                    ask: Some(1.01 * price / FORWARD),
                    mark: Some(price / FORWARD),
                    underlying: Some(FORWARD),
                    created: Some(NOW),
                });
            }
        }
    }
    rows
}

/// Without puts below a strike: the wings end where they are still worth something.
pub(crate) fn truncated(mut rows: Vec<BookSummary>) -> Vec<BookSummary> {
    rows.retain(|row| {
        let option = Instrument::parse(&row.instrument_name).unwrap();
        option.kind == OptionKind::Call || option.strike > 1900.0
    });
    rows
}

pub(crate) fn fresh(rows: Vec<BookSummary>) -> Reading<Vec<BookSummary>> {
    crate::world::fresh(rows)
}

fn refused(rows: Vec<BookSummary>) -> String {
    match implied(fresh(rows)) {
        Reading::Missing { reason } => reason,
        known => panic!("{known:?}"),
    }
}

#[test]
fn a_chain_of_one_volatility_has_that_index_at_its_own_time() {
    for volatility in [0.4, 0.8, 1.2] {
        let index = implied(fresh(rows(volatility)));
        let percent = index.fresh().unwrap().percent();
        assert!((percent / volatility - 100.0).abs() < 0.5, "{percent}");
    }
}

#[test]
fn an_old_chain_gives_an_old_number_and_none_gives_its_reason() {
    let known = implied(fresh(rows(0.8)));
    let old = implied(fresh(rows(0.8)).disputed("20 min old"));
    assert_eq!(old.last_known(), known.fresh());
    assert_eq!(old.defect().as_deref(), Some("stale: 20 min old"));
    let none = implied(Reading::missing("no answer yet"));
    assert_eq!(none, Reading::missing("no answer yet"));
}

#[test]
fn a_chain_that_cannot_be_believed_gives_no_number_and_says_why() {
    assert!(refused(truncated(rows(0.8))).contains("put wing of the near term is truncated"));
    let mut near = rows(0.8);
    near.retain(|row| row.instrument_name.contains("2FEB27"));
    assert!(refused(near).contains("do not bracket 30 days"));
    let mut mixed = rows(0.8);
    mixed[0].instrument_name = "BTC-2FEB27-500-C".into();
    assert!(refused(mixed).contains("are mixed"));
    assert!(refused(Vec::new()).contains("do not bracket 30 days"));
    let mut old = rows(0.8);
    for row in &mut old {
        row.created = Some(Timestamp(0));
    }
    assert!(refused(old).contains("do not bracket 30 days"));
    let mut absurd = rows(0.8);
    for row in &mut absurd {
        if row.instrument_name.contains("-2000-") {
            (row.bid, row.ask, row.mark) = (Some(1e3), Some(1e3), Some(1e3));
        }
    }
    assert!(refused(absurd).ends_with("is not believed"));
}

#[test]
fn one_liar_among_the_rows_is_dropped() {
    let honest = implied(fresh(rows(0.8)));
    let mut lying = rows(0.8);
    let far = lying
        .iter_mut()
        .find(|row| row.instrument_name.ends_with("-500-P"));
    far.unwrap().bid = Some(f64::NAN);
    let points = |reading: &Reading<VolPoints>| reading.fresh().unwrap().0;
    assert!(points(&implied(fresh(lying))).abs_diff(points(&honest)) <= 1);
}
