//! `withdrawal`: what an operator takes out is no loss, if it is said before.

use airdrops_runtime::amounts::parse_amount;
use airdrops_store::Access;
use airdrops_types::{Token, Withdrawal};
use serde_json::json;

use crate::cli::{self, Global};
use crate::config::diagnostic::suggestion;
use crate::exit::{Exit, Failure};

/// Announces a withdrawal. The transfer itself is the operator's: this program has no command that
/// sends funds away.
///
/// # Errors
/// Exit code 2 if the wallet, chain, asset or amount is unknown; if the database cannot be written.
pub fn withdrawal(global: &Global, options: &cli::Withdrawal) -> Result<(), Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let loaded = super::load(global)?;
    let wallet = loaded
        .wallets
        .iter()
        .find(|wallet| wallet.name == options.wallet);
    let wallet = wallet.ok_or_else(|| {
        let known: Vec<&str> = loaded
            .wallets
            .iter()
            .map(|wallet| wallet.name.as_str())
            .collect();
        usage(format!(
            "unknown wallet `{}`: {}",
            options.wallet,
            suggestion(&options.wallet, known, "wallet")
        ))
    })?;
    let chains = &loaded.settings.chains;
    let chain = chains
        .iter()
        .find(|chain| chain.name == options.chain)
        .ok_or_else(|| {
            let known: Vec<&str> = chains.iter().map(|chain| chain.name.as_str()).collect();
            usage(format!(
                "unknown chain `{}`: {}",
                options.chain,
                suggestion(&options.chain, known, "chain")
            ))
        })?;
    let natives = std::iter::once(&chain.native);
    let mut tokens: Vec<&Token> = natives
        .chain(&loaded.settings.tokens)
        .filter(|token| token.chain == chain.id && token.asset.as_str() == options.asset)
        .filter(|token| {
            options
                .contract
                .is_none_or(|contract| token.contract == Some(contract))
        })
        .collect();
    tokens.sort();
    tokens.dedup();
    let token = match tokens.as_slice() {
        [token] => *token,
        [] => {
            return Err(usage(format!(
                "chain {} has no token of asset `{}`{}",
                options.chain,
                options.asset,
                options
                    .contract
                    .map(|at| format!(" at {at}"))
                    .unwrap_or_default()
            )));
        }
        // Without a contract the native currency is meant, if it is among them.
        several => several
            .iter()
            .find(|token| token.is_native())
            .copied()
            .ok_or_else(|| {
                usage(format!(
                    "chain {} has several tokens of asset {}: name one with --contract",
                    options.chain, options.asset
                ))
            })?,
    };
    let amount = parse_amount(&options.amount, token.decimals).map_err(usage)?;
    let announced = Withdrawal {
        wallet: wallet.address,
        token: token.clone(),
        amount,
        reason: options.reason.clone(),
    };
    let opened = super::open(global, Access::Operator)?;
    opened
        .store
        .announce_withdrawal(super::now(), &announced, &super::operator())?;
    super::answer(
        global,
        &format!(
            "Announced: up to {} may leave wallet {} on {} without counting as a loss.",
            token.amount(amount),
            options.wallet,
            options.chain
        ),
        &json!({ "announced": announced }),
    );
    Ok(())
}
