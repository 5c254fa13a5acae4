//! Durable tasks per second, and a million of them stored and read back.
//!
//! `cargo bench -p airdrops-store --bench tasks`. Every change of a task is stored with its journal
//! entry; a group is one transaction, and so one wait for the disk (`synchronous=FULL`).
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use airdrops_store::{Access, Batch, Options, Sqlite, Store, TaskFilter};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, CampaignId, Conditions, Edge, Entry, TaskId,
    TaskRecord, TaskSpec, TaskState, Timestamp, Work,
};

/// Tells the child that reads back.
const READ_BACK: &str = "STORE_BENCH_READ_BACK";

/// Of the large graph.
const LARGE: u64 = 1_000_000;

fn spec() -> Arc<TaskSpec> {
    Arc::new(TaskSpec {
        keys: vec!["chain:1".into(), "protocol:vault".into()],
        ..TaskSpec::of(Work::Act(Assignment {
            wallet: Address::repeat_byte(7),
            protocol: "vault".into(),
            action: Action::Swap {
                from: "ETH".into(),
                to: "USDC".into(),
            },
            amount: AmountSpec::Exact("1.25".into()),
        }))
    })
}

/// One change with its entry.
fn change(task: &mut TaskRecord, from: Option<TaskState>, to: TaskState, at: i64) -> Batch {
    task.state = to;
    match to {
        TaskState::Running => task.started = Some(Timestamp(at)),
        TaskState::Completed => task.ended = Some(Timestamp(at)),
        _ => {}
    }
    Batch {
        tasks: vec![task.clone()],
        entries: vec![Entry::Task {
            task: task.id.clone(),
            from,
            to,
            reason: "its turn".into(),
            not_before: None,
        }],
        ..Batch::at(Timestamp(at))
    }
}

fn pass(
    store: &dyn Store,
    tasks: &mut [TaskRecord],
    group: usize,
    changes: &[(Option<TaskState>, TaskState)],
) -> Duration {
    let batches: Vec<Vec<Batch>> = tasks
        .chunks_mut(group)
        .flat_map(|tasks| {
            changes
                .iter()
                .map(|(from, to)| {
                    tasks
                        .iter_mut()
                        .map(|task| change(task, *from, *to, 1_700_000_000_000))
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let began = Instant::now();
    for group in &batches {
        for committed in store.commit_all(group) {
            committed.unwrap();
        }
    }
    began.elapsed()
}

fn throughput(name: &str, store: &dyn Store, group: usize, count: u64) {
    use TaskState::{Completed, Ready, Running};
    let campaign = CampaignId::new(format!("g{group}"));
    let spec = spec();
    let mut tasks: Vec<TaskRecord> = (1..=count)
        .map(|run| {
            let due = Timestamp(1_700_000_000_000);
            TaskRecord::new(&campaign, "supply", run, Arc::clone(&spec), due)
        })
        .collect();
    let load = pass(store, &mut tasks, group, &[(None, Ready)]);
    let steps = [(Some(Ready), Running), (Some(Running), Completed)];
    let fire = pass(store, &mut tasks, group, &steps);
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    println!(
        "| {name} | {group:>5} | {count:>7} | {:>8.0} | {:>8.0} | {:>8.0} |",
        rate(load),
        rate(fire),
        rate(load + fire)
    );
}

/// A million tasks in chains, with an edge each.
fn store_large(path: &Path) {
    let campaign = CampaignId::new("large");
    let spec = spec();
    let tasks: Vec<TaskRecord> = (0..LARGE)
        .map(|n| {
            let due = Timestamp(1_700_000_000_000);
            let name = format!("t{n}");
            let mut task = TaskRecord::new(&campaign, &name, 1, Arc::clone(&spec), due);
            if n >= 1000 {
                task.state = TaskState::Pending;
                task.after = vec![Edge {
                    task: TaskId::new(format!("large/t{}#1", n - 1000)),
                    on: Conditions::SUCCESS,
                }];
            }
            task
        })
        .collect();
    let store = Sqlite::open(path, Access::Runner, Options::default()).unwrap();
    let batch = Batch {
        tasks,
        entries: vec![Entry::Fired {
            campaign: "large".into(),
            due: Timestamp(1),
            tasks: Vec::new(),
            note: "made".into(),
        }],
        ..Batch::at(Timestamp(1))
    };
    let began = Instant::now();
    store.commit(&batch).unwrap();
    let took = began.elapsed();
    let size = std::fs::metadata(path).map_or(0, |file| file.len())
        + std::fs::metadata(path.with_extension("db-wal")).map_or(0, |file| file.len());
    println!(
        "{LARGE} tasks and {} edges stored in {:.2} s, {} MB of files, in one transaction",
        LARGE - 1000,
        took.as_secs_f64(),
        size / 1_000_000
    );
}

/// In a process of its own, so that its memory is what reading takes.
fn read_back(path: &Path) {
    let began = Instant::now();
    let store = Sqlite::open(path, Access::Runner, Options::default()).unwrap();
    let tasks = store.tasks(TaskFilter::restart()).unwrap();
    let took = began.elapsed();
    assert_eq!(tasks.len() as u64, LARGE);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!(
        "opened and read back in {:.2} s, {}",
        took.as_secs_f64(),
        peak.unwrap_or("peak memory unknown")
    );
}

fn main() {
    if let Some(path) = std::env::var_os(READ_BACK) {
        read_back(Path::new(&path));
        return;
    }
    let folder = tempfile::tempdir_in(std::env::var_os("STORE_BENCH_DIR").unwrap_or(".".into()));
    let folder = folder.unwrap();
    println!("| store | group |   tasks | load/s | claim+complete/s | all three/s |");
    println!("|---|---|---|---|---|---|");
    for (group, count) in [(1, 2_000), (10, 10_000), (100, 50_000), (1000, 100_000)] {
        let path = folder.path().join(format!("{group}.db"));
        let store = Sqlite::open(path, Access::Runner, Options::default()).unwrap();
        throughput("SQLite, synchronous=FULL", &store, group, count);
    }
    if let Some(server) = airdrops_testkit_postgres::Postgres::start() {
        let url = server.database();
        let store = airdrops_store::open(&url, Access::Runner, Options::default()).unwrap();
        for (group, count) in [(1, 500), (100, 10_000), (1000, 10_000)] {
            throughput("PostgreSQL, fsync off", &*store, group, count);
        }
    }
    let path = folder.path().join("large.db");
    store_large(&path);
    let child = Command::new(std::env::current_exe().unwrap())
        .env(READ_BACK, &path)
        .status();
    assert!(child.unwrap().success());
}
