//! The configuration file: one TOML file to [`Settings`], every mistake at once and where it is.

pub mod diagnostic;
pub mod keys;
mod location;
pub mod schema;
pub mod summary;
pub mod unit;

mod breakers;
pub mod campaign;
mod chain;
mod check;
mod derived;
mod opportunity;
mod protocol;
mod reader;
mod resolve;
mod risk;
mod scheduler;
mod secret;
mod section;
mod source;
mod wallet;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use airdrops_market::MarketConfig;
use airdrops_runtime::settings::Settings;
use airdrops_types::ChainId;
use anstream::adapter::strip_str;
use secrecy::SecretString;

use diagnostic::{Diagnostic, Level, Source};

pub use location::Location;
pub use webhook::Intake;
pub use wallet::{PassphraseError, PassphraseSource, WalletFile};

/// A configuration that was read without mistakes.
pub struct Loaded {
    /// With names resolved to ids and units to integers. The policy's `calls`, `spenders`,
    /// `tokens` and `families` are empty: the runtime completes them from the protocol modules.
    /// Tokens include every chain's native currency and wrapped token.
    pub settings: Settings,
    /// The endpoint of each chain that has one.
    pub rpc: BTreeMap<ChainId, SecretString>,
    /// A second endpoint of each chain that has one, in live mode.
    pub witnesses: BTreeMap<ChainId, SecretString>,
    /// The services that are asked; `None` if there is none.
    pub market: Option<MarketConfig>,
    /// The wallets, in the order of `settings.wallets`.
    pub wallets: Vec<WalletFile>,
    /// Where durable state is.
    pub database: Location,
    /// The intake of webhooks; `None` if there are none.
    pub intake: Option<Intake>,
    /// What probably does not say what was meant.
    pub warnings: Vec<Diagnostic>,
    /// The file.
    pub source: Source,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("settings", &self.settings)
            .field("rpc", &self.rpc.keys())
            .field("witnesses", &self.witnesses.keys())
            .field("market", &self.market)
            .field("wallets", &self.wallets)
            .field("database", &self.database)
            .field("intake", &self.intake)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// The name of each chain.
    #[must_use]
    pub fn chain_names(&self) -> BTreeMap<ChainId, String> {
        self.settings
            .chains
            .iter()
            .map(|chain| (chain.id, chain.name.clone()))
            .collect()
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file has mistakes.
    Invalid {
        /// The file.
        source: Source,
        /// The mistakes, and the doubts.
        findings: Vec<Diagnostic>,
    },
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", strip_str(&self.render()))
    }
}

impl ConfigError {
    /// As text with colours.
    #[must_use]
    pub fn render(&self) -> String {
        match self {
            Self::Unreadable { path, error } => {
                let help = match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "\nhelp: `airdrops init` writes one; `--config FILE` names another"
                    }
                    _ => "",
                };
                format!("{}: {error}{help}\n", path.display())
            }
            Self::Invalid { source, findings } => {
                let errors = findings
                    .iter()
                    .filter(|finding| finding.level == Level::Error)
                    .count();
                let plural = if errors == 1 { "mistake" } else { "mistakes" };
                format!(
                    "{}{errors} {plural} in {}\n",
                    source.render(findings),
                    source.name
                )
            }
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Unreadable { path, error } => serde_json::json!({
                "file": path.display().to_string(),
                "error": error.to_string(),
            }),
            Self::Invalid { source, findings } => serde_json::json!({
                "file": source.name,
                "findings": source.located(findings),
            }),
        }
    }
}

/// Reads and checks a configuration file, with the process's environment for references.
///
/// # Errors
/// [`ConfigError`], with every mistake.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    read(&path.display().to_string(), text, base, &|name: &str| {
        std::env::var(name).ok()
    })
}

/// Checks configuration text that is called `name`, with paths relative to `base`.
///
/// # Errors
/// [`ConfigError::Invalid`], with every mistake.
pub fn read(
    name: &str,
    text: String,
    base: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, ConfigError> {
    let source = Source {
        name: name.to_owned(),
        text,
    };
    match resolve::resolve(&source.text, base, environment) {
        Ok((resolved, warnings)) => Ok(Loaded {
            settings: resolved.settings,
            rpc: resolved.rpc,
            witnesses: resolved.witnesses,
            market: resolved.market,
            wallets: resolved.wallets,
            database: resolved.database,
            intake: resolved.intake,
            warnings,
            source,
        }),
        Err(findings) => Err(ConfigError::Invalid { source, findings }),
    }
}
