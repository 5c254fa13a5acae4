//! Plans: from beliefs to what moves and what stays.

use airdrops_allocation::Course;
use airdrops_allocation::estimate::hazard::Loss;
use airdrops_allocation::estimate::{
    Beta, Haircut, Hazard, Holders, NormalInverseGamma, Opportunity, Rule, Timing, Worth,
};
use airdrops_allocation::plan::{Bound, Mandate, Plan, PlanError, Question, Site};
use airdrops_allocation::rebalance::Side;
use airdrops_types::{Bps, ChainId, ControlState, ProtocolId, Usd};
use proptest::prelude::*;

fn opportunity(name: &str, drop: f64, hazard: f64) -> Opportunity {
    Opportunity {
        id: ProtocolId::from(name),
        family: name.to_owned(),
        category: "l2".to_owned(),
        chain: ChainId(1),
        drop: Beta::from_mean(drop, 4.0).unwrap(),
        when: Timing::from_median(4.0, 1.0, 4.0).unwrap(),
        waited: 0.0,
        eligibility: Beta::from_mean(0.6, 4.0).unwrap(),
        rule: Rule::SquareRoot,
        presence: 1.0,
        worth: Worth::Wallet {
            value: NormalInverseGamma::from_median(1_000.0, 1.5, 19.0).unwrap(),
            mean_points: 40.0,
        },
        dispersion: 0.8,
        haircut: Haircut {
            lockup_days: 0.0,
            holders: Holders::BroadSmall,
            selling: 0.02,
        },
        base_yield: 0.0,
        forgone_yield: 0.0,
        gas: Usd::dollars(5),
        slippage: Bps(10),
        hazard: Hazard {
            own: hazard,
            shared: Vec::new(),
            loss: Loss::Total,
        },
    }
}

fn site(name: &str, drop: f64, hazard: f64, value: i64) -> Site {
    Site {
        opportunity: opportunity(name, drop, hazard),
        verb: "supply".to_owned(),
        chain: "mainnet".to_owned(),
        unit: None,
        value: Usd::dollars(value),
        locked: Usd::ZERO,
        gas_in: Usd::dollars(1),
        gas_out: Usd::dollars(1),
        slippage: Bps(5),
        control: ControlState::Active,
    }
}

/// $50,000, four sites, 20 % each at most and 30 % on what the first two stand on.
fn question() -> Question {
    let sites = vec![
        site("a", 0.5, 0.01, 0),
        site("b", 0.4, 0.01, 0),
        site("c", 0.3, 0.02, 0),
        site("d", 0.02, 0.05, 0),
    ];
    let mut bounds: Vec<Bound> = (0..sites.len())
        .map(|index| Bound {
            name: format!("protocol:{}", sites[index].opportunity.id),
            max: Usd::dollars(10_000),
            members: (0..sites.len())
                .map(|other| Bps(if other == index { 10_000 } else { 0 }))
                .collect(),
        })
        .collect();
    bounds.push(Bound {
        name: "bridge:hop".to_owned(),
        max: Usd::dollars(15_000),
        members: vec![Bps::WHOLE, Bps::WHOLE, Bps(0), Bps(0)],
    });
    Question {
        seed: 7,
        equity: Usd::dollars(50_000),
        cash: Usd::dollars(50_000),
        per_transaction: Usd::dollars(2_250),
        min_change: Usd::dollars(50),
        control: ControlState::Active,
        mandate: Mandate {
            scenarios: 1_000,
            exploration: Bps(0),
            ..Mandate::default()
        },
        sites,
        bounds,
    }
}

/// The sizes when all orders are done.
fn sizes(question: &Question, plan: &Plan) -> Vec<Usd> {
    let sites = question.sites.iter();
    sites
        .map(|site| match &plan.courses[&site.opportunity.id] {
            Course::Hold { .. } => site.value,
            Course::MoveTo { size, .. } => *size,
        })
        .collect()
}

/// What each limit measures beyond what it may, if it is broken and grew.
fn broken(question: &Question, plan: &Plan) -> Vec<String> {
    let (before, after): (Vec<Usd>, Vec<Usd>) = (
        question.sites.iter().map(|site| site.value).collect(),
        sizes(question, plan),
    );
    let measure = |bound: &Bound, sizes: &[Usd]| -> i128 {
        let parts = bound.members.iter().zip(sizes);
        parts
            .map(|(share, size)| i128::from(share.0) * size.0)
            .sum()
    };
    let over = |bound: &&Bound| {
        let after = measure(bound, &after);
        after > bound.max.0 * 10_000 && after > measure(bound, &before)
    };
    let broken = question.bounds.iter().filter(over);
    broken.map(|bound| bound.name.clone()).collect()
}

#[test]
fn capital_goes_where_the_beliefs_are_good_within_every_limit() {
    let question = question();
    let plan = plan(&question).unwrap();
    let sizes = sizes(&question, &plan);
    assert!(broken(&question, &plan).is_empty());
    assert!(sizes[0] > Usd::dollars(5_000), "{sizes:?}");
    assert_eq!(sizes[3], Usd::ZERO, "{sizes:?}");
    assert!(sizes.iter().copied().sum::<Usd>() <= Usd::dollars(47_500));
    assert!(plan.optimum.gap.unwrap() < 1e-6, "{:?}", plan.optimum);
    assert!(plan.optimum.growth.unwrap() > 0.0);
    assert!(!plan.optimum.binding.is_empty());
    assert!(plan.balance.gain > plan.balance.cost.total());
    for order in &plan.orders {
        assert!(order.amount <= question.per_transaction);
        assert_eq!(order.side, Side::Allocate);
    }
    let text = format!("{}", plan.orders[0]);
    assert!(text.starts_with("allocate $"), "{text}");
}

#[test]
fn the_same_question_has_the_same_plan_also_by_way_of_json() {
    let question = question();
    let text = serde_json::to_string(&question).unwrap();
    let read: Question = serde_json::from_str(&text).unwrap();
    assert_eq!(read, question);
    let made = plan(&question).unwrap();
    let again = plan(&read).unwrap();
    assert_eq!(made, again);
    let value = serde_json::to_value(&made).unwrap();
    assert_eq!(serde_json::from_value::<Plan>(value).unwrap(), made);
}

#[test]
fn gas_that_eats_the_gain_leaves_everything_where_it_is() {
    let mut question = question();
    for site in &mut question.sites {
        site.gas_in = Usd::dollars(5_000);
    }
    let plan = plan(&question).unwrap();
    assert_eq!(plan.orders, []);
    assert!(plan.wanted.values().any(|size| *size > Usd::ZERO));
    let why = plan.courses.values().filter(
        |course| matches!(course, Course::Hold { why } if why.contains("not worth the cost")),
    );
    assert!(why.count() > 0, "{:?}", plan.courses);
}

#[test]
fn a_broken_limit_is_cured_whatever_that_costs() {
    let mut question = question();
    question.sites[0].value = Usd::dollars(9_000);
    question.sites[1].value = Usd::dollars(9_000);
    question.cash = Usd::dollars(32_000);
    for site in &mut question.sites {
        site.gas_out = Usd::dollars(200);
    }
    let plan = plan(&question).unwrap();
    let sizes = sizes(&question, &plan);
    assert!(sizes[0] + sizes[1] <= Usd::dollars(15_000), "{sizes:?}");
    assert_eq!(plan.orders[0].side, Side::Withdraw);
}

#[test]
fn nothing_grows_under_reducing_and_nothing_moves_under_halted() {
    let mut question = question();
    question.sites[3].value = Usd::dollars(4_000);
    question.cash = Usd::dollars(46_000);
    question.control = ControlState::Reducing;
    let reducing = plan(&question).unwrap();
    assert!(
        reducing
            .orders
            .iter()
            .all(|order| order.side == Side::Withdraw)
    );
    assert!(!reducing.orders.is_empty(), "what is not wanted goes");
    question.control = ControlState::Halted;
    assert_eq!(plan(&question).unwrap().orders, []);
}

#[test]
fn a_worse_hazard_never_makes_a_position_larger() {
    let mut last = Usd(i128::MAX);
    for hazard in [0.003, 0.02, 0.2, 1.0, 5.0] {
        let mut question = question();
        question.sites[0].opportunity.hazard.own = hazard;
        let plan = plan(&question).unwrap();
        let wanted = plan.wanted[&ProtocolId::from("a")];
        assert!(wanted <= last, "{hazard}: {wanted} after {last}");
        last = wanted;
    }
    assert_eq!(last, Usd::ZERO);
}

#[test]
fn payoffs_that_grow_with_the_square_root_are_spread_and_not_piled_up() {
    // Equal but for a hazard that is a trifle higher in the second.
    let mut question = question();
    question.sites = vec![site("a", 0.5, 0.010, 0), site("b", 0.5, 0.011, 0)];
    question.bounds = vec![Bound {
        name: "chain:1".to_owned(),
        max: Usd::dollars(10_000),
        members: vec![Bps::WHOLE, Bps::WHOLE],
    }];
    let plan = plan(&question).unwrap();
    let sizes = sizes(&question, &plan);
    assert!(broken(&question, &plan).is_empty());
    assert!(
        sizes.iter().all(|size| *size > Usd::dollars(3_000)),
        "{sizes:?}"
    );
}

#[test]
fn a_strategy_that_cannot_answer_makes_no_plan_and_is_named() {
    // Nothing beats cash: no ratio of gain and risk is the greatest.
    let mut question = question();
    question.mandate.strategy = "max-sharpe".to_owned();
    for site in &mut question.sites {
        site.opportunity.drop = Beta::from_mean(0.001, 4.0).unwrap();
        site.opportunity.hazard.own = 2.0;
    }
    let text = plan(&question).unwrap_err().to_string();
    assert!(text.starts_with("max-sharpe: "), "{text}");
}

#[test]
fn exploration_places_no_more_than_its_budget_and_only_least_positions() {
    let mut question = question();
    question.sites[3] = site("d", 0.15, 0.01, 0);
    question.mandate.exploration = Bps(100);
    let plan = plan(&question).unwrap();
    assert!(plan.explored.len() <= 1, "{:?}", plan.explored);
    for explored in &plan.explored {
        assert!(plan.wanted[explored] >= Usd::dollars(500));
    }
    question.mandate.exploration = Bps(0);
    assert!(self::plan(&question).unwrap().explored.is_empty());
}

fn plan(question: &Question) -> Result<Plan, PlanError> {
    airdrops_allocation::plan::plan(question)
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let mut unknown = question();
    unknown.mandate.strategy = "martingale".to_owned();
    let text = plan(&unknown).unwrap_err().to_string();
    assert!(
        text.contains("martingale") && text.contains("airdrop-kelly"),
        "{text}"
    );
    let mut belief = question();
    belief.sites[1].opportunity.dispersion = f64::NAN;
    let text = plan(&belief).unwrap_err().to_string();
    assert!(
        text.contains("opportunity b") && text.contains("dispersion"),
        "{text}"
    );
    let mut broke = question();
    broke.equity = Usd::ZERO;
    assert_eq!(plan(&broke), Err(PlanError::Equity(Usd::ZERO)));
}

#[test]
fn every_strategy_that_needs_no_more_than_scenarios_makes_a_plan() {
    for strategy in [
        "equal-weight",
        "inverse-volatility",
        "risk-parity",
        "min-variance",
        "mean-variance",
        "max-sharpe",
        "max-diversification",
        "min-cvar",
        "hrp",
        "kelly",
        "airdrop-kelly",
    ] {
        let mut question = question();
        question.mandate.strategy = strategy.to_owned();
        let plan = plan(&question).unwrap_or_else(|error| panic!("{strategy}: {error}"));
        assert!(broken(&question, &plan).is_empty(), "{strategy}");
        assert_eq!(plan.optimum.strategy, strategy);
        assert!(plan.notes.is_empty(), "{strategy}: {:?}", plan.notes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_plan_breaks_a_limit_or_the_reserve(
        drops in prop::collection::vec(0.02..0.9_f64, 4),
        values in prop::collection::vec(0..9_000_i64, 4),
        caps in prop::collection::vec(0..20_000_i64, 5),
        gas in 0..100_i64, reserve in 0..4_000_u32, min_position in 0..1_000_u32,
    ) {
        let mut question = question();
        for (index, site) in question.sites.iter_mut().enumerate() {
            site.opportunity.drop = Beta::from_mean(drops[index], 4.0).unwrap();
            site.value = Usd::dollars(values[index]);
            site.gas_in = Usd::dollars(gas);
            site.gas_out = Usd::dollars(gas);
        }
        for (bound, cap) in question.bounds.iter_mut().zip(&caps) {
            bound.max = Usd::dollars(*cap);
        }
        question.cash = Usd::dollars(50_000 - values.iter().sum::<i64>());
        question.mandate.scenarios = 300;
        question.mandate.reserve = Bps(reserve);
        question.mandate.min_position = Bps(min_position);
        let plan = plan(&question).unwrap();
        prop_assert!(broken(&question, &plan).is_empty(), "{:?}", plan.courses);
        // What is broken is cured.
        let sizes = sizes(&question, &plan);
        for bound in &question.bounds {
            let parts = bound.members.iter().zip(&sizes);
            let measured: i128 = parts.map(|(share, size)| i128::from(share.0) * size.0).sum();
            prop_assert!(measured <= bound.max.0 * 10_000, "{}", bound.name);
        }
        let cash = plan.orders.last().map_or(question.cash, |order| order.cash_after);
        let least = question.equity.fraction(question.mandate.reserve);
        prop_assert!(cash >= least.min(question.cash), "{} of {}", cash, least);
    }
}
