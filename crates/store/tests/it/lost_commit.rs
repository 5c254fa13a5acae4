//! A commit whose answer is lost: a proxy between store and server lets it through, or not, and
//! then breaks the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use airdrops_store::{Access, Batch, Options};
use airdrops_types::{Entry, Timestamp};

use crate::sample::{CHAIN, Place, WALLET, signature};

const PASS: u8 = 0;
/// The next commit reaches the server, its answer reaches nobody.
const LOSE_ANSWER: u8 = 1;
/// The next commit reaches nobody.
const LOSE_COMMIT: u8 = 2;

/// Passes bytes on, connection by connection.
struct Proxy {
    port: u16,
    fault: Arc<AtomicU8>,
}

impl Proxy {
    fn start(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(AtomicU8::new(PASS));
        let shared = Arc::clone(&fault);
        thread::spawn(move || {
            for client in listener.incoming() {
                let server = UnixStream::connect(&socket).unwrap();
                pass(client.unwrap(), server, &shared);
            }
        });
        Self { port, fault }
    }
}

fn pass(client: TcpStream, server: UnixStream, fault: &Arc<AtomicU8>) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut from_server, mut to_client) = (server, client);
    let lost = Arc::new(AtomicU8::new(PASS));
    let (seen, fault) = (Arc::clone(&lost), Arc::clone(fault));
    thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(read @ 1..) = from_client.read(&mut bytes) {
            let sent = &bytes[..read];
            if sent.windows(6).any(|window| window == b"COMMIT") {
                let what = fault.swap(PASS, Ordering::SeqCst);
                seen.store(what, Ordering::SeqCst);
                if what == LOSE_COMMIT {
                    break;
                }
            }
            if to_server.write_all(sent).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
        let _ = from_client.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(read @ 1..) = from_server.read(&mut bytes) {
            if lost.load(Ordering::SeqCst) == LOSE_ANSWER
                || to_client.write_all(&bytes[..read]).is_err()
            {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
}

#[test]
fn a_commit_whose_answer_is_lost_is_neither_denied_nor_done_twice() {
    let Some(place) = Place::server() else { return };
    let (start, database) = place.url.rsplit_once('/').unwrap();
    let folder = start.split_once('@').unwrap().1.replace("%2F", "/");
    let proxy = Proxy::start(format!("{folder}/.s.PGSQL.5432"));
    let url = format!("postgres://postgres@127.0.0.1:{}/{database}", proxy.port);
    let store = airdrops_store::open(&url, Access::Runner, Options::default()).unwrap();
    for (nonce, what) in [LOSE_ANSWER, LOSE_COMMIT, PASS, LOSE_ANSWER]
        .into_iter()
        .enumerate()
    {
        let nonce = nonce as u64;
        proxy.fault.store(what, Ordering::SeqCst);
        store.record_signature(&signature(nonce, nonce)).unwrap();
        assert_eq!(
            proxy.fault.load(Ordering::SeqCst),
            PASS,
            "no commit was seen"
        );
        assert_eq!(store.next_nonce(CHAIN, WALLET), Ok(Some(nonce + 1)));
        proxy.fault.store(what, Ordering::SeqCst);
        let batch = Batch {
            entries: vec![Entry::Note { text: "x".into() }],
            ..Batch::at(Timestamp(1))
        };
        assert_eq!(store.commit(&batch).unwrap().seq, 2 * nonce + 2);
    }
    assert_eq!(store.open_slots().unwrap().len(), 4);
    assert_eq!(store.journal(1, 99).unwrap().len(), 8);
}
