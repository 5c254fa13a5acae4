//! What an unwind would do now, without doing it.

use airdrops_protocols::ProtocolConfig;
use airdrops_risk::{Marked, verdict};
use airdrops_types::{
    Address, AllowanceView, ControlState, Operation, Origin, ProtocolId, Reading, Reason, Scope,
    Snapshot, TaskId, TokenAmount, UNWIND_CAMPAIGN, Usd, Verdict,
};
use serde::Serialize;

use super::remaining::Left;
use crate::engine::Engine;
use crate::error::RunError;
use crate::permit::Step;

/// What an unwind would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnwindPreview {
    /// Of what.
    pub scope: Scope,
    /// The worst control state of the whole.
    pub state: ControlState,
    /// What would be unwound, in this order.
    pub exits: Vec<PreviewedExit>,
    /// What is there and cannot be ended by this program.
    pub beyond: Vec<String>,
    /// What could hide something: it was not read freshly.
    pub unknown: Vec<String>,
    /// Chains that could not be read.
    pub unreadable_chains: usize,
}

/// The way out of what one wallet has in one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewedExit {
    /// Whose.
    pub wallet: Address,
    /// Where.
    pub protocol: ProtocolId,
    /// The worst control state that covers it.
    pub control: ControlState,
    /// How risky the protocol is: 0 is nothing known against it.
    pub risk: u8,
    /// What is at stake; `None` while it cannot be valued.
    pub value: Option<Usd>,
    /// The underlying amounts of the position.
    pub holds: Vec<TokenAmount>,
    /// The open allowances.
    pub allowances: Vec<AllowanceView>,
    /// Why there is no plan.
    pub obstacle: Option<String>,
    /// The plan: one transaction each.
    pub steps: Vec<PreviewedStep>,
}

/// One step of a way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewedStep {
    /// What it does.
    pub operation: Operation,
    /// In words; `None` if there is no call for it now.
    pub summary: Option<String>,
    /// Whether it would go out.
    pub judgement: Judgement,
}

/// Whether a step would go out now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Simulation and gate let it.
    Permitted,
    /// The gate would refuse it; a simulation that fails is one of its reasons.
    Refused {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// It could not be built or simulated.
    NotBuilt {
        /// Why.
        reason: String,
    },
    /// It rests on the approval before it, and is judged when that is made.
    AfterTheStepBefore,
}

impl Engine {
    /// Looks at the world, and tells what an unwind of `scope` would do in which order, and what
    /// simulation and gate say to each step. Changes nothing, in memory or elsewhere, but for the
    /// control states, which are read anew.
    ///
    /// # Errors
    /// [`RunError`] if durable state cannot be read. Chains that do not answer are no error.
    pub async fn preview_unwind(&mut self, scope: &Scope) -> Result<UnwindPreview, RunError> {
        self.refresh_control()?;
        let now = self.clock.now();
        let snapshot = self.observe(now).await;
        let remaining = self.remaining(scope, &snapshot);
        let marked = self.gate.mark(&snapshot);
        let mut exits = Vec::new();
        for left in remaining.left {
            exits.push(self.preview_exit(left, &marked).await);
        }
        Ok(UnwindPreview {
            scope: scope.clone(),
            state: self.state(),
            exits,
            beyond: remaining.beyond,
            unknown: remaining.unknown,
            unreadable_chains: unreadable(&snapshot),
        })
    }

    async fn preview_exit(&self, left: Left, marked: &Marked<'_>) -> PreviewedExit {
        let candidate = left.candidate;
        let mut exit = PreviewedExit {
            wallet: candidate.wallet,
            protocol: candidate.protocol,
            control: candidate.control,
            risk: candidate.risk,
            value: candidate.value,
            holds: left.holds,
            allowances: left.allowances,
            obstacle: None,
            steps: Vec::new(),
        };
        let Some(protocol) = self.registry.get(&exit.protocol) else {
            return exit;
        };
        let plan = match self.plan_unwind(exit.wallet, protocol).await {
            Ok(plan) => plan,
            Err(hold) => {
                exit.obstacle = Some(hold.reason().to_owned());
                return exit;
            }
        };
        let mut rests_on_approval = false;
        for operation in plan {
            let (summary, judgement) = if rests_on_approval {
                (None, Judgement::AfterTheStepBefore)
            } else {
                self.judge(exit.wallet, protocol, &operation, marked).await
            };
            rests_on_approval = matches!(&operation,
                Operation::Approve { amount, .. } if !amount.is_zero());
            exit.steps.push(PreviewedStep {
                operation,
                summary,
                judgement,
            });
        }
        exit
    }

    async fn judge(
        &self,
        wallet: Address,
        protocol: &ProtocolConfig,
        operation: &Operation,
        marked: &Marked<'_>,
    ) -> (Option<String>, Judgement) {
        let task = TaskId::new(format!("{UNWIND_CAMPAIGN}/preview#0"));
        let step = Step {
            task: &task,
            step: 0,
            wallet,
            origin: Origin::Operator,
        };
        let intent = match self.build_and_simulate(protocol, operation, step).await {
            Ok(intent) => intent,
            Err(hold) => {
                let reason = hold.reason().to_owned();
                return (None, Judgement::NotBuilt { reason });
            }
        };
        let tip = self.tip(intent.chain);
        let now = self.clock.now();
        let answer = verdict(
            self.gate.policy(),
            self.gate.state(),
            marked,
            &intent,
            tip,
            now,
        );
        let judgement = match answer {
            Verdict::Permitted { .. } => Judgement::Permitted,
            Verdict::Refused { reasons } => Judgement::Refused { reasons },
        };
        (Some(intent.summary), judgement)
    }
}

fn unreadable(snapshot: &Snapshot) -> usize {
    let chains = snapshot.chains.values();
    chains
        .filter(|chain| matches!(chain.head, Reading::Missing { .. }))
        .count()
}
