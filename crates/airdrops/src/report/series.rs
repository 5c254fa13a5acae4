//! Series of points: drawdown, thinning for drawing, and round axis steps. Floats are for
//! drawing only.

use airdrops_types::{Bps, EquityPoint, Timestamp};

/// Points of a series that are drawn at most.
pub const MOST_POINTS: usize = 600;

/// How far equity was below its highest so far, with deposits and withdrawals taken out: the
/// time-weighted index `∏ (Eᵢ − (Fᵢ − Fᵢ₋₁)) / Eᵢ₋₁` against its running maximum.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub fn drawdown(equity: &[EquityPoint]) -> Vec<(Timestamp, Bps)> {
    let mut index = 1.0_f64;
    let mut peak = 1.0_f64;
    let mut previous: Option<&EquityPoint> = None;
    let mut depths = Vec::with_capacity(equity.len());
    for point in equity {
        if let Some(before) = previous
            && before.equity.0 > 0
        {
            let flow = point.net_flows - before.net_flows;
            index *= ((point.equity - flow).0 as f64 / before.equity.0 as f64).max(0.0);
        }
        peak = peak.max(index);
        let depth = ((1.0 - index / peak) * 10_000.0)
            .round()
            .clamp(0.0, 10_000.0);
        depths.push((point.at, Bps(depth as u32)));
        previous = Some(point);
    }
    depths
}

/// At most [`MOST_POINTS`] of the points: the first, the last, and the lowest and highest of each
/// stretch between, so that no peak is lost.
#[must_use]
pub fn thin(points: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let inner = &points[1..points.len() - 1];
    let stretches = (MOST_POINTS - 2) / 2;
    let mut thinned = vec![*first];
    for stretch in 0..stretches {
        let from = inner.len() * stretch / stretches;
        let to = inner.len() * (stretch + 1) / stretches;
        let part = &inner[from..to];
        let by_value = |a: &&(i64, f64), b: &&(i64, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (part.iter().min_by(by_value), part.iter().max_by(by_value))
        else {
            continue;
        };
        let (early, late) = if low.0 <= high.0 {
            (low, high)
        } else {
            (high, low)
        };
        thinned.push(*early);
        if early.0 != late.0 {
            thinned.push(*late);
        }
    }
    thinned.push(*last);
    thinned
}

/// Round values that cover `low..=high` in about four steps: the first is at most `low`, the last
/// at least `high`.
#[must_use]
pub fn axis(low: f64, high: f64) -> Vec<f64> {
    let span = if high > low { high - low } else { 1.0 };
    let rough = span / 4.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power);
    let mut value = (low / step).floor() * step;
    let mut values = vec![value];
    while (value < high || values.len() < 2) && values.len() < 12 {
        value += step;
        values.push(value);
    }
    values
}

/// Instants for the labels of a time axis: at most seven, on whole hours or days in UTC.
#[must_use]
pub fn time_axis(from: i64, to: i64) -> Vec<i64> {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let span = to.saturating_sub(from).max(1);
    let steps = [
        MINUTE,
        5 * MINUTE,
        15 * MINUTE,
        HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        5 * DAY,
        10 * DAY,
        30 * DAY,
        90 * DAY,
        365 * DAY,
        730 * DAY,
        1825 * DAY,
    ];
    let step = steps
        .into_iter()
        .find(|step| span / step <= 6)
        .unwrap_or(3650 * DAY);
    let mut at = from.div_euclid(step) * step;
    let mut instants = Vec::new();
    while at <= to && instants.len() < 20 {
        if at >= from {
            instants.push(at);
        }
        at += step;
    }
    instants
}

/// A label of a time axis that spans `span` milliseconds.
#[must_use]
pub fn time_label(at: i64, span: i64) -> String {
    const DAY: i64 = 24 * 3_600_000;
    let format = if span > 400 * DAY {
        "%b %Y"
    } else if span > 3 * DAY {
        "%d %b"
    } else {
        "%d %b %H:%M"
    };
    jiff::Timestamp::from_millisecond(at)
        .map(|instant| instant.strftime(format).to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use airdrops_types::Usd;

    use super::*;

    fn point(at: i64, equity: i64, flows: i64) -> EquityPoint {
        EquityPoint {
            at: Timestamp(at),
            equity: Usd::dollars(equity),
            net_flows: Usd::dollars(flows),
            gas: Usd::ZERO,
        }
    }

    #[test]
    fn drawdown_is_measured_from_the_peak() {
        let depths = drawdown(&[
            point(0, 100, 0),
            point(1, 120, 0),
            point(2, 90, 0),
            point(3, 120, 0),
        ]);
        let depths: Vec<u32> = depths.iter().map(|(_, depth)| depth.0).collect();
        assert_eq!(depths, [0, 0, 2500, 0]);
    }

    #[test]
    fn deposits_and_withdrawals_are_no_drawdown() {
        let depths = drawdown(&[point(0, 100, 0), point(1, 50, -50), point(2, 150, 50)]);
        assert!(depths.iter().all(|(_, depth)| depth.0 == 0), "{depths:?}");
    }

    #[test]
    fn a_total_loss_is_a_whole_drawdown() {
        let depths = drawdown(&[point(0, 100, 0), point(1, 0, 0), point(2, 0, 0)]);
        assert_eq!(depths[2].1, Bps::WHOLE);
    }

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut points: Vec<(i64, f64)> = (0..5000).map(|at| (at, 1.0)).collect();
        points[1234].1 = 99.0;
        points[4321].1 = -99.0;
        let thinned = thin(&points);
        assert!(thinned.len() <= MOST_POINTS, "{}", thinned.len());
        assert_eq!(thinned.first(), points.first());
        assert_eq!(thinned.last(), points.last());
        assert!(thinned.contains(&(1234, 99.0)));
        assert!(thinned.contains(&(4321, -99.0)));
        assert!(thinned.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn axes_cover_the_values_with_round_steps() {
        assert_eq!(axis(0.0, 100.0), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(
            axis(9_970.0, 10_030.0),
            [9_960.0, 9_980.0, 10_000.0, 10_020.0, 10_040.0]
        );
        assert!(axis(5.0, 5.0).len() >= 2);
        assert!(axis(-3.0, 0.1).len() < 12);
    }

    #[test]
    fn time_labels_are_few_and_within() {
        const DAY: i64 = 86_400_000;
        for span in [1, 1000, 3_600_000, DAY, 60 * DAY, 900 * DAY, 3150 * DAY] {
            let from = 1_767_225_600_000;
            let labels = time_axis(from, from + span);
            assert!(labels.len() <= 7, "{span}: {labels:?}");
            assert!(labels.iter().all(|at| (from..=from + span).contains(at)));
            assert!(span < DAY || labels.len() >= 2, "{span}: {labels:?}");
        }
    }
}
