//! The demo's world: two chains in this process, with small contracts of our own on them.

use airdrops_paper::{PaperChain, PaperConfig, PaperError};
use airdrops_types::{Address, AssetId, B256, Bytes, ChainId, Timestamp, Token, U256};
use alloy::primitives::{address, keccak256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};

use super::merkle::MerkleTree;

/// The chain that capital starts on.
pub(crate) const L1: ChainId = ChainId(900_001);
/// The chain that most opportunities are on.
pub(crate) const L2: ChainId = ChainId(900_002);
/// Time between two blocks, on both chains.
pub(crate) const BLOCK_SECONDS: u64 = 720;
/// Owns the world's contracts: sets prices, pays yield, relays messages, arbitrages the pool.
pub(crate) const KEEPER: Address = address!("00000000000000000000000000000000000c0ffe");

sol! {
    interface IToken {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
    interface IWrapped {
        function deposit() external payable;
    }
    interface IVault {
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function donate(uint256 assets) external;
        function totalAssets() external view returns (uint256);
    }
    interface IPool {
        function token0() external view returns (address);
        function getReserves() external view returns (uint112, uint112, uint32);
        function addLiquidity(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline) external returns (uint256, uint256, uint256);
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[]);
    }
    interface IFeed {
        function set(int256 answer, uint256 updatedAt) external;
    }
    interface IBridge {
        function deliver(address to, uint256 amount, uint256 nonce) external;
        event Sent(address indexed from, uint256 amount, uint256 nonce);
    }
}

/// A feed, whose it is, and the asset that it prices.
pub(crate) struct Feed {
    pub(crate) asset: &'static str,
    pub(crate) source: &'static str,
    pub(crate) contract: Address,
}

/// Everything that was deployed.
pub(crate) struct World {
    pub(crate) l1: PaperChain,
    pub(crate) l2: PaperChain,
    pub(crate) wallet: Address,
    pub(crate) usdc_l1: Token,
    pub(crate) usdc_l2: Token,
    pub(crate) weth_l2: Token,
    pub(crate) aerie_token: Token,
    pub(crate) vault_l1: Address,
    pub(crate) vault_l2: Address,
    pub(crate) pool: Address,
    pub(crate) bridge_l1: Address,
    pub(crate) bridge_l2: Address,
    pub(crate) distributor: Address,
    pub(crate) grant: Grant,
    pub(crate) feeds: Vec<Feed>,
}

/// What the airdrop grants to our wallet.
pub(crate) struct Grant {
    pub(crate) index: u64,
    pub(crate) amount: U256,
    pub(crate) proof: Vec<B256>,
}

/// A compiled contract of ours.
macro_rules! init_code {
    ($name:literal) => {
        init_code(include_str!(concat!(
            "../../../../contracts/artifacts/",
            $name,
            ".json"
        )))
    };
}

fn init_code(artifact: &str) -> Result<Bytes, PaperError> {
    serde_json::from_str::<serde_json::Value>(artifact)
        .ok()
        .and_then(|artifact| artifact.get("bytecode")?.as_str()?.parse().ok())
        .ok_or_else(|| PaperError::Unsupported("the artifact holds no bytecode".to_owned()))
}

fn with_arguments(code: &Bytes, arguments: &[u8]) -> Bytes {
    [code.as_ref(), arguments].concat().into()
}

/// `amount` whole units of a token with `decimals` decimals.
pub(crate) fn whole(amount: u64, decimals: u8) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(decimals))
}

impl World {
    /// Starts both chains, deploys, and gives the wallet its opening capital: 72,000 USDC and 9 ETH
    /// on the L1, 5 ETH on the L2.
    pub(crate) fn build(wallet: Address, start: Timestamp) -> Result<Self, PaperError> {
        let l1 = chain(L1, start, 12_000_000_000);
        let l2 = chain(L2, start, 50_000_000);
        let ether = |amount| whole(amount, 18);
        for chain in [&l1, &l2] {
            chain.set_balance(KEEPER, ether(1_000_000))?;
        }
        l1.set_balance(wallet, ether(9))?;
        l2.set_balance(wallet, ether(5))?;

        let token = |chain: &PaperChain, name: &str, symbol: &str, decimals: u8| {
            let arguments =
                (name.to_owned(), symbol.to_owned(), U256::from(decimals)).abi_encode_params();
            chain.deploy(
                KEEPER,
                with_arguments(&init_code!("DemoToken")?, &arguments),
            )
        };
        let usdc_l1 = erc20(L1, token(&l1, "USD Coin", "USDC", 6)?, "USDC", 6);
        let usdc_l2 = erc20(L2, token(&l2, "USD Coin", "USDC", 6)?, "USDC", 6);
        let aerie_token = erc20(L2, token(&l2, "Aerie", "AERIE", 18)?, "AERIE", 18);
        let weth_l2 = erc20(
            L2,
            l2.deploy(KEEPER, init_code!("WrappedEther")?)?,
            "ETH",
            18,
        );
        let (usdc_l1_at, usdc_l2_at, weth_at, aerie_at) =
            (at(&usdc_l1), at(&usdc_l2), at(&weth_l2), at(&aerie_token));
        mint(&l1, usdc_l1_at, KEEPER, whole(100_000_000, 6))?;
        mint(&l1, usdc_l1_at, wallet, whole(72_000, 6))?;
        mint(&l2, usdc_l2_at, KEEPER, whole(100_000_000, 6))?;

        let vault = |chain: &PaperChain, asset: Address, name: &str| {
            let arguments = (asset, name.to_owned(), "aeUSDC".to_owned()).abi_encode_params();
            let vault = chain.deploy(
                KEEPER,
                with_arguments(&init_code!("DemoVault")?, &arguments),
            )?;
            approve(chain, asset, vault)?;
            let call = IVault::depositCall {
                assets: whole(2_000_000, 6),
                receiver: KEEPER,
            };
            chain.transact(KEEPER, vault, U256::ZERO, call.abi_encode().into())?;
            Ok::<_, PaperError>(vault)
        };
        let vault_l1 = vault(&l1, usdc_l1_at, "Aerie USDC")?;
        let vault_l2 = vault(&l2, usdc_l2_at, "Aerie USDC on L2")?;

        let pair = (usdc_l2_at, weth_at).abi_encode_params();
        let pool = l2.deploy(KEEPER, with_arguments(&init_code!("DemoAmm")?, &pair))?;
        let deposit = IWrapped::depositCall {}.abi_encode();
        l2.transact(KEEPER, weth_at, ether(2_000), deposit.into())?;
        approve(&l2, usdc_l2_at, pool)?;
        approve(&l2, weth_at, pool)?;
        let call = IPool::addLiquidityCall {
            tokenA: usdc_l2_at,
            tokenB: weth_at,
            amountADesired: whole(2_000_000, 6),
            amountBDesired: ether(1_000),
            amountAMin: U256::ZERO,
            amountBMin: U256::ZERO,
            to: KEEPER,
            deadline: U256::MAX,
        };
        l2.transact(KEEPER, pool, U256::ZERO, call.abi_encode().into())?;

        let bridge = |chain: &PaperChain, token: Address| {
            let arguments = (token, KEEPER).abi_encode_params();
            let bridge = chain.deploy(
                KEEPER,
                with_arguments(&init_code!("DemoBridge")?, &arguments),
            )?;
            mint(chain, token, bridge, whole(10_000_000, 6))?;
            Ok::<_, PaperError>(bridge)
        };
        let bridge_l1 = bridge(&l1, usdc_l1_at)?;
        let bridge_l2 = bridge(&l2, usdc_l2_at)?;

        // Our wallet's grant among those of others.
        let amount = whole(1_500, 18);
        let grants: Vec<(u64, Address, U256)> = (0..16u64)
            .map(|index| {
                if index == 11 {
                    (index, wallet, amount)
                } else {
                    let other = Address::from_slice(&keccak256(index.to_be_bytes())[12..]);
                    (index, other, whole(900 + 40 * index, 18))
                }
            })
            .collect();
        let tree = MerkleTree::new(&grants);
        let arguments = (aerie_at, tree.root()).abi_encode_params();
        let distributor = l2.deploy(
            KEEPER,
            with_arguments(&init_code!("DemoDistributor")?, &arguments),
        )?;
        mint(&l2, aerie_at, distributor, whole(100_000, 18))?;
        let grant = Grant {
            index: 11,
            amount,
            proof: tree.proof(11),
        };

        let mut feeds = Vec::new();
        for asset in ["ETH", "USDC", "AERIE"] {
            // A price counts if two operators agree on it.
            for source in ["north", "south"] {
                let arguments = (format!("{asset} / USD"),).abi_encode_params();
                let contract =
                    l2.deploy(KEEPER, with_arguments(&init_code!("DemoFeed")?, &arguments))?;
                feeds.push(Feed {
                    asset,
                    source,
                    contract,
                });
            }
        }
        Ok(Self {
            l1,
            l2,
            wallet,
            usdc_l1,
            usdc_l2,
            weth_l2,
            aerie_token,
            vault_l1,
            vault_l2,
            pool,
            bridge_l1,
            bridge_l2,
            distributor,
            grant,
            feeds,
        })
    }
}

fn chain(id: ChainId, start: Timestamp, initial_base_fee: u128) -> PaperChain {
    PaperChain::new(PaperConfig {
        block_time: std::time::Duration::from_secs(BLOCK_SECONDS),
        initial_base_fee,
        history: 256,
        ..PaperConfig::new(id, start)
    })
}

fn erc20(chain: ChainId, contract: Address, asset: &str, decimals: u8) -> Token {
    Token {
        chain,
        contract: Some(contract),
        asset: AssetId::from(asset),
        decimals,
    }
}

/// The contract of an ERC-20; the zero address for a native token, which no caller passes.
pub(crate) fn at(token: &Token) -> Address {
    token.contract.unwrap_or_default()
}

fn mint(chain: &PaperChain, token: Address, to: Address, amount: U256) -> Result<(), PaperError> {
    let call = IToken::mintCall { to, amount };
    chain
        .transact(KEEPER, token, U256::ZERO, call.abi_encode().into())
        .map(drop)
}

fn approve(chain: &PaperChain, token: Address, spender: Address) -> Result<(), PaperError> {
    let call = IToken::approveCall {
        spender,
        amount: U256::MAX,
    };
    chain
        .transact(KEEPER, token, U256::ZERO, call.abi_encode().into())
        .map(drop)
}
