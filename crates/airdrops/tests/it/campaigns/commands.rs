//! The commands from outside: what they answer, and what they leave in the inbox.

use std::path::PathBuf;
use std::process::Command as Process;
use std::sync::Arc;

use airdrops_store::{Access, Batch, Options, Sqlite, Store as _};
use airdrops_types::{
    B256, CampaignVersion, Command, Conditions, Edge, TaskRecord, TaskSpec, TaskState, Timestamp,
    TriggerState, Work,
};
use serde_json::Value;
use tempfile::TempDir;

use super::EVERY_KEY;
use crate::farm::PROGRAM;

/// A folder with a configuration.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("airdrops.toml", EVERY_KEY);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Exit code and standard output; with errors if there is none.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = Process::new(PROGRAM)
            .args(["--database", "it.sqlite"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("USER", "ada")
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        if text.is_empty() {
            text = String::from_utf8(output.stderr).unwrap();
        }
        (output.status.code().unwrap(), text)
    }

    fn text(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.text(&all)).unwrap()
    }

    fn store(&self, access: Access) -> Sqlite {
        Sqlite::open(self.path("it.sqlite"), access, Options::default()).unwrap()
    }

    fn commands(&self) -> Vec<Command> {
        let inbox = self.store(Access::ReadOnly).inbox().unwrap();
        assert!(inbox.iter().all(|message| message.by == "ada"));
        inbox.into_iter().map(|message| message.command).collect()
    }

    /// One run of a campaign: `first` has the state, `second` comes after it.
    fn with_run(state: TaskState) -> Self {
        let place = Self::new();
        let at = Timestamp(1_767_225_600_000);
        let mut spec = TaskSpec::of(Work::Nothing);
        spec.approval = true;
        spec.keys = vec!["team:x".into()];
        let mut first = TaskRecord::new(&"farm".into(), "first", 1, Arc::new(spec.clone()), at);
        first.state = state;
        first.ended = state.is_final().then_some(at);
        let mut second = TaskRecord::new(&"farm".into(), "second", 1, Arc::new(spec), at);
        second.state = TaskState::Pending;
        second.after = vec![Edge {
            task: first.id.clone(),
            on: Conditions::FAILURE,
        }];
        let batch = Batch {
            tasks: vec![first, second],
            ..Batch::at(at)
        };
        place.store(Access::Runner).commit(&batch).unwrap();
        place
    }
}

#[test]
fn requests_are_left_for_the_runner_with_who_asked_and_why() {
    let place = Place::new();
    let told = place.text(&["campaign", "pause", "farm", "--reason", "audit"]);
    assert!(
        told.contains("the next `airdrops run` or `once` does it"),
        "{told}"
    );
    place.text(&["campaign", "resume", "farm"]);
    place.text(&["campaign", "run", "farm"]);
    let event = ["event", "go", "--payload", "{\"a\":1}", "--id", "hook-1"];
    assert!(place.text(&event).contains("It fires several."));
    assert!(place.text(&event).contains("Known already"));
    let commands = place.commands();
    assert_eq!(commands.len(), 4, "{commands:?}");
    let (campaign, reason) = ("farm".into(), "audit".into());
    assert_eq!(commands[0], Command::Pause { campaign, reason });
    let (code, told) = place.run(&["campaign", "pause", "farmm", "--reason", "x"]);
    assert_eq!(code, 1);
    assert!(told.contains("did you mean `farm`?"), "{told}");
}

#[test]
fn a_campaign_file_is_checked_added_and_refused_where_the_configuration_has_the_name() {
    let place = Place::new();
    let good = "name = \"new\"\ncron = \"0 9 * * *\"\n[[task]]\nname = \"wait\"\naction = \"nothing\"\n\
                [[task]]\nname = \"end\"\naction = \"nothing\"\nafter = [{ task = \"wait\", on = [\"failure\"] }]\n";
    place.write("new.toml", good);
    let told = place.text(&["campaign", "check", "new.toml"]);
    assert!(
        told.contains("end: nothing, after wait (failure)"),
        "{told}"
    );
    assert_eq!(told.matches("T09:00:00Z").count(), 5, "{told}");
    place.write(
        "bad.toml",
        &good.replace("action = \"nothing\"\nafter", "after"),
    );
    let (code, told) = place.run(&["campaign", "check", "bad.toml"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("bad.toml:6:"), "{told}");
    place.text(&["campaign", "add", "new.toml"]);
    let commands = place.commands();
    let Command::Define { campaign } = &commands[0] else {
        panic!("{commands:?}");
    };
    assert_eq!(campaign.campaign.as_str(), "new");
    assert_eq!(campaign.source.as_deref(), Some(good));
    place.write("farm.toml", &good.replace("\"new\"", "\"farm\""));
    let (code, told) = place.run(&["campaign", "add", "farm.toml"]);
    assert_eq!(code, 1);
    assert!(told.contains("change it there"), "{told}");
}

#[test]
fn campaigns_are_listed_page_by_page_and_shown() {
    let place = Place::new();
    place.text(&["event", "any"]);
    let first = place.json(&["campaign", "list", "--limit", "2"]);
    assert_eq!(first["more"], true);
    let last = first["campaigns"][1]["name"].as_str().unwrap();
    let second = place.json(&["campaign", "list", "--after", last]);
    assert_eq!(second["more"], false);
    assert!(second["campaigns"][0]["name"].as_str().unwrap() > last);
    let told = place.text(&["campaign", "show", "on-price"]);
    assert!(
        told.contains("the price of ETH is at or below $2000 for 30m"),
        "{told}"
    );
    let told = place.text(&["campaign", "versions", "farm"]);
    assert!(told.contains("no version"), "{told}");
}

#[test]
fn what_was_added_is_known_by_its_versions_until_the_configuration_has_the_name() {
    let place = Place::new();
    let text = "name = \"new\"\nevery = \"1d\"\n[[task]]\nname = \"wait\"\naction = \"nothing\"\n";
    place.write("new.toml", text);
    place.text(&["campaign", "add", "new.toml"]);
    let Command::Define { campaign: asked } = place.commands().remove(0) else {
        panic!("a definition");
    };
    let at = Timestamp(1_767_225_600_000);
    let version = |campaign: &str, by: &str| CampaignVersion {
        campaign: campaign.into(),
        version: 1,
        at,
        by: by.to_owned(),
        digest: B256::ZERO,
        definition: asked.definition.clone(),
        source: asked.source.clone(),
    };
    let batch = Batch {
        definitions: vec![version("new", "ada"), version("gone", "configuration")],
        triggers: vec![TriggerState {
            campaign: "new".into(),
            next: None,
            runs: 3,
            definition: String::new(),
            first_seen: at,
            paused: Some("audit".into()),
        }],
        ..Batch::at(at)
    };
    place.store(Access::Runner).commit(&batch).unwrap();
    let list = place.json(&["campaign", "list"]);
    let rows = list["campaigns"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name);
    let new = row("new").unwrap();
    assert_eq!((&new["by"], &new["runs"]), (&"ada".into(), &3.into()));
    assert_eq!(new["paused"], "audit");
    assert!(row("gone").is_none(), "the configuration no longer has it");
    assert!(
        place
            .text(&["campaign", "add", "new.toml"])
            .contains("new: unchanged")
    );
    let told = place.text(&["campaign", "show", "new", "--version", "1"]);
    assert!(told.contains("As it was written\nname = \"new\""), "{told}");
    assert!(place.text(&["campaign", "versions", "new"]).contains("ada"));
    let (code, told) = place.run(&["campaign", "show", "new", "--version", "2"]);
    assert_eq!(code, 1);
    assert!(told.contains("has versions 1 to 1, not 2"), "{told}");
    assert!(
        place
            .text(&["schedule", "preview"])
            .contains("new is paused: audit")
    );
    assert!(place.text(&["dag", "new"]).contains("wait: nothing"));
}

#[test]
fn a_dry_run_and_a_dry_back_fill_say_what_would_run_and_leave_nothing() {
    let place = Place::new();
    place.text(&["halt", "--reason", "storm", "--scope", "protocol:aerie"]);
    let (code, told) = place.run(&["campaign", "run", "farm", "--dry-run"]);
    assert_eq!(code, 10, "{told}");
    assert!(
        told.contains("held: protocol aerie is halted by manual: storm"),
        "{told}"
    );
    let span = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-02-01T00:00:00Z",
    ];
    let dry = [&["campaign", "backfill", "farm"], &span[..], &["--dry-run"]].concat();
    let (code, told) = place.run(&dry);
    assert_eq!(code, 10, "{told}");
    // Four Mondays at nine in Berlin.
    assert!(told.starts_with("4 runs of farm"), "{told}");
    assert!(told.contains("2026-01-05T08:00:00Z"), "{told}");
    assert!(place.commands().is_empty());
    let (code, told) = place.run(&[&["campaign", "backfill", "by-hand"], &span[..]].concat());
    assert_eq!(code, 1);
    assert!(told.contains("airdrops campaign run by-hand"), "{told}");
    place.text(&[&["campaign", "backfill", "farm"], &span[..]].concat());
    assert!(matches!(place.commands()[0], Command::Backfill { .. }));
}

#[test]
fn what_is_asked_of_a_task_must_make_sense_for_its_state() {
    let place = Place::with_run(TaskState::Completed);
    for arguments in [
        &["task", "retry", "farm/first#1"][..],
        &["task", "approve", "farm/first"],
        &["task", "skip", "farm/first", "--reason", "x"],
        &["task", "rerun", "farm/second"],
    ] {
        let (code, told) = place.run(arguments);
        assert_eq!(code, 1, "{told}");
    }
    place.text(&["task", "rerun", "farm/first"]);
    place.text(&["task", "approve", "farm/second"]);
    place.text(&["task", "cancel", "farm/second", "--reason", "x"]);
    assert_eq!(place.commands().len(), 3);
    let told = place.text(&["task", "show", "farm/second"]);
    assert!(told.contains("farm/first#1 (failure)"), "{told}");
    assert_eq!(
        place.text(&["task", "explain", "farm/second"]),
        place.text(&["explain", "farm/second"])
    );
}

#[test]
fn task_runs_are_listed_counted_and_written() {
    let place = Place::with_run(TaskState::Dead);
    let open = place.json(&["task", "list", "--state", "open"]);
    assert_eq!(open["tasks"].as_array().unwrap().len(), 1);
    let page = place.json(&["task", "list", "--limit", "1"]);
    assert_eq!(
        (&page["more"], &page["after"]),
        (&true.into(), &"farm/first#1".into())
    );
    let next = place.json(&["task", "list", "--limit", "1", "--after", "farm/first#1"]);
    assert_eq!(next["tasks"][0]["id"], "farm/second#1");
    assert!(place.text(&["task", "dead"]).contains("farm/first#1"));
    let queue = place.json(&["queue"]);
    assert_eq!(
        (&queue["length"], &queue["keys"]["team:x"]["tasks"]),
        (&1.into(), &1.into())
    );
    let csv = place.text(&["history", "--csv", "-"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains("farm/first#1,farm,first,1"), "{csv}");
    let none = place.json(&["history", "--since", "2026-01-02T00:00:00Z"]);
    assert_eq!(none["tasks"].as_array().unwrap().len(), 0);
}

#[test]
fn a_graph_is_text_and_a_picture_with_states_and_conditions() {
    let place = Place::with_run(TaskState::Failed);
    let told = place.text(&["dag", "farm#1"]);
    assert!(told.contains("  first [failed]"), "{told}");
    assert!(
        told.contains("    second [pending]: nothing (approval) ← first (failure)"),
        "{told}"
    );
    place.text(&["dag", "farm#1", "--svg", "farm.svg"]);
    let picture = std::fs::read_to_string(place.path("farm.svg")).unwrap();
    for part in [
        "<title id=\"title\">Run farm#1</title>",
        "second after first on failure.",
        "class=\"b failed\"",
        "class=\"e failure\"",
    ] {
        assert!(picture.contains(part), "{part}\n{picture}");
    }
    let told = place.text(&["dag", "farm"]);
    assert!(told.contains("deposit: supply"), "{told}");
    let (code, told) = place.run(&["dag", "farm#9"]);
    assert_eq!(code, 1);
    assert!(told.contains("its last is #1"), "{told}");
}

#[test]
fn a_preview_has_every_fire_in_order_and_says_what_it_does_not_know() {
    let place = Place::new();
    place.text(&["event", "any"]);
    let preview = place.json(&["schedule", "preview", "--days", "7", "--campaign", "rotate"]);
    // Every six hours for a week, whenever the week begins.
    let count = preview["count"].as_u64().unwrap();
    assert!((28..=29).contains(&count), "{count}");
    let fires = preview["fires"].as_array().unwrap();
    assert!(fires.is_sorted_by_key(|fire| fire["at"].as_str().unwrap().to_owned()));
    assert_eq!(fires[0]["gas"]["units"], 76_861 + 44_972);
    assert_eq!(fires[0]["gas"]["usd"], Value::Null);
    let told = place.text(&["schedule", "preview"]);
    assert!(told.contains("price not known"), "{told}");
    assert!(
        told.contains("by-hand fires only when an operator says so"),
        "{told}"
    );
}

#[test]
fn the_kinds_of_tasks_are_listed_without_a_database() {
    let place = Place::new();
    let kinds = place.json(&["task", "kinds"]);
    let kinds = kinds["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 11);
    let exit = kinds.iter().find(|kind| kind["action"] == "exit").unwrap();
    assert_eq!(
        (&exit["compensation"], &exit["gas"]),
        (&"stake".into(), &Value::Null)
    );
    assert!(place.text(&["task", "kinds"]).contains("gas not known"));
    assert!(!place.path("it.sqlite").exists());
}
