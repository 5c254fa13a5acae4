//! The volatility index: the worse of what options imply and what prices did.

use std::fmt;

use airdrops_types::{AssetId, Reading, VolPoints};
use serde::{Deserialize, Serialize};

/// Where a component comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// From an option chain, 30 days ahead, computed here.
    OptionChain,
    /// Deribit's own index of the same chain, as it publishes it.
    #[serde(alias = "implied")]
    Dvol,
    /// From hourly prices, over the last days.
    Realised,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OptionChain => "option chain",
            Self::Dvol => "DVOL",
            Self::Realised => "realised",
        })
    }
}

/// One volatility that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Of which asset.
    pub asset: AssetId,
    /// From what.
    pub source: Source,
    /// Annualised.
    pub reading: Reading<VolPoints>,
}

/// The index and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CompositeIndex {
    /// Everything that should count, whether or not it can be read.
    pub components: Vec<Component>,
}

impl CompositeIndex {
    /// The worst component. A stale one counts with its last value, because leaving it out could
    /// only lower the index. `None` if nothing was ever read.
    #[must_use]
    pub fn value(&self) -> Option<VolPoints> {
        self.leading().map(|(_, value)| value)
    }

    /// The worst component and its value; of equals, the first.
    #[must_use]
    pub fn leading(&self) -> Option<(&Component, VolPoints)> {
        let known = self
            .components
            .iter()
            .filter_map(|component| Some((component, *component.reading.last_known()?)));
        known.reduce(|worst, next| if next.1 > worst.1 { next } else { worst })
    }

    /// Whether every component is fresh, and there is one. An index that is not complete may raise
    /// a state and never lower it. A chain that gives no number lacks nothing where DVOL of the
    /// same asset is fresh: the method gives none for many a chain that is in order.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.components.is_empty() && self.lacking().next().is_none()
    }

    /// The components that are not fresh and that nothing stands in for.
    fn lacking(&self) -> impl Iterator<Item = &Component> {
        let stood_in_for = |component: &Component| {
            component.source == Source::OptionChain
                && component.reading.last_known().is_none()
                && self.components.iter().any(|other| {
                    other.source == Source::Dvol
                        && other.asset == component.asset
                        && other.reading.fresh().is_some()
                })
        };
        self.components
            .iter()
            .filter(move |each| each.reading.fresh().is_none() && !stood_in_for(each))
    }

    /// What is lacking, each with its reason.
    #[must_use]
    pub fn defects(&self) -> Vec<String> {
        self.lacking()
            .filter_map(|component| {
                let defect = component.reading.defect()?;
                Some(format!(
                    "volatility of {} ({}): {defect}",
                    component.asset, component.source
                ))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use airdrops_types::Timestamp;

    use super::*;

    fn fresh(asset: &str, source: Source, points: u32) -> Component {
        Component {
            asset: asset.into(),
            source,
            reading: Reading::Fresh {
                value: VolPoints(points),
                at: Timestamp(0),
            },
        }
    }

    #[test]
    fn the_worst_component_leads() {
        let index = CompositeIndex {
            components: vec![
                fresh("ETH", Source::Realised, 7000),
                fresh("ETH", Source::Dvol, 8200),
                fresh("BTC", Source::Realised, 5000),
            ],
        };
        assert_eq!(index.value(), Some(VolPoints(8200)));
        assert!(index.is_complete());
        assert!(index.defects().is_empty());
    }

    #[test]
    fn what_is_stale_still_counts_and_what_is_missing_is_named() {
        let mut index = CompositeIndex {
            components: vec![
                fresh("ETH", Source::Realised, 7000),
                fresh("ETH", Source::Dvol, 8200),
            ],
        };
        index.components[1].reading = Reading::Stale {
            value: VolPoints(8200),
            at: Timestamp(0),
            reason: "2 h old".into(),
        };
        assert_eq!(index.value(), Some(VolPoints(8200)));
        assert!(!index.is_complete());
        index.components[1].reading = Reading::missing("no answer");
        assert_eq!(index.value(), Some(VolPoints(7000)));
        assert!(!index.is_complete());
        assert_eq!(
            index.defects(),
            ["volatility of ETH (DVOL): missing: no answer"]
        );
        assert_eq!(CompositeIndex::default().value(), None);
        assert!(!CompositeIndex::default().is_complete());
    }

    #[test]
    fn a_chain_without_a_number_lacks_nothing_only_beside_a_fresh_dvol_of_its_asset() {
        let none = Component {
            reading: Reading::missing("the put wing is truncated"),
            ..fresh("ETH", Source::OptionChain, 0)
        };
        let index = |others: &[Component]| CompositeIndex {
            components: [std::slice::from_ref(&none), others].concat(),
        };
        let realised = fresh("ETH", Source::Realised, 5000);
        let dvol = fresh("ETH", Source::Dvol, 6000);
        let both = index(&[realised.clone(), dvol.clone()]);
        assert_eq!(both.value(), Some(VolPoints(6000)));
        assert!(both.is_complete() && both.defects().is_empty());
        let stale = Component {
            reading: dvol.reading.disputed("2 h old"),
            ..dvol
        };
        let other = fresh("BTC", Source::Dvol, 6000);
        for beside in [vec![], vec![stale], vec![other]] {
            let lacking = index(&[vec![realised.clone()], beside].concat());
            assert!(!lacking.is_complete(), "{lacking:?}");
            assert!(lacking.defects()[0].contains("truncated"));
        }
    }
}
