//! Fees: the history on real chains, and data fees by stand-ins at the predeploys' addresses.

use airdrops_chain::data_fee::formula::{
    OpStackPrices, ScrollPrices, curie_l1_fee, fjord_l1_fee, isthmus_operator_fee,
};
use airdrops_chain::data_fee::{GAS_PRICE_ORACLE, L1_GAS_PRICE_ORACLE};
use airdrops_chain::{
    BaseFeeRule, ChainClient, ChainRead as _, DataFee, DataFeeModel, Draft, FeeHistory,
    FeeHistoryError, FeePair, ReadError, read_data_fee, read_fee_history,
};
use airdrops_paper::{PaperChain, PaperConfig};
use airdrops_testkit::{Anvil, DEV_ACCOUNTS, World, anvil_or_skip};
use airdrops_types::{Address, Call, Timestamp, U256};

use crate::ground::{CHAIN, KEEPER, client, code, tell};

mod abi {
    alloy::sol! {
        function setL1(uint256 baseFee, uint256 blobFee, uint256 baseScalar, uint256 blobScalar) external;
        function setOperator(uint256 scalar, uint256 constant_) external;
        function set(uint256 baseFee, uint256 blobFee, uint256 commit, uint256 blob) external;
    }
}

fn draft(data: usize) -> Draft {
    Draft {
        call: Call {
            to: Address::repeat_byte(7),
            value: U256::from(1),
            data: vec![0xab; data].into(),
        },
        nonce: 3,
        gas_limit: 21_000,
        fees: FeePair {
            max_fee_per_gas: 2_000_000_000,
            max_priority_fee_per_gas: 1,
        },
    }
}

/// Puts one of our contracts, which must not need its constructor, at `address`.
async fn place(anvil: &Anvil, contract: &str, address: Address) {
    let deployed = anvil.deploy(&code(contract), &[]).await.unwrap();
    let code = anvil.code(deployed).await.unwrap();
    anvil.set_code(address, &code).await.unwrap();
}

#[tokio::test]
async fn op_stack_fees_are_what_the_oracle_reckons_for_the_unsigned_bytes() {
    let anvil = anvil_or_skip!();
    place(&anvil, "DemoGasPriceOracle", GAS_PRICE_ORACLE).await;
    let prices = OpStackPrices {
        l1_base_fee: 20_000_000_000,
        blob_base_fee: 3_000_000,
        base_fee_scalar: 2_269,
        blob_base_fee_scalar: 1_055_762,
    };
    let set = abi::setL1Call {
        baseFee: U256::from(prices.l1_base_fee),
        blobFee: U256::from(prices.blob_base_fee),
        baseScalar: U256::from(prices.base_fee_scalar),
        blobScalar: U256::from(prices.blob_base_fee_scalar),
    };
    tell(&anvil, GAS_PRICE_ORACLE, &set).await;
    let client = client(&anvil.url());
    let before = client.view().await.unwrap();
    let set = abi::setOperatorCall {
        scalar: U256::from(5_000),
        constant_: U256::from(7),
    };
    tell(&anvil, GAS_PRICE_ORACLE, &set).await;
    let after = client.view().await.unwrap();
    for data in [0, 4, 68, 1_000, 20_000] {
        let draft = draft(data);
        let length = draft.unsigned(CHAIN).len() as u64;
        let fee = read_data_fee(&after, DataFeeModel::OpStack, &draft)
            .await
            .unwrap();
        assert_eq!(fee.l1, fjord_l1_fee(&prices, length), "{data}");
        assert_eq!(fee.operator, isthmus_operator_fee(21_000, 5_000, 7));
        assert_eq!(fee.total(), fee.l1 + U256::from(112));
    }
    // Read at the view's block, when there was no operator fee yet.
    let fee = read_data_fee(&before, DataFeeModel::OpStack, &draft(4))
        .await
        .unwrap();
    assert_eq!(fee.operator, U256::ZERO);
}

#[tokio::test]
async fn an_oracle_of_before_isthmus_has_no_operator_fee_and_a_missing_one_is_an_error() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let view = client.view().await.unwrap();
    for model in [DataFeeModel::OpStack, DataFeeModel::Scroll] {
        let fee = read_data_fee(&view, model, &draft(4)).await;
        assert!(matches!(fee, Err(ReadError::Unexpected { .. })), "{fee:?}");
    }
    let none = read_data_fee(&view, DataFeeModel::None, &draft(4)).await;
    assert_eq!(none, Ok(DataFee::default()));
    // Scroll's contract knows `getL1Fee` only, as an older OP-stack oracle does.
    place(&anvil, "DemoL1GasPriceOracle", GAS_PRICE_ORACLE).await;
    let view = client.view_at(client.head().await.unwrap());
    let fee = read_data_fee(&view, DataFeeModel::OpStack, &draft(4))
        .await
        .unwrap();
    assert_eq!(fee.operator, U256::ZERO);
}

#[tokio::test]
async fn scroll_fees_are_what_the_oracle_reckons_for_the_signed_bytes() {
    let anvil = anvil_or_skip!();
    place(&anvil, "DemoL1GasPriceOracle", L1_GAS_PRICE_ORACLE).await;
    let prices = ScrollPrices {
        l1_base_fee: 20_000_000_000,
        blob_base_fee: 3,
        commit_scalar: 230_759_955_285,
        blob_scalar: 417_565_260,
    };
    let set = abi::setCall {
        baseFee: U256::from(prices.l1_base_fee),
        blobFee: U256::from(prices.blob_base_fee),
        commit: U256::from(prices.commit_scalar),
        blob: U256::from(prices.blob_scalar),
    };
    tell(&anvil, L1_GAS_PRICE_ORACLE, &set).await;
    let view = client(&anvil.url()).view().await.unwrap();
    for data in [0, 100, 5_000] {
        let draft = draft(data);
        let length = draft.signed(CHAIN).len() as u64;
        let fee = read_data_fee(&view, DataFeeModel::Scroll, &draft)
            .await
            .unwrap();
        assert_eq!(fee.l1, curie_l1_fee(&prices, length), "{data}");
        assert_eq!(fee.operator, U256::ZERO);
    }
}

fn follows_eip_1559(history: &FeeHistory, gas_limit: u64) {
    let after = history.base_fees[1..]
        .iter()
        .chain([&history.next_base_fee]);
    for ((base, ratio), next) in history
        .base_fees
        .iter()
        .zip(&history.gas_used_ratios)
        .zip(after)
    {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let used = (ratio * gas_limit as f64).round() as u64;
        let expected = BaseFeeRule::ETHEREUM.next(*base, used, gas_limit);
        assert_eq!(expected, Some(*next), "{base} {used}");
    }
}

#[tokio::test]
async fn the_fee_history_of_anvil_follows_eip_1559() {
    let anvil = anvil_or_skip!();
    World::deploy(&anvil, DEV_ACCOUNTS[5]).await.unwrap();
    let client = client(&anvil.url());
    let view = client.view().await.unwrap();
    let history = read_fee_history(&view, 10, &[10, 50, 90]).await.unwrap();
    assert_eq!(history.base_fees.len(), 10);
    assert_eq!(history.oldest + 9, view.block().number);
    assert_eq!(history.rewards[0].len(), 3);
    follows_eip_1559(&history, 30_000_000);
    for (count, percentiles) in [(0, &[][..]), (1_025, &[]), (1, &[50, 10]), (1, &[101])] {
        let refused = read_fee_history(&view, count, percentiles).await;
        assert!(matches!(
            refused,
            Err(FeeHistoryError::Count(_) | FeeHistoryError::Percentiles)
        ));
    }
}

#[tokio::test]
async fn the_fee_history_of_the_paper_chain_ends_at_the_views_block_and_follows_eip_1559() {
    let paper = PaperChain::new(PaperConfig::new(
        CHAIN,
        Timestamp::from_unix_seconds(1_700_000_000),
    ));
    paper.set_balance(KEEPER, U256::from(1)).unwrap();
    for (block, gas) in [0, 36_000_000, 18_000_000, 20_000_000]
        .into_iter()
        .enumerate()
    {
        paper.set_background_gas(gas);
        paper.mine(Timestamp::from_unix_seconds(
            1_700_000_100 + 12 * block as u64,
        ));
    }
    let client = ChainClient::from_rpc(CHAIN, paper.client());
    let view = client.view().await.unwrap();
    let next = client.next_base_fee().await.unwrap();
    // Anvil would tell the base fee after its latest block instead.
    paper.mine(Timestamp::from_unix_seconds(1_700_000_200));
    let history = read_fee_history(&view, 4, &[]).await.unwrap();
    assert_eq!(history.base_fees.len(), 4);
    assert_eq!(history.oldest + 3, view.block().number);
    follows_eip_1559(&history, 36_000_000);
    assert_eq!(history.next_base_fee, next);
}
