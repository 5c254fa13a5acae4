//! Tokens: an asset as it exists on one chain.

use std::fmt;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{AssetId, ChainId};

/// A native currency or an ERC-20 contract on one chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token {
    /// The chain.
    pub chain: ChainId,
    /// The ERC-20 contract; `None` is the chain's native currency.
    pub contract: Option<Address>,
    /// What it is priced as. A receipt token (vault share, LP token) has an asset of its own that
    /// has no price: its value is the position's.
    pub asset: AssetId,
    /// Base units per whole token are `10^decimals`.
    pub decimals: u8,
}

impl Token {
    /// Whether this is the chain's native currency.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.contract.is_none()
    }

    /// `amount` base units of this token.
    #[must_use]
    pub fn amount(&self, amount: U256) -> TokenAmount {
        TokenAmount {
            token: self.clone(),
            amount,
        }
    }

    /// One whole token in base units.
    #[must_use]
    pub fn whole(&self) -> U256 {
        U256::from(10).saturating_pow(U256::from(self.decimals))
    }
}

/// An amount of a token in base units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenAmount {
    /// The token.
    pub token: Token,
    /// Base units.
    pub amount: U256,
}

impl fmt::Display for TokenAmount {
    /// `1.25 ETH`: at most six decimals, rounded toward zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.token.whole();
        let mut fraction = format!(
            "{:0>width$}",
            (self.amount % whole).to_string(),
            width = usize::from(self.token.decimals)
        );
        if self.token.decimals == 0 {
            fraction.clear();
        }
        fraction.truncate(6);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        write!(
            f,
            "{}{dot}{fraction} {}",
            self.amount / whole,
            self.token.asset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_print_in_whole_tokens() {
        let ether = Token {
            chain: ChainId(1),
            contract: None,
            asset: AssetId::new("ETH"),
            decimals: 18,
        };
        let amount = ether.amount(U256::from(1_250_000_000_000_000_000u64));
        assert_eq!(amount.to_string(), "1.25 ETH");
        assert_eq!(
            ether.amount(U256::from(10).pow(U256::from(20))).to_string(),
            "100 ETH"
        );
    }
}
