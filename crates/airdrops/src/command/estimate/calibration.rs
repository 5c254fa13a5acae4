//! `estimate calibration`: what was forecast, and what came of it.

use std::fmt::Write as _;

use airdrops_allocation::estimate::calibration::Calibration;
use airdrops_allocation::estimate::forecast::{Forecast, ForecastLog, Said};
use airdrops_runtime::learning::FORECASTS;
use airdrops_store::{Access, Store};
use serde_json::json;

use crate::cli::Global;
use crate::exit::Failure;

/// Bins of the reliability table.
const BINS: usize = 10;

/// Shows forecasts and their scores.
///
/// # Errors
/// If the database cannot be read.
pub fn calibration(global: &Global) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let log = forecasts(opened.store.as_ref())?;
    let scored = Calibration::of(log.resolved(), BINS);
    let text = in_text(&log, &scored);
    let json = json!({
        "open": log.open().collect::<Vec<_>>(),
        "resolved": log.resolved().collect::<Vec<_>>(),
        "calibration": scored,
    });
    crate::command::answer(global, &text, &json);
    Ok(())
}

/// What the program forecast, and what came of it.
///
/// # Errors
/// If the database cannot be read, or another version wrote it.
pub fn forecasts(store: &dyn Store) -> Result<ForecastLog, Failure> {
    match store.setting(FORECASTS)? {
        Some(value) => serde_json::from_value(value).map_err(|error| {
            Failure::failed(format!("the forecasts are of another version: {error}"))
        }),
        None => Ok(ForecastLog::default()),
    }
}

fn in_text(log: &ForecastLog, scored: &Calibration) -> String {
    let mut text = String::new();
    match &scored.probabilities {
        None => text.push_str("No probability has been resolved yet.\n"),
        Some(of) => {
            let _ = writeln!(
                text,
                "{} probabilities resolved: Brier {:.4} (base rate alone {:.4}{}), logarithmic {:.4} \
                 nats, reliability {:.4}, resolution {:.4}",
                of.count,
                of.brier,
                of.uncertainty,
                of.skill
                    .map(|skill| format!(", skill {skill:+.3}"))
                    .unwrap_or_default(),
                of.logarithmic,
                of.reliability,
                of.resolution
            );
            for bin in of.bins.iter().filter(|bin| bin.count > 0) {
                let _ = writeln!(
                    text,
                    "  said {:>3.0}–{:<3.0} %  {:>4} forecasts, {:>5.1} % in the mean, {:>5.1} % happened",
                    bin.from * 100.0,
                    bin.to * 100.0,
                    bin.count,
                    bin.said * 100.0,
                    bin.happened * 100.0
                );
            }
        }
    }
    match &scored.amounts {
        None => text.push_str("No amount has been resolved yet.\n"),
        Some(of) => {
            let _ = writeln!(text, "{} amounts resolved: CRPS {:.4}", of.count, of.crps);
            for level in &of.coverage {
                let _ = writeln!(
                    text,
                    "  at or below the quantile {:.2}: {:.1} %",
                    level.level,
                    level.below * 100.0
                );
            }
        }
    }
    let mut open: Vec<&Forecast> = log.open().collect();
    open.sort_by_key(|forecast| forecast.made);
    let _ = writeln!(text, "\n{} forecasts are open.", open.len());
    for forecast in open.iter().rev().take(20) {
        let said = match &forecast.said {
            Said::Probability(p) => format!("{:.1} %", p * 100.0),
            Said::Quantiles(quantiles) => {
                let of = |wanted: f64| {
                    let mut found = quantiles.iter();
                    found
                        .find(|(level, _)| (*level - wanted).abs() < 1e-9)
                        .map_or_else(|| "?".to_owned(), |(_, ln)| format!("${:.0}", ln.exp()))
                };
                format!("{} ({} to {})", of(0.5), of(0.05), of(0.95))
            }
        };
        let _ = writeln!(text, "  {}  {}: {said}", forecast.made, forecast.about);
    }
    text
}
