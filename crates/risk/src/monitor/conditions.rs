//! What is wrong with the data of one assessment, in conditions that are told once.

use airdrops_types::{AlertLevel, Scope};

use super::Seen;
use super::alerts::Condition;

/// Sources that do not answer, prices that cannot be believed, chains that cannot be read, and what
/// else is known to be wrong.
pub(super) fn of_data(seen: &Seen<'_>) -> Vec<Condition> {
    let snapshot = seen.marked.snapshot();
    let market = &snapshot.market;
    let prices = snapshot.prices.iter().filter_map(|(asset, price)| {
        Some(Condition {
            scope: Scope::Asset(asset.clone()),
            matter: "price".to_owned(),
            level: AlertLevel::Warning,
            evidence: format!("the price of {asset} is {}", price.defect()?),
        })
    });
    let heads = snapshot.chains.iter().filter_map(|(chain, view)| {
        Some(Condition {
            scope: Scope::Chain(*chain),
            matter: "head".to_owned(),
            level: AlertLevel::Warning,
            evidence: format!("the head of chain {chain} is {}", view.head.defect()?),
        })
    });
    let dead = market.sources.iter().filter_map(|(source, reading)| {
        Some(Condition {
            scope: Scope::Everything,
            matter: format!("source {source}"),
            level: AlertLevel::Warning,
            evidence: format!("{source} is {}", reading.defect()?),
        })
    });
    let disputed = market.quotes.iter().flat_map(|(asset, quotes)| {
        quotes.iter().filter_map(move |quote| {
            Some(Condition {
                scope: Scope::Asset(asset.clone()),
                matter: format!("quote of {}", quote.source),
                level: AlertLevel::Warning,
                evidence: format!(
                    "{} on the price of {asset}: {}",
                    quote.source,
                    quote.price.defect()?
                ),
            })
        })
    });
    let told = seen.defects.iter().map(|(scope, defect)| Condition {
        scope: scope.clone(),
        matter: "endpoint".to_owned(),
        level: AlertLevel::Warning,
        evidence: defect.clone(),
    });
    dead.chain(disputed)
        .chain(prices)
        .chain(heads)
        .chain(told)
        .collect()
}
