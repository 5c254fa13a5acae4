//! Range estimators against the published output of another implementation.

use airdrops_risk::volatility::ValidBar;
use airdrops_types::{Bar, Timestamp};

/// Unit-test output of R's TTR: annualised volatility over `n = 10` bars of `N = 260` a year,
/// `√(N/n Σ variance)`.
const ORACLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/estimator_oracles/ttr_ttrc_250_volatility_n10_N260.csv"
);

type Estimate = fn(&ValidBar) -> f64;

#[test]
fn range_estimators_are_those_of_ttr() {
    let Ok(text) = std::fs::read_to_string(ORACLE) else {
        eprintln!("SKIPPED: range_estimators_are_those_of_ttr: {ORACLE} is not here");
        return;
    };
    let mut bars: Vec<ValidBar> = Vec::new();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<Option<f64>> = line.split(',').map(|cell| cell.parse().ok()).collect();
        let price = |column: usize| cells[column].unwrap();
        let bar = Bar {
            start: Timestamp(0),
            open: price(0),
            high: price(1),
            low: price(2),
            close: price(3),
        };
        bars.push(ValidBar::try_from(bar).unwrap());
        let estimates: [(usize, Estimate); 3] = [
            (4, ValidBar::garman_klass),
            (5, ValidBar::parkinson),
            (6, ValidBar::rogers_satchell),
        ];
        for (column, estimate) in estimates {
            let Some(expected) = cells[column] else {
                continue;
            };
            let last = &bars[bars.len() - 10..];
            let ours = (26.0 * last.iter().map(estimate).sum::<f64>()).sqrt();
            assert!(
                (ours - expected).abs() < 1e-12,
                "bar {}, column {column}: {ours} is not {expected}",
                bars.len()
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 241);
}
