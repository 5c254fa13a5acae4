//! The best return for each risk, and where the portfolio stands.

use maud::{Markup, html};

use super::{Frame, Missing, dot, percent, place, points};
use crate::report::series::axis;

/// A portfolio or an asset by risk and return, as fractions per year.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Its name.
    pub name: String,
    /// Volatility per year.
    pub risk: f64,
    /// Expected return per year.
    pub reward: f64,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frontier {
    /// Risk and return per year along the frontier, by rising risk.
    pub curve: Vec<(f64, f64)>,
    /// Single assets.
    pub assets: Vec<Spot>,
    /// What is held now.
    pub current: Option<Spot>,
    /// What the strategy wants.
    pub target: Option<Spot>,
}

/// Efficient frontier with the assets, the current point and the target.
///
/// # Errors
/// If the frontier has fewer than two points, or a figure is not finite.
pub fn frontier(data: &Frontier) -> Result<Markup, Missing> {
    if data.curve.len() < 2 {
        return Err("it was not computed.".to_owned());
    }
    let spots = || data.assets.iter().chain(&data.current).chain(&data.target);
    let all = || {
        let spots = spots().map(|spot| (spot.risk, spot.reward));
        data.curve.iter().copied().chain(spots)
    };
    if all().any(|(risk, reward)| !risk.is_finite() || !reward.is_finite() || risk < 0.0) {
        return Err("a risk or return is not a finite number.".to_owned());
    }
    let risks = axis(0.0, all().map(|point| point.0).fold(0.0, f64::max));
    let rewards = axis(
        all().map(|point| point.1).fold(0.0, f64::min),
        all().map(|point| point.1).fold(0.0, f64::max),
    );
    let ends = |ticks: &[f64]| {
        (
            ticks.first().copied().unwrap_or(0.0),
            ticks.last().copied().unwrap_or(1.0),
        )
    };
    let ((left, right), (bottom, top)) = (ends(&risks), ends(&rewards));
    let at = |(risk, reward): (f64, f64)| (place(risk, left, right), place(reward, bottom, top));
    let words = |spot: &Spot| {
        format!(
            "{}: {} a year at a volatility of {}",
            spot.name,
            percent(spot.reward),
            percent(spot.risk)
        )
    };
    let spot = |class: &str, spot: &Spot| {
        let (x, y) = at((spot.risk, spot.reward));
        dot(class, x, y, &words(spot))
    };
    let mut legend = vec![("first", "frontier".to_owned())];
    for (class, name, some) in [
        ("second", "asset", !data.assets.is_empty()),
        ("loss", "held now", data.current.is_some()),
        ("third", "target", data.target.is_some()),
    ] {
        if some {
            legend.push((class, name.to_owned()));
        }
    }
    let told: Vec<String> = data.current.iter().chain(&data.target).map(words).collect();
    let frame = Frame {
        id: "frontier",
        title: "Efficient frontier",
        description: format!(
            "{} points on the frontier. {}",
            data.curve.len(),
            told.join("; ")
        ),
        unit: "expected return by volatility, per year".to_owned(),
        values: rewards
            .iter()
            .map(|tick| (place(*tick, bottom, top), percent(*tick)))
            .collect(),
        along: risks
            .iter()
            .map(|tick| (place(*tick, left, right), percent(*tick)))
            .collect(),
        legend,
    };
    Ok(frame.around(&html! {
        polyline class="line first" points=(points(data.curve.iter().map(|point| at(*point)))) {}
        @for asset in &data.assets { (spot("second", asset)) }
        @if let Some(target) = &data.target { (spot("third large", target)) }
        @if let Some(current) = &data.current { (spot("loss large", current)) }
    }))
}
