//! A geth V3 keystore file for a test wallet. Its key is public and its scrypt is weak, so that it
//! opens fast: never a pattern for a real one.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aes::Aes128;
use airdrops_types::{Address, B256};
use alloy::primitives::{hex, keccak256};
use alloy::signers::local::PrivateKeySigner;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use serde_json::json;

use crate::anvil::TEST_WALLET_KEY;

/// log₂ of the scrypt cost N: 2¹² = 4096.
const LOG_N: u8 = 12;

/// Writes the keystore file of [`TEST_WALLET`](crate::TEST_WALLET) into `folder`, mode 0600, and
/// returns its path and the wallet's address.
///
/// # Errors
/// The file system's; [`io::ErrorKind::AlreadyExists`] when the file is there already.
pub fn write_test_keystore(folder: &Path, passphrase: &str) -> io::Result<(PathBuf, Address)> {
    write_keystore(folder, &TEST_WALLET_KEY, passphrase)
}

/// As [`write_test_keystore`], for another public key of anvil's.
///
/// # Errors
/// As there; [`io::ErrorKind::InvalidInput`] when `key` is no secp256k1 private key.
pub fn write_keystore(
    folder: &Path,
    key: &B256,
    passphrase: &str,
) -> io::Result<(PathBuf, Address)> {
    let address = PrivateKeySigner::from_bytes(key)
        .map_err(invalid)?
        .address();
    let name = hex::encode(address);
    // Fixed by the address: a test that runs twice writes the same bytes.
    let seed = keccak256(address);
    let (salt, iv) = (seed, &seed[..16]);

    let params = scrypt::Params::new(LOG_N, 8, 1).map_err(invalid)?;
    let mut derived = [0; 32];
    scrypt::scrypt(
        passphrase.as_bytes(),
        salt.as_slice(),
        &params,
        &mut derived,
    )
    .map_err(invalid)?;
    let mut ciphertext = key.0;
    Ctr128BE::<Aes128>::new_from_slices(&derived[..16], iv)
        .map_err(invalid)?
        .apply_keystream(&mut ciphertext);
    let mac = keccak256([&derived[16..], &ciphertext].concat());

    let json = json!({
        "version": 3,
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "address": name,
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(ciphertext),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": derived.len(),
                "n": 1_u32 << LOG_N,
                "r": 8,
                "p": 1,
                "salt": hex::encode(salt),
            },
            "mac": hex::encode(mac),
        },
    });
    let path = folder.join(format!("UTC--2026-01-01T00-00-00.000000000Z--{name}"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?
        .write_all(json.to_string().as_bytes())?;
    Ok((path, address))
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
