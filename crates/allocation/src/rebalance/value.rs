//! What a position is worth over the holding horizon: concave, piecewise linear, in integers.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};

/// Rates are counted in parts of this: 10⁻⁹ of the amount.
pub const RATE: i128 = 1_000_000_000;

/// The greatest magnitude of a rate: a thousandfold of the amount.
pub const MAX_RATE: i64 = 1_000_000_000_000;

/// One stretch of a [`Value`], from where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it ends: a size of the position.
    pub to: Usd,
    /// What each dollar within it gains over the horizon, in 10⁻⁹; negative for a loss.
    pub rate: i64,
}

/// The gain of a position of a size over the holding horizon, counted from no position: the sum over
/// the pieces of their rates times what the position fills of them. Beyond the last piece a loss goes
/// on, and a gain does not; no position is increased beyond it. Concave, as rates never rise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Value {
    /// By their ends, which rise; rates never rise.
    pub pieces: Vec<Piece>,
}

impl Value {
    /// A loss that grows with the square of the distance from `target`:
    /// `−curvature/2 · (x − target)² / equity`, by `pieces` chords on either side of the target, up
    /// to a position of `most`.
    ///
    /// `curvature` is in 10⁻⁹. For quadratic utility with risk aversion λ, a horizon of `H` years
    /// and a covariance of variance `σ²` and correlation `ρ`, deviations that sum to nothing lose
    /// `λ/2 · σ²(1 − ρ) · Σ (w − w*)²` a year: the curvature is `λ σ² (1 − ρ) H`. Where the chords
    /// meet, and so at the target, the value is exact but for rounding of rates; between, it is less
    /// by at most an eighth of the curvature times the square of the chord's length over equity.
    #[must_use]
    pub fn tracking(target: Usd, most: Usd, equity: Usd, curvature: u64, pieces: u32) -> Self {
        let (target, equity) = (target.0.max(0), equity.0.max(1));
        let count = i128::from(pieces.max(1));
        let above = (most.0 - target).max(0);
        let ends = (1..=count)
            .map(|index| target.saturating_mul(index) / count)
            .chain((1..=count).map(|index| target + above.saturating_mul(index) / count));
        let mut from = 0;
        let mut made: Vec<Piece> = Vec::new();
        for to in ends {
            if to <= from {
                continue;
            }
            // The slope of the chord from `from` to `to`.
            let slope = i128::from(curvature).saturating_mul(2 * target - from - to) / (2 * equity);
            let limit = i128::from(MAX_RATE);
            let rate = i64::try_from(slope.clamp(-limit, limit)).unwrap_or(0);
            made.push(Piece { to: Usd(to), rate });
            from = to;
        }
        Self { pieces: made }
    }

    /// The gain of a position of `size`, rounded down.
    #[must_use]
    pub fn gain(&self, size: Usd) -> Usd {
        let mut from = 0;
        let mut sum: i128 = 0;
        for piece in &self.pieces {
            if size.0 <= from {
                break;
            }
            let filled = size.0.min(piece.to.0) - from;
            sum = sum.saturating_add(filled.saturating_mul(i128::from(piece.rate)));
            from = piece.to.0;
        }
        let beyond = (size.0 - from).max(0);
        sum = sum.saturating_add(beyond.saturating_mul(i128::from(self.rate_beyond())));
        Usd(sum.div_euclid(RATE))
    }

    /// The rate beyond the last piece: the last one if it is a loss, and nothing otherwise.
    fn rate_beyond(&self) -> i64 {
        self.pieces.last().map_or(0, |piece| piece.rate.min(0))
    }

    /// The rate just below `size`.
    pub(crate) fn rate_below(&self, size: Usd) -> i64 {
        let after = self.pieces.partition_point(|piece| piece.to < size);
        let piece = self.pieces.get(after);
        piece.map_or(self.rate_beyond(), |piece| piece.rate)
    }

    /// The ends of the pieces, and the gains there in parts of a micro-dollar by [`RATE`].
    pub(crate) fn sums(&self) -> Vec<(i128, i128)> {
        let (mut from, mut sum) = (0, 0_i128);
        let pieces = self.pieces.iter();
        pieces
            .map(|piece| {
                let filled = piece.to.0 - from;
                sum = sum.saturating_add(filled.saturating_mul(i128::from(piece.rate)));
                from = piece.to.0;
                (from, sum)
            })
            .collect()
    }

    /// The size that no position is increased beyond.
    #[must_use]
    pub fn end(&self) -> Usd {
        self.pieces.last().map_or(Usd::ZERO, |piece| piece.to)
    }

    /// Why it is not well formed, if it is not.
    pub(crate) fn defect(&self) -> Option<String> {
        let mut from = Usd::ZERO;
        let mut rate = MAX_RATE;
        for (index, piece) in self.pieces.iter().enumerate() {
            if piece.to <= from {
                return Some(format!(
                    "piece {index} ends at {}, not above {from}",
                    piece.to
                ));
            }
            if piece.rate > rate || piece.rate < -MAX_RATE {
                return Some(format!(
                    "piece {index} has the rate {}, which may be from {} to {rate}: rates never rise",
                    piece.rate, -MAX_RATE
                ));
            }
            (from, rate) = (piece.to, piece.rate);
        }
        None
    }
}
