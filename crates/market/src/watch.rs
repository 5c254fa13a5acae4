//! Watches all configured sources and holds what each said last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airdrops_types::{AssetId, Bar, Incident, MarketView, Quote, Reading, Timestamp, TokenView};
use tokio::task::JoinSet;

use crate::config::MarketConfig;
use crate::source::defillama::ProtocolListing;
use crate::source::deribit::OptionSummary;
use crate::{Clock, SetupError, Sighting};

mod finding;
mod plan;
mod probe;

use finding::{Held, Sightings};
use plan::{Plan, plans};

/// What is shown of a source that has not answered yet.
const UNANSWERED: &str = "no answer yet";

/// The most incidents in a view, newest first.
const MOST_INCIDENTS: usize = 200;

/// How long an incident stays in view.
const RECENT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Asks every configured source in a task of its own, at its own interval, and holds what each
/// said last. A source that is dead, slow, lying or the cause of a panic keeps its last readings,
/// which grow stale, and shows its reason in [`MarketView::sources`]; it touches no other. To stop
/// all tasks, requests under way included, drop the watcher.
#[derive(Debug)]
pub struct Watcher {
    watched: Vec<Watched>,
    _tasks: JoinSet<()>,
}

/// One source, as both its task and the watcher see it.
#[derive(Debug)]
struct Watched {
    name: String,
    /// The name in [`Quote::source`], for each asset that has another than the source.
    aliases: BTreeMap<AssetId, String>,
    max_age: Duration,
    held: Arc<Mutex<Arc<Held>>>,
}

impl Watcher {
    /// Starts to watch; each source is asked at once for the first time.
    ///
    /// # Errors
    /// The first source whose configuration cannot be used, or no tokio runtime.
    pub fn start(config: MarketConfig, clock: &Clock) -> Result<Self, SetupError> {
        Self::run(plans(config, clock)?, clock)
    }

    fn run(plans: Vec<Plan>, clock: &Clock) -> Result<Self, SetupError> {
        let wrong = |source: &str, reason: &str| SetupError {
            source: source.to_owned(),
            reason: reason.to_owned(),
        };
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| wrong("all", "the watcher must be started inside a tokio runtime"))?;
        let mut names = BTreeSet::new();
        let mut tasks = JoinSet::new();
        let mut watched = Vec::new();
        for plan in plans {
            if !names.insert(plan.name.clone()) {
                return Err(wrong(&plan.name, "the name is used twice"));
            }
            if plan.interval.is_zero() || plan.interval > plan.max_age {
                let reason = "the interval must be above zero and at most the maximum age, or \
                              every reading would be stale";
                return Err(wrong(&plan.name, reason));
            }
            let expected = Held::expecting(plan.probe.expected());
            let held = Arc::new(Mutex::new(Arc::new(expected)));
            watched.push(Watched {
                name: plan.name.clone(),
                aliases: plan.aliases.clone(),
                max_age: plan.max_age,
                held: Arc::clone(&held),
            });
            tasks.spawn_on(watch(plan, held, clock.clone()), &runtime);
        }
        Ok(Self {
            watched,
            _tasks: tasks,
        })
    }

    /// What all sources say, seen from `now`. Never waits for a source.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> MarketView {
        let mut view = MarketView::default();
        for source in &self.watched {
            let held = source.held();
            let findings = &held.findings;
            for (asset, price) in source.readings(&held, &findings.prices, now) {
                let name = source.aliases.get(&asset).unwrap_or(&source.name);
                view.quotes.entry(asset).or_default().push(Quote {
                    source: name.clone(),
                    price,
                });
            }
            view.implied_volatility
                .extend(source.readings(&held, &findings.volatility, now));
            view.tvl.extend(source.readings(&held, &findings.tvl, now));
            let tokens = source.readings(&held, &findings.tokens, now);
            view.tokens.extend(
                tokens
                    .into_iter()
                    .map(|((chain, contract), reading)| TokenView {
                        chain,
                        contract,
                        findings: reading.map(|security| security.findings()),
                    }),
            );
            let recent = |incident: &&Incident| now.since(incident.at) <= RECENT;
            view.incidents
                .extend(findings.incidents.iter().filter(recent).cloned());
            view.sources
                .insert(source.name.clone(), source.standing(&held, now));
        }
        view.incidents
            .sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        view.incidents.truncate(MOST_INCIDENTS);
        view
    }

    /// Complete hourly bars of `asset`, oldest first; empty if none are watched or have come.
    #[must_use]
    pub fn bars(&self, asset: &AssetId) -> Vec<Bar> {
        self.watched
            .iter()
            .find_map(|source| source.held().findings.bars.get(asset).cloned())
            .unwrap_or_default()
    }

    /// The option chain of each asset that has one. Too large for a view.
    #[must_use]
    pub fn options(&self, now: Timestamp) -> BTreeMap<AssetId, Reading<Vec<OptionSummary>>> {
        let mut chains = BTreeMap::new();
        for source in &self.watched {
            let held = source.held();
            chains.extend(source.readings(&held, &held.findings.options, now));
        }
        chains
    }

    /// What is known about the protocol family `family`.
    #[must_use]
    pub fn protocol(&self, family: &str, now: Timestamp) -> Reading<ProtocolListing> {
        let found = self.watched.iter().find_map(|source| {
            let held = source.held();
            let sighting = held.findings.protocols.get(family)?;
            Some(source.aged(&held, sighting.as_ref(), now))
        });
        found.unwrap_or_else(|| Reading::missing("not watched"))
    }
}

impl Watched {
    /// The lock is held for the copy of a pointer, here and in the task.
    fn held(&self) -> Arc<Held> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    fn standing(&self, held: &Held, now: Timestamp) -> Reading<()> {
        match (held.last_good, &held.failure) {
            (Some(at), None) => Reading::aged((), at, now, self.max_age),
            (Some(at), Some(reason)) => Reading::Stale {
                value: (),
                at,
                reason: reason.clone(),
            },
            (None, Some(reason)) => Reading::missing(reason),
            (None, None) => Reading::missing(UNANSWERED),
        }
    }

    fn aged<T: Clone>(
        &self,
        held: &Held,
        sighting: Option<&Sighting<T>>,
        now: Timestamp,
    ) -> Reading<T> {
        match sighting {
            Some(sighting) => sighting.clone().reading(now, self.max_age),
            None => Reading::missing(held.failure.as_deref().unwrap_or(UNANSWERED)),
        }
    }

    fn readings<Name: Ord + Clone, T: Clone>(
        &self,
        held: &Held,
        sightings: &Sightings<Name, T>,
        now: Timestamp,
    ) -> BTreeMap<Name, Reading<T>> {
        sightings
            .iter()
            .map(|(name, sighting)| (name.clone(), self.aged(held, sighting.as_ref(), now)))
            .collect()
    }
}

/// Asks one source for ever.
async fn watch(plan: Plan, held: Arc<Mutex<Arc<Held>>>, clock: Clock) {
    loop {
        let before = {
            let held = held.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&held)
        };
        // In a task of its own, so that a panic ends that task and not this one. It is aborted
        // with the set, when this task is.
        let mut attempt = JoinSet::new();
        let (probe, clock) = (Arc::clone(&plan.probe), clock.clone());
        attempt.spawn(async move {
            let outcome = probe.look().await;
            (outcome, clock.now())
        });
        let after = match attempt.join_next().await {
            Some(Ok((Ok(findings), at))) => {
                if before.failure.is_some() {
                    tracing::info!(source = plan.name, "the source answers again");
                }
                before.renewed(findings, at)
            }
            Some(Ok((Err(error), _))) => before.failed(error.kind.to_string()),
            // Only a panic: nobody else can abort the attempt.
            Some(Err(_)) | None => before.failed(
                "reading the answer panicked; this is a defect of airdrops, please report it"
                    .to_owned(),
            ),
        };
        if let (None, Some(reason)) = (&before.failure, &after.failure) {
            tracing::warn!(source = plan.name, reason, "the source failed");
        }
        *held.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        tokio::time::sleep(plan.interval).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use airdrops_types::VolPoints;

    use super::finding::Findings;
    use super::probe::{Looking, Probe};
    use super::*;
    use crate::Observed;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    /// Answers when its count is even, panics when it is odd.
    struct Shaky(AtomicU32);

    impl Probe for Shaky {
        fn expected(&self) -> Findings {
            Findings::default()
        }

        fn look(&self) -> Looking<'_> {
            Box::pin(async {
                let count = self.0.fetch_add(1, Ordering::SeqCst);
                assert!(count.is_multiple_of(2), "as the test wants");
                let index = Observed::new(VolPoints(count), NOW, NOW);
                let mut findings = Findings::default();
                let sighting = Some(Sighting::Seen(index));
                findings.volatility.insert("ETH".into(), sighting);
                Ok(findings)
            })
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_source_is_contained_and_the_source_is_asked_again() {
        let plan = |name: &str, interval: u64, first: u32| Plan {
            name: name.to_owned(),
            aliases: BTreeMap::new(),
            interval: Duration::from_millis(interval),
            max_age: Duration::from_secs(60),
            probe: Arc::new(Shaky(AtomicU32::new(first))),
        };
        let plans = vec![plan("steady", 30_000, 0), plan("shaky", 50, 1)];
        let watcher = Watcher::run(plans, &Clock::new(|| NOW)).unwrap();
        let (mut panicked, mut recovered) = (false, false);
        for _ in 0..500 {
            let view = watcher.view(NOW);
            let standing = &view.sources["shaky"];
            let defect = standing.defect().unwrap_or_default();
            panicked |= defect.contains("panicked");
            recovered |= panicked && standing.fresh().is_some();
            if recovered && view.sources["steady"].fresh().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("panicked: {panicked}, recovered: {recovered}");
    }
}
