//! What a database brings: transactions, and who may run.

use std::fmt;
use std::time::Duration;

use airdrops_scheduler::lease::Claim;

use crate::checkpoint::Place;
use crate::sql::Sql;
use crate::{Access, StoreError};

/// What is done inside a transaction. Runs again where the transaction had to be undone for
/// reasons of the database.
pub(crate) type Body<'b> = dyn FnMut(&mut dyn Sql) -> Result<(), StoreError> + 'b;

/// A database under the rules.
pub trait Backend: fmt::Debug + Send + Sync {
    /// What it was opened for.
    fn access(&self) -> Access;

    /// Where it is, without anything secret.
    fn place(&self) -> String;

    /// How long a lease holds.
    fn lease(&self) -> Duration;

    /// The runner's claim.
    fn claim(&self) -> Option<Claim>;

    /// Notes a new claim, if it is of the runner's own lane.
    fn took(&self, claim: &Claim);

    /// Whether a runner runs.
    fn has_runner(&self) -> Result<bool, StoreError>;

    /// One consistent state, in which nothing changes.
    fn read(&self, body: &mut Body<'_>) -> Result<(), StoreError>;

    /// One durable transaction, with no other writer beside it.
    fn write(&self, place: Option<Place>, body: &mut Body<'_>) -> Result<(), StoreError>;

    /// Waits until somebody else stored something, at most so long, and says whether that was so.
    fn wait(&self, patience: Duration) -> Result<bool, StoreError>;
}
