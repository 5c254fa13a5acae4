//! What a test does to its chain: blocks, time, balances, snapshots, reorganisations, and
//! transactions from any account without a key.

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bytes, TxHash, U256, hex};
use alloy::rpc::types::TransactionReceipt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::anvil::Anvil;
use crate::rpc::RpcError;

/// Gas limit of every transaction sent by [`Anvil::send_unlocked`]. Explicit, because anvil's
/// estimate is made at the time of the latest block and can be too low for Uniswap v2 pairs.
pub const GAS_LIMIT: u64 = 5_000_000;

/// Longest wait for a receipt.
const RECEIPT_LIMIT: Duration = Duration::from_secs(30);

/// Why a transaction did not do what a test set up.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The chain could not be asked, or refused the transaction.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// It is in a block, but reverted.
    #[error("transaction {0} reverted")]
    Reverted(TxHash),
    /// It is in no block yet.
    #[error("transaction {0} has no receipt after {RECEIPT_LIMIT:?}")]
    NoReceipt(TxHash),
    /// It made no contract.
    #[error("transaction {0} made no contract")]
    NoContract(TxHash),
}

/// A state to come back to, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotId(Value);

fn quantity(value: U256) -> Value {
    json!(format!("0x{value:x}"))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|error| RpcError::Unexpected(error.to_string()))
}

impl Anvil {
    async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, RpcError> {
        read(self.rpc(method, params).await?)
    }

    async fn tell(&self, method: &str, params: Value) -> Result<(), RpcError> {
        self.rpc(method, params).await.map(drop)
    }

    /// Mines `blocks` blocks, one second apart.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn mine(&self, blocks: u64) -> Result<(), RpcError> {
        self.tell("anvil_mine", json!([blocks, 1])).await
    }

    /// Turns on or off that each transaction makes a block at once.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn set_automine(&self, on: bool) -> Result<(), RpcError> {
        self.tell("evm_setAutomine", json!([on])).await
    }

    /// Lets time pass and mines one block in the new time.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn increase_time(&self, by: Duration) -> Result<(), RpcError> {
        self.tell("evm_increaseTime", json!([by.as_secs()])).await?;
        self.mine(1).await
    }

    /// Sets the time of the next block, seconds since 1970.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses, as for a time that is not after the latest block.
    pub async fn set_next_block_time(&self, seconds: u64) -> Result<(), RpcError> {
        self.tell("evm_setNextBlockTimestamp", json!([seconds]))
            .await
    }

    /// Sets the base fee of the next block, wei.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn set_next_base_fee(&self, wei: u64) -> Result<(), RpcError> {
        self.tell(
            "anvil_setNextBlockBaseFeePerGas",
            json!([quantity(U256::from(wei))]),
        )
        .await
    }

    /// Sets a native balance, wei.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<(), RpcError> {
        self.tell("anvil_setBalance", json!([account, quantity(wei)]))
            .await
    }

    /// Sets an account's nonce.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn set_nonce(&self, account: Address, nonce: u64) -> Result<(), RpcError> {
        self.tell(
            "anvil_setNonce",
            json!([account, quantity(U256::from(nonce))]),
        )
        .await
    }

    /// Sets an account's code.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn set_code(&self, account: Address, code: &Bytes) -> Result<(), RpcError> {
        self.tell("anvil_setCode", json!([account, code])).await
    }

    /// Remembers the state.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn snapshot(&self) -> Result<SnapshotId, RpcError> {
        self.rpc("evm_snapshot", json!([])).await.map(SnapshotId)
    }

    /// Goes back to a remembered state, which is used up. Pending transactions are lost.
    ///
    /// # Errors
    /// [`RpcError`] when there is no such state.
    pub async fn revert(&self, to: SnapshotId) -> Result<(), RpcError> {
        if self.ask("evm_revert", json!([to.0])).await? {
            Ok(())
        } else {
            Err(RpcError::Unexpected("no such snapshot".to_owned()))
        }
    }

    /// Replaces the last `depth` blocks by other, empty ones. Their transactions are gone: in no
    /// block and in no pool.
    ///
    /// # Errors
    /// [`RpcError`] when the chain is not that long.
    pub async fn reorg(&self, depth: u64) -> Result<(), RpcError> {
        self.reorg_with(depth, &[]).await
    }

    /// Replaces the last `depth` blocks by others that hold the given signed transactions, each
    /// with the index of its block (0 is the oldest that is replaced).
    ///
    /// # Errors
    /// [`RpcError`] when the chain is not that long, or a transaction does not fit.
    pub async fn reorg_with(&self, depth: u64, with: &[(Bytes, u64)]) -> Result<(), RpcError> {
        self.tell("anvil_reorg", json!([depth, with])).await
    }

    /// Removes a pending transaction from the pool; says whether it was there.
    ///
    /// # Errors
    /// [`RpcError`] when the chain refuses.
    pub async fn drop_transaction(&self, hash: TxHash) -> Result<bool, RpcError> {
        let dropped = self.rpc("anvil_dropTransaction", json!([hash])).await?;
        Ok(!dropped.is_null())
    }

    /// Number of the latest block.
    ///
    /// # Errors
    /// [`RpcError`] without an answer.
    pub async fn block_number(&self) -> Result<u64, RpcError> {
        let number: U256 = self.ask("eth_blockNumber", json!([])).await?;
        Ok(number.saturating_to())
    }

    /// Hash and time (seconds since 1970) of a block.
    ///
    /// # Errors
    /// [`RpcError`] when there is no such block.
    pub async fn block(&self, number: u64) -> Result<(B256, u64), RpcError> {
        let block = self
            .rpc(
                "eth_getBlockByNumber",
                json!([quantity(U256::from(number)), false]),
            )
            .await?;
        let time: U256 = read(block["timestamp"].clone())?;
        Ok((read(block["hash"].clone())?, time.saturating_to()))
    }

    /// Native balance at the latest block, wei.
    ///
    /// # Errors
    /// [`RpcError`] without an answer.
    pub async fn balance(&self, account: Address) -> Result<U256, RpcError> {
        self.ask("eth_getBalance", json!([account, "latest"])).await
    }

    /// The next nonce of an account at the latest block.
    ///
    /// # Errors
    /// [`RpcError`] without an answer.
    pub async fn nonce(&self, account: Address) -> Result<u64, RpcError> {
        let nonce: U256 = self
            .ask("eth_getTransactionCount", json!([account, "latest"]))
            .await?;
        Ok(nonce.saturating_to())
    }

    /// Code of an account at the latest block.
    ///
    /// # Errors
    /// [`RpcError`] without an answer.
    pub async fn code(&self, account: Address) -> Result<Bytes, RpcError> {
        self.ask("eth_getCode", json!([account, "latest"])).await
    }

    /// Return data of a call at the latest block.
    ///
    /// # Errors
    /// [`RpcError::Answer`] when it reverts.
    pub async fn call(&self, to: Address, data: &[u8]) -> Result<Bytes, RpcError> {
        let data = hex::encode_prefixed(data);
        self.ask("eth_call", json!([{ "to": to, "data": data }, "latest"]))
            .await
    }

    /// The receipt of a transaction, if it is in a block.
    ///
    /// # Errors
    /// [`RpcError`] without an answer.
    pub async fn receipt(&self, hash: TxHash) -> Result<Option<TransactionReceipt>, RpcError> {
        self.ask("eth_getTransactionReceipt", json!([hash])).await
    }

    /// The receipt of a transaction, once it is in a block.
    ///
    /// # Errors
    /// [`SendError::NoReceipt`] when it takes too long.
    pub async fn wait_for_receipt(&self, hash: TxHash) -> Result<TransactionReceipt, SendError> {
        let deadline = Instant::now() + RECEIPT_LIMIT;
        loop {
            if let Some(receipt) = self.receipt(hash).await? {
                return Ok(receipt);
            }
            if Instant::now() >= deadline {
                return Err(SendError::NoReceipt(hash));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Hands a transaction from any account to the pool, without its key, and does not wait.
    /// `to` is `None` for a new contract.
    ///
    /// # Errors
    /// [`RpcError::Answer`] when the pool refuses it.
    pub async fn submit_unlocked(
        &self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: &[u8],
    ) -> Result<TxHash, RpcError> {
        self.tell("anvil_impersonateAccount", json!([from])).await?;
        let mut transaction = json!({
            "from": from,
            "value": quantity(value),
            "data": hex::encode_prefixed(data),
            "gas": quantity(U256::from(GAS_LIMIT)),
        });
        if let Some(to) = to {
            transaction["to"] = json!(to);
        }
        self.ask("eth_sendTransaction", json!([transaction])).await
    }

    /// Sends a transaction from any account, without its key, and waits for its receipt, whose
    /// status may be a revert.
    ///
    /// # Errors
    /// [`SendError::Rpc`] when the pool refuses it, [`SendError::NoReceipt`] when no block comes.
    pub async fn send_unlocked(
        &self,
        from: Address,
        to: Address,
        value: U256,
        data: &[u8],
    ) -> Result<TransactionReceipt, SendError> {
        let hash = self.submit_unlocked(from, Some(to), value, data).await?;
        self.wait_for_receipt(hash).await
    }

    /// As [`Self::send_unlocked`], but a revert is an error.
    ///
    /// # Errors
    /// [`SendError`] unless the transaction is in a block and succeeded.
    pub async fn must_send(
        &self,
        from: Address,
        to: Address,
        value: U256,
        data: &[u8],
    ) -> Result<TransactionReceipt, SendError> {
        let receipt = self.send_unlocked(from, to, value, data).await?;
        if receipt.status() {
            Ok(receipt)
        } else {
            Err(SendError::Reverted(receipt.transaction_hash))
        }
    }

    /// Deploys a contract from the first development account. `arguments` are the ABI-encoded
    /// constructor arguments.
    ///
    /// # Errors
    /// [`SendError`] when there is no code afterwards.
    pub async fn deploy(&self, bytecode: &Bytes, arguments: &[u8]) -> Result<Address, SendError> {
        let data = [bytecode.as_ref(), arguments].concat();
        let from = crate::anvil::DEV_ACCOUNTS[0];
        let hash = self.submit_unlocked(from, None, U256::ZERO, &data).await?;
        let receipt = self.wait_for_receipt(hash).await?;
        if !receipt.status() {
            return Err(SendError::Reverted(hash));
        }
        receipt.contract_address.ok_or(SendError::NoContract(hash))
    }
}
