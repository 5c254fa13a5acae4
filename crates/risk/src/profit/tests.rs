#![allow(clippy::unwrap_used)]
use airdrops_types::{I256, Timestamp};

use super::*;

pub(super) fn fresh(dollars: u128) -> Reading<Price> {
    Reading::Fresh {
        value: Price(Price::SCALE * dollars),
        at: Timestamp(0),
    }
}

fn prices(of: &[(&str, u128)]) -> Prices {
    of.iter()
        .map(|(asset, dollars)| (AssetId::new(*asset), fresh(*dollars)))
        .collect()
}

/// Thousandths of an ether, or of a dollar.
fn milli(asset: &str, milli: u64) -> AssetAmount {
    let decimals = if asset == "ETH" { 18 } else { 6 };
    AssetAmount {
        asset: AssetId::new(asset),
        decimals,
        amount: U256::from(milli) * U256::from(10).pow(U256::from(decimals - 3)),
    }
}

fn delta(asset: &str, thousandths: i64) -> AssetDelta {
    let amount = milli(asset, thousandths.unsigned_abs());
    let size = I256::try_from(amount.amount).unwrap();
    AssetDelta {
        asset: amount.asset,
        decimals: amount.decimals,
        delta: if thousandths < 0 { -size } else { size },
    }
}

fn booked(events: &[(ProfitEvent, Prices)]) -> ProfitBook {
    let mut book = ProfitBook::default();
    for (event, prices) in events {
        book.book(event, prices).unwrap();
    }
    book
}

/// Opening: 2 ETH at $1,000 and $1,000.
fn start() -> Vec<(ProfitEvent, Prices)> {
    let then = prices(&[("ETH", 1000), ("USDC", 1)]);
    vec![
        (ProfitEvent::Opening(milli("ETH", 2000)), then.clone()),
        (ProfitEvent::Opening(milli("USDC", 1_000_000)), then),
    ]
}

fn at(eth: u128) -> Prices {
    prices(&[("ETH", eth), ("USDC", 1)])
}

fn d(dollars: i64) -> Usd {
    Usd::dollars(dollars)
}

#[track_caller]
fn assert_identity(profit: &Profit, equity: Usd) {
    assert_eq!(profit.total, equity - profit.net_flows - profit.opening);
}

#[test]
fn selling_realises_value_less_average_cost() {
    let mut events = start();
    // A second purchase at $2,000: 3 ETH cost $4,000 together.
    events.push((ProfitEvent::Inflow(milli("ETH", 1000)), at(2000)));
    // One sold at $2,500 for $2,490: the slippage is in what came in.
    let swap = vec![delta("ETH", -1000), delta("USDC", 2_490_000)];
    events.push((ProfitEvent::Transaction(swap), at(2500)));
    let book = booked(&events);
    let equity = d(2 * 2500 + 3490);
    let profit = book.mark(&at(2500), equity).unwrap();
    assert_eq!(profit.opening, d(3000));
    assert_eq!(profit.net_flows, d(2000));
    assert_eq!(profit.realised.0, 2_500_000_000 - 1_333_333_333);
    assert_eq!(
        book.held(&AssetId::new("USDC")).unwrap().2,
        d(3500),
        "what came in costs what was given"
    );
    assert_eq!(profit.residue, Usd::ZERO);
    assert_eq!(profit.total, d(3490));
    assert_identity(&profit, equity);
}

#[test]
fn a_deposit_and_a_withdrawal_are_no_profit() {
    let mut events = start();
    let before = booked(&events).mark(&at(2000), d(5000)).unwrap();
    assert_eq!((before.unrealised, before.total), (d(2000), d(2000)));
    events.push((ProfitEvent::Inflow(milli("ETH", 500)), at(2000)));
    let after = booked(&events).mark(&at(2000), d(6000)).unwrap();
    assert_eq!(after.total, before.total);
    let what = milli("ETH", 1250);
    let announced = true;
    events.push((ProfitEvent::Outflow { what, announced }, at(2000)));
    let book = booked(&events);
    let out = book.mark(&at(2000), d(3500)).unwrap();
    assert_eq!(out.total, before.total);
    assert_eq!(out.realised, Usd::ZERO);
    // 1.25 of 2.5 ETH that cost $3,000.
    assert_eq!(out.carried_out, d(2500 - 1500));
    assert_eq!(out.net_flows, d(1000 - 2500));
    assert_eq!(book.held(&AssetId::new("ETH")).unwrap().2, d(1500));
    assert_identity(&out, d(3500));
}

#[test]
fn what_left_unannounced_is_lost() {
    let mut events = start();
    let what = milli("ETH", 1000);
    let announced = false;
    events.push((ProfitEvent::Outflow { what, announced }, at(1500)));
    let profit = booked(&events).mark(&at(1500), d(2500)).unwrap();
    assert_eq!(profit.lost, d(1500));
    assert_eq!(profit.realised, d(500));
    assert_eq!(profit.total, d(500 + 500 - 1500));
    assert_eq!(profit.net_flows, Usd::ZERO);
    assert_identity(&profit, d(2500));
}

#[test]
fn gas_is_a_disposal_and_an_expense() {
    let mut events = start();
    for (kind, dollars) in [(FeeKind::Gas, 1100), (FeeKind::Other, 1200)] {
        let paid = milli("ETH", 100);
        events.push((ProfitEvent::Fee { kind, paid }, at(dollars)));
    }
    let profit = booked(&events).mark(&at(1000), d(2800)).unwrap();
    assert_eq!(profit.gas, d(110));
    assert_eq!(profit.fees, d(120));
    assert_eq!(profit.realised, d(10 + 20));
    assert_eq!(profit.total, d(-200));
    assert_identity(&profit, d(2800));
}

#[test]
fn a_claimed_airdrop_is_income_at_its_value_and_costs_that() {
    let mut events = start();
    let prices = prices(&[("ETH", 1000), ("USDC", 1), ("DROP", 2)]);
    events.push((ProfitEvent::Income(milli("DROP", 50_000)), prices.clone()));
    // A claim that is booked as a transaction which gives nothing is the same.
    let claim = ProfitEvent::Transaction(vec![delta("DROP", 50_000)]);
    events.push((claim, prices.clone()));
    let book = booked(&events);
    let profit = book.mark(&prices, d(3200)).unwrap();
    assert_eq!((profit.income, profit.total), (d(200), d(200)));
    assert_eq!(book.held(&AssetId::new("DROP")).unwrap().2, d(200));
}

#[test]
fn moving_into_a_vault_is_no_disposal() {
    let mut events = start();
    let supply = vec![delta("USDC", -1_000_000), delta("USDC", 1_000_000)];
    let before = booked(&events);
    // It needs no price either.
    let nothing_known = Prices::from([(AssetId::new("USDC"), Reading::missing("down"))]);
    events.push((ProfitEvent::Transaction(supply), nothing_known));
    assert_eq!(booked(&events), before);
}

#[test]
fn an_asset_without_a_price_is_worth_what_it_brings() {
    let mut events = start();
    let zero_cost = ProfitEvent::Income(milli("DROP", 10_000));
    events.push((zero_cost, at(1000)));
    let sale = vec![delta("DROP", -10_000), delta("USDC", 70_000)];
    events.push((ProfitEvent::Transaction(sale), at(1000)));
    let profit = booked(&events).mark(&at(1000), d(3070)).unwrap();
    assert_eq!((profit.income, profit.realised), (Usd::ZERO, d(70)));
    assert_identity(&profit, d(3070));
}

#[test]
fn unpriced_for_unpriced_is_at_cost_and_splits_evenly() {
    let mut events = start();
    let buy = vec![delta("USDC", -100_000), delta("A", 1000)];
    events.push((ProfitEvent::Transaction(buy), at(1000)));
    let swap = vec![delta("A", -1000), delta("B", 5), delta("C", 7)];
    events.push((ProfitEvent::Transaction(swap), at(1000)));
    let book = booked(&events);
    assert_eq!(book.held(&AssetId::new("A")), None);
    for asset in ["B", "C"] {
        assert_eq!(book.held(&AssetId::new(asset)).unwrap().2, d(50));
    }
    // They have no value: until somebody trades them, the money is gone.
    let profit = book.mark(&at(1000), d(2900)).unwrap();
    assert_eq!(profit.realised, Usd::ZERO);
    assert_eq!((profit.unrealised, profit.total), (d(-100), d(-100)));
}

#[test]
fn an_unpriced_part_is_worth_no_less_than_nothing() {
    let mut events = start();
    // $100 and an unpriced token for $90: the token brought nothing.
    events.push((ProfitEvent::Income(milli("A", 1)), at(1000)));
    let swap = vec![delta("USDC", -100_000), delta("A", -1), delta("ETH", 90)];
    events.push((ProfitEvent::Transaction(swap), at(1000)));
    let profit = booked(&events).mark(&at(1000), d(2990)).unwrap();
    assert_eq!(profit.realised, Usd::ZERO);
    assert_eq!(profit.unrealised, d(-10));
}

#[test]
fn what_a_transaction_gives_for_nothing_is_lost() {
    let mut events = start();
    let gift = ProfitEvent::Transaction(vec![delta("ETH", -500)]);
    events.push((gift, at(1200)));
    let profit = booked(&events).mark(&at(1200), d(2800)).unwrap();
    assert_eq!((profit.lost, profit.realised), (d(600), d(100)));
    assert_identity(&profit, d(2800));
}

#[test]
fn the_parts_of_what_came_in_take_all_that_was_given() {
    let mut events = start();
    let three = |eth| {
        let mut prices = prices(&[("A", 1), ("B", 1), ("C", 1)]);
        prices.extend(at(eth));
        prices
    };
    let swap = vec![
        delta("USDC", -100_000),
        delta("A", 33_000),
        delta("B", 33_000),
        delta("C", 33_000),
        delta("FREE", 1),
    ];
    events.push((ProfitEvent::Transaction(swap), three(1000)));
    let book = booked(&events);
    let costs: Vec<i128> = ["A", "B", "C", "FREE"]
        .iter()
        .map(|asset| book.held(&AssetId::new(*asset)).unwrap().2.0)
        .collect();
    assert_eq!(costs, [33_333_333, 33_333_333, 33_333_334, 0]);
}

#[test]
fn one_asset_with_two_decimals_is_one_entry() {
    let usdc = |decimals: u8, whole: u64| AssetAmount {
        asset: AssetId::new("USDC"),
        decimals,
        amount: U256::from(whole) * U256::from(10).pow(U256::from(decimals)),
    };
    let mut book = ProfitBook::default();
    for amount in [usdc(6, 5), usdc(18, 7), usdc(6, 1)] {
        book.book(&ProfitEvent::Opening(amount), &at(1)).unwrap();
    }
    let expected = (
        U256::from(13) * U256::from(10).pow(U256::from(18)),
        18,
        d(13),
    );
    assert_eq!(book.held(&AssetId::new("USDC")), Some(expected));
    // A bridge from six to eighteen decimals only moves it.
    let bridge = vec![
        AssetDelta {
            asset: AssetId::new("USDC"),
            decimals: 6,
            delta: -I256::try_from(1_000_000).unwrap(),
        },
        AssetDelta {
            asset: AssetId::new("USDC"),
            decimals: 18,
            delta: I256::try_from(1_000_000_000_000_000_000u64).unwrap(),
        },
    ];
    let before = book.clone();
    book.book(&ProfitEvent::Transaction(bridge), &at(1))
        .unwrap();
    assert_eq!(book, before);
}

#[test]
fn more_than_was_booked_costs_nothing_beyond_it() {
    let mut book = booked(&start());
    let swap = vec![delta("USDC", -1_010_000), delta("ETH", 1010)];
    book.book(&ProfitEvent::Transaction(swap), &at(1000))
        .unwrap();
    assert_eq!(book.held(&AssetId::new("USDC")), None);
    let profit = book.mark(&at(1000), d(3010)).unwrap();
    assert_eq!((profit.realised, profit.total), (d(10), d(10)));
}

#[test]
fn a_missing_price_books_nothing_and_a_stale_one_marks_nothing() {
    let mut book = booked(&start());
    let before = book.clone();
    let mut gone = at(1000);
    gone.insert(AssetId::new("ETH"), Reading::missing("down"));
    let swap = vec![delta("USDC", -1000), delta("ETH", 1)];
    let error = book
        .book(&ProfitEvent::Transaction(swap), &gone)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("price of ETH is missing: down")
    );
    assert_eq!(book, before);
    let mut old = at(1000);
    let stale = Reading::Stale {
        value: Price(Price::SCALE),
        at: Timestamp(0),
        reason: "old".to_owned(),
    };
    old.insert(AssetId::new("ETH"), stale);
    assert!(matches!(
        book.mark(&old, d(3000)),
        Err(ProfitError::NoPrice { .. })
    ));
    // What is not held needs no price.
    old.insert(AssetId::new("ETH"), fresh(1000));
    old.insert(AssetId::new("BTC"), Reading::missing("down"));
    assert!(book.mark(&old, d(3000)).is_ok());
}

#[test]
fn what_does_not_fit_is_an_error_and_books_nothing() {
    let mut book = booked(&start());
    let before = book.clone();
    let huge = AssetAmount {
        asset: AssetId::new("ETH"),
        decimals: 18,
        amount: U256::MAX,
    };
    let fine = AssetAmount {
        asset: AssetId::new("ETH"),
        decimals: 255,
        amount: U256::ZERO,
    };
    for what in [huge.clone(), fine] {
        let error = book.book(&ProfitEvent::Inflow(what), &at(1000));
        assert!(matches!(error, Err(ProfitError::Overflow { .. })));
        assert_eq!(book, before);
    }
    let announced = false;
    let drain = ProfitEvent::Outflow {
        what: huge,
        announced,
    };
    assert!(book.book(&drain, &at(1000)).is_err());
    assert!(matches!(
        book.mark(&at(1000), Usd(i128::MIN)),
        Err(ProfitError::Overflow { .. })
    ));
    assert_eq!(book, before);
}

#[test]
fn a_restart_keeps_the_book() {
    let book = booked(&start());
    let text = serde_json::to_string(&book).unwrap();
    let back: ProfitBook = serde_json::from_str(&text).unwrap();
    assert_eq!(back, book);
}

#[test]
fn what_is_not_booked_shows_as_residue() {
    let profit = booked(&start()).mark(&at(1000), d(3005)).unwrap();
    assert_eq!((profit.residue, profit.total), (d(5), d(5)));
}
