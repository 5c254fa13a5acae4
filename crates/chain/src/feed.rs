//! Price feeds with Chainlink's `AggregatorV3Interface`.

use airdrops_types::{Address, Price, Timestamp, U256};
use alloy::sol_types::SolCall;

use crate::read::{ChainRead, ReadError};

mod aggregator {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (
            uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt,
            uint80 answeredInRound
        );
    }
}

/// The feed's latest price of one whole token in USD, and when it was set.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Unexpected`] if the answer is not positive, does not fit, or was
/// never set. Age is for the caller to judge.
pub async fn read_price(
    view: &dyn ChainRead,
    contract: Address,
) -> Result<(Price, Timestamp), ReadError> {
    let unexpected = |detail: String| ReadError::Unexpected {
        to: contract,
        detail,
    };
    let answer = view
        .call(contract, aggregator::decimalsCall {}.abi_encode().into())
        .await?;
    let decimals = aggregator::decimalsCall::abi_decode_returns(&answer)
        .map_err(|error| unexpected(format!("decimals: {error}")))?;
    let answer = view
        .call(
            contract,
            aggregator::latestRoundDataCall {}.abi_encode().into(),
        )
        .await?;
    let round = aggregator::latestRoundDataCall::abi_decode_returns(&answer)
        .map_err(|error| unexpected(format!("latestRoundData: {error}")))?;
    let value = U256::try_from(round.answer)
        .ok()
        .filter(|value| !value.is_zero())
        .ok_or_else(|| unexpected(format!("the price is {}, not positive", round.answer)))?;
    let price = Price::from_scaled(value, decimals)
        .ok_or_else(|| unexpected(format!("price {value} with {decimals} decimals")))?;
    let updated = u64::try_from(round.updatedAt)
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| unexpected(format!("updatedAt is {}", round.updatedAt)))?;
    Ok((price, Timestamp::from_unix_seconds(updated)))
}
