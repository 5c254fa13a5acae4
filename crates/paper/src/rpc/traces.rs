//! `debug_traceTransaction` and `debug_traceCall` with the prestate tracer.

use std::collections::BTreeMap;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::state::StateOverride;
use alloy::rpc::types::{BlockOverrides, TransactionRequest};
use revm::state::EvmState;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::error::{RpcError, StateError};
use crate::evm::{Checks, apply, execute, tx_env};
use crate::rpc::params::Params;
use crate::rpc::{Answer, json};
use crate::state::{Overlay, Record};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    tracer: Option<String>,
    tracer_config: TracerConfig,
    state_overrides: Option<StateOverride>,
    block_overrides: Option<BlockOverrides>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TracerConfig {
    diff_mode: bool,
    disable_code: bool,
    disable_storage: bool,
}

impl Options {
    fn config(&self) -> Result<&TracerConfig, RpcError> {
        match self.tracer.as_deref() {
            Some("prestateTracer") => Ok(&self.tracer_config),
            other => Err(RpcError::server(format!(
                "tracer {} is not supported, only prestateTracer is",
                other.unwrap_or("structLogger")
            ))),
        }
    }
}

/// An account as the tracer shows it. The nonce is a number and not a quantity, as in
/// go-ethereum (eth/tracers/native/prestate.go).
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Bytes>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage: BTreeMap<B256, B256>,
}

type Accounts = BTreeMap<Address, Shown>;

#[derive(Debug, Serialize)]
struct Difference {
    pre: Accounts,
    post: Accounts,
}

/// Before and after of each account that an execution loaded. `before` is the state that it
/// started from.
fn show(before: &Overlay<'_>, state: &EvmState, config: &TracerConfig) -> Answer {
    let (mut pre, mut post) = (Accounts::new(), Accounts::new());
    for (address, account) in state {
        let old = before.record(*address)?;
        let destroyed = account.is_selfdestructed();
        let new = match (destroyed, account.is_touched()) {
            (true, _) => Record::default(),
            (false, true) => Record::from(&account.info),
            (false, false) => old,
        };
        let code = |record: Record| -> Result<Option<Bytes>, StateError> {
            let code = match &account.info.code {
                Some(code) if record.code_hash == account.info.code_hash => code.clone(),
                _ => before.code(record.code_hash)?,
            };
            Ok((!code.is_empty() && !config.disable_code).then(|| code.original_bytes()))
        };
        let mut from = Shown {
            balance: Some(old.balance),
            nonce: (old.nonce > 0).then_some(old.nonce),
            code: code(old)?,
            storage: BTreeMap::new(),
        };
        let mut to = Shown {
            balance: (new.balance != old.balance).then_some(new.balance),
            nonce: (new.nonce != old.nonce).then_some(new.nonce),
            code: if new.code_hash == old.code_hash {
                None
            } else {
                code(new)?
            },
            storage: BTreeMap::new(),
        };
        let mut changed = new != old;
        for (key, slot) in &account.storage {
            if config.disable_storage {
                break;
            }
            let (old, new) = (slot.original_value, slot.present_value);
            let key = B256::from(*key);
            if config.diff_mode && (old == new || destroyed) {
                continue;
            }
            changed |= old != new;
            if !old.is_zero() || !config.diff_mode {
                from.storage.insert(key, B256::from(old));
            }
            if !new.is_zero() {
                to.storage.insert(key, B256::from(new));
            }
        }
        if !config.diff_mode {
            pre.insert(*address, from);
        } else if changed {
            if old != Record::default() {
                pre.insert(*address, from);
            }
            if !destroyed {
                post.insert(*address, to);
            }
        }
    }
    if config.diff_mode {
        json(Difference { pre, post })
    } else {
        json(pre)
    }
}

impl Chain {
    pub(crate) fn trace_transaction(&self, params: &Params) -> Answer {
        let hash: B256 = params.required(0)?;
        let options: Options = params.optional(1)?.unwrap_or_default();
        let config = options.config()?;
        let not_found = || RpcError::server("transaction not found");
        let (block, index, _) = match self.mined(hash) {
            Ok(found) => found,
            Err(miss) if self.upstream.is_some() => return Err(miss),
            Err(_) => return Err(not_found().into()),
        };
        let parent = block.header.number - 1;
        self.kept(parent)?;
        let mut overlay = self.state.at(parent);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let mined = block.transactions.get(index).ok_or_else(not_found)?;
        let env = |impersonated: bool| {
            let checks = if impersonated {
                Checks::World
            } else {
                Checks::Signed
            };
            self.env(block.env(), checks)
        };
        for before in &block.transactions[..index] {
            let tx = tx_env(&before.tx, before.sender);
            apply(&mut overlay, &env(before.impersonated), tx)?;
        }
        let tx = tx_env(&mined.tx, mined.sender);
        let done = execute(&mut overlay, &env(mined.impersonated), tx)?;
        show(&overlay, &done.state, config)
    }

    pub(crate) fn trace_call(&self, params: &Params) -> Answer {
        let request: TransactionRequest = params.required(0)?;
        let id: BlockId = params.block(1)?;
        let options: Options = params.optional(2)?.unwrap_or_default();
        options.config()?;
        let mut call = self.prepare(
            &request,
            id,
            options.state_overrides.clone(),
            options.block_overrides.clone(),
        )?;
        let done = execute(&mut call.overlay, &call.env, call.tx)?;
        show(&call.overlay, &done.state, &options.tracer_config)
    }
}
