//! How late tasks start that are due at an even rate, whatever became of those before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airdrops_scheduler::Scheduler;
use airdrops_store::{Access, Batch, Options, Sqlite, Store, TaskFilter};
use airdrops_types::{CampaignId, TaskRecord, TaskState, Timestamp};
use hdrhistogram::Histogram;

use crate::dispatcher::{Dispatcher, spec};
use crate::measure::{Since, Took};

const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// Before the first task is due.
const LEAD: Duration = Duration::from_millis(200);

/// How late tasks were.
pub(crate) struct OpenLoop {
    /// From the due instant to the durable claim, microseconds; one value for each task.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) took: Took,
    pub(crate) transactions: usize,
}

/// `rate` tasks a second for so many `seconds`. Each round claims all that is due in one transaction,
/// which also completes what the round before claimed.
pub(crate) fn measure(folder: &std::path::Path, rate: usize, seconds: usize) -> OpenLoop {
    let path = folder.join(format!("open-loop-{rate}.db"));
    let store = Sqlite::open(&path, Access::Runner, Options::default()).unwrap();
    let count = rate * seconds;
    load(&store, rate, count);
    let stored = store.tasks(TaskFilter::restart()).unwrap();
    let scheduler = Scheduler::new(vec![], stored, vec![], 1, BEGIN).unwrap();
    let mut dispatcher = Dispatcher::of(&store, scheduler);

    let mut lateness = Histogram::<u64>::new(3).unwrap();
    let mut transactions = 0;
    let since = Since::now();
    let begin = Instant::now();
    let elapsed_until = |instant: Timestamp| instant.since(BEGIN);
    loop {
        let now = BEGIN.plus(begin.elapsed());
        let mut changes = dispatcher.scheduler.tick(now);
        if changes.is_empty() {
            let Some(wake) = dispatcher.scheduler.next_wake(now) else {
                break;
            };
            std::thread::sleep(elapsed_until(wake).saturating_sub(begin.elapsed()));
            continue;
        }
        dispatcher.complete(now, &mut changes);
        let claimed = dispatcher.under_way.len();
        dispatcher.claim(now, &mut changes);
        dispatcher.store(now, changes);
        transactions += 1;
        let durable = begin.elapsed();
        for task in &dispatcher.under_way[claimed..] {
            let due = dispatcher.scheduler.get(task).unwrap().due;
            let late = durable.saturating_sub(elapsed_until(due));
            lateness
                .record(u64::try_from(late.as_micros()).unwrap())
                .unwrap();
        }
    }
    let took = since.took();
    assert_eq!(lateness.len(), count as u64);
    OpenLoop {
        lateness,
        took,
        transactions,
    }
}

/// Stores tasks that wait for their instants.
fn load(store: &Sqlite, rate: usize, count: usize) {
    let campaign = CampaignId::new("farm");
    let spec = Arc::new(spec());
    let first = BEGIN.plus(LEAD);
    let records: Vec<TaskRecord> = (0..count)
        .map(|place| {
            // An instant is a millisecond: at higher rates several tasks share one.
            let due = Timestamp(first.0 + i64::try_from(place * 1000 / rate).unwrap());
            let name = format!("t{place}");
            let mut record = TaskRecord::new(&campaign, &name, 1, Arc::clone(&spec), due);
            record.state = TaskState::Pending;
            record.reason = Some(format!("waits until {due}"));
            record.not_before = Some(due);
            record.ready_since = None;
            record
        })
        .collect();
    for tasks in records.chunks(10_000) {
        let batch = Batch {
            tasks: tasks.to_vec(),
            ..Batch::at(BEGIN)
        };
        store.commit(&batch).unwrap();
    }
}
