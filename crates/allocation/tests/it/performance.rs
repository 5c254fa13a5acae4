//! Measures against figures worked out by hand or published.

use airdrops_allocation::performance::contribution::{Linking, contributions, risk_shares};
use airdrops_allocation::performance::cost::{self, CostSums, Employed};
use airdrops_allocation::performance::drawdown;
use airdrops_allocation::performance::money_weighted;
use airdrops_allocation::performance::returns::{self, IndexPoint, Valuation};
use airdrops_allocation::performance::sharpe;
use airdrops_allocation::performance::shortfall;
use airdrops_allocation::performance::{Account, Conventions, Measures, Undefined};
use airdrops_types::{EquityPoint, Timestamp, Usd};
use proptest::prelude::*;

const DAY: i64 = 86_400_000;

fn worth(day: i64, value: i64, flow: i64) -> Valuation {
    Valuation {
        at: Timestamp(day * DAY),
        value: Usd::dollars(value),
        flow: Usd::dollars(flow),
    }
}

fn index(values: &[f64]) -> Vec<IndexPoint> {
    let at = |day: usize| Timestamp(i64::try_from(day).unwrap() * DAY);
    values
        .iter()
        .enumerate()
        .map(|(day, value)| IndexPoint {
            at: at(day),
            value: *value,
        })
        .collect()
}

fn close(measured: f64, expected: f64, tolerance: f64) {
    assert!(
        (measured - expected).abs() <= tolerance,
        "{measured} is not {expected}"
    );
}

#[test]
fn a_deposit_changes_no_time_weighted_return() {
    // 100 → 110 (+10 %), then 90 come in, 200 → 220 (+10 %): 21 %.
    let index = returns::index(&[worth(0, 100, 0), worth(1, 200, 90), worth(2, 220, 0)]).unwrap();
    close(returns::total(&index).unwrap(), 0.21, 1e-12);
}

#[test]
fn an_account_that_starts_with_a_deposit_starts_with_its_return() {
    // Nothing; 100 come in and 99 arrive (entry costs); then 10 % more.
    let index = returns::index(&[worth(0, 0, 0), worth(1, 99, 100), worth(2, 109, 0)]).unwrap();
    close(returns::total(&index).unwrap(), 0.09, 1e-12);
}

#[test]
fn an_emptied_account_keeps_its_return() {
    let course = [
        worth(0, 100, 0),
        worth(1, 0, -120),
        worth(2, 0, 0),
        worth(3, 50, 50),
        worth(4, 55, 0),
    ];
    close(
        returns::total(&returns::index(&course).unwrap()).unwrap(),
        0.32,
        1e-12,
    );
}

#[test]
fn an_account_that_never_held_anything_has_no_return() {
    let course = [worth(0, 0, 0), worth(1, 0, 0)];
    assert_eq!(returns::index(&course), Err(Undefined::NoCapital));
}

#[test]
fn flows_of_equity_points_are_differences_of_their_sums() {
    let point = |at, equity, flows| EquityPoint {
        at: Timestamp(at),
        equity: Usd::dollars(equity),
        net_flows: Usd::dollars(flows),
        gas: Usd::ZERO,
    };
    let flows: Vec<Usd> =
        Valuation::from_points(&[point(0, 10, 7), point(1, 12, 9), point(2, 8, 4)])
            .iter()
            .map(|valuation| valuation.flow)
            .collect();
    assert_eq!(flows, [Usd::ZERO, Usd::dollars(2), Usd::dollars(-5)]);
}

#[test]
fn more_lost_than_there_was_has_no_return() {
    let course = [worth(0, 100, 0), worth(1, 10, 50)];
    assert_eq!(returns::index(&course), Err(Undefined::Overdrawn));
}

#[test]
fn periods_carry_the_last_level_and_leave_the_rest_out() {
    let mut points = index(&[1.0, 1.1, 1.21]);
    points[2].at = Timestamp(2 * DAY + DAY / 2);
    // Day 1: 1.1; day 2: still 1.1, since 1.21 came half a day later.
    let returns = returns::periods(&points, DAY).unwrap();
    assert_eq!(returns.len(), 2);
    close(returns[0], 0.1, 1e-12);
    close(returns[1], 0.0, 1e-12);
    assert!(matches!(
        returns::periods(&points, 0),
        Err(Undefined::Parameter(_))
    ));
}

#[test]
fn xirr_of_one_year_is_the_plain_return() {
    let rate = money_weighted::rate(&[
        (Timestamp(0), Usd::dollars(-100)),
        (Timestamp(365 * DAY), Usd::dollars(110)),
    ])
    .unwrap();
    close(rate.total, 0.1, 1e-12);
    close(rate.annual.unwrap(), 0.1, 1e-12);
}

/// The worked example in the documentation of the spreadsheet function XIRR.
#[test]
fn xirr_is_that_of_the_spreadsheets_example() {
    // Days since 1 Jan 2008: 1 Mar 60, 30 Oct 303, 15 Feb 2009 411, 1 Apr 2009 456.
    let flows: Vec<(Timestamp, Usd)> = [
        (0, -10_000),
        (60, 2_750),
        (303, 4_250),
        (411, 3_250),
        (456, 2_750),
    ]
    .map(|(day, amount)| (Timestamp(day * DAY), Usd::dollars(amount)))
    .to_vec();
    close(
        money_weighted::rate(&flows).unwrap().annual.unwrap(),
        0.373_362_535,
        1e-8,
    );
}

#[test]
fn flows_without_a_rate_say_why() {
    let flow = |day: i64, amount: i64| (Timestamp(day * DAY), Usd::dollars(amount));
    let rate = |flows: &[(Timestamp, Usd)]| money_weighted::rate(flows).unwrap_err();
    assert_eq!(rate(&[]), Undefined::NoRate);
    assert_eq!(rate(&[flow(0, -5), flow(9, 0)]), Undefined::NoRate);
    assert_eq!(rate(&[flow(0, -5), flow(0, 6)]), Undefined::NoTime);
    // −100 + 230/(1+r) − 132/(1+r)² has the roots 10 % and 20 %.
    assert_eq!(
        rate(&[flow(0, -100), flow(365, 230), flow(730, -132)]),
        Undefined::SeveralRates(2)
    );
    // −1 + 1/(1+r) − 1/(1+r)² has none.
    assert_eq!(
        rate(&[flow(0, -1), flow(365, 1), flow(730, -1)]),
        Undefined::NoRate
    );
}

#[test]
fn a_gain_within_a_minute_has_a_return_but_none_per_year() {
    let rate = money_weighted::rate(&[
        (Timestamp(0), Usd::dollars(-100)),
        (Timestamp(60_000), Usd::dollars(150)),
    ])
    .unwrap();
    close(rate.total, 0.5, 1e-12);
    assert_eq!(rate.annual, Err(Undefined::NotFinite));
}

#[test]
fn sharpe_and_its_moments_are_those_worked_out_by_hand() {
    // Mean 0.01, deviations ±0.01 and ±0.03, the sum of their squares 0.002.
    let returns = [0.02, 0.0, 0.04, -0.02];
    let sharpe = sharpe::sharpe(&returns, 0.0, 4.0).unwrap();
    close(sharpe.sample.mean, 0.01, 1e-15);
    close(sharpe.sample.deviation, (0.002_f64 / 3.0).sqrt(), 1e-15);
    close(sharpe.sample.skewness, 0.0, 1e-12);
    // m4 = (2·1e-8 + 2·81e-8)/4 = 41e-8; m2² = (5e-4)² = 25e-8.
    close(sharpe.sample.kurtosis, 1.64, 1e-12);
    let ratio = 0.01 / (0.002_f64 / 3.0).sqrt();
    close(sharpe.ratio, ratio, 1e-12);
    close(sharpe.annual, 2.0 * ratio, 1e-12);
    close(
        sharpe.error,
        ((1.0 + 0.16 * ratio * ratio) / 3.0).sqrt(),
        1e-12,
    );
}

#[test]
fn returns_that_do_not_vary_have_no_ratio() {
    assert_eq!(
        sharpe::sharpe(&[0.1; 50], 0.0, 1.0),
        Err(Undefined::NoVariation)
    );
    assert_eq!(
        sharpe::sharpe(&[0.1], 0.0, 1.0),
        Err(Undefined::TooFew { needed: 2, have: 1 })
    );
    assert_eq!(
        sharpe::sharpe(&[0.1, f64::NAN], 0.0, 1.0),
        Err(Undefined::NotFinite)
    );
}

/// Bailey & López de Prado (2014), numerical example: 2.5 per year over 1250 days of 250 a year,
/// variance of trials 1/2 per year, skewness −3, kurtosis 10.
#[test]
fn the_deflated_sharpe_ratio_is_that_of_the_paper() {
    let (ratio, variance) = (2.5 / 250.0_f64.sqrt(), 0.5 / 250.0);
    let deflated = |trials| {
        let best = sharpe::expected_maximum(trials, variance).unwrap();
        (
            best,
            sharpe::probabilistic(ratio, best, 1250, -3.0, 10.0).unwrap(),
        )
    };
    close(deflated(100).0, 0.113_17, 5e-6);
    close(deflated(100).1, 0.900_40, 5e-6);
    close(deflated(88).1, 0.9102, 5e-5);
    close(deflated(46).1, 0.9505, 5e-5);
}

#[test]
fn one_trial_deflates_nothing() {
    let returns: Vec<f64> = (0..40)
        .map(|day| 0.01 * f64::from(day % 3) - 0.005)
        .collect();
    let ratio = sharpe::sharpe(&returns, 0.0, 365.0).unwrap();
    let sample = ratio.sample;
    assert_eq!(
        sharpe::deflated(&ratio, 1, 0.3),
        sharpe::probabilistic(
            ratio.ratio,
            0.0,
            sample.count,
            sample.skewness,
            sample.kurtosis
        )
    );
    assert!(sharpe::deflated(&ratio, 0, 0.3).is_err());
    assert!(sharpe::deflated(&ratio, 5, -0.3).is_err());
}

#[test]
fn sortino_counts_only_what_falls_short() {
    // Mean 0.01, shortfall of −0.02 over four periods: √(0.0004/4) = 0.01.
    close(
        sharpe::sortino(&[0.02, 0.0, 0.04, -0.02], 0.0, 1.0).unwrap(),
        1.0,
        1e-12,
    );
    assert_eq!(
        sharpe::sortino(&[0.1, 0.2], 0.0, 1.0),
        Err(Undefined::NoLoss)
    );
}

#[test]
fn the_deepest_fall_has_its_dates() {
    let course = index(&[1.0, 1.2, 0.9, 1.1, 1.2, 1.0, 1.3]);
    let deepest = drawdown::deepest(&course).unwrap();
    close(deepest.depth, 0.25, 1e-12);
    assert_eq!(deepest.peak, Timestamp(DAY));
    assert_eq!(deepest.trough, Timestamp(2 * DAY));
    assert_eq!(deepest.recovered, Some(Timestamp(4 * DAY)));
    let open = drawdown::deepest(&index(&[1.0, 0.5, 0.7])).unwrap();
    assert_eq!(open.recovered, None);
}

#[test]
fn ulcer_and_conditional_drawdown_are_means_of_depths() {
    // Depths 0, 0.2, 0.1, 0.
    let course = index(&[1.0, 0.8, 0.9, 1.0]);
    close(
        drawdown::ulcer(&course).unwrap(),
        (0.05_f64 / 4.0).sqrt(),
        1e-12,
    );
    close(drawdown::cdar(&course, 0.5).unwrap(), 0.15, 1e-12);
    close(drawdown::cdar(&course, 0.0).unwrap(), 0.075, 1e-12);
}

#[test]
fn the_tail_counts_the_edge_by_its_share() {
    // The worst 1.5 of 5: (10 + ½·4)/1.5 = 8.
    let returns = [-0.10, 0.05, -0.04, 0.01, 0.02];
    close(shortfall::cvar(&returns, 0.7).unwrap(), 0.08, 1e-12);
    assert!(shortfall::cvar(&returns, 1.0).is_err());
    assert!(shortfall::cvar(&[], 0.5).is_err());
}

#[test]
fn growth_is_the_mean_logarithm_and_a_total_loss_has_none() {
    close(returns::log_growth(&[1.0, -0.5]).unwrap(), 0.0, 1e-15);
    assert_eq!(returns::log_growth(&[0.5, -1.0]), Err(Undefined::Ruin));
}

#[test]
fn utilisation_is_weighted_by_time() {
    let at = |hour: i64, deployed: i64| Employed {
        at: Timestamp(hour * 3_600_000),
        available: Usd::dollars(100),
        deployed: Usd::dollars(deployed),
    };
    // One hour at 80 %, three at nothing: 20 %.
    close(
        cost::utilisation(&[at(0, 80), at(1, 0), at(4, 50)]).unwrap(),
        0.2,
        1e-12,
    );
    assert!(cost::utilisation(&[at(0, 80)]).is_err());
}

#[test]
fn costs_are_stated_against_the_mean_capital() {
    let course = [
        worth(0, 1_000, 0),
        worth(1, 3_000, 2_000),
        worth(2, 3_000, 0),
    ];
    close(cost::average_capital(&course).unwrap(), 2_000.0, 1e-9);
    let costs = CostSums {
        gas: Usd::dollars(2),
        failed: Usd::dollars(1),
        slippage: Usd::dollars(-1),
    };
    let drag = cost::drag(&costs, 2_000.0).unwrap();
    close(drag.gas, 10.0, 1e-12);
    close(drag.failed, 5.0, 1e-12);
    close(drag.total, 10.0, 1e-12);
    assert_eq!(cost::drag(&costs, 0.0), Err(Undefined::NoCapital));
}

#[test]
fn measures_of_an_account_agree_with_each_other() {
    let course: Vec<Valuation> = (0..=40)
        .map(|day| worth(day, 1_000 + 7 * day - 30 * (day % 5), 0))
        .collect();
    let measures = Measures::of(
        &Account {
            valuations: &course,
            employed: &[],
            costs: CostSums::default(),
        },
        &Conventions::default(),
    );
    assert_eq!(measures.profit, measures.end - measures.start);
    assert_eq!(measures.periods, 40);
    // Without flows both returns are the same.
    close(
        measures.money_weighted.unwrap().total,
        measures.time_weighted.unwrap(),
        1e-9,
    );
    let span = 40.0 / 365.0;
    close(
        (measures.log_growth.unwrap() * span).exp_m1(),
        measures.time_weighted.unwrap(),
        1e-9,
    );
    assert!(measures.utilisation.is_err());
}

#[test]
fn an_empty_account_has_reasons_and_no_figures() {
    let measures = Measures::of(
        &Account {
            valuations: &[],
            employed: &[],
            costs: CostSums::default(),
        },
        &Conventions::default(),
    );
    assert!(measures.time_weighted.is_err() && measures.sharpe.is_err());
    assert!(measures.drag.is_err() && measures.drawdown.is_err());
    assert_eq!(measures.profit, Usd::ZERO);
}

fn periods_of_parts() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (1_usize..5, 2_usize..30).prop_flat_map(|(parts, periods)| {
        prop::collection::vec(prop::collection::vec(-0.15_f64..0.2, periods), parts)
    })
}

proptest! {
    #[test]
    fn contributions_sum_to_the_whole_return(parts in periods_of_parts()) {
        let periods = parts[0].len();
        let returns: Vec<f64> = (0..periods)
            .map(|period| parts.iter().map(|part| part[period]).sum())
            .collect();
        prop_assume!(returns.iter().all(|value| *value > -0.95));
        let whole: f64 = returns.iter().map(|value| 1.0 + value).product::<f64>() - 1.0;
        let linked: f64 = contributions(&parts, Linking::Carino).unwrap().iter().sum();
        prop_assert!((linked - whole).abs() < 1e-9 * (1.0 + whole.abs()), "{linked} {whole}");
        let added: f64 = contributions(&parts, Linking::Arithmetic).unwrap().iter().sum();
        prop_assert!((added - returns.iter().sum::<f64>()).abs() < 1e-12);
    }

    #[test]
    fn shares_of_risk_sum_to_one(parts in periods_of_parts()) {
        if let Ok(shares) = risk_shares(&parts) {
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn nothing_that_is_not_finite_leaves(values in prop::collection::vec((0_i64..2_000_000, -500_i64..500), 0..30)) {
        let course: Vec<Valuation> = values.iter().enumerate()
            .map(|(day, (value, flow))| worth(i64::try_from(day).unwrap(), *value, *flow))
            .collect();
        let account = Account { valuations: &course, employed: &[], costs: CostSums { gas: Usd::dollars(3), ..CostSums::default() } };
        let measures = Measures::of(&account, &Conventions::default());
        let figures = [
            measures.time_weighted, measures.time_weighted_annual, measures.volatility,
            measures.probabilistic, measures.sortino, measures.ulcer, measures.cdar, measures.cvar,
            measures.log_growth, measures.utilisation,
            measures.sharpe.map(|sharpe| sharpe.annual_error),
            measures.money_weighted.map(|rate| rate.total),
            measures.drag.map(|drag| drag.total),
        ];
        for figure in figures.into_iter().flatten() {
            prop_assert!(figure.is_finite());
        }
    }
}
