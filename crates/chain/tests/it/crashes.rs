//! A crash at every checkpoint: what the log holds decides, and nothing happens twice.

use std::cell::Cell;
use std::sync::Arc;

use airdrops_chain::{CHECKPOINTS, Progress};
use airdrops_types::no_checkpoint;

use crate::memory_log::MemoryLog;
use crate::node::Node;
use crate::permits::{Bench, NOW, intent, later, manager_with, permit, token, wallet};

thread_local! {
    static CRASH_AT: Cell<&'static str> = const { Cell::new("") };
}

fn crash(place: &'static str) {
    if CRASH_AT.get() == place {
        CRASH_AT.set("");
        panic!("crash at {place}");
    }
}

#[tokio::test]
async fn a_crash_at_any_checkpoint_loses_nothing_and_sends_nothing_twice() {
    for place in CHECKPOINTS {
        let node = Node::new(wallet());
        let log = Arc::new(MemoryLog::default());
        let wanted = intent(0, NOW);

        CRASH_AT.set(place);
        let doomed = manager_with(&node, &log, crash);
        let watched = node.clone();
        let life = tokio::spawn({
            let permit = permit(&wanted, NOW);
            async move {
                doomed.submit(permit, NOW).await.unwrap();
                watched.mine(1);
                doomed.poll(&[], later(1)).await.unwrap();
            }
        });
        assert!(life.await.unwrap_err().is_panic(), "{place} is passed");

        let stored = log.inner().slots.first().cloned();
        let survivor = manager_with(&node, &log, no_checkpoint);
        let Some(slot) = stored else {
            assert_eq!(*place, "chain.sign.before");
            assert_eq!(node.world().sends, 0);
            continue;
        };
        survivor.poll(&[], later(2)).await.unwrap();
        node.mine(4);
        let polled = survivor.poll(&[token()], later(3)).await.unwrap();
        assert!(
            matches!(&polled.progress[..], [Progress::Final(outcome)]
                if outcome.intent == wanted.id && outcome.tx == slot.attempts[0].tx),
            "{place}: {polled:?}"
        );
        assert_eq!(node.mined_count(), 1, "{place}");
        assert_eq!(
            node.distinct_sent(),
            [slot.attempts[0].raw.clone()],
            "{place}"
        );
    }
}

#[tokio::test]
async fn bytes_that_never_arrived_are_sent_by_the_next_life() {
    let mut bench = Bench::new();
    bench
        .node
        .world()
        .faults
        .push_back(crate::node::SendFault::NotDelivered);
    bench
        .manager
        .submit(permit(&intent(0, NOW), NOW), NOW)
        .await
        .unwrap();
    assert!(bench.node.world().sent.is_empty());
    bench.restart();
    bench.manager.poll(&[], later(1)).await.unwrap();
    let raw = bench.log.only_slot().attempts[0].raw.clone();
    assert_eq!(bench.node.world().sent, [raw]);
}
