//! Allowances that tasks left behind when they gave up between an approval and its use.

use airdrops_chain::allowance;
use airdrops_store::Batch;
use airdrops_types::{
    Address, Operation, ProtocolId, Snapshot, TaskId, TaskState, Timestamp, Token, U256,
};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, REVOCATIONS};
use crate::error::RunError;
use crate::hold::Hold;
use crate::permit::Step;

/// An allowance that must go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) task: TaskId,
    /// The step of the intent that takes it back.
    pub(crate) step: u32,
    /// Steps to the next intent if that one reverts: how many revocations the task has.
    #[serde(default = "one")]
    pub(crate) stride: u32,
    pub(crate) wallet: Address,
    pub(crate) protocol: ProtocolId,
    pub(crate) token: Token,
    pub(crate) spender: Address,
    /// When to look again.
    #[serde(default)]
    pub(crate) not_before: Option<Timestamp>,
    /// Looks in a row that led to nothing.
    #[serde(default)]
    pub(crate) looks: u32,
}

fn one() -> u32 {
    1
}

impl Engine {
    /// Notes what a task that gave up has approved and not used.
    pub(crate) fn remember_leftovers(
        &mut self,
        task: &TaskId,
        batch: &mut Batch,
    ) -> Result<(), RunError> {
        let Some(record) = self.scheduler.get(task) else {
            return Ok(());
        };
        if !record.state.is_final() || record.state == TaskState::Completed {
            return Ok(());
        }
        let Some(assignment) = record.assignment() else {
            return Ok(());
        };
        let done = record
            .plan
            .as_ref()
            .and_then(|plan| plan.get(..record.cursor))
            .unwrap_or_default();
        let approved: Vec<(Token, Address)> = done
            .iter()
            .rev()
            .map_while(|operation| match operation {
                Operation::Approve {
                    token,
                    spender,
                    amount,
                } => Some((token.clone(), *spender, *amount)),
                _ => None,
            })
            .filter(|(_, _, amount)| !amount.is_zero())
            .map(|(token, spender, _)| (token, spender))
            .collect();
        if approved.is_empty() {
            return Ok(());
        }
        let stride = u32::try_from(approved.len()).unwrap_or(u32::MAX);
        let left = (0..)
            .zip(approved)
            .map(|(index, (token, spender))| Revocation {
                task: task.clone(),
                step: record.step.saturating_add(index),
                stride,
                wallet: assignment.wallet,
                protocol: assignment.protocol.clone(),
                token,
                spender,
                not_before: None,
                looks: 0,
            });
        self.revocations.extend(left);
        self.keep_revocations(batch)
    }

    /// Whether a final outcome is that of a revocation; then notes it.
    pub(crate) fn settle_revocation(
        &mut self,
        task: &TaskId,
        step: u32,
        succeeded: bool,
        batch: &mut Batch,
    ) -> Result<bool, RunError> {
        let Some(index) = self
            .revocations
            .iter()
            .position(|left| left.task == *task && left.step == step)
        else {
            return Ok(false);
        };
        if succeeded {
            self.revocations.remove(index);
        } else if let Some(left) = self.revocations.get_mut(index) {
            left.step = left.step.saturating_add(left.stride);
        }
        self.keep_revocations(batch)?;
        Ok(true)
    }

    fn keep_revocations(&self, batch: &mut Batch) -> Result<(), RunError> {
        batch.settings.push((
            REVOCATIONS.to_owned(),
            serde_json::to_value(&self.revocations)?,
        ));
        Ok(())
    }

    /// Takes back allowances that failed tasks left behind.
    pub(crate) async fn revoke_leftovers(&mut self, snapshot: &Snapshot) -> Result<(), RunError> {
        for left in self.revocations.clone() {
            let now = self.clock.now();
            if left.not_before.is_some_and(|moment| now < moment) {
                continue;
            }
            match self.revoke(&left, snapshot, now).await? {
                Ok(()) => {}
                Err(hold) => {
                    let about =
                        format!("the allowance of {} for {}", left.token.asset, left.spender);
                    let text = format!("{about}, left by {}, stays: {}", left.task, hold.reason());
                    self.tell(about, text, now)?;
                    let wait = self.look_again_after(left.looks);
                    let mut batch = Batch::at(now);
                    for kept in self.revocations.iter_mut().filter(|kept| **kept == left) {
                        kept.not_before = Some(now.plus(wait));
                        kept.looks = kept.looks.saturating_add(1);
                    }
                    self.keep_revocations(&mut batch)?;
                    self.commit(batch)?;
                }
            }
        }
        Ok(())
    }

    async fn revoke(
        &mut self,
        left: &Revocation,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Result<(), Hold>, RunError> {
        let Some(protocol) = self.registry.get(&left.protocol).cloned() else {
            let reason = format!("protocol {} is not configured any more", left.protocol);
            return Ok(Err(Hold::Standstill { reason }));
        };
        // A task that is between its own approval and its use has set the allowance anew.
        if self.lane_is_busy(left.wallet, protocol.chain)?
            || self
                .user_of_allowance(&left.task, left.wallet, &left.token, left.spender)
                .is_some()
        {
            return Ok(Ok(()));
        }
        let view = match self.view(protocol.chain).await {
            Ok(view) => view,
            Err(hold) => return Ok(Err(hold)),
        };
        match allowance(&view, &left.token, left.wallet, left.spender).await {
            Ok(U256::ZERO) => {
                self.revocations.retain(|kept| kept != left);
                let mut batch = Batch::at(now);
                self.keep_revocations(&mut batch)?;
                self.commit(batch)?;
                return Ok(Ok(()));
            }
            Ok(_) => {}
            Err(error) => return Ok(Err(Hold::from(&error))),
        }
        let operation = Operation::Approve {
            token: left.token.clone(),
            spender: left.spender,
            amount: U256::ZERO,
        };
        let step = Step {
            task: &left.task,
            step: left.step,
            wallet: left.wallet,
            origin: self.origin_of(&left.task),
        };
        match self.build_and_simulate(&protocol, &operation, step).await {
            Ok(intent) => self.decide_and_submit(intent, snapshot).await,
            Err(hold) => Ok(Err(hold)),
        }
    }

    /// The task run that is in the middle of its steps and has set this allowance for itself.
    pub(crate) fn user_of_allowance(
        &self,
        except: &TaskId,
        wallet: Address,
        token: &Token,
        spender: Address,
    ) -> Option<TaskId> {
        let sets = |operation: &Operation| {
            matches!(operation, Operation::Approve { token: of, spender: to, .. }
                if of == token && *to == spender)
        };
        self.scheduler
            .tasks()
            .filter(|task| {
                task.id != *except && task.assignment().is_some_and(|acts| acts.wallet == wallet)
            })
            .filter(|task| Self::is_under_way(task))
            .find(|task| task.plan.iter().flatten().any(sets))
            .map(|task| task.id.clone())
    }
}
