//! From what was gained before costs to what is left.

use maud::{Markup, html};

use super::{Frame, Missing, place};
use crate::report::series::axis;

/// A step of the waterfall: a name, and what it adds in dollars; costs are negative.
pub type Step = (String, f64);

/// Cost waterfall: the first step is the gain before costs, the last bar is what is left.
///
/// # Errors
/// If there is no cost, or an amount is not finite.
pub fn costs(gross: f64, steps: &[Step], label: fn(f64) -> String) -> Result<Markup, Missing> {
    if !gross.is_finite() || steps.iter().any(|(_, amount)| !amount.is_finite()) {
        return Err("an amount is too large.".to_owned());
    }
    if steps.iter().all(|(_, amount)| *amount == 0.0) {
        return Err("nothing was paid.".to_owned());
    }
    let mut level = gross;
    let mut bars = vec![("Before costs".to_owned(), 0.0, gross, gross)];
    for (name, amount) in steps {
        bars.push((name.clone(), level, level + amount, *amount));
        level += amount;
    }
    bars.push(("Profit".to_owned(), 0.0, level, level));
    // Costs are small against prices: the axis shows the steps, and starts at zero only if that
    // leaves them visible.
    let steps_only = || {
        bars[1..bars.len() - 1]
            .iter()
            .flat_map(|bar| [bar.1, bar.2])
    };
    let (low, high) = (
        steps_only().fold(f64::INFINITY, f64::min),
        steps_only().fold(f64::NEG_INFINITY, f64::max),
    );
    let near_zero = low.min(0.0).abs().max(high.max(0.0)) <= 8.0 * (high - low);
    let (low, high) = if near_zero {
        (low.min(0.0), high.max(0.0))
    } else {
        let margin = (high - low) * 0.35;
        (low - margin, high + margin)
    };
    let ticks = axis(low, high);
    let (bottom, top) = (
        ticks.first().copied().unwrap_or(low),
        ticks.last().copied().unwrap_or(high),
    );
    #[allow(clippy::cast_precision_loss)]
    let slot = 1.0 / bars.len() as f64;
    let text: Vec<String> = bars
        .iter()
        .map(|(name, _, _, amount)| format!("{name} {}", label(*amount)))
        .collect();
    let frame = Frame {
        id: "costs",
        title: "Cost waterfall",
        description: format!("{}.", text.join(", ")),
        unit: if near_zero {
            "US dollars".to_owned()
        } else {
            "US dollars; the axis does not start at zero".to_owned()
        },
        values: ticks
            .iter()
            .map(|tick| (place(*tick, bottom, top), label(*tick)))
            .collect(),
        along: Vec::new(),
        legend: Vec::new(),
    };
    #[allow(clippy::cast_precision_loss)]
    let left = |index: usize| (index as f64 + 0.16) * slot * 1000.0;
    let plot = html! {
        @for (index, (name, from, to, amount)) in bars.iter().enumerate() {
            @let (lower, upper) = (place(from.min(*to), bottom, top), place(from.max(*to), bottom, top));
            @let ends = index == 0 || index + 1 == bars.len();
            rect class=(if ends { "step whole" } else if *amount < 0.0 { "step cost" } else { "step gain" })
                x=(format!("{:.1}", left(index))) width=(format!("{:.1}", slot * 680.0))
                y=(format!("{:.1}", (1.0 - upper) * 1000.0)) height=(format!("{:.1}", ((upper - lower) * 1000.0).max(3.0))) {
                title { (name) ": " (label(*amount)) }
            }
        }
    };
    Ok(html! {
        div.falls {
            (frame.around(&plot))
            div.steps aria-hidden="true" {
                @for (name, _, _, amount) in &bars { span { (name) br; strong { (label(*amount)) } } }
            }
        }
    })
}
