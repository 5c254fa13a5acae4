//! How a delivery is signed.
//!
//! The header `X-Airdrops-Signature: t=SECONDS,v1=HEX` carries the sender's Unix time and the
//! HMAC-SHA256 (RFC 2104) of `SECONDS.DELIVERY.BODY` under the secret of the event's name, as hex:
//! the time, the delivery's id and the body's bytes, with dots between. The id is signed, so that
//! nobody who sees a delivery can send it again under another id. A second `v1` may be given while a
//! secret is being changed. Other fields are ignored.

use std::time::Duration;

use airdrops_types::Timestamp;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The header.
pub const SIGNATURE_HEADER: &str = "x-airdrops-signature";

/// A sender's clock may differ from ours by so much, either way.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Longest header, bytes.
const LONGEST: usize = 512;
/// Most signatures in it.
const MOST_SIGNATURES: usize = 4;

/// A signature as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    /// The time's digits, as they were signed.
    digits: String,
    seconds: u64,
    codes: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Signature {
    /// Without the codes, which would let a delivery be repeated.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signature(t={})", self.seconds)
    }
}

impl Signature {
    /// Reads the header's value; `None` if it is none.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > LONGEST {
            return None;
        }
        let mut digits: Option<&str> = None;
        let mut codes = Vec::new();
        for field in header.split(',') {
            match field.trim().split_once('=')? {
                ("t", value) if digits.is_none() => digits = Some(value),
                ("t", _) => return None,
                ("v1", value) => codes.push(code(value)?),
                _ => {}
            }
        }
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let fits = (1..=MOST_SIGNATURES).contains(&codes.len());
        fits.then_some(Self {
            digits: digits.to_owned(),
            seconds: digits.parse().ok()?,
            codes,
        })
    }

    /// Whether it was made within [`TOLERANCE`] of `now`.
    #[must_use]
    pub fn is_timely(&self, now: Timestamp) -> bool {
        let made = Timestamp::from_unix_seconds(self.seconds);
        now.since(made).max(made.since(now)) <= TOLERANCE
    }

    /// Whether it is that of this delivery under `secret`, compared in constant time.
    #[must_use]
    pub fn is_of(&self, secret: &SecretString, delivery: &str, body: &[u8]) -> bool {
        // Each is compared, so that time does not tell which one fits.
        self.codes.iter().fold(false, |fits, code| {
            let same = mac(secret, &self.digits, delivery, body)
                .is_some_and(|mac| mac.verify_slice(code).is_ok());
            fits | same
        })
    }
}

/// The header's value for a delivery, for senders.
///
/// `None` never happens: HMAC takes keys of any length.
#[must_use]
pub fn sign(secret: &SecretString, at: Timestamp, delivery: &str, body: &[u8]) -> Option<String> {
    let digits = at.unix_seconds().to_string();
    let code = mac(secret, &digits, delivery, body)?
        .finalize()
        .into_bytes();
    let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("t={digits},v1={hex}"))
}

fn mac(secret: &SecretString, digits: &str, delivery: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    for part in [digits.as_bytes(), b".", delivery.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

/// 32 bytes from 64 hexadecimal digits.
fn code(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut code = [0; 32];
    for (byte, pair) in code.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(code)
}
