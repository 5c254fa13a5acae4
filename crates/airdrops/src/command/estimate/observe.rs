//! `estimate observe`: what an operator saw of an airdrop.

use airdrops_store::Access;
use airdrops_types::{AirdropFact, AirdropSeen};
use serde_json::json;

use crate::cli::{EstimateObserve, Global};
use crate::exit::{Exit, Failure};

/// Notes what was seen. Beliefs follow at the next plan.
///
/// # Errors
/// Exit code 2 if it lies in the future; if the database cannot be written.
pub fn observe(global: &Global, options: &EstimateObserve) -> Result<(), Failure> {
    let now = crate::command::now();
    let at = options.at.unwrap_or(now);
    if at > now {
        return Err(Failure::new(
            Exit::Usage,
            format!("{at} is in the future: only what is known can be observed"),
        ));
    }
    let seen = AirdropSeen {
        family: options.family.clone(),
        category: options.category.clone(),
        at,
        what: fact(options)?,
    };
    let opened = crate::command::open(global, Access::Operator)?;
    opened
        .store
        .note_airdrop(now, &seen, &crate::command::operator())?;
    let text = format!("Noted: {seen}. Beliefs follow at the next plan.");
    crate::command::answer(global, &text, &json!({ "noted": seen }));
    Ok(())
}

fn fact(options: &EstimateObserve) -> Result<AirdropFact, Failure> {
    let odds = options.odds.zip(options.days);
    let odds = odds.map(|(odds, days)| AirdropFact::TokenBy { odds, days });
    let never = options.never.then_some(AirdropFact::Never);
    let dropped = options.dropped.map(|days| AirdropFact::Dropped { days });
    dropped
        .or(never)
        .or(options.eligible.map(AirdropFact::Eligible))
        .or(options.wallet_value.map(AirdropFact::WalletValue))
        .or(options.diluted_value.map(AirdropFact::DilutedValue))
        .or(options.pre_market.map(AirdropFact::PreMarket))
        .or(odds)
        .ok_or_else(|| Failure::new(Exit::Usage, "say what was seen: see --help".to_owned()))
}
