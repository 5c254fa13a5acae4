//! What is wrong with a problem: every fault at once.

mod estimates;
mod limits;
mod semidefinite;

use std::collections::BTreeSet;
use std::fmt;

use nalgebra::{DMatrix, DVector};

use super::Problem;

/// The greatest capital: 10¹² dollars, in micro-dollars.
pub const MAX_CAPITAL: i128 = 1_000_000_000_000_000_000;

/// The greatest size of a weight, a bound or a coefficient: 1,000 times capital.
pub const MAX_WEIGHT: f64 = 1000.0;

/// One thing that is wrong with a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, in the names of the problem file: `groups[2].max`, `bounds.vault-x`.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

/// Faults found so far.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(
        &mut self,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Fault {
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// A number outside its range; says whether it is inside.
    fn number(&mut self, place: impl Into<String>, value: f64, inside: bool, remedy: &str) -> bool {
        let fine = value.is_finite() && inside;
        if !fine {
            self.add(place, format!("{value} is not allowed"), remedy);
        }
        fine
    }

    /// The first number of many outside its range, and how many more there are; says whether all
    /// are inside.
    fn numbers<'a>(
        &mut self,
        values: impl IntoIterator<Item = (f64, P<'a>)>,
        inside: impl Fn(f64) -> bool,
        remedy: &str,
    ) -> bool {
        let mut wrong = values
            .into_iter()
            .filter(|(value, _)| !value.is_finite() || !inside(*value));
        let Some((value, place)) = wrong.next() else {
            return true;
        };
        let more = wrong.count();
        let problem = match more {
            0 => format!("{value} is not allowed"),
            more => format!(
                "{value} is not allowed, nor are {more} more in `{}`",
                place.0
            ),
        };
        self.add(place.to_string(), problem, remedy);
        false
    }

    /// A vector of the wrong length; says whether it is right.
    fn length(&mut self, place: &str, length: usize, n: usize, of: &str) -> bool {
        if length != n {
            self.add(
                place,
                format!("has {length} entries"),
                format!("give one per {of}: {n}"),
            );
        }
        length == n
    }
}

/// A place in a vector or a matrix: its name, and the indices.
#[derive(Clone, Copy)]
struct P<'a>(&'a str, usize, Option<usize>);

impl fmt::Display for P<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.0, self.1)?;
        match self.2 {
            Some(column) => write!(f, "[{column}]"),
            None => Ok(()),
        }
    }
}

fn each<'a>(
    name: &'a str,
    values: impl IntoIterator<Item = f64>,
) -> impl Iterator<Item = (f64, P<'a>)> {
    values
        .into_iter()
        .enumerate()
        .map(move |(index, value)| (value, P(name, index, None)))
}

fn entries<'a>(name: &'a str, matrix: &'a DMatrix<f64>) -> impl Iterator<Item = (f64, P<'a>)> {
    (0..matrix.nrows()).flat_map(move |row| {
        (0..matrix.ncols()).map(move |column| (matrix[(row, column)], P(name, row, Some(column))))
    })
}

impl Problem {
    /// Whether everything that strategies and certificates rely on holds.
    ///
    /// # Errors
    /// Every fault, each with its place and a remedy.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Faults::default();
        names(&self.assets, &mut faults);
        estimates::returns(self, &mut faults);
        limits::limits(self, &mut faults);
        limits::costs(self, &mut faults);
        estimates::parameters(self, &mut faults);
        if faults.0.is_empty() {
            Ok(())
        } else {
            Err(faults.0)
        }
    }
}

fn names(assets: &[String], faults: &mut Faults) {
    if assets.is_empty() {
        faults.add("assets", "there are none", "name at least one");
    }
    let mut seen = BTreeSet::new();
    for (index, name) in assets.iter().enumerate() {
        let place = format!("assets[{index}]");
        if name.trim().is_empty() {
            faults.add(place, "the name is empty", "give it a name");
        } else if !seen.insert(name) {
            faults.add(
                place,
                format!("`{name}` is there twice"),
                "give each asset a name of its own",
            );
        }
    }
}

/// Whether a matrix is square, symmetric and positive semidefinite, but for rounding; it was
/// checked to be finite.
fn covariance(place: &str, matrix: &DMatrix<f64>, faults: &mut Faults) {
    let n = matrix.nrows();
    for row in 0..n {
        if matrix[(row, row)] < 0.0 {
            faults.add(
                format!("{place}[{row}][{row}]"),
                format!("the variance {} is negative", matrix[(row, row)]),
                "variances are zero or greater",
            );
            return;
        }
    }
    for row in 0..n {
        for column in 0..row {
            let (below, above) = (matrix[(row, column)], matrix[(column, row)]);
            let size = below.abs().max(above.abs());
            if (below - above).abs() > 1e-9 * size {
                faults.add(
                    format!("{place}[{row}][{column}]"),
                    format!("{below} differs from {above} at [{column}][{row}]"),
                    "make the matrix symmetric",
                );
                return;
            }
        }
    }
    if let Some(row) = semidefinite::breaks(matrix) {
        faults.add(
            format!("{place}[{row}]"),
            "with the rows before it, it is not positive semidefinite: some portfolio would have a \
             negative variance",
            "estimate it from one history of returns, or give more digits",
        );
    }
}

/// Whether numbers sum to one, but for rounding.
fn sums_to_one(place: &str, values: &DVector<f64>, faults: &mut Faults) {
    let sum: f64 = values.iter().sum();
    if (sum - 1.0).abs() > 1e-9 {
        faults.add(
            place,
            format!("the sum is {sum}"),
            "make the sum 1, to 9 decimals",
        );
    }
}
