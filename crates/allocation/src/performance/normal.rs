//! The standard normal distribution.

/// `Φ(x)`, by the complementary error function.
#[must_use]
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// `Φ⁻¹(p)` by bisection, to the last digits that `Φ` tells apart; `None` outside (0, 1).
#[must_use]
pub fn quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let (mut low, mut high) = (-39.0, 39.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        // The upper half through the lower tail, where probabilities keep their digits.
        let below = if middle <= 0.0 {
            cdf(middle) < p
        } else {
            cdf(-middle) > 1.0 - p
        };
        if below {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert_eq!(quantile(0.5).map(|x| x.abs() < 1e-12), Some(true));
        assert!((quantile(0.975).unwrap() - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((quantile(0.99).unwrap() - 2.326_347_874_040_841).abs() < 1e-12);
        assert!((quantile(0.001).unwrap() + 3.090_232_306_167_813).abs() < 1e-12);
        assert_eq!(quantile(0.0), None);
        assert_eq!(quantile(1.0), None);
        assert_eq!(quantile(f64::NAN), None);
    }
}
