use airdrops_chain::Progress;
use airdrops_types::{Answer, I256, Outcome, TxResult, U256};

use crate::node::{BASE_FEE, GAS, SendFault};
use crate::permits::{
    Bench, CONFIRMATIONS, NOW, TIP, intent, later, native, permit, token, wallet,
};

async fn poll_one(bench: &Bench, seconds: u64) -> Progress {
    let polled = bench
        .manager
        .poll(&[native(), token()], later(seconds))
        .await
        .unwrap();
    assert_eq!(polled.errors, []);
    let [progress] = <[Progress; 1]>::try_from(polled.progress).unwrap();
    progress
}

async fn submitted(bench: &Bench) -> airdrops_chain::Submitted {
    bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap()
}

fn outcome(progress: Progress) -> Outcome {
    match progress {
        Progress::Final(outcome) => outcome,
        other => panic!("not final: {other:?}"),
    }
}

fn amount(value: i128) -> I256 {
    I256::try_from(value).unwrap()
}

#[tokio::test]
async fn an_outcome_is_final_only_after_the_confirmations_and_tells_every_delta() {
    let bench = Bench::new();
    let sent = submitted(&bench).await;
    assert!(matches!(
        poll_one(&bench, 1).await,
        Progress::Waiting {
            confirmations: 0,
            ..
        }
    ));
    bench.node.mine(1);
    for seen in 0..CONFIRMATIONS {
        assert!(
            matches!(
                poll_one(&bench, 2).await,
                Progress::Waiting { confirmations, tx, .. } if confirmations == seen && tx == sent.tx
            ),
            "{seen}"
        );
        bench.node.mine(1);
    }
    let outcome = outcome(poll_one(&bench, 3).await);
    assert_eq!(outcome.tx, sent.tx);
    assert_eq!(outcome.result, TxResult::Succeeded);
    let fee = u128::from(GAS) * (BASE_FEE + TIP);
    assert_eq!(outcome.fee, U256::from(fee));
    assert_eq!(outcome.deltas[0].delta, -amount(fee.try_into().unwrap()));
    assert_eq!(outcome.deltas[1].delta, amount(1000));
    assert_eq!(bench.log.only_slot().mined.unwrap().1, outcome.block);
}

#[tokio::test]
async fn a_lost_answer_leads_to_the_same_bytes_and_one_effect() {
    let bench = Bench::new();
    bench.node.world().faults.push_back(SendFault::AnswerLost);
    let sent = submitted(&bench).await;
    assert!(matches!(sent.answer, Answer::Unknown { .. }));
    let progress = poll_one(&bench, 1).await;
    assert!(
        matches!(progress, Progress::Rebroadcast { answer: Answer::Accepted, tx, .. } if tx == sent.tx)
    );
    assert_eq!(bench.node.distinct_sent().len(), 1);
    assert_eq!(bench.node.world().sends, 2);
    bench.node.mine(4);
    outcome(poll_one(&bench, 2).await);
    assert_eq!(bench.node.mined_count(), 1);
}

#[tokio::test]
async fn accepted_bytes_that_the_pool_lost_are_sent_again_only_after_a_while() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.drop_pool();
    assert!(matches!(
        poll_one(&bench, 59).await,
        Progress::Waiting { .. }
    ));
    assert_eq!(bench.node.world().sends, 1);
    assert!(matches!(
        poll_one(&bench, 60).await,
        Progress::Rebroadcast {
            answer: Answer::Accepted,
            ..
        }
    ));
    assert_eq!(bench.node.distinct_sent().len(), 1);
    bench.node.mine(4);
    outcome(poll_one(&bench, 61).await);
}

#[tokio::test]
async fn after_a_reorganisation_the_same_bytes_are_sent_and_are_final_once() {
    let bench = Bench::new();
    let sent = submitted(&bench).await;
    bench.node.mine(2);
    assert!(matches!(
        poll_one(&bench, 1).await,
        Progress::Waiting {
            confirmations: 1,
            ..
        }
    ));
    let first_block = bench.log.only_slot().mined.unwrap().1;
    bench.node.reorg(2);
    bench.node.mine(1);
    assert!(matches!(poll_one(&bench, 2).await, Progress::ReorgedOut { tx, .. } if tx == sent.tx));
    assert_eq!(bench.log.only_slot().mined, None);
    assert_eq!(bench.node.distinct_sent().len(), 1);
    bench.node.mine(3);
    let outcome = outcome(poll_one(&bench, 3).await);
    assert_ne!(outcome.block.hash, first_block.hash);
    assert_eq!(outcome.deltas[1].delta, amount(1000));
    assert_eq!(bench.node.mined_count(), 1);
}

#[tokio::test]
async fn confirmations_begin_again_when_the_transaction_is_in_another_block() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.mine(2);
    poll_one(&bench, 1).await;
    let first = bench.log.only_slot().mined.unwrap().1;
    // The block goes, and the transaction comes back at once in another one of the same height.
    bench.node.reorg(2);
    bench.node.deliver_again();
    bench.node.mine(1);
    assert!(matches!(
        poll_one(&bench, 2).await,
        Progress::Waiting {
            confirmations: 0,
            ..
        }
    ));
    let second = bench.log.only_slot().mined.unwrap().1;
    assert_eq!(second.number, first.number);
    assert_ne!(second.hash, first.hash);
    bench.node.mine(2);
    assert_eq!(outcome(poll_one(&bench, 3).await).block, second);
}

#[tokio::test]
async fn a_revert_and_running_out_of_gas_are_told_apart() {
    for runs_out in [false, true] {
        let bench = Bench::new();
        {
            let mut world = bench.node.world();
            world.reverts = true;
            world.runs_out_of_gas = runs_out;
        }
        submitted(&bench).await;
        bench.node.mine(4);
        let outcome = outcome(poll_one(&bench, 1).await);
        assert_eq!(
            outcome.result,
            TxResult::Reverted {
                out_of_gas: runs_out
            }
        );
        assert_eq!(outcome.deltas[1].delta, I256::ZERO);
    }
}

#[tokio::test]
async fn a_refused_transaction_is_stuck_and_not_failed() {
    let bench = Bench::new();
    let refused = || SendFault::Refused("insufficient funds for gas * price + value");
    bench.node.world().faults.push_back(refused());
    submitted(&bench).await;
    assert!(matches!(
        poll_one(&bench, 1).await,
        Progress::Stuck {
            nonce_consumed_by_other: false,
            ..
        }
    ));
    assert_eq!(bench.node.world().sends, 1);
    // When the funds are there, the same bytes go through.
    assert!(matches!(
        poll_one(&bench, 60).await,
        Progress::Rebroadcast {
            answer: Answer::Accepted,
            ..
        }
    ));
    assert_eq!(bench.node.distinct_sent().len(), 1);
}

#[tokio::test]
async fn a_nonce_used_by_somebody_else_is_told_only_when_it_is_confirmed() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.drop_pool();
    bench.node.foreign_transaction(wallet());
    assert!(matches!(
        poll_one(&bench, 100).await,
        Progress::Waiting { .. }
    ));
    bench.node.mine(1);
    assert!(matches!(
        poll_one(&bench, 101).await,
        Progress::Waiting { .. }
    ));
    bench.node.mine(1);
    assert!(matches!(
        poll_one(&bench, 102).await,
        Progress::Stuck {
            nonce_consumed_by_other: true,
            ..
        }
    ));
    assert_eq!(
        bench.node.world().sends,
        1,
        "a used nonce is not sent again"
    );
}

#[tokio::test]
async fn receipts_that_come_late_do_not_look_like_a_foreign_nonce() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.mine(1);
    bench.node.world().hides_receipts = true;
    for second in 1..5 {
        assert!(matches!(
            poll_one(&bench, second).await,
            Progress::Waiting { .. }
        ));
    }
    bench.node.world().hides_receipts = false;
    bench.node.mine(3);
    outcome(poll_one(&bench, 6).await);
}

#[tokio::test]
async fn a_receipt_of_a_block_that_is_not_canonical_confirms_nothing() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.mine(10);
    bench.node.world().stale_receipts = true;
    assert!(matches!(
        poll_one(&bench, 1).await,
        Progress::Waiting {
            confirmations: 0,
            ..
        }
    ));
    assert_eq!(bench.log.only_slot().mined, None);
    bench.node.world().stale_receipts = false;
    outcome(poll_one(&bench, 2).await);
}

#[tokio::test]
async fn two_transactions_in_one_block_are_not_counted_twice() {
    let bench = Bench::new();
    for step in 0..2 {
        bench
            .manager
            .submit(permit(&intent(step, NOW), NOW), NOW)
            .await
            .unwrap();
    }
    bench.node.mine(4);
    let polled = bench
        .manager
        .poll(&[native(), token()], later(1))
        .await
        .unwrap();
    let outcomes: Vec<Outcome> = polled.progress.into_iter().map(outcome).collect();
    assert_eq!(outcomes[0].block, outcomes[1].block);
    let fee = amount((u128::from(GAS) * (BASE_FEE + TIP)).try_into().unwrap());
    assert_eq!(outcomes[0].deltas[0].delta, -fee);
    assert_eq!(outcomes[0].deltas[1].delta, amount(2000));
    assert_eq!(outcomes[1].deltas[0].delta, -fee);
    assert_eq!(outcomes[1].deltas[1].delta, I256::ZERO);
}

#[tokio::test]
async fn an_unreachable_chain_is_an_error_beside_the_progress() {
    let bench = Bench::new();
    submitted(&bench).await;
    bench.node.world().silent = true;
    let polled = bench.manager.poll(&[], later(1)).await.unwrap();
    assert!(polled.progress.is_empty());
    assert_eq!(polled.errors.len(), 1);
    assert_eq!(bench.manager.open().unwrap().len(), 1);
}
