//! Whether what was forecast with a probability came as often.

use maud::{Markup, html};

use super::{Frame, Missing, dot, percent, points};

/// Forecasts of similar probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Their mean probability.
    pub forecast: f64,
    /// The share of them that came.
    pub observed: f64,
    /// How many.
    pub count: u64,
}

/// Calibration as a reliability plot: on the diagonal is what came as often as it was forecast. The
/// lines are the interval of two standard errors that luck alone explains.
///
/// # Errors
/// If no forecast has an outcome yet.
pub fn reliability(bins: &[Bin]) -> Result<Markup, Missing> {
    let within = |value: f64| (0.0..=1.0).contains(&value);
    let bins: Vec<&Bin> = bins
        .iter()
        .filter(|bin| bin.count > 0 && within(bin.forecast) && within(bin.observed))
        .collect();
    let all: u64 = bins.iter().map(|bin| bin.count).sum();
    if all == 0 {
        return Err("no forecast has an outcome yet.".to_owned());
    }
    #[allow(clippy::cast_precision_loss)]
    let error = |bin: &Bin| 2.0 * (bin.forecast * (1.0 - bin.forecast) / bin.count as f64).sqrt();
    let title = |bin: &Bin| {
        format!(
            "forecast {}, came {} of {} times",
            percent(bin.forecast),
            percent(bin.observed),
            bin.count
        )
    };
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, percent(share)));
    let frame = Frame {
        id: "calibration",
        title: "Calibration",
        description: format!(
            "{all} forecasts: {}.",
            bins.iter()
                .map(|bin| title(bin))
                .collect::<Vec<_>>()
                .join("; ")
        ),
        unit: format!("share that came, by forecast probability; {all} forecasts"),
        values: ticks.to_vec(),
        along: ticks.to_vec(),
        legend: Vec::new(),
    };
    Ok(frame.around(&html! {
        polyline class="line limit" points="0,1000 1000,0" {}
        @for bin in &bins {
            @let (low, high) = ((bin.forecast - error(bin)).max(0.0), (bin.forecast + error(bin)).min(1.0));
            polyline class="line second" points=(points([(bin.forecast, low), (bin.forecast, high)].into_iter())) {}
        }
        polyline class="line first" points=(points(bins.iter().map(|bin| (bin.forecast, bin.observed)))) {}
        @for bin in &bins { (dot("first", bin.forecast, bin.observed, &title(bin))) }
    }))
}
