//! ERC-20 reads.

use airdrops_types::{Address, Token, U256};
use alloy::sol_types::{SolCall, SolValue};

use crate::batch::{Query, read_batch};
use crate::read::{ChainRead, ReadError};
use crate::view::View;

/// The ERC-20 interface (EIP-20), as far as it is read here.
pub(crate) mod erc20 {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }
}

/// The longest answer that is taken for a number, bytes: one word, and one to spare.
const NUMBER: u32 = 64;

/// What is asked, and what the answer is called in an error.
struct Question {
    query: Query,
    to: Address,
    function: &'static str,
}

impl Question {
    fn balance(view: &dyn ChainRead, token: &Token, account: Address) -> Result<Self, ReadError> {
        let Some(contract) = token.contract else {
            same_chain(view, token, Address::ZERO)?;
            return Ok(Self {
                query: Query::Balance(account),
                to: Address::ZERO,
                function: "balance",
            });
        };
        same_chain(view, token, contract)?;
        let call = erc20::balanceOfCall { owner: account };
        Ok(Self::call(contract, call.abi_encode(), "balanceOf"))
    }

    fn allowance(
        view: &dyn ChainRead,
        token: &Token,
        owner: Address,
        spender: Address,
    ) -> Result<Self, ReadError> {
        let Some(contract) = token.contract else {
            return Err(ReadError::Unexpected {
                to: Address::ZERO,
                detail: format!("{} is native currency and has no allowances", token.asset),
            });
        };
        same_chain(view, token, contract)?;
        let call = erc20::allowanceCall { owner, spender };
        Ok(Self::call(contract, call.abi_encode(), "allowance"))
    }

    fn call(to: Address, data: Vec<u8>, function: &'static str) -> Self {
        Self {
            query: Query::Call {
                to,
                data: data.into(),
                limit: NUMBER,
            },
            to,
            function,
        }
    }

    async fn ask(&self, view: &dyn ChainRead) -> Result<U256, ReadError> {
        match &self.query {
            Query::Balance(account) => view.native_balance(*account).await,
            Query::Call { to, data, .. } => self.number(&view.call(*to, data.clone()).await?),
        }
    }

    fn number(&self, answer: &[u8]) -> Result<U256, ReadError> {
        U256::abi_decode(answer).map_err(|_| not_a_number(self.to, self.function, answer.len()))
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
    Question::balance(view, token, account)?.ask(view).await
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
    Question::allowance(view, token, owner, spender)?
        .ask(view)
        .await
}

/// [`token_balance`] of many (account, token) in one [batch](read_batch): one result each, in
/// their order.
pub async fn read_balances(
    view: &View,
    asked: &[(Address, &Token)],
) -> Vec<Result<U256, ReadError>> {
    let questions = asked
        .iter()
        .map(|(account, token)| Question::balance(view, token, *account));
    read_numbers(view, questions.collect()).await
}

/// [`allowance`] of many (owner, token, spender) in one [batch](read_batch): one result each, in
/// their order.
pub async fn read_allowances(
    view: &View,
    asked: &[(Address, &Token, Address)],
) -> Vec<Result<U256, ReadError>> {
    let questions = asked
        .iter()
        .map(|(owner, token, spender)| Question::allowance(view, token, *owner, *spender));
    read_numbers(view, questions.collect()).await
}

async fn read_numbers(
    view: &View,
    questions: Vec<Result<Question, ReadError>>,
) -> Vec<Result<U256, ReadError>> {
    let queries: Vec<Query> = questions
        .iter()
        .flatten()
        .map(|question| question.query.clone())
        .collect();
    let mut answers = read_batch(view, &queries).await.into_iter();
    questions
        .into_iter()
        .map(|question| {
            let question = question?;
            let answer = answers
                .next()
                .unwrap_or_else(|| Err(ReadError::Unreachable("the read was not made".into())));
            question.number(&answer?)
        })
        .collect()
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
