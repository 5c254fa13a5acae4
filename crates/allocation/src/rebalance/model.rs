//! The decision as a program: a size for each holding, rows that limit sums of sizes, and cash.

use crate::rebalance::book::Book;
use airdrops_types::Usd;

use crate::rebalance::domain::{Domain, Point};
use crate::rebalance::value::{RATE, Value};

/// `Σ share · size ≤ max`, in micro-dollars times 10⁴.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) members: Vec<(usize, i128)>,
    pub(crate) max: i128,
}

/// All domains and rows.
#[derive(Debug, Clone)]
pub(crate) struct Model<'a> {
    pub(crate) domains: Vec<Domain<'a>>,
    pub(crate) rows: Vec<Row>,
    /// Rows and shares of each holding.
    pub(crate) rows_of: Vec<Vec<(usize, i128)>>,
    /// The most that all sizes and all costs may sum to: what is there, less the reserve.
    pub(crate) budget: i128,
    /// What there is in all.
    pub(crate) there: i128,
    /// What cash that is left is worth.
    pub(crate) idle: &'a Value,
    /// Where its pieces end, and what it is worth there in parts of a micro-dollar by [`RATE`].
    idle_ends: Vec<(i128, i128)>,
    idle_now: i128,
}

/// A size for each holding.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    pub(crate) points: Vec<Point>,
    /// What each row measures.
    pub(crate) sums: Vec<i128>,
    /// What is taken of the budget.
    pub(crate) spent: i128,
    /// Gain of the holdings less costs, against staying.
    own: i128,
    /// What cash gains.
    pub(crate) idle: i128,
    /// Both.
    pub(crate) net: i128,
}

impl<'a> Model<'a> {
    /// The program of a book. A row that cannot be met, because of what is locked or must not move,
    /// asks for the least that can be reached.
    pub(crate) fn of(book: &'a Book) -> Self {
        let domains: Vec<Domain<'_>> = book
            .holdings
            .iter()
            .map(|holding| Domain::of(holding, holding.permission(book.control)))
            .collect();
        let mut rows_of = vec![Vec::new(); domains.len()];
        let mut rows = Vec::new();
        for limit in &book.limits {
            let members: Vec<(usize, i128)> = limit
                .members
                .iter()
                .filter(|(_, share)| share.0 > 0)
                .map(|(index, share)| (*index, i128::from(share.0)))
                .collect();
            let least: i128 = members
                .iter()
                .map(|(index, share)| domains[*index].least() * share)
                .sum();
            let most: i128 = members
                .iter()
                .map(|(index, share)| domains[*index].most() * share)
                .sum();
            // What can never be reached needs no row.
            if most <= limit.max.0 * 10_000 {
                continue;
            }
            for (index, share) in &members {
                rows_of[*index].push((rows.len(), *share));
            }
            rows.push(Row {
                members,
                max: (limit.max.0 * 10_000).max(least),
            });
        }
        let there = book.cash.0 + domains.iter().map(Domain::stay).sum::<i128>();
        Self {
            domains,
            rows,
            rows_of,
            budget: there - book.reserve.0,
            there,
            idle: &book.idle,
            idle_ends: book.idle.sums(),
            idle_now: book.idle.gain(book.cash).0,
        }
    }

    /// What cash gains when so much of what there is is spent.
    pub(crate) fn idle_gain(&self, spent: i128) -> i128 {
        if self.idle_ends.is_empty() {
            return 0;
        }
        let left = (self.there - spent).max(0);
        let after = self.idle_ends.partition_point(|(end, _)| *end < left);
        let before = after
            .checked_sub(1)
            .and_then(|last| self.idle_ends.get(last));
        let (from, gain) = before.copied().unwrap_or_default();
        let rate = i128::from(self.idle.rate_below(Usd(left)));
        (gain + (left - from) * rate).div_euclid(RATE) - self.idle_now
    }

    /// Nothing moves.
    pub(crate) fn stay(&self) -> Sizes {
        self.sizes(self.domains.iter().map(|domain| domain.at(domain.stay())))
    }

    /// These sizes.
    pub(crate) fn sizes(&self, points: impl IntoIterator<Item = Point>) -> Sizes {
        let points: Vec<Point> = points.into_iter().collect();
        let sums = self.rows.iter().map(|row| {
            let terms = row.members.iter();
            terms
                .map(|(index, share)| points[*index].size * share)
                .sum()
        });
        let spent = points.iter().map(Point::cash).sum();
        let own: i128 = points.iter().map(|point| point.net).sum();
        let idle = self.idle_gain(spent);
        Sizes {
            sums: sums.collect(),
            spent,
            own,
            idle,
            net: own + idle,
            points,
        }
    }

    /// Gives one holding another size.
    pub(crate) fn set(&self, sizes: &mut Sizes, index: usize, point: Point) {
        let before = std::mem::replace(&mut sizes.points[index], point);
        for (row, share) in &self.rows_of[index] {
            sizes.sums[*row] += (point.size - before.size) * share;
        }
        sizes.spent += point.cash() - before.cash();
        sizes.own += point.net - before.net;
        sizes.idle = self.idle_gain(sizes.spent);
        sizes.net = sizes.own + sizes.idle;
    }

    /// The greatest size that the rows let a holding have beside the others.
    pub(crate) fn room(&self, sizes: &Sizes, index: usize) -> i128 {
        let size = sizes.points[index].size;
        let rows = self.rows_of[index].iter();
        rows.map(|(row, share)| size + (self.rows[*row].max - sizes.sums[*row]).div_euclid(*share))
            .fold(i128::MAX, i128::min)
    }

    /// Whether every row and the budget are kept.
    pub(crate) fn holds(&self, sizes: &Sizes) -> bool {
        let mut rows = self.rows.iter().zip(&sizes.sums);
        sizes.spent <= self.budget && rows.all(|(row, sum)| *sum <= row.max)
    }
}
