//! How much one transaction, one protocol family and one asset may be.

use airdrops_types::{
    AssetId, Bps, ControlState, I256, Intent, IntentId, ProtocolId, Reason, Scope, Token, Usd,
};

use super::effect::{Effect, change_value, too_large};
use super::lending::Lent;
use super::sums::Sums;
use crate::structure::Listed;
use crate::{AdaptiveLimits, Marked, Policy, ReservationBook};

/// What a transaction adds, valued by fresh prices and rounded up.
#[derive(Debug, Default)]
pub(super) struct Growth<'a> {
    /// What it moves: spent, put into positions, or lent by an allowance; the greatest of these.
    pub(super) transaction: Usd,
    /// Growth per protocol family, each positive.
    pub(super) families: Sums<&'a str, Usd>,
    /// Growth per asset, each positive.
    pub(super) assets: Sums<&'a AssetId, Usd>,
}

impl<'a> Growth<'a> {
    pub(super) fn of(
        policy: &'a Policy,
        marked: &Marked<'a>,
        intent: &'a Intent,
        effect: &Effect<'a>,
        lent: &[Lent<'a>],
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let prices = marked.prices();
        let mut spent = Usd::ZERO;
        for (token, amount) in effect.spends() {
            add(&mut spent, prices.value_up(token, amount), token, reasons);
        }
        let mut allowed = Usd::ZERO;
        for set in &intent.allowances {
            let value = prices.value_up(&set.token, set.amount);
            add(&mut allowed, value, &set.token, reasons);
        }

        // Changes in base units, by asset and decimals: what is the same asset in the same unit
        // cancels out before it is valued, so that a deposit is no growth of its asset by a
        // rounding error.
        let mut invested = Usd::ZERO;
        let mut by_family: Sums<(&str, &AssetId, u8), I256> = Sums::default();
        let mut by_asset: Sums<(&AssetId, u8), I256> = Sums::default();
        for change in &intent.positions {
            let token = &change.token;
            let family = effect.family_of(policy, &change.protocol);
            let delta = Some(change.delta);
            apply(
                by_family.at((family, &token.asset, token.decimals)),
                token,
                delta,
                reasons,
            );
            apply(
                by_asset.at((&token.asset, token.decimals)),
                token,
                delta,
                reasons,
            );
            if change.delta.is_positive() {
                let value = if prices.values(&token.asset) {
                    prices.value_up(token, change.delta.unsigned_abs())
                } else {
                    Err(Reason::Unmeasurable {
                        what: format!("a growing position in {}, which has no price", token.asset),
                    })
                };
                add(&mut invested, value, token, reasons);
            }
        }
        for (token, change) in effect.wallet_changes() {
            apply(
                by_asset.at((&token.asset, token.decimals)),
                token,
                change,
                reasons,
            );
        }

        let mut growth = Self {
            transaction: spent.max(allowed).max(invested),
            ..Self::default()
        };
        for ((family, asset, decimals), change) in by_family.iter() {
            let total = growth.families.at(family);
            *total = sum(*total, marked, asset, *decimals, *change, reasons);
        }
        let lent = lending_growth(marked, lent, reasons);
        for (family, change) in lent.iter() {
            let total = growth.families.at(family);
            *total = Usd(total.0.saturating_add(change.0));
        }
        // What leaves for nothing that has a price went into the protocol, declared or not.
        if !effect.returns_value(marked) {
            let lent = lent.get(&effect.family).copied().unwrap_or_default();
            let total = growth.families.at(effect.family);
            *total = Usd(spent.0.saturating_add(lent.0)).max(*total);
        }
        growth.families.retain(|total| *total > Usd::ZERO);
        for ((asset, decimals), change) in by_asset.iter() {
            let total = growth.assets.at(asset);
            *total = sum(*total, marked, asset, *decimals, *change, reasons);
        }
        growth.assets.retain(|total| *total > Usd::ZERO);
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
    pub(super) marked: &'a Marked<'a>,
    pub(super) equity: Usd,
    pub(super) reservations: &'a ReservationBook,
    /// How much of the limits holds at present.
    pub(super) scales: &'a AdaptiveLimits,
}

impl Limits<'_> {
    pub(super) fn check(&self, intent: IntentId, growth: &Growth<'_>, reasons: &mut Vec<Reason>) {
        let equity = self.equity;
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
        for (family, growth) in growth.families.iter() {
            let limit = scaled(
                self.policy.limit_of_family(family),
                self.scale_of(family),
                self.control,
            );
            let bound = equity.fraction(limit);
            let reserved = self.reservations.protocol(family, Some(intent));
            let measured = self.marked.in_protocol(family) + reserved + *growth;
            if measured > bound {
                reasons.push(Reason::ProtocolLimit {
                    family: (*family).to_owned(),
                    measured,
                    bound,
                    limit,
                });
            }
        }
        for (asset, growth) in growth.assets.iter() {
            // A cautious state halves sizes; what an asset may be follows the market alone.
            let limit = scaled(
                self.policy.limit_of_asset(asset),
                self.scales.overall(),
                ControlState::Active,
            );
            let bound = equity.fraction(limit);
            let reserved = self.reservations.asset(asset, Some(intent));
            let measured = self.marked.in_asset(asset) + reserved + *growth;
            if measured > bound {
                reasons.push(Reason::AssetLimit {
                    asset: (*asset).clone(),
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
    let most = if control == ControlState::Cautious {
        Bps(Bps::WHOLE.0 / 2)
    } else {
        Bps::WHOLE
    };
    limit.times(scale.min(most))
}

/// By how much more, or less, each family may take by allowances.
fn lending_growth<'a>(
    marked: &Marked<'_>,
    lent: &[Lent<'a>],
    reasons: &mut Vec<Reason>,
) -> Sums<&'a str, Usd> {
    let prices = marked.prices();
    let mut growth: Sums<&str, Usd> = Sums::default();
    for lent in lent {
        let before = prices.value_up(lent.token, lent.before);
        let after = prices.value_up(lent.token, lent.after);
        match before.and_then(|before| Ok((before, after?))) {
            Ok((before, after)) => {
                let total = growth.at(lent.family);
                let change = after.0.saturating_sub(before.0);
                *total = Usd(total.0.saturating_add(change));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    growth
}

fn add(total: &mut Usd, value: Result<Usd, Reason>, token: &Token, reasons: &mut Vec<Reason>) {
    match value.map(|value| total.0.checked_add(value.0)) {
        Ok(Some(sum)) => *total = Usd(sum),
        Ok(None) => reasons.push(too_large("the values of", token)),
        Err(reason) => reasons.push(reason),
    }
}

/// Adds a change, unless the sum would not fit.
fn apply(sum: &mut I256, token: &Token, change: Option<I256>, reasons: &mut Vec<Reason>) {
    match change.and_then(|change| sum.checked_add(change)) {
        Some(total) => *sum = total,
        None => reasons.push(too_large("changes of", token)),
    }
}

/// `total` plus the value of a change; unchanged, with a reason, if it cannot be valued.
fn sum(
    total: Usd,
    marked: &Marked<'_>,
    asset: &AssetId,
    decimals: u8,
    change: I256,
    reasons: &mut Vec<Reason>,
) -> Usd {
    if change.is_zero() {
        return total;
    }
    let price = match marked.prices().price(asset) {
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
