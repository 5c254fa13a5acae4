//! The expected value of a position by its size, for integer programs.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};

use super::hazard::World;
use super::invalid::{Invalid, bounded};
use super::opportunity::Opportunity;
use super::rule::in_dollars;
use super::value::terms;

/// The expected profit of a position of `x` dollars, before gas and slippage: a concave function in
/// straight pieces, and steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payoff {
    /// Pieces from zero on, slopes never rising.
    pub segments: Vec<Segment>,
    /// What is added once a size is reached; ascending, values add up.
    pub slots: Vec<Slot>,
}

/// A straight piece.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// How many dollars it is long.
    pub length: f64,
    /// Expected profit per dollar in it.
    pub slope: f64,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// From which size on.
    pub minimum: Usd,
    /// What is added to the expected profit, in dollars.
    pub value: f64,
}

/// Pieces of a rule that rises steadily: sizes are doubled from the first piece's to the greatest.
const PIECES: i32 = 8;

impl Payoff {
    /// The expected profit of a position of `capital` dollars. Beyond the last piece, nothing is
    /// added.
    #[must_use]
    pub fn value(&self, capital: f64) -> f64 {
        let mut left = capital.max(0.0);
        let mut value = 0.0;
        for segment in &self.segments {
            value += segment.slope * left.min(segment.length);
            left = (left - segment.length).max(0.0);
        }
        let reached = self
            .slots
            .iter()
            .filter(|slot| capital >= in_dollars(slot.minimum));
        value + reached.map(|slot| slot.value).sum::<f64>()
    }
}

/// The payoff of an opportunity up to `most` capital, over `horizon` months.
///
/// Concave rules are replaced by chords between sizes that double up to `most`: exact at these, less
/// in between. Steps become slots.
///
/// # Errors
/// [`Invalid`] for what is not usable, by opportunity and parameter.
pub fn payoff(
    opportunity: &Opportunity,
    world: &World,
    most: Usd,
    horizon: f64,
) -> Result<Payoff, Invalid> {
    world.check().map_err(|error| error.within("world"))?;
    opportunity.check(world)?;
    bounded("horizon", horizon, 1e-3, 120.0)?;
    bounded("most", in_dollars(most), 1e-6, 1e12)?;
    let greatest = in_dollars(most);
    let at = terms(opportunity, world, greatest, horizon);
    // Linear in the size: everything but the drop.
    let carry = (at.yielded - at.forgone - at.lost) / greatest;
    // What one unit of allocation is worth.
    let unit = at.drop * at.eligible * at.amount * at.share * at.haircut * at.survival;
    let steps = opportunity.rule.steps();
    if !steps.is_empty() {
        let mut before = 0.0;
        let mut slots = Vec::with_capacity(steps.len());
        for step in steps {
            let points = opportunity.presence * step.points;
            let value = unit * opportunity.worth.allocation(points);
            slots.push(Slot {
                minimum: step.minimum,
                value: value - before,
            });
            before = value;
        }
        let segments = vec![Segment {
            length: greatest,
            slope: carry,
        }];
        return Ok(Payoff { segments, slots });
    }
    let mut segments = Vec::new();
    let (mut from, mut before) = (0.0, 0.0);
    for piece in (0..PIECES).rev() {
        let to = greatest / f64::from(1 << piece);
        let value = unit * opportunity.allocation(to);
        let length = to - from;
        segments.push(Segment {
            length,
            slope: (value - before) / length + carry,
        });
        (from, before) = (to, value);
    }
    Ok(Payoff {
        segments,
        slots: Vec::new(),
    })
}
