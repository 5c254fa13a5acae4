#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::tests::{fresh, stale, usd};
use super::*;

/// Around one dollar with a bound of 1 %, so that agreement and dispute are both common.
fn quote(operators: usize) -> impl Strategy<Value = Quote> {
    let micros = prop_oneof![
        6 => 985_000u128..1_015_000,
        1 => 1u128..5_000_000,
    ];
    (0..operators, 0..3u8, micros, 0..100i64, 0..4u8).prop_map(
        |(operator, feed, micros, at, kind)| {
            let source = format!("operator{operator}:{feed}");
            match kind {
                0 => stale(&source, micros, at),
                _ => fresh(&source, micros, at),
            }
        },
    )
}

fn quotes(operators: usize, most: usize) -> impl Strategy<Value = Vec<Quote>> {
    prop::collection::vec(quote(operators), 0..=most)
}

/// One fresh quote of each of several operators.
fn voices_of(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Quote>> {
    let micros = prop_oneof![6 => 985_000u128..1_015_000, 1 => 1u128..5_000_000];
    prop::collection::vec((micros, 0..100i64), count).prop_map(|said| {
        said.into_iter()
            .enumerate()
            .map(|(index, (micros, at))| fresh(&format!("s{index}"), micros, at))
            .collect()
    })
}

fn decayed(quotes: &[Quote], index: usize) -> Vec<Quote> {
    let mut quotes = quotes.to_vec();
    if let Reading::Fresh { value, at } = quotes[index].price {
        let reason = "old".to_owned();
        quotes[index].price = Reading::Stale { value, at, reason };
    }
    quotes
}

fn price_of(quote: &Quote) -> Price {
    *quote.price.last_known().unwrap()
}

const RULE: ConsensusRule = ConsensusRule {
    min_sources: 2,
    max_deviation: Bps(100),
};

proptest! {
    #[test]
    fn the_order_of_sources_does_not_matter(
        (quotes, shuffled) in quotes(5, 8).prop_flat_map(|quotes| {
            (Just(quotes.clone()), Just(quotes).prop_shuffle())
        })
    ) {
        prop_assert_eq!(consensus_report(&quotes, &RULE), consensus_report(&shuffled, &RULE));
    }

    #[test]
    fn a_stale_quote_changes_nothing_where_anything_is_fresh(
        quotes in quotes(5, 8), micros in 1u128..5_000_000, operator in 0..6usize
    ) {
        prop_assume!(quotes.iter().any(|quote| quote.price.fresh().is_some()));
        let mut more = quotes.clone();
        more.push(stale(&format!("operator{operator}:x"), micros, -50));
        prop_assert_eq!(consensus(&quotes, &RULE), consensus(&more, &RULE));
    }

    #[test]
    fn a_stale_quote_never_makes_a_price_fresh(quotes in quotes(5, 8), micros in 1u128..5_000_000) {
        prop_assume!(consensus(&quotes, &RULE).fresh().is_none());
        let mut more = quotes.clone();
        more.push(stale("another", micros, 99));
        prop_assert!(consensus(&more, &RULE).fresh().is_none());
    }

    #[test]
    fn silence_never_makes_a_price_fresh_with_three_sources_or_fewer(
        quotes in voices_of(0..=3), index in 0..3usize
    ) {
        prop_assume!(index < quotes.len());
        prop_assume!(consensus(&quotes, &RULE).fresh().is_none());
        prop_assert!(consensus(&decayed(&quotes, index), &RULE).fresh().is_none());
    }

    #[test]
    fn silence_ends_a_dispute_only_if_it_contradicted_the_majority_that_is_left(
        quotes in voices_of(2..=9), index in 0..9usize
    ) {
        prop_assume!(index < quotes.len());
        prop_assume!(consensus(&quotes, &RULE).fresh().is_none());
        let report = consensus_report(&decayed(&quotes, index), &RULE);
        if report.reading.fresh().is_some() {
            let gone = price_of(&quotes[index]);
            let mut rest = quotes.clone();
            rest.remove(index);
            let mut rest: Vec<Price> = rest.iter().map(price_of).collect();
            rest.sort();
            let needed = (rest.len() / 2 + 1).max(2);
            let agrees = |low: Price, high: Price| within(low, high, RULE.max_deviation);
            let welcome = rest.windows(needed).any(|window| {
                let (low, high) = (window[0], window[needed - 1]);
                agrees(low, high) && agrees(low.min(gone), high.max(gone))
            });
            prop_assert!(!welcome);
        }
    }

    #[test]
    fn one_liar_among_three_or_more_stays_without_effect_beyond_the_honest_range(
        honest in voices_of(2..=6), lie in 1u128..10_000_000, at in 0..100i64
    ) {
        let mut quotes = honest.clone();
        quotes.push(fresh("liar", lie, at));
        if let Some(price) = consensus(&quotes, &RULE).fresh() {
            let low = honest.iter().map(price_of).min().unwrap();
            let high = honest.iter().map(price_of).max().unwrap();
            prop_assert!(low <= *price && *price <= high, "{price:?} outside {low:?}..{high:?}");
        }
    }

    #[test]
    fn one_liar_cannot_stop_three_that_agree(
        base in 100_000u128..10_000_000, up in prop::collection::vec(0u128..=10, 3..=6),
        lie in 1u128..20_000_000
    ) {
        let mut quotes: Vec<Quote> = up
            .iter()
            .enumerate()
            .map(|(index, tenth)| fresh(&format!("s{index}"), base + base * tenth / 1000, 5))
            .collect();
        quotes.push(fresh("liar", lie, 5));
        prop_assert!(consensus(&quotes, &RULE).fresh().is_some());
    }

    #[test]
    fn a_price_is_never_fresher_than_what_it_rests_on(quotes in quotes(5, 8)) {
        let report = consensus_report(&quotes, &RULE);
        if let Reading::Fresh { at, .. } = report.reading {
            for quote in &quotes {
                let used = report.sources.iter().any(|found| {
                    found.source == quote.source
                        && quote.price.fresh().is_some_and(|price| {
                            found.standing == SourceStanding::Used { price: *price }
                        })
                });
                if let (true, Reading::Fresh { at: own, .. }) = (used, &quote.price) {
                    prop_assert!(at <= *own);
                }
            }
            let used = report.sources.iter()
                .filter(|s| matches!(s.standing, SourceStanding::Used { .. }))
                .map(|s| operator_of(&s.source))
                .collect::<std::collections::BTreeSet<_>>();
            prop_assert!(used.len() >= 2);
        }
    }

    #[test]
    fn a_tighter_rule_never_makes_a_price_fresh(
        quotes in quotes(6, 9), less in 0..100u32, more in 0..3usize
    ) {
        let tighter = ConsensusRule { min_sources: 2 + more, max_deviation: Bps(less) };
        if consensus(&quotes, &tighter).fresh().is_some() {
            prop_assert!(consensus(&quotes, &RULE).fresh().is_some());
        }
    }

    #[test]
    fn the_price_scales_with_the_unit(quotes in voices_of(2..=6)) {
        let doubled: Vec<Quote> = quotes.iter().map(|quote| Quote {
            source: quote.source.clone(),
            price: Reading::Fresh { value: Price(price_of(quote).0 * 2), at: Timestamp(0) },
        }).collect();
        let (one, two) = (consensus(&quotes, &RULE), consensus(&doubled, &RULE));
        prop_assert_eq!(one.fresh().is_some(), two.fresh().is_some());
        if let (Some(one), Some(two)) = (one.fresh(), two.fresh()) {
            prop_assert!(two.0.abs_diff(one.0 * 2) <= 1);
            prop_assert!(*one >= usd(0));
        }
    }
}
