//! Open allowances are exposure to whoever may use them; and what a chain charges for bytes.

use airdrops_types::{
    Address, AllowanceChange, AllowanceView, Bps, ChainId, ProtocolId, Reading, Reason, Token,
    U256, Usd,
};

use crate::case::{Case, case};
use crate::world::{
    FARM, GWEI, HERE, Kind, NOW, ROUTER, VAULT, WALLET, fresh, policy, snapshot, usd, usdc, wei,
    weth,
};
use airdrops_risk::Exposure;

fn open(token: Token, spender: Address, protocol: &str, amount: U256) -> AllowanceView {
    AllowanceView {
        wallet: WALLET,
        token,
        spender,
        protocol: ProtocolId::new(protocol),
        amount,
    }
}

fn with_open(kind: Kind, dollars: u64, allowances: Vec<AllowanceView>) -> Case {
    let mut case = case(kind, dollars);
    case.snapshot.allowances.insert(HERE, fresh(allowances));
    case
}

fn growth_of_vault(case: &Case) -> Vec<(String, Usd)> {
    case.permitted().reservation.protocols
}

#[test]
fn an_open_allowance_is_exposure_up_to_the_balance() {
    let measure = |amount| {
        let mut snapshot = snapshot(crate::world::Wealth::PLENTY, GWEI);
        let view = open(usdc(), VAULT, "vault-1", amount);
        snapshot.allowances.insert(HERE, fresh(vec![view]));
        Exposure::strict(&snapshot, &policy()).unwrap()
    };
    let none = measure(U256::ZERO);
    let some = measure(usd(300));
    assert_eq!(
        some.protocol("vault"),
        none.protocol("vault") + Usd::dollars(300)
    );
    assert_eq!(some.equity, none.equity);
    assert_eq!(some.assets, none.assets);
    let unlimited = measure(U256::MAX);
    assert_eq!(
        unlimited.protocol("vault"),
        none.protocol("vault") + Usd::dollars(60_000)
    );
}

#[test]
fn an_approval_counts_against_the_limit_of_its_protocol() {
    let mut case = case(Kind::Approve, 1_000);
    let limits = &mut case.policy.protocol_limits;
    limits.insert("vault".to_owned(), Bps(1_100));
    assert_eq!(
        growth_of_vault(&case),
        [("vault".to_owned(), Usd::dollars(1_000))]
    );
    let limits = &mut case.policy.protocol_limits;
    limits.insert("vault".to_owned(), Bps(1_099));
    case.refused(&["protocol_limit"]);
}

#[test]
fn using_an_allowance_up_is_no_further_growth() {
    let spent = open(usdc(), VAULT, "vault-1", usd(1_000));
    let case = with_open(Kind::Supply, 1_000, vec![spent]);
    assert_eq!(growth_of_vault(&case), []);
    // Half of it was left open: the rest of the deposit is growth.
    let half = open(usdc(), VAULT, "vault-1", usd(500));
    let case = with_open(Kind::Supply, 1_000, vec![half]);
    assert_eq!(
        growth_of_vault(&case),
        [("vault".to_owned(), Usd::dollars(500))]
    );
}

#[test]
fn an_allowance_that_stays_open_is_not_credited() {
    let spent = open(usdc(), VAULT, "vault-1", usd(1_000));
    let mut case = with_open(Kind::Supply, 1_000, vec![spent]);
    // The simulation shows no change of the allowance.
    case.ran().used_allowances.clear();
    assert_eq!(
        growth_of_vault(&case),
        [("vault".to_owned(), Usd::dollars(1_000))]
    );
}

#[test]
fn what_arrives_under_an_open_allowance_is_exposure() {
    // The pool's router may take all wrapped ether; the swap brings $1,000 of it.
    let all = open(weth(), ROUTER, "pool-1", U256::MAX);
    let roomy = |mut case: Case| {
        let limits = &mut case.policy.protocol_limits;
        limits.insert("pool".to_owned(), Bps::WHOLE);
        case
    };
    let case = roomy(with_open(Kind::Swap, 1_000, vec![all]));
    let claimed = case.permitted().reservation.protocols;
    assert_eq!(claimed, [("pool".to_owned(), Usd::dollars(1_000))]);
    // Up to the allowance.
    let some = open(weth(), ROUTER, "pool-1", wei(10_200));
    let case = roomy(with_open(Kind::Swap, 1_000, vec![some]));
    let claimed = case.permitted().reservation.protocols;
    assert_eq!(claimed, [("pool".to_owned(), Usd::dollars(200))]);
}

#[test]
fn an_allowance_of_one_spender_is_none_of_another() {
    // The pool's router may take all wrapped ether; the farm and the vault may take less.
    let all = open(weth(), ROUTER, "pool-1", U256::MAX);
    let nothing = open(weth(), FARM, "farm-1", U256::ZERO);
    let little = open(weth(), VAULT, "vault-1", wei(1));
    let mut case = with_open(Kind::Swap, 1_000, vec![nothing, little, all]);
    let limits = &mut case.policy.protocol_limits;
    limits.insert("pool".to_owned(), Bps::WHOLE);
    // What the vault was allowed is used up.
    case.ran().used_allowances = vec![AllowanceChange {
        token: weth(),
        spender: VAULT,
        amount: U256::ZERO,
    }];
    let claimed = case.permitted().reservation.protocols;
    assert_eq!(claimed, [("pool".to_owned(), Usd::dollars(1_000))]);
}

#[test]
fn what_has_left_the_wallet_can_no_longer_be_taken_from_it() {
    let all = open(usdc(), ROUTER, "pool-1", U256::MAX);
    let case = with_open(Kind::Supply, 1_000, vec![all]);
    assert_eq!(
        growth_of_vault(&case),
        [("vault".to_owned(), Usd::dollars(1_000))]
    );
}

#[test]
fn allowances_of_another_wallet_are_not_credited() {
    let mut other = open(usdc(), VAULT, "vault-1", usd(1_000));
    other.wallet = Address::repeat_byte(0xbb);
    let case = with_open(Kind::Supply, 1_000, vec![other]);
    assert_eq!(
        growth_of_vault(&case),
        [("vault".to_owned(), Usd::dollars(1_000))]
    );
}

#[test]
fn unknown_allowances_deny_new_exposure() {
    let mut case = case(Kind::Supply, 1_000);
    case.snapshot.allowances.clear();
    let reasons = case.refused(&["not_fresh"]);
    assert_eq!(
        reasons[0],
        Reason::NotFresh {
            what: "allowances on chain 1".to_owned(),
            defect: "missing: not observed".to_owned(),
        }
    );
    let old = Reading::Stale {
        value: Vec::new(),
        at: NOW,
        reason: "old".to_owned(),
    };
    case.snapshot.allowances.insert(HERE, old);
    case.refused(&["not_fresh"]);
    // Nobody may be given an allowance on another chain.
    case.snapshot.allowances.insert(HERE, fresh(Vec::new()));
    case.snapshot
        .allowances
        .insert(ChainId(77), Reading::missing("down"));
    case.permitted();
}

#[test]
fn a_data_fee_counts_twice_against_the_fee_limit() {
    // 120,000 gas become 240,000 at 2.1 gwei: about $1.01.
    let mut case = case(Kind::Supply, 1_000);
    case.policy.fee_limit = Usd::dollars(11);
    case.ran().data_fee = Some(wei(4));
    case.permitted();
    case.ran().data_fee = Some(wei(5));
    case.refused(&["fee_limit"]);
}

#[test]
fn an_unknown_data_fee_denies_new_exposure_only_where_one_is_due() {
    for kind in [Kind::Supply, Kind::Withdraw] {
        let mut case = case(kind, 1_000);
        case.permitted();
        case.policy.data_fees.insert(HERE);
        if kind.increases() {
            case.refused(&["not_fresh"]);
        }
        case.ran().data_fee = Some(U256::ZERO);
        case.permitted();
    }
}

#[test]
fn the_wallet_must_have_the_data_fee() {
    let mut case = case(Kind::Supply, 1_000);
    case.policy.fee_limit = Usd::dollars(100_000);
    case.ran().data_fee = Some(wei(2_400));
    case.permitted();
    case.ran().data_fee = Some(wei(2_500));
    case.refused(&["insufficient_funds"]);
}
