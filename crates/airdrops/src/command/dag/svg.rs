//! The graph as a picture that stands for itself.

use airdrops_types::{Conditions, TaskState};
use maud::{Markup, PreEscaped, html};

use super::layout::{Layout, Place};
use super::{Graph, Node};

/// A task's box, and the space around it, in pixels.
const BOX: (f64, f64) = (210.0, 44.0);
const GAP: (f64, f64) = (96.0, 16.0);
const MARGIN: f64 = 24.0;
/// Space for the title above, and for the legend below.
const HEAD: f64 = 36.0;
const FOOT: f64 = 34.0;
/// Characters that fit into a box.
const FITS: usize = 30;

/// Follows the colours of the reader's system, and prints in grey as well: states are also written.
const STYLE: &str = "
.b{fill:#fff;stroke:#57606a;stroke-width:1.2}
.n{font:600 12px system-ui,sans-serif;fill:#1f2328}
.d{font:11px system-ui,sans-serif;fill:#424a53}
.t{font:600 15px system-ui,sans-serif;fill:#1f2328}
.e{fill:none;stroke:#57606a;stroke-width:1.3}
.failure{stroke:#cf222e;stroke-dasharray:6 4}
.skip{stroke:#8250df;stroke-dasharray:2 4}
.other{stroke:#9a6700;stroke-dasharray:8 3 2 3}
.l{font:10px system-ui,sans-serif;fill:#424a53;paint-order:stroke;stroke:#fff;stroke-width:3px}
.completed{fill:#dafbe1}.failed,.dead{fill:#ffebe9}.skipped,.cancelled{fill:#eaeef2}
.running,.awaiting{fill:#ddf4ff}.deferred,.retrying{fill:#fff8c5}.ready{fill:#f6f8fa}
@media(prefers-color-scheme:dark){svg{background:#0d1117}.n,.t{fill:#e6edf3}.d,.l{fill:#adbac7}
.l{stroke:#0d1117}.b{fill:#161b22;stroke:#8b949e}.completed{fill:#12361f}.failed,.dead{fill:#4d1a1d}
.skipped,.cancelled{fill:#2d333b}.running,.awaiting{fill:#0c2d4d}.deferred,.retrying{fill:#3d2e00}
.ready{fill:#21262d}}";

/// The picture: one box per task, layer after layer from the left, and an arrow per edge.
pub(super) fn render(graph: &Graph, layout: &Layout) -> String {
    #[allow(clippy::cast_precision_loss)] // Tasks are few.
    let (columns, rows) = (layout.layers.max(1) as f64, layout.rows.max(1) as f64);
    let width = MARGIN * 2.0 + columns * BOX.0 + (columns - 1.0) * GAP.0;
    let height = MARGIN * 2.0 + HEAD + FOOT + rows * BOX.1 + (rows - 1.0) * GAP.1;
    let size = format!("0 0 {width} {height}");
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(size) width=(width) height=(height)
            role="img" aria-labelledby="title desc" {
            title id="title" { (graph.title) }
            desc id="desc" { (description(graph)) }
            style { (PreEscaped(STYLE)) }
            defs {
                marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
                    orient="auto-start-reverse" {
                    path d="M0 0L8 4L0 8z" fill="#57606a" {}
                }
            }
            text.t x=(MARGIN) y=(MARGIN + 12.0) { (graph.title) }
            @for (arrow, route) in graph.arrows.iter().zip(&layout.routes) {
                (edge(route, arrow.on))
            }
            @for (node, place) in graph.nodes.iter().zip(&layout.places) {
                (task(node, *place))
            }
            (legend(graph, height))
        }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        picture.into_string()
    )
}

/// What the picture shows, for those who do not see it.
fn description(graph: &Graph) -> String {
    let mut text = format!(
        "{} tasks and {} edges.",
        graph.nodes.len(),
        graph.arrows.len()
    );
    for state in TaskState::ALL {
        let count = graph
            .nodes
            .iter()
            .filter(|node| node.state == Some(state))
            .count();
        if count > 0 {
            text.push_str(&format!(" {count} {state}."));
        }
    }
    for arrow in &graph.arrows {
        let (from, to) = (&graph.nodes[arrow.from].name, &graph.nodes[arrow.to].name);
        text.push_str(&format!(" {to} after {from} on {}.", words(arrow.on)));
    }
    text
}

fn words(on: Conditions) -> String {
    on.names().join(" or ")
}

/// The left end and the middle of a place.
fn at((layer, row): Place) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss)]
    let x = MARGIN + layer as f64 * (BOX.0 + GAP.0);
    let y = MARGIN + HEAD + row * (BOX.1 + GAP.1) + BOX.1 / 2.0;
    (x, y)
}

fn class(on: Conditions) -> &'static str {
    match on {
        Conditions::SUCCESS => "e",
        Conditions::FAILURE => "e failure",
        Conditions::SKIP => "e skip",
        _ => "e other",
    }
}

fn edge(route: &[Place], on: Conditions) -> Markup {
    let mut path = String::new();
    let mut label = (0.0, 0.0);
    for (index, pair) in route.windows(2).enumerate() {
        let ((x0, y0), (x1, y1)) = (at(pair[0]), at(pair[1]));
        let from = x0 + BOX.0;
        let half = GAP.0 / 2.0;
        if index == 0 {
            path.push_str(&format!("M{from} {y0}"));
            label = (from + half, f64::midpoint(y0, y1) - 4.0);
        } else {
            path.push_str(&format!("L{from} {y0}"));
        }
        path.push_str(&format!(
            "C{} {y0} {} {y1} {x1} {y1}",
            from + half,
            x1 - half
        ));
    }
    html! {
        path class=(class(on)) d=(path) marker-end="url(#a)" {}
        @if on != Conditions::SUCCESS {
            text.l x=(label.0) y=(label.1) text-anchor="middle" { (words(on)) }
        }
    }
}

/// The text, or as much of it as fits.
fn cut(text: &str) -> String {
    if text.chars().count() <= FITS {
        return text.to_owned();
    }
    let start: String = text.chars().take(FITS - 1).collect();
    format!("{start}…")
}

fn task(node: &Node, place: Place) -> Markup {
    let (x, y) = at(place);
    let state = node
        .state
        .map_or_else(String::new, |state| state.to_string());
    let mut second = node.waits.clone();
    if !state.is_empty() {
        second.insert(0, &state);
    }
    let second = match second.as_slice() {
        [] => node.does.clone(),
        notes => format!("{}: {}", notes.join(", "), node.does),
    };
    html! {
        g {
            title { (node.name) ": " (second) }
            rect class=(format!("b {state}")) x=(x) y=(y - BOX.1 / 2.0) width=(BOX.0) height=(BOX.1) rx="6" {}
            text.n x=(x + 10.0) y=(y - 4.0) { (cut(&node.name)) }
            text.d x=(x + 10.0) y=(y + 13.0) { (cut(&second)) }
        }
    }
}

/// What the lines mean, for the kinds that are there.
fn legend(graph: &Graph, height: f64) -> Markup {
    let mut kinds: Vec<Conditions> = graph.arrows.iter().map(|arrow| arrow.on).collect();
    kinds.sort();
    kinds.dedup();
    let y = height - MARGIN;
    html! {
        @for (index, on) in kinds.iter().enumerate() {
            @let x = MARGIN + f64::from(u32::try_from(index).unwrap_or(0)) * 150.0;
            path class=(class(*on)) d=(format!("M{x} {y}H{}", x + 34.0)) marker-end="url(#a)" {}
            text.d x=(x + 42.0) y=(y + 4.0) { "on " (words(*on)) }
        }
    }
}
