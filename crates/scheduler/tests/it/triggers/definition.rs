use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_scheduler::{Calendar, EventSource, Measure, MeasureCondition, Timing, Trigger};
use airdrops_types::{Address, AssetId, B256, CampaignId, ChainId, Conditions};

use super::{BERLIN, cron};
use crate::at;

fn log(chain: u64, topics: Vec<Option<B256>>, confirmations: u64) -> Trigger {
    Trigger::Event(EventSource::Log {
        chain: ChainId(chain),
        address: Address::ZERO,
        topics,
        confirmations,
    })
}

fn condition(measure: Measure, above: bool, threshold: i128, lasting: u64) -> Trigger {
    Trigger::Event(EventSource::Condition(MeasureCondition {
        measure,
        above,
        threshold,
        release: 5,
        lasting: Duration::from_secs(lasting),
    }))
}

fn ends(campaign: &str, task: Option<&str>, on: Conditions) -> Trigger {
    Trigger::Event(EventSource::Task {
        campaign: CampaignId::from(campaign),
        task: task.map(str::to_owned),
        on,
    })
}

fn named(name: &str) -> Trigger {
    Trigger::Event(EventSource::Named { name: name.into() })
}

#[test]
fn two_triggers_with_other_instants_have_other_definitions() {
    let first = Some(at(1));
    let every = Duration::from_secs(60);
    let calendar = |spec| Trigger::Calendar(Calendar::parse(spec, "UTC").unwrap());
    let price = || Measure::Price(AssetId::from("ETH"));
    let triggers = [
        cron("0 0 * * *", "UTC"),
        cron("0 0 * * *", BERLIN),
        cron("0 1 * * *", "UTC"),
        Trigger::Interval { every, first },
        Trigger::Interval { every, first: None },
        Trigger::Interval {
            every: every * 2,
            first,
        },
        Trigger::Date { at: at(1) },
        Trigger::Date { at: at(2) },
        Trigger::Once,
        calendar("1 month"),
        calendar("1 day"),
        calendar("1 month at 00:01"),
        calendar("1 month from 2024-01-01"),
        Trigger::All(vec![Trigger::Once, Trigger::Date { at: at(1) }]),
        Trigger::Any(vec![Trigger::Once, Trigger::Date { at: at(1) }]),
        Trigger::Any(vec![Trigger::Any(vec![Trigger::Once]), Trigger::Once]),
        Trigger::Any(vec![Trigger::Any(vec![Trigger::Once, Trigger::Once])]),
        Trigger::Manual,
        log(1, vec![], 1),
        log(2, vec![], 1),
        log(1, vec![None], 1),
        log(1, vec![Some(B256::ZERO)], 1),
        log(1, vec![], 2),
        condition(price(), true, 10, 0),
        condition(price(), false, 10, 0),
        condition(price(), true, 11, 0),
        condition(price(), true, 10, 1),
        condition(Measure::BaseFee(ChainId(1)), true, 10, 0),
        condition(Measure::Volatility, true, 10, 0),
        ends("a", None, Conditions::SUCCESS),
        ends("a", Some("b"), Conditions::SUCCESS),
        ends("a", None, Conditions::ANY),
        ends("b", None, Conditions::SUCCESS),
        ends("a\" of \"b", None, Conditions::SUCCESS),
        Trigger::Event(EventSource::Opportunity),
        Trigger::Event(EventSource::Plan),
        named("deposit"),
        named("deposit\""),
        named("deposit\\"),
    ];
    let definitions: BTreeSet<_> = triggers.iter().map(Trigger::definition).collect();
    assert_eq!(definitions.len(), triggers.len(), "{definitions:#?}");
}

/// They are stored: other texts would start every trigger anew.
#[test]
fn definitions_are_these_texts() {
    let calendar = Calendar::parse("2 years, 1 week at 09:00 from 2024-01-31", BERLIN).unwrap();
    let parts = vec![Trigger::Calendar(calendar), cron("0 9 * * MON", BERLIN)];
    for (trigger, text) in [
        (
            Trigger::Any(vec![Trigger::Manual, Trigger::All(parts)]),
            "any of (manual) (all of (every 24 months 7 days at 32400 s in Europe/Berlin from \
             2024-01-31) (cron 0 9 * * MON in Europe/Berlin))",
        ),
        (
            log(1, vec![None, Some(B256::repeat_byte(1))], 12),
            "on log of 0x0000000000000000000000000000000000000000 on 1, topics [any \
             0x0101010101010101010101010101010101010101010101010101010101010101], 12 confirmations",
        ),
        (
            condition(Measure::Price(AssetId::from("ETH")), false, 10, 60),
            "on price of \"ETH\" below 10 until 5 for 60000 ms",
        ),
        (
            ends("farm", Some("claim"), Conditions::COMPLETION),
            "on success or failure of task \"claim\" of \"farm\"",
        ),
    ] {
        assert_eq!(trigger.definition(), text);
    }
    let timing = Timing {
        start: Some(at(1)),
        end: Some(at(2)),
        jitter: Duration::from_secs(1),
    };
    assert_eq!(timing.definition(), " not before 1000 ms not after 2000 ms");
    assert_eq!(Timing::default().definition(), "");
}
