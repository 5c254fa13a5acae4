//! Chains, tokens and price feeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_runtime::settings::{ChainSettings, FeedSettings, Mode};
use airdrops_types::{Address, AssetId, ChainId, Token};
use secrecy::{ExposeSecret, SecretString};

use super::reader::{At, Reader, SecretPlace};
use super::resolve::Names;
use super::section::Section;

/// The chains of a file and what is on them.
pub(super) struct Chains {
    pub(super) names: Names<ChainId>,
    pub(super) settings: Vec<ChainSettings>,
    pub(super) feeds: Vec<FeedSettings>,
    pub(super) rpc: BTreeMap<ChainId, SecretString>,
    pub(super) gas_ceilings: BTreeMap<ChainId, u128>,
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

pub(super) fn read(reader: &Reader<'_>, root: &Section<'_>, mode: Mode) -> Chains {
    let mut chains = Chains {
        names: Names::new("chain"),
        settings: Vec::new(),
        feeds: Vec::new(),
        rpc: BTreeMap::new(),
        gas_ceilings: BTreeMap::new(),
        named: BTreeMap::new(),
    };
    for section in root.tables("chain") {
        read_chain(reader, &section, mode, &mut chains);
    }
    for section in root.tables("token") {
        read_token(reader, &section, &mut chains);
    }
    let mut priced = BTreeSet::new();
    let mut listed = BTreeSet::new();
    for section in root.tables("price") {
        read_feed(reader, &section, &mut chains, &mut priced, &mut listed);
    }
    if !reader.failed() {
        // With other mistakes about, a missing feed may only be a misspelt one.
        for section in root.tables("token") {
            note_unpriced(
                reader,
                &section,
                "asset",
                section.name("asset"),
                &mut priced,
            );
        }
        for section in root.tables("chain") {
            let native = section.name("native");
            let native = native.unwrap_or_else(|| At::new(section.span_of("native"), "ETH".into()));
            note_unpriced(reader, &section, "native", Some(native), &mut priced);
        }
    }
    chains
}

fn note_unpriced(
    reader: &Reader<'_>,
    section: &Section<'_>,
    key: &str,
    asset: Option<At<String>>,
    priced: &mut BTreeSet<String>,
) {
    let Some(asset) = asset else { return };
    if priced.insert(asset.get_ref().clone()) {
        let name = asset.get_ref();
        reader.error(
            section.span_of(key),
            format!("nothing says what {name} is worth"),
            format!(
                "add a [[price]] with `asset = \"{name}\"`: without prices, nothing can be measured"
            ),
        );
    }
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
        data_fee: DataFeeModel::None,
        uptime_feed: None,
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
    priced: &mut BTreeSet<String>,
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
    priced.insert(asset.get_ref().clone());
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
