//! What campaigns cost that wait.

use std::path::Path;
use std::time::{Duration, Instant};

use airdrops_scheduler::{Campaign, Scheduler, TaskDef, Trigger};
use airdrops_store::{Access, Options, Sqlite, Store};
use airdrops_types::Timestamp;

use crate::dispatcher::{Dispatcher, shared, spec};
use crate::measure::{Since, Took};

const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// Each campaign recurs so often.
const EVERY: Duration = Duration::from_secs(3600);

/// What a while of waiting took.
pub(crate) struct Idle {
    pub(crate) took: Took,
    pub(crate) fired: usize,
}

impl Idle {
    /// Processor time as a share of one core, percent.
    pub(crate) fn share(&self) -> f64 {
        self.took.cpu.as_secs_f64() / self.took.wall.as_secs_f64() * 100.0
    }
}

/// Campaigns that recur every hour, for a while of real time. With `spread` they are due one after the
/// other, evenly over the hour; otherwise none of them is due yet. As in the program, waiting looks for
/// what others stored.
pub(crate) fn measure(folder: &Path, campaigns: usize, spread: bool, lasting: Duration) -> Idle {
    let path = folder.join(format!("idle-{spread}.db"));
    let store = Sqlite::open(&path, Access::Runner, Options::default()).unwrap();
    let step = if spread {
        EVERY / u32::try_from(campaigns).unwrap()
    } else {
        Duration::ZERO
    };
    let first = if spread { BEGIN } else { BEGIN.plus(EVERY) };
    let spec = shared(spec());
    let defined = (0..campaigns)
        .map(|number| {
            let every = Trigger::Interval {
                every: EVERY,
                first: Some(first.plus(step * u32::try_from(number).unwrap())),
            };
            let task = TaskDef {
                name: "supply".to_owned(),
                spec: spec.clone(),
                after: Vec::new(),
            };
            Campaign::new(format!("c{number:05}"), every, vec![task])
        })
        .collect();
    let scheduler = Scheduler::new(defined, [], vec![], 1, BEGIN).unwrap();
    let mut dispatcher = Dispatcher::of(&store, scheduler);
    // What is stored once.
    let changes = dispatcher.scheduler.tick(BEGIN);
    dispatcher.store(BEGIN, changes);

    let mut fired = 0;
    let since = Since::now();
    let begin = Instant::now();
    while begin.elapsed() < lasting {
        let now = BEGIN.plus(begin.elapsed());
        let mut changes = dispatcher.scheduler.tick(now);
        fired += dispatcher.claim(now, &mut changes);
        dispatcher.store(now, changes);
        let mut changes = Vec::new();
        dispatcher.complete(now, &mut changes);
        dispatcher.store(now, changes);
        let wake = dispatcher
            .scheduler
            .next_wake(now)
            .unwrap_or(now.plus(lasting));
        let left = lasting.saturating_sub(begin.elapsed());
        let wait = wake.since(BEGIN).saturating_sub(begin.elapsed()).min(left);
        store.engine().wait(wait).unwrap();
    }
    Idle {
        took: since.took(),
        fired,
    }
}
