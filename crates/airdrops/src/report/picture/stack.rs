//! Weights over time, stacked.

use airdrops_types::Timestamp;
use maud::{Markup, html};

use super::{Frame, Missing, percent, place, points};
use crate::report::series::{time_axis, time_label};

/// Instants that are drawn at most.
const MOST_POINTS: usize = 300;
/// Bands with a colour of their own; smaller ones share one.
const COLOURS: [&str; 7] = [
    "band-0", "band-1", "band-2", "band-3", "band-4", "band-5", "band-6",
];
/// The colour of what is in no protocol, and of what is too small.
const NEUTRAL: &str = "band-rest";

/// Weights over time: each band is a name and its share of the whole at each instant, not negative;
/// the last band is what is invested nowhere. Shares above the whole are drawn to scale.
///
/// # Errors
/// If there are fewer than two instants, or a band has another number of them.
pub fn weights(times: &[Timestamp], bands: &[(String, Vec<f64>)]) -> Result<Markup, Missing> {
    let (Some(first), Some(last), true) = (times.first(), times.last(), times.len() > 1) else {
        return Err("nothing was held at two instants.".to_owned());
    };
    if bands.is_empty()
        || bands.iter().any(|(_, shares)| {
            shares.len() != times.len()
                || shares
                    .iter()
                    .any(|share| !share.is_finite() || *share < 0.0)
        })
    {
        return Err("no share of the whole is known at every instant.".to_owned());
    }
    let bands = merged(bands);
    let count = times.len().min(MOST_POINTS);
    let drawn: Vec<usize> = (0..count)
        .map(|index| index * (times.len() - 1) / (count - 1))
        .collect();
    let most = (0..times.len())
        .map(|at| bands.iter().map(|band| band.shares[at]).sum::<f64>())
        .fold(1.0, f64::max);
    #[allow(clippy::cast_precision_loss)]
    let along = |at: Timestamp| place(at.0 as f64, first.0 as f64, last.0 as f64);
    let mut floor = vec![0.0; times.len()];
    let mut polygons = Vec::new();
    for band in &bands {
        let top: Vec<f64> = floor
            .iter()
            .zip(&band.shares)
            .map(|(floor, share)| floor + share)
            .collect();
        // A weight holds until the next is known: steps, not slopes.
        let mut edge = Vec::with_capacity(drawn.len() * 4);
        for (place, at) in drawn.iter().enumerate() {
            if let Some(before) = place.checked_sub(1).map(|before| drawn[before]) {
                edge.push((along(times[*at]), top[before] / most));
            }
            edge.push((along(times[*at]), top[*at] / most));
        }
        for (place, at) in drawn.iter().enumerate().rev() {
            edge.push((along(times[*at]), floor[*at] / most));
            if let Some(before) = place.checked_sub(1).map(|before| drawn[before]) {
                edge.push((along(times[*at]), floor[before] / most));
            }
        }
        polygons.push((band.class, band.name.clone(), points(edge.into_iter())));
        floor = top;
    }
    let span = last.0.saturating_sub(first.0);
    let ends: Vec<String> = bands
        .iter()
        .filter_map(|band| Some(format!("{} {}", band.name, percent(*band.shares.last()?))))
        .collect();
    let frame = Frame {
        id: "weights",
        title: "Weights over time",
        description: format!("At the end: {}.", ends.join(", ")),
        unit: "% of equity".to_owned(),
        values: [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|share| (share / most, percent(share)))
            .to_vec(),
        along: time_axis(first.0, last.0)
            .into_iter()
            .map(|at| (along(Timestamp(at)), time_label(at, span)))
            .collect(),
        legend: bands
            .iter()
            .map(|band| (band.class, band.name.clone()))
            .collect(),
    };
    Ok(frame.around(&html! {
        @for (class, name, points) in &polygons {
            polygon class=(format!("band {class}")) points=(points) { title { (name) } }
        }
    }))
}

struct Band {
    name: String,
    class: &'static str,
    shares: Vec<f64>,
}

/// The largest bands by their mean, the rest of them as one, and the last band.
fn merged(bands: &[(String, Vec<f64>)]) -> Vec<Band> {
    let (Some((idle, idle_shares)), Some(held)) =
        (bands.last(), bands.get(..bands.len().saturating_sub(1)))
    else {
        return Vec::new();
    };
    let mut held: Vec<&(String, Vec<f64>)> = held.iter().collect();
    let sum = |band: &(String, Vec<f64>)| band.1.iter().sum::<f64>();
    held.sort_by(|a, b| sum(b).total_cmp(&sum(a)).then(a.0.cmp(&b.0)));
    let mut drawn: Vec<Band> = held
        .iter()
        .zip(COLOURS)
        .map(|(band, class)| Band {
            name: band.0.clone(),
            class,
            shares: band.1.clone(),
        })
        .collect();
    if let Some(small) = held.get(COLOURS.len()..).filter(|small| !small.is_empty()) {
        let mut shares = vec![0.0; idle_shares.len()];
        for band in small {
            for (sum, share) in shares.iter_mut().zip(&band.1) {
                *sum += share;
            }
        }
        drawn.push(Band {
            name: format!("{} others", small.len()),
            class: "band-others",
            shares,
        });
    }
    drawn.push(Band {
        name: idle.clone(),
        class: NEUTRAL,
        shares: idle_shares.clone(),
    });
    drawn
}
