//! One protocol of each kind, on made-up addresses.

use airdrops_protocols::{ModuleConfig, ProtocolConfig, Registry};
use airdrops_types::{Address, AssetId, B256, Bps, ChainId, ProtocolId, Token, U256};

pub(crate) const HERE: ChainId = ChainId(1);
pub(crate) const THERE: ChainId = ChainId(10);
pub(crate) const WALLET: Address = Address::repeat_byte(0x11);
pub(crate) const WETH: Address = Address::repeat_byte(0xa1);
pub(crate) const USDC: Address = Address::repeat_byte(0xa2);
pub(crate) const GOV: Address = Address::repeat_byte(0xa3);
pub(crate) const VAULT: Address = Address::repeat_byte(0xb1);
pub(crate) const ROUTER: Address = Address::repeat_byte(0xb2);
pub(crate) const PAIR: Address = Address::repeat_byte(0xb3);
pub(crate) const STAKING: Address = Address::repeat_byte(0xb4);
pub(crate) const BRIDGE: Address = Address::repeat_byte(0xb5);
pub(crate) const FAR_BRIDGE: Address = Address::repeat_byte(0xb6);
pub(crate) const DISTRIBUTOR: Address = Address::repeat_byte(0xb7);
pub(crate) const TOKEN_BRIDGE: Address = Address::repeat_byte(0xb8);

pub(crate) fn token(chain: ChainId, contract: Option<Address>, asset: &str, decimals: u8) -> Token {
    Token {
        chain,
        contract,
        asset: AssetId::new(asset),
        decimals,
    }
}

pub(crate) fn ether() -> Token {
    token(HERE, None, "ETH", 18)
}
pub(crate) fn weth() -> Token {
    token(HERE, Some(WETH), "ETH", 18)
}
pub(crate) fn usdc() -> Token {
    token(HERE, Some(USDC), "USDC", 6)
}
pub(crate) fn gov() -> Token {
    token(HERE, Some(GOV), "GOV", 18)
}
pub(crate) fn share() -> Token {
    token(HERE, Some(VAULT), "vUSDC", 6)
}
pub(crate) fn lp() -> Token {
    token(HERE, Some(PAIR), "LP", 18)
}

pub(crate) fn protocol(id: &str, module: ModuleConfig) -> ProtocolConfig {
    ProtocolConfig {
        id: ProtocolId::new(id),
        family: format!("{id}-family"),
        chain: HERE,
        module,
    }
}

pub(crate) fn pair() -> ModuleConfig {
    ModuleConfig::UniswapV2 {
        router: ROUTER,
        token_a: usdc(),
        token_b: weth(),
        lp: lp(),
        slippage: Bps(50),
    }
}

pub(crate) fn staking(underlying: &str) -> ModuleConfig {
    ModuleConfig::StakingRewards {
        pool: STAKING,
        stake: lp(),
        reward: gov(),
        underlying: underlying.into(),
    }
}

pub(crate) fn all() -> Vec<ProtocolConfig> {
    vec![
        protocol(
            "weth",
            ModuleConfig::WrappedNative {
                native: ether(),
                wrapped: weth(),
            },
        ),
        protocol(
            "vault",
            ModuleConfig::Erc4626 {
                asset: usdc(),
                share: share(),
            },
        ),
        protocol("pool", pair()),
        protocol("farm", staking("pool")),
        protocol(
            "bridge",
            ModuleConfig::Bridge {
                contract: BRIDGE,
                remote_chain: THERE,
                remote_contract: FAR_BRIDGE,
                token: ether(),
                remote_token: token(THERE, None, "ETH", 18),
            },
        ),
        protocol(
            "token-bridge",
            ModuleConfig::Bridge {
                contract: TOKEN_BRIDGE,
                remote_chain: THERE,
                remote_contract: FAR_BRIDGE,
                token: usdc(),
                remote_token: token(THERE, Some(USDC), "USDC", 6),
            },
        ),
        protocol(
            "drop",
            ModuleConfig::MerkleDistributor {
                contract: DISTRIBUTOR,
                token: gov(),
                index: 7,
                amount: U256::from(1000),
                proof: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
            },
        ),
    ]
}

pub(crate) fn registry() -> Registry {
    Registry::new(all()).unwrap()
}
