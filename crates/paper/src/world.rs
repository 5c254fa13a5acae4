//! Building and changing the world in anyone's name.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::primitives::{Address, Bytes, Signature, TxKind, U256};
use revm::context::TxEnv;
use revm::context::result::ExecutionResult;

use crate::block::{Block, Mined, Seal};
use crate::chain::Chain;
use crate::error::{PaperError, halt_words};
use crate::evm::{Checks, apply, execute, tx_env};

/// Gas for a world-building transaction: more than anything needs.
const WORLD_GAS: u64 = 1_000_000_000;

/// A transaction that nobody signed. The sender stands in the signature, so that equal
/// transactions of two senders have different hashes.
pub(crate) fn unsigned(tx: TxEip1559, sender: Address) -> TxEnvelope {
    let sender = U256::from_be_slice(sender.as_slice());
    tx.into_signed(Signature::new(sender, U256::from(1), false))
        .into()
}

fn outcome(result: &ExecutionResult) -> Result<Bytes, PaperError> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.data().clone()),
        ExecutionResult::Revert { output, .. } => Err(PaperError::Reverted(output.clone())),
        ExecutionResult::Halt { reason, .. } => Err(PaperError::Halted(halt_words(reason))),
    }
}

impl Chain {
    pub(crate) fn world(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: U256,
        input: Bytes,
    ) -> Result<(Option<Address>, Bytes), PaperError> {
        let timestamp = self.head().header.timestamp;
        let env = self.env(self.next_block_env(timestamp), Checks::World);
        let mut overlay = self.state.at(self.state.head());
        let tx = TxEip1559 {
            chain_id: self.config.chain.0,
            nonce: overlay.record(from)?.nonce,
            gas_limit: WORLD_GAS,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value,
            access_list: Default::default(),
            input,
        };
        let tx = unsigned(tx, from);
        let result = apply(&mut overlay, &env, tx_env(&tx, from))?;
        let output = outcome(&result)?;
        let changes = overlay.into_changes();
        let mut block = env.block;
        let mined = Mined::new(tx, from, true, result, block.basefee, &[]);
        let created = mined.created;
        // Used exactly to the target, so that the base fee stays.
        block.gas_limit = block.gas_limit.max(mined.gas_used.saturating_mul(2));
        let seal = Seal {
            parent: self.head().hash,
            number: self.head().header.number + 1,
            timestamp,
            gas_used: block.gas_limit / 2,
            background_gas: block.gas_limit / 2 - mined.gas_used,
            background_tip: self.background.tip,
            env: block,
            spec: self.spec(),
            extra_data: self.extra_data(),
        };
        self.append(Block::seal(seal, vec![mined]), changes)?;
        Ok((created, output))
    }

    pub(crate) fn view(&self, to: Address, data: Bytes) -> Result<Bytes, PaperError> {
        let env = self.env(self.head().env(), Checks::Call);
        let tx = TxEnv {
            gas_limit: WORLD_GAS,
            kind: TxKind::Call(to),
            data,
            chain_id: Some(self.config.chain.0),
            ..TxEnv::default()
        };
        let done = execute(&mut self.state.at(self.state.head()), &env, tx)?;
        outcome(&done.result)
    }
}
