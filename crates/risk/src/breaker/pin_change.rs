//! Contracts that are not what they were.
//!
//! What stands behind an address is pinned: code, implementation, admin, beacon, owner, and whether
//! it is paused. Any change reduces its protocol until an administrator accepts it, even if it is
//! taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{
    Address, ChainId, ContractFacts, ContractView, ControlState, ProtocolId, Scope, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::incident::{Fact, FactKind};
use super::{BreakerKind, Demand, Durations};

/// Facts that an operator knows to be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFacts {
    /// Where.
    pub chain: ChainId,
    /// Which contract.
    pub contract: Address,
    /// What stands there.
    pub facts: ContractFacts,
}

/// How contracts are watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinLimits {
    /// Contracts that are not trusted on first sight, but compared with this.
    pub expected: Vec<ExpectedFacts>,
    /// For how long facts that were not read again may count as unchanged.
    pub max_unread: Duration,
}

impl Default for PinLimits {
    /// Trust on first sight, 15 minutes.
    fn default() -> Self {
        Self {
            expected: Vec::new(),
            max_unread: Duration::from_secs(15 * 60),
        }
    }
}

impl PinLimits {
    /// Within which the time lies for which facts may be unread.
    pub const UNREAD: Durations = Durations::minutes(1, 24 * 60);

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        Self::UNREAD.check("pin_change.max_unread", self.max_unread, wrong);
        for (index, expected) in self.expected.iter().enumerate() {
            let key = |other: &ExpectedFacts| (other.chain, other.contract);
            if self.expected[..index]
                .iter()
                .any(|other| key(other) == key(expected))
            {
                wrong.push(format!(
                    "pin_change.expected: contract {} on chain {} is listed twice",
                    expected.contract, expected.chain
                ));
            }
        }
    }

    fn expected(&self, chain: ChainId, contract: Address) -> Option<&ContractFacts> {
        self.expected
            .iter()
            .find(|expected| (expected.chain, expected.contract) == (chain, contract))
            .map(|expected| &expected.facts)
    }
}

/// A watched contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Where.
    pub chain: ChainId,
    /// Which.
    pub contract: Address,
    /// Whose.
    pub protocol: ProtocolId,
    /// What is right; `None` until facts were read for the first time.
    pub facts: Option<ContractFacts>,
    /// When the contract was trusted on first sight, if it was.
    pub trusted_at: Option<Timestamp>,
    /// A change that nobody has accepted yet.
    pub change: Option<PinnedChange>,
    /// When fresh facts were last read, or, before that, when they were first asked for.
    read_at: Timestamp,
}

/// A change that nobody has accepted yet. What changes after it is found when it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedChange {
    /// What was found.
    pub found: ContractFacts,
    /// When.
    pub at: Timestamp,
    /// What differs, in words.
    pub evidence: String,
}

/// The breaker: what is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PinChange {
    /// By chain, contract and protocol.
    pins: Vec<Pin>,
}

impl PinChange {
    /// The pins, by chain, contract and protocol.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The contracts that were trusted on first sight at `now`: to be told.
    pub fn trusted_at(&self, now: Timestamp) -> impl Iterator<Item = &Pin> {
        self.pins
            .iter()
            .filter(move |pin| pin.trusted_at == Some(now))
    }

    /// Compares what was read with what is pinned: `Reducing` for the protocol of a contract that
    /// changed, until it is accepted; and on behalf of [`BreakerKind::Data`] the same for one whose
    /// facts were not read for too long. A contract that is not in `views` was not read.
    pub fn assess(
        &mut self,
        views: &[ContractView],
        limits: &PinLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        for pin in &mut self.pins {
            // A clock that was ahead must not keep an old reading young.
            pin.read_at = pin.read_at.min(now);
        }
        let mut read = BTreeSet::new();
        for view in views {
            let pin = self.pin(view, now);
            if let Some(facts) = view.facts.fresh() {
                pin.read_at = now;
                pin.compare(facts, limits, now);
                read.insert((view.chain, view.contract, &view.protocol));
            }
        }
        let mut protocols: BTreeMap<&ProtocolId, Vec<&Pin>> = BTreeMap::new();
        for pin in &self.pins {
            protocols.entry(&pin.protocol).or_default().push(pin);
        }
        let mut demands = Vec::new();
        for (protocol, pins) in protocols {
            let scope = Scope::Protocol(protocol.clone());
            let all_read = pins
                .iter()
                .all(|pin| read.contains(&(pin.chain, pin.contract, protocol)));
            demands.extend(changed(scope.clone(), &pins, all_read));
            demands.push(unread(scope, &pins, all_read, limits, now));
        }
        demands
    }

    /// What confirms a report of trouble: changes that nobody has accepted.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let changes = self.pins.iter().filter_map(|pin| {
            let change = pin.change.as_ref()?;
            let kind = if change.found.paused == Some(true) {
                FactKind::Paused
            } else {
                FactKind::PinChange
            };
            let scope = Scope::Protocol(pin.protocol.clone());
            let evidence = change.evidence.clone();
            Some(Fact {
                scope,
                kind,
                evidence,
            })
        });
        changes.collect()
    }

    /// Accepts what was found of a protocol's contracts as right. What has changed since is a new
    /// change.
    pub fn accept(&mut self, protocol: &ProtocolId) {
        for pin in self.pins.iter_mut().filter(|pin| pin.protocol == *protocol) {
            if let Some(change) = pin.change.take() {
                pin.facts = Some(change.found);
                pin.trusted_at = None;
            }
        }
    }

    /// Forgets the pins of contracts that are not watched any more, as the configuration says.
    pub fn retain(&mut self, watched: impl Fn(&Pin) -> bool) {
        self.pins.retain(watched);
    }

    /// Starts the time again within which a protocol's contracts must be read.
    pub(super) fn wait_again(&mut self, protocol: &ProtocolId, at: Timestamp) {
        for pin in self.pins.iter_mut().filter(|pin| pin.protocol == *protocol) {
            pin.read_at = pin.read_at.max(at);
        }
    }

    fn pin(&mut self, view: &ContractView, now: Timestamp) -> &mut Pin {
        let key = (view.chain, view.contract, &view.protocol);
        let place = |pin: &Pin| (pin.chain, pin.contract, &pin.protocol).cmp(&key);
        let index = match self.pins.binary_search_by(place) {
            Ok(index) => index,
            Err(index) => {
                let pin = Pin {
                    chain: view.chain,
                    contract: view.contract,
                    protocol: view.protocol.clone(),
                    facts: None,
                    trusted_at: None,
                    change: None,
                    read_at: now,
                };
                self.pins.insert(index, pin);
                index
            }
        };
        &mut self.pins[index]
    }
}

impl Pin {
    fn compare(&mut self, seen: &ContractFacts, limits: &PinLimits, now: Timestamp) {
        let pinned = self.facts.get_or_insert_with(|| {
            let expected = limits.expected(self.chain, self.contract);
            if expected.is_none() {
                self.trusted_at = Some(now);
            }
            ContractFacts {
                // A contract that is paused on first sight counts as one that was paused.
                paused: expected.map_or(Some(false), |expected| expected.paused),
                ..expected.unwrap_or(seen).clone()
            }
        });
        if pinned.paused == Some(true) && seen.paused == Some(false) {
            // So that it is noticed when it is paused again.
            pinned.paused = Some(false);
        }
        let differences = differences(pinned, seen);
        if self.change.is_none() && !differences.is_empty() {
            let evidence = format!(
                "contract {} on chain {}: {}",
                self.contract,
                self.chain,
                differences.join(", ")
            );
            self.change = Some(PinnedChange {
                found: seen.clone(),
                at: now,
                evidence,
            });
        }
    }
}

/// What of `seen` is not as pinned.
fn differences(pinned: &ContractFacts, seen: &ContractFacts) -> Vec<String> {
    let mut found = Vec::new();
    if pinned.code_hash != seen.code_hash {
        found.push(format!(
            "code hash was {} and is {}",
            pinned.code_hash, seen.code_hash
        ));
    }
    if pinned.implementation_code_hash != seen.implementation_code_hash {
        found.push(format!(
            "implementation code hash was {} and is {}",
            or_none(pinned.implementation_code_hash),
            or_none(seen.implementation_code_hash)
        ));
    }
    for (what, pinned, seen) in [
        ("implementation", pinned.implementation, seen.implementation),
        ("admin", pinned.admin, seen.admin),
        ("beacon", pinned.beacon, seen.beacon),
        ("owner", pinned.owner, seen.owner),
    ] {
        if pinned != seen {
            found.push(format!(
                "{what} was {} and is {}",
                or_none(pinned),
                or_none(seen)
            ));
        }
    }
    if pinned.paused != Some(true) && seen.paused == Some(true) {
        found.push("it is paused".to_owned());
    }
    found
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// What the unaccepted changes of one protocol demand. Nothing if a contract was not read.
fn changed(scope: Scope, pins: &[&Pin], all_read: bool) -> Option<Demand> {
    let evidence: Vec<&str> = pins
        .iter()
        .filter_map(|pin| Some(pin.change.as_ref()?.evidence.as_str()))
        .collect();
    let demand = |state, evidence| Demand::new(scope, BreakerKind::PinChange, state, evidence);
    if !evidence.is_empty() {
        return Some(demand(ControlState::Reducing, evidence.join("; ")));
    }
    let unchanged = || format!("{} contracts are as pinned", pins.len());
    all_read.then(|| demand(ControlState::Active, unchanged()))
}

/// What the age of the facts of one protocol demands.
fn unread(
    scope: Scope,
    pins: &[&Pin],
    all_read: bool,
    limits: &PinLimits,
    now: Timestamp,
) -> Demand {
    let demand = |state, evidence| Demand::new(scope, BreakerKind::Data, state, evidence);
    let too_long = |pin: &&&Pin| now.since(pin.read_at) > limits.max_unread;
    if let Some(pin) = pins.iter().find(too_long) {
        let evidence = format!(
            "contract {} on chain {} was not read for {}; limit {}",
            pin.contract,
            pin.chain,
            span(now.since(pin.read_at)),
            span(limits.max_unread)
        );
        demand(ControlState::Reducing, evidence)
    } else if all_read {
        let evidence = "all contracts were read".to_owned();
        demand(ControlState::Active, evidence)
    } else {
        let evidence = "some contracts were not read".to_owned();
        demand(ControlState::Active, evidence).easing_to(ControlState::Reducing)
    }
}

#[cfg(test)]
mod tests;
