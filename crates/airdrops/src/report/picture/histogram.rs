//! How payoffs are distributed, on a logarithmic axis.

use maud::{Markup, html};

use super::{Frame, Missing, percent};

/// Bars per factor of ten.
const PER_DECADE: f64 = 4.0;
/// Bars that are drawn at most.
const MOST_BARS: usize = 60;

/// Outcomes with their probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Payoffs {
    /// What one unit becomes (gross return) in each outcome; not negative.
    pub gross: Vec<f64>,
    /// Probabilities, of the same number; they sum to one.
    pub probabilities: Vec<f64>,
}

/// Payoff histogram: probability of each range of gross returns, on a logarithmic axis; a total loss
/// has a bar of its own on the left, for it has no logarithm.
///
/// # Errors
/// If there are no outcomes, or they are no distribution.
pub fn payoffs(payoffs: &Payoffs) -> Result<Markup, Missing> {
    let sum: f64 = payoffs.probabilities.iter().sum();
    if payoffs.gross.is_empty() {
        return Err("no scenarios were drawn.".to_owned());
    }
    if payoffs.gross.len() != payoffs.probabilities.len()
        || payoffs
            .gross
            .iter()
            .any(|gross| !gross.is_finite() || *gross < 0.0)
        || payoffs.probabilities.iter().any(|p| p.is_nan() || *p < 0.0)
        || (sum - 1.0).abs() > 1e-6
    {
        return Err("the scenarios are no distribution.".to_owned());
    }
    let outcomes = || {
        payoffs
            .gross
            .iter()
            .copied()
            .zip(payoffs.probabilities.iter().copied())
    };
    let lost: f64 = outcomes()
        .filter(|(gross, _)| *gross <= 0.0)
        .map(|(_, p)| p)
        .sum();
    let logs = || {
        outcomes()
            .filter(|(gross, _)| *gross > 0.0)
            .map(|(gross, p)| (gross.log10(), p))
    };
    let low = logs()
        .map(|(log, _)| log)
        .fold(0.0, f64::min)
        .floor()
        .max(-6.0);
    let high = logs()
        .map(|(log, _)| log)
        .fold(0.0, f64::max)
        .ceil()
        .clamp(low + 1.0, low + 15.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bars = (((high - low) * PER_DECADE) as usize).clamp(1, MOST_BARS);
    let mut heights = vec![0.0; bars];
    for (log, p) in logs() {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let bar = ((log - low) / (high - low) * bars as f64) as usize;
        heights[bar.min(bars - 1)] += p;
    }
    let most = heights
        .iter()
        .copied()
        .fold(lost, f64::max)
        .max(f64::MIN_POSITIVE);
    // The first slots are for the total loss, then a gap.
    #[allow(clippy::cast_precision_loss)]
    let slot = 1.0 / (bars as f64 + 2.0);
    #[allow(clippy::cast_precision_loss)]
    let edge = |index: usize| (index as f64 + 2.0) * slot;
    #[allow(clippy::cast_precision_loss)]
    let log_of = |index: usize| low + (high - low) * index as f64 / bars as f64;
    let even = 2.0 * slot + (1.0 - 2.0 * slot) * (0.0 - low) / (high - low);
    let mean: f64 = outcomes().map(|(gross, p)| gross * p).sum();
    let mut along = vec![(slot * 0.5, "lost".to_owned())];
    let mut decade = low;
    while decade <= high + 1e-9 {
        let position = 2.0 * slot + (1.0 - 2.0 * slot) * (decade - low) / (high - low);
        along.push((position, format!("×{}", factor(decade))));
        decade += 1.0;
    }
    let frame = Frame {
        id: "payoffs",
        title: "Payoff histogram",
        description: format!(
            "A total loss has probability {}, a loss of any size {}; the mean payoff is {mean:.3}.",
            percent(lost),
            percent(
                outcomes()
                    .filter(|(gross, _)| *gross < 1.0)
                    .map(|(_, p)| p)
                    .sum()
            )
        ),
        unit: "probability; what one unit becomes, logarithmic axis".to_owned(),
        values: [0.0, 0.5, 1.0]
            .map(|share| (share, percent(share * most)))
            .to_vec(),
        along,
        legend: Vec::new(),
    };
    let bar = |x: f64, height: f64, class: &str, title: String| {
        html! {
            rect class=(format!("step {class}")) x=(format!("{:.1}", x * 1000.0)) width=(format!("{:.1}", slot * 900.0))
                y=(format!("{:.1}", (1.0 - height / most) * 1000.0)) height=(format!("{:.1}", height / most * 1000.0)) {
                title { (title) }
            }
        }
    };
    Ok(frame.around(&html! {
        (bar(0.0, lost, "cost", format!("total loss: {}", percent(lost))))
        @for (index, height) in heights.iter().enumerate() {
            @if *height > 0.0 {
                @let (from, to) = (log_of(index), log_of(index + 1));
                (bar(edge(index), *height, if to <= 1e-9 { "cost" } else { "gain" },
                    format!("×{} to ×{}: {}", factor(from), factor(to), percent(*height))))
            }
        }
        line.even x1=(format!("{:.1}", even * 1000.0)) x2=(format!("{:.1}", even * 1000.0)) y1="0" y2="1000" {}
    }))
}

/// `10^log`, short.
fn factor(log: f64) -> String {
    let value = 10.0_f64.powf(log);
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.6}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        // Two digits that count are enough for an axis.
        match text.parse::<f64>() {
            Ok(value) if value < 1.0 && value > 0.0 => {
                let digits = (-value.log10().floor()).clamp(0.0, 6.0) + 1.0;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let text = format!("{value:.*}", digits as usize);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Ok(value) => {
                let text = format!("{value:.1}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Err(_) => text.to_owned(),
        }
    }
}
