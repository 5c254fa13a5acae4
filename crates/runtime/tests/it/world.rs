//! Two chains in this process with real contracts on them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_chain::Keyring;
use airdrops_paper::{PaperChain, PaperConfig};
use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_risk::{MonitorPolicy, Policy};
use airdrops_runtime::{ChainSettings, Engine, FeedSettings, Mode, Settings, SimulatedClock};
use airdrops_scheduler::{Campaign, TaskDef, Trigger};
use airdrops_types::{
    Action, Address, AmountSpec, AssetId, Assignment, Bps, Bytes, ChainId, Checkpoint, Entry,
    ProtocolId, RetryPolicy, TaskSpec, Timestamp, Token, U256, Usd, Work, no_checkpoint,
};
use alloy::primitives::address;
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use serde_json::Value;

pub const L1: ChainId = ChainId(700_001);
pub const L2: ChainId = ChainId(700_002);
pub const KEEPER: Address = address!("00000000000000000000000000000000000c0ffe");
const START: Timestamp = Timestamp(1_767_225_600_000);
pub const BLOCK: Duration = Duration::from_secs(60);
const GWEI: u128 = 1_000_000_000;

sol! {
    interface IToken {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
    }
    interface IWrapped { function deposit() external payable; }
    interface IVault {
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
    }
    interface IPool {
        function addLiquidity(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline) external returns (uint256, uint256, uint256);
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[]);
    }
    interface IFeed { function set(int256 answer, uint256 updatedAt) external; }
    interface IBridge { function deliver(address to, uint256 amount, uint256 nonce) external; }
}

macro_rules! code {
    ($name:literal) => {
        init_code(include_str!(concat!(
            "../../../../contracts/artifacts/",
            $name,
            ".json"
        )))
    };
}

fn init_code(artifact: &str) -> Bytes {
    let artifact: Value = serde_json::from_str(artifact).unwrap();
    artifact["bytecode"].as_str().unwrap().parse().unwrap()
}

fn with(code: &Bytes, arguments: &[u8]) -> Bytes {
    [code.as_ref(), arguments].concat().into()
}

pub fn usdc(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

pub fn ether(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

fn token(chain: ChainId, contract: Option<Address>, asset: &str, decimals: u8) -> Token {
    Token {
        chain,
        contract,
        asset: AssetId::from(asset),
        decimals,
    }
}

/// Changes the world in the keeper's name.
pub fn keeper(chain: &PaperChain, to: Address, call: &impl SolCall) {
    as_anyone(chain, KEEPER, to, call);
}

pub fn as_anyone(chain: &PaperChain, from: Address, to: Address, call: &impl SolCall) {
    chain
        .transact(from, to, U256::ZERO, call.abi_encode().into())
        .unwrap();
}

pub fn ask<C: SolCall>(chain: &PaperChain, to: Address, call: &C) -> C::Return {
    C::abi_decode_returns(&chain.call(to, call.abi_encode().into()).unwrap()).unwrap()
}

/// What was deployed, and the engine that runs on it.
pub struct Farm {
    pub l1: PaperChain,
    pub l2: PaperChain,
    pub wallet: Address,
    pub usdc: Token,
    pub usdc_l2: Token,
    pub weth: Token,
    pub vaults: [Address; 2],
    pub pool: Address,
    pub bridges: [Address; 2],
    /// Of ether and of the dollar, by two operators.
    pub feeds: [[Address; 2]; 2],
    pub clock: Arc<SimulatedClock>,
    /// How long the machine takes from one look at the clock to the next, ms.
    pub slowness: Arc<AtomicI64>,
    pub settings: Settings,
    pub heard: Arc<Mutex<Vec<Entry>>>,
    pub checkpoint: Checkpoint,
    pub folder: tempfile::TempDir,
    pub engine: Option<Engine>,
}

/// A task of the farm's wallet.
pub fn task(name: &str, protocol: &str, action: Action, amount: AmountSpec) -> TaskDef {
    let work = Work::Act(Assignment {
        wallet: Address::ZERO,
        protocol: ProtocolId::from(protocol),
        action,
        amount,
    });
    let mut task = TaskDef::new(name, work, &[]);
    set(&mut task).retry = RetryPolicy {
        max_attempts: 3,
        base: BLOCK,
        cap: BLOCK * 4,
        ..RetryPolicy::default()
    };
    task
}

/// What stays the same about a task, to be changed.
pub fn set(task: &mut TaskDef) -> &mut TaskSpec {
    Arc::make_mut(&mut task.spec)
}

/// Its assignment, to be changed.
pub fn acts(task: &mut TaskDef) -> &mut Assignment {
    match &mut set(task).work {
        Work::Act(assignment) => assignment,
        other => panic!("{other:?} is no action"),
    }
}

pub fn exact(amount: &str) -> AmountSpec {
    AmountSpec::Exact(amount.into())
}

pub fn once(id: &str, tasks: Vec<TaskDef>) -> Campaign {
    Campaign::new(id, Trigger::Once, tasks)
}

impl Farm {
    /// 80,000 USDC and 10 ETH on the L1, 1 ETH on the L2; ETH is at $2,000.
    pub fn new(campaigns: Vec<Campaign>) -> Self {
        let wallet = Keyring::new().add_ephemeral(b"farm");
        let chain = |id| {
            PaperChain::new(PaperConfig {
                block_time: BLOCK,
                ..PaperConfig::new(id, START)
            })
        };
        let (l1, l2) = (chain(L1), chain(L2));
        for chain in [&l1, &l2] {
            chain.set_balance(KEEPER, ether(1_000_000)).unwrap();
        }
        l1.set_balance(wallet, ether(10)).unwrap();
        l2.set_balance(wallet, ether(1)).unwrap();
        let dollar = |chain: &PaperChain| {
            let arguments =
                ("USD Coin".to_owned(), "USDC".to_owned(), U256::from(6)).abi_encode_params();
            let at = chain
                .deploy(KEEPER, with(&code!("DemoToken"), &arguments))
                .unwrap();
            let amount = usdc(100_000_000);
            keeper(chain, at, &IToken::mintCall { to: KEEPER, amount });
            at
        };
        let (usdc_1, usdc_2) = (dollar(&l1), dollar(&l2));
        let amount = usdc(80_000);
        keeper(&l1, usdc_1, &IToken::mintCall { to: wallet, amount });
        let allow = |token: Address, spender: Address| {
            let amount = U256::MAX;
            keeper(&l1, token, &IToken::approveCall { spender, amount });
        };
        let vaults = ["One", "Two"].map(|name| {
            let arguments = (usdc_1, name.to_owned(), "vUSDC".to_owned()).abi_encode_params();
            let vault = l1
                .deploy(KEEPER, with(&code!("DemoVault"), &arguments))
                .unwrap();
            allow(usdc_1, vault);
            let (assets, receiver) = (usdc(1_000_000), KEEPER);
            keeper(&l1, vault, &IVault::depositCall { assets, receiver });
            vault
        });
        let weth = l1.deploy(KEEPER, code!("WrappedEther")).unwrap();
        let deposit = IWrapped::depositCall {}.abi_encode();
        l1.transact(KEEPER, weth, ether(2_000), deposit.into())
            .unwrap();
        let pair = (usdc_1, weth).abi_encode_params();
        let pool = l1.deploy(KEEPER, with(&code!("DemoAmm"), &pair)).unwrap();
        allow(usdc_1, pool);
        allow(weth, pool);
        let provide = IPool::addLiquidityCall {
            tokenA: usdc_1,
            tokenB: weth,
            amountADesired: usdc(2_000_000),
            amountBDesired: ether(1_000),
            amountAMin: U256::ZERO,
            amountBMin: U256::ZERO,
            to: KEEPER,
            deadline: U256::MAX,
        };
        keeper(&l1, pool, &provide);
        let bridges = [(&l1, usdc_1), (&l2, usdc_2)].map(|(chain, token)| {
            let arguments = (token, KEEPER).abi_encode_params();
            let bridge = chain
                .deploy(KEEPER, with(&code!("DemoBridge"), &arguments))
                .unwrap();
            let (to, amount) = (bridge, usdc(1_000_000));
            keeper(chain, token, &IToken::mintCall { to, amount });
            bridge
        });
        let feeds = ["ETH", "USDC"].map(|asset| {
            ["north", "south"].map(|_| {
                let arguments = (format!("{asset} / USD"),).abi_encode_params();
                l1.deploy(KEEPER, with(&code!("DemoFeed"), &arguments))
                    .unwrap()
            })
        });
        let clock = Arc::new(SimulatedClock::new(l1.head().time.max(l2.head().time)));
        let (usdc, usdc_l2) = (
            token(L1, Some(usdc_1), "USDC", 6),
            token(L2, Some(usdc_2), "USDC", 6),
        );
        let weth = token(L1, Some(weth), "ETH", 18);
        let protocol = |id: &str, module| ProtocolConfig {
            id: ProtocolId::from(id),
            family: id.into(),
            chain: L1,
            module,
        };
        let vault = |at: Address, name: &str| ModuleConfig::Erc4626 {
            asset: usdc.clone(),
            share: token(L1, Some(at), name, 6),
        };
        let protocols = vec![
            protocol("one", vault(vaults[0], "v1")),
            protocol("two", vault(vaults[1], "v2")),
            protocol(
                "pool",
                ModuleConfig::UniswapV2 {
                    router: pool,
                    token_a: usdc.clone(),
                    token_b: weth.clone(),
                    lp: token(L1, Some(pool), "LP", 18),
                    slippage: Bps(100),
                },
            ),
            protocol(
                "bridge",
                ModuleConfig::Bridge {
                    contract: bridges[0],
                    remote_chain: L2,
                    remote_contract: bridges[1],
                    token: usdc.clone(),
                    remote_token: usdc_l2.clone(),
                },
            ),
        ];
        let chain = |id, name: &str| ChainSettings {
            id,
            name: name.into(),
            native: token(id, None, "ETH", 18),
            confirmations: 2,
            max_head_age: BLOCK * 10,
            priority_fee: GWEI / 10,
            rebroadcast_after: BLOCK * 3,
            data_fee: DataFeeModel::None,
            uptime_feed: None,
        };
        let settings = Settings {
            mode: Mode::Demo,
            seed: 7,
            tick: BLOCK,
            chains: vec![chain(L1, "l1"), chain(L2, "l2")],
            tokens: vec![usdc.clone(), usdc_l2.clone(), weth.clone()],
            feeds: ["ETH", "USDC"]
                .into_iter()
                .zip(feeds)
                .flat_map(|(asset, contracts)| {
                    let feeds = contracts.into_iter().zip(["north", "south"]);
                    feeds.map(move |(contract, source)| FeedSettings {
                        asset: AssetId::from(asset),
                        chain: L1,
                        contract,
                        source: source.to_owned(),
                        max_age: Duration::from_secs(7200),
                    })
                })
                .collect(),
            wallets: vec![wallet],
            protocols,
            weights: vec![(ProtocolId::from("one"), Bps(1500))],
            planning: None,
            min_change: Usd::dollars(100),
            watched: Vec::new(),
            contract_period: Duration::from_secs(3600),
            monitor: MonitorPolicy::default(),
            policy: Policy {
                transaction_limit: Bps(2500),
                asset_limits: BTreeMap::from([(AssetId::from("USDC"), Bps::WHOLE)]),
                gas_ceilings: BTreeMap::from([(L1, 100 * GWEI), (L2, 100 * GWEI)]),
                max_simulation_age: BLOCK,
                permit_ttl: BLOCK,
                ..Policy::with_default_limits()
            },
            campaigns: campaigns
                .into_iter()
                .map(|mut campaign| {
                    for task in &mut campaign.tasks {
                        acts(task).wallet = wallet;
                    }
                    campaign
                })
                .collect(),
        };
        let farm = Self {
            l1,
            l2,
            wallet,
            usdc,
            usdc_l2,
            weth,
            vaults,
            pool,
            bridges,
            feeds,
            clock,
            slowness: Arc::default(),
            settings,
            heard: Arc::default(),
            checkpoint: no_checkpoint,
            folder: tempfile::tempdir().unwrap(),
            engine: None,
        };
        farm.price(2_000);
        farm
    }

    /// A staking pool of the pair's LP tokens that pays USDC, and 20 WETH for the wallet.
    pub fn add_staking(&mut self) -> Address {
        let arguments = (self.pool, self.usdc.contract.unwrap()).abi_encode_params();
        let pool = self
            .l1
            .deploy(KEEPER, with(&code!("DemoStaking"), &arguments))
            .unwrap();
        self.settings.protocols.push(ProtocolConfig {
            id: ProtocolId::from("stake"),
            family: "stake".into(),
            chain: L1,
            module: ModuleConfig::StakingRewards {
                pool,
                stake: token(L1, Some(self.pool), "LP", 18),
                reward: self.usdc.clone(),
                underlying: ProtocolId::from("pool"),
            },
        });
        let (to, amount) = (self.wallet, ether(20));
        let at = self.weth.contract.unwrap();
        keeper(&self.l1, at, &IToken::transferCall { to, amount });
        pool
    }
}
