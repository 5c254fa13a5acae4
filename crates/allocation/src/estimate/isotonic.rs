//! Isotonic regression by pooling adjacent violators.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// The nondecreasing sequence with the least weighted squared distance to the values: `(value,
/// weight)` in order, weights positive (Ayer, Brunk, Ewing, Reid & Silverman 1955).
#[must_use]
pub fn pool(values: &[(f64, f64)]) -> Vec<f64> {
    // Blocks: mean, weight, how many values.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for &(value, weight) in values {
        let mut block = (value, weight, 1);
        while let Some(&(mean, before, count)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            let sum = before + block.1;
            block = (
                (mean * before + block.0 * block.1) / sum,
                sum,
                count + block.2,
            );
            blocks.pop();
        }
        blocks.push(block);
    }
    let spread = |(mean, _, count): (f64, f64, usize)| std::iter::repeat_n(mean, count);
    blocks.into_iter().flat_map(spread).collect()
}

/// A nondecreasing map from scores to probabilities: constant beyond its ends, straight in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Scores, ascending, and their probabilities, nondecreasing.
    knots: Vec<(f64, f64)>,
}

/// More knots are thinned out.
const MAX_KNOTS: usize = 128;

impl Isotonic {
    /// Fits scores to outcomes. Equal scores are pooled first; the most extreme blocks are pulled
    /// half an outcome inwards (add ½ to successes and failures), so that no score is certain.
    ///
    /// # Errors
    /// [`Invalid`] if there is nothing to fit, or a score is not finite.
    pub fn fit(scored: &[(f64, bool)]) -> Result<Self, Invalid> {
        if scored.is_empty() {
            return Err(Invalid::new("outcomes", "are none: give at least one"));
        }
        for (score, _) in scored {
            bounded("score", *score, -1e9, 1e9)?;
        }
        let mut sorted = scored.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut groups: Vec<(f64, f64, f64)> = Vec::new();
        for (score, outcome) in sorted {
            let success = f64::from(u8::from(outcome));
            match groups.last_mut() {
                Some((last, successes, n)) if *last == score => {
                    *successes += success;
                    *n += 1.0;
                }
                _ => groups.push((score, success, 1.0)),
            }
        }
        let values: Vec<(f64, f64)> = groups.iter().map(|(_, s, n)| (s / n, *n)).collect();
        let pooled = pool(&values);
        let mut knots = Vec::new();
        let mut start = 0;
        while start < groups.len() {
            let same = |index: &usize| pooled[*index] == pooled[start];
            let end = (start..groups.len())
                .take_while(same)
                .last()
                .unwrap_or(start);
            let n: f64 = groups[start..=end].iter().map(|(_, _, n)| n).sum();
            let p = (pooled[start] * n + 0.5) / (n + 1.0);
            knots.push((groups[start].0, p));
            if end > start {
                knots.push((groups[end].0, p));
            }
            start = end + 1;
        }
        // Pulling small blocks in can turn their order: once more.
        let levels: Vec<(f64, f64)> = knots.iter().map(|(_, p)| (*p, 1.0)).collect();
        for (knot, level) in knots.iter_mut().zip(pool(&levels)) {
            knot.1 = level;
        }
        let every = knots.len().div_ceil(MAX_KNOTS);
        let last = knots.len() - 1;
        let kept = |(index, _): &(usize, (f64, f64))| index.is_multiple_of(every) || *index == last;
        let knots = knots.into_iter().enumerate().filter(kept);
        Ok(Self {
            knots: knots.map(|(_, knot)| knot).collect(),
        })
    }

    /// The probability of a score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let next = self.knots.partition_point(|knot| knot.0 <= score);
        let before = next.checked_sub(1).and_then(|index| self.knots.get(index));
        match (before, self.knots.get(next)) {
            (Some((low, p)), Some((high, q))) => p + (q - p) * (score - low) / (high - low),
            (Some((_, p)), None) | (None, Some((_, p))) => *p,
            (None, None) => 0.5,
        }
    }
}
