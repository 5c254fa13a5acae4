//! Profit and loss, followed from snapshot to snapshot.
//!
//! What moved from outside and what fees took is told ([`Seen::events`](super::Seen::events)); all
//! else that changed since the last measurement is what transactions, protocols and the market of a
//! pool did: an exchange if something went and something came, income if something only came, and a
//! loss if something only went.

use std::collections::BTreeMap;

use airdrops_types::{AssetId, I256, Reading, Snapshot, Token, U256};

use super::{Monitor, Seen};
use crate::exposure::receipts;
use crate::profit::{AssetAmount, AssetDelta, Profit, ProfitBook, ProfitEvent};

/// Amounts by asset, each in the finest decimals of its tokens.
type Amounts = BTreeMap<AssetId, (U256, u8)>;

impl Monitor {
    /// Brings the book up to date; the profit of the last moment at which everything that it rests
    /// on was fresh and nothing was under way.
    pub(super) fn earn(&mut self, seen: &Seen<'_>) -> Option<Profit> {
        if !seen.quiet {
            return self.state.last_profit;
        }
        let snapshot = seen.marked.snapshot();
        let equity = seen.equity?.equity;
        let held = held(snapshot)?;
        let book = &mut self.state.profit;
        if *book == ProfitBook::default() {
            for (asset, (amount, decimals)) in &held {
                let opening = ProfitEvent::Opening(AssetAmount {
                    asset: asset.clone(),
                    decimals: *decimals,
                    amount: *amount,
                });
                book.book(&opening, &snapshot.prices).ok()?;
            }
        } else {
            for event in seen.events {
                book.book(event, &snapshot.prices).ok()?;
            }
            if let Some(event) = unexplained(book, &held) {
                book.book(&event, &snapshot.prices).ok()?;
            }
        }
        let profit = book.mark(&snapshot.prices, equity).ok()?;
        self.state.last_profit = Some(profit);
        Some(profit)
    }
}

/// What nobody told of.
fn unexplained(book: &ProfitBook, held: &Amounts) -> Option<ProfitEvent> {
    let mut deltas = Vec::new();
    let known = book.assets().filter(|asset| !held.contains_key(*asset));
    for asset in known.chain(held.keys()) {
        let (now, decimals) = held.get(asset).copied().unwrap_or_default();
        let (before, finest, _) = book.held(asset).unwrap_or_default();
        let finest = finest.max(decimals);
        let now = scaled(now, decimals, finest)?;
        let before = book
            .held(asset)
            .map_or(Some(U256::ZERO), |(_, own, _)| scaled(before, own, finest))?;
        let delta = I256::try_from(now)
            .ok()?
            .checked_sub(I256::try_from(before).ok()?)?;
        if !delta.is_zero() {
            deltas.push(AssetDelta {
                asset: asset.clone(),
                decimals: finest,
                delta,
            });
        }
    }
    match deltas.as_slice() {
        [] => None,
        [only] if only.delta.is_positive() => Some(ProfitEvent::Income(AssetAmount {
            asset: only.asset.clone(),
            decimals: only.decimals,
            amount: only.delta.unsigned_abs(),
        })),
        _ => Some(ProfitEvent::Transaction(deltas)),
    }
}

/// Everything that has a price, wherever it is held; `None` if an amount is not fresh.
fn held(snapshot: &Snapshot) -> Option<Amounts> {
    let receipts = receipts(snapshot);
    let mut amounts = Amounts::new();
    for holding in &snapshot.holdings {
        let amount = holding.amount.fresh()?;
        if !receipts.contains(&holding.token) {
            add(&mut amounts, snapshot, &holding.token, *amount)?;
        }
    }
    for view in &snapshot.positions {
        for leg in &view.position.fresh()?.legs {
            add(&mut amounts, snapshot, &leg.amount.token, leg.amount.amount)?;
        }
    }
    Some(amounts)
}

fn add(amounts: &mut Amounts, snapshot: &Snapshot, token: &Token, amount: U256) -> Option<()> {
    if snapshot
        .prices
        .get(&token.asset)
        .and_then(Reading::fresh)
        .is_none()
    {
        return Some(());
    }
    let (sum, decimals) = amounts.entry(token.asset.clone()).or_default();
    let finest = token.decimals.max(*decimals);
    let total = scaled(*sum, *decimals, finest)?;
    *sum = total.checked_add(scaled(amount, token.decimals, finest)?)?;
    *decimals = finest;
    Some(())
}

fn scaled(amount: U256, from: u8, to: u8) -> Option<U256> {
    let factor = U256::from(10).checked_pow(U256::from(to.checked_sub(from)?))?;
    amount.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use airdrops_types::{Price, Timestamp, Usd};

    fn prices() -> crate::profit::Prices {
        let price = |dollars: u128| Reading::Fresh {
            value: Price(Price::SCALE * dollars),
            at: Timestamp(0),
        };
        BTreeMap::from([("ETH".into(), price(2_000)), ("USDC".into(), price(1))])
    }

    fn amounts(ether: u64, dollars: u64) -> Amounts {
        let ether = U256::from(ether) * U256::from(10).pow(U256::from(18));
        let dollars = U256::from(dollars) * U256::from(1_000_000);
        BTreeMap::from([("ETH".into(), (ether, 18)), ("USDC".into(), (dollars, 6))])
    }

    fn opened(held: &Amounts) -> ProfitBook {
        let mut book = ProfitBook::default();
        for (asset, (amount, decimals)) in held {
            let opening = ProfitEvent::Opening(AssetAmount {
                asset: asset.clone(),
                decimals: *decimals,
                amount: *amount,
            });
            book.book(&opening, &prices()).unwrap();
        }
        book
    }

    fn after(now: &Amounts, equity: i64) -> Profit {
        let mut book = opened(&amounts(5, 1_000));
        if let Some(event) = unexplained(&book, now) {
            book.book(&event, &prices()).unwrap();
        }
        assert_eq!(unexplained(&book, now), None, "everything is explained");
        book.mark(&prices(), Usd::dollars(equity)).unwrap()
    }

    #[test]
    fn an_exchange_is_no_income_and_what_only_comes_is() {
        let exchanged = after(&amounts(4, 3_000), 11_000);
        assert_eq!((exchanged.income, exchanged.total), (Usd::ZERO, Usd::ZERO));
        let earned = after(&amounts(5, 1_100), 11_100);
        assert_eq!(earned.income, Usd::dollars(100));
        assert_eq!(earned.total, Usd::dollars(100));
        let lost = after(&amounts(5, 400), 10_400);
        assert_eq!(
            (lost.lost, lost.total),
            (Usd::dollars(600), Usd::dollars(-600))
        );
    }

    #[test]
    fn what_is_gone_altogether_is_explained_too() {
        let mut gone = amounts(5, 0);
        gone.remove(&AssetId::new("USDC"));
        assert_eq!(after(&gone, 10_000).lost, Usd::dollars(1_000));
    }
}
