//! Campaigns: their definitions, and the commands around them.

mod commands;

use std::path::Path;

use airdrops::config::campaign::{CampaignFile, read_file};
use airdrops::config::{ConfigError, Loaded, read};
use airdrops_protocols::catalogue;
use airdrops_scheduler::{Campaign, CatchUp, EventSource, Measure, Trigger};
use airdrops_types::{Action, Conditions, Join, Work};

const EVERY_KEY: &str = include_str!("every-key.toml");

fn world() -> Loaded {
    // A second wallet, to fan out over.
    let text = format!("{EVERY_KEY}\n[[wallet]]\nname = \"side\"\n");
    read("airdrops.toml", text, Path::new(""), &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

fn load(text: &str) -> Result<CampaignFile, ConfigError> {
    read_file(&world(), "campaign.toml", text.to_owned(), &[])
}

fn one(text: &str) -> Campaign {
    let mut file = load(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(file.campaigns.len(), 1);
    file.campaigns.remove(0)
}

fn mistakes(text: &str) -> String {
    load(text).expect_err("the text has mistakes").to_string()
}

/// A campaign of one task with these keys.
fn with_task(keys: &str) -> String {
    format!("name = \"it\"\nmanual = true\n[[task]]\nname = \"it\"\n{keys}\n")
}

/// A campaign that does nothing, with these keys.
fn with_trigger(keys: &str) -> String {
    format!("name = \"it\"\n{keys}\n[[task]]\nname = \"it\"\naction = \"nothing\"\n")
}

#[test]
fn every_example_of_the_guide_is_a_campaign_without_doubts() {
    let guide = include_str!("../../../../docs/src/campaigns.md");
    let mut examples = 0;
    for part in guide.split("```toml\n").skip(1) {
        let text = part.split("```").next().unwrap();
        let file = load(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(file.warnings.is_empty(), "{:?}", file.warnings);
        examples += 1;
    }
    assert!(examples >= 5, "{examples}");
}

#[test]
fn a_definition_survives_its_storage() {
    for campaign in &world().settings.campaigns {
        let stored = serde_json::to_value(campaign).unwrap();
        let restored: Campaign = serde_json::from_value(stored).unwrap();
        assert_eq!(restored, *campaign);
    }
}

#[test]
fn elements_come_after_the_same_element_over_the_same_set_and_else_after_all() {
    let campaign = one(
        "name = \"it\"\n\
         [[task]]\nname = \"a\"\nfor_each = { wallet = [\"main\", \"side\"] }\nprotocol = \"weth\"\naction = \"wrap\"\namount = \"1\"\n\
         [[task]]\nname = \"b\"\nfor_each = { wallet = [\"side\", \"main\"], asset = [\"USDC\", \"ETH\"] }\naction = \"add_liquidity\"\nprotocol = \"pair\"\namount = \"all\"\nafter = [\"a\"]\n\
         [[task]]\nname = \"c\"\naction = \"nothing\"\nafter = [{ task = \"b\", on = [\"completion\", \"skip\"] }]\n"
            .replace(", asset = [\"USDC\", \"ETH\"]", "")
            .as_str(),
    );
    let edges: Vec<(String, Vec<String>)> = campaign
        .tasks
        .iter()
        .map(|task| {
            let after = task.after.iter().map(|edge| edge.task.clone());
            (task.name.clone(), after.collect())
        })
        .collect();
    let shown = |name: &str, after: &[&str]| {
        (
            name.to_owned(),
            after.iter().map(|it| (*it).to_owned()).collect(),
        )
    };
    assert_eq!(
        edges,
        [
            shown("a[main]", &[]),
            shown("a[side]", &[]),
            shown("b[side]", &["a[side]"]),
            shown("b[main]", &["a[main]"]),
            shown("c", &["b[side]", "b[main]"]),
        ]
    );
    assert_eq!(campaign.tasks[4].after[0].on, Conditions::ANY);
    assert!(campaign.validate().is_ok());
}

#[test]
fn an_asset_fills_the_open_side_of_a_swap_or_finds_the_one_instance_that_takes_it() {
    let campaign = one(&with_task(
        "wallet = \"main\"\nprotocol = \"pair\"\naction = \"swap\"\nto = \"ETH\"\namount = \"5%\"\n\
         for_each = { asset = [\"USDC\"] }",
    ));
    let Work::Act(acts) = &campaign.tasks[0].spec.work else {
        panic!("it acts");
    };
    let (from, to) = ("USDC".into(), "ETH".into());
    assert_eq!(acts.action, Action::Swap { from, to });
    let campaign = one(&with_task(
        "wallet = \"main\"\naction = \"supply\"\namount = \"all\"\nfor_each = { asset = [\"USDC\"] }",
    ));
    assert_eq!(campaign.tasks[0].name, "it[USDC]");
    let none = mistakes(&with_task(
        "wallet = \"main\"\naction = \"supply\"\namount = \"all\"\nfor_each = { asset = [\"ETH\"] }",
    ));
    assert!(none.contains("no protocol can supply ETH"), "{none}");
}

#[test]
fn a_task_says_what_it_uses() {
    let campaign = one(&with_task(
        "wallet = \"main\"\nprotocol = \"aerie\"\naction = \"supply\"\namount = \"all\"\nkeys = [\"team:x\"]",
    ));
    let wallet = world().settings.wallets[0];
    let spec = &campaign.tasks[0].spec;
    assert_eq!(
        spec.keys,
        [
            "chain:1".to_owned(),
            "family:aerie".into(),
            "protocol:aerie".into(),
            "rpc:1".into(),
            "team:x".into(),
            format!("wallet:{wallet}"),
        ]
    );
    assert_eq!(spec.timeout, Some(catalogue::TIMEOUT));
}

#[test]
fn the_example_has_every_trigger() {
    let settings = world().settings;
    let campaign = |name: &str| {
        let mut all = settings.campaigns.iter();
        all.find(|campaign| campaign.id.as_str() == name).unwrap()
    };
    let monthly = campaign("monthly");
    let Trigger::Calendar(calendar) = &monthly.trigger else {
        panic!("{:?}", monthly.trigger);
    };
    assert_eq!((calendar.months, calendar.time), (1, 9 * 3600 + 30 * 60));
    assert_eq!(calendar.first.as_deref(), Some("2026-01-31"));
    assert_eq!((monthly.catch_up, monthly.max_instances), (CatchUp::All, 2));
    assert_eq!(monthly.tasks[1].spec.join, Join::Any);
    assert!(matches!(&campaign("several").trigger, Trigger::Any(parts) if parts.len() == 5));
    assert!(matches!(&campaign("both").trigger, Trigger::All(parts) if parts.len() == 2));
    assert_eq!(campaign("by-hand").trigger, Trigger::Manual);
    let Trigger::Event(EventSource::Condition(condition)) = &campaign("on-price").trigger else {
        panic!("a condition");
    };
    assert_eq!(condition.measure, Measure::Price("ETH".into()));
    assert_eq!(
        (condition.above, condition.threshold),
        (false, 2_000_000_000)
    );
    assert_eq!(condition.release, 2_100_000_000);
    let Trigger::Event(EventSource::Log { topics, .. }) = &campaign("on-log").trigger else {
        panic!("a log");
    };
    // The well-known topic of an ERC-20 transfer.
    let transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    assert_eq!(topics[0].unwrap().to_string(), transfer);
    assert_eq!(topics[1], None);
    let policy = &settings.scheduler;
    assert_eq!(policy.concurrency["protocol:aerie"], 2);
    assert_eq!(policy.rates["rpc:1"].starts, 10);
    assert_eq!(policy.quarantine.failures, 3);
}

#[test]
fn mistakes_have_their_place_and_a_remedy() {
    let supply = "wallet = \"main\"\nprotocol = \"aerie\"\naction = \"supply\"\namount = \"all\"\n";
    let cases: &[(String, &[&str])] = &[
        (
            with_task(""),
            &["campaign.toml:3:1", "lacks the key `action`"],
        ),
        (
            with_task("wallet = \"main\"\naction = \"supply\"\namount = \"all\""),
            &["lacks the key `protocol`"],
        ),
        (
            with_task(&format!("{supply}for_each = {{ wallet = [\"main\"] }}")),
            &["the wallet is given twice", "remove one of them"],
        ),
        (
            with_task(&format!("{supply}keys = [\"wallet:x\"]")),
            &["which every task has by itself"],
        ),
        (
            with_task(&format!("{supply}retry_limits = {{ out_of_gaz = 2 }}")),
            &["unknown key `out_of_gaz`", "did you mean `out_of_gas`?"],
        ),
        (
            with_task(&format!("{supply}after = [{{ task = \"itt\" }}]")),
            &["unknown task `itt` in this campaign", "did you mean `it`?"],
        ),
        (
            with_task(&format!(
                "{supply}after = [{{ task = \"it\", on = [\"fail\"] }}]"
            )),
            &[
                "`fail` is unknown",
                "\"success\", \"failure\", \"completion\", \"skip\"",
            ],
        ),
        (
            with_task(&format!("{supply}after = [\"it\"]")),
            &["tasks wait for each other: it → it"],
        ),
        (
            with_task("campaign = \"it\""),
            &["campaigns run each other: it → it"],
        ),
        (
            with_task(
                "wallet = \"main\"\nprotocol = \"bridge\"\naction = \"bridge\"\namount = \"all\"\ncompensate = true",
            ),
            &["nothing undoes bridge"],
        ),
        (
            with_trigger("calendar = { time = \"25:00\", months = 1 }"),
            &["`25:00` is not a time of day", "time = \"09:00\""],
        ),
        (
            with_trigger("calendar = { first = \"2026-02-30\", months = 1 }"),
            &["is not a date"],
        ),
        (
            with_trigger("calendar = { months = 1, zone = \"Mars/Olympus\" }"),
            &["unknown time zone `Mars/Olympus`", "\"Europe/Berlin\""],
        ),
        (
            with_trigger("calendar = {}"),
            &["has no step", "months = 1"],
        ),
        (
            with_trigger("cron = \"0 9 * * *\"\non = { plan = true }"),
            &[
                "a campaign has one trigger, this has cron and on",
                "any = [",
            ],
        ),
        (
            with_trigger("on = { price = \"ETH\", below = \"20 gwei\" }"),
            &["`20 gwei` has no unit", "\"$3000\""],
        ),
        (
            with_trigger("on = { price = \"ETH\", below = \"$20\", release = \"$10\" }"),
            &["`release` is below the threshold", "at or above"],
        ),
        (
            with_trigger("on = { price = \"ETHH\", below = \"$20\" }"),
            &["unknown asset `ETHH`", "did you mean `ETH`?"],
        ),
        (
            with_trigger("on = { price = \"ETH\" }"),
            &["the condition has no threshold"],
        ),
        (with_trigger("on = {}"), &["`on` says nothing that happens"]),
        (
            with_trigger("all = [{ cron = \"0 9 * * *\" }, { on = { plan = true } }]"),
            &["an event has no instants"],
        ),
        (
            with_trigger(
                "on = { log = { chain = \"mainnet\", address = \"0x00000000000000000000000000000000000000c1\", topics = [\"Transfer(address\"] } }",
            ),
            &["is not a signature"],
        ),
        (
            with_trigger("start = \"2026-02-01T00:00:00Z\"\nend = \"2026-01-01T00:00:00Z\""),
            &["before it starts"],
        ),
    ];
    for (text, parts) in cases {
        let told = mistakes(text);
        for part in *parts {
            assert!(told.contains(part), "{part}\n{told}\n{text}");
        }
    }
}

#[test]
fn what_is_wrong_with_every_element_is_told_once() {
    let told = mistakes(&with_task(
        "for_each = { wallet = [\"main\", \"side\"] }\nprotocol = \"aerie\"\naction = \"stake\"\namount = \"all\"",
    ));
    assert_eq!(told.matches("cannot stake").count(), 1, "{told}");
}

#[test]
fn any_cut_of_an_example_is_an_error_or_a_campaign_but_never_a_panic() {
    let loaded = world();
    let start = EVERY_KEY.find("[[campaign]]").unwrap();
    let end = EVERY_KEY.find("[scheduler]").unwrap();
    let text = &EVERY_KEY[start..end];
    for cut in (0..text.len()).step_by(3) {
        let _ = read_file(&loaded, "cut.toml", text[..cut].to_owned(), &[]);
    }
}

#[test]
fn the_catalogue_agrees_with_what_actions_do() {
    let usdc = || "USDC".into();
    let actions = [
        Action::Wrap,
        Action::Unwrap,
        Action::Supply,
        Action::Withdraw,
        Action::Swap {
            from: usdc(),
            to: usdc(),
        },
        Action::AddLiquidity,
        Action::RemoveLiquidity,
        Action::Stake,
        Action::Exit,
        Action::Bridge,
        Action::Claim,
    ];
    let verbs: Vec<&str> = actions.iter().map(Action::verb).collect();
    assert_eq!(verbs, catalogue::ACTIONS);
    let kinds = catalogue::kinds();
    for action in &actions {
        let kind = kinds
            .iter()
            .find(|kind| kind.action == action.verb())
            .unwrap();
        assert_eq!(kind.only_reduces, action.only_reduces(), "{}", kind.action);
        if let Some(opposite) = kind.compensation {
            let back = catalogue::kind(kind.module, opposite).unwrap();
            assert_eq!(back.compensation, Some(kind.action));
        }
    }
    assert_eq!(kinds.len(), actions.len());
}
