//! How much one transaction, one protocol family and one asset may be.

use std::collections::BTreeMap;

use airdrops_types::{
    AssetId, Bps, ControlState, I256, Intent, IntentId, ProtocolId, Reason, Scope, Snapshot, Token,
    Usd,
};

use super::effect::{Effect, change_value, price_of, too_large, value_up};
use super::lending;
use crate::exposure::Exposure;
use crate::structure::Listed;
use crate::{AdaptiveLimits, Marked, Policy, ReservationBook};

/// What a transaction adds, valued by fresh prices and rounded up.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// What it moves: spent, put into positions, or lent by an allowance; the greatest of these.
    pub(super) transaction: Usd,
    /// Growth per protocol family, each positive.
    pub(super) families: BTreeMap<String, Usd>,
    /// Growth per asset, each positive.
    pub(super) assets: BTreeMap<AssetId, Usd>,
}

/// Changes in base units, by asset and decimals: what is the same asset in the same unit cancels
/// out before it is valued, so that a deposit is no growth of its asset by a rounding error.
type Changes<'a> = BTreeMap<(&'a AssetId, u8), I256>;

impl Growth {
    pub(super) fn of(
        policy: &Policy,
        marked: &Marked<'_>,
        intent: &Intent,
        effect: &Effect<'_>,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let snapshot = marked.snapshot();
        let mut spent = Usd::ZERO;
        for (token, amount) in &effect.spends {
            add(
                &mut spent,
                value_up(snapshot, token, *amount),
                token,
                reasons,
            );
        }
        let mut lent = Usd::ZERO;
        for set in &intent.allowances {
            let value = value_up(snapshot, &set.token, set.amount);
            add(&mut lent, value, &set.token, reasons);
        }

        let mut invested = Usd::ZERO;
        let mut by_family: BTreeMap<&str, Changes<'_>> = BTreeMap::new();
        let mut by_asset = Changes::new();
        for change in &intent.positions {
            let token = &change.token;
            let family = by_family
                .entry(policy.family(&change.protocol))
                .or_default();
            apply(family, token, Some(change.delta), reasons);
            apply(&mut by_asset, token, Some(change.delta), reasons);
            if change.delta.is_positive() {
                let value = match price_of(snapshot, &token.asset) {
                    Ok(None) => Err(Reason::Unmeasurable {
                        what: format!("a growing position in {}, which has no price", token.asset),
                    }),
                    _ => value_up(snapshot, token, change.delta.unsigned_abs()),
                };
                add(&mut invested, value, token, reasons);
            }
        }
        for token in effect.tokens() {
            apply(&mut by_asset, token, effect.wallet_change(token), reasons);
        }

        let mut growth = Self {
            transaction: spent.max(lent).max(invested),
            ..Self::default()
        };
        let mut totals: BTreeMap<&str, Usd> = BTreeMap::new();
        for (family, changes) in by_family {
            let total = totals.entry(family).or_default();
            for ((asset, decimals), change) in changes {
                *total = sum(*total, snapshot, asset, decimals, change, reasons);
            }
        }
        let lent = lending_growth(policy, marked, intent, effect, reasons);
        for (family, change) in &lent {
            let total = totals.entry(family).or_default();
            *total = Usd(total.0.saturating_add(change.0));
        }
        for (family, total) in totals {
            grow(&mut growth.families, family.to_owned(), total);
        }
        for ((asset, decimals), change) in by_asset {
            let before = growth.assets.remove(asset).unwrap_or_default();
            let total = sum(before, snapshot, asset, decimals, change, reasons);
            growth.assets.insert(asset.clone(), total);
        }
        growth.assets.retain(|_, total| *total > Usd::ZERO);

        // What leaves for nothing that has a price went into the protocol, declared or not.
        if !effect.returns_value(snapshot) {
            let family = policy.family(&intent.protocol);
            let lent = lent.get(family).copied().unwrap_or_default();
            let total = Usd(spent.0.saturating_add(lent.0));
            grow(&mut growth.families, family.to_owned(), total);
        }
        growth
    }
}

/// What the limits are measured against.
pub(super) struct Limits<'a> {
    pub(super) policy: &'a Policy,
    /// The instances of each family, if they are known.
    pub(super) listed: Option<&'a Listed>,
    /// The worst state that covers the intent.
    pub(super) control: ControlState,
    pub(super) exposure: &'a Exposure,
    pub(super) reservations: &'a ReservationBook,
    /// How much of the limits holds at present.
    pub(super) scales: &'a AdaptiveLimits,
}

impl Limits<'_> {
    pub(super) fn check(&self, intent: IntentId, growth: &Growth, reasons: &mut Vec<Reason>) {
        let equity = self.exposure.equity;
        if equity <= Usd::ZERO {
            return reasons.push(Reason::Unmeasurable {
                what: format!("limits as shares of an equity of {equity}"),
            });
        }

        let limit = scaled(
            self.policy.transaction_limit,
            self.scales.overall(),
            self.control,
        );
        let bound = equity.fraction(limit);
        if growth.transaction > bound {
            reasons.push(Reason::TransactionLimit {
                measured: growth.transaction,
                bound,
                limit,
            });
        }
        for (family, growth) in &growth.families {
            let limit = scaled(
                self.policy.limit_of_family(family),
                self.scale_of(family),
                self.control,
            );
            let bound = equity.fraction(limit);
            let reserved = self.reservations.protocol(family, Some(intent));
            let measured = self.exposure.protocol(family) + reserved + *growth;
            if measured > bound {
                reasons.push(Reason::ProtocolLimit {
                    family: family.clone(),
                    measured,
                    bound,
                    limit,
                });
            }
        }
        for (asset, growth) in &growth.assets {
            // A cautious state halves sizes; what an asset may be follows the market alone.
            let limit = scaled(
                self.policy.limit_of_asset(asset),
                self.scales.overall(),
                ControlState::Active,
            );
            let bound = equity.fraction(limit);
            let reserved = self.reservations.asset(asset, Some(intent));
            let measured = self.exposure.asset(asset) + reserved + *growth;
            if measured > bound {
                reasons.push(Reason::AssetLimit {
                    asset: asset.clone(),
                    measured,
                    bound,
                    limit,
                });
            }
        }
    }

    /// How much of its limit a family has: as much as its weakest instance.
    fn scale_of(&self, family: &str) -> Bps {
        let overall = self.scales.overall();
        let scale = |id: &ProtocolId| self.scales.scale(&Scope::Protocol(id.clone()));
        if let Some(listed) = self.listed {
            let instances = listed.instances(family).iter();
            return instances.map(scale).fold(overall, Bps::min);
        }
        let instances = self.policy.families.iter();
        instances
            .filter(|(_, other)| *other == family)
            .map(|(id, _)| scale(id))
            .fold(overall, Bps::min)
    }
}

/// What holds of a limit: as much as the market leaves of it, and at most half in a cautious state.
/// Every worse one refuses what has limits at all.
pub(super) fn scaled(limit: Bps, scale: Bps, control: ControlState) -> Bps {
    limit.times(scale.min(control.most_of_limits()))
}

/// By how much more, or less, each family may take by allowances.
fn lending_growth<'a>(
    policy: &'a Policy,
    marked: &Marked<'a>,
    intent: &'a Intent,
    effect: &Effect<'_>,
    reasons: &mut Vec<Reason>,
) -> BTreeMap<&'a str, Usd> {
    let snapshot = marked.snapshot();
    let mut growth: BTreeMap<&str, Usd> = BTreeMap::new();
    for (family, token, before, after) in lending::changes(policy, marked, intent, effect) {
        let values = value_up(snapshot, token, before)
            .and_then(|before| Ok((before, value_up(snapshot, token, after)?)));
        match values {
            Ok((before, after)) => {
                let total = growth.entry(family).or_default();
                let change = after.0.saturating_sub(before.0);
                *total = Usd(total.0.saturating_add(change));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    growth
}

/// Notes growth, if it is any and the greatest so far.
fn grow(families: &mut BTreeMap<String, Usd>, family: String, growth: Usd) {
    if growth > Usd::ZERO {
        let noted = families.entry(family).or_default();
        *noted = growth.max(*noted);
    }
}

fn add(total: &mut Usd, value: Result<Usd, Reason>, token: &Token, reasons: &mut Vec<Reason>) {
    match value.map(|value| total.0.checked_add(value.0)) {
        Ok(Some(sum)) => *total = Usd(sum),
        Ok(None) => reasons.push(too_large("the values of", token)),
        Err(reason) => reasons.push(reason),
    }
}

fn apply<'a>(
    changes: &mut Changes<'a>,
    token: &'a Token,
    change: Option<I256>,
    reasons: &mut Vec<Reason>,
) {
    let sum = changes.entry((&token.asset, token.decimals)).or_default();
    match change.and_then(|change| sum.checked_add(change)) {
        Some(total) => *sum = total,
        None => reasons.push(too_large("changes of", token)),
    }
}

/// `total` plus the value of a change; unchanged, with a reason, if it cannot be valued.
fn sum(
    total: Usd,
    snapshot: &Snapshot,
    asset: &AssetId,
    decimals: u8,
    change: I256,
    reasons: &mut Vec<Reason>,
) -> Usd {
    if change.is_zero() {
        return total;
    }
    let price = match price_of(snapshot, asset) {
        Ok(Some(price)) => price,
        Ok(None) => return total,
        Err(reason) => {
            reasons.push(reason);
            return total;
        }
    };
    let value = change_value(price, decimals, change);
    match value.and_then(|value| total.0.checked_add(value.0)) {
        Some(total) => Usd(total),
        None => {
            reasons.push(Reason::Unmeasurable {
                what: format!("a change of {asset}, which is too large"),
            });
            total
        }
    }
}
