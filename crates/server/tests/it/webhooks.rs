//! What becomes of a delivery.

use std::sync::atomic::Ordering;
use std::sync::mpsc;

use airdrops_server::MOST_BODY;
use airdrops_server::signature::{SIGNATURE_HEADER, sign};
use airdrops_server::webhook::DELIVERY_HEADER;
use airdrops_types::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{NOW, OTHER_SECRET, SECRET, World, said};

#[tokio::test]
async fn a_signed_delivery_is_stored_once_however_often_it_comes() {
    let world = World::start().await;
    let first = world.deliver("d-1", br#"{"a":1}"#).await;
    assert_eq!(first.status, 202);
    assert_eq!(
        first.body,
        json!({"id": "webhook:deploy:d-1", "status": "accepted"})
    );
    // Again, later and signed anew; then even with another body.
    world.now.fetch_add(60_000, Ordering::SeqCst);
    for body in [&br#"{"a":1}"#[..], &br#"{"a":2}"#[..]] {
        let again = world.deliver("d-1", body).await;
        assert_eq!(
            (again.status, &again.body["status"]),
            (200, &json!("repeated"))
        );
    }
    assert_eq!(world.deliver("d-2", b"null").await.status, 202);
    assert_eq!(world.kept(), ["webhook:deploy:d-1", "webhook:deploy:d-2"]);
    let kept = world.store.kept.lock().unwrap();
    assert_eq!(
        kept["webhook:deploy:d-1"],
        ("deploy".to_owned(), json!({"a": 1}))
    );
}

#[tokio::test]
async fn what_is_not_signed_for_this_name_delivery_and_body_is_refused() {
    let world = World::start().await;
    let body = br#"{"a":1}"#;
    let good = sign(&SECRET.into(), world.now(), "d-1", body).unwrap();
    let other = sign(&OTHER_SECRET.into(), world.now(), "d-1", body).unwrap();
    for (name, signature, delivery, body) in [
        ("deploy", None, "d-1", &body[..]),
        ("deploy", Some("t=1"), "d-1", body),
        ("deploy", Some(&other), "d-1", body),
        ("deploy", Some(&good), "d-1", br#"{"a":2}"#),
        // Caught by somebody, and sent under another id or name.
        ("deploy", Some(&good), "d-2", body),
        ("other", Some(&good), "d-1", body),
        ("unknown", Some(&good), "d-1", body),
    ] {
        let said = world.send(name, signature, Some(delivery), body).await;
        assert_eq!(said.status, 401, "{name} {delivery} {}", said.body);
        assert!(
            said.body["remedy"]
                .as_str()
                .is_some_and(|remedy| !remedy.is_empty())
        );
    }
    assert!(world.kept().is_empty());
    assert_eq!(
        world
            .send("deploy", Some(&good), Some("d-1"), body)
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn an_unknown_name_is_answered_as_a_wrong_signature_is() {
    let world = World::start().await;
    let signature = sign(&"x".repeat(32).into(), world.now(), "d", b"1").unwrap();
    let unknown = world
        .send("unknown", Some(&signature), Some("d"), b"1")
        .await;
    let wrong = world
        .send("deploy", Some(&signature), Some("d"), b"1")
        .await;
    assert_eq!((unknown.status, unknown.body), (401, wrong.body));
}

#[tokio::test]
async fn an_old_signature_and_one_from_the_future_are_refused() {
    let world = World::start().await;
    for (off, status) in [(-301, 401), (-300, 202), (0, 202), (300, 202), (301, 401)] {
        let delivery = format!("d{off}");
        let signature = sign(
            &SECRET.into(),
            Timestamp(NOW + off * 1_000),
            &delivery,
            b"1",
        )
        .unwrap();
        let said = world
            .send("deploy", Some(&signature), Some(&delivery), b"1")
            .await;
        assert_eq!(said.status, status, "{off} s: {}", said.body);
    }
    // A delivery that was caught is worth nothing later.
    let signature = sign(&SECRET.into(), world.now(), "later", b"1").unwrap();
    world.now.fetch_add(301_000, Ordering::SeqCst);
    assert_eq!(
        world
            .send("deploy", Some(&signature), Some("later"), b"1")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_and_without_a_declared_length() {
    let world = World::start().await;
    let fits = format!("\"{}\"", "x".repeat(MOST_BODY - 2));
    assert_eq!(world.deliver("fits", fits.as_bytes()).await.status, 202);
    let large = format!("\"{}\"", "x".repeat(MOST_BODY - 1));
    assert_eq!(world.deliver("large", large.as_bytes()).await.status, 413);
    // In chunks, so that no length is declared.
    let signature = sign(&SECRET.into(), world.now(), "chunks", large.as_bytes()).unwrap();
    let mut stream = tokio::net::TcpStream::connect(world.running.address())
        .await
        .unwrap();
    let head = format!(
        "POST /events/deploy HTTP/1.1\r\nhost: x\r\n{SIGNATURE_HEADER}: {signature}\r\n{DELIVERY_HEADER}: chunks\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(world.kept(), ["webhook:deploy:fits"]);
}

#[tokio::test]
async fn no_json_and_no_id_are_refused() {
    let world = World::start().await;
    for body in [&b""[..], b"{", b"hello", b"1 2", b"\xff"] {
        let said = world.deliver("d", body).await;
        assert_eq!(said.status, 400, "{}", said.body);
    }
    let signature = sign(&SECRET.into(), world.now(), "d", b"1").unwrap();
    let long = "x".repeat(129);
    for delivery in [
        None,
        Some(""),
        Some("a b"),
        Some("a/b"),
        Some(long.as_str()),
    ] {
        let said = world.send("deploy", Some(&signature), delivery, b"1").await;
        assert_eq!(said.status, 400, "{delivery:?}");
        assert!(
            said.body["remedy"]
                .as_str()
                .unwrap()
                .contains("X-Airdrops-Delivery")
        );
    }
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_in_json_too() {
    let world = World::start().await;
    for (method, path, status) in [
        ("GET", "/events/deploy", 405),
        ("POST", "/", 404),
        ("POST", "/events", 404),
        ("POST", "/events/deploy/x", 404),
        ("POST", "/events/%ff", 404),
    ] {
        let request = world.http.request(method.parse().unwrap(), world.url(path));
        let said = said(request.send().await.unwrap()).await;
        assert_eq!(said.status, status, "{method} {path}");
        assert!(said.body["remedy"].is_string());
    }
}

#[tokio::test]
async fn a_burst_is_slowed_down_per_name_and_what_is_not_signed_does_not_count() {
    let world = World::start().await;
    for _ in 0..30 {
        assert_eq!(
            world
                .send(
                    "deploy",
                    Some(&format!("t={},v1={}", NOW / 1_000, "0".repeat(64))),
                    Some("d"),
                    b"1"
                )
                .await
                .status,
            401
        );
    }
    let mut statuses = Vec::new();
    for i in 0..25 {
        let said = world.deliver(&format!("d{i}"), b"1").await;
        if said.status == 429 {
            assert_eq!(said.retry_after.as_deref(), Some("1"));
            assert!(
                said.body["remedy"]
                    .as_str()
                    .unwrap()
                    .contains("Retry-After")
            );
        }
        statuses.push(said.status);
    }
    assert_eq!(statuses[..20], [202; 20]);
    assert_eq!(statuses[20..], [429; 5]);
    let signature = sign(&OTHER_SECRET.into(), world.now(), "d", b"1").unwrap();
    assert_eq!(
        world
            .send("other", Some(&signature), Some("d"), b"1")
            .await
            .status,
        202
    );
    world.now.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(world.deliver("d20", b"1").await.status, 202);
}

#[tokio::test]
async fn what_is_not_stored_is_not_accepted_and_tells_nothing_of_the_inside() {
    let world = World::start().await;
    world.store.fails.store(true, Ordering::SeqCst);
    let said = world.deliver("d-1", b"1").await;
    assert_eq!((said.status, said.retry_after.as_deref()), (503, Some("5")));
    assert!(
        !said.body.to_string().contains("/secret/place"),
        "{}",
        said.body
    );
    world.store.fails.store(false, Ordering::SeqCst);
    assert_eq!(world.deliver("d-1", b"1").await.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_it_works_on_at_once_is_turned_away_and_nothing_is_lost() {
    let world = World::start().await;
    let (release, gate) = mpsc::channel();
    *world.store.gate.lock().unwrap() = Some(gate);
    let deliver = |i: usize| {
        let delivery = format!("d{i}");
        let signature = sign(&SECRET.into(), world.now(), &delivery, b"1").unwrap();
        let request = world.http.post(world.url("/events/deploy")).body("1");
        let request = request
            .header(SIGNATURE_HEADER, signature)
            .header(DELIVERY_HEADER, delivery);
        tokio::spawn(async move { said(request.send().await.unwrap()).await })
    };
    let mut sent: Vec<_> = (0..20).map(deliver).collect();
    // Sixteen are being worked on; the other four are turned away while those wait.
    let mut away = 0;
    while away < 4 {
        let (index, said) = first_of(&mut sent).await;
        drop(sent.swap_remove(index));
        assert_eq!((said.status, said.retry_after.as_deref()), (503, Some("1")));
        away += 1;
    }
    for _ in 0..16 {
        release.send(()).unwrap();
    }
    for task in sent {
        assert_eq!(task.await.unwrap().status, 202);
    }
    assert_eq!(world.kept().len(), 16);
}

/// The first task that ends, with what it says.
async fn first_of(tasks: &mut [tokio::task::JoinHandle<crate::Said>]) -> (usize, crate::Said) {
    std::future::poll_fn(|context| {
        for (index, task) in tasks.iter_mut().enumerate() {
            if let std::task::Poll::Ready(said) = std::pin::Pin::new(task).poll(context) {
                return std::task::Poll::Ready((index, said.unwrap()));
            }
        }
        std::task::Poll::Pending
    })
    .await
}
