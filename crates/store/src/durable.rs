//! The store over any database.

mod engine;
mod log;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airdrops_scheduler::Engine;
use airdrops_scheduler::lease::Claim;
use airdrops_types::{
    Address, AirdropSeen, CampaignId, CampaignVersion, Command, EquityPoint, I256, IntentId,
    JournalEntry, LedgerEntry, Message, Outcome, Reservation, Scope, TaskId, TaskRecord, Timestamp,
    Token, TriggerState, Trip, Unwind, UnwindRequest, Withdrawal,
};

use crate::backend::Backend;
use crate::checkpoint::{COMMIT, CONTROL, Place};
use crate::rules::tasks::By;
use crate::rules::{
    self, control, definitions, history, inbox, journal, leases, ledger, observations, outcomes,
    samples, settings, tasks, triggers, unwinds, withdrawals,
};
use crate::sql::Sql;
use crate::{
    Access, Batch, Committed, ControlChange, JournalCheck, MessageAnswer, NodeSeen, Posted, Queue,
    Sample, Store, StoreError, TaskFilter,
};

/// A [`Store`] on a database.
#[derive(Debug)]
pub struct Durable<B> {
    pub(crate) backend: B,
}

/// The clock of this machine.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl<B: Backend> Durable<B> {
    pub(crate) fn read<T>(
        &self,
        mut body: impl FnMut(&mut dyn Sql) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut value = None;
        self.backend.read(&mut |sql| {
            value = Some(body(sql)?);
            Ok(())
        })?;
        value.ok_or_else(unanswered)
    }

    /// One durable transaction, in which the runner's claim still holds.
    pub(crate) fn write<T>(
        &self,
        place: Option<Place>,
        mut body: impl FnMut(&mut dyn Sql) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let claim = self.backend.claim();
        self.write_unclaimed(place, |sql| {
            if let Some(claim) = &claim {
                leases::check(sql, claim)?;
            }
            body(sql)
        })
    }

    /// One durable transaction. The caller looks after claims.
    pub(crate) fn write_unclaimed<T>(
        &self,
        place: Option<Place>,
        mut body: impl FnMut(&mut dyn Sql) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut value = None;
        self.backend.write(place, &mut |sql| {
            value = Some(body(sql)?);
            Ok(())
        })?;
        value.ok_or_else(unanswered)
    }

    pub(crate) fn require(&self, allowed: &[Access], what: &'static str) -> Result<(), StoreError> {
        let access = self.backend.access();
        if allowed.contains(&access) {
            Ok(())
        } else {
            Err(StoreError::NotPermitted { access, what })
        }
    }

    /// The runner's claim.
    pub(crate) fn running(&self, what: &'static str) -> Result<Claim, StoreError> {
        self.require(&[Access::Runner], what)?;
        self.backend.claim().ok_or(StoreError::LeaseLost)
    }

    fn may_commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_only_journal() {
            self.require(&[Access::Runner, Access::Operator], "write")
        } else {
            self.require(&[Access::Runner], "write more than the journal")
        }
    }
}

fn unanswered() -> StoreError {
    StoreError::Database("the transaction ended without an answer".to_owned())
}

impl<B: Backend> Store for Durable<B> {
    fn access(&self) -> Access {
        self.backend.access()
    }

    fn place(&self) -> String {
        self.backend.place()
    }

    fn engine(&self) -> &dyn Engine {
        self
    }

    fn claim(&self) -> Option<Claim> {
        self.backend.claim()
    }

    fn renew(&self) -> Result<(), StoreError> {
        let claim = self.running("renew a lease")?;
        let ttl = self.backend.lease();
        self.write(None, |sql| leases::renew(sql, &claim, now(), ttl))
    }

    fn release(&self) -> Result<(), StoreError> {
        let claim = self.running("release a lease")?;
        self.write(None, |sql| leases::release(sql, &claim))
    }

    fn nodes(&self) -> Result<Vec<NodeSeen>, StoreError> {
        self.read(leases::nodes)
    }

    fn has_runner(&self) -> Result<bool, StoreError> {
        self.backend.has_runner()
    }

    fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        self.may_commit(batch)?;
        self.write(Some(COMMIT), |sql| rules::apply(sql, batch))
    }

    fn commit_all(&self, batches: &[Batch]) -> Vec<Result<Committed, StoreError>> {
        if let [_, _, ..] = batches
            && batches.iter().all(|batch| self.may_commit(batch).is_ok())
        {
            let together = self.write(Some(COMMIT), |sql| rules::apply_all(sql, batches));
            match together {
                Ok(committed) => return committed.into_iter().map(Ok).collect(),
                Err(error) if error.is_of_all() => {
                    return batches.iter().map(|_| Err(error.clone())).collect();
                }
                Err(_) => {}
            }
        }
        batches
            .iter()
            .map(|batch| Store::commit(self, batch))
            .collect()
    }

    fn post(
        &self,
        at: Timestamp,
        id: &str,
        command: &Command,
        by: &str,
    ) -> Result<Posted, StoreError> {
        self.require(&[Access::Runner, Access::Operator], "post a message")?;
        self.write(Some(CONTROL), |sql| inbox::post(sql, at, id, command, by))
    }

    fn inbox(&self) -> Result<Vec<Message>, StoreError> {
        self.read(inbox::open)
    }

    fn message(&self, seq: u64) -> Result<Option<(Message, Option<MessageAnswer>)>, StoreError> {
        self.read(|sql| inbox::find(sql, seq))
    }

    fn definitions(&self, latest_only: bool) -> Result<Vec<CampaignVersion>, StoreError> {
        self.read(|sql| definitions::load(sql, latest_only))
    }

    fn control(&self) -> Result<(Vec<Trip>, u64), StoreError> {
        self.read(|sql| Ok((control::trips(sql)?, control::revision(sql)?)))
    }

    fn set_control(
        &self,
        at: Timestamp,
        change: &ControlChange,
        by: &str,
    ) -> Result<u64, StoreError> {
        self.require(
            &[Access::Runner, Access::Operator],
            "change the control states",
        )?;
        self.write(Some(CONTROL), |sql| {
            let entry = control::change(sql, change, by)?;
            if let ControlChange::Clear { scope, breaker, .. } = change {
                control::note_cleared(sql, scope, breaker, at)?;
            }
            journal::append(sql, at, &[entry])?;
            sql.notify()?;
            control::revision(sql)
        })
    }

    fn announce_withdrawal(
        &self,
        at: Timestamp,
        withdrawal: &Withdrawal,
        by: &str,
    ) -> Result<(), StoreError> {
        self.require(&[Access::Runner, Access::Operator], "announce a withdrawal")?;
        self.write(Some(CONTROL), |sql| {
            let entry = withdrawals::announce(sql, withdrawal, by)?;
            journal::append(sql, at, &[entry])?;
            sql.notify()?;
            Ok(())
        })
    }

    fn note_airdrop(&self, at: Timestamp, seen: &AirdropSeen, by: &str) -> Result<(), StoreError> {
        self.require(&[Access::Runner, Access::Operator], "note an airdrop")?;
        self.write(Some(CONTROL), |sql| {
            let entry = observations::note(sql, seen, by)?;
            journal::append(sql, at, &[entry])?;
            sql.notify()?;
            Ok(())
        })
    }

    fn request_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError> {
        self.require(&[Access::Runner, Access::Operator], "ask for an unwind")?;
        self.write(Some(CONTROL), |sql| {
            let (request, entry) = unwinds::request(sql, at, scope, reason, by)?;
            journal::append(sql, at, &[entry])?;
            sql.notify()?;
            Ok(request)
        })
    }

    fn cancel_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError> {
        self.require(&[Access::Runner, Access::Operator], "take an unwind back")?;
        self.write(Some(CONTROL), |sql| {
            let (request, entry) = unwinds::cancel(sql, at, scope, reason, by)?;
            journal::append(sql, at, &[entry])?;
            sql.notify()?;
            Ok(request)
        })
    }

    fn unwinds(&self) -> Result<(Vec<UnwindRequest>, Vec<Unwind>), StoreError> {
        self.read(unwinds::load)
    }

    fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRecord>, StoreError> {
        self.read(|sql| tasks::load(sql, &filter, By::Stored))
    }

    fn history(&self, filter: TaskFilter) -> Result<Vec<TaskRecord>, StoreError> {
        self.read(|sql| tasks::load(sql, &filter, By::Ended))
    }

    fn queue(&self) -> Result<Queue, StoreError> {
        self.read(history::queue)
    }

    fn last_runs(&self) -> Result<Vec<(CampaignId, u64)>, StoreError> {
        self.read(history::last_runs)
    }

    fn task(&self, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
        self.read(|sql| tasks::find(sql, id))
    }

    fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        self.read(triggers::load)
    }

    fn ledger_balances(&self) -> Result<Vec<(Address, Token, I256)>, StoreError> {
        self.read(ledger::balances)
    }

    fn ledger_entries(&self, from: Timestamp) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read(|sql| ledger::entries(sql, from))
    }

    fn equity_since(&self, from: Timestamp) -> Result<Vec<EquityPoint>, StoreError> {
        self.read(|sql| ledger::equity_since(sql, from))
    }

    fn last_equity(&self) -> Result<Option<EquityPoint>, StoreError> {
        self.read(ledger::last_equity)
    }

    fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        self.read(outcomes::reservations)
    }

    fn outcome(&self, intent: IntentId) -> Result<Option<Outcome>, StoreError> {
        self.read(|sql| outcomes::find(sql, intent))
    }

    fn outcomes(&self) -> Result<Vec<Outcome>, StoreError> {
        self.read(outcomes::load)
    }

    fn journal(&self, from_seq: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|sql| journal::from(sql, from_seq, limit))
    }

    fn journal_tail(&self, count: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|sql| journal::tail(sql, count))
    }

    fn journal_for_task(&self, task: &TaskId) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|sql| journal::for_task(sql, task))
    }

    fn verify_journal(&self) -> Result<JournalCheck, StoreError> {
        self.read(journal::verify)
    }

    fn samples(&self, series: &str, from: Timestamp) -> Result<Vec<Sample>, StoreError> {
        self.read(|sql| samples::since(sql, series, from))
    }

    fn series(&self) -> Result<Vec<String>, StoreError> {
        self.read(samples::series)
    }

    fn setting(&self, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        self.read(|sql| settings::find(sql, key))
    }
}
