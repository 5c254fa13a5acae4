//! Wallets: their keystore files, where the passphrases are, and paper accounts.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use airdrops_chain::Keyring;
use airdrops_runtime::settings::Mode;
use airdrops_types::{Address, U256};
use secrecy::SecretString;

use super::reader::{At, Reader, SecretPlace};
use super::resolve::Names;
use super::section::Section;

/// One wallet of the file.
#[derive(Debug, Clone)]
pub struct WalletFile {
    /// Its name.
    pub name: String,
    /// The keystore's address; in paper mode that of the paper key.
    pub address: Address,
    /// The keystore file; `None` only in paper mode.
    pub keystore: Option<PathBuf>,
    /// Where the passphrase is.
    pub passphrase: PassphraseSource,
    /// Wei on each chain at the start of paper mode.
    pub paper_balance: U256,
}

/// What the key of a paper wallet is derived from. It is no secret: nothing but the chain inside
/// the process ever sees what it signs.
fn paper_seed(wallet: &str) -> String {
    format!("airdrops/paper-wallet/{wallet}")
}

/// Where a passphrase comes from. Never from the command line, never from the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseSource {
    /// Typed at the terminal.
    Prompt,
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A file of this name in `$CREDENTIALS_DIRECTORY`, as systemd provides it.
    Credential(String),
}

/// Why there is no passphrase. Exit code 7.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// Nobody to ask.
    #[error(
        "wallet {wallet} is locked, and there is no terminal to ask for its passphrase: set `passphrase = {{ file = \"…\" }}`"
    )]
    NoTerminal {
        /// Which wallet.
        wallet: String,
    },
    /// The place has none.
    #[error("wallet {wallet} is locked: {place}: {problem}")]
    Unavailable {
        /// Which wallet.
        wallet: String,
        /// Where it was looked for.
        place: String,
        /// What happened.
        problem: String,
    },
}

impl fmt::Display for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt => f.write_str("asked at the terminal"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(variable) => write!(f, "environment variable {variable}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

impl WalletFile {
    /// Adds the key that paper mode signs with, and returns its account. No real key is touched.
    pub fn add_paper_key(&self, keyring: &mut Keyring) -> Address {
        keyring.add_ephemeral(paper_seed(&self.name).as_bytes())
    }

    /// The passphrase, read from its place or asked for.
    ///
    /// # Errors
    /// [`PassphraseError`]: the program then ends with exit code 7.
    pub fn passphrase(&self) -> Result<SecretString, PassphraseError> {
        let unavailable = |problem: String| PassphraseError::Unavailable {
            wallet: self.name.clone(),
            place: self.passphrase.to_string(),
            problem,
        };
        let from_file = |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|e| unavailable(e.to_string()))?;
            let line = text.lines().next().unwrap_or_default().to_owned();
            Ok(SecretString::from(line))
        };
        match &self.passphrase {
            PassphraseSource::File(path) => from_file(path),
            PassphraseSource::Env(variable) => std::env::var(variable)
                .map(SecretString::from)
                .map_err(|_| unavailable("not set".into())),
            PassphraseSource::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| unavailable("$CREDENTIALS_DIRECTORY is not set".into()))?;
                from_file(&Path::new(&folder).join(name))
            }
            PassphraseSource::Prompt if !std::io::stdin().is_terminal() => {
                Err(PassphraseError::NoTerminal {
                    wallet: self.name.clone(),
                })
            }
            PassphraseSource::Prompt => {
                rpassword::prompt_password(format!("Passphrase of wallet {}: ", self.name))
                    .map(SecretString::from)
                    .map_err(|error| unavailable(error.to_string()))
            }
        }
    }
}

pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    mode: Mode,
) -> (Vec<WalletFile>, Names<Address>) {
    let mut names = Names::new("wallet");
    let mut wallets: Vec<WalletFile> = Vec::new();
    for section in root.tables("wallet") {
        let name = section.name("name");
        let keystore = section.path("keystore");
        let place = section.secret("passphrase");
        let ten = U256::from(10_000_000_000_000_000_000_u128);
        let paper_balance = section.decimal("paper_balance", 18).unwrap_or(ten);
        let passphrase = passphrase_source(reader, place);
        if mode == Mode::Live && !section.has("keystore") {
            reader.error(
                section.span.clone(),
                "live mode needs a keystore for each wallet",
                "write keystore = \"wallet.json\", or mode = \"paper\"",
            );
        }
        // On paper no real key is touched, also if one is named for later.
        let address = match (&keystore, mode) {
            (Some(path), Mode::Live) => keystore_address(reader, path),
            _ => name.as_ref().map(|name| paper_address(name.get_ref())),
        };
        let Some(name) = name else { continue };
        if let Some(address) = address {
            if let Some(twin) = wallets.iter().find(|wallet| wallet.address == address)
                && twin.name != *name.get_ref()
            {
                let message = format!("wallet `{}` has the same account", twin.name);
                reader.error(section.span_of("keystore"), message, "remove one of them");
            }
            wallets.push(WalletFile {
                name: name.get_ref().clone(),
                address,
                keystore: keystore.map(At::into_inner),
                passphrase,
                paper_balance,
            });
        }
        names.define(reader, name, address);
    }
    (wallets, names)
}

fn passphrase_source(reader: &Reader<'_>, place: Option<At<SecretPlace>>) -> PassphraseSource {
    let Some(place) = place else {
        return PassphraseSource::Prompt;
    };
    let span = place.span();
    match place.into_inner() {
        SecretPlace::Env(variable) => {
            reader.warning(
                span,
                "the passphrase is in the environment, which other programs of this user can read",
                "write passphrase = { file = \"…\" } with a file that only you can read",
            );
            PassphraseSource::Env(variable)
        }
        SecretPlace::File(path) => PassphraseSource::File(path),
        SecretPlace::Credential(name) => PassphraseSource::Credential(name),
        // The section's reader has noted it.
        SecretPlace::Literal(_) => PassphraseSource::Prompt,
    }
}

fn paper_address(name: &str) -> Address {
    Keyring::new().add_ephemeral(paper_seed(name).as_bytes())
}

/// The address that a keystore file states, which needs no passphrase.
fn keystore_address(reader: &Reader<'_>, path: &At<PathBuf>) -> Option<Address> {
    let shown = path.get_ref().display();
    let text = match std::fs::read_to_string(path.get_ref()) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("{shown}: {error}");
            reader.error(path.span(), message, "paths are relative to this file");
            return None;
        }
    };
    let address = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|keystore| keystore.get("address")?.as_str()?.parse::<Address>().ok());
    if address.is_none() {
        let message = format!("{shown} is not a keystore with an address");
        reader.error(
            path.span(),
            message,
            "a geth V3 keystore is a JSON file with `address` and `crypto`",
        );
    }
    address
}
