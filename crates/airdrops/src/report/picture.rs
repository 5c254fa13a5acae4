//! Pictures that are no course over time, and the stacked one that is: each is a function from plain
//! data to a figure, or to the reason why there is none.

pub mod bars;
pub mod calibration;
pub mod frontier;
pub mod histogram;
pub mod stack;
pub mod waterfall;

use maud::{Markup, html};

/// Why a picture was not drawn: one sentence without its title.
pub type Missing = String;

/// The figure, or one line that says why there is none.
#[must_use]
pub fn drawn(title: &str, picture: Result<Markup, Missing>) -> Markup {
    match picture {
        Ok(figure) => figure,
        Err(why) => html! { p.empty { (title) " is left out: " (why) } },
    }
}

/// A plot between a value axis and a horizontal axis, both from 0 to 1.
struct Frame {
    id: &'static str,
    title: &'static str,
    description: String,
    unit: String,
    /// Position from the bottom, and label.
    values: Vec<(f64, String)>,
    /// Position from the left, and label.
    along: Vec<(f64, String)>,
    /// Class and name.
    legend: Vec<(&'static str, String)>,
}

impl Frame {
    /// The figure around `plot`, which is drawn in a square of side 1000, its origin at the top left.
    fn around(&self, plot: &Markup) -> Markup {
        html! {
            figure.chart {
                figcaption {
                    span.name { (self.title) }
                    span.unit { (self.unit) }
                }
                @if !self.legend.is_empty() {
                    ul.legend { @for (class, name) in &self.legend { li { span.key.(class) {} (name) } } }
                }
                div.plot {
                    div.values aria-hidden="true" {
                        @for (position, label) in &self.values {
                            span style=(format!("top:{:.2}%", (1.0 - position) * 100.0)) { (label) }
                        }
                    }
                    svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"
                        aria-labelledby=(format!("{0}-t {0}-d", self.id)) {
                        title id=(format!("{}-t", self.id)) { (self.title) ", " (self.unit) }
                        desc id=(format!("{}-d", self.id)) { (self.description) }
                        @for (position, _) in &self.values {
                            @let y = format!("{:.1}", (1.0 - position) * 1000.0);
                            line.grid x1="0" x2="1000" y1=(y) y2=(y) {}
                        }
                        (plot)
                    }
                    div.times aria-hidden="true" {
                        @for (index, (position, label)) in self.along.iter().enumerate() {
                            span.minor[index % 2 == 1] style=(format!("left:{:.2}%", position * 100.0)) { (label) }
                        }
                    }
                }
            }
        }
    }
}

/// A dot that keeps its roundness where the plot is stretched: a line without length, with round
/// ends.
fn dot(class: &str, x: f64, y: f64, title: &str) -> Markup {
    let path = format!("M{:.1},{:.1}h0", x * 1000.0, (1.0 - y) * 1000.0);
    html! { path class=(format!("dot {class}")) d=(path) { title { (title) } } }
}

/// Where a value lies between two others, from 0 to 1.
fn place(value: f64, low: f64, high: f64) -> f64 {
    if high > low {
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    } else {
        0.5
    }
}

/// Points of a polyline or polygon from positions.
fn points(path: impl Iterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> = path
        .map(|(x, y)| format!("{:.1},{:.1}", x * 1000.0, (1.0 - y) * 1000.0))
        .collect();
    points.join(" ")
}

/// A fraction as a percentage, as short as it is exact to two decimals.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let text = format!("{:.2}", fraction * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} %", if text == "-0" { "0" } else { text })
}
