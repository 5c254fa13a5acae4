//! The same weight for each asset.

use nalgebra::DVector;

use super::{Candidate, Failure, Strategy, rule};
use crate::problem::Problem;
use crate::region::Region;

/// The same weight for each asset that may be held, all that may be invested in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EqualWeight;

impl Strategy for EqualWeight {
    fn name(&self) -> &'static str {
        "equal-weight"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let open = rule::open(region);
        let weights = rule::spread(problem, region, &open, rule::equal(open.len()).as_slice());
        rule::within(weights, None, region, self.name())
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}
