//! What must never be, and what must happen for that to mean anything.

use std::collections::BTreeMap;

use airdrops_types::{TaskId, TaskState};
use stateright::Property;

use super::Protocol;
use super::world::{JOBS, Node, State, run_id};

pub(super) const TWICE: &str = "no job is done twice";
pub(super) const NONCE: &str = "no nonce is of two intents";
pub(super) const UNSTORED: &str = "nothing is sent that is not stored";
pub(super) const CANCELLED: &str = "a cancelled run does nothing any more";
pub(super) const OVERWRITTEN: &str = "a run that is done stays so";
pub(super) const OUTDATED: &str = "nothing is signed under control states that are over";

pub(super) const BOTH: &str = "both jobs are done";
pub(super) const OTHER_RUN: &str = "a job is done by another run";
pub(super) const SECOND_INTENT: &str = "a job is done by its second intent";
pub(super) const TAKEOVER: &str = "a node takes over while the other goes on";
pub(super) const ZOMBIE: &str = "a zombie is refused";

pub(super) fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::always(TWICE, |_, state: &State| {
            (0..JOBS.len()).all(|job| {
                let effects = state
                    .mined
                    .iter()
                    .filter(|(tx, took)| *took && tx.job == job);
                effects.count() <= 1
            })
        }),
        Property::always(NONCE, |_, state: &State| {
            let stored = state.slots.iter().map(|slot| &slot.tx);
            let sent = state
                .pool
                .iter()
                .chain(state.mined.iter().map(|(tx, _)| tx));
            let mut owners = BTreeMap::new();
            stored.chain(sent).all(|tx| {
                let owner = owners.entry(tx.nonce).or_insert_with(|| tx.clone());
                owner == tx
            })
        }),
        Property::always(UNSTORED, |_, state: &State| {
            let mut sent = state
                .pool
                .iter()
                .chain(state.mined.iter().map(|(tx, _)| tx));
            sent.all(|tx| state.slots.iter().any(|slot| slot.tx == *tx))
        }),
        Property::always(CANCELLED, |_, state: &State| {
            state.slots.iter().all(|slot| {
                !slot.open || state_of(state, &slot.tx.task()) != Some(TaskState::Cancelled)
            })
        }),
        Property::always(OVERWRITTEN, |_, state: &State| {
            state.slots.iter().filter(|slot| !slot.open).all(|slot| {
                let took = state.mined.contains(&(slot.tx.clone(), true));
                !took || state_of(state, &slot.tx.task()) == Some(TaskState::Completed)
            })
        }),
        Property::always(OUTDATED, |_, state: &State| {
            state.slots.iter().all(|slot| !slot.outdated)
        }),
        Property::sometimes(BOTH, |_, state: &State| {
            (0..JOBS.len())
                .all(|job| state_of(state, &run_id(job, 1)) == Some(TaskState::Completed))
        }),
        Property::sometimes(OTHER_RUN, |_, state: &State| {
            state_of(state, &run_id(0, 2)) == Some(TaskState::Completed)
        }),
        Property::sometimes(SECOND_INTENT, |_, state: &State| {
            let mut mined = state.mined.iter();
            mined.any(|(tx, took)| *took && tx.step == 1)
        }),
        Property::sometimes(TAKEOVER, |_, state: &State| {
            let epochs = state.nodes.each_ref().map(|node| match node {
                Node::Working { claim, .. } => Some(claim.epoch),
                _ => None,
            });
            matches!(epochs, [Some(one), Some(other)] if one != other)
        }),
        Property::sometimes(ZOMBIE, |_, state: &State| {
            let nodes = &state.nodes;
            nodes.contains(&Node::Idle { refused: true })
                && nodes
                    .iter()
                    .any(|node| matches!(node, Node::Working { .. }))
        }),
    ]
}

fn state_of(state: &State, task: &TaskId) -> Option<TaskState> {
    let mut records = state.records.iter();
    let record = records.find(|record| record.id == *task)?;
    Some(record.state)
}
