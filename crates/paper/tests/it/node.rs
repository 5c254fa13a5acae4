//! Two chains under the same transactions.

use airdrops_paper::{Hardfork, PaperChain, PaperConfig};
use airdrops_testkit::{Anvil, AnvilOptions, Mining};
use airdrops_types::{ChainId, Timestamp};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const GENESIS: u64 = 1_800_000_000;
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(GENESIS + seconds)
}

pub(crate) fn config() -> PaperConfig {
    PaperConfig {
        gas_limit: 30_000_000,
        hardfork: Hardfork::Prague,
        ..PaperConfig::new(ChainId(CHAIN), at(0))
    }
}

pub(crate) fn signer(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(index + 1)).unwrap()
}

/// A paper chain with 100 ether for each of the first four signers.
pub(crate) fn paper() -> PaperChain {
    let paper = PaperChain::new(config());
    for index in 0..4 {
        let address = signer(index).address();
        paper.set_balance(address, ETHER * U256::from(100)).unwrap();
    }
    paper
}

pub(crate) fn plain(nonce: u64, to: Address) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(to),
        value: U256::from(1),
        ..TxEip1559::default()
    }
}

pub(crate) fn sign<T>(signer: &PrivateKeySigner, mut tx: T) -> TxEnvelope
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy::consensus::Signed<T>>,
{
    let signature = signer.sign_transaction_sync(&mut tx).unwrap();
    tx.into_signed(signature).into()
}

pub(crate) fn raw(tx: &TxEnvelope) -> Bytes {
    tx.encoded_2718().into()
}

/// Sends and expects the hash, or gives the error's words.
pub(crate) fn send(paper: &PaperChain, tx: &TxEnvelope) -> Result<(), String> {
    let answer = paper
        .request("eth_sendRawTransaction", json!([raw(tx)]))
        .map_err(|error| {
            assert_eq!(error.code, -32000);
            error.message
        })?;
    assert_eq!(answer, json!(tx.tx_hash()));
    Ok(())
}

/// The receipt of a mined transaction; null of one that is not.
pub(crate) fn receipt(paper: &PaperChain, tx: &TxEnvelope) -> Value {
    paper
        .request("eth_getTransactionReceipt", json!([tx.tx_hash()]))
        .unwrap()
}

pub(crate) fn is_mined(paper: &PaperChain, tx: &TxEnvelope) -> bool {
    !receipt(paper, tx).is_null()
}

pub(crate) fn quantity(value: &Value) -> u64 {
    serde_json::from_value::<U256>(value.clone()).unwrap().to()
}

/// An anvil and a paper chain that see the same.
pub(crate) struct Pair {
    pub(crate) anvil: Anvil,
    pub(crate) paper: PaperChain,
    seconds: u64,
}

/// Options for an anvil that mines when it is told to.
pub(crate) fn options() -> AnvilOptions {
    AnvilOptions {
        chain_id: CHAIN,
        mining: Mining::Manual,
        hardfork: "prague".to_owned(),
        base_fee: Some(1_000_000_000),
        genesis_time: Some(GENESIS),
        ..AnvilOptions::default()
    }
}

/// What fails: code (of the JSON-RPC error) and revert data.
pub(crate) type Failure = (i64, Value);

impl Pair {
    pub(crate) async fn new(anvil: Anvil) -> Self {
        for index in 0..4 {
            let address = signer(index).address();
            anvil
                .set_balance(address, ETHER * U256::from(100))
                .await
                .unwrap();
        }
        Self {
            anvil,
            paper: paper(),
            seconds: 0,
        }
    }

    /// Answers of both.
    pub(crate) async fn ask(
        &self,
        method: &str,
        params: Value,
    ) -> (Result<Value, Failure>, Result<Value, Failure>) {
        let theirs = self.anvil.rpc(method, params.clone()).await;
        let theirs = theirs.map_err(|error| match error {
            airdrops_testkit::RpcError::Answer { code, data, .. } => (code, data),
            other => panic!("{other}"),
        });
        let ours = self.paper.request(method, params);
        let ours = ours.map_err(|error| (error.code, json!(error.data)));
        (theirs, ours)
    }

    /// The answer of both, which must be the same.
    pub(crate) async fn same(&self, method: &str, params: Value) -> Value {
        let (theirs, ours) = self.ask(method, params.clone()).await;
        assert_eq!(
            theirs.as_ref().ok(),
            ours.as_ref().ok(),
            "{method} {params}: anvil {theirs:?}, paper {ours:?}"
        );
        ours.unwrap_or_else(|error| panic!("{method} {params}: {error:?}"))
    }

    /// Sends to both and mines one block on both, 12 s later; everything about the block, its
    /// receipts and the accounts that took part must be the same.
    pub(crate) async fn block(&mut self, transactions: &[TxEnvelope]) -> Vec<Value> {
        for tx in transactions {
            let (theirs, ours) = self.ask("eth_sendRawTransaction", json!([raw(tx)])).await;
            assert_eq!(theirs, Ok(json!(tx.tx_hash())), "anvil");
            assert_eq!(ours, Ok(json!(tx.tx_hash())), "paper");
        }
        self.seconds += 12;
        let time = GENESIS + self.seconds;
        self.anvil.set_next_block_time(time).await.unwrap();
        self.anvil.rpc("evm_mine", json!([])).await.unwrap();
        self.paper.mine(at(self.seconds));

        let (theirs, ours) = self
            .ask("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
        for field in [
            "number",
            "timestamp",
            "gasUsed",
            "gasLimit",
            "baseFeePerGas",
            "transactions",
            "transactionsRoot",
            "receiptsRoot",
            "logsBloom",
            "miner",
            "sha3Uncles",
            "difficulty",
        ] {
            assert_eq!(theirs[field], ours[field], "{field} of {ours}");
        }
        let mut receipts = Vec::new();
        for tx in transactions {
            receipts.push(self.same_receipt(tx).await);
        }
        receipts
    }

    async fn same_receipt(&self, tx: &TxEnvelope) -> Value {
        let params = json!([tx.tx_hash()]);
        let (theirs, ours) = self.ask("eth_getTransactionReceipt", params.clone()).await;
        let (mut theirs, mut ours) = (theirs.unwrap(), ours.unwrap());
        let whole = ours.clone();
        for receipt in [&mut theirs, &mut ours] {
            without_block_hash(receipt);
            // Only anvil has it.
            receipt.as_object_mut().unwrap().remove("blockTimestamp");
        }
        same_fields(&theirs, &ours, "receipt");
        let (theirs, ours) = self.ask("eth_getTransactionByHash", params).await;
        let (mut theirs, mut ours) = (theirs.unwrap(), ours.unwrap());
        for found in [&mut theirs, &mut ours] {
            without_block_hash(found);
        }
        same_fields(&theirs, &ours, "transaction");
        whole
    }

    /// Balance and nonce, now and one block ago.
    pub(crate) async fn same_accounts(&self, accounts: &[Address]) {
        let head = self.paper.head().number;
        for account in accounts {
            for number in [head - 1, head] {
                let params = json!([account, U256::from(number)]);
                self.same("eth_getBalance", params.clone()).await;
                self.same("eth_getTransactionCount", params).await;
            }
            self.same("eth_getCode", json!([account, "latest"])).await;
        }
    }
}

fn same_fields(theirs: &Value, ours: &Value, what: &str) {
    let (theirs, ours) = (theirs.as_object().unwrap(), ours.as_object().unwrap());
    for field in theirs.keys().chain(ours.keys()) {
        assert_eq!(
            theirs.get(field),
            ours.get(field),
            "{field} of {what} {} in block {}",
            ours["transactionIndex"],
            ours["blockNumber"]
        );
    }
}

/// Hashes differ, because anvil has a state root; anvil adds blob fields that are zero.
fn without_block_hash(object: &mut Value) {
    let fields = object.as_object_mut().unwrap();
    fields.remove("blockHash");
    fields.remove("blobGasPrice");
    fields.remove("blobGasUsed");
    if let Some(logs) = fields.get_mut("logs") {
        for log in logs.as_array_mut().unwrap() {
            log.as_object_mut().unwrap().remove("blockHash");
        }
    }
}
