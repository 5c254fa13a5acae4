//! What decisions never do, and what they always do.

use airdrops_allocation::rebalance::{
    Book, BookError, Decision, Effort, Method, Order, Reason, Side, Unit, Value, decide, order,
};
use airdrops_types::{AssetId, Bps, ChainId, ControlState, Price, Token, Usd};
use proptest::prelude::*;

use super::random::{any_book, any_controls, book, holding, limit, worth};

fn decided(book: &Book) -> Decision {
    decide(book, &Effort::default()).unwrap()
}

fn told(decision: &Decision) -> Vec<String> {
    decision.orders.iter().map(Order::to_string).collect()
}

/// What a limit measures, as a sum of its own and in hundredths of a basis point of a micro-dollar.
fn measure(book: &Book, limit: usize, sizes: &[Usd]) -> i128 {
    let members = book.limits[limit].members.iter();
    members
        .map(|(index, share)| sizes[*index].0 * i128::from(share.0))
        .sum()
}

/// Takes every order by itself and looks at all limits, reckoning with nothing of the program's.
fn walk(book: &Book, decision: &Decision) -> Result<(), TestCaseError> {
    let mut sizes = book.sizes();
    let mut cash = book.cash;
    for order in &decision.orders {
        let before: Vec<i128> = (0..book.limits.len())
            .map(|limit| measure(book, limit, &sizes))
            .collect();
        let holding = &book.holdings[order.holding];
        prop_assert!(
            order.amount.0 > 0 && order.amount <= holding.cap,
            "{order:#}"
        );
        let sign = if order.side == Side::Allocate { 1 } else { -1 };
        sizes[order.holding] = Usd(sizes[order.holding].0 + sign * order.amount.0);
        prop_assert!(sizes[order.holding] >= holding.locked, "{order:#}");
        for (limit, before) in before.into_iter().enumerate() {
            let after = measure(book, limit, &sizes);
            let kept = after <= book.limits[limit].max.0 * 10_000;
            prop_assert!(
                kept || after <= before,
                "{order:#}: {}",
                book.limits[limit].name
            );
        }
        let left = Usd(cash.0 - sign * order.amount.0 - order.cost.total().0);
        prop_assert_eq!(left, order.cash_after);
        let dear_cure =
            order.side == Side::Withdraw && !matches!(order.reason, Reason::Worth { .. });
        prop_assert!(
            left >= book.reserve || left >= cash || dear_cure,
            "{order:#}"
        );
        cash = left;
    }
    prop_assert_eq!(&sizes, &decision.sizes);
    prop_assert_eq!(order::check(book, &decision.orders).unwrap(), sizes);
    Ok(())
}

/// The sizes that are least, as far as states and locks and the number of transactions go.
fn least(book: &Book) -> Vec<Usd> {
    let holdings = book.holdings.iter();
    holdings
        .map(|holding| match holding.control.max(book.control) {
            ControlState::Halted | ControlState::Locked => holding.value,
            _ => holding.locked,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_prefix_of_the_orders_breaks_a_limit_that_it_did_not_find_broken(
        mut book in any_book(), (everything, states) in any_controls(),
    ) {
        walk(&book, &decided(&book))?;
        book.control = everything;
        for (holding, state) in book.holdings.iter_mut().zip(states) {
            holding.control = state;
        }
        walk(&book, &decided(&book))?;
    }

    #[test]
    fn a_broken_limit_is_cured_as_far_as_locks_and_control_states_allow(
        mut book in any_book(), (_, states) in any_controls(),
    ) {
        for (holding, state) in book.holdings.iter_mut().zip(states) {
            holding.control = state;
        }
        let decision = decided(&book);
        let least = least(&book);
        for (index, limit) in book.limits.iter().enumerate() {
            let reachable = (limit.max.0 * 10_000).max(measure(&book, index, &least));
            prop_assert!(measure(&book, index, &decision.sizes) <= reachable, "{}", limit.name);
            let broken = limit.measure(&decision.sizes) > limit.max;
            let told = decision.uncured.iter().any(|one| one.limit == limit.name);
            prop_assert_eq!(broken, told);
        }
    }

    #[test]
    fn nothing_grows_where_only_less_is_allowed_and_nothing_moves_where_nothing_is(
        mut book in any_book(), (everything, states) in any_controls(),
    ) {
        book.control = everything;
        for (holding, state) in book.holdings.iter_mut().zip(states) {
            holding.control = state;
        }
        let decision = decided(&book);
        for (holding, size) in book.holdings.iter().zip(&decision.sizes) {
            match everything.max(holding.control) {
                ControlState::Active | ControlState::Cautious => (),
                ControlState::Reducing => prop_assert!(*size <= holding.value),
                ControlState::Halted | ControlState::Locked => prop_assert_eq!(*size, holding.value),
            }
        }
        if everything >= ControlState::Halted {
            prop_assert!(decision.orders.is_empty());
        }
    }

    #[test]
    fn a_plan_is_worth_at_least_nothing_or_at_least_what_its_cures_are(book in any_book()) {
        let decision = decided(&book);
        let left = decision.orders.last().map_or(book.cash, |order| order.cash_after);
        let sizes = book.holdings.iter().zip(&decision.sizes);
        let gains = sizes.map(|(held, size)| held.worth.gain(*size) - held.worth.gain(held.value));
        let gain = gains.sum::<Usd>() + book.idle.gain(left) - book.idle.gain(book.cash);
        if left >= Usd::ZERO {
            prop_assert_eq!(decision.gain, gain);
        }
        prop_assert!(decision.net() >= decision.cure);
        prop_assert!(decision.net() >= decision.greedy);
        prop_assert!(decision.net() <= decision.bound, "{} {}", decision.net(), decision.bound);
        prop_assert!(decision.bound <= decision.relaxation);
        let before = book.sizes();
        let broken = book.limits.iter().any(|limit| limit.measure(&before) > limit.max);
        if !broken && book.cash >= book.reserve {
            prop_assert_eq!(decision.cure, Usd::ZERO);
            let mut reasons = decision.orders.iter().map(|order| &order.reason);
            let wanted = reasons.all(|reason| matches!(reason, Reason::Worth { .. }));
            prop_assert!(wanted);
        }
    }

    #[test]
    fn dearer_gas_never_raises_the_net_benefit(book in any_book(), more in 1..3_000_i64) {
        let cheap = decided(&book);
        let mut dear = book.clone();
        for holding in &mut dear.holdings {
            holding.gas_in += Usd(i128::from(more) * 10_000);
            holding.gas_out += Usd(i128::from(more) * 10_000);
        }
        let dear = decided(&dear);
        // As far as either is known: the cheap plan is within its gap of the best.
        prop_assert!(dear.net() <= cheap.bound);
        prop_assert!(dear.net().0 <= cheap.net().0 + cheap.gap().0);
    }

    #[test]
    fn orders_go_down_before_they_go_up_and_cures_come_first(book in any_book()) {
        let orders = decided(&book).orders;
        let first_up = orders.iter().position(|order| order.side == Side::Allocate);
        let last_down = orders.iter().rposition(|order| order.side == Side::Withdraw);
        if let (Some(up), Some(down)) = (first_up, last_down) {
            prop_assert!(down < up);
        }
        let cure = |order: &Order| order.side == Side::Withdraw
            && !matches!(order.reason, Reason::Worth { .. })
            && order.cost.total() <= order.amount;
        let plain = |order: &Order| order.side == Side::Withdraw
            && matches!(order.reason, Reason::Worth { .. });
        if let (Some(plain), Some(cure)) =
            (orders.iter().position(plain), orders.iter().rposition(cure))
        {
            prop_assert!(cure < plain);
        }
    }

    #[test]
    fn parts_are_within_the_cap_as_few_as_can_be_and_sum_to_the_move(mut book in any_book()) {
        book.idle = Value::default();
        let decision = decided(&book);
        for (index, (holding, size)) in book.holdings.iter().zip(&decision.sizes).enumerate() {
            let parts: Vec<&Order> =
                decision.orders.iter().filter(|order| order.holding == index).collect();
            let moved = (size.0 - holding.value.0).abs();
            prop_assert_eq!(parts.iter().map(|part| part.amount.0).sum::<i128>(), moved);
            let count = (moved + holding.cap.0 - 1) / holding.cap.0;
            prop_assert_eq!(parts.len() as i128, count);
            let gas = if size.0 < holding.value.0 { holding.gas_out } else { holding.gas_in };
            prop_assert!(parts.iter().all(|part| part.cost.gas == gas));
            let benefit: Usd = parts.iter().map(|part| part.benefit).sum();
            prop_assert_eq!(benefit, holding.worth.gain(*size) - holding.worth.gain(holding.value));
            prop_assert!(
                *size == holding.value || *size == holding.locked || *size >= holding.min_position
            );
        }
    }

    #[test]
    fn ten_times_the_money_is_ten_times_the_benefit(book in any_book()) {
        let one = decided(&book);
        let mut large = book.clone();
        let ten = |usd: &mut Usd| *usd = Usd(usd.0 * 10);
        ten(&mut large.cash);
        ten(&mut large.reserve);
        for limit in &mut large.limits {
            ten(&mut limit.max);
        }
        for holding in &mut large.holdings {
            for usd in [
                &mut holding.value, &mut holding.locked, &mut holding.gas_in, &mut holding.gas_out,
                &mut holding.cap, &mut holding.min_order, &mut holding.min_position,
            ] {
                ten(usd);
            }
            if let Some(depth) = &mut holding.depth {
                ten(depth);
            }
            for piece in &mut holding.worth.pieces {
                ten(&mut piece.to);
            }
        }
        for piece in &mut large.idle.pieces {
            ten(&mut piece.to);
        }
        let large = decided(&large);
        // Each is within its gap of its best, and the bests are one but for rounding.
        let rounding = 1_000;
        prop_assert!(large.net().0 <= one.bound.0 * 10 + rounding);
        prop_assert!(one.net().0 * 10 <= large.bound.0 + rounding);
    }

    #[test]
    fn a_replay_decides_alike_and_a_decision_survives_being_stored(book in any_book()) {
        let decision = decided(&book);
        let stored = serde_json::to_string(&(&book, &decision)).unwrap();
        let (book, again): (Book, Decision) = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&again, &decision);
        prop_assert_eq!(decided(&book), decision);
    }
}

#[test]
fn without_costs_the_targets_are_reached() {
    let equity = Usd::dollars(10_000);
    let targets = [3_000, 0, 1_234, 2_500];
    let holdings = targets
        .iter()
        .zip([1_000, 2_000, 1_300, 2_500])
        .map(|(target, value)| {
            let target = Usd::dollars(*target);
            let worth = Value::tracking(target, equity, equity, 360_000_000, 8);
            holding("a", value, worth)
        });
    let mut book = book(3_200, holdings.collect());
    for (index, holding) in book.holdings.iter_mut().enumerate() {
        holding.protocol = format!("p{index}").as_str().into();
    }
    let decision = decided(&book);
    assert_eq!(decision.sizes, targets.map(Usd::dollars));
    assert_eq!(
        decision.gap().0.min(10),
        decision.gap().0,
        "proven to rounding"
    );
}

#[test]
fn gas_for_each_transaction_decides_whether_and_how_far_to_move() {
    // 10 % on the first $1,000, 2 % on the next $1,000; a transaction moves $500 and costs gas.
    let mut held = holding("vault-x", 0, worth(&[(1_000, 10), (2_000, 2)]));
    held.cap = Usd::dollars(500);
    let mut book = book(5_000, vec![held]);
    for (gas, size, transactions) in [
        (0, 2_000, 4),
        (9, 2_000, 4),
        // The second $1,000 gain $10 per transaction, the first $50.
        (11, 1_000, 2),
        (49, 1_000, 2),
        (51, 0, 0),
    ] {
        book.holdings[0].gas_in = Usd::dollars(gas);
        let decision = decided(&book);
        assert_eq!(decision.sizes, [Usd::dollars(size)], "gas {gas}");
        assert_eq!(decision.orders.len(), transactions, "gas {gas}");
    }
}

#[test]
fn a_broken_limit_is_cured_even_if_that_costs_more_than_it_gains() {
    let mut held = holding("vault-x", 5_000, worth(&[(5_000, 10)]));
    held.gas_out = Usd::dollars(900);
    let mut book = book(0, vec![held]);
    book.limits.push(limit("family:vault", &[0], 4_000));
    let decision = decided(&book);
    assert_eq!(decision.sizes, [Usd::dollars(4_000)]);
    assert_eq!(decision.method, Method::Cure);
    assert_eq!(decision.net(), Usd::dollars(-1_000));
    assert_eq!(
        format!("{:#}", decision.orders[0]),
        "withdraw $1,000.00 from `stake` on `vault-x` (Scroll): costs $900.00, gains -$100.00: \
         family:vault measures $5,000.00, its limit is $4,000.00"
    );
    // Reducing cures as well, and halted does not.
    book.control = ControlState::Reducing;
    assert_eq!(decided(&book).sizes, [Usd::dollars(4_000)]);
    book.control = ControlState::Halted;
    let halted = decided(&book);
    assert_eq!((halted.method, halted.orders.len()), (Method::Stay, 0));
    assert_eq!(halted.uncured[0].measured, Usd::dollars(5_000));
}

#[test]
fn the_cheaper_member_cures_a_limit_of_several() {
    let mut cheap = holding("cheap", 3_000, worth(&[(3_000, 1)]));
    cheap.gas_out = Usd::dollars(1);
    let dear = holding("dear", 3_000, worth(&[(3_000, 9)]));
    let mut book = book(0, vec![dear, cheap]);
    book.limits.push(limit("chain:10", &[0, 1], 5_000));
    assert_eq!(
        decided(&book).sizes,
        [Usd::dollars(3_000), Usd::dollars(2_000)]
    );
}

#[test]
fn a_missing_reserve_is_restored() {
    let mut book = book(100, vec![holding("vault-x", 5_000, worth(&[(5_000, 10)]))]);
    book.reserve = Usd::dollars(400);
    let decision = decided(&book);
    assert_eq!(decision.sizes, [Usd::dollars(4_700)]);
    assert_eq!(decision.orders[0].cash_after, Usd::dollars(400));
    assert!(matches!(
        decision.orders[0].reason,
        Reason::RestoreCash { .. }
    ));
}

#[test]
fn price_impact_holds_back_what_gas_alone_would_not() {
    // 4 % of each dollar; $1,000 move the price by 1 %, so that the last dollar of d costs
    // d / $100,000: it pays up to $4,000.
    let mut held = holding("vault-x", 0, worth(&[(9_000, 4)]));
    held.depth = Some(Usd::dollars(1_000));
    let decision = decided(&book(9_000, vec![held]));
    assert_eq!(decision.sizes, [Usd::dollars(4_000)]);
    assert_eq!(decision.cost.impact, Usd::dollars(80));
}

#[test]
fn orders_tell_amounts_in_the_asset_where_there_is_a_price() {
    let mut held = holding("vault-x", 0, worth(&[(5_000, 10)]));
    held.unit = Some(Unit {
        token: Token {
            chain: ChainId(534_352),
            contract: None,
            asset: AssetId::new("ETH"),
            decimals: 18,
        },
        price: Price(4_000 * Price::SCALE),
    });
    let mut book = book(5_000, vec![held]);
    assert_eq!(
        told(&decided(&book)),
        ["allocate 1.25 ETH to `stake` on `vault-x` (Scroll)"]
    );
    book.holdings[0].cap = Usd::dollars(2_500);
    assert_eq!(
        told(&decided(&book)),
        [
            "allocate 0.625 ETH to `stake` on `vault-x` (Scroll), part 1 of 2",
            "allocate 0.625 ETH to `stake` on `vault-x` (Scroll), part 2 of 2",
        ]
    );
    book.holdings[0].unit = None;
    book.holdings[0].cap = Usd::dollars(5_000);
    assert_eq!(
        told(&decided(&book)),
        ["allocate $5,000.00 to `stake` on `vault-x` (Scroll)"]
    );
}

#[test]
fn cash_that_loses_is_invested_and_cash_that_gains_is_kept() {
    let mut book = book(5_000, vec![holding("vault-x", 0, worth(&[(5_000, 2)]))]);
    book.holdings[0].slippage = Bps(300);
    assert_eq!(decided(&book).sizes, [Usd::ZERO], "2 % do not pay 3 %");
    book.idle = worth(&[(1_000, 0), (9_000, -2)]);
    // Of what is left above $1,000 each dollar loses 2 %, so that 2 % pay: slippage is paid of it.
    let decision = decided(&book);
    let left = decision.orders[0].cash_after;
    assert!((left.0 - 1_000_000_000).abs() < 10, "{left:?}");
    book.idle = worth(&[(1_000, 5), (9_000, 1)]);
    book.holdings[0].slippage = Bps(0);
    assert_eq!(decided(&book).sizes, [Usd::dollars(4_000)]);
}

#[test]
fn a_small_position_opens_at_its_least_size_or_not_at_all() {
    let mut held = holding("vault-x", 0, worth(&[(200, 50), (1_000, -1)]));
    held.min_position = Usd::dollars(500);
    let mut book = book(5_000, vec![held]);
    assert_eq!(decided(&book).sizes, [Usd::dollars(500)]);
    book.limits.push(limit("chain:1", &[0], 400));
    assert_eq!(decided(&book).sizes, [Usd::ZERO]);
}

#[test]
fn orders_that_break_something_are_told_apart() {
    let mut book = book(5_000, vec![holding("vault-x", 0, worth(&[(5_000, 10)]))]);
    let orders = decided(&book).orders;
    assert!(order::check(&book, &orders).is_ok());
    book.limits.push(limit("chain:1", &[0], 4_999));
    let broken = order::check(&book, &orders).unwrap_err();
    assert_eq!(
        broken.to_string(),
        "order 0 takes chain:1 to $5,000.00, which may be at most $4,999.00"
    );
    book.limits.clear();
    book.reserve = Usd::dollars(1);
    let broken = order::check(&book, &orders).unwrap_err();
    assert_eq!(
        broken.to_string(),
        "order 0 leaves $0.00 of cash, the reserve is $1.00"
    );
    book.reserve = Usd::ZERO;
    book.holdings[0].control = ControlState::Reducing;
    assert!(order::check(&book, &orders).is_err());
    book.holdings[0].control = ControlState::Active;
    book.holdings[0].cap = Usd::dollars(4_000);
    assert!(order::check(&book, &orders).is_err());
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let good = book(5_000, vec![holding("vault-x", 100, worth(&[(5_000, 10)]))]);
    let refused = |change: &dyn Fn(&mut Book)| {
        let mut book = good.clone();
        change(&mut book);
        decide(&book, &Effort::default()).unwrap_err()
    };
    assert_eq!(
        refused(&|book| book.cash = Usd(-1)).to_string(),
        "cash of the book is $0.00, it must be from $0.00 to $1,000,000,000,000.00"
    );
    assert!(matches!(
        refused(&|book| book.holdings[0].cap = Usd::ZERO),
        BookError::Amount { .. }
    ));
    assert!(matches!(
        refused(&|book| book.holdings[0].value = Usd(i128::MAX)),
        BookError::Amount { .. }
    ));
    assert!(matches!(
        refused(&|book| book.holdings[0].locked = Usd::dollars(101)),
        BookError::Locked { .. }
    ));
    assert!(matches!(
        refused(&|book| book.holdings[0].slippage = Bps(10_001)),
        BookError::Share { .. }
    ));
    assert_eq!(
        refused(&|book| book.holdings[0].worth = worth(&[(10, 1), (20, 2)])).to_string(),
        "the value of vault-x: piece 1 has the rate 20000000, which may be from -1000000000000 to \
         10000000: rates never rise"
    );
    assert_eq!(
        refused(&|book| book.limits.push(limit("chain:1", &[1], 5))).to_string(),
        "limit chain:1 names holding 1, there are 1"
    );
    assert!(matches!(
        refused(&|book| book.limits.push(limit("chain:1", &[0, 0], 5))),
        BookError::Member { .. }
    ));
}

#[test]
fn an_empty_book_decides_nothing() {
    let decision = decided(&book(5_000, Vec::new()));
    assert_eq!((decision.method, decision.orders.len()), (Method::Stay, 0));
}

#[test]
fn more_limits_than_a_decision_handles_are_refused() {
    let mut book = book(5_000, vec![holding("vault-x", 0, worth(&[(5_000, 10)]))]);
    book.limits = vec![limit("chain:1", &[0], 5); 2_001];
    assert_eq!(
        decide(&book, &Effort::default()).unwrap_err().to_string(),
        "2001 limits, a decision is about at most 2000"
    );
}
