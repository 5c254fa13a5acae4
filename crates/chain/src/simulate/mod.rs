//! What a transaction would do, by `eth_simulateV1`: the wallet's balances and allowances are read
//! before and after it in one simulated block, and its logs are searched for what is not
//! configured.

mod effects;

use std::time::Duration;

use airdrops_types::{
    Address, AllowanceChange, Bytes, I256, Intent, Simulation, SimulationFailure, Timestamp, Token,
    TokenDelta, U256,
};
use alloy::sol_types::SolCall as _;
use serde_json::{Value, json};

use crate::endpoint::ChainClient;
use crate::read::ReadError;
use crate::revert;
use crate::rpc::{self, Fault, malformed, quantity};
use crate::token::erc20;
use effects::Effects;

const METHOD: &str = "eth_simulateV1";

/// Simulates `intent` on the latest block, a second after it.
///
/// `tokens` are the configured tokens; those of other chains are passed over. `spenders` are the
/// contracts whose allowances over the spent tokens are watched, beside those that the intent
/// declares. `now` is recorded in the result.
///
/// Deltas are the differences of the ERC-20 balances; the native one is the net of the native
/// transfers, gas not included.
///
/// A transaction that would fail is a [`Simulation`] with a `failure`, not an error.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Unsupported`] if the node lacks `eth_simulateV1`.
pub async fn simulate(
    client: &ChainClient,
    intent: &Intent,
    tokens: &[Token],
    spenders: &[Address],
    now: Timestamp,
) -> Result<Simulation, ReadError> {
    let tokens: Vec<&Token> = tokens
        .iter()
        .filter(|token| token.chain == intent.chain)
        .collect();
    let reads = Reads::of(intent, &tokens, spenders);
    let head = client.head().await?;

    let mut calls = reads.calls();
    calls.push(json!({
        "from": intent.wallet,
        "to": intent.call.to,
        "value": intent.call.value,
        "input": intent.call.data,
    }));
    calls.extend(reads.calls());
    // Nodes may simulate in the head's own second, where rewards that accrue by time are still
    // nothing: the real transaction then writes slots that the simulated one left alone.
    let later = head.time.plus(Duration::from_secs(1)).unix_seconds();
    let payload = json!({
        "blockStateCalls": [{ "blockOverrides": { "time": quantity(later) }, "calls": calls }],
        "traceTransfers": true,
        "validation": false,
    });

    let mut simulation = Simulation {
        block: head,
        at: now,
        failure: None,
        gas_used: 0,
        data_fee: None,
        deltas: Vec::new(),
        unknown_outflows: Vec::new(),
        allowances: Vec::new(),
        used_allowances: Vec::new(),
        unknown_allowances: Vec::new(),
    };
    let params = json!([payload, quantity(head.number)]);
    let answer = match client.request(METHOD, params).await {
        Ok(answer) => answer,
        Err(fault) if fault.is_unsupported(METHOD) => {
            return Err(ReadError::Unsupported {
                method: METHOD,
                remedy: "use an endpoint that does (geth from 1.14.9, reth, Nethermind, anvil), \
                         as nothing is signed without a simulation",
            });
        }
        Err(Fault::Node { code, message, .. }) if concerns_transaction(code, &message) => {
            simulation.failure = Some(SimulationFailure {
                reason: message,
                data: Bytes::new(),
            });
            simulation.deltas = no_change(&tokens);
            return Ok(simulation);
        }
        Err(fault) => return Err(fault.into()),
    };

    let results = answer[0]["calls"]
        .as_array()
        .filter(|results| results.len() == calls.len())
        .ok_or_else(|| malformed(METHOD, "there is not one result per call"))?;
    let transaction = &results[reads.len()];
    simulation.gas_used = rpc::parse_u64(&transaction["gasUsed"])
        .ok_or_else(|| malformed(METHOD, "there is no gasUsed"))?;
    match rpc::parse_u64(&transaction["status"]) {
        Some(1) => {}
        Some(0) => {
            simulation.failure = Some(failure(transaction));
            simulation.deltas = no_change(&tokens);
            return Ok(simulation);
        }
        _ => return Err(malformed(METHOD, "there is no status")),
    }

    let before = reads.values(&results[..reads.len()])?;
    let after = reads.values(&results[reads.len() + 1..])?;
    let effects = Effects::of(intent.wallet, &transaction["logs"])
        .ok_or_else(|| malformed(METHOD, "a log cannot be read"))?;

    for token in &tokens {
        let delta = match reads.balance_index(token) {
            None => effects.native,
            Some(index) => signed_difference(after[index], before[index])
                .ok_or_else(|| malformed(METHOD, "a balance does not fit"))?,
        };
        simulation.deltas.push(TokenDelta {
            token: (*token).clone(),
            delta,
        });
    }
    let configured = |contract: Address| {
        tokens
            .iter()
            .find(|token| token.contract == Some(contract))
            .copied()
    };
    simulation.unknown_outflows = effects
        .outflows
        .iter()
        .copied()
        .filter(|contract| configured(*contract).is_none())
        .collect();
    simulation.unknown_allowances = effects.operators.clone();
    for (offset, (token, spender)) in reads.allowances.iter().enumerate() {
        let index = reads.balances.len() + offset;
        let declared = intent
            .allowances
            .iter()
            .any(|change| change.token == *token && change.spender == *spender);
        let change = AllowanceChange {
            token: token.clone(),
            spender: *spender,
            amount: after[index],
        };
        // A transfer that uses an allowance up lowers it; that sets nothing.
        if declared || after[index] > before[index] {
            simulation.allowances.push(change);
        } else if after[index] < before[index] {
            simulation.used_allowances.push(change);
        }
    }
    for approval in &effects.approvals {
        match configured(approval.contract) {
            None => simulation.unknown_allowances.push(approval.contract),
            Some(token) if reads.watches(token, approval.spender) => {}
            Some(token) => {
                let change = AllowanceChange {
                    token: token.clone(),
                    spender: approval.spender,
                    amount: approval.amount,
                };
                // The last word counts.
                simulation.allowances.retain(|earlier| {
                    (&earlier.token, earlier.spender) != (&change.token, change.spender)
                });
                simulation.allowances.push(change);
            }
        }
    }
    simulation.unknown_allowances.sort_unstable();
    simulation.unknown_allowances.dedup();
    Ok(simulation)
}

/// What is read before and after the transaction: first balances, then allowances.
struct Reads {
    wallet: Address,
    balances: Vec<Token>,
    allowances: Vec<(Token, Address)>,
}

impl Reads {
    fn of(intent: &Intent, tokens: &[&Token], spenders: &[Address]) -> Self {
        let balances = tokens
            .iter()
            .filter(|token| !token.is_native())
            .map(|token| (*token).clone())
            .collect();
        let declared = intent
            .allowances
            .iter()
            .map(|change| (change.token.clone(), change.spender));
        let spent = intent.spend.iter().flat_map(|spend| {
            spenders
                .iter()
                .map(|spender| (spend.token.clone(), *spender))
        });
        let mut allowances: Vec<(Token, Address)> = Vec::new();
        for (token, spender) in declared.chain(spent) {
            let pair = (token, spender);
            if !pair.0.is_native() && pair.0.chain == intent.chain && !allowances.contains(&pair) {
                allowances.push(pair);
            }
        }
        Self {
            wallet: intent.wallet,
            balances,
            allowances,
        }
    }

    fn len(&self) -> usize {
        self.balances.len() + self.allowances.len()
    }

    fn contracts(&self) -> impl Iterator<Item = Address> + '_ {
        self.balances
            .iter()
            .chain(self.allowances.iter().map(|(token, _)| token))
            .filter_map(|token| token.contract)
    }

    fn calls(&self) -> Vec<Value> {
        let balance: Bytes = erc20::balanceOfCall { owner: self.wallet }
            .abi_encode()
            .into();
        let data = self
            .balances
            .iter()
            .map(|_| balance.clone())
            .chain(self.allowances.iter().map(|(_, spender)| {
                erc20::allowanceCall {
                    owner: self.wallet,
                    spender: *spender,
                }
                .abi_encode()
                .into()
            }));
        self.contracts()
            .zip(data)
            .map(|(contract, data)| json!({ "from": self.wallet, "to": contract, "input": data }))
            .collect()
    }

    fn values(&self, results: &[Value]) -> Result<Vec<U256>, ReadError> {
        self.contracts()
            .zip(results)
            .map(|(contract, result)| {
                let data = rpc::parse_bytes(&result["returnData"]).unwrap_or_default();
                let succeeded = rpc::parse_u64(&result["status"]) == Some(1);
                if succeeded && data.len() >= 32 {
                    Ok(U256::from_be_slice(&data[..32]))
                } else {
                    Err(ReadError::Unexpected {
                        to: contract,
                        detail: "balance or allowance cannot be read: is it an ERC-20 contract?"
                            .to_owned(),
                    })
                }
            })
            .collect()
    }

    fn balance_index(&self, token: &Token) -> Option<usize> {
        self.balances.iter().position(|known| known == token)
    }

    fn watches(&self, token: &Token, spender: Address) -> bool {
        self.allowances
            .iter()
            .any(|(known, other)| known == token && *other == spender)
    }
}

/// Whether an error says that the transaction cannot start, and not that the node is in trouble:
/// codes -38010 to -38026 (execution-apis, `eth_simulateV1`), and anvil's words for a wallet that
/// cannot pay the value.
fn concerns_transaction(code: i64, message: &str) -> bool {
    (-38026..=-38010).contains(&code) || message.to_lowercase().contains("insufficient funds")
}

fn no_change(tokens: &[&Token]) -> Vec<TokenDelta> {
    tokens
        .iter()
        .map(|token| TokenDelta {
            token: (*token).clone(),
            delta: I256::ZERO,
        })
        .collect()
}

fn failure(result: &Value) -> SimulationFailure {
    let error = &result["error"];
    // geth and reth put the revert data into `returnData`, others into `error.data`.
    let data = rpc::parse_bytes(&error["data"])
        .filter(|data| !data.is_empty())
        .or_else(|| rpc::parse_bytes(&result["returnData"]))
        .unwrap_or_default();
    let reason = match error["message"].as_str() {
        Some(message) if data.is_empty() => message.to_owned(),
        _ => revert::reason(&data),
    };
    SimulationFailure { reason, data }
}

/// `after − before`; `None` if it does not fit.
pub(crate) fn signed_difference(after: U256, before: U256) -> Option<I256> {
    if after >= before {
        I256::try_from(after - before).ok()
    } else {
        I256::try_from(before - after).ok()?.checked_neg()
    }
}
