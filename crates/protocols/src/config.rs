//! Configured protocol instances.

use airdrops_types::{Address, B256, Bps, ChainId, ProtocolId, Token, U256};
use serde::{Deserialize, Serialize};

/// One deployment of one protocol on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolConfig {
    /// Its name.
    pub id: ProtocolId,
    /// Instances of one family share one exposure limit.
    pub family: String,
    /// Where it lives; for a bridge, the chain that value leaves from.
    pub chain: ChainId,
    /// How to speak to it.
    pub module: ModuleConfig,
}

/// The modules and what each needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "module", rename_all = "snake_case")]
pub enum ModuleConfig {
    /// Wrapped native currency (WETH9): `deposit()`, `withdraw(uint256)`.
    WrappedNative {
        /// The native currency.
        native: Token,
        /// The wrapped token; its contract is the one called.
        wrapped: Token,
    },
    /// An ERC-4626 vault.
    Erc4626 {
        /// What is deposited.
        asset: Token,
        /// The share token; its contract is the vault.
        share: Token,
    },
    /// A Uniswap-v2-like pair behind a Router02-like router.
    UniswapV2 {
        /// The router.
        router: Address,
        /// One side; the other of `token_b`.
        token_a: Token,
        /// The other side.
        token_b: Token,
        /// The LP token; its contract is the pair.
        lp: Token,
        /// Most that a quote may worsen until execution.
        slippage: Bps,
    },
    /// A Synthetix-like `StakingRewards` pool of LP tokens.
    StakingRewards {
        /// The pool.
        pool: Address,
        /// The LP token that is staked.
        stake: Token,
        /// What is earned.
        reward: Token,
        /// The `uniswap_v2` instance whose LP token it is.
        underlying: ProtocolId,
    },
    /// A bridge of one token between two chains that counts what each account sent and received:
    /// `send(uint256)` payable, `sent(address)`, `received(address)`.
    Bridge {
        /// The contract on this chain.
        contract: Address,
        /// The other chain.
        remote_chain: ChainId,
        /// The contract there.
        remote_contract: Address,
        /// What is sent.
        token: Token,
        /// What arrives.
        remote_token: Token,
    },
    /// A Uniswap-like `MerkleDistributor`: `claim(uint256,address,uint256,bytes32[])`.
    MerkleDistributor {
        /// The distributor.
        contract: Address,
        /// What is granted.
        token: Token,
        /// Our index in the distribution.
        index: u64,
        /// Base units granted to us.
        amount: U256,
        /// The proof.
        proof: Vec<B256>,
    },
}

impl ModuleConfig {
    /// The protocol whose receipts are held here: an exit gives them back, and that protocol's own
    /// exit goes on with them.
    #[must_use]
    pub fn exits_into(&self) -> Option<&ProtocolId> {
        match self {
            Self::StakingRewards { underlying, .. } => Some(underlying),
            _ => None,
        }
    }

    /// The module's name as it is written in configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrappedNative { .. } => "wrapped_native",
            Self::Erc4626 { .. } => "erc4626",
            Self::UniswapV2 { .. } => "uniswap_v2",
            Self::StakingRewards { .. } => "staking_rewards",
            Self::Bridge { .. } => "bridge",
            Self::MerkleDistributor { .. } => "merkle_distributor",
        }
    }
}
