//! Blocks as they are kept.

use alloy::consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS};
use alloy::consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy::consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _, TxEnvelope,
    TxReceipt,
};
use alloy::eips::eip1559::BaseFeeParams;
use alloy::eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy::primitives::{Address, B256, Bloom, Bytes, U256};
use revm::context::BlockEnv;
use revm::context::result::ExecutionResult;
use revm::primitives::hardfork::SpecId;

use crate::evm::block_env;

/// A transaction in a block with what it did.
#[derive(Debug, Clone)]
pub(crate) struct Mined {
    pub(crate) tx: TxEnvelope,
    pub(crate) sender: Address,
    /// World building: no signature, no fee.
    pub(crate) impersonated: bool,
    pub(crate) gas_used: u64,
    pub(crate) effective_gas_price: u128,
    pub(crate) created: Option<Address>,
    pub(crate) receipt: ReceiptEnvelope,
    /// How many logs the block has before this transaction's.
    pub(crate) first_log: u64,
}

impl Mined {
    pub(crate) fn new(
        tx: TxEnvelope,
        sender: Address,
        impersonated: bool,
        result: ExecutionResult,
        base_fee: u64,
        before: &[Self],
    ) -> Self {
        let gas_used = result.tx_gas_used();
        let (cumulative, first_log) = before.last().map_or((0, 0), |last| {
            let logs = last.receipt.logs().len() as u64;
            (last.receipt.cumulative_gas_used(), last.first_log + logs)
        });
        let created = result.created_address();
        let receipt = ReceiptWithBloom::from(Receipt {
            status: Eip658Value::Eip658(result.is_success()),
            cumulative_gas_used: cumulative + gas_used,
            logs: if result.is_success() {
                result.into_logs()
            } else {
                Vec::new()
            },
        });
        let effective_gas_price = if impersonated {
            0
        } else {
            tx.effective_gas_price(Some(base_fee))
        };
        Self {
            receipt: ReceiptEnvelope::from_typed(tx.tx_type(), receipt),
            tx,
            sender,
            impersonated,
            gas_used,
            effective_gas_price,
            created,
            first_log,
        }
    }

    pub(crate) fn hash(&self) -> B256 {
        *self.tx.tx_hash()
    }
}

/// A block with its body and receipts.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) hash: B256,
    pub(crate) transactions: Vec<Mined>,
    /// Gas that other people used in it.
    pub(crate) background_gas: u64,
    /// Wei per gas that they paid above the base fee.
    pub(crate) background_tip: u128,
}

/// What a block is made from.
#[derive(Debug, Clone)]
pub(crate) struct Seal {
    pub(crate) parent: B256,
    pub(crate) env: BlockEnv,
    pub(crate) spec: SpecId,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) gas_used: u64,
    pub(crate) background_gas: u64,
    pub(crate) background_tip: u128,
    pub(crate) extra_data: Bytes,
}

impl Block {
    pub(crate) fn seal(seal: Seal, transactions: Vec<Mined>) -> Self {
        let bloom = transactions
            .iter()
            .fold(Bloom::ZERO, |bloom, mined| bloom | mined.receipt.bloom());
        let prague = seal.spec.is_enabled_in(SpecId::PRAGUE);
        let (transactions_root, receipts_root) = if transactions.is_empty() {
            (EMPTY_ROOT_HASH, EMPTY_ROOT_HASH)
        } else {
            let (envelopes, receipts): (Vec<_>, Vec<_>) = transactions
                .iter()
                .map(|mined| (&mined.tx, &mined.receipt))
                .unzip();
            (
                calculate_transaction_root(&envelopes),
                calculate_receipt_root(&receipts),
            )
        };
        let header = Header {
            parent_hash: seal.parent,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: seal.env.beneficiary,
            state_root: B256::ZERO,
            transactions_root,
            receipts_root,
            logs_bloom: bloom,
            difficulty: U256::ZERO,
            number: seal.number,
            gas_limit: seal.env.gas_limit,
            gas_used: seal.gas_used,
            timestamp: seal.timestamp,
            extra_data: seal.extra_data,
            mix_hash: seal.env.prevrandao.unwrap_or_default(),
            base_fee_per_gas: Some(seal.env.basefee),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: prague.then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        Self {
            hash: header.hash_slow(),
            header,
            transactions,
            background_gas: seal.background_gas,
            background_tip: seal.background_tip,
        }
    }

    /// The environment in which its transactions ran.
    pub(crate) fn env(&self) -> BlockEnv {
        block_env(
            self.header.number,
            self.header.timestamp,
            self.header.gas_limit,
            self.base_fee(),
            self.header.beneficiary,
            self.header.mix_hash,
        )
    }

    pub(crate) fn base_fee(&self) -> u64 {
        self.header.base_fee_per_gas.unwrap_or_default()
    }

    /// EIP-1559: the base fee of the block after it, with elasticity 2 and denominator 8.
    pub(crate) fn next_base_fee(&self) -> u64 {
        BaseFeeParams::ethereum().next_block_base_fee(
            self.header.gas_used,
            self.header.gas_limit,
            self.base_fee(),
        )
    }

    /// `prevRandao` of the block after it: any value, always the same.
    pub(crate) fn next_randao(&self) -> B256 {
        self.hash
    }
}
