//! What comes from outside takes effect once; versions of campaigns stay as they are.

use airdrops_store::{Access, Batch, PAYLOAD_LIMIT, Posted, StoreError};
use airdrops_types::{B256, CampaignId, CampaignVersion, Command, Entry, MessageDone, Timestamp};
use serde_json::json;

use crate::sample::places;

fn run(campaign: &str) -> Command {
    Command::Run {
        campaign: CampaignId::new(campaign),
    }
}

fn done(seq: u64, result: &str) -> Batch {
    Batch {
        done: vec![MessageDone {
            seq,
            result: result.into(),
        }],
        entries: vec![Entry::Note {
            text: format!("did {seq}"),
        }],
        ..Batch::at(Timestamp(9))
    }
}

#[test]
fn a_message_is_stored_once_however_often_it_is_delivered() {
    for place in places() {
        let runner = place.open(Access::Runner);
        let operator = place.open(Access::Operator);
        let post = |at, id, campaign| operator.post(Timestamp(at), id, &run(campaign), "ada");
        assert_eq!(post(5, "x", "farm"), Ok(Posted { seq: 1, new: true }));
        assert_eq!(post(6, "y", "farm"), Ok(Posted { seq: 2, new: true }));
        assert_eq!(post(7, "x", "other"), Ok(Posted { seq: 1, new: false }));
        let inbox = runner.inbox().unwrap();
        let seen: Vec<_> = inbox.iter().map(|m| (m.seq, m.id.as_str(), m.at)).collect();
        assert_eq!(seen, [(1, "x", Timestamp(5)), (2, "y", Timestamp(6))]);
        assert_eq!(
            (inbox[0].by.as_str(), &inbox[0].command),
            ("ada", &run("farm"))
        );
        assert_eq!(runner.journal(1, 9).unwrap().len(), 2);
        let reader = place.open(Access::ReadOnly);
        assert!(matches!(
            reader.post(Timestamp(8), "z", &run("farm"), "eve"),
            Err(StoreError::NotPermitted { .. })
        ));
    }
}

#[test]
fn a_message_is_done_once_and_with_it_all_that_it_led_to() {
    for place in places() {
        let runner = place.open(Access::Runner);
        runner.post(Timestamp(5), "x", &run("farm"), "ada").unwrap();
        runner.post(Timestamp(5), "y", &run("farm"), "ada").unwrap();
        runner.commit(&done(1, "run 7")).unwrap();
        // The runner was killed before it knew, starts again, and does it a second time.
        let before = runner.journal(1, 99).unwrap();
        for again in [done(1, "run 8"), done(3, "?")] {
            let refused = runner.commit(&again);
            assert!(
                matches!(refused, Err(StoreError::Contradiction(_))),
                "{refused:?}"
            );
        }
        assert_eq!(runner.journal(1, 99).unwrap(), before);
        assert_eq!(runner.inbox().unwrap().len(), 1);
        let (message, answer) = runner.message(1).unwrap().unwrap();
        let answer = answer.unwrap();
        assert_eq!((message.seq, answer.at), (1, Timestamp(9)));
        assert_eq!(answer.done.result, "run 7");
        assert_eq!(runner.message(2).unwrap().unwrap().1, None);
        assert_eq!(runner.message(3).unwrap(), None);
        assert_eq!(runner.message(u64::MAX).unwrap(), None);
    }
}

#[test]
fn an_event_with_a_long_payload_is_refused() {
    for place in places() {
        let operator = place.open(Access::Operator);
        let event = |length: usize| Command::Event {
            name: "webhook".into(),
            // Two quotes are part of the JSON.
            payload: json!("x".repeat(length - 2)),
        };
        let longer = operator.post(Timestamp(1), "a", &event(PAYLOAD_LIMIT + 1), "hook");
        assert!(matches!(longer, Err(StoreError::Unstorable { .. })));
        assert_eq!(operator.journal(1, 9).unwrap(), []);
        operator
            .post(Timestamp(1), "a", &event(PAYLOAD_LIMIT), "hook")
            .unwrap();
        assert_eq!(operator.inbox().unwrap().len(), 1);
    }
}

fn version(campaign: &str, version: u32) -> CampaignVersion {
    CampaignVersion {
        campaign: CampaignId::new(campaign),
        version,
        at: Timestamp(i64::from(version)),
        by: "ada".into(),
        digest: B256::repeat_byte(7),
        definition: json!({"tasks": version}),
        source: (version > 1).then(|| "[[campaign]]\n".to_owned()),
    }
}

#[test]
fn versions_of_campaigns_are_added_and_never_changed() {
    for place in places() {
        let store = place.open(Access::Runner);
        let commit = |versions: &[CampaignVersion]| {
            store.commit(&Batch {
                definitions: versions.to_vec(),
                ..Batch::at(Timestamp(1))
            })
        };
        let all = [version("a", 1), version("a", 2), version("b", 1)];
        commit(&[all[0].clone(), all[2].clone(), all[1].clone()]).unwrap();
        assert_eq!(store.definitions(false).unwrap(), all);
        assert_eq!(store.definitions(true).unwrap(), all[1..]);
        let again = commit(&[version("a", 3), version("a", 2)]);
        assert!(matches!(again, Err(StoreError::Contradiction(_))));
        assert_eq!(store.definitions(false).unwrap(), all);
        for sql in [
            "UPDATE definitions SET version = 9",
            "DELETE FROM definitions",
        ] {
            let changed = if place.is_file() {
                place.raw().execute(sql, []).is_err()
            } else {
                place.query(sql).is_err()
            };
            assert!(changed, "{sql}");
        }
    }
}
