//! Tasks loaded and fired per second.

use std::sync::Arc;
use std::time::Duration;

use airdrops_scheduler::TaskDef;
use airdrops_store::{Access, Options, Sqlite};
use airdrops_types::{CampaignId, TaskSpec, Timestamp};

use crate::dispatcher::{Dispatcher, spec};
use crate::measure::{Since, Took};

const BEGIN: Timestamp = Timestamp(1_700_000_000_000);
const WAIT: Duration = Duration::from_secs(3600);

/// How long it took to load tasks, and to make each ready, claim and complete it.
pub(crate) struct Throughput {
    pub(crate) load: Took,
    pub(crate) fire: Took,
}

/// Loads `count` tasks in groups, and fires them in the same groups: one transaction loads a group, one
/// makes all of it ready and claims it, and one completes it.
pub(crate) fn measure(folder: &std::path::Path, group: usize, count: usize) -> Throughput {
    let path = folder.join(format!("groups-of-{group}.db"));
    let store = Sqlite::open(&path, Access::Runner, Options::default()).unwrap();
    let mut dispatcher = Dispatcher::empty(&store, BEGIN);
    let campaign = CampaignId::new("farm");
    let spec = Arc::new(TaskSpec {
        delay: WAIT,
        ..spec()
    });
    let instants = |base: Timestamp| {
        let groups = i64::try_from(count.div_ceil(group)).unwrap();
        (0..groups).map(move |group| Timestamp(base.0 + group))
    };

    let since = Since::now();
    for now in instants(BEGIN) {
        let tasks = (0..group)
            .map(|number| TaskDef {
                name: format!("t{number}"),
                spec: Arc::clone(&spec),
                after: Vec::new(),
            })
            .collect();
        let changes = dispatcher
            .scheduler
            .start_run(&campaign, tasks, "asked for", now);
        dispatcher.store(now, changes);
    }
    let load = since.took();

    let mut fired = 0;
    let since = Since::now();
    for now in instants(BEGIN.plus(WAIT)) {
        let mut changes = dispatcher.scheduler.tick(now);
        fired += dispatcher.claim(now, &mut changes);
        dispatcher.store(now, changes);
        let mut changes = Vec::new();
        dispatcher.complete(now, &mut changes);
        dispatcher.store(now, changes);
    }
    let fire = since.took();
    assert_eq!(fired, count);
    assert_eq!(dispatcher.scheduler.open(), 0);
    Throughput { load, fire }
}
