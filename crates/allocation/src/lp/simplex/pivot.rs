//! What enters takes the place of what stopped it.

use super::super::inverse::dot;
use super::ratio::Stop;
use super::{Entering, RowState, Simplex, Zone};

impl Simplex<'_> {
    /// A loose row passes a bend.
    pub(super) fn cross(&mut self, row: usize, up: bool, at_max: bool) {
        let RowState::Loose(before) = self.rows[row] else {
            return;
        };
        let after = match (at_max, up) {
            (false, false) => Zone::Below,
            (true, true) => Zone::Above,
            _ => Zone::Between,
        };
        self.rows[row] = RowState::Loose(after);
        self.prices[row] = self.slope(row, after);
        let change = self.prices[row] - self.slope(row, before);
        self.shift_slope(row, change);
    }

    /// Exchanges what enters for what stopped it.
    pub(super) fn pivot(&mut self, entering: Entering, sign: f64, stop: Stop, solved: &[f64]) {
        match (entering, stop) {
            (Entering::Variable(variable), Stop::Flip) => {
                let bounds = self.program.variables[variable];
                self.x[variable] = if sign > 0.0 {
                    bounds.upper
                } else {
                    bounds.lower
                };
            }
            (Entering::Row(row, _), Stop::Flip) => {
                self.rows[row] = match self.rows[row] {
                    RowState::AtMin(place) => RowState::AtMax(place),
                    RowState::AtMax(place) => RowState::AtMin(place),
                    loose @ RowState::Loose(_) => loose,
                };
            }
            (Entering::Variable(variable), Stop::Variable { place, up }) => {
                self.inverse.replace_column(place, solved);
                self.leave(place, up);
                self.basic[place] = variable;
                self.place[variable] = Some(place);
                self.updates += 1;
            }
            (Entering::Variable(variable), Stop::Row { row, second, up }) => {
                let (left, corner) = self.row_times_inverse(row, Some(variable));
                let schur = corner - dot(&left.0, solved);
                self.inverse.grow(solved, &left.1, schur);
                let place = self.tight.len();
                self.tighten(row, second == up, place);
                self.tight.push(row);
                self.basic.push(variable);
                self.place[variable] = Some(place);
                self.updates += 1;
            }
            (Entering::Row(row, zone), Stop::Variable { place, up }) => {
                let (RowState::AtMin(position) | RowState::AtMax(position)) = self.rows[row] else {
                    return;
                };
                self.inverse.shrink(place, position);
                self.leave(place, up);
                self.basic.swap_remove(place);
                if let Some(&moved) = self.basic.get(place) {
                    self.place[moved] = Some(place);
                }
                self.tight.swap_remove(position);
                if let Some(&moved) = self.tight.get(position) {
                    self.rows[moved] = match self.rows[moved] {
                        RowState::AtMin(_) => RowState::AtMin(position),
                        _ => RowState::AtMax(position),
                    };
                }
                self.loosen(row, zone);
                self.updates += 1;
            }
            (
                Entering::Row(row, zone),
                Stop::Row {
                    row: other,
                    second,
                    up,
                },
            ) => {
                let (RowState::AtMin(position) | RowState::AtMax(position)) = self.rows[row] else {
                    return;
                };
                let (left, _) = self.row_times_inverse(other, None);
                self.inverse.replace_row(position, &left.1);
                self.loosen(row, zone);
                self.tighten(other, second == up, position);
                self.tight[position] = other;
                self.updates += 1;
            }
        }
    }

    /// A row over the basic variables, the same times the inverse, and its entry at `corner`.
    pub(super) fn row_times_inverse(
        &self,
        row: usize,
        corner: Option<usize>,
    ) -> ((Vec<f64>, Vec<f64>), f64) {
        let over: Vec<f64> = self
            .basic
            .iter()
            .map(|&basic| self.program.entry(row, basic))
            .collect();
        let mut product = Vec::new();
        self.inverse.transposed_times(&over, &mut product);
        let corner = corner.map_or(0.0, |variable| self.program.entry(row, variable));
        ((over, product), corner)
    }

    /// The basic variable at `place` goes to its bound.
    fn leave(&mut self, place: usize, up: bool) {
        let variable = self.basic[place];
        let bounds = self.program.variables[variable];
        self.x[variable] = if up { bounds.upper } else { bounds.lower };
        self.place[variable] = None;
        self.weights[variable] = 1.0;
    }

    fn tighten(&mut self, row: usize, at_max: bool, place: usize) {
        if let RowState::Loose(zone) = self.rows[row] {
            let slope = self.slope(row, zone);
            self.shift_slope(row, -slope);
        }
        self.row_weights[row] = 1.0;
        let bend = self.bends[row];
        self.values[row] = if at_max { bend.max } else { bend.min };
        self.rows[row] = if at_max {
            RowState::AtMax(place)
        } else {
            RowState::AtMin(place)
        };
    }

    fn loosen(&mut self, row: usize, zone: Zone) {
        self.rows[row] = RowState::Loose(zone);
        self.prices[row] = self.slope(row, zone);
        self.shift_slope(row, self.prices[row]);
    }
}
