//! All configured protocols, and everything that one asks of them.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{
    Action, Address, AllowanceChange, ChainId, Intent, IntentId, Operation, Origin, Position,
    ProtocolId, Purpose, TaskId, Token,
};
use alloy::sol_types::SolCall;

use crate::abi::call;
use crate::config::ProtocolConfig;
use crate::draft::Draft;
use crate::erc20::IErc20;
use crate::error::{BuildError, PlanError, RegistryError};
use crate::module::{Module, Speaks};
use crate::plan::{Allowance, Amounts, unsupported};
use crate::views::Views;

mod resolve;

/// A consistent set of configured protocols.
#[derive(Debug, Clone)]
pub struct Registry {
    instances: Vec<Instance>,
}

#[derive(Debug, Clone)]
struct Instance {
    config: ProtocolConfig,
    module: Module,
}

impl Registry {
    /// Checks and takes a set of protocols.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn new(protocols: Vec<ProtocolConfig>) -> Result<Self, Vec<RegistryError>> {
        let modules = resolve::modules(&protocols)?;
        let instances = protocols
            .into_iter()
            .zip(modules)
            .map(|(config, module)| Instance { config, module })
            .collect();
        Ok(Self { instances })
    }

    /// The protocol of that name.
    #[must_use]
    pub fn get(&self, id: &ProtocolId) -> Option<&ProtocolConfig> {
        self.instance(id).map(|instance| &instance.config)
    }

    /// All protocols, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &ProtocolConfig> {
        self.instances.iter().map(|instance| &instance.config)
    }

    /// The tokens that stand for positions (vault shares, LP tokens), each once. They have no
    /// price: their value is the position's.
    #[must_use]
    pub fn receipt_tokens(&self) -> Vec<Token> {
        let receipts = self
            .instances
            .iter()
            .filter_map(|each| each.module.receipt());
        receipts.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every token that a protocol may move, on whichever chain, each once.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let tokens = self.instances.iter().flat_map(|each| each.module.tokens());
        tokens.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every call that [`Self::build`] may make: chain, contract, selector, and for which protocol.
    #[must_use]
    pub fn allowed_calls(&self) -> Vec<(ChainId, Address, [u8; 4], ProtocolId)> {
        let mut calls = Vec::new();
        for Instance { config, module } in &self.instances {
            let approvals = module
                .approvals()
                .into_iter()
                .map(|approval| (approval.token.address, IErc20::approveCall::SELECTOR));
            for (to, selector) in approvals.chain(module.calls()) {
                let entry = (config.chain, to, selector, config.id.clone());
                if !calls.contains(&entry) {
                    calls.push(entry);
                }
            }
        }
        calls
    }

    /// Everyone who may be given an allowance, each once.
    #[must_use]
    pub fn spenders(&self) -> Vec<(ChainId, Address)> {
        self.lenders().into_keys().collect()
    }

    /// Everyone who may be given an allowance, with the first protocol that needs it.
    #[must_use]
    pub fn lenders(&self) -> BTreeMap<(ChainId, Address), ProtocolId> {
        let mut lenders = BTreeMap::new();
        for Instance { config, module } in &self.instances {
            for approval in module.approvals() {
                lenders
                    .entry((config.chain, approval.spender))
                    .or_insert_with(|| config.id.clone());
            }
        }
        lenders
    }

    /// The family of each protocol.
    #[must_use]
    pub fn families(&self) -> BTreeMap<ProtocolId, String> {
        self.iter()
            .map(|config| (config.id.clone(), config.family.clone()))
            .collect()
    }

    /// Whether `protocol` can do `action` at all.
    #[must_use]
    pub fn supports(&self, protocol: &ProtocolConfig, action: &Action) -> bool {
        self.instance(&protocol.id)
            .is_some_and(|instance| instance.module.supports(action))
    }

    /// What `wallet` holds in `protocol`, in underlying tokens, rounded down; `None` if the module
    /// has no positions (wrapped currency, airdrops). A position of nothing has amounts of zero.
    ///
    /// # Errors
    /// [`ReadError`] if any part could not be read, or a needed chain has no view.
    pub async fn position(
        &self,
        protocol: &ProtocolConfig,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        let instance = self.instance(&protocol.id).ok_or_else(|| {
            ReadError::Unreachable(PlanError::Unknown(protocol.id.clone()).to_string())
        })?;
        instance.module.position(views, wallet).await
    }

    /// The steps of `action`, with exact approvals where the allowance is not what is needed; none
    /// if there is nothing to do. `Exit` and `Claim` take all there is, whatever the amounts;
    /// `Withdraw` and `RemoveLiquidity` of more than there is take all.
    ///
    /// # Errors
    /// [`PlanError`] says what stands in the way.
    pub async fn plan(
        &self,
        protocol: &ProtocolConfig,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let Instance { config, module } = self.planned(protocol, view)?;
        if !module.supports(action) {
            return Err(unsupported(action, &config.module));
        }
        module.plan(view, wallet, action, amounts).await
    }

    /// The steps that end the position of `wallet` and take back allowances that are left. Staked
    /// tokens go to the wallet: the pair's own unwind then goes on with them. What is on a bridge
    /// cannot be called back.
    ///
    /// # Errors
    /// [`PlanError`] says what stands in the way.
    pub async fn unwind(
        &self,
        protocol: &ProtocolConfig,
        view: &dyn ChainRead,
        wallet: Address,
    ) -> Result<Vec<Operation>, PlanError> {
        let Instance { module, .. } = self.planned(protocol, view)?;
        let mut steps = match module.way_out() {
            Some(action) => {
                module
                    .plan(view, wallet, &action, &Amounts::Everything)
                    .await?
            }
            None => Vec::new(),
        };
        for approval in module.approvals() {
            // A removal of liquidity uses its own allowance up.
            let used = steps.iter().any(|step| match step {
                Operation::RemoveLiquidity { .. } => {
                    module.receipt().as_ref() == Some(&approval.token.token)
                }
                _ => false,
            });
            if !used {
                steps.extend(Allowance::read(view, wallet, approval).await?.revoke());
            }
        }
        Ok(steps)
    }

    /// Whether the module has a way out of positions at all: what is on a bridge cannot be called
    /// back.
    #[must_use]
    pub fn has_way_out(&self, protocol: &ProtocolConfig) -> bool {
        self.instance(&protocol.id)
            .is_some_and(|instance| instance.module.way_out().is_some())
    }

    /// The protocols that may set, and so take back, an allowance, in the order of the
    /// configuration.
    pub fn users_of<'a>(
        &'a self,
        token: &'a Token,
        spender: Address,
    ) -> impl Iterator<Item = &'a ProtocolConfig> {
        let uses = move |instance: &&Instance| {
            instance.config.chain == token.chain
                && instance
                    .module
                    .approvals()
                    .iter()
                    .any(|known| known.token.token == *token && known.spender == spender)
        };
        self.instances
            .iter()
            .filter(uses)
            .map(|instance| &instance.config)
    }

    /// Every token that this protocol may move, on whichever chain.
    #[must_use]
    pub fn tokens_of(&self, protocol: &ProtocolConfig) -> Vec<Token> {
        self.instance(&protocol.id)
            .map(|instance| instance.module.tokens())
            .unwrap_or_default()
    }

    /// The intent of step `step` of `task`: the call as it must be at the block of `view`, and what
    /// it may change. Minimums come from quotes at that block, deadlines are 30 minutes after it.
    /// Nothing is simulated yet.
    ///
    /// # Errors
    /// [`BuildError`] says why there is no such call now.
    #[allow(clippy::too_many_arguments)]
    pub async fn build(
        &self,
        protocol: &ProtocolConfig,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
        task: &TaskId,
        step: u32,
        origin: Origin,
    ) -> Result<Intent, BuildError> {
        let Instance { config, module } = self
            .instance(&protocol.id)
            .ok_or_else(|| BuildError::Unknown(protocol.id.clone()))?;
        if view.chain() != config.chain {
            return Err(BuildError::WrongChain {
                protocol: config.id.clone(),
                expected: config.chain,
                actual: view.chain(),
            });
        }
        let draft = match approval(config, module, operation)? {
            Some(draft) => Some(draft),
            None => module.draft(view, wallet, operation).await?,
        };
        let draft = draft.ok_or(BuildError::Unsupported {
            verb: operation.verb(),
            module: config.module.name(),
        })?;
        Ok(Intent {
            id: IntentId::derive(task, step),
            task: task.clone(),
            step,
            origin,
            purpose: Purpose::Operation {
                verb: operation.verb().to_owned(),
            },
            chain: config.chain,
            wallet,
            protocol: config.id.clone(),
            call: draft.call,
            spend: draft.spend,
            receive: draft.receive,
            allowances: draft.allowances,
            positions: draft.positions,
            summary: format!("{} (chain {})", draft.summary, config.chain),
            simulation: None,
        })
    }

    fn instance(&self, id: &ProtocolId) -> Option<&Instance> {
        self.instances.iter().find(|each| each.config.id == *id)
    }

    fn planned(
        &self,
        protocol: &ProtocolConfig,
        view: &dyn ChainRead,
    ) -> Result<&Instance, PlanError> {
        let instance = self
            .instance(&protocol.id)
            .ok_or_else(|| PlanError::Unknown(protocol.id.clone()))?;
        if view.chain() != instance.config.chain {
            return Err(PlanError::WrongChain {
                protocol: protocol.id.clone(),
                expected: instance.config.chain,
                actual: view.chain(),
            });
        }
        Ok(instance)
    }
}

/// The call of an approval; `None` for other steps. Only what the module needs may be approved.
fn approval(
    config: &ProtocolConfig,
    module: &Module,
    operation: &Operation,
) -> Result<Option<Draft>, BuildError> {
    let Operation::Approve {
        token,
        spender,
        amount,
    } = operation
    else {
        return Ok(None);
    };
    let known = module
        .approvals()
        .into_iter()
        .find(|known| known.token.token == *token && known.spender == *spender)
        .ok_or_else(|| BuildError::ForeignApproval {
            protocol: config.id.clone(),
            token: token.asset.to_string(),
            spender: *spender,
        })?;
    let what = IErc20::approveCall {
        spender: *spender,
        amount: *amount,
    };
    let summary = if amount.is_zero() {
        format!("revoke the allowance of {} for {}", token.asset, config.id)
    } else {
        format!("approve {} for {}", token.amount(*amount), config.id)
    };
    let mut draft = Draft::new(call(known.token.address, &what), summary);
    draft.allowances.push(AllowanceChange {
        token: token.clone(),
        spender: *spender,
        amount: *amount,
    });
    Ok(Some(draft))
}
