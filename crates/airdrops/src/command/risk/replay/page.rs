//! What a replay says, as one HTML file.

use airdrops_risk::history::tail::LEVELS;
use airdrops_risk::history::{DayView, Estimator};
use airdrops_types::{EquityPoint, Timestamp, Usd, VolPoints, VolatilityState};
use maud::{Markup, html};

use super::answer::Replayed;
use super::terminal::{known, percent};
use crate::report::chart::{Chart, Line, block, time_labels};
use crate::report::page::{document, tile};
use crate::report::series::drawdown;

/// The file's text.
#[must_use]
pub fn render(replayed: &Replayed<'_>) -> String {
    let names: Vec<&str> = replayed
        .history
        .assets
        .iter()
        .map(|(asset, ..)| asset.as_str())
        .collect();
    let title = format!("Risk replay of {}", names.join(", "));
    let body = html! {
        main {
            header {
                h1 { (title) }
                p { (replayed.history.from) " to " (replayed.history.to) ", " (replayed.history.hours) " hours" }
            }
            (tiles(replayed))
            (volatility(replayed))
            (losses(replayed))
            (tail(replayed))
            (forecasts(replayed))
            (bad_days(replayed))
        }
        footer { p { "Computed by airdrops " (env!("CARGO_PKG_VERSION")) ", hour by hour and without look-ahead, by the code that runs live." } }
    };
    document(&title, &body)
}

fn tiles(replayed: &Replayed<'_>) -> Markup {
    let history = replayed.history;
    let strict = &history.tail.coverage[1];
    let qlike = |estimator: Estimator| {
        let mut scores = replayed.scores.iter();
        known(
            scores
                .find(|score| score.estimator == estimator)
                .map(|score| score.adjusted),
            3,
        )
    };
    let total = history.occupancy.total();
    html! {
        dl.tiles {
            (tile("Hours in extreme", &percent(total.share(VolatilityState::Extreme)),
                &format!("{} entries", total.entries_into(VolatilityState::Extreme)), ""))
            (tile("Trips of the 24 h loss breaker", &format!("{} a year", known(history.trips_per_year(), 2)),
                &format!("{} in all, at {}", history.losses.trips.len(), history.losses.limit), ""))
            (tile("Beyond 99 % value at risk", &strict.rate().map_or_else(|| "–".into(), percent),
                &format!("{} of {} days, Kupiec p {}", strict.violations, strict.days,
                    known(strict.kupiec(1.0 - LEVELS[1]).map(|test| test.p_value), 3)), ""))
            (tile("Forecast QLIKE", &qlike(Estimator::LogHarRange),
                &format!("RiskMetrics {}", qlike(Estimator::RiskMetrics)), ""))
        }
    }
}

fn window(replayed: &Replayed<'_>) -> (i64, i64) {
    (replayed.history.from.0, replayed.history.to.0)
}

/// A line through the days.
fn line(
    replayed: &Replayed<'_>,
    name: &str,
    class: &'static str,
    value: fn(&DayView) -> VolPoints,
) -> Line {
    let days = replayed.history.days.iter();
    Line {
        name: name.to_owned(),
        class,
        points: days
            .map(|day| (day.start.0, value(day).percent()))
            .collect(),
        filled: false,
    }
}

/// The colour of a state.
fn colour(state: VolatilityState) -> &'static str {
    match state {
        VolatilityState::Low => "state-active",
        VolatilityState::Medium => "state-cautious",
        VolatilityState::High => "state-reducing",
        VolatilityState::Extreme => "state-halted",
    }
}

/// A row of a timeline.
fn row(label: &str, spoken: &str, blocks: &Markup) -> Markup {
    html! {
        div.row {
            span.label { (label) }
            div.track role="img" aria-label=(spoken) { (blocks) }
        }
    }
}

fn volatility(replayed: &Replayed<'_>) -> Markup {
    let occupancy = &replayed.history.occupancy;
    let window = window(replayed);
    let highest = replayed.history.days.iter().map(|day| day.index).max();
    let chart = Chart {
        id: "index".into(),
        title: "Volatility index".into(),
        description: format!(
            "At its highest {} %.",
            highest.map_or_else(|| "–".into(), |points| points.to_string())
        ),
        unit: "% a year, highest of each day",
        label: |value| format!("{value:.0} %"),
        from_zero: true,
        window,
        lines: vec![
            line(replayed, "from here on extreme", "limit", |day| {
                day.thresholds.extreme
            }),
            line(replayed, "from here on high", "second", |day| {
                day.thresholds.high
            }),
            line(replayed, "index", "first", |day| day.index),
        ],
        small: false,
    };
    let ends = occupancy.changes.iter().skip(1).map(|change| change.at.0);
    let spans: Vec<_> = occupancy
        .changes
        .iter()
        .zip(ends.chain([window.1]))
        .collect();
    html! {
        section {
            h2 { "Volatility states" }
            (chart.render())
            ul.legend {
                @for state in VolatilityState::ALL {
                    li { span class=(format!("key {}", colour(state))) {} (state) }
                }
            }
            div.timeline {
                (row("state", &format!("{} changes of the state", spans.len().saturating_sub(1)), &html! {
                    @for (change, end) in &spans {
                        (block(window, change.at.0, *end, colour(change.state),
                            &format!("{} from {} at an index of {} %", change.state, change.at, change.index)))
                    }
                }))
                div.row { span.label {} div.axis { (time_labels(window)) } }
            }
            div.scroll { table {
                caption { "Share of hours" }
                thead { tr { th { "Year" } @for state in VolatilityState::ALL { th.number { (state) } } th.number { "entries into extreme" } } }
                tbody { @for (year, of) in &occupancy.years { tr {
                    td { (year) }
                    @for state in VolatilityState::ALL { td.number { (percent(of.share(state))) } }
                    td.number { (of.entries_into(VolatilityState::Extreme)) }
                } } }
            } }
        }
    }
}

fn losses(replayed: &Replayed<'_>) -> Markup {
    let window = window(replayed);
    let losses = &replayed.history.losses;
    let equity: Vec<EquityPoint> = replayed
        .history
        .days
        .iter()
        .map(|day| EquityPoint {
            at: day.start,
            equity: day.equity,
            net_flows: Usd::ZERO,
            gas: Usd::ZERO,
        })
        .collect();
    let depths = drawdown(&equity);
    let deepest = depths.iter().map(|(_, depth)| *depth).max();
    let chart = Chart {
        id: "drawdown".into(),
        title: "Drawdown of the portfolio".into(),
        description: format!("At its deepest {}.", deepest.unwrap_or_default()),
        unit: "% below the highest so far, at the end of each day",
        label: |value| format!("{value:.0} %"),
        from_zero: true,
        window,
        lines: vec![Line {
            name: "drawdown".into(),
            class: "loss",
            points: depths
                .iter()
                .map(|(at, depth)| (at.0, -f64::from(depth.0) / 100.0))
                .collect(),
            filled: true,
        }],
        small: false,
    };
    html! {
        section {
            h2 { "Rolling 24 h loss of " (losses.limit) " or more" }
            (chart.render())
            div.timeline {
                (row("trips", &format!("{} trips", losses.trips.len()), &html! {
                    @for trip in &losses.trips {
                        (block(window, trip.at.0, trip.cleared.map_or(window.1, |at| at.0), "state-halted", &trip.evidence))
                    }
                }))
                div.row { span.label {} div.axis { (time_labels(window)) } }
            }
            @if !losses.trips.is_empty() {
                details {
                    summary { "Every trip with its evidence" }
                    div.scroll { table.stack {
                        thead { tr { th { "Tripped" } th { "Cleared" } th { "Evidence" } } }
                        tbody { @for trip in &losses.trips { tr {
                            td.time data-name="Tripped" { (trip.at) }
                            td.time data-name="Cleared" { @match trip.cleared { Some(at) => (at), None => "stands" } }
                            td.words data-name="Evidence" { (trip.evidence) }
                        } } }
                    } }
                }
            }
        }
    }
}

fn tail(replayed: &Replayed<'_>) -> Markup {
    let window = window(replayed);
    let tail = &replayed.history.tail;
    if tail.days.is_empty() {
        return html! { section { h2 { "Value at risk" } p.empty { "Too few days to simulate from." } } };
    }
    let series = |name: &str, class: &'static str, value: &dyn Fn(usize) -> f64| Line {
        name: name.to_owned(),
        class,
        points: (0..tail.days.len())
            .map(|index| (tail.days[index].start.0, value(index) * 100.0))
            .collect(),
        filled: false,
    };
    let chart = Chart {
        id: "tail".into(),
        title: "Return of the portfolio and value at risk".into(),
        description: format!(
            "The loss was greater than the value at risk on {} of {} days.",
            tail.coverage[1].violations, tail.coverage[1].days
        ),
        unit: "% of its value in a day",
        label: |value| format!("{value:.0} %"),
        from_zero: true,
        window,
        lines: vec![
            series("return", "second", &|index| tail.days[index].change),
            series("99 % value at risk, as a loss", "loss", &|index| {
                -tail.days[index].value_at_risk[1]
            }),
        ],
        small: false,
    };
    let hits: Vec<_> = tail.days.iter().filter(|day| day.violated()[1]).collect();
    html! {
        section {
            h2 { "Value at risk, filtered historical simulation" }
            (chart.render())
            div.timeline {
                (row("violations", &format!("{} violations", hits.len()), &html! {
                    @for day in &hits {
                        (block(window, day.start.0, day.start.0 + 86_400_000, "state-halted",
                            &format!("{}: {} at a value at risk of {}", date(day.start), percent(day.change), percent(day.value_at_risk[1]))))
                    }
                }))
                div.row { span.label {} div.axis { (time_labels(window)) } }
            }
            div.scroll { table {
                thead { tr { th { "Level" } th.number { "Days" } th.number { "Violations" } th.number { "Rate" } th.number { "Kupiec p" } th.number { "Independence p" } th.number { "Loss / shortfall" } } }
                tbody { @for (index, level) in LEVELS.iter().enumerate() {
                    @let coverage = &tail.coverage[index];
                    tr {
                        td { (level * 100.0) " %" }
                        td.number { (coverage.days) }
                        td.number { (coverage.violations) }
                        td.number { (coverage.rate().map_or_else(|| "–".into(), percent)) }
                        td.number { (known(coverage.kupiec(1.0 - level).map(|test| test.p_value), 3)) }
                        td.number { (known(coverage.independence().map(|test| test.p_value), 3)) }
                        td.number { (known(tail.shortfall_ratios()[index], 3)) }
                    }
                } }
            } }
        }
    }
}

fn forecasts(replayed: &Replayed<'_>) -> Markup {
    html! {
        section {
            h2 { "Forecasts of the next day's variance" }
            @if replayed.scores.is_empty() {
                p.empty { "Too few days to compare on." }
            } @else {
                div.scroll { table {
                    caption { (replayed.forecast_days) " days out of sample, the same for all; lower is better" }
                    thead { tr { th { "Estimator" } th.number { "QLIKE" } th.number { "unadjusted" } th.number { "realised / forecast" } } }
                    tbody { @for score in &replayed.scores { tr {
                        td { (score.estimator) }
                        td.number { (format!("{:.4}", score.adjusted)) }
                        td.number { (format!("{:.4}", score.raw)) }
                        td.number { (format!("{:.3}", score.factor)) }
                    } } }
                } }
            }
        }
    }
}

fn bad_days(replayed: &Replayed<'_>) -> Markup {
    let [high, extreme] = &replayed.leads;
    let hours = |lead: Option<airdrops_risk::history::LeadTime>| {
        lead.map_or_else(|| "not at all".to_owned(), |lead| format!("{} h", lead.0))
    };
    html! {
        section {
            h2 { "Days on which an asset lost " (replayed.config.bad_day * 100.0) " % or more" }
            @if replayed.history.bad_days.is_empty() {
                p.empty { "There is none." }
            } @else {
                p { "The state was high or worse by the fall on " (high.before) " of " (replayed.history.bad_days.len()) " days, extreme on " (extreme.before) "." }
                div.scroll { table {
                    caption { "Hours from the entry into a state, or a worse one, to the fall; negative if it came after" }
                    thead { tr { th { "Day" } th { "Asset" } th.number { "Change" } th { "Fell by" } th.number { "High" } th.number { "Extreme" } } }
                    tbody { @for day in &replayed.history.bad_days { tr {
                        td.time { (date(day.start)) }
                        td { (day.asset) }
                        td.number { (percent(day.change)) }
                        td.time { (day.fell) }
                        td.number { (hours(day.high)) }
                        td.number { (hours(day.extreme)) }
                    } } }
                } }
            }
        }
    }
}

/// `2022-11-09`.
fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
