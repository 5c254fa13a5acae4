//! Through alloy's own client and provider.

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, U64, U256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::types::simulate::{SimBlock, SimulatePayload};
use alloy::rpc::types::{BlockTransactions, TransactionRequest};

use crate::node::{ETHER, GWEI, at, paper, plain, raw, sign, signer};

#[tokio::test]
async fn the_provider_reads_what_the_chain_has() {
    let paper = paper();
    let provider: RootProvider = RootProvider::new(paper.client());
    let tx = sign(&signer(0), plain(0, Address::ZERO));
    let pending = provider.send_raw_transaction(&raw(&tx)).await.unwrap();
    assert_eq!(pending.tx_hash(), tx.tx_hash());
    paper.mine(at(12));
    let receipt = provider
        .get_transaction_receipt(*tx.tx_hash())
        .await
        .unwrap()
        .unwrap();
    assert!(receipt.status());
    assert_eq!(receipt.effective_gas_price, 2 * GWEI);
    let block = provider
        .get_block_by_number(BlockNumberOrTag::Latest)
        .full()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(block.header.hash, paper.head().hash);
    assert!(matches!(&block.transactions, BlockTransactions::Full(all) if all.len() == 1));
    let found = provider
        .get_transaction_by_hash(*tx.tx_hash())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.inner.inner(), &tx);
    let balance = provider.get_balance(signer(1).address()).await.unwrap();
    assert_eq!(balance, ETHER * U256::from(100));
    let history = provider
        .get_fee_history(2, BlockNumberOrTag::Latest, &[50.0])
        .await
        .unwrap();
    assert_eq!(history.base_fee_per_gas.len(), 3);
    assert_eq!(history.next_block_base_fee(), Some(paper.base_fee()));
    let call = TransactionRequest::default()
        .from(signer(0).address())
        .to(Address::ZERO)
        .value(U256::from(3));
    assert_eq!(provider.estimate_gas(call.clone()).await.unwrap(), 21_000);
    let payload = SimulatePayload::default()
        .extend(SimBlock::default().call(call))
        .with_trace_transfers();
    let simulated = provider.simulate(&payload).await.unwrap();
    assert!(simulated[0].calls[0].status);
    assert_eq!(simulated[0].calls[0].logs.len(), 1);
}

#[tokio::test]
async fn a_batch_is_answered_in_one_and_errors_stay_with_their_request() {
    let paper = paper();
    let client = paper.client();
    assert!(client.is_local());
    let mut batch = client.new_batch();
    let id = batch.add_call::<_, U64>("eth_chainId", &()).unwrap();
    let wrong = batch.add_call::<_, U64>("eth_nothing", &()).unwrap();
    let number = batch.add_call::<_, U64>("eth_blockNumber", &()).unwrap();
    batch.send().await.unwrap();
    assert_eq!(id.await.unwrap(), U64::from(31_337));
    assert_eq!(number.await.unwrap(), U64::ZERO);
    let error = wrong.await.unwrap_err();
    assert_eq!(error.as_error_resp().unwrap().code, -32601);
}
