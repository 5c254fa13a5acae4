//! Three nodes share one PostgreSQL database; they are killed, paused and cut off, again and again, and
//! together still do everything exactly once.
//!
//! `AIRDROPS_CRASH_SEED` repeats a run; `AIRDROPS_FULL_TESTS=1` makes many more faults.

use std::process::Command;
use std::time::{Duration, Instant};

use airdrops_testkit::Program;
use airdrops_testkit_postgres::{Postgres, query};
use airdrops_types::{Entry, TaskState};
use rand::Rng as _;

use crate::crash::{kills, seeded};
use crate::farm::{Farm, LIMIT};

const NODES: usize = 3;

/// Longest pause of a node: three leases.
const PAUSE: Duration = Duration::from_secs(6);

struct Cluster {
    farm: Farm,
    url: String,
    nodes: Vec<Program>,
    /// Ends of nodes that were killed or gave up, for a failure's message.
    _server: Postgres,
}

impl Cluster {
    fn start() -> Option<Self> {
        let server = Postgres::start()?;
        let url = server.database();
        let farm = Farm::start_on(Some(url.clone()))?;
        let nodes = (0..NODES).map(|_| farm.run()).collect();
        Some(Self {
            farm,
            url,
            nodes,
            _server: server,
        })
    }

    /// Index of the node that holds the lease.
    fn active(&mut self) -> usize {
        let deadline = Instant::now() + LIMIT;
        loop {
            let holder = query(&self.url, "SELECT holder FROM leases WHERE lane = 'farm'");
            let holder = holder.ok().and_then(|rows| rows.first()?.first()?.clone());
            // A node's own name begins with its process id.
            let id = holder.and_then(|name| name.split('-').next()?.parse::<u32>().ok());
            if let Some(index) = self.nodes.iter().position(|node| Some(node.id()) == id) {
                return index;
            }
            for node in &mut self.nodes {
                let ended = node.wait(Duration::from_millis(10)).unwrap();
                assert!(
                    ended.is_none() && Instant::now() < deadline,
                    "nobody runs: {ended:?}\n{}\n{}",
                    node.stderr().unwrap(),
                    self.farm.told()
                );
            }
        }
    }

    fn replace(&mut self, index: usize) {
        self.nodes[index].kill().unwrap();
        self.nodes[index] = self.farm.run();
    }

    fn signal(&self, index: usize, name: &str) {
        let id = self.nodes[index].id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends every connection to the database but our own.
    fn cut(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        query(&self.url, cut).unwrap();
    }

    fn finish(mut self) {
        let deadline = Instant::now() + LIMIT;
        while !self.farm.is_done() {
            for node in &mut self.nodes {
                let ended = node.wait(Duration::from_millis(20)).unwrap();
                assert!(
                    ended.is_none() && Instant::now() < deadline,
                    "a node ended {ended:?}\n{}\n{}",
                    node.stderr().unwrap(),
                    self.farm.told()
                );
            }
        }
        for node in &mut self.nodes {
            node.terminate().unwrap();
            let ended = node.wait(LIMIT).unwrap().expect("it stops");
            assert!(ended.success(), "{ended}: {}", node.stderr().unwrap());
        }
        self.farm.check();
    }
}

#[test]
fn nodes_that_are_killed_paused_and_cut_off_send_nothing_twice() {
    let mut random = seeded();
    for _ in 0..kills(1, 12) {
        let Some(mut cluster) = Cluster::start() else {
            return;
        };
        let mut faults = 0;
        while faults < 8 && !cluster.farm.is_done() {
            let active = cluster.active();
            std::thread::sleep(Duration::from_millis(random.random_range(0..1500)));
            let kind = random.random_range(0..3);
            match kind {
                0 => cluster.replace(active),
                1 => {
                    cluster.signal(active, "-STOP");
                    std::thread::sleep(PAUSE.mul_f64(random.random_range(0.2..1.0)));
                    cluster.signal(active, "-CONT");
                }
                _ => cluster.cut(),
            }
            eprintln!("{} node {active}", ["killed", "paused", "cut off"][kind]);
            faults += 1;
        }
        cluster.finish();
    }
}

#[test]
fn another_node_goes_on_within_seconds_and_a_paused_one_moves_nothing() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let began = |farm: &Farm| {
        let tasks = farm.tasks();
        tasks
            .iter()
            .any(|task| task.state != TaskState::Ready && task.state != TaskState::Pending)
    };
    let deadline = Instant::now() + LIMIT;
    while !began(&cluster.farm) {
        assert!(Instant::now() < deadline, "{}", cluster.farm.told());
        std::thread::sleep(Duration::from_millis(50));
    }
    let paused = cluster.active();
    cluster.signal(paused, "-STOP");
    let stopped = Instant::now();
    let starts = cluster.farm.starts();
    while cluster.farm.ticks_after(starts) == 0 {
        assert!(Instant::now() < deadline, "{}", cluster.farm.told());
        std::thread::sleep(Duration::from_millis(20));
    }
    eprintln!(
        "another node ticked {:?} after the pause",
        stopped.elapsed()
    );
    let successor = cluster.active();
    assert_ne!(successor, paused);
    cluster.signal(paused, "-CONT");
    let said = cluster.nodes[paused].wait_for_output("Standing by", LIMIT);
    assert!(said.unwrap(), "{}", cluster.nodes[paused].stderr().unwrap());
    // Each start is of a node that took over, in turn: nothing of two nodes is mixed.
    let starts = cluster.farm.journal().into_iter();
    let starts = starts.filter(|entry| matches!(entry.entry, Entry::Started { .. }));
    assert!(starts.count() >= 2);
    cluster.finish();
}
