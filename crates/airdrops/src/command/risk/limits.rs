//! `risk limits`: every limit in force.

mod answer;
mod exposure;
mod terminal;

use airdrops_risk::Policy;
use airdrops_types::{Bps, Entry, Usd};

use super::measured::{Measured, Thresholds};
use crate::breaker_steps::{self, Step};
use crate::cli::Global;
use crate::command::report::whole_journal;
use crate::exit::Failure;
use exposure::Bound;

/// Journal entries in which the last start is looked for before the whole journal is read.
const TAIL: usize = 2000;

/// All limits, with what is measured against them.
struct Limits {
    measured: Measured,
    /// The policy of the last start.
    policy: Policy,
    /// The most that one transaction moves.
    transaction: Bound,
    /// Families, assets and everything that they depend on.
    exposures: Vec<Bound>,
    /// What trips each breaker.
    steps: Vec<Step>,
}

/// Shows every limit in force.
///
/// # Errors
/// If the database cannot be read, or nothing was assessed yet.
pub fn limits(global: &Global) -> Result<(), Failure> {
    let mut measured = Measured::read(global)?;
    let policy = policy(&measured)?;
    if measured.source == Thresholds::Defaults {
        measured.monitor.breakers.rolling_loss.limit = policy.rolling_loss_limit;
    }
    let limits = Limits {
        transaction: exposure::transaction(&policy, &measured),
        exposures: exposure::all(&policy, &measured)?,
        steps: breaker_steps::of(&measured.monitor),
        policy,
        measured,
    };
    crate::command::answer(global, &terminal::render(&limits), &answer::json(&limits));
    Ok(())
}

/// The policy of the last start.
fn policy(measured: &Measured) -> Result<Policy, Failure> {
    let started = |entry: &airdrops_types::JournalEntry| match &entry.entry {
        Entry::Started { policy, .. } => Some(policy.clone()),
        _ => None,
    };
    let tail = measured.store.journal_tail(TAIL)?;
    let policy = match tail.iter().rev().find_map(started) {
        Some(policy) => Some(policy),
        None => whole_journal(measured.store.as_ref())?
            .iter()
            .rev()
            .find_map(started),
    };
    let Some(policy) = policy else {
        return Err(Failure::failed(format!(
            "no start in the journal of {}: `airdrops run` and `airdrops once` write one with the \
             limits",
            measured.place
        )));
    };
    serde_json::from_value(policy).map_err(|error| {
        Failure::failed(format!(
            "the limits in the journal are of another version ({error}): `airdrops run` and \
             `airdrops once` write them again"
        ))
    })
}

/// What holds of a limit in dollars; `None` if equity is not known.
fn bound(equity: Option<Usd>, limit: Bps, scale: Bps) -> Option<Usd> {
    Some(equity?.or_zero().fraction(limit.times(scale)))
}
