//! The final outcome of a mined transaction.

use airdrops_types::{BlockRef, I256, Outcome, Slot, Token, TokenDelta, TxResult, U256};

use super::ChainLane;
use crate::endpoint::Receipt;
use crate::read::ReadError;
use crate::rpc::malformed;
use crate::simulate::signed_difference;
use crate::token::token_balance;

impl ChainLane {
    /// Reads what the transaction changed: every balance at its block less the balance one block
    /// earlier. What else changed the wallet in that block is in it.
    ///
    /// If several transactions of the wallet are in the block, the one with the lowest nonce gets
    /// the block's changes and the others get their own fee only, so that the sum is right and
    /// nothing is counted twice.
    pub(super) async fn outcome(
        &self,
        slot: &Slot,
        receipt: &Receipt,
        block: BlockRef,
        tokens: &[Token],
    ) -> Result<Outcome, ReadError> {
        let attempt = slot
            .attempts
            .iter()
            .find(|attempt| attempt.tx == receipt.tx);
        let cancelled = attempt.is_some_and(|attempt| attempt.cancels);
        let result = if cancelled {
            TxResult::Cancelled
        } else if receipt.succeeded {
            TxResult::Succeeded
        } else {
            TxResult::Reverted {
                out_of_gas: attempt
                    .is_some_and(|attempt| ran_out(receipt.gas_used, attempt.gas_limit)),
            }
        };
        Ok(Outcome {
            intent: slot.intent.id,
            chain: slot.chain,
            wallet: slot.wallet,
            nonce: slot.nonce,
            tx: receipt.tx,
            block,
            result,
            gas_used: receipt.gas_used,
            fee: receipt.fee,
            deltas: self.deltas(slot, receipt, block, tokens).await?,
        })
    }

    async fn deltas(
        &self,
        slot: &Slot,
        receipt: &Receipt,
        block: BlockRef,
        tokens: &[Token],
    ) -> Result<Vec<TokenDelta>, ReadError> {
        let does_not_fit = || malformed("eth_getBalance", "a balance or fee does not fit");
        let earlier = BlockRef {
            number: block.number.checked_sub(1).ok_or_else(does_not_fit)?,
            // Only the number is used for reading.
            ..block
        };
        let beside = self.fees_beside(slot, block, earlier).await?;
        let now = self.client.view_at(block);
        let then = self.client.view_at(earlier);
        let mut deltas = Vec::new();
        for token in tokens.iter().filter(|token| token.chain == slot.chain) {
            let delta = match (&beside, token.is_native()) {
                (Beside::EarlierNonce, true) => signed_difference(U256::ZERO, receipt.fee),
                (Beside::EarlierNonce, false) => Some(I256::ZERO),
                (Beside::Fees(fees), native) => {
                    let after = token_balance(&now, token, slot.wallet).await?;
                    let before = token_balance(&then, token, slot.wallet).await?;
                    let fees = if native { *fees } else { U256::ZERO };
                    after
                        .checked_add(fees)
                        .and_then(|after| signed_difference(after, before))
                }
            };
            deltas.push(TokenDelta {
                token: token.clone(),
                delta: delta.ok_or_else(does_not_fit)?,
            });
        }
        Ok(deltas)
    }

    /// The other transactions of the wallet in the same block.
    async fn fees_beside(
        &self,
        slot: &Slot,
        block: BlockRef,
        earlier: BlockRef,
    ) -> Result<Beside, ReadError> {
        let after = self.client.nonce_at(slot.wallet, block.number).await?;
        let before = self.client.nonce_at(slot.wallet, earlier.number).await?;
        if after <= before.saturating_add(1) {
            return Ok(Beside::Fees(U256::ZERO));
        }
        let ours = self
            .client
            .transactions_of(slot.wallet, block.number)
            .await?;
        let mut fees = U256::ZERO;
        for (nonce, tx) in ours {
            if nonce < slot.nonce {
                return Ok(Beside::EarlierNonce);
            }
            if nonce > slot.nonce {
                let receipt = self.client.receipt(tx).await?.ok_or_else(|| {
                    malformed("eth_getTransactionReceipt", "a mined transaction has none")
                })?;
                fees = fees.saturating_add(receipt.fee);
            }
        }
        Ok(Beside::Fees(fees))
    }
}

enum Beside {
    /// A transaction of the wallet with a lower nonce is in the block; it gets the changes.
    EarlierNonce,
    /// The fees of the wallet's later transactions in the block, wei; usually zero.
    Fees(U256),
}

/// Whether a reverted transaction ran out of gas. A call keeps 1/64 of the gas from what it calls
/// (EIP-150), so a limit that was used to 63/64 ran out somewhere below.
fn ran_out(gas_used: u64, gas_limit: u64) -> bool {
    u128::from(gas_used) * 64 >= u128::from(gas_limit) * 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_begins_at_63_of_64_parts_of_the_limit() {
        assert!(ran_out(63, 64));
        assert!(!ran_out(62, 64));
        assert!(ran_out(100_000, 100_000));
        assert!(!ran_out(90_000, 100_000));
        assert!(ran_out(u64::MAX, u64::MAX));
    }
}
