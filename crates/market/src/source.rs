//! The sources, one file each.
//!
//! An answer is used whole or not at all, except that a source may say, in the form that it
//! documents for this, that it has nothing about one of the things asked for.

use std::collections::BTreeMap;

use airdrops_types::{AssetId, Price};

use crate::{Fetcher, Observed, Sighting, SourceError};

pub mod binance;
pub mod coingecko;
pub mod defillama;
pub mod deribit;
pub mod goplus;
pub mod incident_feed;
pub mod pyth;

/// What a source says about the price of each asset that it was asked for.
pub type Prices = BTreeMap<AssetId, Sighting<Price>>;

/// One sighting for each thing in `wanted`; an error if there is not one value among them.
fn sightings<Name: Ord + Clone, Id, T>(
    fetcher: &Fetcher,
    wanted: &BTreeMap<Name, Id>,
    mut find: impl FnMut(&Id) -> Result<Observed<T>, String>,
) -> Result<BTreeMap<Name, Sighting<T>>, SourceError> {
    let mut found = BTreeMap::new();
    for (name, id) in wanted {
        let sighting = match find(id) {
            Ok(observed) => Sighting::Seen(observed),
            Err(reason) => Sighting::Absent { reason },
        };
        found.insert(name.clone(), sighting);
    }
    let nothing = !found.is_empty()
        && found
            .values()
            .all(|sighting| matches!(sighting, Sighting::Absent { .. }));
    if nothing {
        return Err(fetcher.no_data("nothing that was asked for"));
    }
    Ok(found)
}
