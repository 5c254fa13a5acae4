//! From configuration to modules that know their contracts.

use std::collections::BTreeMap;

use airdrops_types::{Bps, ChainId, ProtocolId, Token};

use crate::bridge::Bridge;
use crate::config::{ModuleConfig, ProtocolConfig};
use crate::erc20::{Approval, Erc20};
use crate::erc4626::Erc4626;
use crate::error::RegistryError;
use crate::merkle_distributor::MerkleDistributor;
use crate::module::{Module, Speaks};
use crate::staking_rewards::StakingRewards;
use crate::uniswap_v2::UniswapV2;
use crate::wrapped_native::WrappedNative;

/// The module of each protocol, in order, or everything that is wrong.
pub(super) fn modules(protocols: &[ProtocolConfig]) -> Result<Vec<Module>, Vec<RegistryError>> {
    let mut errors = Vec::new();
    let mut seen = Vec::new();
    for protocol in protocols {
        if seen.contains(&&protocol.id) {
            errors.push(RegistryError::DuplicateId(protocol.id.clone()));
        }
        seen.push(&protocol.id);
    }
    let modules: Vec<_> = protocols
        .iter()
        .filter_map(|protocol| Check::of(protocol, &mut errors).module(protocols))
        .collect();
    conflicts(&modules, &mut errors);
    if errors.is_empty() {
        Ok(modules)
    } else {
        Err(errors)
    }
}

/// One contract must be described in one way.
fn conflicts(modules: &[Module], errors: &mut Vec<RegistryError>) {
    let mut known: BTreeMap<_, Token> = BTreeMap::new();
    for token in modules.iter().flat_map(Speaks::tokens) {
        let first = known
            .entry((token.chain, token.contract))
            .or_insert_with(|| token.clone());
        if *first == token {
            continue;
        }
        let contract = token.contract.map_or_else(
            || "native currency".to_owned(),
            |contract| contract.to_string(),
        );
        let error = RegistryError::ConflictingTokens {
            chain: token.chain,
            contract,
        };
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
}

/// The checks of one protocol.
struct Check<'a> {
    protocol: &'a ProtocolConfig,
    errors: &'a mut Vec<RegistryError>,
}

impl<'a> Check<'a> {
    fn of(protocol: &'a ProtocolConfig, errors: &'a mut Vec<RegistryError>) -> Self {
        Self { protocol, errors }
    }

    fn id(&self) -> ProtocolId {
        self.protocol.id.clone()
    }

    fn on(&mut self, chain: ChainId, field: &'static str, token: &Token) {
        if token.chain != chain {
            let protocol = self.id();
            self.errors.push(RegistryError::WrongChain {
                protocol,
                field,
                expected: chain,
                actual: token.chain,
            });
        }
    }

    fn erc20(&mut self, field: &'static str, token: &Token) -> Option<Erc20> {
        self.on(self.protocol.chain, field, token);
        let erc20 = Erc20::new(token);
        if erc20.is_none() {
            let protocol = self.id();
            self.errors.push(RegistryError::WrongKind {
                protocol,
                field,
                expected: "an ERC-20 token",
            });
        }
        erc20
    }

    fn different(&mut self, first: (&'static str, &Token), second: (&'static str, &Token)) {
        if (first.1.chain, first.1.contract) == (second.1.chain, second.1.contract) {
            let protocol = self.id();
            self.errors.push(RegistryError::Same {
                protocol,
                first: first.0,
                second: second.0,
            });
        }
    }

    fn module(mut self, all: &[ProtocolConfig]) -> Option<Module> {
        let id = self.id();
        match &self.protocol.module {
            ModuleConfig::WrappedNative { native, wrapped } => {
                self.on(self.protocol.chain, "native", native);
                if !native.is_native() {
                    self.errors.push(RegistryError::WrongKind {
                        protocol: id.clone(),
                        field: "native",
                        expected: "the native currency",
                    });
                }
                let wrapped = self.erc20("wrapped", wrapped)?;
                let native = native.clone();
                Some(Module::WrappedNative(WrappedNative {
                    id,
                    native,
                    wrapped,
                }))
            }
            ModuleConfig::Erc4626 { asset, share } => {
                self.different(("asset", asset), ("share", share));
                let (token, share) = (self.erc20("asset", asset), self.erc20("share", share));
                let share = share?;
                let deposit = Approval {
                    token: token?,
                    spender: share.address,
                };
                Some(Module::Erc4626(Erc4626 { id, share, deposit }))
            }
            ModuleConfig::UniswapV2 { .. } => self.pair().map(Module::UniswapV2),
            ModuleConfig::StakingRewards {
                pool,
                stake,
                reward,
                underlying,
            } => {
                let (token, reward) = (self.erc20("stake", stake), self.erc20("reward", reward));
                let pair = self.underlying(all, underlying, stake);
                Some(Module::StakingRewards(Box::new(StakingRewards {
                    id,
                    reward: reward?,
                    stake: Approval {
                        token: token?,
                        spender: *pool,
                    },
                    pair: pair?,
                })))
            }
            ModuleConfig::Bridge {
                contract,
                remote_chain,
                remote_contract,
                token,
                remote_token,
            } => {
                self.on(self.protocol.chain, "token", token);
                self.on(*remote_chain, "remote_token", remote_token);
                if *remote_chain == self.protocol.chain {
                    self.errors.push(RegistryError::Same {
                        protocol: id.clone(),
                        first: "chain",
                        second: "remote_chain",
                    });
                }
                let take = Erc20::new(token).map(|token| Approval {
                    token,
                    spender: *contract,
                });
                Some(Module::Bridge(Bridge {
                    id,
                    contract: *contract,
                    remote_chain: *remote_chain,
                    remote_contract: *remote_contract,
                    token: token.clone(),
                    remote_token: remote_token.clone(),
                    take,
                }))
            }
            ModuleConfig::MerkleDistributor {
                contract,
                token,
                index,
                amount,
                proof,
            } => Some(Module::MerkleDistributor(MerkleDistributor {
                id,
                contract: *contract,
                token: self.erc20("token", token)?,
                index: *index,
                amount: *amount,
                proof: proof.clone(),
            })),
        }
    }

    fn pair(&mut self) -> Option<UniswapV2> {
        let id = self.id();
        let ModuleConfig::UniswapV2 {
            router,
            token_a,
            token_b,
            lp,
            slippage,
        } = &self.protocol.module
        else {
            return None;
        };
        if *slippage >= Bps::WHOLE {
            self.errors.push(RegistryError::Slippage(id.clone()));
        }
        self.different(("token_a", token_a), ("token_b", token_b));
        self.different(("token_a", token_a), ("lp", lp));
        self.different(("token_b", token_b), ("lp", lp));
        let taken = |token: Option<Erc20>| {
            token.map(|token| Approval {
                token,
                spender: *router,
            })
        };
        let (a, b, lp) = (
            taken(self.erc20("token_a", token_a)),
            taken(self.erc20("token_b", token_b)),
            taken(self.erc20("lp", lp)),
        );
        Some(UniswapV2 {
            id,
            slippage: *slippage,
            a: a?,
            b: b?,
            lp: lp?,
        })
    }

    /// The pair whose LP token `stake` is. What is wrong with the pair itself is not said twice.
    fn underlying(
        &mut self,
        all: &[ProtocolConfig],
        id: &ProtocolId,
        stake: &Token,
    ) -> Option<UniswapV2> {
        let found = all.iter().find(|protocol| protocol.id == *id);
        let problem = match found.map(|protocol| (protocol, &protocol.module)) {
            None => "there is no such protocol",
            Some((pair, ModuleConfig::UniswapV2 { lp, .. })) => {
                if pair.chain != self.protocol.chain {
                    "it is on another chain"
                } else if lp != stake {
                    "its LP token is not `stake`"
                } else {
                    return Check::of(pair, &mut Vec::new()).pair();
                }
            }
            Some(_) => "it is not a `uniswap_v2` protocol",
        };
        let protocol = self.id();
        self.errors.push(RegistryError::Underlying {
            protocol,
            underlying: id.clone(),
            problem,
        });
        None
    }
}
