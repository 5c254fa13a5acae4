#![allow(clippy::unwrap_used)]

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;

const CBOE: &str = "term,strike,call_bid,call_ask,put_bid,put_ask
near,100,1.5,1.6,2,2.1
next,100,2.5,2.6,3,3.1
";

const DERIBIT: &str =
    ",creation_timestamp,underlying_price,mark_price,ask_price,bid_price,instrument_name
0,1704712781414,2241.65,0.000853,0.001,0.0004,ETH-26JAN24-1200-P
1,1704712781414,2226.35,0.149997,,,ETH-12JAN24-2550-P
";

const JSON: &str = r#"[
  {"instrument_name": "ETH-26JAN24-1200-P", "bid_price": 0.0004, "ask_price": 0.001,
   "mark_price": 0.000853, "underlying_price": 2241.65, "creation_timestamp": 1704712781414},
  {"instrument_name": "ETH-12JAN24-2550-P", "bid_price": null, "ask_price": null,
   "mark_price": 0.149997, "underlying_price": 2226.35, "creation_timestamp": 1704712781414}
]"#;

fn wrong(text: &str) -> String {
    let wrong = parse(text).unwrap_err();
    format!("{}: {}", wrong.line.unwrap_or(0), wrong.what)
}

#[test]
fn content_tells_the_layout() {
    assert!(
        matches!(parse(CBOE), Ok(OptionFile::Cboe { near, next }) if near.len() == 2 && next.len() == 2)
    );
    let OptionFile::Deribit(rows) = parse(DERIBIT).unwrap() else {
        panic!("not Deribit's")
    };
    assert_eq!(rows[0].bid, Some(0.0004));
    assert_eq!(rows[1].bid, None);
    assert_eq!(rows[1].created, Some(Timestamp(1_704_712_781_414)));
    let reply = format!(r#"{{"jsonrpc": "2.0", "result": {JSON}, "usIn": 1}}"#);
    for text in [JSON.to_owned(), reply, format!("\n  {JSON}")] {
        assert_eq!(parse(&text).unwrap(), OptionFile::Deribit(rows.clone()));
    }
}

#[test]
fn line_ends_spaces_blank_lines_and_extra_columns_do_not_matter() {
    let plain = parse(CBOE).unwrap();
    let dos = CBOE.replace('\n', "\r\n");
    let spaced = CBOE.replace(',', " , ");
    let blank = CBOE.replace("\nnext", "\n\nnext");
    let extra = CBOE.replace("\n", ",x\n");
    for text in [dos, spaced, blank, extra] {
        assert_eq!(parse(&text).unwrap(), plain, "{text}");
    }
}

#[test]
fn bad_row_is_named_by_line_and_column_with_the_remedy() {
    for (from, to, expected) in [
        (
            "next,100,2.5",
            "next,100,x",
            "3: column call_bid: `x` is no price: write a number",
        ),
        (
            "next,100",
            "far,100",
            "3: column term: `far` is no term: write near or next",
        ),
        ("next,100", "next,0", "3: column strike: `0` is no strike"),
        (
            "next,100",
            "next,NaN",
            "3: column strike: `NaN` is no strike",
        ),
        ("2,2.1", ",2.1", "2: column put_bid: `` is no price"),
        ("2,2.1", "2,inf", "2: column put_ask: `inf` is no price"),
        ("2,2.1", "-2,2.1", "2: column put_bid: `-2` is no price"),
        ("2,2.1", "2", "2: 5 fields where the header has 6"),
        ("2,2.1", "2,1,2,1", "2: 8 fields where the header has 6"),
        ("put_ask", "put", "1: the column put_ask is missing"),
        ("put_ask", "put_bid", "1: the column put_bid is there twice"),
        ("next", "near", "0: has no row with the term next"),
    ] {
        let found = wrong(&CBOE.replacen(from, to, 1));
        assert!(found.starts_with(expected), "{found}");
    }
    for (from, to, expected) in [
        ("0.0004", "much", "2: column bid_price: `much` is no price"),
        (
            "ETH-12JAN24",
            "ETH-12JUM24",
            "3: column instrument_name: `ETH-12JUM24-2550-P`: its expiry",
        ),
        (
            "1704712781414",
            "today",
            "2: column creation_timestamp: `today` is no instant",
        ),
        ("mark_price", "mark", "1: the column mark_price is missing"),
    ] {
        let found = wrong(&DERIBIT.replacen(from, to, 1));
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn wrong_json_is_named_by_line_or_row() {
    for (from, to, expected) in [
        (
            "0.0004",
            "\"0.0004\"",
            "2: not Deribit's book summary: invalid type: string",
        ),
        (
            "\"ETH-26JAN24-1200-P\"",
            "null",
            "2: not Deribit's book summary: invalid type: null",
        ),
        (
            "2550-P",
            "2550-Q",
            "0: row 2: instrument_name: `ETH-12JAN24-2550-Q`: its last part",
        ),
    ] {
        let found = wrong(&JSON.replacen(from, to, 1));
        assert!(found.starts_with(expected), "{found}");
    }
    for (text, expected) in [
        ("", "0: is empty"),
        (" \n ", "0: is empty"),
        ("[]", "0: has no rows"),
        ("{}", "0: has no `result`"),
        ("[1]", "1: not Deribit's book summary: invalid type"),
        (&JSON[..100], "3: not Deribit's book summary: EOF"),
        (
            r#"{"error": {"code": 10028, "message": "too_many_requests"}}"#,
            "0: is an error reply of Deribit (10028: too_many_requests): ask again",
        ),
        (
            "a,b\n1,2\n",
            "1: is no header of option quotes: the Cboe layout has the columns term,",
        ),
        (
            "term,strike,call_bid,call_ask,put_bid,put_ask\n",
            "0: has no rows",
        ),
    ] {
        let found = wrong(text);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn damaged_text_is_read_or_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let bytes = b",.\n\"-x0[]{}\r ";
    let mut refused = 0;
    for round in 0..6000 {
        let mut text = [CBOE, DERIBIT, JSON][round % 3].as_bytes().to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..text.len());
            match rng.random_range(0..3) {
                0 => text[at] = bytes[rng.random_range(0..bytes.len())],
                1 => text.truncate(at.max(1)),
                _ => text.insert(at, bytes[rng.random_range(0..bytes.len())]),
            }
        }
        if let Err(wrong) = parse(std::str::from_utf8(&text).unwrap()) {
            assert!(!wrong.what.is_empty());
            refused += 1;
        }
    }
    assert!(refused > 2000, "{refused}");
}
