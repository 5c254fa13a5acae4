//! Limits without those that say the same again. Of two limits along one direction the prices have
//! no bound, and an interior point method follows them to where floats lose all digits.

use super::{CONFLICT, Limit, SAME};

/// Directions whose cosine is this near to one are one.
const PARALLEL: f64 = 1e-12;
/// The share of a row that may be left beside others for it to depend on them.
const DEPENDENT: f64 = 1e-10;

impl Limit {
    /// The coefficient by which limits along one direction are compared.
    fn lead(&self) -> f64 {
        self.terms.first().map_or(1.0, |&(_, by)| by)
    }

    /// `other` in units of this, if both are along one direction: what it is multiplied by.
    fn ratio(&self, other: &Self) -> Option<f64> {
        if self.terms.len() != other.terms.len() {
            return None;
        }
        let ratio = self.lead() / other.lead();
        let same = self.terms.iter().zip(&other.terms).all(|(own, their)| {
            own.0 == their.0 && (own.1 - ratio * their.1).abs() <= PARALLEL * own.1.abs()
        });
        (same && ratio.is_finite() && ratio != 0.0).then_some(ratio)
    }
}

/// Of limits along one direction the strictest; two that meet are one equality; equalities that
/// follow from others are left out. What conflicts stays, for the method to prove.
pub(super) fn distinct(
    rows: Vec<Limit>,
    mut equal: Vec<Limit>,
    n: usize,
) -> (Vec<Limit>, Vec<Limit>) {
    let mut kept: Vec<Limit> = Vec::with_capacity(rows.len());
    'rows: for row in rows {
        for index in 0..kept.len() {
            let Some(ratio) = kept[index].ratio(&row) else {
                continue;
            };
            let bound = ratio * row.bound;
            if ratio > 0.0 {
                kept[index].bound = kept[index].bound.min(bound);
                continue 'rows;
            }
            // Opposite: `bound ≤ value ≤ kept.bound`.
            if (kept[index].bound - bound).abs() <= SAME {
                let mut both = kept.swap_remove(index);
                both.bound = 0.5 * (both.bound + bound);
                equal.push(both);
                continue 'rows;
            }
        }
        kept.push(row);
    }
    let equal = independent(equal, n);
    kept.retain(|row| {
        !equal.iter().any(|equal| {
            row.ratio(equal)
                .is_some_and(|ratio| ratio * equal.bound <= row.bound + CONFLICT)
        })
    });
    (kept, equal)
}

/// Equalities of which none follows from the others: Gram and Schmidt, each row twice.
fn independent(equal: Vec<Limit>, n: usize) -> Vec<Limit> {
    if equal.len() < 2 {
        return equal;
    }
    let mut basis: Vec<(Vec<f64>, f64)> = Vec::with_capacity(equal.len());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut kept = Vec::with_capacity(equal.len());
    for limit in equal {
        let mut rest = vec![0.0; n];
        for &(index, by) in &limit.terms {
            rest[index] = by;
        }
        let length = dot(&rest, &rest).sqrt();
        let mut bound = limit.bound / length;
        for value in &mut rest {
            *value /= length;
        }
        for _ in 0..2 {
            for (other, at) in &basis {
                let along = dot(&rest, other);
                for (value, by) in rest.iter_mut().zip(other) {
                    *value -= along * by;
                }
                bound -= along * at;
            }
        }
        let left = dot(&rest, &rest).sqrt();
        if left <= DEPENDENT && bound.abs() <= CONFLICT {
            continue;
        }
        if left > DEPENDENT {
            for value in &mut rest {
                *value /= left;
            }
            basis.push((rest, bound / left));
        }
        kept.push(limit);
    }
    kept
}
