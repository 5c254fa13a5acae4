//! What a replay says, for a terminal.

use airdrops_risk::history::occupancy::YearOccupancy;
use airdrops_risk::history::tail::LEVELS;
use airdrops_types::VolatilityState;

use super::super::figures::figures;
use super::answer::Replayed;

/// The whole answer as text.
#[must_use]
pub fn render(replayed: &Replayed<'_>) -> String {
    let parts = [
        head(replayed),
        states(replayed),
        breakers(replayed),
        tail(replayed),
        forecasts(replayed),
        leads(replayed),
    ];
    parts.join("\n")
}

fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    format!("{}\n", figures(header, rows).trim_fmt())
}

/// Percent with two decimals.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A figure, or a dash.
pub(super) fn known(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}"))
}

fn head(replayed: &Replayed<'_>) -> String {
    let history = replayed.history;
    let mut text = format!(
        "{} hours, {} to {}\n",
        history.hours, history.from, history.to
    );
    for (asset, weight, gaps) in &history.assets {
        text.push_str(&format!("  {asset}  {weight} of the portfolio, "));
        match gaps.longest {
            None => text.push_str("no hour missing\n"),
            Some((at, hours)) => text.push_str(&format!(
                "hours missing: {}, gaps: {}, the longest {hours} h from {at}\n",
                gaps.hours, gaps.count
            )),
        }
    }
    if replayed.cash().0 > 0 {
        text.push_str(&format!("  cash  {}\n", replayed.cash()));
    }
    text
}

fn states(replayed: &Replayed<'_>) -> String {
    let occupancy = &replayed.history.occupancy;
    let row = |name: String, year: &YearOccupancy| {
        let mut cells = vec![name];
        cells.extend(VolatilityState::ALL.map(|state| percent(year.share(state))));
        cells.push(year.entries_into(VolatilityState::Extreme).to_string());
        cells
    };
    let mut rows: Vec<Vec<String>> = occupancy
        .years
        .iter()
        .map(|(year, of)| row(year.to_string(), of))
        .collect();
    rows.push(row("all".into(), &occupancy.total()));
    format!(
        "Volatility states, share of hours ({} changes a year)\n{}",
        known(replayed.changes_per_year(), 1),
        table(
            &[
                "year",
                "low",
                "medium",
                "high",
                "extreme",
                "entries into extreme"
            ],
            rows
        )
    )
}

fn breakers(replayed: &Replayed<'_>) -> String {
    let losses = &replayed.history.losses;
    format!(
        "Breaker of the rolling 24 h loss, {} of equity, cleared after {} h\n  \
         {} trips, {} a year\n",
        losses.limit,
        losses.review.as_secs() / 3600,
        losses.trips.len(),
        known(replayed.history.trips_per_year(), 2)
    )
}

fn tail(replayed: &Replayed<'_>) -> String {
    let tail = &replayed.history.tail;
    let rows = LEVELS.iter().enumerate().map(|(index, level)| {
        let coverage = &tail.coverage[index];
        vec![
            format!("{} %", level * 100.0),
            coverage.days.to_string(),
            coverage.violations.to_string(),
            coverage.rate().map_or_else(|| "–".into(), percent),
            known(coverage.kupiec(1.0 - level).map(|test| test.p_value), 3),
            known(coverage.independence().map(|test| test.p_value), 3),
            known(tail.shortfall_ratios()[index], 3),
        ]
    });
    format!(
        "Value at risk of one day, filtered historical simulation\n{}",
        table(
            &[
                "level",
                "days",
                "violations",
                "rate",
                "Kupiec p",
                "independence p",
                "loss / shortfall"
            ],
            rows
        )
    )
}

fn forecasts(replayed: &Replayed<'_>) -> String {
    if replayed.scores.is_empty() {
        return "Forecasts of the next day's variance: too few days to compare on\n".into();
    }
    let rows = replayed.scores.iter().map(|score| {
        vec![
            score.estimator.to_string(),
            format!("{:.4}", score.adjusted),
            format!("{:.4}", score.raw),
            format!("{:.3}", score.factor),
        ]
    });
    format!(
        "Forecasts of the next day's variance, {} days out of sample, lower is better\n{}",
        replayed.forecast_days,
        table(
            &["estimator", "QLIKE", "unadjusted", "realised / forecast"],
            rows
        )
    )
}

fn leads(replayed: &Replayed<'_>) -> String {
    let rows = replayed.leads.iter().map(|lead| {
        vec![
            lead.state.to_string(),
            lead.before.to_string(),
            lead.after.to_string(),
            lead.never.to_string(),
            lead.median
                .map_or_else(|| "–".into(), |hours| format!("{hours} h")),
        ]
    });
    format!(
        "{} days on which an asset lost {} % or more: was the state there by the fall?\n{}",
        replayed.history.bad_days.len(),
        replayed.config.bad_day * 100.0,
        table(
            &[
                "state",
                "by the fall",
                "within 24 h after",
                "not at all",
                "median lead"
            ],
            rows
        )
    )
}
