//! Average run lengths of control charts: how many samples pass, on average, until an alarm, when
//! the standardised values are independent, normal, of variance 1 and of mean `shift`.
//!
//! The range of the chart's statistic is cut into states; what a Markov chain over them needs to
//! leave it is the solution of a linear system (Brook & Evans 1972 for CUSUM; Lucas & Saccucci 1990
//! for EWMA). Real series have fatter tails, so these figures order charts and check code; the
//! threshold of a live stream comes from [`super::calibrate()`].

use nalgebra::{DMatrix, DVector};

/// States per chart. Twice as many change no figure by 0.1 %.
const STATES: u32 = 201;

/// Whether a CUSUM watches one direction or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Upward shifts only.
    One,
    /// Both directions.
    Two,
}

/// A chart that has no run length.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ArlError {
    /// A parameter out of its range.
    #[error("{name} is {value}: it must be {range}")]
    Parameter {
        /// Which one.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// The run is too long for the arithmetic.
    #[error("the average run length is beyond what can be computed: lower the threshold")]
    TooLong,
}

/// Average run length of a CUSUM with reference value `k` ≥ 0 and threshold `h` > 0, both in
/// standard deviations, started at zero (Brook & Evans 1972). Two-sided by
/// `1/ARL = 1/ARL⁺ + 1/ARL⁻` (Kemp 1961).
///
/// # Errors
/// If a parameter is out of range or the run length beyond computing.
pub fn cusum_arl(shift: f64, k: f64, h: f64, sides: Sides) -> Result<f64, ArlError> {
    check("shift", shift, shift.is_finite(), "finite")?;
    check("k", k, k.is_finite() && k >= 0.0, "at least 0")?;
    check("h", h, h.is_finite() && h > 0.0, "above 0")?;
    let up = one_sided(shift, k, h)?;
    if sides == Sides::One {
        return Ok(up);
    }
    let down = one_sided(-shift, k, h)?;
    Ok(1.0 / (1.0 / up + 1.0 / down))
}

fn one_sided(shift: f64, k: f64, h: f64) -> Result<f64, ArlError> {
    // State 0 is half a step wide, so that its centre is zero.
    let width = 2.0 * h / (2.0 * f64::from(STATES) - 1.0);
    let stay = |from: f64, to: f64| {
        let centre = (to - from) * width + k - shift;
        let upper = normal_cdf(centre + width / 2.0);
        if to == 0.0 {
            upper
        } else {
            upper - normal_cdf(centre - width / 2.0)
        }
    };
    solve(stay, 0)
}

/// Average run length of a two-sided EWMA chart with weight `lambda` in (0, 1] and limits at `l` > 0
/// asymptotic standard deviations of the statistic, started at zero (Lucas & Saccucci 1990).
///
/// # Errors
/// If a parameter is out of range or the run length beyond computing.
pub fn ewma_arl(shift: f64, lambda: f64, l: f64) -> Result<f64, ArlError> {
    check("shift", shift, shift.is_finite(), "finite")?;
    let in_range = lambda > 0.0 && lambda <= 1.0;
    check("lambda", lambda, in_range, "above 0 and at most 1")?;
    check("l", l, l.is_finite() && l > 0.0, "above 0")?;
    let limit = l * (lambda / (2.0 - lambda)).sqrt();
    let width = 2.0 * limit / f64::from(STATES);
    let stay = |from: f64, to: f64| {
        let from = -limit + (from + 0.5) * width;
        let to = -limit + (to + 0.5) * width;
        let reach = |edge: f64| normal_cdf((edge - (1.0 - lambda) * from) / lambda - shift);
        reach(to + width / 2.0) - reach(to - width / 2.0)
    };
    solve(stay, STATES / 2)
}

/// Steps until the chain leaves its states, from `start`: the solution of (I − R) μ = 1.
fn solve(stay: impl Fn(f64, f64) -> f64, start: u32) -> Result<f64, ArlError> {
    let n = STATES as usize;
    let mut system = DMatrix::<f64>::identity(n, n);
    for (i, from) in (0..STATES).enumerate() {
        for (j, to) in (0..STATES).enumerate() {
            system[(i, j)] -= stay(f64::from(from), f64::from(to));
        }
    }
    system
        .lu()
        .solve(&DVector::from_element(n, 1.0))
        .map(|run| run[start as usize])
        .filter(|run| run.is_finite() && *run >= 1.0)
        .ok_or(ArlError::TooLong)
}

fn check(name: &'static str, value: f64, ok: bool, range: &'static str) -> Result<(), ArlError> {
    if ok {
        Ok(())
    } else {
        Err(ArlError::Parameter { name, value, range })
    }
}

/// Distribution function of the standard normal distribution.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 0.02,
            "{found}, expected {expected}"
        );
    }

    /// Montgomery, Introduction to Statistical Quality Control, tables of the CUSUM with k = ½
    /// (after Hawkins 1993), and longer runs computed with the same chain.
    #[test]
    fn cusum_run_lengths_are_those_of_the_textbook() {
        for (h, in_control) in [(4.0, 168.0), (4.77, 369.0), (5.0, 465.0), (8.0, 9_482.0)] {
            near(cusum_arl(0.0, 0.5, h, Sides::Two).unwrap(), in_control);
        }
        near(cusum_arl(1.0, 0.5, 4.0, Sides::Two).unwrap(), 8.38);
        near(cusum_arl(1.0, 0.5, 5.0, Sides::Two).unwrap(), 10.4);
        near(cusum_arl(0.0, 0.5, 5.0, Sides::One).unwrap(), 931.0);
        near(cusum_arl(0.0, 0.5, 8.0, Sides::One).unwrap(), 18_965.0);
        near(cusum_arl(0.0, 0.5, 10.0, Sides::One).unwrap(), 140_251.0);
    }

    /// Lucas & Saccucci 1990, as tabulated by Montgomery.
    #[test]
    fn ewma_run_lengths_are_those_of_the_textbook() {
        for (lambda, l, shifted) in [
            (0.4, 3.054, 14.3),
            (0.25, 2.998, 11.1),
            (0.2, 2.962, 10.5),
            (0.1, 2.814, 10.3),
            (0.05, 2.615, 11.4),
        ] {
            near(ewma_arl(0.0, lambda, l).unwrap(), 500.0);
            near(ewma_arl(1.0, lambda, l).unwrap(), shifted);
        }
        // λ = 1 is Shewhart's chart.
        near(ewma_arl(0.0, 1.0, 3.0).unwrap(), 370.4);
    }

    #[test]
    fn a_chart_without_meaning_is_refused() {
        let negative = cusum_arl(0.0, -0.5, 5.0, Sides::Two).unwrap_err();
        assert_eq!(negative.to_string(), "k is -0.5: it must be at least 0");
        assert!(cusum_arl(0.0, 0.5, f64::NAN, Sides::One).is_err());
        assert!(ewma_arl(0.0, 0.0, 3.0).is_err());
        assert_eq!(ewma_arl(0.0, 0.2, 40.0), Err(ArlError::TooLong));
    }
}
