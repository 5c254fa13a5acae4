//! The sizes that one holding may take, and what each is worth net of what it costs to get there.

use airdrops_types::Usd;

use crate::rebalance::book::{Holding, MAX_TRANSACTIONS, Permission};

/// Chords per stretch of a value where price impact bends the net benefit.
const CHORDS: i128 = 4;

/// Sizes that all take the same number of transactions to reach: `lo..=hi`, micro-dollars. The net
/// benefit is concave within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) lo: i128,
    pub(crate) hi: i128,
}

/// A size with what it is worth, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) size: i128,
    /// Gain against staying, less `cost`.
    pub(crate) net: i128,
    /// Gas, slippage and impact.
    pub(crate) cost: i128,
}

impl Point {
    /// What it takes of cash.
    pub(crate) fn cash(&self) -> i128 {
        self.size + self.cost
    }
}

/// One stretch and one piece of the value, in dollars: net benefit is a parabola on it.
#[derive(Debug, Clone, Copy)]
struct Arc {
    lo: f64,
    hi: f64,
    gain: f64,
    rate: f64,
    gas: f64,
    sign: f64,
}

/// The sizes of one holding.
#[derive(Debug, Clone)]
pub(crate) struct Domain<'a> {
    holding: &'a Holding,
    stay: i128,
    gain_of_staying: i128,
    /// By size, apart from each other. Never empty: staying is always among them.
    pub(crate) stretches: Vec<Stretch>,
    /// Ends of stretches, bends of the value, and the best size of each stretch; by size.
    pub(crate) points: Vec<Point>,
    arcs: Vec<Arc>,
    slippage: f64,
    bend: f64,
}

/// Micro-dollars as dollars.
pub(crate) fn dollars(micros: i128) -> f64 {
    micros as f64 / 1e6
}

/// Dollars as micro-dollars, rounded down; amounts are at most 10¹² dollars.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn micros(dollars: f64) -> i128 {
    // A float's cast saturates, and gives zero for what is not a number.
    (dollars * 1e6).floor() as i128
}

impl<'a> Domain<'a> {
    pub(crate) fn of(holding: &'a Holding, permission: Permission) -> Self {
        let mut domain = Self {
            holding,
            stay: holding.value.0,
            gain_of_staying: holding.worth.gain(holding.value).0,
            stretches: stretches(holding, permission),
            points: Vec::new(),
            arcs: Vec::new(),
            slippage: f64::from(holding.slippage.0) / 1e4,
            bend: holding
                .depth
                .map_or(0.0, |depth| 1.0 / (200.0 * dollars(depth.0))),
        };
        for index in 0..domain.stretches.len() {
            domain.lay_out(domain.stretches[index]);
        }
        domain.points.sort_unstable_by_key(|point| point.size);
        domain.points.dedup_by_key(|point| point.size);
        domain
    }

    /// The points and arcs of one stretch.
    fn lay_out(&mut self, stretch: Stretch) {
        let bends = self.holding.worth.pieces.iter().map(|piece| piece.to.0);
        let mut ends: Vec<i128> = std::iter::once(stretch.lo)
            .chain(bends.filter(|to| (stretch.lo + 1..stretch.hi).contains(to)))
            .chain(std::iter::once(stretch.hi))
            .collect();
        ends.dedup();
        for size in &ends {
            self.points.push(self.at(*size));
        }
        let gas = dollars(self.gas(stretch.hi));
        let sign = f64::from(i8::from(stretch.lo > self.stay) - i8::from(stretch.hi < self.stay));
        if ends.len() == 1 {
            ends.push(stretch.hi);
        }
        for pair in ends.windows(2) {
            let (lo, hi) = (pair[0], pair[1]);
            let gain = self.holding.worth.gain(Usd(lo)).0 - self.gain_of_staying;
            let rate = self.holding.worth.rate_below(Usd(hi)) as f64 / 1e9;
            let arc = Arc {
                lo: dollars(lo),
                hi: dollars(hi),
                gain: dollars(gain),
                rate,
                gas,
                sign,
            };
            self.arcs.push(arc);
            if self.bend > 0.0 && hi - lo > CHORDS {
                let best = micros(self.vertex(&arc, 0.0, 0.0) + 0.5e-6);
                let inner = (1..CHORDS).map(|index| lo + (hi - lo) * index / CHORDS);
                for size in inner.chain([best.clamp(lo, hi)]) {
                    self.points.push(self.at(size));
                }
            }
        }
    }

    /// The size where the parabola of `arc` peaks, within the arc, when costs weigh `1 + weight` and
    /// each dollar of the position costs `price`.
    fn vertex(&self, arc: &Arc, price: f64, weight: f64) -> f64 {
        let slope = arc.rate - price - arc.sign * self.slippage * (1.0 + weight);
        let bend = 2.0 * self.bend * (1.0 + weight);
        if bend * arc.sign.abs() <= 0.0 {
            return if slope > 0.0 { arc.hi } else { arc.lo };
        }
        (dollars(self.stay) + slope / bend).clamp(arc.lo, arc.hi)
    }

    /// How many transactions it takes to get to `size`.
    pub(crate) fn transactions(&self, size: i128) -> i128 {
        let moved = (size - self.stay).abs();
        let cap = self.holding.cap.0.max(1);
        moved / cap + i128::from(moved % cap > 0)
    }

    fn gas(&self, size: i128) -> i128 {
        let one = if size > self.stay {
            self.holding.gas_in
        } else {
            self.holding.gas_out
        };
        one.0.saturating_mul(self.transactions(size))
    }

    /// What `size` is worth. Exact, and meaningful only for sizes of the domain.
    pub(crate) fn at(&self, size: i128) -> Point {
        let moved = Usd((size - self.stay).abs());
        let trading = self.holding.slippage_of(moved) + self.holding.impact_of(moved);
        let cost = self.gas(size).saturating_add(trading.0);
        let gain = self.holding.worth.gain(Usd(size)).0 - self.gain_of_staying;
        Point {
            size,
            net: gain.saturating_sub(cost),
            cost,
        }
    }

    /// What it is now.
    pub(crate) fn stay(&self) -> i128 {
        self.stay
    }

    /// The least size.
    pub(crate) fn least(&self) -> i128 {
        self.stretches.first().map_or(self.stay, |first| first.lo)
    }

    /// The greatest size.
    pub(crate) fn most(&self) -> i128 {
        self.stretches.last().map_or(self.stay, |last| last.hi)
    }

    /// Whether it may have this size.
    pub(crate) fn contains(&self, size: i128) -> bool {
        let after = self.stretches.partition_point(|stretch| stretch.hi < size);
        self.stretches
            .get(after)
            .is_some_and(|stretch| stretch.lo <= size)
    }

    /// The greatest size of the domain that is at most `size`.
    pub(crate) fn at_most(&self, size: i128) -> Option<i128> {
        let after = self.stretches.partition_point(|stretch| stretch.lo <= size);
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        Some(stretch.hi.min(size))
    }

    /// The known points within `lo..=hi`.
    pub(crate) fn points_within(&self, lo: i128, hi: i128) -> &[Point] {
        let from = self.points.partition_point(|point| point.size < lo);
        let to = self.points.partition_point(|point| point.size <= hi);
        self.points.get(from..to).unwrap_or_default()
    }

    /// The greatest of `net − weight · cost − price · size` on `lo..=hi`, which are ends of
    /// stretches, and the size where it is; in dollars. The net benefit is the real one here, and
    /// not its envelope: jumps and bends and all.
    pub(crate) fn support(&self, lo: i128, hi: i128, price: f64, weight: f64) -> (f64, f64) {
        let (lo, hi, stay) = (dollars(lo), dollars(hi), dollars(self.stay));
        let mut best = (f64::NEG_INFINITY, stay);
        for arc in self.arcs.iter().filter(|arc| arc.lo >= lo && arc.hi <= hi) {
            let size = self.vertex(arc, price, weight);
            let moved = (size - stay).abs();
            let cost = arc.gas + arc.sign.abs() * moved * (self.slippage + self.bend * moved);
            let gain = arc.gain + arc.rate * (size - arc.lo);
            let value = gain - (1.0 + weight) * cost - price * size;
            if value > best.0 {
                best = (value, size);
            }
        }
        best
    }
}

/// The sizes that are allowed, by size.
fn stretches(holding: &Holding, permission: Permission) -> Vec<Stretch> {
    let stay = holding.value.0;
    let single = Stretch { lo: stay, hi: stay };
    if permission == Permission::Frozen {
        return vec![single];
    }
    let (cap, order) = (holding.cap.0.max(1), holding.min_order.0.max(1));
    let floor = holding.locked.0;
    let least = floor.max(holding.min_position.0);
    let mut below = Vec::new();
    for count in 1..=i128::from(MAX_TRANSACTIONS) {
        let nearest = stay - ((count - 1) * cap + 1).max(order);
        let farthest = stay - count * cap;
        let stretch = Stretch {
            lo: farthest.max(least),
            hi: nearest,
        };
        if stretch.lo <= stretch.hi {
            below.push(stretch);
        }
        if farthest <= floor {
            if floor < stay && below.last().is_none_or(|last| last.lo > floor) {
                below.push(Stretch {
                    lo: floor,
                    hi: floor,
                });
            }
            break;
        }
    }
    below.reverse();
    below.push(single);
    if permission == Permission::Shrink {
        return below;
    }
    let top = holding.worth.end().0;
    for count in 1..=i128::from(MAX_TRANSACTIONS) {
        let nearest = stay + ((count - 1) * cap + 1).max(order);
        let farthest = stay + count * cap;
        let stretch = Stretch {
            lo: nearest.max(holding.min_position.0),
            hi: farthest.min(top),
        };
        if stretch.lo <= stretch.hi {
            below.push(stretch);
        }
        if farthest >= top {
            break;
        }
    }
    below
}
