//! How long a rebalancing decision takes, how good it is, and the same program given to a general
//! solver: `cargo bench -p airdrops-allocation --bench rebalancing`.
//!
//! Seeded instances: `n` opportunities with a concave value of four pieces, gas for every transaction
//! of at most 5 % of capital, at most 20 % per protocol, six chains of at most 40 %, 5 % cash,
//! slippage. Times are the least of fifteen runs, and of three. Capital is $100,000. Twelve start with nothing but cash, and positions are at least 1 %
//! or none; twelve more start with nine tenths of capital invested.
#![allow(clippy::unwrap_used)]

#[path = "rebalancing/instance.rs"]
mod instance;
#[path = "rebalancing/program.rs"]
mod program;

use std::time::Instant;

use airdrops_allocation::rebalance::{Effort, decide, order};
use instance::{Start, instance};

/// The most nodes of the general solver, which else takes minutes for some.
const PEER_NODES: u64 = 5_000;

fn main() {
    println!(
        "{:>5} {:>4} {:>4} {:>12} {:>12} {:>9} {:>9} {:>6} {:>9} {:>9} {:>12} {:>9} {:>9}",
        "start",
        "n",
        "seed",
        "net $",
        "bound $",
        "gap %",
        "root %",
        "LPs",
        "greedy %",
        "ms",
        "microlp $",
        "ms",
        "differ %"
    );
    for start in [Start::Cash, Start::Held] {
        for n in [20, 50, 100, 200] {
            for seed in 0..3 {
                row(n, seed, start);
            }
        }
    }
}

fn row(n: usize, seed: u64, start: Start) {
    let book = instance(n, seed, start);
    let mut least = f64::INFINITY;
    let mut decision = None;
    for _ in 0..15 {
        let started = Instant::now();
        decision = Some(decide(&book, &Effort::default()).unwrap());
        least = least.min(started.elapsed().as_secs_f64() * 1e3);
    }
    let decision = decision.unwrap();
    assert_eq!(
        order::check(&book, &decision.orders).unwrap(),
        decision.sizes
    );
    let mut peer_time = f64::INFINITY;
    let (mut peer, mut status) = (0.0, String::new());
    for _ in 0..3 {
        let started = Instant::now();
        (peer, status) = program::solve(&book, PEER_NODES);
        peer_time = peer_time.min(started.elapsed().as_secs_f64() * 1e3);
    }
    let dollars = |usd: airdrops_types::Usd| usd.0 as f64 / 1e6;
    let net = dollars(decision.net());
    let percent = |other: f64| (other / net - 1.0) * 100.0;
    println!(
        "{:>5} {n:>4} {seed:>4} {net:>12.4} {:>12.4} {:>9.5} {:>9.4} {:>6} {:>9.4} {:>9.2} {peer:>12.4} {peer_time:>9.1} {:>9.5} {status}",
        format!("{start:?}"),
        dollars(decision.bound),
        percent(dollars(decision.bound)),
        percent(dollars(decision.relaxation)),
        decision.programs,
        percent(dollars(decision.greedy)),
        least,
        percent(peer),
    );
}
