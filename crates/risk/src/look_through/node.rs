//! What can fail and take our money with it.

use std::fmt;
use std::str::FromStr;

use airdrops_types::{Address, AssetId, ChainId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// What kind of thing a [`Node`] is. Wallets and positions are no nodes: exposure starts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeClass {
    /// A protocol family: its code and whoever runs it.
    Protocol,
    /// What a price is quoted for.
    Asset,
    /// A contract that holds one asset and issues another for it: staked, vaulted, wrapped.
    Wrapper,
    /// An issuer's promise of one dollar.
    Stablecoin,
    /// What holds an asset on one chain and issues it on another.
    Bridge,
    /// Who says what things are worth.
    Oracle,
    /// A chain: its sequencer or validators.
    Chain,
    /// An address that may change or pause contracts.
    AdminKey,
}

impl NodeClass {
    /// All classes, in the order of their display.
    pub const ALL: [Self; 8] = [
        Self::Protocol,
        Self::Asset,
        Self::Wrapper,
        Self::Stablecoin,
        Self::Bridge,
        Self::Oracle,
        Self::Chain,
        Self::AdminKey,
    ];

    /// The text form: `protocol`, `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Asset => "asset",
            Self::Wrapper => "wrapper",
            Self::Stablecoin => "stablecoin",
            Self::Bridge => "bridge",
            Self::Oracle => "oracle",
            Self::Chain => "chain",
            Self::AdminKey => "admin",
        }
    }
}

impl fmt::Display for NodeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for NodeClass {
    type Err = NodeError;

    fn from_str(text: &str) -> Result<Self, NodeError> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| NodeError::UnknownClass(text.to_owned()))
    }
}

/// Why a text names no node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// There is no colon.
    #[error(
        "`{0}` is no node: write class and name with a colon between, as in `oracle:chainlink`"
    )]
    NoClass(String),
    /// The class is none of ours.
    #[error("`{0}` is no class of nodes; the classes are {known}", known = known_classes())]
    UnknownClass(String),
    /// The name is empty, too long, or has spaces around or control characters in it.
    #[error(
        "the name in `{0}` must have 1 to {max} bytes, no control characters and no space around \
         it",
        max = Node::MAX_NAME
    )]
    BadName(String),
    /// A chain that is not a number.
    #[error("`{0}` names no chain: write its EIP-155 number, as in `chain:8453`")]
    BadChain(String),
    /// An admin key that is not an address.
    #[error("`{0}` names no admin key: write its address, `admin:0x` and 40 hexadecimal digits")]
    BadAddress(String),
}

fn known_classes() -> String {
    NodeClass::ALL.map(NodeClass::as_str).join(", ")
}

/// One thing that can fail: `bridge:hop`, `oracle:chainlink`, `chain:8453`, `protocol:family`,
/// `asset:ETH`, `stablecoin:USDC`, `admin:0x…`. As data it is its text form.
///
/// Chains and admin keys have one spelling each: a decimal number, and lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    class: NodeClass,
    name: String,
}

impl Node {
    /// The longest name that is read, bytes.
    pub const MAX_NAME: usize = 128;

    /// A node of a class.
    ///
    /// # Errors
    /// If the name cannot be one of the class.
    pub fn new(class: NodeClass, name: &str) -> Result<Self, NodeError> {
        let text = || format!("{class}:{name}");
        if name.is_empty()
            || name.len() > Self::MAX_NAME
            || name.trim() != name
            || name.chars().any(char::is_control)
        {
            return Err(NodeError::BadName(text()));
        }
        match class {
            NodeClass::Chain if name.bytes().all(|byte| byte.is_ascii_digit()) => name
                .parse()
                .map(|id| Self::chain(ChainId(id)))
                .map_err(|_| NodeError::BadChain(text())),
            NodeClass::Chain => Err(NodeError::BadChain(text())),
            NodeClass::AdminKey if name.starts_with("0x") => name
                .parse()
                .map(Self::admin_key)
                .map_err(|_| NodeError::BadAddress(text())),
            NodeClass::AdminKey => Err(NodeError::BadAddress(text())),
            _ => Ok(Self {
                class,
                name: name.to_owned(),
            }),
        }
    }

    /// A protocol family.
    #[must_use]
    pub fn protocol(family: &str) -> Self {
        Self {
            class: NodeClass::Protocol,
            name: family.to_owned(),
        }
    }

    /// An asset.
    #[must_use]
    pub fn asset(asset: &AssetId) -> Self {
        Self {
            class: NodeClass::Asset,
            name: asset.as_str().to_owned(),
        }
    }

    /// A chain.
    #[must_use]
    pub fn chain(chain: ChainId) -> Self {
        Self {
            class: NodeClass::Chain,
            name: chain.to_string(),
        }
    }

    /// The key of an administrator.
    #[must_use]
    pub fn admin_key(address: Address) -> Self {
        Self {
            class: NodeClass::AdminKey,
            name: format!("{address:#x}"),
        }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn class(&self) -> NodeClass {
        self.class
    }

    /// Which one of its class.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.class, self.name)
    }
}

impl FromStr for Node {
    type Err = NodeError;

    fn from_str(text: &str) -> Result<Self, NodeError> {
        let (class, name) = text
            .split_once(':')
            .ok_or_else(|| NodeError::NoClass(text.to_owned()))?;
        Self::new(class.parse()?, name)
    }
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}
serde_as_text!(NodeClass);
serde_as_text!(Node);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_class_is_read_as_it_is_written() {
        for text in [
            "protocol:aave",
            "asset:USDC.e",
            "wrapper:lido: v2",
            "stablecoin:USDC",
            "bridge:hop",
            "oracle:chainlink",
            "chain:8453",
            "admin:0x0101010101010101010101010101010101010101",
        ] {
            let node: Node = text.parse().unwrap();
            assert_eq!(node.to_string(), text);
            let json = serde_json::to_string(&node).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Node>(&json).unwrap(), node);
        }
    }

    #[test]
    fn a_node_has_one_spelling() {
        let mixed = "admin:0xAbCdEf0101010101010101010101010101010101";
        let node: Node = mixed.parse().unwrap();
        assert_eq!(node.to_string(), mixed.to_lowercase());
        assert_eq!(
            "chain:010".parse::<Node>().unwrap(),
            Node::chain(ChainId(10))
        );
        let address = Address::repeat_byte(0xab);
        let key = Node::admin_key(address);
        assert_eq!(key.to_string().parse::<Node>().unwrap(), key);
    }

    #[test]
    fn an_unknown_class_is_told_the_known_ones() {
        let error = serde_json::from_str::<Node>("\"orakel:chainlink\"").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`orakel`"), "{text}");
        for class in NodeClass::ALL {
            assert!(text.contains(class.as_str()), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        use NodeError as E;
        let parse = |text: &str| text.parse::<Node>().unwrap_err();
        let text = str::to_owned;
        assert_eq!(parse("aave"), E::NoClass(text("aave")));
        assert_eq!(parse(""), E::NoClass(text("")));
        assert_eq!(parse("oracle:"), E::BadName(text("oracle:")));
        assert_eq!(parse("oracle: x"), E::BadName(text("oracle: x")));
        assert_eq!(parse("oracle:x\n"), E::BadName(text("oracle:x\n")));
        assert_eq!(parse("oracle:a\u{7}b"), E::BadName(text("oracle:a\u{7}b")));
        assert_eq!(parse("chain:base"), E::BadChain(text("chain:base")));
        assert_eq!(parse("chain:+1"), E::BadChain(text("chain:+1")));
        let huge = format!("chain:{}0", u64::MAX);
        assert_eq!(parse(&huge), E::BadChain(huge.clone()));
        assert_eq!(parse("admin:0x12"), E::BadAddress(text("admin:0x12")));
        let bare = format!("admin:{}", "01".repeat(20));
        assert_eq!(parse(&bare), E::BadAddress(bare.clone()));
        let long = |length| format!("oracle:{}", "x".repeat(length)).parse::<Node>();
        assert!(long(Node::MAX_NAME).is_ok());
        assert!(long(Node::MAX_NAME + 1).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read_as_a_node_that_is_written_as_one(text in "\\PC{0,24}") {
            for class in NodeClass::ALL {
                if let Ok(node) = format!("{class}:{text}").parse::<Node>() {
                    prop_assert_eq!(node.class(), class);
                    prop_assert_eq!(node.to_string().parse::<Node>(), Ok(node));
                }
            }
        }
    }
}
