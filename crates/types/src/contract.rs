//! What can change under a protocol's address, and what wallets have lent to others.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::{ChainId, ProtocolId, Reading, Token};

/// The facts about a contract that nobody may change behind our back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractFacts {
    /// keccak-256 of the code at the address; of nothing if there is no code.
    pub code_hash: B256,
    /// EIP-1967 implementation, if the slot is set; otherwise the beacon's, if there is a beacon.
    pub implementation: Option<Address>,
    /// keccak-256 of the implementation's code, if there is an implementation.
    pub implementation_code_hash: Option<B256>,
    /// EIP-1967 admin, if the slot is set.
    pub admin: Option<Address>,
    /// EIP-1967 beacon, if the slot is set.
    pub beacon: Option<Address>,
    /// `owner()`, if the contract answers it.
    pub owner: Option<Address>,
    /// `paused()`, if the contract answers it.
    pub paused: Option<bool>,
}

/// A contract as seen at the snapshot's block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractView {
    /// Where.
    pub chain: ChainId,
    /// Which.
    pub contract: Address,
    /// The protocol that uses it.
    pub protocol: ProtocolId,
    /// What was seen.
    pub facts: Reading<ContractFacts>,
}

/// An allowance that stands open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceView {
    /// Whose tokens.
    pub wallet: Address,
    /// Which tokens.
    pub token: Token,
    /// Who may take them.
    pub spender: Address,
    /// The protocol that the spender belongs to.
    pub protocol: ProtocolId,
    /// How many, base units.
    pub amount: U256,
}
