//! What the logs of a simulated transaction say about one wallet.

use airdrops_types::{Address, B256, I256, U256};
use alloy::primitives::address;
use alloy::sol_types::SolEvent as _;
use serde_json::Value;

use crate::rpc;

/// The address under which `traceTransfers` reports native transfers (execution-apis,
/// `eth_simulateV1`).
const NATIVE: Address = address!("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE");

mod events {
    #![allow(missing_docs, unreachable_pub)]
    pub(super) mod tokens {
        alloy::sol! {
            event Transfer(address indexed from, address indexed to, uint256 value);
            event Approval(address indexed owner, address indexed spender, uint256 value);
            event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
            event TransferSingle(
                address indexed operator, address indexed from, address indexed to,
                uint256 id, uint256 value
            );
            event TransferBatch(
                address indexed operator, address indexed from, address indexed to,
                uint256[] ids, uint256[] values
            );
        }
    }
    pub(super) mod permit2 {
        alloy::sol! {
            event Approval(
                address indexed owner, address indexed token, address indexed spender,
                uint160 amount, uint48 expiration
            );
            event Permit(
                address indexed owner, address indexed token, address indexed spender,
                uint160 amount, uint48 expiration, uint48 nonce
            );
        }
    }
}
use events::{permit2, tokens};

/// One ERC-20 `Approval` of the wallet.
pub(super) struct Approval {
    pub(super) contract: Address,
    pub(super) spender: Address,
    pub(super) amount: U256,
}

/// What the logs say about one wallet.
#[derive(Default)]
pub(super) struct Effects {
    /// Net of native transfers, wei.
    pub(super) native: I256,
    /// Contracts that report a transfer out of the wallet, sorted, each once.
    pub(super) outflows: Vec<Address>,
    /// ERC-20 approvals, in order.
    pub(super) approvals: Vec<Approval>,
    /// Contracts that let somebody handle all of the wallet's items, or allowances of Permit2:
    /// never configured, so always to be refused.
    pub(super) operators: Vec<Address>,
}

impl Effects {
    /// `None` if a log cannot be read.
    pub(super) fn of(wallet: Address, logs: &Value) -> Option<Self> {
        let mut effects = Self::default();
        for log in logs.as_array()? {
            effects.add(wallet, log)?;
        }
        effects.outflows.sort_unstable();
        effects.outflows.dedup();
        Some(effects)
    }

    fn add(&mut self, wallet: Address, log: &Value) -> Option<()> {
        let contract = rpc::parse_address(&log["address"])?;
        let topics = log["topics"]
            .as_array()?
            .iter()
            .map(rpc::parse_hash)
            .collect::<Option<Vec<B256>>>()?;
        let Some(kind) = topics.first() else {
            return Some(());
        };
        let party = |index: usize| topics.get(index).map(|topic| Address::from_word(*topic));
        let ours = |index: usize| party(index) == Some(wallet);
        let word = || {
            let data = rpc::parse_bytes(&log["data"])?;
            data.get(..32).map(U256::from_be_slice)
        };

        if *kind == tokens::Transfer::SIGNATURE_HASH {
            if contract == NATIVE {
                let value = I256::try_from(word()?).ok()?;
                if ours(1) {
                    self.native = self.native.checked_sub(value)?;
                }
                if ours(2) {
                    self.native = self.native.checked_add(value)?;
                }
            } else if ours(1) {
                self.outflows.push(contract);
            }
        } else if *kind == tokens::TransferSingle::SIGNATURE_HASH
            || *kind == tokens::TransferBatch::SIGNATURE_HASH
        {
            if ours(2) {
                self.outflows.push(contract);
            }
        } else if *kind == tokens::Approval::SIGNATURE_HASH {
            if ours(1) {
                self.approvals.push(Approval {
                    contract,
                    spender: party(2)?,
                    // An ERC-721 approval has the item as a fourth topic and no data.
                    amount: word().unwrap_or(U256::MAX),
                });
            }
        } else if (*kind == tokens::ApprovalForAll::SIGNATURE_HASH
            || *kind == permit2::Approval::SIGNATURE_HASH
            || *kind == permit2::Permit::SIGNATURE_HASH)
            && ours(1)
        {
            self.operators.push(contract);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const US: Address = Address::repeat_byte(1);
    const THEM: Address = Address::repeat_byte(2);
    const TOKEN: Address = Address::repeat_byte(3);

    fn transfer(contract: Address, from: Address, to: Address, value: u64) -> Value {
        json!({
            "address": contract,
            "topics": [tokens::Transfer::SIGNATURE_HASH, from.into_word(), to.into_word()],
            "data": B256::from(U256::from(value)),
        })
    }

    #[test]
    fn native_transfers_are_netted_and_a_transfer_to_oneself_is_nothing() {
        let logs = json!([
            transfer(NATIVE, US, THEM, 100),
            transfer(NATIVE, THEM, US, 30),
            transfer(NATIVE, US, US, 7),
            transfer(NATIVE, THEM, TOKEN, 50),
        ]);
        let effects = Effects::of(US, &logs).unwrap();
        assert_eq!(effects.native, I256::try_from(-70).unwrap());
        assert!(effects.outflows.is_empty());
    }

    #[test]
    fn transfers_out_of_any_contract_are_outflows_and_transfers_in_are_not() {
        let single = json!({
            "address": THEM,
            "topics": [
                tokens::TransferSingle::SIGNATURE_HASH,
                TOKEN.into_word(), US.into_word(), TOKEN.into_word()
            ],
            "data": "0x",
        });
        let logs = json!([transfer(TOKEN, US, THEM, 1), transfer(THEM, THEM, US, 1)]);
        assert_eq!(Effects::of(US, &logs).unwrap().outflows, [TOKEN]);
        assert_eq!(Effects::of(US, &json!([single])).unwrap().outflows, [THEM]);
    }

    #[test]
    fn item_and_operator_approvals_are_seen() {
        let item = json!({
            "address": TOKEN,
            "topics": [
                tokens::Approval::SIGNATURE_HASH,
                US.into_word(), THEM.into_word(), B256::ZERO
            ],
            "data": "0x",
        });
        let all = json!({
            "address": TOKEN,
            "topics": [
                tokens::ApprovalForAll::SIGNATURE_HASH, US.into_word(), THEM.into_word()
            ],
            "data": B256::from(U256::from(1)),
        });
        let effects = Effects::of(US, &json!([item, all])).unwrap();
        assert_eq!(effects.approvals[0].amount, U256::MAX);
        assert_eq!(effects.operators, [TOKEN]);
    }

    #[test]
    fn a_log_that_cannot_be_read_makes_the_whole_unreadable() {
        assert!(Effects::of(US, &json!([{ "address": "x", "topics": [] }])).is_none());
        assert!(Effects::of(US, &Value::Null).is_none());
    }
}
