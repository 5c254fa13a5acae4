//! What a plan decided becomes task runs: first what is reduced, then what grows with the proceeds.
//!
//! Amounts stay "up to the target": they are taken from the plan that stands when a task starts. A newer
//! plan takes the place of what an older one asked for and that has not begun.

use std::collections::BTreeMap;
use std::sync::Arc;

use airdrops_allocation::Course;
use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_scheduler::{After, Change, TaskDef, TaskEvent};
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, CampaignId, Conditions, ProtocolId,
    REBALANCE_CAMPAIGN, Snapshot, TaskId, TaskSpec, Timestamp, Usd, Work,
};

use crate::engine::Engine;
use crate::error::RunError;
use crate::planning::legs;

/// How a position in a protocol is reduced and increased.
fn ways(protocol: &ProtocolConfig) -> Option<(Action, Action)> {
    match &protocol.module {
        ModuleConfig::Erc4626 { .. } => Some((Action::Withdraw, Action::Supply)),
        ModuleConfig::UniswapV2 { .. } => Some((Action::RemoveLiquidity, Action::AddLiquidity)),
        ModuleConfig::WrappedNative { .. }
        | ModuleConfig::Bridge { .. }
        | ModuleConfig::StakingRewards { .. }
        | ModuleConfig::MerkleDistributor { .. } => None,
    }
}

impl Engine {
    /// The task runs that move positions as `courses` say, by `wallet`; what an older plan asked for and
    /// that has not begun is cancelled.
    pub(crate) fn carry_out(
        &mut self,
        wallet: Address,
        courses: &BTreeMap<ProtocolId, Course>,
        current: &[(ProtocolId, Usd)],
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Vec<Change>, RunError> {
        let campaign = CampaignId::from(REBALANCE_CAMPAIGN);
        let mut changes = Vec::new();
        for task in self.not_begun(&campaign)? {
            let reason = "a newer plan took its place".to_owned();
            changes.extend(
                self.scheduler
                    .apply(&task, TaskEvent::Cancel { reason }, now)?,
            );
        }
        let mut reduce = Vec::new();
        let mut grow = Vec::new();
        for (id, course) in courses {
            let (Course::MoveTo { size, .. }, Some(protocol)) = (course, self.registry.get(id))
            else {
                continue;
            };
            let Some((less, more)) = ways(protocol) else {
                continue;
            };
            let held = current.iter().find(|(held, _)| held == id);
            let held = held.map_or(Usd::ZERO, |(_, value)| *value);
            if *size < held {
                let holder = self.largest_holder(protocol, snapshot).unwrap_or(wallet);
                reduce.push(order("reduce", protocol, less, holder));
            } else {
                grow.push(order("grow", protocol, more, wallet));
            }
        }
        let first: Vec<String> = reduce.iter().map(|task| task.name.clone()).collect();
        for task in &mut grow {
            // However they end: what is free by then is what there is.
            task.after = first
                .iter()
                .map(|name| After {
                    task: name.clone(),
                    on: Conditions::ANY,
                })
                .collect();
        }
        reduce.append(&mut grow);
        changes.extend(
            self.scheduler
                .start_run(&campaign, reduce, "the plan decided it", now),
        );
        Ok(changes)
    }

    /// Runs of a campaign that are open and of which nothing was done yet.
    fn not_begun(&self, campaign: &CampaignId) -> Result<Vec<TaskId>, RunError> {
        let open = self.manager.open()?;
        Ok(self
            .scheduler
            .tasks()
            .filter(|task| task.campaign == *campaign && !task.state.is_final())
            .filter(|task| task.cursor == 0)
            .filter(|task| !open.iter().any(|slot| slot.intent.task == task.id))
            .map(|task| task.id.clone())
            .collect())
    }

    /// The wallet with the largest position in a protocol, by the first of its tokens.
    fn largest_holder(&self, protocol: &ProtocolConfig, snapshot: &Snapshot) -> Option<Address> {
        let token = legs(protocol).into_iter().next()?.0;
        let held = |wallet: &Address| {
            let position = snapshot.position(*wallet, &protocol.id)?;
            position
                .legs
                .iter()
                .filter(|leg| leg.amount.token == token)
                .map(|leg| leg.amount.amount)
                .max()
        };
        let wallets = self.settings.wallets.iter();
        wallets
            .filter_map(|wallet| Some((held(wallet)?, *wallet)))
            .max()
            .map(|(_, wallet)| wallet)
    }
}

fn order(verb: &str, protocol: &ProtocolConfig, action: Action, wallet: Address) -> TaskDef {
    let work = Work::Act(Assignment {
        wallet,
        protocol: protocol.id.clone(),
        action,
        amount: AmountSpec::Target,
    });
    TaskDef {
        name: format!("{verb}-{}", protocol.id),
        spec: Arc::new(TaskSpec {
            keys: keys(protocol, wallet),
            ..TaskSpec::of(work)
        }),
        after: Vec::new(),
    }
}

/// What a task at a protocol uses, sorted.
fn keys(protocol: &ProtocolConfig, wallet: Address) -> Vec<String> {
    let chain = protocol.chain;
    vec![
        format!("chain:{chain}"),
        format!("family:{}", protocol.family),
        format!("protocol:{}", protocol.id),
        format!("rpc:{chain}"),
        format!("wallet:{wallet}"),
    ]
}
