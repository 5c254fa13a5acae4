//! The same decision as a mixed-integer program for a general solver: `microlp`.

use airdrops_allocation::rebalance::{Book, Holding};
use airdrops_types::Usd;
use microlp::{ComparisonOp, OptimizationDirection, Problem, Solution, SolveOptions, Variable};

/// A position in the program.
struct Columns {
    /// What it is worth, in parts that fill up the pieces of its value.
    fills: Vec<Variable>,
    /// What is bought and sold, and in how many transactions.
    bought: Variable,
    sold: Variable,
    buys: Variable,
    sells: Variable,
}

/// The greatest net benefit of a book in dollars, and how the solver ended. For holdings without
/// price impact and least orders, and with least positions only where nothing is held, all of them
/// free to move.
pub(crate) fn solve(book: &Book, nodes: u64) -> (f64, String) {
    let dollars = |usd: Usd| usd.0 as f64 / 1e6;
    // In thousandths of capital, which keeps coefficients near one.
    let unit = dollars(book.equity()) / 1000.0;
    let scaled = |usd: Usd| dollars(usd) / unit;
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let mut budget: Vec<(Variable, f64)> = Vec::new();
    let mut columns = Vec::new();
    let mut worth_now = 0.0;
    for holding in &book.holdings {
        let column = position(&mut problem, holding, &scaled);
        let slippage = f64::from(holding.slippage.0) / 1e4;
        budget.extend([
            (column.bought, 1.0 + slippage),
            (column.sold, slippage - 1.0),
            (column.buys, scaled(holding.gas_in)),
            (column.sells, scaled(holding.gas_out)),
        ]);
        worth_now += dollars(holding.worth.gain(holding.value));
        columns.push(column);
    }
    for limit in &book.limits {
        let terms = limit.members.iter().flat_map(|(index, share)| {
            let share = f64::from(share.0) / 1e4;
            columns[*index]
                .fills
                .iter()
                .map(move |column| (*column, share))
        });
        let terms: Vec<_> = terms.collect();
        let locked: Vec<Usd> = book.holdings.iter().map(|holding| holding.locked).collect();
        let max = limit.max.max(limit.measure(&locked));
        problem.add_constraint(terms, ComparisonOp::Le, scaled(max));
    }
    let free = scaled(book.cash - book.reserve);
    problem.add_constraint(budget.clone(), ComparisonOp::Le, free);
    if !book.idle.pieces.is_empty() {
        worth_now += dollars(book.idle.gain(book.cash));
        let mut from = 0.0;
        for piece in &book.idle.pieces {
            let to = scaled(piece.to);
            let fill = problem.add_var(piece.rate as f64 / 1e9, (0.0, to - from));
            budget.push((fill, 1.0));
            from = to;
        }
        let last = book.idle.pieces.last().map_or(0, |piece| piece.rate);
        let rest = problem.add_var(last.min(0) as f64 / 1e9, (0.0, f64::INFINITY));
        budget.push((rest, 1.0));
        problem.add_constraint(budget, ComparisonOp::Eq, scaled(book.cash));
    }
    let mut options = SolveOptions::default();
    options.node_limit = Some(nodes);
    match problem.solve_with(options) {
        Ok(outcome) => {
            let status = format!("{:?}", outcome.termination_reason());
            let objective = outcome.solution().map(Solution::objective);
            (objective.unwrap_or(f64::NAN) * unit - worth_now, status)
        }
        Err(error) => (f64::NAN, error.to_string()),
    }
}

fn position(problem: &mut Problem, holding: &Holding, scaled: &impl Fn(Usd) -> f64) -> Columns {
    let (mut from, value) = (0.0, scaled(holding.value));
    let mut fills = Vec::new();
    for piece in &holding.worth.pieces {
        let to = scaled(piece.to);
        fills.push(problem.add_var(piece.rate as f64 / 1e9, (0.0, to - from)));
        from = to;
    }
    if value > from {
        let last = holding.worth.pieces.last().map_or(0, |piece| piece.rate);
        let rate = last.min(0) as f64 / 1e9;
        fills.push(problem.add_var(rate, (0.0, value - from)));
    }
    let slippage = f64::from(holding.slippage.0) / 1e4;
    let (cap, most) = (scaled(holding.cap), from.max(value));
    let (up, down) = ((most - value).max(0.0), value - scaled(holding.locked));
    let mut trade = |amount: f64, gas: Usd| {
        let traded = problem.add_var(-slippage, (0.0, amount));
        // A float's cast saturates.
        #[allow(clippy::cast_possible_truncation)]
        let most = (amount / cap).ceil() as i32;
        let count = problem.add_integer_var(-scaled(gas), (0, most));
        problem.add_constraint([(traded, 1.0), (count, -cap)], ComparisonOp::Le, 0.0);
        (traded, count)
    };
    let (bought, buys) = trade(up, holding.gas_in);
    let (sold, sells) = trade(down, holding.gas_out);
    let size = || fills.iter().map(|fill| (*fill, 1.0));
    let balance = size().chain([(bought, -1.0), (sold, 1.0)]);
    problem.add_constraint(balance.collect::<Vec<_>>(), ComparisonOp::Eq, value);
    if holding.min_position > Usd::ZERO {
        let open = problem.add_binary_var(0.0);
        let most = size().chain([(open, -most)]).collect::<Vec<_>>();
        problem.add_constraint(most, ComparisonOp::Le, 0.0);
        let least = size().chain([(open, -scaled(holding.min_position))]);
        problem.add_constraint(least.collect::<Vec<_>>(), ComparisonOp::Ge, 0.0);
    }
    Columns {
        fills,
        bought,
        sold,
        buys,
        sells,
    }
}
