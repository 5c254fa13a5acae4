//! Excess returns of all scenarios, laid out so that plain loops over them vectorise.

use crate::problem::Scenarios;

/// Scenarios that one block of a weighted product spans: two tiles of it fit the first-level cache.
const BLOCK: usize = 512;
/// Lanes that a dot product is split into. Sums are always taken in this order.
const LANES: usize = 2;

/// Excess returns `g − 1` over cash, asset by asset.
#[derive(Debug, Clone)]
pub(crate) struct Wagers {
    /// Assets, `n`.
    assets: usize,
    /// Scenarios, `s`.
    scenarios: usize,
    /// `s` rounded up to a multiple of the lanes; what is added is zero.
    stride: usize,
    /// `n` runs of `stride`.
    excess: Vec<f64>,
    /// Probabilities, `s`.
    probabilities: Vec<f64>,
    /// Wealth at weights of zero, `s`: one, plus what fixed weights bring.
    base: Vec<f64>,
}

impl Wagers {
    /// The assets `free` of `scenarios`; the others stay at `weights`.
    pub(crate) fn new(scenarios: &Scenarios, free: &[usize], weights: &[f64]) -> Self {
        let count = scenarios.gross.nrows();
        let stride = count.next_multiple_of(LANES);
        let total: f64 = scenarios.probabilities.iter().sum();
        let mut excess = vec![0.0; stride * free.len()];
        for (run, &asset) in excess.chunks_exact_mut(stride.max(1)).zip(free) {
            for (to, gross) in run.iter_mut().zip(scenarios.gross.column(asset).iter()) {
                *to = gross - 1.0;
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
            scenarios: count,
            stride,
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
        self.scenarios
    }

    /// The length that vectors over scenarios need for [`Self::curvature`].
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Probabilities, `s`.
    pub(crate) fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    fn run(&self, asset: usize) -> &[f64] {
        &self.excess[asset * self.stride..(asset + 1) * self.stride]
    }

    /// `X v`: what moves `v` of weights bring per scenario, `s`.
    pub(crate) fn gain(&self, moves: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (asset, &weight) in moves.iter().enumerate() {
            if weight != 0.0 {
                for (to, excess) in out.iter_mut().zip(self.run(asset)) {
                    *to += weight * excess;
                }
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
        for (asset, to) in out.iter_mut().enumerate() {
            *to = dot(self.run(asset), by);
        }
    }

    /// Adds `X' diag(by) X` to the lower triangle of `out`, `n × n` by rows. `by` has the length of
    /// [`Self::stride`].
    pub(crate) fn curvature(&self, by: &[f64], out: &mut [f64]) {
        let n = self.assets;
        let mut scaled = [[0.0; BLOCK]; 2];
        for from in (0..self.stride).step_by(BLOCK) {
            let length = BLOCK.min(self.stride - from);
            let by = &by[from..from + length];
            let block = |asset: usize| &self.run(asset)[from..from + length];
            for row in (0..n).step_by(2) {
                let rows = 2.min(n - row);
                for (offset, scaled) in scaled.iter_mut().take(rows).enumerate() {
                    for ((to, excess), by) in scaled.iter_mut().zip(block(row + offset)).zip(by) {
                        *to = excess * by;
                    }
                }
                let pair = [&scaled[0][..length], &scaled[rows - 1][..length]];
                let last = row + rows - 1;
                let mut column = 0;
                while column <= last {
                    let at = |offset: usize| block((column + offset).min(last));
                    let tile = tile(pair, [at(0), at(1), at(2), at(3)]);
                    for (offset, sums) in tile.iter().enumerate().take(rows) {
                        let target = &mut out[(row + offset) * n..(row + offset) * n + n];
                        for (step, sum) in sums.iter().enumerate() {
                            if column + step <= row + offset {
                                target[column + step] += sum;
                            }
                        }
                    }
                    column += 4;
                }
            }
        }
    }
}

/// `a'b`, in lanes.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const WIDE: usize = 4 * LANES;
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

/// All eight products of two runs with four.
fn tile(rows: [&[f64]; 2], columns: [&[f64]; 4]) -> [[f64; 4]; 2] {
    let length = rows[0].len() / LANES;
    let lanes = |run: &'_ [f64]| -> usize { run.len() / LANES };
    debug_assert!(rows.iter().chain(&columns).all(|run| lanes(run) == length));
    let [r0, r1] = rows.map(|run| &run.as_chunks::<LANES>().0[..length]);
    let [c0, c1, c2, c3] = columns.map(|run| &run.as_chunks::<LANES>().0[..length]);
    let mut sums = [[[0.0; LANES]; 4]; 2];
    for at in 0..length {
        let rows = [r0[at], r1[at]];
        let columns = [c0[at], c1[at], c2[at], c3[at]];
        for (sums, row) in sums.iter_mut().zip(&rows) {
            for (sum, column) in sums.iter_mut().zip(&columns) {
                for lane in 0..LANES {
                    sum[lane] += row[lane] * column[lane];
                }
            }
        }
    }
    sums.map(|sums| sums.map(|lanes| lanes.iter().sum()))
}
