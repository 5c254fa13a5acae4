//! The parts of the portfolio from which exposure comes.

use std::fmt;

use airdrops_types::{Address, ProtocolId, Token, U256};
use serde::{Deserialize, Serialize};

use super::node::Node;

/// One part of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A token in a wallet.
    Holding {
        /// Whose.
        wallet: Address,
        /// What.
        token: Token,
    },
    /// One token inside a position; a position of several tokens is several sources.
    Position {
        /// Whose.
        wallet: Address,
        /// Where.
        protocol: ProtocolId,
        /// What.
        token: Token,
    },
    /// What a spender may take out of a wallet. The tokens are a [`Source::Holding`] as well, so
    /// that a node that both reach counts them twice: at the spender's protocol and at the asset
    /// they are lost in two different ways.
    Allowance {
        /// Whose.
        wallet: Address,
        /// What.
        token: Token,
        /// Who may take it.
        spender: Address,
    },
}

impl Source {
    /// Where exposure of a holding enters: its asset, its chain.
    #[must_use]
    pub fn holding_nodes(token: &Token) -> [Node; 2] {
        [Node::asset(&token.asset), Node::chain(token.chain)]
    }

    /// Where exposure of a token inside a position enters: the protocol family, the asset, the
    /// chain.
    #[must_use]
    pub fn position_nodes(family: &str, token: &Token) -> [Node; 3] {
        [
            Node::protocol(family),
            Node::asset(&token.asset),
            Node::chain(token.chain),
        ]
    }

    /// Where exposure of an allowance enters: the protocol family of the spender alone. The asset
    /// and the chain count the tokens as a holding.
    #[must_use]
    pub fn allowance_nodes(family: &str) -> [Node; 1] {
        [Node::protocol(family)]
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holding { wallet, token } => {
                write!(f, "{} of {wallet} on chain {}", token.asset, token.chain)
            }
            Self::Position {
                wallet,
                protocol,
                token,
            } => write!(f, "{} of {wallet} in {protocol}", token.asset),
            Self::Allowance {
                wallet,
                token,
                spender,
            } => write!(
                f,
                "{} of {wallet} on chain {} lent to {spender}",
                token.asset, token.chain
            ),
        }
    }
}

/// What a spender can take, base units: no more than allowed, and no more than there is or will be.
#[must_use]
pub fn allowance_exposure(allowance: U256, balance: U256, expected_inflow: U256) -> U256 {
    allowance.min(balance.saturating_add(expected_inflow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_counts_what_is_there_and_what_will_be() {
        let exposure = |allowance, balance, inflow| {
            let [allowance, balance, inflow] = [allowance, balance, inflow].map(U256::from);
            allowance_exposure(allowance, balance, inflow)
        };
        assert_eq!(exposure(100u64, 30u64, 20u64), U256::from(50));
        assert_eq!(exposure(40, 30, 20), U256::from(40));
        assert_eq!(exposure(0, 30, 20), U256::ZERO);
        let unlimited = allowance_exposure(U256::MAX, U256::MAX, U256::from(1));
        assert_eq!(unlimited, U256::MAX, "saturates toward more exposure");
    }
}
