//! One step of one task: plan it, and make the step at its cursor.

use airdrops_protocols::ProtocolConfig;
use airdrops_risk::Attempt;
use airdrops_risk::breaker::FailureClass;
use airdrops_scheduler::TaskEvent;
use airdrops_store::Batch;
use airdrops_types::{
    Action, Address, AmountSpec, Entry, ErrorClass, Operation, Snapshot, TaskId, TaskRecord,
    TaskState, Timestamp, Token,
};

use crate::amounts::Resolver;
use crate::checkpoint;
use crate::engine::Engine;
use crate::error::RunError;
use crate::hold::Hold;
use crate::permit::Step;

impl Engine {
    /// Moves a task on as far as it can go in this tick: at most one transaction.
    pub(crate) async fn advance(
        &mut self,
        id: &TaskId,
        snapshot: &Snapshot,
    ) -> Result<(), RunError> {
        let now = self.clock.now();
        let Some(record) = self.scheduler.get(id).cloned() else {
            return Ok(());
        };
        let Some(assignment) = record.assignment().cloned() else {
            return Ok(());
        };
        // Whatever the configuration says now: its transaction must end first.
        if self.under_way(|slot| slot.intent.task == *id)? {
            return self.awaits(&record, now);
        }
        let Some(protocol) = self.registry.get(&assignment.protocol).cloned() else {
            let reason = format!(
                "protocol {} is not configured any more",
                assignment.protocol
            );
            return self.hold(id, Hold::for_good(ErrorClass::Refused, reason), now);
        };
        if let Some(reason) = self.unwound(&assignment.action, &protocol, assignment.wallet) {
            return self.stand_aside(&record, reason, now);
        }
        if self.lane_is_busy(assignment.wallet, protocol.chain)? {
            return Ok(());
        }
        let record = match self.make_running(record, &protocol, snapshot, now).await? {
            Some(record) => record,
            None => return Ok(()),
        };
        let Some(operation) = record
            .plan
            .as_ref()
            .and_then(|plan| plan.get(record.cursor))
            .cloned()
        else {
            return Ok(());
        };
        let step = Step {
            task: &record.id,
            step: record.step,
            wallet: assignment.wallet,
            origin: self.origin_of(&record.id),
        };
        let done = match self.build_and_simulate(&protocol, &operation, step).await {
            Ok(intent) => {
                let decided = self.decide_and_submit(intent, snapshot).await?;
                if assignment.action == Action::Unwind {
                    decided.map_err(Hold::without_failing)
                } else {
                    decided
                }
            }
            Err(hold) => {
                // Here only an endpoint makes a step wait.
                if matches!(hold, Hold::Wait { .. }) {
                    self.attempts.push(Attempt {
                        protocol: protocol.id.clone(),
                        failure: Some(FailureClass::Rpc),
                    });
                }
                Err(hold)
            }
        };
        match done {
            // In a dry run nothing is signed, and so nothing waits.
            Ok(()) if self.dry_run => Ok(()),
            Ok(()) => self.awaits(&record, self.clock.now()),
            Err(hold) => self.hold(id, hold, self.clock.now()),
        }
    }

    /// Running → Awaiting, once its transaction is signed and stored. A program that died in between
    /// finds the open transaction and does it then.
    fn awaits(&mut self, record: &TaskRecord, now: Timestamp) -> Result<(), RunError> {
        if record.state != TaskState::Running {
            return Ok(());
        }
        let operation = record
            .plan
            .as_ref()
            .and_then(|plan| plan.get(record.cursor));
        let verb = operation.map_or("its step", Operation::verb);
        let note = format!("{verb} is signed");
        let changes = self
            .scheduler
            .apply(&record.id, TaskEvent::Submitted { note }, now)?;
        let mut batch = Batch::at(now);
        Self::note_changes(&mut batch, changes);
        self.commit(batch)
    }

    /// Whether it is an operator's way out.
    pub(crate) fn unwinds(task: &TaskRecord) -> bool {
        task.assignment()
            .is_some_and(|acts| acts.action == Action::Unwind)
    }

    /// Whether a task run has begun: its steps so far stand, and its next ones rest on them.
    pub(crate) fn is_under_way(task: &TaskRecord) -> bool {
        let at_work = matches!(task.state, TaskState::Running | TaskState::Awaiting);
        !task.state.is_final() && (at_work || task.cursor > 0)
    }

    /// Ready → Running, with a plan. `None` if there is nothing more to do in this tick.
    async fn make_running(
        &mut self,
        record: TaskRecord,
        protocol: &ProtocolConfig,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<TaskRecord>, RunError> {
        if record.state == TaskState::Running {
            return Ok(Some(record));
        }
        let mut batch = Batch::at(now);
        // The rest of an unwind is whatever is there now.
        let untouched = record.cursor == 0 || Self::unwinds(&record);
        if record.plan.is_some() && !untouched {
            let changes = self.scheduler.apply(&record.id, TaskEvent::Resumed, now)?;
            Self::note_changes(&mut batch, changes);
        } else {
            // Nothing was done yet that amounts rest on, so they are taken from the present.
            if record.plan.is_some() {
                let changes = self.scheduler.apply(&record.id, TaskEvent::Replan, now)?;
                Self::note_changes(&mut batch, changes);
            }
            let planned = self.plan(&record, protocol, snapshot).await;
            let planned =
                planned.and_then(|operations| match self.in_the_way(&record, &operations) {
                    Some(reason) => Err(Hold::Wait { reason }),
                    None => Ok(operations),
                });
            let operations = match planned {
                Ok(operations) => operations,
                Err(hold) => {
                    self.commit(batch)?;
                    self.hold(&record.id, hold, now)?;
                    return Ok(None);
                }
            };
            let verbs: Vec<&str> = operations.iter().map(Operation::verb).collect();
            let summary = if verbs.is_empty() {
                "nothing to do".to_owned()
            } else {
                verbs.join(", ")
            };
            let task = record.id.clone();
            batch.entries.push(Entry::Planned {
                task,
                operations: operations.clone(),
                summary,
            });
            let changes =
                self.scheduler
                    .apply(&record.id, TaskEvent::Planned { operations }, now)?;
            Self::note_changes(&mut batch, changes);
        }
        (self.checkpoint)(checkpoint::PLAN_BEFORE);
        self.commit(batch)?;
        (self.checkpoint)(checkpoint::PLAN_AFTER);
        Ok(self
            .scheduler
            .get(&record.id)
            .filter(|record| record.state == TaskState::Running)
            .cloned())
    }

    async fn plan(
        &self,
        record: &TaskRecord,
        protocol: &ProtocolConfig,
        snapshot: &Snapshot,
    ) -> Result<Vec<Operation>, Hold> {
        let Some(assignment) = record.assignment() else {
            return Ok(Vec::new());
        };
        if assignment.action == Action::Unwind {
            return self.plan_unwind(assignment.wallet, protocol).await;
        }
        let reserve = |chain| self.gas_reserve(snapshot, chain);
        let under_way = |wallet, token: &Token| self.ledger.under_way(&self.bridges, wallet, token);
        let resolver = Resolver {
            snapshot,
            tokens: &self.tokens,
            targets: &self.targets,
            equity: self.equity,
            transaction_limit: self.transaction_limit(protocol, assignment.wallet),
            gas_reserve: &reserve,
            under_way: &under_way,
        };
        let amounts = resolver
            .resolve(protocol, assignment)
            .map_err(|reason| Hold::Wait { reason })?;
        let view = self.view(protocol.chain).await?;
        self.registry
            .plan(
                protocol,
                &view,
                assignment.wallet,
                &assignment.action,
                &amounts,
            )
            .await
            .map_err(|error| Hold::from(&error))
    }

    /// The way out as it is now.
    pub(crate) async fn plan_unwind(
        &self,
        wallet: Address,
        protocol: &ProtocolConfig,
    ) -> Result<Vec<Operation>, Hold> {
        let view = self.view(protocol.chain).await?;
        let plan = self.registry.unwind(protocol, &view, wallet).await;
        plan.map_err(|error| Hold::from(&error))
    }

    /// What another task run has begun and this one would spoil: an allowance that it is about to
    /// use, or a position that it moves to the same target.
    fn in_the_way(&self, record: &TaskRecord, operations: &[Operation]) -> Option<String> {
        let assignment = record.assignment()?;
        if assignment.action == Action::Unwind {
            return self.users_at_work(record, operations);
        }
        for operation in operations {
            if let Operation::Approve { token, spender, .. } = operation
                && let Some(other) =
                    self.user_of_allowance(&record.id, assignment.wallet, token, *spender)
            {
                return Some(format!("waits for {other}, which uses the same allowance"));
            }
        }
        if operations.is_empty() || assignment.amount != AmountSpec::Target {
            return None;
        }
        self.scheduler
            .tasks()
            .filter(|other| other.id != record.id && Self::is_under_way(other))
            .find(|other| {
                other.assignment().is_some_and(|acts| {
                    acts.protocol == assignment.protocol && acts.amount == AmountSpec::Target
                })
            })
            .map(|other| format!("waits for {}, which moves the same position", other.id))
    }

    /// Unwinds wait for nobody but for those whom they do not cover and who are just about to use
    /// an allowance that would go. Who is held by a stop or a limit would keep them waiting.
    fn users_at_work(&self, record: &TaskRecord, operations: &[Operation]) -> Option<String> {
        let wallet = record.assignment()?.wallet;
        operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Approve { token, spender, .. } => {
                    self.user_of_allowance(&record.id, wallet, token, *spender)
                }
                _ => None,
            })
            .filter_map(|user| self.scheduler.get(&user))
            .filter(|user| matches!(user.state, TaskState::Running | TaskState::Awaiting))
            .find(|user| {
                let Some(assignment) = user.assignment() else {
                    return false;
                };
                let protocol = self.registry.get(&assignment.protocol);
                protocol.is_none_or(|protocol| {
                    self.unwound(&assignment.action, protocol, assignment.wallet)
                        .is_none()
                })
            })
            .map(|user| format!("waits for {}, which uses the same allowance", user.id))
    }
}
