//! Running one transaction.

use alloy::consensus::{Transaction as _, TxEnvelope, Typed2718};
use alloy::primitives::{Address, B256, U256};
use revm::context::result::{EVMError, ExecutionResult, HaltReason, ResultAndState};
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::either::Either;
use revm::primitives::hardfork::SpecId;
use revm::{ExecuteEvm, InspectEvm, Inspector, MainBuilder, MainContext};

use crate::error::{RunError, StateError};
use crate::state::Overlay;

/// Which rules of transaction validity hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// All: a signed transaction.
    Signed,
    /// A call: any sender, any nonce, no base fee unless the caller names a price.
    Call,
    /// World building: any sender, no fee, no code size limit.
    World,
}

/// Everything around a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    pub(crate) chain_id: u64,
    pub(crate) spec: SpecId,
    pub(crate) block: BlockEnv,
    pub(crate) checks: Checks,
}

/// What inspectors see.
pub(crate) type EvmContext<'d, 's> =
    Context<BlockEnv, TxEnv, CfgEnv, &'d mut Overlay<'s>, Journal<&'d mut Overlay<'s>>, ()>;

fn context<'d, 's>(db: &'d mut Overlay<'s>, env: &Env, tx: &TxEnv) -> EvmContext<'d, 's> {
    let mut cfg = CfgEnv::new_with_spec(env.spec).with_chain_id(env.chain_id);
    let mut block = env.block.clone();
    match env.checks {
        Checks::Signed => {}
        Checks::Call => {
            cfg.disable_eip3607 = true;
            cfg.disable_nonce_check = true;
            cfg.disable_block_gas_limit = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
            // go-ethereum: a call that names no price runs in a block without a base fee.
            if tx.gas_price == 0 {
                block.basefee = 0;
            }
        }
        Checks::World => {
            cfg.disable_eip3607 = true;
            cfg.disable_block_gas_limit = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
            cfg.limit_contract_code_size = Some(usize::MAX);
            cfg.limit_contract_initcode_size = Some(usize::MAX);
            block.basefee = 0;
        }
    }
    Context::mainnet()
        .with_db(db)
        .with_block(block)
        .with_cfg(cfg)
}

fn run_error(error: EVMError<StateError>) -> RunError {
    match error {
        EVMError::Transaction(invalid) => RunError::Invalid(invalid),
        EVMError::Database(state) => RunError::State(state),
        other => RunError::Other(other.to_string()),
    }
}

/// Executes `tx` on `db` without committing.
pub(crate) fn execute(
    db: &mut Overlay<'_>,
    env: &Env,
    tx: TxEnv,
) -> Result<ResultAndState, RunError> {
    let mut evm = context(db, env, &tx).build_mainnet();
    evm.transact(tx).map_err(run_error)
}

/// Executes `tx` on `db` under `inspector` without committing.
pub(crate) fn inspect<'d, 's, I>(
    db: &'d mut Overlay<'s>,
    env: &Env,
    tx: TxEnv,
    inspector: &mut I,
) -> Result<ResultAndState, RunError>
where
    I: Inspector<EvmContext<'d, 's>>,
{
    let mut evm = context(db, env, &tx).build_mainnet_with_inspector(inspector);
    evm.inspect_tx(tx).map_err(run_error)
}

/// Executes `tx` and keeps what it changed in `db`.
pub(crate) fn apply(
    db: &mut Overlay<'_>,
    env: &Env,
    tx: TxEnv,
) -> Result<ExecutionResult<HaltReason>, RunError> {
    let done = execute(db, env, tx)?;
    db.commit(done.state);
    Ok(done.result)
}

/// A block's environment from its header fields.
pub(crate) fn block_env(
    number: u64,
    timestamp: u64,
    gas_limit: u64,
    base_fee: u64,
    beneficiary: Address,
    prevrandao: B256,
) -> BlockEnv {
    BlockEnv {
        number: U256::from(number),
        beneficiary,
        timestamp: U256::from(timestamp),
        gas_limit,
        basefee: base_fee,
        difficulty: U256::ZERO,
        prevrandao: Some(prevrandao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: 1,
        }),
        slot_num: 0,
    }
}

/// A signed transaction as revm wants it.
pub(crate) fn tx_env(tx: &TxEnvelope, sender: Address) -> TxEnv {
    TxEnv {
        tx_type: tx.ty(),
        caller: sender,
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: tx
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
    }
}
