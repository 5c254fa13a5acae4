//! A campaign of a million tasks and as many edges: checked, made as a run, stored, and read back by
//! another process after this one was killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use airdrops_scheduler::{After, Campaign, Scheduler, TaskDef, Trigger};
use airdrops_store::{Access, JournalCheck, Options, Records, Sqlite, Store, TaskFilter};
use airdrops_types::Timestamp;

use crate::dispatcher::{Dispatcher, spec};
use crate::measure::{Since, Took, peak_memory};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Tells a child what it is.
const ROLE: &str = "AIRDROPS_BENCH_ROLE";
const FILE: &str = "AIRDROPS_BENCH_FILE";
const TASKS: &str = "AIRDROPS_BENCH_TASKS";

/// Chains side by side.
const WIDTH: usize = 1000;

/// One figure of a child.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// Seconds, or MB.
    pub(crate) value: f64,
    /// Processor time, seconds.
    pub(crate) cpu: f64,
}

/// Whether this process is a child; then it has done its part.
pub(crate) fn is_child() -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let path = std::env::var(FILE).unwrap();
    let tasks = std::env::var(TASKS).unwrap().parse().unwrap();
    match role.as_str() {
        "store" => store(Path::new(&path), tasks),
        _ => reload(Path::new(&path), tasks),
    }
    true
}

/// Each task after the one a thousand places before it, the first thousand after the very first, and the
/// last after one more: as many edges as tasks.
fn campaign(tasks: usize) -> Campaign {
    let spec = Arc::new(spec());
    let after = |place: usize| After::from(format!("t{place}").as_str());
    let tasks = (0..tasks)
        .map(|place| {
            let mut before = Vec::new();
            if place > 0 {
                before.push(after(place.saturating_sub(WIDTH)));
            }
            if place + 1 == tasks {
                before.push(after(place - 1));
            }
            TaskDef {
                name: format!("t{place}"),
                spec: Arc::clone(&spec),
                after: before,
            }
        })
        .collect();
    Campaign::new("large", Trigger::Once, tasks)
}

fn tell(name: &str, value: f64, cpu: f64) {
    println!("{name}\t{value}\t{cpu}");
}

fn tell_took(name: &str, took: Took) {
    tell(name, took.wall.as_secs_f64(), took.cpu.as_secs_f64());
}

fn store(path: &Path, tasks: usize) {
    let campaign = campaign(tasks);
    let edges: usize = campaign.tasks.iter().map(|task| task.after.len()).sum();
    assert_eq!(edges, tasks);
    let since = Since::now();
    campaign.validate().unwrap();
    tell_took("validated", since.took());
    let store = Sqlite::open(path, Access::Runner, Options::default()).unwrap();
    let since = Since::now();
    let scheduler = Scheduler::new(vec![campaign], [], vec![], 1, NOW).unwrap();
    tell_took("scheduler made", since.took());
    let mut dispatcher = Dispatcher::of(&store, scheduler);
    let since = Since::now();
    let mut transactions = 0;
    loop {
        let changes = dispatcher.scheduler.tick(NOW);
        dispatcher.store(NOW, changes);
        transactions += 1;
        if dispatcher
            .scheduler
            .next_wake(NOW)
            .is_none_or(|wake| wake > NOW)
        {
            break;
        }
    }
    tell_took("stored", since.took());
    assert_eq!(dispatcher.scheduler.open(), tasks);
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let bytes = size(path) + size(&path.with_extension("db-wal"));
    tell("transactions", f64::from(transactions), 0.0);
    tell("files", bytes as f64 / 1e6, 0.0);
    tell("peak", peak_memory() as f64, 0.0);
    println!("done");
    // Until it is killed.
    std::thread::sleep(std::time::Duration::from_secs(60));
}

fn reload(path: &Path, tasks: usize) {
    let since = Since::now();
    let store = Sqlite::open(path, Access::Runner, Options::default()).unwrap();
    let stored = Records::new(&store, TaskFilter::restart()).map(Result::unwrap);
    let triggers = store.triggers().unwrap();
    let scheduler = Scheduler::new(vec![], stored, triggers, 1, NOW).unwrap();
    tell_took("reloaded", since.took());
    tell("peak", peak_memory() as f64, 0.0);
    assert_eq!(scheduler.open(), tasks);
    let checked = store.verify_journal().unwrap();
    assert!(matches!(checked, JournalCheck::Ok { .. }), "{checked:?}");
    println!("done");
}

/// The figures of the process that stores and is killed, and of the one that reads back.
pub(crate) fn measure(folder: &Path, tasks: usize) -> [Vec<Figure>; 2] {
    let path = folder.join("large.db");
    ["store", "reload"].map(|role| {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .env(FILE, &path)
            .env(TASKS, tasks.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut figures = Vec::new();
        let mut done = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "done" {
                done = true;
                // SIGKILL.
                child.kill().unwrap();
                break;
            }
            let mut parts = line.split('\t');
            let mut next = || parts.next().unwrap();
            figures.push(Figure {
                name: next().to_owned(),
                value: next().parse().unwrap(),
                cpu: next().parse().unwrap(),
            });
        }
        child.wait().unwrap();
        assert!(done, "the process that should {role} has failed");
        figures
    })
}
