//! Keystore files: Web3 Secret Storage, version 3, as geth writes them.
//!
//! Reading is bounded: a hostile file cannot make us allocate more than 1 GiB or compute for
//! minutes. Writing never replaces a file, and a new file is in place only after it was decrypted
//! again.

mod cipher;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use airdrops_types::Address;
use alloy::signers::local::PrivateKeySigner;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use cipher::ScryptCost;

/// The longest keystore file that is read, bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Why a keystore cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("{path} may be read or written by others (mode {mode:03o}); run: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a keystore of version 3, or one that is damaged or absurd.
    #[error("{path} is not a usable keystore: {detail}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong. Never quotes the file.
        detail: String,
    },
    /// The passphrase does not open it.
    #[error("{path}: the passphrase is wrong, or the file is damaged")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the one of the address that the file names.
    #[error("{path} names address {named}, but holds the key of {found}")]
    AddressMismatch {
        /// The file.
        path: PathBuf,
        /// As the file says.
        named: Address,
        /// As the key says.
        found: Address,
    },
    /// There is a file already.
    #[error("{path} exists; keystores are never replaced")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A keystore without a passphrase would be a key in the clear.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// What was given to import is not a private key.
    #[error("that is not a private key: 32 bytes as 64 hex digits are needed")]
    NotAKey,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    NoRandomness,
}

/// Makes a new random key and stores it at `path`, encrypted with scrypt N = 2¹⁸, r = 8, p = 1,
/// mode 0600. Takes about a second and 256 MiB.
///
/// # Errors
/// [`KeystoreError`]; [`KeystoreError::Exists`] if there is a file.
pub fn create(path: &Path, passphrase: &SecretString) -> Result<Address, KeystoreError> {
    let mut secret = Zeroizing::new([0u8; 32]);
    let signer = loop {
        random(&mut *secret)?;
        // Fails for zero and values beyond the curve's order: one in 2¹²⁸.
        if let Ok(signer) = PrivateKeySigner::from_slice(&*secret) {
            break signer;
        }
    };
    store(path, &signer, passphrase, ScryptCost::STANDARD)
}

/// Stores the private key `hex` (64 digits, with or without `0x`) at `path` as [`create`] does.
///
/// # Errors
/// [`KeystoreError`]; [`KeystoreError::NotAKey`] if it is none. The text is not repeated.
pub fn import(
    path: &Path,
    hex: &SecretString,
    passphrase: &SecretString,
) -> Result<Address, KeystoreError> {
    let text = hex.expose_secret().trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut secret = Zeroizing::new([0u8; 32]);
    alloy::primitives::hex::decode_to_slice(digits, &mut *secret)
        .map_err(|_| KeystoreError::NotAKey)?;
    let signer = PrivateKeySigner::from_slice(&*secret).map_err(|_| KeystoreError::NotAKey)?;
    store(path, &signer, passphrase, ScryptCost::STANDARD)
}

/// The address that a keystore file names, without decrypting it; `None` if it names none.
///
/// # Errors
/// [`KeystoreError`].
pub fn named_address(path: &Path) -> Result<Option<Address>, KeystoreError> {
    let text = read_private_file(path)?;
    cipher::parse(&text)
        .map(|file| file.address)
        .map_err(|detail| format_error(path, detail))
}

/// The key in a keystore file.
pub(crate) fn open(
    path: &Path,
    passphrase: &SecretString,
) -> Result<PrivateKeySigner, KeystoreError> {
    let text = read_private_file(path)?;
    let file = cipher::parse(&text).map_err(|detail| format_error(path, detail))?;
    let secret = file
        .decrypt(passphrase.expose_secret().as_bytes())
        .map_err(|detail| format_error(path, detail))?
        .ok_or_else(|| KeystoreError::WrongPassphrase {
            path: path.to_owned(),
        })?;
    let signer = PrivateKeySigner::from_slice(&*secret)
        .map_err(|_| format_error(path, "the secret is not a private key".to_owned()))?;
    match file.address {
        Some(named) if named != signer.address() => Err(KeystoreError::AddressMismatch {
            path: path.to_owned(),
            named,
            found: signer.address(),
        }),
        _ => Ok(signer),
    }
}

/// Writes beside, decrypts again, and only then gives the file its name.
fn store(
    path: &Path,
    signer: &PrivateKeySigner,
    passphrase: &SecretString,
    cost: ScryptCost,
) -> Result<Address, KeystoreError> {
    if passphrase.expose_secret().is_empty() {
        return Err(KeystoreError::EmptyPassphrase);
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(KeystoreError::Exists {
            path: path.to_owned(),
        });
    }
    let mut nonce = [0u8; 64];
    random(&mut nonce)?;
    let secret = Zeroizing::new(signer.to_bytes().0);
    let text = cipher::seal(
        &secret,
        signer.address(),
        passphrase.expose_secret().as_bytes(),
        cost,
        &nonce,
    )
    .map_err(|detail| format_error(path, detail))?;

    let temporary = path.with_file_name(format!(
        ".{}.{}.tmp",
        path.file_name().unwrap_or_default().to_string_lossy(),
        alloy::primitives::hex::encode(&nonce[56..])
    ));
    let result = write_and_verify(&temporary, &text, passphrase, signer.address())
        // A hard link does not replace a file that appeared meanwhile; a rename would.
        .and_then(|()| {
            fs::hard_link(&temporary, path).map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => KeystoreError::Exists {
                    path: path.to_owned(),
                },
                _ => io_error(path, source),
            })
        });
    // On success this removes the second name, on failure the remains.
    let _ = fs::remove_file(&temporary);
    result?;
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| io_error(directory, source))?;
    }
    Ok(signer.address())
}

fn write_and_verify(
    temporary: &Path,
    text: &str,
    passphrase: &SecretString,
    address: Address,
) -> Result<(), KeystoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(temporary)
        .map_err(|source| io_error(temporary, source))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| io_error(temporary, source))?;
    drop(file);
    let found = open(temporary, passphrase)?.address();
    if found == address {
        Ok(())
    } else {
        Err(KeystoreError::AddressMismatch {
            path: temporary.to_owned(),
            named: address,
            found,
        })
    }
}

fn read_private_file(path: &Path) -> Result<Zeroizing<String>, KeystoreError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    // Before opening: opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(format_error(path, "it is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    check_mode(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|source| io_error(path, source))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(format_error(
            path,
            format!("it is longer than {MAX_FILE} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), KeystoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file
        .metadata()
        .map_err(|source| io_error(path, source))?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeystoreError::TooOpen {
            path: path.to_owned(),
            mode,
        })
    }
}

/// Where there are no permission bits, there is nothing to check.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), KeystoreError> {
    Ok(())
}

fn random(bytes: &mut [u8]) -> Result<(), KeystoreError> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|_| KeystoreError::NoRandomness)
}

fn io_error(path: &Path, source: std::io::Error) -> KeystoreError {
    KeystoreError::Io {
        path: path.to_owned(),
        source,
    }
}

fn format_error(path: &Path, detail: String) -> KeystoreError {
    KeystoreError::Format {
        path: path.to_owned(),
        detail,
    }
}

#[cfg(test)]
mod tests;
