//! What a step may gain: prices, reduced costs, and which of them to follow.
//!
//! Few of many variables matter, so only those that are active are priced at each step; the others
//! are asked when the active ones are at their best. Directions are compared by reference weights
//! (Forrest & Goldfarb 1992, "Steepest-edge simplex algorithms for linear programming": Devex).

use super::super::inverse::{add_all_scaled, add_scaled, dot};
use super::{DUAL_TOLERANCE, Entering, RowState, Simplex, Zone};

/// Up to this many columns all are active from the start.
const ALL_ACTIVE: usize = 128;
/// Columns that are copied at once.
const TILE: usize = 16;
/// How many variables become active at once.
const ACTIVATED: usize = 64;

impl Simplex<'_> {
    /// Makes variables active: all if they are few, or else the basic and the free ones.
    pub(super) fn activate_first(&mut self) {
        let program = self.program;
        let few = program.sources() <= ALL_ACTIVE;
        self.active.clear();
        self.slots = vec![None; program.sources()];
        self.columns.clear();
        let chosen: Vec<usize> = (0..self.x.len())
            .filter(|&variable| {
                let bounds = program.variables[variable];
                few || self.place[variable].is_some()
                    || (bounds.lower == f64::NEG_INFINITY && bounds.upper == f64::INFINITY)
            })
            .collect();
        self.activate(&chosen);
    }

    /// Makes more variables active, with all that share their columns.
    fn activate(&mut self, chosen: &[usize]) {
        let program = self.program;
        if program.sources() == 0 {
            self.active = (0..self.x.len()).collect();
            return;
        }
        for &variable in chosen {
            let source = program.variables[variable].source;
            if self.slots[source].is_none() {
                self.slots[source] = Some(self.columns.len());
                self.columns.push(source);
            }
        }
        self.active = (0..self.x.len())
            .filter(|&variable| self.slots[program.variables[variable].source].is_some())
            .collect();
        let width = self.columns.len();
        let rows = program.body.rows();
        self.compact.clear();
        self.compact.resize(rows * width, 0.0);
        for (first, columns) in (0..).step_by(TILE).zip(self.columns.chunks(TILE)) {
            let columns: Vec<&[f64]> = columns
                .iter()
                .map(|&source| program.body.column(source))
                .collect();
            for (row, target) in self.compact.chunks_exact_mut(width).enumerate() {
                for (entry, column) in target[first..].iter_mut().zip(&columns) {
                    *entry = column[row];
                }
            }
        }
        self.sum_loose();
    }

    /// `Σ slope · row` of the loose rows of the body.
    pub(super) fn sum_loose(&mut self) {
        let head = self.program.head_rows();
        let mut loose = vec![0.0; self.columns.len()];
        let terms: Vec<(f64, &[f64])> = self.rows[head..]
            .iter()
            .enumerate()
            .filter_map(|(row, state)| match *state {
                RowState::Loose(zone) => {
                    Some((self.slope(head + row, zone), self.compact_row(row)))
                }
                _ => None,
            })
            .filter(|(slope, _)| *slope != 0.0)
            .collect();
        add_all_scaled(&mut loose, &terms);
        self.loose = loose;
    }

    /// A row of the body over the active columns.
    fn compact_row(&self, row: usize) -> &[f64] {
        let width = self.columns.len();
        &self.compact[row * width..(row + 1) * width]
    }

    /// A row of the body changes its slope.
    pub(super) fn shift_slope(&mut self, row: usize, change: f64) {
        let head = self.program.head_rows();
        if row >= head && change != 0.0 {
            let width = self.columns.len();
            let start = (row - head) * width;
            add_scaled(&mut self.loose, change, &self.compact[start..start + width]);
        }
    }

    fn cost(&self, variable: usize) -> f64 {
        if self.first_phase {
            0.0
        } else {
            self.program.variables[variable].cost
        }
    }

    /// An entry of a combination of rows of the body, at a variable.
    fn combined(&self, combination: &[f64], variable: usize) -> f64 {
        if combination.is_empty() {
            return 0.0;
        }
        let column = self.program.variables[variable];
        match self.slots[column.source] {
            Some(slot) => column.sign * combination[slot],
            None => 0.0,
        }
    }

    /// Prices of rows and reduced costs of active variables; reference weights after a pivot.
    pub(super) fn price(&mut self) {
        let program = self.program;
        let head = program.head_rows();
        for (row, state) in self.rows.iter().enumerate() {
            if let RowState::Loose(zone) = *state {
                self.prices[row] = self.slope(row, zone);
            }
        }
        let basic: Vec<f64> = self
            .basic
            .iter()
            .map(|&variable| {
                let mut sum = self.cost(variable) + self.combined(&self.loose, variable);
                for (row, entry) in program.head.column(variable).iter().enumerate() {
                    if let RowState::Loose(_) = self.rows[row] {
                        sum += self.prices[row] * entry;
                    }
                }
                -sum
            })
            .collect();
        let mut tight = Vec::new();
        self.inverse.transposed_times(&basic, &mut tight);
        for (&row, &price) in self.tight.iter().zip(&tight) {
            self.prices[row] = price;
        }
        let mut combination = self.loose.clone();
        self.add_rows(&mut combination, &tight);
        for &variable in &self.active {
            let column = program.head.column(variable);
            self.reduced[variable] = self.cost(variable)
                + self.combined(&combination, variable)
                + dot(column, &self.prices[..head]);
        }
        if let Some((entered, weight)) = self.entered.take() {
            self.update_weights(entered, weight);
        }
    }

    /// `out += Σ factor · row` over the tight rows of the body.
    fn add_rows(&self, out: &mut [f64], factors: &[f64]) {
        let head = self.program.head_rows();
        let terms: Vec<(f64, &[f64])> = self
            .tight
            .iter()
            .zip(factors)
            .filter(|(row, factor)| **row >= head && **factor != 0.0)
            .map(|(&row, &factor)| (factor, self.compact_row(row - head)))
            .collect();
        add_all_scaled(out, &terms);
    }

    /// Reference weights from the row of the tableau of what entered last.
    fn update_weights(&mut self, entered: Entering, weight: f64) {
        let program = self.program;
        let head = program.head_rows();
        let mut combination = vec![0.0; self.columns.len()];
        let mut factors = Vec::new();
        let mut own = vec![0.0; head];
        match entered {
            Entering::Variable(variable) => {
                let Some(place) = self.place[variable] else {
                    return;
                };
                factors.extend_from_slice(self.inverse.row(place));
            }
            Entering::Row(row, _) => {
                let ((_, product), _) = self.row_times_inverse(row, None);
                factors.extend(product.iter().map(|entry| -entry));
                if row >= head {
                    add_scaled(&mut combination, 1.0, self.compact_row(row - head));
                } else {
                    own[row] = 1.0;
                }
            }
        }
        for (&row, &factor) in self.tight.iter().zip(&factors) {
            let candidate = factor * factor * weight;
            self.row_weights[row] = self.row_weights[row].max(candidate);
            if row < head {
                own[row] = factor;
            }
        }
        self.add_rows(&mut combination, &factors);
        for place in 0..self.active.len() {
            let variable = self.active[place];
            let entry =
                self.combined(&combination, variable) + dot(program.head.column(variable), &own);
            let candidate = entry * entry * weight;
            self.weights[variable] = self.weights[variable].max(candidate);
        }
    }

    /// Makes those of the other variables active that would improve most; whether there are any.
    pub(super) fn activate_more(&mut self) -> bool {
        let program = self.program;
        let head = program.head_rows();
        if self.columns.len() == program.sources() {
            return false;
        }
        let priced: Vec<(usize, f64)> = self.prices[head..]
            .iter()
            .enumerate()
            .filter(|(_, price)| **price != 0.0)
            .map(|(row, &price)| (row, price))
            .collect();
        let sums: Vec<f64> = (0..program.sources())
            .map(|source| {
                if self.slots[source].is_some() {
                    return 0.0;
                }
                let column = program.body.column(source);
                priced.iter().map(|&(row, price)| price * column[row]).sum()
            })
            .collect();
        let mut found: Vec<(f64, usize)> = Vec::new();
        for (variable, column) in program.variables.iter().enumerate() {
            if self.slots[column.source].is_some() {
                continue;
            }
            self.reduced[variable] = self.cost(variable)
                + column.sign * sums[column.source]
                + dot(program.head.column(variable), &self.prices[..head]);
            if let Some((_, rate)) = self.improving(variable) {
                found.push((rate, variable));
            }
        }
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(ACTIVATED);
        let chosen: Vec<usize> = found.iter().map(|&(_, variable)| variable).collect();
        if chosen.is_empty() {
            return false;
        }
        self.activate(&chosen);
        true
    }

    /// What may enter with its rate of descent: a sign for the direction, and the rate.
    fn improving(&self, variable: usize) -> Option<(f64, f64)> {
        if self.place[variable].is_some() {
            return None;
        }
        let bounds = self.program.variables[variable];
        let rate = self.reduced[variable];
        if rate < -DUAL_TOLERANCE && self.x[variable] < bounds.upper {
            Some((1.0, -rate))
        } else if rate > DUAL_TOLERANCE && self.x[variable] > bounds.lower {
            Some((-1.0, rate))
        } else {
            None
        }
    }

    fn improving_row(&self, row: usize) -> Option<(Zone, f64, f64)> {
        let bend = self.bend(row);
        let (left, right, under, over) = match self.rows[row] {
            RowState::Loose(_) => return None,
            RowState::AtMin(_) if bend.min < bend.max => {
                (-bend.below, 0.0, Zone::Below, Zone::Between)
            }
            RowState::AtMax(_) if bend.min < bend.max => {
                (0.0, bend.above, Zone::Between, Zone::Above)
            }
            _ => (-bend.below, bend.above, Zone::Below, Zone::Above),
        };
        let price = self.prices[row];
        if price > right + DUAL_TOLERANCE {
            Some((over, 1.0, price - right))
        } else if price < left - DUAL_TOLERANCE {
            Some((under, -1.0, left - price))
        } else {
            None
        }
    }

    /// The entering one: the steepest by the reference weights, or the first if `first`.
    pub(super) fn choose(&self, first: bool) -> Option<(Entering, f64, f64)> {
        let mut best: Option<(Entering, f64, f64)> = None;
        let mut score = 0.0;
        for &row in &self.tight {
            if let Some((zone, sign, rate)) = self.improving_row(row) {
                let new = if first {
                    // Rows after variables, by number.
                    -((self.x.len() + row) as f64) - 1.0
                } else {
                    rate * rate / self.row_weights[row]
                };
                if best.is_none() || new > score {
                    score = new;
                    best = Some((Entering::Row(row, zone), sign, rate));
                }
            }
        }
        for &variable in &self.active {
            if let Some((sign, rate)) = self.improving(variable) {
                let bounds = self.program.variables[variable];
                let new = if first {
                    -(variable as f64) - 1.0
                } else if bounds.lower == f64::NEG_INFINITY && bounds.upper == f64::INFINITY {
                    // Once basic, what is free stays so.
                    f64::MAX
                } else {
                    rate * rate / self.weights[variable]
                };
                if best.is_none() || new > score {
                    score = new;
                    best = Some((Entering::Variable(variable), sign, rate));
                }
            }
        }
        best
    }
}
