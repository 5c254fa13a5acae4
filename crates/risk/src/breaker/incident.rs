//! Reports of trouble, and what must agree before they stop anything for good.
//!
//! Text alone never does what cannot be undone: one source makes us careful; only a second,
//! independent one, or a fact that was read from a chain or a market, halts what is named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{ControlState, Incident, Scope, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{BreakerKind, Demand, Durations};

/// Reports that are remembered of one publisher; the oldest go first.
const REPORTS_PER_PUBLISHER: usize = 256;
/// Reports that evidence quotes.
const QUOTED: usize = 3;
/// Characters of a title that evidence quotes.
const TITLE: usize = 100;

/// What can confirm a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// A contract of the protocol is paused.
    Paused,
    /// A contract of the protocol is not what it was.
    PinChange,
    /// The asset is far off its peg.
    Depeg,
    /// The protocol lost much of what it holds within an hour.
    TvlFall,
    /// A source that reads contracts says that holders of the token can lose it. It is told, not
    /// observed: a second voice beside a report, and none of its own.
    TokenDanger,
}

/// A fact that was observed; or told by what publishes no reports, see [`FactKind::TokenDanger`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Where.
    pub scope: Scope,
    /// Of which kind.
    pub kind: FactKind,
    /// In words, with units.
    pub evidence: String,
}

/// How reports are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentLimits {
    /// Reports and facts agree if all are at most this old, or this far in the future.
    pub window: Duration,
}

impl Default for IncidentLimits {
    /// A day.
    fn default() -> Self {
        Self {
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl IncidentLimits {
    /// Within which the window lies.
    pub const WINDOW: Durations = Durations::hours(1, 7 * 24);

    pub(super) fn validate(&self, wrong: &mut Vec<String>) {
        Self::WINDOW.check("incident.window", self.window, wrong);
    }

    fn counts(&self, at: Timestamp, now: Timestamp) -> bool {
        now.since(at).max(at.since(now)) <= self.window
    }
}

/// What feeds say in one tick.
#[derive(Debug, Clone, Copy)]
pub struct Reports<'a> {
    /// All that they list now.
    pub incidents: &'a [Incident],
    /// Which scopes each name means, in lower case: protocol families, assets, chains.
    pub names: &'a BTreeMap<String, BTreeSet<Scope>>,
    /// Facts that were observed now.
    pub facts: &'a [Fact],
    /// Whether every configured feed answered lately: only then is silence healthy.
    pub feeds_answer: bool,
}

/// A critical report that names something of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Report {
    source: String,
    id: String,
    at: Timestamp,
    title: String,
    /// What it names.
    scopes: BTreeSet<Scope>,
    /// Where an administrator has dealt with it.
    used: BTreeSet<Scope>,
}

impl Report {
    /// Sources of one operator share the part before the first colon.
    fn publisher(&self) -> &str {
        publisher(&self.source)
    }

    fn counts_in(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope) && !self.used.contains(scope)
    }
}

fn publisher(source: &str) -> &str {
    source.split_once(':').map_or(source, |(first, _)| first)
}

/// The breaker: the reports and facts within the window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IncidentWatch {
    /// By source and id.
    reports: Vec<Report>,
    /// The latest of each scope and kind.
    facts: Vec<(Fact, Timestamp)>,
}

impl IncidentWatch {
    /// What the reports demand: `Halted` where two independent sources, or one and a fact, agree;
    /// `Cautious` where one source stands alone. A report that a feed no longer lists counts until
    /// the window is over.
    pub fn assess(
        &mut self,
        input: &Reports<'_>,
        limits: &IncidentLimits,
        now: Timestamp,
    ) -> Vec<Demand> {
        self.reports.retain(|report| limits.counts(report.at, now));
        self.facts.retain(|(_, at)| limits.counts(*at, now));
        for incident in input.incidents {
            if incident.severity == Severity::Critical && limits.counts(incident.at, now) {
                self.note(incident, input.names);
            }
        }
        for fact in input.facts {
            self.facts
                .retain(|(known, _)| (&known.scope, known.kind) != (&fact.scope, fact.kind));
            self.facts.push((fact.clone(), now));
        }
        self.facts
            .sort_by(|(a, _), (b, _)| (&a.scope, a.kind).cmp(&(&b.scope, b.kind)));

        let ours: BTreeSet<Scope> = input
            .names
            .values()
            .flatten()
            .cloned()
            .chain(self.reports.iter().flat_map(|report| report.scopes.clone()))
            .collect();
        ours.into_iter()
            .filter_map(|scope| self.demand(scope, input.feeds_answer, limits))
            .collect()
    }

    /// Takes over a report that names something of ours.
    fn note(&mut self, incident: &Incident, names: &BTreeMap<String, BTreeSet<Scope>>) {
        let named = incident.names.iter();
        let scopes: BTreeSet<Scope> = named
            .filter_map(|name| names.get(&name.to_lowercase()))
            .flatten()
            .cloned()
            .collect();
        if scopes.is_empty() {
            return;
        }
        let key = (incident.source.as_str(), incident.id.as_str());
        let place = |report: &Report| (report.source.as_str(), report.id.as_str()).cmp(&key);
        match self.reports.binary_search_by(place) {
            Ok(index) => self.reports[index].scopes.extend(scopes),
            Err(index) => {
                let report = Report {
                    source: incident.source.clone(),
                    id: incident.id.clone(),
                    at: incident.at,
                    title: incident.title.chars().take(TITLE).collect(),
                    scopes,
                    used: BTreeSet::new(),
                };
                self.reports.insert(index, report);
                self.forget_oldest(publisher(&incident.source));
            }
        }
    }

    /// Keeps the memory bounded, whatever a feed lists.
    fn forget_oldest(&mut self, of: &str) {
        let same = self.reports.iter().enumerate();
        let same = same.filter(|(_, report)| report.publisher() == of);
        if same.clone().count() <= REPORTS_PER_PUBLISHER {
            return;
        }
        let oldest = same.min_by_key(|(_, report)| report.at);
        if let Some(index) = oldest.map(|(index, _)| index) {
            self.reports.remove(index);
        }
    }

    fn demand(&self, scope: Scope, feeds_answer: bool, limits: &IncidentLimits) -> Option<Demand> {
        let mut by_publisher: BTreeMap<&str, &Report> = BTreeMap::new();
        for report in &self.reports {
            if report.counts_in(&scope) {
                by_publisher.entry(report.publisher()).or_insert(report);
            }
        }
        let facts = || self.facts.iter().filter(|(fact, _)| fact.scope == scope);
        let state = match (by_publisher.len(), facts().next()) {
            (0, _) if !feeds_answer => return None,
            (0, _) => ControlState::Active,
            (1, None) => ControlState::Cautious,
            _ => ControlState::Halted,
        };
        let sources = by_publisher.len();
        let evidence = if state == ControlState::Active {
            format!("no critical report in {}", span(limits.window))
        } else {
            let told = by_publisher
                .values()
                .map(|report| format!("{} at {}: \"{}\"", report.source, report.at, report.title));
            let seen = facts().map(|(fact, at)| format!("{} at {at}", fact.evidence));
            let quoted: Vec<String> = told.take(QUOTED).chain(seen.take(QUOTED)).collect();
            format!(
                "{sources} independent {} in {}, and {} facts: {}",
                if sources == 1 { "source" } else { "sources" },
                span(limits.window),
                facts().count(),
                quoted.join("; ")
            )
        };
        Some(Demand::new(scope, BreakerKind::Incident, state, evidence))
    }

    /// Uses up every report and fact about a scope: none of them counts there again.
    pub(super) fn use_up(&mut self, scope: &Scope) {
        for report in &mut self.reports {
            if report.scopes.contains(scope) {
                report.used.insert(scope.clone());
            }
        }
        self.facts.retain(|(fact, _)| fact.scope != *scope);
    }
}

#[cfg(test)]
mod tests;
