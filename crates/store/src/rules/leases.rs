//! Who may move which lane, as stored. The rules are [`airdrops_scheduler::lease`].

use std::time::Duration;

use airdrops_scheduler::lease::{self, Claim, Lane, Lease, NodeId};
use airdrops_types::Timestamp;

use super::column::{integer, unsigned};
use crate::sql::{Row, Sql, params};
use crate::{NodeSeen, StoreError};

/// The lane of a runner: everything.
pub(crate) const FARM: &str = "farm";

/// The lease of a lane; the row stays as it is until the transaction ends.
pub(crate) fn find(sql: &mut dyn Sql, lane: &Lane) -> Result<Option<Lease>, StoreError> {
    let lock = sql.for_update();
    sql.first(
        &format!("SELECT holder, epoch, until FROM leases WHERE lane = ?1{lock}"),
        &params![lane.0.as_str()],
        |row| lease_at(row, 0),
    )
}

fn lease_at(row: &Row<'_>, first: usize) -> Result<Lease, StoreError> {
    Ok(Lease {
        holder: row.opt_text(first)?.map(|name| NodeId(name.to_owned())),
        epoch: unsigned("epoch", row.int(first + 1)?)?,
        until: Timestamp(row.int(first + 2)?),
    })
}

fn store(sql: &mut dyn Sql, lane: &Lane, lease: &Lease) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO leases (lane, holder, epoch, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (lane) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch,
             until = excluded.until",
        &params![
            lane.0.as_str(),
            lease.holder.as_ref().map(|node| node.0.as_str()),
            integer("epoch", lease.epoch)?,
            lease.until,
        ],
    )?;
    Ok(())
}

/// Claims a lane. `alone` says that whoever held it is known to have ended.
pub(crate) fn claim(
    sql: &mut dyn Sql,
    lane: &Lane,
    node: &NodeId,
    given: Timestamp,
    ttl: Duration,
    alone: bool,
) -> Result<Claim, StoreError> {
    let now = sql.clock(given)?;
    let mut current = find(sql, lane)?;
    if let (true, Some(lease)) = (alone, &mut current) {
        lease.holder = None;
    }
    let lease =
        lease::claim(current.as_ref(), node, now, ttl).map_err(|held| StoreError::Held {
            holder: held.holder.0,
            until: held.until,
        })?;
    store(sql, lane, &lease)?;
    see(sql, node, now)?;
    Ok(Claim {
        lane: lane.clone(),
        node: node.clone(),
        epoch: lease.epoch,
    })
}

/// Whether a claim holds.
pub(crate) fn check(sql: &mut dyn Sql, claim: &Claim) -> Result<(), StoreError> {
    let lease = find(sql, &claim.lane)?;
    Ok(lease::check(lease.as_ref(), claim)?)
}

pub(crate) fn renew(
    sql: &mut dyn Sql,
    claim: &Claim,
    given: Timestamp,
    ttl: Duration,
) -> Result<(), StoreError> {
    let now = sql.clock(given)?;
    let current = find(sql, &claim.lane)?;
    lease::check(current.as_ref(), claim)?;
    if let Some(current) = current {
        store(sql, &claim.lane, &lease::renew(&current, claim, now, ttl)?)?;
    }
    see(sql, &claim.node, now)
}

pub(crate) fn release(sql: &mut dyn Sql, claim: &Claim) -> Result<(), StoreError> {
    let current = find(sql, &claim.lane)?;
    lease::check(current.as_ref(), claim)?;
    if let Some(current) = current {
        store(sql, &claim.lane, &lease::release(&current, claim)?)?;
    }
    sql.notify()
}

/// Notes that a node lives.
pub(crate) fn see(sql: &mut dyn Sql, node: &NodeId, now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO nodes (node, seen) VALUES (?1, ?2)
         ON CONFLICT (node) DO UPDATE SET seen = excluded.seen",
        &params![node.0.as_str(), now],
    )?;
    // A day after its last sign a name is of no use to anybody.
    sql.execute(
        "DELETE FROM nodes WHERE seen < ?1",
        &params![now.minus(Duration::from_secs(86_400))],
    )?;
    Ok(())
}

/// Every node that was seen within a day, with the lanes that it holds, by name.
pub(crate) fn nodes(sql: &mut dyn Sql) -> Result<Vec<NodeSeen>, StoreError> {
    let held = sql.all(
        "SELECT lane, holder, epoch, until FROM leases ORDER BY lane",
        &[],
        |row| Ok((row.text(0)?.to_owned(), lease_at(row, 1)?)),
    )?;
    sql.all("SELECT node, seen FROM nodes ORDER BY node", &[], |row| {
        let node = row.text(0)?;
        Ok(NodeSeen {
            node: node.to_owned(),
            seen: Timestamp(row.int(1)?),
            lanes: held
                .iter()
                .filter(|(_, lease)| lease.holder.as_ref().is_some_and(|holder| holder.0 == node))
                .map(|(lane, lease)| (lane.clone(), lease.until))
                .collect(),
        })
    })
}
