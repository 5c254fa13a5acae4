//! ERC-20 tokens.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Address, Token, TokenAmount, U256};

use crate::abi::ask;

alloy::sol! {
    interface IErc20 {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// A token that is known to have a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Erc20 {
    pub(crate) token: Token,
    pub(crate) address: Address,
}

impl Erc20 {
    /// `None` for native currency.
    pub(crate) fn new(token: &Token) -> Option<Self> {
        Some(Self {
            token: token.clone(),
            address: token.contract?,
        })
    }

    pub(crate) fn amount(&self, amount: U256) -> TokenAmount {
        self.token.amount(amount)
    }

    pub(crate) async fn balance(
        &self,
        view: &dyn ChainRead,
        account: Address,
    ) -> Result<U256, ReadError> {
        ask(view, self.address, IErc20::balanceOfCall { account }).await
    }

    pub(crate) async fn allowance(
        &self,
        view: &dyn ChainRead,
        owner: Address,
        spender: Address,
    ) -> Result<U256, ReadError> {
        ask(view, self.address, IErc20::allowanceCall { owner, spender }).await
    }
}

/// Who must be allowed to take what, for a module to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) token: Erc20,
    pub(crate) spender: Address,
}
