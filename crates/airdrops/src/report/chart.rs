//! Charts: the plot is an SVG that stretches with the page, labels are text beside it that does
//! not.

use maud::{Markup, html};

use super::series::{axis, thin, time_axis, time_label};

/// Side of the plot's own square coordinates.
const SIDE: f64 = 1000.0;

/// A line of a chart.
pub struct Line {
    /// For the legend.
    pub name: String,
    /// The CSS class that gives its colour.
    pub class: &'static str,
    /// Instants in milliseconds, and values.
    pub points: Vec<(i64, f64)>,
    /// Whether the area down to the axis's end is filled.
    pub filled: bool,
}

/// A chart of lines over time.
pub struct Chart {
    /// Unique within the page, for references.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The same in a sentence with numbers, for those who do not see it.
    pub description: String,
    /// The unit of the vertical axis, in words.
    pub unit: &'static str,
    /// How values of the vertical axis are written.
    pub label: fn(f64) -> String,
    /// Whether the vertical axis must include zero.
    pub from_zero: bool,
    /// First and last instant, in milliseconds.
    pub window: (i64, i64),
    /// Its lines; later ones are drawn over earlier ones.
    pub lines: Vec<Line>,
    /// Drawn small.
    pub small: bool,
}

/// Share of the window at an instant, from 0 to 1.
#[allow(clippy::cast_precision_loss)]
fn position(window: (i64, i64), at: i64) -> f64 {
    let span = window.1.saturating_sub(window.0).max(1) as f64;
    (at.saturating_sub(window.0) as f64 / span).clamp(0.0, 1.0)
}

/// The labels under a time axis.
pub fn time_labels(window: (i64, i64)) -> Markup {
    let span = window.1.saturating_sub(window.0);
    let instants = time_axis(window.0, window.1);
    html! {
        div.times aria-hidden="true" {
            @for (index, at) in instants.iter().enumerate() {
                span.minor[index % 2 == 1] style=(format!("left:{:.2}%", position(window, *at) * 100.0)) {
                    (time_label(*at, span))
                }
            }
        }
    }
}

/// A bar of a timeline as an absolutely placed block, at least wide enough to be seen.
/// `from` and `to` are instants in milliseconds.
pub fn block(window: (i64, i64), from: i64, to: i64, class: &str, title: &str) -> Markup {
    let left = position(window, from) * 100.0;
    let width = position(window, to) * 100.0 - left;
    html! { i class=(class) style=(format!("left:{left:.3}%;width:{width:.3}%")) title=(title) {} }
}

impl Chart {
    /// The chart as a figure.
    #[must_use]
    pub fn render(&self) -> Markup {
        let values = || {
            self.lines
                .iter()
                .flat_map(|line| &line.points)
                .map(|point| point.1)
        };
        let mut low = values().fold(f64::INFINITY, f64::min);
        let mut high = values().fold(f64::NEG_INFINITY, f64::max);
        if self.from_zero {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        let ticks = if low.is_finite() {
            axis(low, high)
        } else {
            Vec::new()
        };
        let (bottom, top) = (
            ticks.first().copied().unwrap_or(0.0),
            ticks.last().copied().unwrap_or(1.0),
        );
        let height =
            |value: f64| (1.0 - (value - bottom) / (top - bottom).max(f64::MIN_POSITIVE)) * SIDE;
        html! {
            figure.chart.small[self.small] {
                figcaption {
                    span.name { (self.title) }
                    span.unit { (self.unit) }
                }
                @if self.lines.len() > 1 {
                    ul.legend {
                        @for line in &self.lines {
                            li { span.key.(line.class) {} (line.name) }
                        }
                    }
                }
                div.plot {
                    div.values aria-hidden="true" {
                        @for tick in &ticks {
                            span style=(format!("top:{:.2}%", height(*tick) / 10.0)) { ((self.label)(*tick)) }
                        }
                    }
                    svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"
                        aria-labelledby=(format!("{0}-t {0}-d", self.id)) {
                        title id=(format!("{}-t", self.id)) { (self.title) ", " (self.unit) }
                        desc id=(format!("{}-d", self.id)) { (self.description) }
                        @for tick in &ticks {
                            line.grid x1="0" x2="1000" y1=(format!("{:.1}", height(*tick))) y2=(format!("{:.1}", height(*tick))) {}
                        }
                        @for line in &self.lines {
                            @let path = self.path(line, &height);
                            @if line.filled {
                                @let end = if bottom < 0.0 && top <= 0.0 { height(top) } else { height(bottom) };
                                polygon class=(format!("area {}", line.class))
                                    points=(closed(&path, end)) {}
                            }
                            polyline class=(format!("line {}", line.class)) points=(joined(&path)) {}
                        }
                    }
                    (time_labels(self.window))
                }
            }
        }
    }

    fn path(&self, line: &Line, height: &dyn Fn(f64) -> f64) -> Vec<(f64, f64)> {
        thin(&line.points)
            .into_iter()
            .map(|(at, value)| (position(self.window, at) * SIDE, height(value)))
            .collect()
    }
}

fn joined(path: &[(f64, f64)]) -> String {
    let points: Vec<String> = path.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    points.join(" ")
}

/// The path, closed along the horizontal at `end`.
fn closed(path: &[(f64, f64)], end: f64) -> String {
    let (Some(first), Some(last)) = (path.first(), path.last()) else {
        return String::new();
    };
    format!(
        "{:.1},{end:.1} {} {:.1},{end:.1}",
        first.0,
        joined(path),
        last.0
    )
}
