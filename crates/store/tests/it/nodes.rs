//! Several nodes on one server.

use std::time::Duration;

use airdrops_store::{Access, Batch, Options, Postgres, Store, StoreError};
use airdrops_types::{Entry, Timestamp, TransactionLog};

#[test]
fn smoke() {
    let Some(server) = airdrops_testkit_postgres::Postgres::start() else {
        return;
    };
    let url = server.database();
    let store = Postgres::open(&url, Access::Runner, Options::default()).unwrap();
    let batch = Batch {
        entries: vec![Entry::Note { text: "x".into() }],
        tasks: vec![crate::sample::task(1, airdrops_types::TaskState::Ready)],
        ..Batch::at(Timestamp(1))
    };
    store.commit(&batch).unwrap();
    store
        .record_signature(&crate::sample::signature(1, 0))
        .unwrap();
    assert_eq!(store.tasks(Default::default()).unwrap(), batch.tasks);
    let second = Postgres::open(&url, Access::Runner, Options::default());
    assert!(matches!(second, Err(StoreError::Held { .. })), "{second:?}");
    let _ = Duration::ZERO;
}
