use airdrops_chain::{Progress, SubmitError};
use airdrops_types::{Answer, LogError, Timestamp};

use crate::node::SendFault;
use crate::permits::{Bench, NOW, TTL, cancellation, intent, later, permit, wallet};

#[tokio::test]
async fn nonce_and_bytes_are_in_the_log_and_the_same_bytes_on_the_wire() {
    let bench = Bench::new();
    let wanted = intent(0, NOW);
    let submitted = bench
        .manager
        .submit(permit(&wanted, NOW), NOW)
        .await
        .unwrap();
    assert_eq!(submitted.answer, Answer::Accepted);
    assert_eq!(submitted.nonce, 0);
    let slot = bench.log.only_slot();
    assert_eq!(slot.intent, wanted);
    assert_eq!(slot.attempts[0].tx, submitted.tx);
    assert_eq!(slot.attempts[0].answer, Some(Answer::Accepted));
    assert_eq!(bench.node.world().sent, [slot.attempts[0].raw.clone()]);
}

#[tokio::test]
async fn nonces_follow_each_other_while_earlier_ones_are_pending() {
    let bench = Bench::new();
    for step in 0..3 {
        let submitted = bench
            .manager
            .submit(permit(&intent(step, NOW), NOW), NOW)
            .await
            .unwrap();
        assert_eq!(submitted.nonce, u64::from(step));
    }
}

#[tokio::test]
async fn submissions_at_the_same_time_take_different_nonces() {
    let bench = Bench::new();
    let (first, second, third) = tokio::join!(
        bench.manager.submit(permit(&intent(0, NOW), NOW), NOW),
        bench.manager.submit(permit(&intent(1, NOW), NOW), NOW),
        bench.manager.submit(permit(&intent(2, NOW), NOW), NOW),
    );
    let mut nonces = [first, second, third].map(|result| result.unwrap().nonce);
    nonces.sort_unstable();
    assert_eq!(nonces, [0, 1, 2]);
}

#[tokio::test]
async fn an_expired_permit_signs_nothing() {
    let bench = Bench::new();
    let at = NOW.plus(TTL);
    let wanted = intent(0, NOW);
    let error = bench
        .manager
        .submit(permit(&wanted, NOW), Timestamp(at.0 + 1))
        .await
        .unwrap_err();
    assert!(matches!(error, SubmitError::Expired { .. }), "{error}");
    assert_eq!(bench.node.world().sends, 0);
    assert!(bench.log.inner().slots.is_empty());
    // The last instant still counts.
    bench
        .manager
        .submit(permit(&wanted, NOW), at)
        .await
        .unwrap();
}

#[tokio::test]
async fn when_the_log_refuses_nothing_is_sent() {
    for refusal in [
        LogError::ControlChanged,
        LogError::LeaseLost,
        LogError::Database("disk full".to_owned()),
    ] {
        let bench = Bench::new();
        bench.log.inner().refuse_signature = Some(refusal.clone());
        let error = bench
            .manager
            .submit(permit(&intent(0, NOW), NOW), NOW)
            .await
            .unwrap_err();
        assert_eq!(error, SubmitError::Log(refusal));
        assert_eq!(bench.node.world().sends, 0);
        // And nothing is remembered of it.
        let polled = bench.manager.poll(&[], later(1000)).await.unwrap();
        assert!(polled.progress.is_empty());
        assert_eq!(bench.node.world().sends, 0);
    }
}

#[tokio::test]
async fn one_intent_never_has_two_nonces() {
    let bench = Bench::new();
    let wanted = intent(0, NOW);
    bench.node.world().faults.push_back(SendFault::NotDelivered);
    bench
        .manager
        .submit(permit(&wanted, NOW), NOW)
        .await
        .unwrap();
    let error = bench
        .manager
        .submit(permit(&wanted, NOW), NOW)
        .await
        .unwrap_err();
    assert_eq!(error, SubmitError::Log(LogError::IntentTaken(wanted.id)));
    assert!(bench.node.world().sent.is_empty());
    assert_eq!(bench.log.only_slot().attempts.len(), 1);
}

#[tokio::test]
async fn a_nonce_that_somebody_else_used_is_noticed_and_refused() {
    let bench = Bench::new();
    bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap();
    bench.node.mine(1);
    bench.node.foreign_transaction(wallet());
    let error = bench
        .manager
        .submit(permit(&intent(1, NOW), NOW), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SubmitError::ForeignNonce {
                expected: 1,
                found: 2,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(bench.node.world().sends, 1);
}

#[tokio::test]
async fn a_foreign_nonce_is_taken_over_once_after_a_person_has_looked() {
    let bench = Bench::new();
    let submit = async |step: u32| {
        let permit = permit(&intent(step, NOW), NOW);
        let submitted = bench.manager.submit(permit, NOW).await?;
        bench.node.mine(1);
        Ok::<u64, SubmitError>(submitted.nonce)
    };
    let refused = |answer| matches!(answer, Err(SubmitError::ForeignNonce { .. }));
    assert_eq!(submit(0).await, Ok(0));
    bench.node.foreign_transaction(wallet());
    bench.manager.adopt_nonces(wallet());
    assert!(refused(submit(1).await), "one of ours is open");
    bench.log.settle(intent(0, NOW).id);
    assert_eq!(submit(1).await, Ok(2));
    bench.log.settle(intent(1, NOW).id);
    bench.node.foreign_transaction(wallet());
    assert!(refused(submit(2).await), "it was taken over once");
}

#[tokio::test]
async fn a_foreign_transaction_that_is_only_pending_is_noticed_too() {
    let bench = Bench::new();
    bench.node.world().pending_nonce = Some(1);
    let error = bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SubmitError::ForeignNonce {
                expected: 0,
                found: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_unreachable_chain_signs_nothing() {
    let bench = Bench::new();
    bench.node.world().silent = true;
    let error = bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, SubmitError::Read(_)), "{error}");
    assert!(bench.log.inner().slots.is_empty());
}

#[tokio::test]
async fn nothing_is_signed_behind_a_refused_nonce() {
    let bench = Bench::new();
    let refused = SendFault::Refused("insufficient funds for gas * price + value");
    bench.node.world().faults.push_back(refused);
    let first = bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap();
    assert!(matches!(first.answer, Answer::Rejected { .. }));
    let error = bench
        .manager
        .submit(permit(&intent(1, NOW), NOW), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SubmitError::Blocked { nonce: 0, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancellation_cannot_take_a_new_nonce() {
    let bench = Bench::new();
    let cancel = cancellation(&intent(0, NOW));
    let error = bench
        .manager
        .submit(permit(&cancel, NOW), NOW)
        .await
        .unwrap_err();
    assert_eq!(error, SubmitError::CancellationIsAReplacement);
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_leads_to_the_same_bytes_again() {
    let bench = Bench::new();
    bench.log.inner().refuse_answer = Some(LogError::Database("disk full".to_owned()));
    let submitted = bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap();
    assert!(matches!(submitted.answer, Answer::Unknown { .. }));
    let polled = bench.manager.poll(&[], later(1)).await.unwrap();
    assert!(
        matches!(
            &polled.progress[..],
            [Progress::Rebroadcast {
                answer: Answer::Accepted,
                ..
            }]
        ),
        "{polled:?}"
    );
    assert_eq!(bench.node.distinct_sent().len(), 1);
}
