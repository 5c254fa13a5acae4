//! How the weights of a region become variables.

use nalgebra::DVector;

use super::program::{Bend, Columns, Program, Variable};
use crate::region::Region;

/// One variable per weight; with a limit of turnover two: what is bought and what is sold.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    assets: usize,
    /// Weights before, if purchases and sales are variables.
    current: Option<DVector<f64>>,
}

impl Layout {
    pub(crate) fn new(region: &Region) -> Self {
        Self {
            assets: region.dimension(),
            current: region
                .turnover
                .as_ref()
                .filter(|turnover| turnover.max < f64::INFINITY)
                .map(|turnover| turnover.current.clone()),
        }
    }

    /// Each variable with its asset and the sign with which it counts in the weight.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (usize, usize, f64)> + use<> {
        let assets = self.assets;
        let parts = if self.current.is_some() { 2 } else { 1 };
        (0..parts * assets).map(move |variable| {
            if variable < assets {
                (variable, variable, 1.0)
            } else {
                (variable, variable - assets, -1.0)
            }
        })
    }

    /// The weights before, in full.
    pub(crate) fn origin(&self) -> DVector<f64> {
        self.current
            .clone()
            .unwrap_or_else(|| DVector::zeros(self.assets))
    }

    /// The region's limits without a cost and without rows of a body. A box with a crossing is
    /// left for the caller to find.
    pub(crate) fn program(&self, region: &Region) -> Program {
        let n = self.assets;
        let origin = self.origin();
        let variables: Vec<Variable> = self
            .columns()
            .map(|(_, asset, sign)| {
                let (low, high) = (region.lower[asset], region.upper[asset]);
                let held = origin[asset];
                let (lower, upper) = match (&self.current, sign > 0.0) {
                    (None, _) => (low, high),
                    (Some(_), true) => ((low - held).max(0.0), (high - held).max(0.0)),
                    (Some(_), false) => ((held - high).max(0.0), (held - low).max(0.0)),
                };
                Variable {
                    source: asset,
                    sign,
                    lower,
                    upper,
                    cost: 0.0,
                }
            })
            .collect();
        let turnover = region.turnover.as_ref().filter(|_| self.current.is_some());
        let rows = region.rows.len() + usize::from(turnover.is_some());
        let mut head = Columns::zeros(rows, variables.len());
        let mut bends = Vec::with_capacity(rows);
        for (place, row) in region.rows.iter().enumerate() {
            for &(asset, coefficient) in &row.terms {
                head.set(place, asset, coefficient);
                if turnover.is_some() {
                    head.set(place, n + asset, -coefficient);
                }
            }
            let held = row.value(&origin);
            bends.push(Bend::hard(row.min - held, row.max - held));
        }
        if let Some(turnover) = turnover {
            for variable in 0..variables.len() {
                head.set(rows - 1, variable, 1.0);
            }
            bends.push(Bend::hard(f64::NEG_INFINITY, turnover.max));
        }
        Program {
            variables,
            head,
            body: Columns::default(),
            bends,
        }
    }

    /// The weights that variables stand for.
    pub(crate) fn weights(&self, x: &[f64]) -> DVector<f64> {
        let mut weights = self.origin();
        for (variable, asset, sign) in self.columns() {
            weights[asset] += sign * x[variable];
        }
        weights
    }
}
