//! Books to decide about: random ones for laws, and one that is easy to calculate with.

use airdrops_allocation::rebalance::{Book, Holding, Limit, Piece, Value};
use airdrops_types::{Bps, ControlState, ProtocolId, Usd};
use proptest::prelude::*;

/// Free of costs and limits, in dollars.
pub(crate) fn holding(name: &str, value: i64, worth: Value) -> Holding {
    Holding {
        protocol: ProtocolId::from(name),
        strategy: "stake".to_owned(),
        chain: "Scroll".to_owned(),
        unit: None,
        value: Usd::dollars(value),
        locked: Usd::ZERO,
        target: Usd::dollars(value),
        worth,
        gas_in: Usd::ZERO,
        gas_out: Usd::ZERO,
        slippage: Bps(0),
        depth: None,
        cap: Usd::dollars(1_000_000),
        min_order: Usd::ZERO,
        min_position: Usd::ZERO,
        control: ControlState::Active,
    }
}

/// Rates in percent over the horizon, up to ends in dollars.
pub(crate) fn worth(pieces: &[(i64, i64)]) -> Value {
    let pieces = pieces.iter().map(|(to, percent)| Piece {
        to: Usd::dollars(*to),
        rate: percent * 10_000_000,
    });
    Value {
        pieces: pieces.collect(),
    }
}

/// No limits, no reserve.
pub(crate) fn book(cash: i64, holdings: Vec<Holding>) -> Book {
    Book {
        cash: Usd::dollars(cash),
        reserve: Usd::ZERO,
        idle: Value::default(),
        holdings,
        limits: Vec::new(),
        control: ControlState::Active,
    }
}

pub(crate) fn limit(name: &str, members: &[usize], max: i64) -> Limit {
    Limit {
        name: name.to_owned(),
        members: members.iter().map(|index| (*index, Bps::WHOLE)).collect(),
        max: Usd::dollars(max),
    }
}

fn cents(most: i64) -> impl Strategy<Value = Usd> {
    (0..=most * 100).prop_map(|cents| Usd(i128::from(cents) * 10_000))
}

fn any_worth() -> impl Strategy<Value = Value> {
    let piece = (1..4_000_i64, 0..300_i64);
    (prop::collection::vec(piece, 1..5), -100..400_i64).prop_map(|(pieces, first)| {
        let (mut to, mut rate) = (0, first);
        let pieces = pieces.iter().map(|(width, fall)| {
            to += width;
            rate -= fall;
            Piece {
                to: Usd::dollars(to),
                rate: (rate + fall) * 1_000_000,
            }
        });
        Value {
            pieces: pieces.collect(),
        }
    })
}

fn any_holding() -> impl Strategy<Value = Holding> {
    let sizes = (
        prop_oneof![Just(Usd::ZERO), cents(8_000)],
        prop_oneof![3 => Just(0_u32), 1 => 0..=10_000_u32],
        any_worth(),
        cents(15),
        cents(15),
    );
    let rules = (
        0..60_u32,
        prop_oneof![Just(None), (500..50_000_i64).prop_map(Some)],
        300..5_000_i64,
        prop_oneof![Just(0), 0..300_i64],
        prop_oneof![Just(0), 0..900_i64],
    );
    (sizes, rules).prop_map(|(sizes, rules)| {
        let (value, locked, worth, gas_in, gas_out) = sizes;
        let (slippage, depth, cap, order, position) = rules;
        Holding {
            value,
            locked: value.fraction(Bps(locked)),
            gas_in,
            gas_out,
            slippage: Bps(slippage),
            depth: depth.map(Usd::dollars),
            cap: Usd::dollars(cap),
            min_order: Usd::dollars(order),
            min_position: Usd::dollars(position),
            ..holding("random", 0, worth)
        }
    })
}

/// One to seven holdings under up to four limits, which may be broken to begin with, as may the
/// reserve; all in `Active`.
pub(crate) fn any_book() -> impl Strategy<Value = Book> {
    let holdings = prop::collection::vec(any_holding(), 1..8);
    let limit = (
        prop::collection::vec(prop_oneof![Just(0_u32), Just(10_000), 1..=10_000_u32], 8),
        cents(15_000),
    );
    let limits = prop::collection::vec(limit, 0..5);
    let idle = prop_oneof![Just(Value::default()), any_worth()];
    (cents(20_000), cents(2_000), idle, holdings, limits).prop_map(
        |(cash, reserve, idle, mut holdings, limits)| {
            for (index, holding) in holdings.iter_mut().enumerate() {
                holding.protocol = ProtocolId::new(format!("protocol-{index}"));
            }
            let count = holdings.len();
            let limits = limits
                .into_iter()
                .enumerate()
                .map(|(index, (shares, max))| Limit {
                    name: format!("limit-{index}"),
                    members: shares
                        .into_iter()
                        .take(count)
                        .enumerate()
                        .filter(|(_, share)| *share > 0)
                        .map(|(member, share)| (member, Bps(share)))
                        .collect(),
                    max,
                });
            Book {
                cash,
                reserve,
                idle,
                limits: limits.collect(),
                holdings,
                control: ControlState::Active,
            }
        },
    )
}

/// A control state for everything and one for each of eight holdings.
pub(crate) fn any_controls() -> impl Strategy<Value = (ControlState, Vec<ControlState>)> {
    let state = || {
        prop_oneof![
            4 => Just(ControlState::Active),
            1 => Just(ControlState::Cautious),
            2 => Just(ControlState::Reducing),
            1 => Just(ControlState::Halted),
            1 => Just(ControlState::Locked),
        ]
    };
    (state(), prop::collection::vec(state(), 8))
}
