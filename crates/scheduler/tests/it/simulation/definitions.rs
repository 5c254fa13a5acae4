//! Random campaigns: every kind of trigger, chains, forks, diamonds, edges with conditions.

use std::time::Duration;

use airdrops_scheduler::{After, Campaign, TaskDef, Trigger};
use airdrops_types::{Address, Conditions, TaskId, Timestamp};
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

/// The wallet of a task: its nonces are one lane.
pub(super) fn wallet(address: Address) -> u8 {
    address.as_slice().first().copied().unwrap_or(0)
}

/// How many steps a task's plan has: none to three, the same on every node.
pub(super) fn steps(task: &TaskId) -> usize {
    let digest = Sha256::digest(task.as_str().as_bytes());
    [1, 2, 1, 3, 2, 1, 0, 2][usize::from(digest[0]) % 8]
}

pub(super) fn campaigns(rng: &mut ChaCha8Rng, start: Timestamp) -> Vec<Campaign> {
    let count = rng.random_range(2..=4);
    (0..count)
        .map(|index| campaign(rng, index, start))
        .collect()
}

fn campaign(rng: &mut ChaCha8Rng, index: usize, start: Timestamp) -> Campaign {
    let mut campaign = Campaign::new(
        format!("campaign-{index}").as_str(),
        trigger(rng, start),
        tasks(rng),
    );
    if rng.random_bool(0.2) {
        campaign.misfire_grace = Some(Duration::from_secs(rng.random_range(60..3600)));
    }
    campaign
}

fn trigger(rng: &mut ChaCha8Rng, start: Timestamp) -> Trigger {
    let minutes = |rng: &mut ChaCha8Rng, from, to| {
        Duration::from_secs(60 * rng.random_range::<u64, _>(from..to))
    };
    match rng.random_range(0..6) {
        0 | 1 => Trigger::Interval {
            every: minutes(rng, 20, 90),
            first: rng
                .random_bool(0.5)
                .then(|| start.plus(minutes(rng, 0, 60))),
        },
        2 | 3 => Trigger::Cron {
            expression: ["*/25 * * * *", "10 * * * *", "0,40 */2 * * *", "5 3 * * *"]
                [rng.random_range(0..4)]
            .to_owned(),
            zone: ["UTC", "Europe/Berlin"][rng.random_range(0..2)].to_owned(),
        },
        4 => Trigger::Once,
        _ => Trigger::Date {
            at: start.plus(minutes(rng, 0, 150)),
        },
    }
}

fn tasks(rng: &mut ChaCha8Rng) -> Vec<TaskDef> {
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
        acts(task).wallet = Address::repeat_byte(rng.random_range(1..=2));
        let spec = set(task);
        spec.retry.max_attempts = rng.random_range(1..=4);
        spec.retry.base = Duration::from_secs(rng.random_range(1..60));
        spec.retry.cap = Duration::from_secs(300);
        spec.critical = rng.random_bool(0.2);
    }
    tasks
}
