//! A linear program with bends: `min c'x + Σ φᵢ(aᵢ'x)` over a box, each `φᵢ` convex and piecewise
//! linear around one interval.

use nalgebra::DMatrix;

use super::inverse::{add_scaled, dot};

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

/// Dense rows that many variables may share with a sign, stored both ways.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    rows: usize,
    columns: usize,
    by_row: Vec<f64>,
    by_column: Vec<f64>,
}

impl Block {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            by_row: vec![0.0; rows * columns],
            by_column: vec![0.0; rows * columns],
        }
    }

    /// `scale · matrix` with a last column of `last`.
    pub(crate) fn bordered(matrix: &DMatrix<f64>, scale: f64, last: f64) -> Self {
        const TILE: usize = 32;
        let (rows, width) = matrix.shape();
        let columns = width + 1;
        let mut by_column: Vec<f64> = matrix.iter().map(|entry| entry * scale).collect();
        by_column.resize(rows * columns, last);
        let mut by_row = vec![0.0; rows * columns];
        for row_tile in (0..rows).step_by(TILE) {
            for column_tile in (0..columns).step_by(TILE) {
                for row in row_tile..(row_tile + TILE).min(rows) {
                    for column in column_tile..(column_tile + TILE).min(columns) {
                        by_row[row * columns + column] = by_column[column * rows + row];
                    }
                }
            }
        }
        Self {
            rows,
            columns,
            by_row,
            by_column,
        }
    }

    pub(crate) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.by_row[row * self.columns + column] = value;
        self.by_column[column * self.rows + row] = value;
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.by_row[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn column(&self, column: usize) -> &[f64] {
        &self.by_column[column * self.rows..(column + 1) * self.rows]
    }
}

/// A variable: where its column stands and within which bounds it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Variable {
    /// The column of the block `body`.
    pub(crate) source: usize,
    /// The sign with which it counts there.
    pub(crate) sign: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) cost: f64,
}

/// The whole program. Rows of `head` come first (one column per variable), then those of `body`.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) variables: Vec<Variable>,
    pub(crate) head: Block,
    pub(crate) body: Block,
    /// One per row, those of `head` first.
    pub(crate) bends: Vec<Bend>,
}

impl Program {
    /// The same with one more variable that the head does not know, and rows of a body.
    pub(crate) fn with_body(mut self, variable: Variable, body: Block, bends: &[Bend]) -> Self {
        let (rows, columns) = (self.head.rows, self.head.columns);
        let mut head = Block::zeros(rows, columns + 1);
        for row in 0..rows {
            for column in 0..columns {
                head.set(row, column, self.head.by_row[row * columns + column]);
            }
        }
        self.head = head;
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
            self.head.by_column[variable * self.head.rows + row]
        } else {
            let Variable { source, sign, .. } = self.variables[variable];
            sign * self.body.by_column[source * self.body.rows + row - self.head.rows]
        }
    }

    /// `out += factor · column`, over all rows.
    pub(crate) fn add_column(&self, out: &mut [f64], variable: usize, factor: f64) {
        let (head, body) = out.split_at_mut(self.head.rows);
        add_scaled(head, factor, self.head.column(variable));
        if self.body.rows > 0 {
            let Variable { source, sign, .. } = self.variables[variable];
            add_scaled(body, sign * factor, self.body.column(source));
        }
    }

    /// `x` summed over the variables of each source, with their signs.
    pub(crate) fn gather(&self, x: &[f64]) -> Vec<f64> {
        let mut sources = vec![0.0; self.sources()];
        if self.body.rows > 0 {
            for (variable, &value) in self.variables.iter().zip(x) {
                sources[variable.source] += variable.sign * value;
            }
        }
        sources
    }

    /// The value of a row; `sources` is [`Program::gather`] of `x`.
    pub(crate) fn activity(&self, row: usize, x: &[f64], sources: &[f64]) -> f64 {
        if row < self.head.rows {
            dot(self.head.row(row), x)
        } else {
            dot(self.body.row(row - self.head.rows), sources)
        }
    }
}
