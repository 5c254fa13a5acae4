//! Excess returns of all scenarios, laid out so that plain loops over them vectorise.

use crate::problem::Scenarios;

/// Assets side by side in one panel.
const WIDTH: usize = 4;
/// Scenarios that one block of a weighted product spans: two panels of it fit the first-level cache.
const BLOCK: usize = 256;

/// Excess returns of some assets in one scenario.
type Panel = [f64; WIDTH];

/// Excess returns `g − 1` over cash, in panels of assets.
#[derive(Debug, Clone)]
pub(crate) struct Wagers {
    /// Assets, `n`.
    assets: usize,
    /// Panel by panel, each with one entry per scenario; assets beyond the last are zero.
    excess: Vec<Panel>,
    /// Probabilities, `s`.
    probabilities: Vec<f64>,
    /// Wealth at weights of zero, `s`: one, plus what fixed weights bring.
    base: Vec<f64>,
}

impl Wagers {
    /// The assets `free` of `scenarios`; the others stay at `weights`.
    pub(crate) fn new(scenarios: &Scenarios, free: &[usize], weights: &[f64]) -> Self {
        let count = scenarios.gross.nrows();
        let total: f64 = scenarios.probabilities.iter().sum();
        let mut excess = vec![[0.0; WIDTH]; count * free.len().div_ceil(WIDTH)];
        for (panel, assets) in excess.chunks_exact_mut(count).zip(free.chunks(WIDTH)) {
            for (lane, &asset) in assets.iter().enumerate() {
                for (to, gross) in panel.iter_mut().zip(scenarios.gross.column(asset).iter()) {
                    to[lane] = gross - 1.0;
                }
            }
        }
        let mut base = vec![1.0; count];
        for (asset, &weight) in weights.iter().enumerate() {
            if weight != 0.0 && free.binary_search(&asset).is_err() {
                for (to, gross) in base.iter_mut().zip(scenarios.gross.column(asset).iter()) {
                    *to += weight * (gross - 1.0);
                }
            }
        }
        Self {
            assets: free.len(),
            excess,
            probabilities: scenarios.probabilities.iter().map(|p| p / total).collect(),
            base,
        }
    }

    /// Assets, `n`.
    pub(crate) fn assets(&self) -> usize {
        self.assets
    }

    /// Scenarios, `s`.
    pub(crate) fn scenarios(&self) -> usize {
        self.base.len()
    }

    /// Probabilities, `s`.
    pub(crate) fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    fn panels(&self) -> impl Iterator<Item = &[Panel]> {
        self.excess.chunks_exact(self.base.len())
    }

    /// `X v`: what moves `v` of weights bring per scenario, `s`.
    pub(crate) fn gain(&self, moves: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (panel, moves) in self.panels().zip(moves.chunks(WIDTH)) {
            let mut by = [0.0; WIDTH];
            by[..moves.len()].copy_from_slice(moves);
            if by == [0.0; WIDTH] {
                continue;
            }
            for (to, excess) in out.iter_mut().zip(panel) {
                *to += (by[0] * excess[0] + by[1] * excess[1])
                    + (by[2] * excess[2] + by[3] * excess[3]);
            }
        }
    }

    /// Wealth per scenario at `weights`, `s`.
    pub(crate) fn wealth(&self, weights: &[f64], out: &mut [f64]) {
        self.gain(weights, out);
        for (to, base) in out.iter_mut().zip(&self.base) {
            *to += base;
        }
    }

    /// `X' v`: the sum of excess returns weighed by `v`, `n`.
    pub(crate) fn pull(&self, by: &[f64], out: &mut [f64]) {
        for (panel, out) in self.panels().zip(out.chunks_mut(WIDTH)) {
            let mut sums = [[0.0; WIDTH]; 2];
            let (pairs, last) = panel.as_chunks::<2>();
            let (by_pairs, by_last) = by.as_chunks::<2>();
            for (pair, by) in pairs.iter().zip(by_pairs) {
                for half in 0..2 {
                    for lane in 0..WIDTH {
                        sums[half][lane] += by[half] * pair[half][lane];
                    }
                }
            }
            for (excess, by) in last.iter().zip(by_last) {
                for lane in 0..WIDTH {
                    sums[0][lane] += by * excess[lane];
                }
            }
            for (lane, to) in out.iter_mut().enumerate() {
                *to = sums[0][lane] + sums[1][lane];
            }
        }
    }

    /// Adds `X' diag(by) X` to the lower triangle of `out`, `n × n` by rows.
    pub(crate) fn curvature(&self, by: &[f64], out: &mut [f64]) {
        let (n, count) = (self.assets, self.base.len());
        let mut scaled = [[0.0; WIDTH]; BLOCK];
        for from in (0..count).step_by(BLOCK) {
            let length = BLOCK.min(count - from);
            let by = &by[from..from + length];
            for (upper, rows) in self.panels().enumerate() {
                let scaled = &mut scaled[..length];
                for ((to, excess), by) in scaled.iter_mut().zip(&rows[from..]).zip(by) {
                    for lane in 0..WIDTH {
                        to[lane] = excess[lane] * by;
                    }
                }
                for (left, columns) in self.panels().enumerate().take(upper + 1) {
                    let sums = product(scaled, &columns[from..from + length]);
                    for (row, sums) in (upper * WIDTH..n).zip(&sums) {
                        let first = left * WIDTH;
                        let last = (first + WIDTH).min(row + 1);
                        let target = &mut out[row * n + first..row * n + last];
                        for (to, sum) in target.iter_mut().zip(sums) {
                            *to += sum;
                        }
                    }
                }
            }
        }
    }
}

/// The products of two panels, summed over scenarios: rows of the first, columns of the second.
fn product(rows: &[Panel], columns: &[Panel]) -> [Panel; WIDTH] {
    let mut sums = [[0.0; WIDTH]; WIDTH];
    for (row, column) in rows.iter().zip(columns) {
        for (sums, row) in sums.iter_mut().zip(row) {
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum += row * column;
            }
        }
    }
    sums
}

/// `a'b`, in lanes.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const WIDE: usize = 8;
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<WIDE>();
    let (b, b_rest) = b[..length].as_chunks::<WIDE>();
    let mut sums = [0.0; WIDE];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..WIDE {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
