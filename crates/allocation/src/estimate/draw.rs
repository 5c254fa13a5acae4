//! Random variates, the same bits for the same seed and name.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::normal;

/// A stream of draws of its own for each name: what is drawn for one opportunity does not depend on
/// which others there are, or in which order.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream called `name` under `seed`.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, 64 bits.
        let number = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Self(rng)
    }

    /// Goes to the draws of number `index`, wherever the stream is: there are 512 uniforms for each.
    pub fn seek(&mut self, index: usize) {
        // In words of 32 bits.
        self.0.set_word_pos(index as u128 * 1024);
    }

    /// Uniform in the open interval (0, 1), on a grid of 2⁻⁵³ that `1 − u` maps onto itself.
    pub fn uniform(&mut self) -> f64 {
        // 52 random bits and a half.
        let bits = self.0.random::<u64>() >> 12;
        (bits as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }

    /// Standard normal, by inversion.
    pub fn normal(&mut self) -> f64 {
        normal::quantile(self.uniform())
    }

    /// Gamma of this shape (positive) and rate 1: Marsaglia & Tsang (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(self.uniform(), 1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let base = 1.0 + c * z;
            let u = self.uniform();
            if base <= 0.0 {
                continue;
            }
            let v = base * base * base;
            if u < 1.0 - 0.0331 * z * z * z * z
                || libm::log(u) < 0.5 * z * z + d * (1.0 - v + libm::log(v))
            {
                return d * v;
            }
        }
    }

    /// Beta with these parameters (positive).
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        // Both vanish only where tiny parameters underflow: then either end is as good.
        if x + y > 0.0 { x / (x + y) } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_and_beta_have_their_moments() {
        let mut stream = Stream::new(7, "moments");
        for shape in [0.4, 1.0, 3.5, 40.0] {
            let draws: Vec<f64> = (0..40_000).map(|_| stream.gamma(shape)).collect();
            let mean = draws.iter().sum::<f64>() / 40_000.0;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 40_000.0;
            // Four standard errors.
            assert!(
                (mean - shape).abs() < 4.0 * (shape / 40_000.0).sqrt(),
                "{shape}: {mean}"
            );
            assert!((variance / shape - 1.0).abs() < 0.1, "{shape}: {variance}");
        }
        let mean = (0..40_000).map(|_| stream.beta(2.0, 6.0)).sum::<f64>() / 40_000.0;
        assert!((mean - 0.25).abs() < 4.0 * (0.25_f64 * 0.75 / 9.0 / 40_000.0).sqrt());
    }

    #[test]
    fn streams_of_different_names_differ_and_of_the_same_name_agree() {
        let draw = |seed, name: &str| Stream::new(seed, name).uniform().to_bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }
}
