//! Who may move a lane, as pure functions: claims with an epoch that only grows.
//!
//! A lease runs out by the clock; whether a claim still holds is said by the epoch alone. A node that
//! was paused past its lease finds another epoch, whatever its clock says (Kleppmann 2016, "How to do
//! distributed locking": fencing tokens).
//!
//! Every store keeps one [`Lease`] per lane, changes it only by these functions, and calls [`check`] in
//! the very transaction that stores what the claim's holder wants.

use std::time::Duration;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is claimed as a whole: everything that one node at a time may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(pub String);

/// A node of a cluster: unique per process, not per machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

/// The stored state of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it; `None` after a release.
    pub holder: Option<NodeId>,
    /// Grows with every change of hands, and never otherwise.
    pub epoch: u64,
    /// The holder must have renewed it by then.
    pub until: Timestamp,
}

/// What a holder shows with everything that it wants stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Of which lane.
    pub lane: Lane,
    /// By whom.
    pub node: NodeId,
    /// Of which epoch.
    pub epoch: u64,
}

/// A lane that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("held by {} until {until}", .holder.0)]
pub struct Held {
    /// By whom.
    pub holder: NodeId,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
}

/// A claim that another one has taken the place of: its holder may store nothing any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the claim of epoch {epoch} is over: the lane is at epoch {current}")]
pub struct Fenced {
    /// Of the claim.
    pub epoch: u64,
    /// Of the lane.
    pub current: u64,
}

/// The lease after `node` claimed the lane at `now`. The epoch grows, also if the node held it before:
/// an earlier life of the same node is over.
///
/// # Errors
/// [`Held`] while somebody else's lease has not run out.
pub fn claim(
    current: Option<&Lease>,
    node: &NodeId,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, Held> {
    if let Some(Lease {
        holder: Some(holder),
        until,
        ..
    }) = current
        && holder != node
        && *until > now
    {
        return Err(Held {
            holder: holder.clone(),
            until: *until,
        });
    }
    Ok(Lease {
        holder: Some(node.clone()),
        epoch: current.map_or(0, |lease| lease.epoch).saturating_add(1),
        until: now.plus(ttl),
    })
}

/// The lease after its holder renewed it. A lease that ran out and that nobody took may be renewed.
///
/// # Errors
/// As [`check`].
pub fn renew(
    current: &Lease,
    claim: &Claim,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, Fenced> {
    check(Some(current), claim)?;
    Ok(Lease {
        until: now.plus(ttl),
        ..current.clone()
    })
}

/// The lease after its holder let go, so that others need not wait.
///
/// # Errors
/// As [`check`].
pub fn release(current: &Lease, claim: &Claim) -> Result<Lease, Fenced> {
    check(Some(current), claim)?;
    Ok(Lease {
        holder: None,
        ..current.clone()
    })
}

/// Whether a claim still holds.
///
/// # Errors
/// [`Fenced`] if the lane's epoch is another one, or it has none.
pub fn check(current: Option<&Lease>, claim: &Claim) -> Result<(), Fenced> {
    let epoch = current.map_or(0, |lease| lease.epoch);
    if epoch == claim.epoch {
        Ok(())
    } else {
        Err(Fenced {
            epoch: claim.epoch,
            current: epoch,
        })
    }
}
