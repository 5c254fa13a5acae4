//! Journal entries and plans in words.

use std::collections::BTreeMap;

use airdrops_protocols::ModuleConfig;
use airdrops_types::{
    Answer, B256, Bps, ChainId, ControlSignal, ControlState, Entry, Operation, Purpose, Reason,
    Scope, TaskState, Timestamp, Token, TxResult, U256, Usd, Verdict,
};

/// Names of chains, for text.
pub type ChainNames = BTreeMap<ChainId, String>;

/// A chain's name; its id if it has none.
#[must_use]
pub fn chain_name(names: &ChainNames, chain: ChainId) -> String {
    names
        .get(&chain)
        .cloned()
        .unwrap_or_else(|| format!("chain {chain}"))
}

/// A text in which chains are called by their names instead of their ids.
#[must_use]
pub fn named(names: &ChainNames, text: &str) -> String {
    let mut text = text.to_owned();
    for (chain, name) in names {
        text = text.replace(&format!(" (chain {chain})"), &format!(" on {name}"));
        let id = format!("chain {chain}");
        let mut shown = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(&id) {
            let (before, from) = rest.split_at(at);
            let after = &from[id.len()..];
            // `chain 1` is not the beginning of `chain 10`.
            let whole = !after.starts_with(|next: char| next.is_ascii_digit());
            shown.push_str(before);
            shown.push_str(if whole { name } else { &id });
            rest = after;
        }
        shown.push_str(rest);
        text = shown;
    }
    text
}

/// `0x1234…abcd` of a hash.
fn short(hash: &B256) -> String {
    let text = hash.to_string();
    format!("{}…{}", &text[..6], &text[text.len() - 4..])
}

/// A scope with names.
#[must_use]
pub fn scope_text(names: &ChainNames, scope: &Scope) -> String {
    match scope {
        Scope::Chain(chain) => format!("chain {}", chain_name(names, *chain)),
        Scope::Protocol(protocol) => format!("protocol {protocol}"),
        Scope::Asset(asset) => format!("asset {asset}"),
        Scope::Wallet(wallet) => format!("wallet {wallet}"),
        Scope::Everything => "everything".into(),
    }
}

/// Limits that do not hold whole, and why; one for each signal that says so.
#[must_use]
pub fn scaled_limits<'a>(
    names: &ChainNames,
    signals: impl IntoIterator<Item = &'a ControlSignal>,
) -> Vec<String> {
    let signals = signals.into_iter();
    signals
        .filter(|signal| signal.scale < Bps::WHOLE)
        .map(|signal| {
            let why = match signal.reasons.as_slice() {
                [] => "they loosen slowly".to_owned(),
                reasons => named(names, &reasons.join(", ")),
            };
            let scope = scope_text(names, &signal.scope);
            format!("limits of {scope} are at {}: {why}", signal.scale)
        })
        .collect()
}

/// When a waiting task is looked at again; `None` if it does not wait for that.
#[must_use]
pub fn next_look(state: TaskState, not_before: Option<Timestamp>) -> Option<String> {
    match (state, not_before) {
        (TaskState::Deferred, None) => Some("next look when the stop changes".to_owned()),
        (_, Some(at)) if !state.is_final() => Some(format!("next look {at}")),
        _ => None,
    }
}

/// One word for the kind of an entry.
#[must_use]
pub fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Started { .. } => "started",
        Entry::Observed { .. } => "observed",
        Entry::Assessed { .. } => "assessed",
        Entry::Tripped { .. } => "tripped",
        Entry::Cleared { .. } => "cleared",
        Entry::Allocated { .. } => "allocated",
        Entry::Rebalanced { .. } => "rebalanced",
        Entry::Fired { .. } => "fired",
        Entry::Task { .. } => "task",
        Entry::Planned { .. } => "planned",
        Entry::Decided {
            verdict: Verdict::Permitted { .. },
            ..
        } => "permitted",
        Entry::Decided { .. } => "refused",
        Entry::Signed { .. } => "signed",
        Entry::Settled { .. } => "settled",
        Entry::Flow { .. } => "flow",
        Entry::Eased { .. } => "eased",
        Entry::Alerted { .. } => "alert",
        Entry::Signalled { .. } => "signals",
        Entry::Note { .. } => "note",
    }
}

/// Reasons in one line.
#[must_use]
pub fn reasons_text(reasons: &[Reason]) -> String {
    let words: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// What an entry says, in one line.
#[must_use]
pub fn line(names: &ChainNames, entry: &Entry) -> String {
    match entry {
        Entry::Started {
            version,
            mode,
            seed,
            ..
        } => format!("version {version} in {mode} mode, seed {seed}"),
        Entry::Observed { snapshot } => format!(
            "{} chains, {} prices, {} balances, {} positions",
            snapshot.chains.len(),
            snapshot.prices.len(),
            snapshot.holdings.len(),
            snapshot.positions.len()
        ),
        Entry::Assessed {
            point, protocols, ..
        } => {
            let exposures: Vec<String> = protocols
                .iter()
                .filter(|(_, value)| *value != Usd::ZERO)
                .map(|(family, value)| format!("{family} {value}"))
                .collect();
            let exposures = if exposures.is_empty() {
                "no positions".into()
            } else {
                exposures.join(", ")
            };
            format!("equity {}: {exposures}", point.equity)
        }
        Entry::Tripped { trip, by } => format!(
            "{} is {} by {} ({by}): {}",
            scope_text(names, &trip.scope),
            trip.state,
            trip.breaker,
            trip.evidence
        ),
        Entry::Cleared {
            scope,
            breaker,
            by,
            reason,
        } => format!(
            "{breaker} on {} by {by}: {reason}",
            scope_text(names, scope)
        ),
        Entry::Allocated { targets, .. } => {
            let targets: Vec<String> = targets
                .iter()
                .map(|target| {
                    if target.current == target.target {
                        format!("{} stays {}", target.protocol, target.current)
                    } else {
                        format!("{} {} → {}", target.protocol, target.current, target.target)
                    }
                })
                .collect();
            targets.join(", ")
        }
        Entry::Rebalanced {
            trigger, orders, ..
        } if orders.is_empty() => format!("{trigger}: everything stays"),
        Entry::Rebalanced {
            trigger, orders, ..
        } => format!("{trigger}: {}", orders.join("; ")),
        Entry::Fired {
            campaign,
            due,
            tasks,
            note,
        } => format!("{campaign} for {due}, {} tasks: {note}", tasks.len()),
        Entry::Task {
            task,
            from,
            to,
            reason,
            not_before,
        } => {
            let from = from.map_or_else(String::new, |from| format!("{from} → "));
            let next = next_look(*to, *not_before);
            let next = next.map_or_else(String::new, |next| format!(", {next}"));
            format!("{task} {from}{to}: {}{next}", named(names, reason))
        }
        Entry::Planned { task, summary, .. } => format!("{task}: {summary}"),
        Entry::Decided {
            intent, verdict, ..
        } => {
            let what = match &intent.purpose {
                Purpose::Operation { .. } => named(names, &intent.summary),
                Purpose::Cancel { original } => format!("cancel {original}"),
            };
            match verdict {
                Verdict::Permitted { .. } => format!("{}: {what}", intent.task),
                Verdict::Refused { reasons } => {
                    let why = named(names, &reasons_text(reasons));
                    format!("{}: {what}: {why}", intent.task)
                }
            }
        }
        Entry::Signed {
            task,
            chain,
            nonce,
            tx,
            summary,
            ..
        } => {
            let what = named(names, summary);
            let place = format!(" on {}", chain_name(names, *chain));
            let said = what.contains(&place) || what.contains(&format!("(chain {chain})"));
            let place = if said { "" } else { &place };
            format!("{task}: {what}{place}, nonce {nonce}, {}", short(tx))
        }
        // The summary tells the result and the fee.
        Entry::Settled { task, summary, .. } => format!("{task}: {}", named(names, summary)),
        Entry::Flow { entry, value, note } => {
            let (sign, amount) = match entry.delta.is_negative() {
                true => ("-", entry.delta.unsigned_abs()),
                false => ("", entry.delta.unsigned_abs()),
            };
            format!(
                "{sign}{} on {}, {value}: {note}",
                entry.token.amount(amount),
                chain_name(names, entry.token.chain)
            )
        }
        Entry::Eased { trip, from } => format!(
            "{} eased from {from} to {} by {}: {}",
            scope_text(names, &trip.scope),
            trip.state,
            trip.breaker,
            trip.evidence
        ),
        Entry::Alerted { alert } => format!(
            "{}: {} at {}: {}",
            alert.level,
            alert.matter,
            scope_text(names, &alert.scope),
            alert.evidence
        ),
        Entry::Signalled { signals } => {
            let notable: Vec<String> = signals
                .iter()
                .filter(|signal| signal.state != ControlState::Active || signal.scale != Bps::WHOLE)
                .map(|signal| {
                    format!(
                        "{} is {}, limits at {}",
                        scope_text(names, &signal.scope),
                        signal.state,
                        signal.scale
                    )
                })
                .collect();
            if notable.is_empty() {
                "everything is active, limits as configured".into()
            } else {
                notable.join("; ")
            }
        }
        Entry::Note { text } => text.clone(),
    }
}

/// A final result in words.
#[must_use]
pub fn result_text(result: &TxResult) -> &'static str {
    match result {
        TxResult::Succeeded => "succeeded",
        TxResult::Reverted { out_of_gas: true } => "reverted, out of gas",
        TxResult::Reverted { out_of_gas: false } => "reverted",
        TxResult::Cancelled => "cancelled",
    }
}

/// A broadcast's answer in words.
#[must_use]
pub fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Accepted => "accepted".into(),
        Answer::Rejected { reason } => format!("rejected: {reason}"),
        Answer::Unknown { reason } => format!("unknown: {reason}"),
    }
}

/// What would clear a reason.
#[must_use]
pub fn remedy(names: &ChainNames, reason: &Reason) -> String {
    match reason {
        Reason::NotFresh { .. } => {
            "clears when the input is fresh again; check the chain's endpoint and feeds".into()
        }
        Reason::Control { scope, .. } => format!(
            "look at the evidence, then `airdrops resume --scope {} --reason …`",
            match scope {
                Scope::Chain(chain) => format!("chain:{}", chain_name(names, *chain)),
                other => other.to_string(),
            }
        ),
        Reason::ProtocolLimit { family, .. } => format!(
            "clears when exposure falls or equity grows; the limit is `{family}` under [limits.protocols], or `protocol` under [limits]"
        ),
        Reason::AssetLimit { asset, .. } => format!(
            "clears when exposure falls or equity grows; the limit is `{asset}` under [limits.assets], or `asset` under [limits]"
        ),
        Reason::NodeLimit { node, .. } => format!(
            "clears when exposure falls or equity grows; the limit is `{node}` under [limits.nodes], or its class under [limits]"
        ),
        Reason::GasLimit { .. } => {
            "clears when gas is cheaper; the limit is under [limits.gas]".into()
        }
        Reason::TransactionLimit { .. } => {
            "lower the task's amount; the limit is `transaction` under [limits]".into()
        }
        Reason::GasCeiling { chain, .. } => format!(
            "clears when gas is cheaper; the ceiling is `gas_ceiling` of chain {}",
            chain_name(names, *chain)
        ),
        Reason::FeeLimit { .. } => {
            "clears when gas is cheaper; the limit is `fee` under [limits]".into()
        }
        Reason::InsufficientFunds { .. } => "send funds to the wallet, or lower the amount".into(),
        Reason::NotAllowed { .. } => {
            "only configured chains, tokens and protocols may be used; check the configuration".into()
        }
        Reason::Simulation { .. } => {
            "the transaction would fail on the chain; it is planned again at the next attempt".into()
        }
        Reason::Undeclared { .. } => {
            "do not raise limits: the contract does something else than it should; check its address".into()
        }
        Reason::Unmeasurable { .. } => "clears when every holding has a fresh price".into(),
    }
}

/// One step of a plan in words; `module` gives amounts their unit.
#[must_use]
pub fn operation_text(operation: &Operation, module: Option<&ModuleConfig>) -> String {
    let of = |amount: &U256, token: Option<&Token>| match token {
        Some(token) => token.amount(*amount).to_string(),
        None => format!("{amount} base units"),
    };
    let verb = operation.verb();
    match operation {
        Operation::Approve {
            token,
            spender,
            amount,
        } if amount.is_zero() => format!("revoke the allowance of {spender} for {}", token.asset),
        Operation::Approve {
            token,
            spender,
            amount,
        } => format!("approve {} for {spender}", token.amount(*amount)),
        Operation::Withdraw { all: true, .. } | Operation::Exit => format!("{verb} all"),
        Operation::Swap { from, to, amount } => {
            format!("swap {} to {}", from.amount(*amount), to.asset)
        }
        Operation::AddLiquidity { amount_a, amount_b } => {
            let (a, b) = match module {
                Some(ModuleConfig::UniswapV2 {
                    token_a, token_b, ..
                }) => (Some(token_a), Some(token_b)),
                _ => (None, None),
            };
            format!("{verb} {} and {}", of(amount_a, a), of(amount_b, b))
        }
        Operation::RemoveLiquidity { liquidity } => match module {
            Some(ModuleConfig::UniswapV2 { lp, .. }) => {
                format!("{verb} {}", of(liquidity, Some(lp)))
            }
            _ => format!("{verb} {}", of(liquidity, None)),
        },
        Operation::Wrap { amount }
        | Operation::Unwrap { amount }
        | Operation::Supply { amount }
        | Operation::Withdraw { amount, .. }
        | Operation::Stake { amount }
        | Operation::Bridge { amount }
        | Operation::Claim { amount, .. } => {
            let token = module.and_then(|module| match module {
                ModuleConfig::WrappedNative { native, .. } => Some(native),
                ModuleConfig::Erc4626 { asset, .. } => Some(asset),
                ModuleConfig::StakingRewards { stake, .. } => Some(stake),
                ModuleConfig::Bridge { token, .. }
                | ModuleConfig::MerkleDistributor { token, .. } => Some(token),
                ModuleConfig::UniswapV2 { .. } => None,
            });
            format!("{verb} {}", of(amount, token))
        }
    }
}
