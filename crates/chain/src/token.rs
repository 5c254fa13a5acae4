//! ERC-20 reads.

use airdrops_types::{Address, Token, U256};
use alloy::sol_types::SolCall;

use crate::read::{ChainRead, ReadError};

/// The ERC-20 interface (EIP-20), as far as it is read here.
pub(crate) mod erc20 {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }
}

/// Balance of `token` in `account` at the view's block, base units.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Unexpected`] if the token is on another chain or its contract does
/// not answer with a number.
pub async fn token_balance(
    view: &dyn ChainRead,
    token: &Token,
    account: Address,
) -> Result<U256, ReadError> {
    let contract = match token.contract {
        None => {
            same_chain(view, token, Address::ZERO)?;
            return view.native_balance(account).await;
        }
        Some(contract) => contract,
    };
    same_chain(view, token, contract)?;
    let call = erc20::balanceOfCall { owner: account };
    let answer = view.call(contract, call.abi_encode().into()).await?;
    erc20::balanceOfCall::abi_decode_returns(&answer)
        .map_err(|_| not_a_number(contract, "balanceOf", answer.len()))
}

/// How much of `token` the account `owner` lets `spender` take, base units.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Unexpected`] if the token is native (it has no allowances), on
/// another chain, or its contract does not answer with a number.
pub async fn allowance(
    view: &dyn ChainRead,
    token: &Token,
    owner: Address,
    spender: Address,
) -> Result<U256, ReadError> {
    let Some(contract) = token.contract else {
        return Err(ReadError::Unexpected {
            to: Address::ZERO,
            detail: format!("{} is native currency and has no allowances", token.asset),
        });
    };
    same_chain(view, token, contract)?;
    let call = erc20::allowanceCall { owner, spender };
    let answer = view.call(contract, call.abi_encode().into()).await?;
    erc20::allowanceCall::abi_decode_returns(&answer)
        .map_err(|_| not_a_number(contract, "allowance", answer.len()))
}

fn same_chain(view: &dyn ChainRead, token: &Token, to: Address) -> Result<(), ReadError> {
    if view.chain() == token.chain {
        Ok(())
    } else {
        Err(ReadError::Unexpected {
            to,
            detail: format!(
                "{} is on chain {}, but chain {} was asked",
                token.asset,
                token.chain,
                view.chain()
            ),
        })
    }
}

fn not_a_number(to: Address, function: &str, length: usize) -> ReadError {
    ReadError::Unexpected {
        to,
        detail: match length {
            0 => format!("{function} returned nothing: is there a contract?"),
            length => format!("{function} returned {length} bytes that are not a number"),
        },
    }
}
