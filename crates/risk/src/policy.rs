//! What the gate enforces: plain configuration, no state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{Address, AssetId, Bps, ChainId, ProtocolId, Token, Usd};
use serde::{Deserialize, Serialize};

use crate::Structure;
use crate::gas::GasLimits;
use crate::look_through::{Dependencies, NodeLimits};

/// The limits and allow-lists that every transaction must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Most exposure to one protocol family, as a share of equity. Default 20 %.
    pub protocol_limit: Bps,
    /// Other limits for some families.
    pub protocol_limits: BTreeMap<String, Bps>,
    /// Most value that one transaction moves, as a share of equity. Default 5 %.
    pub transaction_limit: Bps,
    /// Most exposure to one asset, as a share of equity, wherever it is held. Default 30 %.
    pub asset_limit: Bps,
    /// Other limits for some assets: the reserve asset usually gets 100 %.
    pub asset_limits: BTreeMap<AssetId, Bps>,
    /// Highest base fee per chain, wei per gas. A chain that is not listed is not used.
    pub gas_ceilings: BTreeMap<ChainId, u128>,
    /// Highest worst-case fee of one transaction.
    pub fee_limit: Usd,
    /// Chains that charge for a transaction's bytes beside its gas: without knowing how much,
    /// nothing that increases exposure is sent there.
    #[serde(default)]
    pub data_fees: BTreeSet<ChainId>,
    /// The most that gas may cost for what increases exposure, per kind of task; `None`: only the
    /// ceilings and the fee limit bind.
    #[serde(default)]
    pub gas: Option<GasLimits>,
    /// What falls with what.
    #[serde(default)]
    pub dependencies: Dependencies,
    /// Most exposure to what protocols and assets depend on, and to chains. Those of protocol
    /// families and assets have keys of their own above.
    #[serde(default)]
    pub node_limits: NodeLimits,
    /// Loss of equity within a rolling 24 h that halts everything. Default 10 %.
    pub rolling_loss_limit: Bps,
    /// Oldest simulation that a permit may rest on.
    pub max_simulation_age: Duration,
    /// Life of a permit.
    pub permit_ttl: Duration,
    /// Our own wallets. Nothing is sent from others.
    pub wallets: Vec<Address>,
    /// Tokens that may be spent, received or approved, receipt tokens included.
    pub tokens: Vec<Token>,
    /// Which calls may be made, and as part of which protocol.
    pub calls: Vec<AllowedCall>,
    /// Who may be given an allowance.
    pub spenders: Vec<(ChainId, Address)>,
    /// The family of each protocol instance: instances of one family share a limit.
    pub families: BTreeMap<ProtocolId, String>,
}

/// A call that may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct AllowedCall {
    /// On which chain.
    pub chain: ChainId,
    /// To which contract.
    pub to: Address,
    /// With which selector.
    pub selector: [u8; 4],
    /// As part of which protocol.
    pub protocol: ProtocolId,
}

/// Selectors by which a token moves, or lets itself be moved, without a protocol: `approve` has a
/// rule of its own, the others are never allowed. `approve`, `transfer`, `transferFrom`,
/// `increaseAllowance`, `setApprovalForAll`, `permit` (EIP-2612).
const TOKEN_SELECTORS: [[u8; 4]; 6] = [
    crate::gate::APPROVE,
    [0xa9, 0x05, 0x9c, 0xbb],
    [0x23, 0xb8, 0x72, 0xdd],
    [0x39, 0x50, 0x93, 0x51],
    [0xa2, 0x2c, 0xb4, 0x65],
    [0xd5, 0x05, 0xac, 0xcf],
];

impl Policy {
    /// The default limits, and empty allow-lists: nothing is permitted until it is listed.
    #[must_use]
    pub fn with_default_limits() -> Self {
        Self {
            protocol_limit: Bps(2000),
            protocol_limits: BTreeMap::new(),
            transaction_limit: Bps(500),
            asset_limit: Bps(3000),
            asset_limits: BTreeMap::new(),
            gas_ceilings: BTreeMap::new(),
            fee_limit: Usd::dollars(25),
            data_fees: BTreeSet::new(),
            gas: None,
            dependencies: Dependencies::default(),
            node_limits: NodeLimits::default(),
            rolling_loss_limit: Bps(1000),
            max_simulation_age: Duration::from_secs(30),
            permit_ttl: Duration::from_secs(60),
            wallets: Vec::new(),
            tokens: Vec::new(),
            calls: Vec::new(),
            spenders: Vec::new(),
            families: BTreeMap::new(),
        }
    }

    /// The family of a protocol instance; one that is not configured is a family of its own.
    #[must_use]
    pub fn family<'a>(&'a self, protocol: &'a ProtocolId) -> &'a str {
        self.families
            .get(protocol)
            .map_or(protocol.as_str(), String::as_str)
    }

    /// The exposure limit of a protocol family, as a share of equity.
    #[must_use]
    pub fn limit_of_family(&self, family: &str) -> Bps {
        self.protocol_limits
            .get(family)
            .copied()
            .unwrap_or(self.protocol_limit)
    }

    /// The exposure limit of an asset, as a share of equity.
    #[must_use]
    pub fn limit_of_asset(&self, asset: &AssetId) -> Bps {
        self.asset_limits
            .get(asset)
            .copied()
            .unwrap_or(self.asset_limit)
    }

    /// Whether the policy makes sense.
    ///
    /// # Errors
    /// Everything that is wrong with it, each in one sentence.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        let families: BTreeSet<&str> = self.families.values().map(String::as_str).collect();

        let mut shares = vec![
            ("protocol_limit".to_owned(), self.protocol_limit),
            ("transaction_limit".to_owned(), self.transaction_limit),
            ("asset_limit".to_owned(), self.asset_limit),
            ("rolling_loss_limit".to_owned(), self.rolling_loss_limit),
        ];
        for (family, limit) in &self.protocol_limits {
            shares.push((format!("protocol_limits.{family}"), *limit));
            if !families.contains(family.as_str()) {
                wrong.push(format!(
                    "protocol_limits.{family}: no protocol has this family"
                ));
            }
        }
        for (asset, limit) in &self.asset_limits {
            shares.push((format!("asset_limits.{asset}"), *limit));
            if !self.tokens.iter().any(|token| token.asset == *asset) {
                wrong.push(format!("asset_limits.{asset}: no token is this asset"));
            }
        }
        for (name, limit) in shares {
            if limit == Bps(0) || limit > Bps::WHOLE {
                wrong.push(format!(
                    "{name} is {limit}: it must be above 0 % and at most 100 %"
                ));
            }
        }
        if self.fee_limit <= Usd::ZERO {
            wrong.push(format!(
                "fee_limit is {}: it must be positive",
                self.fee_limit
            ));
        }
        for (name, duration) in [
            ("max_simulation_age", self.max_simulation_age),
            ("permit_ttl", self.permit_ttl),
        ] {
            if duration.is_zero() {
                wrong.push(format!("{name} is zero: nothing would ever be permitted"));
            }
        }
        for (chain, ceiling) in &self.gas_ceilings {
            if *ceiling == 0 {
                wrong.push(format!(
                    "gas_ceilings.{chain} is zero: nothing would ever be permitted"
                ));
            }
        }

        if self.wallets.is_empty() {
            wrong.push("wallets: there is none".to_owned());
        }
        if self.wallets.contains(&Address::ZERO) {
            wrong.push("wallets: the zero address is nobody's wallet".to_owned());
        }
        let chains = self
            .tokens
            .iter()
            .map(|token| (token.chain, format!("token {}", token.asset)))
            .chain(
                self.calls
                    .iter()
                    .map(|call| (call.chain, format!("a call to {}", call.to))),
            )
            .chain(
                self.spenders
                    .iter()
                    .map(|(chain, spender)| (*chain, format!("spender {spender}"))),
            );
        for (chain, what) in chains {
            if !self.gas_ceilings.contains_key(&chain) {
                wrong.push(format!(
                    "{what} is on chain {chain}, which has no gas ceiling"
                ));
            }
        }
        for call in &self.calls {
            if !self.families.contains_key(&call.protocol) {
                wrong.push(format!(
                    "a call to {} belongs to protocol {}, which has no family",
                    call.to, call.protocol
                ));
            }
            if TOKEN_SELECTORS.contains(&call.selector) {
                wrong.push(format!(
                    "a call to {} has the selector of a token transfer or approval, which no \
                     protocol call may have",
                    call.to
                ));
            }
        }
        // Limits of families and assets were looked at above.
        let structure = Self {
            dependencies: self.dependencies.clone(),
            node_limits: self.node_limits.clone(),
            families: self.families.clone(),
            tokens: self.tokens.clone(),
            gas_ceilings: self.gas_ceilings.clone(),
            ..Self::with_default_limits()
        };
        if let Err(defects) = Structure::of(&structure) {
            wrong.extend(defects);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::look_through::Node;

    fn token(asset: AssetId) -> Token {
        Token {
            chain: ChainId(1),
            contract: None,
            asset,
            decimals: 6,
        }
    }

    fn sound() -> Policy {
        Policy {
            gas_ceilings: BTreeMap::from([(ChainId(1), 100)]),
            wallets: vec![Address::repeat_byte(1)],
            families: BTreeMap::from([(ProtocolId::new("vault-1"), "vault".to_owned())]),
            ..Policy::with_default_limits()
        }
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        assert_eq!(sound().validate(), Ok(()));
        let mut policy = sound();
        policy.transaction_limit = Bps(0);
        policy.asset_limit = Bps(10_001);
        policy.permit_ttl = Duration::ZERO;
        policy.wallets.clear();
        policy.protocol_limits.insert("vualt".to_owned(), Bps(100));
        policy.spenders.push((ChainId(2), Address::repeat_byte(2)));
        let wrong = policy.validate().unwrap_err();
        assert_eq!(wrong.len(), 6, "{wrong:?}");
    }

    #[test]
    fn a_limit_of_an_asset_that_no_token_is_is_a_mistake() {
        let mut policy = sound();
        let limits = &mut policy.asset_limits;
        limits.insert(AssetId::new("USDC"), Bps::WHOLE);
        let wrong = policy.validate().unwrap_err();
        assert_eq!(wrong, ["asset_limits.USDC: no token is this asset"]);
        policy.tokens.push(token(AssetId::new("USDC")));
        assert_eq!(policy.validate(), Ok(()));
    }

    #[test]
    fn mistakes_in_dependencies_and_their_limits_are_named_too() {
        let (vault, hop) = (Node::protocol("vault"), Node::chain(ChainId(1)));
        let mut policy = sound();
        policy.dependencies.add(vault, hop.clone(), Bps(0));
        let wrong = policy.validate().unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains("depends on"), "{wrong:?}");

        let mut policy = sound();
        policy.node_limits.by_node.insert(hop, Bps(10_001));
        let wrong = policy.validate().unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains("the limit of chain:1"), "{wrong:?}");
    }

    #[test]
    fn more_than_a_graph_can_hold_is_a_mistake_wherever_it_is_listed() {
        type Fill = fn(&mut Policy, u64);
        let fills: [Fill; 3] = [
            |policy, number| {
                let protocol = ProtocolId::new(format!("vault-{number}"));
                policy.families.insert(protocol, "vault".to_owned());
            },
            |policy, number| {
                let asset = AssetId::new(format!("asset-{number}"));
                policy.tokens.push(token(asset));
            },
            |policy, number| {
                policy.gas_ceilings.insert(ChainId(number), 1);
            },
        ];
        for fill in fills {
            let mut policy = sound();
            for number in 0..=20_000 {
                fill(&mut policy, number);
            }
            let wrong = policy.validate().unwrap_err();
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert!(wrong[0].contains("nodes"), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_transfer_cannot_be_listed_as_a_protocol_call() {
        for selector in TOKEN_SELECTORS {
            let mut policy = sound();
            policy.calls.push(AllowedCall {
                chain: ChainId(1),
                to: Address::repeat_byte(9),
                selector,
                protocol: ProtocolId::new("vault-1"),
            });
            assert_eq!(policy.validate().unwrap_err().len(), 1, "{selector:02x?}");
        }
    }

    #[test]
    fn a_listed_limit_takes_the_place_of_the_general_one() {
        let mut policy = sound();
        policy.protocol_limits.insert("vault".to_owned(), Bps(700));
        policy
            .asset_limits
            .insert(AssetId::new("USDC"), Bps(10_000));
        assert_eq!(policy.limit_of_family("vault"), Bps(700));
        assert_eq!(policy.limit_of_family("pool"), Bps(2000));
        assert_eq!(policy.limit_of_asset(&AssetId::new("USDC")), Bps(10_000));
        assert_eq!(policy.limit_of_asset(&AssetId::new("ETH")), Bps(3000));
        assert_eq!(policy.family(&ProtocolId::new("vault-1")), "vault");
        assert_eq!(policy.family(&ProtocolId::new("other")), "other");
    }
}
