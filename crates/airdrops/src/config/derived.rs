//! What follows from the protocols of a file without being written in it: which contracts are
//! watched, what is underneath, and what a report of trouble means.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_protocols::{ModuleConfig, ProtocolConfig, Registry};
use airdrops_runtime::settings::{ChainSettings, Watched};
use airdrops_types::{AssetId, ProtocolId, Scope, Token};

use super::protocol::Protocols;

/// The contracts to watch: those that the file lists, else all that are called and are no plain
/// token.
pub(super) fn watched(protocols: &Protocols, tokens: &[Token]) -> Vec<Watched> {
    let mut found: Vec<Watched> = Vec::new();
    // What is wrong with the protocols together is told where the engine starts.
    let calls = Registry::new(protocols.configs.clone());
    let calls = calls.map_or_else(|_| Vec::new(), |registry| registry.allowed_calls());
    let called = calls
        .into_iter()
        .filter(|(_, _, _, protocol)| !protocols.watch.contains_key(protocol))
        .filter(|(chain, contract, ..)| {
            let place = (*chain, Some(*contract));
            !tokens
                .iter()
                .any(|token| (token.chain, token.contract) == place)
        })
        .map(|(chain, contract, _, protocol)| Watched {
            chain,
            contract,
            protocol,
        });
    let listed = protocols.configs.iter().flat_map(|config| {
        let contracts = protocols.watch.get(&config.id).into_iter().flatten();
        contracts.map(|contract| Watched {
            chain: config.chain,
            contract: *contract,
            protocol: config.id.clone(),
        })
    });
    for watched in called.chain(listed) {
        let same =
            |known: &Watched| (known.chain, known.contract) == (watched.chain, watched.contract);
        if !found.iter().any(same) {
            found.push(watched);
        }
    }
    found
}

/// The assets underneath each protocol.
pub(super) fn assets_of(configs: &[ProtocolConfig]) -> BTreeMap<ProtocolId, BTreeSet<AssetId>> {
    configs
        .iter()
        .map(|config| {
            let mut assets = BTreeSet::new();
            collect(configs, &config.module, &mut assets);
            (config.id.clone(), assets)
        })
        .collect()
}

fn collect(configs: &[ProtocolConfig], module: &ModuleConfig, into: &mut BTreeSet<AssetId>) {
    let tokens: Vec<&Token> = match module {
        ModuleConfig::WrappedNative { native, .. } => vec![native],
        ModuleConfig::Erc4626 { asset, .. } => vec![asset],
        ModuleConfig::UniswapV2 {
            token_a, token_b, ..
        } => vec![token_a, token_b],
        ModuleConfig::StakingRewards {
            reward, underlying, ..
        } => {
            // A pool is on a pair, which has no underlying of its own.
            let pair = configs.iter().find(|config| config.id == *underlying);
            if let Some(pair) = pair
                && !matches!(pair.module, ModuleConfig::StakingRewards { .. })
            {
                collect(configs, &pair.module, into);
            }
            vec![reward]
        }
        ModuleConfig::Bridge { token, .. } | ModuleConfig::MerkleDistributor { token, .. } => {
            vec![token]
        }
    };
    into.extend(tokens.into_iter().map(|token| token.asset.clone()));
}

/// What each name in a report of trouble means, in lower case: families, assets and chains.
pub(super) fn names(
    configs: &[ProtocolConfig],
    chains: &[ChainSettings],
    assets: &BTreeSet<&str>,
) -> BTreeMap<String, BTreeSet<Scope>> {
    let families = configs.iter().map(|config| {
        let scope = Scope::Protocol(config.id.clone());
        (config.family.as_str(), scope)
    });
    let chains = chains
        .iter()
        .map(|chain| (chain.name.as_str(), Scope::Chain(chain.id)));
    let assets = assets
        .iter()
        .map(|asset| (*asset, Scope::Asset(AssetId::from(*asset))));
    let mut names: BTreeMap<String, BTreeSet<Scope>> = BTreeMap::new();
    for (name, scope) in families.chain(chains).chain(assets) {
        names.entry(name.to_lowercase()).or_default().insert(scope);
    }
    names
}
