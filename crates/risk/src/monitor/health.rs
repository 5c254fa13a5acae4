//! The health of each protocol, and all that is known underneath it.

use std::collections::BTreeSet;

use airdrops_types::{AssetId, Bps, Incident, ProtocolId, Reading, Scope, Timestamp};

use super::{Monitor, Seen};
use crate::breaker::Peg;
use crate::health::{Health, HealthInputs, PinState, TvlHistory};

impl Monitor {
    /// The health of every protocol.
    pub(super) fn health(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<(ProtocolId, Health)> {
        let protocols = seen.policy.families.iter();
        protocols
            .map(|(protocol, family)| {
                (
                    protocol.clone(),
                    self.health_of(seen, protocol, family, now),
                )
            })
            .collect()
    }

    fn health_of(
        &self,
        seen: &Seen<'_>,
        protocol: &ProtocolId,
        family: &str,
        now: Timestamp,
    ) -> Health {
        let snapshot = seen.marked.snapshot();
        let missing = Reading::missing("no source says it");
        let nothing = TvlHistory::default();
        let tvl = self.policy.tvl.contains(family);
        let tvl = tvl.then(|| snapshot.market.tvl.get(family).unwrap_or(&missing));
        let pegs = self.pegs(seen, protocol);
        let pins = self.pins(seen, protocol);
        let about = self.names_of(protocol, family);
        let incidents: Vec<Incident> = snapshot
            .market
            .incidents
            .iter()
            .filter(|incident| incident.names.iter().any(|name| about.contains(name)))
            .cloned()
            .collect();
        let sources: Vec<(String, Reading<()>)> = self
            .policy
            .incident_feeds
            .iter()
            .map(|feed| {
                let reading = snapshot.market.sources.get(feed).cloned();
                let reading = reading.unwrap_or_else(|| Reading::missing("was not asked"));
                (feed.clone(), reading)
            })
            .collect();
        Health::measure(&HealthInputs {
            now,
            tvl,
            tvl_history: self.long.tvl.get(family).unwrap_or(&nothing),
            pegs: &pegs,
            pins: &pins,
            incidents: &incidents,
            failures: self.state.failures.record(protocol),
            tokens: &self.tokens_under(protocol),
            sources: &sources,
        })
    }

    /// How far each pegged asset underneath a protocol is from its peg.
    fn pegs(&self, seen: &Seen<'_>, protocol: &ProtocolId) -> Vec<(AssetId, Reading<Bps>)> {
        let prices = &seen.marked.snapshot().prices;
        let underneath = self.policy.assets_of.get(protocol).into_iter().flatten();
        underneath
            .filter_map(|asset| {
                let peg = self.policy.breakers.depeg.pegs.get(asset)?;
                let missing = || Reading::missing("not observed");
                let price = prices.get(asset).cloned().unwrap_or_else(missing);
                let reading = match peg {
                    Peg::Price(peg) => price.map(|price| distance(price.0, peg.0)),
                    Peg::Asset(other) => match prices.get(other).and_then(Reading::fresh) {
                        Some(other) => price.map(|price| distance(price.0, other.0)),
                        None => Reading::missing(format!("price of {other} is not fresh")),
                    },
                };
                Some((asset.clone(), reading))
            })
            .collect()
    }

    /// What is known of the watched contracts of a protocol; as old as the last look at each.
    fn pins(&self, seen: &Seen<'_>, protocol: &ProtocolId) -> Vec<(String, Reading<PinState>)> {
        let views = &seen.marked.snapshot().contracts;
        let pins = self.state.breakers.pins.pins().iter();
        pins.filter(|pin| pin.protocol == *protocol)
            .map(|pin| {
                let reading = match (&pin.facts, &pin.change) {
                    (None, _) => Reading::missing("never read"),
                    (Some(_), Some(_)) => known(PinState::Changed),
                    (Some(facts), None) if facts.paused == Some(true) => known(PinState::Paused),
                    (Some(_), None) => known(PinState::Unchanged),
                };
                let view = views.iter().find(|view| {
                    (view.chain, view.contract, &view.protocol)
                        == (pin.chain, pin.contract, &pin.protocol)
                });
                let defect =
                    view.map_or(Some("was not read".to_owned()), |view| view.facts.defect());
                let reading = match defect {
                    Some(defect) => reading.disputed(&defect),
                    None => reading,
                };
                (format!("{} on chain {}", pin.contract, pin.chain), reading)
            })
            .collect()
    }

    /// Under which names reports of trouble mean a protocol, its assets or its chain.
    fn names_of(&self, protocol: &ProtocolId, family: &str) -> BTreeSet<String> {
        let assets = self.policy.assets_of.get(protocol).into_iter().flatten();
        let chain = self.policy.chain_of.get(protocol).copied();
        let wanted: BTreeSet<Scope> = assets
            .map(|asset| Scope::Asset(asset.clone()))
            .chain(chain.map(Scope::Chain))
            .chain(std::iter::once(Scope::Protocol(protocol.clone())))
            .collect();
        let names = self.policy.names.iter();
        let mut names: BTreeSet<String> = names
            .filter(|(_, scopes)| !scopes.is_disjoint(&wanted))
            .map(|(name, _)| name.clone())
            .collect();
        names.insert(family.to_lowercase());
        names
    }
}

fn known<T>(value: T) -> Reading<T> {
    Reading::Fresh {
        value,
        at: Timestamp(0),
    }
}

/// How far a price is from another, rounded up; everything if that does not fit.
fn distance(price: u128, peg: u128) -> Bps {
    let apart = price.abs_diff(peg);
    let share = apart
        .checked_mul(10_000)
        .and_then(|scaled| Some(scaled.checked_div(peg)? + u128::from(scaled % peg != 0)));
    share
        .and_then(|share| u32::try_from(share).ok())
        .map_or(Bps(u32::MAX), Bps)
}
