//! What a transaction may cost, and whether the wallet can pay.

use std::borrow::Cow;

use airdrops_types::{Intent, Purpose, Reading, Reason, Token, U256, Usd};

use super::effect::{Class, Effect};
use crate::exposure::balance_of;
use crate::gas::{Charge, GasMeasure, GasUse, all_in};
use crate::{GateState, Marked, Policy};

/// Gas units of a transfer to oneself (21,000), with room for a chain that counts more.
const CANCEL_GAS: u64 = 30_000;

/// No transaction may have more gas (EIP-7825).
const MAX_GAS: u64 = 1 << 24;

/// What the permit says about gas.
pub(super) struct Fees {
    pub(super) gas_limit: u64,
    pub(super) max_fee_per_gas: u128,
}

/// Checks gas price, worst-case fee and balances.
///
/// Fee and balance are measured at twice the base fee plus the tip, even where the ceiling caps
/// what is offered: otherwise a lower ceiling could turn a refusal into a permit. For the same
/// reason the fee limit in USD, which needs a price, does not bind what only reduces; there, gas
/// ceiling and gas limit bound the fee. What the chain itself tells, base fee and native balance,
/// must be known for that too, fresh or stale: without the chain, nothing can be sent anyway.
pub(super) fn check(
    policy: &Policy,
    state: &GateState,
    marked: &Marked<'_>,
    intent: &Intent,
    effect: &Effect<'_>,
    tip: u128,
    reasons: &mut Vec<Reason>,
) -> Fees {
    let snapshot = marked.snapshot();
    let ceiling = policy.gas_ceilings.get(&intent.chain).copied();
    let ceiling = ceiling.unwrap_or_default();
    let base_fee = snapshot
        .chains
        .get(&intent.chain)
        .map(|chain| &chain.base_fee);
    let known = base_fee.and_then(Reading::last_known).copied();
    let wanted = known
        .unwrap_or_default()
        .saturating_mul(2)
        .saturating_add(tip);

    if effect.class == Class::Cancel {
        // It must outbid a transaction that may offer the whole ceiling, by the tenth that nodes
        // ask for a replacement.
        return Fees {
            gas_limit: CANCEL_GAS,
            max_fee_per_gas: wanted.max(ceiling.saturating_add(ceiling / 4)),
        };
    }

    let usable = match effect.class {
        Class::Increasing => base_fee.and_then(Reading::fresh).copied(),
        Class::Reducing | Class::Cancel => known,
    };
    if usable.is_none() {
        reasons.push(Reason::NotFresh {
            what: format!("base fee of chain {}", intent.chain),
            defect: base_fee
                .and_then(Reading::defect)
                .unwrap_or_else(|| "missing: not observed".to_owned()),
        });
    }
    if let Some(base_fee) = known
        && base_fee > ceiling
    {
        reasons.push(Reason::GasCeiling {
            chain: intent.chain,
            base_fee,
            ceiling,
        });
    }

    let gas_limit = gas_limit(intent, reasons);
    let fee = U256::from(gas_limit).saturating_mul(U256::from(wanted));
    let fee = fee.saturating_add(data_fee(policy, intent, effect.class, reasons));
    let native = native_token(policy, marked, intent);
    if effect.class == Class::Increasing {
        check_gas(policy, state, marked, intent, tip, reasons);
        check_fee_limit(policy, marked, native.as_deref(), fee, reasons);
        for (token, amount) in effect.spends() {
            if !token.is_native() {
                require(marked, intent, effect.class, token, amount, reasons);
            }
        }
    }
    if let Some(token) = native.as_deref() {
        let needed = intent.call.value.saturating_add(fee);
        require(marked, intent, effect.class, token, needed, reasons);
    }
    Fees {
        gas_limit,
        max_fee_per_gas: ceiling.min(wanted),
    }
}

/// Half as much again as the simulation used, and 60,000: estimates come out too low where a slot
/// is written for the first time in the real block, and exact limits ran out of gas.
fn gas_limit(intent: &Intent, reasons: &mut Vec<Reason>) -> u64 {
    let used = intent.simulation.as_ref().map_or(0, |ran| ran.gas_used);
    let limit = used.saturating_add(used / 2).saturating_add(60_000);
    if limit > MAX_GAS {
        reasons.push(Reason::Simulation {
            defect: format!("needs {limit} gas, at most {MAX_GAS} allowed"),
        });
    }
    limit
}

/// What the chain charges for the bytes at most: twice what it said, as with the base fee. A data
/// fee that was told is counted on every chain; only where one is due, and only for what increases
/// exposure, must it be known.
fn data_fee(policy: &Policy, intent: &Intent, class: Class, reasons: &mut Vec<Reason>) -> U256 {
    let told = intent.simulation.as_ref().and_then(|ran| ran.data_fee);
    if told.is_none() && class == Class::Increasing && policy.data_fees.contains(&intent.chain) {
        reasons.push(Reason::NotFresh {
            what: format!("data fee of chain {}", intent.chain),
            defect: "missing: the chain did not tell it".to_owned(),
        });
    }
    told.unwrap_or_default().saturating_mul(U256::from(2))
}

/// Whether gas is cheap enough for this kind of task. The kind is what the intent says it is: a
/// wrong word finds another limit, never none.
fn check_gas(
    policy: &Policy,
    state: &GateState,
    marked: &Marked<'_>,
    intent: &Intent,
    tip: u128,
    reasons: &mut Vec<Reason>,
) {
    let Some(limits) = &policy.gas else {
        return;
    };
    let Purpose::Operation { verb } = &intent.purpose else {
        return;
    };
    let snapshot = marked.snapshot();
    let Some(chain) = snapshot.chains.get(&intent.chain) else {
        return;
    };
    let ran = intent.simulation.as_ref();
    let used = GasUse {
        gas: ran.map_or(u64::MAX, |ran| ran.gas_used),
        gas_price: chain.base_fee.clone().map(|fee| fee.saturating_add(tip)),
        l1_data: match ran.and_then(|ran| ran.data_fee) {
            Some(fee) => Charge::Wei(Reading::Fresh {
                value: fee,
                at: snapshot.at,
            }),
            None => Charge::None,
        },
        operator: Charge::None,
        blob_gas: 0,
        blob_gas_price: Reading::missing("no blobs"),
    };
    let unpriced = Reading::missing("not observed");
    let price = snapshot.prices.get(&chain.gas_asset).unwrap_or(&unpriced);
    let measure = GasMeasure {
        chain: intent.chain,
        base_fee: &chain.base_fee,
        rank: state.gas_ranks.get(&intent.chain).cloned(),
        cost: &all_in(&used, price),
    };
    if let Err(denial) = limits.check(verb, &measure) {
        reasons.push(Reason::GasLimit {
            detail: format!("{verb}: {denial}"),
        });
    }
}

fn check_fee_limit(
    policy: &Policy,
    marked: &Marked<'_>,
    native: Option<&Token>,
    fee: U256,
    reasons: &mut Vec<Reason>,
) {
    if let Some(token) = native {
        match marked.prices().value_up(token, fee) {
            Ok(measured) if measured > policy.fee_limit => reasons.push(Reason::FeeLimit {
                measured,
                bound: policy.fee_limit.max(Usd::ZERO),
            }),
            Ok(_) => {}
            Err(reason) => reasons.push(reason),
        }
    }
}

/// The chain's native currency, as the policy lists it, or else as the chain is observed.
fn native_token<'a>(
    policy: &'a Policy,
    marked: &'a Marked<'_>,
    intent: &Intent,
) -> Option<Cow<'a, Token>> {
    let listed = marked.lists(policy).native(intent.chain);
    listed.map(Cow::Borrowed).or_else(|| {
        let chain = marked.snapshot().chains.get(&intent.chain)?;
        let token = Token {
            chain: intent.chain,
            contract: None,
            asset: chain.gas_asset.clone(),
            decimals: 18,
        };
        Some(Cow::Owned(token))
    })
}

/// Adds a reason unless the wallet is known to have `needed`.
fn require(
    marked: &Marked<'_>,
    intent: &Intent,
    class: Class,
    token: &Token,
    needed: U256,
    reasons: &mut Vec<Reason>,
) {
    let reading = marked.balance(intent.wallet, token);
    let balance = match class {
        Class::Increasing => reading.and_then(Reading::fresh),
        Class::Reducing | Class::Cancel => reading.and_then(Reading::last_known),
    };
    match balance {
        None => reasons.push(Reason::NotFresh {
            what: balance_of(intent.wallet, token),
            defect: reading
                .and_then(Reading::defect)
                .unwrap_or_else(|| "missing: not observed".to_owned()),
        }),
        Some(balance) if *balance < needed => reasons.push(Reason::InsufficientFunds {
            shortfall: format!(
                "{} needed, the fee included where it is the native currency, {} there",
                token.amount(needed),
                token.amount(*balance)
            ),
        }),
        Some(_) => {}
    }
}
