//! Identifiers. Each is its own type, so that one cannot be passed where another is meant.

use std::fmt;

use alloy_primitives::{B256, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An EIP-155 chain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id from any text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// What a price is quoted for: `ETH`, `USDC`. One asset may exist as several tokens: native
    /// ether on two chains and WETH are all `ETH`.
    AssetId
);
text_id!(
    /// A configured protocol instance: one deployment of one protocol on one chain. Instances
    /// that share a `family` share one exposure limit.
    ProtocolId
);
text_id!(
    /// A configured set of tasks with triggers.
    CampaignId
);
text_id!(
    /// One run of one task: `campaign/task#run`.
    TaskId
);

/// Names one intent, and so at most one nonce and at most one effect on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub B256);

impl IntentId {
    /// The id of step `step` of task run `task`: SHA-256 of `airdrops/intent/<task>/<step>`.
    /// Deterministic, so that a step that is planned again after a crash is the same intent.
    #[must_use]
    pub fn derive(task: &TaskId, step: u32) -> Self {
        let digest = Sha256::digest(format!("airdrops/intent/{task}/{step}").as_bytes());
        Self(B256::from_slice(&digest))
    }

    /// The id of the cancellation of `original`: same nonce, no effect.
    #[must_use]
    pub fn cancellation_of(original: Self) -> Self {
        let digest = Sha256::digest(format!("airdrops/cancel/{}", original.0).as_bytes());
        Self(B256::from_slice(&digest))
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..6]))
    }
}
