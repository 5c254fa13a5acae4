//! Horizontal bars: headroom per limit, contributions to risk.

use maud::{Markup, html};

use super::{Missing, percent};

/// How much of a limit is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Headroom {
    /// What is limited.
    pub name: String,
    /// Its share of equity.
    pub value: f64,
    /// The limit.
    pub limit: f64,
}

/// Headroom per limit: each bar is the part of the limit that is used.
///
/// # Errors
/// If there is no limit.
pub fn headroom(rows: &[Headroom]) -> Result<Markup, Missing> {
    let rows: Vec<&Headroom> = rows
        .iter()
        .filter(|row| row.limit > 0.0 && row.limit.is_finite() && row.value.is_finite())
        .collect();
    if rows.is_empty() {
        return Err("the journal names no limit of what is held.".to_owned());
    }
    Ok(html! {
        figure.chart {
            figcaption { span.name { "Headroom per limit" } span.unit { "share of each limit that is used" } }
            div.timeline {
                @for row in rows {
                    @let used = row.value / row.limit;
                    @let tone = if used > 1.0 { "over" } else if used > 0.9 { "near" } else { "within" };
                    @let text = format!("{} of {}, {} left", percent(row.value), percent(row.limit), percent((row.limit - row.value).max(0.0)));
                    div.row.measured {
                        span.label title=(row.name) { (row.name) }
                        div.track role="img" aria-label=(format!("{}: {text}", row.name)) {
                            @if used > 0.0 {
                                i class=(format!("use {tone}")) style=(format!("left:0;width:{:.2}%", used.min(1.0) * 100.0)) {}
                            }
                        }
                        span.figure { (text) }
                    }
                }
            }
        }
    })
}

/// Contributions to risk: shares of the variance, which sum to one; to the left is what dampens.
///
/// # Errors
/// If there are none.
pub fn risk(rows: &[(String, f64)]) -> Result<Markup, Missing> {
    if rows.is_empty() || rows.iter().any(|(_, share)| !share.is_finite()) {
        return Err("the returns vary too little or are too few.".to_owned());
    }
    let low = rows.iter().map(|row| row.1).fold(0.0, f64::min);
    let high = rows.iter().map(|row| row.1).fold(0.0, f64::max);
    let span = (high - low).max(f64::MIN_POSITIVE);
    Ok(html! {
        figure.chart {
            figcaption { span.name { "Risk contributions" } span.unit { "share of the variance of daily returns" } }
            div.timeline {
                @for (name, share) in rows {
                    @let left = (share.min(0.0) - low) / span * 100.0;
                    div.row.measured {
                        span.label title=(name) { (name) }
                        div.track role="img" aria-label=(format!("{name}: {}", percent(*share))) {
                            @if share.abs() / span > 1e-4 {
                                i class=(if *share < 0.0 { "use dampens" } else { "use within" })
                                    style=(format!("left:{left:.2}%;width:{:.2}%", share.abs() / span * 100.0)) {}
                            }
                        }
                        span.figure { (percent(*share)) }
                    }
                }
            }
        }
    })
}
