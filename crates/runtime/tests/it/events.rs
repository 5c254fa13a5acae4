//! What happens in the world fires what waits for it: once, also across restarts.

use std::time::Duration;

use airdrops_scheduler::{Campaign, EventSource, Measure, MeasureCondition, TaskDef, Trigger};
use airdrops_types::{Action, Conditions, TaskState, Work};

use crate::world::{Farm, IToken, L1, acts, as_anyone, exact, once, task, usdc};

/// A campaign that does nothing but wait for `source`.
fn on(id: &str, source: EventSource) -> Campaign {
    let mut campaign = once(id, vec![TaskDef::new("seen", Work::Nothing, &[])]);
    campaign.trigger = Trigger::Event(source);
    campaign
}

/// How many runs a campaign has made.
fn runs(farm: &Farm, campaign: &str) -> usize {
    let tasks = farm.tasks().into_iter();
    tasks
        .filter(|task| task.campaign.as_str() == campaign)
        .count()
}

#[tokio::test]
async fn a_price_that_trembles_around_its_threshold_is_one_event() {
    let mut farm = Farm::new(vec![]);
    farm.settings.campaigns = vec![on(
        "cheap",
        EventSource::Condition(MeasureCondition {
            measure: Measure::Price("ETH".into()),
            above: false,
            threshold: 1_900_000_000,
            release: 1_980_000_000,
            lasting: Duration::ZERO,
        }),
    )];
    farm.run(3).await;
    assert_eq!(runs(&farm, "cheap"), 0);
    for dollars in [1_890, 1_910, 1_880, 1_950] {
        farm.price(dollars);
        farm.run(2).await;
    }
    assert_eq!(runs(&farm, "cheap"), 1);
    // What was seen is stored.
    farm.stop();
    farm.price(1_870);
    farm.run(2).await;
    assert_eq!(runs(&farm, "cheap"), 1);
    farm.price(2_000);
    farm.run(2).await;
    farm.price(1_890);
    farm.run(2).await;
    assert_eq!(runs(&farm, "cheap"), 2);
    assert_eq!(farm.state_of("cheap/seen#2"), TaskState::Completed);
}

#[tokio::test]
async fn a_log_fires_once_it_is_deep_enough_and_never_again() {
    let mut farm = Farm::new(vec![]);
    let token = farm.usdc.contract.unwrap();
    farm.settings.campaigns = vec![on(
        "transfer",
        EventSource::Log {
            chain: L1,
            address: token,
            topics: vec![],
            confirmations: 2,
        },
    )];
    farm.run(3).await;
    assert_eq!(runs(&farm, "transfer"), 0);
    let (to, amount) = (farm.wallet, usdc(1));
    as_anyone(
        &farm.l1,
        crate::world::KEEPER,
        token,
        &IToken::transferCall { to, amount },
    );
    farm.run(1).await;
    assert_eq!(runs(&farm, "transfer"), 0, "it is not deep enough");
    farm.run(2).await;
    assert_eq!(runs(&farm, "transfer"), 1);
    farm.stop();
    farm.run(4).await;
    assert_eq!(runs(&farm, "transfer"), 1);
}

#[tokio::test]
async fn a_failure_fires_what_waits_for_it() {
    let mut farm = Farm::new(vec![]);
    let mut nowhere = task("deposit", "gone", Action::Supply, exact("1"));
    acts(&mut nowhere).wallet = farm.wallet;
    let source = |on| EventSource::Task {
        campaign: "big".into(),
        task: Some("deposit".to_owned()),
        on,
    };
    farm.settings.campaigns = vec![
        once("big", vec![nowhere]),
        on("sorry", source(Conditions::FAILURE)),
        on("glad", source(Conditions::SUCCESS)),
    ];
    farm.run(4).await;
    assert_eq!(farm.state_of("big/deposit#1"), TaskState::Failed);
    assert_eq!((runs(&farm, "sorry"), runs(&farm, "glad")), (1, 0));
}
