//! What is held inside a protocol.

use serde::{Deserialize, Serialize};

use crate::TokenAmount;

/// What one wallet holds in one protocol instance, in terms of the underlying tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The underlying amounts: one for a vault, two for a liquidity pool.
    pub legs: Vec<PositionLeg>,
    /// The receipt tokens that stand for it (vault shares, LP tokens), if any.
    pub receipts: Vec<TokenAmount>,
}

/// One underlying amount of a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionLeg {
    /// The amount of the underlying token that an exit would give now.
    pub amount: TokenAmount,
}
