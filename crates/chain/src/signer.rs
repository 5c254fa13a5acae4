//! The keys. Nothing outside this crate can make one sign: the transaction manager does, and only
//! with a permit.

use std::collections::BTreeMap;
use std::path::Path;

use airdrops_types::{Address, B256, Bytes};
use alloy::consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::keystore::{self, KeystoreError};

/// Private keys by address. It cannot be cloned, printed or serialised; the keys are wiped when it
/// is dropped.
#[derive(Default)]
pub struct Keyring {
    keys: BTreeMap<Address, PrivateKeySigner>,
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    #[error("there is no key for wallet {0}")]
    NoKey(Address),
    #[error("the key failed: {0}")]
    Failed(String),
}

impl Keyring {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decrypts a keystore file and adds its key. Blocks for about a second.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn add_keystore(
        &mut self,
        path: &Path,
        passphrase: &SecretString,
    ) -> Result<Address, KeystoreError> {
        Ok(self.add(keystore::open(path, passphrase)?))
    }

    /// Adds the key `SHA-256("airdrops/ephemeral/" ‖ counter ‖ seed)`, with the first counter that
    /// gives a valid key. Whoever knows the seed has the key, so it is worth nothing outside a
    /// paper chain.
    pub fn add_ephemeral(&mut self, seed: &[u8]) -> Address {
        let mut counter = 0u8;
        loop {
            let digest = Zeroizing::new(<[u8; 32]>::from(
                Sha256::new()
                    .chain_update(b"airdrops/ephemeral/")
                    .chain_update([counter])
                    .chain_update(seed)
                    .finalize(),
            ));
            if let Ok(signer) = PrivateKeySigner::from_slice(&*digest) {
                return self.add(signer);
            }
            // One digest in 2¹²⁸ is no key; 256 in a row are not.
            counter = counter.wrapping_add(1);
        }
    }

    /// Whose keys are here.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.keys.keys().copied().collect()
    }

    fn add(&mut self, signer: PrivateKeySigner) -> Address {
        let address = signer.address();
        self.keys.insert(address, signer);
        address
    }

    /// Whether there is a key for `wallet`.
    pub(crate) fn holds(&self, wallet: Address) -> bool {
        self.keys.contains_key(&wallet)
    }

    /// Signs; gives the transaction's hash and its EIP-2718 bytes. The same transaction gives the
    /// same bytes (RFC 6979).
    pub(crate) fn sign(
        &self,
        wallet: Address,
        transaction: TxEip1559,
    ) -> Result<(B256, Bytes), SignError> {
        let signer = self.keys.get(&wallet).ok_or(SignError::NoKey(wallet))?;
        let signature = signer
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| SignError::Failed(error.to_string()))?;
        let signed = transaction.into_signed(signature);
        let tx = *signed.hash();
        let raw = TxEnvelope::from(signed).encoded_2718();
        Ok((tx, raw.into()))
    }
}
