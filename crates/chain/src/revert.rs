//! Revert reasons.

use airdrops_types::Bytes;
use alloy::primitives::hex;
use alloy::sol_types::{Panic, Revert, SolError};

/// The reason in `data`: the text of `Error(string)`, the meaning of `Panic(uint256)`, otherwise
/// the raw bytes as hex.
pub(crate) fn reason(data: &Bytes) -> String {
    if data.is_empty() {
        return "no reason given".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return printable(&revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return match panic.kind() {
            Some(kind) => format!("panic: {}", kind.as_str()),
            None => format!("panic: code {}", panic.code),
        };
    }
    const QUOTED: usize = 132;
    if data.len() > QUOTED {
        format!("{}…", hex::encode_prefixed(&data[..QUOTED]))
    } else {
        hex::encode_prefixed(data)
    }
}

/// Text from a contract, bounded and without control characters.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::U256;

    #[test]
    fn error_strings_panics_and_custom_errors_are_told_apart() {
        let text = Revert::from("UniswapV2: K").abi_encode();
        assert_eq!(reason(&text.into()), "UniswapV2: K");
        let panic = Panic {
            code: U256::from(0x11),
        }
        .abi_encode();
        assert!(reason(&panic.into()).contains("overflow"));
        assert_eq!(reason(&Bytes::from_static(&[1, 2, 3, 4])), "0x01020304");
        assert_eq!(reason(&Bytes::new()), "no reason given");
    }

    #[test]
    fn a_contract_cannot_put_control_characters_into_our_text() {
        let text = Revert::from("a\u{1b}[31mb\nc").abi_encode();
        assert_eq!(reason(&text.into()), "a[31mbc");
    }
}
