//! What prices of limits prove: a bound from below for every point of a region (weak duality).

use nalgebra::DVector;

use crate::region::Region;

/// Prices of the limits of rows and turnover; those of bounds follow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Multipliers {
    /// One per row: positive where the most is held, negative where the least is.
    pub(crate) rows: Vec<f64>,
    /// Of turnover, never negative.
    pub(crate) turnover: f64,
}

impl Multipliers {
    /// From the prices of a program's rows, of which the region's come first. What has the wrong
    /// sign is left out: any prices of the right sign prove something.
    pub(crate) fn of(region: &Region, prices: &[f64]) -> Self {
        let rows = region
            .rows
            .iter()
            .zip(prices)
            .map(|(row, &price)| {
                let side = if price > 0.0 { row.max } else { row.min };
                if side.is_finite() { price } else { 0.0 }
            })
            .collect();
        let turnover = match &region.turnover {
            Some(turnover) if turnover.max < f64::INFINITY => {
                prices.get(region.rows.len()).map_or(0.0, |p| p.max(0.0))
            }
            _ => 0.0,
        };
        Self { rows, turnover }
    }

    /// `cost` and what the rows' prices add to it.
    pub(crate) fn reduced(&self, cost: &DVector<f64>, region: &Region) -> DVector<f64> {
        let mut reduced = cost.clone();
        for (row, &price) in region.rows.iter().zip(&self.rows) {
            for &(asset, coefficient) in &row.terms {
                reduced[asset] += price * coefficient;
            }
        }
        reduced
    }

    /// A number that `cost'w` undercuts for no `w` of the region.
    pub(crate) fn bound(&self, cost: &DVector<f64>, region: &Region) -> f64 {
        let reduced = self.reduced(cost, region);
        let limits = implied(region);
        let mut bound = 0.0;
        for (asset, &(lower, upper)) in limits.iter().enumerate() {
            bound += self.least(region, asset, reduced[asset], lower, upper).0;
        }
        for (row, &price) in region.rows.iter().zip(&self.rows) {
            if price != 0.0 {
                bound -= price * if price > 0.0 { row.max } else { row.min };
            }
        }
        if let Some(turnover) = &region.turnover
            && self.turnover > 0.0
        {
            bound -= self.turnover * turnover.max;
        }
        bound
    }

    /// The least of `slope·w + price·|w − current|` between bounds, and where it is.
    fn least(
        &self,
        region: &Region,
        asset: usize,
        slope: f64,
        lower: f64,
        upper: f64,
    ) -> (f64, f64) {
        let held = region
            .turnover
            .as_ref()
            .map_or(0.0, |turnover| turnover.current[asset]);
        let at = |w: f64| {
            let linear = if slope == 0.0 { 0.0 } else { slope * w };
            if self.turnover > 0.0 {
                linear + self.turnover * (w - held).abs()
            } else {
                linear
            }
        };
        let mut least = (at(lower), lower);
        let mut consider = |w: f64| {
            let value = at(w);
            if value < least.0 || value.is_nan() {
                least = (value, w);
            }
        };
        consider(upper);
        if self.turnover > 0.0 {
            consider(held.max(lower).min(upper));
        }
        if least.0.is_nan() {
            least.0 = f64::NEG_INFINITY;
        }
        least
    }

    /// For prices that prove that `region` shrunk by `radius` is empty: by how much, and how that
    /// grows with the radius.
    pub(crate) fn shrinking(&self, region: &Region, radius: f64) -> (f64, f64) {
        let reduced = self.reduced(&DVector::zeros(region.dimension()), region);
        let (mut value, mut slope) = (0.0, 0.0);
        for asset in 0..region.dimension() {
            let (lower, upper) = (region.lower[asset], region.upper[asset]);
            let inset = if lower < upper { radius } else { 0.0 };
            // At the greatest radius of all they meet, or cross by rounding.
            let middle = 0.5 * (lower + upper);
            let (lower, upper) = ((lower + inset).min(middle), (upper - inset).max(middle));
            let (least, at) = self.least(region, asset, reduced[asset], lower, upper);
            value += least;
            if inset > 0.0 {
                let held = region.turnover.as_ref().map_or(0.0, |t| t.current[asset]);
                let rate = |w: f64| reduced[asset] + self.turnover * sign(w - held);
                // Where both ends meet, the one to which the slope leads.
                if at == lower && rate(lower) > 0.0 {
                    slope += rate(lower);
                } else if at == lower || at == upper {
                    slope -= rate(upper).min(0.0);
                }
            }
        }
        for (row, &price) in region.rows.iter().zip(&self.rows) {
            if price == 0.0 {
                continue;
            }
            let inset = if row.min < row.max {
                super::reach(region, &row.terms)
            } else {
                0.0
            };
            let side = if price > 0.0 {
                row.max - radius * inset
            } else {
                row.min + radius * inset
            };
            value -= price * side;
            slope += price.abs() * inset;
        }
        if let Some(turnover) = &region.turnover
            && self.turnover > 0.0
        {
            let inset = if turnover.max > 0.0 {
                super::movable(region)
            } else {
                0.0
            };
            value -= self.turnover * (turnover.max - radius * inset);
            slope += self.turnover * inset;
        }
        (value, slope)
    }
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Bounds of each weight; where there is none, what the rows imply.
pub(crate) fn implied(region: &Region) -> Vec<(f64, f64)> {
    let mut bounds: Vec<(f64, f64)> = (0..region.dimension())
        .map(|asset| (region.lower[asset], region.upper[asset]))
        .collect();
    if bounds
        .iter()
        .all(|(lower, upper)| lower.is_finite() && upper.is_finite())
    {
        return bounds;
    }
    for row in &region.rows {
        // Σ of the least and of the greatest contributions, with how many are infinite.
        let side = |greatest: bool, bounds: &[(f64, f64)]| {
            let mut finite = 0.0;
            let mut infinite = 0;
            for &(asset, coefficient) in &row.terms {
                let (lower, upper) = bounds[asset];
                let end = if (coefficient > 0.0) == greatest {
                    upper
                } else {
                    lower
                };
                if coefficient == 0.0 {
                } else if end.is_finite() {
                    finite += coefficient * end;
                } else {
                    infinite += 1;
                }
            }
            (finite, infinite)
        };
        let (least, least_infinite) = side(false, &bounds);
        let (greatest, greatest_infinite) = side(true, &bounds);
        let before = bounds.clone();
        for &(asset, coefficient) in &row.terms {
            if coefficient == 0.0 {
                continue;
            }
            let (lower, upper) = before[asset];
            let own = |end: f64| {
                if end.is_finite() {
                    coefficient * end
                } else {
                    0.0
                }
            };
            let others = |total: f64, infinite: usize, end: f64| {
                let rest = infinite - usize::from(!end.is_finite());
                (rest == 0).then_some(total - own(end))
            };
            let (low_end, high_end) = if coefficient > 0.0 {
                (lower, upper)
            } else {
                (upper, lower)
            };
            let from_max = others(least, least_infinite, low_end)
                .map(|rest| (row.max - rest) / coefficient)
                .filter(|end| end.is_finite());
            let from_min = others(greatest, greatest_infinite, high_end)
                .map(|rest| (row.min - rest) / coefficient)
                .filter(|end| end.is_finite());
            let (to_upper, to_lower) = if coefficient > 0.0 {
                (from_max, from_min)
            } else {
                (from_min, from_max)
            };
            if let Some(end) = to_upper
                && !upper.is_finite()
            {
                bounds[asset].1 = end;
            }
            if let Some(end) = to_lower
                && !lower.is_finite()
            {
                bounds[asset].0 = end;
            }
        }
    }
    if let Some(turnover) = &region.turnover
        && turnover.max.is_finite()
    {
        for (asset, bound) in bounds.iter_mut().enumerate() {
            let held = turnover.current[asset];
            if !bound.0.is_finite() {
                bound.0 = held - turnover.max;
            }
            if !bound.1.is_finite() {
                bound.1 = held + turnover.max;
            }
        }
    }
    bounds
}
