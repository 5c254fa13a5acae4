//! Which limits cannot hold together.

use std::fmt;

use nalgebra::DVector;

use super::dual::Multipliers;
use super::layout::Layout;
use super::simplex::{End, FEASIBLE, Simplex};
use crate::region::Region;

/// Linear programs that may be solved to find a smaller set.
const PROGRAMS: usize = 2_000;
/// The same times the number of limits.
const WORK: usize = 400_000;
/// Partial sets that may be looked at between them.
const NODES: usize = 100_000;
/// Prices below this do not take part in a proof.
const TOLERANCE: f64 = 1e-9;

/// One limit of a region, with its figure as a fraction of capital.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// The least weight of an asset.
    Lower {
        /// Its index.
        asset: usize,
        /// The least.
        value: f64,
    },
    /// The greatest weight of an asset.
    Upper {
        /// Its index.
        asset: usize,
        /// The most.
        value: f64,
    },
    /// The least value of a row.
    RowMin {
        /// Its name.
        name: String,
        /// The least.
        value: f64,
    },
    /// The greatest value of a row.
    RowMax {
        /// Its name.
        name: String,
        /// The most.
        value: f64,
    },
    /// The most that may be traded.
    Turnover {
        /// The most.
        value: f64,
    },
}

impl Limit {
    /// The limit and its figure in words, with the asset's name.
    #[must_use]
    pub fn describe(&self, assets: &[String]) -> String {
        let name = |asset: usize| match assets.get(asset) {
            Some(name) => format!("`{name}`"),
            None => format!("asset {asset}"),
        };
        match self {
            Self::Lower { asset, value } => {
                format!("{} is at least {}", name(*asset), percent(*value))
            }
            Self::Upper { asset, value } => {
                format!("{} is at most {}", name(*asset), percent(*value))
            }
            Self::RowMin { name, value } => format!("`{name}` is at least {}", percent(*value)),
            Self::RowMax { name, value } => format!("`{name}` is at most {}", percent(*value)),
            Self::Turnover { value } => format!("turnover is at most {}", percent(*value)),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.describe(&[]))
    }
}

/// A fraction in percent, to a millionth of capital, without zeros at the end.
fn percent(fraction: f64) -> String {
    let text = format!("{:.4}", 100.0 * fraction);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    let short = if short == "-0" { "0" } else { short };
    format!("{short} %")
}

/// A limit without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Lower(usize),
    Upper(usize),
    RowMin(usize),
    RowMax(usize),
    Turnover,
}

/// Limits that cannot hold together, as few as can be; none if all can, or if a figure of the region
/// is not a number.
///
/// The set is always irreducible: without any one of its limits the rest can hold (to 10⁻¹⁰ in sum).
/// It is also of smallest size, unless the search for a smaller one used up its bound: 2,000 linear
/// programs (fewer with more than 200 limits) and 100,000 partial sets between them. Found from the proof of infeasibility that the first phase of the simplex gives, by
/// deletion (Chinneck & Dravnieks 1991, section 3.1), then by minimal hitting sets of correction
/// sets (Ignatiev, Previti, Liffiton & Marques-Silva 2015).
#[must_use]
pub fn conflict(region: &Region) -> Vec<Limit> {
    if super::check(region).is_err() {
        return Vec::new();
    }
    let parts = parts(region);
    let mut search = Search {
        region,
        parts: &parts,
        programs: 0,
    };
    let everything = vec![true; parts.len()];
    let Err(proof) = search.meet(&everything) else {
        return Vec::new();
    };
    let irreducible = search.irreducible(proof);
    let smallest = search.smallest(irreducible);
    parts
        .iter()
        .zip(&smallest)
        .filter(|(_, kept)| **kept)
        .map(|(part, _)| limit(region, *part))
        .collect()
}

fn limit(region: &Region, part: Part) -> Limit {
    match part {
        Part::Lower(asset) => Limit::Lower {
            asset,
            value: region.lower[asset],
        },
        Part::Upper(asset) => Limit::Upper {
            asset,
            value: region.upper[asset],
        },
        Part::RowMin(row) => Limit::RowMin {
            name: region.rows[row].name.clone(),
            value: region.rows[row].min,
        },
        Part::RowMax(row) => Limit::RowMax {
            name: region.rows[row].name.clone(),
            value: region.rows[row].max,
        },
        Part::Turnover => Limit::Turnover {
            value: region.turnover.as_ref().map_or(0.0, |t| t.max),
        },
    }
}

/// All limits that limit anything.
fn parts(region: &Region) -> Vec<Part> {
    let mut parts = Vec::new();
    for asset in 0..region.dimension() {
        if region.lower[asset].is_finite() {
            parts.push(Part::Lower(asset));
        }
        if region.upper[asset].is_finite() {
            parts.push(Part::Upper(asset));
        }
    }
    for (place, row) in region.rows.iter().enumerate() {
        if row.min.is_finite() {
            parts.push(Part::RowMin(place));
        }
        if row.max.is_finite() {
            parts.push(Part::RowMax(place));
        }
    }
    if region
        .turnover
        .as_ref()
        .is_some_and(|turnover| turnover.max < f64::INFINITY)
    {
        parts.push(Part::Turnover);
    }
    parts
}

struct Search<'a> {
    region: &'a Region,
    parts: &'a [Part],
    programs: usize,
}

impl Search<'_> {
    /// The region with only some of its limits.
    fn relaxed(&self, kept: &[bool]) -> Region {
        let mut region = self.region.clone();
        for (part, _) in self.parts.iter().zip(kept).filter(|(_, kept)| !**kept) {
            match *part {
                Part::Lower(asset) => region.lower[asset] = f64::NEG_INFINITY,
                Part::Upper(asset) => region.upper[asset] = f64::INFINITY,
                Part::RowMin(row) => region.rows[row].min = f64::NEG_INFINITY,
                Part::RowMax(row) => region.rows[row].max = f64::INFINITY,
                Part::Turnover => region.turnover = None,
            }
        }
        region
    }

    fn only(&self, wanted: &[Part]) -> Vec<bool> {
        self.parts
            .iter()
            .map(|part| wanted.contains(part))
            .collect()
    }

    /// A point that meets the kept limits, or those of them that a proof uses that none does.
    fn meet(&mut self, kept: &[bool]) -> Result<DVector<f64>, Vec<bool>> {
        let region = self.relaxed(kept);
        for asset in 0..region.dimension() {
            if region.lower[asset] > region.upper[asset] {
                return Err(self.only(&[Part::Lower(asset), Part::Upper(asset)]));
            }
        }
        for (place, row) in region.rows.iter().enumerate() {
            if row.min > row.max {
                return Err(self.only(&[Part::RowMin(place), Part::RowMax(place)]));
            }
        }
        if region
            .turnover
            .as_ref()
            .is_some_and(|turnover| turnover.max < 0.0)
        {
            return Err(self.only(&[Part::Turnover]));
        }
        self.programs += 1;
        let layout = Layout::new(&region);
        let program = layout.program(&region);
        let mut simplex = Simplex::new(&program);
        let end = simplex.run(true, super::limit(&program));
        // What stalls counts as possible: a set is only named if its conflict is proven.
        if simplex.infeasibility() <= FEASIBLE || end != End::Optimal {
            return Ok(layout.weights(&simplex.x));
        }
        Err(self.used(&region, kept, &simplex.prices))
    }

    /// The kept limits whose prices prove that they cannot hold together.
    fn used(&self, region: &Region, kept: &[bool], prices: &[f64]) -> Vec<bool> {
        let proof = Multipliers::of(region, prices);
        let reduced = proof.reduced(&DVector::zeros(region.dimension()), region);
        let price = proof.turnover;
        let held = |asset: usize| region.turnover.as_ref().map_or(0.0, |t| t.current[asset]);
        self.parts
            .iter()
            .zip(kept)
            .map(|(part, kept)| {
                *kept
                    && match *part {
                        Part::Lower(asset) => {
                            let side = if region.lower[asset] > held(asset) {
                                price
                            } else {
                                -price
                            };
                            reduced[asset] + side > TOLERANCE
                        }
                        Part::Upper(asset) => {
                            let side = if region.upper[asset] < held(asset) {
                                -price
                            } else {
                                price
                            };
                            reduced[asset] + side < -TOLERANCE
                        }
                        Part::RowMin(row) => proof.rows[row] < -TOLERANCE,
                        Part::RowMax(row) => proof.rows[row] > TOLERANCE,
                        Part::Turnover => price > TOLERANCE,
                    }
            })
            .collect()
    }

    /// Deletes one limit after the other from a conflicting set, unless what remains can hold.
    fn irreducible(&mut self, proof: Vec<bool>) -> Vec<bool> {
        let mut set = proof;
        if self.meet(&set).is_ok() {
            // The proof was cut too close: begin with all limits.
            set = vec![true; self.parts.len()];
        }
        if self.one_row(&set) {
            return set;
        }
        // Bounds first: a conflict of rows is easier to read.
        for place in 0..self.parts.len() {
            if !set[place] {
                continue;
            }
            let mut fewer = set.clone();
            fewer[place] = false;
            if let Err(used) = self.meet(&fewer) {
                set = if self.meet(&used).is_err() {
                    used
                } else {
                    fewer
                };
            }
        }
        set
    }

    /// Whether a conflicting set is one row against one bound per asset: then it is irreducible, for
    /// a weight that is set free goes as far as the row asks.
    fn one_row(&self, set: &[bool]) -> bool {
        let mut bounded = vec![false; self.region.dimension()];
        let mut rows = 0;
        for (part, _) in self.parts.iter().zip(set).filter(|(_, kept)| **kept) {
            match *part {
                Part::Lower(asset) | Part::Upper(asset) if bounded[asset] => return false,
                Part::Lower(asset) | Part::Upper(asset) => bounded[asset] = true,
                Part::RowMin(_) | Part::RowMax(_) => rows += 1,
                Part::Turnover => return false,
            }
        }
        rows == 1
    }

    /// A conflicting set of smallest size, by the implicit hitting set dual: a conflict meets every
    /// correction set, so the smallest set that meets those found so far either conflicts, and is
    /// the answer, or shows another correction set.
    fn smallest(&mut self, best: Vec<bool>) -> Vec<bool> {
        let size = best.iter().filter(|kept| **kept).count();
        if size <= 1 {
            return best;
        }
        let end = self.programs + (WORK / (self.parts.len() + 1)).clamp(20, PROGRAMS);
        let mut hitting = Hitting::new(self.parts.len());
        while self.programs < end {
            let Some(kept) = hitting.smallest(size - 1) else {
                return best;
            };
            match self.meet(&kept) {
                // Of smallest size, so nothing can be left out.
                Err(_) => return kept,
                Ok(point) => {
                    let correction = self.correction(kept, point, end);
                    hitting.sets.push(correction);
                }
            }
        }
        best
    }

    /// Adds limits to a set that can hold until none can be added; what is left out.
    fn correction(
        &mut self,
        mut kept: Vec<bool>,
        mut point: DVector<f64>,
        end: usize,
    ) -> Vec<usize> {
        self.absorb(&mut kept, &point);
        for place in 0..self.parts.len() {
            if kept[place] || self.programs >= end {
                continue;
            }
            let mut more = kept.clone();
            more[place] = true;
            if let Ok(next) = self.meet(&more) {
                kept = more;
                point = next;
                self.absorb(&mut kept, &point);
            }
        }
        (0..kept.len()).filter(|&place| !kept[place]).collect()
    }

    /// Keeps all that a point meets anyway.
    fn absorb(&self, kept: &mut [bool], point: &DVector<f64>) {
        let region = self.region;
        for (part, kept) in self.parts.iter().zip(kept) {
            let met = match *part {
                Part::Lower(asset) => point[asset] >= region.lower[asset],
                Part::Upper(asset) => point[asset] <= region.upper[asset],
                Part::RowMin(row) => region.rows[row].value(point) >= region.rows[row].min,
                Part::RowMax(row) => region.rows[row].value(point) <= region.rows[row].max,
                Part::Turnover => region
                    .turnover
                    .as_ref()
                    .is_some_and(|turnover| turnover.value(point) <= turnover.max),
            };
            *kept = *kept || met;
        }
    }
}

/// Looks for smallest sets that meet every one of some sets.
struct Hitting {
    sets: Vec<Vec<usize>>,
    chosen: Vec<bool>,
    /// No set of fewer places meets all.
    least: usize,
    nodes: usize,
}

impl Hitting {
    fn new(places: usize) -> Self {
        Self {
            sets: Vec::new(),
            chosen: vec![false; places],
            least: 0,
            nodes: 0,
        }
    }

    /// A smallest set of at most `most` places that meets every set; `None` if there is none, or
    /// none was found within the bound of nodes.
    fn smallest(&mut self, most: usize) -> Option<Vec<bool>> {
        self.chosen.fill(false);
        for size in self.least.max(self.disjoint())..=most {
            if self.hit(size) {
                self.least = size;
                return Some(self.chosen.clone());
            }
        }
        None
    }

    /// How many of the sets have nothing in common with each other, counted greedily.
    fn disjoint(&self) -> usize {
        let mut taken = vec![false; self.chosen.len()];
        let mut count = 0;
        for set in &self.sets {
            if set.iter().all(|&place| !taken[place]) {
                count += 1;
                for &place in set {
                    taken[place] = true;
                }
            }
        }
        count
    }

    fn hit(&mut self, left: usize) -> bool {
        self.nodes += 1;
        if self.nodes > NODES {
            return false;
        }
        let missed = self
            .sets
            .iter()
            .filter(|set| !set.iter().any(|&place| self.chosen[place]))
            .min_by_key(|set| set.len());
        let Some(missed) = missed.cloned() else {
            return true;
        };
        if left == 0 {
            return false;
        }
        for place in missed {
            self.chosen[place] = true;
            if self.hit(left - 1) {
                return true;
            }
            self.chosen[place] = false;
        }
        false
    }
}
