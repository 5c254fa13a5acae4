//! `backtest`: the history file, the plan, and the same answer as production's code.

use airdrops::command::backtest::history::{Cells, parse};
use airdrops::command::backtest::{page, plan, run, terminal};
use airdrops_allocation::backtest::History;

const PLAN: &str = r#"
window = "60d"
step = "20d"
embargo = "3d"
strategies = ["equal-weight", "inverse-volatility"]
capital = 20000

[bounds]
ETH = [0.0, 0.5]

[[groups]]
name = "small <b>"
assets = ["OP", "ARB"]
max = 0.6

[costs]
proportional = 0.002
fixed = 2.0

[cpcv]
groups = 6
test = 2
"#;

fn recorded() -> String {
    let mut text = "time,ETH,ARB,OP\n".to_owned();
    for day in 0..240_u32 {
        let wave = |speed: f64, size: f64| (f64::from(day) / speed).sin() * size;
        text.push_str(&format!(
            "{},{:.4},{:.4},{:.4}\n",
            1_700_000_000 + u64::from(day) * 86_400,
            2_000.0 + wave(7.0, 90.0) + f64::from(day),
            1.0 + wave(3.0, 0.06) + f64::from(day) * 0.0004,
            2.0 + wave(5.0, 0.2)
        ));
    }
    text
}

fn history() -> History {
    parse(&recorded(), Cells::Prices).unwrap()
}

fn error(text: &str) -> String {
    parse(text, Cells::Prices).unwrap_err().to_string()
}

#[test]
fn errors_of_the_history_name_line_and_column() {
    let row = "2024-01-01,1,2\n";
    assert_eq!(
        error(&format!("time,ETH,OP\n{row}2024-01-02,1,zwei\n")),
        "line 3, column `OP`: `zwei`: a number is needed"
    );
    assert!(error(&format!("time,ETH,OP\n{row}2024-01-02,0,2\n")).contains("line 3, column `ETH`"));
    assert!(error(&format!("time,ETH,OP\n{row}2024-01-02,1,inf\n")).contains("finite"));
    assert!(error(&format!("time,ETH,OP\n{row}gestern,1,2\n")).contains("line 3, column `time`"));
    assert!(error(&format!("time,ETH,OP\n{row}{row}")).contains("line 3, column `time`"));
    assert_eq!(
        error(&format!("time,ETH,OP\n{row}2024-01-02,1\n")),
        "line 3: 2 cells, the header has 3"
    );
    assert!(error("time,ETH,ETH\n").contains("line 1, column 3: `ETH` is there twice"));
    assert!(error("time,ETH,\n").contains("line 1, column 3"));
    assert!(error("time\n").contains("line 1"));
    assert!(error("").contains("line 1"));
    assert!(error(&format!("time,ETH,OP\n{row}")).contains("two rows"));
    assert!(error(&format!("time,ETH,OP\n1700000000000,1,2\n{row}")).contains("seconds"));
    let returns = parse("time,A\n2024-01-01,0.1\n2024-01-02,-1.5\n", Cells::Returns);
    assert!(
        returns
            .unwrap_err()
            .to_string()
            .contains("line 3, column `A`")
    );
}

#[test]
fn times_may_be_dates_instants_or_seconds() {
    let text = "time,A\n2024-01-01,1\n2024-01-02T00:00:00Z,2\n1704240000,4\n";
    let history = parse(text, Cells::Prices).unwrap();
    assert_eq!(history.returns().as_slice(), [1.0, 1.0]);
    let gaps: Vec<i64> = history
        .times()
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    assert_eq!(gaps, [86_400_000]);
}

#[test]
fn a_plan_with_a_mistake_is_refused_with_place_and_remedy() {
    let history = history();
    let refused = |from: &str, to: &str| {
        assert!(PLAN.contains(from), "{from}");
        plan::parse(&PLAN.replacen(from, to, 1), &[], &history).unwrap_err()
    };
    let unknown = refused("embargo =", "embarg =");
    assert!(unknown.starts_with("line 4, column 1: "), "{unknown}");
    assert!(unknown.ends_with("did you mean `embargo`?"), "{unknown}");
    let inner = refused("fixed = 2.0", "fixd = 2.0");
    assert!(
        inner.contains("line 18") && inner.contains("did you mean `fixed`?"),
        "{inner}"
    );
    assert!(refused("\"60d\"", "\"60\"").contains("line 2, column 10: `window` has no unit"));
    assert!(refused("\"20d\"", "\"0d\"").contains("line 3, column 8: `step` must be above zero"));
    let strategy = refused("inverse-volatility", "inverse-volatilty");
    assert!(
        strategy.contains("line 5") && strategy.contains("did you mean `inverse-volatility`?"),
        "{strategy}"
    );
    assert!(refused("ETH = [", "ETC = [").contains("bounds.ETC"));
    assert!(refused("\"OP\", ", "\"OPP\", ").contains("did you mean `OP`?"));
    assert!(refused("capital = 20000", "capital = -1").contains("capital"));
    assert!(refused("fixed = 2.0", "fixed = -2.0").contains("costs.fixed"));
    let asked = ["equal-wight".to_owned()];
    let error = plan::parse(PLAN, &asked, &history).unwrap_err();
    assert!(
        error.contains("--strategies") && error.contains("`equal-weight`"),
        "{error}"
    );
}

#[test]
fn too_short_a_history_says_what_to_change() {
    let text = PLAN.replace("60d", "900d");
    let history = history();
    let plan = plan::parse(&text, &[], &history).unwrap();
    let error = run(&history, &plan).unwrap_err();
    assert!(
        error.contains("`window`") && error.contains("239 rows"),
        "{error}"
    );
}

#[test]
fn strategies_run_side_by_side_within_their_limits() {
    let history = history();
    let plan = plan::parse(PLAN, &[], &history).unwrap();
    let backtested = run(&history, &plan).unwrap();
    assert_eq!(backtested.runs.len(), 2);
    for run in &backtested.runs {
        assert!(run.decisions.len() > 6);
        for decision in &run.decisions {
            assert_eq!(decision.refused, None);
            let weights = &decision.weights;
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(weights[0] <= 0.5 + 1e-12 && weights[1] + weights[2] <= 0.6 + 1e-12);
        }
        assert!(run.decisions[0].cost > 0.0);
    }
    let [paths, _] = backtested.paths.as_slice() else {
        panic!("{:?}", backtested.paths);
    };
    assert_eq!((paths.splits, paths.sharpes.len()), (15, 5));
    // The same files give the same answer.
    assert_eq!(run(&history, &plan).unwrap(), backtested);
}

#[test]
fn impossible_limits_are_told_and_nothing_is_traded() {
    let history = history();
    let text = PLAN.replace("max = 0.6", "max = 0.1");
    let plan = plan::parse(&text, &[], &history).unwrap();
    let backtested = run(&history, &plan).unwrap();
    for row in &backtested.comparisons {
        assert_eq!((row.refused, row.transactions), (row.decisions, 0));
    }
    let text = terminal::render(&backtested);
    assert!(
        text.contains("had no answer") && text.contains("small <b>"),
        "{text}"
    );
    // On the page the name is text.
    let page = page::render(&backtested);
    assert!(page.contains("small &lt;b&gt;") && !page.contains("small <b>"));
}

#[test]
fn the_page_shows_each_picture_once_and_every_strategy() {
    let history = history();
    let plan = plan::parse(PLAN, &[], &history).unwrap();
    let backtested = run(&history, &plan).unwrap();
    let page = page::render(&backtested);
    for title in ["Equity", "Drawdown"] {
        let caption = format!("<span class=\"name\">{title}</span>");
        assert_eq!(page.matches(&caption).count(), 1, "{title}");
    }
    assert!(!page.contains("NaN") && !page.contains("<script") && !page.contains("https://"));
    let text = terminal::render(&backtested);
    for name in ["equal-weight", "inverse-volatility"] {
        assert!(page.contains(name) && text.contains(name));
    }
    let json = backtested.json();
    assert_eq!(json["strategies"][0]["strategy"], "equal-weight");
    assert!(json["strategies"][1]["deflated_sharpe"].is_number());
    assert_eq!(
        json["cross_validation"][0]["sharpe"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}
