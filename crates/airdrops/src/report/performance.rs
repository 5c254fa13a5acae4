//! Performance from the journal: per task, strategy (campaign), protocol, and of the portfolio.

mod accounts;
mod booking;
mod parts;
mod shares;
pub mod table;

use airdrops_allocation::performance::{
    Account, Conventions, CostSums, Employed, IndexPoint, Measures, Valuation,
};
use airdrops_types::{EquityPoint, JournalEntry, Timestamp, Usd};

use accounts::{Books, Course};
pub use parts::{Part, Parts};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Portfolio,
    /// One campaign.
    Strategy,
    /// One protocol instance.
    Protocol,
    /// One task of a campaign, all its runs.
    Task,
}

impl Scope {
    /// As one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Portfolio => "portfolio",
            Self::Strategy => "strategy",
            Self::Protocol => "protocol",
            Self::Task => "task",
        }
    }
}

/// The performance of one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of what kind.
    pub scope: Scope,
    /// Its name; empty for the portfolio.
    pub name: String,
    /// Settled transactions.
    pub transactions: u64,
    /// What it gained, after all costs.
    pub profit: Usd,
    /// What it received and did not pay for, such as claims, at the price when it came.
    pub income: Usd,
    /// Measures. Those of a strategy, a protocol or a task are of its positions.
    pub measures: Measures,
}

/// Shares of equity over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    /// Instants.
    pub times: Vec<Timestamp>,
    /// Name and share at each instant, what is in no protocol last.
    pub bands: Vec<(String, Vec<f64>)>,
}

/// The performance of everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Performance {
    /// The portfolio first, then strategies, protocols and tasks by name.
    pub rows: Vec<Row>,
    /// What contributed to return and risk, per day.
    pub parts: Parts,
    /// Shares of equity over time.
    pub weights: Weights,
    /// What equal parts of all priced assets would have become, rebalanced daily without costs.
    pub equal_weight: Vec<IndexPoint>,
}

impl Performance {
    /// Measures a journal, oldest entry first.
    #[must_use]
    pub fn from_journal(entries: &[JournalEntry], equity: &[EquityPoint]) -> Self {
        let books = Books::from_journal(entries, equity);
        let conventions = Conventions::default();
        let mut rows = vec![portfolio(&books, equity, &conventions)];
        for scope in [Scope::Strategy, Scope::Protocol, Scope::Task] {
            for (name, course) in books.by(|cell| match scope {
                Scope::Protocol => cell.protocol.clone(),
                Scope::Task => cell.task.clone(),
                _ => strategy(&cell.task).to_owned(),
            }) {
                if course.is_empty() {
                    continue;
                }
                let employed = books.employed(&course);
                rows.push(Row {
                    scope,
                    name,
                    transactions: course.transactions,
                    profit: course.profit,
                    income: course.income,
                    measures: Measures::of(
                        &Account {
                            valuations: &course.valuations,
                            employed: &employed,
                            costs: course.costs,
                        },
                        &conventions,
                    ),
                });
            }
        }
        Self {
            rows,
            parts: Parts::of(&books, equity, conventions.period_ms),
            weights: books.weights(),
            equal_weight: books.equal_weight(conventions.period_ms),
        }
    }

    /// The portfolio's row.
    #[must_use]
    pub fn portfolio(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.scope == Scope::Portfolio)
    }
}

/// The campaign of `campaign/task`.
fn strategy(task: &str) -> &str {
    task.split_once('/').map_or(task, |(campaign, _)| campaign)
}

fn portfolio(books: &Books, equity: &[EquityPoint], conventions: &Conventions) -> Row {
    let valuations = Valuation::from_points(equity);
    let total = books.total();
    let employed: Vec<Employed> = books.employed(&total);
    let measures = Measures::of(
        &Account {
            valuations: &valuations,
            employed: &employed,
            costs: CostSums { ..total.costs },
        },
        conventions,
    );
    Row {
        scope: Scope::Portfolio,
        name: String::new(),
        transactions: total.transactions,
        profit: measures.profit,
        income: total.income,
        measures,
    }
}

impl Course {
    fn is_empty(&self) -> bool {
        self.transactions == 0
            && self
                .valuations
                .iter()
                .all(|valuation| valuation.value == Usd::ZERO)
    }
}
