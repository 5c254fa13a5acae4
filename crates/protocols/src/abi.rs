//! Typed calls over a raw view.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Address, Call, U256};
use alloy::sol_types::SolCall;

/// The answer of `to` to `question`, strictly decoded. No code at `to` is an unexpected answer.
pub(crate) async fn ask<C: SolCall>(
    view: &dyn ChainRead,
    to: Address,
    question: C,
) -> Result<C::Return, ReadError> {
    let data = question.abi_encode().into();
    drop(question);
    let answer = view.call(to, data).await?;
    C::abi_decode_returns_validate(&answer).map_err(|error| ReadError::Unexpected {
        to,
        detail: format!("{}: {error}", C::SIGNATURE),
    })
}

/// A call without native currency.
pub(crate) fn call<C: SolCall>(to: Address, what: &C) -> Call {
    paying(to, U256::ZERO, what)
}

/// A call with `value` wei.
pub(crate) fn paying<C: SolCall>(to: Address, value: U256, what: &C) -> Call {
    Call {
        to,
        value,
        data: what.abi_encode().into(),
    }
}
