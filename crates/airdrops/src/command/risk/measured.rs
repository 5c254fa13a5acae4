//! What the engine measured last, as it is stored, and what stands now.

use std::sync::Arc;
use std::time::Duration;

use airdrops_risk::breaker::{ClearedBy, Clearing};
use airdrops_risk::{BreakerKind, MonitorPolicy, RiskReport};
use airdrops_runtime::{IN_FORCE, InForce, RISK_REPORT, policy_changes};
use airdrops_store::{Access, Store};
use airdrops_types::{ControlState, Scope, Trip};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::breaker_steps::cool_down_seconds;
use crate::cli::Global;
use crate::command::{Opened, now, open};
use crate::config::Location;
use crate::config::unit::duration_text;
use crate::exit::Failure;
use crate::narrate::{self, ChainNames};

/// A runner stores a report at the latest every 5 minutes, if its ticks are not further apart;
/// older than this, none runs.
const OLD: Duration = Duration::from_secs(15 * 60);

/// Columns of a table with long texts when nobody says how wide the terminal is.
const WIDTH_WITHOUT_TERMINAL: u16 = 100;

/// The last report and what is known beside it.
pub struct Measured {
    /// The last report of the engine.
    pub report: RiskReport,
    /// How old it is.
    pub age: Duration,
    /// If it is older than this, nothing runs.
    old_after: Duration,
    /// What stands now.
    pub trips: Vec<Trip>,
    /// When breakers trip, how their trips end, and how limits adapt.
    pub monitor: MonitorPolicy,
    /// Whose [`Measured::monitor`] is.
    pub source: Thresholds,
    /// Where the configuration says otherwise than the last start.
    pub changes: Vec<String>,
    /// Names of chains.
    pub names: ChainNames,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Where it is.
    pub place: Location,
}

impl Measured {
    /// Reads the database that the command line or the configuration names.
    ///
    /// # Errors
    /// If it cannot be read, or nothing was assessed yet.
    pub fn read(global: &Global) -> Result<Self, Failure> {
        let opened = open(global, Access::ReadOnly)?;
        let names = opened.chain_names();
        let Opened {
            store,
            place,
            loaded,
        } = opened;
        let Some(report) = last_report(store.as_ref())? else {
            return Err(Failure::failed(format!(
                "no risk report in {place}: nothing was assessed yet. `airdrops run` and `airdrops \
                 once` write one with their first tick"
            )));
        };
        let (trips, _) = store.control()?;
        let configured = loaded.as_ref().map(|loaded| &loaded.settings.monitor);
        let (monitor, source) = match (started(store.as_ref())?, configured) {
            (Some(monitor), _) => (monitor, Thresholds::Start),
            (None, Some(monitor)) => (monitor.clone(), Thresholds::Configuration),
            (None, None) => (MonitorPolicy::default(), Thresholds::Defaults),
        };
        let changes = configured.map_or_else(Vec::new, |after| changes(&monitor, after));
        let tick = loaded.as_ref().map(|loaded| loaded.settings.tick);
        Ok(Self {
            old_after: tick.map_or(OLD, |tick| OLD.max(tick.saturating_mul(3))),
            age: now().since(report.at),
            report,
            trips,
            monitor,
            source,
            changes,
            names,
            store,
            place,
        })
    }

    /// Whether nothing runs, as far as the report tells.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.age > self.old_after
    }

    /// The worst state that holds for `covers`.
    pub fn state(&self, covers: impl Fn(&Scope) -> bool) -> ControlState {
        let covering = self.trips.iter().filter(|trip| covers(&trip.scope));
        covering.map(|trip| trip.state).max().unwrap_or_default()
    }

    /// The state of everything.
    #[must_use]
    pub fn overall(&self) -> ControlState {
        self.state(|scope| *scope == Scope::Everything)
    }

    /// How old the report is, with a warning if it is too old.
    #[must_use]
    pub fn head(&self) -> String {
        let mut text = format!(
            "As of {}, {} ago; database {}\n",
            self.report.at,
            ago(self.age),
            self.place
        );
        if self.is_old() {
            text.push_str(&format!(
                "WARNING: nothing runs, or it is stuck: a runner writes more often than every {}. \
                 Only halts and trips are those of now; everything else is {} old. `airdrops run` \
                 starts it.\n",
                ago(self.old_after),
                ago(self.age)
            ));
        }
        text
    }

    /// The keys that every answer begins with.
    #[must_use]
    pub fn head_json(&self) -> Value {
        json!({
            "at": self.report.at.to_string(),
            "age_seconds": self.age.as_secs(),
            "old": self.is_old(),
            "state": self.overall(),
            "equity_micro_usd": self.report.equity,
        })
    }

    /// The standing trips, and how each of them ends.
    #[must_use]
    pub fn trips_text(&self) -> String {
        if self.trips.is_empty() {
            return "\nNo halts and no trips.\n".into();
        }
        let mut text = "\nHalts and trips\n".to_owned();
        for trip in &self.trips {
            text.push_str(&format!(
                "  {} is {} by {} since {}: {}\n    {}\n",
                narrate::scope_text(&self.names, &trip.scope),
                trip.state,
                trip.breaker,
                trip.since,
                narrate::named(&self.names, &trip.evidence),
                match self.clearing(trip) {
                    Clearing {
                        by: ClearedBy::Itself,
                        cool_down,
                    } => format!(
                        "ends by itself after {} of healthy evidence",
                        duration_text(cool_down)
                    ),
                    Clearing { .. } => format!(
                        "an administrator ends it: airdrops resume --scope {} --reason …",
                        trip.scope
                    ),
                }
            ));
        }
        text
    }

    /// Limits that do not hold whole, and why.
    #[must_use]
    pub fn scales_text(&self) -> String {
        let lines = narrate::scaled_limits(&self.names, &self.report.signals);
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// The standing trips, for programs.
    #[must_use]
    pub fn trips_json(&self) -> Vec<Value> {
        let trips = self.trips.iter();
        trips
            .map(|trip| {
                let clearing = self.clearing(trip);
                json!({
                    "scope": trip.scope.to_string(),
                    "breaker": trip.breaker,
                    "state": trip.state,
                    "since": trip.since.to_string(),
                    "evidence": trip.evidence,
                    "cleared_by": clearing.by,
                    "cool_down_seconds": cool_down_seconds(clearing),
                })
            })
            .collect()
    }

    /// How a trip ends. What this program does not know, a person ends.
    fn clearing(&self, trip: &Trip) -> Clearing {
        BreakerKind::from_name(&trip.breaker).map_or(Clearing::ADMINISTRATOR, |kind| {
            self.monitor.breakers.clearing(kind, trip.state)
        })
    }
}

/// Whose thresholds are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thresholds {
    /// Those of the last start: they are in force.
    Start,
    /// Those of the configuration, because no start wrote down its own.
    Configuration,
    /// The defaults, because there is no configuration either.
    Defaults,
}

impl Thresholds {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Configuration => "configuration",
            Self::Defaults => "defaults",
        }
    }
}

/// The thresholds under which the program last started; `None` if it did not write them down, or
/// another version did.
fn started(store: &dyn Store) -> Result<Option<MonitorPolicy>, Failure> {
    let stored = store.setting(IN_FORCE)?;
    let stored = stored.and_then(|value| serde_json::from_value::<InForce>(value).ok());
    Ok(stored.and_then(|stored| serde_json::from_value(stored.monitor).ok()))
}

/// What the next start would change.
fn changes(before: &MonitorPolicy, after: &MonitorPolicy) -> Vec<String> {
    // A policy always has a JSON form.
    let [before, after] = [before, after].map(|it| serde_json::to_value(it).unwrap_or_default());
    policy_changes(&before, &after)
}

/// The last report in a database; `None` before the first.
///
/// # Errors
/// If the database cannot be read, or another version wrote what this one cannot read.
pub fn last_report(store: &dyn Store) -> Result<Option<RiskReport>, Failure> {
    let Some(value) = store.setting(RISK_REPORT)? else {
        return Ok(None);
    };
    serde_json::from_value(value).map(Some).map_err(|error| {
        Failure::failed(format!(
            "the last risk report is of another version ({error}): `airdrops run` and `airdrops \
             once` write a new one with their first tick"
        ))
    })
}

/// A time that passed, in its two greatest units.
#[must_use]
pub fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let minutes = seconds / 60 % 60;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A table with a header; columns of `right` hold numbers.
pub(super) fn table(
    header: &[&str],
    right: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.style_mut().row_separator = presets::NOTHING.row_separator;
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let width = table.width().unwrap_or(WIDTH_WITHOUT_TERMINAL);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    format!("{}\n", table.trim_fmt())
}

/// A value in its text form, or `unknown`.
pub(super) fn known<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_two_greatest_units() {
        let told = [0, 59, 60, 3599, 3600, 86_399, 90_000].map(|s| ago(Duration::from_secs(s)));
        assert_eq!(
            told,
            [
                "0 s",
                "59 s",
                "1 min",
                "59 min",
                "1 h 0 min",
                "23 h 59 min",
                "1 d 1 h"
            ]
        );
    }
}
