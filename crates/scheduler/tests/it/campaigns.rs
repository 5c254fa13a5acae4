use std::time::Duration;

use airdrops_scheduler::{Campaign, CampaignDefect, EventSource, Scheduler, Trigger, TriggerError};
use airdrops_types::CampaignId;

use crate::{acts, at, campaign, every, set, task};

fn defects(campaign: &Campaign) -> Vec<String> {
    campaign
        .validate()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn all_errors_are_reported_at_once() {
    let mut last = task("d", &["nobody"]);
    set(&mut last).retry.max_attempts = 0;
    let broken = campaign(
        "weekly",
        Trigger::Interval {
            every: Duration::from_millis(999),
            first: None,
        },
        vec![task("a", &["b"]), task("b", &["a"]), last.clone(), last],
    );
    assert_eq!(
        defects(&broken),
        [
            "campaign weekly: the interval is 999 ms, it must be at least 1 s",
            "campaign weekly: there are two tasks named d",
            "campaign weekly: task d has max_attempts = 0, it must be at least 1",
            "campaign weekly: task d comes after nobody, which does not exist",
            "campaign weekly: task d has max_attempts = 0, it must be at least 1",
            "campaign weekly: task d comes after nobody, which does not exist",
            "campaign weekly: tasks wait for each other: a → b → a",
        ]
    );
}

#[test]
fn a_cycle_is_named_from_where_it_begins_and_not_from_where_the_search_began() {
    let tail = vec![
        task("tail", &["b"]),
        task("b", &["c"]),
        task("c", &["d", "end"]),
        task("d", &["b"]),
        task("end", &[]),
        task("self", &["self"]),
    ];
    assert_eq!(
        defects(&campaign("c", every(60), tail)),
        [
            "campaign c: tasks wait for each other: b → c → d → b",
            "campaign c: tasks wait for each other: self → self",
        ]
    );
}

#[test]
fn a_diamond_is_not_a_cycle() {
    let tasks = vec![
        task("top", &[]),
        task("left", &["top"]),
        task("right", &["top"]),
        task("bottom", &["left", "right"]),
    ];
    assert_eq!(campaign("c", every(60), tasks).validate(), Ok(()));
}

#[test]
fn a_chain_of_a_hundred_thousand_tasks_is_checked_without_recursion() {
    let mut tasks = vec![task("t0", &[])];
    for index in 1..100_000 {
        tasks.push(task(&format!("t{index}"), &[&format!("t{}", index - 1)]));
    }
    tasks.reverse();
    assert_eq!(campaign("c", every(60), tasks.clone()).validate(), Ok(()));
    tasks[99_999].after.push("t99999".into());
    let errors = campaign("c", every(60), tasks).validate().unwrap_err();
    let [error] = errors.as_slice() else {
        panic!("{} errors", errors.len())
    };
    let CampaignDefect::Cycle { path } = &error.defect else {
        panic!("{error}")
    };
    assert_eq!(path.len(), 100_001);
}

#[test]
fn an_empty_campaign_is_an_error() {
    assert_eq!(
        defects(&campaign("c", Trigger::Once, vec![])),
        ["campaign c: it has no tasks"]
    );
}

#[test]
fn names_that_would_make_two_task_ids_equal_are_errors() {
    // a/b + c and a + b/c would both be a/b/c#1.
    for (id, name) in [
        ("a/b", "c"),
        ("a", "b/c"),
        ("a", "b#1"),
        ("", "c"),
        ("a", " "),
    ] {
        let errors = campaign(id, Trigger::Once, vec![task(name, &[])])
            .validate()
            .unwrap_err();
        assert!(
            matches!(errors[0].defect, CampaignDefect::Name { .. }),
            "{id} {name}: {errors:?}"
        );
    }
}

#[test]
fn the_scheduler_refuses_the_errors_of_all_campaigns_and_duplicate_names() {
    let errors = Scheduler::new(
        vec![
            campaign("x", every(60), vec![]),
            campaign("x", every(60), vec![task("t", &[])]),
            campaign(
                "y",
                Trigger::Cron {
                    expression: "0 0 * * *".to_owned(),
                    zone: "Mars/Olympus".to_owned(),
                },
                vec![task("t", &[])],
            ),
        ],
        vec![],
        vec![],
        0,
        at(0),
    )
    .unwrap_err();
    let defects: Vec<_> = errors
        .into_iter()
        .map(|error| (error.campaign, error.defect))
        .collect();
    let zone = "Mars/Olympus".to_owned();
    assert_eq!(
        defects,
        [
            (CampaignId::from("x"), CampaignDefect::NoTasks),
            (CampaignId::from("x"), CampaignDefect::DuplicateCampaign),
            (
                CampaignId::from("y"),
                CampaignDefect::Trigger(TriggerError::Zone { zone })
            ),
        ]
    );
}

#[test]
fn only_operators_unwind() {
    let mut task = task("t", &[]);
    acts(&mut task).action = airdrops_types::Action::Unwind;
    let found = defects(&campaign("farm", Trigger::Once, vec![task]));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("task t unwinds"), "{found:?}");
    let found = defects(&campaign(
        "unwind",
        Trigger::Once,
        vec![super::task("t", &[])],
    ));
    assert!(found[0].contains("the name unwind is kept"), "{found:?}");
}

#[test]
fn a_campaign_that_may_never_run_is_an_error() {
    let mut none = campaign("c", every(60), vec![task("t", &[])]);
    none.max_instances = 0;
    assert_eq!(
        defects(&none),
        ["campaign c: it has max_instances = 0, it must be at least 1"]
    );
    assert!(Scheduler::new(vec![none], vec![], vec![], 0, at(0)).is_err());
}

#[test]
fn what_has_no_instants_within_all_is_an_error_at_any_depth() {
    let within = Trigger::Any(vec![every(60), Trigger::Manual]);
    for part in [
        Trigger::Manual,
        Trigger::Event(EventSource::Opportunity),
        within,
    ] {
        let all = Trigger::All(vec![every(60), part]);
        let any = Trigger::Any(vec![all, every(60)]);
        let found = defects(&campaign("c", any, vec![task("t", &[])]));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("campaign c: events and manual starts have no instants"),
            "{found:?}"
        );
    }
}
