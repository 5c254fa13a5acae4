//! Random campaigns of everything there is, and random limits.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_scheduler::{
    After, Campaign, CatchUp, EventSource, Quarantine, Rate, SchedulerPolicy, TaskDef, Trigger,
};
use airdrops_types::{Address, Conditions, Join, ProtocolId, TaskId, Timestamp, Work};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use crate::{acts, set, task};

const CONDITIONS: [Conditions; 6] = [
    Conditions::SUCCESS,
    Conditions::SUCCESS,
    Conditions::FAILURE,
    Conditions::COMPLETION,
    Conditions::SKIP,
    Conditions::ANY,
];

/// Names of events that come from outside.
pub(super) const EVENTS: [&str; 2] = ["ping", "pong"];

/// What stays the same while a seed runs.
#[derive(Debug)]
pub(super) struct Setting {
    pub seed: u64,
    pub campaigns: Vec<Campaign>,
    pub policy: SchedulerPolicy,
}

impl Setting {
    pub(super) fn random(seed: u64, rng: &mut ChaCha8Rng, start: Timestamp) -> Self {
        let count = rng.random_range(2..=5);
        Self {
            seed,
            campaigns: (0..count)
                .map(|index| campaign(rng, index, count, start))
                .collect(),
            policy: policy(rng),
        }
    }
}

/// The wallet of a task: its nonces are one lane.
pub(super) fn wallet(address: Address) -> u8 {
    address.as_slice().first().copied().unwrap_or(0)
}

/// How many steps a task's plan has: none to three, the same on every node.
pub(super) fn steps(task: &TaskId) -> usize {
    let digest = Sha256::digest(task.as_str().as_bytes());
    [1, 2, 1, 3, 2, 1, 0, 2][usize::from(digest[0]) % 8]
}

fn seconds(rng: &mut ChaCha8Rng, from: u64, to: u64) -> Duration {
    Duration::from_secs(rng.random_range(from..to))
}

/// Such a time with a probability.
fn sometimes(rng: &mut ChaCha8Rng, how_often: f64, from: u64, to: u64) -> Option<Duration> {
    rng.random_bool(how_often).then(|| seconds(rng, from, to))
}

fn policy(rng: &mut ChaCha8Rng) -> SchedulerPolicy {
    let rate = Rate {
        starts: rng.random_range(1..=3),
        per: seconds(rng, 60, 300),
    };
    SchedulerPolicy {
        concurrency: BTreeMap::from([
            ("desk".to_owned(), rng.random_range(1..=2)),
            ("desk:2".to_owned(), 1),
        ]),
        rates: BTreeMap::from([("feed".to_owned(), rate)]),
        aging: seconds(rng, 300, 3600),
        quarantine: Quarantine {
            failures: rng.random_range(2..=3),
            within: seconds(rng, 600, 3600),
            pause: seconds(rng, 300, 1800),
        },
    }
}

fn name(index: usize) -> String {
    format!("campaign-{index}")
}

fn campaign(rng: &mut ChaCha8Rng, index: usize, count: usize, start: Timestamp) -> Campaign {
    let trigger = trigger(rng, index, start);
    let mut campaign = Campaign::new(name(index).as_str(), trigger, tasks(rng, index, count));
    campaign.misfire_grace = sometimes(rng, 0.2, 60, 3600);
    campaign.catch_up = [
        CatchUp::One,
        CatchUp::One,
        CatchUp::All,
        CatchUp::All,
        CatchUp::Skip,
    ][rng.random_range(0..5)];
    campaign.max_instances = [1, 1, 2, 3][rng.random_range(0..4)];
    if let Trigger::Interval { .. } | Trigger::Cron { .. } = campaign.trigger {
        campaign.timing.jitter = sometimes(rng, 0.3, 10, 600).unwrap_or_default();
        let first = sometimes(rng, 0.1, 60, 3600);
        campaign.timing.start = first.map(|after| start.plus(after));
        let last = sometimes(rng, 0.1, 7200, 14_400);
        campaign.timing.end = last.map(|after| start.plus(after));
    }
    campaign
}

/// What happens at one campaign fires only later ones, so that it comes to an end.
fn trigger(rng: &mut ChaCha8Rng, index: usize, start: Timestamp) -> Trigger {
    let kinds = if index == 0 { 7 } else { 10 };
    match rng.random_range(0..kinds) {
        0 | 1 => Trigger::Interval {
            every: seconds(rng, 20 * 60, 100 * 60),
            first: sometimes(rng, 0.5, 0, 3600).map(|after| start.plus(after)),
        },
        2 | 3 => Trigger::Cron {
            expression: ["*/30 * * * *", "10 * * * *", "0,40 */2 * * *", "5 3 * * *"]
                [rng.random_range(0..4)]
            .to_owned(),
            zone: ["UTC", "Europe/Berlin"][rng.random_range(0..2)].to_owned(),
        },
        4 => Trigger::Once,
        5 => Trigger::Date {
            at: start.plus(seconds(rng, 0, 9000)),
        },
        6 => Trigger::Event(EventSource::Named {
            name: EVENTS[rng.random_range(0..EVENTS.len())].to_owned(),
        }),
        7 | 8 => Trigger::Event(EventSource::Task {
            campaign: name(rng.random_range(0..index)).as_str().into(),
            task: rng.random_bool(0.4).then(|| "a".to_owned()),
            on: CONDITIONS[rng.random_range(0..CONDITIONS.len())],
        }),
        _ => Trigger::Manual,
    }
}

fn tasks(rng: &mut ChaCha8Rng, index: usize, count: usize) -> Vec<TaskDef> {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut tasks = match rng.random_range(0..4) {
        // A chain.
        0 => {
            let mut tasks = vec![task(names[0], &[])];
            for pair in names.windows(2).take(rng.random_range(0..3)) {
                tasks.push(task(pair[1], &[pair[0]]));
            }
            tasks
        }
        // A diamond.
        1 => vec![
            task("a", &[]),
            task("b", &["a"]),
            task("c", &["a"]),
            task("d", &["b", "c"]),
        ],
        // Any graph without a cycle.
        _ => {
            let count = rng.random_range(2..=names.len());
            let edges = rng.random_range(0.2..0.8);
            (0..count)
                .map(|index| {
                    let before = names[..index].iter().copied();
                    let before: Vec<&str> = before.filter(|_| rng.random_bool(edges)).collect();
                    let mut task = task(names[index], &before);
                    for After { on, .. } in &mut task.after {
                        *on = CONDITIONS[rng.random_range(0..CONDITIONS.len())];
                    }
                    task
                })
                .collect()
        }
    };
    for task in &mut tasks {
        vary(rng, task);
        let runs = index + 1 < count && rng.random_bool(0.12);
        if runs {
            let of = name(rng.random_range(index + 1..count));
            set(task).work = Work::Campaign(of.as_str().into());
        } else if rng.random_bool(0.08) {
            set(task).work = Work::Nothing;
        }
    }
    tasks
}

fn vary(rng: &mut ChaCha8Rng, task: &mut TaskDef) {
    let acts = acts(task);
    acts.wallet = Address::repeat_byte(rng.random_range(1..=3));
    acts.protocol = ProtocolId::from(["vault", "pool"][rng.random_range(0..2)]);
    let edges = task.after.len();
    let spec = set(task);
    spec.retry.max_attempts = rng.random_range(1..=4);
    spec.retry.base = seconds(rng, 1, 60);
    spec.retry.cap = Duration::from_secs(300);
    spec.critical = rng.random_bool(0.2);
    spec.priority = rng.random_range(0..3);
    if edges > 0 && rng.random_bool(0.3) {
        spec.join = Join::Any;
    }
    spec.delay = sometimes(rng, 0.15, 10, 600).unwrap_or_default();
    spec.approval = rng.random_bool(0.1);
    spec.deadline = sometimes(rng, 0.12, 300, 3600);
    spec.sla = sometimes(rng, 0.15, 300, 3600);
    spec.timeout = sometimes(rng, 0.15, 60, 600);
    spec.compensate = rng.random_bool(0.7);
    let keys = ["desk:1", "desk:2", "feed:1"].into_iter();
    spec.keys = keys
        .filter(|_| rng.random_bool(0.25))
        .map(str::to_owned)
        .collect();
}

/// Two tasks that wait for each other, and one that comes after them all the same.
pub(super) fn knot() -> Vec<TaskDef> {
    let mut tasks = vec![task("x", &["y"]), task("y", &["x"]), task("z", &["x"])];
    tasks[2].after[0].on = Conditions::SKIP;
    tasks
}
