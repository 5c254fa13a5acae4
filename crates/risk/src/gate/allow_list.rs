//! Who may call what, where, as part of which protocol.

use airdrops_types::{Address, AllowanceChange, Intent, Reason, Token, U256};

use super::APPROVE;
use super::effect::{Class, Effect};
use crate::structure::Lists;

pub(super) fn check(
    lists: Lists<'_>,
    intent: &Intent,
    effect: &Effect<'_>,
    reasons: &mut Vec<Reason>,
) {
    let policy = lists.policy;
    let mut refuse = |what: String| reasons.push(Reason::NotAllowed { what });

    if !policy.wallets.contains(&intent.wallet) {
        refuse(format!("wallet {}", intent.wallet));
    }
    if !policy.gas_ceilings.contains_key(&intent.chain) {
        refuse(format!("chain {}, which has no gas ceiling", intent.chain));
    }
    if effect.class == Class::Cancel {
        if !is_empty_call(intent) {
            refuse("a cancellation that does more than use its nonce".to_owned());
        }
        return;
    }

    let changed = intent.positions.iter().map(|change| &change.protocol);
    let changed = changed.filter(|protocol| **protocol != intent.protocol);
    if !effect.is_known {
        refuse(format!("protocol {}", intent.protocol));
    }
    for protocol in changed {
        if !policy.families.contains_key(protocol) {
            refuse(format!("protocol {protocol}"));
        }
    }
    let amounts = intent.spend.iter().chain(&intent.receive);
    let allowances = intent.allowances.iter();
    let local = amounts
        .map(|amount| &amount.token)
        .chain(allowances.map(|allowance| &allowance.token));
    for token in local {
        if !lists.has_token(token) || token.chain != intent.chain {
            refuse(describe(token));
        }
    }
    for change in &intent.positions {
        let token = &change.token;
        if !lists.has_token(token) || !policy.gas_ceilings.contains_key(&token.chain) {
            refuse(describe(token));
        }
    }
    for AllowanceChange {
        token,
        spender,
        amount,
    } in &intent.allowances
    {
        if !lists.has_spender((intent.chain, *spender)) {
            refuse(format!("spender {spender} on chain {}", intent.chain));
        }
        if *amount == U256::MAX {
            refuse(format!("an unlimited allowance of {}", token.asset));
        }
    }

    let to = intent.call.to;
    match intent.call.selector() {
        None => refuse(format!("a plain transfer to {to}")),
        Some(APPROVE) => check_approval(lists, intent, &mut refuse),
        Some(selector) => {
            if !lists.has_call((intent.chain, to, selector), &intent.protocol) {
                refuse(format!(
                    "the call 0x{} of {to} on chain {} by {}",
                    hex(selector),
                    intent.chain,
                    intent.protocol
                ));
            }
            if intent.allowances.iter().any(|set| !set.amount.is_zero()) {
                refuse("an allowance that is set by anything but approve".to_owned());
            }
        }
    }

    let native = effect
        .spends()
        .filter(|(token, _)| token.is_native())
        .fold(U256::ZERO, |sum, (_, amount)| sum.saturating_add(amount));
    if intent.call.value > native {
        reasons.push(Reason::Undeclared {
            what: format!(
                "the call sends {} wei, declared are {native} wei",
                intent.call.value
            ),
        });
    }
}

/// An approval changes exactly one allowance, to exactly what is declared, and nothing else.
fn check_approval(lists: Lists<'_>, intent: &Intent, refuse: &mut impl FnMut(String)) {
    let to = intent.call.to;
    let is_token = |token: &Token| token.chain == intent.chain && token.contract == Some(to);
    if !lists.has_contract(intent.chain, to) {
        refuse(format!("an approval at {to}, which is no configured token"));
    }
    if !intent.call.value.is_zero() {
        refuse("an approval that sends native currency".to_owned());
    }
    if !(intent.spend.is_empty() && intent.receive.is_empty() && intent.positions.is_empty()) {
        refuse("an approval that declares more than an allowance".to_owned());
    }
    let encoded = approval(&intent.call.data);
    if let Some((spender, amount)) = encoded {
        if !lists.has_spender((intent.chain, spender)) {
            refuse(format!("spender {spender} on chain {}", intent.chain));
        }
        if amount == U256::MAX {
            refuse("an unlimited allowance".to_owned());
        }
    }
    let declared = match intent.allowances.as_slice() {
        [only] if is_token(&only.token) => Some((only.spender, only.amount)),
        _ => None,
    };
    if encoded.is_none() || encoded != declared {
        refuse(format!(
            "an approval at {to} that is not exactly the one declared allowance"
        ));
    }
}

/// The arguments of `approve(address,uint256)`, strictly encoded.
fn approval(data: &[u8]) -> Option<(Address, U256)> {
    let arguments: &[u8; 64] = data.get(4..)?.try_into().ok()?;
    let (padding, spender) = arguments[..32].split_at(12);
    if padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some((
        Address::from_slice(spender),
        U256::from_be_slice(&arguments[32..]),
    ))
}

fn is_empty_call(intent: &Intent) -> bool {
    intent.call.to == intent.wallet
        && intent.call.value.is_zero()
        && intent.call.data.is_empty()
        && intent.spend.is_empty()
        && intent.receive.is_empty()
        && intent.positions.is_empty()
        && intent.allowances.is_empty()
}

fn describe(token: &Token) -> String {
    match token.contract {
        Some(contract) => format!(
            "token {} ({contract}) on chain {}",
            token.asset, token.chain
        ),
        None => format!("token {} (native) on chain {}", token.asset, token.chain),
    }
}

fn hex(selector: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(selector))
}
