//! Assets away from their peg.
//!
//! Above the peg counts as below: whoever owes the asset loses by that. The steps were measured on
//! 14.2 coin-years of hourly closes of eight dollar stablecoins: more than 0.5 % for 3 h happened
//! 0.98 times per coin and year, more than 1 % for 3 h 0.56 times, more than 2 % for 2 h 0.21 times;
//! they named UST on 8 and 9 May 2022 at 0.993, 0.981 and 0.948.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{AssetId, Bps, ControlState, Price, Reading, Scope, Timestamp, U256};
use serde::{Deserialize, Serialize};

use super::episode::{Episode, span};
use super::{BreakerKind, BreakerPolicy, Demand, Durations, Shares};

/// What an asset is worth by promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peg {
    /// This price.
    Price(Price),
    /// As much as another asset.
    Asset(AssetId),
}

impl Peg {
    /// One dollar.
    pub const DOLLAR: Self = Self::Price(Price(Price::SCALE));
}

/// A deviation, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepegStep {
    /// More than this, up or down.
    pub deviation: Bps,
    /// For this long.
    pub lasting: Duration,
}

/// When an asset is off its peg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepegLimits {
    /// The assets that have a peg.
    pub pegs: BTreeMap<AssetId, Peg>,
    /// From when on the asset is handled with caution.
    pub warn: DepegStep,
    /// From when on it is only reduced.
    pub reduce: DepegStep,
    /// From when on it is halted.
    pub halt: DepegStep,
    /// A pause between two prices that is longer does not count.
    pub max_gap: Duration,
}

impl Default for DepegLimits {
    /// No asset; 0.5 % for 3 h, 1 % for 3 h, 2 % for 2 h.
    fn default() -> Self {
        let step = |bps, hours: u64| DepegStep {
            deviation: Bps(bps),
            lasting: Duration::from_secs(hours * 3600),
        };
        Self {
            pegs: BTreeMap::new(),
            warn: step(50, 3),
            reduce: step(100, 3),
            halt: step(200, 2),
            max_gap: Duration::from_secs(30 * 60),
        }
    }
}

impl DepegLimits {
    /// Within which each deviation lies.
    pub const DEVIATION: Shares = Shares::bps(1, 5000);
    /// Within which the time lies that it must last.
    pub const LASTING: Durations = Durations::minutes(1, 24 * 60);

    fn steps(&self) -> [(ControlState, DepegStep); 3] {
        [
            (ControlState::Cautious, self.warn),
            (ControlState::Reducing, self.reduce),
            (ControlState::Halted, self.halt),
        ]
    }

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        for (name, step) in [
            ("warn", self.warn),
            ("reduce", self.reduce),
            ("halt", self.halt),
        ] {
            let name = format!("depeg.{name}");
            Self::DEVIATION.check(&format!("{name}.deviation"), step.deviation, wrong);
            Self::LASTING.check(&format!("{name}.lasting"), step.lasting, wrong);
        }
        let [warn, reduce, halt] = self.steps().map(|(_, step)| step.deviation);
        if warn >= reduce || reduce >= halt {
            wrong.push(format!(
                "depeg: the deviations {warn}, {reduce}, {halt} must rise from step to step"
            ));
        }
        BreakerPolicy::GAP.check("depeg.max_gap", self.max_gap, wrong);
        for (asset, peg) in &self.pegs {
            match peg {
                Peg::Price(Price(0)) => wrong.push(format!("depeg.pegs.{asset} is zero")),
                Peg::Asset(other) if other == asset => {
                    wrong.push(format!("depeg.pegs.{asset} is the asset itself"));
                }
                Peg::Price(_) | Peg::Asset(_) => {}
            }
        }
    }
}

/// A price beside its peg.
struct Deviation {
    price: Price,
    peg: Price,
}

impl Deviation {
    /// What fresh prices say of an asset; `None` if they say nothing.
    fn of(asset: &AssetId, peg: &Peg, prices: &BTreeMap<AssetId, Reading<Price>>) -> Option<Self> {
        let fresh = |asset| prices.get(asset).and_then(Reading::fresh).copied();
        let peg = match peg {
            Peg::Price(price) => *price,
            Peg::Asset(other) => fresh(other)?,
        };
        let price = fresh(asset)?;
        (peg.0 > 0).then_some(Self { price, peg })
    }

    /// How it compares to a share of the peg.
    fn cmp(&self, share: Bps) -> Ordering {
        let off = U256::from(self.price.0.abs_diff(self.peg.0)) * U256::from(10_000);
        off.cmp(&(U256::from(self.peg.0) * U256::from(share.0)))
    }

    /// As a share of the peg, rounded up.
    fn share(&self) -> Bps {
        let off = U256::from(self.price.0.abs_diff(self.peg.0)) * U256::from(10_000);
        Bps(u32::try_from(off.div_ceil(U256::from(self.peg.0))).unwrap_or(u32::MAX))
    }

    fn words(&self, asset: &AssetId) -> String {
        let way = match self.price.cmp(&self.peg) {
            Ordering::Less => "below",
            Ordering::Equal => return format!("{asset} is at its peg"),
            Ordering::Greater => "above",
        };
        format!("{asset} is {} {way} its peg", self.share())
    }
}

/// The breaker: for how long each asset has been off its peg.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Depeg {
    /// Per asset: beyond the warning, the reduction and the halt.
    episodes: BTreeMap<AssetId, [Episode; 3]>,
}

impl Depeg {
    /// What each asset with a peg and a fresh price demands. A price that is not fresh says
    /// nothing.
    pub fn assess(
        &mut self,
        prices: &BTreeMap<AssetId, Reading<Price>>,
        limits: &DepegLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        self.episodes
            .retain(|asset, _| limits.pegs.contains_key(asset));
        let mut demands = Vec::new();
        for (asset, peg) in &limits.pegs {
            let Some(deviation) = Deviation::of(asset, peg, prices) else {
                continue;
            };
            let mut evidence = deviation.words(asset);
            let (mut state, mut present) = (ControlState::Active, ControlState::Active);
            let episodes = self.episodes.entry(asset.clone()).or_default();
            for ((demanded, step), episode) in limits.steps().into_iter().zip(episodes) {
                let beyond = deviation.cmp(step.deviation).is_gt();
                let lasted = episode.observe(beyond, now, limits.max_gap);
                if !beyond {
                    continue;
                }
                present = demanded;
                if lasted >= step.lasting {
                    state = demanded;
                    evidence = format!(
                        "{}, and has been off it by more than {} for {}; limit {}",
                        deviation.words(asset),
                        step.deviation,
                        span(lasted),
                        span(step.lasting)
                    );
                }
            }
            let scope = Scope::Asset(asset.clone());
            demands
                .push(Demand::new(scope, BreakerKind::Depeg, state, evidence).easing_to(present));
        }
        demands
    }

    /// The assets whose fresh prices are off their pegs by at least the halting deviation now, with
    /// the facts in words.
    pub fn far_off<'a>(
        prices: &'a BTreeMap<AssetId, Reading<Price>>,
        limits: &'a DepegLimits,
    ) -> impl Iterator<Item = (&'a AssetId, String)> {
        limits.pegs.iter().filter_map(|(asset, peg)| {
            let deviation = Deviation::of(asset, peg, prices)?;
            let far = deviation.cmp(limits.halt.deviation).is_ge();
            far.then(|| (asset, deviation.words(asset)))
        })
    }

    /// Starts the episodes of an asset again.
    pub(super) fn restart(&mut self, asset: &AssetId) {
        self.episodes.remove(asset);
    }
}

#[cfg(test)]
mod tests;
