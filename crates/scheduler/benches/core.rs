//! What the scheduler's core costs, without a store: a campaign of a million tasks, and ten thousand
//! campaigns that wait. Prints one table; times are processor time. `cargo bench -p airdrops-scheduler --bench core [tasks]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::Duration;

use airdrops_scheduler::{
    After, Campaign, Change, Scheduler, SchedulerPolicy, TaskDef, TaskEvent, Trigger,
};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, CampaignId, Conditions, Edge, ProtocolId, TaskId,
    TaskRecord, TaskSpec, TaskState, Timestamp, Work,
};

fn spec() -> Arc<TaskSpec> {
    Arc::new(TaskSpec::of(Work::Act(Assignment {
        wallet: Address::ZERO,
        protocol: ProtocolId::from("vault"),
        action: Action::Supply,
        amount: AmountSpec::Target,
    })))
}

/// A thousand chains side by side: each task after the one a thousand places before it, and each chain
/// after the one root.
fn wide(tasks: usize) -> Campaign {
    let spec = spec();
    let width = 1_000;
    let tasks = (0..tasks)
        .map(|place| {
            let before = match place {
                0 => None,
                place if place <= width => Some(0),
                place => Some(place - width),
            };
            TaskDef {
                name: format!("t{place}"),
                spec: Arc::clone(&spec),
                after: before
                    .map(|before| After {
                        task: format!("t{before}"),
                        on: Conditions::SUCCESS,
                    })
                    .into_iter()
                    .collect(),
            }
        })
        .collect();
    Campaign::new("big", Trigger::Once, tasks)
}

/// A line of `/proc/self/status`, MB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|text| text.starts_with(line));
    let kib = found.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn row(what: &str, value: &str) {
    println!(
        "{what:<58} {value:>22} {:>8} {:>8}",
        memory("VmRSS"),
        memory("VmHWM")
    );
}

/// Processor time of this process: the machine may do other work.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}

fn took(since: Duration) -> String {
    format!("{:.3} s", (cpu() - since).as_secs_f64())
}

fn drain(scheduler: &mut Scheduler, now: Timestamp) -> u64 {
    let mut transitions = 0;
    loop {
        let ready = scheduler.first_runnable(now, 1_000);
        if ready.is_empty() {
            return transitions;
        }
        for task in ready {
            let planned = TaskEvent::Planned { operations: vec![] };
            let changes = scheduler.apply(&task, planned, now).unwrap();
            transitions += u64::try_from(changes.len()).unwrap();
        }
    }
}

fn big(tasks: usize) {
    let begun = cpu();
    let campaign = wide(tasks);
    row(&format!("definition of {tasks} tasks made"), &took(begun));
    let begun = cpu();
    campaign.validate().unwrap();
    row("validated", &took(begun));
    let now = Timestamp(0);
    let begun = cpu();
    let mut scheduler = Scheduler::new(vec![campaign], [], vec![], 1, now).unwrap();
    row("scheduler made (validates again)", &took(begun));
    let begun = cpu();
    let mut made = 0;
    let mut calls = 0;
    loop {
        let changes = scheduler.tick(now);
        calls += 1;
        made += changes
            .iter()
            .filter(|change| matches!(change, Change::Task { from: None, .. }))
            .count();
        if scheduler.next_wake(now).is_none_or(|wake| wake > now) {
            break;
        }
    }
    row(
        &format!("run of {made} tasks made, in {calls} ticks"),
        &took(begun),
    );
    let begun = cpu();
    let transitions = drain(&mut scheduler, now);
    let rate = u128::from(transitions) * 1_000_000 / (cpu() - begun).as_micros().max(1);
    row(
        &format!("{transitions} transitions, one task at a time"),
        &format!("{rate}/s"),
    );
    let ended = scheduler.open() == 0;
    assert!(ended, "{} are open", scheduler.open());
}

fn reload(tasks: usize) {
    let now = Timestamp(0);
    let campaign = CampaignId::from("big");
    let spec = spec();
    let begun = cpu();
    // As a store hands them out: one after the other.
    let records = (0..tasks).map(|place| {
        let name = format!("t{place}");
        let mut record = TaskRecord::new(&campaign, &name, 1, Arc::clone(&spec), now);
        if place > 0 {
            record.state = TaskState::Pending;
            record.ready_since = None;
            let before = place.saturating_sub(1_000);
            record.reason = Some(format!("waits for t{before}"));
            record.after = vec![Edge {
                task: TaskId::new(format!("big/t{before}#1")),
                on: Conditions::SUCCESS,
            }];
        }
        record
    });
    let again = Scheduler::new(vec![], records, vec![], 1, now).unwrap();
    row(
        &format!("{} records taken in again", again.open()),
        &took(begun),
    );
}

fn idle(campaigns: usize) {
    let spec = spec();
    let campaigns = (0..campaigns)
        .map(|number| {
            let every = Trigger::Interval {
                every: Duration::from_secs(3_600),
                first: Some(Timestamp(3_600_000 + i64::try_from(number).unwrap())),
            };
            let task = TaskDef {
                name: "t".to_owned(),
                spec: Arc::clone(&spec),
                after: vec![],
            };
            Campaign::new(format!("c{number:05}"), every, vec![task])
        })
        .collect();
    let mut scheduler = Scheduler::new(campaigns, [], vec![], 1, Timestamp(0))
        .unwrap()
        .with_policy(SchedulerPolicy::default(), Timestamp(0));
    scheduler.tick(Timestamp(0));
    let begun = cpu();
    let rounds: i32 = 100_000;
    for round in 0..rounds {
        assert!(scheduler.tick(Timestamp(i64::from(round))).is_empty());
    }
    let per_tick = (cpu() - begun).as_nanos() / u128::from(rounds.unsigned_abs());
    row("tick with 10,000 idle campaigns", &format!("{per_tick} ns"));
    let begun = cpu();
    for round in 0..rounds {
        assert!(scheduler.next_wake(Timestamp(i64::from(round))).is_some());
    }
    let per_wake = (cpu() - begun).as_nanos() / u128::from(rounds.unsigned_abs());
    row(
        "next_wake with 10,000 idle campaigns",
        &format!("{per_wake} ns"),
    );
}

fn main() {
    let tasks = std::env::args().filter_map(|text| text.parse().ok()).next();
    let tasks = tasks.unwrap_or(1_000_000);
    println!("{:<58} {:>22} {:>8} {:>8}", "", "", "RSS MB", "peak MB");
    idle(10_000);
    big(tasks);
    reload(tasks);
}
