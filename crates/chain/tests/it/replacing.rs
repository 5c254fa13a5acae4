use airdrops_chain::{FeePair, Progress, SubmitError, least_replacement};
use airdrops_types::{Answer, Bytes, Intent, TxResult, U256};

use crate::node::{BASE_FEE, GAS};
use crate::permits::{Bench, NOW, TIP, cancellation, intent, later, permit, permit_at, token};

/// The base fee at which the gate's fee, twice the base fee plus the tip, is `fee`.
fn base_fee_for(fee: u128, tip: u128) -> u128 {
    (fee - tip).div_ceil(2)
}

async fn bench_with_one() -> (Bench, Intent, FeePair) {
    let bench = Bench::new();
    let wanted = intent(0, NOW);
    bench
        .manager
        .submit(permit(&wanted, NOW), NOW)
        .await
        .unwrap();
    let needed = least_replacement(&bench.log.only_slot().attempts).unwrap();
    (bench, wanted, needed)
}

#[test]
fn a_bump_is_strictly_more_than_a_tenth_even_for_tiny_fees() {
    let attempt = |fee: u128| airdrops_types::Attempt {
        tx: Default::default(),
        raw: Bytes::new(),
        cancels: false,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: fee,
        gas_limit: 1,
        signed_at: NOW,
        broadcast_at: None,
        answer: None,
    };
    for fee in [0, 1, 7, 8, 9, 10, 1000, BASE_FEE, u128::MAX / 100] {
        let bumped = least_replacement(&[attempt(fee)]).unwrap().max_fee_per_gas;
        assert!(bumped * 10 > fee * 11, "{fee} -> {bumped}");
        assert!(bumped * 8 > fee * 9, "{fee} -> {bumped}");
    }
    // The highest of all attempts counts, not the last.
    assert_eq!(
        least_replacement(&[attempt(800), attempt(8)])
            .unwrap()
            .max_fee_per_gas,
        901
    );
    assert_eq!(least_replacement(&[attempt(u128::MAX)]), None);
    assert_eq!(least_replacement(&[]), None);
}

#[tokio::test]
async fn a_bump_keeps_the_nonce_and_only_one_of_both_is_mined() {
    let (bench, wanted, needed) = bench_with_one().await;
    let tip = needed.max_priority_fee_per_gas;
    let base = base_fee_for(needed.max_fee_per_gas, tip);
    let replaced = bench
        .manager
        .replace(permit_at(&wanted, base, tip, NOW), NOW)
        .await
        .unwrap();
    assert_eq!(replaced.nonce, 0);
    assert_eq!(replaced.answer, Answer::Accepted);
    let slot = bench.log.only_slot();
    assert_eq!(slot.attempts.len(), 2);
    assert!(!slot.attempts[1].cancels);
    bench.node.mine(4);
    let polled = bench.manager.poll(&[token()], later(1)).await.unwrap();
    assert!(matches!(&polled.progress[..], [Progress::Final(outcome)]
            if outcome.tx == replaced.tx && outcome.result == TxResult::Succeeded));
    assert_eq!(bench.node.mined_count(), 1);
}

#[tokio::test]
async fn the_original_counts_if_it_is_mined_after_all() {
    let (bench, wanted, needed) = bench_with_one().await;
    let original = bench.log.only_slot().attempts[0].tx;
    let tip = needed.max_priority_fee_per_gas;
    let base = base_fee_for(needed.max_fee_per_gas, tip);
    // The replacement is lost on its way.
    let lost = crate::node::SendFault::NotDelivered;
    bench.node.world().faults.push_back(lost);
    bench
        .manager
        .replace(permit_at(&wanted, base, tip, NOW), NOW)
        .await
        .unwrap();
    bench.node.mine(4);
    let polled = bench.manager.poll(&[], later(1)).await.unwrap();
    assert!(matches!(&polled.progress[..], [Progress::Final(outcome)] if outcome.tx == original));
}

#[tokio::test]
async fn one_wei_too_little_on_either_field_is_refused() {
    let (bench, wanted, needed) = bench_with_one().await;
    let tip = needed.max_priority_fee_per_gas;
    let enough = base_fee_for(needed.max_fee_per_gas, tip);
    for (base, tip) in [(enough - 1, tip), (enough * 2, tip - 1)] {
        let error = bench
            .manager
            .replace(permit_at(&wanted, base, tip, NOW), NOW)
            .await
            .unwrap_err();
        assert!(matches!(error, SubmitError::FeeTooLow { .. }), "{error}");
    }
    assert_eq!(bench.log.only_slot().attempts.len(), 1);
    assert_eq!(bench.node.world().sends, 1);
}

#[tokio::test]
async fn a_cancellation_uses_the_nonce_for_nothing() {
    let (bench, wanted, needed) = bench_with_one().await;
    let cancel = cancellation(&wanted);
    let tip = needed.max_priority_fee_per_gas;
    let cancelled = bench
        .manager
        .replace(permit_at(&cancel, BASE_FEE, tip, NOW), NOW)
        .await
        .unwrap();
    let slot = bench.log.only_slot();
    assert_eq!(slot.intent.id, wanted.id);
    assert!(slot.attempts[1].cancels);
    assert_eq!(cancelled.nonce, 0);
    // From here on only the cancellation may be replaced.
    let error = bench
        .manager
        .replace(permit_at(&wanted, 400 * BASE_FEE, 10 * TIP, NOW), NOW)
        .await
        .unwrap_err();
    assert_eq!(error, SubmitError::BeingCancelled(wanted.id));
    bench.node.mine(4);
    let polled = bench.manager.poll(&[token()], later(1)).await.unwrap();
    let [Progress::Final(outcome)] = &polled.progress[..] else {
        panic!("{polled:?}");
    };
    assert_eq!(outcome.intent, wanted.id);
    assert_eq!(outcome.result, TxResult::Cancelled);
    assert_eq!(outcome.gas_used, GAS);
    assert!(outcome.deltas[0].delta.is_zero());
}

#[tokio::test]
async fn a_replacement_with_another_effect_is_refused() {
    let (bench, wanted, _) = bench_with_one().await;
    let mut other = wanted.clone();
    other.call.data = Bytes::from([1, 2, 3, 4, 5]);
    let error = bench
        .manager
        .replace(permit_at(&other, 100 * BASE_FEE, 10 * TIP, NOW), NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, SubmitError::OtherEffect { .. }), "{error}");
    assert_eq!(bench.node.world().sends, 1);
}

#[tokio::test]
async fn what_is_mined_unknown_or_settled_cannot_be_replaced() {
    let (bench, wanted, _) = bench_with_one().await;
    let bump = || permit_at(&wanted, 100 * BASE_FEE, 10 * TIP, NOW);
    let unknown = intent(7, NOW);
    assert_eq!(
        bench
            .manager
            .replace(permit(&unknown, NOW), NOW)
            .await
            .unwrap_err(),
        SubmitError::NothingToReplace(unknown.id)
    );
    bench.node.mine(1);
    // Not seen by a poll yet, but in a block.
    assert_eq!(
        bench.manager.replace(bump(), NOW).await.unwrap_err(),
        SubmitError::AlreadyMined(wanted.id)
    );
    bench.manager.poll(&[], later(1)).await.unwrap();
    assert_eq!(
        bench.manager.replace(bump(), NOW).await.unwrap_err(),
        SubmitError::AlreadyMined(wanted.id)
    );
    bench.log.settle(wanted.id);
    assert_eq!(
        bench.manager.replace(bump(), NOW).await.unwrap_err(),
        SubmitError::NothingToReplace(wanted.id)
    );
    assert_eq!(bench.node.world().sends, 1);
}

#[tokio::test]
async fn a_gas_limit_is_never_lowered() {
    let (bench, wanted, _) = bench_with_one().await;
    let mut lighter = wanted.clone();
    if let Some(simulation) = &mut lighter.simulation {
        simulation.gas_used = 1;
    }
    let error = bench
        .manager
        .replace(permit_at(&lighter, 100 * BASE_FEE, 10 * TIP, NOW), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SubmitError::GasLimitLowered { .. }),
        "{error}"
    );
    assert_eq!(U256::from(bench.node.world().sends), U256::from(1));
}
