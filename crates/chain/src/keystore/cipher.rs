//! The file's contents: key derivation, cipher and check value.
//!
//! Web3 Secret Storage Definition, version 3 (Ethereum Wiki): `dk = KDF(passphrase)`, 32 bytes;
//! `ciphertext = AES-128-CTR(dk[0..16], iv, secret)`; `mac = Keccak-256(dk[16..32] ‖ ciphertext)`.

use aes::Aes128;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use airdrops_types::Address;
use alloy::primitives::{hex, keccak256};
use ctr::Ctr128BE;
use pbkdf2::sha2::Sha256;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// Most memory that a key derivation may take, bytes.
const MAX_MEMORY: u64 = 1 << 30;
/// Most work that scrypt may take: `n · r · p`. 32 times geth's standard.
const MAX_WORK: u64 = 1 << 26;
/// Most rounds of PBKDF2.
const MAX_ROUNDS: u32 = 10_000_000;
/// Longest salt, bytes.
const MAX_SALT: usize = 256;

/// The cost of scrypt: `n = 2^log_n`, block size `r`, parallelism `p`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScryptCost {
    pub(super) log_n: u8,
    pub(super) r: u32,
    pub(super) p: u32,
}

impl ScryptCost {
    /// geth's standard: 256 MiB, about a second.
    pub(super) const STANDARD: Self = Self {
        log_n: 18,
        r: 8,
        p: 1,
    };
}

enum Derivation {
    Scrypt(ScryptCost),
    Pbkdf2 { rounds: u32 },
}

/// A keystore whose lengths and costs were checked.
pub(super) struct Sealed {
    pub(super) address: Option<Address>,
    derivation: Derivation,
    salt: Vec<u8>,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

#[derive(Deserialize)]
struct FileText {
    version: u64,
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: CryptoText,
}

#[derive(Deserialize)]
struct CryptoText {
    cipher: String,
    ciphertext: String,
    cipherparams: CipherParamsText,
    kdf: String,
    kdfparams: KdfParamsText,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParamsText {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParamsText {
    dklen: u64,
    salt: String,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    c: Option<u64>,
    prf: Option<String>,
}

/// Reads and checks a file's text. The error says what is wrong and quotes nothing.
pub(super) fn parse(text: &str) -> Result<Sealed, String> {
    let file: FileText = serde_json::from_str(text).map_err(|error| {
        // serde's messages may quote the file; line and column do not.
        format!(
            "not the expected JSON at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if file.version != 3 {
        return Err(format!("version {}, only 3 is supported", file.version));
    }
    let crypto = file.crypto;
    if crypto.cipher != "aes-128-ctr" {
        return Err("the cipher is not aes-128-ctr".to_owned());
    }
    if crypto.kdfparams.dklen != 32 {
        return Err(format!("dklen is {}, must be 32", crypto.kdfparams.dklen));
    }
    let derivation = match crypto.kdf.as_str() {
        "scrypt" => Derivation::Scrypt(scrypt_cost(&crypto.kdfparams)?),
        "pbkdf2" => Derivation::Pbkdf2 {
            rounds: pbkdf2_rounds(&crypto.kdfparams)?,
        },
        _ => return Err("the key derivation is neither scrypt nor pbkdf2".to_owned()),
    };
    if crypto.kdfparams.salt.len() > 2 * MAX_SALT + 2 {
        return Err(format!("the salt is longer than {MAX_SALT} bytes"));
    }
    let salt = hex::decode(&crypto.kdfparams.salt).map_err(|_| "the salt is not hex".to_owned())?;
    let address = match file.address.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Address::from(fixed::<20>("address", text)?)),
    };
    Ok(Sealed {
        address,
        derivation,
        salt,
        iv: fixed("iv", &crypto.cipherparams.iv)?,
        ciphertext: fixed("ciphertext", &crypto.ciphertext)?,
        mac: fixed("mac", &crypto.mac)?,
    })
}

fn scrypt_cost(params: &KdfParamsText) -> Result<ScryptCost, String> {
    let (Some(n), Some(r), Some(p)) = (params.n, params.r, params.p) else {
        return Err("scrypt needs n, r and p".to_owned());
    };
    if n < 2 || !n.is_power_of_two() {
        return Err(format!("scrypt n is {n}, must be a power of two above 1"));
    }
    if r == 0 || p == 0 {
        return Err("scrypt r and p must be positive".to_owned());
    }
    let memory = n
        .checked_mul(r)
        .and_then(|blocks| blocks.checked_mul(128))
        .filter(|memory| *memory <= MAX_MEMORY);
    let work = n
        .checked_mul(r)
        .and_then(|blocks| blocks.checked_mul(p))
        .filter(|work| *work <= MAX_WORK);
    if memory.is_none() || work.is_none() {
        return Err(format!(
            "scrypt n={n} r={r} p={p} needs more than 1 GiB or takes too long"
        ));
    }
    let narrow = |value: u64| u32::try_from(value).map_err(|_| "scrypt parameters".to_owned());
    Ok(ScryptCost {
        log_n: u8::try_from(n.trailing_zeros()).map_err(|_| "scrypt n".to_owned())?,
        r: narrow(r)?,
        p: narrow(p)?,
    })
}

fn pbkdf2_rounds(params: &KdfParamsText) -> Result<u32, String> {
    if params.prf.as_deref() != Some("hmac-sha256") {
        return Err("pbkdf2 is supported with hmac-sha256 only".to_owned());
    }
    params
        .c
        .and_then(|rounds| u32::try_from(rounds).ok())
        .filter(|rounds| (1..=MAX_ROUNDS).contains(rounds))
        .ok_or_else(|| format!("pbkdf2 c must be from 1 to {MAX_ROUNDS}"))
}

fn fixed<const N: usize>(name: &str, text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0u8; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| format!("{name} is not {N} bytes of hex"))?;
    Ok(bytes)
}

impl Sealed {
    /// The secret; `None` if the check value does not fit the passphrase.
    pub(super) fn decrypt(&self, passphrase: &[u8]) -> Result<Option<Zeroizing<[u8; 32]>>, String> {
        let key = derive(&self.derivation, passphrase, &self.salt)?;
        let mac = check_value(&key, &self.ciphertext);
        // Every byte is compared, so that the time tells nothing.
        let difference = mac
            .iter()
            .zip(&self.mac)
            .fold(0u8, |sum, (left, right)| sum | (left ^ right));
        if difference != 0 {
            return Ok(None);
        }
        let mut secret = Zeroizing::new(self.ciphertext);
        apply_cipher(&key, &self.iv, &mut secret)?;
        Ok(Some(secret))
    }
}

/// The file's text for `secret`. `random` is used for salt, iv and id.
pub(super) fn seal(
    secret: &[u8; 32],
    address: Address,
    passphrase: &[u8],
    cost: ScryptCost,
    random: &[u8; 64],
) -> Result<String, String> {
    let (salt, rest) = random.split_at(32);
    let mut iv = [0u8; 16];
    iv.copy_from_slice(&rest[..16]);
    let mut id = [0u8; 16];
    id.copy_from_slice(&rest[16..]);
    let key = derive(&Derivation::Scrypt(cost), passphrase, salt)?;
    let mut ciphertext = *secret;
    apply_cipher(&key, &iv, &mut ciphertext)?;
    let mac = check_value(&key, &ciphertext);
    let file = json!({
        "version": 3,
        "id": uuid(id),
        "address": hex::encode(address),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(ciphertext),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 1u64 << cost.log_n,
                "r": cost.r,
                "p": cost.p,
                "salt": hex::encode(salt),
            },
            "mac": hex::encode(mac),
        },
    });
    Ok(format!("{file}\n"))
}

fn derive(
    derivation: &Derivation,
    passphrase: &[u8],
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, String> {
    let mut key = Zeroizing::new([0u8; 32]);
    match derivation {
        Derivation::Scrypt(cost) => {
            let params = scrypt::Params::new(cost.log_n, cost.r, cost.p)
                .map_err(|error| format!("scrypt parameters: {error}"))?;
            scrypt::scrypt(passphrase, salt, &params, &mut *key)
                .map_err(|error| format!("scrypt: {error}"))?;
        }
        Derivation::Pbkdf2 { rounds } => {
            pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, *rounds, &mut *key);
        }
    }
    Ok(key)
}

fn check_value(key: &[u8; 32], ciphertext: &[u8; 32]) -> [u8; 32] {
    let mut input = Zeroizing::new([0u8; 48]);
    input[..16].copy_from_slice(&key[16..]);
    input[16..].copy_from_slice(ciphertext);
    keccak256(*input).0
}

fn apply_cipher(key: &[u8; 32], iv: &[u8; 16], text: &mut [u8; 32]) -> Result<(), String> {
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(&key[..16], iv)
        .map_err(|error| format!("cipher: {error}"))?;
    cipher.apply_keystream(text);
    Ok(())
}

/// A random (version 4) UUID, RFC 9562.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}
