//! Chains, tokens and price feeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_risk::breaker::Peg;
use airdrops_risk::look_through::Node;
use airdrops_runtime::settings::{ChainSettings, FeedSettings, Mode};
use airdrops_types::{Address, AssetId, ChainId, Token};
use secrecy::{ExposeSecret, SecretString};

use super::reader::{At, Reader, SecretPlace};
use super::resolve::Names;
use super::risk::Falls;
use super::section::Section;
use super::source::unknown_asset;

/// The chains of a file and what is on them.
pub(super) struct Chains {
    pub(super) names: Names<ChainId>,
    pub(super) settings: Vec<ChainSettings>,
    pub(super) feeds: Vec<FeedSettings>,
    pub(super) rpc: BTreeMap<ChainId, SecretString>,
    pub(super) witnesses: BTreeMap<ChainId, SecretString>,
    pub(super) gas_ceilings: BTreeMap<ChainId, u128>,
    /// What assets promise to be worth.
    pub(super) pegs: BTreeMap<AssetId, Peg>,
    /// Who tells the price of each asset, on chains.
    pub(super) voices: BTreeMap<String, BTreeSet<String>>,
    /// ERC-20 tokens by the name that protocols use, per chain.
    named: BTreeMap<ChainId, Names<Token>>,
}

impl Chains {
    /// The ERC-20 token that a protocol on `chain` means.
    pub(super) fn token(
        &self,
        reader: &Reader<'_>,
        chain: ChainId,
        reference: &At<String>,
    ) -> Option<Token> {
        self.named.get(&chain)?.find(reader, reference).cloned()
    }

    /// The ERC-20 token or native currency that a protocol on `chain` means.
    pub(super) fn token_or_native(
        &self,
        reader: &Reader<'_>,
        chain: ChainId,
        reference: &At<String>,
    ) -> Option<Token> {
        let native = self.native(chain)?;
        if native.asset.as_str() == reference.get_ref() {
            return Some(native.clone());
        }
        self.token(reader, chain, reference)
    }

    /// The ERC-20 token at an address.
    pub(super) fn token_at(
        &self,
        chain: ChainId,
        address: airdrops_types::Address,
    ) -> Option<&Token> {
        self.named
            .get(&chain)?
            .values()
            .find(|token| token.contract == Some(address))
    }

    pub(super) fn native(&self, chain: ChainId) -> Option<&Token> {
        self.settings
            .iter()
            .find(|settings| settings.id == chain)
            .map(|settings| &settings.native)
    }

    /// Everything that has a price.
    pub(super) fn assets(&self) -> BTreeSet<&str> {
        let natives = self.settings.iter().map(|chain| &chain.native);
        natives
            .chain(self.named.values().flat_map(Names::values))
            .map(|token| token.asset.as_str())
            .collect()
    }

    /// Native currencies, then the tokens of the file, then `more`, each once.
    pub(super) fn tokens(&self, more: &[Token]) -> Vec<Token> {
        let natives = self.settings.iter().map(|chain| &chain.native);
        let mut tokens: Vec<Token> = Vec::new();
        for token in natives
            .chain(self.named.values().flat_map(Names::values))
            .chain(more)
        {
            if !tokens.contains(token) {
                tokens.push(token.clone());
            }
        }
        tokens
    }
}

pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    mode: Mode,
    falls: &mut Falls,
) -> Chains {
    let mut chains = Chains {
        names: Names::new("chain"),
        settings: Vec::new(),
        feeds: Vec::new(),
        rpc: BTreeMap::new(),
        witnesses: BTreeMap::new(),
        gas_ceilings: BTreeMap::new(),
        pegs: BTreeMap::new(),
        voices: BTreeMap::new(),
        named: BTreeMap::new(),
    };
    for section in root.tables("chain") {
        read_chain(reader, &section, mode, &mut chains);
    }
    for section in root.tables("token") {
        read_token(reader, &section, &mut chains);
    }
    for section in root.tables("token") {
        read_promise(reader, &section, &mut chains, falls);
    }
    let mut listed = BTreeSet::new();
    for section in root.tables("price") {
        read_feed(reader, &section, &mut chains, &mut listed);
    }
    chains
}

/// Notes assets whose price nobody tells, and those of which too few do.
pub(super) fn check_prices(
    reader: &Reader<'_>,
    root: &Section<'_>,
    voices: &BTreeMap<String, BTreeSet<String>>,
    least: usize,
) {
    if reader.failed() {
        // With other mistakes about, a missing feed may only be a misspelt one.
        return;
    }
    let tokens = root.tables("token");
    let tokens = tokens
        .iter()
        .filter_map(|section| Some((section.name("asset")?, section.span_of("asset"))));
    let chains = root.tables("chain");
    let natives = chains.iter().map(|section| {
        let span = section.span_of("native");
        let native = section.name("native");
        let native = native.unwrap_or_else(|| At::new(span.clone(), "ETH".into()));
        (native, span)
    });
    let mut seen = BTreeSet::new();
    for (asset, span) in tokens.chain(natives) {
        let name = asset.into_inner();
        if !seen.insert(name.clone()) {
            continue;
        }
        let told = voices.get(&name).map_or(0, BTreeSet::len);
        if told == 0 {
            reader.error(
                span,
                format!("nothing says what {name} is worth"),
                format!(
                    "add a [[price]] with `asset = \"{name}\"`: without prices, nothing can be measured"
                ),
            );
        } else if told < least {
            let who: Vec<&str> = voices[&name].iter().map(String::as_str).collect();
            reader.warning(
                span,
                format!(
                    "only {} says what {name} is worth, {least} independent sources must agree: its price is never believed",
                    who.join(" and ")
                ),
                format!(
                    "add a [[source]], such as kind = \"coingecko\" with ids = {{ {name} = \"…\" }}, or a [[price]] with another `source`"
                ),
            );
        }
    }
}

/// What a token promises, and what it falls with.
fn read_promise(
    reader: &Reader<'_>,
    section: &Section<'_>,
    chains: &mut Chains,
    falls: &mut Falls,
) {
    let (asset, peg) = (section.name("asset"), section.name("peg"));
    let list = section.dependencies("depends_on");
    let Some(asset) = asset.map(|asset| AssetId(asset.into_inner())) else {
        return;
    };
    falls.add(&Node::asset(&asset), list);
    let Some(name) = peg else { return };
    let peg = if name.get_ref() == "usd" {
        Peg::DOLLAR
    } else {
        unknown_asset(reader, &name, &chains.assets());
        Peg::Asset(AssetId(name.get_ref().clone()))
    };
    if peg == Peg::Asset(asset.clone()) {
        let message = format!("{asset} cannot be pegged to itself");
        reader.error(
            name.span(),
            message,
            "write peg = \"usd\", or another asset",
        );
    } else if chains.pegs.get(&asset).is_some_and(|other| *other != peg) {
        let message = format!("{asset} has two different pegs");
        reader.error(name.span(), message, "all tokens of an asset have one peg");
    }
    chains.pegs.insert(asset, peg);
}

fn read_chain(reader: &Reader<'_>, section: &Section<'_>, mode: Mode, chains: &mut Chains) {
    let name = section.name("name");
    let id = section.integer("id");
    let native = section
        .name("native")
        .map_or_else(|| "ETH".to_owned(), At::into_inner);
    let confirmations = section.integer("confirmations").map_or(2, At::into_inner);
    let ceiling = section.fee_rate("gas_ceiling");
    let tip = section.fee_rate("priority_fee");
    let max_head_age = section.duration("max_head_age");
    let rebroadcast_after = section.duration("rebroadcast_after");
    let endpoint = section.secret("rpc");
    let witness = section.secret("rpc_witness");
    let uptime_feed = section.address("uptime_feed").map(At::into_inner);
    let data_fee = match section.choice("data_fee").map(At::into_inner) {
        Some("op-stack") => DataFeeModel::OpStack,
        Some("scroll") => DataFeeModel::Scroll,
        _ => DataFeeModel::None,
    };
    if let (Some(tip), Some(ceiling)) = (&tip, &ceiling)
        && tip.get_ref() > ceiling.get_ref()
    {
        reader.error(
            tip.span(),
            "`priority_fee` is higher than `gas_ceiling`",
            "a tip is usually a small part of the fee: write priority_fee = \"0.1 gwei\"",
        );
    }
    if endpoint.is_none() && mode == Mode::Live && !section.has("rpc") {
        reader.error(
            section.span.clone(),
            "live mode needs an endpoint for each chain",
            "write rpc = { env = \"RPC_MAINNET\" }, or mode = \"paper\"",
        );
    }
    let Some(name) = name else { return };
    let Some(id) = id else {
        chains.names.define(reader, name, None);
        return;
    };
    let chain = ChainId(*id.get_ref());
    if chains.settings.iter().any(|known| known.id == chain) {
        let message = format!("chain id {chain} is used twice");
        reader.error(id.span(), message, "each chain has an id of its own");
        return;
    }
    if let Some(url) = endpoint.and_then(|place| endpoint_url(reader, place, mode)) {
        chains.rpc.insert(chain, url);
    }
    // On paper, the chain inside the process is asked, which needs no witness.
    if let Some(place) = witness.filter(|_| mode == Mode::Live)
        && let Some(url) = endpoint_url(reader, place, mode)
    {
        chains.witnesses.insert(chain, url);
    }
    if let Some(ceiling) = ceiling {
        chains.gas_ceilings.insert(chain, ceiling.into_inner());
    }
    chains.named.insert(chain, Names::new("token"));
    chains.settings.push(ChainSettings {
        id: chain,
        name: name.get_ref().clone(),
        native: Token {
            chain,
            contract: None,
            asset: AssetId(native),
            decimals: 18,
        },
        confirmations,
        max_head_age: max_head_age.unwrap_or(Duration::from_secs(120)),
        priority_fee: tip.map_or(100_000_000, At::into_inner),
        rebroadcast_after: rebroadcast_after.unwrap_or(Duration::from_secs(30)),
        data_fee,
        uptime_feed,
    });
    chains.names.define(reader, name, Some(chain));
}

/// The endpoint's address. No part of it is ever shown.
fn endpoint_url(reader: &Reader<'_>, place: At<SecretPlace>, mode: Mode) -> Option<SecretString> {
    let span = place.span();
    let literal = matches!(place.get_ref(), SecretPlace::Literal(_));
    let url = match place.into_inner() {
        SecretPlace::Literal(url) => url,
        SecretPlace::Env(variable) => match reader.variable(&variable) {
            Some(url) => SecretString::from(url),
            None if mode == Mode::Live => {
                let message = format!("the environment variable {variable} is not set");
                let help = format!("export {variable}=https://… before you start the program");
                reader.error(span, message, help);
                return None;
            }
            None => {
                let message = format!("the environment variable {variable} is not set");
                reader.warning(span, message, "paper mode then starts from an empty chain");
                return None;
            }
        },
        SecretPlace::File(path) => match std::fs::read_to_string(&path) {
            Ok(text) => SecretString::from(text.lines().next().unwrap_or_default().trim()),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                reader.error(
                    span,
                    message,
                    "the file's first line is the endpoint's address",
                );
                return None;
            }
        },
        SecretPlace::Credential(_) => return None,
    };
    let text = url.expose_secret();
    if !text.starts_with("http://") && !text.starts_with("https://") {
        reader.error(
            span,
            "the endpoint's address must begin with http:// or https://",
            "",
        );
        return None;
    }
    let local = ["://127.", "://localhost", "://[::1]"]
        .iter()
        .any(|host| text.contains(host));
    if literal && !local {
        reader.warning(
            span,
            "the endpoint's address is written in this file",
            "addresses of providers contain keys: write rpc = { env = \"RPC_MAINNET\" }",
        );
    } else if text.starts_with("http://") && !local {
        reader.warning(span, "the endpoint is not encrypted", "use https://");
    }
    Some(url)
}

fn read_token(reader: &Reader<'_>, section: &Section<'_>, chains: &mut Chains) {
    let (on, asset, own_name) = (
        section.name("chain"),
        section.name("asset"),
        section.name("name"),
    );
    let (address, decimals) = (section.address("address"), section.integer("decimals"));
    let chain = on
        .as_ref()
        .and_then(|on| chains.names.find(reader, on).copied());
    let (Some(chain), Some(asset)) = (chain, asset) else {
        return;
    };
    let name = own_name.unwrap_or_else(|| asset.clone());
    let token = match (address, decimals) {
        (Some(address), Some(decimals)) => {
            let contract = *address.get_ref();
            if chains.token_at(chain, contract).is_some() {
                let message = format!("{contract} is listed twice on this chain");
                reader.error(address.span(), message, "remove one of them");
            }
            Some(Token {
                chain,
                contract: Some(contract),
                asset: AssetId(asset.into_inner()),
                decimals: u8::try_from(decimals.into_inner()).unwrap_or(u8::MAX),
            })
        }
        _ => None,
    };
    if let Some(native) = chains.native(chain)
        && native.asset.as_str() == name.get_ref()
    {
        let message = format!(
            "`{}` is the name of the chain's native currency",
            name.get_ref()
        );
        let help = format!(
            "give the token a name of its own: name = \"W{}\"",
            name.get_ref()
        );
        reader.error(name.span(), message, help);
        return;
    }
    if let Some(names) = chains.named.get_mut(&chain) {
        names.define(reader, name, token);
    }
}

fn read_feed(
    reader: &Reader<'_>,
    section: &Section<'_>,
    chains: &mut Chains,
    listed: &mut BTreeSet<(ChainId, Address)>,
) {
    let (asset, on) = (section.name("asset"), section.name("chain"));
    let (contract, max_age) = (section.address("feed"), section.duration("max_age"));
    let source = section
        .name("source")
        .map_or_else(|| "chainlink".to_owned(), At::into_inner);
    let chain = on
        .as_ref()
        .and_then(|on| chains.names.find(reader, on).copied());
    let Some(asset) = asset else { return };
    let operator = source.split(':').next().unwrap_or(&source);
    let of_asset = chains.voices.entry(asset.get_ref().clone()).or_default();
    of_asset.insert(operator.to_ascii_lowercase());
    let assets = chains.assets();
    if !assets.contains(asset.get_ref().as_str()) {
        reader.error(
            asset.span(),
            format!("no chain or token has the asset `{}`", asset.get_ref()),
            super::diagnostic::suggestion(asset.get_ref(), assets.iter().copied(), "asset"),
        );
    }
    if let (Some(chain), Some(contract)) = (chain, contract) {
        let span = contract.span();
        if !listed.insert((chain, *contract.get_ref())) {
            let message = format!("the feed {} is listed twice", contract.get_ref());
            reader.error(span, message, "one feed has one voice: remove one of them");
            return;
        }
        chains.feeds.push(FeedSettings {
            asset: AssetId(asset.into_inner()),
            chain,
            contract: contract.into_inner(),
            source,
            max_age: max_age.unwrap_or(Duration::from_secs(75 * 60)),
        });
    }
}
