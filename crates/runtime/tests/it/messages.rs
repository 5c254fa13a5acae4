//! What comes from outside takes effect once: definitions, requests, events.

use airdrops_risk::monitor::Measure;
use airdrops_scheduler::{Campaign, EventSource, TaskDef, Trigger};
use airdrops_store::{Access, Batch, Options, Sample, Sqlite, Store as _};
use airdrops_types::{Action, Command, Entry, NewDefinition, TaskState, Timestamp, Work};

use crate::fuse::{fuse, run_with_a_crash};
use crate::world::{BLOCK, Farm, L1, acts, exact, once, set, task, usdc};

fn supply(farm: &Farm) -> TaskDef {
    let mut task = task("deposit", "one", Action::Supply, exact("1000"));
    acts(&mut task).wallet = farm.wallet;
    task
}

fn define(campaign: &Campaign) -> Command {
    Command::Define {
        campaign: Box::new(NewDefinition {
            campaign: campaign.id.clone(),
            definition: serde_json::to_value(campaign).unwrap(),
            source: Some("as it was written".to_owned()),
        }),
    }
}

fn post(farm: &Farm, id: &str, command: &Command) -> u64 {
    let now = airdrops_runtime::Clock::now(farm.clock.as_ref());
    farm.store().post(now, id, command, "ada").unwrap().seq
}

/// What came of a message.
fn answer(farm: &Farm, seq: u64) -> String {
    let (_, done) = farm.store().message(seq).unwrap().unwrap();
    done.unwrap().done.result
}

#[tokio::test]
async fn a_campaign_that_is_added_runs_also_after_a_restart_and_its_versions_are_kept() {
    let mut farm = Farm::new(vec![]);
    farm.run(2).await;
    let added = once("later", vec![supply(&farm)]);
    let first = post(&farm, "1", &define(&added));
    farm.run(1).await;
    assert_eq!(answer(&farm, first), "campaign later is defined, version 1");
    farm.stop();
    farm.run(8).await;
    assert_eq!(farm.state_of("later/deposit#1"), TaskState::Completed);
    assert_eq!(farm.named("later/deposit#1").version, 1);
    assert_eq!(farm.in_vault(0), usdc(1000));

    let same = post(&farm, "2", &define(&added));
    let mut changed = added.clone();
    set(&mut changed.tasks[0]).critical = true;
    changed.trigger = Trigger::Manual;
    let second = post(&farm, "3", &define(&changed));
    let run = Command::Run {
        campaign: "later".into(),
    };
    let asked = post(&farm, "4", &run);
    farm.run(8).await;
    assert_eq!(answer(&farm, same), "campaign later is so already");
    assert_eq!(
        answer(&farm, second),
        "campaign later is defined, version 2"
    );
    assert_eq!(answer(&farm, asked), "run 2 of later has begun");
    let again = farm.named("later/deposit#2");
    assert_eq!((again.state, again.version), (TaskState::Completed, 2));
    assert!(again.spec.critical);
    let versions = farm.store().definitions(false).unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0].source.as_deref(), Some("as it was written"));
}

#[tokio::test]
async fn a_definition_that_cannot_be_is_refused_with_the_reason_and_changes_nothing() {
    let mut farm = Farm::new(vec![once("farm", vec![])]);
    let task = supply(&farm);
    farm.settings.campaigns[0].tasks.push(task.clone());
    farm.run(1).await;
    let mut elsewhere = task.clone();
    acts(&mut elsewhere).protocol = "nowhere".into();
    let mut circle = task.clone();
    circle.after = vec!["deposit".into()];
    let refused = [
        (
            once("farm", vec![task.clone()]),
            "is defined in the configuration file",
        ),
        (
            once("x", vec![elsewhere]),
            "protocol nowhere is not configured",
        ),
        (once("x", vec![circle]), "deposit → deposit"),
        (
            once("unwind", vec![task]),
            "is kept for what operators unwind",
        ),
    ];
    for (index, (campaign, why)) in refused.iter().enumerate() {
        let seq = post(&farm, &format!("r{index}"), &define(campaign));
        farm.run(1).await;
        let said = answer(&farm, seq);
        assert!(
            said.starts_with("refused: ") && said.contains(why),
            "{said}"
        );
    }
    // What the file defines is version 1, and nothing else is.
    assert_eq!(farm.store().definitions(false).unwrap().len(), 1);
}

#[tokio::test]
async fn a_task_waits_for_an_approval_and_what_comes_after_it_too() {
    let mut ask = TaskDef::new("ask", Work::Nothing, &[]);
    set(&mut ask).approval = true;
    let mut farm = Farm::new(vec![]);
    let mut deposit = supply(&farm);
    deposit.after = vec!["ask".into()];
    farm.settings.campaigns = vec![once("careful", vec![ask, deposit])];
    farm.run(5).await;
    assert_eq!(farm.state_of("careful/deposit#1"), TaskState::Pending);
    let approve = Command::Approve {
        task: "careful/ask#1".into(),
    };
    post(&farm, "yes", &approve);
    farm.run(8).await;
    assert_eq!(farm.named("careful/ask#1").approved.as_deref(), Some("ada"));
    assert_eq!(farm.state_of("careful/deposit#1"), TaskState::Completed);
}

#[tokio::test]
async fn an_event_fires_what_waits_for_it_once_however_often_it_is_delivered() {
    let mut farm = Farm::new(vec![]);
    let named = EventSource::Named {
        name: "snapshot".to_owned(),
    };
    let mut campaign = once("wait", vec![supply(&farm)]);
    campaign.trigger = Trigger::Event(named);
    farm.settings.campaigns = vec![campaign];
    farm.run(2).await;
    assert!(farm.tasks().is_empty());
    let event = Command::Event {
        name: "snapshot".to_owned(),
        payload: serde_json::json!({ "block": 7 }),
    };
    let first = post(&farm, "webhook:snapshot:a", &event);
    assert_eq!(post(&farm, "webhook:snapshot:a", &event), first);
    farm.run(8).await;
    assert_eq!(post(&farm, "webhook:snapshot:a", &event), first);
    farm.stop();
    farm.run(2).await;
    assert_eq!(farm.tasks().len(), 1);
    assert_eq!(farm.state_of("wait/deposit#1"), TaskState::Completed);
}

/// Posts three requests to a farm whose program dies at the `crash`-th place.
fn with_a_crash(crash: usize) -> (Farm, bool) {
    let mut farm = Farm::new(vec![]);
    farm.checkpoint = fuse;
    let mut campaign = once("asked", vec![supply(&farm)]);
    campaign.trigger = Trigger::Manual;
    farm.settings.campaigns = vec![campaign];
    farm.start().unwrap();
    farm.stop();
    for id in ["a", "b"] {
        let run = Command::Run {
            campaign: "asked".into(),
        };
        post(&farm, id, &run);
    }
    farm.start().unwrap();
    let crashed = run_with_a_crash(&mut farm, 24, crash);
    (farm, crashed)
}

#[test]
fn a_crash_at_any_place_takes_a_request_exactly_once() {
    let mut crash = 0;
    loop {
        let (farm, crashed) = with_a_crash(crash);
        assert_eq!(farm.store().inbox().unwrap(), [], "{crash}");
        let done = farm.tasks();
        assert_eq!(done.len(), 2, "{crash}");
        for task in &done {
            assert_eq!(task.state, TaskState::Completed, "{crash}: {task:?}");
        }
        assert_eq!(farm.in_vault(0), usdc(2000), "{crash}");
        if !crashed {
            break;
        }
        crash += 5;
    }
    assert!(crash > 20, "{crash}");
}

/// Two days are remembered in which gas cost next to nothing.
fn cheap_until_now(farm: &Farm) {
    let now = airdrops_runtime::Clock::now(farm.clock.as_ref());
    let store = Sqlite::open(farm.database(), Access::Runner, Options::default()).unwrap();
    let mut batch = Batch::at(now);
    for hours in 1..48 {
        let measure = Measure::BaseFee {
            chain: L1,
            wei: 1_000,
        };
        let hour = now.0.div_euclid(3_600_000) - hours;
        batch.samples.push(Sample {
            series: format!("base-fee:{L1}"),
            at: Timestamp(hour * 3_600_000),
            data: serde_json::to_value(&measure).unwrap(),
        });
    }
    store.commit(&batch).unwrap();
}

#[tokio::test]
async fn a_task_with_a_gas_window_waits_while_gas_is_dear_and_goes_when_the_window_closes() {
    let mut farm = Farm::new(vec![]);
    let mut patient = supply(&farm);
    set(&mut patient).gas = Some(airdrops_types::GasWindow {
        quantile: airdrops_types::Bps(2_500),
        within: BLOCK * 30,
    });
    let mut campaign = once("patient", vec![patient]);
    campaign.trigger = Trigger::Manual;
    farm.settings.campaigns = vec![campaign];
    farm.start().unwrap();
    farm.stop();
    cheap_until_now(&farm);
    post(
        &farm,
        "go",
        &Command::Run {
            campaign: "patient".into(),
        },
    );
    farm.run(3).await;
    let waits = farm.named("patient/deposit#1");
    assert_eq!(waits.state, TaskState::Deferred, "{:?}", waits.reason);
    assert!(
        waits
            .reason
            .unwrap()
            .contains("quantile of the last 7 days")
    );
    let told = farm.count(|entry| {
        matches!(entry, Entry::Task { task, to: TaskState::Deferred, not_before: Some(_), .. }
            if task.as_str() == "patient/deposit#1")
    });
    assert!(told > 0);
    farm.run(40).await;
    let done = farm.named("patient/deposit#1");
    assert_eq!(done.state, TaskState::Completed, "{:?}", done.reason);
    assert!(done.started.unwrap().since(done.due) >= BLOCK * 29);
}
