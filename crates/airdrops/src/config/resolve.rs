//! From sections to settings: the order in which tables are read, and what they share.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use airdrops_market::MarketConfig;
use airdrops_risk::Policy;
use airdrops_runtime::settings::{Mode, Settings};
use airdrops_types::{AssetId, Bps, ChainId, Token, Usd};
use secrecy::SecretString;
use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{Diagnostic, suggestion};
use super::location::{self, Location};
use super::reader::{At, Reader};
use super::risk::{self, Falls};
use super::section::Section;
use super::wallet::{self, WalletFile};
use super::webhook::{self, Intake};
use super::{breakers, campaign, chain, derived, keys, opportunity, protocol, scheduler, source};

/// What the file says.
pub(super) struct Resolved {
    pub(super) settings: Settings,
    pub(super) rpc: BTreeMap<ChainId, SecretString>,
    pub(super) witnesses: BTreeMap<ChainId, SecretString>,
    pub(super) market: Option<MarketConfig>,
    pub(super) wallets: Vec<WalletFile>,
    pub(super) database: Location,
    pub(super) intake: Option<Intake>,
}

/// Names that were defined once, and where.
pub(super) struct Names<T> {
    kind: &'static str,
    entries: BTreeMap<String, T>,
    /// Names whose definition has a mistake: a reference to one is no second mistake.
    broken: BTreeSet<String>,
}

impl<T> Names<T> {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            entries: BTreeMap::new(),
            broken: BTreeSet::new(),
        }
    }

    /// Adds a definition; `None` is one with a mistake.
    pub(super) fn define(&mut self, reader: &Reader<'_>, name: At<String>, entry: Option<T>) {
        let span = name.span();
        let name = name.into_inner();
        if self.entries.contains_key(&name) || self.broken.contains(&name) {
            let message = format!("{} `{name}` is defined twice", self.kind);
            reader.error(span, message, "rename or remove one of them");
            return;
        }
        match entry {
            Some(entry) => {
                self.entries.insert(name, entry);
            }
            None => {
                self.broken.insert(name);
            }
        }
    }

    /// What a reference names; an unknown name is a mistake.
    pub(super) fn find(&self, reader: &Reader<'_>, reference: &At<String>) -> Option<&T> {
        let name = reference.get_ref();
        let found = self.entries.get(name);
        if found.is_none() && !self.broken.contains(name) {
            reader.error(
                reference.span(),
                format!("unknown {} `{name}`", self.kind),
                suggestion(name, self.entries.keys().map(String::as_str), self.kind),
            );
        }
        found
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.values()
    }
}

/// Reads the text. `Err` has at least one mistake; `Ok` has the doubts beside it.
pub(super) fn resolve(
    text: &str,
    base: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Resolved, Vec<Diagnostic>), Vec<Diagnostic>> {
    let reader = Reader::new(base, environment);
    let resolved = resolve_with(&reader, text);
    match resolved {
        Some(resolved) if !reader.failed() => Ok((resolved, reader.findings())),
        _ => Err(reader.findings()),
    }
}

/// The text as a table; `None` if it is not TOML.
pub(super) fn document<'t>(reader: &Reader<'_>, text: &'t str) -> Option<Spanned<DeTable<'t>>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reader.error(
            error.span().unwrap_or(0..0),
            format!("not TOML: {}", error.message()),
            "",
        );
    }
    if !syntax.is_empty() {
        // What follows a broken line is guesswork: other findings would mislead.
        return None;
    }
    Some(document)
}

fn resolve_with(reader: &Reader<'_>, text: &str) -> Option<Resolved> {
    let document = document(reader, text)?;
    // The whole file has no place of its own: what it lacks is shown at its end.
    let end = text.trim_end().len();
    let root = Section::new(reader, document.get_ref(), end..end, &keys::ROOT);
    let mode = match root.choice("mode").map(At::into_inner) {
        Some("live") => Mode::Live,
        _ => Mode::Paper,
    };
    let engine = root
        .table("engine")
        .unwrap_or_else(|| Section::absent(reader, &keys::ENGINE));
    let limits_section = root
        .table("limits")
        .unwrap_or_else(|| Section::absent(reader, &keys::LIMITS));

    let mut falls = Falls::default();
    let chains = chain::read(reader, &root, mode, &mut falls);
    let (wallets, wallet_names) = wallet::read(reader, &root, mode);
    let protocols = protocol::read(reader, &root, &chains, &mut falls);
    falls.check(reader);
    let seed = engine.integer("seed").map_or(1, At::into_inner);
    let settings = chains.settings.iter();
    let world = campaign::World {
        wallets: &wallet_names,
        protocols: &protocols.names,
        chains: &chains.names,
        assets: chains.assets().into_iter().map(str::to_owned).collect(),
        confirmations: settings.map(|it| (it.id, it.confirmations)).collect(),
        campaigns: BTreeMap::new(),
    };
    let campaigns = campaign::read(reader, &root, &world);
    let scheduler = scheduler::read(reader, &root, &campaigns);
    let limits = limits(reader, &limits_section, &chains, &protocols);
    let weights = weights(reader, &root, &protocols, &limits);
    let planning = opportunity::read(reader, &root, &wallet_names, &protocols);
    let node_limits = risk::node_limits(reader, &limits_section, &falls);
    let gas = risk::gas_limits(&limits_section, &chains.gas_ceilings);
    let consensus = risk::prices(reader, &root);
    let loss = limits.rolling_loss_limit;
    let tick = engine.duration("tick").unwrap_or(Duration::from_secs(15));
    let (mut monitor, contract_period) =
        breakers::monitor(reader, &root, &engine, &limits_section, &chains, loss, tick);
    monitor.names = derived::names(&protocols.configs, &chains.settings, &chains.assets());
    monitor.consensus = consensus;
    monitor.assets_of = derived::assets_of(&protocols.configs);
    let configs = protocols.configs.iter();
    monitor.chain_of = configs.map(|it| (it.id.clone(), it.chain)).collect();
    let tokens = chains.tokens(&protocols.wrapped);
    let known = source::Known {
        mode,
        tokens: &tokens,
        assets: chains.assets(),
        slugs: &protocols.slugs,
        names: monitor.names.keys().cloned().collect(),
    };
    let sources = source::read(reader, &root, &known);
    match &protocols.slug_span {
        Some(span) if !sources.tvl => reader.error(
            span.clone(),
            "no source tells the value locked in protocols",
            "add a [[source]] with kind = \"llama-tvl\", or remove `tvl`",
        ),
        _ => monitor.tvl = protocols.slugs.keys().cloned().collect(),
    }
    if let Some(market) = &sources.market {
        let feeds = market.feeds.iter();
        monitor.incident_feeds = feeds.map(|feed| feed.name.clone()).collect();
        if let Some(goplus) = &market.goplus {
            let judged = |token: &&Token| {
                let on_chain = goplus.tokens.get(&token.chain).zip(token.contract);
                on_chain.is_some_and(|(contracts, contract)| contracts.contains(&contract))
            };
            monitor.tokens = tokens.iter().filter(judged).cloned().collect();
        }
    }
    let mut voices = chains.voices.clone();
    for (asset, more) in sources.voices {
        voices.entry(asset).or_default().extend(more);
    }
    chain::check_prices(reader, &root, &voices, consensus.min_sources);

    let file = engine.path("database");
    let database = location::read(reader, &root, mode).unwrap_or_else(|| {
        Location::File(file.map_or_else(|| reader.path("airdrops.sqlite"), At::into_inner))
    });
    let min_change = limits_section
        .dollars("min_change")
        .unwrap_or(Usd::dollars(10));
    let addresses: Vec<_> = wallets.iter().map(|wallet| wallet.address).collect();
    let policy = Policy {
        gas_ceilings: chains.gas_ceilings.clone(),
        wallets: addresses.clone(),
        gas,
        dependencies: falls.dependencies,
        node_limits,
        ..limits
    };
    let watched = derived::watched(&protocols, &tokens);
    Some(Resolved {
        settings: Settings {
            mode,
            seed,
            tick,
            tokens,
            feeds: chains.feeds,
            chains: chains.settings,
            wallets: addresses,
            protocols: protocols.configs,
            weights,
            planning,
            min_change,
            watched,
            contract_period,
            monitor,
            policy,
            campaigns,
            scheduler,
        },
        rpc: chains.rpc,
        witnesses: chains.witnesses,
        market: sources.market,
        wallets,
        database,
        intake: webhook::read(reader, &root),
    })
}

fn limits(
    reader: &Reader<'_>,
    section: &Section<'_>,
    chains: &chain::Chains,
    protocols: &protocol::Protocols,
) -> Policy {
    let default = Policy::with_default_limits();
    let share = |key, default| section.percent(key).map_or(default, At::into_inner);
    let mut asset_limits = BTreeMap::new();
    let assets = chains.assets();
    for (name, limit) in section.percents("assets") {
        let (span, name) = (name.span(), name.into_inner());
        if !assets.contains(name.as_str()) {
            let help = suggestion(&name, assets.iter().copied(), "asset");
            reader.error(span, format!("unknown asset `{name}`"), help);
        }
        asset_limits.insert(AssetId::from(name.as_str()), limit);
    }
    let mut protocol_limits = BTreeMap::new();
    let families: BTreeSet<&str> = protocols.families();
    for (name, limit) in section.percents("protocols") {
        let (span, name) = (name.span(), name.into_inner());
        if !families.contains(name.as_str()) && !protocols.incomplete {
            let help = suggestion(&name, families.iter().copied(), "protocol family");
            reader.error(span, format!("unknown protocol family `{name}`"), help);
        }
        protocol_limits.insert(name, limit);
    }
    Policy {
        protocol_limit: share("protocol", default.protocol_limit),
        protocol_limits,
        transaction_limit: share("transaction", default.transaction_limit),
        asset_limit: share("asset", default.asset_limit),
        asset_limits,
        fee_limit: section.dollars("fee").unwrap_or(default.fee_limit),
        rolling_loss_limit: share("rolling_loss", default.rolling_loss_limit),
        max_simulation_age: section
            .duration("simulation_age")
            .unwrap_or(default.max_simulation_age),
        permit_ttl: section.duration("permit_ttl").unwrap_or(default.permit_ttl),
        ..default
    }
}

fn weights(
    reader: &Reader<'_>,
    root: &Section<'_>,
    protocols: &protocol::Protocols,
    limits: &Policy,
) -> Vec<(airdrops_types::ProtocolId, Bps)> {
    let mut weights = Vec::new();
    let mut seen = BTreeSet::new();
    let mut total: u32 = 0;
    let mut by_family: BTreeMap<&str, u32> = BTreeMap::new();
    for section in root.tables("allocation") {
        let (reference, weight) = (section.name("protocol"), section.percent("weight"));
        let (Some(reference), Some(weight)) = (reference, weight) else {
            continue;
        };
        let before = total;
        total = total.saturating_add(weight.get_ref().0);
        let whole = Bps::WHOLE.0;
        if before <= whole && total > whole {
            let message = format!(
                "the weights add up to {} so far, more than 100 %",
                Bps(total)
            );
            reader.error(
                weight.span(),
                message,
                "lower the weights; what is not allocated stays in the wallets",
            );
        }
        let Some(config) = protocols.names.find(reader, &reference) else {
            continue;
        };
        if !seen.insert(config.id.clone()) {
            let message = format!("protocol `{}` has two weights", config.id);
            reader.error(reference.span(), message, "remove one of them");
            continue;
        }
        let family = by_family.entry(&config.family).or_default();
        let family_before = *family;
        *family = family.saturating_add(weight.get_ref().0);
        let limit = limits
            .protocol_limits
            .get(&config.family)
            .unwrap_or(&limits.protocol_limit);
        if family_before <= limit.0 && *family > limit.0 {
            warn_cut(reader, weight.span(), &config.family, Bps(*family), *limit);
        }
        weights.push((config.id.clone(), weight.into_inner()));
    }
    weights
}

fn warn_cut(reader: &Reader<'_>, span: Range<usize>, family: &str, weight: Bps, limit: Bps) {
    reader.warning(
        span,
        format!("family `{family}` is to hold {weight}, but its limit is {limit}: the limit wins"),
        format!("lower the weight, or set `{family} = \"…%\"` under [limits.protocols]"),
    );
}

/// What a read of `text` asked for, to compare it with the key table.
#[cfg(test)]
pub(super) fn asked(text: &str) -> BTreeSet<(&'static str, &'static str)> {
    let no_environment = |_: &str| None;
    let reader = Reader::new(Path::new(""), &no_environment);
    resolve_with(&reader, text);
    reader.asked()
}
