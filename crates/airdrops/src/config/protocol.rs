//! Protocol instances.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_risk::look_through::Node;
use airdrops_types::{Address, AssetId, Bps, ChainId, ProtocolId, Token};

use super::chain::Chains;
use super::reader::{At, Reader};
use super::resolve::Names;
use super::risk::Falls;
use super::section::Section;

/// The protocol instances of a file.
pub(super) struct Protocols {
    pub(super) names: Names<ProtocolConfig>,
    pub(super) configs: Vec<ProtocolConfig>,
    /// Wrapped tokens that the file does not list.
    pub(super) wrapped: Vec<Token>,
    /// The contracts to watch, where the file lists them.
    pub(super) watch: BTreeMap<ProtocolId, Vec<Address>>,
    /// DefiLlama's slug of families.
    pub(super) slugs: BTreeMap<String, String>,
    /// Where the first slug stands.
    pub(super) slug_span: Option<Range<usize>>,
    /// Whether an instance has a mistake, so that its family may be unknown.
    pub(super) incomplete: bool,
}

impl Protocols {
    /// The families that have a limit of their own or the common one.
    pub(super) fn families(&self) -> BTreeSet<&str> {
        self.configs
            .iter()
            .map(|config| config.family.as_str())
            .collect()
    }
}

pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    chains: &Chains,
    falls: &mut Falls,
) -> Protocols {
    let mut protocols = Protocols {
        names: Names::new("protocol"),
        configs: Vec::new(),
        wrapped: Vec::new(),
        watch: BTreeMap::new(),
        slugs: BTreeMap::new(),
        slug_span: None,
        incomplete: false,
    };
    // Staking pools refer to pairs, which may stand below them.
    let sections = root.tables("protocol");
    let is_staking = |section: &&Section<'_>| section.is("module", "staking_rewards");
    let (staking, others): (Vec<_>, Vec<_>) = sections.iter().partition(is_staking);
    for section in others.into_iter().chain(staking) {
        read_protocol(reader, section, chains, &mut protocols, falls);
    }
    protocols
}

fn read_protocol(
    reader: &Reader<'_>,
    section: &Section<'_>,
    chains: &Chains,
    protocols: &mut Protocols,
    falls: &mut Falls,
) {
    let id = section.name("id");
    let family = section.name("family");
    let chain = section
        .name("chain")
        .and_then(|on| chains.names.find(reader, &on).copied());
    let module = section.choice("module").map(At::into_inner);
    let config = match (&id, chain, module) {
        (Some(id), Some(chain), Some(kind)) => {
            let place = Place {
                reader,
                section,
                chains,
                chain,
                id: id.get_ref(),
            };
            place.module(kind, protocols).map(|module| ProtocolConfig {
                id: ProtocolId::new(id.get_ref().clone()),
                family: family.map_or_else(|| id.get_ref().clone(), At::into_inner),
                chain,
                module,
            })
        }
        _ => None,
    };
    let list = section.dependencies("depends_on");
    let (watch, slug) = (section.addresses("watch"), section.text("tvl"));
    if let Some(config) = &config {
        falls.add(&Node::protocol(&config.family), list);
        if let Some(watch) = watch {
            let contracts = watch.into_iter().map(At::into_inner).collect();
            protocols.watch.insert(config.id.clone(), contracts);
        }
        if let Some(slug) = slug {
            let (span, slug) = (slug.span(), slug.into_inner());
            let known = protocols.slugs.get(&config.family);
            if known.is_some_and(|known| *known != slug) {
                let message = format!("family `{}` has two different slugs", config.family);
                reader.error(span.clone(), message, "all instances of a family have one");
            }
            protocols.slug_span.get_or_insert(span);
            protocols.slugs.insert(config.family.clone(), slug);
        }
    }
    match &config {
        Some(config) => protocols.configs.push(config.clone()),
        None => protocols.incomplete = true,
    }
    if let Some(id) = id {
        protocols.names.define(reader, id, config);
    }
}

/// One instance while it is read.
struct Place<'a> {
    reader: &'a Reader<'a>,
    section: &'a Section<'a>,
    chains: &'a Chains,
    chain: ChainId,
    id: &'a str,
}

impl Place<'_> {
    fn token(&self, key: &'static str) -> Option<Token> {
        let reference = self.section.name(key)?;
        self.chains.token(self.reader, self.chain, &reference)
    }

    /// A token that stands for a position: it has an asset of its own and no price.
    fn receipt(&self, contract: airdrops_types::Address, kind: &str, decimals: u8) -> Token {
        Token {
            chain: self.chain,
            contract: Some(contract),
            asset: AssetId(format!("{}:{kind}", self.id)),
            decimals,
        }
    }

    fn module(&self, kind: &str, protocols: &mut Protocols) -> Option<ModuleConfig> {
        match kind {
            "wrapped_native" => self.wrapped_native(protocols),
            "erc4626" => self.vault(),
            "uniswap_v2" => self.pair(),
            "staking_rewards" => self.staking(protocols),
            "bridge" => self.bridge(),
            _ => self.distributor(),
        }
    }

    fn wrapped_native(&self, protocols: &mut Protocols) -> Option<ModuleConfig> {
        let contract = *self.section.address("wrapped")?.get_ref();
        let native = self.chains.native(self.chain)?.clone();
        let listed = self.chains.token_at(self.chain, contract);
        if let Some(listed) = listed
            && (listed.asset != native.asset || listed.decimals != native.decimals)
        {
            self.reader.error(
                self.section.span_of("wrapped"),
                format!(
                    "the token at this address is not priced as {}",
                    native.asset
                ),
                format!(
                    "its [[token]] needs asset = \"{}\" and decimals = 18",
                    native.asset
                ),
            );
            return None;
        }
        let wrapped = Token {
            contract: Some(contract),
            ..native.clone()
        };
        if listed.is_none() {
            protocols.wrapped.push(wrapped.clone());
        }
        Some(ModuleConfig::WrappedNative { native, wrapped })
    }

    fn vault(&self) -> Option<ModuleConfig> {
        let (asset, vault) = (self.token("asset"), self.section.address("vault"));
        let decimals = self.section.integer("share_decimals");
        let (asset, vault) = (asset?, vault?);
        let decimals = decimals.map_or(asset.decimals, |decimals| {
            u8::try_from(decimals.into_inner()).unwrap_or(u8::MAX)
        });
        let share = self.receipt(vault.into_inner(), "share", decimals);
        Some(ModuleConfig::Erc4626 { asset, share })
    }

    fn pair(&self) -> Option<ModuleConfig> {
        let (router, pair) = (self.section.address("router"), self.section.address("pair"));
        let (token_a, token_b) = (self.token("token_a"), self.token("token_b"));
        let slippage = self.section.percent("slippage");
        let (router, pair, token_a, token_b) = (router?, pair?, token_a?, token_b?);
        if token_a == token_b {
            let span = self.section.span_of("token_b");
            self.reader
                .error(span, "`token_a` and `token_b` are the same", "");
            return None;
        }
        Some(ModuleConfig::UniswapV2 {
            router: router.into_inner(),
            token_a,
            token_b,
            lp: self.receipt(pair.into_inner(), "lp", 18),
            slippage: slippage.map_or(Bps(50), At::into_inner),
        })
    }

    fn staking(&self, protocols: &Protocols) -> Option<ModuleConfig> {
        let (pool, underlying) = (
            self.section.address("pool"),
            self.section.name("underlying"),
        );
        let reward = self.token("reward");
        let underlying = underlying?;
        let pair = protocols.names.find(self.reader, &underlying)?;
        let stake = match &pair.module {
            ModuleConfig::UniswapV2 { lp, .. } if pair.chain == self.chain => lp.clone(),
            ModuleConfig::UniswapV2 { .. } => {
                let message = format!("`{}` is on another chain", pair.id);
                self.reader.error(underlying.span(), message, "");
                return None;
            }
            _ => {
                let message = format!("`{}` is not a uniswap_v2 instance", pair.id);
                let help = "the pool's staked token must be the LP token of a configured pair";
                self.reader.error(underlying.span(), message, help);
                return None;
            }
        };
        Some(ModuleConfig::StakingRewards {
            pool: pool?.into_inner(),
            stake,
            reward: reward?,
            underlying: pair.id.clone(),
        })
    }

    fn bridge(&self) -> Option<ModuleConfig> {
        let contract = self.section.address("contract");
        let remote_contract = self.section.address("remote_contract");
        let asset = self.section.name("asset");
        let remote = self.section.name("remote_chain")?;
        let remote_chain = *self.chains.names.find(self.reader, &remote)?;
        if remote_chain == self.chain {
            let message = "a bridge needs two different chains";
            self.reader.error(remote.span(), message, "");
            return None;
        }
        let asset = asset?;
        let here = self.chains.token_or_native(self.reader, self.chain, &asset);
        let there = self
            .chains
            .token_or_native(self.reader, remote_chain, &asset);
        let (token, remote_token) = (here?, there?);
        if token.decimals != remote_token.decimals || token.asset != remote_token.asset {
            let message = format!("`{}` is not the same on both chains", asset.get_ref());
            let help = "the tokens must agree in asset and decimals";
            self.reader.error(asset.span(), message, help);
            return None;
        }
        Some(ModuleConfig::Bridge {
            contract: contract?.into_inner(),
            remote_chain,
            remote_contract: remote_contract?.into_inner(),
            token,
            remote_token,
        })
    }

    fn distributor(&self) -> Option<ModuleConfig> {
        let contract = self.section.address("contract");
        let index = self.section.integer("index");
        let proof = self.section.digests("proof");
        let token = self.token("asset");
        let decimals = token.as_ref().map_or(36, |token| token.decimals);
        let amount = self.section.decimal("amount", decimals);
        Some(ModuleConfig::MerkleDistributor {
            contract: contract?.into_inner(),
            token: token?,
            index: index?.into_inner(),
            amount: amount?,
            proof,
        })
    }
}
