//! A chain does not outlive the process that started it.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use airdrops_testkit::{Program, anvil_or_skip};

const LIMIT: Duration = Duration::from_secs(60);
const OWNER: &str = "owner::starts_a_chain_and_waits_to_be_killed";

/// Not a test of its own: the process that is killed.
#[tokio::test]
#[ignore = "run by chain_ends_when_its_owner_is_killed"]
async fn starts_a_chain_and_waits_to_be_killed() {
    let anvil = anvil_or_skip!();
    writeln!(std::io::stderr(), "CHAIN {};", anvil.address()).unwrap();
    tokio::time::sleep(LIMIT).await;
}

#[tokio::test]
async fn chain_ends_when_its_owner_is_killed() {
    let _probe = anvil_or_skip!();
    let this = std::env::current_exe().unwrap();
    let mut owner = Program::spawn(&this, &["--exact", OWNER, "--ignored"], &[]).unwrap();
    assert!(owner.wait_for_output(";", LIMIT).unwrap());
    let stderr = owner.stderr().unwrap();
    let (_, rest) = stderr.split_once("CHAIN ").unwrap();
    let chain: SocketAddr = rest.split_once(';').unwrap().0.parse().unwrap();
    assert!(TcpStream::connect(chain).is_ok());

    owner.kill().unwrap();
    let deadline = Instant::now() + LIMIT;
    while TcpStream::connect(chain).is_ok() {
        assert!(Instant::now() < deadline, "{chain} still listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
