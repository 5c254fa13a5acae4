//! The scheduler's engine on a store.

use std::time::Duration;

use airdrops_scheduler::lease::{self, Claim, Lane, NodeId};
use airdrops_scheduler::{Engine, EngineError, Fenced, Held, Restored, Transitions};
use airdrops_types::Timestamp;

use super::Durable;
use crate::backend::Backend;
use crate::checkpoint::COMMIT;
use crate::rules::tasks::By;
use crate::rules::{self, leases, tasks, triggers};
use crate::sql::Sql;
use crate::{Access, Batch, StoreError, TaskFilter};

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Held { holder, until } => Self::Held(Held {
                holder: NodeId(holder),
                until,
            }),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl<B: Backend> Durable<B> {
    /// One durable transaction, if the claim still holds in it.
    fn fenced(
        &self,
        claim: &Claim,
        what: &'static str,
        mut body: impl FnMut(&mut dyn Sql) -> Result<(), StoreError>,
    ) -> Result<(), EngineError> {
        self.require(&[Access::Runner], what)?;
        let mut fenced = None;
        let written = self.write_unclaimed(Some(COMMIT), |sql| {
            fenced = fenced_at(sql, claim)?;
            if fenced.is_some() {
                return Err(StoreError::LeaseLost);
            }
            body(sql)
        });
        match fenced {
            Some(fenced) => Err(fenced.into()),
            None => Ok(written?),
        }
    }
}

fn fenced_at(sql: &mut dyn Sql, claim: &Claim) -> Result<Option<Fenced>, StoreError> {
    let lease = leases::find(sql, &claim.lane)?;
    Ok(lease::check(lease.as_ref(), claim).err())
}

/// Leases on a server go by its clock, and those on a file by the instants that are given.
impl<B: Backend> Engine for Durable<B> {
    /// A claim of the lane that this store holds as a runner, by the same node, becomes the
    /// store's own.
    fn claim(
        &self,
        lane: &Lane,
        node: &NodeId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Claim, EngineError> {
        self.require(&[Access::Runner], "claim a lane")?;
        let claim =
            self.write_unclaimed(None, |sql| leases::claim(sql, lane, node, now, ttl, false))?;
        self.backend.took(&claim);
        Ok(claim)
    }

    fn renew(&self, claim: &Claim, now: Timestamp, ttl: Duration) -> Result<(), EngineError> {
        self.fenced(claim, "renew a lease", |sql| {
            leases::renew(sql, claim, now, ttl)
        })
    }

    fn release(&self, claim: &Claim) -> Result<(), EngineError> {
        self.fenced(claim, "release a lease", |sql| leases::release(sql, claim))
    }

    fn restore(&self, claim: &Claim) -> Result<Restored, EngineError> {
        let mut fenced = None;
        let restored = self.read(|sql| {
            fenced = fenced_at(sql, claim)?;
            Ok(Restored {
                tasks: tasks::load(sql, &TaskFilter::restart(), By::Stored)?,
                triggers: triggers::load(sql)?,
            })
        })?;
        match fenced {
            Some(fenced) => Err(fenced.into()),
            None => Ok(restored),
        }
    }

    fn commit(&self, claim: &Claim, transitions: &Transitions) -> Result<(), EngineError> {
        let batch = Batch {
            tasks: transitions.tasks.clone(),
            triggers: transitions.triggers.clone(),
            entries: transitions.entries.clone(),
            ..Batch::at(transitions.at)
        };
        self.fenced(claim, "write", |sql| {
            rules::apply(sql, &batch)?;
            Ok(())
        })
    }

    fn wait(&self, patience: Duration) -> Result<bool, EngineError> {
        Ok(self.backend.wait(patience)?)
    }
}
