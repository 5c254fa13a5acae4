//! The scheduler on its store, beside APScheduler 3.11 on the same disk: `cargo bench -p airdrops-store
//! --bench scheduler`, with `-- --quick` in seconds, or only some parts: `-- load open graph idle peers`.
//!
//! Every change of a task is durable (`synchronous=FULL`) with its entry in the hash chain of the journal,
//! in a transaction that checks the lease. Processor time is that of the process; `load` is the machine's
//! load average over the last minute, because it may do other work.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "scheduler/dispatcher.rs"]
mod dispatcher;
#[path = "scheduler/graph.rs"]
mod graph;
#[path = "scheduler/idle.rs"]
mod idle;
#[path = "scheduler/measure.rs"]
mod measure;
#[path = "scheduler/open_loop.rs"]
mod open_loop;
#[path = "scheduler/peers.rs"]
mod peers;
#[path = "scheduler/table.rs"]
mod table;
#[path = "scheduler/throughput.rs"]
mod throughput;

use std::path::Path;
use std::time::Duration;

use table::Target::{AtLeast, AtMost, None as Unset};
use table::{missing, row};

/// How much of each part.
struct Sizes {
    /// Size of the groups, and how many tasks in groups of that size.
    groups: &'static [(usize, usize)],
    open_seconds: usize,
    graph_tasks: usize,
    idle: Duration,
    peer_jobs: usize,
    peer_rate: usize,
    peer_seconds: usize,
}

const FULL: Sizes = Sizes {
    groups: &[
        (1, 2_000),
        (10, 10_000),
        (100, 50_000),
        (1_000, 200_000),
        (10_000, 200_000),
    ],
    open_seconds: 10,
    graph_tasks: 1_000_000,
    idle: Duration::from_secs(60),
    peer_jobs: 2_000,
    peer_rate: 1_000,
    peer_seconds: 2,
};

const QUICK: Sizes = Sizes {
    groups: &[(1, 200), (100, 10_000), (1_000, 40_000)],
    open_seconds: 2,
    graph_tasks: 100_000,
    idle: Duration::from_secs(3),
    peer_jobs: 200,
    peer_rate: 100,
    peer_seconds: 2,
};

fn main() {
    if graph::is_child() {
        return;
    }
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let sizes = if words.iter().any(|word| word == "--quick") {
        QUICK
    } else {
        FULL
    };
    let parts: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--quick")
        .collect();
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    table::head();
    let fired = if wanted("load") || wanted("peers") {
        load(folder.path(), &sizes)
    } else {
        0.0
    };
    if wanted("open") {
        open(folder.path(), &sizes);
    }
    if wanted("graph") {
        graph(folder.path(), &sizes);
    }
    if wanted("idle") {
        idle(folder.path(), &sizes);
    }
    if wanted("peers") {
        peers(folder.path(), &sizes, fired);
    }
}

/// Returns the highest number of tasks fired a second.
fn load(folder: &Path, sizes: &Sizes) -> f64 {
    let mut best: f64 = 0.0;
    for &(group, count) in sizes.groups {
        let measured = throughput::measure(folder, group, count);
        let loaded = measured.load.rate(count);
        let fired = measured.fire.rate(count);
        let target = if group >= 1_000 {
            AtLeast(20_000.0)
        } else {
            Unset
        };
        let cpu = measured.load.cpu_each(count);
        row(
            &format!("tasks loaded, groups of {group}"),
            loaded,
            "/s",
            target,
            &cpu,
        );
        let cpu = measured.fire.cpu_each(count);
        let what = format!("tasks made ready, claimed, completed, groups of {group}");
        row(&what, fired, "/s", target, &cpu);
        best = best.max(fired);
    }
    best
}

fn open(folder: &Path, sizes: &Sizes) {
    for (rate, most) in [(1_000, 2.0), (10_000, 10.0)] {
        let measured = open_loop::measure(folder, rate, sizes.open_seconds);
        let count = rate * sizes.open_seconds;
        let cpu = measured.took.cpu_each(count);
        for (name, quantile, target) in [
            ("p50", 0.5, Unset),
            ("p99", 0.99, AtMost(most)),
            ("p99.9", 0.999, Unset),
            ("max", 1.0, Unset),
        ] {
            let late = measured.lateness.value_at_quantile(quantile) as f64 / 1e3;
            let what = format!("due to durable claim, {rate}/s, {name}");
            row(&what, late, "ms", target, &cpu);
        }
        let mean = count as f64 / measured.transactions as f64;
        row(
            &format!("tasks claimed in one transaction, {rate}/s"),
            mean,
            "",
            Unset,
            "",
        );
    }
}

fn graph(folder: &Path, sizes: &Sizes) {
    let [stored, reloaded] = graph::measure(folder, sizes.graph_tasks);
    let of = format!("{} tasks and edges", sizes.graph_tasks);
    for (figures, by) in [(stored, "storing"), (reloaded, "reloading")] {
        for figure in figures {
            let (what, unit, target) = match figure.name.as_str() {
                "validated" => (format!("{of} validated"), "s", AtMost(0.5)),
                "scheduler made" => (format!("{of}: scheduler made"), "s", Unset),
                "stored" => (format!("{of} made and stored"), "s", AtMost(5.0)),
                "reloaded" => (format!("{of} reloaded after SIGKILL"), "s", AtMost(2.0)),
                "peak" => (format!("{of}: peak memory while {by}"), "MB", AtMost(500.0)),
                "files" => (format!("{of}: database and its log"), "MB", Unset),
                other => (format!("{of}: {other}"), "", Unset),
            };
            let cpu = if figure.cpu > 0.0 {
                format!("{:.2} s", figure.cpu)
            } else {
                String::new()
            };
            row(&what, figure.value, unit, target, &cpu);
        }
    }
}

fn idle(folder: &Path, sizes: &Sizes) {
    const CAMPAIGNS: usize = 10_000;
    for (spread, what, target) in [
        (false, "none due", AtMost(1.0)),
        (true, "each once an hour", Unset),
    ] {
        let measured = idle::measure(folder, CAMPAIGNS, spread, sizes.idle);
        let what = format!(
            "{CAMPAIGNS} recurring campaigns, {what}, {} fired",
            measured.fired
        );
        let cpu = format!("{:.0} ms", measured.took.cpu.as_secs_f64() * 1e3);
        row(&what, measured.share(), "% of core", target, &cpu);
    }
}

fn peers(folder: &Path, sizes: &Sizes, fired: f64) {
    let measured = peers::measure(folder, sizes.peer_jobs, sizes.peer_rate, sizes.peer_seconds);
    let peers = match measured {
        Ok(peers) => peers,
        Err(why) => return missing("APScheduler 3.11", &why),
    };
    for (peer, times) in peers.into_iter().zip([50.0, 10.0]) {
        let name = &peer.name;
        row(
            &format!("{name}: jobs loaded"),
            peer.loaded_per_s,
            "/s",
            Unset,
            "",
        );
        row(
            &format!("{name}: jobs fired"),
            peer.fired_per_s,
            "/s",
            Unset,
            "",
        );
        let rate = sizes.peer_rate;
        match peer.lateness {
            Ok(lateness) => {
                for (quantile, late) in ["p50", "p99", "max"].into_iter().zip(lateness) {
                    row(
                        &format!("{name}: due to start, {rate}/s, {quantile}"),
                        late,
                        "ms",
                        Unset,
                        "",
                    );
                }
            }
            Err(why) => missing(&format!("{name}: due to start, {rate}/s"), &why),
        }
        let what = format!("fired, ours over {name}");
        row(&what, fired / peer.fired_per_s, "times", AtLeast(times), "");
    }
}
