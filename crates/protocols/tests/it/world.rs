//! Two chains with one protocol of each kind on them, of our own contracts or of the real ones.

use std::time::Duration;

use airdrops_chain::{ChainRead, ReadError, ReadFuture};
use airdrops_paper::{PaperChain, PaperConfig};
use airdrops_protocols::{ModuleConfig, ProtocolConfig, Registry, Views};
use airdrops_testkit::npm;
use airdrops_types::{
    Address, B256, BlockRef, Bps, Bytes, ChainId, Position, Timestamp, Token, U256,
};
use alloy::primitives::{hex, keccak256};
use alloy::sol_types::{SolCall, SolValue};

use crate::scenery::{HERE, THERE, token};

alloy::sol! {
    interface IWorld {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external;
        function transfer(address to, uint256 amount) external;
        function deposit() external payable;
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function createPair(address a, address b) external returns (address);
        function addLiquidity(
            address a, address b, uint256 desiredA, uint256 desiredB,
            uint256 minA, uint256 minB, address to, uint256 deadline
        ) external;
        function deliver(address to, uint256 amount, uint256 nonce) external;
    }
    interface IVault {
        function deposit(uint256 assets, address receiver) external returns (uint256);
    }
    interface IOurStaking {
        function notifyRewardAmount(uint256 reward, uint256 duration) external;
    }
    interface IRealStaking {
        function notifyRewardAmount(uint256 reward) external;
    }
}

pub(crate) const DEPLOYER: Address = Address::repeat_byte(0xd0);
pub(crate) const WALLET: Address = Address::repeat_byte(0x77);
pub(crate) const GRANT: u64 = 4_200_000;
const GENESIS: u64 = 1_800_000_000;

/// Whose contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contracts {
    /// Those of `contracts/`.
    Ours,
    /// WETH9, Uniswap v2, StakingRewards and MerkleDistributor as published. Vault, bridge and
    /// plain tokens are ours.
    Real,
}

pub(crate) struct World {
    pub(crate) near: PaperChain,
    pub(crate) far: PaperChain,
    pub(crate) registry: Registry,
    pub(crate) bridge: Address,
    pub(crate) far_bridge: Address,
}

fn ours(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../contracts/artifacts/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let artifact: serde_json::Value = serde_json::from_str(&text).unwrap();
    hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap()
}

fn deploy(chain: &PaperChain, code: impl Into<Vec<u8>>, arguments: &[u8]) -> Address {
    let code = code.into();
    chain
        .deploy(DEPLOYER, [code.as_slice(), arguments].concat().into())
        .unwrap()
}

pub(crate) fn tell<C: SolCall>(chain: &PaperChain, to: Address, what: &C) -> Bytes {
    chain
        .transact(DEPLOYER, to, U256::ZERO, what.abi_encode().into())
        .unwrap()
}

fn demo_token(chain: &PaperChain, symbol: &str, decimals: u8) -> Address {
    let arguments =
        (symbol.to_owned(), symbol.to_owned(), U256::from(decimals)).abi_encode_params();
    deploy(chain, ours("DemoToken"), &arguments)
}

pub(crate) fn units(whole: u64, decimals: u8) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(decimals))
}

/// Root and proof of the middle one of three leaves, computed byte by byte.
fn merkle(index: u64, account: Address, amount: u64) -> (B256, Vec<B256>) {
    let leaf = |index: u64, account: Address, amount: u64| {
        let mut bytes = U256::from(index).to_be_bytes::<32>().to_vec();
        bytes.extend(account.as_slice());
        bytes.extend(U256::from(amount).to_be_bytes::<32>());
        keccak256(bytes)
    };
    let join = |a: B256, b: B256| {
        let mut both = [a, b];
        both.sort();
        keccak256([both[0].as_slice(), both[1].as_slice()].concat())
    };
    let (first, last) = (leaf(0, DEPLOYER, 1), leaf(2, Address::repeat_byte(9), 3));
    let root = join(join(first, leaf(index, account, amount)), last);
    (root, vec![first, last])
}

impl World {
    /// `None`, after saying so, where the real contracts cannot be had.
    pub(crate) fn new(contracts: Contracts) -> Option<Self> {
        let published = match contracts {
            Contracts::Ours => None,
            Contracts::Real => match npm::ensure() {
                Ok(folder) => Some(folder),
                Err(reason) => {
                    airdrops_testkit::skip(&reason);
                    return None;
                }
            },
        };
        let code = |our_name: &str, path: &str| match &published {
            None => ours(our_name),
            Some(folder) => folder.artifact(path).unwrap().bytecode.to_vec(),
        };
        let genesis = Timestamp::from_unix_seconds(GENESIS);
        let near = PaperChain::new(PaperConfig::new(HERE, genesis));
        let far = PaperChain::new(PaperConfig::new(THERE, genesis));
        for chain in [&near, &far] {
            chain.set_balance(DEPLOYER, units(1_000_000, 18)).unwrap();
            chain.set_balance(WALLET, units(100, 18)).unwrap();
        }

        let weth = deploy(
            &near,
            code("WrappedEther", "canonical-weth/build/contracts/WETH9.json"),
            &[],
        );
        let [usdc, gov] =
            [("USDC", 6), ("GOV", 18)].map(|(name, decimals)| demo_token(&near, name, decimals));
        let far_usdc = demo_token(&far, "USDC", 6);
        let vault_arguments = (usdc, "Vault".to_owned(), "vUSDC".to_owned()).abi_encode_params();
        let vault = deploy(&near, ours("DemoVault"), &vault_arguments);
        let (router, pair) = match contracts {
            Contracts::Ours => {
                let pool = deploy(&near, ours("DemoAmm"), &(usdc, weth).abi_encode_params());
                (pool, pool)
            }
            Contracts::Real => {
                let factory = code("", "@uniswap/v2-core/build/UniswapV2Factory.json");
                let factory = deploy(&near, factory, &DEPLOYER.abi_encode());
                let router = code("", "@uniswap/v2-periphery/build/UniswapV2Router02.json");
                let router = deploy(&near, router, &(factory, weth).abi_encode_params());
                let pair = tell(&near, factory, &IWorld::createPairCall { a: usdc, b: weth });
                (router, Address::from_slice(&pair[12..]))
            }
        };
        let staking = match contracts {
            Contracts::Ours => deploy(&near, ours("DemoStaking"), &(pair, gov).abi_encode_params()),
            Contracts::Real => {
                let path = "@uniswap/liquidity-staker/build/StakingRewards.json";
                deploy(
                    &near,
                    code("", path),
                    &(DEPLOYER, gov, pair).abi_encode_params(),
                )
            }
        };
        let (root, proof) = merkle(1, WALLET, GRANT);
        let path = "@uniswap/merkle-distributor/build/MerkleDistributor.json";
        let distributor = deploy(
            &near,
            code("DemoDistributor", path),
            &(gov, root).abi_encode_params(),
        );
        let native = Address::ZERO;
        let [bridge, token_bridge] = [native, usdc].map(|token| {
            deploy(
                &near,
                ours("DemoBridge"),
                &(token, DEPLOYER).abi_encode_params(),
            )
        });
        let [far_bridge, far_token_bridge] = [native, far_usdc].map(|token| {
            deploy(
                &far,
                ours("DemoBridge"),
                &(token, DEPLOYER).abi_encode_params(),
            )
        });

        // Money for everyone.
        for (to, whole) in [(DEPLOYER, 10_000_000), (WALLET, 20_000)] {
            tell(
                &near,
                usdc,
                &IWorld::mintCall {
                    to,
                    amount: units(whole, 6),
                },
            );
        }
        tell(
            &near,
            gov,
            &IWorld::mintCall {
                to: DEPLOYER,
                amount: units(1_000_000, 18),
            },
        );
        tell(
            &near,
            gov,
            &IWorld::transferCall {
                to: distributor,
                amount: U256::from(GRANT),
            },
        );
        let deposit = Bytes::from(IWorld::depositCall {}.abi_encode());
        near.transact(DEPLOYER, weth, units(1_000, 18), deposit.clone())
            .unwrap();
        near.transact(WALLET, weth, units(10, 18), deposit).unwrap();
        far.transact(DEPLOYER, far_bridge, units(50, 18), Bytes::new())
            .unwrap();
        // The pool starts at an odd price, and the vault with someone else's deposit and yield.
        for token in [usdc, weth] {
            tell(
                &near,
                token,
                &IWorld::approveCall {
                    spender: router,
                    amount: U256::MAX,
                },
            );
        }
        tell(
            &near,
            router,
            &IWorld::addLiquidityCall {
                a: usdc,
                b: weth,
                desiredA: units(2_000_003, 6),
                desiredB: units(701, 18),
                minA: U256::ZERO,
                minB: U256::ZERO,
                to: DEPLOYER,
                deadline: U256::MAX,
            },
        );
        let amount = units(1_000, 6);
        let spender = vault;
        tell(&near, usdc, &IWorld::approveCall { spender, amount });
        let receiver = DEPLOYER;
        tell(
            &near,
            vault,
            &IVault::depositCall {
                assets: amount,
                receiver,
            },
        );
        tell(
            &near,
            usdc,
            &IWorld::transferCall {
                to: vault,
                amount: units(7, 6),
            },
        );
        let reward = units(10_000, 18);
        tell(
            &near,
            gov,
            &IWorld::transferCall {
                to: staking,
                amount: reward,
            },
        );
        match contracts {
            Contracts::Ours => {
                let duration = U256::from(60 * 86_400);
                tell(
                    &near,
                    staking,
                    &IOurStaking::notifyRewardAmountCall { reward, duration },
                )
            }
            Contracts::Real => tell(
                &near,
                staking,
                &IRealStaking::notifyRewardAmountCall { reward },
            ),
        };

        let here =
            |contract: Address, asset: &str, decimals| token(HERE, Some(contract), asset, decimals);
        let (ether, far_ether) = (token(HERE, None, "ETH", 18), token(THERE, None, "ETH", 18));
        let (weth, usdc, gov) = (
            here(weth, "ETH", 18),
            here(usdc, "USDC", 6),
            here(gov, "GOV", 18),
        );
        let lp = here(pair, "LP", 18);
        let crossing =
            |contract, remote_contract, token: &Token, remote_token| ModuleConfig::Bridge {
                contract,
                remote_chain: THERE,
                remote_contract,
                token: token.clone(),
                remote_token,
            };
        let modules = [
            (
                "weth",
                ModuleConfig::WrappedNative {
                    native: ether.clone(),
                    wrapped: weth.clone(),
                },
            ),
            (
                "vault",
                ModuleConfig::Erc4626 {
                    asset: usdc.clone(),
                    share: here(vault, "vUSDC", 6),
                },
            ),
            (
                "pool",
                ModuleConfig::UniswapV2 {
                    router,
                    token_a: usdc.clone(),
                    token_b: weth,
                    lp: lp.clone(),
                    slippage: Bps(50),
                },
            ),
            (
                "farm",
                ModuleConfig::StakingRewards {
                    pool: staking,
                    stake: lp,
                    reward: gov.clone(),
                    underlying: "pool".into(),
                },
            ),
            ("bridge", crossing(bridge, far_bridge, &ether, far_ether)),
            (
                "token-bridge",
                crossing(
                    token_bridge,
                    far_token_bridge,
                    &usdc,
                    token(THERE, Some(far_usdc), "USDC", 6),
                ),
            ),
            (
                "drop",
                ModuleConfig::MerkleDistributor {
                    contract: distributor,
                    token: gov,
                    index: 1,
                    amount: U256::from(GRANT),
                    proof,
                },
            ),
        ];
        let protocols = modules.map(|(id, module)| ProtocolConfig {
            id: id.into(),
            family: id.to_owned(),
            chain: HERE,
            module,
        });
        let registry = Registry::new(protocols.to_vec()).unwrap();
        Some(Self {
            near,
            far,
            registry,
            bridge,
            far_bridge,
        })
    }

    pub(crate) fn view(&self) -> PaperView {
        PaperView {
            id: HERE,
            chain: self.near.clone(),
        }
    }

    pub(crate) fn pass(&self, time: Duration) {
        for chain in [&self.near, &self.far] {
            chain.mine(chain.head().time.plus(time));
        }
    }

    pub(crate) async fn position(&self, protocol: &str) -> Option<Position> {
        let (near, far) = (
            self.view(),
            PaperView {
                id: THERE,
                chain: self.far.clone(),
            },
        );
        let both: [&dyn ChainRead; 2] = [&near, &far];
        let views: Views<'_> = both.into_iter().collect();
        let config = self.registry.get(&protocol.into()).unwrap();
        self.registry
            .position(config, &views, WALLET)
            .await
            .unwrap()
    }

    pub(crate) fn balance(&self, token: &Token) -> U256 {
        match token.contract {
            None => native_balance(&self.near, WALLET).unwrap(),
            Some(contract) => {
                let question = IWorld::balanceOfCall { account: WALLET }.abi_encode();
                U256::from_be_slice(&self.near.call(contract, question.into()).unwrap())
            }
        }
    }

    pub(crate) fn allowance(&self, token: &Token, spender: Address) -> U256 {
        let question = IWorld::allowanceCall {
            owner: WALLET,
            spender,
        }
        .abi_encode();
        let answer = self
            .near
            .call(token.contract.unwrap(), question.into())
            .unwrap();
        U256::from_be_slice(&answer)
    }
}

fn native_balance(chain: &PaperChain, account: Address) -> Result<U256, ReadError> {
    let answer = chain
        .request("eth_getBalance", serde_json::json!([account, "latest"]))
        .map_err(|error| ReadError::Unreachable(error.to_string()))?;
    Ok(answer.as_str().unwrap().parse().unwrap())
}

/// The head of a paper chain.
pub(crate) struct PaperView {
    id: ChainId,
    chain: PaperChain,
}

impl ChainRead for PaperView {
    fn chain(&self) -> ChainId {
        self.id
    }

    fn block(&self) -> BlockRef {
        self.chain.head()
    }

    fn call(&self, to: Address, data: Bytes) -> ReadFuture<'_, Bytes> {
        let answer = self
            .chain
            .call(to, data)
            .map_err(|error| ReadError::Reverted {
                to,
                reason: error.to_string(),
            });
        Box::pin(async move { answer })
    }

    fn native_balance(&self, account: Address) -> ReadFuture<'_, U256> {
        let answer = native_balance(&self.chain, account);
        Box::pin(async move { answer })
    }
}
