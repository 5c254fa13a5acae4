//! What a rollup charges a transaction beside its gas: the share of what publishing it on the L1
//! costs, and the operator's fee.

pub mod formula;

use airdrops_types::{Address, Bytes, Call, ChainId, U256};
use alloy::consensus::{SignableTransaction as _, TxEip1559};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::primitives::{Signature, TxKind, address, b256};
use alloy::sol_types::SolCall;
use serde::{Deserialize, Serialize};

use crate::manager::FeePair;
use crate::read::{ChainRead, ReadError};

/// OP stack's `GasPriceOracle` predeploy.
pub const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");
/// Scroll's `L1GasPriceOracle` predeploy.
pub const L1_GAS_PRICE_ORACLE: Address = address!("5300000000000000000000000000000000000002");

mod oracle {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        function getL1Fee(bytes data) external view returns (uint256);
        function getOperatorFee(uint256 gasUsed) external view returns (uint256);
    }
}

/// How a chain charges for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFeeModel {
    /// Not apart from gas: Ethereum and other L1s, and rollups that put it into the gas used.
    #[default]
    None,
    /// By the `GasPriceOracle` predeploy: OP Mainnet, Base and others.
    OpStack,
    /// By the `L1GasPriceOracle` predeploy.
    Scroll,
}

/// What a transaction is charged beside its gas, wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataFee {
    /// For publishing its bytes on the L1.
    pub l1: U256,
    /// For the operator, at most: as if the whole gas limit were used.
    pub operator: U256,
}

impl DataFee {
    /// Both, wei.
    #[must_use]
    pub fn total(&self) -> U256 {
        self.l1.saturating_add(self.operator)
    }
}

/// A transaction before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it does.
    pub call: Call,
    /// Its nonce; where it is not known yet, one with as many bytes.
    pub nonce: u64,
    /// Gas units.
    pub gas_limit: u64,
    /// What it offers, wei per gas.
    pub fees: FeePair,
}

impl Draft {
    fn transaction(&self, chain: ChainId) -> TxEip1559 {
        TxEip1559 {
            chain_id: chain.0,
            nonce: self.nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: self.fees.max_fee_per_gas,
            max_priority_fee_per_gas: self.fees.max_priority_fee_per_gas,
            to: TxKind::Call(self.call.to),
            value: self.call.value,
            access_list: alloy::eips::eip2930::AccessList::default(),
            input: self.call.data.clone(),
        }
    }

    /// The bytes that would be signed.
    #[must_use]
    pub fn unsigned(&self, chain: ChainId) -> Bytes {
        self.transaction(chain).encoded_for_signing().into()
    }

    /// The bytes as they would be published, with a signature that is as long as one can be and
    /// compresses as badly as one does.
    #[must_use]
    pub fn signed(&self, chain: ChainId) -> Bytes {
        // keccak-256 of `r` and of `s`: as random as real ones. Nothing verifies it.
        let signature = Signature::from_scalars_and_parity(
            b256!("414f72a4d550cad29f17d9d99a4af64b3776ec5538cd440cef0f03fef2e9e010"),
            b256!("60a73bfb121a98fb6b52dfb29eb0defd76b60065b8cf07902baf28c167d24daf"),
            true,
        );
        let signed = self.transaction(chain).into_signed(signature);
        alloy::consensus::TxEnvelope::from(signed)
            .encoded_2718()
            .into()
    }
}

/// What `draft` would be charged beside its gas at the view's block.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Unexpected`] if the model's predeploy does not answer with a
/// number, as on a chain of another model.
pub async fn read_data_fee(
    view: &dyn ChainRead,
    model: DataFeeModel,
    draft: &Draft,
) -> Result<DataFee, ReadError> {
    let chain = view.chain();
    match model {
        DataFeeModel::None => Ok(DataFee::default()),
        DataFeeModel::OpStack => {
            // The oracle wants the unsigned bytes and reckons the signature itself.
            let data = draft.unsigned(chain);
            let l1 = ask(view, GAS_PRICE_ORACLE, &oracle::getL1FeeCall { data }).await?;
            let gas_used = U256::from(draft.gas_limit);
            let call = oracle::getOperatorFeeCall { gasUsed: gas_used };
            let operator = match ask(view, GAS_PRICE_ORACLE, &call).await {
                // Before Isthmus there is no such function and no such fee.
                Err(ReadError::Reverted { .. }) => U256::ZERO,
                answer => answer?,
            };
            Ok(DataFee { l1, operator })
        }
        DataFeeModel::Scroll => {
            let data = draft.signed(chain);
            let l1 = ask(view, L1_GAS_PRICE_ORACLE, &oracle::getL1FeeCall { data }).await?;
            Ok(DataFee {
                l1,
                operator: U256::ZERO,
            })
        }
    }
}

async fn ask<C: SolCall<Return = U256>>(
    view: &dyn ChainRead,
    to: Address,
    call: &C,
) -> Result<U256, ReadError> {
    let answer = view.call(to, call.abi_encode().into()).await?;
    C::abi_decode_returns(&answer).map_err(|_| ReadError::Unexpected {
        to,
        detail: format!(
            "{} returned {} bytes that are not a number: does the chain have this data fee model?",
            C::SIGNATURE,
            answer.len()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(data: usize) -> Draft {
        Draft {
            call: Call {
                to: Address::repeat_byte(7),
                value: U256::from(1_000_000_000_000_000_000u64),
                data: vec![0xab; data].into(),
            },
            nonce: 300,
            gas_limit: 200_000,
            fees: FeePair {
                max_fee_per_gas: 3_000_000_000,
                max_priority_fee_per_gas: 1_000_000_000,
            },
        }
    }

    #[test]
    fn a_signature_adds_at_most_67_bytes_and_a_longer_length_prefix() {
        // y parity 1, r and s 33 each; the list's length prefix may grow by one.
        for data in [0, 4, 68, 100, 120, 260, 1_000, 65_400] {
            let draft = draft(data);
            let (unsigned, signed) = (draft.unsigned(ChainId(10)), draft.signed(ChainId(10)));
            let more = signed.len() - unsigned.len();
            assert!((67..=68).contains(&more), "{data}: {more}");
        }
    }

    #[test]
    fn the_published_bytes_are_those_of_an_eip_1559_transaction() {
        assert_eq!(draft(4).signed(ChainId(10))[0], 2);
        assert_eq!(draft(4).unsigned(ChainId(10))[0], 2);
    }
}
