//! What is stored where, and what may be: written once, for every database.

pub(crate) mod column;
pub(crate) mod control;
pub(crate) mod definitions;
pub(crate) mod history;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod observations;
pub(crate) mod outcomes;
pub(crate) mod samples;
pub(crate) mod settings;
pub(crate) mod specs;
pub(crate) mod task_row;
pub(crate) mod tasks;
pub(crate) mod transactions;
pub(crate) mod triggers;
pub(crate) mod unwinds;
pub(crate) mod withdrawals;

use crate::sql::Sql;
use crate::{Batch, Committed, StoreError};

/// Stores batches in their order, inside a transaction. Transitions of tasks that follow each other
/// are stored together.
pub(crate) fn apply_all(
    sql: &mut dyn Sql,
    batches: &[Batch],
) -> Result<Vec<Committed>, StoreError> {
    let mut committed = Vec::with_capacity(batches.len());
    let alike =
        |one: &Batch, other: &Batch| one.is_only_transitions() && other.is_only_transitions();
    for run in batches.chunk_by(alike) {
        match run {
            [batch] => committed.push(apply(sql, batch)?),
            run => committed.extend(transitions(sql, run)?),
        }
    }
    Ok(committed)
}

fn transitions(sql: &mut dyn Sql, batches: &[Batch]) -> Result<Vec<Committed>, StoreError> {
    tasks::store(sql, batches.iter().flat_map(|batch| &batch.tasks))?;
    for batch in batches {
        triggers::store(sql, &batch.triggers)?;
    }
    let entries = batches.iter().map(|batch| (batch.at, &batch.entries[..]));
    let last = journal::append_all(sql, entries)?;
    let revision = control::revision(sql)?;
    Ok(last
        .into_iter()
        .map(|seq| Committed { seq, revision })
        .collect())
}

/// Stores a batch, inside a transaction.
pub(crate) fn apply(sql: &mut dyn Sql, batch: &Batch) -> Result<Committed, StoreError> {
    inbox::finish(sql, batch.at, &batch.done)?;
    definitions::store(sql, &batch.definitions)?;
    tasks::store(sql, &batch.tasks)?;
    triggers::store(sql, &batch.triggers)?;
    ledger::book(sql, &batch.ledger)?;
    ledger::store_equity(sql, &batch.equity)?;
    outcomes::store(sql, &batch.outcomes)?;
    outcomes::retire(sql, &batch.retired)?;
    for trip in &batch.trips {
        control::trip(sql, trip)?;
    }
    for (scope, breaker) in &batch.ended {
        control::clear(sql, scope, breaker)?;
    }
    for (scope, breaker) in &batch.cleared {
        if control::clear(sql, scope, breaker)? {
            control::note_cleared(sql, scope, breaker, batch.at)?;
        }
    }
    samples::store(sql, &batch.samples)?;
    if let Some(before) = batch.forget_samples_before {
        samples::forget(sql, before)?;
    }
    settings::store(sql, &batch.settings)?;
    Ok(Committed {
        seq: journal::append(sql, batch.at, &batch.entries)?,
        revision: control::revision(sql)?,
    })
}
