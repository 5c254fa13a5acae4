//! The monitor's place in the engine: what it remembers across restarts, and what it found.

use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_risk::monitor::{Measure, Sample};
use airdrops_risk::{BreakerKind, EquityHistory, Monitor, MonitorState, RiskReport};
use airdrops_store::{Batch, Store, cleared_in_key, cleared_key};
use airdrops_types::{Scope, Timestamp, Trip};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::RunError;
use crate::planning::Outlook;
use crate::restore::{recent_equity, stored};
use crate::settings::Settings;

/// Setting that holds the short-lived state of the monitor.
pub(crate) const MONITOR: &str = "monitor";
/// Setting that holds the last report of the monitor.
pub const RISK_REPORT: &str = "risk_report";
/// How long hourly measurements are kept.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);
/// Time between two stored reports in which nothing changed.
const REPORT_PERIOD: Duration = Duration::from_secs(5 * 60);

/// What is stored of the monitor with every assessment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Remembered {
    state: MonitorState,
    /// The trips that stood then.
    standing: Vec<(Scope, String)>,
}

/// The monitor as it was, with all that it knew from long ago.
pub(crate) fn recall(
    settings: &Settings,
    store: &dyn Store,
    trips: &[Trip],
    now: Timestamp,
) -> Result<Monitor, RunError> {
    let remembered: Remembered = stored(store, MONITOR)?;
    let assets = settings.tokens.iter().map(|token| token.asset.clone());
    let assets = assets.chain(settings.feeds.iter().map(|feed| feed.asset.clone()));
    let mut monitor = Monitor::new(settings.monitor.clone(), remembered.state, assets)
        .map_err(|error| RunError::Settings(error.to_string()))?;
    recall_equity(&mut monitor, store, now)?;

    let mut samples = Vec::new();
    for series in store.series()? {
        for sample in store.samples(&series, now.minus(KEPT))? {
            // What a later program wrote, and this one does not know, is left out.
            if let Ok(measure) = serde_json::from_value::<Measure>(sample.data) {
                let at = sample.at;
                samples.push(Sample { at, measure });
            }
        }
    }
    samples.sort_by_key(|sample| sample.at);
    monitor.recall(&samples);
    monitor.state_mut().breakers.pins.retain(|pin| {
        settings
            .watched
            .iter()
            .any(|watched| (watched.chain, watched.contract) == (pin.chain, pin.contract))
    });
    for (scope, breaker) in remembered.standing {
        if !trips
            .iter()
            .any(|trip| trip.scope == scope && trip.breaker == breaker)
        {
            consume(&mut monitor, store, &scope, &breaker, now)?;
        }
    }
    Ok(monitor)
}

/// Equity comes from its own table.
fn recall_equity(monitor: &mut Monitor, store: &dyn Store, now: Timestamp) -> Result<(), RunError> {
    let breakers = monitor.policy().breakers.clone();
    for (kind, limit) in [
        (BreakerKind::RollingLoss, breakers.rolling_loss),
        (BreakerKind::Drawdown, breakers.drawdown),
    ] {
        let cleared = store.setting(&cleared_key(kind.name()))?;
        let cleared = cleared.and_then(|value| value.as_i64()).map(Timestamp);
        let mut history = EquityHistory::new(limit.window, limit.bucket);
        if let Some(from) = cleared {
            history.restart_from(from);
        }
        for point in recent_equity(store, now, limit.window)? {
            history.push(point);
        }
        let held = &mut monitor.state_mut().breakers;
        match kind {
            BreakerKind::Drawdown => held.drawdown = history,
            _ => held.rolling_loss = history,
        }
    }
    Ok(())
}

/// Uses up the evidence of a trip that a person cleared.
fn consume(
    monitor: &mut Monitor,
    store: &dyn Store,
    scope: &Scope,
    breaker: &str,
    now: Timestamp,
) -> Result<(), RunError> {
    let Some(kind) = BreakerKind::from_name(breaker) else {
        return Ok(());
    };
    let at = store.setting(&cleared_in_key(breaker, scope))?;
    let at = at.and_then(|value| value.as_i64()).map_or(now, Timestamp);
    monitor.consume(kind, scope, at);
    Ok(())
}

impl Engine {
    /// Uses up the evidence of every trip of `before` that somebody cleared.
    pub(crate) fn consume_cleared(&mut self, before: &[Trip]) -> Result<(), RunError> {
        let now = self.clock.now();
        let after = self.gate.state().control.trips().to_vec();
        for trip in before {
            let stands = after
                .iter()
                .any(|other| (&other.scope, &other.breaker) == (&trip.scope, &trip.breaker));
            if !stands {
                let store = self.store.clone();
                consume(
                    &mut self.monitor,
                    store.as_ref(),
                    &trip.scope,
                    &trip.breaker,
                    now,
                )?;
            }
        }
        Ok(())
    }

    /// Hours of prices from elsewhere, for assets of which nothing is known.
    pub(crate) fn seed_prices(&mut self, batch: &mut Batch) -> Result<(), RunError> {
        let now = self.clock.now();
        let tokens = self.settings.tokens.iter().map(|token| &token.asset);
        let feeds = self.settings.feeds.iter().map(|feed| &feed.asset);
        for asset in tokens.chain(feeds).collect::<BTreeSet<_>>() {
            let bars = self.market.bars(asset);
            let samples = self.monitor.seed(asset, &bars, now);
            keep(batch, &samples)?;
        }
        Ok(())
    }

    /// What is stored of the monitor.
    pub(crate) fn remember(
        &mut self,
        batch: &mut Batch,
        standing: &[Trip],
    ) -> Result<(), RunError> {
        // Equity has a table of its own.
        let breakers = &mut self.monitor.state_mut().breakers;
        let rolling = std::mem::take(&mut breakers.rolling_loss);
        let drawdown = std::mem::take(&mut breakers.drawdown);
        let remembered = Remembered {
            state: self.monitor.state().clone(),
            standing: standing
                .iter()
                .map(|trip| (trip.scope.clone(), trip.breaker.clone()))
                .collect(),
        };
        let breakers = &mut self.monitor.state_mut().breakers;
        breakers.rolling_loss = rolling;
        breakers.drawdown = drawdown;
        let value = serde_json::to_value(remembered)?;
        batch.settings.push((MONITOR.to_owned(), value));
        Ok(())
    }

    /// The report, if it says something new or the last is old.
    pub(crate) fn keep_report(
        &mut self,
        batch: &mut Batch,
        report: &RiskReport,
        news: bool,
    ) -> Result<(), RunError> {
        self.outlook = Outlook::of(report);
        let old = self
            .reported
            .is_none_or(|at| report.at.since(at) >= REPORT_PERIOD || report.at < at);
        if news || old {
            self.reported = Some(report.at);
            batch
                .settings
                .push((RISK_REPORT.to_owned(), serde_json::to_value(report)?));
        }
        Ok(())
    }
}

/// Adds samples to a batch, and drops what is too old once a day.
pub(crate) fn keep(batch: &mut Batch, samples: &[Sample]) -> Result<(), RunError> {
    for sample in samples {
        batch.samples.push(airdrops_store::Sample {
            series: sample.series(),
            at: sample.at,
            data: serde_json::to_value(&sample.measure)?,
        });
        if matches!(sample.measure, Measure::Day { .. }) {
            batch.forget_samples_before = Some(sample.at.minus(KEPT));
        }
    }
    Ok(())
}
