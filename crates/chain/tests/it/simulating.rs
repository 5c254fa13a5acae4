use airdrops_chain::{ReadError, simulate};
use airdrops_types::{Address, AllowanceChange, B256, I256, Simulation, U256};
use alloy::primitives::{address, keccak256};
use alloy::sol_types::{Revert, SolError as _};
use serde_json::{Value, json};

use crate::node::{Node, TOKEN};
use crate::permits::{NOW, intent, native, token, wallet};

const SPENDER: Address = Address::repeat_byte(0x5e);
const STRANGER: Address = Address::repeat_byte(0x66);
const NATIVE_LOGS: Address = address!("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE");

fn read(value: u64) -> Value {
    json!({"status": "0x1", "gasUsed": "0x1", "logs": [], "returnData": B256::from(U256::from(value))})
}

fn log(contract: Address, event: &str, from: Address, to: Address, value: u64) -> Value {
    json!({
        "address": contract,
        "topics": [keccak256(event), from.into_word(), to.into_word()],
        "data": B256::from(U256::from(value)),
    })
}

fn executed(logs: &Value) -> Value {
    json!({"status": "0x1", "gasUsed": "0xc350", "logs": logs, "returnData": "0x"})
}

/// Balance, allowance, transaction, balance, allowance.
async fn run(before: [u64; 2], transaction: Value, after: [u64; 2]) -> Simulation {
    let node = Node::new(wallet());
    node.world().simulation = Some(json!([{ "calls": [
        read(before[0]), read(before[1]), transaction, read(after[0]), read(after[1])
    ]}]));
    let mut wanted = intent(0, NOW);
    wanted.spend = vec![token().amount(U256::from(5))];
    let simulation = simulate(
        &node.client(),
        &wanted,
        &[native(), token()],
        &[SPENDER],
        NOW,
    )
    .await
    .unwrap();
    assert_eq!(simulation.block.number, 3);
    let sent = node.world().simulated.clone().unwrap();
    assert_eq!(sent[0]["traceTransfers"], json!(true));
    // In the head's own second, what accrues by time would cost less gas than it will.
    let next_second = simulation.block.time.unix_seconds() + 1;
    assert_eq!(
        sent[0]["blockStateCalls"][0]["blockOverrides"]["time"],
        json!(format!("{next_second:#x}"))
    );
    assert_eq!(
        sent[0]["blockStateCalls"][0]["calls"][2]["to"],
        json!(wanted.call.to)
    );
    assert_eq!(sent[1], json!("0x3"));
    simulation
}

#[tokio::test]
async fn balances_before_and_after_give_the_deltas_and_gas_is_not_in_them() {
    let logs = json!([
        log(
            NATIVE_LOGS,
            "Transfer(address,address,uint256)",
            wallet(),
            SPENDER,
            70
        ),
        log(
            TOKEN,
            "Transfer(address,address,uint256)",
            wallet(),
            SPENDER,
            5
        ),
    ]);
    let simulation = run([10, 5], executed(&logs), [4, 0]).await;
    assert_eq!(simulation.failure, None);
    assert_eq!(simulation.gas_used, 50_000);
    assert_eq!(simulation.deltas[0].token, native());
    assert_eq!(simulation.deltas[0].delta, I256::try_from(-70).unwrap());
    // The balance is believed, not the log.
    assert_eq!(simulation.deltas[1].delta, I256::try_from(-6).unwrap());
    assert!(simulation.unknown_outflows.is_empty());
    assert!(simulation.allowances.is_empty(), "using one up sets none");
}

#[tokio::test]
async fn what_is_not_configured_is_seen_in_the_logs() {
    let logs = json!([
        log(
            STRANGER,
            "Transfer(address,address,uint256)",
            wallet(),
            SPENDER,
            1
        ),
        log(
            STRANGER,
            "Approval(address,address,uint256)",
            wallet(),
            SPENDER,
            1
        ),
        log(
            TOKEN,
            "Approval(address,address,uint256)",
            wallet(),
            STRANGER,
            9
        ),
        log(
            STRANGER,
            "Transfer(address,address,uint256)",
            SPENDER,
            wallet(),
            1
        ),
    ]);
    let simulation = run([1, 0], executed(&logs), [1, 0]).await;
    assert_eq!(simulation.unknown_outflows, [STRANGER]);
    assert_eq!(simulation.unknown_allowances, [STRANGER]);
    assert_eq!(
        simulation.allowances,
        [AllowanceChange {
            token: token(),
            spender: STRANGER,
            amount: U256::from(9)
        }]
    );
}

#[tokio::test]
async fn an_allowance_that_grows_is_seen_even_without_a_log() {
    let simulation = run([1, 0], executed(&json!([])), [1, 77]).await;
    assert_eq!(simulation.allowances[0].spender, SPENDER);
    assert_eq!(simulation.allowances[0].amount, U256::from(77));
}

#[tokio::test]
async fn a_revert_is_a_simulation_with_its_reason() {
    let data = alloy::primitives::Bytes::from(Revert::from("UniswapV2: K").abi_encode());
    let reverted = json!({
        "status": "0x0", "gasUsed": "0x5208", "logs": [], "returnData": data,
        "error": {"code": 3, "message": "execution reverted"},
    });
    let simulation = run([10, 0], reverted, [10, 0]).await;
    assert_eq!(simulation.failure.unwrap().reason, "UniswapV2: K");
    assert_eq!(simulation.gas_used, 21_000);
    assert!(simulation.deltas.iter().all(|delta| delta.delta.is_zero()));
}

#[tokio::test]
async fn a_transaction_that_cannot_even_start_is_a_failure_and_not_an_error() {
    // As geth and as anvil say it.
    for (code, words) in [
        (-38014, "insufficient funds for transfer"),
        (-32003, "Insufficient funds for gas * price + value"),
    ] {
        let node = Node::new(wallet());
        node.world().simulation = Some(json!({"code": code, "message": words}));
        let simulation = simulate(&node.client(), &intent(0, NOW), &[native()], &[], NOW)
            .await
            .unwrap();
        assert_eq!(simulation.failure.unwrap().reason, words);
        assert!(simulation.deltas[0].delta.is_zero());
    }
}

#[tokio::test]
async fn an_endpoint_without_the_method_is_told_with_what_to_do() {
    let node = Node::new(wallet());
    let error = simulate(&node.client(), &intent(0, NOW), &[], &[], NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, ReadError::Unsupported { .. }), "{error}");
    assert!(
        error.to_string().contains("use an endpoint that does"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_that_do_not_fit_are_errors() {
    for answer in [
        json!([]),
        json!([{ "calls": [] }]),
        json!([{ "calls": [{"status": "0x1", "logs": []}] }]),
        json!([{ "calls": [{"gasUsed": "0x1", "logs": []}] }]),
        json!([{ "calls": [{"gasUsed": "0x1", "status": "0x1"}] }]),
        json!("no"),
    ] {
        let node = Node::new(wallet());
        node.world().simulation = Some(answer.clone());
        let result = simulate(&node.client(), &intent(0, NOW), &[native()], &[], NOW).await;
        assert!(
            matches!(result, Err(ReadError::Malformed { .. })),
            "{answer}"
        );
    }
}
