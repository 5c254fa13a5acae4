//! Where the policy lists what: so that no decision looks through whole lists.

use std::collections::HashMap;

use airdrops_types::{Address, ChainId, ProtocolId, Token};

use crate::{AllowedCall, Policy};

/// Places in the lists of one policy. They only say where to look first: what is found there is
/// compared, and what is not found there is looked for in the whole list, so that no place of
/// another policy ever permits anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    tokens: HashMap<Token, usize>,
    natives: HashMap<ChainId, usize>,
    calls: HashMap<AllowedCall, usize>,
    spenders: HashMap<(ChainId, Address), usize>,
    families: HashMap<String, Vec<ProtocolId>>,
}

impl Listed {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut listed = Self::default();
        for (place, token) in policy.tokens.iter().enumerate() {
            listed.tokens.entry(token.clone()).or_insert(place);
            if token.is_native() {
                listed.natives.entry(token.chain).or_insert(place);
            }
        }
        for (place, call) in policy.calls.iter().enumerate() {
            listed.calls.entry(call.clone()).or_insert(place);
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
        let place = self.listed.and_then(|listed| listed.tokens.get(token));
        has(&self.policy.tokens, place, token)
    }

    pub(crate) fn has_call(&self, call: &AllowedCall) -> bool {
        let place = self.listed.and_then(|listed| listed.calls.get(call));
        has(&self.policy.calls, place, call)
    }

    pub(crate) fn has_spender(&self, spender: (ChainId, Address)) -> bool {
        let place = self.listed.and_then(|listed| listed.spenders.get(&spender));
        has(&self.policy.spenders, place, &spender)
    }

    /// The native currency of a chain.
    pub(crate) fn native(&self, chain: ChainId) -> Option<&'a Token> {
        let is_it = |token: &&Token| token.chain == chain && token.is_native();
        let place = self.listed.and_then(|listed| listed.natives.get(&chain));
        let found = place.and_then(|place| self.policy.tokens.get(*place));
        found
            .filter(is_it)
            .or_else(|| self.policy.tokens.iter().find(is_it))
    }
}

fn has<T: PartialEq>(list: &[T], place: Option<&usize>, wanted: &T) -> bool {
    place.and_then(|place| list.get(*place)) == Some(wanted) || list.contains(wanted)
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
