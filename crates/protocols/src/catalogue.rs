//! What tasks can do: every action of every module with its parameters, limits and habits.
//!
//! Each module states its own kinds beside its code; this is where they are read together. The
//! configuration, the commands and the modules themselves ask here, so that what is offered is what
//! can be done.

use std::time::Duration;

use serde::Serialize;

use crate::bridge::Bridge;
use crate::erc4626::Erc4626;
use crate::merkle_distributor::MerkleDistributor;
use crate::staking_rewards::StakingRewards;
use crate::uniswap_v2::UniswapV2;
use crate::wrapped_native::WrappedNative;

/// Every verb of every module, as it is written in configuration.
pub const ACTIONS: &[&str] = &[
    "wrap",
    "unwrap",
    "supply",
    "withdraw",
    "swap",
    "add_liquidity",
    "remove_liquidity",
    "stake",
    "exit",
    "bridge",
    "claim",
];

/// An attempt that has led to no transaction for so long counts as failed, unless the task says
/// otherwise: what an endpoint has not answered by then it will not answer.
pub const TIMEOUT: Duration = Duration::from_secs(600);

/// How much an action may be told to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amounts {
    /// `target`, `all`, a share, or tokens: it moves a position towards or away from the
    /// allocation's target.
    Any,
    /// It takes all there is, and is told nothing.
    All,
}

/// A key of a task beside wallet, protocol, action and amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// The key.
    pub name: &'static str,
    /// What it says.
    pub means: &'static str,
}

/// Gas units of one transaction, as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TypicalGas {
    /// The mean over the transactions that were seen.
    pub units: u64,
    /// How many there were.
    pub seen: u32,
    /// Where.
    pub source: &'static str,
}

/// One kind of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TaskKind {
    /// The module, as configuration names it.
    pub module: &'static str,
    /// The verb, as configuration names it.
    pub action: &'static str,
    /// In one sentence.
    pub does: &'static str,
    /// Keys of its own; all of them are required.
    pub parameters: &'static [Parameter],
    /// How much it may be told to move.
    pub amounts: Amounts,
    /// Whether it can only lower exposure to a protocol: it then goes on in stops that refuse new
    /// exposure, and in a quarantine.
    pub only_reduces: bool,
    /// Whether it is critical unless a task says so; only an operator's unwind is.
    pub critical: bool,
    /// The action that undoes it; `None` if nothing does.
    pub compensation: Option<&'static str>,
    /// Gas of its transaction, without that of an allowance; `None` if it is not known.
    pub gas: Option<TypicalGas>,
    /// Whether an allowance may have to be set by a transaction of its own before.
    pub approves: bool,
    /// Seconds after which an attempt without a transaction counts as failed.
    pub timeout_seconds: u64,
    /// The limits of the configuration that it can run into.
    pub limits: &'static [&'static str],
}

/// Limits of every transaction.
const EVERY: &[&str] = &["fee", "permit_ttl", "simulation_age", "rolling_loss"];
/// Limits of what adds exposure to a protocol.
const ADDS: &[&str] = &[
    "fee",
    "permit_ttl",
    "simulation_age",
    "rolling_loss",
    "transaction",
    "protocol",
    "asset",
    "gas",
    "min_change",
];
/// Limits of what changes one asset for another, or moves it elsewhere.
const MOVES: &[&str] = &[
    "fee",
    "permit_ttl",
    "simulation_age",
    "rolling_loss",
    "transaction",
    "asset",
    "gas",
];

/// Gas that the actions of the built-in farm used.
const fn seen(units: u64, seen: u32) -> Option<TypicalGas> {
    Some(TypicalGas {
        units,
        seen,
        source: "mean over `airdrops demo --seed 1`",
    })
}

/// Gas of an allowance that is set, and of one that is taken back, as [`TaskKind::gas`].
pub const APPROVAL_GAS: Option<TypicalGas> = seen(44_972, 29);

impl TaskKind {
    /// A kind that adds exposure, with an allowance before it.
    pub(crate) const fn adds(
        module: &'static str,
        action: &'static str,
        does: &'static str,
    ) -> Self {
        Self {
            module,
            action,
            does,
            parameters: &[],
            amounts: Amounts::Any,
            only_reduces: false,
            critical: false,
            compensation: None,
            gas: None,
            approves: true,
            timeout_seconds: TIMEOUT.as_secs(),
            limits: ADDS,
        }
    }

    /// A kind that can only lower exposure.
    pub(crate) const fn reduces(
        module: &'static str,
        action: &'static str,
        does: &'static str,
    ) -> Self {
        Self {
            only_reduces: true,
            approves: false,
            limits: EVERY,
            ..Self::adds(module, action, does)
        }
    }

    /// A kind that moves what is held, without a position at the end.
    pub(crate) const fn moves(
        module: &'static str,
        action: &'static str,
        does: &'static str,
    ) -> Self {
        Self {
            limits: MOVES,
            ..Self::adds(module, action, does)
        }
    }

    /// A kind that takes all of something that is ours.
    pub(crate) const fn takes(
        module: &'static str,
        action: &'static str,
        does: &'static str,
    ) -> Self {
        Self {
            amounts: Amounts::All,
            approves: false,
            limits: EVERY,
            ..Self::adds(module, action, does)
        }
    }

    /// With the action that undoes it.
    pub(crate) const fn undone_by(self, action: &'static str) -> Self {
        Self {
            compensation: Some(action),
            ..self
        }
    }

    /// With its gas in the built-in farm: mean units, and how many transactions.
    pub(crate) const fn used(self, units: u64, count: u32) -> Self {
        Self {
            gas: seen(units, count),
            ..self
        }
    }

    /// Without an allowance.
    pub(crate) const fn without_allowance(self) -> Self {
        Self {
            approves: false,
            ..self
        }
    }
}

/// Every kind, module by module.
#[must_use]
pub fn kinds() -> Vec<&'static TaskKind> {
    [
        WrappedNative::KINDS,
        Erc4626::KINDS,
        UniswapV2::KINDS,
        StakingRewards::KINDS,
        Bridge::KINDS,
        MerkleDistributor::KINDS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The kind of an action at a module; `None` if the module cannot do it.
#[must_use]
pub fn kind(module: &str, action: &str) -> Option<&'static TaskKind> {
    kinds()
        .into_iter()
        .find(|kind| kind.module == module && kind.action == action)
}

/// What a module can do.
#[must_use]
pub fn actions_of(module: &str) -> Vec<&'static str> {
    kinds()
        .into_iter()
        .filter(|kind| kind.module == module)
        .map(|kind| kind.action)
        .collect()
}
