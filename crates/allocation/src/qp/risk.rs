//! The quadratic term `½ w'Qw`, in the forms that it comes in.

use nalgebra::{DMatrix, DVector};

/// The matrix `Q` of `½ w'Qw`: symmetric and positive semidefinite, `n × n`.
#[derive(Debug, Clone, Copy)]
pub enum Risk<'a> {
    /// All entries, `n × n`.
    Dense(&'a DMatrix<f64>),
    /// `Q = L'L + diag(d)`: scaled and centred observations or factor loadings.
    Factor {
        /// `L`, `t × n`.
        loadings: &'a DMatrix<f64>,
        /// `d`, `n`, not negative; zero if none.
        diagonal: Option<&'a DVector<f64>>,
    },
    /// The identity.
    Identity,
    /// Zero: a linear program.
    Linear,
}

/// `Σ a b`, in four lanes so that the compiler can use vector registers; the order is fixed.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8
        .remainder()
        .iter()
        .zip(b8.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let halves = [
        lanes[0] + lanes[4],
        lanes[1] + lanes[5],
        lanes[2] + lanes[6],
        lanes[3] + lanes[7],
    ];
    (halves[0] + halves[2]) + (halves[1] + halves[3]) + rest
}

/// `y += a x`.
pub(super) fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

impl Risk<'_> {
    /// Column `j` of a matrix, contiguous.
    fn column(matrix: &DMatrix<f64>, j: usize) -> &[f64] {
        let t = matrix.nrows();
        &matrix.as_slice()[j * t..(j + 1) * t]
    }

    /// The dimension that it says it has, if it says.
    pub(super) fn dimension(&self) -> Option<usize> {
        match self {
            Self::Dense(matrix) => Some(matrix.ncols()),
            Self::Factor { loadings, .. } => Some(loadings.ncols()),
            Self::Identity | Self::Linear => None,
        }
    }

    /// `Q_jj`.
    pub(super) fn diagonal(&self, j: usize) -> f64 {
        match self {
            Self::Dense(matrix) => matrix[(j, j)],
            Self::Factor { loadings, diagonal } => {
                let column = Self::column(loadings, j);
                dot(column, column) + diagonal.map_or(0.0, |d| d[j])
            }
            Self::Identity => 1.0,
            Self::Linear => 0.0,
        }
    }

    /// `Q_ij`.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        match self {
            Self::Dense(matrix) => matrix[(i, j)],
            Self::Factor { loadings, .. } if i != j => {
                dot(Self::column(loadings, i), Self::column(loadings, j))
            }
            Self::Identity if i != j => 0.0,
            Self::Factor { .. } | Self::Identity => self.diagonal(j),
            Self::Linear => 0.0,
        }
    }

    /// `out += Q step`, where only `support` of `step` is not zero.
    pub(super) fn add_product(&self, step: &[f64], support: &[usize], out: &mut [f64]) {
        match self {
            Self::Dense(matrix) => {
                // Four columns at a time: one pass over `out` for each four.
                let mut quads = support.chunks_exact(4);
                for quad in &mut quads {
                    let columns = [
                        Self::column(matrix, quad[0]),
                        Self::column(matrix, quad[1]),
                        Self::column(matrix, quad[2]),
                        Self::column(matrix, quad[3]),
                    ];
                    let s = [step[quad[0]], step[quad[1]], step[quad[2]], step[quad[3]]];
                    for ((((out, a), b), c), d) in out
                        .iter_mut()
                        .zip(columns[0])
                        .zip(columns[1])
                        .zip(columns[2])
                        .zip(columns[3])
                    {
                        *out += (s[0] * a + s[1] * b) + (s[2] * c + s[3] * d);
                    }
                }
                for &j in quads.remainder() {
                    axpy(step[j], Self::column(matrix, j), out);
                }
            }
            Self::Factor { loadings, diagonal } => {
                let mut exposure = vec![0.0; loadings.nrows()];
                for &j in support {
                    axpy(step[j], Self::column(loadings, j), &mut exposure);
                }
                for (j, out) in out.iter_mut().enumerate() {
                    *out += dot(Self::column(loadings, j), &exposure);
                }
                if let Some(d) = diagonal {
                    for &j in support {
                        out[j] += d[j] * step[j];
                    }
                }
            }
            Self::Identity => {
                for &j in support {
                    out[j] += step[j];
                }
            }
            Self::Linear => {}
        }
    }

    /// `Q w`.
    pub(super) fn product(&self, weights: &[f64]) -> Vec<f64> {
        let support: Vec<_> = (0..weights.len()).filter(|&j| weights[j] != 0.0).collect();
        let mut out = vec![0.0; weights.len()];
        self.add_product(weights, &support, &mut out);
        out
    }

    /// The greatest `Q_jj`.
    pub(super) fn greatest(&self, n: usize) -> f64 {
        (0..n).map(|j| self.diagonal(j)).fold(0.0, f64::max)
    }
}
