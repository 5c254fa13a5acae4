//! Weights that the user chose.

use nalgebra::DVector;

use super::{Candidate, Failure, Strategy, rule};
use crate::problem::Problem;
use crate::region::Region;

/// The weights of `parameters.fixed`; assets that it does not name get none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fixed;

impl Strategy for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let fixed = problem.parameters.fixed.as_ref().ok_or_else(|| {
            Failure::Missing(
                "the fixed weights are missing: give each asset that shall be held its weight \
                 (`parameters.fixed`; `weights` in a problem file)"
                    .to_owned(),
            )
        })?;
        let mut weights = DVector::zeros(region.dimension());
        for (name, &weight) in fixed {
            let index = problem.assets.iter().position(|asset| asset == name);
            match index.and_then(|index| weights.get_mut(index)) {
                Some(place) if weight.is_finite() => *place = weight,
                Some(_) => {
                    return Err(Failure::Missing(format!(
                        "the fixed weight of `{name}` is {weight}; give a finite number"
                    )));
                }
                None => {
                    return Err(Failure::Missing(format!(
                        "the fixed weights name `{name}`, which is no asset of the problem; remove it or add \
                         the asset"
                    )));
                }
            }
        }
        rule::within(weights, None, region, self.name())
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}
