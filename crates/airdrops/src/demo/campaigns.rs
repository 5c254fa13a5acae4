//! The demo's configuration: three opportunities on two protocols and two chains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_risk::breaker::{BreakerKind, ClearedBy, Clearing};
use airdrops_risk::{MonitorPolicy, Policy};
use airdrops_runtime::{ChainSettings, FeedSettings, Mode, Settings};
use airdrops_scheduler::{Campaign, SchedulerPolicy, TaskDef, Trigger};
use airdrops_types::{
    Action, AmountSpec, AssetId, Assignment, Bps, ChainId, ProtocolId, RetryPolicy, TaskSpec,
    Timestamp, Token, Usd, Work,
};

use super::beliefs;
use super::world::{BLOCK_SECONDS, L1, L2, World};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The L1's vault.
pub(crate) const AERIE_L1: &str = "aerie-l1";
/// The L2's vault, of the same protocol.
pub(crate) const AERIE_L2: &str = "aerie-l2";
/// The L2's pool.
pub(crate) const TERN: &str = "tern-l2";
const WETH: &str = "weth-l2";
const BRIDGE: &str = "bridge";
const AIRDROP: &str = "aerie-airdrop";

/// The settings for a farm of `days` days.
pub(crate) fn settings(world: &World, seed: u64, start: Timestamp, days: u64) -> Settings {
    let native = |chain| Token {
        chain,
        contract: None,
        asset: AssetId::from("ETH"),
        decimals: 18,
    };
    let receipt = |chain, contract, name: &str, decimals| Token {
        chain,
        contract: Some(contract),
        asset: AssetId::from(name),
        decimals,
    };
    let protocol = |id: &str, family: &str, chain, module| ProtocolConfig {
        id: ProtocolId::from(id),
        family: family.to_owned(),
        chain,
        module,
    };
    let chain = |id: ChainId, name: &str, tip: u128| ChainSettings {
        id,
        name: name.to_owned(),
        native: native(id),
        confirmations: 1,
        max_head_age: Duration::from_secs(3600),
        priority_fee: tip,
        rebroadcast_after: Duration::from_secs(4 * BLOCK_SECONDS),
        data_fee: DataFeeModel::None,
        uptime_feed: None,
    };
    let protocols = vec![
        protocol(
            AERIE_L1,
            "aerie",
            L1,
            ModuleConfig::Erc4626 {
                asset: world.usdc_l1.clone(),
                share: receipt(L1, world.vault_l1, "aeUSDC-l1", 6),
            },
        ),
        protocol(
            AERIE_L2,
            "aerie",
            L2,
            ModuleConfig::Erc4626 {
                asset: world.usdc_l2.clone(),
                share: receipt(L2, world.vault_l2, "aeUSDC-l2", 6),
            },
        ),
        protocol(
            TERN,
            "tern",
            L2,
            ModuleConfig::UniswapV2 {
                router: world.pool,
                token_a: world.usdc_l2.clone(),
                token_b: world.weth_l2.clone(),
                lp: receipt(L2, world.pool, "TERN-LP", 18),
                slippage: Bps(100),
            },
        ),
        protocol(
            WETH,
            "weth",
            L2,
            ModuleConfig::WrappedNative {
                native: native(L2),
                wrapped: world.weth_l2.clone(),
            },
        ),
        protocol(
            BRIDGE,
            "bridge",
            L1,
            ModuleConfig::Bridge {
                contract: world.bridge_l1,
                remote_chain: L2,
                remote_contract: world.bridge_l2,
                token: world.usdc_l1.clone(),
                remote_token: world.usdc_l2.clone(),
            },
        ),
        protocol(
            AIRDROP,
            "aerie",
            L2,
            ModuleConfig::MerkleDistributor {
                contract: world.distributor,
                token: world.aerie_token.clone(),
                index: world.grant.index,
                amount: world.grant.amount,
                proof: world.grant.proof.clone(),
            },
        ),
    ];
    let feeds = world
        .feeds
        .iter()
        .map(|feed| FeedSettings {
            asset: AssetId::from(feed.asset),
            chain: L2,
            contract: feed.contract,
            source: feed.source.to_owned(),
            max_age: Duration::from_secs(2 * 3600),
        })
        .collect();
    Settings {
        mode: Mode::Demo,
        seed,
        tick: Duration::from_secs(BLOCK_SECONDS),
        chains: vec![chain(L1, "l1", 100_000_000), chain(L2, "l2", 1_000_000)],
        tokens: vec![
            world.usdc_l1.clone(),
            world.usdc_l2.clone(),
            world.weth_l2.clone(),
            world.aerie_token.clone(),
        ],
        feeds,
        wallets: vec![world.wallet],
        protocols,
        weights: Vec::new(),
        // The demo's own beliefs are usable: a test runs with them.
        planning: beliefs::planning(start).ok(),
        min_change: Usd::dollars(250),
        watched: Vec::new(),
        contract_period: Duration::from_secs(6 * 3600),
        monitor: monitor(),
        policy: policy(world),
        campaigns: campaigns(world, start, days),
        scheduler: SchedulerPolicy::default(),
    }
}

/// The farm is looked at once an hour, so that cool-downs and lasting trouble must reach over that.
fn monitor() -> MonitorPolicy {
    let gap = 2 * HOUR;
    let mut monitor = MonitorPolicy::default();
    let breakers = &mut monitor.breakers;
    breakers.evidence_gap = gap;
    breakers.depeg.max_gap = gap;
    breakers.unprofitable_gas.max_gap = gap;
    for kind in BreakerKind::ALL {
        let Clearing { by, cool_down } = kind.clearing();
        if by == ClearedBy::Itself && cool_down < gap {
            let clearing = Clearing { by, cool_down: gap };
            breakers.clearing.insert(kind, clearing);
        }
    }
    monitor
}

fn policy(world: &World) -> Policy {
    Policy {
        // Dollars are what everything is measured in; they may be all there is.
        asset_limits: BTreeMap::from([(AssetId::from("USDC"), Bps::WHOLE)]),
        gas_ceilings: BTreeMap::from([(L1, 40_000_000_000), (L2, 1_000_000_000)]),
        fee_limit: Usd::dollars(60),
        max_simulation_age: Duration::from_secs(BLOCK_SECONDS),
        permit_ttl: Duration::from_secs(BLOCK_SECONDS),
        wallets: vec![world.wallet],
        ..Policy::with_default_limits()
    }
}

fn campaigns(world: &World, start: Timestamp, days: u64) -> Vec<Campaign> {
    let task = |name: &str, protocol: &str, action, amount, after: &[&str]| {
        let work = Work::Act(Assignment {
            wallet: world.wallet,
            protocol: ProtocolId::from(protocol),
            action,
            amount,
        });
        TaskDef {
            spec: Arc::new(TaskSpec {
                retry: RetryPolicy {
                    max_attempts: 12,
                    base: Duration::from_secs(BLOCK_SECONDS),
                    cap: Duration::from_secs(12 * 3600),
                    ..RetryPolicy::default()
                },
                ..TaskSpec::of(work.clone())
            }),
            ..TaskDef::new(name, work, after)
        }
    };
    let campaign = |id: &str, trigger, tasks| Campaign::new(id, trigger, tasks);
    let exact = |amount: &str| AmountSpec::Exact(amount.to_owned());
    vec![
        campaign(
            "open-l1",
            Trigger::Once,
            vec![task(
                "deposit",
                AERIE_L1,
                Action::Supply,
                AmountSpec::Target,
                &[],
            )],
        ),
        campaign(
            "open-l2",
            Trigger::Once,
            vec![
                task("bridge", BRIDGE, Action::Bridge, exact("20000"), &[]),
                task("wrap", WETH, Action::Wrap, exact("3.2"), &[]),
                task(
                    "deposit",
                    AERIE_L2,
                    Action::Supply,
                    AmountSpec::Target,
                    &["bridge"],
                ),
                task(
                    "provide",
                    TERN,
                    Action::AddLiquidity,
                    AmountSpec::Target,
                    &["bridge", "wrap"],
                ),
            ],
        ),
        campaign(
            "weekly-swap",
            Trigger::Cron {
                expression: "0 9 * * MON".to_owned(),
                zone: "UTC".to_owned(),
            },
            vec![task(
                "buy",
                TERN,
                Action::Swap {
                    from: AssetId::from("USDC"),
                    to: AssetId::from("ETH"),
                },
                exact("250"),
                &[],
            )],
        ),
        campaign(
            "top-up",
            Trigger::Interval {
                every: DAY * 10,
                first: Some(start.plus(DAY * 10)),
            },
            vec![task("deposit", AERIE_L1, Action::Supply, exact("200"), &[])],
        ),
        campaign(
            "trim",
            Trigger::Interval {
                every: DAY * 10,
                first: Some(start.plus(DAY * 5)),
            },
            [("withdraw", AERIE_L1), ("withdraw-l2", AERIE_L2)]
                .map(|(name, vault)| task(name, vault, Action::Withdraw, AmountSpec::Target, &[]))
                .to_vec(),
        ),
        campaign(
            "airdrop",
            Trigger::Date {
                at: start.plus(DAY * u32::try_from(days.saturating_sub(2)).unwrap_or(58)),
            },
            vec![task("claim", AIRDROP, Action::Claim, AmountSpec::All, &[])],
        ),
    ]
}
