//! A linear program with few rows and many bounded columns: `max c'x, A x ≤ b, 0 ≤ x ≤ u`, with
//! `b ≥ 0`, so that nothing is a start.
//!
//! Revised primal simplex for bounded variables (Dantzig 1955) with the inverse of the basis kept
//! whole: there are as many rows as limits. Its answer is only ever used as a proposal: what rests
//! on the multipliers is worked out elsewhere.

/// Reduced costs and pivots below this are zero.
const TOLERANCE: f64 = 1e-10;

/// Rank-one updates after which the inverse is not trusted any more, and the program stops with what
/// it has.
const MAX_PIVOTS: usize = 20_000;

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) gain: f64,
    pub(crate) width: f64,
    /// Row and coefficient.
    pub(crate) entries: Vec<(usize, f64)>,
    /// Whether the start has it at its upper bound.
    pub(crate) full: bool,
}

/// Where the program stopped.
#[derive(Debug, Clone)]
pub(crate) struct Optimum {
    /// By column.
    pub(crate) values: Vec<f64>,
    /// By row; never negative.
    pub(crate) prices: Vec<f64>,
}

struct Simplex<'a> {
    columns: &'a [Column],
    rows: usize,
    /// Row-major, `m × m`.
    inverse: Vec<f64>,
    /// Column of each row; `columns.len() + r` is the slack of row `r`.
    basis: Vec<usize>,
    /// Values of the basis.
    values: Vec<f64>,
    /// By column: basic, or at its upper bound.
    basic: Vec<bool>,
    upper: Vec<bool>,
}

/// Solves it. The columns that the start has at their upper bounds must keep all rows; if they do
/// not, the start is nothing at all.
pub(crate) fn maximise(columns: &[Column], right: &[f64]) -> Optimum {
    let rows = right.len();
    let mut upper: Vec<bool> = columns.iter().map(|column| column.full).collect();
    let mut slack = slacks(columns, right, &upper);
    if slack.iter().any(|slack| *slack < 0.0) {
        upper.fill(false);
        slack = right.to_vec();
    }
    let mut inverse = vec![0.0; rows * rows];
    for row in 0..rows {
        inverse[row * rows + row] = 1.0;
    }
    let mut simplex = Simplex {
        columns,
        rows,
        inverse,
        basis: (0..rows).map(|row| columns.len() + row).collect(),
        values: slack,
        basic: vec![false; columns.len() + rows],
        upper,
    };
    simplex.basic[columns.len()..].fill(true);
    let mut prices = vec![0.0; rows];
    for pivot in 0..MAX_PIVOTS {
        prices = simplex.prices();
        // Rules that cannot cycle where the steepest one did not end in good time (Bland 1977).
        let careful = pivot > MAX_PIVOTS / 2;
        let Some((entering, up)) = simplex.entering(&prices, careful) else {
            break;
        };
        if !simplex.pivot(entering, up, careful) {
            break;
        }
    }
    Optimum {
        values: simplex.all_values(),
        prices: prices.into_iter().map(|price| price.max(0.0)).collect(),
    }
}

fn slacks(columns: &[Column], right: &[f64], upper: &[bool]) -> Vec<f64> {
    let mut slack = right.to_vec();
    for (column, _) in columns.iter().zip(upper).filter(|(_, upper)| **upper) {
        for (row, coefficient) in &column.entries {
            slack[*row] -= coefficient * column.width;
        }
    }
    slack
}

impl Simplex<'_> {
    fn gain(&self, variable: usize) -> f64 {
        self.columns.get(variable).map_or(0.0, |column| column.gain)
    }

    fn width(&self, variable: usize) -> f64 {
        let column = self.columns.get(variable);
        column.map_or(f64::INFINITY, |column| column.width)
    }

    fn prices(&self) -> Vec<f64> {
        let mut prices = vec![0.0; self.rows];
        for (row, variable) in self.basis.iter().enumerate() {
            let gain = self.gain(*variable);
            if gain != 0.0 {
                let line = &self.inverse[row * self.rows..(row + 1) * self.rows];
                for (price, entry) in prices.iter_mut().zip(line) {
                    *price += gain * entry;
                }
            }
        }
        prices
    }

    /// The variable whose change gains most per unit, and whether it grows.
    fn entering(&self, prices: &[f64], first: bool) -> Option<(usize, bool)> {
        let mut best = None;
        let mut most = TOLERANCE;
        for (variable, column) in self.columns.iter().enumerate() {
            if self.basic[variable] {
                continue;
            }
            let terms = column.entries.iter();
            let cost: f64 = terms.map(|(row, entry)| prices[*row] * entry).sum();
            let reduced = column.gain - cost;
            let up = !self.upper[variable];
            let gain = if up { reduced } else { -reduced };
            if gain > most {
                best = Some((variable, up));
                if first {
                    return best;
                }
                most = gain;
            }
        }
        for (row, price) in prices.iter().enumerate() {
            let variable = self.columns.len() + row;
            if !self.basic[variable] && -price > most {
                best = Some((variable, true));
                if first {
                    return best;
                }
                most = -price;
            }
        }
        best
    }

    /// Lets `entering` go as far as it can; `false` if that is without end, which a program of
    /// bounded columns never has.
    fn pivot(&mut self, entering: usize, up: bool, careful: bool) -> bool {
        let rows = self.rows;
        let mut change = vec![0.0; rows];
        match self.columns.get(entering) {
            Some(column) => {
                for (row, entry) in &column.entries {
                    for (index, change) in change.iter_mut().enumerate() {
                        *change += self.inverse[index * rows + row] * entry;
                    }
                }
            }
            None => {
                let row = entering - self.columns.len();
                for (index, change) in change.iter_mut().enumerate() {
                    *change = self.inverse[index * rows + row];
                }
            }
        }
        let sign = if up { 1.0 } else { -1.0 };
        let mut step = self.width(entering);
        let mut leaving: Option<(usize, bool)> = None;
        for (row, fall) in change.iter().map(|change| sign * change).enumerate() {
            let (ratio, to_upper) = if fall > TOLERANCE {
                (self.values[row].max(0.0) / fall, false)
            } else if fall < -TOLERANCE {
                let room = self.width(self.basis[row]) - self.values[row];
                (room.max(0.0) / -fall, true)
            } else {
                continue;
            };
            // Among equals the greatest pivot is safest, and the first variable never cycles.
            let preferred = leaving.is_some_and(|(other, _)| {
                if careful {
                    self.basis[row] < self.basis[other]
                } else {
                    fall.abs() > change[other].abs()
                }
            });
            if ratio < step || (ratio <= step && preferred) {
                step = ratio;
                leaving = Some((row, to_upper));
            }
        }
        if !step.is_finite() {
            return false;
        }
        for (value, change) in self.values.iter_mut().zip(&change) {
            *value -= sign * step * change;
        }
        let Some((row, to_upper)) = leaving else {
            self.upper[entering] = up;
            return true;
        };
        let left = self.basis[row];
        self.basic[left] = false;
        if let Some(upper) = self.upper.get_mut(left) {
            *upper = to_upper;
        }
        self.basic[entering] = true;
        if let Some(upper) = self.upper.get_mut(entering) {
            *upper = false;
        }
        self.basis[row] = entering;
        self.values[row] = if up {
            step
        } else {
            self.width(entering) - step
        };
        self.eliminate(row, &change);
        true
    }

    /// Takes the pivot in `row`, whose column in terms of the basis is `change`.
    fn eliminate(&mut self, row: usize, change: &[f64]) {
        let rows = self.rows;
        let mut line = self.inverse[row * rows..(row + 1) * rows].to_vec();
        for entry in &mut line {
            *entry /= change[row];
        }
        for (other, change) in change.iter().enumerate() {
            let target = &mut self.inverse[other * rows..(other + 1) * rows];
            if other == row {
                target.copy_from_slice(&line);
            } else if *change != 0.0 {
                for (entry, pivot) in target.iter_mut().zip(&line) {
                    *entry -= change * pivot;
                }
            }
        }
    }

    fn all_values(&self) -> Vec<f64> {
        let columns = self.columns.iter().zip(&self.upper);
        let mut values: Vec<f64> = columns
            .map(|(column, upper)| if *upper { column.width } else { 0.0 })
            .collect();
        for (variable, value) in self.basis.iter().zip(&self.values) {
            if let Some(column) = self.columns.get(*variable) {
                values[*variable] = value.clamp(0.0, column.width);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(gain: f64, width: f64, entries: &[(usize, f64)]) -> Column {
        Column {
            gain,
            width,
            entries: entries.to_vec(),
            full: false,
        }
    }

    #[test]
    fn the_textbook_program_has_its_known_optimum_and_prices() {
        // Dantzig's product mix (as in Hillier & Lieberman): max 3x + 5y, x ≤ 4, 2y ≤ 12,
        // 3x + 2y ≤ 18: 36 at (2, 6), prices (0, 3/2, 1).
        let columns = [
            column(3.0, 100.0, &[(0, 1.0), (2, 3.0)]),
            column(5.0, 100.0, &[(1, 2.0), (2, 2.0)]),
        ];
        let optimum = maximise(&columns, &[4.0, 12.0, 18.0]);
        for (value, known) in optimum.values.iter().zip([2.0, 6.0]) {
            assert!((value - known).abs() < 1e-9, "{optimum:?}");
        }
        for (price, known) in optimum.prices.iter().zip([0.0, 1.5, 1.0]) {
            assert!((price - known).abs() < 1e-9, "{optimum:?}");
        }
    }

    #[test]
    fn columns_stop_at_their_upper_bounds_and_a_start_that_breaks_a_row_is_dropped() {
        let mut columns = [column(2.0, 1.0, &[(0, 1.0)]), column(1.0, 5.0, &[(0, 1.0)])];
        let optimum = maximise(&columns, &[3.0]);
        assert_eq!(optimum.values, [1.0, 2.0]);
        assert_eq!(optimum.prices, [1.0]);
        columns[1].full = true;
        assert_eq!(maximise(&columns, &[3.0]).values, [1.0, 2.0]);
    }
}
