//! What each source's recorded shape becomes, and how each is asked.

use std::collections::BTreeMap;

use airdrops_market::{ApiKey, Observed, Settings, Sighting};
use airdrops_types::{AssetId, Price};

use crate::subject::{settings, subjects};

mod defillama;
mod deribit;
mod goplus;
mod incidents;
mod prices;

pub(crate) fn good(name: &str) -> String {
    let subject = subjects().into_iter().find(|subject| subject.name == name);
    subject.unwrap().good
}

pub(crate) fn with_key(base: &str) -> Settings {
    let mut settings = settings(base);
    settings.key = Some(ApiKey::new("k3y-of-mine\n"));
    settings
}

pub(crate) fn seen<Name: Ord, T: Clone>(
    sightings: &BTreeMap<Name, Sighting<T>>,
    name: &Name,
) -> Observed<T> {
    match &sightings[name] {
        Sighting::Seen(observed) => observed.clone(),
        Sighting::Absent { reason } => panic!("{reason}"),
    }
}

pub(crate) fn eth_id() -> AssetId {
    AssetId::from("ETH")
}

/// $3,011.75
pub(crate) const PRICE: Price = Price(3_011_750_000_000_000);
