//! Task runs: read by filter and by page, counted, and carried over from older databases.

use std::sync::Arc;

use airdrops_store::{Access, Batch, Queue, QueueCount, Records, Store, TaskFilter};
use airdrops_types::{
    CampaignId, Conditions, Edge, I256, RetryPolicy, TaskId, TaskRecord, TaskSpec, TaskState,
    Timestamp, Work,
};

use crate::sample::{Place, booking, ether, places, task};

fn spec(keys: &[&str]) -> Arc<TaskSpec> {
    Arc::new(TaskSpec {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        ..TaskSpec::of(Work::Nothing)
    })
}

fn run(campaign: &str, name: &str, run: u64, due: i64, state: TaskState) -> TaskRecord {
    let keys = ["chain:1", if name == "a" { "wallet:1" } else { "wallet:2" }];
    let ended = state.is_final().then_some(Timestamp(due + 100));
    TaskRecord {
        state,
        ended,
        ..TaskRecord::new(
            &CampaignId::new(campaign),
            name,
            run,
            spec(&keys),
            Timestamp(due),
        )
    }
}

fn store(place: &Place, tasks: &[TaskRecord]) -> Arc<dyn Store> {
    let store = place.open(Access::Runner);
    store
        .commit(&Batch {
            tasks: tasks.to_vec(),
            ..Batch::at(Timestamp(1))
        })
        .unwrap();
    store
}

fn some() -> Vec<TaskRecord> {
    vec![
        run("x", "a", 1, 10, TaskState::Completed),
        run("x", "b", 1, 10, TaskState::Failed),
        run("x", "a", 2, 20, TaskState::Completed),
        run("x", "b", 2, 20, TaskState::Ready),
        run("y", "a", 2, 15, TaskState::Skipped),
        run("y", "a", 7, 30, TaskState::Running),
        run("y", "b", 7, 30, TaskState::Ready),
    ]
}

#[test]
fn every_column_of_every_state_reads_back() {
    let everything = |run: u64, state| TaskRecord {
        version: u32::MAX,
        step: u32::MAX,
        ready_since: Some(Timestamp(i64::MIN)),
        approved: Some("ada".into()),
        parent: Some(TaskId::new("other/p#1")),
        child: Some(3),
        late: true,
        ended: Some(Timestamp(i64::MAX)),
        after: vec![
            Edge {
                task: TaskId::new(format!("farm/other#{run}")),
                on: Conditions::ANY,
            },
            Edge {
                task: TaskId::new("farm/supply#9"),
                on: Conditions::SKIP,
            },
        ],
        ..task(run, state)
    };
    for place in places() {
        let tasks: Vec<TaskRecord> = (1..)
            .zip(TaskState::ALL)
            .flat_map(|(run, state)| [everything(run, state), self::run("e", "a", run, 5, state)])
            .collect();
        let store = store(&place, &tasks);
        assert_eq!(store.tasks(TaskFilter::default()).unwrap(), tasks);
        for task in &tasks {
            assert_eq!(store.task(&task.id).unwrap().as_ref(), Some(task));
        }
    }
}

#[test]
fn a_run_reads_back_as_it_was_last_stored_whatever_it_was_before() {
    for place in places() {
        let store = store(&place, &[]);
        let mut expected = Vec::new();
        let pairs = TaskState::ALL
            .into_iter()
            .flat_map(|from| TaskState::ALL.map(|to| (from, to)));
        for (number, (from, to)) in (1..).zip(pairs) {
            let mut first = run("x", "a", number, 5, from);
            if number % 3 == 0 {
                first.ended = Some(Timestamp(7));
            }
            let second = TaskRecord {
                state: to,
                reason: Some("changed".into()),
                attempts: 3,
                due: Timestamp(6),
                started: Some(Timestamp(8)),
                ..run("x", "a", number, 6, to)
            };
            for task in [&first, &second] {
                let batch = Batch {
                    tasks: vec![task.clone(), run("y", "b", number, 1, task.state)],
                    ..Batch::at(Timestamp(1))
                };
                store.commit(&batch).unwrap();
            }
            expected.push(second);
        }
        let of_x = TaskFilter {
            campaign: Some(CampaignId::new("x")),
            ..TaskFilter::default()
        };
        assert_eq!(store.tasks(of_x).unwrap(), expected);
        expected.retain(|task| !task.state.is_final());
        let open = store.tasks(TaskFilter::open()).unwrap();
        let open: Vec<_> = open
            .into_iter()
            .filter(|task| task.campaign.as_str() == "x")
            .collect();
        assert_eq!(open, expected, "and so do those that are open");
    }
}

#[test]
fn records_are_all_runs_of_a_filter_in_its_order() {
    for place in places().into_iter().take(1) {
        let many: Vec<TaskRecord> = (0..20_003)
            .map(|number| run("x", "a", number, 5, TaskState::Ready))
            .collect();
        let store = store(&place, &many);
        let read = |filter| -> Vec<TaskRecord> {
            Records::new(&*store, filter).map(Result::unwrap).collect()
        };
        assert_eq!(read(TaskFilter::restart()), many);
        let mut some = TaskFilter {
            limit: Some(10_001),
            ..TaskFilter::default()
        };
        assert_eq!(read(some.clone()), many[..10_001]);
        some.limit = Some(10_000);
        assert_eq!(read(some), many[..10_000]);
    }
}

#[test]
fn runs_that_share_a_specification_share_it_after_a_restart_too() {
    for place in places() {
        let shared = spec(&["chain:1"]);
        let tasks: Vec<_> = (1..5)
            .map(|n| TaskRecord {
                spec: Arc::clone(&shared),
                ..run("x", "a", n, 5, TaskState::Ready)
            })
            .collect();
        drop(store(&place, &tasks));
        let read = place
            .open(Access::ReadOnly)
            .tasks(TaskFilter::default())
            .unwrap();
        assert_eq!(read, tasks);
        assert!(
            read.iter()
                .all(|task| Arc::ptr_eq(&task.spec, &read[0].spec))
        );
    }
}

/// A specification that only a refused batch brought must not be taken for stored.
#[test]
fn a_specification_of_a_refused_batch_is_stored_with_the_next() {
    for place in places() {
        let store = place.open(Access::Runner);
        let mut batch = Batch {
            tasks: vec![run("x", "a", 1, 5, TaskState::Ready)],
            // It is written before these, which cannot be.
            ledger: vec![booking(1, ether(), I256::MAX); 2],
            ..Batch::at(Timestamp(1))
        };
        assert!(store.commit(&batch).is_err());
        batch.ledger.clear();
        store.commit(&batch).unwrap();
        assert_eq!(store.tasks(TaskFilter::default()).unwrap(), batch.tasks);
    }
}

#[test]
fn filters_find_what_fits_all_of_them() {
    for place in places() {
        let all = some();
        let store = store(&place, &all);
        let found = |filter: TaskFilter| -> Vec<usize> {
            let found = store.tasks(filter).unwrap();
            let at = |task: &TaskRecord| all.iter().position(|other| other == task).unwrap();
            found.iter().map(at).collect()
        };
        let any = TaskFilter::default;
        assert_eq!(found(any()), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(found(TaskFilter::open()), [3, 5, 6]);
        // Of run 2 of x also what ended; of run 2 of y nothing is open.
        assert_eq!(found(TaskFilter::restart()), [2, 3, 5, 6]);
        let campaign = Some(CampaignId::new("x"));
        assert_eq!(
            found(TaskFilter {
                campaign: campaign.clone(),
                name: Some("b".into()),
                ..any()
            }),
            [1, 3]
        );
        assert_eq!(
            found(TaskFilter {
                campaign,
                run: Some(2),
                states: vec![TaskState::Ready, TaskState::Failed],
                ..any()
            }),
            [3]
        );
        assert_eq!(
            found(TaskFilter {
                since: Some(Timestamp(20)),
                newest_first: true,
                ..any()
            }),
            [6, 5, 3, 2]
        );
    }
}

#[test]
fn pages_cover_everything_once_in_either_direction() {
    for place in places() {
        let all = some();
        let store = store(&place, &all);
        let ended: Vec<_> = [0, 1, 4, 2].map(|at| all[at].clone()).into();
        for newest_first in [false, true] {
            let pages = |read: &dyn Fn(TaskFilter) -> Vec<TaskRecord>| {
                let mut filter = TaskFilter {
                    newest_first,
                    limit: Some(2),
                    ..TaskFilter::default()
                };
                let mut seen: Vec<TaskRecord> = Vec::new();
                loop {
                    let page = read(filter.clone());
                    let Some(last) = page.last() else { break };
                    filter.after = Some(last.id.clone());
                    seen.extend(page);
                }
                if newest_first {
                    seen.reverse();
                }
                seen
            };
            assert_eq!(pages(&|filter| store.tasks(filter).unwrap()), all);
            assert_eq!(pages(&|filter| store.history(filter).unwrap()), ended);
        }
        let recent = TaskFilter {
            since: Some(Timestamp(115)),
            ..TaskFilter::default()
        };
        assert_eq!(store.history(recent).unwrap(), ended[2..]);
    }
}

#[test]
fn the_queue_counts_what_is_open_by_state_and_by_key() {
    for place in places() {
        let store = store(&place, &some());
        let count = |tasks, oldest| QueueCount {
            tasks,
            oldest: Timestamp(oldest),
        };
        assert_eq!(
            store.queue().unwrap(),
            Queue {
                states: vec![
                    (TaskState::Ready, count(2, 20)),
                    (TaskState::Running, count(1, 30)),
                ],
                keys: vec![
                    ("chain:1".into(), count(3, 20)),
                    ("wallet:1".into(), count(1, 30)),
                    ("wallet:2".into(), count(2, 20)),
                ],
            }
        );
        assert_eq!(
            store.last_runs().unwrap(),
            [(CampaignId::new("x"), 2), (CampaignId::new("y"), 7)]
        );
    }
}

/// A database of version 2 that holds a run in each state that there was.
#[test]
fn runs_of_version_2_are_carried_over() {
    const OLD: [&str; 8] = [
        "pending",
        "ready",
        "deferred",
        "running",
        "retrying",
        "completed",
        "failed",
        "cancelled",
    ];
    let place = Place::file();
    let raw = place.raw();
    raw.execute_batch(include_str!("../../src/sqlite/v1.sql"))
        .unwrap();
    raw.execute_batch(include_str!("../../src/sqlite/v2.sql"))
        .unwrap();
    raw.pragma_update(None, "user_version", 2).unwrap();
    raw.execute_batch("UPDATE meta SET epoch = 41").unwrap();
    for (run, state) in (1_u64..).zip(OLD) {
        let seq = i64::try_from(run).unwrap();
        let like = task(run, TaskState::Ready);
        let assignment = serde_json::to_string(like.assignment().unwrap()).unwrap();
        let plan = serde_json::to_string(&like.plan).unwrap();
        let record = format!(
            r##"{{"id":"farm/supply#{run}","campaign":"farm","name":"supply","run":{run},
            "assignment":{assignment},
            "after":["farm/swap#{run}","odd#{run}"],"critical":{},"state":"{state}",
            "reason":"gas is 31 gwei","not_before":77,"attempts":1,"max_attempts":{},
            "plan":{plan},"cursor":1,"step":2,"due":70,
            "started":71,"ended":null}}"##,
            run == 1,
            2 + run % 2,
        );
        let open = !["completed", "failed", "cancelled"].contains(&state);
        raw.execute(
            "INSERT INTO tasks (id, campaign, state, open, not_before, record)
             VALUES (?1, 'farm', ?2, ?3, 77, ?4)",
            rusqlite::params![format!("farm/supply#{run}"), state, open, record],
        )
        .unwrap();
        let entry = format!(
            r##"{{"task":{{"task":"farm/supply#{run}","from":null,"to":"{state}","reason":"","not_before":null}}}}"##
        );
        raw.execute(
            "INSERT INTO journal VALUES (?1, 5, ?2, zeroblob(32))",
            (seq, entry),
        )
        .unwrap();
        raw.execute(
            "INSERT INTO journal_tasks VALUES ('farm/supply#' || ?1, ?1)",
            [seq],
        )
        .unwrap();
    }
    drop(raw);
    let store = place.open(Access::Runner);
    let tasks = store.tasks(TaskFilter::default()).unwrap();
    assert_eq!(tasks.len(), OLD.len());
    for ((run, state), task) in (1..).zip(OLD).zip(&tasks) {
        assert_eq!(task.state.to_string(), state);
        assert_eq!(task.id, TaskId::new(format!("farm/supply#{run}")));
        assert_eq!(
            (task.run, task.cursor, task.step, task.attempts),
            (run, 1, 2, 1)
        );
        assert_eq!(task.reason.as_deref(), Some("gas is 31 gwei"));
        assert_eq!(
            (task.not_before, task.due),
            (Some(Timestamp(77)), Timestamp(70))
        );
        assert_eq!((task.started, task.ended), (Some(Timestamp(71)), None));
        let like = crate::sample::task(run, TaskState::Ready);
        assert_eq!(task.plan, like.plan);
        let on = Conditions::SUCCESS;
        let edge = |id: String| Edge {
            task: TaskId::new(id),
            on,
        };
        let after = [edge(format!("farm/swap#{run}")), edge(format!("odd#{run}"))];
        assert_eq!(task.after, after);
        assert_eq!(task.spec.critical, run == 1);
        let retry = RetryPolicy {
            max_attempts: 2 + u32::from(run % 2 == 1),
            ..RetryPolicy::default()
        };
        assert_eq!(task.spec.retry, retry);
        assert_eq!(task.assignment(), like.assignment());
        assert_eq!(store.journal_for_task(&task.id).unwrap().len(), 1);
    }
    assert_eq!(store.tasks(TaskFilter::open()).unwrap().len(), 5);
    assert_eq!(store.claim().unwrap().epoch, 42, "the epoch goes on");
    assert!(place.beside(".backup-v2").exists());
}
