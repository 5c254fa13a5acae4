//! What can be changed under a contract's address: its code, its implementation, its keeper.

use airdrops_types::{Address, B256, ContractFacts};
use alloy::primitives::{b256, keccak256};
use alloy::sol_types::SolCall;

use crate::batch::{Query, read_batch};
use crate::read::{ChainRead as _, ReadError};
use crate::view::View;

/// keccak-256 of `eip1967.proxy.implementation`, less 1.
const IMPLEMENTATION: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// keccak-256 of `eip1967.proxy.admin`, less 1.
const ADMIN: B256 = b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103");
/// keccak-256 of `eip1967.proxy.beacon`, less 1.
const BEACON: B256 = b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50");

/// The longest answer that is taken for a word, bytes.
const WORD: u32 = 32;

mod abi {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function implementation() external view returns (address);
        function owner() external view returns (address);
        function paused() external view returns (bool);
    }
}

/// The facts about `contract` at the view's block.
///
/// `owner` and `paused` are `None` if the contract reverts, returns nothing, or something that is
/// no address or truth value. Behind a beacon, `implementation` is the beacon's.
///
/// # Errors
/// [`ReadError`]: what could not be read is never `None`, which could hide a change.
/// [`ReadError::Unexpected`] if an EIP-1967 slot holds no address, or a beacon names none.
pub async fn read_facts(view: &View, contract: Address) -> Result<ContractFacts, ReadError> {
    let code_hash = keccak256(view.code(contract).await?);
    let beacon = slot(view, contract, BEACON).await?;
    let admin = slot(view, contract, ADMIN).await?;
    let implementation = match (slot(view, contract, IMPLEMENTATION).await?, beacon) {
        (Some(implementation), _) => Some(implementation),
        (None, Some(beacon)) => Some(beacon_implementation(view, beacon).await?),
        (None, None) => None,
    };
    let implementation_code_hash = match implementation {
        Some(implementation) => Some(keccak256(view.code(implementation).await?)),
        None => None,
    };
    let queries =
        [abi::ownerCall::SELECTOR, abi::pausedCall::SELECTOR].map(|selector| Query::Call {
            to: contract,
            data: selector.into(),
            limit: WORD,
        });
    let mut words = Vec::new();
    for answer in read_batch(view, &queries).await {
        words.push(match answer {
            Ok(word) => B256::try_from(word.as_ref()).ok(),
            Err(ReadError::Reverted { .. } | ReadError::Unexpected { .. }) => None,
            Err(error) => return Err(error),
        });
    }
    let word = |index: usize| words.get(index).copied().flatten();
    Ok(ContractFacts {
        code_hash,
        implementation,
        implementation_code_hash,
        admin,
        beacon,
        owner: word(0).and_then(address),
        paused: word(1).and_then(|word| match word {
            B256::ZERO => Some(false),
            word if word == B256::with_last_byte(1) => Some(true),
            _ => None,
        }),
    })
}

/// `None` if the first twelve bytes are not zero.
fn address(word: B256) -> Option<Address> {
    (word[..12] == [0; 12]).then(|| Address::from_word(word))
}

/// The address in a slot; `None` if nothing is set.
async fn slot(view: &View, contract: Address, slot: B256) -> Result<Option<Address>, ReadError> {
    let word = view.storage(contract, slot).await?;
    if word.is_zero() {
        return Ok(None);
    }
    match address(word) {
        Some(address) => Ok(Some(address)),
        None => Err(ReadError::Unexpected {
            to: contract,
            detail: format!("slot {slot} holds {word}, which is no address"),
        }),
    }
}

async fn beacon_implementation(view: &View, beacon: Address) -> Result<Address, ReadError> {
    let call = abi::implementationCall {}.abi_encode().into();
    let answer = view.call(beacon, call).await?;
    abi::implementationCall::abi_decode_returns(&answer).map_err(|_| ReadError::Unexpected {
        to: beacon,
        detail: format!(
            "the beacon's implementation() returned {} bytes that are no address",
            answer.len()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use airdrops_types::U256;

    #[test]
    fn the_slots_are_those_of_eip_1967() {
        for (name, slot) in [
            ("implementation", IMPLEMENTATION),
            ("admin", ADMIN),
            ("beacon", BEACON),
        ] {
            let hash = keccak256(format!("eip1967.proxy.{name}"));
            let less_one = U256::from_be_bytes(hash.0) - U256::from(1);
            assert_eq!(slot, B256::from(less_one), "{name}");
        }
    }
}
