//! A primal simplex method for programs with bends.
//!
//! A vertex is given by as many tight rows (value at a bend) as there are basic variables (strictly
//! between their bounds, as a rule); only that core is inverted, so the work of an iteration does
//! not grow with the cube of the number of rows. A step goes along an edge past all bends at which
//! the objective still falls (Fourer 1985, "A simplex algorithm for piecewise-linear programming").

mod pricing;
mod ratio;

use super::inverse::{Inverse, add_scaled, dot};
use super::program::{Bend, Program};
use ratio::{Candidate, Stop, choose_stop};

/// Reduced costs below this are zero.
const DUAL_TOLERANCE: f64 = 1e-11;
/// Rates below this do not move.
const PIVOT_TOLERANCE: f64 = 1e-10;
/// Core pivots below this count as dependent when the core is inverted again.
const SINGULAR: f64 = 1e-11;
/// By how much limits may be broken and still be met.
pub(super) const FEASIBLE: f64 = 1e-10;
/// What a value at a bend can be off by.
const ROUNDING: f64 = 1e-13;
/// Updates of the inverse before it is made again.
const UPDATES: usize = 64;
/// Iterations without progress before the rule that cannot cycle takes over.
const PATIENCE: usize = 200;

/// Where the value of a row that is not tight lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Below,
    Between,
    Above,
}

/// What holds a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// Free to move within a zone.
    Loose(Zone),
    /// Held at its least, at this place of the core.
    AtMin(usize),
    /// Held at its most, at this place of the core.
    AtMax(usize),
}

/// What moves along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entering {
    Variable(usize),
    /// A tight row that goes loose into a zone.
    Row(usize, Zone),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Optimal,
    Unbounded,
    /// The limit of iterations was reached.
    Exhausted,
}

/// A program and a vertex of it.
#[derive(Debug, Clone)]
pub(crate) struct Simplex<'a> {
    program: &'a Program,
    /// Only the sum of broken hard limits counts.
    first_phase: bool,
    pub(crate) x: Vec<f64>,
    place: Vec<Option<usize>>,
    basic: Vec<usize>,
    tight: Vec<usize>,
    rows: Vec<RowState>,
    values: Vec<f64>,
    inverse: Inverse,
    updates: usize,
    /// Variables that are priced at each step.
    active: Vec<usize>,
    /// Their columns of the body, and where each column of the body stands among them.
    columns: Vec<usize>,
    slots: Vec<Option<usize>>,
    /// The body by rows, over these columns.
    compact: Vec<f64>,
    /// `Σ slope · row` of the loose rows of the body, over these columns.
    loose: Vec<f64>,
    /// What entered last, with its reference weight.
    entered: Option<(Entering, f64)>,
    pub(crate) prices: Vec<f64>,
    reduced: Vec<f64>,
    weights: Vec<f64>,
    row_weights: Vec<f64>,
    pub(crate) iterations: usize,
}

impl<'a> Simplex<'a> {
    /// Starts at a corner of the box, with no row tight.
    pub(crate) fn new(program: &'a Program) -> Self {
        let x: Vec<f64> = program
            .variables
            .iter()
            .map(|variable| {
                if variable.lower.is_finite() {
                    variable.lower
                } else if variable.upper.is_finite() {
                    variable.upper
                } else {
                    0.0
                }
            })
            .collect();
        let n = x.len();
        let mut simplex = Self {
            program,
            first_phase: false,
            x,
            place: vec![None; n],
            basic: Vec::new(),
            tight: Vec::new(),
            rows: vec![RowState::Loose(Zone::Between); program.rows()],
            values: Vec::new(),
            inverse: Inverse::default(),
            updates: 0,
            active: Vec::new(),
            columns: Vec::new(),
            slots: Vec::new(),
            compact: Vec::new(),
            loose: Vec::new(),
            entered: None,
            prices: vec![0.0; program.rows()],
            reduced: vec![0.0; n],
            weights: vec![1.0; n],
            row_weights: vec![1.0; program.rows()],
            iterations: 0,
        };
        simplex.activate_first();
        simplex
    }

    /// Starts at the vertex of a smaller program: the same variables and then more, the same rows of
    /// the head, other rows of the body.
    pub(crate) fn widened(program: &'a Program, smaller: &Simplex<'_>) -> Self {
        let mut simplex = Self::new(program);
        simplex.x[..smaller.x.len()].copy_from_slice(&smaller.x);
        simplex.place[..smaller.place.len()].copy_from_slice(&smaller.place);
        simplex.rows[..smaller.rows.len()].copy_from_slice(&smaller.rows);
        simplex.basic.clone_from(&smaller.basic);
        simplex.tight.clone_from(&smaller.tight);
        simplex.activate_first();
        simplex
    }

    fn bend(&self, row: usize) -> Bend {
        let bend = self.program.bends[row];
        if !self.first_phase {
            return bend;
        }
        let first = |price: f64| if price.is_finite() { 0.0 } else { 1.0 };
        Bend {
            below: first(bend.below),
            above: first(bend.above),
            ..bend
        }
    }

    /// The slope of a loose row; one that is beyond a hard limit by rounding has none.
    fn slope(&self, row: usize, zone: Zone) -> f64 {
        let bend = self.bend(row);
        let slope = match zone {
            Zone::Below => -bend.below,
            Zone::Between => 0.0,
            Zone::Above => bend.above,
        };
        if slope.is_finite() { slope } else { 0.0 }
    }

    /// Where a value lies; at a bend it stays where it was.
    fn zone_of(&self, row: usize, value: f64, before: Zone) -> Zone {
        let bend = self.program.bends[row];
        let hard = !self.first_phase;
        let slack = |zone| if before == zone { ROUNDING } else { 0.0 };
        let inside = slack(Zone::Between);
        if value < bend.min - inside + slack(Zone::Below) && !(hard && bend.below.is_infinite()) {
            Zone::Below
        } else if value > bend.max + inside - slack(Zone::Above)
            && !(hard && bend.above.is_infinite())
        {
            Zone::Above
        } else {
            Zone::Between
        }
    }

    /// Inverts the core again and works out all that follows from it.
    fn refactorise(&mut self) {
        loop {
            let size = self.basic.len();
            let mut core = vec![0.0; size * size];
            for (a, &variable) in self.basic.iter().enumerate() {
                for (b, &row) in self.tight.iter().enumerate() {
                    core[b * size + a] = self.program.entry(row, variable);
                }
            }
            let Err(dependent) = self.inverse.invert(core, size, SINGULAR) else {
                break;
            };
            // What depends on the rest leaves the core and stays where it is.
            let (mut places, mut positions): (Vec<usize>, Vec<usize>) =
                dependent.into_iter().unzip();
            places.sort_unstable();
            positions.sort_unstable();
            for &a in places.iter().rev() {
                let variable = self.basic.swap_remove(a);
                self.place[variable] = None;
                let bounds = self.program.variables[variable];
                self.x[variable] = self.x[variable].max(bounds.lower).min(bounds.upper);
            }
            for &b in positions.iter().rev() {
                let row = self.tight.swap_remove(b);
                self.rows[row] = RowState::Loose(Zone::Between);
            }
            self.renumber();
        }
        self.updates = 0;
        self.locate();
    }

    fn renumber(&mut self) {
        for (a, &variable) in self.basic.iter().enumerate() {
            self.place[variable] = Some(a);
        }
        for (b, &row) in self.tight.iter().enumerate() {
            self.rows[row] = match self.rows[row] {
                RowState::AtMin(_) => RowState::AtMin(b),
                RowState::AtMax(_) | RowState::Loose(_) => RowState::AtMax(b),
            };
        }
    }

    /// Basic variables, values of rows and slopes, from what is tight and what is at a bound.
    fn locate(&mut self) {
        for &variable in &self.basic {
            self.x[variable] = 0.0;
        }
        let mut correction = Vec::new();
        // The second round takes out the error of the inverse.
        for _ in 0..2 {
            self.values = self.activities();
            let missing: Vec<f64> = self
                .tight
                .iter()
                .map(|&row| {
                    let bend = self.program.bends[row];
                    let target = if matches!(self.rows[row], RowState::AtMin(_)) {
                        bend.min
                    } else {
                        bend.max
                    };
                    target - self.values[row]
                })
                .collect();
            self.inverse.times(&missing, &mut correction);
            for (&variable, change) in self.basic.iter().zip(&correction) {
                self.x[variable] += change;
            }
        }
        self.values = self.activities();
        for row in 0..self.program.rows() {
            if let RowState::Loose(before) = self.rows[row] {
                let zone = self.zone_of(row, self.values[row], before);
                self.rows[row] = RowState::Loose(zone);
            }
        }
        self.sum_loose();
    }

    /// The values of all rows.
    fn activities(&self) -> Vec<f64> {
        let mut values = vec![0.0; self.program.rows()];
        let terms: Vec<(usize, f64)> = self
            .x
            .iter()
            .enumerate()
            .filter(|(_, x)| **x != 0.0)
            .map(|(variable, &x)| (variable, x))
            .collect();
        self.program.add_columns(&mut values, &terms);
        values
    }

    /// Minimises from where it stands: first the sum by which hard limits are broken, if any are.
    pub(crate) fn run(&mut self, first_phase: bool, limit: usize) -> End {
        self.first_phase = first_phase;
        self.reset_weights();
        self.refactorise();
        let mut idle = 0;
        let mut verified = false;
        for _ in 0..limit {
            if self.updates >= UPDATES {
                self.refactorise();
            }
            self.price();
            let Some((entering, sign, rate)) = self.choose(idle > PATIENCE) else {
                if self.activate_more() {
                    continue;
                }
                // Believed only right after the core was inverted.
                if verified || self.updates == 0 {
                    return End::Optimal;
                }
                self.refactorise();
                verified = true;
                continue;
            };
            verified = false;
            self.iterations += 1;
            match self.step(entering, sign, rate, idle > PATIENCE) {
                None => return End::Unbounded,
                Some(length) if length > ROUNDING => idle = 0,
                Some(_) => idle += 1,
            }
        }
        End::Exhausted
    }

    /// The sum by which hard limits are broken.
    pub(super) fn infeasibility(&self) -> f64 {
        self.values
            .iter()
            .zip(&self.program.bends)
            .map(|(&value, bend)| {
                let below = if bend.below.is_infinite() {
                    (bend.min - value).max(0.0)
                } else {
                    0.0
                };
                let above = if bend.above.is_infinite() {
                    (value - bend.max).max(0.0)
                } else {
                    0.0
                };
                below + above
            })
            .sum()
    }

    fn reset_weights(&mut self) {
        self.weights.fill(1.0);
        self.row_weights.fill(1.0);
    }

    /// Goes along an edge; the length of the way, or `None` if it has no end.
    fn step(&mut self, entering: Entering, sign: f64, rate: f64, first: bool) -> Option<f64> {
        let mut solved = Vec::new();
        match entering {
            Entering::Variable(variable) => {
                let column: Vec<f64> = self
                    .tight
                    .iter()
                    .map(|&row| self.program.entry(row, variable))
                    .collect();
                self.inverse.times(&column, &mut solved);
            }
            Entering::Row(row, _) => {
                let (RowState::AtMin(place) | RowState::AtMax(place)) = self.rows[row] else {
                    return Some(0.0);
                };
                self.inverse.column(place, &mut solved);
            }
        }
        // The rates of the basic variables and of the rows' values.
        let toward = match entering {
            Entering::Variable(_) => -sign,
            Entering::Row(..) => sign,
        };
        let moves: Vec<f64> = solved.iter().map(|entry| toward * entry).collect();
        let mut rates = vec![0.0; self.program.rows()];
        let mut terms: Vec<(usize, f64)> = self
            .basic
            .iter()
            .zip(&moves)
            .filter(|(_, change)| **change != 0.0)
            .map(|(&variable, &change)| (variable, change))
            .collect();
        if let Entering::Variable(variable) = entering {
            terms.push((variable, sign));
        }
        self.program.add_columns(&mut rates, &terms);
        let mut candidates = self.candidates(entering, sign, &moves, &rates);
        let chosen = choose_stop(&mut candidates, rate, first)?;
        let Candidate { ratio, stop, .. } = candidates[chosen];

        for (&variable, &change) in self.basic.iter().zip(&moves) {
            self.x[variable] += ratio * change;
        }
        add_scaled(&mut self.values, ratio, &rates);
        if let Entering::Variable(variable) = entering {
            self.x[variable] += sign * ratio;
        }
        for candidate in &candidates[..chosen] {
            if let Stop::Row { row, second, up } = candidate.stop {
                self.cross(row, up, second == up);
            }
        }
        if stop != Stop::Flip {
            self.entered = Some(match entering {
                Entering::Variable(variable) => (entering, self.weights[variable]),
                Entering::Row(row, _) => (entering, self.row_weights[row]),
            });
        }
        self.pivot(entering, sign, stop, &solved);
        Some(ratio)
    }

    /// A loose row passes a bend.
    fn cross(&mut self, row: usize, up: bool, at_max: bool) {
        let RowState::Loose(before) = self.rows[row] else {
            return;
        };
        let after = match (at_max, up) {
            (false, false) => Zone::Below,
            (true, true) => Zone::Above,
            _ => Zone::Between,
        };
        self.rows[row] = RowState::Loose(after);
        let change = self.slope(row, after) - self.slope(row, before);
        self.shift_slope(row, change);
    }

    /// Exchanges what enters for what stopped it.
    fn pivot(&mut self, entering: Entering, sign: f64, stop: Stop, solved: &[f64]) {
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
    fn row_times_inverse(&self, row: usize, corner: Option<usize>) -> ((Vec<f64>, Vec<f64>), f64) {
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
        let bend = self.program.bends[row];
        self.values[row] = if at_max { bend.max } else { bend.min };
        self.rows[row] = if at_max {
            RowState::AtMax(place)
        } else {
            RowState::AtMin(place)
        };
    }

    fn loosen(&mut self, row: usize, zone: Zone) {
        self.rows[row] = RowState::Loose(zone);
        let slope = self.slope(row, zone);
        self.shift_slope(row, slope);
    }
}
