//! A world of real contracts: the wrapped native currency, a Uniswap v2 market, a staking pool, an
//! airdrop to be claimed, and price feeds. Compiled by their authors, installed from npm.
//!
//! One ether costs 2,000 dollars and one `TOKEN` costs 1 dollar, in the market as in the feeds; one
//! `DROP` costs 1 dollar in the feeds.

use airdrops_types::{Address, B256, I256, U256};
use alloy::primitives::Bytes;
use alloy::sol_types::{SolCall, SolValue};
use serde::{Deserialize, Serialize};

use crate::anvil::{Anvil, DEV_ACCOUNTS};
use crate::contracts::{Distributor, Erc20, Factory, Feed, Router, Staking, Weth};
use crate::control::SendError;
use crate::merkle::{Grant, MerkleTree};
use crate::npm::{self, ArtifactError, NpmFolder, Unavailable};
use crate::rpc::RpcError;

/// Who deploys the world, provides its liquidity and owns what can be owned.
pub const DEPLOYER: Address = DEV_ACCOUNTS[0];

/// A deadline that no test reaches, seconds since 1970.
pub const NO_DEADLINE: u64 = 9_999_999_999;

/// What the wallet may claim: its index in the distribution.
const WALLET_INDEX: u64 = 3;

const WETH9: &str = "canonical-weth/build/contracts/WETH9.json";
const ERC20: &str = "@uniswap/merkle-distributor/build/TestERC20.json";
const FACTORY: &str = "@uniswap/v2-core/build/UniswapV2Factory.json";
const ROUTER: &str = "@uniswap/v2-periphery/build/UniswapV2Router02.json";
const STAKING: &str = "@uniswap/liquidity-staker/build/StakingRewards.json";
const DISTRIBUTOR: &str = "@uniswap/merkle-distributor/build/MerkleDistributor.json";
const FEED: &str = "@chainlink/abi/v0.7/tests/MockV3Aggregator.json";

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The compiled contracts are not here.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A compiled contract could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A transaction of the set-up failed.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A read of the set-up failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// The contracts, by address. All tokens have 18 decimals; the feeds have 8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Whom it was made for: 100 ether, 10,000 `TOKEN` and a grant to claim.
    pub wallet: Address,
    /// WETH9.
    pub weth: Address,
    /// `TOKEN`, an ERC-20 worth one dollar.
    pub token: Address,
    /// `DROP`, the ERC-20 that is earned by staking and granted by the airdrop. No market.
    pub reward: Address,
    /// The Uniswap v2 factory.
    pub factory: Address,
    /// The Uniswap v2 Router02.
    pub router: Address,
    /// The `TOKEN`/WETH pair and its LP token. Holds 1,000,000 `TOKEN` and 500 WETH.
    pub pair: Address,
    /// The `StakingRewards` pool of LP tokens: 0.1 `DROP` per second, for 60 days.
    pub staking: Address,
    /// The `MerkleDistributor`, funded with all grants.
    pub distributor: Address,
    /// The distribution's root.
    pub root: B256,
    /// What the wallet may claim.
    pub grant: Grant,
    /// The proof of its grant.
    pub proof: Vec<B256>,
    /// Price of ether in dollars, 8 decimals.
    pub eth_usd: Address,
    /// Price of `TOKEN` in dollars, 8 decimals.
    pub token_usd: Address,
    /// Price of `DROP` in dollars, 8 decimals.
    pub reward_usd: Address,
    /// The prices that somebody else publishes.
    pub second: SecondFeeds,
}

/// A second feed of each price, so that no price rests on one voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFeeds {
    /// Price of ether in dollars, 8 decimals.
    pub eth_usd: Address,
    /// Price of `TOKEN` in dollars, 8 decimals.
    pub token_usd: Address,
    /// Price of `DROP` in dollars, 8 decimals.
    pub reward_usd: Address,
}

/// `n` whole tokens of 18 decimals, base units; also `n` ether in wei.
#[must_use]
pub fn whole(n: u64) -> U256 {
    U256::from(n) * U256::from(1_000_000_000_000_000_000_u64)
}

impl World {
    /// Deploys everything for one wallet (not [`DEPLOYER`]), in about 25 blocks.
    ///
    /// # Errors
    /// [`WorldError`] when the contracts are not here or the chain does not take them; the chain
    /// must mine by itself.
    pub async fn deploy(anvil: &Anvil, wallet: Address) -> Result<Self, WorldError> {
        let site = Site {
            anvil,
            packages: npm::ensure()?,
        };
        anvil.set_balance(DEPLOYER, whole(100_000)).await?;
        anvil.set_balance(wallet, whole(100)).await?;

        let weth = site.deploy(WETH9, &[]).await?;
        let token = site.erc20("Token", "TOKEN").await?;
        let reward = site.erc20("Drop", "DROP").await?;
        site.transfer(token, wallet, whole(10_000)).await?;

        let factory = site.deploy(FACTORY, &DEPLOYER.abi_encode()).await?;
        let router = site
            .deploy(ROUTER, &(factory, weth).abi_encode_params())
            .await?;
        let pair = site.market(weth, token, factory, router).await?;
        let staking = site.staking(reward, pair).await?;
        let (distributor, root, grant, proof) = site.airdrop(reward, wallet).await?;
        Ok(Self {
            wallet,
            weth,
            token,
            reward,
            factory,
            router,
            pair,
            staking,
            distributor,
            root,
            grant,
            proof,
            eth_usd: site.feed(2_000).await?,
            token_usd: site.feed(1).await?,
            reward_usd: site.feed(1).await?,
            second: SecondFeeds {
                eth_usd: site.feed(2_000).await?,
                token_usd: site.feed(1).await?,
                reward_usd: site.feed(1).await?,
            },
        })
    }

    /// Publishes a new price on a feed, in units of 10⁻⁸ dollars, at the time of the next block.
    ///
    /// # Errors
    /// [`SendError`] when the chain does not take it.
    pub async fn publish(anvil: &Anvil, feed: Address, price: I256) -> Result<(), SendError> {
        let call = Feed::updateAnswerCall { answer: price };
        Site::tell(anvil, feed, U256::ZERO, &call).await
    }

    /// The calldata by which anyone claims the wallet's grant for it.
    #[must_use]
    pub fn claim(&self) -> Bytes {
        Distributor::claimCall {
            index: U256::from(self.grant.index),
            account: self.grant.account,
            amount: self.grant.amount,
            proof: self.proof.clone(),
        }
        .abi_encode()
        .into()
    }
}

struct Site<'a> {
    anvil: &'a Anvil,
    packages: NpmFolder,
}

impl Site<'_> {
    async fn deploy(&self, artifact: &str, arguments: &[u8]) -> Result<Address, WorldError> {
        let bytecode = self.packages.artifact(artifact)?.bytecode;
        Ok(self.anvil.deploy(&bytecode, arguments).await?)
    }

    async fn tell<C: SolCall>(
        anvil: &Anvil,
        to: Address,
        value: U256,
        call: &C,
    ) -> Result<(), SendError> {
        anvil
            .must_send(DEPLOYER, to, value, &call.abi_encode())
            .await
            .map(drop)
    }

    async fn erc20(&self, name: &str, symbol: &str) -> Result<Address, WorldError> {
        let supply = whole(1_000_000_000);
        self.deploy(ERC20, &(name, symbol, supply).abi_encode_params())
            .await
    }

    async fn transfer(&self, token: Address, to: Address, amount: U256) -> Result<(), WorldError> {
        let call = Erc20::transferCall { to, amount };
        Ok(Self::tell(self.anvil, token, U256::ZERO, &call).await?)
    }

    async fn market(
        &self,
        weth: Address,
        token: Address,
        factory: Address,
        router: Address,
    ) -> Result<Address, WorldError> {
        let (tokens, ether) = (whole(1_000_000), whole(500));
        Self::tell(self.anvil, weth, ether, &Weth::depositCall {}).await?;
        for (contract, amount) in [(token, tokens), (weth, ether)] {
            let approve = Erc20::approveCall {
                spender: router,
                amount,
            };
            Self::tell(self.anvil, contract, U256::ZERO, &approve).await?;
        }
        let add = Router::addLiquidityCall {
            a: token,
            b: weth,
            aDesired: tokens,
            bDesired: ether,
            aMin: tokens,
            bMin: ether,
            to: DEPLOYER,
            deadline: U256::from(NO_DEADLINE),
        };
        Self::tell(self.anvil, router, U256::ZERO, &add).await?;
        let pair = Factory::getPairCall { a: token, b: weth };
        Ok(self.anvil.view(factory, &pair).await?)
    }

    async fn staking(&self, reward: Address, stake: Address) -> Result<Address, WorldError> {
        let arguments = (DEPLOYER, reward, stake).abi_encode_params();
        let pool = self.deploy(STAKING, &arguments).await?;
        // 60 days at 0.1 per second.
        let amount = whole(518_400);
        self.transfer(reward, pool, amount).await?;
        let notify = Staking::notifyRewardAmountCall { reward: amount };
        Self::tell(self.anvil, pool, U256::ZERO, &notify).await?;
        Ok(pool)
    }

    async fn airdrop(
        &self,
        reward: Address,
        wallet: Address,
    ) -> Result<(Address, B256, Grant, Vec<B256>), WorldError> {
        // Five grants: the tree is not full, so that a node without a sibling occurs.
        let grants = [0, 1, 2, WALLET_INDEX, 4].map(|index| Grant {
            index,
            account: if index == WALLET_INDEX {
                wallet
            } else {
                Address::left_padding_from(&(0xa11ce + index).to_be_bytes())
            },
            amount: whole(1_000 + index),
        });
        let position = 3;
        let (tree, proof) = MerkleTree::new(&grants)
            .and_then(|tree| tree.proof(position).map(|proof| (tree, proof)))
            .ok_or_else(|| RpcError::Unexpected("a distribution without grants".to_owned()))?;
        let arguments = (reward, tree.root()).abi_encode_params();
        let distributor = self.deploy(DISTRIBUTOR, &arguments).await?;
        let total = grants.iter().map(|grant| grant.amount).sum();
        self.transfer(reward, distributor, total).await?;
        Ok((distributor, tree.root(), grants[position], proof))
    }

    async fn feed(&self, dollars: u64) -> Result<Address, WorldError> {
        let price = U256::from(dollars) * U256::from(100_000_000_u64);
        self.deploy(FEED, &(U256::from(8), price).abi_encode_params())
            .await
    }
}
