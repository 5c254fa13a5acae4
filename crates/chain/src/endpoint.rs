//! Endpoints: where a chain is asked, and the plain questions.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use airdrops_types::{Address, B256, BlockRef, Bytes, ChainId, Timestamp, U256};
use alloy::rpc::client::RpcClient;
use serde_json::{Value, json};

use crate::batch::Batching;
use crate::read::ReadError;
use crate::rpc::{self, Fault, malformed, quantity};
use crate::transport::HttpTransport;
use crate::view::View;
use crate::witness::Witness;

/// The URL of an RPC endpoint. It often carries an API key, so it has no `Display`, is not
/// serialised, and its `Debug` shows scheme and host only.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcUrl(reqwest::Url);

impl RpcUrl {
    /// From text.
    ///
    /// # Errors
    /// [`EndpointError`] if it is not an `http` or `https` URL with a host. The text is not
    /// repeated in the error.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = reqwest::Url::parse(text.trim())
            .map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme(url.scheme().to_owned()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NotAUrl("there is no host".to_owned()));
        }
        Ok(Self(url))
    }

    /// Scheme and host, which may be shown: `https://rpc.example.org`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!(
            "{}://{}",
            self.0.scheme(),
            self.0.host_str().unwrap_or_default()
        )
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcUrl({}/…)", self.origin())
    }
}

/// Why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL. What was given is not repeated, as it may be a secret.
    #[error("the RPC URL is not a URL: {0}; write it like https://host/path")]
    NotAUrl(String),
    /// Not HTTP.
    #[error("the RPC URL has the scheme {0}; only http and https are supported")]
    Scheme(String),
    /// The HTTP client cannot be made.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// It serves another chain than the configuration says.
    #[error("the endpoint serves chain {found}, the configuration says {expected}")]
    WrongChain {
        /// As configured.
        expected: ChainId,
        /// As the node says.
        found: ChainId,
    },
    /// The witness serves another chain.
    #[error("the witness endpoint serves chain {found}, the configuration says {expected}")]
    WrongWitness {
        /// As configured.
        expected: ChainId,
        /// As the witness says.
        found: ChainId,
    },
    /// It could not be asked.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A transaction's receipt, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub tx: B256,
    /// The block that holds it, as the receipt says.
    pub block_hash: B256,
    /// Its height.
    pub block_number: u64,
    /// Whether it executed without reverting.
    pub succeeded: bool,
    /// Gas units used.
    pub gas_used: u64,
    /// Fee paid in wei: `gasUsed · effectiveGasPrice`, plus `l1Fee` on rollups that report it.
    pub fee: U256,
}

/// One endpoint of one chain. Cloning is cheap.
#[derive(Clone)]
pub struct ChainClient {
    chain: ChainId,
    rpc: RpcClient,
    /// Why batches are read one by one, once that is so.
    no_batches: Arc<OnceLock<String>>,
    witness: Option<Arc<Witness>>,
}

impl fmt::Debug for ChainClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainClient(chain {})", self.chain)
    }
}

impl ChainClient {
    /// An HTTP endpoint. Redirects are not followed, each request ends after `timeout`, answers
    /// above 32 MiB are refused. Nothing is sent yet.
    ///
    /// # Errors
    /// [`EndpointError::Client`].
    pub fn http(chain: ChainId, url: &RpcUrl, timeout: Duration) -> Result<Self, EndpointError> {
        let transport = HttpTransport::new(url.0.clone(), timeout)
            .map_err(|error| EndpointError::Client(error.to_string()))?;
        Ok(Self::from_rpc(chain, RpcClient::new(transport, false)))
    }

    /// Any transport, such as a chain inside the process.
    #[must_use]
    pub fn from_rpc(chain: ChainId, client: RpcClient) -> Self {
        Self {
            chain,
            rpc: client,
            no_batches: Arc::default(),
            witness: None,
        }
    }

    /// How [`read_batch`](crate::read_batch) reads through this endpoint and its clones.
    #[must_use]
    pub fn batching(&self) -> Batching {
        match self.no_batches.get() {
            None => Batching::Together,
            Some(reason) => Batching::OneByOne {
                reason: reason.clone(),
            },
        }
    }

    /// Remembers that batches are refused; said once.
    pub(crate) fn refuses_batches(&self, reason: String) {
        if self.no_batches.set(reason).is_ok() {
            let reason = self.no_batches.get();
            tracing::warn!(chain = %self.chain, ?reason, "reads are made one by one from now on");
        }
    }

    /// The bare transport, for a chain in this process that is forked from the endpoint.
    #[must_use]
    pub fn into_rpc(self) -> RpcClient {
        self.rpc
    }

    /// Which chain this is meant to be.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    pub(crate) fn witness(&self) -> Option<&Witness> {
        self.witness.as_deref()
    }

    pub(crate) fn set_witness(&mut self, witness: Witness) {
        self.witness = Some(Arc::new(witness));
    }

    /// Asks the node, and the witness if there is one, which chain it serves.
    ///
    /// # Errors
    /// [`EndpointError::WrongChain`] or [`EndpointError::WrongWitness`] if it is another one,
    /// [`EndpointError::Read`] if it does not say; a witness that is not required may be silent.
    pub async fn verify_chain_id(&self) -> Result<(), EndpointError> {
        const METHOD: &str = "eth_chainId";
        let answer = self
            .request(METHOD, json!([]))
            .await
            .map_err(ReadError::from)?;
        let found = rpc::parse_u64(&answer)
            .map(ChainId)
            .ok_or_else(|| malformed(METHOD, "not a quantity"))?;
        if found != self.chain {
            return Err(EndpointError::WrongChain {
                expected: self.chain,
                found,
            });
        }
        match &self.witness {
            Some(witness) => witness.verify_chain_id().await,
            None => Ok(()),
        }
    }

    /// The latest block.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn head(&self) -> Result<BlockRef, ReadError> {
        self.block_at(json!("latest"))
            .await?
            .ok_or_else(|| malformed("eth_getBlockByNumber", "there is no latest block"))
    }

    /// The canonical block of height `number`; `None` if the chain is shorter.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn block(&self, number: u64) -> Result<Option<BlockRef>, ReadError> {
        let block = self.block_at(quantity(number)).await?;
        match block {
            Some(block) if block.number != number => Err(malformed(
                "eth_getBlockByNumber",
                format!("asked for block {number}, got {}", block.number),
            )),
            block => Ok(block),
        }
    }

    /// The hash of the canonical block of height `number`; `None` if the chain is shorter.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn canonical_hash(&self, number: u64) -> Result<Option<B256>, ReadError> {
        Ok(self.block(number).await?.map(|block| block.hash))
    }

    async fn block_at(&self, tag: Value) -> Result<Option<BlockRef>, ReadError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let answer = self.request(METHOD, json!([tag, false])).await?;
        if answer.is_null() {
            return Ok(None);
        }
        let parsed = (|| {
            Some(BlockRef {
                number: rpc::parse_u64(&answer["number"])?,
                hash: rpc::parse_hash(&answer["hash"])?,
                time: Timestamp::from_unix_seconds(rpc::parse_u64(&answer["timestamp"])?),
            })
        })();
        parsed
            .map(Some)
            .ok_or_else(|| malformed(METHOD, "number, hash or timestamp is missing"))
    }

    /// Base fee of the next block, wei per gas.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next_base_fee(&self) -> Result<u128, ReadError> {
        const METHOD: &str = "eth_feeHistory";
        let answer = self.request(METHOD, json!(["0x1", "latest", []])).await?;
        answer["baseFeePerGas"]
            .as_array()
            .and_then(|fees| fees.last())
            .and_then(rpc::parse_u128)
            .ok_or_else(|| malformed(METHOD, "there is no base fee"))
    }

    /// A view of the chain at its present head.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn view(&self) -> Result<View, ReadError> {
        Ok(self.view_at(self.head().await?))
    }

    /// A view of the chain at `block`.
    #[must_use]
    pub fn view_at(&self, block: BlockRef) -> View {
        View::new(self.clone(), block)
    }

    /// How many transactions of `account` the latest block's state counts.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn nonce_latest(&self, account: Address) -> Result<u64, ReadError> {
        self.nonce(account, json!("latest")).await
    }

    /// The same with the node's pool.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn nonce_pending(&self, account: Address) -> Result<u64, ReadError> {
        self.nonce(account, json!("pending")).await
    }

    /// The same as of block `number`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn nonce_at(&self, account: Address, number: u64) -> Result<u64, ReadError> {
        self.nonce(account, quantity(number)).await
    }

    async fn nonce(&self, account: Address, tag: Value) -> Result<u64, ReadError> {
        const METHOD: &str = "eth_getTransactionCount";
        let answer = self.request(METHOD, json!([account, tag])).await?;
        rpc::parse_u64(&answer).ok_or_else(|| malformed(METHOD, "not a quantity"))
    }

    /// The receipt of `tx`; `None` while it is in no block.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, ReadError> {
        const METHOD: &str = "eth_getTransactionReceipt";
        let answer = self.request(METHOD, json!([tx])).await?;
        // Some nodes answer with an object without a block while the transaction is pending.
        if answer.is_null() || answer["blockHash"].is_null() {
            return Ok(None);
        }
        let parsed = (|| {
            let gas_used = rpc::parse_u64(&answer["gasUsed"])?;
            let price = rpc::parse_u256(&answer["effectiveGasPrice"])?;
            let data_fee = match &answer["l1Fee"] {
                Value::Null => U256::ZERO,
                fee => rpc::parse_u256(fee)?,
            };
            Some(Receipt {
                tx: rpc::parse_hash(&answer["transactionHash"])?,
                block_hash: rpc::parse_hash(&answer["blockHash"])?,
                block_number: rpc::parse_u64(&answer["blockNumber"])?,
                succeeded: match rpc::parse_u64(&answer["status"])? {
                    0 => false,
                    1 => true,
                    _ => return None,
                },
                gas_used,
                fee: U256::from(gas_used)
                    .checked_mul(price)?
                    .checked_add(data_fee)?,
            })
        })();
        match parsed {
            Some(receipt) if receipt.tx == tx => Ok(Some(receipt)),
            Some(_) => Err(malformed(METHOD, "it is for another transaction")),
            None => Err(malformed(METHOD, "a field is missing or does not fit")),
        }
    }

    /// Hashes of the transactions of `sender` in the block of height `number`, with their nonces.
    pub(crate) async fn transactions_of(
        &self,
        sender: Address,
        number: u64,
    ) -> Result<Vec<(u64, B256)>, ReadError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let answer = self
            .request(METHOD, json!([quantity(number), true]))
            .await?;
        answer["transactions"]
            .as_array()
            .ok_or_else(|| malformed(METHOD, "there are no transactions"))?
            .iter()
            .filter(|entry| rpc::parse_address(&entry["from"]) == Some(sender))
            .map(|entry| {
                Some((
                    rpc::parse_u64(&entry["nonce"])?,
                    rpc::parse_hash(&entry["hash"])?,
                ))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| malformed(METHOD, "a transaction lacks nonce or hash"))
    }

    /// Sends signed bytes. Reached by the transaction manager only.
    pub(crate) async fn send_raw(&self, raw: &Bytes) -> Result<Value, Fault> {
        self.request("eth_sendRawTransaction", json!([raw])).await
    }

    pub(crate) async fn request(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, Fault> {
        rpc::request(&self.rpc, method, params).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpc_url_shows_neither_path_nor_query_nor_password() {
        let url =
            RpcUrl::parse("https://user:hunter2@rpc.example.org/v3/canary?key=canary").unwrap();
        assert_eq!(format!("{url:?}"), "RpcUrl(https://rpc.example.org/…)");
    }

    #[test]
    fn a_refused_url_is_not_repeated_in_the_error() {
        for text in [
            "canary",
            "ws://rpc.example.org/canary",
            "https://",
            "http:///canary",
        ] {
            if let Err(error) = RpcUrl::parse(text) {
                assert!(!format!("{error} {error:?}").contains("canary"), "{text}");
            } else {
                // WHATWG parsing takes `http:///canary` as host `canary`.
                assert_eq!(text, "http:///canary");
            }
        }
        assert_eq!(
            RpcUrl::parse("wss://x/y"),
            Err(EndpointError::Scheme("wss".to_owned()))
        );
    }

    #[tokio::test]
    async fn a_failed_request_does_not_tell_the_url() {
        let url = RpcUrl::parse("http://127.0.0.1:1/canary?key=canary").unwrap();
        let client = ChainClient::http(ChainId(1), &url, Duration::from_secs(2)).unwrap();
        let error = client.head().await.unwrap_err();
        assert!(matches!(error, ReadError::Unreachable(_)), "{error}");
        assert!(!format!("{error} {error:?} {client:?}").contains("canary"));
    }
}
