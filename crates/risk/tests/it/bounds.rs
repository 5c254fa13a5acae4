//! Bounds are met exactly, and one step beyond them is refused.

use airdrops_types::{AssetId, Bps, Reservation, U256, Usd};

use crate::case::case;
use crate::world::{GWEI, HERE, Kind, fresh, id, usd};

#[test]
fn a_transaction_may_have_all_the_gas_that_a_block_allows_it() {
    let mut case = case(Kind::Supply, 100);
    // Half as much again and 60,000: 2^24.
    case.ran().gas_used = 11_144_811;
    assert_eq!(case.permitted().gas_limit, 1 << 24);
    case.ran().gas_used += 1;
    case.refused(&["simulation"]);
}

#[test]
fn a_cancellation_offers_a_quarter_more_than_the_ceiling() {
    let terms = case(Kind::Cancel, 0).permitted();
    assert_eq!(terms.max_fee_per_gas, 62 * GWEI + GWEI / 2);
}

#[test]
fn all_of_a_token_may_be_spent() {
    let mut case = case(Kind::Supply, 100);
    case.policy.protocol_limit = Bps::WHOLE;
    case.snapshot.holdings[2].amount = fresh(usd(100));
    case.permitted();
    case.snapshot.holdings[2].amount = fresh(usd(100) - U256::from(1));
    case.refused(&["insufficient_funds"]);
}

#[test]
fn what_another_intent_claims_of_an_asset_counts() {
    // ETH: 20,000 and 1,000 more, of 100,000.
    let claiming = |dollars| {
        let mut case = case(Kind::Swap, 1_000);
        let limits = &mut case.policy.asset_limits;
        limits.insert(AssetId::new("ETH"), Bps(2_200));
        case.state.reservations.reserve(Reservation {
            intent: id(77),
            chain: HERE,
            protocols: Vec::new(),
            assets: vec![(AssetId::new("ETH"), Usd::dollars(dollars))],
            nodes: Vec::new(),
            booked_at: None,
        });
        case
    };
    claiming(1_000).permitted();
    claiming(1_001).refused(&["asset_limit"]);
}
