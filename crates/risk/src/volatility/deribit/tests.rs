use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_704_712_781_429);

fn row(name: &str) -> BookSummary {
    BookSummary {
        instrument_name: name.into(),
        bid: Some(0.01),
        ask: Some(0.02),
        mark: Some(0.015),
        underlying: Some(2000.0),
        created: Some(NOW),
    }
}

fn chain_of(rows: &[BookSummary]) -> Chain {
    chain(rows, NOW, 0.0).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn name_tells_expiry_strike_and_kind() {
    let option = Instrument::parse("ETH-26JAN24-2400-C");
    assert_eq!(
        option,
        Ok(Instrument {
            underlying: "ETH".into(),
            expiry: Timestamp(1_706_256_000_000),
            strike: 2400.0,
            kind: OptionKind::Call,
        })
    );
    let one_digit = Instrument::parse("XRP_USDC-4FEB22-0d55-P");
    assert_eq!(
        one_digit
            .as_ref()
            .map(|option| option.expiry.to_string())
            .as_deref(),
        Ok("2022-02-04T08:00:00Z")
    );
    assert_eq!(
        one_digit.map(|option| (option.strike, option.priced_in_coin(), option.kind)),
        Ok((0.55, false, OptionKind::Put))
    );
}

#[test]
fn other_names_are_told_apart_by_what_is_wrong() {
    for (name, error) in [
        ("ETH-PERPETUAL", NameError::NotAnOption),
        ("ETH-26JAN24", NameError::NotAnOption),
        ("ETH-CS-26JAN24-2400_2600", NameError::NotAnOption),
        ("", NameError::NotAnOption),
        ("-26JAN24-2400-C", NameError::NotAnOption),
        ("ETH-26JAN24-2400-X", NameError::Kind),
        ("ETH-31FEB24-2400-C", NameError::Day),
        ("ETH-26Jan24-2400-C", NameError::Day),
        ("ETH-026JAN24-2400-C", NameError::Day),
        ("ETH-+6JAN24-2400-C", NameError::Day),
        ("ETH-2éJAN2-2400-C", NameError::Day),
        ("ETH-26JAN24-0-C", NameError::Strike),
        ("ETH-26JAN24--5-C", NameError::NotAnOption),
        ("ETH-26JAN24-1e9-C", NameError::Strike),
        ("ETH-26JAN24-1d2d3-C", NameError::Strike),
        ("ETH-26JAN24-inf-C", NameError::Strike),
    ] {
        assert_eq!(Instrument::parse(name), Err(error), "{name}");
    }
}

#[test]
fn coin_prices_are_multiplied_and_other_prices_are_not() {
    let coin = in_strike_currency(
        &Instrument::parse("ETH-26JAN24-2400-C").unwrap_or_else(|e| panic!("{e}")),
        &row("ETH-26JAN24-2400-C"),
    );
    assert_eq!(coin.and_then(|quote| quote.bid), Some(20.0));
    let linear = in_strike_currency(
        &Instrument::parse("ETH_USDC-26JAN24-2400-C").unwrap_or_else(|e| panic!("{e}")),
        &row("ETH_USDC-26JAN24-2400-C"),
    );
    assert_eq!(linear.and_then(|quote| quote.bid), Some(0.01));
}

#[test]
fn rows_that_do_not_count_are_counted() {
    let name = "ETH-26JAN24-2400-C";
    let rows = [
        row(name),
        row("ETH-PERPETUAL"),
        row("ETH-5JAN24-2400-C"),
        BookSummary {
            underlying: None,
            ..row("ETH-26JAN24-2500-C")
        },
        BookSummary {
            created: Some(Timestamp(NOW.0 - MAX_AGE_MS - 1)),
            ..row("ETH-26JAN24-2600-C")
        },
        BookSummary {
            created: Some(Timestamp(NOW.0 + MAX_AGE_MS + 1)),
            ..row("ETH-26JAN24-2700-C")
        },
        BookSummary {
            created: Some(Timestamp(NOW.0 - MAX_AGE_MS)),
            ..row("ETH-26JAN24-2800-C")
        },
        BookSummary {
            ask: Some(0.005),
            ..row("ETH-26JAN24-2900-C")
        },
    ];
    let chain = chain_of(&rows);
    assert_eq!((chain.not_options, chain.expired), (1, 1));
    let expected = Dropped {
        stale: 2,
        unpriced: 1,
        crossed: 1,
        ..Dropped::default()
    };
    assert_eq!(chain.dropped, expected);
    assert_eq!(chain.expiries.len(), 1);
    assert_eq!(chain.expiries[0].rows().len(), 2);
    assert_eq!(chain.underlying.as_deref(), Some("ETH"));
}

#[test]
fn time_to_expiry_counts_milliseconds() {
    let chain = chain_of(&[row("ETH-26JAN24-2400-C")]);
    let minutes = chain.expiries[0].minutes();
    assert!((minutes - (1_706_256_000_000.0 - 1_704_712_781_429.0) / 60_000.0).abs() < 1e-9);
}

#[test]
fn option_that_expires_at_the_instant_has_expired() {
    let expiry = Timestamp(1_706_256_000_000);
    let rows = [BookSummary {
        created: None,
        ..row("ETH-26JAN24-2400-C")
    }];
    let expired = chain(&rows, expiry, 0.0).map(|chain| (chain.expired, chain.expiries.len()));
    assert_eq!(expired, Ok((1, 0)));
}

#[test]
fn rows_of_two_underlyings_are_refused() {
    let rows = [row("ETH-26JAN24-2400-C"), row("BTC-26JAN24-42000-C")];
    assert_eq!(
        chain(&rows, NOW, 0.0),
        Err(ChainError::SeveralUnderlyings("ETH".into(), "BTC".into()))
    );
}

proptest! {
    #[test]
    fn any_name_is_read_or_refused(name in "\\PC{0,30}", shaped in "[A-Z_]{0,4}-[0-9]{0,3}[A-Z]{3}[0-9]{2}-[0-9d]{0,8}-[CPX]") {
        let _ = Instrument::parse(&name);
        if let Ok(option) = Instrument::parse(&shaped) {
            prop_assert!(option.strike > 0.0 && option.strike.is_finite());
        }
    }

    #[test]
    fn any_rows_make_a_chain(
        prices in proptest::collection::vec((any::<Option<f64>>(), any::<Option<f64>>(), any::<Option<f64>>(), any::<i64>()), 0..40),
        now in any::<i64>(),
    ) {
        let rows: Vec<BookSummary> = prices
            .into_iter()
            .zip(1_u32..)
            .map(|((bid, ask, underlying, created), strike)| BookSummary {
                instrument_name: format!("ETH-26JAN24-{strike}-P"),
                bid,
                ask,
                mark: None,
                underlying,
                created: (created % 2 == 0).then_some(Timestamp(created)),
            })
            .collect();
        let chain = chain(&rows, Timestamp(now), 0.0).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let kept: usize = chain.expiries.iter().map(|expiry| expiry.rows().len()).sum();
        prop_assert!(kept + chain.dropped.total() + chain.expired >= rows.len());
    }
}
