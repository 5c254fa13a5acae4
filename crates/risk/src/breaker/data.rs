//! Data that is old, missing or disputed for longer than it takes to come back.
//!
//! The gate takes no new exposure from such data at once. This breaker says it where it matters,
//! and for as long as it lasts: on exactly the asset or the chain that depends on it.

use std::time::Duration;

use airdrops_types::{ControlState, Reading, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{BreakerKind, Demand, Durations};

/// How much depends on a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// One of several that say the same.
    One,
    /// Without it the scope cannot be judged.
    All,
}

/// What one feed is worth now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// What depends on it.
    pub scope: Scope,
    /// Its name: `price of USDC`, `head of chain 10`, `source coingecko`.
    pub feed: String,
    /// How much.
    pub weight: Weight,
    /// What is wrong; `None` if it is fresh.
    pub defect: Option<String>,
}

impl FeedStatus {
    /// The standing of a reading.
    pub fn of<T>(scope: Scope, feed: String, weight: Weight, reading: &Reading<T>) -> Self {
        Self {
            scope,
            feed,
            weight,
            defect: reading.defect(),
        }
    }
}

/// How long data may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataLimits {
    /// Longer, and what depends on it is handled with caution.
    pub grace: Duration,
    /// Longer, and what cannot be judged without it is only reduced.
    pub reduce_after: Duration,
}

impl Default for DataLimits {
    /// 10 minutes, an hour.
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10 * 60),
            reduce_after: Duration::from_secs(60 * 60),
        }
    }
}

impl DataLimits {
    /// Within which the grace lies.
    pub const GRACE: Durations = Durations::minutes(1, 60);
    /// Within which the time lies after which there is no more than reduction.
    pub const REDUCE_AFTER: Durations = Durations::minutes(1, 24 * 60);

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        let grace = Self::GRACE.check("data.grace", self.grace, wrong);
        let reduce = Self::REDUCE_AFTER.check("data.reduce_after", self.reduce_after, wrong);
        if grace && reduce && self.reduce_after < self.grace {
            wrong.push(format!(
                "data.reduce_after is {}: it must be at least data.grace, {}",
                span(self.reduce_after),
                span(self.grace)
            ));
        }
    }
}

/// A feed that is not fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outage {
    scope: Scope,
    feed: String,
    /// When it was first seen so.
    since: Timestamp,
}

/// The breaker: which feeds are out, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DataWatch {
    /// By scope and feed.
    outages: Vec<Outage>,
}

impl DataWatch {
    /// What the feeds of each scope demand. To be called with every feed that should be there, so
    /// that one that is gone is one that is missing.
    pub fn assess(
        &mut self,
        feeds: &[FeedStatus],
        limits: &DataLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        let mut outages = Vec::new();
        let mut demands = Vec::new();
        for status in feeds {
            let demand = |state, evidence| {
                Demand::new(status.scope.clone(), BreakerKind::Data, state, evidence)
            };
            let Some(defect) = &status.defect else {
                demands.push(demand(
                    ControlState::Active,
                    format!("{} is fresh", status.feed),
                ));
                continue;
            };
            let since = self.since(status).map_or(now, |since| since.min(now));
            outages.push(Outage {
                scope: status.scope.clone(),
                feed: status.feed.clone(),
                since,
            });
            let lasted = now.since(since);
            let present = match status.weight {
                Weight::All => ControlState::Reducing,
                Weight::One => ControlState::Cautious,
            };
            let (state, limit) = if lasted > limits.reduce_after {
                (present, limits.reduce_after)
            } else if lasted > limits.grace {
                (ControlState::Cautious, limits.grace)
            } else {
                (ControlState::Active, limits.grace)
            };
            let evidence = format!(
                "{} is {defect}, for {}; limit {}",
                status.feed,
                span(lasted),
                span(limit)
            );
            demands.push(demand(state, evidence).easing_to(present));
        }
        outages.sort_by(|a, b| (&a.scope, &a.feed).cmp(&(&b.scope, &b.feed)));
        outages.dedup_by(|a, b| (&a.scope, &a.feed) == (&b.scope, &b.feed));
        self.outages = outages;
        demands
    }

    fn since(&self, status: &FeedStatus) -> Option<Timestamp> {
        let mut outages = self.outages.iter();
        let found = outages
            .find(|outage| (&outage.scope, &outage.feed) == (&status.scope, &status.feed))?;
        Some(found.since)
    }

    /// Starts the outages of a scope again.
    pub(super) fn restart(&mut self, scope: &Scope) {
        self.outages.retain(|outage| outage.scope != *scope);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{AssetId, ChainId};

    use super::*;
    use ControlState::{Active, Cautious, Reducing};

    const MINUTE: i64 = 60_000;

    fn usdc() -> Scope {
        Scope::Asset(AssetId::new("USDC"))
    }

    fn status(weight: Weight, defect: bool) -> FeedStatus {
        FeedStatus {
            scope: usdc(),
            feed: "price of USDC".to_owned(),
            weight,
            defect: defect.then(|| "missing: no answer".to_owned()),
        }
    }

    fn see(
        watch: &mut DataWatch,
        minute: i64,
        feeds: &[FeedStatus],
    ) -> Vec<(ControlState, ControlState)> {
        let now = Timestamp(minute * MINUTE);
        let demands = Demand::merge(watch.assess(feeds, &DataLimits::default(), now));
        assert!(demands.iter().all(|d| d.kind == BreakerKind::Data));
        demands.iter().map(|d| (d.state, d.eases_to)).collect()
    }

    #[test]
    fn what_is_gone_for_longer_than_the_grace_restrains_what_depends_on_it() {
        for (weight, course) in [
            (
                Weight::All,
                [Active, Active, Cautious, Cautious, Reducing, Reducing],
            ),
            (
                Weight::One,
                [Active, Active, Cautious, Cautious, Cautious, Cautious],
            ),
        ] {
            let mut watch = DataWatch::default();
            let present = course[5];
            for (minute, state) in [0, 10, 11, 60, 61, 9999].into_iter().zip(course) {
                let found = see(&mut watch, minute, &[status(weight, true)]);
                assert_eq!(found, [(state, present)], "{weight:?} {minute}");
            }
            let found = see(&mut watch, 10_000, &[status(weight, false)]);
            assert_eq!(found, [(Active, Active)]);
            let found = see(&mut watch, 10_001, &[status(weight, true)]);
            assert_eq!(found, [(Active, present)]);
        }
    }

    #[test]
    fn a_scope_is_fresh_only_if_all_of_its_feeds_are_and_scopes_are_apart() {
        let mut watch = DataWatch::default();
        let source = FeedStatus {
            feed: "source coingecko".to_owned(),
            ..status(Weight::One, true)
        };
        let head = FeedStatus {
            scope: Scope::Chain(ChainId(1)),
            ..status(Weight::All, false)
        };
        let feeds = [status(Weight::All, false), source, head];
        see(&mut watch, 0, &feeds);
        assert_eq!(
            see(&mut watch, 11, &feeds),
            [(Active, Active), (Cautious, Cautious)]
        );
    }

    #[test]
    fn a_reading_tells_its_defect() {
        let of = |reading: Reading<()>| {
            FeedStatus::of(usdc(), "price of USDC".to_owned(), Weight::All, &reading)
        };
        assert_eq!(of(Reading::missing("no answer")), status(Weight::All, true));
        let fresh = Reading::Fresh {
            value: (),
            at: Timestamp(0),
        };
        assert_eq!(of(fresh), status(Weight::All, false));
    }

    #[test]
    fn the_evidence_names_feed_defect_time_and_limit() {
        let mut watch = DataWatch::default();
        let limits = DataLimits::default();
        let feeds = [status(Weight::All, true)];
        let mut told = |minute: i64| {
            let demands = watch.assess(&feeds, &limits, Timestamp(minute * MINUTE));
            demands[0].evidence.clone()
        };
        told(0);
        assert_eq!(
            told(20),
            "price of USDC is missing: no answer, for 20 min; limit 10 min"
        );
        assert_eq!(
            told(120),
            "price of USDC is missing: no answer, for 2 h; limit 1 h"
        );
    }

    #[test]
    fn an_outage_goes_on_over_a_restart_and_over_a_clock_that_goes_back() {
        let mut watch = DataWatch::default();
        see(&mut watch, 1000, &[status(Weight::All, true)]);
        see(&mut watch, 0, &[status(Weight::All, true)]);
        let text = serde_json::to_string(&watch).unwrap();
        let mut watch: DataWatch = serde_json::from_str(&text).unwrap();
        assert_eq!(
            see(&mut watch, 11, &[status(Weight::All, true)]),
            [(Cautious, Reducing)]
        );
        watch.restart(&Scope::Everything);
        assert_eq!(
            see(&mut watch, 12, &[status(Weight::All, true)]),
            [(Cautious, Reducing)]
        );
        watch.restart(&usdc());
        assert_eq!(
            see(&mut watch, 13, &[status(Weight::All, true)]),
            [(Active, Reducing)]
        );
    }

    #[test]
    fn the_state_holds_each_feed_once() {
        let mut watch = DataWatch::default();
        let feeds = [status(Weight::All, true), status(Weight::All, true)];
        see(&mut watch, 0, &feeds);
        assert_eq!(watch.outages.len(), 1);
        let other = FeedStatus {
            feed: "head".to_owned(),
            ..status(Weight::All, true)
        };
        let elsewhere = FeedStatus {
            scope: Scope::Everything,
            ..status(Weight::All, true)
        };
        see(
            &mut watch,
            1,
            &[status(Weight::All, true), other, elsewhere],
        );
        let since: Vec<i64> = watch.outages.iter().map(|o| o.since.0 / MINUTE).collect();
        assert_eq!(since, [1, 1, 0]);
        see(&mut watch, 2, &[]);
        assert_eq!(watch, DataWatch::default());
    }

    #[test]
    fn limits_in_the_wrong_order_are_named() {
        let count = |grace, reduce| {
            let mut wrong = Vec::new();
            DataLimits {
                grace: Duration::from_secs(grace),
                reduce_after: Duration::from_secs(reduce),
            }
            .validate(&mut wrong);
            wrong.len()
        };
        assert_eq!((count(60, 60), count(61, 60)), (0, 1));
    }
}
