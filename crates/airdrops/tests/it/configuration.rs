//! The configuration file: what is accepted, and how mistakes are told.

use std::path::Path;
use std::time::Duration;

use airdrops::config::keys::{self, Kind};
use airdrops::config::{ConfigError, Loaded, read, schema, summary};
use airdrops_risk::breaker::{Clearing, ClockBounds, DepegStep, Peg};
use airdrops_risk::gas::GasLimit;
use airdrops_risk::look_through::Node;
use airdrops_risk::monitor::FailureRates;
use airdrops_risk::{AdaptiveBounds, BreakerKind, MonitorPolicy};
use airdrops_runtime::settings::Mode;
use airdrops_types::{
    Address, AmountSpec, AssetId, Bps, ChainId, ControlState, ProtocolId, Scope, U256, Usd,
    VolatilityState, Work,
};

const EVERY_KEY: &str = include_str!("every-key.toml");

fn load(text: &str) -> Result<Loaded, ConfigError> {
    read("airdrops.toml", text.to_owned(), Path::new(""), &|_| None)
}

fn mistakes(text: &str) -> String {
    load(text).expect_err("the text has mistakes").to_string()
}

/// The example with one piece replaced.
fn with(old: &str, new: &str) -> String {
    assert!(EVERY_KEY.contains(old), "{old}");
    EVERY_KEY.replacen(old, new, 1)
}

#[test]
fn a_file_with_every_key_becomes_settings() {
    let loaded = load(EVERY_KEY).unwrap_or_else(|error| panic!("{error}"));
    let settings = &loaded.settings;
    assert_eq!(settings.mode, Mode::Paper);
    assert_eq!(settings.seed, 7);
    assert_eq!(settings.chains.len(), 2);
    assert_eq!(settings.chains[0].confirmations, 3);
    assert_eq!(settings.chains[1].confirmations, 2, "default");
    assert_eq!(settings.policy.gas_ceilings[&ChainId(1)], 60_000_000_000);
    assert_eq!(settings.policy.fee_limit, Usd::dollars(50));
    assert_eq!(settings.policy.protocol_limits["aerie"], Bps(2500));
    assert!(settings.policy.calls.is_empty() && settings.policy.tokens.is_empty());
    assert_eq!(settings.tokens.len(), 5, "two natives, two USDC, WETH");
    assert_eq!(settings.protocols.len(), 6);
    assert_eq!(settings.weights.len(), 1);
    assert_eq!(settings.wallets, [loaded.wallets[0].address]);
    let balance = U256::from(12_500_000_000_000_000_000_u128);
    assert_eq!(loaded.wallets[0].paper_balance, balance);
    let bridge = &settings.campaigns[0].tasks[1];
    let Work::Act(bridge) = &bridge.spec.work else {
        panic!("{bridge:?}");
    };
    assert_eq!(bridge.amount, AmountSpec::Exact("0.25".into()));
    assert_eq!(loaded.rpc.len(), 1);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    the_monitor_watches_what_the_file_says(&loaded);
    let text = summary::text(&loaded);
    assert!(
        text.contains("deposit: supply up to the target at aerie, after bridge"),
        "{text}"
    );
    assert!(text.contains("the contracts of 3 tokens"), "{text}");
}

fn the_monitor_watches_what_the_file_says(loaded: &Loaded) {
    let settings = &loaded.settings;
    let (monitor, policy) = (&settings.monitor, &settings.policy);
    let breakers = &monitor.breakers;
    assert_eq!(breakers.rolling_loss.limit, policy.rolling_loss_limit);
    assert_eq!(breakers.drawdown.limit, Bps(1500));
    assert_eq!(breakers.depeg.warn.deviation, Bps(40));
    assert_eq!(breakers.depeg.pegs[&AssetId::from("USDC")], Peg::DOLLAR);
    assert_eq!(breakers.data.grace, Duration::from_secs(300));
    let cool_down = breakers.clearing[&BreakerKind::Data].cool_down;
    assert_eq!(cool_down, Duration::from_secs(900));
    the_breakers_trip_when_the_file_says(monitor);
    assert_eq!(monitor.expected_value[&ChainId(1)], Usd::dollars(20));
    assert_eq!(monitor.tvl, ["aerie".to_owned()].into());
    assert_eq!(monitor.incident_feeds, ["rekt".to_owned()].into());
    assert!(monitor.names["aerie"].contains(&Scope::Protocol(ProtocolId::new("aerie"))));
    assert!(monitor.names["usdc"].contains(&Scope::Asset(AssetId::from("USDC"))));
    assert!(monitor.names["mainnet"].contains(&Scope::Chain(ChainId(1))));
    let underneath = &monitor.assets_of[&ProtocolId::new("rewards")];
    assert_eq!(*underneath, ["ETH", "USDC"].map(AssetId::from).into());
    assert_eq!(monitor.chain_of[&ProtocolId::new("bridge")], ChainId(1));
    let gas = policy.gas.as_ref().unwrap();
    assert_eq!(gas.default, GasLimit::Quantile(Bps(8000)));
    assert_eq!(gas.verbs["supply"], GasLimit::Usd(Usd::dollars(2)));
    assert_eq!(gas.verbs["add liquidity"], GasLimit::Usd(Usd::dollars(4)));
    assert_eq!(gas.fallbacks, policy.gas_ceilings);
    let hop: Node = "bridge:hop".parse().unwrap();
    assert_eq!(policy.node_limits.by_node[&hop], Bps(1000));
    let usdc = Node::asset(&AssetId::from("USDC"));
    assert_eq!(policy.dependencies.edges[&usdc][&hop], Bps(4000));
    let contracts = |protocol: &str| {
        let watched = settings.watched.iter();
        let watched = watched.filter(|it| it.protocol == ProtocolId::new(protocol));
        watched.map(|it| it.contract).collect::<Vec<_>>()
    };
    assert_eq!(contracts("aerie"), [Address::with_last_byte(0xc1)]);
    assert!(contracts("weth").is_empty(), "a plain token");
    assert!(contracts("pair").contains(&Address::with_last_byte(0xb2)));
    let market = loaded.market.as_ref().unwrap();
    assert_eq!(market.feeds.len(), 1);
    assert_eq!(market.binance.as_ref().unwrap().hours, 100);
    let judged = market.goplus.as_ref().unwrap().tokens.iter();
    let judged: Vec<(u64, usize)> = judged.map(|(chain, all)| (chain.0, all.len())).collect();
    assert_eq!(judged, [(1, 2), (10, 1)]);
    assert_eq!(monitor.tokens.len(), 3);
    assert_eq!(
        market.llama_protocols.as_ref().unwrap().slugs["aerie"],
        "aerie-v1"
    );
}

/// Every value differs from its default: a key that is not taken shows.
fn the_breakers_trip_when_the_file_says(monitor: &MonitorPolicy) {
    let breakers = &monitor.breakers;
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let step = |bps, lasting| DepegStep {
        deviation: Bps(bps),
        lasting,
    };
    assert_eq!(breakers.depeg.warn, step(40, minutes(120)));
    assert_eq!(breakers.depeg.reduce, step(100, minutes(90)));
    assert_eq!(breakers.depeg.halt, step(200, minutes(60)));
    assert_eq!(breakers.depeg.max_gap, minutes(20));
    assert_eq!(breakers.unprofitable_gas.share, Bps(2000));
    assert_eq!(breakers.unprofitable_gas.lasting, minutes(30));
    assert_eq!(breakers.unprofitable_gas.max_gap, minutes(20));
    assert_eq!(monitor.standard_gas, 150_000);
    assert_eq!(breakers.incident.window, minutes(12 * 60));
    assert_eq!(
        monitor.failures,
        FailureRates {
            usual: 0.01,
            alarming: 0.15,
            between: 1000.0,
            least: 8
        }
    );
    assert_eq!(breakers.failure_rate.successes, 10);
    assert_eq!(breakers.failure_rate.persists, minutes(120));
    assert_eq!(breakers.data.reduce_after, minutes(30));
    let bounds = |cautious, halted| ClockBounds {
        cautious: Duration::from_secs(cautious),
        halted: Duration::from_secs(halted),
    };
    assert_eq!(breakers.clock.jump, bounds(3, 120));
    assert_eq!(breakers.clock.chain, bounds(90, 600));
    assert_eq!(breakers.pin_change.max_unread, minutes(30));
    let incident = breakers.clearing(BreakerKind::Incident, ControlState::Cautious);
    assert_eq!(incident, Clearing::ADMINISTRATOR);
    assert_eq!(breakers.evidence_gap, minutes(4));
    assert_eq!(breakers.drawdown.window, minutes(14 * 24 * 60));
    assert_eq!(
        monitor.adapt,
        AdaptiveBounds {
            floor: Bps(2000),
            loosening_per_hour: Bps(500),
            max_gap: minutes(30)
        }
    );
    let actions = VolatilityState::ALL.map(|state| {
        let action = breakers.volatility.of(state);
        (action.scale.0, action.state)
    });
    use ControlState::{Active, Cautious, Reducing};
    assert_eq!(
        actions,
        [
            (10_000, Active),
            (9000, Active),
            (7000, Cautious),
            (4000, Reducing)
        ]
    );
}

#[test]
fn a_file_without_keys_of_breakers_has_their_defaults() {
    let cut = |text: &str, from: &str, to: &str| {
        let (head, rest) = text.split_once(from).unwrap();
        let (_, tail) = rest.split_once(to).unwrap();
        format!("{head}{to}{tail}")
    };
    let text = cut(EVERY_KEY, "[volatility]", "[[chain]]");
    let text = cut(&text, "[limits.adaptive]", "[limits.gas]");
    let text = text.replace("drawdown = \"15%\"\ndrawdown_window = \"14d\"\n", "");
    let loaded = load(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut monitor = loaded.settings.monitor;
    monitor.breakers.depeg.pegs.clear();
    let default = MonitorPolicy::default();
    assert_eq!(monitor.breakers, default.breakers);
    assert_eq!(monitor.adapt, default.adapt);
    assert_eq!(monitor.failures, default.failures);
    assert_eq!(monitor.standard_gas, default.standard_gas);
}

#[test]
fn no_key_makes_a_breaker_blind_or_a_stop_end_early() {
    for (old, new, expected) in [
        (
            "rolling_loss = \"10%\"",
            "rolling_loss = \"0%\"",
            "from 0.01 % to 50 %",
        ),
        (
            "rolling_loss = \"10%\"",
            "rolling_loss = \"100%\"",
            "from 0.01 % to 50 %",
        ),
        (
            "drawdown = \"15%\"",
            "drawdown = \"100%\"",
            "from 0.01 % to 90 %",
        ),
        (
            "depeg_halt_for = \"1h\"",
            "depeg_halt_for = \"2d\"",
            "from 1m to 1d",
        ),
        (
            "depeg_halt = \"2%\"",
            "depeg_halt = \"1%\"",
            "must rise from step to step",
        ),
        (
            "failure_alarming = \"15%\"",
            "failure_alarming = \"1%\"",
            "usual rate 0.01",
        ),
        (
            "failure_alarming = \"15%\"",
            "failure_alarming = \"110%\"",
            "from 1 % to 50 %",
        ),
        (
            "failure_successes = 10",
            "failure_successes = 0",
            "must be from 1 to 1000",
        ),
        (
            "data_reduce_after = \"30m\"",
            "data_reduce_after = \"4m\"",
            "at least data.grace",
        ),
        (
            "clock_jump_halt = \"2m\"",
            "clock_jump_halt = \"2h\"",
            "from 10s to 1h",
        ),
        (
            "clock_chain_halt = \"10m\"",
            "clock_chain_halt = \"1m\"",
            "at least clock.chain.cautious",
        ),
        (
            "incident_window = \"12h\"",
            "incident_window = \"0s\"",
            "from 1h to 7d",
        ),
        (
            "evidence_gap = \"4m\"",
            "evidence_gap = \"16m\"",
            "two looks would end a stop",
        ),
        (
            "tick = \"15s\"",
            "tick = \"3m\"",
            "no stop would end by itself",
        ),
        ("tick = \"15s\"", "tick = \"11m\"", "no depeg would last"),
        (
            "floor = \"20%\"",
            "floor = \"41%\"",
            "adapt.floor leaves 41 %",
        ),
        (
            "loosening = \"5%\"",
            "loosening = \"101%\"",
            "from 0.01 % to 100 %",
        ),
        (
            "extreme_state = \"reducing\"",
            "extreme_state = \"locked\"",
            "`locked` is unknown",
        ),
        (
            "extreme_state = \"reducing\"",
            "extreme_state = \"active\"",
            "better control state",
        ),
        (
            "administrator = [\"incident\"]",
            "administrator = [\"data\"]",
            "has a cool-down too",
        ),
        (
            "administrator = [\"incident\"]",
            "administrator = [\"manual\"]",
            "always ended by an",
        ),
        (
            "administrator = [\"incident\"]",
            "administrator = [\"insident\"]",
            "unknown breaker",
        ),
        (
            "depeg_warn_for",
            "depeg_warn_after",
            "did you mean `depeg_warn_for`?",
        ),
    ] {
        let text = mistakes(&with(old, new));
        assert!(text.contains(expected), "{new}: {text}");
        assert!(!text.contains("airdrops.toml:1:1\n"), "{new}: {text}");
    }
}

#[test]
fn a_contradiction_is_told_at_its_line_with_the_keys_to_change() {
    let text = mistakes(&with("depeg_halt = \"2%\"", "depeg_halt = \"1%\""));
    let line = EVERY_KEY
        .lines()
        .position(|line| line.starts_with("depeg_warn ="))
        .unwrap()
        + 1;
    assert!(text.contains(&format!("airdrops.toml:{line}:")), "{text}");
    assert!(
        text.contains("change `depeg_warn` or `depeg_reduce` or `depeg_halt`"),
        "{text}"
    );
}

#[test]
fn tokens_on_chains_that_goplus_does_not_know_are_not_asked_about() {
    let loaded = load(&with("id = 10\n", "id = 31337\n")).unwrap_or_else(|error| panic!("{error}"));
    let goplus = loaded.market.unwrap().goplus.unwrap();
    assert!(goplus.tokens.keys().eq([&ChainId(1)]));
    assert_eq!(loaded.settings.monitor.tokens.len(), 2);
    let nowhere =
        EVERY_KEY
            .replacen("id = 10\n", "id = 31337\n", 1)
            .replacen("id = 1\n", "id = 31338\n", 1);
    let loaded = load(&nowhere).unwrap_or_else(|error| panic!("{error}"));
    assert!(loaded.market.unwrap().goplus.is_none());
    assert!(loaded.settings.monitor.tokens.is_empty());
    let warned = loaded
        .warnings
        .iter()
        .any(|it| it.message.contains("GoPlus knows"));
    assert!(warned, "{:?}", loaded.warnings);
}

#[test]
fn one_voice_alone_is_warned_of_and_none_is_a_mistake() {
    let start = EVERY_KEY.find("[[source]]").unwrap();
    let end = EVERY_KEY.find("[[wallet]]").unwrap();
    let silent = EVERY_KEY
        .replace(&EVERY_KEY[start..end], "")
        .replace("tvl = \"aerie-v1\"\n", "");
    let loaded = load(&silent).unwrap_or_else(|error| panic!("{error}"));
    assert!(loaded.market.is_none());
    let warnings = loaded.source.render(&loaded.warnings);
    assert!(
        warnings.contains("only chainlink says what USDC is worth"),
        "{warnings}"
    );
    let repeated = with(
        "ids = { ETH = \"ethereum\", USDC = \"usd-coin\" }",
        "ids = { ETH = \"ethereum\" }",
    );
    let loaded = load(&repeated).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    let nothing = mistakes(&silent.replace(
        "asset = \"USDC\"\nchain = \"mainnet\"",
        "asset = \"ETH\"\nchain = \"mainnet\"",
    ));
    assert!(
        nothing.contains("nothing says what USDC is worth"),
        "{nothing}"
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = EVERY_KEY
        .replacen("tick = \"15s\"", "tikc = \"15s\"", 1)
        .replacen("fee = \"$50\"", "fee = 50", 1)
        .replacen("protocol = \"20%\"", "protocol = \"120%\"", 1)
        .replacen("max_age = \"75m\"", "max_age = \"75 parsecs\"", 1)
        .replacen("critical = true", "critical = \"yes\"", 1);
    insta::assert_snapshot!(mistakes(&text), @r#"
    airdrops.toml:4:1: unknown key `tikc` in [engine]
    4 | tikc = "15s"
      | ^^^^
      = help: did you mean `tick`?

    airdrops.toml:9:12: `protocol`: `120%` is out of range: from 0.01 % to 100 %
    9 | protocol = "120%"
      |            ^^^^^^
      = help: write protocol = "5%"

    airdrops.toml:13:7: `fee` must be an amount of dollars in quotes, not a whole number
    13 | fee = 50
       |       ^^
       = help: write fee = "$50"

    airdrops.toml:138:11: `max_age`: `75 parsecs` has an unknown unit `parsecs`
    138 | max_age = "75 parsecs"
        |           ^^^^^^^^^^^^
        = help: write max_age = "1m"

    airdrops.toml:264:12: `critical` must be true or false, not text
    264 | critical = "yes"
        |            ^^^^^
        = help: write critical = true

    5 mistakes in airdrops.toml
    "#);
}

#[test]
fn unknown_names_suggest_the_nearest() {
    for (old, new, expected) in [
        (
            "wallet = \"main\"",
            "wallet = \"mian\"",
            "unknown wallet `mian`",
        ),
        (
            "protocol = \"bridge\"",
            "protocol = \"brigde\"",
            "unknown protocol `brigde`",
        ),
        (
            "remote_chain = \"rollup\"",
            "remote_chain = \"rolup\"",
            "unknown chain `rolup`",
        ),
        (
            "token_a = \"WETH\"",
            "token_a = \"WET\"",
            "unknown token `WET`",
        ),
        (
            "underlying = \"pair\"",
            "underlying = \"pairs\"",
            "unknown protocol `pairs`",
        ),
        (
            "after = [\"bridge\"]",
            "after = [\"brige\"]",
            "unknown task `brige` in this campaign",
        ),
        ("assets = { USDC", "assets = { UDSC", "unknown asset `UDSC`"),
        (
            "protocols = { aerie",
            "protocols = { arie",
            "unknown protocol family `arie`",
        ),
        (
            "module = \"erc4626\"",
            "module = \"erc462\"",
            "`module`: `erc462` is unknown",
        ),
        (
            "action = \"supply\"",
            "action = \"suply\"",
            "`action`: `suply` is unknown",
        ),
    ] {
        let text = mistakes(&with(old, new));
        assert!(text.contains(expected), "{new}: {text}");
        assert!(text.contains("help: did you mean `"), "{new}: {text}");
    }
}

#[test]
fn contradictions_are_mistakes() {
    for (old, new, expected) in [
        ("id = 10", "id = 1", "chain id 1 is used twice"),
        (
            "name = \"rollup\"",
            "name = \"mainnet\"",
            "chain `mainnet` is defined twice",
        ),
        (
            "id = \"drop\"",
            "id = \"pair\"",
            "protocol `pair` is defined twice",
        ),
        (
            "weight = \"15%\"",
            "weight = \"150%\"",
            "is out of range: from 0 % to 100 %",
        ),
        ("0xC02aaA39b223", "0xc02aaA39b223", "has a wrong checksum"),
        (
            "0x00000000000000000000000000000000000000b1",
            "0xb1",
            "is not an address",
        ),
        (
            "cron = \"0 9 * * MON\"",
            "cron = \"0 99 * * MON\"",
            "cron expression",
        ),
        (
            "zone = \"Europe/Berlin\"",
            "zone = \"Europe/Atlantis\"",
            "unknown time zone",
        ),
        (
            "every = \"6h\"",
            "every = \"6h\"\nat = 2026-01-01T00:00:00Z",
            "has every and at",
        ),
        (
            "every = \"6h\"\n",
            "",
            "`first` means nothing without `every`",
        ),
        (
            "action = \"supply\"",
            "action = \"swap\"",
            "protocol `aerie` cannot swap: its module is erc4626",
        ),
        (
            "amount = \"0.25\"",
            "after = [\"deposit\"]\namount = \"0.25\"",
            "tasks wait for each other: ",
        ),
        (
            "amount = \"0.25\"",
            "amount = \"0.1234567890123456789\"",
            "has more than 18 decimals, as ETH has",
        ),
        (
            "amount = \"12.5\"",
            "amount = \"0.0000001\"",
            "has more than 6 decimals",
        ),
        (
            "from = \"USDC\"",
            "from = \"ETH\"",
            "`from` and `to` are the same",
        ),
        (
            "priority_fee = \"0.1 gwei\"",
            "priority_fee = \"61 gwei\"",
            "is higher than `gas_ceiling`",
        ),
        (
            "feed = \"0x00000000000000000000000000000000000000f2\"",
            "feed = \"0x00000000000000000000000000000000000000f1\"",
            "is listed twice",
        ),
        (
            "gas_ceiling = \"1 gwei\"\n",
            "",
            "[[chain]] lacks the key `gas_ceiling`",
        ),
        (
            "action = \"exit\"",
            "action = \"exit\"\namount = \"5%\"",
            "exit always takes all",
        ),
        (
            "mode = \"paper\"",
            "mode = \"live\"",
            "live mode needs a keystore",
        ),
        (
            "mode = \"paper\"",
            "mode = \"live\"",
            "live mode needs an endpoint for each chain",
        ),
        (
            "peg = \"usd\"",
            "peg = \"USDC\"",
            "cannot be pegged to itself",
        ),
        (
            "peg = \"usd\"",
            "peg = \"dollar\"",
            "unknown asset `dollar`",
        ),
        ("bridge:hop@40%", "bridge:hop@140%", "has the weight 140 %"),
        (
            "\"bridge:hop@40%\"",
            "\"brigde:hop\"",
            "is no class of nodes",
        ),
        (
            "stablecoin:circle",
            "asset:USDC",
            "depend on each other in a circle",
        ),
        (
            "\"bridge:hop\" =",
            "\"bridge:hob\" =",
            "nothing depends on `bridge:hob`",
        ),
        (
            "\"bridge:hop\" =",
            "\"asset:ETH\" =",
            "has its limit elsewhere",
        ),
        (
            "cool_down = { data",
            "cool_down = { drawdown",
            "drawdown never ends by itself",
        ),
        (
            "cool_down = { data",
            "cool_down = { date",
            "unknown breaker `date`",
        ),
        ("depeg_warn = \"0.4%\"", "depeg_warn = \"4%\"", "must rise"),
        (
            "extreme = \"40%\"",
            "extreme = \"90%\"",
            "must not have a greater scale",
        ),
        (
            "expected_value = { mainnet",
            "expected_value = { mianet",
            "unknown chain `mianet`",
        ),
        ("default = \"80%\"", "default = \"80\"", "has no unit"),
        ("min_sources = 2", "min_sources = 1", "must be from 2 to 16"),
        (
            "kind = \"pyth\"",
            "kind = \"binance\"",
            "there are two sources of the kind binance",
        ),
        (
            "kind = \"llama-tvl\"",
            "kind = \"llama\"",
            "`llama` is unknown",
        ),
        (
            "ids = { ETH = \"ETHUSDC\"",
            "ids = { ETC = \"ETHUSDC\"",
            "unknown asset `ETC`",
        ),
        (
            "every = \"5m\"",
            "every = \"20m\"",
            "`every` must be at most `max_age`",
        ),
        (
            "key = { file = \"/dev/null\" }\n",
            "",
            "Pyth Hermes needs a key",
        ),
        (
            "key = { file = \"/dev/null\" }",
            "key = \"CANARY\"",
            "must not be written in this file",
        ),
        ("name = \"rekt\"", "name = \"Rekt\"", "is not a feed's name"),
        (
            "[[source]]\nkind = \"llama-tvl\"\nurl = \"https://api.llama.fi\"\n",
            "",
            "no source tells the value locked",
        ),
        (
            "tick = \"15s\"",
            "tick = \"15s\"\ntick = \"1m\"",
            "not TOML: ",
        ),
    ] {
        let text = mistakes(&with(old, new));
        assert!(text.contains(expected), "{new}: {text}");
    }
}

#[test]
fn weights_over_the_whole_are_a_mistake_and_over_a_limit_a_warning() {
    let more = |first: &str, second: &str| {
        let second = format!(
            "weight = \"{first}\"\n\n[[allocation]]\nprotocol = \"pair\"\nweight = \"{second}\""
        );
        with("weight = \"15%\"", &second)
    };
    let text = mistakes(&more("60%", "40.01%"));
    assert!(
        text.contains("the weights add up to 100.01 % so far"),
        "{text}"
    );
    let loaded = load(&more("26%", "20%")).unwrap_or_else(|error| panic!("{error}"));
    let warnings = loaded.source.render(&loaded.warnings);
    assert!(
        warnings.contains("is to hold 26 %, but its limit is 25 %"),
        "{warnings}"
    );
    assert_eq!(loaded.warnings.len(), 1, "{warnings}");
}

#[test]
fn syntax_errors_have_their_place() {
    let text = mistakes("mode = \"paper\"\n[engine\ntick = \"15s\"\n[[chain]\n");
    assert!(text.contains("airdrops.toml:2:"), "{text}");
    assert!(text.contains("airdrops.toml:4:"), "{text}");
}

#[test]
fn an_empty_file_says_what_it_needs() {
    let text = mistakes("");
    assert!(
        text.contains("airdrops.toml:1:1: the file lacks the key `chain`"),
        "{text}"
    );
    assert!(text.contains("lacks the key `wallet`"), "{text}");
}

#[test]
fn secrets_are_in_no_message_and_no_summary() {
    let canary = "CANARY77";
    for (old, new) in [
        (
            "rpc = \"http://127.0.0.1:8545\"",
            "rpc = \"https://eth.example/v2/CANARY77\"\nnmae = \"x\"",
        ),
        ("rpc = \"http://127.0.0.1:8545\"", "rpc = \"CANARY77\""),
        (
            "rpc = \"http://127.0.0.1:8545\"",
            "rcp = \"https://eth.example/v2/CANARY77\"",
        ),
        (
            "rpc = \"http://127.0.0.1:8545\"",
            "rpc = \"https://eth.example/v2/CANARY77",
        ),
        (
            "name = \"main\"",
            "name = \"main\"\npassphrase = \"CANARY77\"",
        ),
        (
            "name = \"main\"",
            "name = \"main\"\npassword = \"CANARY77\"",
        ),
    ] {
        let text = mistakes(&with(old, new));
        assert!(!text.contains(canary), "{new}: {text}");
        let error = load(&with(old, new)).unwrap_err();
        let everything = format!("{error:?}{}", error.json());
        assert!(!everything.contains(canary), "{new}: {everything}");
    }
    let secret = "https://eth.example/v2/CANARY77";
    let text = with("\"http://127.0.0.1:8545\"", "{ env = \"RPC\" }");
    let loaded = read("a.toml", text, Path::new(""), &|name| {
        (name == "RPC").then(|| secret.into())
    })
    .unwrap();
    assert_eq!(loaded.rpc.len(), 1);
    let shown = format!(
        "{loaded:?}{}{}",
        summary::text(&loaded),
        summary::json(&loaded)
    );
    assert!(!shown.contains(canary), "{shown}");
}

#[test]
fn an_unset_variable_stops_live_mode_only() {
    let text = with("\"http://127.0.0.1:8545\"", "{ env = \"RPC_MAINNET\" }");
    let loaded = load(&text).unwrap_or_else(|error| panic!("{error}"));
    let warnings = loaded.source.render(&loaded.warnings);
    assert!(warnings.contains("RPC_MAINNET is not set"), "{warnings}");
    let text = mistakes(&text.replace("mode = \"paper\"", "mode = \"live\""));
    assert!(text.contains("RPC_MAINNET is not set"), "{text}");
}

#[test]
fn the_keystore_gives_the_address_without_a_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let keystore =
        r#"{"version":3,"address":"f39fd6e51aad88f6f4ce6ab8827279cfffb92266","crypto":{}}"#;
    std::fs::write(folder.path().join("wallet.json"), keystore).unwrap();
    let text = with(
        "name = \"main\"",
        "name = \"main\"\nkeystore = \"wallet.json\"",
    )
    .replace(
        "gas_ceiling = \"1 gwei\"",
        "gas_ceiling = \"1 gwei\"\nrpc = \"http://127.0.0.1:1\"",
    );
    let address = |text: &str, mode: &str| {
        let text = text.replace("mode = \"paper\"", &format!("mode = \"{mode}\""));
        let loaded = read("a.toml", text, folder.path(), &|_| None);
        loaded.map(|loaded| loaded.wallets[0].address.to_string())
    };
    let real = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    assert_eq!(address(&text, "live").unwrap(), real);
    assert_ne!(
        address(&text, "paper").unwrap(),
        real,
        "no real account on paper"
    );
    let missing = text.replace("wallet.json", "none.json");
    assert!(
        address(&missing, "live")
            .unwrap_err()
            .to_string()
            .contains("none.json: ")
    );
    assert!(address(&missing, "paper").is_ok());
}

#[test]
fn paper_accounts_are_the_same_every_time_and_differ_by_name() {
    let address = |text: &str| load(text).unwrap().wallets[0].address;
    assert_eq!(address(EVERY_KEY), address(EVERY_KEY));
    assert_ne!(
        address(EVERY_KEY),
        address(&EVERY_KEY.replace("\"main\"", "\"side\""))
    );
}

#[test]
fn any_cut_of_the_file_is_an_error_or_settings_but_never_a_panic() {
    for end in 0..EVERY_KEY.len() {
        let _ = load(&EVERY_KEY[..end]).map_err(|error| error.to_string());
    }
}

#[test]
fn the_schema_is_closed_everywhere() {
    fn check(value: &serde_json::Value) {
        if let Some(object) = value.as_object() {
            if object.contains_key("properties") && object.contains_key("type") {
                assert_eq!(object["additionalProperties"], false);
            }
            object.values().for_each(check);
        } else if let Some(array) = value.as_array() {
            array.iter().for_each(check);
        }
    }
    check(&schema::schema());
}

/// Rows of the reference: the first cell that holds code in each line of a section's tables, after
/// the module's cell where there is one.
fn documented(section: &str) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        for cell in cells.iter().skip(1).take(2) {
            let names = cell.split(", ").filter_map(|name| {
                let name = name.strip_prefix('`')?.strip_suffix('`')?;
                Some(name.to_owned())
            });
            found.extend(names);
        }
    }
    found
}

#[test]
fn the_reference_documents_every_key_in_its_place() {
    let reference = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/src/configuration.md"
    ))
    .unwrap();
    let sections: std::collections::BTreeMap<&str, &str> = reference
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(title, text)| (title.trim_matches('`'), text))
        .collect();
    let mut missing = Vec::new();
    let mut open = vec![&keys::ROOT];
    while let Some(table) = open.pop() {
        let title = if table.name == "the file" {
            "The file"
        } else {
            table.name
        };
        // The keys of modules are in the section of protocols.
        let title = if title.starts_with("module ") {
            "[[protocol]]"
        } else if title.starts_with("source ") {
            "[[source]]"
        } else {
            title
        };
        let shown = sections.get(title).map(|section| documented(section));
        for key in table.keys {
            if !shown.as_ref().is_some_and(|shown| shown.contains(key.name)) {
                missing.push(format!("{}: {}", table.name, key.name));
            }
            if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                open.push(inner);
            }
        }
        for (value, inner) in table.variants.map_or(&[][..], |(_, variants)| variants) {
            let named = shown.as_ref().is_some_and(|shown| shown.contains(*value));
            if !named {
                missing.push(format!("{}: module {value}", table.name));
            }
            open.push(inner);
        }
    }
    assert!(missing.is_empty(), "not in the reference: {missing:#?}");
}
