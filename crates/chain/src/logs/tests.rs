use super::*;

const ADDRESS: Address = Address::repeat_byte(7);
const END: B256 = B256::repeat_byte(9);

fn entry(block: u64, index: u64) -> Value {
    let hash = if block == 9 {
        END
    } else {
        B256::with_last_byte(u8::try_from(block).unwrap())
    };
    json!({
        "address": ADDRESS,
        "topics": [B256::with_last_byte(1), B256::with_last_byte(2)],
        "data": "0x",
        "blockNumber": quantity(block),
        "blockHash": hash,
        "transactionHash": B256::with_last_byte(3),
        "transactionIndex": "0x0",
        "logIndex": quantity(index),
        "removed": false,
    })
}

fn filter() -> LogFilter {
    LogFilter {
        address: ADDRESS,
        topics: vec![None, Some(B256::with_last_byte(2))],
    }
}

fn read(entries: &[Value]) -> Result<Vec<ChainLog>, LogsError> {
    parse(&json!(entries), &filter(), 5, 9, END)
}

#[test]
fn logs_come_by_block_and_index_and_none_twice() {
    let logs = read(&[entry(9, 0), entry(5, 4), entry(5, 1), entry(5, 4)]).unwrap();
    let places: Vec<_> = logs.iter().map(|log| (log.block, log.index)).collect();
    assert_eq!(places, [(5, 1), (5, 4), (9, 0)]);
    assert_eq!(read(&[]), Ok(vec![]));
}

#[test]
fn an_answer_that_does_not_fit_the_question_is_refused() {
    for (field, lie) in [
        ("address", json!(Address::ZERO)),
        ("address", Value::Null),
        ("topics", json!([B256::with_last_byte(1)])),
        ("topics", json!([B256::ZERO, B256::ZERO])),
        (
            "topics",
            json!([B256::ZERO, B256::ZERO, B256::ZERO, B256::ZERO, B256::ZERO]),
        ),
        ("topics", json!("0x")),
        ("blockNumber", json!("0x4")),
        ("blockNumber", json!("0xa")),
        ("blockNumber", json!(6)),
        ("blockHash", json!("0x01")),
        ("transactionHash", Value::Null),
        ("logIndex", json!("-0x1")),
        ("removed", json!(true)),
    ] {
        let mut lying = entry(6, 0);
        lying[field] = lie.clone();
        let error = read(&[entry(5, 0), lying]).unwrap_err();
        assert!(
            matches!(error, LogsError::Read(ReadError::Malformed { .. })),
            "{field} {lie}: {error}"
        );
    }
    assert!(parse(&json!({}), &filter(), 5, 9, END).is_err());
}

#[test]
fn logs_of_two_blocks_of_one_height_are_no_answer() {
    let mut other = entry(6, 1);
    other["blockHash"] = json!(B256::ZERO);
    assert_eq!(read(&[entry(6, 0), other]), Err(LogsError::Replaced(6)));
    let mut last = entry(9, 1);
    last["blockHash"] = json!(B256::ZERO);
    assert_eq!(read(&[last]), Err(LogsError::Replaced(9)));
    let mut same = entry(6, 0);
    same["transactionHash"] = json!(B256::ZERO);
    assert_eq!(read(&[entry(6, 0), same]), Err(LogsError::Replaced(6)));
}

#[test]
fn too_many_logs_are_not_taken() {
    let entries: Vec<Value> = (0..=MOST_LOGS)
        .map(|i| entry(5, u64::try_from(i).unwrap()))
        .collect();
    assert!(matches!(read(&entries), Err(LogsError::TooLarge(_))));
    assert_eq!(read(&entries[1..]).map(|logs| logs.len()), Ok(MOST_LOGS));
}

#[test]
fn what_nodes_say_of_too_wide_a_range_is_understood_and_a_rate_limit_is_not_taken_for_it() {
    let said = |code, message: &str| {
        refused(Fault::Node {
            code,
            message: message.to_owned(),
            data: None,
        })
    };
    for (code, message) in [
        (-32005, "query returned more than 10000 results"),
        (
            -32602,
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        ),
        (-32600, "eth_getLogs is limited to a 10,000 range"),
        (-32000, "block range is too wide"),
        (-32000, "exceed maximum block range: 5000"),
        (-32000, "too many logs in the answer"),
    ] {
        assert!(
            matches!(said(code, message), LogsError::TooLarge(_)),
            "{message}"
        );
    }
    for (code, message) in [
        (-32005, "daily request count exceeded, request rate limited"),
        (429, "Too Many Requests"),
        (
            -32000,
            "you exceeded 25 requests per second, upgrade for a higher range",
        ),
        (-32000, "header not found"),
    ] {
        assert!(
            matches!(said(code, message), LogsError::Read(_)),
            "{message}"
        );
    }
    assert!(matches!(
        refused(Fault::Silent("time-out".to_owned())),
        LogsError::Read(_)
    ));
}
