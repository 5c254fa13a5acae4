//! A linear program with bends: `min c'x + Σ φᵢ(aᵢ'x)` over a box, each `φᵢ` convex and piecewise
//! linear around one interval.

use nalgebra::DMatrix;

use super::inverse::{add_all_scaled, add_scaled};

/// What the value of a row costs: nothing in `[min, max]`, `below` per unit under it, `above` per
/// unit over it. An infinite price makes the limit hard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bend {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) below: f64,
    pub(crate) above: f64,
}

impl Bend {
    pub(crate) fn hard(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            below: f64::INFINITY,
            above: f64::INFINITY,
        }
    }
}

/// A dense matrix by columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    rows: usize,
    columns: usize,
    entries: Vec<f64>,
}

impl Columns {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            entries: vec![0.0; rows * columns],
        }
    }

    /// `scale · matrix` with a last column of `last`.
    pub(crate) fn bordered(matrix: &DMatrix<f64>, scale: f64, last: f64) -> Self {
        let (rows, width) = matrix.shape();
        let mut entries = Vec::with_capacity(rows * (width + 1));
        entries.extend(matrix.iter().map(|entry| entry * scale));
        entries.resize(rows * (width + 1), last);
        Self {
            rows,
            columns: width + 1,
            entries,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn column(&self, column: usize) -> &[f64] {
        &self.entries[column * self.rows..(column + 1) * self.rows]
    }

    pub(crate) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.entries[column * self.rows + row] = value;
    }
}

/// A variable: where its column stands and within which bounds it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Variable {
    /// The column of `body`.
    pub(crate) source: usize,
    /// The sign with which it counts there; several variables may share a column.
    pub(crate) sign: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) cost: f64,
}

/// The whole program. Rows of `head` come first (one column per variable), then those of `body`.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) variables: Vec<Variable>,
    pub(crate) head: Columns,
    pub(crate) body: Columns,
    /// One per row, those of `head` first.
    pub(crate) bends: Vec<Bend>,
}

impl Program {
    /// The same with one more variable, which the head does not count, and rows of a body.
    pub(crate) fn with_body(mut self, variable: Variable, body: Columns, bends: &[Bend]) -> Self {
        self.head
            .entries
            .resize(self.head.entries.len() + self.head.rows, 0.0);
        self.head.columns += 1;
        self.variables.push(variable);
        self.body = body;
        self.bends.extend_from_slice(bends);
        self
    }

    pub(crate) fn rows(&self) -> usize {
        self.head.rows + self.body.rows
    }

    pub(crate) fn head_rows(&self) -> usize {
        self.head.rows
    }

    pub(crate) fn sources(&self) -> usize {
        self.body.columns
    }

    pub(crate) fn entry(&self, row: usize, variable: usize) -> f64 {
        if row < self.head.rows {
            self.head.entries[variable * self.head.rows + row]
        } else {
            let Variable { source, sign, .. } = self.variables[variable];
            sign * self.body.entries[source * self.body.rows + row - self.head.rows]
        }
    }

    /// `out += Σ factor · column` over all rows, of variables with factors.
    pub(crate) fn add_columns(&self, out: &mut [f64], terms: &[(usize, f64)]) {
        let (head, body) = out.split_at_mut(self.head.rows);
        for &(variable, factor) in terms {
            add_scaled(head, factor, self.head.column(variable));
        }
        if self.body.rows > 0 {
            let columns: Vec<(f64, &[f64])> = terms
                .iter()
                .map(|&(variable, factor)| {
                    let Variable { source, sign, .. } = self.variables[variable];
                    (sign * factor, self.body.column(source))
                })
                .collect();
            add_all_scaled(body, &columns);
        }
    }
}
