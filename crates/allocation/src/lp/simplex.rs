//! A primal simplex method for programs with bends.
//!
//! A vertex is given by as many tight rows (value at a bend) as there are basic variables (strictly
//! between their bounds, as a rule); only that core is inverted, so the work of an iteration does
//! not grow with the cube of the number of rows. A step goes along an edge past all bends at which
//! the objective still falls (Fourer 1985, "A simplex algorithm for piecewise-linear programming").

use super::inverse::{Inverse, add_scaled, dot};
use super::program::{Bend, Program};

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
/// Stops closer together than this are at the same place.
const RATIO_TOLERANCE: f64 = 1e-12;
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

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// The entering one comes to its other bound or bend.
    Flip,
    /// The basic variable at this place comes to a bound.
    Variable { place: usize, up: bool },
    /// This row comes to its least or most.
    Row {
        row: usize,
        /// Whether it is the second of the bends on the way, if there are two.
        second: bool,
        up: bool,
    },
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    ratio: f64,
    pivot: f64,
    jump: f64,
    stop: Stop,
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
    /// `Σ slope · row` of the loose rows of the body, by source.
    loose: Vec<f64>,
    pub(crate) prices: Vec<f64>,
    reduced: Vec<f64>,
    weights: Vec<f64>,
    row_weights: Vec<f64>,
    pub(crate) iterations: usize,
}

impl Stop {
    fn row(row: usize, up: bool, at_max: bool) -> Self {
        Self::Row {
            row,
            second: up == at_max,
            up,
        }
    }
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
            loose: Vec::new(),
            prices: vec![0.0; program.rows()],
            reduced: vec![0.0; n],
            weights: vec![1.0; n],
            row_weights: vec![1.0; program.rows()],
            iterations: 0,
        };
        simplex.refactorise();
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
        simplex.refactorise();
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
            let sources = self.program.gather(&self.x);
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
                    target - self.program.activity(row, &self.x, &sources)
                })
                .collect();
            self.inverse.times(&missing, &mut correction);
            for (&variable, change) in self.basic.iter().zip(&correction) {
                self.x[variable] += change;
            }
        }
        let mut values = vec![0.0; self.program.rows()];
        for (variable, &x) in self.x.iter().enumerate() {
            if x != 0.0 {
                self.program.add_column(&mut values, variable, x);
            }
        }
        self.values = values;
        self.loose = vec![0.0; self.program.sources()];
        let head = self.program.head_rows();
        for row in 0..self.program.rows() {
            if let RowState::Loose(before) = self.rows[row] {
                let zone = self.zone_of(row, self.values[row], before);
                self.rows[row] = RowState::Loose(zone);
                let slope = self.slope(row, zone);
                if row >= head && slope != 0.0 {
                    add_scaled(&mut self.loose, slope, self.program.body.row(row - head));
                }
            }
        }
    }

    /// Sets the slope of a row of the body that goes from one slope to another.
    fn shift_slope(&mut self, row: usize, change: f64) {
        let head = self.program.head_rows();
        if row >= head && change != 0.0 {
            add_scaled(&mut self.loose, change, self.program.body.row(row - head));
        }
    }

    /// Prices of rows and reduced costs of variables.
    fn price(&mut self) {
        let program = self.program;
        let head = program.head_rows();
        for (row, state) in self.rows.iter().enumerate() {
            if let RowState::Loose(zone) = *state {
                self.prices[row] = self.slope(row, zone);
            }
        }
        let cost = |variable: usize| {
            if self.first_phase {
                0.0
            } else {
                program.variables[variable].cost
            }
        };
        let loose_cost = |variable: usize| {
            let mut sum = cost(variable);
            if program.sources() > 0 {
                let column = program.variables[variable];
                sum += column.sign * self.loose[column.source];
            }
            for (row, entry) in program.head.column(variable).iter().enumerate() {
                if let RowState::Loose(_) = self.rows[row] {
                    sum += self.prices[row] * entry;
                }
            }
            sum
        };
        let basic: Vec<f64> = self.basic.iter().map(|&j| -loose_cost(j)).collect();
        let mut tight = Vec::new();
        self.inverse.transposed_times(&basic, &mut tight);
        let mut sources = self.loose.clone();
        for (&row, &price) in self.tight.iter().zip(&tight) {
            self.prices[row] = price;
            if row >= head && price != 0.0 {
                add_scaled(&mut sources, price, program.body.row(row - head));
            }
        }
        for (j, variable) in program.variables.iter().enumerate() {
            self.reduced[j] = if self.first_phase { 0.0 } else { variable.cost };
            if !sources.is_empty() {
                self.reduced[j] += variable.sign * sources[variable.source];
            }
        }
        for row in 0..head {
            if self.prices[row] != 0.0 {
                add_scaled(&mut self.reduced, self.prices[row], program.head.row(row));
            }
        }
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
    fn choose(&self, first: bool) -> Option<(Entering, f64, f64)> {
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
        for variable in 0..self.x.len() {
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
        for (&variable, &change) in self.basic.iter().zip(&moves) {
            if change != 0.0 {
                self.program.add_column(&mut rates, variable, change);
            }
        }
        if let Entering::Variable(variable) = entering {
            self.program.add_column(&mut rates, variable, sign);
        }
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
        self.pivot(entering, sign, stop, &solved);
        Some(ratio)
    }

    /// All that may end a step along `moves` and `rates`.
    fn candidates(
        &self,
        entering: Entering,
        sign: f64,
        moves: &[f64],
        rates: &[f64],
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // Beyond the first hard stop nothing matters.
        let mut end = f64::INFINITY;
        let mut add = |distance: f64, pivot: f64, jump: f64, stop: Stop| {
            let ratio = (distance / pivot.abs()).max(0.0);
            if ratio > end {
                return;
            }
            if jump.is_infinite() {
                end = ratio + RATIO_TOLERANCE;
            }
            candidates.push(Candidate {
                ratio,
                pivot: pivot.abs(),
                jump,
                stop,
            });
        };
        match entering {
            Entering::Variable(variable) => {
                let bounds = self.program.variables[variable];
                let distance = if sign > 0.0 {
                    bounds.upper - self.x[variable]
                } else {
                    self.x[variable] - bounds.lower
                };
                if distance.is_finite() {
                    add(distance, 1.0, f64::INFINITY, Stop::Flip);
                }
            }
            Entering::Row(row, zone) => {
                let bend = self.bend(row);
                let jump = if sign > 0.0 { bend.above } else { bend.below };
                let distance = bend.max - bend.min;
                if zone == Zone::Between && distance.is_finite() && jump > 0.0 {
                    add(distance, 1.0, f64::INFINITY, Stop::Flip);
                }
            }
        }
        for (place, (&variable, &change)) in self.basic.iter().zip(moves).enumerate() {
            if change.abs() <= PIVOT_TOLERANCE {
                continue;
            }
            let bounds = self.program.variables[variable];
            let up = change > 0.0;
            let distance = if up {
                bounds.upper - self.x[variable]
            } else {
                self.x[variable] - bounds.lower
            };
            if distance.is_finite() {
                add(
                    distance,
                    change,
                    f64::INFINITY,
                    Stop::Variable { place, up },
                );
            }
        }
        for (row, &change) in rates.iter().enumerate() {
            let RowState::Loose(zone) = self.rows[row] else {
                continue;
            };
            if change.abs() <= PIVOT_TOLERANCE {
                continue;
            }
            let bend = self.bend(row);
            let value = self.values[row];
            let up = change > 0.0;
            if bend.min.is_finite()
                && bend.below > 0.0
                && ((up && zone == Zone::Below) || (!up && zone != Zone::Below))
            {
                let distance = if up {
                    bend.min - value
                } else {
                    value - bend.min
                };
                let stop = Stop::row(row, up, false);
                add(distance, change, change.abs() * bend.below, stop);
            }
            if bend.max.is_finite()
                && bend.above > 0.0
                && ((up && zone != Zone::Above) || (!up && zone == Zone::Above))
            {
                let distance = if up {
                    bend.max - value
                } else {
                    value - bend.max
                };
                let stop = Stop::row(row, up, true);
                add(distance, change, change.abs() * bend.above, stop);
            }
        }
        candidates
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
    }

    fn tighten(&mut self, row: usize, at_max: bool, place: usize) {
        if let RowState::Loose(zone) = self.rows[row] {
            let slope = self.slope(row, zone);
            self.shift_slope(row, -slope);
        }
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

/// The stop at which the objective falls no more; `candidates` come back sorted as far as that.
fn choose_stop(candidates: &mut [Candidate], rate: f64, first: bool) -> Option<usize> {
    candidates.sort_unstable_by(|a, b| {
        a.ratio
            .total_cmp(&b.ratio)
            .then_with(|| a.stop.cmp(&b.stop))
    });
    if first {
        return (!candidates.is_empty()).then_some(0);
    }
    let mut slope = -rate;
    let mut chosen = candidates.iter().position(|candidate| {
        slope += candidate.jump;
        slope >= -1e-12 * rate
    })?;
    // Of those that stop at the same place, the one with the greatest pivot.
    let limit = candidates[chosen].ratio + RATIO_TOLERANCE;
    for next in chosen + 1..candidates.len() {
        if candidates[next].ratio > limit {
            break;
        }
        if candidates[next].pivot > candidates[chosen].pivot {
            chosen = next;
        }
    }
    Some(chosen)
}
