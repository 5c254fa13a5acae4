//! What an answer to `eth_sendRawTransaction` means, in the dialects of geth, reth, Erigon,
//! Nethermind, Besu, anvil, Hardhat and the rollups.

use airdrops_types::{Answer, B256};
use serde_json::Value;

use crate::rpc::{self, Fault};

/// The node has the bytes already.
const KNOWN: &[&str] = &[
    "already known",
    "alreadyknown",
    "already imported",
    "known transaction",
    "already in the pool",
    "transaction already exists",
];

/// Says nothing for sure about these bytes: they may be mined already, or be acceptable as soon as
/// an earlier nonce arrives.
const UNDECIDED: &[&str] = &[
    "nonce too low",
    "nonce is too low",
    "nonce too high",
    "nonce too distant",
    "nonce too far",
    "nonce gap",
    "exceeds next nonce",
    "unknown transaction",
];

/// The node will not have the bytes in its present state.
const REFUSED: &[&str] = &[
    "insufficient funds",
    "insufficient balance",
    "upfront cost exceeds",
    "less than block base fee",
    "fee cap",
    "feetoolow",
    "fee too low",
    "underpriced",
    "tip above",
    "priority fee",
    "intrinsic gas",
    "exceeds block gas limit",
    "gas limit",
    "exceeds the configured cap",
    "chain id",
    "chainid",
    "invalid sender",
    "invalid signature",
    "oversized",
    "size exceeds",
    "not supported",
    "rlp",
    "txpool is full",
    "pool is full",
    "execution reverted",
];

/// Sorts what came of sending the transaction `tx`. What is not known for sure is unknown.
pub(super) fn answer(tx: B256, result: Result<Value, Fault>) -> Answer {
    match result {
        Ok(value) if rpc::parse_hash(&value) == Some(tx) => Answer::Accepted,
        Ok(_) => Answer::Unknown {
            reason: "the node answered with another hash".to_owned(),
        },
        Err(Fault::Silent(reason)) => Answer::Unknown { reason },
        Err(fault @ Fault::Node { .. }) => {
            let reason = fault.text();
            let text = spoken(&fault);
            let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
            // "unknown transaction" contains "known transaction".
            if says(KNOWN) && !text.contains("unknown transaction") {
                Answer::Accepted
            } else if is_rate_limit(&fault, &text) || says(UNDECIDED) {
                Answer::Unknown { reason }
            } else if says(REFUSED) {
                Answer::Rejected { reason }
            } else {
                Answer::Unknown { reason }
            }
        }
    }
}

/// The node's words in lower case: the message, and text that some put into `data`.
fn spoken(fault: &Fault) -> String {
    match fault {
        Fault::Node { message, data, .. } => {
            let data = data
                .as_ref()
                .and_then(|data| data.as_str().or_else(|| data["message"].as_str()))
                .unwrap_or_default();
            format!("{message} {data}").to_lowercase()
        }
        Fault::Silent(text) => text.to_lowercase(),
    }
}

/// Rate limits speak of limits too, and mean nothing about the transaction.
fn is_rate_limit(fault: &Fault, text: &str) -> bool {
    matches!(
        fault,
        Fault::Node {
            code: 429 | -32005,
            ..
        }
    ) || text.contains("rate limit")
        || text.contains("too many requests")
        || text.contains("request limit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn says(code: i64, message: &str) -> Answer {
        answer(
            B256::ZERO,
            Err(Fault::Node {
                code,
                message: message.to_owned(),
                data: None,
            }),
        )
    }

    #[test]
    fn duplicates_are_accepted_in_every_dialect() {
        for message in [
            "already known",
            "transaction already imported",
            "Known transaction: 0x1234",
            "AlreadyKnown",
            "transaction with the same hash was already imported",
        ] {
            assert_eq!(says(-32000, message), Answer::Accepted, "{message}");
        }
        assert_eq!(answer(B256::ZERO, Ok(json!(B256::ZERO))), Answer::Accepted);
    }

    #[test]
    fn refusals_are_rejected_in_every_dialect() {
        for message in [
            "insufficient funds for gas * price + value",
            "Insufficient funds for gas * price + value",
            "max fee per gas less than block base fee",
            "replacement transaction underpriced",
            "transaction underpriced",
            "intrinsic gas too low",
            "exceeds block gas limit",
            "invalid sender",
            "max priority fee per gas higher than max fee per gas",
            "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)",
        ] {
            assert!(
                matches!(says(-32000, message), Answer::Rejected { .. }),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_not_sure_is_unknown() {
        for (code, message) in [
            (-32000, "nonce too low"),
            (-32003, "nonce too low: next nonce 5, tx nonce 4"),
            (-32000, "nonce too high"),
            (-32000, "unknown transaction"),
            (-32005, "daily gas limit request count exceeded"),
            (
                429,
                "Your app has exceeded its compute units; insufficient funds",
            ),
            (-32603, "Internal error"),
            (-32000, "header not found"),
        ] {
            assert!(
                matches!(says(code, message), Answer::Unknown { .. }),
                "{message}"
            );
        }
        assert!(matches!(
            answer(B256::ZERO, Ok(json!(B256::repeat_byte(1)))),
            Answer::Unknown { .. }
        ));
        assert!(matches!(
            answer(B256::ZERO, Ok(Value::Null)),
            Answer::Unknown { .. }
        ));
        assert!(matches!(
            answer(
                B256::ZERO,
                Err(Fault::Silent("insufficient funds".to_owned()))
            ),
            Answer::Unknown { .. }
        ));
    }
}
