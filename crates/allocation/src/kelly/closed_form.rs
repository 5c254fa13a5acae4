//! Growth-optimal stakes that need no optimiser.

use nalgebra::{DMatrix, DVector};

use crate::problem::Scenarios;

/// The most independent bets whose outcomes are listed one by one: 2¹² of them.
pub const MOST_LISTED: usize = 12;

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

/// The stake on one bet that wins `odds` per unit with probability `p` and loses the unit
/// otherwise: `p − (1 − p)/odds`, never negative (Kelly 1956; Thorp 2006, eq. 2.5).
///
/// `None` unless `p` is a probability and `odds` are positive and finite.
#[must_use]
pub fn single_bet(p: f64, odds: f64) -> Option<f64> {
    (is_probability(p) && odds > 0.0 && odds.is_finite()).then(|| (p - (1.0 - p) / odds).max(0.0))
}

/// Stakes on two independent even-money bets at once, with probabilities `p` and `q` of winning.
///
/// Wealth is `1 ± (f + g)` or `1 ± (f − g)`, so that growth is the sum of one function of `f + g`
/// and one of `f − g`, each maximal where a single bet's is. For `p = q` this is the
/// `(p² − q²)/(2(p² + q²))` of Thorp (2006), section 5, with `q = 1 − p`. If that asks for a
/// negative stake, only the better bet is taken.
///
/// `None` unless both are probabilities.
#[must_use]
pub fn two_even_money_bets(p: f64, q: f64) -> Option<(f64, f64)> {
    /// The best value of `v` in `win · log(1 + v) + lose · log(1 − v)`.
    fn best(win: f64, lose: f64) -> f64 {
        if win + lose > 0.0 {
            (win - lose) / (win + lose)
        } else {
            0.0
        }
    }
    if !(is_probability(p) && is_probability(q)) {
        return None;
    }
    let sum = best(p * q, (1.0 - p) * (1.0 - q));
    let difference = best(p * (1.0 - q), (1.0 - p) * q);
    let (first, second) = (0.5 * (sum + difference), 0.5 * (sum - difference));
    Some(if first >= 0.0 && second >= 0.0 {
        (first, second)
    } else if p >= q {
        ((2.0 * p - 1.0).max(0.0), 0.0)
    } else {
        (0.0, (2.0 * q - 1.0).max(0.0))
    })
}

/// The stake on each of `count` independent even-money bets at once that all win with probability
/// `p`. By symmetry and concavity all stakes are equal, and the derivative of
/// `Σ_k Binomial(k) log(1 + (2k − count) f)` falls in `f`: its root is bracketed and bisected
/// (the symmetric case of Whitrow 2007).
///
/// `None` unless `p` is a probability and `count` is from 1 to 1,000.
#[must_use]
pub fn equal_even_money_bets(p: f64, count: u32) -> Option<f64> {
    const MOST: u32 = 1000;
    if !is_probability(p) || count == 0 || count > MOST {
        return None;
    }
    if p <= 0.5 {
        return Some(0.0);
    }
    let n = f64::from(count);
    if p >= 1.0 {
        return Some(1.0 / n);
    }
    let log_choose =
        |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let chances: Vec<(f64, f64)> = (0..=count)
        .map(|wins| {
            let k = f64::from(wins);
            let log = log_choose(k) + k * libm::log(p) + (n - k) * libm::log(1.0 - p);
            (libm::exp(log), 2.0 * k - n)
        })
        .collect();
    let slope = |stake: f64| -> f64 {
        chances
            .iter()
            .map(|(chance, net)| chance * net / (1.0 + net * stake))
            .sum()
    };
    let (mut low, mut high) = (0.0, 1.0 / n);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// Stakes on outcomes of which exactly one comes true.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// The stake on each outcome.
    pub stakes: Vec<f64>,
    /// What is kept back.
    pub reserve: f64,
}

/// Stakes on outcomes of which exactly one comes true, with these probabilities and gross odds
/// (what a winning unit becomes). Outcomes enter by falling `p · odds` while that exceeds the
/// reserve rate `R = (1 − Σp)/(1 − Σ1/odds)` of those already in; each stake is `p − R/odds`
/// (Kelly 1956, section "with track take"; Smoczynski & Tomkins 2010).
///
/// If the odds are generous enough that all outcomes can be covered at a profit or at par, all is
/// staked in proportion to the probabilities.
///
/// `None` unless the lists have one length, the odds exceed 0, and the probabilities sum to one.
#[must_use]
pub fn race(probabilities: &[f64], odds: &[f64]) -> Option<Race> {
    const SAME: f64 = 1e-9;
    let sum: f64 = probabilities.iter().sum();
    if probabilities.len() != odds.len()
        || probabilities.iter().any(|&p| !is_probability(p))
        || odds.iter().any(|&o| !(o > 0.0 && o.is_finite()))
        || (sum - 1.0).abs() > SAME
    {
        return None;
    }
    if odds.iter().map(|o| 1.0 / o).sum::<f64>() <= 1.0 {
        return Some(Race {
            stakes: probabilities.to_vec(),
            reserve: 0.0,
        });
    }
    let mut order: Vec<usize> = (0..odds.len()).collect();
    let worth = |index: usize| probabilities[index] * odds[index];
    order.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)).then(a.cmp(&b)));
    let (mut rate, mut chance, mut cover) = (1.0_f64, 0.0, 0.0);
    for index in order {
        if worth(index) <= rate {
            break;
        }
        chance += probabilities[index];
        cover += 1.0 / odds[index];
        if cover >= 1.0 {
            break;
        }
        rate = ((1.0 - chance) / (1.0 - cover)).max(0.0);
    }
    let stakes: Vec<f64> = probabilities
        .iter()
        .zip(odds)
        .map(|(p, o)| (p - rate / o).max(0.0))
        .collect();
    let reserve = (1.0 - stakes.iter().sum::<f64>()).max(0.0);
    Some(Race { stakes, reserve })
}

/// All `2^n` outcomes of independent bets that win `odds` per unit with probability `p` and lose
/// the unit otherwise, as scenarios. Outcomes that cannot happen are left out.
///
/// `None` unless there are 1 to [`MOST_LISTED`] bets, each as [`single_bet`] wants it.
#[must_use]
pub fn independent_bets(bets: &[(f64, f64)]) -> Option<Scenarios> {
    let n = bets.len();
    let valid = |&(p, odds): &(f64, f64)| single_bet(p, odds).is_some();
    if n == 0 || n > MOST_LISTED || !bets.iter().all(valid) {
        return None;
    }
    let mut rows: Vec<(f64, usize)> = Vec::with_capacity(1 << n);
    for outcome in 0..1_usize << n {
        let wins = |bet: usize| outcome >> bet & 1 == 1;
        let chance: f64 = bets
            .iter()
            .enumerate()
            .map(|(bet, &(p, _))| if wins(bet) { p } else { 1.0 - p })
            .product();
        if chance > 0.0 {
            rows.push((chance, outcome));
        }
    }
    let total: f64 = rows.iter().map(|row| row.0).sum();
    Some(Scenarios {
        gross: DMatrix::from_fn(rows.len(), n, |row, bet| {
            if rows[row].1 >> bet & 1 == 1 {
                1.0 + bets[bet].1
            } else {
                0.0
            }
        }),
        probabilities: DVector::from_iterator(rows.len(), rows.iter().map(|row| row.0 / total)),
    })
}
