//! Tiny contracts in machine code, and the compiled demo token.

use alloy::primitives::{Address, Bytes, U256, hex};
use alloy::sol;
use alloy::sol_types::SolValue;

/// Counts in slot 0 and logs the first word of the input under the topics 7 and 42.
pub(crate) const LOGGER: &[u8] = &hex!("600054600101600055 600035600052 602a6007 60206000 a2 00");
/// Reverts with its input.
pub(crate) const REVERTER: &[u8] = &hex!("36600060003736 6000fd");
/// Never ends.
pub(crate) const BURNER: &[u8] = &hex!("5b600056");
/// Passes the value on to the address in the first word and returns whether that went well.
pub(crate) const FORWARDER: &[u8] = &hex!("6000600060006000 34 600035 5a f1 600052 60206000f3");
/// Writes the second word into the slot in the first.
pub(crate) const WRITER: &[u8] = &hex!("602035 600035 55 00");
/// Runs its input as init code under CREATE2 with salt 1 and returns the address.
pub(crate) const FACTORY: &[u8] = &hex!("3660006000376001366000 34 f5 60005260206000f3");
/// Returns block number, time, base fee and chain id.
pub(crate) const SURROUNDINGS: &[u8] = &hex!("43600052 42602052 48604052 46606052 60806000f3");
/// Returns the hash of the block whose number is the first word.
pub(crate) const BLOCKHASH: &[u8] = &hex!("600035 40 600052 60206000f3");
/// Runs into the invalid opcode.
pub(crate) const INVALID: &[u8] = &hex!("fe");
/// Gives its whole balance to the caller by SELFDESTRUCT.
pub(crate) const DESTRUCTOR: &[u8] = &hex!("33ff");

/// Init code that leaves `runtime`.
pub(crate) fn init(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).unwrap();
    let mut code = vec![0x60, length, 0x80, 0x60, 0x0b, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    code.extend_from_slice(runtime);
    code.into()
}

/// Words as input.
pub(crate) fn words(words: &[U256]) -> Bytes {
    words
        .iter()
        .flat_map(U256::to_be_bytes::<32>)
        .collect::<Vec<u8>>()
        .into()
}

/// An address as an input word.
pub(crate) fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

sol! {
    interface Token {
        error NotOwner(address caller);
        function mint(address to, uint256 amount) external;
        function transfer(address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
        function totalSupply() external view returns (uint256);
    }
}

/// Init code of the demo token with its constructor arguments.
pub(crate) fn token_init() -> Bytes {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../contracts/artifacts/DemoToken.json"
    );
    let artifact: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut code = hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap();
    code.extend(("Token".to_owned(), "TKN".to_owned(), U256::from(18)).abi_encode_params());
    code.into()
}
