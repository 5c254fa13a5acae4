//! Where it listens, and how it ends.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use airdrops_server::signature::{SIGNATURE_HEADER, sign};
use airdrops_server::webhook::DELIVERY_HEADER;
use airdrops_server::{ServeError, serve};
use airdrops_types::Timestamp;
use tokio::net::TcpStream;

use crate::{SECRET, Store, World, hooks, said};

#[tokio::test]
async fn only_a_free_loopback_address_is_served() {
    let world = World::start().await;
    let clock = Arc::new(|| Timestamp(0));
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        let error = serve(
            address.parse().unwrap(),
            hooks(),
            Arc::new(Store::default()),
            clock.clone(),
        )
        .await;
        assert!(
            matches!(error, Err(ServeError::NotLoopback(_))),
            "{address}"
        );
    }
    let taken = serve(
        world.running.address(),
        hooks(),
        Arc::new(Store::default()),
        clock,
    )
    .await;
    assert!(matches!(taken, Err(ServeError::Listen { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_waits_for_what_is_being_worked_on_and_takes_nothing_more() {
    let world = World::start().await;
    let (release, gate) = mpsc::channel();
    *world.store.gate.lock().unwrap() = Some(gate);
    let signature = sign(&SECRET.into(), world.now(), "d", b"1").unwrap();
    let request = world.http.post(world.url("/events/deploy")).body("1");
    let request = request
        .header(SIGNATURE_HEADER, signature)
        .header(DELIVERY_HEADER, "d");
    let sent = tokio::spawn(async move { said(request.send().await.unwrap()).await });
    // It is being worked on once the store's gate is held.
    while world.store.gate.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    let address = world.running.address();
    let ended = tokio::spawn(world.running.shutdown(Duration::from_secs(60)));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!ended.is_finished());
    release.send(()).unwrap();
    assert_eq!(sent.await.unwrap().status, 202);
    ended.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_keep_it_from_ending() {
    let world = World::start().await;
    let idle = TcpStream::connect(world.running.address()).await.unwrap();
    world.running.shutdown(Duration::from_millis(200)).await;
    drop(idle);
}
