//! Where the policy lists what: so that no decision looks through whole lists.

use airdrops_types::{Address, ChainId, ProtocolId, Token};
use rustc_hash::FxHashMap;

use crate::{AllowedCall, Policy};

/// Which function of which contract.
type CallKey = (ChainId, Address, [u8; 4]);

/// Places in the lists of one policy. They only say where to look first: what is found there is
/// compared, and what is not found there is looked for in the whole list, so that no place of
/// another policy ever permits anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    /// By chain and contract; `None` is the native currency.
    tokens: FxHashMap<(ChainId, Option<Address>), usize>,
    calls: FxHashMap<CallKey, usize>,
    spenders: FxHashMap<(ChainId, Address), usize>,
    families: FxHashMap<String, Vec<ProtocolId>>,
}

impl Listed {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut listed = Self::default();
        for (place, token) in policy.tokens.iter().enumerate() {
            let key = (token.chain, token.contract);
            listed.tokens.entry(key).or_insert(place);
        }
        for (place, call) in policy.calls.iter().enumerate() {
            listed.calls.entry(key(call)).or_insert(place);
        }
        for (place, spender) in policy.spenders.iter().enumerate() {
            listed.spenders.entry(*spender).or_insert(place);
        }
        for (protocol, family) in &policy.families {
            let instances = listed.families.entry(family.clone()).or_default();
            instances.push(protocol.clone());
        }
        listed
    }

    /// The instances of a family.
    pub(crate) fn instances(&self, family: &str) -> &[ProtocolId] {
        self.families.get(family).map_or(&[], Vec::as_slice)
    }
}

/// A policy, and where to look in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lists<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) listed: Option<&'a Listed>,
}

impl<'a> Lists<'a> {
    pub(crate) fn has_token(&self, token: &Token) -> bool {
        self.token(token.chain, token.contract, |listed| listed == token)
            .is_some()
    }

    /// Whether a token has this contract.
    pub(crate) fn has_contract(&self, chain: ChainId, contract: Address) -> bool {
        self.token(chain, Some(contract), |_| true).is_some()
    }

    /// The native currency of a chain.
    pub(crate) fn native(&self, chain: ChainId) -> Option<&'a Token> {
        self.token(chain, None, |_| true)
    }

    /// The first token there of which `is_it` holds.
    fn token(
        &self,
        chain: ChainId,
        contract: Option<Address>,
        is_it: impl Fn(&Token) -> bool,
    ) -> Option<&'a Token> {
        let place = self.listed;
        let place = place.and_then(|listed| listed.tokens.get(&(chain, contract)));
        let there = |token: &Token| token.chain == chain && token.contract == contract;
        find(&self.policy.tokens, place, |token| {
            there(token) && is_it(token)
        })
    }

    /// Whether a protocol may make this call.
    pub(crate) fn has_call(&self, call: CallKey, protocol: &ProtocolId) -> bool {
        let place = self.listed.and_then(|listed| listed.calls.get(&call));
        let is_it = |listed: &AllowedCall| key(listed) == call && listed.protocol == *protocol;
        find(&self.policy.calls, place, is_it).is_some()
    }

    pub(crate) fn has_spender(&self, spender: (ChainId, Address)) -> bool {
        let place = self.listed.and_then(|listed| listed.spenders.get(&spender));
        find(&self.policy.spenders, place, |listed| *listed == spender).is_some()
    }
}

fn key(call: &AllowedCall) -> CallKey {
    (call.chain, call.to, call.selector)
}

/// The element at `place` if it is the one, or else the first one that is.
fn find<'a, T>(list: &'a [T], place: Option<&usize>, is_it: impl Fn(&T) -> bool) -> Option<&'a T> {
    let there = place.and_then(|place| list.get(*place));
    there
        .filter(|found| is_it(found))
        .or_else(|| list.iter().find(|found| is_it(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_another_policy_permit_nothing() {
        let spender = (ChainId(1), Address::repeat_byte(1));
        let other = (ChainId(1), Address::repeat_byte(2));
        let policy = |spenders| Policy {
            spenders,
            ..Policy::with_default_limits()
        };
        let (wide, narrow) = (policy(vec![spender, other]), policy(vec![other]));
        for (places, policy) in [(&wide, &narrow), (&narrow, &wide)] {
            let listed = Listed::of(places);
            let lists = Lists {
                policy,
                listed: Some(&listed),
            };
            for spender in [spender, other] {
                let expected = policy.spenders.contains(&spender);
                assert_eq!(lists.has_spender(spender), expected);
            }
        }
    }
}
