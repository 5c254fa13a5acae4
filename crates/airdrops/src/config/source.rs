//! Services that tell prices and news.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_market::config::{
    BinanceConfig, CoinGeckoConfig, DeribitConfig, FeedConfig, GoPlusConfig, LlamaPricesConfig,
    LlamaProtocolsConfig, PythConfig,
};
use airdrops_market::source::coingecko::Plan;
use airdrops_market::source::goplus;
use airdrops_market::source::incident_feed::IncidentWords;
use airdrops_market::{ApiKey, MarketConfig, Settings};
use airdrops_runtime::settings::Mode;
use airdrops_types::{Address, AssetId, ChainId, Token};

use super::check::check_digest;
use super::diagnostic::suggestion;
use super::reader::{At, Reader, SecretPlace};
use super::section::Section;

/// The services of a file.
pub(super) struct Sources {
    /// `None` if there is none.
    pub(super) market: Option<MarketConfig>,
    /// Who tells the price of each asset.
    pub(super) voices: BTreeMap<String, BTreeSet<String>>,
    /// Whether the value locked in protocols is asked for.
    pub(super) tvl: bool,
}

/// What the sources are to know of the rest of the file.
pub(super) struct Known<'a> {
    pub(super) mode: Mode,
    /// Everything that has a price.
    pub(super) assets: BTreeSet<&'a str>,
    /// All tokens.
    pub(super) tokens: &'a [Token],
    /// The slug of each protocol family that has one.
    pub(super) slugs: &'a BTreeMap<String, String>,
    /// The names of families, assets and chains, in lower case.
    pub(super) names: BTreeSet<String>,
}

pub(super) fn read(reader: &Reader<'_>, root: &Section<'_>, known: &Known<'_>) -> Sources {
    let mut sources = Sources {
        market: None,
        voices: BTreeMap::new(),
        tvl: false,
    };
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for section in root.tables("source") {
        let Some(kind) = section.choice("kind") else {
            continue;
        };
        if !kinds.insert(kind.get_ref()) && *kind.get_ref() != "incidents" {
            let message = format!("there are two sources of the kind {}", kind.get_ref());
            reader.error(kind.span(), message, "put all ids into one of them");
            continue;
        }
        let market = sources.market.get_or_insert_with(MarketConfig::default);
        let place = Place {
            reader,
            section: &section,
            known,
        };
        place.read(kind.get_ref(), market, &mut sources.voices);
    }
    sources.tvl = kinds.contains("llama-tvl");
    sources
}

struct Place<'a> {
    reader: &'a Reader<'a>,
    section: &'a Section<'a>,
    known: &'a Known<'a>,
}

impl Place<'_> {
    fn read(
        &self,
        kind: &str,
        market: &mut MarketConfig,
        voices: &mut BTreeMap<String, BTreeSet<String>>,
    ) {
        let mut speak = |asset: &AssetId, voice: &str| {
            let of_asset = voices.entry(asset.to_string()).or_default();
            of_asset.insert(voice.to_owned());
        };
        match kind {
            "coingecko" => {
                let plan = match self.section.choice("plan").map(At::into_inner) {
                    Some("pro") => Plan::Pro,
                    _ => Plan::Demo,
                };
                let mut config = CoinGeckoConfig::new(plan, self.ids());
                config
                    .ids
                    .keys()
                    .for_each(|asset| speak(asset, "coingecko"));
                self.complete(&mut config.settings);
                market.coingecko = Some(config);
            }
            "pyth" => {
                let feeds = self.section.each("ids", |_, text| check_digest(text));
                let mut config = PythConfig::new(self.of_assets(feeds));
                config.feeds.keys().for_each(|asset| speak(asset, "pyth"));
                self.complete(&mut config.settings);
                if config.settings.key.is_none() && !self.section.has("key") {
                    self.reader.error(
                        self.section.span.clone(),
                        "Pyth Hermes needs a key",
                        "write key = { env = \"PYTH_KEY\" }",
                    );
                }
                market.pyth = Some(config);
            }
            "binance" => {
                let mut config = BinanceConfig::new(self.ids());
                config
                    .symbols
                    .keys()
                    .for_each(|asset| speak(asset, "binance"));
                self.complete(&mut config.settings);
                if let Some(hours) = self.section.integer("hours") {
                    config.hours = u32::try_from(hours.into_inner()).unwrap_or(u32::MAX);
                }
                market.binance = Some(config);
            }
            "llama-prices" => {
                let mut config = LlamaPricesConfig::new(self.ids());
                for (asset, key) in &config.keys {
                    // What DefiLlama repeats is no second voice.
                    let second_hand = key.starts_with("coingecko:");
                    speak(
                        asset,
                        if second_hand {
                            "coingecko"
                        } else {
                            "defillama"
                        },
                    );
                }
                self.complete(&mut config.settings);
                market.llama_prices = Some(config);
            }
            "llama-tvl" => {
                if self.known.slugs.is_empty() {
                    self.reader.warning(
                        self.section.span.clone(),
                        "no protocol has a `tvl`: this source is not asked",
                        "write tvl = \"aave-v3\", DefiLlama's slug, in a [[protocol]]",
                    );
                }
                let mut config = LlamaProtocolsConfig::new(self.known.slugs.clone());
                self.complete(&mut config.tvl);
                market.llama_protocols = Some(config).filter(|config| !config.slugs.is_empty());
            }
            "deribit" => {
                let mut config = DeribitConfig::new(self.ids());
                self.complete(&mut config.index);
                if let Some(options) = &mut config.options {
                    options.base_url.clone_from(&config.index.base_url);
                }
                market.deribit = Some(config);
            }
            "goplus" => {
                let tokens = self.judged_tokens();
                if tokens.is_empty() {
                    self.reader.warning(
                        self.section.span.clone(),
                        "no token is on a chain that GoPlus knows: this source is not asked",
                        "remove it, or list a [[token]] on such a chain",
                    );
                }
                let mut config = GoPlusConfig::new(tokens);
                self.complete(&mut config.settings);
                market.goplus = Some(config).filter(|config| !config.tokens.is_empty());
            }
            _ => self.incidents(market),
        }
    }

    /// The contracts of all tokens on chains that GoPlus knows.
    fn judged_tokens(&self) -> BTreeMap<ChainId, BTreeSet<Address>> {
        let mut judged: BTreeMap<ChainId, BTreeSet<Address>> = BTreeMap::new();
        for token in self.known.tokens {
            if let Some(contract) = token.contract
                && goplus::CHAINS.contains(&token.chain.0)
            {
                judged.entry(token.chain).or_default().insert(contract);
            }
        }
        judged
    }

    fn incidents(&self, market: &mut MarketConfig) {
        let (name, url) = (self.section.text("name"), self.section.url("url"));
        let (Some(name), Some(url)) = (name, url) else {
            return;
        };
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ':');
        if !name.get_ref().chars().all(allowed) {
            self.reader.error(
                name.span(),
                format!("`{}` is not a feed's name", name.get_ref()),
                "lower-case letters, digits, hyphens and colons: name = \"rekt\"",
            );
        }
        if market.feeds.iter().any(|feed| feed.name == *name.get_ref()) {
            let message = format!("the feed `{}` is listed twice", name.get_ref());
            let help = "tell feeds of one publisher apart after a colon: \"rekt:board\"";
            self.reader.error(name.span(), message, help);
        }
        let names = self.known.names.iter();
        let words = IncidentWords::with_names(names.map(|it| (it.clone(), it.clone())).collect());
        let mut feed = FeedConfig::new(name.into_inner(), url.get_ref(), words);
        self.complete(&mut feed.settings);
        market.feeds.push(feed);
    }

    fn ids(&self) -> BTreeMap<AssetId, String> {
        self.of_assets(self.section.each("ids", |_, text| Ok(text.to_owned())))
    }

    fn of_assets<T>(&self, entries: Vec<(At<String>, At<T>)>) -> BTreeMap<AssetId, T> {
        if entries.is_empty() && self.section.has("ids") {
            self.reader.error(
                self.section.span_of("ids"),
                "`ids` names no asset",
                "write ids = { ETH = \"…\" }, or remove the source",
            );
        }
        let mut found = BTreeMap::new();
        for (asset, id) in entries {
            unknown_asset(self.reader, &asset, &self.known.assets);
            found.insert(AssetId(asset.into_inner()), id.into_inner());
        }
        found
    }

    /// What every source can be told.
    fn complete(&self, settings: &mut Settings) {
        if let Some(url) = self.section.url("url") {
            settings.base_url = url.into_inner();
        }
        settings.key = self.section.secret("key").and_then(|place| self.key(place));
        if let Some(every) = self.section.duration("every") {
            settings.interval = every;
        }
        if let Some(max_age) = self.section.duration("max_age") {
            settings.max_age = max_age;
        }
        if settings.interval > settings.max_age {
            let key = if self.section.has("every") {
                "every"
            } else {
                "max_age"
            };
            self.reader.error(
                self.section.span_of(key),
                format!(
                    "asked every {}, every answer is older than {} before the next",
                    super::unit::duration_text(settings.interval),
                    super::unit::duration_text(settings.max_age)
                ),
                "`every` must be at most `max_age`",
            );
        }
    }

    fn key(&self, place: At<SecretPlace>) -> Option<ApiKey> {
        let span = place.span();
        let text = match place.into_inner() {
            SecretPlace::Literal(_) => return None,
            SecretPlace::Env(variable) => {
                let value = self.reader.variable(&variable);
                if value.is_none() {
                    let message = format!("the environment variable {variable} is not set");
                    if self.known.mode == Mode::Live {
                        let help = format!("export {variable}=… before you start the program");
                        self.reader.error(span, message, help);
                    } else {
                        self.reader
                            .warning(span, message, "the source is asked without a key");
                    }
                }
                value?
            }
            SecretPlace::File(path) => self.first_line(&path, span)?,
            SecretPlace::Credential(name) => {
                let Some(folder) = self.reader.variable("CREDENTIALS_DIRECTORY") else {
                    self.reader
                        .error(span, "$CREDENTIALS_DIRECTORY is not set", "systemd sets it");
                    return None;
                };
                self.first_line(&std::path::Path::new(&folder).join(name), span)?
            }
        };
        Some(ApiKey::new(&text))
    }

    fn first_line(&self, path: &std::path::Path, span: std::ops::Range<usize>) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text.lines().next().unwrap_or_default().to_owned()),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                self.reader
                    .error(span, message, "the file's first line is the key");
                None
            }
        }
    }
}

/// Notes an asset that nothing in the file has.
pub(super) fn unknown_asset(reader: &Reader<'_>, asset: &At<String>, assets: &BTreeSet<&str>) {
    let name = asset.get_ref();
    if !assets.contains(name.as_str()) {
        let help = suggestion(name, assets.iter().copied(), "asset");
        reader.error(asset.span(), format!("unknown asset `{name}`"), help);
    }
}
