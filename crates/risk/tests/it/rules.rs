//! Limits, stops, freshness and fees, rule by rule.

use airdrops_risk::FOREIGN_NONCE;
use airdrops_types::{
    AssetId, Bps, ControlState, Intent, Origin, PositionDelta, ProtocolId, Reading, Reason, Scope,
    Timestamp, TokenDelta, Trip, U256, Usd,
};

use crate::case::case;
use crate::world::{
    DROP, GWEI, HERE, Kind, NOW, THERE, VAULT, WALLET, Wealth, eth, id, intent, plus, share,
    snapshot, usd, usdc, weth,
};

fn missing<T>() -> Reading<T> {
    Reading::missing("gone")
}

#[test]
fn every_kind_is_permitted_in_a_sound_world() {
    for kind in Kind::ALL {
        let terms = case(kind, 1_000).permitted();
        assert_eq!(terms.intent, id(1), "{kind:?}");
    }
}

#[test]
fn a_deposit_claims_its_protocol_and_no_new_asset() {
    let terms = case(Kind::Supply, 1_000).permitted();
    assert_eq!(
        terms.reservation.protocols,
        [("vault".to_owned(), Usd::dollars(1_000))]
    );
    assert_eq!(terms.reservation.assets, []);
    assert_eq!(
        terms.reservation.nodes,
        [("protocol:vault".into(), Usd::dollars(1_000))]
    );
    let terms = case(Kind::Swap, 1_000).permitted();
    assert_eq!(terms.reservation.protocols, []);
    assert_eq!(
        terms.reservation.nodes,
        [("asset:ETH".into(), Usd::dollars(1_000))]
    );
    // The simulated $1,000, not the declared least of $990.
    assert_eq!(
        terms.reservation.assets,
        [(AssetId::new("ETH"), Usd::dollars(1_000))]
    );
    let terms = case(Kind::Wrap, 1_000).permitted();
    assert!(terms.reservation.protocols.is_empty() && terms.reservation.assets.is_empty());
}

#[test]
fn value_that_leaves_for_nothing_counts_as_exposure_even_if_no_position_is_declared() {
    let mut case = case(Kind::Supply, 1_000);
    case.intent.positions.clear();
    let claims = case.permitted().reservation;
    let grown = Usd::dollars(1_000);
    assert_eq!(claims.protocols, [("vault".to_owned(), grown)]);
    assert_eq!(claims.nodes, [("protocol:vault".into(), grown)]);
}

#[test]
fn one_transaction_moves_at_most_its_share_of_equity() {
    case(Kind::Supply, 5_000).permitted();
    case(Kind::Supply, 5_001).refused(&["transaction_limit"]);
    case(Kind::Approve, 5_000).permitted();
    case(Kind::Approve, 5_001).refused(&["transaction_limit"]);
    case(Kind::Stake, 5_002).refused(&["transaction_limit"]);
    // The exit of a larger position is one transaction.
    case(Kind::Withdraw, 10_000).permitted();
}

#[test]
fn a_protocol_family_holds_at_most_its_share_of_equity() {
    let mut case = case(Kind::Supply, 1_000);
    case.policy
        .protocol_limits
        .insert("vault".to_owned(), Bps(1_100));
    case.permitted();
    case.policy
        .protocol_limits
        .insert("vault".to_owned(), Bps(1_099));
    let reasons = case.refused(&["protocol_limit"]);
    assert_eq!(
        reasons[0],
        Reason::ProtocolLimit {
            family: "vault".to_owned(),
            measured: Usd::dollars(11_000),
            bound: Usd::dollars(10_990),
            limit: Bps(1_099),
        }
    );
    // Another instance of the same family counts too.
    case.policy
        .protocol_limits
        .insert("vault".to_owned(), Bps(1_100));
    case.policy
        .families
        .insert(ProtocolId::new("pool-1"), "vault".to_owned());
    case.refused(&["protocol_limit"]);
}

#[test]
fn an_asset_is_at_most_its_share_of_equity_wherever_it_is() {
    // ETH: 5,000 + 10,000 in the wallet and 5,000 in the pool.
    let mut case = case(Kind::Swap, 1_000);
    case.policy
        .asset_limits
        .insert(AssetId::new("ETH"), Bps(2_100));
    case.permitted();
    case.policy
        .asset_limits
        .insert(AssetId::new("ETH"), Bps(2_099));
    case.refused(&["asset_limit"]);
    case.policy.asset_limits.remove(&AssetId::new("ETH"));
    case.policy.asset_limit = Bps(2_099);
    case.refused(&["asset_limit"]);
}

#[test]
fn all_reasons_are_given_at_once_in_a_fixed_order() {
    let mut case = case(Kind::Supply, 20_000);
    case.trip(Scope::Everything, ControlState::Reducing);
    case.policy.gas_ceilings.insert(HERE, GWEI / 2);
    case.policy.calls.clear();
    case.ran().unknown_outflows.push(DROP);
    case.refused(&[
        "control",
        "gas_ceiling",
        "not_allowed",
        "protocol_limit",
        "transaction_limit",
        "undeclared",
    ]);
}

#[test]
fn control_states_permit_less_and_less() {
    use ControlState::{Active, Cautious, Halted, Locked, Reducing};
    let states = [Active, Cautious, Reducing, Halted, Locked];
    let permitted = |kind: Kind, origin: Origin| {
        states.map(|state| {
            let mut case = case(kind, 1_000);
            case.intent.origin = origin;
            case.policy.protocol_limit = Bps(4_000);
            case.trip(Scope::Everything, state);
            case.decide().is_ok()
        })
    };
    for kind in Kind::ALL {
        let by_program = match kind {
            Kind::Cancel => [true, true, true, true, false],
            kind if kind.increases() => [true, true, false, false, false],
            _ => [true, true, true, false, false],
        };
        let by_operator = match kind {
            kind if kind.increases() => by_program,
            _ => [true, true, true, true, false],
        };
        assert_eq!(permitted(kind, Origin::Scheduler), by_program, "{kind:?}");
        assert_eq!(permitted(kind, Origin::Operator), by_operator, "{kind:?}");
    }
}

#[test]
fn a_stop_holds_where_it_is_and_names_itself() {
    let mut case = case(Kind::Supply, 100);
    case.trip(
        Scope::Protocol(ProtocolId::new("pool-1")),
        ControlState::Locked,
    );
    case.trip(Scope::Chain(THERE), ControlState::Locked);
    case.permitted();
    case.state.control.trip(Trip {
        scope: Scope::Wallet(WALLET),
        breaker: FOREIGN_NONCE.to_owned(),
        state: ControlState::Halted,
        since: NOW,
        evidence: "nonce 7 was used by 0xabc".to_owned(),
    });
    let reasons = case.refused(&["control"]);
    assert!(reasons[0].to_string().contains("foreign-nonce: nonce 7"));
    // Staking takes from the pool: a stop there covers it.
    let mut stake = crate::case::case(Kind::Stake, 100);
    stake.trip(
        Scope::Protocol(ProtocolId::new("pool-1")),
        ControlState::Reducing,
    );
    stake.refused(&["control"]);
}

#[test]
fn a_cautious_state_halves_transactions_and_protocols() {
    let cautious = |dollars| {
        let mut case = case(Kind::Supply, dollars);
        case.trip(Scope::Everything, ControlState::Cautious);
        case.policy
            .protocol_limits
            .insert("vault".to_owned(), Bps(2_400));
        case
    };
    cautious(2_000).permitted();
    cautious(2_001).refused(&["protocol_limit"]);
    cautious(2_501).refused(&["protocol_limit", "transaction_limit"]);
}

#[test]
fn gas_above_the_ceiling_waits_whatever_it_is_for() {
    for kind in Kind::ALL {
        let mut case = case(kind, 100);
        case.snapshot = snapshot(Wealth::PLENTY, 50 * GWEI);
        case.policy.fee_limit = Usd::dollars(1_000);
        case.permitted();
        case.snapshot = snapshot(Wealth::PLENTY, 50 * GWEI + 1);
        if kind == Kind::Cancel {
            case.permitted();
        } else {
            case.refused(&["gas_ceiling"]);
        }
    }
}

#[test]
fn the_terms_bound_gas_price_tip_and_units() {
    let mut case = case(Kind::Supply, 100);
    case.snapshot = snapshot(Wealth::PLENTY, 10 * GWEI);
    case.policy.fee_limit = Usd::dollars(1_000);
    case.tip = GWEI;
    let terms = case.permitted();
    assert_eq!(terms.max_fee_per_gas, 21 * GWEI);
    assert_eq!(terms.max_priority_fee_per_gas, GWEI);
    assert_eq!(terms.gas_limit, 120_000 * 3 / 2 + 60_000);
    case.snapshot = snapshot(Wealth::PLENTY, 40 * GWEI);
    let terms = case.permitted();
    assert_eq!(terms.max_fee_per_gas, 50 * GWEI);
    case.tip = 200 * GWEI;
    assert_eq!(case.permitted().max_priority_fee_per_gas, 50 * GWEI);
    case.tip = u128::MAX;
    let reasons = case.decide().unwrap_err();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.code() == "insufficient_funds")
    );

    case.tip = 0;
    case.ran().gas_used = 1 << 24;
    let reasons = case.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "simulation"));
}

#[test]
fn a_cancellation_may_outbid_what_it_cancels() {
    let mut case = case(Kind::Cancel, 0);
    let terms = case.permitted();
    assert!(terms.max_fee_per_gas >= 55 * GWEI);
    assert_eq!(terms.gas_limit, 30_000);
    assert!(terms.reservation.protocols.is_empty() && terms.reservation.assets.is_empty());
    case.snapshot.chains.clear();
    case.snapshot.prices.clear();
    case.snapshot.holdings.clear();
    case.permitted();
    let spoil: [fn(&mut Intent); 6] = [
        |intent| intent.call.value = U256::from(1),
        |intent| intent.call.to = VAULT,
        |intent| intent.call.data = vec![1].into(),
        |intent| intent.spend.push(usdc().amount(U256::ZERO)),
        |intent| intent.receive.push(usdc().amount(U256::ZERO)),
        |intent| {
            intent.positions.push(PositionDelta {
                protocol: ProtocolId::new("vault-1"),
                token: usdc(),
                delta: plus(usd(1)),
            });
        },
    ];
    for change in spoil {
        let mut case = crate::case::case(Kind::Cancel, 0);
        change(&mut case.intent);
        case.refused(&["not_allowed"]);
    }
}

#[test]
fn the_worst_case_fee_is_bounded_for_new_exposure() {
    // 240,000 gas at 2 · 20 + 0.1 gwei and $2,000 an ether: $19.25.
    let mut case = case(Kind::Supply, 100);
    case.snapshot = snapshot(Wealth::PLENTY, 20 * GWEI);
    case.policy.fee_limit = Usd(19_248_000);
    case.permitted();
    case.policy.fee_limit = Usd(19_247_999);
    case.refused(&["fee_limit"]);
    case.intent = intent(Kind::Withdraw, 1, 100);
    case.permitted();
}

#[test]
fn the_wallet_can_pay() {
    let mut tokens = case(Kind::Supply, 100);
    tokens.snapshot.holdings[2].amount = Reading::Fresh {
        value: usd(100) - U256::from(1),
        at: NOW,
    };
    tokens.policy.protocol_limit = Bps::WHOLE;
    tokens.refused(&["insufficient_funds"]);

    // All ether is sent: nothing is left for the fee.
    let mut native = case(Kind::Wrap, 1_000);
    native.snapshot = snapshot(
        Wealth {
            eth: 1_000,
            ..Wealth::PLENTY
        },
        GWEI,
    );
    native.refused(&["insufficient_funds"]);
    let mut exit = case(Kind::Withdraw, 100);
    exit.snapshot = snapshot(
        Wealth {
            eth: 0,
            ..Wealth::PLENTY
        },
        GWEI,
    );
    exit.refused(&["insufficient_funds"]);
}

#[test]
fn exits_need_no_prices_and_only_last_known_chain_data() {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.increases()) {
        let mut case = case(kind, 1_000);
        for price in case.snapshot.prices.values_mut() {
            *price = missing();
        }
        for view in &mut case.snapshot.positions {
            view.position = missing();
        }
        for chain in case.snapshot.chains.values_mut() {
            chain.head = missing();
            chain.base_fee = Reading::Stale {
                value: GWEI,
                at: NOW,
                reason: "old".to_owned(),
            };
        }
        for holding in &mut case.snapshot.holdings {
            if holding.token != eth() {
                holding.amount = missing();
            }
        }
        case.now = NOW;
        case.snapshot.at = Timestamp(0);
        case.permitted();
    }
}

#[test]
fn an_exit_waits_for_a_base_fee_and_a_native_balance_that_were_never_seen() {
    let mut fee = case(Kind::Withdraw, 100);
    fee.snapshot.chains.get_mut(&HERE).unwrap().base_fee = missing();
    fee.refused(&["not_fresh"]);
    let mut balance = case(Kind::Withdraw, 100);
    balance.snapshot.holdings[0].amount = missing();
    balance.refused(&["not_fresh"]);
}

#[test]
fn a_missing_price_does_not_make_a_spend_worthless() {
    let mut case = case(Kind::Supply, 100);
    case.intent.positions.clear();
    case.trip(Scope::Everything, ControlState::Reducing);
    case.snapshot.prices.insert(AssetId::new("USDC"), missing());
    let reasons = case.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "control"));
    // The gas asset has a value even if no price of it is listed.
    let mut wrap = crate::case::case(Kind::Wrap, 100);
    wrap.trip(Scope::Everything, ControlState::Reducing);
    wrap.snapshot.prices.remove(&AssetId::new("ETH"));
    let reasons = wrap.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "control"));
    assert!(reasons.iter().any(|reason| reason.code() == "not_fresh"));
}

#[test]
fn an_old_snapshot_permits_no_new_exposure() {
    let mut case = case(Kind::Supply, 100);
    case.snapshot.at = Timestamp(NOW.0 - 120_000);
    case.permitted();
    case.snapshot.at = Timestamp(NOW.0 - 120_001);
    case.refused(&["not_fresh"]);
}

#[test]
fn without_equity_nothing_is_measurable() {
    let mut case = case(Kind::Stake, 100);
    for holding in &mut case.snapshot.holdings {
        holding.amount = Reading::Fresh {
            value: U256::ZERO,
            at: NOW,
        };
    }
    for view in &mut case.snapshot.positions {
        view.position = Reading::Fresh {
            value: airdrops_types::Position {
                legs: Vec::new(),
                receipts: Vec::new(),
            },
            at: NOW,
        };
    }
    let reasons = case.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "unmeasurable"));
}

#[test]
fn absurd_amounts_are_refused_and_do_not_wrap() {
    let mut spend = case(Kind::Supply, 100);
    spend.intent.spend.push(usdc().amount(U256::MAX));
    spend.intent.positions[0].delta = airdrops_types::I256::MAX;
    let reasons = spend.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "unmeasurable"));

    let mut deltas = case(Kind::Supply, 100);
    for _ in 0..2 {
        deltas.ran().deltas.push(TokenDelta {
            token: weth(),
            delta: airdrops_types::I256::MIN,
        });
    }
    assert!(deltas.decide().is_err());

    let mut gas = case(Kind::Supply, 100);
    gas.ran().gas_used = u64::MAX;
    gas.snapshot = snapshot(Wealth::PLENTY, u128::MAX);
    assert!(gas.decide().is_err());
}

#[test]
fn a_growing_position_in_something_without_a_price_is_unmeasurable() {
    let mut case = case(Kind::Supply, 100);
    case.intent.positions[0].token = share();
    let reasons = case.decide().unwrap_err();
    assert!(reasons.iter().any(|reason| reason.code() == "unmeasurable"));
}

#[test]
fn a_change_of_the_stops_shows_in_the_next_terms() {
    let mut case = case(Kind::Withdraw, 100);
    let before = case.permitted().control_revision;
    case.trip(Scope::Everything, ControlState::Cautious);
    assert_eq!(case.permitted().control_revision, before + 1);
}
