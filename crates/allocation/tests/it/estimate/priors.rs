//! Priors from drops of the past.

use airdrops_allocation::estimate::history::{BUILT_IN, History, HistoryError};
use airdrops_allocation::estimate::{Priors, Share, World};

#[test]
fn the_built_in_history_gives_the_figures_that_were_published_with_it() {
    let history = History::parse(BUILT_IN).unwrap();
    assert_eq!(history.drops.len(), 23);
    let priors = Priors::built_in().unwrap();
    // "n = 19, median $988, ln mu 6.91, sigma 1.49"
    assert_eq!(priors.wallet_value.n, 19);
    assert!((priors.wallet_value.median - 988.0).abs() < 1.0);
    assert!((priors.wallet_value.log_mean - 6.91).abs() < 0.005);
    assert!((priors.wallet_value.log_deviation - 1.49).abs() < 0.005);
    // "FDV at claim n = 14: median $4.8 bn, sigma .84": the median of the fit.
    assert_eq!(priors.fdv.n, 14);
    assert!((priors.fdv.log_mean.exp() / 4.8e9 - 1.0).abs() < 0.01);
    assert!((priors.fdv.median / 4.377e9 - 1.0).abs() < 0.001);
    assert!((priors.fdv.log_deviation - 0.84).abs() < 0.005);
    // "realised / pre-market price 1.08, .69, .49, .86, .79 (median .79)"
    let ratios = history.realised_by_premarket();
    for (ratio, published) in ratios.iter().zip([1.08, 0.69, 0.49, 0.86, 0.79]) {
        assert!((ratio - published).abs() < 0.006, "{ratio}");
    }
    assert_eq!(priors.realised_by_premarket.n, 5);
    assert!((priors.realised_by_premarket.median - 0.79).abs() < 0.005);
    // "eligibility rate 11-28 % of addresses"
    assert_eq!((priors.eligible.low, priors.eligible.high), (0.11, 0.28));
    assert!((0.15..0.25).contains(&priors.eligible.naive.mean()));
    assert_eq!(priors.share, Share::HISTORICAL);
    // "2024 only: median $751"
    let recent = History {
        drops: history
            .drops
            .into_iter()
            .filter(|drop| drop.claim_date.starts_with("2024"))
            .collect(),
    };
    let mut values = recent.wallet_values();
    values.sort_by(f64::total_cmp);
    let middle = 0.5 * (values[(values.len() - 1) / 2] + values[values.len() / 2]);
    assert!((middle - 751.0).abs() < 1.0, "{middle}");
}

#[test]
fn beliefs_from_a_fit_are_usable_and_as_wide() {
    let priors = Priors::built_in().unwrap();
    let belief = priors.fdv.belief();
    belief.check().unwrap();
    // The predictive variance of a t with 13 degrees of freedom: 13 / 11.
    let expected = 0.84 * 0.84 * 13.0 / 11.0 * (1.0 + 1.0 / 14.0);
    assert!((belief.predictive_variance() / expected - 1.0).abs() < 0.01);
    assert!(belief.mean_amount(World::default().fdv_ceiling) > 4.8e9);
    priors.wallet_value.belief().check().unwrap();
    assert_eq!(priors.pool(10.0, 0.0).allocation(10.0), 0.5);
    assert_eq!(priors.wallet(4.0).allocation(10.0), 2.5);
}

const HEADER: &str =
    "token,tokens_airdropped,share_of_supply,mean_tokens,price_claim_low_usd,premarket_price_usd";

fn refused(rows: &str) -> String {
    History::parse(&format!("{HEADER}\n{rows}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_wrong_field_is_named_by_line_and_column() {
    let text = refused("UNI,1,0.1,10,3,\nOP,1,1.5,10,3,\n");
    assert!(
        text.starts_with("line 3, column share_of_supply: `1.5`"),
        "{text}"
    );
    let text = refused("UNI,1,0.1,many,3,\n");
    assert!(
        text.starts_with("line 2, column mean_tokens: `many`"),
        "{text}"
    );
    for number in ["NaN", "inf", "-3", "0", "1e300"] {
        let text = refused(&format!("UNI,1,0.1,10,{number},\n"));
        assert!(
            text.starts_with("line 2, column price_claim_low_usd"),
            "{text}"
        );
    }
    assert!(refused(",1,0.1,10,3,\n").starts_with("line 2, column token: is empty"));
    assert!(refused("UNI,1,0.1\n").starts_with("line 2: "));
    let error = History::parse("token,price\n").unwrap_err().to_string();
    assert!(
        error.starts_with("line 1: there is no column `tokens_airdropped`"),
        "{error}"
    );
    let ranges = format!("{HEADER},eligible_share_low,eligible_share_high\nA,,,,,,0.3,0.2\n");
    let error = History::parse(&ranges).unwrap_err().to_string();
    assert!(
        error.starts_with("line 2, column eligible_share_high: 0.2 is below"),
        "{error}"
    );
}

#[test]
fn a_history_that_is_too_short_says_what_to_fill_in() {
    let history = History::parse(&format!("{HEADER}\nUNI,1,0.1,10,3,\n")).unwrap();
    let error = Priors::fit(&history).unwrap_err();
    assert!(
        matches!(&error, HistoryError::Whole(what) if what.contains("mean_tokens")),
        "{error}"
    );
    let same = format!("{HEADER}\n{}", "UNI,1,0.1,10,3,4\n".repeat(5));
    let error = Priors::fit(&History::parse(&same).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("the same value per wallet"), "{error}");
}
