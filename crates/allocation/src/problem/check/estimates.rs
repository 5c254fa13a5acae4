//! Faults of returns and of what strategies are told.

use nalgebra::DMatrix;

use super::{Faults, MAX_WEIGHT, covariance, each, entries, sums_to_one};
use crate::problem::{Certainty, Estimator, Parameters, Problem, Returns, Scenarios, Views};

/// Returns beyond this are a mistake of units.
const MAX_RETURN: f64 = 1e9;

fn sized(value: f64) -> bool {
    value.abs() <= MAX_RETURN
}

fn positive(value: f64) -> bool {
    value > 0.0 && value <= 1e12
}

fn shape(
    place: &str,
    matrix: &DMatrix<f64>,
    rows: usize,
    columns: usize,
    faults: &mut Faults,
) -> bool {
    let fine = matrix.shape() == (rows, columns);
    if !fine {
        let problem = format!("has {} rows of {}", matrix.nrows(), matrix.ncols());
        faults.add(place, problem, format!("give {rows} rows of {columns}"));
    }
    fine
}

pub(super) fn returns(problem: &Problem, faults: &mut Faults) {
    let n = problem.assets.len();
    match &problem.returns {
        Returns::Moments(moments) => {
            if faults.length("mu", moments.mean.len(), n, "asset") {
                let values = each("mu", moments.mean.iter().copied());
                faults.numbers(
                    values,
                    sized,
                    "give the mean return per period, 0.01 for 1 %",
                );
            }
            let remedy = "give the covariance of returns per period";
            if shape("cov", &moments.covariance, n, n, faults)
                && faults.numbers(entries("cov", &moments.covariance), sized, remedy)
            {
                covariance("cov", &moments.covariance, faults);
            }
        }
        Returns::History(history) => {
            let periods = history.nrows();
            if periods < 2 {
                faults.add(
                    "returns",
                    format!("has {periods} periods"),
                    "give two or more",
                );
            }
            if shape("returns", history, periods, n, faults) {
                faults.numbers(
                    entries("returns", history),
                    |value| (-1.0..=MAX_RETURN).contains(&value),
                    "give net returns per period, 0.01 for 1 %; nothing loses more than -1",
                );
            }
        }
        Returns::Scenarios(scenarios) => self::scenarios(scenarios, n, faults),
    }
    if let Estimator::Exponential { half_life } = problem.estimator {
        let remedy = "give a half-life in periods above 0";
        faults.number(
            "covariance.exponential",
            half_life,
            positive(half_life),
            remedy,
        );
    }
    let (cash, periods) = (problem.risk_free, problem.periods_per_year);
    let remedy = "give the return of cash per period, 0.0001 for 0.01 %";
    faults.number("rf", cash, cash > -1.0 && sized(cash), remedy);
    let remedy = "give a number above 0: 252 for trading days, 365 for days";
    faults.number("periods_per_year", periods, positive(periods), remedy);
}

fn scenarios(scenarios: &Scenarios, n: usize, faults: &mut Faults) {
    let (gross, probabilities) = (&scenarios.gross, &scenarios.probabilities);
    let place = "scenarios.returns";
    if gross.nrows() == 0 {
        faults.add(place, "there are none", "give one or more rows");
        return;
    }
    if shape(place, gross, gross.nrows(), n, faults) {
        faults.numbers(
            entries(place, gross),
            |value| (0.0..=MAX_RETURN).contains(&value),
            "give gross returns: 1.01 for a gain of 1 %, 0 for a total loss",
        );
    }
    let place = "scenarios.probabilities";
    if faults.length(place, probabilities.len(), gross.nrows(), "scenario")
        && faults.numbers(
            each(place, probabilities.iter().copied()),
            |value| value > 0.0 && value <= 1.0,
            "give probabilities above 0, and leave out what cannot happen",
        )
    {
        sums_to_one(place, probabilities, faults);
    }
}

pub(super) fn parameters(problem: &Problem, faults: &mut Faults) {
    let n = problem.assets.len();
    let given = &problem.parameters;
    if let Some(budgets) = &given.risk_budgets
        && faults.length("risk_budgets", budgets.len(), n, "asset")
        && faults.numbers(
            each("risk_budgets", budgets.iter().copied()),
            positive,
            "give a share of risk above 0",
        )
    {
        sums_to_one("risk_budgets", budgets, faults);
    }
    for (name, weight) in given.fixed.iter().flatten() {
        let place = format!("weights.{name}");
        if problem.assets.contains(name) {
            let remedy = "give a fraction of capital, such as 0.2 for 20 %";
            faults.number(place, *weight, weight.abs() <= MAX_WEIGHT, remedy);
        } else {
            faults.add(place, "is no asset", "use a name from `assets`");
        }
    }
    numbers(given, faults);
    if let Some(views) = &given.views {
        self::views(views, n, faults);
    }
}

fn numbers(given: &Parameters, faults: &mut Faults) {
    let open = |value: f64| value > 0.0 && value < 1.0;
    let drawdown = given.drawdown;
    let mut number = |place: &str, value: Option<f64>, inside: &dyn Fn(f64) -> bool, remedy| {
        if let Some(value) = value {
            faults.number(place, value, inside(value), remedy);
        }
    };
    let not_negative = |value: f64| (0.0..=1e12).contains(&value);
    let remedy = "give 0 or more; 1 to 10 is usual";
    number("risk_aversion", given.risk_aversion, &not_negative, remedy);
    let remedy = "give a mean return per period, 0.01 for 1 %";
    number("target_return", given.target_return, &sized, remedy);
    let remedy = "give a volatility per period above 0";
    number("target_risk", given.target_risk, &positive, remedy);
    let fraction = |value: f64| value > 0.0 && value <= 1.0;
    let remedy = "give a fraction above 0 and up to 1";
    number("kelly_fraction", given.kelly_fraction, &fraction, remedy);
    let remedy = "give a level between 0 and 1, such as 0.95";
    number("alpha", given.alpha, &open, remedy);
    let remedy = "give a number between 0 and 1";
    number(
        "drawdown.alpha",
        drawdown.map(|bound| bound.alpha),
        &open,
        remedy,
    );
    number(
        "drawdown.beta",
        drawdown.map(|bound| bound.beta),
        &open,
        remedy,
    );
}

fn views(views: &Views, n: usize, faults: &mut Faults) {
    let k = views.p.nrows();
    if k == 0 {
        faults.add("views.P", "there are none", "give one or more rows");
    }
    if shape("views.P", &views.p, k, n, faults) {
        let remedy = "give the share of each asset in the view";
        faults.numbers(entries("views.P", &views.p), sized, remedy);
    }
    if faults.length("views.q", views.q.len(), k, "view") {
        let values = each("views.q", views.q.iter().copied());
        faults.numbers(values, sized, "give a return per period, 0.01 for 1 %");
    }
    match &views.certainty {
        Certainty::Omega(omega) => {
            let remedy = "give the variance of each view's error";
            if shape("views.omega", omega, k, k, faults)
                && faults.numbers(entries("views.omega", omega), sized, remedy)
            {
                covariance("views.omega", omega, faults);
            }
        }
        Certainty::Confidence(confidence) => {
            if faults.length("views.confidence", confidence.len(), k, "view") {
                faults.numbers(
                    each("views.confidence", confidence.iter().copied()),
                    |value| (0.0..=1.0).contains(&value),
                    "give a confidence from 0 to 1",
                );
            }
        }
    }
    let place = "views.market_weights";
    if faults.length(place, views.market_weights.len(), n, "asset") {
        let values = each(place, views.market_weights.iter().copied());
        faults.numbers(values, |value| value.abs() <= MAX_WEIGHT, "give fractions");
    }
    for (place, value) in [("views.delta", views.delta), ("views.tau", views.tau)] {
        faults.number(place, value, positive(value), "give a number above 0");
    }
}
