//! What is allowed at all, and whether the simulation shows what is declared.

use airdrops_types::{
    Address, AllowanceChange, I256, Intent, PositionDelta, ProtocolId, Reason, SimulationFailure,
    Token, TokenDelta, U256,
};

use crate::case::{Case, case};
use crate::world::{
    DROP, HERE, Kind, LP, NOW, ROUTER, THERE, VAULT, approve_data, minus, plus, remote_usdc, token,
    usd, usdc, wei, weth,
};

#[test]
fn only_the_listed_may_be_touched() {
    let foreign = Address::repeat_byte(0xee);
    type Change = fn(&mut Case);
    let break_it: [(&str, Change); 10] = [
        ("wallet", |case| case.policy.wallets.clear()),
        ("chain 1", |case| {
            case.policy.gas_ceilings.remove(&HERE);
        }),
        ("0x01020304", |case| case.policy.calls.clear()),
        ("0x01020304", |case| {
            case.policy.calls[0].protocol = ProtocolId::new("pool-1");
        }),
        ("0x01020304", |case| case.policy.calls[0].chain = THERE),
        ("plain transfer", |case| {
            case.intent.call.data = vec![1, 2, 3].into();
        }),
        ("USDC", |case| {
            case.policy.tokens.retain(|token| *token != usdc());
        }),
        ("USDC", |case| {
            case.intent.spend.push(remote_usdc().amount(U256::ZERO));
        }),
        ("protocol vault-1", |case| {
            case.policy.families.remove(&ProtocolId::new("vault-1"));
        }),
        ("protocol other-1", |case| {
            case.intent.positions[0].protocol = ProtocolId::new("other-1");
        }),
    ];
    for (what, change) in break_it {
        let mut case = case(Kind::Supply, 100);
        change(&mut case);
        let reasons = case.decide().unwrap_err();
        assert!(
            reasons.iter().any(
                |reason| matches!(reason, Reason::NotAllowed { what: named } if named.contains(what))
            ),
            "{what}: {reasons:?}"
        );
    }
    let mut case = case(Kind::Supply, 100);
    case.intent.call.to = foreign;
    case.refused(&["not_allowed"]);
}

#[test]
fn a_position_may_grow_on_another_configured_chain_only() {
    let mut case = case(Kind::Supply, 100);
    case.intent.positions[0].token = remote_usdc();
    case.permitted();
    case.policy.gas_ceilings.remove(&THERE);
    case.refused(&["not_allowed"]);
}

#[test]
fn an_approval_is_exact_bounded_and_for_a_listed_spender() {
    let foreign = Address::repeat_byte(0xee);
    let set = |case: &mut Case, spender, amount| {
        case.intent.call.data = approve_data(spender, amount);
        case.intent.allowances[0].spender = spender;
        case.intent.allowances[0].amount = amount;
        case.ran().allowances = case.intent.allowances.clone();
    };
    let mut other_spender = case(Kind::Approve, 100);
    set(&mut other_spender, foreign, usd(100));
    other_spender.refused(&["not_allowed"]);

    let mut unlimited = case(Kind::Approve, 100);
    set(&mut unlimited, VAULT, U256::MAX);
    let reasons = unlimited.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "not_allowed"));

    let mut unlike_data = case(Kind::Approve, 100);
    unlike_data.intent.call.data = approve_data(VAULT, usd(101));
    unlike_data.refused(&["not_allowed"]);

    let mut other_listed_spender = case(Kind::Approve, 100);
    other_listed_spender.intent.call.data = approve_data(ROUTER, usd(100));
    other_listed_spender.refused(&["not_allowed"]);

    let mut undeclared = case(Kind::Approve, 100);
    undeclared.intent.allowances.clear();
    undeclared.refused(&["not_allowed", "undeclared"]);

    let mut dirty_padding = case(Kind::Approve, 100);
    let mut data = approve_data(VAULT, usd(100)).to_vec();
    data[4] = 1;
    dirty_padding.intent.call.data = data.into();
    dirty_padding.refused(&["not_allowed"]);

    let mut trailing = case(Kind::Approve, 100);
    let mut data = approve_data(VAULT, usd(100)).to_vec();
    data.push(0);
    trailing.intent.call.data = data.into();
    trailing.refused(&["not_allowed"]);

    let mut elsewhere = case(Kind::Approve, 100);
    elsewhere.intent.call.to = foreign;
    elsewhere.refused(&["not_allowed", "not_allowed"]);

    let mut other_token = case(Kind::Approve, 100);
    other_token.intent.call.to = LP;
    other_token.refused(&["not_allowed"]);

    let more: [fn(&mut Intent); 3] = [
        |intent| intent.spend.push(usdc().amount(U256::ZERO)),
        |intent| intent.receive.push(usdc().amount(U256::ZERO)),
        |intent| {
            intent.positions.push(PositionDelta {
                protocol: ProtocolId::new("vault-1"),
                token: usdc(),
                delta: I256::ZERO,
            });
        },
    ];
    for declare in more {
        let mut declares_more = case(Kind::Approve, 100);
        declare(&mut declares_more.intent);
        declares_more.refused(&["not_allowed"]);
    }

    let mut with_value = case(Kind::Approve, 100);
    with_value.intent.call.value = U256::from(1);
    with_value.refused(&["not_allowed", "undeclared"]);
}

#[test]
fn only_an_approval_sets_an_allowance() {
    let mut case = case(Kind::Supply, 100);
    let set = AllowanceChange {
        token: usdc(),
        spender: ROUTER,
        amount: usd(5),
    };
    case.intent.allowances.push(set.clone());
    case.ran().allowances.push(set);
    case.refused(&["not_allowed"]);
}

#[test]
fn the_call_sends_no_more_native_currency_than_declared() {
    let mut case = case(Kind::Wrap, 100);
    case.intent.call.value += U256::from(1);
    case.refused(&["undeclared"]);
}

#[test]
fn a_simulation_is_needed_recent_and_successful() {
    let mut case = case(Kind::Withdraw, 100);
    case.ran().at = NOW.minus(case.policy.max_simulation_age);
    case.permitted();
    case.ran().at.0 -= 1;
    let reasons = case.refused(&["simulation"]);
    assert!(reasons[0].to_string().contains("30 s old"), "{reasons:?}");
    case.ran().at = NOW.plus(case.policy.max_simulation_age);
    case.permitted();
    case.ran().at.0 += 1;
    let reasons = case.refused(&["simulation"]);
    let told = reasons[0].to_string();
    assert!(told.contains("30 s in the future"), "{told}");
    case.ran().at = NOW;
    case.ran().failure = Some(SimulationFailure {
        reason: "paused".to_owned(),
        data: Default::default(),
    });
    case.refused(&["simulation"]);
    case.intent.simulation = None;
    case.refused(&["simulation"]);
}

#[test]
fn what_leaves_is_declared_and_what_is_promised_arrives() {
    let mut more = case(Kind::Supply, 100);
    more.ran().deltas[0].delta = minus(usd(100) + U256::from(1));
    more.refused(&["undeclared"]);

    let mut other = case(Kind::Supply, 100);
    other.ran().deltas.push(TokenDelta {
        token: weth(),
        delta: minus(U256::from(1)),
    });
    other.refused(&["undeclared"]);

    let mut less = case(Kind::Withdraw, 100);
    less.ran().deltas[0].delta = plus(usd(100) - U256::from(1));
    less.refused(&["simulation"]);

    let mut nothing = case(Kind::Withdraw, 100);
    nothing.ran().deltas.remove(0);
    nothing.refused(&["simulation"]);

    // Two entries of one token count together.
    let mut twice = case(Kind::Supply, 100);
    twice.ran().deltas.push(TokenDelta {
        token: usdc(),
        delta: minus(U256::from(1)),
    });
    twice.refused(&["undeclared"]);

    let mut unknown = case(Kind::Withdraw, 100);
    unknown.ran().unknown_allowances.push(DROP);
    unknown.refused(&["undeclared"]);
}

#[test]
fn a_token_that_is_spent_and_received_is_judged_by_the_difference() {
    let mut case = case(Kind::Supply, 100);
    case.intent.receive.push(usdc().amount(usd(30)));
    case.refused(&["simulation"]);
    case.ran().deltas[0].delta = minus(usd(70));
    case.permitted();
}

#[test]
fn an_allowance_in_the_simulation_is_declared_or_the_rest_of_a_used_one() {
    let rest = |amount: u64, spender: Address| {
        let mut case = case(Kind::Supply, 100);
        case.ran().deltas[0].delta = minus(usd(99));
        case.ran().allowances = vec![AllowanceChange {
            token: usdc(),
            spender,
            amount: U256::from(amount),
        }];
        case
    };
    rest(1_000_000, VAULT).permitted();
    rest(1_000_001, VAULT).refused(&["undeclared"]);
    rest(1, Address::repeat_byte(0xee)).refused(&["undeclared"]);

    let mut not_set = case(Kind::Approve, 100);
    not_set.ran().allowances.clear();
    not_set.refused(&["simulation"]);
}

#[test]
fn tokens_of_one_asset_on_two_chains_are_not_confused() {
    let mut case = case(Kind::Supply, 100);
    let there: Token = token(THERE, Some(VAULT), "USDC", 6);
    case.ran().deltas.push(TokenDelta {
        token: there,
        delta: minus(U256::from(1)),
    });
    case.refused(&["undeclared"]);
    assert_ne!(wei(1), usd(1));
}
